"""The gate alone, around applications of a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from serving.api import CODE_HEADER, SCOPE_KEY
from serving.gate import ROUTES, SECURITY, Gate
from serving.intake import RequestLimits

Message = dict[str, Any]
LIMITS = RequestLimits(body_bytes=100, in_flight=1, body_seconds=0.05, drain_seconds=0.05)


async def content(scope: Any, receive: Any, send: Any) -> None:
    """Answer what the gate parsed."""
    request = scope[SCOPE_KEY]
    body = json.dumps([request.content, request.lang]).encode()
    headers = [
        (b"content-type", b"application/json"),
        (CODE_HEADER.encode(), b"ok"),
        (b"server", b"x"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Seen:
    """What came out of the gate, and how many messages of the body it took."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    taken: int = 0
    counted: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


def ask(
    app: Callable[..., Any] = content,
    *,
    method: str = "POST",
    path: str = "/score",
    headers: dict[str, str] | None = None,
    chunks: Iterable[bytes] = (b"{}",),
    ends: bool = True,
    gate: Gate | None = None,
) -> Seen:
    seen = Seen()
    parts = list(chunks)
    gate = gate or Gate(app, limits=LIMITS)
    gate.count = lambda *answer: seen.counted.append(answer)
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b"q=1"}

    async def receive() -> Message:
        if seen.taken < len(parts):
            seen.taken += 1
            more = seen.taken < len(parts) or not ends
            return {"type": "http.request", "body": parts[seen.taken - 1], "more_body": more}
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            seen.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            seen.body += message["body"]

    asyncio.run(gate(scope, receive, send))
    return seen


def test_a_good_request_passes_with_its_headers_put_right() -> None:
    seen = ask(chunks=[b'{"a"', b": 1}"])
    assert (seen.status, json.loads(seen.body)) == (200, [{"a": 1}, "en"])
    assert SECURITY.items() <= seen.headers.items()
    assert not {"server", CODE_HEADER} & set(seen.headers)
    assert seen.counted == [("/score", 200, "ok")]


@pytest.mark.parametrize(
    "path", ["/schema.json", "/healthz", "/static_content/x", "/score/", "/SCORE", "//", "/\u0436"]
)
def test_unknown_paths_are_404_and_counted_as_other(path: str) -> None:
    seen = ask(path=path)
    assert (seen.status, seen.code) == (404, "not_found")
    assert seen.counted == [("other", 404, "not_found")]


@pytest.mark.parametrize("path", sorted(ROUTES))
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "SECRET"])
def test_other_methods_are_405_and_told_which_are_allowed(path: str, method: str) -> None:
    seen = ask(method=method, path=path)
    assert (seen.status, seen.code) == (405, "method_not_allowed")
    assert seen.headers["allow"] == ", ".join(ROUTES[path])


def test_head_has_no_body() -> None:
    seen = ask(method="HEAD", path="/nothing")
    assert (seen.status, seen.body) == (404, b"")
    assert int(seen.headers["content-length"]) > 0


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert ask(chunks=[b'"' + b"a" * 98 + b'"']).status == 200
    seen = ask(chunks=[b'"' + b"a" * 99 + b'"'])
    assert (seen.status, seen.code, seen.headers["connection"]) == (413, "too_large", "close")


@pytest.mark.parametrize("length", ["101", "10000000", "9" * 400])
def test_a_length_over_the_limit_is_refused_before_anything_is_read(length: str) -> None:
    seen = ask(headers={"content-length": length, "expect": "100-continue"}, chunks=[b"x"] * 9)
    assert (seen.status, seen.code, seen.taken) == (413, "too_large", 0)


def test_chunks_without_a_length_are_read_no_further_than_the_limit() -> None:
    seen = ask(headers={"expect": "100-continue"}, chunks=[b"x" * 60] * 50)
    assert (seen.status, seen.code, seen.taken) == (413, "too_large", 2)


def test_what_is_left_of_a_refused_body_runs_dry_for_a_short_while() -> None:
    assert ask(chunks=[b"x" * 60] * 50).taken == 50
    assert ask(chunks=[b"x" * 60] * 50, ends=False).status == 413


def test_a_body_that_does_not_come_is_408() -> None:
    seen = ask(chunks=[b"{"], ends=False)
    assert (seen.status, seen.code) == (408, "request_timeout")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json"}, 200),
        ({"content-type": "Application/JSON; Charset=UTF-8"}, 200),
        ({"content-type": "application/json; charset=windows-1251"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/vnd.bentoml+pickle"}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-encoding": "identity"}, 200),
        ({"content-encoding": "gzip"}, 415),
    ],
)
def test_json_in_utf8_is_what_is_accepted(headers: dict[str, str], status: int) -> None:
    assert ask(headers=headers).status == status


def test_one_request_too_many_is_429() -> None:
    gate = Gate(content, limits=LIMITS)
    gate.in_flight = 1
    seen = ask(gate=gate)
    assert (seen.status, seen.code, seen.headers["retry-after"]) == (429, "too_many_requests", "1")
    assert ask(gate=gate, method="GET", path="/livez").status == 200, "probes are never refused"
    gate.in_flight = 0
    assert ask(gate=gate).status == 200
    assert gate.in_flight == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "not_found"), (429, "too_many_requests"), (500, "internal_error"), (504, "timeout")],
)
def test_errors_from_behind_are_put_into_the_one_shape(status: int, code: str) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"Traceback: secret"})

    seen = ask(plain)
    assert (seen.status, seen.code) == (status, code)
    assert b"secret" not in seen.body


def test_an_exception_from_behind_is_500_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("secret 4111")

    seen = ask(broken)
    assert (seen.status, seen.code) == (500, "internal_error")
    assert b"secret" not in seen.body
    assert "ValueError at test_gate.py" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("sent", ["a", "9f1c:2.3_x-4", "A" * 100])
def test_a_plain_request_id_is_kept(sent: str) -> None:
    assert ask(headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "a@b.org", "A" * 101, "<b>", "a\u00e9"])
def test_any_other_request_id_is_replaced(sent: str) -> None:
    made = ask(headers={"x-request-id": sent}).headers["x-request-id"]
    assert len(made) == 32
    assert made.isalnum()


def test_websockets_are_closed() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Gate(content, limits=LIMITS)({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_client_that_goes_away_is_not_answered() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    gate = Gate(content, limits=LIMITS)
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": []}
    asyncio.run(gate(scope, receive, send))
    assert sent == []
    assert gate.in_flight == 0
