"""Encoder of typed values to a float64 matrix, the same for one lead and for a million.

Numbers, booleans and dates become one column each (NaN for not known); a category becomes one
column per level seen often enough in training, one for "other" and one for "missing", of which a
multiselect may set several; contact details become valid or not. Beside the fields stand the six
criteria of the hand-built matrix, so that every estimator learns from the same matrix of numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import Column, Schema
from scoring_ml.data.values.typed import Typed
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.features.criteria import LEVELS, UNKNOWN, Matrix, contact_valid, is_missing

MAX_LEVELS: Final = 40
"""Most levels of a category that get a column of their own."""

LEVEL_CODES: Final = (*LEVELS, UNKNOWN)
"""Levels of a criterion by their code."""

_DAY_US: Final = 86_400_000_000.0


@dataclass(frozen=True)
class EncodedColumn:
    """One column of the encoded matrix.

    Parameters
    ----------
    role : str
        ``value`` (number, boolean, days, validity), ``level``, ``other``, ``missing`` (of a
        category), ``criterion_points`` or ``criterion_level``.
    field : str
        The field that a person knows, to which contributions are summed back.
    level : str or None
        For ``level`` the folded category, for ``criterion_level`` the level's name.
    monotone : int
        1, -1 or 0: direction in which the chance of a win must not fall.
    member : str or None
        The schema's column behind it, where that is summed to a field of another name.
    days : bool
        Whether the value counts the days since something.
    """

    role: str
    field: str
    criterion: str
    level: str | None = None
    monotone: int = 0
    member: str | None = None
    days: bool = False

    @property
    def column(self) -> str:
        """The schema's column behind it: of a family each member has its own."""
        return self.member or self.field


class Encoder:
    """Turns typed values into rows of a float64 matrix.

    Parameters
    ----------
    levels : mapping of field name to tuple of str
        Categories with a column of their own, as written most often in training.
    """

    def __init__(self, schema: Schema, matrix: Matrix, levels: Mapping[str, Sequence[str]]) -> None:
        self.schema = schema
        self.matrix = matrix
        self.levels = {name: tuple(names) for name, names in levels.items()}
        self.columns = tuple(self._design())
        # Without an order by time no lead was seen at a moment, so dates said nothing in training.
        self._dated = schema.order.by == "time"
        # Where a column's numbers begin, and the place of each level; "other" and "missing" follow.
        self._slots: dict[str, tuple[int, dict[str, int]]] = {}
        for index, column in enumerate(self.columns):
            if column.role in ("value", "level", "other", "missing"):
                start, known = self._slots.setdefault(column.column, (index, {}))
                if column.role == "level":
                    known[str(column.level)] = index - start
        self._criteria = {
            column.criterion: index
            for index, column in enumerate(self.columns)
            if column.role == "criterion_points"
        }
        # Per criterion the four columns (points, unknown, partial, full) of each coded level.
        self._criterion_rows = {
            criterion.name: np.column_stack(
                [np.take(criterion.points, (0, 1, 2, 0)), np.eye(4)[:, [3, 1, 2]]]
            )
            for criterion in matrix.criteria
        }

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        schema: Schema,
        matrix: Matrix,
        lead: NDArray[np.int64] | None = None,
    ) -> Encoder:
        """Choose the levels of each category from training rows.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Typed values of the training window alone.
        lead : array of int, shape (n,), or None
            Which lead a row is of: a level counts once a lead. Each row is a lead if None.
        """
        n = len(frame) if lead is None else len(np.unique(lead))
        least = max(5, int(np.ceil(0.002 * n)))
        levels: dict[str, tuple[str, ...]] = {}
        for column in schema.used:
            if not column.worded:
                continue
            words = pd.Series(frame[column.name].to_numpy(), dtype=object)
            if column.type == "multiselect":
                words = words.dropna().map(column.members).explode()
            if lead is not None:
                once = pd.DataFrame({"lead": lead[words.index], "word": words})
                words = words[~once.duplicated().to_numpy()]
            spellings = words.dropna().value_counts()
            counts: Counter[str] = Counter()
            written: dict[str, str] = {}
            pairs = [(str(word), int(count)) for word, count in spellings.items()]
            for word, count in sorted(pairs, key=lambda pair: (-pair[1], pair[0])):
                written.setdefault(folded(word), word)
                counts[folded(word)] += count
            often = sorted(
                (key for key, count in counts.items() if count >= least),
                key=lambda key: (-counts[key], key),
            )
            levels[column.name] = tuple(written[key] for key in often[:MAX_LEVELS])
        return cls(schema, matrix, levels)

    @property
    def width(self) -> int:
        """Number of columns of the encoded matrix."""
        return len(self.columns)

    def encode(
        self, frame: pd.DataFrame, as_of: NDArray[np.datetime64] | None
    ) -> NDArray[np.float64]:
        """Encode many leads.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Typed values, as :func:`scoring_ml.data.values.typed.read_columns` gives them. A
            column that is absent counts as missing.
        as_of : array of datetime64[us], shape (n,), or None
            The moment at which each lead is seen. Dates count as missing without it, and where
            the schema does not order leads by time.

        Returns
        -------
        array of float64, shape (n, width)
        """
        X = np.zeros((len(frame), self.width))
        as_of = as_of if self._dated else None
        for column in self.schema.used:
            values = frame[column.name].to_numpy() if column.name in frame else None
            if column.worded:
                self._encode_words(X, column, values)
            else:
                X[:, self._slots[column.name][0]] = _numbers(column, values, as_of, len(frame))
        for name, codes in self.criterion_codes(frame).items():
            self.set_criterion(X, name, codes)
        return X

    def encode_one(
        self, values: Mapping[str, Typed], as_of: datetime | None
    ) -> tuple[NDArray[np.float64], dict[str, str]]:
        """Encode one lead.

        Returns
        -------
        x : array of float64, shape (width,)
            Equal to the bit to the row that :meth:`encode` gives.
        """
        x = np.zeros(self.width)
        as_of = as_of if self._dated else None
        for column in self.schema.used:
            self.set_field(x, column, values.get(column.name), as_of)
        levels = self.matrix.levels(values)
        for name, level in levels.items():
            self.set_criterion(x[None, :], name, np.array([LEVEL_CODES.index(level)]))
        return x, levels

    def set_field(
        self, x: NDArray[np.float64], column: Column, value: Typed, as_of: datetime | None
    ) -> None:
        """Write one field's columns of an encoded lead, in place."""
        start, slots = self._slots[column.name]
        if not column.worded:
            x[start] = _number(column, value, as_of)
            return
        x[start : start + len(slots) + 2] = 0.0
        x[[start + slot for slot in self._word_slots(column, value)]] = 1.0

    def set_criterion(self, X: NDArray[np.float64], name: str, codes: NDArray[np.int64]) -> None:
        """Write one criterion's columns of encoded leads, in place.

        Parameters
        ----------
        X : array of float, shape (n, width)
        codes : array of int, shape (n,)
            0 none, 1 partial, 2 full, 3 unknown.
        """
        at = self._criteria[name]
        X[:, at : at + 4] = self._criterion_rows[name][codes]

    def criterion_codes_of(self, X: NDArray[np.float64], name: str) -> NDArray[np.int64]:
        """Return a criterion's level of encoded leads: 0 none, 1 partial, 2 full, 3 unknown."""
        flags = X[:, self._criteria[name] + 1 : self._criteria[name] + 4]
        return np.asarray(flags @ np.array([3.0, 1.0, 2.0])).astype(np.int64)

    def is_unseen(self, column: Column, value: Typed) -> bool:
        """Tell whether a category was not seen often enough in training to have a column."""
        if not column.worded or value is None:
            return False
        slots = self._slots[column.name][1]
        return len(slots) in self._word_slots(column, value)

    def criterion_codes(self, frame: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
        """Return the level of each criterion for many leads: 0 none, 1 partial, 2 full, 3 unknown.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Typed values.
        """
        codes: dict[str, NDArray[np.int64]] = {}
        for criterion in self.matrix.criteria:
            best = criterion.combine == "best"
            unknown = -1 if best else len(LEVELS)
            level = np.full(len(frame), unknown, dtype=np.int64)
            for rule in criterion.rules:
                if rule.column.name not in frame:
                    continue

                def code(value: Any, rule: Any = rule, unknown: int = unknown) -> int:
                    return unknown if is_missing(value) else LEVELS.index(rule.level(value))

                found = _map_unique(frame[rule.column.name].to_numpy(), code)
                level = np.maximum(level, found) if best else np.minimum(level, found)
            level[level == unknown] = len(LEVELS)
            codes[criterion.name] = level
        return codes

    def _design(self) -> list[EncodedColumn]:
        columns = []
        for column in self.schema.used:
            owner = self.schema[field_of(column, self.schema)]
            encoded = partial(
                EncodedColumn,
                field=owner.name,
                criterion=owner.criterion,
                member=None if owner.name == column.name else column.name,
            )
            if column.worded:
                columns += [
                    encoded("level", level=folded(level)) for level in self.levels[column.name]
                ]
                columns += [encoded("other"), encoded("missing")]
                continue
            sign = {"increasing": 1, "decreasing": -1, None: 0}[column.monotone]
            # The encoded number of a date is days before as_of, so it falls as dates rise.
            dated = column.type == "date"
            days = dated or column.unit == "days"
            columns.append(encoded("value", monotone=-sign if dated else sign, days=days))
        for criterion in self.matrix.criteria:
            fields = {field_of(rule.column, self.schema) for rule in criterion.rules}
            # One field behind a criterion: its points belong to the field that people know.
            name = fields.pop() if len(fields) == 1 else self._criterion_name(criterion.name)
            encoded = partial(EncodedColumn, field=name, criterion=criterion.name)
            columns.append(encoded("criterion_points", level=criterion.name))
            columns += [encoded("criterion_level", level=at) for at in (UNKNOWN, "partial", "full")]
        return columns

    def _criterion_name(self, criterion: str) -> str:
        """Return a name for a criterion that no column of the file bears."""
        name = f"matrix:{criterion}"
        while name in self.schema.names:
            name += "*"
        return name

    def _word_slots(self, column: Column, value: Any) -> list[int]:
        """Return which of a column's flags are set: one, or one for each value of a multiselect."""
        slots = self._slots[column.name][1]
        if value is None:
            return [len(slots) + 1]
        return [slots.get(folded(word), len(slots)) for word in column.members(str(value))]

    def _encode_words(self, X: NDArray[np.float64], column: Column, values: Any) -> None:
        start, slots = self._slots[column.name]
        if values is None:
            X[:, start + len(slots) + 1] = 1.0
            return
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
        found = [self._word_slots(column, value) for value in (*distinct, None)]
        # Flag by flag: a value has few of them, and a table of all flags could be wide.
        for place in range(max(map(len, found))):
            table = np.array([flags[min(place, len(flags) - 1)] for flags in found])
            X[np.arange(len(X)), start + table[codes]] = 1.0


def field_of(column: Column, schema: Schema) -> str:
    """Return the field that a column's points are summed back to: the family's main column.

    A column whose family has no main column that models may see stands for itself.
    """
    used = {other.name: other for other in schema.used}
    passed = {column.name}
    while column.part_of in used and column.part_of not in passed:
        column = used[column.part_of]
        passed.add(column.name)
    return column.name


def _map_unique(values: NDArray[Any], function: Callable[[Any], int]) -> NDArray[np.int64]:
    """Apply a function to every value, computing it once for each distinct one."""
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    table = np.array([function(value) for value in distinct] + [function(None)], dtype=np.int64)
    return table[codes]


def _number(column: Column, value: Any, as_of: datetime | None) -> float:
    if is_missing(value):
        return np.nan
    if column.type == "date":
        if as_of is None:
            return np.nan
        gap = as_of - value
        micro = (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
        return float(micro / _DAY_US)
    if column.type in ("email", "phone"):
        valid = contact_valid(value, column)
        return np.nan if valid is None else float(valid)
    return float(value)


def _numbers(
    column: Column, values: Any, as_of: NDArray[np.datetime64] | None, n: int
) -> NDArray[np.float64]:
    if values is None:
        return np.full(n, np.nan)
    if column.type == "date":
        if as_of is None:
            return np.full(n, np.nan)
        gap = as_of.astype("datetime64[us]") - values.astype("datetime64[us]")
        days = gap.astype("int64") / _DAY_US
        days[np.isnat(gap)] = np.nan
        return np.asarray(days, dtype=np.float64)
    if column.type in ("email", "phone"):
        codes = _map_unique(
            values,
            lambda value: {True: 1, False: 0, None: -1}[
                None if value is None else contact_valid(value, column)
            ],
        )
        return np.where(codes < 0, np.nan, codes.astype(float))
    return np.asarray(values, dtype=np.float64)
