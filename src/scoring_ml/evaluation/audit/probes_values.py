"""One-sided values, and how the values of a column were filled in over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring_ml.data.values.moments import Bools
from scoring_ml.statistics.samples import Floats, Ints


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


def one_sided_values(codes: Ints, y: Floats, blocks: Ints, *, rows: float) -> tuple[OneSided, ...]:
    """Look at each value with at least ``rows`` rows for how one-sided its outcomes are.

    Parameters
    ----------
    codes, y, blocks : array, shape (n,)
        Distinct values, of which -1 is looked at like any other; 1 won, 0 lost; the expected wins
        of a row are its block's rate.
    """
    from scipy.stats import binom

    size = np.bincount(blocks)
    rate = np.bincount(blocks, weights=y) / np.maximum(size, 1)
    shifted = codes + 1
    count = np.bincount(shifted)
    wins = np.bincount(shifted, weights=y)
    expected = np.bincount(shifted, weights=rate[blocks])
    sides = []
    for code in np.flatnonzero(count >= rows):
        n, w, e = int(count[code]), round(float(wins[code])), float(expected[code])
        won = 2 * w >= n
        usual = e / n if won else 1 - e / n
        frequent = w if won else n - w
        here = (frequent + 0.5) / (n - frequent + 0.5)
        odds = here * (1 - usual) / usual if 0 < usual < 1 else 0.0
        chance = float(binom.sf(frequent - 1, n, usual))
        sides.append(OneSided(int(code) - 1, n, w, e, odds, chance))
    return tuple(sides)


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
    ratio, newest, before : float
        Share in the newest block divided by the smallest share in an earlier one; the two shares.
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

    What leads collect while they are worked on - an e-mail opened, a message sent - is common among
    older leads of every period and still rare among the newest.

    Parameters
    ----------
    codes, blocks : array of int, shape (n,)
        Distinct values, -1 for missing, which is not looked at; blocks of time, the last the
        newest.
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
