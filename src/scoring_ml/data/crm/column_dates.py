"""The forms of the dates of an export's columns, each decided by the whole column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.files.arrow_cells import cell_text, distinct_cells, one_array
from scoring_ml.data.row_report import FIRST_IDS
from scoring_ml.data.schema import Column
from scoring_ml.data.values.doubts import doubts
from scoring_ml.data.values.moments import (
    DAY,
    FormEvidence,
    ReadMoments,
    agreed_day_first,
    completed_moments,
    form_evidence,
    joined_moments,
    placeholder_texts,
    read_moments,
    unread_reason,
)
from scoring_ml.data.values.moments.form import ColumnDates, DateForm
from scoring_ml.data.values.vocabulary import pattern

DatedPart = tuple[str, ColumnDates, Sequence[Any]]
"""A file, what it states of a column, the Arrow column, and those read where that is empty."""

Seen = dict[str, FormEvidence]
"""What columns of moments of a whole export show, by table, column and file."""


class TableDates:
    """The dates of a table's columns: as stated, else as the whole column decides.

    Attributes
    ----------
    seen : dict of str to FormEvidence
        What decides where a column leaves the place of its days open.
    looked : dict of str to list of FormEvidence
        What the columns of moments show, by their files.
    decided : dict of str to ColumnDates
        Column of a table, such as ``leads.created_at``, or field, such as ``fields.met_at``. A
        column whose files differ is not among them.
    notes : list of str
        What was decided that crm.yaml does not state.
    faults : list of str
        What a column contradicts itself about, where crm.yaml does not decide, or what it states
        and every date of a column speaks against.
    unsure : dict of str to str
        Column, as in ``decided``, and the sentence that nothing shows if its day is first.
    """

    def __init__(self, table: str, mapping: CrmMapping) -> None:
        self.decided: dict[str, ColumnDates] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.unsure: dict[str, str] = {}
        self._table = table
        self._mapping = mapping
        self.seen: Seen = {}
        self.looked: dict[str, list[FormEvidence]] = {}

    def look_at(self, name: str, parts: Sequence[DatedPart]) -> None:
        """See what a column of moments shows; before any is read, so that others can help it."""
        self.looked[name] = [
            form_evidence(column, stated.completed_by(self._mapping).date_form)
            for _, stated, (column, *_) in parts
        ]
        places = (f"{self._table}.{name} in {file}" for file, *_ in parts)
        self.seen.update(zip(places, self.looked[name], strict=True))

    def read(self, name: str, parts: Sequence[DatedPart]) -> ReadMoments:
        """Read a column of moments from its parts."""
        if name not in self.looked:
            self.look_at(name, parts)
        reads, forms = [], []
        for (file, part, (column, *others)), evidence in zip(parts, self.looked[name], strict=True):
            at, stated = f"{self._table}.{name} in {file}", part.completed_by(self._mapping)
            read, dates = self._part(at, stated, column, evidence)
            for other in others:
                rest, _ = self._part(at, stated, other, form_evidence(other, stated.date_form))
                count = (read.missing & ~rest.missing).sum()
                self.notes.append(f"{at}: {count:,} empty cells are read from instead")
                read = completed_moments(read, rest)
            reads.append(read)
            forms.append(dates)
        if all(dates == forms[0] for dates in forms):
            self.decided[f"{self._table}.{name}"] = forms[0]
        return joined_moments(reads)

    def dated(self, column: Column, parts: Sequence[Any]) -> Column:
        """Return a field with the form of its dates, which all of its cells decide."""
        if column.type != "date":
            found = (text for cells in parts for text in doubts(column, cells, int))
            self.notes += [f"fields.{column.name}: {text}" for text in found]
            return column
        key = f"fields.{column.name}"
        form = self.decided.get(key, column).date_form
        for cells in parts:
            evidence = self._helped(key, form_evidence(cells, form))
            form = evidence.form
            self.notes += [f"{key}: {text}" for text in evidence.contradictions]
            self.faults += [f"{key}: {text}" for text in evidence.refuted]
        self.decided[key] = ColumnDates(missing=column.missing, **form.date_keys)
        return replace(column, **form.date_keys)

    def unread(self, name: str, cells: Sequence[Any]) -> str:
        """Describe the first cells of a column of moments that cannot be read."""
        dates = self.decided.get(f"{self._table}.{name}", self._mapping)
        return unread_pattern(cells, dates.date_form) if cells else ""

    def _part(
        self, at: str, stated: ColumnDates, column: Any, evidence: FormEvidence
    ) -> tuple[ReadMoments, ColumnDates]:
        evidence = self._helped(at, evidence)
        form, missing = evidence.form, (*self._mapping.missing, *stated.missing)
        read = read_moments(column, form, timezone=self._mapping.timezone, missing=missing)
        never = _placeholders(column, read, form)
        # A Unix time shows its unit by its digits.
        notes = [f"{text}; {key}" for text, key in evidence.decisions() if "Unix" not in text]
        notes += [f"{text}; day_first: true" for text in evidence.unsure]
        self.unsure |= {at.partition(" in ")[0]: text for text in evidence.unsure}
        if never:
            rows = np.flatnonzero(read.wrong | (read.usable & (read.values < _EARLY)))
            cells = one_array(column).take(pa.array(rows))
            gone = rows[read_moments(cells, form, missing=never).missing]
            for name, item in vars(read).items():
                item[gone] = name == "missing"
            words = f"[{', '.join(map(repr, never[:FIRST_IDS]))}]"
            notes.append(f"{len(gone):,} cell(s) stand for no date; missing: {words}")
        # What a person has stated decides; the rest of the column is then only worth a note.
        if stated.day_first is None and stated.calendar is None:
            self.faults += [f"{at}: {text}" for text in evidence.contradictions]
        else:
            notes += evidence.contradictions
        self.faults += [f"{at}: {text}" for text in evidence.refuted]
        self.notes += [f"{at}: {text}" for text in notes]
        return read, ColumnDates(missing=(*stated.missing, *never), **form.date_keys)

    def _helped(self, at: str, evidence: FormEvidence) -> FormEvidence:
        """Return evidence that leaves the day's place open, decided by the export's other dates."""
        agreed = agreed_day_first(self.seen) if evidence.is_unsure else None
        if agreed is None:
            return evidence
        day_first, because = agreed
        self.notes.append(f"{at}: {because}; day_first: {str(day_first).lower()}")
        form, stated = (
            replace(each, day_first=day_first) for each in (evidence.form, evidence.stated)
        )
        return replace(evidence, form=form, stated=stated)


def unread_pattern(cells: Sequence[Any], form: DateForm) -> str:
    """Describe cells that are no moment: their pattern, never their words, and what may help.

    >>> unread_pattern(["1403/10/13 16:00"], DateForm(calendar="gregorian"))
    'cells such as 9999/99/99 99:99, of the Persian calendar: write calendar: jalali'
    """
    texts = [cell_text(cell) for cell in cells]
    patterns = dict.fromkeys(map(pattern, texts))
    found = f"cells such as {', '.join(list(patterns)[:3])}"
    if all(unread_reason(text, replace(form, calendar="jalali")) is None for text in texts):
        return f"{found}, of the Persian calendar: write calendar: jalali"
    if any(unread_reason(text, form) == "zone_unclear" for text in texts):
        return f"{found}, with a zone that has several meanings: write zones: {{CST: '-06:00'}}"
    return found


_EARLY: Final = 2 * DAY
"""Nothing in a CRM happened before 1970; what seems to is looked at."""


def _placeholders(column: Any, read: ReadMoments, form: DateForm) -> tuple[str, ...]:
    suspect = read.wrong | (read.usable & (read.values < _EARLY))
    if not suspect.any():
        return ()
    codes, cells = distinct_cells(one_array(column).take(pa.array(np.flatnonzero(suspect))))
    texts = [cell_text(cell) for cell in cells]
    rows = np.bincount(codes[codes >= 0], minlength=len(texts)).astype(np.int64)
    alone = read_moments(pa.array(texts, pa.large_string()), form)
    return placeholder_texts(texts, rows, alone, form, read.values[read.usable & ~suspect])
