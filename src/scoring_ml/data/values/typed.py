"""From what a file or a request says to a typed value, in one place.

A value is read the same way wherever it comes from, so that batch and online agree to the bit.
Typed values are ``float`` (number; boolean as 0.0 or 1.0; NaN for not known),
``datetime`` in UTC without a zone (date; ``None`` for not known) and ``str`` (category, email,
phone; ``None`` for not known).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from scoring_ml.data.schema import Column

TRUE_WORDS: Final = frozenset(
    {"1", "1.0", "true", "t", "yes", "y", "on", "да", "истина", "بله", "آری"}
)
FALSE_WORDS: Final = frozenset(
    {"0", "0.0", "false", "f", "no", "n", "off", "нет", "ложь", "خیر", "نه"}
)
MISSING_WORDS: Final = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "nil", "<na>", "nat"}
)
"""Words that mean "not known" almost everywhere; a schema lists those that its file uses."""

EARLIEST: Final = datetime(1900, 1, 1)
LATEST: Final = datetime(2200, 1, 1)

Typed = float | str | datetime | None


def plain_digits(text: str) -> str:
    """Write the decimal digits of any script as 0-9.

    >>> plain_digits("۱۲٫۵"), plain_digits("٣"), plain_digits("12")
    ('12.5', '3', '12')
    """
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else _SIGNS.get(sign, sign)
        for sign in text
    )


_SIGNS: Final = {"٫": ".", "٬": "'", "\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "}
_CURRENCY: Final = re.compile(r"^[$€£¥₽﷼]\s*|\s*(?:[$€£¥₽﷼%])$")
_PLAIN: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_GROUPED_POINT: Final = re.compile(r"[+-]?\d{1,3}(?:([ ,'])\d{3})(?:\1\d{3})*(?:\.\d+)?")
_GROUPED_COMMA: Final = re.compile(r"[+-]?\d{1,3}(?:([ .'])\d{3})(?:\1\d{3})*(?:,\d+)?")


def parse_number(text: str, *, decimal: str = ".") -> float:
    """Read a number written in any script's digits.

    Parameters
    ----------
    text : str
        The number, perhaps with thousands separators, a currency sign or a percent sign.
    decimal : {".", ","}
        The decimal sign.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    ValueError
        If the text is no finite number.

    >>> parse_number("1,234.5"), parse_number("1.234,5", decimal=","), parse_number("۱۲")
    (1234.5, 1234.5, 12.0)
    """
    plain = _CURRENCY.sub("", plain_digits(text.strip()))
    if decimal == ",":
        if _GROUPED_COMMA.fullmatch(plain):
            plain = re.sub(r"[ .']", "", plain)
        plain = plain.replace(",", ".", 1)
    elif _GROUPED_POINT.fullmatch(plain):
        plain = re.sub(r"[ ,']", "", plain)
    if not _PLAIN.fullmatch(plain):
        raise ValueError("must be a number")
    value = float(plain)
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def parse_boolean(text: str) -> float:
    """Read yes or no, in English, Russian or Persian, as 1.0 or 0.0.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    word = plain_digits(text.strip()).casefold()
    if word in TRUE_WORDS:
        return 1.0
    if word in FALSE_WORDS:
        return 0.0
    raise ValueError("must be yes or no (true or false, 1 or 0)")


_YMD: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(.*)", re.DOTALL)
_DMY: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(.*)", re.DOTALL)
_NAMED: Final = re.compile(
    r"(?:(\d{1,2})[-/. ]+([a-z]{3,9})\.?|([a-z]{3,9})\.?[-/. ]+(\d{1,2}))[-/., ]+(\d{4})(.*)",
    re.DOTALL,
)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CLOCK: Final = re.compile(
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


def parse_date(text: str, *, day_first: bool = True) -> datetime:
    """Read a date or a moment, in any of the common forms.

    Understood: ISO 8601, ``2026/11/22``, ``22.11.2026``, ``11/22/2026`` (by ``day_first`` when
    both readings are possible), ``22 Nov 2026``, ``Nov 22, 2026``, ``20261122``, each with or
    without a clock time and a zone, in any script's digits. A moment without a zone is UTC. A
    date without a time is known at the end of that day: its last microsecond is returned.

    Returns
    -------
    datetime
        In UTC, without a zone, in [1900, 2200).

    Raises
    ------
    ValueError
        If the text is no date, or lies outside the range.

    >>> parse_date("2026-11-22T09:30:00+03:30"), parse_date("22.11.2026 09:30")
    (datetime.datetime(2026, 11, 22, 6, 0), datetime.datetime(2026, 11, 22, 9, 30))
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
            raise ValueError("must be a date, such as 2026-11-22")
        day, month = int(match[1] or match[4]), _MONTHS[name]
        year, rest = int(match[5]), match[6]
    elif match := _COMPACT.fullmatch(plain):
        year, month, day, rest = int(match[1]), int(match[2]), int(match[3]), ""
    else:
        raise ValueError("must be a date, such as 2026-11-22")
    try:
        moment = datetime(year, month, day) + _clock(rest)
    except (ValueError, OverflowError):
        raise ValueError("must be a date that exists, such as 2026-11-22") from None
    return _in_range(moment)


def _clock(rest: str) -> timedelta:
    rest = rest.strip()
    if not rest:
        return timedelta(days=1, microseconds=-1)
    match = _CLOCK.fullmatch(rest)
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
    return clock - offset


def _in_range(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must be a date between 1900 and 2200")
    return moment


def tidy(text: str) -> str:
    """Fold white space and compatible signs, so that the same word reads the same.

    >>> tidy("  Olark   Chat ")
    'Olark Chat'
    """
    if text.isascii():
        return " ".join(text.split())
    plain = unicodedata.normalize("NFKC", text).translate(_ONE_LETTER)
    return " ".join(plain.split())


_ONE_LETTER: Final = str.maketrans("يك", "یک")
"""Arabic letters that Persian keyboards write in two ways."""


def reader(column: Column, missing: tuple[str, ...]) -> Callable[[Any], Typed]:
    """Return the function that reads one column's values.

    Parameters
    ----------
    column : Column
    missing : tuple of str
        The schema's words for "not known"; compared without regard to case and outer space.

    Returns
    -------
    callable
        From any scalar (text, number, bool, date, ``None``) to a typed value. It raises
        ``ValueError`` with a message that never quotes the value.
    """
    words = frozenset(tidy(word).casefold() for word in (*missing, *column.missing))
    convert = _converter(column)
    nothing: Typed = float("nan") if column.type in ("number", "boolean") else None
    numbers = (_as_number(word, column.decimal) for word in words)
    missing_numbers = frozenset(number for number in numbers if number is not None)

    def read(raw: Any) -> Typed:
        if raw is None:
            return nothing
        if isinstance(raw, str):
            if tidy(raw).casefold() in words:
                return nothing
        elif isinstance(raw, float) and math.isnan(raw):
            raise ValueError("must not be NaN; leave the field out when it is not known")
        value = convert(raw)
        return nothing if isinstance(value, float) and value in missing_numbers else value

    return read


def _as_number(word: str, decimal: str) -> float | None:
    try:
        return parse_number(word, decimal=decimal)
    except ValueError:
        return None


def _converter(column: Column) -> Callable[[Any], Typed]:
    kind = column.type
    if kind == "number":
        return lambda raw: _number(raw, column.decimal)
    if kind == "boolean":
        return _boolean
    if kind == "date":
        return lambda raw: _date(raw, column.day_first)
    return _word


def _number(raw: Any, decimal: str) -> float:
    if isinstance(raw, str):
        return parse_number(raw, decimal=decimal)
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        try:
            value = float(raw)
        except OverflowError:
            raise ValueError("must be a finite number") from None
        if not math.isfinite(value):
            raise ValueError("must be a finite number")
        return value
    raise ValueError("must be a number")


def _boolean(raw: Any) -> float:
    if isinstance(raw, str):
        return parse_boolean(raw)
    if isinstance(raw, (bool, int, float)) and raw in (0, 1):
        return float(raw)
    raise ValueError("must be yes or no (true or false, 1 or 0)")


def _date(raw: Any, day_first: bool) -> datetime:
    if isinstance(raw, str):
        return parse_date(raw, day_first=day_first)
    if isinstance(raw, datetime):
        if raw.tzinfo is not None:
            try:
                raw = raw.astimezone(UTC).replace(tzinfo=None)
            except OverflowError:
                raise ValueError("must be a date between 1900 and 2200") from None
        return _in_range(raw)
    if isinstance(raw, date):
        return _in_range(datetime(raw.year, raw.month, raw.day) + _clock(""))
    raise ValueError("must be a date as text, such as 2026-11-22")


def _word(raw: Any) -> str:
    if isinstance(raw, str):
        return tidy(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float)):
        if isinstance(raw, float) and not math.isfinite(raw):
            raise ValueError("must be text")
        try:
            return str(int(raw)) if raw == int(raw) else repr(float(raw))
        except (ValueError, OverflowError):  # thousands of digits
            raise ValueError("must be text") from None
    raise ValueError("must be text")
