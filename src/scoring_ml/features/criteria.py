"""The hand-built matrix: declarative rules from fields to none, partial or full.

The file ``matrix.yaml`` holds questions and points that people review like a price list; there is
no code in it. This module reads it, checks it against the schema and applies it to one lead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from scoring_ml.data.names import nearest
from scoring_ml.data.schema import CRITERIA, FEATURE_TYPES, Column, Schema
from scoring_ml.data.section import ByName, Fault, ReadAs, Section
from scoring_ml.data.section_values import Flag, OneOf, Word
from scoring_ml.data.values.contacts import valid_email, valid_phone
from scoring_ml.data.values.typed import Typed
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.data.yaml_file import reviewed


def _finite(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise Fault("{at} must be a number", value)
    return value


LEVELS: Final = ("none", "partial", "full")
UNKNOWN: Final = "unknown"
DEFAULT_POINTS: Final[Mapping[str, tuple[int, int, int]]] = {
    "industry_fit": (0, 10, 20),
    "budget": (0, 10, 20),
    "need_urgency": (0, 15, 30),
    "authority": (0, 10, 20),
    "timeline": (0, 5, 10),
    "engagement": (0, 5, 10),
}
"""Points for none, partial and full; the maxima add up to 110."""

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}
Whole = Annotated[int, Field(strict=True, ge=0)]
Operand = Annotated[int | float, PlainValidator(_finite), WithJsonSchema({"type": "number"})]
WordList = Annotated[list[Word], Field(min_length=1)]

_OPERANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "one_of": ("category", "multiselect"),
    "not_one_of": ("category", "multiselect"),
    **dict.fromkeys(_COMPARISONS, ("number",)),
    "is": ("boolean",),
    "valid": ("email", "phone"),
    "filled": FEATURE_TYPES,
}


@dataclass(frozen=True)
class Condition(Section):
    """What must hold of a field's value; all words together.

    Parameters
    ----------
    one_of, not_one_of : list of str
        Of a category: its values, in any case.
    at_least, at_most, above, below : int or float
        Of a number.
    is_ : bool
        Of a boolean.
    valid : bool
        Of an e-mail address or a phone number: whether it could reach somebody.
    filled : bool
        Of any field.
    """

    one_of: WordList | None = None
    not_one_of: WordList | None = None
    at_least: Operand | None = None
    at_most: Operand | None = None
    above: Operand | None = None
    below: Operand | None = None
    is_: Flag | None = field(default=None, metadata={"alias": "is"})
    valid: Flag | None = None
    filled: Flag | None = None


@dataclass(frozen=True)
class LevelPoints(Section):
    """Points of a criterion by level."""

    none: Whole
    partial: Whole
    full: Whole

    def check(self) -> None:
        """Refuse points that do not rise."""
        if not self.none <= self.partial <= self.full:
            raise Fault("{at} must rise", f"{self.none}, {self.partial}, {self.full}")


@dataclass(frozen=True)
class Rule(Section):
    """From one field to a level.

    Parameters
    ----------
    field : str
        The column of the schema that the rule looks at.
    column : Column
        The same, as the schema describes it.
    full, partial : mapping of condition word to operand, or None
        All words of a condition must hold; ``full`` is looked at first.
    """

    field: Word
    column: Annotated[Column, SkipJsonSchema()]
    full: Annotated[Mapping[str, Any], ReadAs(Condition, Condition.dump)] | None = None
    partial: Annotated[Mapping[str, Any], ReadAs(Condition, Condition.dump)] | None = None

    UNWRITTEN: ClassVar = ("column",)

    @classmethod
    def complete(cls, content: dict[str, Any], context: Schema | None) -> None:
        """Find the column in the schema."""
        if "field" not in content:
            raise Fault("{at} must name its field")
        name, names = str(content["field"]), context.names if context else ()
        if context is None or name not in names:
            like = nearest(name, names)
            do = f"Write {like}" if like else "Name a column of the schema"
            raise Fault("{at}.field must be a column of the schema", name, do)
        content["column"] = context[name]
        for level in ("full", "partial"):
            if content.get(level) == {}:
                del content[level]

    def check(self) -> None:
        """Refuse a column out of use, and condition words that do not fit its type."""
        if not self.column.use:
            raise Fault(
                "{at}.field must be a column that the schema uses",
                f"{self.field} with use: false",
                "Decide on the column in the schema, or remove the rule",
            )
        for level, condition in (("full", self.full), ("partial", self.partial)):
            for word in condition or ():
                if self.column.type not in _OPERANDS[word]:
                    raise Fault(
                        f"{{at}}.{level}.{word} needs a field of type "
                        f"{' or '.join(_OPERANDS[word])}",
                        f"{self.field} is {self.column.type}",
                    )
        if not (self.full or self.partial):
            raise Fault("{at} must say when it is full or partial", "neither")

    def level(self, value: Typed) -> str:
        """Return the level of a typed value that is known."""
        for name, condition in (("full", self.full), ("partial", self.partial)):
            if condition and all(
                _holds(word, operand, value, self.column) for word, operand in condition.items()
            ):
                return name
        return "none"


@dataclass(frozen=True)
class Criterion(Section):
    """One of the six questions: its points and the rules that answer it.

    Parameters
    ----------
    name : str
        One of :data:`scoring_ml.data.schema.CRITERIA`.
    points : tuple of int
        For none, partial and full.
    combine : {"best", "worst"}
        Which level counts where several rules are known.
    """

    name: Annotated[str, SkipJsonSchema()]
    points: Annotated[tuple[int, int, int], ReadAs(LevelPoints, astuple)]
    combine: Annotated[str, OneOf(("best", "worst"))] = "best"
    rules: tuple[Rule, ...] = ()

    UNWRITTEN: ClassVar = ("name",)
    WHOLE: ClassVar = True

    @classmethod
    def complete(cls, content: dict[str, Any], context: Any) -> None:
        """Give a criterion without points its own."""
        usual = dict(zip(LEVELS, DEFAULT_POINTS[content["name"]], strict=True))
        content.setdefault("points", usual)

    def dump(self) -> dict[str, Any]:
        """Return what a file holds, points by level."""
        return super().dump() | {"points": dict(zip(LEVELS, self.points, strict=True))}

    def level(self, values: Mapping[str, Typed]) -> str:
        """Return none, partial, full or unknown for a lead's typed values."""
        known = [
            rule.level(values[rule.column.name])
            for rule in self.rules
            if not is_missing(values.get(rule.column.name))
        ]
        if not known:
            return UNKNOWN
        choose = max if self.combine == "best" else min
        return choose(known, key=LEVELS.index)

    def points_of(self, level: str) -> int:
        """Return the points of a level; unknown counts as none."""
        return self.points[LEVELS.index(level)] if level in LEVELS else self.points[0]


@dataclass(frozen=True)
class Matrix(Section):
    """The hand-built matrix of six criteria.

    The plain total is 0-110 with the default points; it is never rescaled.
    """

    criteria: Annotated[tuple[Criterion, ...], ByName(Criterion, CRITERIA)]
    version: Literal[1] = 1

    TITLE: ClassVar = "the matrix"
    FILE: ClassVar = "matrix.yaml"

    @property
    def max_total(self) -> int:
        """Largest total that a lead can reach."""
        return sum(max(criterion.points) for criterion in self.criteria)

    @property
    def mapped(self) -> tuple[str, ...]:
        """Names of the criteria that have at least one rule."""
        return tuple(criterion.name for criterion in self.criteria if criterion.rules)

    def levels(self, values: Mapping[str, Typed]) -> dict[str, str]:
        """Return the level of each criterion: none, partial, full or unknown."""
        return {criterion.name: criterion.level(values) for criterion in self.criteria}

    def dump(self) -> dict[str, Any]:
        """Return the mapping that a matrix file holds."""
        return {"version": self.version, "criteria": {c.name: c.dump() for c in self.criteria}}


def is_missing(value: Typed) -> bool:
    """Tell whether a typed value means "not known"."""
    return value is None or value != value


def unmapped_matrix() -> Matrix:
    """Return the matrix of ``models/matrix.yaml``: the points without any rule."""
    return Matrix.read(reviewed("matrix.yaml"), source="models/matrix.yaml")


def _holds(word: str, operand: Any, value: Any, column: Column) -> bool:
    if word in _COMPARISONS:
        return bool(_COMPARISONS[word](value, operand))
    if word in ("one_of", "not_one_of"):
        words = {folded(member) for member in column.members(value)}
        return (not words.isdisjoint(map(folded, operand))) is (word == "one_of")
    if word == "is":
        return bool(value == 1.0) is operand
    if word == "valid":
        # "What to ask next" tries an address that is valid without knowing one.
        valid = value if isinstance(value, bool) else contact_valid(value, column)
        return valid is operand
    return bool(operand)  # filled: a rule is asked only when its field is known


def contact_valid(value: str, column: Column) -> bool | None:
    """Tell whether an e-mail address or phone number could reach somebody; None if nobody can."""
    return valid_email(value) if column.type == "email" else valid_phone(value, column.region)
