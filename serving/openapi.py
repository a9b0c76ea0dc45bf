"""The description of the interface (OpenAPI 3.1), with the champion's real fields."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from scoring_ml.scoring.lead import LeadField
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.texts import Catalogue
from serving.openapi_answers import answer_schemas
from serving.openapi_history import entry_schemas, list_schema

MOST_EXAMPLES: Final = 50
"""Most known values of a category that the description lists."""

_JSON_TYPES: Final = {
    "number": ["number", "string", "null"],
    "boolean": ["boolean", "string", "integer", "null"],
    "category": ["string", "number", "boolean", "null"],
    "date": ["string", "null"],
    "email": ["string", "null"],
    "phone": ["string", "integer", "null"],
}

Json = dict[str, Any]


def document(scorer: Scorer | None, *, max_batch: int) -> Json:
    """Describe the interface.

    Parameters
    ----------
    scorer : Scorer or None
        The champion; without one, a lead is any flat object.
    max_batch : int
        Most leads in one batch.

    Returns
    -------
    dict
        An OpenAPI 3.1 document.
    """
    text = Catalogue.load("en")
    lead_ref: Json = {"$ref": "#/components/schemas/Lead"}
    batch = {"type": "array", "items": lead_ref, "minItems": 1, "maxItems": max_batch}
    example = dict(scorer.example) if scorer else {}
    many = {"type": "array", "items": {"$ref": "#/components/schemas/BatchItem"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": text.text("serving.openapi.title"),
            "description": text.text("serving.openapi.description"),
            "version": version("scoring-ml"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/score": _post("score", lead_ref, _ref("Answer"), example),
            "/score_batch": _post("score_batch", batch, many, [example]),
            "/explain": _post("explain", lead_ref, _ref("Explanation"), example),
            "/model": _get("model", _ref("Model"), errors=(503,)),
            "/livez": _get("livez", None),
            "/readyz": _get("readyz", None, errors=(503,)),
            "/metrics": _get("metrics", None),
            "/openapi.json": _get("openapi", {"type": "object"}),
            "/docs.json": _get("openapi", {"type": "object"}, name="openapi_as_bentoml"),
            "/": _get("index", None, media="text/html"),
        },
        "components": {
            "schemas": {"Lead": _lead(scorer), **_entries(scorer), **answer_schemas()},
            "parameters": {
                "RequestId": _header("X-Request-ID", "request_id"),
                "AcceptLanguage": _header("Accept-Language", "accept_language"),
            },
            "headers": {
                "RequestId": {
                    "description": text.text("serving.openapi.unsaid"),
                    "schema": {"type": "string"},
                }
            },
            "responses": {
                f"Error{status}": _error(status)
                for status in (400, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504)
            },
        },
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _post(name: str, schema: Json, answer: Json, example: Any) -> Json:
    text = Catalogue.load("en").text(f"serving.openapi.{name}")
    body = {"application/json": {"schema": schema, "example": example}}
    errors = (400, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504)
    return {
        "post": {
            "operationId": name,
            "summary": text,
            "parameters": _parameters(),
            "requestBody": {"required": True, "content": body},
            "responses": _responses(answer, "application/json", errors),
        }
    }


def _get(
    key: str,
    answer: Json | None,
    *,
    name: str | None = None,
    media: str = "text/plain",
    errors: tuple[int, ...] = (),
) -> Json:
    kind = media if answer is None else "application/json"
    responses = _responses(answer or {"type": "string"}, kind, (404, 405, 500, *errors))
    return {
        "get": {
            "operationId": name or key,
            "summary": Catalogue.load("en").text(f"serving.openapi.{key}"),
            "parameters": _parameters(),
            "responses": responses,
        }
    }


def _parameters() -> list[Json]:
    return [
        {"$ref": "#/components/parameters/RequestId"},
        {"$ref": "#/components/parameters/AcceptLanguage"},
    ]


def _header(name: str, key: str) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": Catalogue.load("en").text(f"serving.openapi.{key}"),
        "schema": {"type": "string"},
    }


def _responses(answer: Json, media: str, errors: tuple[int, ...]) -> Json:
    found: Json = {
        "200": {
            "description": Catalogue.load("en").text("serving.openapi.ok"),
            "headers": _id_header(),
            "content": {media: {"schema": answer}},
        }
    }
    for status in sorted(set(errors)):
        found[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    return found


def _error(status: int) -> Json:
    return {
        "description": Catalogue.load("en").text(f"serving.openapi.errors.{status}"),
        "headers": _id_header(),
        "content": {"application/json": {"schema": _ref("Error")}},
    }


def _id_header() -> Json:
    return {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}


def _lead(scorer: Scorer | None) -> Json:
    text = Catalogue.load("en")
    properties: Json = {
        "lead_id": {
            "type": ["string", "integer", "null"],
            "description": text.text("serving.openapi.lead_id"),
            "examples": ["L-1042"],
        }
    }
    schema: Json = {
        "type": "object",
        "description": text.text("serving.openapi.lead"),
        "properties": properties,
        "additionalProperties": scorer is None,
    }
    if scorer is None:
        return schema
    for field in scorer.fields:
        properties[field.name] = _field(field)
    for name in scorer.lists:
        properties[name] = list_schema(name)
    unused = text.text("serving.openapi.unused")
    for name in scorer.accepted_names:
        properties.setdefault(name, {"description": unused})
    schema["example"] = dict(scorer.example)
    return schema


def _entries(scorer: Scorer | None) -> Json:
    if scorer is None or scorer.history is None:
        return {}
    return entry_schemas(scorer.history, scorer.lists)


def _field(field: LeadField) -> Json:
    text = Catalogue.load("en")
    parts = [f"{field.label}."] if field.label else []
    if field.description:
        parts.append(field.description)
    if field.used:
        parts.append(text.text(f"serving.openapi.{field.type}"))
        if field.unit:
            parts.append(text.text("serving.openapi.unit", unit=field.unit))
        group = text.text(f"criteria.{field.criterion}")
        parts.append(text.text("serving.openapi.criterion", criterion=group))
    else:
        parts.append(text.text("serving.openapi.unused"))
    examples: list[Any] = [] if field.example is None else [field.example]
    examples += [level for level in field.levels[:MOST_EXAMPLES] if level not in examples]
    schema: Json = {"title": field.label or field.name, "description": " ".join(parts)}
    if field.used:
        # A field that the model does not use may hold anything flat.
        schema["type"] = _JSON_TYPES[field.type]
    if examples:
        schema["examples"] = examples
    if field.unit:
        schema["x-unit"] = field.unit
    schema["x-criterion"] = field.criterion
    schema["x-used"] = field.used
    schema["x-askable"] = field.askable
    return schema
