"""The demo's calendar: the business of each hour of its two years, and integrals over it.

Events of a Poisson process whose rate follows the calendar can be drawn, and their likelihood
written down, if ``m(u)`` and ``m(u) exp(-(u - a) / theta)`` can be integrated. As ``m`` is constant
within an hour, both integrals are closed forms over two tables.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.moments import DAY, Moments

STARTED_AT: Final = np.datetime64("2024-11-01T00:00:00", "us")
EXTRACTED_AT: Final = np.datetime64("2026-11-01T00:00:00", "us")
"""Moment of the export; what became of a lead after it is not in the tables."""

SECOND_US: Final = 1_000_000
"""A second in microseconds, the unit of moments."""
HOUR_DAYS: Final = 1.0 / 24.0

DayNumbers = NDArray[np.float64]
"""Moments as days since 1970 in UTC, with their fraction."""

# Visitors come before their first form, and leads that are open at the export close after it.
_FIRST_HOUR: Final = int((STARTED_AT - np.timedelta64(40, "D")).astype("M8[h]").astype(np.int64))
_HOURS: Final = 24 * (730 + 40 + 400)

# Share of a busy hour at each hour of the day in UTC, over the three markets.
_BY_HOUR: Final = (
    0.25, 0.2, 0.2, 0.3, 0.5, 0.8, 1.0, 1.2, 1.4, 1.5, 1.5, 1.4, 1.5, 1.6, 1.6, 1.6, 1.5, 1.3,
    1.2, 1.0, 0.9, 0.7, 0.5, 0.35,
)  # fmt: skip
_WEEKEND: Final = 0.45
_SEASON: Final = 0.15
BUSIEST: Final = max(_BY_HOUR) * (1 + _SEASON)
"""No hour is busier than this."""


@lru_cache(maxsize=1)
def busy() -> NDArray[np.float64]:
    """Return how busy each hour is, about 1 on average; shape (hours,)."""
    hour = _FIRST_HOUR + np.arange(_HOURS)
    day = hour // 24
    level = np.take(_BY_HOUR, hour % 24) * season(day.astype("M8[D]"))
    # 1970 began on a Thursday.
    return np.asarray(np.where((day + 3) % 7 >= 5, _WEEKEND, 1.0) * level)


def calendar() -> NDArray[np.datetime64]:
    """Return every day of the two years."""
    first, last = STARTED_AT.astype("M8[D]"), EXTRACTED_AT.astype("M8[D]")
    days: NDArray[np.datetime64] = first + np.arange((last - first).astype(np.int64))
    return days


def season(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the season's factor of each day: two busy times a year, quiet over New Year."""
    in_year = (days - days.astype("M8[Y]").astype("M8[D]")).astype(np.int64) / 365.25
    quiet = (in_year < 0.02) | (in_year > 0.97)
    wave = 1.0 + _SEASON * np.cos(4 * np.pi * (in_year - 0.2))
    return np.asarray(np.where(quiet, 0.5, 1.0) * wave)


def busy_at(moment: DayNumbers) -> NDArray[np.float64]:
    """Return how busy the hour of each moment is."""
    return busy()[_hour(moment)]


def whole_seconds(days: NDArray[np.float64]) -> Moments:
    """Return a time in days as whole seconds, in microseconds."""
    return np.asarray(np.floor(days * (DAY / SECOND_US)).astype(np.int64) * SECOND_US)


def busy_days(start: DayNumbers, end: DayNumbers) -> NDArray[np.float64]:
    """Integrate ``m(u)`` from start to end, in busy days."""
    return _cumulated(end) - _cumulated(start)


def fading_busy_days(start: DayNumbers, end: DayNumbers, theta: float) -> NDArray[np.float64]:
    """Integrate ``m(u) exp(-(u - start) / theta)`` from start to end, in busy days."""
    faded = np.exp(-(end - start) / theta)
    return np.asarray(_to_come(start, theta) - faded * _to_come(end, theta))


def _hour(moment: DayNumbers) -> NDArray[np.int64]:
    return np.clip((moment * 24.0).astype(np.int64) - _FIRST_HOUR, 0, _HOURS - 1)


@lru_cache(maxsize=1)
def _sums() -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(busy()) * HOUR_DAYS])


def _cumulated(moment: DayNumbers) -> NDArray[np.float64]:
    hour = _hour(moment)
    inside = moment - (_FIRST_HOUR + hour) * HOUR_DAYS
    return np.asarray(_sums()[hour] + busy()[hour] * inside)


@lru_cache(maxsize=8)
def _sums_to_come(theta: float) -> NDArray[np.float64]:
    """Integrate from the beginning of each hour to the end of time, fading from there."""
    rate = busy() * theta * -np.expm1(-HOUR_DAYS / theta)
    keep = np.exp(-HOUR_DAYS / theta)
    total = np.zeros(_HOURS + 1)
    for hour in range(_HOURS - 1, -1, -1):
        total[hour] = rate[hour] + keep * total[hour + 1]
    return total


def _to_come(moment: DayNumbers, theta: float) -> NDArray[np.float64]:
    hour = _hour(moment)
    left = (_FIRST_HOUR + hour + 1) * HOUR_DAYS - moment
    faded = np.exp(-left / theta)
    rest: NDArray[np.float64] = busy()[hour] * theta * (1.0 - faded)
    return rest + faded * _sums_to_come(theta)[hour + 1]
