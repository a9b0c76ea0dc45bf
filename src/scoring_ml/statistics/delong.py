"""DeLong's variance of ROC AUC and of the difference of two, without resampling.

The AUC is a mean over all pairs of a win and a loss. DeLong, DeLong and Clarke-Pearson (1988,
"Comparing the areas under two or more correlated receiver operating characteristic curves",
Biometrics 44) take its variance from the *placements*: for each win the share of losses below
it, for each loss the share of wins above it. Placements come from midranks in O(n log n) (Sun
and Xu 2014, IEEE Signal Processing Letters 21).

Rows must be independent: where leads of one account are alike, resample accounts instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from scoring_ml.statistics.interval import Z_95, Interval
from scoring_ml.statistics.samples import Floats, checked


def auc_variance(score: ArrayLike, won: ArrayLike) -> tuple[float, float]:
    """Return the AUC and DeLong's variance of it.

    The AUC is NaN with one class only or an unknown score, the variance with fewer than two wins or
    two losses. Both arrays have shape (n,); ``won`` is 1 or 0.

    >>> auc, variance = auc_variance([4, 3, 2, 1], [1, 0, 1, 0])
    >>> auc, round(variance, 6)
    (0.75, 0.125)
    """
    of_wins, of_losses = _placements(score, won)
    if of_wins.size == 0 or of_losses.size == 0 or np.isnan(of_wins).any():
        return float("nan"), float("nan")
    return float(of_wins.mean()), _variance(of_wins, of_losses)


def auc_interval(score: ArrayLike, won: ArrayLike) -> Interval:
    """Return the AUC with a 95 % interval, DeLong's on the logit scale.

    At an AUC of exactly 0 or 1 the variance is 0 and says nothing; the far end of the interval
    is then the AUC ``a`` at which k = min(wins, losses) independent pairs would all be in order
    with a chance of 2.5 %: ``a**k = 0.025``. This is too wide rather than too narrow.

    >>> auc_interval([5, 4, 3, 2, 1, 0], [1, 1, 1, 0, 0, 0])
    Interval(value=1.0, low=0.2924017738212866, high=1.0)
    """
    value, variance = auc_variance(score, won)
    if np.isnan(variance):
        return Interval(value, float("nan"), float("nan"))
    if value in (0.0, 1.0):
        wins = int(np.sum(np.asarray(won)))
        bound = 0.025 ** (1 / min(wins, np.size(won) - wins))
        return Interval(value, bound, 1.0) if value == 1.0 else Interval(value, 0.0, 1 - bound)
    middle = np.log(value / (1 - value))
    reach = Z_95 * np.sqrt(variance) / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(middle + np.array([-reach, reach]))))
    return Interval(value, float(low), float(high))


def auc_difference(a: ArrayLike, b: ArrayLike, won: ArrayLike) -> Interval:
    """Return ``AUC(a) - AUC(b)`` of two scores of the same leads, with DeLong's 95 % interval.

    It has no ends with fewer than two wins or losses, and where the variance is 0 although the AUC
    differ. Two scores of the same order differ by exactly 0.
    """
    wins_a, losses_a = _placements(a, won)
    wins_b, losses_b = _placements(b, won)
    nan = float("nan")
    if wins_a.size == 0 or losses_a.size == 0:
        return Interval(nan, nan, nan)
    value = float(wins_a.mean() - wins_b.mean())
    # Placements differ per lead, so the variance of a difference is that of the differences.
    variance = _variance(wins_a - wins_b, losses_a - losses_b)
    if np.isnan(value) or np.isnan(variance):
        return Interval(value, nan, nan)
    if variance <= 0.0:
        return Interval(0.0, 0.0, 0.0) if value == 0.0 else Interval(value, nan, nan)
    reach = Z_95 * float(np.sqrt(variance))
    return Interval(value, value - reach, value + reach)


def _placements(score: ArrayLike, won: ArrayLike) -> tuple[Floats, Floats]:
    """Return per win the share of losses below it, per loss the share of wins above it."""
    scores, wins = checked(score, won)
    above, below = scores[wins == 1], scores[wins == 0]
    if np.isnan(scores).any():
        return np.full(above.size, np.nan), np.full(below.size, np.nan)
    ranks = rankdata(np.concatenate([above, below]))
    m, n = above.size, below.size
    of_wins = (ranks[:m] - rankdata(above)) / n if n else np.empty(0)
    of_losses = 1 - (ranks[m:] - rankdata(below)) / m if m else np.empty(0)
    return of_wins, of_losses


def _variance(of_wins: Floats, of_losses: Floats) -> float:
    if of_wins.size < 2 or of_losses.size < 2:
        return float("nan")
    return float(of_wins.var(ddof=1) / of_wins.size + of_losses.var(ddof=1) / of_losses.size)
