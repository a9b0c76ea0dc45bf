"""Facts of a CRM export that became known after a lead was seen: for the leak audit alone.

No model ever sees any of it. A flat file knows nothing of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Export, FieldHistory
from scoring_ml.data.values.moments import DAY, Moments
from scoring_ml.errors import InputError
from scoring_ml.features.asof import known, latest
from scoring_ml.features.snapshot import Snapshot


@dataclass(frozen=True)
class LaterFacts:
    """What happened after each row of a snapshot was seen.

    Parameters
    ----------
    changed : mapping of field name to array of bool, shape (n,)
        Whether the value in the snapshot is another one than the field's recorded history proves
        for that moment, or the history records a change after that moment of a field that is
        declared to be set at creation. Fields without recorded history are not named.
    activity_after : array of float, shape (n,), or None
        Activities from ``as_of`` on, up to the export; NaN where not known.
    activity_before : array of float, shape (n,), or None
        Activities that happened before ``as_of``; NaN where not known.
    seen_days : array of float, shape (n,), or None
        Days from the lead's creation to ``as_of``.
    """

    changed: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    activity_after: NDArray[np.float64] | None = None
    activity_before: NDArray[np.float64] | None = None
    seen_days: NDArray[np.float64] | None = None

    def check(self, rows: int, names: Iterable[str]) -> None:
        """Refuse what is not about these rows and these fields.

        Raises
        ------
        ValueError
            If an array has another length, a field is not known, or only one of
            ``activity_after`` and ``activity_before`` is given.
        """
        unknown = sorted(set(self.changed) - set(names))
        if unknown:
            raise ValueError(f"changed must name fields of the schema. Got {unknown[0]!r}.")
        arrays = {
            **{f"changed[{name!r}]": values for name, values in self.changed.items()},
            "activity_after": self.activity_after,
            "activity_before": self.activity_before,
            "seen_days": self.seen_days,
        }
        for name, values in arrays.items():
            if values is not None and len(values) != rows:
                raise ValueError(
                    f"{name} must have {rows} entries, one per row. Got {len(values)}."
                )
        if (self.activity_after is None) != (self.activity_before is None):
            raise ValueError(
                "activity_after and activity_before must be given together. Got one of them."
            )


def find_later_facts(export: Export, snapshot: Snapshot) -> LaterFacts:
    """Look at what an export says about each row beyond its moment.

    Parameters
    ----------
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
    return LaterFacts(
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
    filled = ~pd.isna(recorded)
    changed[filled] |= recorded[filled] != used[filled]
    return np.asarray(changed)
