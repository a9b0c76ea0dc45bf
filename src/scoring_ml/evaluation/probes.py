"""Numbers behind the leak audit: what each column tells of the outcome, and how it was filled.

A probe looks at values only, never at a column's name. Three things keep the numbers honest:

* *Held-out halves.* What a value says is learned on one half of the rows and measured on the
  other, so a column with a value per row scores 0.5 instead of 1.
* *Blocks of time.* Leads are compared with leads of the same tenth of the file, so that a column
  which only tells the period (an interest rate, the month) does not look like a leak.
* *Chance.* Each number comes with what chance alone would do, for files with few wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_BINS: Final = 20
"""Quantile bins into which a number is cut where its values are looked up one by one."""

_PRIOR_ROWS: Final = 10.0
"""A value's rate is drawn towards the overall rate as if by so many more rows."""


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve over comparisons within cells.

    Parameters
    ----------
    value : float
        Share of (won, lost) pairs in the right order, 0-1, ties half; NaN without a pair.
    chance : float
        Standard deviation of ``value`` if the score said nothing.
    """

    value: float
    chance: float

    def beyond_chance(self, z: float) -> bool:
        """Tell whether the value lies more than ``z`` standard deviations above 0.5."""
        return bool(self.value > 0.5 + z * self.chance)


@dataclass(frozen=True)
class OneSided:
    """Rows of one value of which nearly all had the same outcome.

    Parameters
    ----------
    code : int
        The value's code; -1 for "not filled".
    rows, wins : int
    expected : float
        Wins among so many rows of the same blocks of time.
    odds : float
        Odds of the frequent class here, divided by its expected odds; half a row is added to
        either class here, so that it is finite.
    chance : float
        Probability of so many rows of that class, or more, at the expected rate.
    """

    code: int
    rows: int
    wins: int
    expected: float
    odds: float
    chance: float

    @property
    def won(self) -> bool:
        """Whether the frequent class is "won"."""
        return 2 * self.wins >= self.rows

    @property
    def share(self) -> float:
        """Share of the frequent class, 0.5-1."""
        return max(self.wins, self.rows - self.wins) / self.rows


def time_blocks(n: int, *, rarer: int, most: int = 10) -> Ints:
    """Return the block of time of each of ``n`` rows that stand oldest first.

    Parameters
    ----------
    n : int
    rarer : int
        Rows of the rarer class; a block holds at least 20 of them, and 30 rows, on average.
    most : int
        Largest number of blocks.

    Returns
    -------
    array of int, shape (n,)
        0 for the oldest; equal counts, up to one.

    >>> time_blocks(100, rarer=40).max(), time_blocks(100, rarer=3).max()
    (np.int64(1), np.int64(0))
    """
    blocks = max(1, min(most, rarer // 20, n // 30))
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


def within_auc(score: Floats, y: Floats, cells: Ints) -> Auc:
    """AUC over the pairs of a won and a lost lead of the same cell.

    With ``w`` wins, ``l`` losses and rank sum ``R`` of the wins in a cell, Mann and Whitney's
    ``U = R - w (w + 1) / 2``; the value is ``sum(U) / sum(w l)``. Under chance ``U`` has the
    variance ``w l (w + l + 1) / 12``.

    Parameters
    ----------
    score, y : array of float, shape (n,)
        ``y`` is 1 won, 0 lost.
    cells : array of int, shape (n,)

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
        return Auc(float("nan"), float("nan"))
    chance = sqrt(float((pairs * (count + 1)).sum()) / 12) / float(total)
    return Auc(float(above.sum() / total), chance)


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
    """Return a whole number for each distinct value, -1 where it is missing.

    Parameters
    ----------
    values : array, shape (n,)
        ``float64``, ``datetime64`` or objects.
    bins : int or None
        Cut numbers and dates at so many quantiles (fewer where values repeat); each distinct
        value on its own if None.
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


def single_field_auc(values: NDArray[Any], y: Floats, blocks: Ints, *, seed: int = 0) -> Auc:
    """How well one column alone tells won from lost, on rows it was not learned on.

    Half of the rows, drawn by ``seed``, give each value its rate of wins (numbers in 20
    quantile bins), the other half is scored with it, and the other way round. A number is also
    read as it stands, rising or falling as in the other half; the better reading counts.
    Missing is a value like others.

    Parameters
    ----------
    values : array, shape (n,)
    y : array of float, shape (n,)
        1 won, 0 lost.
    blocks : array of int, shape (n,)
        Only leads of the same block are compared; all zeros for one AUC over all.
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


def presence_auc(filled: Bools, y: Floats, blocks: Ints) -> tuple[Auc, bool]:
    """How well it tells won from lost that a column is filled at all.

    Returns
    -------
    auc : Auc
        At least 0.5.
    more_among_won : bool
        Whether won leads have it filled more often.
    """
    auc = within_auc(filled.astype(float), y, blocks)
    return Auc(max(auc.value, 1 - auc.value), auc.chance), auc.value >= 0.5


def one_sided_values(codes: Ints, y: Floats, blocks: Ints, *, rows: float) -> tuple[OneSided, ...]:
    """Look at each value with enough rows for how one-sided its outcomes are.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Distinct values; -1 is looked at like any other.
    y : array of float, shape (n,)
    blocks : array of int, shape (n,)
        The expected wins of a row are its block's rate.
    rows : float
        Fewest rows of a value.

    Returns
    -------
    tuple of OneSided
        Every value with at least so many rows.
    """
    from scipy.stats import binom

    size = np.bincount(blocks)
    rate = np.bincount(blocks, weights=y) / np.maximum(size, 1)
    shifted = codes + 1
    count = np.bincount(shifted)
    wins = np.bincount(shifted, weights=y)
    expected = np.bincount(shifted, weights=rate[blocks])
    found = []
    for code in np.flatnonzero(count >= rows):
        n, w, e = int(count[code]), round(float(wins[code])), float(expected[code])
        won = 2 * w >= n
        usual = e / n if won else 1 - e / n
        frequent = w if won else n - w
        here = (frequent + 0.5) / (n - frequent + 0.5)
        odds = here * (1 - usual) / usual if 0 < usual < 1 else 0.0
        chance = float(binom.sf(frequent - 1, n, usual))
        found.append(OneSided(int(code) - 1, n, w, e, odds, chance))
    return tuple(found)


def fill_swing(filled: Bools, blocks: Ints) -> float:
    """Largest minus smallest share of filled rows among the blocks of time, 0-1.

    A field of a form is filled at much the same rate all along; one that a tool or a person
    fills in later, in batches or for a while, swings.
    """
    shares = np.bincount(blocks, weights=filled) / np.bincount(blocks)
    return float(shares.max() - shares.min())


@dataclass(frozen=True)
class Ripening:
    """How much rarer a value is among the newest leads than it ever was before.

    Parameters
    ----------
    ratio : float
        Share in the newest block divided by the smallest share in an earlier one.
    code : int
        The value's code.
    newest, before : float
        The two shares.
    chance : float
        Probability of so few rows in the newest block, or fewer, at the share before.
    """

    ratio: float
    code: int
    newest: float
    before: float
    chance: float


def ripening(codes: Ints, blocks: Ints, *, share: float) -> Ripening | None:
    """Find the value that is rarest among the newest leads, measured by what it was before.

    What leads collect while they are worked on - an e-mail opened, a message sent - is common
    among older leads of every period and still rare among the newest.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Distinct values; -1 for missing, which is not looked at.
    blocks : array of int, shape (n,)
        At least three blocks, the last the newest.
    share : float
        Only values are looked at that held at least this share of every earlier block.

    Returns
    -------
    Ripening or None
        None where no value is common enough, or there are fewer than three blocks.
    """
    from scipy.stats import binom

    counts = np.zeros((int(blocks.max()) + 1, int(codes.max()) + 2))
    np.add.at(counts, (blocks, codes + 1), 1.0)
    rows = counts.sum(axis=1)
    before = (counts[:-1] / rows[:-1, None]).min(axis=0, initial=1.0)
    lasting = np.flatnonzero(before[1:] >= share) + 1
    if len(counts) < 3 or not len(lasting):
        return None
    newest = counts[-1] / rows[-1]
    at = int(lasting[(newest[lasting] / before[lasting]).argmin()])
    chance = float(binom.cdf(counts[-1, at], rows[-1], before[at]))
    ratio = float(newest[at] / before[at])
    return Ripening(ratio, at - 1, float(newest[at]), float(before[at]), chance)


def fill_agreement(first: Bools, second: Bools) -> float:
    """Correlation (phi) of two columns being filled, -1 to 1; 0 if either never varies."""
    if first.all() or second.all() or not first.any() or not second.any():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def sample_rows(y: Floats, *, most: int, seed: int = 0) -> Ints:
    """Return at most ``most`` rows, in order; the rarer class keeps up to half of them.

    AUC does not depend on the share of wins, so this costs precision, not truth.
    """
    rows = np.arange(len(y))
    if len(y) <= most:
        return rows
    rng = np.random.default_rng(seed)
    rarer, other = sorted((rows[y == 1], rows[y == 0]), key=len)
    kept = rng.permutation(rarer)[: most // 2]
    return np.sort(np.concatenate([kept, rng.permutation(other)[: most - len(kept)]]))


def gains(
    codes: Mapping[str, Ints],
    y: Floats,
    blocks: Ints,
    *,
    others: Sequence[str],
    seed: int = 0,
    folds: int = 5,
    ridge: float = 5.0,
    most_values: int = 12,
) -> dict[str, tuple[float, float]]:
    """Measure what each column adds to a model on the others, and what the model then reaches.

    The model is a ridge regression of the outcome on one indicator per value (the most frequent
    ones, "other" and "missing") and per block of time; it is learned on all folds but one and
    scored on that one. A column is taken out of a fitted model in closed form: with ``P`` the
    inverse of the penalised cross-products and ``c`` its indicators, the coefficients without it
    are ``w - P[:, c] P[c, c]^-1 w[c]``.

    Parameters
    ----------
    codes : mapping of column name to array of int, shape (n,)
        Values, or bins of them; -1 missing.
    y : array of float, shape (n,)
    blocks : array of int, shape (n,)
    others : sequence of str
        Columns above suspicion: each column's gain is measured over these (without itself).

    Returns
    -------
    dict of str to (float, float)
        For each column: AUC within blocks with it minus without it, and with it.
    """
    parts = {name: _indicators(column, most_values) for name, column in codes.items()}
    parts[""] = np.eye(int(blocks.max()) + 1)[blocks]
    design = np.hstack(list(parts.values()))
    ends = np.cumsum([part.shape[1] for part in parts.values()])
    place = {
        name: np.arange(end - part.shape[1], end)
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    fold = np.random.default_rng(seed).integers(0, folds, len(y))
    crosses = [design[fold == k].T @ design[fold == k] for k in range(folds)]
    moments = [design[fold == k].T @ y[fold == k] for k in range(folds)]
    cross, moment = sum(crosses), sum(moments)

    def fit(names: Sequence[str], leave_out: Sequence[str]) -> dict[str | None, Floats]:
        """Scores of the model on these columns, and of it without each of ``leave_out``."""
        at = np.concatenate([place[name] for name in (*names, "")])
        where = {name: np.flatnonzero(np.isin(at, place[name])) for name in leave_out}
        scores: dict[str | None, Floats] = {name: np.empty(len(y)) for name in (None, *leave_out)}
        for k in range(folds):
            inverse = np.linalg.inv((cross - crosses[k])[np.ix_(at, at)] + ridge * np.eye(len(at)))
            weights = inverse @ (moment - moments[k])[at]
            rows = np.flatnonzero(fold == k)
            held = design[np.ix_(rows, at)]
            scores[None][rows] = held @ weights
            for name, c in where.items():
                less = np.linalg.solve(inverse[np.ix_(c, c)], weights[c])
                scores[name][rows] = held @ (weights - inverse[:, c] @ less)
        return scores

    def auc(score: Floats) -> float:
        # Leads with the same values must tie, whatever the last bits of the arithmetic.
        return within_auc(np.round(score, 9), y, blocks).value

    honest = [name for name in codes if name in set(others)]
    scores = fit(honest, honest)
    whole = auc(scores[None])
    result = {name: (whole - auc(scores[name]), whole) for name in honest}
    for name in codes:
        if name not in result:
            reached = auc(fit([*honest, name], [])[None])
            result[name] = (reached - whole, reached)
    return {name: result[name] for name in codes}


def _indicators(codes: Ints, most_values: int) -> Floats:
    values, index, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(values), dtype=np.int64)
    frequent_first = np.lexsort((values, -counts))
    rank[frequent_first] = np.arange(len(values))
    kept = np.where((rank < most_values) | (values == -1), rank, most_values)
    _, dense = np.unique(kept, return_inverse=True)
    return np.asarray(np.eye(int(dense.max()) + 1)[dense[index]], dtype=np.float64)
