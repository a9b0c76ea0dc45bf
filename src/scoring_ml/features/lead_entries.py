"""The entries of a list in a request, read name by name, with what is wrong where.

Most entries have the same few words and write moments as machines do, so each distinct word is
read once and such moments are read together. Messages never quote a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.facts import Moments
from scoring_ml.data.moments import local_to_utc, moment_of
from scoring_ml.data.schema import nearest
from scoring_ml.data.values import parse_number, tidy
from scoring_ml.features.asof import known

MOST_FACTS: Final = 1_000
"""Most entries of one list."""

MOST_WRONG: Final = 20
"""Wrong entries after which no more are looked for."""

LONGEST_WORD: Final = 1_000
"""Most characters of a word or of a moment."""

Wrong = list[tuple[str, str]]
"""Names of places in a request, each with what is wrong there."""

_EPOCH: Final = datetime(1970, 1, 1)
_EARLIEST: Final = (datetime(1900, 1, 1) - _EPOCH) // timedelta(microseconds=1)
_LATEST: Final = (datetime(2200, 1, 1) - _EPOCH) // timedelta(microseconds=1)


class Entries:
    """The entries of one list, read name by name: most have the same few words and forms.

    Parameters
    ----------
    name : str
        Of the list.
    entries : object
        What stands in the request; no entries if that is no list of a right length.
    allowed : tuple of str
    day_first : bool
        How an ambiguous date is read.

    Attributes
    ----------
    keys : set of str
        Names that occur in the entries.
    wrong : list of (int, str, str)
        Place in the list, name in the request, and what is wrong there.
    """

    def __init__(
        self, name: str, entries: Any, allowed: tuple[str, ...], *, day_first: bool = True
    ) -> None:
        self._name = name
        self._day_first = day_first
        self._entries: list[Mapping[str, Any]] = []
        self.keys: set[str] = set()
        self.wrong: list[tuple[int, str, str]] = []
        if not isinstance(entries, (list, tuple)):
            self.wrong.append((-1, name, "must be a list"))
            return
        if len(entries) > MOST_FACTS:
            what = f"must hold at most {MOST_FACTS:,} entries; send the newest"
            self.wrong.append((-1, name, what))
            return
        if not {dict}.issuperset(map(type, entries)):
            what = f"must be an object with {', '.join(allowed)}"
            for place, entry in enumerate(entries):
                if not isinstance(entry, Mapping):
                    self.wrong.append((place, f"{name}[{place}]", what))
            if self.wrong:
                return
        self._entries = list(entries)
        self.keys = set().union(*entries)
        if not self.keys.issubset(allowed):
            for place, entry in enumerate(entries):
                for key in entry:
                    if key not in allowed:
                        self._add(place, str(key)[:200], _unknown(str(key)[:200], allowed))

    def sorted_wrong(self) -> Wrong:
        """Return what is wrong in the order of the list, no more than :data:`MOST_WRONG`."""
        self.wrong.sort(key=itemgetter(0))
        return [(name, what) for _, name, what in self.wrong[:MOST_WRONG]]

    def words(self, key: str, read: Callable[[Any], int], missing: int) -> list[int]:
        """Read a column of words, each distinct one once; ``missing`` stands for a wrong one."""
        raws = [entry.get(key) for entry in self._entries]
        if not _WORDS.issuperset(map(type, raws)):
            raws = [raw if raw is None or isinstance(raw, str) else _NO_WORD for raw in raws]
        values: dict[Any, int] = {}
        broken: dict[Any, str] = {}
        for raw in dict.fromkeys(raws):
            try:
                values[raw] = read(raw)
            except ValueError as error:
                values[raw] = missing
                broken[raw] = str(error)
        if broken:
            for place, raw in enumerate(raws):
                if raw in broken:
                    self._add(place, key, broken[raw])
        return list(map(values.__getitem__, raws))

    def names(self, key: str) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
        """Read a column of free words: the place of each in the words found, -1 for none."""
        if key not in self.keys:
            return None, ()
        found: dict[str, int] = {}

        def code(raw: Any) -> int:
            if raw is None:
                return -1
            if raw is _NO_WORD or len(raw) > LONGEST_WORD:
                raise ValueError(f"must be text of at most {LONGEST_WORD:,} characters")
            word = tidy(raw)
            return found.setdefault(word, len(found)) if word else -1

        codes = np.array(self.words(key, code, -1), dtype=np.int32)
        return (codes, tuple(found)) if found else (None, ())

    def moments(self, key: str, timezone: str) -> Moments:
        """Read a column of moments that must be given; 0 stands for a wrong one."""
        raws = [entry.get(key) for entry in self._entries]
        whole = _machine_column(raws, timezone)
        if whole is not None:
            return whole
        values = np.zeros(len(raws), dtype=np.int64)
        for place, raw in enumerate(raws):
            if raw is None:
                self._add(place, key, "must be given, such as 2026-11-22T09:30:00Z")
            else:
                self._moment(values, place, key, raw, timezone)
        return values

    def recorded(self, happened: Moments, now: int, timezone: str) -> Moments:
        """Return when facts became known.

        What a request tells is known by now, and nothing is known before it happens.
        """
        if "known_at" not in self.keys:
            return happened
        values = happened.copy()
        for place, entry in enumerate(self._entries):
            raw = entry.get("known_at")
            if raw is not None:
                self._moment(values, place, "known_at", raw, timezone)
        sure = known(values, np.full(len(values), now))
        return np.maximum(np.where(sure, values, happened), happened)

    def amounts(self, key: str) -> NDArray[np.float64]:
        """Read a column of amounts; NaN stands for none."""
        if key not in self.keys:
            return np.full(len(self._entries), np.nan)
        raws = [entry.get(key) for entry in self._entries]
        values = np.full(len(raws), np.nan)
        for place, raw in enumerate(raws):
            if raw.__class__ is float and 0.0 <= raw < math.inf:
                values[place] = raw
            elif raw is not None:
                try:
                    values[place] = _amount(raw)
                except ValueError as error:
                    self._add(place, key, str(error))
        return values

    def _moment(self, values: Moments, place: int, key: str, raw: Any, timezone: str) -> None:
        try:
            values[place] = read_moment(raw, timezone, day_first=self._day_first)
        except ValueError as error:
            self._add(place, key, str(error))

    def _add(self, place: int, key: str, what: str) -> None:
        self.wrong.append((place, f"{self._name}[{place}].{key}", what))


_WORDS: Final = frozenset({str, type(None)})
_NO_WORD: Final = object()
"""Stands for a list, a number or another value that is no text."""


def _machine_column(raws: Sequence[Any], timezone: str) -> Moments | None:
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


def _unknown(key: str, keys: Sequence[str]) -> str:
    like = nearest(key, keys)
    return f"is not known here; did you mean {like}?" if like else "is not known here"


def _amount(raw: Any) -> float:
    try:
        if isinstance(raw, str) and len(raw) <= LONGEST_WORD:
            if not raw.strip():
                return math.nan
            number = parse_number(raw)
        elif isinstance(raw, (int, float)) and not isinstance(raw, bool):
            number = float(raw)
        else:
            number = math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if 0.0 <= number < math.inf:
        return number
    raise ValueError("must be a number, 0 or more")


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
