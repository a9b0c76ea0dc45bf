"""The JSON Schema (2020-12) of a lead in a request, from the champion's fields.

It accepts what the server accepts, as far as JSON Schema can say it: not which text is a number,
a date or a word that counts, nor that 1.0 is no whole number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.history import History
from scoring_ml.data.values.limits import MAX_FACTS, MAX_FIELDS, MAX_TEXT
from scoring_ml.data.values.vocabulary import ANY_WORD
from scoring_ml.scoring.lead import LISTS, LeadField
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.texts import Catalogue
from serving.answers import ref

MOST_EXAMPLES: Final = 50
"""Most known values of a category that the description lists."""

_ENTRIES: Final = {"activities": "Activity", "stages": "Stage"}
_SINGLE_VALUE: Final = {"type": ["string", "number", "boolean", "null"]}
_WORD: Final = _SINGLE_VALUE | {"maxLength": MAX_TEXT}
_YES_OR_NO: Final = {"type": ["boolean", "string", "null"], "maxLength": MAX_TEXT}
_TYPES: Final[Mapping[str, JsonSchemaValue]] = {
    "number": {"type": ["number", "string", "null"], "maxLength": MAX_TEXT},
    "boolean": {"anyOf": [_YES_OR_NO, {"enum": [0, 1]}]},
    "category": _WORD,
    "multiselect": {
        "anyOf": [_WORD, {"type": "array", "items": _WORD, "maxItems": MAX_FACTS}],
    },
    "date": {"type": ["string", "null"], "maxLength": MAX_TEXT},
    "email": _WORD,
    "phone": _WORD,
}
_UNIX_TIMES: Final = [
    {"minimum": 10**9 * unit, "maximum": 7_258_118_400 * unit - 1}  # 2001 to the end of 2199
    for unit in (1, 1_000, 1_000_000)
]


def lead_schemas(scorer: Scorer | None) -> dict[str, JsonSchemaValue]:
    """Return the schemas of a lead and of the entries of its lists, by name.

    Without a champion, a lead is any object.
    """
    lead_id = _described("lead_id", ["string", "integer", "null"], examples=["L-1042"])
    properties = {"lead_id": lead_id}
    lead: JsonSchemaValue = {
        "type": "object",
        "description": api_text("lead"),
        "properties": properties,
        "maxProperties": MAX_FIELDS,
        "additionalProperties": scorer is None,
    }
    if scorer is None:
        return {"Lead": lead}
    created, history = scorer.encoder.schema.order.column, scorer.history
    for field in scorer.fields:
        is_created = history is not None and field.name == created
        properties[field.name] = _field(field, history if is_created else None)
    for name in scorer.lists:
        entries = {"items": ref(_ENTRIES[name]), "maxItems": MAX_FACTS}
        properties[name] = _described(name, ["array", "null"], **entries)
    for name in scorer.accepted_names:
        flat = {} if name in LISTS else _SINGLE_VALUE
        properties.setdefault(name, {"description": api_text("unused"), **flat})
    lead["example"] = dict(scorer.example)
    return {"Lead": lead} | ({} if history is None else entry_schemas(history, scorer.lists))


def entry_schemas(history: History, lists: Iterable[str]) -> dict[str, JsonSchemaValue]:
    """Return the schemas of the lists' entries, and of the Unix times in them, by name."""
    made = {"activities": _activity, "stages": _stage}
    unix_time = _described("unix_time", ["integer"], anyOf=_UNIX_TIMES)
    return {_ENTRIES[name]: made[name](history) for name in lists} | {"UnixTime": unix_time}


def _field(field: LeadField, history: History | None) -> JsonSchemaValue:
    """Describe a field; with a history, the moment of creation."""
    column = field.column
    parts = [f"{part.rstrip('.')}." for part in (column.title, column.reason) if part]
    schema: JsonSchemaValue = _SINGLE_VALUE
    if column.use:
        schema = _TYPES[column.type] | {"description": api_text(column.type)}
        if history is not None:
            schema = _moment("created_at", history, optional=True)
        parts.append(schema["description"])
        if column.unit:
            parts.append(api_text("unit", unit=column.unit))
        group = Catalogue.load("en").text(f"criteria.{column.criterion}")
        parts.append(api_text("criterion", criterion=group))
    else:
        parts.append(api_text("unused"))
    examples: list[Any] = [] if field.example is None else [field.example]
    examples += [level for level in field.levels[:MOST_EXAMPLES] if level not in examples]
    return {
        **schema,
        "title": column.title or field.name,
        "description": " ".join(parts),
        **({"examples": examples} if examples else {}),
        **({"x-unit": column.unit} if column.unit else {}),
        "x-criterion": column.criterion,
        "x-used": column.use,
        "x-askable": column.askable,
    }


def _activity(history: History) -> JsonSchemaValue:
    listed = _listed(history.kinds, KINDS, history.kind_words)
    # Any other text is accepted, so a strict enumeration would refuse too much.
    words = [{"enum": listed}, {"type": "string", "maxLength": MAX_TEXT, "pattern": r"\S"}]
    amounts = [{"minimum": 0}, *_missing_numbers(history)]
    touch = _described("touch", ["string", "number", "null"])
    directions = ["inbound", "outbound"]
    return _entry(
        type={"description": api_text("activity_type"), "anyOf": words, "examples": listed[:1]},
        occurred_at=_moment("occurred_at", history),
        known_at=_moment("known_at", history, optional=True),
        direction=_described("direction", ["string", "null"], examples=directions),
        result=_described("result", ["string", "null"], examples=["held", "not_held"]),
        amount=_described("amount", ["number", "string", "null"], anyOf=amounts),
        campaign=touch,
        channel=touch,
        activity_id=_described("activity_id", ["string", "integer", "null"]),
    )


def _stage(history: History) -> JsonSchemaValue:
    missing = (word for word in history.missing if word.strip())
    listed: JsonSchemaValue = {"enum": _listed(history.stages, history.stage_words, missing)}
    if ANY_WORD in history.stage_words:
        # Every other word has a meaning, too.
        listed = {"anyOf": [listed, {"pattern": r"\S"}]}
    return _entry(
        stage=_described("stage", ["string"], **listed),
        entered_at=_moment("entered_at", history),
        known_at=_moment("known_at", history, optional=True),
    )


def _entry(**properties: JsonSchemaValue) -> JsonSchemaValue:
    """Describe an entry, of which the first two properties are required."""
    required = [*properties][:2]
    entry = {"type": "object", "properties": properties, "required": required}
    return entry | {"additionalProperties": False}


def _moment(key: str, history: History, *, optional: bool = False) -> JsonSchemaValue:
    text = {"type": ["string", "null"] if optional else "string", "maxLength": MAX_TEXT}
    numbers = _missing_numbers(history) if optional else []
    return {
        "description": api_text(key, zone=history.timezone),
        "anyOf": [text, ref("UnixTime"), *numbers],
        "examples": ["2026-11-20T09:30:00Z"],
    }


def _listed(*words: Iterable[str]) -> list[str]:
    """Return the words that can be listed, each once."""
    return [*dict.fromkeys(word for each in words for word in each if word != ANY_WORD)]


def _missing_numbers(history: History) -> list[JsonSchemaValue]:
    """Describe the export's words for "not known" that are whole numbers."""
    numbers = [int(word) for word in history.missing if word.removeprefix("-").isdecimal()]
    return [{"enum": numbers}] if numbers else []


def _described(key: str, types: list[str], **keywords: Any) -> JsonSchemaValue:
    longest = {"maxLength": MAX_TEXT} if "string" in types and key != "lead_id" else {}
    return {"type": types, "description": api_text(key), **longest, **keywords}


def api_text(key: str, **params: Any) -> str:
    """Return a text of the OpenAPI document."""
    return Catalogue.load("en").text(f"serving.openapi.{key}", **params)
