"""The outcome of each lead of a CRM export, when it came, and when it became known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import LOST, WON, Export
from scoring_ml.data.crm.mapping import HORIZONS_DAYS, CrmMapping
from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.features.asof import known

CAUGHT_WINS: Final = 0.80
"""Share of the wins of mature cohorts that a default horizon must catch."""

FEW_WINS: Final = 30
"""Fewest wins of a cohort from which a horizon is chosen."""

_LAG_QUANTILE: Final = 0.99


@dataclass(frozen=True)
class Outcomes:
    """Ends of leads.

    Parameters
    ----------
    won_at : array of int64, shape (n,)
        First closed-won moment of each lead; :data:`NEVER` for none.
    won_known_at : array of int64, shape (n,)
        When a win of the lead was first known.
    lead, known_at : array of int64, shape (m,)
        Every entry of a stage and every closing of a deal, in order of lead, then of the moment
        at which it happened.
    is_end : array of bool, shape (m,)
        Whether that ends the lead.
    horizon_days, lag_days : float
    unsure : array of bool, shape (n,)
        Leads of which a closing could not be read: neither won, nor lost, nor open.
    """

    won_at: Moments
    won_known_at: Moments
    lead: NDArray[np.int64]
    known_at: Moments
    is_end: NDArray[np.bool_]
    horizon_days: float
    lag_days: float
    unsure: NDArray[np.bool_]

    def open_at(self, as_of: Moments) -> NDArray[np.bool_]:
        """Tell which leads are open as known at a moment, shape (n,).

        A lead is closed once a win is known. Else the newest known fact decides: after a loss it
        is closed until it enters a stage again (recycled).
        """
        newest = np.full(len(as_of), -1, dtype=np.int64)
        seen = np.flatnonzero(known(self.known_at, as_of[self.lead]))
        # In order, and of several assignments to one place the last one holds.
        newest[self.lead[seen]] = seen
        ended = np.zeros(len(as_of), dtype=bool)
        has = newest >= 0
        ended[has] = self.is_end[newest[has]]
        return np.asarray(~ended & ~self.unsure & ~known(self.won_known_at, as_of))


def find_outcomes(export: Export, mapping: CrmMapping) -> Outcomes:
    """Find when leads were won, and which facts end them.

    Parameters
    ----------
    mapping : CrmMapping
        Names the stages that end a lead; gives horizon and recording lag if they are decided.
    """
    n = len(export.leads)
    unsure = np.zeros(n, dtype=bool)
    none, never = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    # Lead, moment, when it was known, whether it ends the lead, whether it wins it.
    parts = [(none, none, none, never, never)]
    if export.deals is not None:
        deals = export.deals
        unsure[deals.unsure] = True
        closed = np.isin(deals.outcome, (WON, LOST))
        won = deals.outcome[closed] == WON
        facts = (deals.lead[closed], deals.closed_at[closed], deals.known_at[closed])
        parts.append((*facts, np.ones_like(won), won))
    if export.stages is not None:
        stages = export.stages
        unsure[stages.unsure] = True
        names = np.array(stages.names, dtype=object)
        won = np.isin(names, mapping.stages.won)[stages.stage]
        ends = won | np.isin(names, mapping.stages.lost)[stages.stage]
        parts.append((stages.lead, stages.entered_at, stages.known_at, ends, won))
    lead, at, recorded_at, end, won = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    won_at = np.full(n, NEVER, dtype=np.int64)
    won_known_at = np.full(n, NEVER, dtype=np.int64)
    np.minimum.at(won_at, lead[won], at[won])
    np.minimum.at(won_known_at, lead[won], recorded_at[won])
    order = np.lexsort((end, recorded_at, at, lead))
    lag = mapping.recording_lag_days
    horizon = mapping.horizon_days
    return Outcomes(
        won_at=won_at,
        won_known_at=won_known_at,
        lead=lead[order],
        known_at=recorded_at[order],
        is_end=end[order],
        horizon_days=default_horizon(export.leads.created_at, won_at, export.extracted_at)
        if horizon is None
        else horizon,
        lag_days=default_lag(recorded_at[won] - at[won]) if lag is None else lag,
        # A win that can be read stands, whatever else was told of the lead.
        unsure=unsure & (won_at == NEVER),
    )


def default_horizon(created_at: Moments, won_at: Moments, extracted_at: int) -> float:
    """Return the smallest of 30, 60, 90, 180 and 365 days that catches 80 % of the wins.

    Only leads that are old enough for every horizon in question count; where fewer than 30 of
    them are won, the longest horizons are left out one after the other.

    Returns
    -------
    float
        Days.
    """
    age = extracted_at - created_at
    taken = won_at - created_at
    for most in reversed(HORIZONS_DAYS):
        wins = taken[(age >= most * DAY) & (won_at != NEVER) & (taken <= most * DAY)]
        if len(wins) < FEW_WINS and most != HORIZONS_DAYS[0]:
            continue
        for days in HORIZONS_DAYS:
            if days >= most or (len(wins) and np.mean(wins < days * DAY) >= CAUGHT_WINS):
                return days
    return HORIZONS_DAYS[0]  # pragma: no cover - the loop always returns


def default_lag(lags: Moments) -> float:
    """Return the whole days within which 99 % of the wins are recorded; 0 without any.

    >>> default_lag(np.array([0, 3_600_000_000])), default_lag(np.array([], dtype=np.int64))
    (1.0, 0.0)
    """
    if len(lags) == 0:
        return 0.0
    return float(np.ceil(np.quantile(np.maximum(lags, 0), _LAG_QUANTILE) / DAY))
