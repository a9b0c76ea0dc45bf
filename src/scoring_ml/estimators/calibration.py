r"""Affine calibration in log-odds (Platt), so that contributions stay additive.

The calibrated probability is ``sigmoid(slope * z + intercept)`` with ``z`` an estimator's
log-odds on leads that came later than those it was fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from scoring_ml.statistics.interval import Z_95

MIN_FOR_PROBABILITY: Final = 10
"""Fewer wins or losses than this in the calibration window: no probability."""

MIN_FOR_SLOPE: Final = 50
"""Fewer wins or losses than this: the slope is fixed at 1, only the intercept is fitted."""


@dataclass(frozen=True)
class Calibration:
    """Slope and intercept in log-odds, and whether they may be trusted.

    Parameters
    ----------
    slope, intercept, slope_low, slope_high : float
        NaN where there is no probability; the 95 % interval of a fixed slope is 1 to 1.
    wins, losses : int
        Counts in the calibration window.
    method : {"platt", "intercept_only", "none"}
    problem : str or None
        ``too_few`` (no probability) or ``slope_reaches_zero``; ``None`` when all is well.
    """

    slope: float
    intercept: float
    slope_low: float
    slope_high: float
    wins: int
    losses: int
    method: str
    problem: str | None = None

    @property
    def gives_probability(self) -> bool:
        """Whether a probability may be shown."""
        return self.problem is None

    def logodds(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated log-odds, shape of ``z``."""
        return self.slope * z + self.intercept

    def probability(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated probabilities in (0, 1), shape of ``z``."""
        return np.asarray(expit(self.logodds(z)))

    def dump(self) -> dict[str, Any]:
        """Return JSON-ready values; what is not finite becomes ``None``."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any]) -> Calibration:
        """Undo :meth:`dump`."""
        numbers = ("slope", "intercept", "slope_low", "slope_high")
        missing = {name: float("nan") for name in numbers if content[name] is None}
        return cls(**(dict(content) | missing))


def fit_calibration(z: NDArray[np.float64], won: NDArray[np.float64]) -> Calibration:
    """Fit slope and intercept on a later window.

    Platt's targets, ``(wins + 1) / (wins + 2)`` and ``1 / (losses + 2)``, keep the fit finite when
    the classes are perfectly separated (Platt 1999, *Probabilistic outputs for support vector
    machines*). Under 10 wins or losses there is no probability; under 50 the slope is fixed at 1;
    ``problem`` is set when the 95 % interval of the slope reaches 0 (Wald).

    Parameters
    ----------
    z, won : array of float, shape (n,)
        Log-odds (or any score of which a larger value should mean a likelier win); 1.0 won, 0.0
        lost.
    """
    wins, losses = int(won.sum()), int(len(won) - won.sum())
    if min(wins, losses) < MIN_FOR_PROBABILITY:
        nan = float("nan")
        return Calibration(nan, nan, nan, nan, wins, losses, "none", "too_few")
    target = np.where(won == 1.0, (wins + 1) / (wins + 2), 1 / (losses + 2))
    if min(wins, losses) < MIN_FOR_SLOPE:
        intercept = _fit_intercept(z, target)
        return Calibration(1.0, intercept, 1.0, 1.0, wins, losses, "intercept_only")
    middle, spread = float(np.mean(z)), float(np.std(z))
    if not spread > 1e-12:
        base = float(logit(np.mean(target)))
        return Calibration(0.0, base, -np.inf, np.inf, wins, losses, "platt", "slope_reaches_zero")
    a, b, error = _fit_affine((z - middle) / spread, target)
    slope, half = a / spread, Z_95 * error / spread
    problem = "slope_reaches_zero" if slope - half <= 0 else None
    return Calibration(
        slope, b - slope * middle, slope - half, slope + half, wins, losses, "platt", problem
    )


def _fit_intercept(z: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Solve mean(sigmoid(z + b)) = mean(target) by Newton within a shrinking bracket."""
    wanted = float(target.mean())
    low = float(logit(wanted)) - float(z.max())
    high = float(logit(wanted)) - float(z.min())
    b = 0.5 * (low + high)
    for _ in range(200):
        p = expit(z + b)
        gap = float(p.mean()) - wanted
        low, high = (b, high) if gap < 0 else (low, b)
        step = float(np.mean(p * (1 - p)))
        newton = b - gap / step if step > 0 else np.inf
        previous, b = b, newton if low < newton < high else 0.5 * (low + high)
        if abs(b - previous) < 1e-13 * max(1.0, abs(b)):
            break
    return b


def _fit_affine(u: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float, float]:
    """Maximise the binomial likelihood of ``target`` under sigmoid(a u + b).

    Newton with step halving; ``u`` is standardised by the caller. Returns a, b and the standard
    error of a from the inverse information.
    """
    a, b = 0.0, float(logit(target.mean()))

    def loss(a: float, b: float) -> float:
        f = a * u + b
        return -float(np.sum(target * log_expit(f) + (1 - target) * log_expit(-f)))

    current = loss(a, b)
    information = np.eye(2)
    for _ in range(100):
        p = expit(a * u + b)
        gradient = np.array([np.sum((p - target) * u), np.sum(p - target)])
        w = p * (1 - p)
        information = np.array(
            [[np.sum(w * u * u), np.sum(w * u)], [np.sum(w * u), np.sum(w)]]
        ) + 1e-10 * np.eye(2)
        step = np.linalg.solve(information, gradient)
        factor = 1.0
        while factor > 1e-8:
            trial = loss(a - factor * step[0], b - factor * step[1])
            if trial <= current:
                break
            factor /= 2
        a, b = a - factor * step[0], b - factor * step[1]
        done = abs(current - trial) < 1e-12 * max(1.0, abs(current))
        current = min(current, trial)
        if done:
            break
    error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return float(a), float(b), error
