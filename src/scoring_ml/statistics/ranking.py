"""Metrics of a ranking: ROC AUC, average precision, lift, captured wins and wins per 100 leads.

They need only an order of the leads (log-odds, points, a total). Every metric takes non-negative
weights, so that a bootstrap resample is nothing but a row of counts; :func:`ranking_metrics` works
on many such rows at once.

A metric that is undefined - no leads, no wins, one class only - is NaN, never 0 and never an
exception. Equal scores have no order among themselves: they enter ROC AUC as half, average
precision as one threshold, and lift, captured wins and wins per 100 by the expectation over all
orders of the tied leads. The top 5 % of 50 leads are 2.5 leads: the third counts half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scoring_ml.statistics.samples import Floats, checked, ratio

TOP_PERCENT: Final = (5, 10, 20, 30)
"""Shares of the leads, in per cent, at which lift and captured wins are taken."""

RANKING: Final = (
    "roc_auc",
    "pr_auc",
    *(f"lift_{percent}" for percent in TOP_PERCENT),
    *(f"captured_{percent}" for percent in TOP_PERCENT),
)
"""Metrics of an order."""


class Ranked:
    """Leads put in falling order of score, equal scores kept together; ``won`` is 1 or 0.

    Raises
    ------
    ValueError
        If the arrays differ in length or ``won`` holds anything but 0 and 1.
    """

    def __init__(self, score: ArrayLike, won: ArrayLike) -> None:
        scores, wins = checked(score, won)
        self.known = not bool(np.isnan(scores).any())
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        first = np.ones(ordered.size, dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        self._starts = np.flatnonzero(first)
        self._won = wins[self._order]
        self.top = ordered[self._starts]
        """Distinct scores, falling."""

    def tallies(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the weight of wins and of leads at every distinct score, highest score first.

        From weights of shape (r, n), two arrays of shape (r, g) for g distinct scores.
        """
        leads = weights[:, self._order]
        wins = leads * self._won
        if self._starts.size < leads.shape[1]:
            wins = np.add.reduceat(wins, self._starts, axis=1)
            leads = np.add.reduceat(leads, self._starts, axis=1)
        return wins, leads


def ranking_metrics(
    ranked: Ranked, weights: Floats, volumes: Mapping[str, float] | None = None
) -> dict[str, Floats]:
    """Return all ranking metrics for every row of weights.

    Parameters
    ----------
    weights : array of shape (r, n)
        One row per resample; a row of ones gives the metric itself.
    volumes : mapping of str to float, optional
        Names of further metrics "wins per 100 leads" and, for each, the **share** of the leads
        handed over, in (0, 1]; any other share gives NaN.

    Returns
    -------
    dict of str to array of shape (r,)
        Keys of :data:`RANKING`, then those of ``volumes``.
    """
    shares = {f"captured_{percent}": percent / 100 for percent in TOP_PERCENT}
    volumes = volumes or {}
    if not ranked.known or weights.shape[1] == 0:
        names = (*RANKING, *volumes)
        return {name: np.full(weights.shape[0], np.nan) for name in names}
    wins, leads = ranked.tallies(weights)
    wins_to, leads_to = np.cumsum(wins, axis=1), np.cumsum(leads, axis=1)
    all_wins, all_leads = wins_to[:, -1], leads_to[:, -1]
    all_lost = all_leads - all_wins
    both = (all_wins > 0) & (all_lost > 0)
    metrics: dict[str, Floats] = {}
    # A win beats every loss of a lower score, and half of those of its own score.
    lost = leads - wins
    lost_below = all_lost[:, None] - (leads_to - wins_to)
    metrics["roc_auc"] = ratio((wins * (lost_below + lost / 2)).sum(axis=1), all_wins * all_lost)
    precision = ratio(wins_to, leads_to, empty=0.0)
    metrics["pr_auc"] = ratio((wins * precision).sum(axis=1), all_wins)
    for name, share in shares.items():
        top = _wins_among_top(wins, leads, wins_to, leads_to, share * all_leads)
        captured = ratio(top, all_wins)
        metrics[name] = captured
        metrics[name.replace("captured", "lift")] = captured / share
    result = {name: np.where(both, metrics[name], np.nan) for name in RANKING}
    for name, share in volumes.items():
        if 0 < share <= 1:
            handed = share * all_leads
            top = _wins_among_top(wins, leads, wins_to, leads_to, handed)
            result[name] = 100 * ratio(top, handed)
        else:
            result[name] = np.full(weights.shape[0], np.nan)
    return result


def roc_auc(score: ArrayLike, won: ArrayLike) -> float:
    """Return the chance that a win scores above a loss, ties counting half.

    >>> roc_auc([3, 2, 2, 1], [1, 1, 0, 0])
    0.875
    """
    ranked = Ranked(score, won)
    return float(ranking_metrics(ranked, np.ones((1, np.size(score))))["roc_auc"][0])


def _wins_among_top(
    wins: Floats, leads: Floats, wins_to: Floats, leads_to: Floats, n: Floats
) -> Floats:
    """Return the expected wins among the n highest scores, per row.

    Within equal scores the expectation over all orders is linear in how many are taken.
    """
    last = leads.shape[1] - 1
    at = np.minimum((leads_to < n[:, None]).sum(axis=1), last)
    row = np.arange(n.size)
    before = leads_to[row, at] - leads[row, at]
    part = ratio(n - before, leads[row, at], empty=0.0)
    missed: Floats = wins[row, at] * (1 - np.clip(part, 0.0, 1.0))
    return np.asarray(wins_to[row, at] - missed, dtype=np.float64)
