"""The fates of a table's rows: every row has exactly one, and every defect is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from scoring_ml.data.crm.contract.defects import defects
from scoring_ml.data.crm.ordering import Places
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.row_report import FIRST_IDS, LEFT_OUT, MENDED, SET_ASIDE, RowFate, RowReport
from scoring_ml.data.values.moments import Bools, Moments, ReadMoments


@cache
def _numbers() -> Mapping[str, int]:
    return {name: number for number, name in enumerate(defects(), 1)}


class RowFates:
    """The fates of a table's rows.

    Parameters
    ----------
    id_name : str or None
        The column whose ids findings show; ``None`` where a row is about no lead.
    """

    def __init__(self, table: Table, id_name: str | None = "lead_id") -> None:
        self.table = table
        self.alive: Bools = np.ones(table.rows, dtype=bool)
        self._reasons = np.zeros(table.rows, dtype=np.int8)
        self._fates: list[RowFate] = []
        self.notes: list[str] = []
        self.since: Moments | None = None
        """From when on a row counts, where it was a merged lead's; 0 for others."""
        self._id_name = id_name
        ragged = sum(part.ragged for part in table.opened)
        lines = [line for part in table.opened for line in part.first_ragged]
        self._note("ragged_line", ragged, lines)
        self._note("not_selected", sum(part.not_selected for part in table.opened), ())
        self._keep("repeated_key", sum(part.repeated_keys for part in table.opened))

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
        if defects()[defect].fate != MENDED:
            raise KeyError(f"{defect} is not mended")
        self._keep(defect, len(rows), self._ids(np.sort(rows)[:FIRST_IDS]), note)

    def dropped(self, defect: str) -> Bools:
        """Tell which rows were taken out for a defect, shape (rows,)."""
        return np.asarray(self._reasons == _numbers()[defect])

    def reasons(self, rows: slice) -> dict[str, int]:
        """Return how many of some rows were taken out, by defect."""
        counts = np.bincount(self._reasons[rows], minlength=len(_numbers()) + 1)
        return {name: int(counts[at]) for name, at in _numbers().items() if counts[at]}

    def report(self) -> RowReport:
        """Return the table's rows by their fate."""
        lost = sum(part.ragged + part.not_selected for part in self.table.opened)
        return RowReport(
            self.table.name,
            self.table.files,
            self.table.rows + lost,
            int(self.alive.sum()),
            tuple(self._fates),
        )

    def _drop(self, defect: str, rows: Places, note: str) -> None:
        self._note(defect, len(rows), self._ids(rows[:FIRST_IDS]), note)
        self.alive[rows] = False
        self._reasons[rows] = _numbers()[defect]

    def _note(self, defect: str, count: int, ids: Sequence[str], note: str = "") -> None:
        if defects()[defect].fate not in (LEFT_OUT, SET_ASIDE):
            raise KeyError(f"{defect} takes no row out")
        self._keep(defect, count, ids, note)

    def _keep(self, defect: str, count: int, ids: Sequence[str] = (), note: str = "") -> None:
        """Keep rows by their fate, as one with earlier ones of the same defect."""
        if not count:
            return
        for at, old in enumerate(self._fates):
            if (old.defect, old.note) == (defect, note):
                ids, count = (*old.first_ids, *ids), old.count + count
                self._fates[at] = defects()[defect].rows(self.table.name, count, ids, note)
                return
        self._fates.append(defects()[defect].rows(self.table.name, count, ids, note))

    def _ids(self, rows: Places) -> tuple[str, ...]:
        if self._id_name is None or len(rows) == 0:
            return ()
        texts = self.table.ids(self._id_name).take(pa.array(rows)).to_pylist()
        return tuple("(none)" if text is None else str(text)[:60] for text in texts)

    def usable_moment(self, name: str, *, constant: str | None = None) -> ReadMoments:
        """Read a required moment and take out the rows that have none.

        Parameters
        ----------
        constant : str or None
            The column which, if it is a constant of the file, makes an empty moment mean that
            nothing happened.
        """
        read = self.table.moments(name)
        if constant is not None:
            self.drop("not_happened", read.missing & self.table.is_constant(constant))
        self.drop("no_moment", read.missing)
        self._drop_unreadable(name, read)
        return read

    def known_moment(self, moment: Moments) -> tuple[Moments, ReadMoments]:
        """Read ``known_at``: the fact's own moment where it is not told, and never before it."""
        read = self.table.moments("known_at")
        self._drop_unreadable("known_at", read)
        known = np.where(read.missing, moment, np.maximum(read.values, moment))
        return known if self.since is None else np.maximum(known, self.since), read

    def _drop_unreadable(self, name: str, read: ReadMoments) -> None:
        self.drop("unreadable_moment", read.wrong, note=self.table.unread(name, read.wrong))

    def note_clocks(self, *moments: ReadMoments) -> None:
        """Count the rows in use whose local times were skipped or doubled by a change of clocks."""
        for defect, name in (("skipped_hour", "skipped"), ("doubled_hour", "twice")):
            which = np.zeros(len(self.alive), dtype=bool)
            for read in moments:
                which |= getattr(read, name)
            self.mended(defect, which)

    def note_known_before(self, known: ReadMoments, moment: Moments) -> None:
        """Count the rows in use that say that they were known before they happened."""
        self.mended("known_before", ~known.missing & (known.values < moment))
