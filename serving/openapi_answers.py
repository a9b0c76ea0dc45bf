"""Every answer's fields, as JSON Schema (2020-12) for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from scoring_ml.data.schema import CRITERIA, GROUPS
from scoring_ml.texts import Catalogue
from serving.refusals import STATUS

Json = dict[str, Any]


def answer_schemas() -> Json:
    """Return the schemas of all answers by name."""
    return {
        "Answer": _answer({}),
        "Explanation": _answer(
            {
                "contributions": _list(_ref("Contribution")),
                "rounding_points": _number(),
            }
        ),
        "BatchItem": {"anyOf": [_ref("Answer"), _ref("LeadError")]},
        "Contribution": _contribution(),
        "Matrix": _matrix(),
        "ModelName": _object(
            {
                "name": _string(),
                "version": _string(),
                "kind": _string(),
                "policy": {"type": ["string", "null"]},
            }
        ),
        "Model": _model(),
        "ErrorDetail": _error_detail(),
        "Error": _object({"error": _ref("ErrorDetail"), "request_id": _string()}),
        "LeadError": _object(
            {
                "lead_id": {"type": ["string", "integer"]},
                "error": _ref("ErrorDetail"),
                "request_id": _string(),
            },
            optional=("lead_id",),
        ),
    }


def _answer(more: Json) -> Json:
    text = Catalogue.load("en")
    return _object(
        {
            "lead_id": {"type": ["string", "null"]},
            "score": {
                "type": "integer",
                "minimum": 0,
                "description": text.text("serving.openapi.score_field"),
                "examples": [74],
            },
            "score_max": {"type": "integer", "examples": [100]},
            "tier": {
                "type": "string",
                "enum": ["hot", "warm", "cold"],
                "description": text.text("serving.openapi.tier"),
            },
            "action": {
                "type": "string",
                "examples": ["start_sales_process", "first_call_then_rescore", "nurture"],
            },
            "probability": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1,
                "description": text.text("serving.openapi.probability"),
            },
            "base_points": _number(),
            "reasons": _list(_ref("Contribution")),
            "other_points": _number(),
            "limit_points": _number(),
            "matrix": _ref("Matrix"),
            "completeness": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "ask_next": _list(_object({"field": _string(), "could_add": _number()})),
            "warnings": _list(_string()),
            "ignored_fields": _list(_string()),
            "model": _ref("ModelName"),
            **more,
            "scored_at": _moment(),
            "request_id": _string(),
        }
    )


def _contribution() -> Json:
    observed = _object(
        {
            "leads": {"type": "integer", "minimum": 0},
            "won_share": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )
    return _object(
        {
            "field": _string(),
            "criterion": {"type": "string", "enum": list(GROUPS)},
            "label": _string(),
            "value": {"type": ["string", "null"]},
            "points": _number(),
            "text": _string(),
            "observed": observed,
        },
        optional=("observed",),
    )


def _matrix() -> Json:
    by_criterion = {name: _number() for name in CRITERIA}
    criteria = _object(by_criterion, optional=CRITERIA)
    return _object(
        {
            "total": {"type": "integer", "minimum": 0},
            "max": {"type": "integer"},
            "tier": {"type": "string", "enum": ["hot", "warm", "cold"]},
            "criteria": criteria,
            "against_mean": criteria,
            "unknown": _list({"type": "string", "enum": list(CRITERIA)}),
        },
        optional=("against_mean", "unknown"),
    )


def _model() -> Json:
    pending = _object(
        {
            "version": {"type": ["string", "null"]},
            "code": {
                "type": "string",
                "enum": ["unreadable", "missing", "integrity", "does_not_load"],
            },
            "message": _string(),
            "since": _moment(),
        }
    )
    schema = _object(
        {
            "model": _ref("ModelName"),
            "score_max": {"type": "integer"},
            "serving": _object({"version": _string(), "loaded_at": _moment()}),
            "pending_error": {"anyOf": [pending, {"type": "null"}]},
            "example": _ref("Lead"),
            "request_id": _string(),
        }
    )
    return schema | {"additionalProperties": True}  # the card holds more for people to read


def _error_detail() -> Json:
    field = _object({"field": _string(), "message": _string()})
    return _object(
        {
            "code": {"type": "string", "enum": sorted(STATUS)},
            "message": _string(),
            "fields": _list(field),
        }
    )


def _object(properties: Json, *, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _string() -> Json:
    return {"type": "string"}


def _number() -> Json:
    return {"type": "number"}


def _moment() -> Json:
    return {"type": "string", "format": "date-time", "examples": ["2026-11-22T09:30:00Z"]}
