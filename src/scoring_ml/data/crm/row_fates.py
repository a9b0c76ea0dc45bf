"""Which rows of a table are used: every row has exactly one fate, and every defect is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from scoring_ml.data.crm.contracts import DEFECTS, LEFT_OUT, MENDED, SET_ASIDE
from scoring_ml.data.crm.ordering import Bools, Places, in_order
from scoring_ml.data.crm.report import Finding, TableReport, by_fate
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import Moments, ReadMoments

__all__ = [
    "Bools",
    "Places",
    "Sieve",
    "in_order",
    "known_moment",
    "note_clocks",
    "note_known_before",
    "usable_moment",
]

_FIRST_IDS = 3


class Sieve:
    """The fates of a table's rows.

    Parameters
    ----------
    table : Table
    id_name : str or None
        The column whose ids findings show; ``None`` where a row is about no lead.
    """

    def __init__(self, table: Table, id_name: str | None = "lead_id") -> None:
        self.table = table
        self.alive: Bools = np.ones(table.rows, dtype=bool)
        self.findings: list[Finding] = []
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []
        self._id_name = id_name
        ragged = sum(part.ragged for part in table.opened)
        lines = [line for part in table.opened for line in part.first_ragged]
        self._note("ragged_line", ragged, lines)
        self._note("not_selected", sum(part.not_selected for part in table.opened), ())
        repeated = sum(part.repeated_keys for part in table.opened)
        if repeated:
            self._found(Finding(table.name, "repeated_key", repeated))

    @property
    def rows(self) -> Places:
        """The rows that are still in use."""
        return np.flatnonzero(self.alive)

    def drop(self, defect: str, which: Bools, *, note: str = "") -> None:
        """Take rows out; those that are out already keep their first reason."""
        self._drop(defect, np.flatnonzero(which & self.alive), note)

    def drop_rows(self, defect: str, rows: Places, *, note: str = "") -> None:
        """Take rows out that are in use, by their place."""
        self._drop(defect, np.sort(rows), note)

    def mended(self, defect: str, which: Bools, *, note: str = "") -> None:
        """Note that rows in use are changed."""
        self.mended_rows(defect, np.flatnonzero(which & self.alive), note=note)

    def mended_rows(self, defect: str, rows: Places, *, note: str = "") -> None:
        """Note that rows are changed, by their place."""
        if DEFECTS[defect].fate != MENDED:
            raise KeyError(f"{defect} is not mended")
        if len(rows):
            ids = self._ids(np.sort(rows)[:_FIRST_IDS])
            self._found(Finding(self.table.name, defect, len(rows), ids, note))

    def report(self) -> TableReport:
        """Return the table's rows by their fate."""
        left, aside = by_fate(self.counts)
        lost = sum(part.ragged + part.not_selected for part in self.table.opened)
        return TableReport(
            self.table.name,
            self.table.files,
            self.table.rows + lost,
            int(self.alive.sum()),
            left,
            aside,
        )

    def _drop(self, defect: str, rows: Places, note: str) -> None:
        self._note(defect, len(rows), self._ids(rows[:_FIRST_IDS]), note)
        self.alive[rows] = False

    def _note(self, defect: str, count: int, ids: Sequence[str], note: str = "") -> None:
        if DEFECTS[defect].fate not in (LEFT_OUT, SET_ASIDE):
            raise KeyError(f"{defect} takes no row out")
        if count:
            self.counts[defect] = self.counts.get(defect, 0) + count
            self._found(Finding(self.table.name, defect, count, tuple(ids), note))

    def _found(self, new: Finding) -> None:
        """Keep a finding, as one with an earlier one of the same defect."""
        for at, old in enumerate(self.findings):
            if (old.defect, old.note) == (new.defect, new.note):
                ids = (*old.first_ids, *new.first_ids)[:_FIRST_IDS]
                count = old.count + new.count
                self.findings[at] = replace(old, count=count, first_ids=ids)
                return
        self.findings.append(replace(new, first_ids=new.first_ids[:_FIRST_IDS]))

    def _ids(self, rows: Places) -> tuple[str, ...]:
        if self._id_name is None or len(rows) == 0:
            return ()
        texts = self.table.ids(self._id_name).take(pa.array(rows)).to_pylist()
        return tuple("(none)" if text is None else str(text)[:60] for text in texts)


def usable_moment(sieve: Sieve, name: str, *, constant: str | None = None) -> ReadMoments:
    """Read a required moment and take out the rows that have none.

    Parameters
    ----------
    sieve : Sieve
    name : str
        The column.
    constant : str or None
        The column which, if it is a constant of the file, makes an empty moment mean that
        nothing happened.
    """
    read = sieve.table.moments(name)
    if constant is not None:
        sieve.drop("not_happened", read.missing & sieve.table.is_constant(constant))
    sieve.drop("no_moment", read.missing)
    sieve.drop("unreadable_moment", read.wrong)
    return read


def known_moment(sieve: Sieve, moment: Moments) -> tuple[Moments, ReadMoments]:
    """Read ``known_at``: the fact's own moment where it is not told, and never before it."""
    read = sieve.table.moments("known_at")
    sieve.drop("unreadable_moment", read.wrong)
    return np.where(read.missing, moment, np.maximum(read.values, moment)), read


def note_clocks(sieve: Sieve, *moments: ReadMoments) -> None:
    """Count the rows in use whose local times were skipped or doubled by a change of clocks."""
    for defect, name in (("skipped_hour", "skipped"), ("doubled_hour", "twice")):
        which = np.zeros(len(sieve.alive), dtype=bool)
        for read in moments:
            which |= getattr(read, name)
        sieve.mended(defect, which)


def note_known_before(sieve: Sieve, known: ReadMoments, moment: Moments) -> None:
    """Count the rows in use that say that they were known before they happened."""
    sieve.mended("known_before", ~known.missing & (known.values < moment))
