"""The demo's funnel: a Markov chain whose branching, and for some its pace, differs by who buys.

A lead stays in a state for an exponential time. It is the same for those who will buy and for
those who will not, so that waiting tells nothing, except where the lead's problem must be solved
now: those who will buy hurry, and an urgent lead that waits is less and less likely one of them.
The evidence of a path is the product of the ratios of its branchings and of its times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.demo.calendar import SECOND_US
from scoring_ml.demo.effects import FUNNEL_STEPS, HORIZON_DAYS, HURRY, STATES, STAY_DAYS

FUNNEL_STAGES: Final = ("lead", "recycled", "mql", "sql", "proposal")
"""The CRM's stages in the funnel's order; a recycled lead has stepped back."""

STAGE_OF_STATE: Final = tuple(
    FUNNEL_STAGES.index("sql" if state == "sql_again" else state) for state in STATES
)

_LOST: Final = len(STATES)


@dataclass(frozen=True)
class Paths:
    """True ways of leads through the funnel.

    Parameters
    ----------
    entered_at : array of int64, shape (n, states)
        When a lead entered each of STATES; NEVER if it did not. After the export, too.
    closed_at : array of int64, shape (n,)
        When it was won or lost.
    """

    entered_at: Moments
    closed_at: Moments

    def state(self, lead: NDArray[np.int64], as_of: Moments) -> NDArray[np.int64]:
        """Return the place in STATES where each lead truly was, shape (m,)."""
        seen = self.entered_at[lead] < as_of[:, None]
        # A path never goes back in the order of STATES.
        return np.asarray(seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1))


def evidence_of(entered_at: Moments, as_of: Moments) -> NDArray[np.float64]:
    """Log-odds that follow from entries of states before a moment, shape (m,).

    Parameters
    ----------
    entered_at : array of int64, shape (m, states)
    as_of : array of int64, shape (m,)
    """
    seen = entered_at < as_of[:, None]
    total = np.zeros(len(as_of))
    for step in FUNNEL_STEPS:
        both = seen[:, STATES.index(step.to)]
        if step.to == "proposal":
            both = both & (seen[:, STATES.index("sql_again")] == (step.origin == "sql_again"))
        total += np.where(both, step.logodds, 0.0)
    return total


def hurry_evidence(
    entered_at: Moments, as_of: Moments, hurried: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Log-odds that follow from how long leads stayed in states before a moment, shape (m,).

    Each state that was left in time t counts ``log(HURRY) - (HURRY - 1) t / mean``, and the one
    in which the lead still is the second part of it; nothing for a lead that is not hurried.

    Parameters
    ----------
    entered_at : array of int64, shape (m, states)
        The first state must have been entered.
    as_of : array of int64, shape (m,)
    hurried : array of bool, shape (m,)
    """
    total = np.zeros(len(as_of))
    until = as_of
    # From the last state back: a lead is in a state until it enters the next one.
    for place in reversed(range(len(STATES))):
        begun = entered_at[:, place]
        seen = begun < as_of
        days = np.where(seen, until - begun, 0) / DAY
        total += np.where(seen & (until < as_of), np.log(HURRY), 0.0)
        total -= (HURRY - 1.0) * days / STAY_DAYS[STATES[place]]
        until = np.where(seen, begun, until)
    return np.where(hurried, total, 0.0)


def draw_paths(
    created_at: Moments,
    buyer: NDArray[np.bool_],
    hurried: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Paths:
    """Draw the way of each lead to its end; a buyer will be won, and if hurried, it hurries."""
    pace = np.where(buyer & hurried, HURRY, 1.0)
    n = len(created_at)
    entered = np.full((n, len(STATES)), NEVER, dtype=np.int64)
    entered[:, 0] = created_at
    closed = np.full(n, NEVER, dtype=np.int64)
    for place, name in enumerate(STATES):
        here = np.flatnonzero(entered[:, place] != NEVER)
        stay = rng.exponential(STAY_DAYS[name] * DAY / SECOND_US, n) / pace
        leaves = entered[here, place] + (stay[here].astype(np.int64) + 1) * SECOND_US
        chance = rng.random(n)[here]
        onward = np.full(len(here), _LOST)
        limit = np.zeros(len(here))
        for step in FUNNEL_STEPS:
            if step.origin != name:
                continue
            share = np.where(buyer[here], step.buyer, step.other)
            taken = (chance >= limit) & (chance < limit + share)
            onward[taken] = STATES.index(step.to)
            limit = limit + share
        ends = onward == _LOST
        closed[here[ends]] = leaves[ends]
        entered[here[~ends], onward[~ends]] = leaves[~ends]
    return Paths(entered, closed)


@lru_cache(maxsize=1)
def _chances() -> NDArray[np.float64]:
    size = len(STATES) + 1
    rates = np.zeros((size, size))
    for place, name in enumerate(STATES):
        ways = {STATES.index(s.to): s.buyer for s in FUNNEL_STEPS if s.origin == name} or {
            _LOST: 1.0
        }
        rates[place, place] = -1.0 / STAY_DAYS[name]
        for to, share in ways.items():
            rates[place, to] += share / STAY_DAYS[name]
    found = [expm(pace * rates * HORIZON_DAYS)[:-1, -1] for pace in (1.0, HURRY)]
    return np.array(found)


def won_in_time(state: NDArray[np.int64], hurried: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Chance that a lead that will be won is won within the horizon, by its place in STATES now.

    The chain of those who buy is absorbed by the win; the chance is an entry of the matrix
    exponential of its rates.
    """
    return np.asarray(_chances()[hurried.astype(np.intp), state])
