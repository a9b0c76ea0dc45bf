"""Dates and clock times of one text, in any of the common forms."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments.units import EARLIEST, LATEST
from scoring_ml.data.values.numbers import plain_digits


class Clock(NamedTuple):
    """What a text says about a moment.

    Parameters
    ----------
    reading : datetime
        Without a zone, in [1900, 2200): in UTC if the text names a zone, else of a local clock.
    has_zone : bool
    whole_day : bool
        A date without a time; its reading is the last microsecond of that day.
    """

    reading: datetime
    has_zone: bool
    whole_day: bool


def parse_date(text: str, *, day_first: bool = True) -> datetime:
    """Read a date or a moment, in UTC if it names no zone.

    Returns
    -------
    datetime
        In UTC, without a zone, in [1900, 2200).

    Raises
    ------
    InvalidValue
        As :func:`parse_clock`.

    >>> parse_date("2026-11-22T09:30:00+03:30"), parse_date("22.11.2026 09:30")
    (datetime.datetime(2026, 11, 22, 6, 0), datetime.datetime(2026, 11, 22, 9, 30))
    """
    return parse_clock(text, day_first=day_first).reading


def parse_day(raw: date) -> datetime:
    """Return a date or a moment of Python as :func:`parse_date` returns a text's.

    Raises
    ------
    InvalidValue
        If it lies outside [1900, 2200).
    """
    if not isinstance(raw, datetime):
        return _in_range(datetime(raw.year, raw.month, raw.day) + _END_OF_DAY)
    if raw.tzinfo is not None:
        try:
            raw = raw.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise InvalidValue("date_range") from None
    return _in_range(raw)


def parse_clock(text: str, *, day_first: bool = True) -> Clock:
    """Read a date or a moment, in any of the common forms.

    Understood: ISO 8601, ``2026/11/22``, ``22.11.2026``, ``11/22/2026`` (by ``day_first`` when
    both readings are possible), ``22 Nov 2026``, ``Nov 22, 2026``, ``20261122``, each with or
    without a clock time and a zone, in any script's digits.

    Raises
    ------
    InvalidValue
        If the text is no date, or lies outside the range.

    >>> parse_clock("22.11.2026").whole_day, parse_clock("22.11.2026 9:30Z").has_zone
    (True, True)
    """
    plain = plain_digits(text.strip()).casefold()
    if match := _YMD.fullmatch(plain):
        year, month, day, rest = int(match[1]), int(match[2]), int(match[3]), match[4]
    elif match := _DMY.fullmatch(plain):
        first, second, year, rest = int(match[1]), int(match[2]), int(match[3]), match[4]
        year += 2000 if year < 70 else 1900 if year < 100 else 0
        day, month = (first, second) if day_first else (second, first)
        if month > 12 >= day:
            day, month = month, day
    elif match := _NAMED.fullmatch(plain):
        name = (match[2] or match[3])[:3]
        if name not in _MONTHS:
            raise InvalidValue("date")
        day, month = int(match[1] or match[4]), _MONTHS[name]
        year, rest = int(match[5]), match[6]
    elif match := _COMPACT.fullmatch(plain):
        year, month, day, rest = int(match[1]), int(match[2]), int(match[3]), ""
    else:
        raise InvalidValue("date")
    time_of_day = rest.strip()
    try:
        after, has_zone = _time_of_day(time_of_day) if time_of_day else (_END_OF_DAY, False)
        reading = datetime(year, month, day) + after
    except (ValueError, OverflowError):
        raise InvalidValue("date_exists") from None
    return Clock(_in_range(reading), has_zone, not time_of_day)


_YMD: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(.*)", re.DOTALL)
_DMY: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(.*)", re.DOTALL)
_NAMED: Final = re.compile(
    r"(?:(\d{1,2})[-/. ]+([a-z]{3,9})\.?|([a-z]{3,9})\.?[-/. ]+(\d{1,2}))[-/., ]+(\d{4})(.*)",
    re.DOTALL,
)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME: Final = re.compile(
    r"[ t,]*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(am|pm)?\s*"
    r"(z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        start=1,
    )
}
_END_OF_DAY: Final = timedelta(days=1, microseconds=-1)


def _time_of_day(text: str) -> tuple[timedelta, bool]:
    """Return the time since midnight in UTC, or on the local clock, and whether it has a zone."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("no clock time")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= 12:
            raise ValueError("no clock time")
        hour = hour % 12 + (12 if match[5] == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no clock time")
    micro = int((match[4] or "0").ljust(6, "0")[:6])
    offset = timedelta()
    if match[6] and match[6][0] in "+-":
        digits = match[6][1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if offset >= timedelta(days=1):
            raise ValueError("no time zone")
        if match[6][0] == "-":
            offset = -offset
    clock = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    return clock - offset, match[6] is not None


def _in_range(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise InvalidValue("date_range")
    return moment
