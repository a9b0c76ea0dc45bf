"""A whole column of moments: from text, dates, timestamps and numbers.

Machine forms are read together, all others once per distinct cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments.cell import (
    FACTORS,
    Clock,
    read_clock,
    serial_micros,
    unix_micros,
)
from scoring_ml.data.values.moments.form import DateForm
from scoring_ml.data.values.moments.machine_forms import read_machine_forms
from scoring_ml.data.values.moments.units import DAY, EARLIEST, LATEST, Bools, Moments, utc_micros
from scoring_ml.data.values.moments.zones import local_to_utc
from scoring_ml.data.values.vocabulary import folded

_USUAL: Final = DateForm()


@dataclass(frozen=True)
class ReadMoments:
    """A column of moments that has been read.

    Parameters
    ----------
    values : array of int64, shape (n,)
        Microseconds since 1970 in UTC; 0 where ``wrong`` or ``missing``.
    wrong : array of bool, shape (n,)
        There is something, but it is no moment in [1900, 2200).
    missing : array of bool, shape (n,)
        The cell is empty, or says that the moment is not known.
    skipped : array of bool, shape (n,)
        Local times that do not exist, moved to the moment at which clocks were put forward.
    twice : array of bool, shape (n,)
        Local times that exist twice, taken for the later one.
    whole_day : array of bool, shape (n,)
        Dates without a time, taken for the end of the day.
    """

    values: Moments
    wrong: Bools
    missing: Bools
    skipped: Bools
    twice: Bools
    whole_day: Bools

    def __len__(self) -> int:
        return len(self.values)

    @property
    def usable(self) -> Bools:
        """Where there is a moment."""
        return ~(self.wrong | self.missing)

    def take(self, rows: NDArray[np.int64]) -> ReadMoments:
        """Return the moments at some places."""
        return ReadMoments(*(item[rows] for item in vars(self).values()))


def read_moments(
    column: Any, form: DateForm = _USUAL, *, timezone: str = "UTC", missing: tuple[str, ...] = ("",)
) -> ReadMoments:
    """Read a column of moments.

    Parameters
    ----------
    column : pyarrow Array or ChunkedArray, or sequence of scalars, shape (n,)
        Text, numbers, dates, timestamps with or without a zone.
    timezone : str
        IANA zone of moments without one.
    missing : tuple of str
        Words for "not known"; compared without regard to case and outer space.
    """
    words = frozenset(map(folded, missing))
    if isinstance(column, pa.ChunkedArray):
        parts = [
            _read_array(chunk, form, timezone, words)
            for chunk in _unified(column).iterchunks()
            if len(chunk)
        ]
        if parts:
            return joined_moments(parts)
        column = pa.nulls(0)
    if isinstance(column, pa.Array):
        return _read_array(column, form, timezone, words)
    return _finish(*_read_cells(column, form, words), timezone)


def completed_moments(read: ReadMoments, rest: ReadMoments) -> ReadMoments:
    """Return a column of moments with those of another one where it has none."""
    taken = read.missing & ~rest.missing
    pairs = zip(vars(read).values(), vars(rest).values(), strict=True)
    return ReadMoments(*(np.where(taken, other, own) for own, other in pairs))


def joined_moments(parts: Sequence[ReadMoments]) -> ReadMoments:
    """Return columns of moments one below the other; at least one."""
    if len(parts) == 1:
        return parts[0]
    together = zip(*(vars(part).values() for part in parts), strict=True)
    return ReadMoments(*(np.concatenate(items) for items in together))


def moment_of(raw: Any, form: DateForm = _USUAL, *, timezone: str = "UTC") -> int:
    """Return one moment in microseconds since 1970, UTC.

    Raises
    ------
    InvalidValue
        If it is no moment.

    >>> moment_of("1970-01-02T03:30:00+03:30"), moment_of(date(1970, 1, 1))
    (86400000000, 86399999999)
    """
    try:
        clock = read_clock(raw, form)
    except InvalidValue:
        raise InvalidValue("moment") from None
    if not clock.is_local or timezone == "UTC":
        return clock.reading
    return int(local_to_utc(np.array([clock.reading]), timezone)[0][0])


_FIRST: Final = utc_micros(EARLIEST)
_END: Final = utc_micros(LATEST)
_PART: Final = 1 << 17
"""Rows that are read at once, so that memory does not grow with the table."""

_Read = tuple[Moments, Bools, Bools, Bools]
"""Clock readings, which are missing, which whole days, which local."""


def _read_array(column: Any, form: DateForm, timezone: str, words: frozenset[str]) -> ReadMoments:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _with_nulls(_read_array(column.dictionary, form, timezone, words), column.indices)
    if pa.types.is_string_view(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.large_string())
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _finish(*_read_text(column, form, words), timezone)
    null = np.asarray(column.is_null())
    no = np.zeros(len(null), dtype=bool)
    if pa.types.is_timestamp(kind):
        per_unit = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(kind.unit)
        counts = np.asarray(column.cast(pa.int64()).fill_null(0))
        # Nanoseconds are cut off, as the digits of a text beyond the sixth are.
        clock = counts // 1_000 if per_unit is None else counts * per_unit
        if per_unit is not None:
            # Times the factor these would not fit into 64 bits.
            clock[(counts < _FIRST // per_unit) | (counts > _END // per_unit)] = _END
        return _finish(clock, null, no, ~no if kind.tz is None else no, timezone)
    if pa.types.is_date(kind):
        days = np.asarray(column.cast(pa.date32()).cast(pa.int32()).fill_null(0)).astype(np.int64)
        return _finish((days + 1) * DAY - 1, null, ~no, ~no, timezone)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan))
        return _finish(*_read_numbers(numbers, form, words), timezone)
    return _finish(np.full(len(null), _END), null, no, no, timezone)


def _finish(
    clock: Moments, missing: Bools, whole_day: Bools, is_local: Bools, timezone: str
) -> ReadMoments:
    """Hold clock readings to the range and bring local ones to UTC."""
    values = np.array(clock, dtype=np.int64)
    wrong = ~missing & ((values < _FIRST) | (values >= _END))
    values[missing | wrong] = 0
    here = np.flatnonzero(~missing & ~wrong & is_local)
    skipped, twice = np.zeros(len(values), dtype=bool), np.zeros(len(values), dtype=bool)
    if len(here):
        values[here], skipped[here], twice[here] = local_to_utc(values[here], timezone)
    return ReadMoments(values, wrong, missing, skipped, twice, whole_day & ~missing & ~wrong)


def _with_nulls(words: ReadMoments, indices: Any) -> ReadMoments:
    null = np.asarray(indices.is_null())
    if len(words) == 0:
        nothing = np.zeros(len(null), dtype=bool)
        return ReadMoments(np.zeros(len(null), np.int64), nothing, null, nothing, nothing, nothing)
    read = words.take(np.asarray(indices.fill_null(0)).astype(np.int64))
    for name, item in vars(read).items():
        item[null] = name == "missing"
    return read


def _unified(column: Any) -> Any:
    return column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column


def _read_numbers(numbers: NDArray[np.float64], form: DateForm, words: frozenset[str]) -> _Read:
    """Read numbers together; those that are neither Unix times nor serial days one by one."""
    no = np.zeros(len(numbers), dtype=bool)
    clock = np.full(len(numbers), _END, dtype=np.int64)
    whole_day, is_local, absent = no.copy(), no.copy(), np.isnan(numbers)
    if form.epoch == "excel":
        known = ~absent & (numbers < _END)
        clock[known] = serial_micros(numbers[known])
        whole_day, is_local = numbers == np.floor(numbers), ~no
    elif form.epoch is not None:
        known = numbers >= 0
        clock[known] = unix_micros(numbers[known], FACTORS[form.epoch])
    else:
        for least, factor in ((1e9, 1_000_000), (1e12, 1_000), (1e15, 1)):
            # Of 10, 13 or 16 digits: every moment from September 2001 on.
            fits = (numbers >= least) & (numbers < 10 * least)
            clock[fits] = unix_micros(numbers[fits], factor)
    rest = np.flatnonzero((clock == _END) & ~absent & np.isfinite(numbers))
    if len(rest):
        # Whole numbers, as a text would hold them, such as 20261122 or the word -1.
        cells = [int(cell) if cell.is_integer() else cell for cell in numbers[rest].tolist()]
        clock[rest], absent[rest], whole_day[rest], is_local[rest] = _read_cells(cells, form, words)
    return clock, absent, whole_day, is_local


def _read_text(column: Any, form: DateForm, words: frozenset[str]) -> _Read:
    n = len(column)
    absent = np.array(column.is_null())
    clock = np.full(n, _END, dtype=np.int64)
    is_local, whole_day = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    done = absent.copy()
    for start in range(0, n if n > _FEW else 0, _PART):
        part = slice(start, start + _PART)
        read = read_machine_forms(column[part], form)
        done[part] |= read.done
        clock[part], is_local[part], whole_day[part] = read.reading, read.is_local, read.whole_day
    rest = np.flatnonzero(~done)
    if len(rest):
        texts = (column if len(rest) == n else column.take(pa.array(rest))).to_pylist()
        clock[rest], absent[rest], whole_day[rest], is_local[rest] = _read_cells(texts, form, words)
    return clock, absent, whole_day, is_local


_FEW: Final = 8
"""Texts up to which it is quicker to read each by itself."""


def _read_cells(cells: Sequence[Any], form: DateForm, words: frozenset[str]) -> _Read:
    """Read cells of any type, each distinct one once."""
    keys = [(cell.__class__, cell) for cell in cells]
    distinct = {key: _read_one(key[1], form, words) for key in dict.fromkeys(keys)}
    found = [distinct[key] for key in keys]
    clocks = np.array([clock.reading for clock, _ in found], dtype=np.int64)
    local, whole_day = (
        np.array([getattr(clock, name) for clock, _ in found], dtype=bool)
        for name in ("is_local", "whole_day")
    )
    return clocks, np.array([absent for _, absent in found], dtype=bool), whole_day, local


def _read_one(cell: Any, form: DateForm, words: frozenset[str]) -> tuple[Clock, bool]:
    """Return the clock of a cell, outside the range if it has none, and whether it is missing."""
    if cell is None or _word_of(cell) in words:
        return Clock(0, False, False), True
    try:
        return read_clock(cell, form), False
    except InvalidValue:
        return Clock(_END, False, False), False


def _word_of(cell: Any) -> str | None:
    """Return a cell as words for "not known" are compared, if it may be one."""
    if isinstance(cell, str):
        return folded(cell)
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    return str(int(cell)) if is_number and abs(cell) < _END and cell == int(cell) else None
