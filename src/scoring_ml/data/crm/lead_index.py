"""The index of the leads in use: which of them the id of a fact means, and from when on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.facts import Leads
from scoring_ml.data.crm.ids import is_void
from scoring_ml.data.crm.merges import Merges
from scoring_ml.data.crm.ordering import Places


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
