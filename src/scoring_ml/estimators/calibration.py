r"""Affine calibration in log-odds (Platt), so that contributions stay additive.

The calibrated probability is ``sigmoid(slope * z + intercept + age)`` with ``z`` an estimator's
log-odds on leads that came later than those it was fitted on, and ``age`` what the age of a lead
adds, piecewise linear in ``log(1 + days)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import expit, log_expit, logit

from scoring_ml.statistics.drifting_level import next_level
from scoring_ml.statistics.interval import Z_95
from scoring_ml.statistics.samples import Floats, Ints

MIN_FOR_PROBABILITY: Final = 10
"""Fewer wins or losses than this among the blocks' leads: no probability."""

MIN_FOR_SLOPE: Final = 50
"""Fewer wins or losses than this: the slope is fixed at 1, only one intercept is fitted."""

AGE_SPREAD: Final = 0.5
"""Log-odds by which an age is believed to differ from the headline age, before any lead is seen:
the standard deviation of the normal prior that shrinks what an age adds."""

_NAN: Final = float("nan")


@dataclass(frozen=True)
class Calibration:
    """Slope and intercept in log-odds, and whether they may be trusted.

    Parameters
    ----------
    slope, intercept : float
        NaN where there is no probability.
    slope_low, slope_high : float
        95 % interval of the slope; both 1 where the slope is fixed.
    wins, losses : int
        Leads that it was fitted on.
    method : {"platt", "intercept_only", "none"}
    problem : str or None
        ``too_few`` (no probability) or ``slope_reaches_zero``; ``None`` when all is well.
    ages : tuple of float
        Ages in days, rising, at which it is known what an age adds; empty where leads have none.
    age_logodds : tuple of float
        What each of them adds; 0 at the headline age. Constant before the first and beyond the
        last.
    intercepts : tuple of float
        The intercept of each period on its own, oldest first; ``intercept`` is the newest one,
        shrunk towards those before it.
    intercept_sd : float
        Standard deviation with which the intercept of leads to come is known.
    """

    slope: float
    intercept: float
    slope_low: float
    slope_high: float
    wins: int
    losses: int
    method: str
    problem: str | None = None
    ages: tuple[float, ...] = ()
    age_logodds: tuple[float, ...] = ()
    intercepts: tuple[float, ...] = ()
    intercept_sd: float = 0.0

    @property
    def gives_probability(self) -> bool:
        """Whether a probability may be shown."""
        return self.problem is None

    def age_effect(self, age_days: Floats) -> Floats:
        """Return what ages add to log-odds, shape of ``age_days``; 0 for an unknown age."""
        if not self.ages:
            return np.zeros(np.shape(age_days))
        known = np.where(np.isnan(age_days), 0.0, age_days)
        added = np.interp(np.log1p(known), np.log1p(self.ages), self.age_logodds)
        return np.where(np.isnan(age_days), 0.0, added)

    def logodds(self, z: Floats, age_days: Floats | None = None) -> Floats:
        """Return calibrated log-odds, shape of ``z``, at given ages or at the headline age."""
        plain = self.slope * z + self.intercept
        return plain if age_days is None or not self.ages else plain + self.age_effect(age_days)

    def probability(self, z: Floats, age_days: Floats | None = None) -> Floats:
        """Return calibrated probabilities in (0, 1), shape of ``z``."""
        return np.asarray(expit(self.logodds(z, age_days)))

    def dump(self) -> dict[str, Any]:
        """Return JSON-ready values; what is not finite becomes ``None``."""
        return {
            name: None
            if isinstance(value, float) and not np.isfinite(value)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in vars(self).items()
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any]) -> Calibration:
        """Undo :meth:`dump`."""
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        numbers = ("slope", "intercept", "slope_low", "slope_high", "intercept_sd")
        missing = {name: _NAN for name in numbers if name in found and found[name] is None}
        return cls(**(found | missing))


def fit_calibration(
    z: Floats,
    won: Floats,
    *,
    period: Ints | None = None,
    weight: Floats | None = None,
    age_days: Floats | None = None,
    headline_age_days: float | None = None,
) -> Calibration:
    """Fit one slope, an intercept for each period, and what each age adds.

    Platt's targets, ``(wins + 1) / (wins + 2)`` and ``1 / (losses + 2)``, keep the fit finite
    when the classes are perfectly separated (Platt 1999, *Probabilistic outputs for support
    vector machines*). Periods of their own keep drift of the base rate out of the slope. The
    intercept for leads to come is that of a level that may drift from period to period
    (:func:`~scoring_ml.statistics.drifting_level.next_level`).

    Parameters
    ----------
    z, won : array of float, shape (n,)
        Log-odds (or any score of which a larger value should mean a likelier win) of leads that
        were predicted before their outcome was known; 1.0 won, 0.0 lost.
    period : array of int, shape (n,), or None
        Number of the period, rising with time; one period if None.
    weight : array of float, shape (n,), or None
        1 over the rows of a row's lead; 1 if None.
    age_days : array of float, shape (n,), or None
        Age at which the lead is seen.
    headline_age_days : float or None
        The age that adds 0; needed where rows have ages.

    Returns
    -------
    Calibration
        Under 10 wins or losses without probability; under 50 with the slope fixed at 1 and one
        intercept; with ``problem`` set when the 95 % interval of the slope reaches 0 (Wald).
    """
    weight = np.ones(len(z)) if weight is None else weight
    wins, losses = (round(float(weight[won == value].sum())) for value in (1.0, 0.0))
    if min(wins, losses) < MIN_FOR_PROBABILITY:
        return Calibration(_NAN, _NAN, _NAN, _NAN, wins, losses, "none", "too_few")
    target = np.where(won == 1.0, (wins + 1) / (wins + 2), 1 / (losses + 2))
    if min(wins, losses) < MIN_FOR_SLOPE:
        # The same fit with nothing but an intercept, which log-odds are moved by.
        fitted, cov = _fit(np.ones((len(z), 1)), target, weight, np.zeros(1), offset=z)
        level = next_level(fitted, cov[0])
        return Calibration(
            1.0, level.value, 1.0, 1.0, wins, losses, "intercept_only", intercept_sd=level.sd
        )
    number = np.zeros(len(z), np.int64) if period is None else period
    periods, number = np.unique(number, return_inverse=True)
    # Scores that differ between periods only tell nothing that their intercepts do not.
    means = np.bincount(number, z) / np.bincount(number)
    middle, spread = float(np.average(z, weights=weight)), float(np.std(z - means[number]))
    if not spread > 1e-12 * max(1.0, float(np.abs(z).max())):
        base = float(logit(np.average(target, weights=weight)))
        return Calibration(0.0, base, -np.inf, np.inf, wins, losses, "platt", "slope_reaches_zero")
    ages, at_ages = _age_columns(age_days, headline_age_days)
    design = np.column_stack([(z - middle) / spread, np.eye(len(periods))[number], *at_ages])
    penalty = np.zeros(design.shape[1])
    penalty[1 + len(periods) :] = AGE_SPREAD**-2
    fitted, cov = _fit(design, target, weight, penalty)
    slope, half = fitted[0] / spread, Z_95 * np.sqrt(cov[0, 0]) / spread
    of_periods = slice(1, 1 + len(periods))
    intercepts = fitted[of_periods] - slope * middle
    level = next_level(intercepts, np.diag(cov)[of_periods])
    added = fitted[1 + len(periods) :]
    place = 0 if headline_age_days is None else int(np.searchsorted(ages, headline_age_days))
    problem = "slope_reaches_zero" if slope - half <= 0 else None
    return Calibration(
        float(slope),
        level.value,
        float(slope - half),
        float(slope + half),
        wins,
        losses,
        "platt",
        problem,
        ages,
        tuple(np.insert(added, place, 0.0).tolist()) if ages else (),
        tuple(intercepts.tolist()),
        level.sd,
    )


def _age_columns(
    age_days: Floats | None, headline: float | None
) -> tuple[tuple[float, ...], list[Floats]]:
    """Return the ages, and for each but the headline which rows are of it; none for one age."""
    ages = () if age_days is None else tuple(np.unique(age_days).tolist())
    if len(ages) < 2 or headline not in ages:
        return (), []
    return ages, [np.asarray(age_days == age, np.float64) for age in ages if age != headline]


def _fit(
    design: Floats, target: Floats, weight: Floats, penalty: Floats, offset: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """Maximise the weighted binomial likelihood of ``target`` less ``penalty * x**2 / 2``.

    Newton with step halving. Returns the coefficients and the inverse of the information.
    """
    x = np.zeros(design.shape[1])

    def loss(x: Floats) -> float:
        f = design @ x + offset
        fit = target * log_expit(f) + (1 - target) * log_expit(-f)
        return -float(weight @ fit) + 0.5 * float(penalty @ x**2)

    current, information = loss(x), np.eye(len(x))
    for _ in range(100):
        p = expit(design @ x + offset)
        gradient = design.T @ (weight * (p - target)) + penalty * x
        information = (design * (weight * p * (1 - p))[:, None]).T @ design
        information += np.diag(penalty + 1e-10)
        step = np.linalg.solve(information, gradient)
        factor, trial = 1.0, np.inf
        while factor > 1e-8:
            trial = loss(x - factor * step)
            # Near the top the loss is flat to its last digits: rounding must not stop a step.
            if trial <= current + 1e-12 * (1.0 + abs(current)):
                break
            factor /= 2
        x = x - factor * step
        current = min(current, trial)
        if np.abs(factor * step).max() < 1e-11 * max(1.0, float(np.abs(x).max())):
            break
    return x, np.asarray(np.linalg.inv(information))
