"""The laws of every row of a CRM snapshot, checked for all rows before anything is trained.

Only moments, labels and wins are looked at, and no code is shared with what made the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import WON, Export
from scoring_ml.data.values.moments import NEVER
from scoring_ml.errors import ScoringError
from scoring_ml.features.snapshot import Snapshot

_SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60 * _SECOND

_MOMENT: Final = "A row must be seen at its age, after its creation and within the export"
_OPEN: Final = "A lead must be seen only while it is open, as known then"
_LABEL: Final = "A label must follow from the wins in the horizon, once they are final"

_Ints = NDArray[np.int64]


def check_rows(
    export: Export,
    snapshot: Snapshot,
    *,
    horizon_days: float,
    lag_days: float,
    won_stages: Collection[str] = (),
) -> None:
    """Prove of every row: its lead, its moment, that no win is behind it, and its label.

    Parameters
    ----------
    snapshot : Snapshot
        With ``lead``, ``age_days`` and ``as_of``.
    horizon_days, lag_days : float
    won_stages : collection of str
        Stages that mean a win.

    Raises
    ------
    ScoringError
        If anything differs. That is a defect of this program, not of the data.
    """
    lead, age, as_of = snapshot.lead, snapshot.age_days, snapshot.as_of
    if lead is None or age is None or as_of is None:
        raise _defect(
            "A snapshot of a CRM export has leads, ages and moments", "none", snapshot, ()
        )
    at = as_of.astype("datetime64[us]").astype(np.int64)

    def hold(must: str, found: str, wrong: NDArray[Any]) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            raise _defect(must, f"{found}, {len(rows)} rows", snapshot, rows[:3].tolist())

    inside = (lead >= 0) & (lead < len(export.leads))
    hold("A row must be of a lead of the export", "another lead", ~inside)
    other_id = export.leads.ids[lead] != snapshot.ids
    hold("A row must be of a lead of the export", "the id of another lead", other_id)
    repeated = pd.DataFrame({"lead": lead, "at": at}).duplicated().to_numpy()
    hold("A lead must be seen only once at one moment", "seen again", repeated)

    created = export.leads.created_at[lead]
    now = np.isnan(age)
    waited = np.rint(np.nan_to_num(age) * _DAY).astype(np.int64)
    due = np.where(now, export.extracted_at, created + np.where(waited == 0, _SECOND, waited))
    # At the moment of the export there is only the row "now".
    late = (at != due) | (~now & (at >= export.extracted_at)) | (created >= at)
    hold(_MOMENT, "a row at another moment", late)

    for table in (export.deals, export.stages):
        unsure = np.zeros(0, dtype=np.int64) if table is None else table.unsure
        hold(_OPEN, "a lead of which nobody knows how it ended", np.isin(lead, unsure))
    won, known = _first_wins(export, won_stages)
    hold(_OPEN, "a lead that was known to be won", known[lead] < at)
    hold(_OPEN, "a lead that was won already, recorded later", won[lead] < at)

    final = ~now & (export.extracted_at - at >= round((horizon_days + lag_days) * _DAY))
    # No win lies before the row, so the first one decides.
    wins = won[lead] < at + round(horizon_days * _DAY)
    labelled = ~np.isnan(snapshot.label)
    hold(_LABEL, "a label that is not final", labelled & ~final)
    hold(_LABEL, "no label, though it is final", final & ~labelled)
    hold(_LABEL, "another label", final & (snapshot.label != wins))


def _first_wins(export: Export, won_stages: Collection[str]) -> tuple[_Ints, _Ints]:
    """Return when each lead was first won and when a win was first known, NEVER for none."""
    parts = []
    if export.deals is not None:
        deals = export.deals
        table = {"lead": deals.lead, "at": deals.closed_at, "known": deals.known_at}
        closed = (deals.outcome == WON) & (deals.closed_at != NEVER)
        parts.append(pd.DataFrame(table)[closed])
    if export.stages is not None:
        stages = export.stages
        table = {"lead": stages.lead, "at": stages.entered_at, "known": stages.known_at}
        wins = [place for place, name in enumerate(stages.names) if name in won_stages]
        parts.append(pd.DataFrame(table)[np.isin(stages.stage, wins)])
    every = np.arange(len(export.leads))
    if not parts:
        return np.full(len(every), NEVER), np.full(len(every), NEVER)
    first = pd.concat(parts).groupby("lead").min().reindex(every, fill_value=NEVER)
    return first["at"].to_numpy(np.int64), first["known"].to_numpy(np.int64)


def _defect(must: str, found: str, snapshot: Snapshot, rows: Sequence[int]) -> ScoringError:
    """Return the error of a row that is wrong; its lead is named by its id alone."""
    ids = ", ".join(str(snapshot.ids[row]) for row in rows)
    where = f" (lead {ids})" if ids else ""
    return ScoringError(f"{must}. Found: {found}{where}. Please report this as a defect.")
