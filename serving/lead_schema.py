"""The JSON Schema (2020-12) of a lead in a request, from the champion's fields.

It accepts what the server accepts, as far as JSON Schema can say it: not which text is a number,
a date or a word that counts, which digits are a date's, nor that 1.0 is no whole number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.history import History
from scoring_ml.data.values.limits import MAX_FACTS, MAX_FIELDS, MAX_TEXT
from scoring_ml.data.values.moments import DateForm
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
    "multiselect": {"anyOf": [_WORD, {"type": "array", "items": _WORD, "maxItems": MAX_FACTS}]},
    "email": _WORD,
    "phone": _WORD,
}
_SECONDS_TO_2200: Final = 7_258_118_400
_EPOCHS: Final[Mapping[str, JsonSchemaValue]] = {
    "seconds": {"minimum": 0, "exclusiveMaximum": _SECONDS_TO_2200},
    "milliseconds": {"minimum": 0, "exclusiveMaximum": _SECONDS_TO_2200 * 1_000},
    "microseconds": {"minimum": 0, "exclusiveMaximum": _SECONDS_TO_2200 * 1_000_000},
    "excel": {"minimum": 61, "exclusiveMaximum": 109_575},
}
_LONG_NUMBERS: Final = [
    # Unix times, from 2001 on.
    *(item | {"minimum": 10**n} for item, n in zip(_EPOCHS.values(), (9, 12, 15), strict=False)),
    # Digits of a date such as 20261122, with a clock's; which of them are one, cannot be said.
    *(
        {"type": "integer", "minimum": 1_300 * unit, "exclusiveMaximum": 2_200 * unit}
        for unit in (10**4, 10**8, 10**10)
    ),
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
    """Return the schemas of the lists' entries by name."""
    made = {"activities": _activity, "stages": _stage}
    return {_ENTRIES[name]: made[name](history) for name in lists}


def _field(field: LeadField, history: History | None) -> JsonSchemaValue:
    """Describe a field; with a history, the moment of creation."""
    column = field.column
    parts = [f"{part.rstrip('.')}." for part in (column.title, column.reason) if part]
    schema: JsonSchemaValue = _SINGLE_VALUE
    if column.use:
        if history is not None:
            schema = _moment("leads.created_at", history, optional=True)
        elif column.type == "date":
            schema = _date(column, optional=True) | {"description": api_text("date")}
        else:
            schema = _TYPES[column.type] | {"description": api_text(column.type)}
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
        occurred_at=_moment("activities.occurred_at", history),
        known_at=_moment("activities.known_at", history, optional=True),
        direction=_described("direction", ["string", "null"], examples=directions),
        result=_described("result", ["string", "null"], examples=["held", "not_held"]),
        subject=_described("subject", ["string", "null"]),
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
        entered_at=_moment("stages.entered_at", history),
        known_at=_moment("stages.known_at", history, optional=True),
    )


def _entry(**properties: JsonSchemaValue) -> JsonSchemaValue:
    """Describe an entry, of which the first two properties are required."""
    required = [*properties][:2]
    entry = {"type": "object", "properties": properties, "required": required}
    return entry | {"additionalProperties": False}


def _moment(name: str, history: History, *, optional: bool = False) -> JsonSchemaValue:
    schema = _date(history.dates.get(name, history).date_form, optional=optional)
    if optional:
        schema["anyOf"] += _missing_numbers(history)
    return schema | {
        "description": api_text(name.partition(".")[2], zone=history.timezone),
        "examples": ["2026-11-20T09:30:00Z"],
    }


def _date(form: DateForm, *, optional: bool = False) -> JsonSchemaValue:
    """Describe a moment as text, or as a number that counts what the form says."""
    types = ["string", "null"] if optional else ["string"]
    numbers = _LONG_NUMBERS if form.epoch is None else [_EPOCHS[form.epoch]]
    return {
        "anyOf": [
            {"type": types, "maxLength": MAX_TEXT},
            *({"type": "number"} | item for item in numbers),
        ]
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
