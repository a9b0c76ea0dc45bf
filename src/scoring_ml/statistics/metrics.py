"""How good a ranking and a probability are: each metric defined once, with weights.

Two families. *Ranking* metrics need only an order of the leads (log-odds, points, a total);
*probability* metrics need calibrated probabilities. Every metric takes non-negative weights, so
that a bootstrap resample is nothing but a row of counts; :func:`ranking_metrics` and
:func:`probability_metrics` work on many such rows at once, and the functions with one metric's
name are their single-row form.

A metric that is undefined - no leads, no wins, one class only - is NaN, never 0 and never an
exception. Equal scores have no order among themselves: they enter ROC AUC as half, average
precision as one threshold, and lift, captured wins and wins per 100 by the expectation over all
orders of the tied leads. The top 5 % of 50 leads are 2.5 leads: the third counts half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TOP_PERCENT: Final = (5, 10, 20, 30)
"""Shares of the leads, in per cent, at which lift and captured wins are taken."""

RANKING: Final = (
    "roc_auc",
    "pr_auc",
    *(f"lift_{percent}" for percent in TOP_PERCENT),
    *(f"captured_{percent}" for percent in TOP_PERCENT),
)
"""Metrics of an order."""

PROBABILITY: Final = ("log_loss", "brier", "ece", "calibration_slope", "calibration_intercept")
"""Metrics of a probability."""

SMALLER_IS_BETTER: Final = frozenset({"log_loss", "brier", "ece"})
"""Metrics of which the smaller value is the better one."""

_BINS: Final = 10
_CLIP: Final = 1e-15
_NEWTON_STEPS: Final = 60
_LONGEST_STEP: Final = 2.0


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; any of the three may be NaN.

    Parameters
    ----------
    value : float
        The estimate on the data themselves.
    low, high : float
        Ends of the interval, both included.
    """

    value: float
    low: float
    high: float

    def excludes(self, number: float) -> bool:
        """Whether the interval is known and leaves the number out.

        >>> Interval(2.0, 1.0, 3.0).excludes(0.0), Interval(2.0, -1.0, 3.0).excludes(0.0)
        (True, False)
        >>> Interval(2.0, float("nan"), float("nan")).excludes(0.0)
        False
        """
        return bool(self.low > number or self.high < number)


class Ranked:
    """Leads put in falling order of score, equal scores kept together.

    Parameters
    ----------
    score : array of shape (n,)
        The higher, the more promising.
    won : array of shape (n,)
        1 or 0.

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
        """Return the weight of wins and of leads at every distinct score.

        Parameters
        ----------
        weights : array of shape (r, n)

        Returns
        -------
        (array of shape (r, g), array of shape (r, g))
            Wins and leads at each of the g distinct scores, highest score first.
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
    ranked : Ranked
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
    found: dict[str, Floats] = {}
    # A win beats every loss of a lower score, and half of those of its own score.
    lost = leads - wins
    lost_below = all_lost[:, None] - (leads_to - wins_to)
    found["roc_auc"] = _ratio((wins * (lost_below + lost / 2)).sum(axis=1), all_wins * all_lost)
    precision = _ratio(wins_to, leads_to, empty=0.0)
    found["pr_auc"] = _ratio((wins * precision).sum(axis=1), all_wins)
    for name, share in shares.items():
        top = _wins_among_top(wins, leads, wins_to, leads_to, share * all_leads)
        captured = _ratio(top, all_wins)
        found[name] = captured
        found[name.replace("captured", "lift")] = captured / share
    result = {name: np.where(both, found[name], np.nan) for name in RANKING}
    for name, share in volumes.items():
        if 0 < share <= 1:
            handed = share * all_leads
            top = _wins_among_top(wins, leads, wins_to, leads_to, handed)
            result[name] = 100 * _ratio(top, handed)
        else:
            result[name] = np.full(weights.shape[0], np.nan)
    return result


def probability_metrics(
    probability: ArrayLike, won: ArrayLike, weights: Floats
) -> dict[str, Floats]:
    """Return all probability metrics but slope and intercept for every row of weights.

    *ECE*: leads are put into 10 bins of equal count by probability, equal probabilities in one
    bin (that of the middle of their ranks); the mean over leads of the distance between a bin's
    mean probability and its share of wins.

    Returns
    -------
    dict of str to array of shape (r,)
        ``log_loss``, ``brier``, ``ece``.
    """
    p, y = checked(probability, won)
    if p.size == 0 or np.isnan(p).any():
        return {name: np.full(weights.shape[0], np.nan) for name in PROBABILITY[:3]}
    inside = np.clip(p, _CLIP, 1 - _CLIP)
    loss = -np.where(y == 1, np.log(inside), np.log1p(-inside))
    total = weights.sum(axis=1)
    means = _ratio(weights @ np.column_stack([loss, (p - y) ** 2]), total[:, None])
    ranked = Ranked(p, y)
    wins, leads = ranked.tallies(weights)
    middle = np.cumsum(leads, axis=1) - leads / 2
    place = np.floor(_BINS * _ratio(middle, total[:, None], empty=0.0)).astype(np.intp)
    place = np.clip(place, 0, _BINS - 1) + _BINS * np.arange(weights.shape[0])[:, None]
    excess = np.bincount(
        place.ravel(),
        weights=(leads * ranked.top - wins).ravel(),
        minlength=_BINS * weights.shape[0],
    )
    ece = _ratio(np.abs(excess.reshape(-1, _BINS)).sum(axis=1), total)
    return {"log_loss": means[:, 0], "brier": means[:, 1], "ece": ece}


def calibration_lines(
    logodds: ArrayLike,
    won: ArrayLike,
    weights: Floats,
    *,
    start: tuple[float, float] | None = None,
) -> tuple[Floats, Floats]:
    """Fit ``logit P(won) = intercept + slope * logodds`` by Newton's method, row by row.

    Slope 1 and intercept 0 mean calibrated; a slope below 1 means probabilities that are too
    far apart, above 1 too close together. (Cox 1958, "Two further applications of a model for
    binary regression", Biometrika 45.)

    Parameters
    ----------
    logodds : array of shape (n,)
        Logit of the predicted probability.
    won : array of shape (n,)
    weights : array of shape (r, n)
    start : (intercept, slope), optional
        Where to begin, such as the fit on the data themselves; makes the resamples quick.

    Returns
    -------
    (array of shape (r,), array of shape (r,))
        Intercepts and slopes; NaN where no finite maximum exists: one class only, one value of
        ``logodds`` only, or a threshold that separates wins from losses.
    """
    z, y = checked(logodds, won)
    rows = weights.shape[0]
    lines = np.full((rows, 2), np.nan)
    spread = float(np.std(z)) if z.size else 0.0
    if not np.isfinite(spread) or spread <= 1e-12 * (1 + float(np.abs(z).max(initial=0.0))):
        return lines[:, 0], lines[:, 1]
    middle = float(np.mean(z))
    x = (z - middle) / spread
    wins, total = weights @ y, weights.sum(axis=1)
    todo = np.flatnonzero((wins > 0) & (wins < total))
    if start is not None and np.isfinite(start).all():
        begin = np.tile([start[0] + start[1] * middle, start[1] * spread], (todo.size, 1))
    else:
        share = wins[todo] / total[todo]
        begin = np.column_stack([np.log(share / (1 - share)), np.zeros(todo.size)])
    current = begin
    basis = np.column_stack([np.ones_like(x), x, x * x])
    for _ in range(_NEWTON_STEPS):
        if todo.size == 0:
            break
        w = weights[todo]
        # All rows share their first point when started warm: one curve serves them all.
        shared = bool((current == current[0]).all())
        p = _sigmoid((current[:1] if shared else current) @ basis[:, :2].T)
        if shared:
            gradient = w @ (basis[:, :2] * (y - p[0])[:, None])
            h = w @ (basis * (p[0] * (1 - p[0]))[:, None])
        else:
            gradient = (w * (y - p)) @ basis[:, :2]
            h = (w * p * (1 - p)) @ basis
        determinant = h[:, 0] * h[:, 2] - h[:, 1] ** 2
        fine = determinant > 1e-10 * h[:, 0] * h[:, 2]
        todo, current, gradient = todo[fine], current[fine], gradient[fine]
        h, determinant = h[fine], determinant[fine]
        step = np.column_stack(
            [
                h[:, 2] * gradient[:, 0] - h[:, 1] * gradient[:, 1],
                h[:, 0] * gradient[:, 1] - h[:, 1] * gradient[:, 0],
            ]
        )
        step = step / determinant[:, None]
        longest = np.abs(step).max(axis=1, initial=_LONGEST_STEP, keepdims=True)
        step = step * (_LONGEST_STEP / longest)
        current = current + step
        done = np.abs(step).max(axis=1, initial=0.0) < 1e-7
        slopes = current[done, 1] / spread
        lines[todo[done]] = np.column_stack([current[done, 0] - slopes * middle, slopes])
        todo, current = todo[~done], current[~done]
    return lines[:, 0], lines[:, 1]


def roc_auc(score: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the chance that a win scores above a loss, ties counting half.

    >>> roc_auc([3, 2, 2, 1], [1, 1, 0, 0])
    0.875
    """
    return _ranking(score, won, weights, "roc_auc")


def pr_auc(score: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the average precision: precision at each distinct score, weighted by its wins."""
    return _ranking(score, won, weights, "pr_auc")


def lift(score: ArrayLike, won: ArrayLike, percent: int, weights: ArrayLike | None = None) -> float:
    """Return how many times more wins the top ``percent`` % hold than as many random leads.

    Raises
    ------
    ValueError
        If ``percent`` is not one of :data:`TOP_PERCENT`.
    """
    return _ranking(score, won, weights, f"lift_{percent}")


def captured(
    score: ArrayLike, won: ArrayLike, percent: int, weights: ArrayLike | None = None
) -> float:
    """Return the share of all wins that the top ``percent`` % of the leads hold.

    Raises
    ------
    ValueError
        If ``percent`` is not one of :data:`TOP_PERCENT`.
    """
    return _ranking(score, won, weights, f"captured_{percent}")


def wins_per_100(score: ArrayLike, won: ArrayLike, n: float) -> float:
    """Return the expected wins per 100 leads among the ``n`` highest scores.

    Where the n-th place lies within equal scores, the expectation over their orders is taken.

    >>> wins_per_100([9, 5, 5, 1], [1, 1, 0, 0], 2)
    75.0
    """
    scores, wins = checked(score, won)
    share = n / scores.size if scores.size else np.nan
    weights = np.ones((1, scores.size))
    return float(ranking_metrics(Ranked(scores, wins), weights, {"at": share})["at"][0])


def log_loss(probability: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean of ``-log`` of the probability given to what happened (nats)."""
    return _probability(probability, won, weights, "log_loss")


def brier(probability: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean squared distance between probability and outcome."""
    return _probability(probability, won, weights, "brier")


def ece(probability: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the expected calibration error; see :func:`probability_metrics`."""
    return _probability(probability, won, weights, "ece")


def calibration_line(
    logodds: ArrayLike, won: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Return intercept and slope of the logistic recalibration; see :func:`calibration_lines`."""
    intercept, slope = calibration_lines(logodds, won, _row(weights, won))
    return float(intercept[0]), float(slope[0])


def logit(probability: ArrayLike) -> Floats:
    """Return log-odds of probabilities, finite also at 0 and 1."""
    p = np.clip(np.asarray(probability, dtype=np.float64), _CLIP, 1 - _CLIP)
    return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)


def checked(score: ArrayLike, won: ArrayLike) -> tuple[Floats, Floats]:
    """Return scores and outcomes as float64.

    Raises
    ------
    ValueError
        If they differ in length, or ``won`` holds anything but 0 and 1.
    """
    scores = np.asarray(score, dtype=np.float64)
    wins = np.asarray(won, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != wins.shape:
        raise ValueError(
            f"score and won must be of one length. Got shapes {scores.shape} and {wins.shape}."
        )
    if not np.isin(wins, (0.0, 1.0)).all():
        raise ValueError("won must hold 0 and 1 only. Got other values.")
    return scores, wins


def _row(weights: ArrayLike | None, won: ArrayLike) -> Floats:
    n = np.asarray(won).size
    row = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if row.shape != (n,) or (row < 0).any() or not np.isfinite(row).all():
        raise ValueError("weights must be one finite number of at least 0 per lead.")
    return row[None, :]


def _ranking(score: ArrayLike, won: ArrayLike, weights: ArrayLike | None, name: str) -> float:
    if name not in RANKING:
        raise ValueError(f"percent must be one of {TOP_PERCENT}. Got {name.split('_')[1]}.")
    return float(ranking_metrics(Ranked(score, won), _row(weights, won))[name][0])


def _probability(p: ArrayLike, won: ArrayLike, weights: ArrayLike | None, name: str) -> float:
    return float(probability_metrics(p, won, _row(weights, won))[name][0])


def _sigmoid(z: Floats) -> Floats:
    # Beyond 35 the result is 0 or 1 in float64; the bound keeps exp from overflowing.
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -35, 35))), dtype=np.float64)


def _ratio(above: Floats, below: Floats, *, empty: float = np.nan) -> Floats:
    out = np.full(np.broadcast_shapes(above.shape, below.shape), empty)
    np.divide(above, below, out=out, where=np.broadcast_to(below > 0, out.shape))
    return out


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
    part = _ratio(n - before, leads[row, at], empty=0.0)
    missed: Floats = wins[row, at] * (1 - np.clip(part, 0.0, 1.0))
    found: Floats = wins_to[row, at] - missed
    return found
