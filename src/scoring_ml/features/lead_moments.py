"""Moments of a request: in microseconds since 1970, UTC, as an export's reader would read them.

Machines write the same few forms, so these are read quickly, and a whole column at once; all
others go the way of an export, together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.values.moments import Moments, local_to_utc, read_moments
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.vocabulary import folded

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


@dataclass(frozen=True)
class MomentColumn:
    """Moments of a list's entries.

    Parameters
    ----------
    values : array of int64, shape (n,)
        Microseconds since 1970, UTC; 0 where there is no moment.
    told : array of bool, shape (n,)
        Where something is said, right or wrong.
    whole_day : array of bool, shape (n,)
        Dates without a time, taken for the end of the day.
    wrong : mapping of int to str
        Place -> what must hold there.
    """

    values: Moments
    told: NDArray[np.bool_]
    whole_day: NDArray[np.bool_]
    wrong: Mapping[int, str]


def read_column(
    raws: Sequence[Any],
    timezone: str,
    *,
    day_first: bool = True,
    missing: tuple[str, ...] = ("",),
) -> MomentColumn:
    """Read moments of a request as an export's reader would.

    Parameters
    ----------
    raws : sequence of str, int, float, date, datetime or None, shape (n,)
        Numbers are Unix times.
    timezone : str
        IANA zone of moments without one.
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.
    missing : tuple of str
        Words for "not known".

    >>> read_column(["1970-01-01T00:00:01Z", 1000000000, None], "UTC").values.tolist()
    [1000000, 1000000000000000, 0]
    """
    n = len(raws)
    whole = machine_column(raws, timezone)
    if whole is not None:
        return MomentColumn(whole, np.ones(n, dtype=bool), np.zeros(n, dtype=bool), {})
    values = np.zeros(n, dtype=np.int64)
    told = np.zeros(n, dtype=bool)
    whole_day = np.zeros(n, dtype=bool)
    wrong: dict[int, str] = {}
    places: list[int] = []
    texts: list[str] = []
    for place, raw in enumerate(raws):
        if raw is None:
            continue
        try:
            text = raw if raw.__class__ is str else _as_text(raw, missing)
            if text is not None:
                _check(text)
                places.append(place)
                texts.append(text)
        except ValueError as error:
            told[place] = True
            wrong[place] = str(error)
    where = np.array(places, dtype=np.int64)
    told[where] = True
    whole = machine_column(texts, timezone) if 0 < len(texts) < n else None
    if whole is not None:
        values[where] = whole
        return MomentColumn(values, told, whole_day, wrong)
    # Each distinct text once; what no machine writes, all at once.
    read: dict[str, int] = {}
    rest: list[str] = []
    for text in dict.fromkeys(texts):
        moment = _quick(text if text.isascii() else plain_digits(text), timezone)
        if moment is None:
            rest.append(text)
        else:
            read[text] = moment
    if rest:
        slow = read_moments(
            pa.array(rest, pa.string()), timezone=timezone, day_first=day_first, missing=missing
        )
        read |= dict(zip(rest, slow.values.tolist(), strict=True))
        if not slow.usable.all() or slow.whole_day.any():
            at = {text: number for number, text in enumerate(rest)}
            for place, text in zip(places, texts, strict=True):
                number = at.get(text)
                if number is not None:
                    told[place] = not slow.missing[number]
                    whole_day[place] = slow.whole_day[number]
                    if slow.wrong[number]:
                        wrong[place] = _MUST
    values[where] = [read[text] for text in texts]
    return MomentColumn(values, told, whole_day, wrong)


_MUST: Final = "must be a moment, such as 2026-11-22T09:30:00Z"
_MUST_NUMBER: Final = f"{_MUST}, or a whole Unix time of 10, 13 or 16 digits"


def _check(text: str) -> None:
    """Refuse what Arrow cannot hold, or what takes long to look at."""
    if len(text) > LONGEST_WORD:
        raise ValueError(_MUST)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(_MUST) from None  # its own words would quote the text


def _as_text(raw: Any, missing: tuple[str, ...]) -> str | None:
    """Return what is no text as an export would hold it in one; ``None`` for "not known"."""
    if isinstance(raw, str):
        return str(raw)
    if isinstance(raw, (date, datetime)):
        return raw.isoformat()
    if not isinstance(raw, (int, float)) or isinstance(raw, bool):
        raise ValueError(_MUST_NUMBER)
    whole = int(raw) if isinstance(raw, int) or raw.is_integer() else None
    if whole is None or abs(whole) >= 10**16:
        raise ValueError(_MUST_NUMBER)
    text = str(whole)
    if whole > 0 and len(text) in (10, 13, 16):
        return text
    if text in {folded(word) for word in missing}:
        return None
    raise ValueError(_MUST_NUMBER)


_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
"""The form that machines write; what else :meth:`datetime.fromisoformat` takes is not asked."""


def _quick(text: str, timezone: str) -> int | None:
    """Read the form that machines write; ``None`` for any other."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    zone = found[1]
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
