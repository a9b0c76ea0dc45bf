"""Moments as machines write them, read column-wise from the bytes of millions of texts.

It reads nothing that :func:`scoring_ml.data.values.typed.parse_date` would read otherwise, and
leaves every other form to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import DAY, Moments

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Plain:
    """Clock readings of texts, each array of shape (n,).

    Parameters
    ----------
    clock : array of int64
        Microseconds from 1970-01-01 00:00 on the clock that the text means, or in UTC.
    is_local : array of bool
        Whether the text names no zone.
    whole_day : array of bool
        A date without a time, as the end of the day.
    done : array of bool
        Whether the text has one of the forms.
    """

    clock: Moments
    is_local: Bools
    whole_day: Bools
    done: Bools


_DAYS_BEFORE: Final = np.array(
    [
        (datetime(1900 + month // 12, month % 12 + 1, 1) - datetime(1970, 1, 1)).days
        for month in range(300 * 12 + 1)
    ],
    dtype=np.int64,
)
"""Days from 1970 to the first of each month, from January 1900 to January 2200."""


def read_plain(texts: Any, day_first: bool) -> Plain:
    """Read ``2026-11-22`` and ``22.11.2026``, alone or with ``09:30[:05[.123[456]]]`` and a zone.

    Whatever else there is stays undone.
    """
    n = len(texts)
    size, start, signs = _bytes_of(texts)
    read = Plain(*(np.zeros(n, dtype=kind) for kind in (np.int64, bool, bool, bool)))
    for length in np.unique(size):
        after = int(length) - 19
        if length not in (10, 16) and after not in _AFTER_SECONDS:
            continue
        rows = np.flatnonzero(size == length)
        sign = _Signs(signs, start[rows])
        good, days = _read_days(sign, day_first)
        clock = days * DAY
        local = True
        offset: Moments | int = 0
        if length == 10:
            clock += DAY - 1
        else:
            good &= np.isin(sign[10], (0x20, 0x54, 0x74)) & (sign[13] == 0x3A)
            clock += sign.number(11, 13, 23) * 3_600_000_000
            clock += sign.number(14, 16, 59) * 60_000_000
            if length > 16:
                good &= sign[16] == 0x3A
                clock += sign.number(17, 19, 59) * 1_000_000
                digits, zone = _AFTER_SECONDS[after]
                if digits:
                    good &= sign[19] == 0x2E
                    clock += sign.number(20, 20 + digits) * 10 ** (6 - digits)
                local = zone == 0
                at = int(length) - zone
                if zone == 1:
                    good &= np.isin(sign[at], (0x5A, 0x7A))
                elif zone == 6:
                    good &= np.isin(sign[at], (0x2B, 0x2D)) & (sign[at + 3] == 0x3A)
                    offset = sign.number(at + 1, at + 3, 23) * 3_600_000_000
                    # Like parse_date: minutes of an offset may be any two digits below a day.
                    offset += sign.number(at + 4, at + 6, 59) * 60_000_000
                    offset = np.where(sign[at] == 0x2D, -offset, offset)
        good &= sign.good
        read.clock[rows] = clock - offset
        read.is_local[rows] = local
        read.whole_day[rows] = length == 10
        read.done[rows] = good
    return read


_AFTER_SECONDS: Final = {
    (digits + 1 if digits else 0) + zone: (digits, zone)
    for digits in (0, 3, 6)
    for zone in (0, 1, 6)
}
"""Length behind the seconds -> digits of their fraction, and length of the zone."""


def _read_days(sign: _Signs, day_first: bool) -> tuple[Bools, Moments]:
    """Days since 1970 of the first ten signs, whichever end the year is at."""
    mark = (0x2D, 0x2E, 0x2F)
    year_first = np.isin(sign[4], mark) & np.isin(sign[7], mark)
    year_last = np.isin(sign[2], (*mark, 0x20)) & np.isin(sign[5], (*mark, 0x20)) & ~year_first
    ymd = [sign.plain(*at) for at in ((0, 4), (5, 7), (8, 10))]
    dmy = [sign.plain(*at) for at in ((6, 10), (3, 5), (0, 2))]
    if not day_first:
        dmy[1], dmy[2] = dmy[2], dmy[1]
    swapped = (dmy[1] > 12) & (dmy[2] <= 12) & (dmy[2] >= 0)
    dmy[1], dmy[2] = np.where(swapped, dmy[2], dmy[1]), np.where(swapped, dmy[1], dmy[2])
    year, month, day = (np.where(year_first, a, b) for a, b in zip(ymd, dmy, strict=True))
    good = (year_first | year_last) & (year >= 1900) & (year < 2200) & (month >= 1) & (month <= 12)
    good &= day >= 1
    place = np.where(good, (year - 1900) * 12 + month - 1, 0)
    first = _DAYS_BEFORE[place]
    good &= first + day <= _DAYS_BEFORE[place + 1]
    return good, first + day - 1


class _Signs:
    """Bytes of texts of one length, by their place in the text."""

    def __init__(self, signs: NDArray[np.uint8], start: Moments) -> None:
        self._signs = signs
        self._start = start
        self.good: Bools = np.ones(len(start), dtype=bool)

    def __getitem__(self, at: int) -> NDArray[np.uint8]:
        return np.asarray(self._signs[self._start + at])

    def plain(self, first: int, end: int) -> Moments:
        """Return the number in some places; -1 where there is something else than digits."""
        value = np.zeros(len(self._start), dtype=np.int64)
        wrong = np.zeros(len(value), dtype=bool)
        for at in range(first, end):
            digit = self[at] - np.uint8(0x30)  # other signs wrap around to more than nine
            wrong |= digit > 9
            value = value * 10 + digit
        value[wrong] = -1
        return value

    def number(self, first: int, end: int, most: int | None = None) -> Moments:
        """Return the number in some places, and note where there is none, or too large a one."""
        value = self.plain(first, end)
        self.good &= value >= 0
        if most is not None:
            self.good &= value <= most
        return value


def _bytes_of(texts: Any) -> tuple[Moments, Moments, NDArray[np.uint8]]:
    """Length and first place of each text, and the bytes of all."""
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    signs = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
    return np.diff(ends), ends[:-1], signs
