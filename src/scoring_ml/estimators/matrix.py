"""The hand-built matrix as an estimator: its plain total, nothing to fit."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from scoring_ml.estimators.protocol import Estimator
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.criteria import Matrix
from scoring_ml.statistics.samples import Floats

POINTS_PER_LOGODDS: Final = 20.0
"""Points that stand for one unit of log-odds before calibration: the width of the warm tier.

A convention; it matters only where too few wins leave the calibration's slope at 1.
"""


class MatrixEstimator(Estimator):
    """Adds up the points of the six criteria, in units of 20: people have set them."""

    kind = "matrix"
    colour = "#7f7f7f"
    roles = frozenset({"criterion_points"})
    min_outcomes = 0
    learns = False
    answers_total = True

    def total(self, X: Floats) -> Floats:
        """Return the plain totals, shape (n,), 0-110 with the default points."""
        return np.asarray(X[:, self.seen].sum(axis=1))

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return how many criteria have rules, and the most points."""
        return {"criteria_mapped": len(matrix.mapped), "most_points": matrix.max_total}

    def _learn(self, rows: TrainingRows) -> None:
        """Leave the points as they are."""

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        values = np.zeros((len(X), len(self.columns)))
        values[:, self.seen] = X[:, self.seen] / POINTS_PER_LOGODDS
        return values, 0.0

    @property
    def _fitted(self) -> bool:
        return True
