"""Typed values, read from what a file or a request says, in one place.

A value is read the same way wherever it comes from, so that batch and online agree to the bit.
Typed values are ``float`` (number; boolean as 0.0 or 1.0; NaN for not known),
``datetime`` in UTC without a zone (date; ``None`` for not known) and ``str`` (category, email,
phone; ``None`` for not known).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments import Bools, parse_date, parse_day
from scoring_ml.data.values.numbers import parse_boolean, parse_number
from scoring_ml.data.values.vocabulary import folded, tidy

Typed = float | str | datetime | None


def reader(column: Column, missing: tuple[str, ...]) -> Callable[[Any], Typed]:
    """Return the function that reads one column's values.

    Parameters
    ----------
    column : Column
    missing : tuple of str
        The schema's words for "not known"; compared without regard to case and outer space.

    Returns
    -------
    callable
        From any scalar (text, number, bool, date, ``None``) to a typed value. It raises
        ``InvalidValue`` with a message that never quotes the value.
    """
    words = frozenset(folded(word) for word in (*missing, *column.missing))
    convert = _converter(column)
    nothing: Typed = float("nan") if column.type in ("number", "boolean") else None
    numbers = (_as_number(word, column.decimal) for word in words)
    missing_numbers = frozenset(number for number in numbers if number is not None)

    def read(raw: Any) -> Typed:
        if raw is None:
            return nothing
        if isinstance(raw, str):
            if folded(raw) in words:
                return nothing
        elif isinstance(raw, float) and math.isnan(raw):
            raise InvalidValue("not_a_number")
        value = convert(raw)
        return nothing if isinstance(value, float) and value in missing_numbers else value

    return read


def read_values(
    cells: Iterable[Any], column: Column, missing: tuple[str, ...]
) -> tuple[Any, Bools]:
    """Read the values of a column, each distinct one once.

    Parameters
    ----------
    cells : iterable of scalars, n of them
        NaN counts as ``None``.
    column : Column
    missing : tuple of str

    Returns
    -------
    values : array, shape (n,)
        ``float64`` (number, boolean), ``datetime64[us]`` (date) or objects (``str`` or None).
    wrong : array of bool, shape (n,)
        Where the value cannot be read; it counts as missing in ``values``.
    """
    read = reader(column, missing)
    known: dict[Any, tuple[Typed, bool]] = {}
    pairs = []
    for item in cells:
        cell = None if item is None or item != item else item
        key = (type(cell), cell)
        if key not in known:
            try:
                known[key] = read(cell), False
            except ValueError:
                known[key] = read(None), True
        pairs.append(known[key])
    values = missing_values(column.type, len(pairs))
    values[:] = [value for value, _ in pairs]
    return values, np.array([wrong for _, wrong in pairs], dtype=bool)


def missing_values(kind: str, n: int) -> NDArray[Any]:
    """Return n times "not known" as a column of a type holds it."""
    if kind in ("number", "boolean"):
        return np.full(n, np.nan)
    if kind == "date":
        return np.full(n, np.datetime64("NaT"), dtype="datetime64[us]")
    return np.full(n, None, dtype=object)


def _as_number(word: str, decimal: str) -> float | None:
    try:
        return parse_number(word, decimal=decimal)
    except ValueError:
        return None


def _converter(column: Column) -> Callable[[Any], Typed]:
    kind = column.type
    if kind == "number":
        return lambda raw: _number(raw, column.decimal)
    if kind == "boolean":
        return _boolean
    if kind == "date":
        return lambda raw: _date(raw, column.day_first)
    return _word


def _number(raw: Any, decimal: str) -> float:
    if isinstance(raw, str):
        return parse_number(raw, decimal=decimal)
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        try:
            value = float(raw)
        except OverflowError:
            raise InvalidValue("finite") from None
        if not math.isfinite(value):
            raise InvalidValue("finite")
        return value
    raise InvalidValue("number")


def _boolean(raw: Any) -> float:
    if isinstance(raw, str):
        return parse_boolean(raw)
    if isinstance(raw, (bool, int, float)) and raw in (0, 1):
        return float(raw)
    raise InvalidValue("yes_no")


def _date(raw: Any, day_first: bool) -> datetime:
    if isinstance(raw, str):
        return parse_date(raw, day_first=day_first)
    if isinstance(raw, date):
        return parse_day(raw)
    raise InvalidValue("date_text")


def _word(raw: Any) -> str:
    if isinstance(raw, str):
        return tidy(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float)):
        if isinstance(raw, float) and not math.isfinite(raw):
            raise InvalidValue("text")
        try:
            return str(int(raw)) if raw == int(raw) else repr(float(raw))
        except (ValueError, OverflowError):  # thousands of digits
            raise InvalidValue("text") from None
    raise InvalidValue("text")
