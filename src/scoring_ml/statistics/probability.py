"""Metrics of a probability: log loss, Brier score, calibration error and calibration line.

Like those of a ranking, they take many rows of non-negative weights at once, and are NaN where
they are undefined.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scoring_ml.statistics.ranking import Ranked
from scoring_ml.statistics.samples import Floats, checked, ratio

PROBABILITY: Final = ("log_loss", "brier", "ece", "calibration_slope", "calibration_intercept")
"""Metrics of a probability."""

_BINS: Final = 10
_CLIP: Final = 1e-15
_NEWTON_STEPS: Final = 60
_LONGEST_STEP: Final = 2.0


class Promised:
    """Probabilities and outcomes, each of shape (n,), ordered once for all rows of weights."""

    def __init__(self, probability: ArrayLike, won: ArrayLike) -> None:
        p, y = checked(probability, won)
        self.ranked = Ranked(p, y)
        inside = np.clip(p, _CLIP, 1 - _CLIP)
        loss = -np.where(y == 1, np.log(inside), np.log1p(-inside))
        self.losses = np.column_stack([loss, (p - y) ** 2])


def probability_metrics(promised: Promised, weights: Floats) -> dict[str, Floats]:
    """Return all probability metrics but slope and intercept for every row of weights.

    *ECE*: leads are put into 10 bins of equal count by probability, equal probabilities in one
    bin (that of the middle of their ranks); the mean over leads of the distance between a bin's
    mean probability and its share of wins.

    Returns
    -------
    dict of str to array of shape (r,)
        ``log_loss``, ``brier``, ``ece``.
    """
    ranked = promised.ranked
    if not ranked.known or weights.shape[1] == 0:
        return {name: np.full(weights.shape[0], np.nan) for name in PROBABILITY[:3]}
    total = weights.sum(axis=1)
    means = ratio(weights @ promised.losses, total[:, None])
    wins, leads = ranked.tallies(weights)
    middle = np.cumsum(leads, axis=1) - leads / 2
    place = np.floor(_BINS * ratio(middle, total[:, None], empty=0.0)).astype(np.intp)
    place = np.clip(place, 0, _BINS - 1) + _BINS * np.arange(weights.shape[0])[:, None]
    excess = np.bincount(
        place.ravel(),
        weights=(leads * ranked.top - wins).ravel(),
        minlength=_BINS * weights.shape[0],
    )
    ece = ratio(np.abs(excess.reshape(-1, _BINS)).sum(axis=1), total)
    return {"log_loss": means[:, 0], "brier": means[:, 1], "ece": ece}


def calibration_lines(
    logodds: ArrayLike, won: ArrayLike, weights: Floats, *, start: tuple[float, float] | None = None
) -> tuple[Floats, Floats]:
    """Fit ``logit P(won) = intercept + slope * logodds`` by Newton's method, row by row.

    Slope 1 and intercept 0 mean calibrated; a slope below 1 means probabilities that are too far
    apart, above 1 too close together. (Cox 1958, "Two further applications of a model for binary
    regression", Biometrika 45.)

    Parameters
    ----------
    logodds, won : array of shape (n,)
        Logit of the predicted probability; 1 or 0.
    weights : array of shape (r, n)
    start : (intercept, slope), optional
        Where to begin, such as the fit on the data themselves; makes the resamples quick.

    Returns
    -------
    intercepts, slopes : array of shape (r,)
        NaN where no finite maximum exists: one class only, one value of ``logodds`` only, or a
        threshold that separates wins from losses.
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


def logit(probability: ArrayLike) -> Floats:
    """Return log-odds of probabilities, finite also at 0 and 1."""
    p = np.clip(np.asarray(probability, dtype=np.float64), _CLIP, 1 - _CLIP)
    return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)


def _sigmoid(z: Floats) -> Floats:
    # Beyond 35 the result is 0 or 1 in float64; the bound keeps exp from overflowing.
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -35, 35))), dtype=np.float64)
