"""What must hold for every row of a CRM snapshot, checked for all rows at once.

The quick half of the second check (:mod:`scoring_ml.features.asof_check` is the thorough one, on
a sample). It takes only moments, labels and wins, and shares no code with what made the rows.
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

SECOND: Final = 1_000_000
DAY: Final = 24 * 60 * 60 * SECOND

MOMENT: Final = "A row must be seen at its age, after its creation and within the export"
OPEN: Final = "A lead must be seen only while it is open, as known then"
LABEL: Final = "A label must follow from the wins in the horizon, once they are final"

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
    export : Export
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
        raise defect("A snapshot of a CRM export has leads, ages and moments", "none", snapshot, ())
    at = as_of.astype("datetime64[us]").astype(np.int64)

    def hold(must: str, found: str, wrong: NDArray[Any]) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            raise defect(must, f"{found}, {len(rows)} rows", snapshot, rows[:3].tolist())

    inside = (lead >= 0) & (lead < len(export.leads))
    hold("A row must be of a lead of the export", "another lead", ~inside)
    strange = export.leads.ids[lead] != snapshot.ids
    hold("A row must be of a lead of the export", "the id of another lead", strange)
    again = pd.DataFrame({"lead": lead, "at": at}).duplicated().to_numpy()
    hold("A lead must be seen only once at one moment", "seen again", again)

    created = export.leads.created_at[lead]
    now = np.isnan(age)
    waited = np.rint(np.nan_to_num(age) * DAY).astype(np.int64)
    due = np.where(now, export.extracted_at, created + np.where(waited == 0, SECOND, waited))
    late = (at != due) | (at > export.extracted_at) | (created >= at)
    hold(MOMENT, "a row at another moment", late)

    unsure = np.isin(lead, sorted(unsure_leads(export)))
    hold(OPEN, "a lead of which nobody knows how it ended", unsure)
    won, told = _first_wins(export, won_stages)
    hold(OPEN, "a lead that was known to be won", told[lead] < at)
    hold(OPEN, "a lead that was won already, recorded later", won[lead] < at)

    final = ~now & (export.extracted_at - at >= round((horizon_days + lag_days) * DAY))
    # No win lies before the row, so the first one decides.
    wins = won[lead] < at + round(horizon_days * DAY)
    told_label = ~np.isnan(snapshot.label)
    hold(LABEL, "a label that is not final", told_label & ~final)
    hold(LABEL, "no label, though it is final", final & ~told_label)
    hold(LABEL, "another label", final & (snapshot.label != wins))


def unsure_leads(export: Export) -> set[int]:
    """Return the leads of which a closing could not be read: neither won nor lost nor open."""
    tables = (export.deals, export.stages)
    return {int(lead) for table in tables for lead in getattr(table, "unsure", ())}


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


def defect(must: str, found: str, snapshot: Snapshot, rows: Sequence[int]) -> ScoringError:
    """Return the error of a row that is wrong; its lead is named by its id alone."""
    ids = ", ".join(str(snapshot.ids[row]) for row in rows)
    where = f" (lead {ids})" if ids else ""
    return ScoringError(f"{must}. Found: {found}{where}. Please report this as a defect.")
