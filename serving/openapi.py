"""The OpenAPI 3.1 document of the endpoint, with the champion's own fields."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

from scoring_ml.scoring.scorer import Scorer
from serving.answers import answer_schemas, ref
from serving.gate import ROUTES
from serving.lead_schema import api_text, lead_schemas
from serving.refusals import STATUS

_STATUSES: Final = tuple(sorted({*STATUS.values()} - {401, 403}))  # nothing asks for a key yet
_STATUSES_OF_PAGES: Final = dict.fromkeys(("/model", "/readyz"), (404, 405, 500, 503))
_KEYS: Final = {"/": "index", "/openapi.json": "openapi", "/docs.json": "openapi"}


def document(scorer: Scorer | None, *, max_batch: int) -> dict[str, Any]:
    """Describe the endpoint with the fields of its champion; without one, a lead is any object."""
    example = dict(scorer.example) if scorer else {}
    batch = {"type": "array", "items": ref("Lead"), "minItems": 1, "maxItems": max_batch}
    items = {"type": "array", "items": ref("BatchItem")}
    bodies = {
        "/score": _json(ref("Lead"), example=example),
        "/score_batch": _json(batch, example=[example]),
        "/explain": _json(ref("Lead"), example=example),
    }
    answers = {
        "/score": _json(ref("Answer")),
        "/score_batch": _json(items),
        "/explain": _json(ref("Explanation")),
        "/model": _json(ref("Model")),
        "/openapi.json": _json({"type": "object"}),
        "/docs.json": _json({"type": "object"}),
        "/": {"text/html": {"schema": {"type": "string"}}},
    }
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api_text("title"),
            "description": api_text("description"),
            "version": version("scoring-ml"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            path: {methods[0].lower(): _operation(path, bodies.get(path), answers.get(path, text))}
            for path, methods in ROUTES.items()
        },
        "components": {
            "schemas": {**lead_schemas(scorer), **answer_schemas()},
            "parameters": {
                "RequestId": _parameter("X-Request-ID", "request_id"),
                "AcceptLanguage": _parameter("Accept-Language", "accept_language"),
            },
            "headers": {
                "RequestId": {"description": api_text("unsaid"), "schema": {"type": "string"}}
            },
            "responses": {
                f"Error{status}": _response(api_text(f"errors.{status}"), _json(ref("Error")))
                for status in _STATUSES
            },
        },
    }


def _operation(path: str, body: dict[str, Any] | None, answer: dict[str, Any]) -> dict[str, Any]:
    key = _KEYS.get(path, path[1:])
    statuses = _STATUSES if body else _STATUSES_OF_PAGES.get(path, (404, 405, 500))
    errors = {str(each): {"$ref": f"#/components/responses/Error{each}"} for each in statuses}
    parameters = ("RequestId", "AcceptLanguage")
    return {
        "operationId": "openapi_as_bentoml" if path == "/docs.json" else key,
        "summary": api_text(key),
        "parameters": [{"$ref": f"#/components/parameters/{each}"} for each in parameters],
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": {"200": _response(api_text("ok"), answer), **errors},
    }


def _response(description: str, content: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    return {"description": description, "headers": headers, "content": content}


def _parameter(name: str, key: str) -> dict[str, Any]:
    header = {"name": name, "in": "header", "required": False, "description": api_text(key)}
    return header | {"schema": {"type": "string"}}


def _json(schema: JsonSchemaValue, **keywords: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, **keywords}}
