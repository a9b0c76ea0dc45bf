"""Features of the creation: hour and weekday of it, in the company's zone, and its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.moments import DAY, Moments
from scoring_ml.features.asof import known

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOUR: Final = 3_600_000_000
_QUARTER: Final = 900_000_000
"""Microseconds of a quarter of an hour: zones change their offset at one, in UTC, since 1972."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY: Final = 3
_NAMES: Final = np.array([*WEEKDAYS, None], dtype=object)


def creation_features(created_at: Moments, as_of: Moments, timezone: str) -> dict[str, Any]:
    """Return ``created_hour``, ``created_weekday`` and ``age_days``.

    Parameters
    ----------
    created_at, as_of : array of int64, shape (n,)
        A creation at or after ``as_of`` is not known; ``NEVER`` is one.
    timezone : str
        IANA zone of hour and weekday.
    """
    known_rows = known(created_at, as_of)
    # What is not known is worked out for 1970 and then taken away.
    created = np.where(known_rows, created_at, 0)
    local = created + _offsets(created, timezone)
    hour = (local // _HOUR % 24).astype(np.float64)
    weekday = (local // DAY + _EPOCH_WEEKDAY) % 7
    age = (as_of - created) / DAY
    hour[~known_rows] = np.nan
    weekday[~known_rows] = len(WEEKDAYS)
    age[~known_rows] = np.nan
    return {"created_hour": hour, "created_weekday": _NAMES[weekday], "age_days": age}


def _offsets(moments: Moments, timezone: str) -> NDArray[np.int64]:
    """Return the zone's offsets from UTC in microseconds, asked once for each quarter hour."""
    quarters = moments // _QUARTER
    distinct, place = np.unique(quarters, return_inverse=True)
    table = np.array([_offset(int(quarter), timezone) for quarter in distinct], dtype=np.int64)
    return np.asarray(table[place])


def _offset(quarter: int, timezone: str) -> int:
    moment = _EPOCH + timedelta(microseconds=quarter * _QUARTER)
    offset = moment.astimezone(ZoneInfo(timezone)).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)
