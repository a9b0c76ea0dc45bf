"""Values of a settings file: words, numbers, flags and days, as people mean them.

YAML 1.1 takes an unquoted yes or no for a boolean, and digits for a number; where a word is
expected, both are written back as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import core_schema

from scoring_ml.data.section import Fault, choose, names_and_values
from scoring_ml.data.values.vocabulary import tidy

LANGUAGES: Final = ("en", "fa", "ru")
"""Languages of labels."""

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


def _missing_words(value: Any) -> tuple[str, ...]:
    """Return words for "not known", of which the empty one is always the first."""
    return ("", *(word for word in words_of(value) if word))


def _word(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        raise Fault("{at} must be text", type(value).__name__)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def is_encoding(name: str) -> bool:
    """Tell whether a text can be in an encoding of that name."""
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _encoding(value: Any) -> str:
    if not is_encoding(str(value)):
        raise Fault("{at} must be an encoding, such as utf-8, cp1251 or koi8-r", value)
    return str(value)


def _reason(value: Any) -> str:
    if not (isinstance(value, str) and value.strip()):
        raise Fault("{at} must hold a written reason", "no text")
    return value


Word = Annotated[str, PlainValidator(_word), WithJsonSchema(_SCALAR)]
TidyWord = Annotated[str, PlainValidator(lambda value: tidy(_word(value))), WithJsonSchema(_SCALAR)]
"""A word as a category's value is read."""
Encoding = Annotated[str, PlainValidator(_encoding), WithJsonSchema({"type": "string"})]
"""What a file's text is in, if it is not in Unicode; found out if it is not given."""
Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$", strict=True)]
"""The code of a currency, ISO 4217."""
Separator = Annotated[str, Field(pattern=r"^[^\w\s]$", strict=True)]
"""A sign that parts values."""
_WORDS: Final = WithJsonSchema(
    {"anyOf": [_SCALAR, {"type": "array", "items": {"type": [*_SCALAR["type"], "null"]}}]}
)
Words = Annotated[tuple[str, ...], PlainValidator(words_of), _WORDS]
MissingWords = Annotated[tuple[str, ...], PlainValidator(_missing_words), _WORDS]
Texts = Annotated[
    Mapping[str, str],
    PlainValidator(texts),
    WithJsonSchema({"type": "object", "additionalProperties": _SCALAR}),
]
Labels = Mapping[Annotated[str, OneOf(LANGUAGES)], Word]
"""A name for people by language."""
Reason = Annotated[str, PlainValidator(_reason), WithJsonSchema({"type": "string"})]
Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Days = Annotated[float, Field(strict=True, ge=0, le=1e5)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1)]
