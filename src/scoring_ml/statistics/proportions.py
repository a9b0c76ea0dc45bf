"""Shares and numbers of wins: intervals, tests, and how many more leads are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest, false_discovery_control, fisher_exact, norm

from scoring_ml.statistics.interval import Z_95, Interval

FEW_OUTCOMES: Final = 30
"""Known outcomes below which a share of wins is listed, but not judged."""

HALF_WIDTH: Final = 0.05
"""A win share is called settled when its 95 % interval is within 5 points either side."""

EXPECTED_WINS: Final = 10
"""And when at least this many wins are to be expected."""

PRIOR_LEADS: Final = 10
"""Leads' worth of belief in the win share of all leads, when planning for few."""

MOST_PLANNED_LEADS: Final = 10_000_000
"""Beyond this many leads nothing is planned."""

_TAIL: Final = 1e-18

_SHIFTS: Final = 60
"""Equally likely shifts that stand for a normal one; the second is its quantile of 2.5 %."""

_NEARLY_NORMAL: Final = 100.0
"""Variance of a number of wins from which on its distribution under a shift is taken as normal."""


def wilson(wins: int, leads: int) -> Interval:
    """Return a win share with its 95 % Wilson interval; without leads all three are NaN.

    ``(k + z^2/2)/(n + z^2) -+ z/(n + z^2) * sqrt(k (n-k)/n + z^2/4)`` for k wins of n leads (E. B.
    Wilson 1927, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22).

    >>> wilson(1, 10)  # doctest: +ELLIPSIS
    Interval(value=0.1, low=0.0178..., high=0.4041...)
    """
    if leads == 0:
        return Interval(math.nan, math.nan, math.nan)
    ends = binomtest(wins, leads).proportion_ci(method="wilson")
    return Interval(wins / leads, float(ends.low), float(ends.high))


def wins_distribution(probabilities: ArrayLike) -> tuple[int, NDArray[np.float64]]:
    """Return how likely each number of wins is, if every probability is right.

    The exact Poisson-binomial distribution: the distributions of halves are convolved. Counts at
    either end whose chance is below 1e-18 are left out, so that many leads stay cheap.

    Returns
    -------
    first, chances : int, ndarray of shape (m,)
        Chance of ``first``, ``first + 1``, ... wins; sums to 1.

    >>> first, chances = wins_distribution([0.5, 0.5])
    >>> first, chances.tolist()
    (0, [0.25, 0.5, 0.25])
    """
    p = np.asarray(probabilities, dtype=float)
    if len(p) <= 8:
        chances = np.ones(1)
        for chance in p:
            chances = np.convolve(chances, [1 - chance, chance])
        return 0, chances
    middle = len(p) // 2
    left_first, left = wins_distribution(p[:middle])
    right_first, right = wins_distribution(p[middle:])
    chances = np.convolve(left, right)
    kept = np.flatnonzero(chances >= _TAIL)
    return left_first + right_first + int(kept[0]), chances[kept[0] : kept[-1] + 1]


def expected_wins(probabilities: ArrayLike, logodds_sd: float = 0.0) -> Interval:
    """Return the expected number of wins, with the central range of 95 %.

    The bounds are the smallest counts at which the distribution function reaches 2.5 % and
    97.5 %, so that fewer than ``low`` and more than ``high`` wins each happen in at most 2.5 %
    of the cases. With an unknown probability all three are NaN.

    Parameters
    ----------
    probabilities : array-like of shape (n,)
        Each lead's probability of a win, 0-1.
    logodds_sd : float
        Standard deviation of a normal shift that all log-odds have in common.
    """
    p = np.asarray(probabilities, dtype=float)
    if np.isnan(p).any():
        return Interval(math.nan, math.nan, math.nan)
    shifts = logodds_sd * norm.ppf((np.arange(_SHIFTS) + 0.5) / _SHIFTS) if logodds_sd else [0.0]
    reached = np.zeros(len(p) + 1)
    for shift in shifts:
        shifted = expit(logit(p) + shift) if shift else p
        variance = float(np.sum(shifted * (1 - shifted)))
        if shift and variance >= _NEARLY_NORMAL:
            middles = np.arange(len(p) + 1) + 0.5
            reached += norm.cdf(middles, np.sum(shifted), np.sqrt(variance))
            continue
        first, chances = wins_distribution(shifted)
        up_to = np.cumsum(chances)
        reached[first : first + len(up_to)] += up_to
        reached[first + len(up_to) :] += 1.0
    low, high = np.searchsorted(reached / len(shifts), [0.025 - 1e-12, 0.975 - 1e-12])
    last = len(p)
    return Interval(float(np.sum(p)), float(min(int(low), last)), float(min(int(high), last)))


def surprise(probabilities: ArrayLike, wins: int) -> float:
    """Return the p-value of a number of wins, both ways: twice the smaller tail, at most 1."""
    first, chances = wins_distribution(probabilities)
    at = wins - first
    below = float(chances[: max(at + 1, 0)].sum())
    above = float(chances[max(at, 0) :].sum())
    return min(1.0, 2 * min(below, above))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for many comparisons, in the same order.

    Of the comparisons with an adjusted value up to 0.05, at most 5 % are expected to be wrong
    (Y. Benjamini and Y. Hochberg 1995, "Controlling the false discovery rate").

    >>> adjusted([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    return [float(value) for value in false_discovery_control(p_values)]


def same_share(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return Fisher's two-sided exact p-value of two samples having one share of wins.

    They are (wins, leads); NaN where one is empty.

    >>> same_share((5, 10), (5, 10))
    1.0
    """
    if not first[1] or not second[1]:
        return math.nan
    return float(fisher_exact([[wins, leads - wins] for wins, leads in (first, second)]).pvalue)


def leads_for(share: float) -> int | None:
    """Return how many leads settle a win share (0-1): the smallest number for which both hold.

    * the 95 % Wilson interval around ``share`` is at most :data:`HALF_WIDTH` to either side of its
      middle;
    * at least :data:`EXPECTED_WINS` wins are expected.

    ``None`` if no number would do, as for a share of 0.
    """
    if not share > 0 or EXPECTED_WINS / share > MOST_PLANNED_LEADS:
        return None
    # 1e-9: 10 wins at a share of 0.1 are 100 leads, though 10 / 0.1 may come out above that.
    few, many = math.ceil(EXPECTED_WINS / share - 1e-9), MOST_PLANNED_LEADS
    while few < many:
        middle = (few + many) // 2
        # Half of Wilson's interval for a share that need not be a whole number of wins.
        spread = math.sqrt(middle * share * (1 - share) + Z_95**2 / 4)
        if Z_95 / (middle + Z_95**2) * spread <= HALF_WIDTH:
            many = middle
        else:
            few = middle + 1
    return few


def leads_needed(wins: int, leads: int, share_of_all: float) -> int | None:
    """Return how many more leads with a known outcome a segment needs; 0 when there are enough.

    The win share planned with is ``(wins + m * share_of_all) / (leads + m)`` with m =
    :data:`PRIOR_LEADS`: that of all leads where there are none, its own where there are many.
    ``None`` when nothing can be planned, as without any win, or with a ``share_of_all`` of NaN.
    """
    if math.isnan(share_of_all):
        return None
    goal = leads_for((wins + PRIOR_LEADS * share_of_all) / (leads + PRIOR_LEADS))
    return None if goal is None else max(goal - leads, 0)
