"""Request and reply of an endpoint, as BentoML reads and writes them.

BentoML calls ``from_http_request`` and ``to_http_response``. The gate has read and parsed the
body by then and put a :class:`ParsedRequest` into the ASGI scope, so that a body is parsed once,
by our rules, and BentoML never sees (and never logs) a value that was refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import bentoml
from starlette.requests import Request
from starlette.responses import Response

from serving.refusals import Refusal, dump

SCOPE_KEY: Final = "scoring_ml.request"
"""Where the gate puts the :class:`ParsedRequest` of a request."""

CODE_HEADER: Final = "x-scoring-code"
"""Header that tells the gate an answer's error code, or ``ok``; never sent. An error without it is
not yet in the one shape."""


class ParsedRequest(bentoml.IODescriptor):  # type: ignore[misc]  # BentoML is not typed here
    """One request: its parsed body, and the language of the answer.

    Parameters
    ----------
    received_at : datetime
        Moment of receipt, in UTC, without a zone; the lead is scored as of then.
    """

    content: Any
    lang: str
    request_id: str
    received_at: datetime

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> ParsedRequest:
        """Take what the gate left in the scope."""
        parsed: ParsedRequest = request.scope[SCOPE_KEY]
        return parsed


class Reply(bentoml.IODescriptor):  # type: ignore[misc]
    """One answer: an HTTP status, a JSON value, and an error's code."""

    status: int
    body: Any
    code: str = ""

    @classmethod
    def done(cls, body: Any) -> Reply:
        """Return an answer with status 200."""
        reply: Reply = cls.model_construct(status=200, body=body, code="")
        return reply

    @classmethod
    def refuse(cls, refusal: Refusal, request: ParsedRequest) -> Reply:
        """Return a refusal in the one error shape."""
        body = refusal.body(request.lang, request.request_id)
        reply: Reply = cls.model_construct(status=refusal.status, body=body, code=refusal.code)
        return reply

    @classmethod
    async def to_http_response(cls, obj: Any, serde: Any) -> Response:
        """Write the answer."""
        return Response(
            dump(obj.body),
            status_code=obj.status,
            media_type="application/json",
            headers={CODE_HEADER: obj.code or "ok"},
        )


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC as RFC 3339 has it.

    >>> rfc3339(datetime(2026, 11, 22, 9, 30, 0, 999))
    '2026-11-22T09:30:00Z'
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
