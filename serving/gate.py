"""The gate: the ASGI application that every request and every answer passes.

It knows the paths, reads and parses bodies within their limit, gives each request its id and
language, turns every error into the one shape, and adds the security headers. What lies behind
it (BentoML and its middlewares) sees known paths and parsed leads only, so nothing that a
client writes ends up in a metric's label or in a log.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scoring_ml.texts import negotiate
from serving.api import CODE_HEADER, SCOPE_KEY, ParsedRequest
from serving.body import parse
from serving.intake import RequestLimits, check_type, drain, read
from serving.logs import kind_and_place
from serving.refusals import Refusal, dump, from_status

access = logging.getLogger("serving.access")
logger = logging.getLogger(__name__)

GET: Final = ("GET", "HEAD")
POST: Final = ("POST",)

ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "/score": POST,
    "/score_batch": POST,
    "/explain": POST,
    "/model": GET,
    "/openapi.json": GET,
    "/docs.json": GET,
    "/livez": GET,
    "/readyz": GET,
    "/metrics": GET,
    "/": GET,
}
"""Every path there is, with its methods; all else is 404, whatever BentoML would serve."""

SECURITY: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""Headers of every answer; an answer may bring its own policy for a page."""

_HIDDEN: Final = frozenset({"server", "x-bentoml-request-id", CODE_HEADER})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")

AnswerCounter = Callable[[str, int, str], None]
"""Called for every answer with its known path or ``other``, HTTP status, error code or ``ok``."""


@dataclass
class _Exchange:
    """One request on its way through the gate."""

    scope: Scope
    receive: Receive
    send: Send
    path: str
    request: ParsedRequest
    started: bool = False
    status: int = 500
    code: str = "ok"

    async def answer(self, message: Message) -> None:
        """Send one message on, its headers put right."""
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = {
                key: value
                for name, value in Headers(raw=message.get("headers", [])).items()
                if (key := name.lower()) not in _HIDDEN
            }
            headers = {**SECURITY, **headers, "x-request-id": self.request.request_id}
            message = {**message, "headers": Headers(headers).raw}
        await self.send(message)

    async def refuse(self, refusal: Refusal, *, more: bool = False) -> None:
        """Answer with a refusal; with ``more``, leave the answer open until the body is in."""
        body = dump(refusal.body(self.request.lang, self.request.request_id))
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "content-language": self.request.lang,
            **({"connection": "close"} if more else refusal.headers or {}),
        }
        self.code = refusal.code
        raw = Headers(headers).raw
        start = {"type": "http.response.start", "status": refusal.status, "headers": raw}
        await self.answer(start)
        body = b"" if self.scope["method"] == "HEAD" else body
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


class Gate:
    """ASGI application around the one that BentoML makes; every answer is counted."""

    def __init__(
        self, app: ASGIApp, *, limits: RequestLimits, count: AnswerCounter | None = None
    ) -> None:
        self.app = app
        self.limits = limits
        self.count = count
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        request = ParsedRequest.model_construct(
            content=None,
            lang=_lang(headers.get("accept-language")),
            request_id=_request_id(headers.get("x-request-id")),
            received_at=datetime.now(UTC).replace(tzinfo=None),
        )
        path = scope["path"] if scope["path"] in ROUTES else "other"
        exchange = _Exchange(scope, receive, send, path, request)
        try:
            await self._serve(exchange, headers)
        except Exception as error:  # noqa: BLE001 - the last place where it can be caught
            logger.error("%s failed: %s", exchange.path, kind_and_place(error))
            if not exchange.started:
                await exchange.refuse(Refusal("internal_error"))
        self._record(exchange, time.perf_counter() - began)

    async def _serve(self, exchange: _Exchange, headers: Headers) -> None:
        methods = ROUTES.get(exchange.path)
        try:
            if methods is None:
                raise Refusal("not_found")
            if exchange.scope["method"] not in methods:
                allow = {"allow": ", ".join(methods)}
                raise Refusal("method_not_allowed", params={"allow": allow["allow"]}, headers=allow)
            if methods is GET:
                await self._pass(exchange)
                return
            if self.in_flight >= self.limits.in_flight:
                raise Refusal("too_many_requests", headers={"retry-after": "1"})
        except Refusal as refusal:
            await exchange.refuse(refusal)
            return
        self.in_flight += 1
        try:
            await self._post(exchange, headers)
        finally:
            self.in_flight -= 1

    async def _post(self, exchange: _Exchange, headers: Headers) -> None:
        try:
            check_type(headers)
            body = await read(exchange.receive, headers, self.limits)
            if body is None:
                return  # the client has gone
            exchange.request.content = parse(body)
        except Refusal as refusal:
            # After these the rest of the body is still on its way: let it run dry, then close.
            unread = refusal.code in ("too_large", "unsupported_media_type", "request_timeout")
            await exchange.refuse(refusal, more=unread)
            if unread:
                if "expect" not in headers and refusal.code != "request_timeout":
                    await drain(exchange.receive, self.limits)
                await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._pass(exchange)

    async def _pass(self, exchange: _Exchange) -> None:
        """Let the application behind the gate answer, and put its errors into the one shape."""
        exchange.scope[SCOPE_KEY] = exchange.request
        refused: int | None = None
        received = False

        async def receive() -> Message:
            nonlocal received
            if not received:
                received = True
                return {"type": "http.request", "body": b"", "more_body": False}
            return await exchange.receive()

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                code = Headers(raw=message.get("headers", [])).get(CODE_HEADER)
                if message["status"] >= 400 and code is None:
                    refused = message["status"]
                    return
                exchange.code = code or "ok"
                if code is not None:
                    language = (b"content-language", exchange.request.lang.encode())
                    message = {**message, "headers": [*message["headers"], language]}
                await exchange.answer(message)
            elif refused is None:
                await exchange.send(message)

        await self.app(exchange.scope, receive, send)
        if refused is not None:
            await exchange.refuse(from_status(refused))

    def _record(self, exchange: _Exchange, seconds: float) -> None:
        if self.count is not None:
            self.count(exchange.path, exchange.status, exchange.code)
        method = exchange.scope["method"]
        access.info(
            "%s %s %d in %.1f ms, request %s",
            method if method in _METHODS else "-",
            exchange.path,
            exchange.status,
            seconds * 1000,
            exchange.request.request_id,
        )


def _request_id(sent: str | None) -> str:
    return sent if sent and _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


@lru_cache(maxsize=256)
def _lang(accept_language: str | None) -> str:
    return negotiate(accept_language)
