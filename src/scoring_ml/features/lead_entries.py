"""The entries of a list in a request, read name by name, with what is wrong where.

Most entries have the same few words and write moments as machines do, so each distinct word is
read once and such moments are read together. Messages never quote a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.files.flat import cell_text
from scoring_ml.data.names import nearest
from scoring_ml.data.values.moments import Moments
from scoring_ml.data.values.numbers import parse_number, plain_digits
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.features.asof import known
from scoring_ml.features.lead_moments import LONGEST_WORD, MomentColumn, read_column

__all__ = ["MOST_FACTS", "MOST_WRONG", "Entries", "Wrong"]

MOST_FACTS: Final = 1_000
"""Most entries of one list."""

MOST_WRONG: Final = 20
"""Wrong entries after which no more are looked for."""

Wrong = list[tuple[str, str]]
"""Names of places in a request, each with what is wrong there."""


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
    missing : tuple of str
        Words for "not known".

    Attributes
    ----------
    keys : set of str
        Names that occur in the entries.
    wrong : list of (int, str, str)
        Place in the list, name in the request, and what is wrong there.
    """

    def __init__(
        self,
        name: str,
        entries: Any,
        allowed: tuple[str, ...],
        *,
        day_first: bool = True,
        missing: tuple[str, ...] = ("",),
    ) -> None:
        self._name = name
        self._day_first = day_first
        self._missing_words = missing
        self._missing = _missing(missing)
        self._whole_days: dict[str, NDArray[np.bool_]] = {}
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
        return self._words(key, [entry.get(key) for entry in self._entries], read, missing)

    def _words(
        self, key: str, raws: list[Any], read: Callable[[Any], int], missing: int
    ) -> list[int]:
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

    def names(
        self, key: str, read: Callable[[str], str | None]
    ) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
        """Read a column of free words: the place of each in the words found, -1 for none."""
        if key not in self.keys:
            return None, ()
        found: dict[str, int] = {}

        def code(raw: Any) -> int:
            if raw is None:
                return -1
            if raw is _NO_WORD or len(raw) > LONGEST_WORD:
                raise ValueError(f"must be text of at most {LONGEST_WORD:,} characters")
            word = read(raw)
            return -1 if word is None else found.setdefault(word, len(found))

        raws = [entry.get(key) for entry in self._entries]
        if not _WORDS.issuperset(map(type, raws)):
            # Ids of campaigns are often numbers; an export has them as text.
            raws = [cell_text(raw) if _is_number(raw) else raw for raw in raws]
        codes = np.array(self._words(key, raws, code, -1), dtype=np.int32)
        return (codes, tuple(found)) if found else (None, ())

    def ids(self, key: str) -> NDArray[np.int32]:
        """Read a column of ids: a number for each different one, -1 for none."""
        codes = np.full(len(self._entries), -1, dtype=np.int32)
        found: dict[str, int] = {}
        for place, entry in enumerate(self._entries):
            raw = entry.get(key)
            if raw is None:
                continue
            if isinstance(raw, int) and _is_number(raw):
                raw = str(raw)
            if not isinstance(raw, str) or len(raw) > LONGEST_WORD:
                self._add(place, key, "must be text or a whole number")
            elif folded(raw) not in self._missing.words:
                codes[place] = found.setdefault(plain_digits(raw.strip()), len(found))
        return codes

    def moments(self, key: str, timezone: str) -> Moments:
        """Read a column of moments that must be given; 0 stands for a wrong one."""
        read = self._moments(key, timezone)
        for place in np.flatnonzero(~read.told).tolist():
            self._add(place, key, "must be given, such as 2026-11-22T09:30:00Z")
        return read.values

    def recorded(self, happened: Moments, now: int, timezone: str) -> Moments:
        """Return when facts became known.

        What a request tells is known by now, and nothing is known before it happens.
        """
        if "known_at" not in self.keys:
            return happened
        read = self._moments("known_at", timezone)
        sure = read.told & known(read.values, np.full(len(happened), now))
        return np.maximum(np.where(sure, read.values, happened), happened)

    def whole_days(self, key: str) -> NDArray[np.bool_]:
        """Tell which entries have a date without a time, in a column that :meth:`moments` read."""
        return self._whole_days[key]

    def _moments(self, key: str, timezone: str) -> MomentColumn:
        raws = [entry.get(key) for entry in self._entries]
        missing = self._missing_words
        read = read_column(raws, timezone, day_first=self._day_first, missing=missing)
        for place, what in read.wrong.items():
            self._add(place, key, what)
        self._whole_days[key] = read.whole_day
        return read

    def amounts(self, key: str) -> NDArray[np.float64]:
        """Read a column of amounts; NaN stands for none."""
        if key not in self.keys:
            return np.full(len(self._entries), np.nan)
        raws = [entry.get(key) for entry in self._entries]
        values = np.full(len(raws), np.nan)
        for place, raw in enumerate(raws):
            if raw.__class__ in _NUMBERS and 0 <= raw < _EXACT:
                values[place] = raw
            elif raw is not None:
                try:
                    values[place] = _amount(raw, self._missing)
                except ValueError as error:
                    self._add(place, key, str(error))
        for number in self._missing.numbers:
            values[values == number] = math.nan
        return values

    def _add(self, place: int, key: str, what: str) -> None:
        self.wrong.append((place, f"{self._name}[{place}].{key}", what))


_NUMBERS: Final = (float, int)
_EXACT: Final = 2**53
_LARGEST_ID: Final = 10**40
_WORDS: Final = frozenset({str, type(None)})
_NO_WORD: Final = object()
"""Stands for a list, a number or another value that is no text."""


def _is_number(raw: Any) -> bool:
    if isinstance(raw, float):
        return math.isfinite(raw)
    return isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < _LARGEST_ID


class _Missing:
    """The words for "not known", and those of them that are numbers."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = frozenset(folded(word) for word in words)
        self.numbers: list[float] = []
        for word in words:
            try:
                self.numbers.append(parse_number(word))
            except ValueError:
                continue  # a word, such as n/a


@lru_cache(maxsize=16)
def _missing(words: tuple[str, ...]) -> _Missing:
    return _Missing(words)


def _unknown(key: str, keys: Sequence[str]) -> str:
    like = nearest(key, keys)
    return f"is not known here; did you mean {like}?" if like else "is not known here"


def _amount(raw: Any, missing: _Missing) -> float:
    try:
        if isinstance(raw, str) and len(raw) <= LONGEST_WORD:
            if folded(raw) in missing.words:
                return math.nan
            number = parse_number(raw)
        elif isinstance(raw, (int, float)) and not isinstance(raw, bool):
            number = float(raw)
        else:
            number = math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if 0.0 <= number < math.inf or number in missing.numbers:
        return number
    raise ValueError("must be a number, 0 or more")
