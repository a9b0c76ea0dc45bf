"""Moments of a request: in microseconds since 1970, UTC, as an export's reader would read them.

Machines write the same few forms, so these are read quickly, and a whole column at once; all
others go the way of an export.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from scoring_ml.data.facts import Moments
from scoring_ml.data.moments import local_to_utc, moment_of, read_moments

LONGEST_WORD: Final = 1_000
"""Most characters of a word or of a moment."""

_EPOCH: Final = datetime(1970, 1, 1)
_EARLIEST: Final = (datetime(1900, 1, 1) - _EPOCH) // timedelta(microseconds=1)
_LATEST: Final = (datetime(2200, 1, 1) - _EPOCH) // timedelta(microseconds=1)


def machine_column(raws: Sequence[Any], timezone: str) -> Moments | None:
    """Read moments that are all written as machines do, in one zone; ``None`` if one is not."""
    if not raws or not {str}.issuperset(map(type, raws)):
        return None
    zone = _ZONE.search(raws[0])
    suffix = zone[0] if zone else ""
    end = -len(suffix) or None
    clocks = [raw[:end] for raw in raws if raw.endswith(suffix)]
    lines = "\n".join(clocks)
    if len(clocks) < len(raws) or lines.count("\n") != len(raws) - 1:
        return None
    if not _CLOCK_LINES.fullmatch(lines):
        return None
    try:
        values = np.array(clocks, dtype="datetime64[us]").astype(np.int64)
    except ValueError:
        return None
    if suffix not in ("", "Z"):
        minutes = int(suffix[1:3]) * 60 + int(suffix[4:6])
        values -= (-1 if suffix[0] == "-" else 1) * minutes * 60_000_000
    in_range = ((values >= _EARLIEST) & (values < _LATEST)).all()
    if in_range and not suffix and timezone != "UTC":
        values = local_to_utc(values, timezone)[0]
        in_range = ((values >= _EARLIEST) & (values < _LATEST)).all()
    return values if in_range else None


_ZONE: Final = re.compile(r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII)
_CLOCK_LINES: Final = re.compile(
    r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:\n(?!\Z)|\Z))+", re.ASCII
)


def read_moment(raw: Any, timezone: str, *, day_first: bool = True) -> int:
    """Return a moment in microseconds since 1970, UTC, as an export's reader would.

    Parameters
    ----------
    raw : str, date or datetime
    timezone : str
        IANA zone of a moment without one.
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.

    Raises
    ------
    ValueError
        If it is no moment in [1900, 2200).

    >>> read_moment("1970-01-01T00:00:01Z", "UTC"), read_moment("1970-01-02 03:30", "Asia/Tehran")
    (1000000, 86400000000)
    """
    if isinstance(raw, str):
        if len(raw) > LONGEST_WORD:
            raise ValueError("must be a moment, such as 2026-11-22T09:30:00Z")
        found = _ISO.fullmatch(raw)
        if found is not None:
            moment = _iso(raw, found[1], timezone)
            if moment is not None:
                return moment
        # An epoch or another form that people and machines write; an export has these, too.
    elif not isinstance(raw, (date, datetime)):
        raise ValueError("must be a moment as text, such as 2026-11-22T09:30:00Z")
    return moment_of(raw, timezone=timezone, day_first=day_first)


_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
"""The form that machines write; what else :meth:`datetime.fromisoformat` takes is not asked."""


def _iso(text: str, zone: str | None, timezone: str) -> int | None:
    try:
        if zone == "Z":
            clock = datetime.fromisoformat(text[:-1])
        elif zone is not None:
            clock = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
        else:
            clock = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None  # to be refused in the words of the other way
    if zone is None and timezone != "UTC":
        local = clock.replace(tzinfo=_zone(timezone))
        first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
        if first != second or first is None:
            return None  # a time that does not exist, or exists twice
        try:
            clock -= first
        except OverflowError:
            return None
    moment = _micros(clock)
    return moment if _EARLIEST <= moment < _LATEST else None


@lru_cache(maxsize=16)
def _zone(timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone)


def _micros(clock: datetime) -> int:
    gap = clock - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def utc_micros(moment: datetime) -> int:
    """Return microseconds since 1970 of a moment, in UTC if it has no zone."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return _micros(moment)


def is_whole_day(raw: Any, *, day_first: bool = True) -> bool:
    """Tell whether a moment that can be read is a date without a time.

    >>> is_whole_day("2026-11-22"), is_whole_day("2026-11-22 09:30")
    (True, False)
    """
    if isinstance(raw, (date, datetime)):
        raw = raw.isoformat()
    return bool(read_moments(pa.array([raw]), day_first=day_first).whole_day[0])
