"""What happened to leads after the moments at which they are seen: evidence for the leak audit.

Nothing here may reach a model; it tells whether something that a model sees comes from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.facts import DAY, Export, FieldHistory, Moments
from scoring_ml.errors import InputError
from scoring_ml.features.asof import known, latest
from scoring_ml.features.snapshot import Snapshot


@dataclass(frozen=True)
class Later:
    """Evidence per row of a snapshot, each array of shape (n,).

    Parameters
    ----------
    changed : mapping of field name to array of bool
        Whether a field's recorded history says that the value used was not, or not yet, the
        field's value at that moment.
    activity_before, activity_after : array of float, or None
        Activities of any kind before the moment, and from it on.
    seen_days : array of float
        Days from creation to the moment.
    """

    changed: Mapping[str, NDArray[np.bool_]]
    activity_before: NDArray[np.float64] | None
    activity_after: NDArray[np.float64] | None
    seen_days: NDArray[np.float64]


def later_facts(export: Export, snapshot: Snapshot) -> Later:
    """Look at what an export says about each row beyond its moment.

    Parameters
    ----------
    export : Export
    snapshot : Snapshot
        Of that export, with at most one row a lead.

    Raises
    ------
    InputError
        If the snapshot has several rows of a lead, or no moments.
    """
    lead, moments = snapshot.lead, snapshot.as_of
    if lead is None or moments is None or len(np.unique(lead)) != len(lead):
        raise InputError(
            "Later facts are looked up for one row a lead of a CRM export",
            found=f"{len(snapshot)} rows",
            do="Take the rows of one age",
        )
    as_of = moments.astype("datetime64[us]").astype(np.int64)
    # One moment for every lead of the export; those that are not asked for are seen first of all.
    every = np.zeros(len(export.leads), dtype=np.int64)
    every[lead] = as_of
    before = after = None
    if export.activities is not None:
        acts = export.activities
        early = known(acts.occurred_at, every[acts.lead])
        n = len(export.leads)
        before = np.bincount(acts.lead[early], minlength=n)[lead].astype(np.float64)
        after = np.bincount(acts.lead[~early], minlength=n)[lead].astype(np.float64)
    changed = {}
    for name, history in export.recorded.items():
        if name in snapshot.frame and len(history):
            changed[name] = _changed(history, snapshot.frame[name].to_numpy(), every, lead)
    return Later(
        changed=changed,
        activity_before=before,
        activity_after=after,
        seen_days=(as_of - export.leads.created_at[lead]) / DAY,
    )


def _changed(
    history: FieldHistory, used: NDArray[Any], every: Moments, lead: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell where a recorded change came later, or the newest known record says another value."""
    moments = every[history.lead]
    late = ~(known(history.known_at, moments) & known(history.changed_at, moments))
    changed = np.bincount(history.lead[late], minlength=len(every))[lead] > 0
    recorded = latest(history, every)[lead]
    told = ~pd.isna(recorded)
    changed[told] |= recorded[told] != used[told]
    return np.asarray(changed)
