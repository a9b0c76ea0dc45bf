"""The numbers behind the plots: curves over the leads in falling order of score.

Leads of equal score are taken together, as in :mod:`scoring_ml.statistics.ranking`, so that the
area under a drawn curve is the metric of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.drift import BaseRate, base_rate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.statistics.ranking import Ranked
from scoring_ml.statistics.samples import Floats

MOST_POINTS: Final = 1_500
"""Points of a drawn curve; more than its pixels."""

RELIABILITY_BINS: Final = 10


@dataclass(frozen=True)
class Curves:
    """Curves of one candidate on one window.

    Each array, of shape (g,), begins with nobody handed over. Against the share of the leads handed
    over: the share of all wins among them (``captured``; recall, true positive rate), of all losses
    (``false_alarms``; false positive rate), and of wins among them (``precision``; at the first
    place that of the second).
    """

    handed_over: Floats
    captured: Floats
    false_alarms: Floats
    precision: Floats
    base_rate: float

    @property
    def lift(self) -> Floats:
        """How many times the base rate, shape (g,)."""
        return self.precision / self.base_rate


def curves(score: Floats, won: Floats) -> Curves | None:
    """Return the curves, or None where there is one class only or a score is not known.

    >>> found = curves(np.array([3.0, 2.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    >>> found.captured.tolist(), found.false_alarms.tolist()
    ([0.0, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0])
    """
    ranked = Ranked(score, won)
    if not ranked.known or not 0 < won.sum() < len(won):
        return None
    wins, leads = (part[0] for part in ranked.tallies(np.ones((1, len(won)))))
    wins_to = np.concatenate([[0.0], np.cumsum(wins)])
    leads_to = np.concatenate([[0.0], np.cumsum(leads)])
    precision = np.concatenate([[wins[0] / leads[0]], wins_to[1:] / leads_to[1:]])
    kept = np.unique(np.linspace(0, len(wins_to) - 1, MOST_POINTS).round().astype(int))
    all_lost = leads_to[-1] - wins_to[-1]
    return Curves(
        handed_over=(leads_to / leads_to[-1])[kept],
        captured=(wins_to / wins_to[-1])[kept],
        false_alarms=((leads_to - wins_to) / all_lost)[kept],
        precision=precision[kept],
        base_rate=float(won.mean()),
    )


@dataclass(frozen=True)
class Bin:
    """Leads of like probability: what was promised, and what came (with Wilson's interval)."""

    promised: float
    found: BaseRate


def reliability(probability: Floats, won: Floats) -> tuple[Bin, ...]:
    """Return ten bins of equal count, as behind ECE; equal probabilities share a bin."""
    if len(won) == 0:
        return ()
    ranked = Ranked(probability, won)
    wins, leads = (part[0] for part in ranked.tallies(np.ones((1, len(won)))))
    middle = np.cumsum(leads) - leads / 2
    place = np.clip((RELIABILITY_BINS * middle / len(won)).astype(int), 0, RELIABILITY_BINS - 1)
    found = []
    for index in reversed(range(RELIABILITY_BINS)):
        here = place == index
        count = float(leads[here].sum())
        if count:
            promised = float((leads[here] * ranked.top[here]).sum() / count)
            found.append(Bin(promised, base_rate(int(wins[here].sum()), int(count))))
    return tuple(found)


def newest_curves(trained: Trained, candidate: Candidate) -> Curves | None:
    """Return a candidate's curves on the test window."""
    rows = trained.windows.test
    return curves(candidate.logodds[rows], trained.snapshot.label[rows])
