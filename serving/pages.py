"""The pages that need no lead: the model card, the OpenAPI document, a first page."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import bentoml
from jinja2 import Template
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoring_ml.texts import Catalogue
from serving.api import CODE_HEADER, SCOPE_KEY, ParsedRequest, Reply, rfc3339
from serving.gate import ROUTES
from serving.openapi import document
from serving.refusals import Refusal, dump
from serving.watcher import ChampionWatcher


def pages() -> Starlette:
    """Return the application that answers the paths without a body."""
    return Starlette(
        routes=[
            Route("/", _index, methods=["GET"]),
            Route("/model", _model, methods=["GET"]),
            Route("/openapi.json", _openapi, methods=["GET"]),
            Route("/docs.json", _openapi, methods=["GET"]),  # where BentoML's tools look
        ]
    )


def card(champion: ChampionWatcher, request: ParsedRequest) -> Reply:
    """Return the card of what is serving, with an example that can be posted as it is."""
    served = champion.served
    if served is None:
        code = "no_champion_pending" if champion.pending_error else "no_champion"
        return Reply.refuse(Refusal(code), request)
    body = {
        **served.scorer.card,
        "model": served.scorer.model,
        "serving": {"version": served.version, "loaded_at": rfc3339(served.loaded_at)},
        "pending_error": _pending(champion, request.lang),
        "example": dict(served.scorer.example),
        "request_id": request.request_id,
    }
    return Reply.done(body)


def _pending(champion: ChampionWatcher, lang: str) -> dict[str, Any] | None:
    error, served = champion.pending_error, champion.served
    if error is None or served is None:
        return None
    text = Catalogue.load(lang).text(
        f"serving.pending.{error.code}", version=error.version, serving=served.version
    )
    since = rfc3339(error.since)
    return {"version": error.version, "code": error.code, "message": text, "since": since}


def _champion() -> ChampionWatcher:
    champion: ChampionWatcher = bentoml.get_current_service().champion
    return champion


async def _model(request: Request) -> Response:
    return await Reply.to_http_response(card(_champion(), request.scope[SCOPE_KEY]), None)


async def _openapi(request: Request) -> Response:
    service = bentoml.get_current_service()
    served = service.champion.served
    scorer = served.scorer if served else None
    content = dump(document(scorer, max_batch=service.max_batch))
    return Response(content, media_type="application/json", headers={CODE_HEADER: "ok"})


async def _index(request: Request) -> Response:
    parsed: ParsedRequest = request.scope[SCOPE_KEY]
    served = _champion().served
    example = dump(dict(served.scorer.example)).decode() if served else "{}"
    command = (
        f"curl {str(request.base_url).rstrip('/')}/score "
        f"-H 'Content-Type: application/json' -d @- <<'LEAD'\n{example}\nLEAD"
    )
    style = _joined("index.css")
    html = Template(_joined("index.html.j2"), autoescape=True).render(
        texts=Catalogue.load(parsed.lang),
        served=served,
        routes=ROUTES,
        style=Markup(style),
        command=Markup(escape(command)),
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, CODE_HEADER: "ok"}
    return Response(html, media_type="text/html", headers=headers)


@cache
def _joined(name: str) -> str:
    lines = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8").splitlines()
    return "".join(map(str.strip, lines))
