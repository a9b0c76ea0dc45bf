"""Days of the Gregorian and of the Persian (Jalali) calendar, by their months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from persiantools.jdatetime import JalaliDate

from scoring_ml.data.values.moments.units import Bools

JALALI_YEARS: Final = (1300, 1500)
"""Years that are taken for those of the Persian calendar: 1921 to 2121; the end is not."""

_GREGORIAN_YEARS: Final = (1900, 2200)


def days_of(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64], *, jalali: bool
) -> tuple[NDArray[np.int64], Bools]:
    """Return the days since 1970-01-01 of dates, and which of the dates exist.

    Parameters
    ----------
    year, month, day : array of int64, shape (n,)
    jalali : bool
        Whether years from 1300 to 1499 are of the Persian calendar; without, there are none.
    """
    starts, first_year = _month_starts(jalali)
    before = 12 * (year - first_year)
    good = (year >= first_year) & (year < _GREGORIAN_YEARS[1])
    if jalali:
        # Behind the Persian months comes their end, and then the Gregorian months.
        gregorian = year >= _GREGORIAN_YEARS[0]
        good &= gregorian | (year < JALALI_YEARS[1])
        own = 12 * (JALALI_YEARS[1] - JALALI_YEARS[0]) + 1
        before = np.where(gregorian, own + 12 * (year - _GREGORIAN_YEARS[0]), before)
    good &= (month >= 1) & (month <= 12) & (day >= 1)
    place = np.where(good, before + month - 1, 0)
    days = starts[place] + day - 1
    return days, good & (days < starts[place + 1])


def day_of(year: int, month: int, day: int, *, jalali: bool) -> datetime:
    """Return midnight of one date, Persian if its year is and ``jalali``.

    Raises
    ------
    ValueError
        If there is no such date.

    >>> day_of(1403, 12, 30, jalali=True)
    datetime.datetime(2025, 3, 20, 0, 0)
    """
    if jalali and JALALI_YEARS[0] <= year < JALALI_YEARS[1]:
        return datetime.combine(JalaliDate(year, month, day).to_gregorian(), time())
    return datetime(year, month, day)


@lru_cache(maxsize=2)
def _month_starts(jalali: bool) -> tuple[NDArray[np.int64], int]:
    """First days of all months and the end of the last, and the year of the first month."""
    gregorian = [date(year, month, 1) for year, month in _months(_GREGORIAN_YEARS)]
    if not jalali:
        return _days(gregorian), _GREGORIAN_YEARS[0]
    months = _months(JALALI_YEARS)
    persian = [JalaliDate(year, month, 1).to_gregorian() for year, month in months]
    return np.concatenate([_days(persian), _days(gregorian)]), JALALI_YEARS[0]


def _months(years: tuple[int, int]) -> list[tuple[int, int]]:
    """All months of some years, and the first one after them."""
    return [(n // 12, n % 12 + 1) for n in range(12 * years[0], 12 * years[1] + 1)]


def _days(dates: Sequence[date]) -> NDArray[np.int64]:
    first = date(1970, 1, 1).toordinal()
    return np.array([day.toordinal() - first for day in dates], dtype=np.int64)
