"""A level that may drift from period to period: where it stands, and where it may go next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from scoring_ml.statistics.interval import Z_95
from scoring_ml.statistics.samples import Floats

_DRIFTS: Final = np.concatenate([[0.0], np.geomspace(0.02, 2.0, 24)])
"""Standard deviations of a move from one period to the next that are weighed against each other."""

_NO_DRIFT: Final = 0.3
"""Belief that nothing drifts, before any period is seen; the rest is half-normal."""

_DRIFT_SPREAD: Final = 0.3

_PERIODS_AHEAD: Final = 6
"""Periods over which the next level is averaged: those of a fifth of the leads."""


@dataclass(frozen=True)
class Level:
    """A level after the newest period.

    Parameters
    ----------
    value : float
        Where it stands.
    sd : float
        Standard deviation with which its mean over the next periods is known: the half width
        of the 95 % interval, divided by 1.96.
    """

    value: float
    sd: float


def next_level(levels: Floats, variances: Floats) -> Level:
    """Return where a level stands that was measured in periods, and how well it is known.

    The local level model (Durbin and Koopman 2012, *Time Series Analysis by State Space
    Methods*, chapter 2): the level takes a normal step from each period to the next, and is
    measured with a known variance. The size of the step is not estimated but averaged over, so
    that few periods give a wide interval.

    Parameters
    ----------
    levels, variances : array of float, shape (n,)
        Of each period, oldest first; n at least 1, variances positive.

    >>> one = next_level(np.array([-2.0]), np.array([0.01]))
    >>> four = next_level(np.array([-2.0, -1.9, -2.1, -2.0]), np.full(4, 0.01))
    >>> one.value, four.sd < one.sd
    (-2.0, True)
    """
    steps = _DRIFTS**2
    mean = np.full(len(steps), levels[0])
    variance = np.full(len(steps), variances[0])
    fit = np.log(_prior())
    for level, noise in zip(levels[1:], variances[1:], strict=True):
        ahead = variance + steps
        fit += norm.logpdf(level, mean, np.sqrt(ahead + noise))
        gain = ahead / (ahead + noise)
        mean, variance = mean + gain * (level - mean), ahead * (1 - gain)
    weight = np.exp(fit - fit.max())
    weight /= weight.sum()
    k = _PERIODS_AHEAD
    # A random walk averaged over its next k steps.
    spread = np.sqrt(variance + steps * (k + 1) * (2 * k + 1) / (6 * k))
    ends = [_quantile(share, weight, mean, spread) for share in (0.025, 0.975)]
    return Level(float(weight @ mean), (ends[1] - ends[0]) / (2 * Z_95))


def _prior() -> Floats:
    belief = norm.pdf(_DRIFTS, scale=_DRIFT_SPREAD) * np.gradient(_DRIFTS)
    belief[0] = 0.0
    belief *= (1 - _NO_DRIFT) / belief.sum()
    belief[0] = _NO_DRIFT
    return np.asarray(belief)


def _quantile(share: float, weight: Floats, mean: Floats, spread: Floats) -> float:
    """Return a quantile of a mixture of normal distributions."""
    ends = norm.ppf(share, mean, spread)
    low, high = float(ends.min()), float(ends.max())
    for _ in range(80):
        middle = 0.5 * (low + high)
        if weight @ ndtr((middle - mean) / spread) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
