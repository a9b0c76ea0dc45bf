"""Values of a settings file: words, numbers, flags and days, as people mean them.

YAML 1.1 takes an unquoted yes or no for a boolean, and digits for a number; where a word is
expected, both are written back as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import core_schema

from scoring_ml.data.section import Fault, choose, names_and_values

LANGUAGES: Final = ("en", "fa", "ru")
"""Languages of labels."""

_MOST_DAYS: Final = 1e5
_SCALAR: Final[dict[str, Any]] = {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True)
class OneOf:
    """Marks a text that must be one of some words."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda raw: choose(raw, self.words))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


def words_of(value: Any) -> tuple[str, ...]:
    """Return the words of a YAML list, or of a single one; an empty place of a list is none.

    >>> words_of([True, 7, None, "n/a"])
    ('yes', '7', 'n/a')
    """
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_word(item) for item in items if item is not None)


def missing_words(value: Any) -> tuple[str, ...]:
    """Return words for "not known", of which the empty one is always the first."""
    return ("", *(word for word in words_of(value) if word))


def texts(value: Any) -> dict[str, str]:
    """Return a mapping of text to text; YAML's own yes and no are ambiguous as names.

    Raises
    ------
    Fault
        Naming the key that is no text, or whose value is none.
    """
    for key, item in names_and_values(value).items():
        if isinstance(key, bool) or isinstance(item, bool):
            raise Fault("{at} must hold text", f"{key}: {item}", "Write it in quotes")
        if item is None or isinstance(item, (Mapping, list)):
            raise Fault(f"{{at}}.{key} must be text", type(item).__name__)
    return {str(key): str(item) for key, item in value.items()}


def labels(value: Any) -> dict[str, str]:
    """Return a name for people by language.

    Raises
    ------
    Fault
        If a language is none of :data:`LANGUAGES`, or a name is no text.
    """
    names = texts(value)
    for language in names:
        choose(language, LANGUAGES, "A language in {at}")
    return names


def values_labels(value: Any) -> dict[str, dict[str, str]]:
    """Return names for people of the values of a field, by value and language."""
    return {_word(key): labels(item) for key, item in names_and_values(value).items()}


def number(value: Any, must: str = "a number") -> float:
    """Return a number.

    Raises
    ------
    Fault
        If it is something else, such as a quoted one.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Fault(f"{{at}} must be {must}", value)
    return float(value)


def flag(value: Any) -> bool:
    """Return true or false.

    Raises
    ------
    Fault
        If it is something else, such as a quoted word.
    """
    # A quoted "no" would be true for Python.
    if not isinstance(value, bool):
        raise Fault("{at} must be true or false", value)
    return value


def _word(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        raise Fault("{at} must be text", type(value).__name__)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _reason(value: Any) -> str:
    if not (isinstance(value, str) and value.strip()):
        raise Fault("{at} must hold a written reason", "no text")
    return value


def _reasons(value: Any) -> dict[str, str]:
    content = names_and_values(value)
    for name, reason in content.items():
        if not (isinstance(reason, str) and reason.strip()):
            raise Fault(f"{{at}}.{name} must hold a written reason", "no text")
    return {str(name): reason for name, reason in content.items()}


def _days(value: Any) -> float:
    must = "a number of days, 0 or more"
    if not 0 <= number(value, must) <= _MOST_DAYS:
        raise Fault(f"{{at}} must be {must}", value)
    return float(value)


def _positive(value: Any) -> float:
    must = "a number above 0"
    if not 0 < number(value, must) < math.inf:
        raise Fault(f"{{at}} must be {must}", value)
    return float(value)


def _share(value: Any) -> float:
    if not 0 <= number(value) <= 1:
        raise Fault("{at} must be a share from 0 to 1", f"{value:g}")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Fault("{at} must be a whole number, 1 or more", value)
    return value


def _version(value: Any) -> int:
    if value != 1 or isinstance(value, bool):
        raise Fault("version must be 1", value, "Write version: 1, or install a newer scoring-ml")
    return 1


def _mapping_to(values: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "additionalProperties": values})


_LABELS_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {language: {"type": "string"} for language in LANGUAGES},
    "additionalProperties": False,
}

Word = Annotated[str, PlainValidator(_word), WithJsonSchema(_SCALAR)]
Words = Annotated[
    tuple[str, ...],
    PlainValidator(words_of),
    WithJsonSchema(
        {"anyOf": [_SCALAR, {"type": "array", "items": {"type": [*_SCALAR["type"], "null"]}}]}
    ),
]
MissingWords = Annotated[Words, PlainValidator(missing_words)]
Texts = Annotated[Mapping[str, str], PlainValidator(texts), _mapping_to(_SCALAR)]
Labels = Annotated[Mapping[str, str], PlainValidator(labels), WithJsonSchema(_LABELS_FORM)]
ValueLabels = Annotated[
    Mapping[str, Mapping[str, str]], PlainValidator(values_labels), _mapping_to(_LABELS_FORM)
]
Reason = Annotated[str, PlainValidator(_reason), WithJsonSchema({"type": "string"})]
Reasons = Annotated[Mapping[str, str], PlainValidator(_reasons), _mapping_to({"type": "string"})]
Flag = Annotated[bool, PlainValidator(flag), WithJsonSchema({"type": "boolean"})]
Number = Annotated[float, PlainValidator(number), WithJsonSchema({"type": "number"})]
Days = Annotated[
    float,
    PlainValidator(_days),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": _MOST_DAYS}),
]
Positive = Annotated[
    float, PlainValidator(_positive), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
Share = Annotated[
    float, PlainValidator(_share), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
]
Count = Annotated[int, PlainValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
Version = Annotated[int, PlainValidator(_version), WithJsonSchema({"const": 1})]
