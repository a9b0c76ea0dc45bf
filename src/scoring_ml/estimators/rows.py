"""Rows to learn from: what each weighs, and where the newest quarter of the leads begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.statistics.samples import Floats

_TIE = 1e-9
"""Relative distance below which two sums of weights are one: 6 times 1/3 is 2."""


AVERAGED_ROWS: Final = 1_000
"""At least so many rows, if there are, give the mean from which contributions are counted."""

CHOOSING_ROWS: Final = 200_000
"""Rows on which settings are chosen; the model is then fitted on all."""


@dataclass(frozen=True)
class TrainingRows:
    """Rows ordered oldest to newest, as an estimator's ``fit`` takes them.

    ``X`` has shape (n, width), the others (n,); ``weight`` is checked.
    """

    X: Floats
    y: Floats
    weight: Floats | None
    lead: NDArray[np.int64] | None
    average: NDArray[np.bool_] | None

    @cached_property
    def newest(self) -> int:
        """The row at which the newest quarter of the leads begins."""
        return newest_begins(len(self.y), self.lead)

    @property
    def averaged(self) -> NDArray[np.intp]:
        """Rows, evenly over time, that stand for those from whose mean contributions count."""
        rows = np.arange(len(self.y)) if self.average is None else np.flatnonzero(self.average)
        return rows[:: max(1, len(rows) // AVERAGED_ROWS)]

    @property
    def can_choose(self) -> bool:
        """Whether there are wins and losses before the newest quarter and in it."""
        return all(len(np.unique(part)) == 2 for part in np.split(self.y, [self.newest]))

    def split(self, *tables: Any) -> list[tuple[Any, Any]]:
        """Return each of some tables of these rows as what is older and the newest quarter.

        Of very many rows only those of every k-th lead, evenly over time.
        """
        cut = self.newest
        every = 1 + (len(self.y) - 1) // CHOOSING_ROWS
        if every == 1:
            return [(None, None) if t is None else (t[:cut], t[cut:]) for t in tables]
        new = (
            np.ones(len(self.y), bool) if self.lead is None else np.diff(self.lead, prepend=-1) != 0
        )
        kept = np.flatnonzero(np.cumsum(new) % every == 0)
        older, newer = kept[kept < cut], kept[kept >= cut]
        return [(None, None) if t is None else (t[older], t[newer]) for t in tables]


def newest_begins(n: int, lead: NDArray[np.int64] | None = None, share: float = 0.25) -> int:
    """Return the row at which the newest ``share`` (0-1) of the leads begins, one lead at least.

    Parameters
    ----------
    n : int
        Number of rows, ordered oldest to newest.
    lead : array of int, shape (n,), or None
        Which lead a row is of, rows of a lead adjacent; each row is a lead if None.

    >>> newest_begins(8), newest_begins(8, np.array([5, 5, 5, 1, 1, 9, 9, 2]))
    (6, 7)
    """
    if lead is None:
        return n - max(1, round(n * share))
    starts = np.flatnonzero(np.diff(lead, prepend=lead[0] - 1)) if n else np.zeros(1, dtype=int)
    return int(starts[newest_begins(len(starts), None, share)])


def quantiles(
    values: Floats, shares: Sequence[float] | Floats, weight: Floats | None = None
) -> Floats:
    """Return for each share the smallest value that at least so much of the weight does not pass.

    Parameters
    ----------
    values, shares : array of float, shape (n,), (k,)
        At least one value, without NaN; shares are 0-1.
    weight : array of float, shape (n,), or None
        Positive; equal if None.

    >>> quantiles(np.array([1.0, 2.0, 2.0, 4.0]), [0.25, 0.5, 0.8]).tolist()
    [1.0, 2.0, 4.0]
    >>> quantiles(np.array([1.0, 2.0, 4.0]), [0.25, 0.5, 0.8], np.array([1, 2, 1])).tolist()
    [1.0, 2.0, 4.0]
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if weight is None:
        return np.asarray(np.quantile(values, wanted, method="inverted_cdf"))
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weight[order])
    place = np.searchsorted(up_to, (wanted - _TIE) * up_to[-1], side="left")
    return np.asarray(values[order][np.minimum(place, len(values) - 1)])


def checked_weight(weight: Floats | None, n: int) -> Floats | None:
    """Return weights as float64.

    Raises
    ------
    ValueError
        If there is not one positive, finite number for each row.
    """
    if weight is None:
        return None
    found = np.asarray(weight, dtype=np.float64)
    if found.shape != (n,) or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(
            f"weight must be one positive, finite number per row. Got shape {found.shape} for "
            f"{n} rows."
        )
    return found
