"""The outcome of each lead of a CRM export, when it came, and when it became known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import WON, Export
from scoring_ml.data.crm.mapping.crm_mapping import HORIZONS_DAYS, CrmMapping
from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.features.asof import is_won, known
from scoring_ml.features.lead_states import LeadStates, Wins, lead_states
from scoring_ml.texts import Catalogue

CAUGHT_WINS: Final = 0.80
"""Share of the wins of mature cohorts that a default horizon must catch."""

FEW_WINS: Final = 30
"""Fewest wins of a cohort from which a horizon is chosen."""

_LAG_QUANTILE: Final = 0.99


@dataclass(frozen=True)
class Outcomes:
    """What became of leads.

    Parameters
    ----------
    unsure : array of bool, shape (n,)
        Leads of which a closing could not be read: neither won, nor lost, nor open.
    recorded_since : int
        When the recording of outcomes began: before that nobody knows what became of a lead.
    """

    states: LeadStates
    wins: Wins
    horizon_days: float
    lag_days: float
    unsure: NDArray[np.bool_]
    recorded_since: int = 0

    @property
    def won_at(self) -> Moments:
        """First win of each lead that stands; :data:`NEVER` for none; shape (n,)."""
        won_at = np.full(self.states.leads, NEVER, dtype=np.int64)
        stands = self.wins.until == NEVER
        np.minimum.at(won_at, self.wins.lead[stands], self.wins.at[stands])
        return won_at

    @property
    def taken_back(self) -> NDArray[np.int64]:
        """Leads that were won, and whose wins were all taken back."""
        return np.setdiff1d(self.wins.lead, self.wins.lead[self.wins.until == NEVER])

    def open_at(self, as_of: Moments) -> NDArray[np.bool_]:
        """Tell which leads are open as known at a moment, shape (n,)."""
        seen = known(self.states.known_at, as_of[self.states.lead])
        _, closed = self.states.given(seen)
        return np.asarray(~closed & ~self.unsure)

    def won_before(self, as_of: Moments) -> NDArray[np.bool_]:
        """Tell which leads were won at a moment, whether or not it was known; shape (n,)."""
        moment = as_of[self.wins.lead]
        return self._any(known(self.wins.at, moment) & ~known(self.wins.until, moment))

    def won_within(self, as_of: Moments) -> NDArray[np.bool_]:
        """Tell which leads are won within the horizon, and still so at its end; shape (n,)."""
        moment = as_of[self.wins.lead]
        return self._any(is_won(self.wins.at, moment, self.horizon_days, self.wins.until))

    def _any(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(self.states.leads, dtype=bool)
        found[self.wins.lead[which]] = True
        return found


def find_outcomes(export: Export, mapping: CrmMapping) -> Outcomes:
    """Find when leads were won, and which facts end them.

    Parameters
    ----------
    mapping : CrmMapping
        Names the stages that end a lead; gives horizon and recording lag if they are decided.
    """
    states = lead_states(export, mapping.stages.won, mapping.stages.lost)
    wins = states.wins()
    unsure = np.zeros(states.leads, dtype=bool)
    for table in (export.deals, export.stages):
        if table is not None:
            unsure[table.unsure] = True
    # A win that can be read stands, whatever else is told of the lead.
    unsure[wins.lead[wins.until == NEVER]] = False
    won = states.state == WON
    if export.leads.merged is not None:
        # A win that came with a merge was recorded in time, of another lead.
        won &= ~export.leads.merged[states.lead]
    lag = mapping.recording_lag_days
    found = Outcomes(
        states=states,
        wins=wins,
        horizon_days=mapping.horizon_days or 0.0,
        lag_days=default_lag((states.known_at - states.at)[won]) if lag is None else lag,
        unsure=unsure,
        recorded_since=max(mapping.recorded_since(table) for table in ("deals", "stages")),
    )
    if mapping.horizon_days is not None:
        return found
    created = export.leads.created_at
    judged = ~known(created, found.recorded_since)
    horizon = default_horizon(created[judged], found.won_at[judged], export.extracted_at)
    return replace(found, horizon_days=horizon)


def outcome_notes(export: Export, outcomes: Outcomes) -> Iterator[str]:
    """Tell of wins that were taken back, and of deals and stages that contradict each other."""

    def some(leads: NDArray[np.int64]) -> str:
        first = ", ".join(str(name)[:60] for name in export.leads.ids[leads[:3]])
        return f"{len(leads):,} lead(s), first: {first}"

    yield from _late_recording(export, outcomes)
    back = outcomes.taken_back
    if len(back):
        yield Catalogue.load().text("export.taken_back", leads=some(back))
    torn = outcomes.states.contradicted()
    if len(torn):
        yield Catalogue.load().text("export.torn", leads=some(torn))


def _late_recording(export: Export, outcomes: Outcomes) -> Iterator[str]:
    """Tell that no early lead was won, though by the later ones many must have been."""
    created, won_at = export.leads.created_at, outcomes.won_at
    won = won_at != NEVER
    if outcomes.recorded_since or not won.any():
        return
    first = int(won_at.min())
    early = created < first - np.quantile((won_at - created)[won], CAUGHT_WINS)
    expected = early.sum() * won.sum() / max(int((~early).sum()), 1)
    if expected >= FEW_WINS:
        day = np.datetime64(first, "us").astype("M8[D]")
        params = {"early": int(early.sum()), "day": str(day), "expected": round(float(expected))}
        yield Catalogue.load().text("export.late_recording", **params)


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
