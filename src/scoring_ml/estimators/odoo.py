"""The naive Bayes that Odoo CRM ships, as a peer to be compared with.

Per variable v and value x the counts are ``won(v, x) + 0.1`` and ``lost(v, x) + 0.1``; a value's
factor is its count over the sum of the variable's counts. Unset fields and unseen values give no
factor. On a snapshot the stage variable drops out and the prior is won to lost among training
rows. Odoo knows categories only, so numbers are cut at training quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.protocol import sum_in_order
from scoring_ml.estimators.weighting import checked_weight, quantiles
from scoring_ml.features.encoder import EncodedColumn

SMOOTHING: Final = 0.1
QUANTILES: Final = 5
"""Most bins of a number, cut at training quantiles; fewer distinct values have a bin each."""


def win_percent(
    prior: tuple[float, float],
    factors_won: Sequence[float],
    factors_lost: Sequence[float],
) -> float:
    """Return Odoo's probability in percent, rounded to 2 places and clipped to 0.01-99.99.

    Parameters
    ----------
    prior : (float, float)
        Smoothed counts of won and lost leads in the first stage, W and L.
    factors_won, factors_lost : sequence of float
        Smoothed shares of each variable's value among won and among lost leads.

    Examples
    --------
    >>> won = [2.1 / 2.1, 1.1 / 2.2, 2.1 / 2.2, 2.1 / 2.1, 2.1 / 2.2, 0.1 / 1.2]
    >>> lost = [1.1 / 3.1, 1.1 / 1.2, 0.1 / 1.2, 3.1 / 3.1, 1.1 / 3.2, 2.1 / 2.2]
    >>> win_percent((2.1, 3.1), won, lost)
    74.3
    """
    total = prior[0] + prior[1]
    s_won = prior[0] / total * float(np.prod(factors_won))
    s_lost = prior[1] / total * float(np.prod(factors_lost))
    return min(max(round(100 * s_won / (s_won + s_lost), 2), 0.01), 99.99)


def shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smoothed shares of a variable's values, same shape, summing to 1."""
    smoothed = counts + SMOOTHING
    return np.asarray(smoothed / smoothed.sum())


class OdooNaiveBayes:
    """Naive Bayes over the fields, without the six criteria.

    Parameters
    ----------
    columns : sequence of EncodedColumn

    Attributes
    ----------
    base_ : float
        Log of won to lost among training rows.
    edges_ : dict of column index to array
        Inner edges at which a number is cut.
    factors_ : dict of column index to array
        Log of the won to the lost share; for a 0/1 column the one entry that counts when set.
    """

    kind = "odoo"

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        self._width = len(columns)
        self._values = [i for i, column in enumerate(columns) if column.role == "value"]
        self._fields: dict[str, list[int]] = {}
        for i, column in enumerate(columns):
            if column.role == "level":
                self._fields.setdefault(column.column, []).append(i)
        self.base_ = 0.0
        self.edges_: dict[int, NDArray[np.float64]] = {}
        self.factors_: dict[int, NDArray[np.float64]] = {}

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Count won and lost leads per value.

        Parameters
        ----------
        X : array of float, shape (n, width)
        y : array of float, shape (n,)
        weight : array of float, shape (n,), or None
            What each row counts, positive; 1 if None.
        lead : array of int, shape (n,), or None
            Not used: nothing is chosen here.

        Raises
        ------
        ValueError
            If ``weight`` is not one positive number per row.
        """
        won = y == 1.0
        weight = checked_weight(weight, len(y))
        # Whole numbers add up exactly in float64, so that counting by weights of 1 is counting.
        counted = np.ones(len(y)) if weight is None else weight
        wins, losses = float(counted[won].sum()), float(counted[~won].sum())
        self.base_ = float(np.log((wins + SMOOTHING) / (losses + SMOOTHING)))
        self.edges_, self.factors_ = {}, {}
        for i in self._values:
            known = ~np.isnan(X[:, i])
            values = X[known, i]
            edges = _edges(values, None if weight is None else weight[known])
            found = np.searchsorted(edges, values, side="right")
            count = len(edges) + 1
            self.edges_[i] = edges
            self.factors_[i] = _log_ratio(
                np.bincount(found[won[known]], counted[known & won], minlength=count),
                np.bincount(found[~won[known]], counted[known & ~won], minlength=count),
            )
        for indices in self._fields.values():
            block = X[:, indices] * counted[:, None]
            ratio = _log_ratio(block[won].sum(axis=0), block[~won].sum(axis=0))
            for i, value in zip(indices, ratio, strict=True):
                self.factors_[i] = np.array([value])
        return self

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return log-odds of a win, shape (n,)."""
        values, base = self.contributions(X)
        return sum_in_order(values, base)

    def contributions(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return contributions, shape (n, width), and the base, in log-odds."""
        values = np.zeros((len(X), self._width))
        for i, factors in self.factors_.items():
            column = X[:, i]
            if i in self.edges_:
                found = np.searchsorted(self.edges_[i], column, side="right")
                found[np.isnan(column)] = len(factors)
                values[:, i] = np.append(factors, 0.0)[found]
            else:
                values[:, i] = np.where(column == 1.0, factors[0], 0.0)
        return values, self.base_

    def dump(self) -> dict[str, Any]:
        """Return the counts' ratios as JSON-ready values."""
        return {
            "base": self.base_,
            "edges": {str(i): list(map(float, edges)) for i, edges in self.edges_.items()},
            "factors": {str(i): list(map(float, row)) for i, row in self.factors_.items()},
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`."""
        bayes = cls(columns)
        bayes.base_ = float(content["base"])
        bayes.edges_ = {int(i): np.array(edges) for i, edges in content["edges"].items()}
        bayes.factors_ = {int(i): np.array(row) for i, row in content["factors"].items()}
        return bayes


def _edges(values: NDArray[np.float64], weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Cut so that every bin holds a training value: an empty one would take a smoothed share."""
    distinct = np.unique(values)
    if len(distinct) <= QUANTILES:
        # Yes and no, or a few steps, are categories as they are.
        return distinct[1:]
    shares_below = np.linspace(0, 1, QUANTILES + 1)[1:-1]
    cuts = quantiles(values, shares_below, weight)
    return np.unique(cuts[cuts > distinct[0]])


def _log_ratio(won: NDArray[Any], lost: NDArray[Any]) -> NDArray[np.float64]:
    if len(won) == 0:
        return np.array([])
    return np.asarray(np.log(shares(won.astype(float))) - np.log(shares(lost.astype(float))))
