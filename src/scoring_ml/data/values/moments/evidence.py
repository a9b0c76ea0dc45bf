"""Evidence of the form in which a whole column writes its dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.values.moments.cell import plain_date
from scoring_ml.data.values.moments.form import DateForm
from scoring_ml.data.values.moments.units import Bools


@dataclass(frozen=True)
class Sign:
    """Rows of a column that speak for one thing.

    Parameters
    ----------
    first : int
        Place of the first of them; -1 without any.
    """

    rows: int = 0
    first: int = -1
    text: str = ""

    def __bool__(self) -> bool:
        return self.rows > 0

    def __str__(self) -> str:
        return f"{self.rows:,} row(s), the first {self.text} on line {self.first + 2}"


@dataclass(frozen=True)
class FormEvidence:
    """What a column shows of how its dates are written.

    Parameters
    ----------
    form : DateForm
        What is stated, completed by what the column shows.
    day_first, month_first : Sign
        Dates such as 31/12/2025 and 12/31/2025.
    either : Sign
        Dates such as 3/4/2025.
    jalali, gregorian : Sign
        Dates with a year from 1300 to 1499, or another one of four digits.
    short_years : Sign
        Dates such as 99/10/13, which seem to begin with the Persian year.
    stated : DateForm
        What a person, or another column, has decided.
    """

    form: DateForm
    day_first: Sign = Sign()
    month_first: Sign = Sign()
    either: Sign = Sign()
    jalali: Sign = Sign()
    gregorian: Sign = Sign()
    short_years: Sign = Sign()
    stated: DateForm = field(default_factory=DateForm)

    @property
    def day_first_shown(self) -> frozenset[bool]:
        """What the dates show of the day's place: both if they contradict each other."""
        signs = {True: self.day_first, False: self.month_first}
        return frozenset(first for first, sign in signs.items() if sign)

    @property
    def is_unsure(self) -> bool:
        """Whether nothing decides if the day or the month is first."""
        shown = self.day_first_shown or self.stated.day_first is not None
        return bool(self.either) and not shown

    @property
    def refuted(self) -> tuple[str, ...]:
        """Sentences about what is stated, and every date that shows anything speaks against."""
        stated = self.stated.day_first
        if stated is None or self.day_first_shown != {not stated}:
            return ()
        here, other = ("day", "month") if stated else ("month", "day")
        return (
            f"dates are read with the {here} first, but the {other} is first in "
            f"{self.month_first or self.day_first}, and no date shows the {here} first; state "
            f"day_first: {str(not stated).lower()}",
        )

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Sentences about dates of one column that cannot all be written alike."""
        found = []
        if self.day_first and self.month_first:
            found.append(
                f"the day is first in {self.day_first}, and the month in {self.month_first}"
            )
        if self.jalali and self.gregorian:
            found.append(
                f"dates are of the Persian calendar in {self.jalali}, and of the Gregorian one "
                f"in {self.gregorian}"
            )
        return tuple(found)

    @property
    def unsure(self) -> tuple[str, ...]:
        """Sentences about what no date of the column shows."""
        found = []
        if self.is_unsure:
            found.append(
                f"no date shows whether the day or the month is first ({self.either}); read with "
                "the day first"
            )
        if self.short_years and not self.jalali:
            found.append(f"years of two digits seem to be Persian ({self.short_years})")
        return tuple(found)

    def decisions(self) -> Iterator[tuple[str, str]]:
        """Yield what the column shows and is not stated, each with the key that would state it."""
        form, stated = self.form, self.stated
        if stated.epoch is None and form.epoch is not None:
            days = "numbers count days since 1900, as spreadsheets do"
            times = f"numbers are Unix times in {form.epoch}"
            yield days if form.epoch == "excel" else times, f"epoch: {form.epoch}"
        if stated.calendar is None and form.calendar == "jalali":
            rows = self.jalali or self.short_years
            yield f"dates of the Persian calendar ({rows})", "calendar: jalali"
        if stated.day_first is None and form.day_first is False:
            yield f"month first ({self.month_first})", "day_first: false"

    def located(self, place_of: Callable[[int], int]) -> FormEvidence:
        """Return the evidence with other places, such as those of cells in their column."""
        signs: dict[str, Any] = {
            name: replace(sign, first=place_of(sign.first))
            for name, sign in vars(self).items()
            if isinstance(sign, Sign) and sign
        }
        return replace(self, **signs)


def form_evidence(
    column: Any, stated: DateForm, rows: NDArray[np.int64] | None = None
) -> FormEvidence:
    """Find the form of a column's dates in all of its cells.

    Parameters
    ----------
    column : pyarrow Array or ChunkedArray, shape (n,)
    stated : DateForm
        What a person has decided; evidence completes it and never changes it.
    rows : array of int, shape (n,), or None
        For how many rows each cell stands; one if None.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries() if _is_dictionary(column) else column
        column = pa.chunked_array(column).combine_chunks() if column.num_chunks else pa.nulls(0)
        if isinstance(column, pa.ChunkedArray):  # pragma: no cover - more than 2 GB of text
            column = column.cast(pa.large_string()).combine_chunks()
    if _is_dictionary(column):
        codes = np.asarray(column.indices.fill_null(0)).astype(np.int64)
        weights = np.asarray(column.is_valid()).astype(np.int64)
        places = _first_places(codes, len(column.dictionary))
        counted = np.bincount(codes, weights, len(column.dictionary)).astype(np.int64)
        evidence = form_evidence(column.dictionary, stated, counted)
        return evidence.located(lambda place: int(places[place]))
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan))
        form = _with_epoch(stated, numbers[np.isfinite(numbers)], len(numbers))
        return FormEvidence(form, stated=stated)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return FormEvidence(stated, stated=stated)
    texts = column.cast(pa.large_string())
    weights = np.ones(len(texts), np.int64) if rows is None else rows
    clear = _gregorian_years_first(texts)
    unclear = np.flatnonzero(~clear & np.asarray(texts.is_valid()) & (weights > 0))
    evidence = FormEvidence(stated, stated=stated)
    if clear.any():
        first = int(np.argmax(clear))
        text = texts[first].as_py()[:10]
        evidence = replace(evidence, gregorian=Sign(int(weights[clear].sum()), first, text))
    if not len(unclear):
        return evidence
    rest = texts.take(pa.array(unclear))
    heads, places, head_rows = _heads(rest, weights[unclear])
    for head, place, n in zip(heads, unclear[places].tolist(), head_rows, strict=True):
        for name in _signs(plain_date(head)):
            sign = getattr(evidence, name)
            before = sign and sign.first < place
            here = (place, plain_date(head).split()[0])
            first, text = (sign.first, sign.text) if before else here
            shown: dict[str, Any] = {name: Sign(sign.rows + n, first, text)}
            evidence = replace(evidence, **shown)
    trimmed = pc.utf8_trim(rest, " \t'")
    digits = trimmed.filter(pc.match_substring_regex(trimmed, _COUNT))
    numbers = np.asarray(pc.replace_substring(digits, ",", ".").cast(pa.float64()))
    form = _with_epoch(stated, numbers, int(len(texts) - texts.null_count))
    return replace(evidence, form=_decided(evidence, form))


def agreed_day_first(columns: Mapping[str, FormEvidence]) -> tuple[bool, str] | None:
    """Return whether several columns put the day first, and which shows it; None if they differ."""
    shown = {day_first for each in columns.values() for day_first in each.day_first_shown}
    if len(shown) != 1:
        return None
    name, item = next(pair for pair in columns.items() if pair[1].day_first_shown)
    what = "day" if item.day_first else "month"
    return shown.pop(), f"{what} first, as {name} shows ({item.day_first or item.month_first})"


_HEAD: Final = 14
"""Signs at the beginning of a text that hold its date, with an invisible one or two."""

_COUNT: Final = r"^(?:\d{5,16}(?:[.,]\d*)?|\d(?:[.,]\d*)?[eE]\+?\d{1,2})$"
_CLOCK: Final = r"^(?:[^\pL\pN]*\p{Nd}{1,2}:[\p{Nd}:.]+\P{Nd}{0,12}|\pL{2,12}\.?[,،]? )(\p{Nd})"
"""A clock time or a day of the week before a date."""
_NUMERIC: Final = re.compile(
    r"(\d{1,2}|\d{4})(?:[-/. ]|\. )(\d{1,2})(?:[-/. ]|\. )(\d{4}|\d{2})(?!\d)"
)
_JALALI_YEAR: Final = re.compile(r"1[34]\d\d")
_JALALI_COMPACT: Final = re.compile(r"1[34]\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")

_SECONDS: Final = (3.2e8, 4.1e9)
"""Unix times from 1980 to 2100."""

_SERIALS: Final = (20_000, 73_050)
"""Days of a spreadsheet from 1954 to 2099."""


def _is_dictionary(column: Any) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _gregorian_years_first(texts: Any) -> Bools:
    """Tell which texts begin with a year of the Gregorian calendar, from their bytes."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    signs = np.frombuffer(data if data is not None else b"", np.uint8)
    start = ends[:-1]
    good = np.diff(ends) >= 8
    if not good.any():
        return np.asarray(good)
    places = start if good.all() else np.where(good, start, 0)
    first, second, third, fifth = (signs[places + at] for at in (0, 1, 2, 4))
    # From 1700 to 2199, with a line, a point or a stroke behind.
    old = (first == 0x31) & (second >= 0x37)
    new = (first == 0x32) & (second >= 0x30) & (second <= 0x31)
    parted = (third >= 0x30) & (fifth >= 0x2D) & (fifth <= 0x2F)
    return np.asarray(good & (old | new) & parted)


def _heads(texts: Any, rows: NDArray[np.int64]) -> tuple[list[str], NDArray[Any], list[int]]:
    """Return the different beginnings of texts, the first place of each, and its rows."""
    if pc.any(pc.match_substring_regex(texts, _CLOCK)).as_py():
        texts = pc.replace_substring_regex(texts, _CLOCK, "\\1")
    coded = pc.utf8_slice_codeunits(texts, 0, _HEAD).dictionary_encode()
    codes = np.asarray(coded.indices)
    heads = coded.dictionary.to_pylist()
    counted = np.bincount(codes, rows, len(heads)).astype(np.int64)
    return heads, _first_places(codes, len(heads)), counted.tolist()


def _first_places(codes: NDArray[Any], n: int) -> NDArray[np.int64]:
    places = np.zeros(n, dtype=np.int64)
    places[codes[::-1]] = np.arange(len(codes))[::-1]
    return places


def _signs(head: str) -> Iterator[str]:
    """Name what a date's beginning speaks for."""
    if _JALALI_COMPACT.match(head):
        yield "jalali"
    if not (match := _NUMERIC.match(head)):
        return
    first, second, last = match.groups()
    years = [part for part in (first, last) if len(part) == 4]
    if years:
        yield "jalali" if _JALALI_YEAR.fullmatch(years[0]) else "gregorian"
    if len(first) == 4:
        return
    a, b = int(first), int(second)
    if not years and a > 31:
        yield "short_years"
    elif a > 12 >= b:
        yield "day_first"
    elif b > 12 >= a:
        yield "month_first"
    elif a != b:
        yield "either"


def _decided(evidence: FormEvidence, stated: DateForm) -> DateForm:
    day_first, calendar = stated.day_first, stated.calendar
    if day_first is None and (evidence.day_first or evidence.month_first or evidence.either):
        day_first = evidence.day_first.rows >= evidence.month_first.rows
    if calendar is None and (evidence.jalali or evidence.short_years):
        calendar = "jalali"
    return replace(stated, day_first=day_first, calendar=calendar)


def _with_epoch(stated: DateForm, numbers: NDArray[np.float64], filled: int) -> DateForm:
    """Decide what numbers count, where nearly all filled cells are numbers of one size."""
    if stated.epoch is not None or 10 * len(numbers) < 9 * filled or not len(numbers):
        return stated
    units = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6}
    sizes = {unit: (_SECONDS[0] * n, _SECONDS[1] * n) for unit, n in units.items()}
    for epoch, (low, high) in (sizes | {"excel": _SERIALS}).items():
        if 20 * np.count_nonzero((numbers >= low) & (numbers < high)) >= 19 * len(numbers):
            return replace(stated, epoch=epoch)
    return stated
