"""The hand-built matrix: declarative rules from fields to none, partial or full.

The file ``matrix.yaml`` holds questions and points that people review like a price list; there is
no code in it. This module reads it, checks it against the schema and applies it to one lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from scoring_ml.data.names import nearest
from scoring_ml.data.schema import CRITERIA, Column, Schema
from scoring_ml.data.values.contacts import valid_email, valid_phone
from scoring_ml.data.values.typed import Typed
from scoring_ml.data.values.vocabulary import tidy
from scoring_ml.data.yaml_file import read_yaml
from scoring_ml.errors import SchemaError

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

_OPERANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "one_of": ("category",),
    "not_one_of": ("category",),
    "at_least": ("number",),
    "at_most": ("number",),
    "above": ("number",),
    "below": ("number",),
    "is": ("boolean",),
    "valid": ("email", "phone"),
    "filled": ("number", "boolean", "category", "date", "email", "phone"),
}


@dataclass(frozen=True)
class Rule:
    """From one field to a level.

    Parameters
    ----------
    column : Column
        The field that the rule looks at.
    full, partial : mapping of condition word to operand, or None
        All words of a condition must hold; ``full`` is looked at first.
    """

    column: Column
    full: Mapping[str, Any] | None
    partial: Mapping[str, Any] | None

    def level(self, value: Typed) -> str:
        """Return the level of a typed value that is known."""
        for name, condition in (("full", self.full), ("partial", self.partial)):
            if condition and all(
                _holds(word, operand, value, self.column) for word, operand in condition.items()
            ):
                return name
        return "none"


@dataclass(frozen=True)
class Criterion:
    """One of the six questions: its points and the rules that answer it."""

    name: str
    points: tuple[int, int, int]
    combine: str
    rules: tuple[Rule, ...]

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
class Matrix:
    """The hand-built matrix of six criteria.

    The plain total is 0-110 with the default points; it is never rescaled.
    """

    criteria: tuple[Criterion, ...]

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
        """Return the mapping that a matrix file holds; :func:`parse_matrix` undoes it."""
        content: dict[str, Any] = {}
        for criterion in self.criteria:
            rules = []
            for rule in criterion.rules:
                item: dict[str, Any] = {"field": rule.column.name}
                item |= {"full": dict(rule.full)} if rule.full else {}
                item |= {"partial": dict(rule.partial)} if rule.partial else {}
                rules.append(item)
            content[criterion.name] = {
                "points": dict(zip(LEVELS, criterion.points, strict=True)),
                "combine": criterion.combine,
                "rules": rules,
            }
        return {"version": 1, "criteria": content}


def is_missing(value: Typed) -> bool:
    """Tell whether a typed value means "not known"."""
    return value is None or value != value


def load_matrix(path: Path, schema: Schema) -> Matrix:
    """Read a matrix file and check it against a schema.

    Raises
    ------
    SchemaError
        If the file is missing or says something that cannot be; names the place and the
        nearest allowed word.
    """
    return parse_matrix(read_yaml(path, what="matrix"), schema, source=path.name)


def unmapped_matrix() -> Matrix:
    """Return the matrix of ``models/matrix.yaml``: the points without any rule."""
    content = yaml.safe_load(unmapped_matrix_text())
    return parse_matrix(content, None, source="models/matrix.yaml")


def unmapped_matrix_text() -> str:
    """Return the text of ``models/matrix.yaml``, comments and all."""
    return (files("models") / "matrix.yaml").read_text(encoding="utf-8")


def parse_matrix(
    content: Mapping[str, Any], schema: Schema | None, *, source: str = "matrix.yaml"
) -> Matrix:
    """Build a matrix from the mapping that its file holds.

    Raises
    ------
    SchemaError
        If it says something that cannot be.
    """

    def fail(must: str, found: str, do: str = "Correct the file") -> SchemaError:
        return SchemaError(must, found=f"{found} in {source}", do=do)

    given = content.get("criteria")
    if not isinstance(given, Mapping):
        raise fail("A matrix must have criteria", "none", "See models/matrix.yaml for the form")
    for name in given:
        if name not in CRITERIA:
            like = nearest(str(name), CRITERIA)
            raise fail(
                f"Criteria must be among {', '.join(CRITERIA)}",
                str(name),
                f"Write {like}" if like else "Remove it",
            )
    return Matrix(
        tuple(_parse_criterion(name, given.get(name) or {}, schema, fail) for name in CRITERIA)
    )


def _parse_criterion(
    name: str, spec: Any, schema: Schema | None, fail: Callable[..., SchemaError]
) -> Criterion:
    if not isinstance(spec, Mapping):
        raise fail(f"{name} must hold points, combine and rules", type(spec).__name__)
    for key in spec:
        if key not in ("points", "combine", "rules"):
            like = nearest(str(key), ("points", "combine", "rules"))
            raise fail(
                f"{name} may hold points, combine and rules",
                str(key),
                f"Write {like}" if like else "Remove it",
            )
    points = spec.get("points") or dict(zip(LEVELS, DEFAULT_POINTS[name], strict=True))
    if not isinstance(points, Mapping) or set(points) != set(LEVELS):
        raise fail(f"{name}.points must give none, partial and full", str(points))
    values = tuple(points[level] for level in LEVELS)
    if any(not isinstance(value, int) or isinstance(value, bool) for value in values) or not (
        0 <= values[0] <= values[1] <= values[2]
    ):
        raise fail(f"{name}.points must be whole numbers that rise from 0", str(values))
    combine = spec.get("combine", "best")
    if combine not in ("best", "worst"):
        raise fail(f"{name}.combine must be best or worst", str(combine))
    given = spec.get("rules") or ()
    if not isinstance(given, (list, tuple)):
        raise fail(f"{name}.rules must be a list", type(given).__name__)
    rules = tuple(
        _parse_rule(f"{name}.rules[{index}]", rule, schema, fail)
        for index, rule in enumerate(given)
    )
    return Criterion(name, values, combine, rules)


def _parse_rule(
    at: str, spec: Any, schema: Schema | None, fail: Callable[..., SchemaError]
) -> Rule:
    if not isinstance(spec, Mapping) or not set(spec) <= {"field", "full", "partial"}:
        raise fail(f"{at} may hold field, full and partial", str(spec)[:80])
    if spec.get("field") is None:
        raise fail(f"{at} must name its field", "none")
    name = str(spec["field"])
    names = schema.names if schema else ()
    if schema is None or name not in names:
        like = nearest(name, names)
        raise fail(
            f"{at}.field must be a column of the schema",
            name,
            f"Write {like}" if like else "Name a column of the schema",
        )
    column = schema[name]
    if not column.use:
        raise fail(
            f"{at}.field must be a column that the schema uses",
            f"{name} with use: false",
            "Decide on the column in the schema, or remove the rule",
        )
    conditions: dict[str, Mapping[str, Any] | None] = {}
    for level in ("full", "partial"):
        condition = spec.get(level)
        if condition is not None and not isinstance(condition, Mapping):
            raise fail(f"{at}.{level} must hold condition words", str(condition)[:80])
        conditions[level] = (
            {
                str(word): _check_operand(f"{at}.{level}", str(word), operand, column, fail)
                for word, operand in condition.items()
            }
            if condition
            else None
        )
    if not any(conditions.values()):
        raise fail(f"{at} must say when it is full or partial", "neither")
    return Rule(column, conditions["full"], conditions["partial"])


def _check_operand(
    at: str, word: str, operand: Any, column: Column, fail: Callable[..., SchemaError]
) -> Any:
    if word not in _OPERANDS:
        like = nearest(word, _OPERANDS)
        raise fail(
            f"{at} may hold {', '.join(_OPERANDS)}", word, f"Write {like}" if like else "Remove it"
        )
    if column.type not in _OPERANDS[word]:
        raise fail(
            f"{at}.{word} needs a field of type {' or '.join(_OPERANDS[word])}",
            f"{column.name} is {column.type}",
        )
    if word in ("one_of", "not_one_of"):
        if not isinstance(operand, (list, tuple)) or not operand:
            raise fail(f"{at}.{word} must be a list of values", str(operand)[:80])
        yes_no = {True: "yes", False: "no"}
        return [yes_no[item] if isinstance(item, bool) else str(item) for item in operand]
    if word in ("at_least", "at_most", "above", "below"):
        if (
            isinstance(operand, bool)
            or not isinstance(operand, (int, float))
            or not -1e300 < operand < 1e300
        ):
            raise fail(f"{at}.{word} must be a number", str(operand)[:80])
        return operand
    if not isinstance(operand, bool):
        raise fail(f"{at}.{word} must be true or false", str(operand)[:80])
    return operand


def _holds(word: str, operand: Any, value: Any, column: Column) -> bool:
    match word:
        case "one_of":
            return fold(value) in {fold(item) for item in operand}
        case "not_one_of":
            return fold(value) not in {fold(item) for item in operand}
        case "at_least":
            return bool(value >= operand)
        case "at_most":
            return bool(value <= operand)
        case "above":
            return bool(value > operand)
        case "below":
            return bool(value < operand)
        case "is":
            return bool(value == 1.0) is operand
        case "valid":
            # "What to ask next" tries an address that is valid without knowing one.
            found = value if isinstance(value, bool) else contact_valid(value, column)
            return found is operand
        case _:  # filled: a rule is asked only when its field is known
            return bool(operand)


def contact_valid(value: str, column: Column) -> bool:
    """Tell whether an e-mail address or phone number could reach somebody."""
    return valid_email(value) if column.type == "email" else valid_phone(value, column.region)


def fold(word: str) -> str:
    """Return the form of a category in which spellings are compared.

    >>> fold("Google ") == fold("google")
    True
    """
    return tidy(word).casefold()
