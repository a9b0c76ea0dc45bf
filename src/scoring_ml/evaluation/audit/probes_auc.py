"""Single-field AUC: how well one column tells won from lost, net of memory, time and chance.

Three things keep the numbers honest:

* *Held-out halves.* What a value says is learned on one half of the rows and measured on the
  other, so a column with a value per row scores 0.5 instead of 1.
* *Blocks of time.* Leads are compared with leads of the same tenth of the file, so that a column
  which only tells the period (an interest rate, the month) does not look like a leak.
* *Chance.* Each number comes with what chance alone would do, for files with few wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.values.moments import Bools
from scoring_ml.statistics.samples import Floats, Ints

_BINS: Final = 20
"""Quantile bins into which a number is cut where its values are looked up one by one."""

_PRIOR_ROWS: Final = 10.0
"""A value's rate is drawn towards the overall rate as if by so many more rows."""


@dataclass(frozen=True)
class Measured:
    """An AUC (0-1) or a rank correlation (-1 to 1) over comparisons within cells.

    Parameters
    ----------
    value : float
        NaN where nothing can be compared; of an AUC ties count half.
    chance : float
        Standard deviation of ``value`` if one said nothing of the other.
    nothing : float
        What ``value`` then is.
    """

    value: float
    chance: float
    nothing: float = 0.5

    def beyond_chance(self, z: float) -> bool:
        """Tell whether the value lies more than ``z`` standard deviations off nothing."""
        return bool(abs(self.value - self.nothing) > z * self.chance)


def time_blocks(n: int, *, minority: int, most: int = 10) -> Ints:
    """Return the block of time of each of ``n`` rows that stand oldest first, shape (n,).

    0 is the oldest. Blocks have equal counts, up to one. Each holds at least 30 rows, and 20 of the
    ``minority`` rows of the rarer class, on average.

    >>> time_blocks(100, minority=40).max(), time_blocks(100, minority=3).max()
    (np.int64(1), np.int64(0))
    """
    blocks = max(1, min(most, minority // 20, n // 30))
    return np.arange(n, dtype=np.int64) * blocks // max(n, 1)


def comparable(y: Floats, blocks: Ints) -> bool:
    """Tell whether blocks leave won and lost leads to compare.

    In a file sorted by outcome nearly every block is all won or all lost; comparing within
    blocks would then see nothing. At least half of the rows must stand in blocks with five or
    more of either class.
    """
    rows = np.bincount(blocks)
    wins = np.bincount(blocks, weights=y)
    mixed = np.minimum(wins, rows - wins) >= 5
    return bool(2 * rows[mixed].sum() >= len(y))


def within_auc(score: Floats, y: Floats, cells: Ints) -> Measured:
    """AUC over the pairs of a won and a lost lead of the same cell; all have shape (n,).

    With ``w`` wins, ``l`` losses and rank sum ``R`` of the wins in a cell, Mann and Whitney's ``U =
    R - w (w + 1) / 2``; the value is ``sum(U) / sum(w l)``. Under chance ``U`` has the variance ``w
    l (w + l + 1) / 12``.

    >>> within_auc(np.array([1.0, 2, 3, 4]), np.array([0.0, 0, 1, 1]), np.zeros(4, int)).value
    1.0
    """
    ranks = pd.Series(score).groupby(cells).rank().to_numpy()
    count = np.bincount(cells).astype(float)
    wins = np.bincount(cells, weights=y)
    above = np.bincount(cells, weights=ranks * y) - wins * (wins + 1) / 2
    pairs = wins * (count - wins)
    total = pairs.sum()
    if not total:
        return Measured(float("nan"), float("nan"))
    chance = sqrt(float((pairs * (count + 1)).sum()) / 12) / float(total)
    return Measured(float(above.sum() / total), chance)


def auc_error(auc: float, *, wins: float, losses: float) -> float:
    """Return the standard error of an AUC, by Hanley and McNeil (1982), formula 1.

    With ``Q1 = A / (2 - A)`` and ``Q2 = 2 A^2 / (1 + A)`` the variance is
    ``(A (1 - A) + (wins - 1)(Q1 - A^2) + (losses - 1)(Q2 - A^2)) / (wins losses)``.

    >>> auc_error(1.0, wins=20, losses=30), round(auc_error(0.9, wins=30, losses=30), 3)
    (0.0, 0.042)
    """
    q1, q2, square = auc / (2 - auc), 2 * auc**2 / (1 + auc), auc**2
    spread = auc * (1 - auc) + (wins - 1) * (q1 - square) + (losses - 1) * (q2 - square)
    return sqrt(max(spread, 0.0) / (wins * losses))


def value_codes(values: NDArray[Any], *, bins: int | None = None) -> Ints:
    """Return a whole number for each distinct value, shape (n,), -1 where it is missing.

    With ``bins``, numbers and dates are cut at so many quantiles, fewer where values repeat.
    """
    if bins is not None and values.dtype != object:
        numbers = as_numbers(values)
        filled = np.isfinite(numbers)
        codes = np.full(len(numbers), -1, dtype=np.int64)
        if filled.any():
            edges = np.unique(np.quantile(numbers[filled], np.arange(1, bins) / bins))
            codes[filled] = np.searchsorted(edges, numbers[filled], side="right")
        return codes
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def as_numbers(values: NDArray[Any]) -> Floats:
    """Return numbers as they are, and dates as days since 1970; NaN where missing."""
    if values.dtype.kind != "M":
        return np.asarray(values, dtype=np.float64)
    days = (values - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    return np.where(np.isnat(values), np.nan, days).astype(np.float64)


def single_field_auc(values: NDArray[Any], y: Floats, blocks: Ints, *, seed: int = 0) -> Measured:
    """How well one column alone tells won from lost, on rows it was not learned on.

    Half of the rows, drawn by ``seed``, give each value its rate of wins (numbers in 20 quantile
    bins), the other half is scored with it, and the other way round. A number is also read as it
    stands, rising or falling as in the other half; the better reading counts. Missing is a value
    like others.

    Only leads of the same block are compared; with blocks of zeros all are. All have shape (n,).
    """
    half = np.random.default_rng(seed).integers(0, 2, len(y))
    cells = 2 * blocks + half
    codes = value_codes(values, bins=_BINS)
    best = within_auc(_held_out_rates(codes, y, half), y, cells)
    if values.dtype == object:
        return best
    numbers = as_numbers(values)
    if not np.isfinite(numbers).all():
        return best
    score = np.empty(len(y))
    for side in (0, 1):
        learned, scored = half != side, half == side
        rises = within_auc(numbers[learned], y[learned], blocks[learned]).value >= 0.5
        score[scored] = numbers[scored] if rises else -numbers[scored]
    plain = within_auc(score, y, cells)
    return plain if plain.value > best.value else best


def _held_out_rates(codes: Ints, y: Floats, half: Ints) -> Floats:
    shifted = codes - codes.min()
    size = int(shifted.max()) + 1
    rates = np.empty(len(y))
    for side in (0, 1):
        learned, scored = half != side, half == side
        prior = y[learned].mean() if learned.any() else 0.0
        wins = np.bincount(shifted[learned], weights=y[learned], minlength=size)
        rows = np.bincount(shifted[learned], minlength=size)
        rates[scored] = ((wins + _PRIOR_ROWS * prior) / (rows + _PRIOR_ROWS))[shifted[scored]]
    return rates


def presence_auc(filled: Bools, y: Floats, blocks: Ints) -> tuple[Measured, bool]:
    """How well it tells won from lost that a column is filled at all, at least 0.5.

    Also whether won leads have it filled more often.
    """
    auc = within_auc(filled.astype(float), y, blocks)
    return Measured(max(auc.value, 1 - auc.value), auc.chance), auc.value >= 0.5
