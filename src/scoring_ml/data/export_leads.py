"""The leads of a CRM export, and the values that their fields have had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.export_sieve import (
    Places,
    Sieve,
    known_moment,
    note_clocks,
    note_known_before,
    usable_moment,
)
from scoring_ml.data.export_tables import Table
from scoring_ml.data.fact_rules import in_order
from scoring_ml.data.facts import FieldHistory, Leads
from scoring_ml.data.mapping import MappedField
from scoring_ml.data.words import folded


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

    def find(self, sieve: Sieve) -> Places:
        """Return each row's lead, and take out the rows that are about none; shape (rows,)."""
        ids = sieve.table.ids("lead_id")
        sieve.drop("no_lead", np.asarray(ids.is_null()))
        lead = self.place(ids)
        sieve.drop("orphan", lead < 0)
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
) -> tuple[LeadIndex, Sieve]:
    """Read the leads in use, in order of creation, then of id.

    Raises
    ------
    InputError
        If a field that is used has no column.
    """
    sieve = Sieve(table)
    ids = table.ids("lead_id")
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    ids = ids.cast(pa.large_string())
    sieve.drop("no_id", np.asarray(ids.is_null()))
    read = usable_moment(sieve, "created_at")
    created, known = known_moment(sieve, read.values)
    sieve.drop("future", created > extracted_at)
    rows = sieve.rows
    # By id, then by creation: of the rows of one id the earliest comes first.
    by_id = np.asarray(
        pc.sort_indices(
            pa.table({"id": ids.take(pa.array(rows)), "at": created[rows]}),
            sort_keys=[("id", "ascending"), ("at", "ascending")],
        )
    ).astype(np.int64)
    rows = rows[by_id]
    texts = ids.take(pa.array(rows))
    again = np.zeros(len(rows), dtype=bool)
    if len(rows) > 1:
        again[1:] = np.asarray(pc.equal(texts[1:], texts[:-1]))
    sieve.drop_rows("repeated_lead", rows[again])
    sieve.mended("late_lead", ~known.missing & (known.values > read.values))
    note_known_before(sieve, known, read.values)
    note_clocks(sieve, read, known)
    rows = rows[~again]
    # They are in order of id, and a stable sort keeps that among leads created together.
    rows = rows[np.argsort(created[rows], kind="stable")]
    take = pa.array(rows)
    values: dict[str, NDArray[Any]] = {}
    for item in fields:
        if item.source != "leads":
            continue
        cells, wrong = table.field(item.column, item.named)
        sieve.mended("wrong_value", wrong, note=f"field {item.column.name}")
        values[item.column.name] = cells[rows]
    account = None
    if table.has("account_id"):
        account = _objects(table.ids("account_id").take(take))
    contacts = table.ids("contact_id").take(take) if table.has("contact_id") else None
    leads = Leads(_objects(ids.take(take)), created[rows], account, values)
    return LeadIndex(leads, ids.take(take), contacts, extracted_at), sieve


def read_contacts(
    table: Table, fields: Sequence[MappedField], index: LeadIndex
) -> tuple[dict[str, FieldHistory], Sieve]:
    """Read the values of the fields that contacts carry.

    Raises
    ------
    InputError
        If a field that is used has no column.
    """
    by_lead = table.has("lead_id")
    sieve = Sieve(table, "lead_id" if by_lead else "contact_id")
    if by_lead:
        lead = index.find(sieve)
        rows = np.arange(table.rows)
    else:
        lead, rows = _linked(table, index)
        ids = table.ids("contact_id")
        sieve.drop("no_id", np.asarray(ids.is_null()))
        linked = np.zeros(table.rows, dtype=bool)
        linked[rows] = True
        sieve.drop("unlinked_contact", ~linked)
    known = table.moments("known_at")
    sieve.drop("unreadable_moment", known.wrong)
    sieve.drop("future", ~known.missing & (known.values > index.extracted_at))
    note_clocks(sieve, known)
    # Rows of persons with several leads stand once for each of them.
    kept = sieve.alive[rows]
    lead, rows = (lead[rows] if by_lead else lead)[kept], rows[kept]
    created = index.leads.created_at[lead]
    moment = np.where(known.missing[rows], created, known.values[rows])
    found = {}
    for item in fields:
        if item.source != "contacts":
            continue
        cells, wrong = table.field(item.column, item.named)
        sieve.mended("wrong_value", wrong, note=f"field {item.column.name}")
        use = np.ones(len(rows), dtype=bool)
        if item.column.known == "before_scoring":
            use = ~known.missing[rows]
            untimed = np.zeros(table.rows, dtype=bool)
            untimed[rows[~use]] = True
            sieve.mended("untimed_contact", untimed, note=f"field {item.column.name}")
        order, _ = in_order([lead[use], moment[use]])
        at = moment[use][order]
        found[item.column.name] = FieldHistory(
            lead[use][order], cells[rows[use]][order], at, at.copy()
        )
    return found, sieve


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
) -> tuple[Changes, Sieve]:
    """Read every value that fields have had."""
    sieve = Sieve(table)
    names = table.words("field")
    wanted: dict[str, int] = {}
    for at, item in enumerate(fields):
        # A field from elsewhere may be known to the log by the CRM's name or by ours.
        for name in (item.named, *((item.column.name,) if item.source != "field_changes" else ())):
            wanted.setdefault(folded(name), at)
    which, _ = names.translated(wanted, np.int32)
    sieve.drop("other_field", which < 0, note=names.named(which < 0))
    lead = index.find(sieve)
    read = usable_moment(sieve, "changed_at")
    known, told = known_moment(sieve, read.values)
    sieve.drop("future", np.maximum(read.values, known) > index.extracted_at)
    note_known_before(sieve, told, read.values)
    note_clocks(sieve, read, told)
    found = Changes({}, {})
    for at, item in enumerate(fields):
        rows = np.flatnonzero(sieve.alive & (which == at))
        if not len(rows) and item.source != "field_changes":
            continue
        values, wrong = table.values("value", rows, item.column)
        sieve.mended_rows("wrong_value", rows[wrong], note=f"field {item.column.name}")
        order, _ = in_order([lead[rows], read.values[rows], known[rows]])
        rows = rows[order]
        history = FieldHistory(lead[rows], values[order], read.values[rows], known[rows])
        target = found.histories if item.source == "field_changes" else found.recorded
        target[item.column.name] = history
    return found, sieve


def _objects(texts: Any) -> NDArray[Any]:
    found = np.empty(len(texts), dtype=object)
    found[:] = texts.to_pylist()
    return found
