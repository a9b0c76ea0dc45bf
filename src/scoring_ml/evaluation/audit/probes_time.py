"""Rank correlations with time: with what happened after a lead was seen, and the calendar."""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.values.moments import Bools
from scoring_ml.evaluation.audit.probes_auc import Measured, as_numbers, value_codes
from scoring_ml.statistics.samples import Floats, Ints

_FEWEST_BLOCKS: Final = 3
"""Values that must each hold some rows; two may be a form that was changed once."""


def within_correlation(first: Floats, second: Floats, cells: Ints) -> Measured:
    """Correlate the ranks of two numbers among rows of the same cell.

    This is a partial rank correlation: what the cells are made of - the outcome, the period, what
    happened before - explains nothing of it. Ranks count from the middle of their cell, in units of
    its rows, so that every row weighs the same. All have shape (n,), without NaN; ties share their
    mean rank.

    >>> cells = np.array([0, 0, 1, 1])
    >>> round(within_correlation(np.array([1.0, 2, 11, 12]), np.array([5.0, 6, 1, 2]), cells).value)
    1
    """
    rows = np.bincount(cells, minlength=1)
    free = int((rows[rows > 0] - 1).sum())
    if not free:
        return Measured(float("nan"), float("nan"), 0.0)
    a, b = (
        (pd.Series(values).groupby(cells).rank().to_numpy() - (rows[cells] + 1) / 2) / rows[cells]
        for values in (first, second)
    )
    spread = sqrt(float(a @ a) * float(b @ b))
    value = float(a @ b) / spread if spread else float("nan")
    return Measured(value, 1 / sqrt(free), 0.0)


def runs_with_time(values: NDArray[Any], newer: Bools, *, seed: int = 0) -> float:
    """Tell how steadily a column runs along with time, as a counter does.

    A number that rises (or falls) through the older half of the rows *and* through the newer one is
    a counter or a date in disguise; an interest rate that rises first and falls later is not, nor
    is a form that was changed once. A word has no order, so that each word stands for the mean
    place of its rows, learned on one random half of the rows and looked up on the other.

    Parameters
    ----------
    values, newer : array, shape (n,)
        Oldest first, rows without a value do not count; the newer half.

    Returns
    -------
    float
        The smaller of the two rank correlations with the row's place, 0-1; 0 where they differ in
        sign, or a half has one value alone or fewer than three rows with one.
    """
    numbers = _mean_places(values, seed) if values.dtype == object else as_numbers(values)
    place = np.arange(len(values), dtype=np.float64)
    correlations = []
    for half in (~newer, newer):
        rows = half & np.isfinite(numbers)
        if rows.sum() < 3:
            return 0.0
        one = np.zeros(int(rows.sum()), dtype=np.int64)
        correlations.append(within_correlation(numbers[rows], place[rows], one).value)
    if np.isnan(correlations).any():
        return 0.0
    low, high = sorted(correlations)
    return float(max(low, -high, 0.0))


def _mean_places(words: NDArray[Any], seed: int) -> Floats:
    codes = value_codes(words)
    place = np.arange(len(codes), dtype=np.float64)
    half = np.random.default_rng(seed).integers(0, 2, len(codes))
    numbers = np.full(len(codes), np.nan)
    for side in (0, 1):
        learned = (half != side) & (codes >= 0)
        size = int(codes.max(initial=0)) + 1
        rows = np.bincount(codes[learned], minlength=size)
        total = np.bincount(codes[learned], weights=place[learned], minlength=size)
        at = (half == side) & (codes >= 0)
        at[at] = rows[codes[at]] > 0
        numbers[at] = total[codes[at]] / rows[codes[at]]
    return numbers


def in_blocks(codes: Ints) -> float:
    """Tell how much values stand in blocks of rows: neighbours that agree, beyond chance.

    1 where each value stands in one block, about 0 where they are mixed; 0 with fewer than three
    values that hold 1 % of the rows each. ``codes``, shape (n,), are distinct values in the order
    of time; -1 for missing, which does not count.

    >>> round(in_blocks(np.repeat([0, 1, 2], 100)), 2), round(in_blocks(np.arange(300) % 3), 2)
    (0.99, -0.5)
    """
    known = codes[codes >= 0]
    share = np.bincount(known, minlength=1) / max(len(known), 1)
    if np.sum(share >= 0.01) < _FEWEST_BLOCKS:
        return 0.0
    chance = float(share @ share)
    return float((np.mean(known[1:] == known[:-1]) - chance) / (1 - chance))
