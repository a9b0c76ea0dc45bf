"""The leads of a CRM export, and the values that their fields have had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import FieldHistory, Leads
from scoring_ml.data.crm.mapping_fields import MappedField
from scoring_ml.data.crm.ordering import Places, settled
from scoring_ml.data.crm.row_fates import (
    RowFates,
    known_moment,
    note_clocks,
    note_known_before,
    usable_moment,
)
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.data.values.vocabulary import folded

_FEW_HISTORIES: Final = 0.1
_MOST_LATE: Final = 0.5


@dataclass(frozen=True)
class LeadIndex:
    """The leads in use, to be found by id.

    Parameters
    ----------
    leads : Leads
    ids : pyarrow Array of str, shape (n,)
    contacts : pyarrow Array of str, shape (n,), or None
    extracted_at : int
    """

    leads: Leads
    ids: Any
    contacts: Any | None
    extracted_at: int

    def find(self, fates: RowFates) -> Places:
        """Return each row's lead, and take out the rows that are about none; shape (rows,)."""
        ids = fates.table.ids("lead_id")
        fates.drop("no_lead", np.asarray(ids.is_null()))
        lead = self.place(ids)
        fates.drop("orphan", lead < 0)
        return lead

    def place(self, ids: Any) -> Places:
        """Return the place of each id among the leads; -1 for none."""
        return places(ids, self.ids)


def places(ids: Any, among: Any) -> Places:
    """Return the place of each text among others; -1 for none and for null."""
    if pa.types.is_dictionary(ids.type):
        found = np.append(places(ids.dictionary, among), -1)
        return np.asarray(found[np.asarray(ids.indices.cast(pa.int64()).fill_null(-1))])
    if len(among) == 0:
        return np.full(len(ids), -1, dtype=np.int64)
    found = pc.index_in(ids.cast(among.type), value_set=among, skip_nulls=True)
    return np.asarray(found.fill_null(-1)).astype(np.int64)


def read_leads(
    table: Table, fields: Sequence[MappedField], extracted_at: int
) -> tuple[LeadIndex, RowFates]:
    """Read the leads in use, in order of creation, then of id.

    Raises
    ------
    InputError
        If a field that is used has no column.
    """
    fates = RowFates(table)
    ids = table.ids("lead_id")
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    ids = ids.cast(pa.large_string())
    fates.drop("no_id", np.asarray(ids.is_null()))
    read = usable_moment(fates, "created_at")
    created, known = known_moment(fates, read.values)
    fates.drop("future", created > extracted_at)
    rows = fates.rows
    values: dict[str, NDArray[Any]] = {}
    wrongs: dict[str, NDArray[np.bool_]] = {}
    for item in fields:
        if item.source == "leads":
            name = item.column.name
            values[name], wrongs[name] = table.field(item.column, item.named)
    # By id, then by creation: of the rows of one id the earliest comes first.
    by_id = np.asarray(
        pc.sort_indices(
            pa.table({"id": ids.take(pa.array(rows)), "at": created[rows]}),
            sort_keys=[("id", "ascending"), ("at", "ascending")],
        )
    ).astype(np.int64)
    rows = rows[by_id]
    texts = ids.take(pa.array(rows))
    repeated = np.zeros(len(rows), dtype=bool)
    if len(rows) > 1:
        repeated[1:] = np.asarray(pc.equal(texts[1:], texts[:-1]))
        rows, torn = _greatest_first(table, rows, repeated, created, list(values.values()))
        fates.mended_rows("contradicting_row", torn)
    fates.drop_rows("repeated_lead", rows[repeated])
    fates.mended("late_lead", ~known.missing & (known.values > read.values))
    note_known_before(fates, known, read.values)
    note_clocks(fates, read, known)
    rows = rows[~repeated]
    # They are in order of id, and a stable sort keeps that among leads created together.
    rows = rows[np.argsort(created[rows], kind="stable")]
    take = pa.array(rows)
    for name, wrong in wrongs.items():
        fates.mended("wrong_value", wrong, note=f"field {name}")
        values[name] = values[name][rows]
    account = None
    if table.has("account_id"):
        account = _objects(table.ids("account_id").take(take))
    contacts = table.ids("contact_id").take(take) if table.has("contact_id") else None
    leads = Leads(_objects(ids.take(take)), created[rows], account, values)
    return LeadIndex(leads, ids.take(take), contacts, extracted_at), fates


def _greatest_first(
    table: Table,
    rows: Places,
    repeated: NDArray[np.bool_],
    created: NDArray[np.int64],
    values: Sequence[NDArray[Any]],
) -> tuple[Places, Places]:
    """Put, of the rows of one id that were created together, the greatest by its text first.

    Returns
    -------
    rows : array of int64
        By id, then by creation, then by their text.
    contradicting : array of int64
        Those in first place that others of their id and moment contradict.
    """
    same = repeated & (created[rows] == created[np.roll(rows, 1)])
    found = rows.copy()
    torn: list[int] = []
    links = [table.ids(name) for name in ("account_id", "contact_id") if table.has(name)]
    for start in np.flatnonzero(~same & np.append(same[1:], False)):
        if repeated[start]:
            continue  # later than the row that stays
        end = start + 1
        while end < len(rows) and same[end]:
            end += 1
        texts = {
            int(row): [str(value[row]) for value in values]
            + [str(link[int(row)].as_py()) for link in links]
            for row in rows[start:end]
        }
        ordered = sorted(texts, key=texts.__getitem__, reverse=True)
        found[start:end] = ordered
        if texts[ordered[0]] != texts[ordered[-1]]:
            torn.append(ordered[0])
    return found, np.array(torn, dtype=np.int64)


def read_contacts(
    table: Table, fields: Sequence[MappedField], index: LeadIndex
) -> tuple[dict[str, FieldHistory], RowFates]:
    """Read the values of the fields that contacts carry.

    Raises
    ------
    InputError
        If a field that is used has no column.
    """
    by_lead = table.has("lead_id")
    fates = RowFates(table, "lead_id" if by_lead else "contact_id")
    if by_lead:
        lead = index.find(fates)
        rows = np.arange(table.rows)
    else:
        lead, rows = _linked(table, index)
        ids = table.ids("contact_id")
        fates.drop("no_id", np.asarray(ids.is_null()))
        linked = np.zeros(table.rows, dtype=bool)
        linked[rows] = True
        fates.drop("unlinked_contact", ~linked)
    known = table.moments("known_at")
    fates.drop("unreadable_moment", known.wrong)
    fates.drop("future", ~known.missing & (known.values > index.extracted_at))
    note_clocks(fates, known)
    # Rows of persons with several leads stand once for each of them.
    kept = fates.alive[rows]
    lead, rows = (lead[rows] if by_lead else lead)[kept], rows[kept]
    created = index.leads.created_at[lead]
    moment = np.where(known.missing[rows], created, known.values[rows])
    found = {}
    for item in fields:
        if item.source != "contacts":
            continue
        cells, wrong = table.field(item.column, item.named)
        fates.mended("wrong_value", wrong, note=f"field {item.column.name}")
        use = np.ones(len(rows), dtype=bool)
        at = moment
        if item.column.known == "before_scoring":
            use = ~known.missing[rows]
            untimed = np.zeros(table.rows, dtype=bool)
            untimed[rows[~use]] = True
            fates.mended("untimed_contact", untimed, note=f"field {item.column.name}")
            _note_late(fates, lead[use], moment[use], index, item.column.name)
        else:
            # The first that is told of a person was there from the lead's creation on.
            first = np.full(len(index.leads), NEVER, dtype=np.int64)
            np.minimum.at(first, lead, moment)
            at = np.where(moment == first[lead], np.minimum(moment, created), moment)
        order, torn = settled([lead[use], at[use]], cells[rows[use]])
        at = at[use][order]
        read = rows[use][order]
        fates.mended_rows(
            "contradicting_row", np.unique(read[torn]), note=f"field {item.column.name}"
        )
        found[item.column.name] = FieldHistory(lead[use][order], cells[read], at, at.copy())
    return found, fates


def _note_late(
    fates: RowFates, lead: Places, known: NDArray[np.int64], index: LeadIndex, name: str
) -> None:
    """Note that most leads' only contact row is much younger than the lead itself.

    A CRM that keeps one row a person overwrites it, and its moment is that of the last edit.
    """
    leads, first, count = np.unique(lead, return_index=True, return_counts=True)
    if len(leads) == 0 or np.mean(count > 1) > _FEW_HISTORIES:
        return
    share = float(np.mean(known[first] - index.leads.created_at[leads] > DAY))
    if share > _MOST_LATE:
        fates.notes.append(
            f"The field {name} of contacts is declared as history, but {share:.0%} of the contacts "
            "are first known more than a day after their lead's creation, and have one row each: "
            "known_at seems to be the last edit. Declare the field set_at_creation if it came "
            "with the lead, or give a row for each change"
        )


def _linked(table: Table, index: LeadIndex) -> tuple[Places, Places]:
    """Pairs of lead and contact row; a person may have several leads."""
    if index.contacts is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    persons = pc.unique(index.contacts.drop_null()).cast(pa.large_string())
    of_lead = places(index.contacts, persons)
    by_person = np.argsort(of_lead, kind="stable")
    person = places(table.ids("contact_id"), persons)
    row = np.flatnonzero(person >= 0)
    first = np.searchsorted(of_lead[by_person], person[row], side="left")
    count = np.searchsorted(of_lead[by_person], person[row], side="right") - first
    rows = np.repeat(row, count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return by_person[np.repeat(first, count) + within], rows


@dataclass(frozen=True)
class Changes:
    """What ``field_changes`` tells.

    Parameters
    ----------
    histories : mapping of field name to FieldHistory
        Of fields that are taken from there.
    recorded : mapping of field name to FieldHistory
        Of fields that are taken from elsewhere.
    """

    histories: dict[str, FieldHistory]
    recorded: dict[str, FieldHistory]


def read_changes(
    table: Table, fields: Sequence[MappedField], index: LeadIndex
) -> tuple[Changes, RowFates]:
    """Read every value that fields have had."""
    fates = RowFates(table)
    names = table.words("field")
    wanted: dict[str, int] = {}
    for at, item in enumerate(fields):
        # A field from elsewhere may be known to the log by the CRM's name or by ours.
        for name in (item.named, *((item.column.name,) if item.source != "field_changes" else ())):
            wanted.setdefault(folded(name), at)
    which, _ = names.translated(wanted, np.int32)
    fates.drop("other_field", which < 0, note=names.named(which < 0))
    lead = index.find(fates)
    read = usable_moment(fates, "changed_at")
    known, recorded = known_moment(fates, read.values)
    fates.drop("future", np.maximum(read.values, known) > index.extracted_at)
    note_known_before(fates, recorded, read.values)
    note_clocks(fates, read, recorded)
    found = Changes({}, {})
    for at, item in enumerate(fields):
        rows = np.flatnonzero(fates.alive & (which == at))
        if not len(rows) and item.source != "field_changes":
            continue
        values, wrong = table.values("value", rows, item.column)
        fates.mended_rows("wrong_value", rows[wrong], note=f"field {item.column.name}")
        order, torn = settled([lead[rows], read.values[rows], known[rows]], values)
        rows = rows[order]
        fates.mended_rows("contradicting_row", rows[torn], note=f"field {item.column.name}")
        history = FieldHistory(lead[rows], values[order], read.values[rows], known[rows])
        if item.source == "field_changes" and table.has("old_value"):
            history = _with_first(fates, history, rows, item, index)
        target = found.histories if item.source == "field_changes" else found.recorded
        target[item.column.name] = history
    return found, fates


def _with_first(
    fates: RowFates, history: FieldHistory, rows: Places, item: MappedField, index: LeadIndex
) -> FieldHistory:
    """Put before each lead's first change the value that it changed, known since creation.

    Parameters
    ----------
    fates : RowFates
    history : FieldHistory
    rows : array of int64, shape (m,)
        The table's rows, in the history's order.
    item : MappedField
    index : LeadIndex
    """
    first = np.flatnonzero(np.diff(history.lead, prepend=-1))
    created = index.leads.created_at[history.lead]
    first = first[history.changed_at[first] > created[first]]
    old, wrong = fates.table.values("old_value", rows[first], item.column)
    fates.mended_rows("wrong_value", rows[first[wrong]], note=f"field {item.column.name}")
    present = ~pd.isna(old)
    first, old = first[present], old[present]
    at = created[first]
    return FieldHistory(
        np.insert(history.lead, first, history.lead[first]),
        np.insert(history.value, first, old),
        np.insert(history.changed_at, first, at),
        np.insert(history.known_at, first, at),
    )


def _objects(texts: Any) -> NDArray[Any]:
    found = np.empty(len(texts), dtype=object)
    found[:] = texts.to_pylist()
    return found
