"""A single cell that says a moment: text in any of the common forms, a number or a date."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

import numpy as np

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments.calendars import JALALI_YEARS, day_of
from scoring_ml.data.values.moments.form import OFFSET, DateForm
from scoring_ml.data.values.moments.units import DAY, EARLIEST, LATEST, utc_micros
from scoring_ml.data.values.moments.zones import local_to_utc
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.yaml_file import packaged


class Clock(NamedTuple):
    """What a cell says about a moment.

    Parameters
    ----------
    reading : int
        Microseconds since 1970, in [1900, 2200): in UTC, or of a local clock.
    whole_day : bool
        A date without a time; its reading is the last microsecond of that day.
    """

    reading: int
    is_local: bool
    whole_day: bool


def read_clock(cell: Any, form: DateForm) -> Clock:
    """Read a moment.

    Understood, in any script's digits: ISO 8601, ``2026/11/22``, ``22.11.2026``, ``11/22/2026``,
    ``22 Nov 2026``, ``Nov 22, 2026``, ``20261122``, ``20261122T093000Z``, the forms of RFC 2822,
    JavaScript and ``date``; months in English, Russian and Persian, of either calendar; a clock
    time with am or pm; zones as an offset, by a name that means one offset, or an IANA name.
    Numbers are read as ``form.epoch`` says.

    Raises
    ------
    InvalidValue
        If the cell is no moment, or lies outside the range.

    >>> read_clock("1403/10/13", DateForm(calendar="jalali")) == read_clock("2.1.2025", DateForm())
    True
    """
    if isinstance(cell, str):
        clock = _read_text(plain_date(cell), form)
    elif isinstance(cell, datetime):
        try:
            clock = Clock(utc_micros(cell), cell.tzinfo is None, False)
        except OverflowError:
            raise InvalidValue("date_range") from None
    elif isinstance(cell, date):
        clock = _whole_day(datetime(cell.year, cell.month, cell.day))
    elif isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool):
        clock = _read_number(cell, form)
    else:
        raise InvalidValue("moment")
    if not _FIRST <= clock.reading < _END:
        raise InvalidValue("date_range")
    return clock


def unread_reason(text: str, form: DateForm) -> str | None:
    """Return why a text is no moment, as :func:`read_clock` says it; ``None`` for a moment."""
    try:
        read_clock(text, form)
    except InvalidValue as error:
        return error.reason
    return None


def plain_date(text: str) -> str:
    """Return a text with plain digits, spaces and letters, without invisible signs, date first.

    >>> plain_date("\u200e۱۴۰۳/۱۰/۱۳,\u202f4:05 PM ")
    '1403/10/13, 4:05 pm'
    """
    if not text.isascii():
        text = text.translate(_ALIKE).replace("日", " ")
        text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    plain = " ".join(plain_digits(text).casefold().split()).strip("'\"")
    if ":" in plain[1:3]:
        plain = _vocabulary().time_first.sub(r"\2 \1", plain)
    if plain[:1].isalpha() or plain[:1] == "/":
        plain = _vocabulary().around.sub("", plain)
    return plain


def unix_micros(numbers: Any, factor: int) -> Any:
    """Return microseconds of Unix times, for one number or an array alike."""
    return np.rint(np.minimum(numbers, _END / factor) * factor).astype(np.int64)


def serial_micros(days: Any) -> Any:
    """Return microseconds on a local clock of a spreadsheet's days, to the millisecond.

    Whole days are their end. The calendar of spreadsheets has a 29 February 1900, so that
    nothing is read before March.

    >>> str(np.datetime64(int(serial_micros(45829.79)), "us"))
    '2025-06-21T18:57:36.000000'
    """
    days = np.asarray(days, dtype=np.float64)
    fits = (days >= _MARCH_1900) & (days < _END / DAY + _DAYS_TO_1970)
    clock = np.rint((np.where(fits, days, 0) - _DAYS_TO_1970) * (DAY // 1000)).astype(np.int64)
    return np.where(fits, clock * 1000 + np.where(days == np.floor(days), DAY - 1, 0), _END)


def unix_factor(digits: int) -> int | None:
    """Return microseconds of one unit of a Unix time by its digits before the point."""
    return {10: 1_000_000, 13: 1_000, 16: 1}.get(digits)


FACTORS: Final = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
"""Microseconds of each unit of a Unix time."""

_FIRST: Final = utc_micros(EARLIEST)
_END: Final = utc_micros(LATEST)
_MARCH_1900: Final = 61
_DAYS_TO_1970: Final = 25_569
_END_OF_DAY: Final = DAY - 1

_ALIKE: Final = str.maketrans("يكـ\u2212年月", "یک ---")
_NUMBER: Final = re.compile(r"(\d+)(?:[.,](\d+))?(?:e\+?\d{1,2})?")
_YMD: Final = re.compile(r"(\d{4})(?:[-/.]|\. )(\d{1,2})(?:[-/.]|\. )(\d{1,2})(?!\d)(.*)")
_DMY: Final = re.compile(r"(\d{1,2})(?:[-/. ]|\. )(\d{1,2})(?:[-/. ]|\. )(\d{4}|\d{2})(?!\d)(.*)")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[t ]?(\d{2})(\d{2})(\d{2})?)?(\D.*)?")
_COMPACT_DIGITS: Final = (8, 12, 14)
_ISO_WEEK: Final = re.compile(r"(\d{4})-?w(\d{2})-?([1-7])(.*)")


def _read_text(text: str, form: DateForm) -> Clock:
    number = _NUMBER.fullmatch(text)
    if number and (form.epoch or len(number[1]) not in _COMPACT_DIGITS):
        return _read_number(text.replace(",", "."), form, "date")
    jalali = form.calendar == "jalali"
    try:
        if match := _YMD.fullmatch(text):
            return _clock(day_of(*map(int, match.groups()[:3]), jalali=jalali), match[4], form)
        if match := _DMY.fullmatch(text):
            return _clock(_numeric_day(match[1], match[2], match[3], form), match[4], form)
        if match := _COMPACT.fullmatch(text):
            day = day_of(*map(int, match.groups()[:3]), jalali=jalali)
            time = ":".join(filter(None, match.groups()[3:6]))
            return _clock(day, time + (match[7] or ""), form)
        if match := _ISO_WEEK.fullmatch(text):
            week = date.fromisocalendar(*map(int, match.groups()[:3]))
            return _clock(datetime(week.year, week.month, week.day), match[4], form)
        for pattern in _vocabulary().named:
            if match := pattern.fullmatch(text):
                return _clock(_named_day(match, form), match["time"], form)
    except (ValueError, OverflowError) as error:
        raise error if isinstance(error, InvalidValue) else InvalidValue("date_exists") from None
    raise InvalidValue("date")


def _read_number(number: Any, form: DateForm, wrong: str = "moment_number") -> Clock:
    try:
        value = float(number)
        whole = int(value)
    except (ValueError, OverflowError):
        raise InvalidValue(wrong) from None
    if form.epoch == "excel":
        return Clock(int(serial_micros(value)), True, value == whole)
    if form.epoch is None and len(str(whole)) in _COMPACT_DIGITS and value == whole:
        return _read_text(str(whole), form)
    factor = FACTORS[form.epoch] if form.epoch else unix_factor(len(str(whole)))
    if factor is None or whole < 0:
        raise InvalidValue(wrong)
    return Clock(int(unix_micros(value, factor)), False, False)


def _numeric_day(first: str, second: str, year: str, form: DateForm) -> datetime:
    jalali, century = form.calendar == "jalali", int(year)
    if len(year) == 2 and jalali:
        # Persian dates of two digits begin with the year: 03/10/13.
        century = int(first) + (JALALI_YEARS[0] if int(first) >= 50 else JALALI_YEARS[0] + 100)
        return day_of(century, int(second), int(year), jalali=True)
    if len(year) == 2:
        century = _whole_year(century)
    day, month = int(first), int(second)
    if form.day_first is False:
        day, month = month, day
    if month > 12 >= day:
        day, month = month, day
    return day_of(century, month, day, jalali=jalali)


def _whole_year(year: int) -> int:
    """Return the year that two digits mean: 1970 to 2069."""
    return year + (2000 if year < 70 else 1900)


def _named_day(match: re.Match[str], form: DateForm) -> datetime:
    calendar, month = _vocabulary().months[match["month"]]
    year = int(match["year"])
    if len(match["year"]) == 2:
        year = _whole_year(year)
    jalali = calendar == "jalali"
    if jalali != (JALALI_YEARS[0] <= year < JALALI_YEARS[1]):
        raise InvalidValue("date_exists")
    return day_of(year, month, int(match["day"]), jalali=jalali)


def _clock(day: datetime, time: str, form: DateForm) -> Clock:
    """Return the clock of a day and what stands behind it."""
    if not (time := time.lstrip(".").strip(" ,،")):
        return _whole_day(day)
    match = _vocabulary().time.fullmatch(time.removeprefix("t").strip())
    if not match:
        raise InvalidValue("date_exists")
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            raise InvalidValue("date_exists")
        hour = hour % 12 + 12 * (match["half"] in _vocabulary().afternoon)
    if hour > 23 or minute > 59 or second > 59:
        raise InvalidValue("date_exists")
    micro = int((match["fraction"] or "0").ljust(6, "0")[:6])
    reading = utc_micros(day + timedelta(hours=hour, minutes=minute, seconds=second)) + micro
    zone = match["offset"] or match["zone"] or match["bracket"] or match["comment"]
    if zone is None:
        return Clock(reading, True, False)
    return Clock(_in_utc(reading, zone, form), False, False)


def _in_utc(reading: int, name: str, form: DateForm) -> int:
    """Return a clock's reading in UTC, by an offset or by the name of its zone."""
    own = {folded.casefold(): zone for folded, zone in form.zones.items()}
    zone = own.get(name) or _vocabulary().zones.get(name) or name
    if not (offset := OFFSET.fullmatch(zone)):
        if (iana := _iana_names().get(zone.casefold())) is None:
            raise InvalidValue("zone_unclear" if name in _vocabulary().unclear else "zone")
        return int(local_to_utc(np.array([reading]), iana)[0][0])
    minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    if minutes >= 24 * 60:
        raise InvalidValue("date_exists")
    return reading - int(f"{offset[1]}1") * minutes * 60_000_000


def _whole_day(day: datetime) -> Clock:
    return Clock(utc_micros(day) + _END_OF_DAY, True, True)


class _Vocabulary(NamedTuple):
    """The words of words.yaml, and the patterns made of them."""

    months: dict[str, tuple[str, int]]
    zones: dict[str, str]
    unclear: frozenset[str]
    afternoon: frozenset[str]
    time: re.Pattern[str]
    time_first: re.Pattern[str]
    around: re.Pattern[str]
    named: tuple[re.Pattern[str], ...]


@lru_cache(maxsize=1)
def _vocabulary() -> _Vocabulary:
    content = packaged("scoring_ml.data.values.moments", "words.yaml")
    months = {
        word: (calendar, number)
        for calendar, names in content["months"].items()
        for number, words in enumerate(names, start=1)
        for word in words
    }
    halves = [word for words in content["halves"].values() for word in words]
    time = (
        rf"(?:(?:{_any_of(content['before_time'])}) )?"
        r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})"
        r"(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
        rf"(?: ?(?P<half>{_any_of(halves)})(?!\w))?"
    )
    zone = (
        r"(?: ?(?:(?:utc|gmt)? ?(?P<offset>[+-]\d{2}:?\d{2}|[+-]\d{1,2})(?: [+-]\d{4}| [a-z]{3,5})?"
        r"|(?P<zone>[^\W\d]+(?:/[^\W\d]+)*)))?"
        r"(?: ?\[(?P<bracket>[\w/+-]+)\])?(?: ?\((?P<comment>[^()]*)\))?"
    )
    weekday = rf"(?:(?:{_any_of(content['weekdays'])})\.?[,،]? )?"
    month, day = (
        rf"(?P<month>{_any_of(months)})\.?",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|-?го|ام|م)?",
    )
    date_words = _any_of([*months, *content["weekdays"], *content["before_date"]])
    time_first = (
        rf"^(\d{{1,2}}:[\d:.]+(?: ?(?:{_any_of(halves)})(?!\w))?"
        rf"(?: (?!(?:{date_words})\b)[^\W\d]+)?)"
        rf"(?:[,،]| [-–—])? (?:(?:{_any_of(content['before_date'])}) )?(.+)$"
    )
    year, behind = r"(?P<year>\d{4})(?: ?г(?:\.|ода)?)?", r"(?P<time>(?:[ ,،t].*)?)"
    named = (
        rf"{weekday}{day}(?: de |[-/. ]*){month}(?: de |[-/., ]*)"
        rf"{year.replace('4', '4}|[0-9]{2', 1)}{behind}",
        rf"{weekday}{month}[-/. ]*{day}[-/., ،]+{year}{behind}",
        rf"{weekday}{month} {day} (?P<time>\d[\d:.]*(?: ?(?:[a-z]+|[+-]\d+))*?) {year}",
        rf"{year}[-/. ]+{month}[-/. ]*{day}{behind}",
    )
    return _Vocabulary(
        months,
        content["zones"],
        frozenset(content["unclear_zones"]),
        frozenset(content["halves"]["pm"]),
        re.compile(time + zone),
        re.compile(time_first),
        re.compile(rf"^(?:{weekday}(?=\d)|/date\()|(?:[+-]\d{{4}})?\)/$"),
        tuple(re.compile(pattern) for pattern in named),
    )


def _any_of(words: Any) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


@lru_cache(maxsize=1)
def _iana_names() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
