"""A whole column of moments: from text, dates, timestamps and Unix times.

Machine forms are read together, all others once per distinct text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments.cell import parse_clock
from scoring_ml.data.values.moments.machine_forms import read_machine_forms
from scoring_ml.data.values.moments.units import DAY, EARLIEST, LATEST, Bools, Moments, utc_micros
from scoring_ml.data.values.moments.zones import local_to_utc
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.vocabulary import folded


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
    column: Any, *, timezone: str = "UTC", day_first: bool = True, missing: tuple[str, ...] = ("",)
) -> ReadMoments:
    """Read a column of moments.

    Parameters
    ----------
    column : pyarrow Array or ChunkedArray, shape (n,)
        Text, dates, timestamps with or without a zone, or Unix times: whole numbers (also as
        text) of 10 digits are seconds, of 13 milliseconds, of 16 microseconds.
    timezone : str
        IANA zone of moments without one.
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.
    missing : tuple of str
        Words for "not known"; compared without regard to case and outer space.
    """
    if isinstance(column, pa.ChunkedArray):
        parts = [
            _read_array(chunk, timezone, day_first, missing)
            for chunk in _unified(column).iterchunks()
            if len(chunk)
        ]
        if parts:
            return joined_moments(parts)
        column = pa.nulls(0)
    return _read_array(column, timezone, day_first, missing)


def joined_moments(parts: Sequence[ReadMoments]) -> ReadMoments:
    """Return columns of moments one below the other; at least one."""
    if len(parts) == 1:
        return parts[0]
    together = zip(*(vars(part).values() for part in parts), strict=True)
    return ReadMoments(*(np.concatenate(items) for items in together))


def moment_of(raw: Any, *, timezone: str = "UTC", day_first: bool = True) -> int:
    """Return one moment in microseconds since 1970, UTC.

    Parameters
    ----------
    raw : str, date or datetime

    Raises
    ------
    InvalidValue
        If it is no moment.

    >>> moment_of("1970-01-02T03:30:00+03:30"), moment_of(date(1970, 1, 1))
    (86400000000, 86399999999)
    """
    if isinstance(raw, date):
        raw = raw.isoformat()
    if not isinstance(raw, str):
        raise InvalidValue("moment")
    read = read_moments(pa.array([raw]), timezone=timezone, day_first=day_first)
    if not read.usable[0]:
        raise InvalidValue("moment")
    return int(read.values[0])


_FIRST: Final = utc_micros(EARLIEST)
_END: Final = utc_micros(LATEST)
_PART: Final = 1 << 17
"""Rows that are read at once, so that memory does not grow with the table."""


def _read_array(
    column: Any, timezone: str, day_first: bool, missing: tuple[str, ...]
) -> ReadMoments:
    kind = column.type
    if pa.types.is_dictionary(kind):
        words = _read_array(column.dictionary, timezone, day_first, missing)
        return _with_nulls(words, column.indices)
    if pa.types.is_string_view(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.large_string())
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _read_text(column, timezone, day_first, missing)
    null = np.asarray(column.is_null())
    if pa.types.is_timestamp(kind):
        per_unit = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(kind.unit)
        counts = np.asarray(column.cast(pa.int64()).fill_null(0))
        # Nanoseconds are cut off, as the digits of a text beyond the sixth are.
        clock = counts // 1_000 if per_unit is None else counts * per_unit
        if per_unit is not None:
            # Times the factor these would not fit into 64 bits.
            clock[(counts < _FIRST // per_unit) | (counts > _END // per_unit)] = _END
        return _finish(clock, null, np.zeros(len(null), bool), kind.tz is None, timezone)
    if pa.types.is_date(kind):
        days = np.asarray(column.cast(pa.date32()).cast(pa.int32()).fill_null(0)).astype(np.int64)
        return _finish((days + 1) * DAY - 1, null, np.ones(len(null), bool), True, timezone)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan))
        return _finish(
            _unix(numbers), np.isnan(numbers), np.zeros(len(null), bool), False, timezone
        )
    if pa.types.is_null(kind):
        return _finish(np.zeros(len(null), np.int64), null, ~null & False, False, timezone)
    return _finish(np.full(len(null), _END), null, np.zeros(len(null), dtype=bool), False, timezone)


def _finish(
    clock: Moments, missing: Bools, whole_day: Bools, is_local: bool | Bools, timezone: str
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


def _unix(numbers: NDArray[np.float64]) -> Moments:
    """Microseconds of Unix times; a moment outside the range where the digits do not fit."""
    found = np.full(len(numbers), _END, dtype=np.int64)
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers))
    for least, factor in ((1e9, 1_000_000), (1e12, 1_000), (1e15, 1)):
        # Of 10, 13 or 16 digits: every moment from September 2001 on.
        fits = whole & (numbers >= least) & (numbers < 10 * least)
        found[fits] = np.minimum(numbers[fits].astype(np.int64), _END // factor) * factor
    return found


def _read_text(
    column: Any, timezone: str, day_first: bool, missing: tuple[str, ...]
) -> ReadMoments:
    n = len(column)
    absent = np.array(column.is_null())
    clock = np.full(n, _END, dtype=np.int64)
    is_local, whole_day = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    done = absent.copy()
    for start in range(0, n if n > _FEW else 0, _PART):
        part = slice(start, start + _PART)
        read = read_machine_forms(column[part], day_first)
        done[part] |= read.done
        clock[part], is_local[part], whole_day[part] = read.reading, read.is_local, read.whole_day
    rest = np.flatnonzero(~done)
    if len(rest):
        texts = (column if len(rest) == n else column.take(pa.array(rest))).to_pylist()
        words = frozenset(map(folded, missing))
        distinct = {text: _read_one(text, day_first, words) for text in dict.fromkeys(texts)}
        clock[rest], is_local[rest], whole_day[rest], absent[rest] = zip(
            *map(distinct.__getitem__, texts), strict=True
        )
    return _finish(clock, absent, whole_day, is_local, timezone)


_FEW: Final = 8
"""Texts up to which it is quicker to read each by itself."""

_UNIX: Final = re.compile(r"\d{10}|\d{13}|\d{16}")


def _read_one(text: str, day_first: bool, words: frozenset[str]) -> tuple[int, bool, bool, bool]:
    """Return clock reading, whether it is local, whether it is a whole day, and missing."""
    if folded(text) in words:
        return 0, False, False, True
    plain = plain_digits(text.strip())
    if _UNIX.fullmatch(plain):
        # As _unix does; an array for each takes longer than all the rest.
        factor = 10 ** (16 - len(plain))
        clock = min(int(plain), _END // factor) * factor if plain[0] != "0" else _END
        return clock, False, False, False
    try:
        found = parse_clock(text, day_first=day_first)
    except ValueError:
        return _END, False, False, False
    return utc_micros(found.reading), not found.has_zone, found.whole_day, False
