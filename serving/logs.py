"""Logging of the service, without the values of a lead.

A lead's values, refused or not, query strings and unknown paths never reach a log. Our own
lines are made of known words only; this module also takes the messages of exceptions out of
what the libraries log, since such messages like to quote the value that was wrong.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Final

_LOGGER: Final = "serving"
"""Root of this package's loggers."""

_FORM: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_DATES: Final = "%Y-%m-%dT%H:%M:%S%z"


def kind_and_place(error: BaseException) -> str:
    """Return what kind of error happened and where, without its message.

    >>> kind_and_place(ValueError("4111 1111 1111 1111"))
    'ValueError'
    """
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[::-1])
    kind = type(error).__name__
    return f"{kind} at {places}" if places else kind


class ExceptionMessageFilter(logging.Filter):
    """Takes exceptions' messages out of log records; keeps their type and place."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record if it carries an exception; never drop it."""
        error = record.exc_info[1] if record.exc_info else None
        quoted = [arg for arg in _arguments(record) if isinstance(arg, BaseException)]
        if error is not None or quoted:
            # The message itself is left out too: it may have been built from the exception.
            kinds = ", ".join(kind_and_place(each) for each in (error, *quoted) if each is not None)
            record.msg, record.args = f"an error in {record.name}: %s", (kinds,)
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def configure(*, quiet: bool) -> None:
    """Set up logging of a worker process; called once, before it serves.

    Parameters
    ----------
    quiet : bool
        Whether to leave out the line that every request gets.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORM, _DATES))
    own = logging.getLogger(_LOGGER)
    own.handlers[:] = [handler]
    own.propagate = False
    own.setLevel(logging.WARNING if quiet else logging.INFO)
    filter_handlers()


def filter_handlers() -> None:
    """Add :class:`ExceptionMessageFilter` to every handler there is, once."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for each in (logging.root, *loggers):
        for handler in each.handlers:
            if not any(isinstance(one, ExceptionMessageFilter) for one in handler.filters):
                handler.addFilter(ExceptionMessageFilter())
    if logging.lastResort is not None and not logging.lastResort.filters:
        logging.lastResort.addFilter(ExceptionMessageFilter())


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    if isinstance(record.args, tuple):
        return record.args
    return tuple(record.args.values()) if record.args else ()
