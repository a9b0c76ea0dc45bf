"""The entries of a list in a request, read column by column, with what is wrong where.

Each distinct word of a column is read once, and moments are read as those of an export.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.files.arrow_cells import cell_text
from scoring_ml.data.history import History
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import Column
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.limits import (
    MAX_FACTS,
    MAX_NAME,
    MAX_WRONG,
    RepeatedNames,
    check_unicode,
    check_value,
)
from scoring_ml.data.values.moments import Moments, ReadMoments, read_moments
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.typed import Typed, reader
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.features.asof import known


class EntryColumns:
    """The columns of a list of entries.

    Parameters
    ----------
    raw : object
        What stands in the request; no entries if that is no list of a right length.
    history : History
        Whose words for "not known", zone and order of dates hold.

    Attributes
    ----------
    wrong : dict of (int, str) to InvalidValue
        Place in the list and name in the entry -> the first thing that is wrong there. An entry
        that is wrong as a whole has no name, and the list itself no place (-1).
    """

    def __init__(self, name: str, raw: Any, names: tuple[str, ...], history: History) -> None:
        self._name = name
        self._history = history
        self._missing = _missing(history.missing)
        self.wrong: dict[tuple[int, str], InvalidValue] = {}
        self._entries = self._checked(raw, names)
        self._names = frozenset[str]().union(*self._entries)

    def __contains__(self, name: str) -> bool:
        """Tell whether a name occurs in the entries."""
        return name in self._names

    def problems(self) -> list[tuple[str, InvalidValue]]:
        """Return what is wrong by its place in the request, such as ``activities[3].type``.

        In the order of the list, no more than :data:`MAX_WRONG`.
        """
        whole = {place for place, name in self.wrong if not name}
        problems = []
        for (place, name), error in sorted(self.wrong.items(), key=lambda item: item[0][0]):
            if name and place in whole:
                continue
            at = self._name if place < 0 else f"{self._name}[{place}]"
            problems.append((f"{at}.{name}" if name else at, error))
        return problems[:MAX_WRONG]

    def words(self, name: str, read: Callable[[Any], int]) -> list[int]:
        """Read a column of words, each distinct one once; 0 stands for a wrong one."""
        return self._read(name, self._column(name), read)

    def touches(
        self, name: str, read: Callable[[str], str | None]
    ) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
        """Read a column of free words.

        Returns
        -------
        codes : array of int32, shape (n,), or None
            Place of each in the words, -1 for none; ``None`` if all have none.
        """
        # Ids of campaigns are often numbers; an export has them as text.
        codes, words = self._codes(name, read, InvalidValue("text"), numbers=(int, float))
        return (codes, words) if words else (None, ())

    def ids(self, name: str) -> NDArray[np.int32] | None:
        """Read a column of ids: a number for each different one, -1 for none."""

        def read(raw: str) -> str | None:
            return None if folded(raw) in self._missing else plain_digits(raw.strip())

        return self._codes(name, read, InvalidValue("id"), numbers=(int,))[0]

    def moments(self, name: str) -> ReadMoments:
        """Read a column of moments that must be given."""
        read = self._moments(name)
        for place in np.flatnonzero(read.missing).tolist():
            self._add(place, name, InvalidValue("no_moment"))
        return read

    def recorded(self, happened: Moments, now: int) -> Moments:
        """Return when facts became known.

        What a request tells is known by now, and nothing is known before it happens.
        """
        if "known_at" not in self:
            return happened
        read = self._moments("known_at")
        sure = read.usable & known(read.values, now)
        return np.maximum(np.where(sure, read.values, happened), happened)

    def amounts(self, name: str) -> NDArray[np.float64]:
        """Read a column of amounts; NaN stands for none."""
        if name not in self:
            return np.full(len(self._entries), np.nan)
        read = _amount_reader(self._history.missing)
        cells = [(raw.__class__, raw) for raw in self._column(name)]
        distinct: dict[Any, Any] = {}
        for cell in dict.fromkeys(cells):
            try:
                distinct[cell] = read(cell[1])
            except InvalidValue:
                # As wrong as any amount below 0.
                distinct[cell] = -math.inf
        values = np.array([distinct[cell] for cell in cells], dtype=np.float64)
        for place in np.flatnonzero(values < 0).tolist():
            self._add(place, name, InvalidValue("amount"))
        return values

    def _checked(self, raw: Any, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
        """Return the entries, an empty one for each that is none."""
        if not isinstance(raw, (list, tuple)):
            self._add(-1, "", InvalidValue("no_list"))
            return []
        if len(raw) > MAX_FACTS:
            self._add(-1, "", InvalidValue("too_many_facts", most=MAX_FACTS))
            return []
        entries = list(raw)
        if {dict}.issuperset(map(type, entries)) and set().union(*entries).issubset(names):
            return entries
        for place, entry in enumerate(entries):
            if not isinstance(entry, Mapping):
                self._add(place, "", InvalidValue("no_entry", names=names))
                continue
            for name in entry.names if isinstance(entry, RepeatedNames) else ():
                self._add(place, name, InvalidValue("repeated"))
            for name in entry:
                if name not in names and len(self.wrong) < MAX_WRONG:
                    self._add(place, *_unknown(str(name), names))
        return [entry if isinstance(entry, Mapping) else {} for entry in entries]

    def _column(self, name: str) -> list[Any]:
        """Return a column's values, ``None`` for one that no field may hold."""
        raws = [entry.get(name) for entry in self._entries]
        if _PLAIN.issuperset(map(type, raws)) and _fits([r for r in raws if r.__class__ is str]):
            return raws
        for place, raw in enumerate(raws):
            try:
                check_value(raw)
            except InvalidValue as error:
                self._add(place, name, error)
                raws[place] = None
        return raws

    def _read(self, name: str, raws: list[Any], read: Callable[[Any], int]) -> list[int]:
        values: dict[Any, int] = {}
        errors: dict[Any, InvalidValue] = {}
        for raw in dict.fromkeys(raws):
            try:
                values[raw] = read(raw)
            except InvalidValue as error:
                values[raw] = 0
                errors[raw] = error
        if errors:
            for place, raw in enumerate(raws):
                if raw in errors:
                    self._add(place, name, errors[raw])
        return list(map(values.__getitem__, raws))

    def _codes(
        self,
        name: str,
        read: Callable[[str], str | None],
        error: InvalidValue,
        *,
        numbers: tuple[type, ...],
    ) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
        if name not in self._names:
            return None, ()
        codes: dict[str, int] = {}

        def code(raw: Any) -> int:
            if raw is None:
                return -1
            if not isinstance(raw, str):
                raise error
            word = read(raw)
            return -1 if word is None else codes.setdefault(word, len(codes))

        raws = self._column(name)
        if not _TEXTS.issuperset(map(type, raws)):
            raws = [
                cell_text(raw) if isinstance(raw, numbers) and _is_number(raw) else raw
                for raw in raws
            ]
        return np.array(self._read(name, raws, code), dtype=np.int32), tuple(codes)

    def _moments(self, name: str) -> ReadMoments:
        read, errors = read_cells(self._column(name), self._history, f"{self._name}.{name}")
        for place, error in errors:
            self._add(place, name, error)
        return read

    def _add(self, place: int, name: str, error: InvalidValue) -> None:
        self.wrong.setdefault((place, name), error)


def read_cells(
    raws: Sequence[Any], history: History, name: str
) -> tuple[ReadMoments, list[tuple[int, InvalidValue]]]:
    """Read moments of a request as an export's reader reads a column.

    Parameters
    ----------
    raws : sequence of str, int, float, date, datetime or None, shape (n,)
    history : History
        Whose zone, form of dates and words for "not known" hold.
    name : str
        The column of an export, such as ``activities.occurred_at``.

    Returns
    -------
    read : ReadMoments, shape (n,)
    errors : list of (int, InvalidValue)
        Places of what is no moment.
    """
    dates = history.dates.get(name)
    form, words = (history, ()) if dates is None else (dates, dates.missing)
    read = read_moments(
        pa.array(raws, pa.string()) if _TEXTS.issuperset(map(type, raws)) else raws,
        form.date_form,
        timezone=history.timezone,
        missing=(*history.missing, *words),
    )
    reasons = {True: "moment", False: "moment_number"}
    return read, [
        (place, InvalidValue(reasons[isinstance(raws[place], str)]))
        for place in np.flatnonzero(read.wrong).tolist()
    ]


_TEXTS: Final = frozenset({str, type(None)})
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_LARGEST_ID: Final = 10**40


def _fits(texts: list[str]) -> bool:
    """Tell whether all texts may stand in an entry, with one look at all together."""
    try:
        check_value(max(texts, key=len, default=""))
        check_unicode("".join(texts))
    except InvalidValue:
        return False
    return True


def _is_number(raw: Any) -> bool:
    if isinstance(raw, float):
        return math.isfinite(raw)
    return isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < _LARGEST_ID


@lru_cache(maxsize=16)
def _missing(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(folded, words))


@lru_cache(maxsize=16)
def _amount_reader(missing: tuple[str, ...]) -> Callable[[Any], Typed]:
    return reader(Column("amount", "number"), missing)


def _unknown(name: str, names: Sequence[str]) -> tuple[str, InvalidValue]:
    """Return the name of what an entry must not have, none if it cannot be written."""
    try:
        check_unicode(name)
    except InvalidValue as error:
        return "", error
    name = name[:MAX_NAME]
    like = nearest(name, names)
    if like is None:
        return name, InvalidValue("unknown_name")
    return name, InvalidValue("unknown_name_like", like=like)
