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
from scoring_ml.data.values.moments import (
    DAY,
    ReadMoments,
    completed_moments,
    form_evidence,
    joined_moments,
    placeholder_texts,
    read_moments,
    unread_reason,
)
from scoring_ml.data.values.moments.form import ColumnDates, DateForm
from scoring_ml.data.values.vocabulary import pattern


class TableDates:
    """The dates of a table's columns: as stated, else as the whole column decides.

    Attributes
    ----------
    decided : dict of str to ColumnDates
        Column of a table, such as ``leads.created_at``, or field, such as ``fields.met_at``. A
        column whose files differ is not among them.
    notes : list of str
        What was decided that crm.yaml does not state.
    faults : list of str
        What a column contradicts itself about, where crm.yaml does not decide.
    """

    def __init__(self, table: str, mapping: CrmMapping) -> None:
        self.decided: dict[str, ColumnDates] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []
        self._table = table
        self._mapping = mapping

    def read(
        self, name: str, parts: Sequence[tuple[str, ColumnDates, Sequence[Any]]]
    ) -> ReadMoments:
        """Read a column of moments.

        Parameters
        ----------
        parts : sequence of (str, ColumnDates, sequence of pyarrow Array or ChunkedArray)
            The file, what it states of the column, its cells, and the columns that are read
            instead where it is empty.
        """
        reads, forms = [], []
        for file, stated, (column, *others) in parts:
            at = f"{self._table}.{name} in {file}"
            read, dates = self._part(at, stated.completed_by(self._mapping), column)
            for other in others:
                rest, _ = self._part(at, stated.completed_by(self._mapping), other)
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
            return column
        key = f"fields.{column.name}"
        form = self.decided.get(key, column).date_form
        for cells in parts:
            evidence = form_evidence(cells, form)
            form = evidence.form
            self.notes += [f"{key}: {text}" for text in evidence.contradictions]
        self.decided[key] = ColumnDates(missing=column.missing, **form.date_keys)
        return replace(column, **form.date_keys)

    def unread(self, name: str, cells: Sequence[Any]) -> str:
        """Describe the first cells of a column of moments that cannot be read."""
        dates = self.decided.get(f"{self._table}.{name}", self._mapping)
        return unread_pattern(cells, dates.date_form) if cells else ""

    def _part(self, at: str, stated: ColumnDates, column: Any) -> tuple[ReadMoments, ColumnDates]:
        evidence = form_evidence(column, stated.date_form)
        form, missing = evidence.form, (*self._mapping.missing, *stated.missing)
        read = read_moments(column, form, timezone=self._mapping.timezone, missing=missing)
        never = _placeholders(column, read, form)
        # A Unix time shows its unit by its digits.
        decisions = evidence.decisions(stated)
        notes = [f"{text}; {key}" for text, key in decisions if "Unix" not in text]
        day_first = f"day_first: {str(form.day_first is not False).lower()}"
        notes += [f"{text}; {day_first}" for text in evidence.unsure if stated.day_first is None]
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
        self.notes += [f"{at}: {text}" for text in notes]
        return read, ColumnDates(missing=(*stated.missing, *never), **form.date_keys)


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
