"""Exceptions lose their messages before they are logged."""

from __future__ import annotations

import io
import logging

import pytest

from serving.logs import ExceptionMessageFilter, configure, kind_and_place


def logged(log: logging.Logger, say: str) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ExceptionMessageFilter())
    log.propagate = False
    log.handlers[:] = [handler]
    try:
        int("secret 4111")
    except ValueError as error:
        if say == "exception":
            log.exception("it failed with %s", error)
        elif say == "argument":
            log.error("it failed with %s", error)
        elif say == "mapping":
            log.error("it failed with %(error)s", {"error": error})
        else:
            log.warning("nothing wrong here: %d", 7)
    return stream.getvalue()


@pytest.mark.parametrize("say", ["exception", "argument", "mapping"])
def test_an_exceptions_message_is_not_logged_but_its_kind_and_place_are(say: str) -> None:
    text = logged(logging.getLogger("some.library"), say)
    assert text.startswith("an error in some.library: ValueError at test_logs.py:")
    assert "secret" not in text
    assert "Traceback" not in text


def test_other_lines_stay_as_they_are() -> None:
    assert logged(logging.getLogger("some.library"), "plain") == "nothing wrong here: 7\n"


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert kind_and_place(KeyError("secret")) == "KeyError"


def test_every_handler_of_a_worker_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    library = logging.getLogger("some.other.library")
    monkeypatch.setattr(library, "handlers", [logging.StreamHandler()])
    own = logging.getLogger("serving")
    monkeypatch.setattr(own, "handlers", [])
    level = own.level
    try:
        configure(quiet=True)
        assert own.level == logging.WARNING
        configure(quiet=False)
        assert own.level == logging.INFO
        assert len(own.handlers) == 1
        for handler in (*library.handlers, *own.handlers, logging.lastResort):
            assert handler is not None
            assert [type(each) for each in handler.filters] == [ExceptionMessageFilter]
    finally:
        own.setLevel(level)
