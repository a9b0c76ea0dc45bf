"""The leads of a CRM export, and the values that their fields have had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.facts import FieldHistory, Leads
from scoring_ml.data.crm.ids import is_void, spelt_out
from scoring_ml.data.crm.lead_index import LeadIndex, find_merges, places
from scoring_ml.data.crm.mapping.fields import MappedField
from scoring_ml.data.crm.ordering import Places, settled, unchanged
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import DAY, NEVER, Bools
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.texts import Catalogue

Histories = dict[str, FieldHistory]
"""By name of the field."""

_FEW_HISTORIES: Final = 0.1
_MOST_LATE: Final = 0.5


def read_leads(
    table: Table,
    fields: Sequence[MappedField],
    extracted_at: int,
    links: Mapping[str, tuple[str, int]] | None = None,
) -> tuple[LeadIndex, RowFates]:
    """Read the leads in use, in order of creation, then of id.

    Parameters
    ----------
    links : mapping of id to (id, moment) or None
        Merges that a table of their own tells, beside those of the leads.

    Raises
    ------
    InputError
        If a field that is used has no column.
    """
    fates = RowFates(table)
    ids = spelt_out(table.ids("lead_id"))
    fates.drop("no_id", np.asarray(ids.is_null()))
    void = is_void(ids)
    if void.sum() > 1:
        fates.drop("no_id", void)
    read = fates.usable_moment("created_at")
    created, known = fates.known_moment(read.values)
    fates.drop("future", created > extracted_at)
    merges = find_merges(table, ids.filter(pa.array(fates.alive)), links or {}, extracted_at)
    fates.drop("lead_set_aside", places(ids, merges.aside) >= 0)
    fates.drop("endless_merge", places(ids, merges.endless) >= 0)
    fates.drop("merged_lead", places(ids, merges.ids) >= 0)
    if untold := int((merges.since == extracted_at - 1).sum()):
        fates.notes.append(Catalogue.load().text("export.untold_merges", n=untold))
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
    fates.note_known_before(known, read.values)
    fates.note_clocks(read, known)
    rows = rows[~repeated]
    # They are in order of id, and a stable sort keeps that among leads created together.
    rows = rows[np.argsort(created[rows], kind="stable")]
    take = pa.array(rows)
    for name, wrong in wrongs.items():
        fates.mended("wrong_value", wrong, note=f"field {name}")
        values[name] = values[name][rows]
    account, contacts = (_linked_ids(fates, name, take) for name in ("account_id", "contact_id"))
    leads = Leads(
        _objects(ids.take(take)),
        created[rows],
        None if account is None else _objects(account),
        values,
        _objects(table.ids("owner").take(take)) if table.has("owner") else None,
        places(ids.take(take), merges.survivors) >= 0 if len(merges) else None,
    )
    return LeadIndex(leads, ids.take(take), contacts, extracted_at, merges), fates


def _linked_ids(fates: RowFates, name: str, take: Any) -> Any | None:
    """Ids of the companies or persons of some rows; None without such a column."""
    if not fates.table.has(name):
        return None
    ids = fates.table.ids(name)
    void = is_void(ids)
    fates.mended("void_id", void, note=name)
    return pc.if_else(pa.array(void), None, ids).take(take) if void.any() else ids.take(take)


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
        if fates.since is not None:
            fates.drop("unlinked_contact", fates.since > 0)
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
    fates.note_clocks(known)
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
        fates.notes.append(Catalogue.load().text("export.late_contacts", name=name, share=share))


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


def read_changes(
    table: Table, fields: Sequence[MappedField], index: LeadIndex
) -> tuple[tuple[Histories, Histories], RowFates]:
    """Read every value that fields have had: those taken from there, and those from elsewhere."""
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
    read = fates.usable_moment("changed_at")
    known, recorded = fates.known_moment(read.values)
    fates.drop("future", np.maximum(read.values, known) > index.extracted_at)
    fates.note_known_before(recorded, read.values)
    fates.note_clocks(read, recorded)
    found: tuple[Histories, Histories] = {}, {}
    for at, item in enumerate(fields):
        rows = np.flatnonzero(fates.alive & (which == at))
        own = np.ones(len(fates.alive), bool) if fates.since is None else fates.since == 0
        if item.source != "field_changes":
            # Another lead's changes prove nothing of what this one's form carried.
            rows = rows[own[rows]]
        if not len(rows) and item.source != "field_changes":
            continue
        values, wrong = table.values("value", rows, item.column)
        fates.mended_rows("wrong_value", rows[wrong], note=f"field {item.column.name}")
        order, torn = settled([lead[rows], read.values[rows], known[rows]], values)
        rows = rows[order]
        fates.mended_rows("contradicting_row", rows[torn], note=f"field {item.column.name}")
        values = values[order]
        codes = pd.factorize(values, use_na_sentinel=True)[0]
        stays = unchanged(lead[rows], codes, known[rows]) & fates.table.is_state[rows]
        fates.drop_rows("same_value", rows[stays])
        rows, values = rows[~stays], values[~stays]
        history = FieldHistory(lead[rows], values, read.values[rows], known[rows])
        if item.source == "field_changes" and table.has("old_value"):
            history = _with_first(fates, history, rows, own, item, index)
        found[item.source != "field_changes"][item.column.name] = history
    return found, fates


def _with_first(
    fates: RowFates,
    history: FieldHistory,
    rows: Places,
    own: Bools,
    item: MappedField,
    index: LeadIndex,
) -> FieldHistory:
    """Put before each lead's first change the value that it changed, known since creation.

    Parameters
    ----------
    rows : array of int64, shape (m,)
        The table's rows, in the history's order.
    own : array of bool, shape (rows,)
        Rows of the table that are not about a merged lead.
    """
    mine = np.flatnonzero(own[rows])
    first = mine[np.diff(history.lead[mine], prepend=-1) != 0]
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
