"""Reading a request's body, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from serving.refusals import Refusal

_CHARSETS: Final = ("utf-8", "utf8", "us-ascii")


@dataclass(frozen=True)
class RequestLimits:
    """What one worker accepts: bytes of a body, bodies at a time, seconds for one to arrive.

    ``drain_seconds`` is the most time to wait, after a body was refused, for the client to stop
    sending it. A connection that is closed while the client still writes loses the answer on its
    way.
    """

    body_bytes: int
    in_flight: int = 64
    body_seconds: float = 30.0
    drain_seconds: float = 3.0


def check_type(headers: Headers) -> None:
    """Accept JSON in UTF-8, and a body whose type is not given.

    Raises
    ------
    Refusal
        ``unsupported_media_type`` for another type, character set or a compressed body.
    """
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise Refusal("unsupported_media_type", "compressed")
    kind, _, rest = headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind not in ("", "application/json"):
        raise Refusal("unsupported_media_type", "type")
    for parameter in rest.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(" \t\"'").lower() not in _CHARSETS:
            raise Refusal("unsupported_media_type", "charset")


async def read(receive: Receive, headers: Headers, limits: RequestLimits) -> bytes | None:
    """Read a whole body.

    Returns
    -------
    bytes or None
        ``None`` if the client went away.

    Raises
    ------
    Refusal
        ``too_large`` as soon as the length is announced or found to be over the limit;
        ``request_timeout`` if the body does not arrive in time.
    """
    too_large = Refusal("too_large", params={"most": limits.body_bytes})
    announced = headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > limits.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in _parts(receive):
                body += part
                if len(body) > limits.body_bytes:
                    raise too_large
    except ClientDisconnect:
        return None
    except TimeoutError:
        raise Refusal("request_timeout") from None
    return bytes(body)


async def drain(receive: Receive, limits: RequestLimits) -> None:
    """Throw away what is left of a body, for a short while."""
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(limits.drain_seconds):
            async for _ in _parts(receive):
                pass


def _parts(receive: Receive) -> AsyncIterator[bytes]:
    return Request({"type": "http"}, receive).stream()
