"""The one error shape, and the JSON that the service writes.

::

    {"error": {"code": "...", "message": "...", "fields": [{"field": "...", "message": "..."}]},
     "request_id": "..."}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.texts import Catalogue

STATUS: Final[Mapping[str, int]] = {
    "not_json": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_lead": 422,
    "invalid_batch": 422,
    "too_many_requests": 429,
    "internal_error": 500,
    "no_champion": 503,
    "no_champion_pending": 503,
    "not_ready": 503,
    "timeout": 504,
}
"""HTTP status of every error code. Its message is ``serving.errors.<code>``, followed by
``.<reason>`` where a code has several."""

MAX_FIELDS_SHOWN: Final = 100
"""Most fields that one refusal names."""

MAX_NAME_SHOWN: Final = 200
"""Longest field name that a refusal quotes, in characters."""


@dataclass(eq=False)  # an exception cannot be frozen: Python writes its traceback into it
class Refusal(Exception):
    """A request that gets no answer, ready to be written in the reader's language.

    Parameters
    ----------
    code : str
        A key of :data:`STATUS`.
    reason : str
        Which of a code's several messages is meant; empty where there is one.
    fields : sequence of (str, str)
        Pairs of field name and message.
    params, headers : mapping
        Parameters of the message; further response headers, such as ``allow``.
    """

    code: str
    reason: str = ""
    fields: Sequence[tuple[str, str]] = ()
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUS[self.code]

    def error(self, lang: str) -> dict[str, Any]:
        """Return the value of ``error``: code, message and fields."""
        key = f"serving.errors.{self.code}" + (f".{self.reason}" if self.reason else "")
        params = {"n": len(self.fields), **(self.params or {})}
        message = Catalogue.load(lang).text(key, **params)
        fields = [
            {"field": _shortened(name), "message": text}
            for name, text in self.fields[:MAX_FIELDS_SHOWN]
        ]
        return {"code": self.code, "message": message, "fields": fields}

    def body(self, lang: str, request_id: str) -> dict[str, Any]:
        """Return the whole answer in the one error shape."""
        return {"error": self.error(lang), "request_id": request_id}


def from_status(status: int) -> Refusal:
    """Return the refusal that stands for an error of the layers below.

    >>> from_status(429).code, from_status(418).code
    ('too_many_requests', 'internal_error')
    """
    codes = {404: "not_found", 405: "method_not_allowed", 429: "too_many_requests"}
    codes |= {503: "not_ready", 504: "timeout"}
    return Refusal(codes.get(status, "internal_error"))


def dump(value: Any) -> bytes:
    """Write JSON (RFC 8259) in UTF-8.

    Raises
    ------
    ValueError
        If the value holds NaN or an infinite number.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair cannot be written as UTF-8, but can be escaped.
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME_SHOWN else name[: MAX_NAME_SHOWN - 1] + "…"
