"""Typed values, read from what a file or a request says, in one place.

A value is read the same way wherever it comes from, so that batch and online agree to the bit.
Typed values are ``float`` (number; boolean as 0.0 or 1.0; NaN for not known),
``datetime`` in UTC without a zone (date; ``None`` for not known) and ``str`` (category, email,
phone, and multiselect: its values once each, in alphabetical order; ``None`` for not known).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.files.arrow_cells import cell_text, distinct_cells, one_array
from scoring_ml.data.schema import Column
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments import Bools, DateForm, read_clock, read_moments
from scoring_ml.data.values.numbers import Amount, parse_amount, parse_boolean, parse_number
from scoring_ml.data.values.vocabulary import folded, tidy

Typed = float | str | datetime | None

_EPOCH: Final = datetime(1970, 1, 1)


def reader(column: Column, missing: tuple[str, ...]) -> Callable[..., Typed]:
    """Return the function that reads one column's values.

    Parameters
    ----------
    missing : tuple of str
        The schema's words for "not known"; compared without regard to case and outer space.

    Returns
    -------
    callable
        From any scalar (text, number, bool, date, ``None``) to a typed value. A second one is the
        currency that stands in ``column.currency_of``. It raises ``InvalidValue`` with a message
        that never quotes the value.
    """
    words = frozenset(folded(word) for word in (*missing, *column.missing))
    convert = _converter(column)
    nothing: Typed = float("nan") if column.type in ("number", "boolean") else None
    numbers = (_as_number(word, column.decimal) for word in words)
    missing_numbers = frozenset(number for number in numbers if number is not None)

    def read(raw: Any, currency: Any = None) -> Typed:
        if raw is None:
            return nothing
        if isinstance(raw, str):
            if folded(raw) in words:
                return nothing
        elif isinstance(raw, float) and math.isnan(raw):
            raise InvalidValue("not_a_number")
        value = convert(raw)
        if isinstance(value, float) and value in missing_numbers:
            return nothing
        if currency is not None and folded(cell_text(currency)) not in words:
            text = raw if isinstance(raw, str) else cell_text(raw).replace(".", column.decimal)
            return convert(f"{text} {cell_text(currency)}")
        return value

    return read


def read_columns(
    columns: Sequence[Any],
    column: Column,
    missing: tuple[str, ...],
    currencies: Sequence[Any] = (),
) -> tuple[NDArray[Any], Bools]:
    """Read the values of Arrow columns, each distinct one once.

    Parameters
    ----------
    columns : sequence of pyarrow Array or ChunkedArray
        One below the other, n cells in all.
    currencies : sequence of pyarrow Array or ChunkedArray
        What stands in ``column.currency_of``; none without it.

    Returns
    -------
    values : array, shape (n,)
        ``float64`` (number, boolean), ``datetime64[us]`` (date) or objects (``str`` or None).
    wrong : array of bool, shape (n,)
        Where a cell cannot be read; it counts as missing in ``values``.
    """
    read = reader(column, missing)
    parts, wrongs = [], []
    for raw, beside in zip_longest(columns, currencies):
        if column.type == "number" and beside is None and _is_numeric(raw.type):
            parts.append(_plain_numbers(raw, column, missing))
            wrongs.append(np.zeros(len(raw), dtype=bool))
            continue
        if column.type == "date":
            moments = read_moments(raw, column, missing=(*missing, *column.missing))
            days = moments.values.astype("datetime64[us]")
            days[~moments.usable] = np.datetime64("NaT")
            parts.append(days)
            wrongs.append(moments.wrong)
            continue
        codes, cells = distinct_cells(raw)
        if beside is not None:
            codes, cells = _pairs(codes, cells, *distinct_cells(beside))
        # The last place, which codes of -1 look at, is for no cell.
        values = missing_values(column.type, len(cells) + 1)
        wrong = np.zeros(len(cells) + 1, dtype=bool)
        slow: Iterable[int] = range(len(cells))
        if column.type == "number" and len(cells) > _MANY and isinstance(cells[0], str):
            values[:-1], slow = _machine_numbers(cells, column, missing)
        for place in slow:
            cell = cells[place]
            try:
                values[place] = read(cell) if beside is None else read(*cell)
            except ValueError:
                wrong[place] = True
        parts.append(values[codes])
        wrongs.append(wrong[codes])
    return np.concatenate(parts), np.concatenate(wrongs)


def _pairs(
    codes: NDArray[np.int64], cells: Sequence[Any], others: NDArray[np.int64], names: Sequence[Any]
) -> tuple[NDArray[Any], list[tuple[Any, Any]]]:
    """Return the different pairs of the cells of two columns, and which of them each row has."""
    every, beside = [*cells, None], [None, *names]
    pairs, places = np.unique(codes * len(beside) + others, return_inverse=True)
    found = (divmod(pair + 1, len(beside)) for pair in pairs.tolist())
    return places, [(every[one], beside[other]) for one, other in found]


_MANY: Final = 1_000
"""From so many different cells on, numbers as machines write them are read at once."""
_MACHINE: Final = r"^-?[0-9]{1,20}(\.[0-9]{1,30})?$"


def _machine_numbers(
    cells: Sequence[str], column: Column, missing: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Read cells that hold digits and a point alone, as :func:`reader` does; tell the others."""
    texts = pa.array(cells, pa.large_string())
    fits = pc.match_substring_regex(texts, _MACHINE)
    if column.decimal == ",":  # a point may part thousands
        fits = pc.and_(fits, pc.invert(pc.match_substring(texts, ".")))
    values = _plain_numbers(pc.if_else(fits, texts, None).cast(pa.float64()), column, missing)
    return values, np.flatnonzero(~np.asarray(fits))


def _is_numeric(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _plain_numbers(raw: Any, column: Column, missing: tuple[str, ...]) -> NDArray[np.float64]:
    """Read numbers of a numeric column as :func:`reader` does."""
    values = np.array(one_array(raw).cast(pa.float64(), safe=False).fill_null(np.nan))
    values[~np.isfinite(values)] = np.nan
    for word in (*missing, *column.missing):
        values[values == _as_number(word, column.decimal)] = np.nan
    return values


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
        return lambda raw: _number(raw, column)
    if kind == "boolean":
        yes = frozenset(map(folded, column.yes_words))
        return lambda raw: 1.0 if isinstance(raw, str) and folded(raw) in yes else _boolean(raw)
    if kind == "date":
        return lambda raw: _date(raw, column)
    if kind == "multiselect":
        return lambda raw: _members(raw, column)
    return _word


_LIST: Final = re.compile(r"\s*(\[.*\]|\{[^:]*\})\s*", re.DOTALL)


def _members(raw: Any, column: Column) -> str | None:
    """Read the values of a cell: a list, also as JSON, Python or SQL, or with separators."""
    separator = column.between.strip()
    if isinstance(raw, str) and _LIST.fullmatch(raw):
        try:
            raw = json.loads(raw)
        except ValueError:  # ['a', 'b'] or {a,"b c"}
            raw = [part.strip(" '\"") for part in raw.strip()[1:-1].split(",")]
    members = raw if isinstance(raw, list) else _word(raw).split(separator)
    found: dict[str, str] = {}
    for member in members:
        word = tidy(_word(member).replace(separator, " ")) if member is not None else ""
        found[folded(word)] = min(word, found.get(folded(word), word))
    return column.between.join(found[key] for key in sorted(found) if key) or None


def _number(raw: Any, column: Column) -> float:
    if isinstance(raw, str):
        return amount_value(parse_amount(raw, decimal=column.decimal), column)
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        try:
            value = float(raw)
        except OverflowError:
            raise InvalidValue("finite") from None
        if not math.isfinite(value):
            raise InvalidValue("finite")
        return value
    raise InvalidValue("number")


def amount_value(amount: Amount, column: Column) -> float:
    """Return a number as its column counts it: in its currency, and as a share of one.

    Raises
    ------
    InvalidValue
        If it is in a currency that the column has no rate for.
    """
    value = amount.value / 100 if amount.percent and column.hundredths else amount.value
    if amount.currency in (None, column.currency) or column.currency is None:
        return value
    if amount.currency not in column.rates:
        raise InvalidValue("currency", currency=column.currency)
    return value * column.rates[amount.currency]


def _boolean(raw: Any) -> float:
    if isinstance(raw, str):
        return parse_boolean(raw)
    if isinstance(raw, (bool, int, float)) and raw in (0, 1):
        return float(raw)
    raise InvalidValue("yes_no")


def _date(raw: Any, form: DateForm) -> datetime:
    return _EPOCH + timedelta(microseconds=read_clock(raw, form).reading)


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
