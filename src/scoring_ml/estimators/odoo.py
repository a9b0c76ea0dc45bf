"""The naive Bayes that Odoo CRM ships, as a peer to be compared with.

Per variable v and value x the counts are ``won(v, x) + 0.1`` and ``lost(v, x) + 0.1``; a value's
factor is its count over the sum of the variable's counts. Unset fields and unseen values give no
factor. On a snapshot the stage variable drops out and the prior is won to lost among training
rows. Odoo knows categories only, so numbers are cut at training quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.bins import BinTables, bin_places, quantile_edges
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

SMOOTHING: Final = 0.1
QUANTILES: Final = 5
"""Most bins of a number, cut at training quantiles; fewer distinct values have a bin each."""


def shares(counts: Floats) -> Floats:
    """Return the smoothed shares of a variable's values, same shape, summing to 1."""
    smoothed = counts + SMOOTHING
    return np.asarray(smoothed / smoothed.sum())


class OdooNaiveBayes(Estimator):
    """Naive Bayes over the fields, without the six criteria.

    Attributes
    ----------
    base_ : float
        Log of won to lost among training rows; NaN before fitting.
    edges_, factors_ : dict of column index to array
        Inner edges at which a number is cut; log of the won to the lost share of each value, for a
        0/1 column the one entry that counts when set.
    """

    kind = "odoo"
    colour = "#cc79a7"
    # Unset fields and unseen values give no factor.
    roles = frozenset({"value", "level"})
    min_outcomes = 150
    kept = ("base_", "edges_", "factors_")
    never_chosen = "a peer, compared but never chosen"

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        super().__init__(columns)
        self.base_ = float("nan")
        self.edges_: BinTables = {}
        self.factors_: BinTables = {}

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return what counts are smoothed by, and the most bins of a number."""
        return {"smoothing": SMOOTHING, "quantiles": QUANTILES}

    def _learn(self, rows: TrainingRows) -> None:
        """Count won and lost leads per value."""
        X, won, weight = rows.X, rows.y == 1.0, rows.weight
        # Whole numbers add up exactly in float64, so that counting by weights of 1 is counting.
        counted = np.ones(len(won)) if weight is None else weight
        wins, losses = float(counted[won].sum()), float(counted[~won].sum())
        self.base_ = float(np.log((wins + SMOOTHING) / (losses + SMOOTHING)))
        self.edges_, self.factors_ = {}, {}
        for i in self.numbers:
            # An empty bin would take a smoothed share; edges at quantiles leave none empty.
            edges = self.edges_[i] = quantile_edges(X[:, i], QUANTILES, weight)
            places, count = bin_places(X[:, i], edges), len(edges) + 1
            known = places < count
            self.factors_[i] = _log_ratio(
                np.bincount(places[known & won], counted[known & won], minlength=count),
                np.bincount(places[known & ~won], counted[known & ~won], minlength=count),
            )
        for indices in self.blocks:
            block = X[:, indices] * counted[:, None]
            ratio = _log_ratio(block[won].sum(axis=0), block[~won].sum(axis=0))
            self.factors_ |= {i: np.array([value]) for i, value in zip(indices, ratio, strict=True)}

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        values = np.zeros((len(X), len(self.columns)))
        for i, factors in self.factors_.items():
            if i in self.edges_:
                values[:, i] = np.append(factors, 0.0)[bin_places(X[:, i], self.edges_[i])]
            else:
                values[:, i] = np.where(X[:, i] == 1.0, factors[0], 0.0)
        return values, self.base_

    @property
    def _fitted(self) -> bool:
        return not np.isnan(self.base_)


def _log_ratio(won: NDArray[Any], lost: NDArray[Any]) -> Floats:
    return np.asarray(np.log(shares(won)) - np.log(shares(lost)))
