"""A lead's activities and stages, as JSON Schema for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.schema import History
from scoring_ml.data.values.vocabulary import ANY_WORD
from scoring_ml.texts import Catalogue
from serving.body import MAX_FACTS, MAX_TEXT

Json = dict[str, Any]

ENTRY: Final = {"activities": "Activity", "stages": "Stage"}
"""Name of the schema of each list's entries."""


def list_schema(name: str) -> Json:
    """Describe a list that a lead may carry.

    Parameters
    ----------
    name : {"activities", "stages"}
    """
    return {
        "type": ["array", "null"],
        "description": Catalogue.load("en").text(f"serving.openapi.{name}"),
        "items": {"$ref": f"#/components/schemas/{ENTRY[name]}"},
        "maxItems": MAX_FACTS,
    }


def entry_schemas(history: History, lists: Collection[str]) -> Json:
    """Return the schemas of the lists' entries by name.

    Parameters
    ----------
    history : History
        Gives the words for kinds and stages.
    lists : collection of str
        The lists that the model looks at.
    """
    made = {"activities": _activity, "stages": _stage}
    return {ENTRY[name]: made[name](history) for name in lists}


def _activity(history: History) -> Json:
    text = Catalogue.load("en")
    words = [*history.kinds, *(kind for kind in KINDS if kind not in history.kinds)]
    words += _own(history.kind_words, words)
    touch = {
        "type": ["string", "number", "null"],
        "maxLength": MAX_TEXT,
        "description": text.text("serving.openapi.touch"),
    }
    return _entry(
        {
            "type": {
                "description": text.text("serving.openapi.activity_type"),
                # Any other text is accepted, so a strict enumeration would refuse too much.
                "anyOf": [{"enum": words}, {"type": "string", "maxLength": MAX_TEXT}],
                "examples": words[:1],
            },
            "occurred_at": _moment("occurred_at", history),
            "known_at": _moment("known_at", history) | {"type": ["string", "integer", "null"]},
            "direction": {
                "type": ["string", "null"],
                "description": text.text("serving.openapi.direction"),
                "examples": ["inbound", "outbound"],
            },
            "amount": {
                "type": ["number", "string", "null"],
                "description": text.text("serving.openapi.amount"),
            },
            "campaign": touch,
            "channel": touch,
            "activity_id": {
                "type": ["string", "integer", "null"],
                "description": text.text("serving.openapi.activity_id"),
            },
        },
        required=("type", "occurred_at"),
    )


def _stage(history: History) -> Json:
    words = [*history.stages]
    words += _own(history.stage_words, words)
    listed: Json = {"enum": words}
    if ANY_WORD in history.stage_words:
        # Every other word has a meaning, too.
        listed = {"anyOf": [listed, {"maxLength": MAX_TEXT}]}
    return _entry(
        {
            "stage": {
                "type": "string",
                "description": Catalogue.load("en").text("serving.openapi.stage"),
            }
            | listed,
            "entered_at": _moment("entered_at", history),
            "known_at": _moment("known_at", history) | {"type": ["string", "integer", "null"]},
        },
        required=("stage", "entered_at"),
    )


def _own(meanings: Collection[str], ours: Collection[str]) -> list[str]:
    """Return the company's own words that can be listed."""
    return [word for word in meanings if word not in ours and word != ANY_WORD]


def _moment(name: str, history: History) -> Json:
    return {
        "type": ["string", "integer"],
        "description": Catalogue.load("en").text(f"serving.openapi.{name}", zone=history.timezone),
        "examples": ["2026-11-20T09:30:00Z"],
    }


def _entry(properties: Json, *, required: tuple[str, ...]) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
