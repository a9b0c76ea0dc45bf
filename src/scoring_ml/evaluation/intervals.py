"""Metrics of every candidate with 95 % intervals, and of every pair of candidates.

All candidates see the same resamples, so that a difference is paired: what two candidates have
in common - easy leads, a lucky window - cancels. A resample is a row of counts over leads, or
over accounts where leads of one account are alike; no lead is copied, each candidate is sorted
once, and many resamples are worked on at a time.

Intervals are percentiles of the resamples (2.5 % and 97.5 %). ROC AUC and its differences take
DeLong's instead where leads are independent, and ECE, which resampling inflates, is moved back by
the mean excess of its resamples. A metric that more than one resample in ten leaves
undefined gets no interval, nor does anything on fewer than 10 leads (or accounts): the data are
too few to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scoring_ml.statistics.delong import auc_difference, auc_interval
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.probability import (
    PROBABILITY,
    Promised,
    calibration_lines,
    logit,
    probability_metrics,
)
from scoring_ml.statistics.ranking import RANKING, Ranked, ranking_metrics
from scoring_ml.statistics.samples import Floats

FEWEST_UNITS: Final = 10
"""Leads (or accounts) below which nothing is resampled: their spread is not known."""

_THREADS: Final = 2
_CELLS_AT_A_TIME: Final = 262_144
_MOST_UNDEFINED: Final = 0.1


@dataclass(frozen=True)
class Predictions:
    """What one candidate says about the leads of a window.

    Parameters
    ----------
    logodds : array of shape (n,)
        Any number that puts the leads in order: log-odds, or the matrix's total.
    probability : array of shape (n,) or None
        Calibrated probabilities of a win; ``None`` where there are none, which makes every
        probability metric NaN.
    logodds_sd : float
        Standard deviation of a shift that the log-odds of leads to come have in common.
    """

    logodds: NDArray[np.float64]
    probability: NDArray[np.float64] | None = None
    logodds_sd: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """Metrics of all candidates and of all pairs of them.

    Parameters
    ----------
    metrics : mapping of str to mapping of str to Interval
        Kind of candidate, then name of metric.
    differences : mapping of (str, str) to mapping of str to Interval
        For each ordered pair (a, b) of kinds: metric of a minus metric of b.
    leads, wins : int
        What the window holds.
    replicates : int
        Number of resamples behind the intervals.
    """

    metrics: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[tuple[str, str], Mapping[str, Interval]]
    leads: int
    wins: int
    replicates: int


def bootstrap_metrics(
    won: ArrayLike,
    candidates: Mapping[str, Predictions],
    *,
    volumes: Mapping[str, float] | None = None,
    groups: ArrayLike | None = None,
    replicates: int = 400,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Return every metric of every candidate, and of every pair, with 95 % intervals.

    Parameters
    ----------
    won : array of shape (n,)
        1 or 0.
    candidates : mapping of str to Predictions
        By kind.
    volumes : mapping of str to float, optional
        Name of a metric -> number of leads handed over, such as ``{"wins_per_100": 312}``: the
        expected wins per 100 leads among that many highest. In a resample the same share of
        the leads is handed over. A volume of 0, or above n, makes the metric NaN.
    groups : array of shape (n,), optional
        Account of each lead; whole accounts are then resampled.
    replicates : int
        Number of resamples.
    seed : int
        The same seed and leads in the same order give the same intervals.
    progress : callable, optional
        Called with (resamples done, all resamples).

    Raises
    ------
    ValueError
        If arrays differ in length, or ``won`` holds anything but 0 and 1.
    """
    y = np.asarray(won, dtype=np.float64)
    shares = {name: n / y.size if y.size else np.nan for name, n in (volumes or {}).items()}
    names = (*RANKING, *shares, *PROBABILITY)
    judges = {kind: _Judge(p, y, shares) for kind, p in candidates.items()}
    ones = np.ones((1, y.size))
    points = {kind: judge(ones) for kind, judge in judges.items()}
    for kind, judge in judges.items():
        judge.start = (
            points[kind][names.index("calibration_intercept"), 0],
            points[kind][names.index("calibration_slope"), 0],
        )
    draws: dict[str, list[Floats]] = {kind: [] for kind in judges}
    done = 0
    with ThreadPoolExecutor(_THREADS) as threads:
        for weights in _resamples(y.size, groups, replicates, seed):
            found = threads.map(lambda judge, w=weights: judge(w), judges.values())
            for kind, values in zip(judges, found, strict=True):
                draws[kind].append(values)
            done += weights.shape[0]
            if progress is not None:
                progress(done, replicates)
    empty = np.full((len(names), 0), np.nan)
    drawn = {kind: np.hstack([empty, *parts]) for kind, parts in draws.items()}
    metrics = {kind: _intervals(names, points[kind][:, 0], drawn[kind]) for kind in judges}
    differences = {
        (a, b): _intervals(
            names, (points[a] - points[b])[:, 0], drawn[a] - drawn[b], difference=True
        )
        for a, b in permutations(judges, 2)
    }
    if groups is None:
        for kind in judges:
            metrics[kind]["roc_auc"] = auc_interval(candidates[kind].logodds, y)
        for a, b in differences:
            differences[a, b]["roc_auc"] = auc_difference(
                candidates[a].logodds, candidates[b].logodds, y
            )
    return Comparison(metrics, differences, y.size, int(y.sum()), replicates)


def auc_with_interval(
    score: ArrayLike,
    won: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Interval:
    """Return one ROC AUC with its 95 % interval, as :func:`bootstrap_metrics` would.

    Parameters
    ----------
    score : array of shape (n,)
    won : array of shape (n,)
        1 or 0.
    groups : array of shape (n,), optional
        Account of each lead; whole accounts are then resampled, else the interval is DeLong's.

    Returns
    -------
    Interval
        NaN with one class only; without ends where the leads are too few for them.

    Raises
    ------
    ValueError
        If arrays differ in length, or ``won`` holds anything but 0 and 1.
    """
    if groups is None:
        return auc_interval(score, won)
    ranked, n = Ranked(score, won), np.asarray(won).size

    def auc(weights: Floats) -> Floats:
        return ranking_metrics(ranked, weights)["roc_auc"][None, :]

    drawn = [auc(weights) for weights in _resamples(n, groups, replicates, seed)]
    values = auc(np.ones((1, n)))[:, 0]
    return _intervals(("roc_auc",), values, np.hstack([np.full((1, 0), np.nan), *drawn]))["roc_auc"]


class _Judge:
    """All metrics of one candidate for any rows of weights, sorted once."""

    def __init__(self, candidate: Predictions, won: Floats, shares: Mapping[str, float]) -> None:
        self.ranked = Ranked(candidate.logodds, won)
        self.won = won
        self.shares = shares
        p = candidate.probability
        self.promised = None if p is None else Promised(p, won)
        self.logit = None if p is None else logit(p)
        self.start: tuple[float, float] | None = None

    def __call__(self, weights: Floats) -> Floats:
        """Return the metrics, shape (metrics, rows of weights)."""
        metrics = ranking_metrics(self.ranked, weights, self.shares)
        if self.promised is None or self.logit is None:
            metrics |= {name: np.full(weights.shape[0], np.nan) for name in PROBABILITY}
        else:
            metrics |= probability_metrics(self.promised, weights)
            intercept, slope = calibration_lines(self.logit, self.won, weights, start=self.start)
            metrics |= {"calibration_slope": slope, "calibration_intercept": intercept}
        return np.stack([metrics[name] for name in (*RANKING, *self.shares, *PROBABILITY)])


def _resamples(n: int, groups: ArrayLike | None, replicates: int, seed: int) -> Iterator[Floats]:
    """Yield rows of counts, shape (some, n): how often each lead was drawn."""
    if n == 0:
        return
    rng = np.random.default_rng(seed)
    codes = None if groups is None else _codes(groups, n)
    units = n if codes is None else int(codes.max()) + 1
    if units < FEWEST_UNITS:
        return
    step = max(1, _CELLS_AT_A_TIME // n)
    for first in range(0, replicates, step):
        rows = min(step, replicates - first)
        drawn = rng.integers(0, units, size=(rows, units))
        drawn += units * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        weights = counts.astype(np.float64)
        yield weights if codes is None else weights[:, codes]


def _codes(groups: ArrayLike, n: int) -> NDArray[np.intp]:
    codes = pd.factorize(np.asarray(groups, dtype=object))[0]
    if codes.size != n:
        raise ValueError(f"groups must have one entry per lead. Got {codes.size} for {n} leads.")
    # Leads of unknown account are not one account.
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(int(unknown.sum()))
    return codes


def _intervals(
    names: tuple[str, ...], values: Floats, drawn: Floats, *, difference: bool = False
) -> dict[str, Interval]:
    # A resample adds its own noise to the distances that ECE takes the size of, so its ECE is
    # too large throughout; the resamples are moved back by their mean excess.
    shifted = {i for i, name in enumerate(names) if name == "ece" and not difference}
    known = ~np.isnan(drawn)
    enough = known.sum(axis=1) >= max(1.0, (1 - _MOST_UNDEFINED) * drawn.shape[1])
    enough &= ~np.isnan(values)
    ends = np.full((len(names), 2), np.nan)
    for i in np.flatnonzero(enough):
        sample = drawn[i, known[i]]
        if i in shifted:
            sample = np.maximum(sample - (sample.mean() - values[i]), 0.0)
        ends[i] = np.percentile(sample, (2.5, 97.5))
    return {
        name: Interval(float(value), float(low), float(high))
        for name, value, (low, high) in zip(names, values, ends, strict=True)
    }
