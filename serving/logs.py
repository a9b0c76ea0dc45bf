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
        args = record.args if isinstance(record.args, tuple) else (record.args or {}).values()
        quoted = [arg for arg in args if isinstance(arg, BaseException)]
        if error is not None or quoted:
            # The message itself is left out too: it may have been built from the exception.
            kinds = ", ".join(kind_and_place(each) for each in (error, *quoted) if each is not None)
            record.msg, record.args = f"an error in {record.name}: %s", (kinds,)
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def configure(*, quiet: bool) -> None:
    """Set up logging of a worker process, before it serves; quiet: no line for every request."""
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S%z"))
    own = logging.getLogger("serving")
    own.handlers[:] = [handler]
    own.propagate = False
    own.setLevel(logging.WARNING if quiet else logging.INFO)
    loggers = map(logging.getLogger, logging.root.manager.loggerDict)
    handlers = [handler for each in (logging.root, *loggers) for handler in each.handlers]
    for guarded in filter(None, (*handlers, logging.lastResort)):
        if not any(isinstance(each, ExceptionMessageFilter) for each in guarded.filters):
            guarded.addFilter(ExceptionMessageFilter())
