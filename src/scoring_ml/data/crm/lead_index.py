"""The index of the leads in use: which of them the id of a fact means, and from when on.

A lead may have become part of another one, which has had its facts since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.facts import Leads
from scoring_ml.data.crm.ids import is_void
from scoring_ml.data.crm.ordering import Places
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import Moments

_SEVERAL: Final = re.compile(r"[^\s;,|\[\]\"']+")
"""Ids of a cell that holds a list of them."""
_MERGED_AT: Final = re.compile(r"(.+):(\d{13})")
"""An id with the moment of its merge, in milliseconds, as HubSpot writes it."""

Links = dict[str, tuple[str, int]]
"""Of each merged lead the next one, and the moment."""


@dataclass(frozen=True)
class Merges:
    """The leads that became part of leads in use, and those that are in use nowhere.

    Parameters
    ----------
    ids, survivors : pyarrow Array of str, shape (m,)
        Each merged lead once, and what is left of its chain of merges in the end.
    since : array of int64, shape (m,)
        From when on the survivor has what belonged to the other.
    endless : pyarrow Array of str
        Leads whose merges go in a circle, or end at none of the export.
    aside : pyarrow Array of str
        Leads that were not selected, and those that became part of them.
    """

    ids: Any
    survivors: Any
    since: Moments
    endless: Any
    aside: Any

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class LeadIndex:
    """The leads in use, to be found by id.

    Parameters
    ----------
    ids : pyarrow Array of str, shape (n,)
    contacts : pyarrow Array of str, shape (n,), or None
    merges : Merges
        Which other ids mean one of them, and which are set aside.
    """

    leads: Leads
    ids: Any
    contacts: Any | None
    extracted_at: int
    merges: Merges

    def find(self, fates: RowFates) -> Places:
        """Return each row's lead, and take out the rows that are about none; shape (rows,).

        A fact of a merged lead is its survivor's, and counts from the merge on
        (:attr:`RowFates.since`).
        """
        ids = fates.table.ids("lead_id")
        lead = self.place(ids)
        fates.drop("no_lead", np.asarray(ids.is_null()) | (is_void(ids) & (lead < 0)))
        if len(self.merges):
            away = places(ids, self.merges.ids)
            moved = (lead < 0) & (away >= 0)
            lead = np.where(moved, self.place(self.merges.survivors)[away], lead)
            fates.since = np.where(moved, self.merges.since[away], 0)
        fates.drop("lead_set_aside", (lead < 0) & (places(ids, self.merges.aside) >= 0))
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


def merge_links(table: Table, extracted_at: int) -> Links:
    """Return what a table tells of merges.

    Of several rows about a lead the earliest counts, and none that is younger than the export. A
    merge without a moment was made before the export: it counts from the microsecond before it, so
    that only leads that are open then are seen with it.

    Parameters
    ----------
    table : Table
        With ``lead_id``, ``merged_into`` and perhaps ``merged_at``; in the table ``merges`` a cell
        of ``lead_id`` may hold several ids.
    """
    links: Links = {}
    if not table.has("merged_into"):
        return links
    away, into = table.ids("lead_id"), table.ids("merged_into")
    named = np.asarray(pc.and_(away.is_valid(), into.is_valid())) & ~is_void(into)
    read = table.moments("merged_at")
    for row in np.flatnonzero(named).tolist():
        moment = int(read.values[row]) if read.usable[row] else extracted_at - 1
        survivor = into[row].as_py()
        for lead, at in _merged(away[row].as_py(), moment, several=table.name == "merges"):
            link = survivor, at
            if lead != survivor and at <= extracted_at:
                links[lead] = min(links.get(lead, link), link, key=lambda link: link[::-1])
    return links


def _merged(cell: str, at: int, *, several: bool) -> Iterator[tuple[str, int]]:
    """Ids that a cell names, each with the moment of its merge."""
    for text in _SEVERAL.findall(cell) if several else [cell]:
        timed = _MERGED_AT.fullmatch(text) if several else None
        yield (timed[1], int(timed[2]) * 1000) if timed else (text, at)


def read_merges(table: Table, extracted_at: int) -> tuple[Links, RowFates]:
    """Read a table of merges."""
    fates = RowFates(table)
    for name in ("lead_id", "merged_into"):
        fates.drop("no_merge", np.asarray(table.ids(name).is_null()))
    read = table.moments("merged_at")
    fates.drop("future", read.usable & (read.values > extracted_at))
    fates.note_clocks(read)
    return merge_links(table, extracted_at), fates


def find_merges(leads: Table, ids: Any, links: Mapping[str, tuple[str, int]], at: int) -> Merges:
    """Follow the merges of leads to their ends.

    Parameters
    ----------
    leads : Table
        May tell merges, also in rows that were not selected.
    """
    aside = leads.aside
    ids = ids.cast(pa.large_string())
    apart: set[str] = set()
    if aside is not None:
        others = aside.ids("lead_id").cast(pa.large_string())
        # Of some leads another row is chosen.
        apart = set(others.filter(pc.invert(pc.is_in(others, value_set=ids))).to_pylist()) - {None}
    for part in (leads, aside):
        if part is not None:
            links = {**links, **merge_links(part, at)}
    ends = merge_ends(links)
    last = pa.array([into for into, _ in ends.values()], pa.large_string())
    used = np.asarray(pc.is_in(last, value_set=ids))
    found = [
        (away, into, since)
        for (away, (into, since)), kept in zip(ends.items(), used.tolist(), strict=True)
        if kept
    ]
    follow = {away for away, (into, _) in ends.items() if into in apart}
    return Merges(
        pa.array([away for away, _, _ in found], pa.large_string()),
        pa.array([into for _, into, _ in found], pa.large_string()),
        np.array([since for _, _, since in found], dtype=np.int64),
        pa.array(sorted(links.keys() - {away for away, _, _ in found} - follow), pa.large_string()),
        pa.array(sorted(apart | follow), pa.large_string()),
    )


def merge_ends(links: Mapping[str, tuple[str, int]]) -> Links:
    """Return the end of each chain of merges, and its latest moment; none for a circle.

    >>> merge_ends({"a": ("b", 5), "b": ("c", 3), "x": ("y", 1), "y": ("x", 2)})
    {'a': ('c', 5), 'b': ('c', 3)}
    """
    ends: Links = {}
    for away in links:
        seen, into, since = {away}, away, 0
        while into in links:
            into, at = links[into]
            since = max(since, at)
            if into in seen:
                break
            seen.add(into)
        else:
            ends[away] = into, since
    return ends
