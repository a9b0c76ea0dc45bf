"""The hand-built matrix as an estimator: its plain total, nothing to fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.protocol import sum_in_order
from scoring_ml.features.encoder import EncodedColumn

POINTS_PER_LOGODDS: Final = 20.0
"""Points that stand for one unit of log-odds before calibration: the width of the warm tier.

A convention; it matters only where too few wins leave the calibration's slope at 1.
"""


class MatrixEstimator:
    """Adds up the points of the six criteria.

    Parameters
    ----------
    columns : sequence of EncodedColumn
        What the columns of the encoded matrix mean.
    """

    kind = "matrix"

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        self._points = np.array(
            [column.role == "criterion_points" for column in columns], dtype=bool
        )

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Return self: people have set the points, and nothing given here can change them."""
        return self

    def total(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the plain totals, shape (n,), 0-110 with the default points."""
        return np.asarray(X[:, self._points].sum(axis=1))

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the totals in units of 20 points, shape (n,)."""
        values, base = self.contributions(X)
        return sum_in_order(values[:, self._points], base)

    def contributions(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return each criterion's points in units of 20, shape (n, width), and the base 0."""
        return np.where(self._points, X, 0.0) / POINTS_PER_LOGODDS, 0.0

    def dump(self) -> dict[str, Any]:
        """Return nothing: the matrix is in the encoder."""
        return {}

    @classmethod
    def restore(cls, content: dict[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`."""
        return cls(columns)
