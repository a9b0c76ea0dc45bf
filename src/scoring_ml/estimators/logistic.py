"""Ridge logistic regression on the fields: numbers clipped, standardised and linear."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scoring_ml.estimators.bins import BinTables
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator
from scoring_ml.estimators.ridge import column_shares, fit_ridge
from scoring_ml.estimators.rows import TrainingRows, quantiles
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

_ROWS_AT_ONCE: Final = 50_000
_ENDLESS: Final = 1e300


class Logistic(Estimator):
    """One slope for each number between its training quantiles, one weight for each level.

    A number beyond what training saw counts as the nearest that it saw: a line that goes on for
    ever turns the ranking round when a field drifts away. Contributions are counted from the
    field's mean in training, so that the base is the average lead.

    Attributes
    ----------
    base_, penalty_ : float
        Log-odds of the average lead, and the chosen inverse strength; NaN before fitting.
    lines_, flags_ : mapping of column index to array
        Per number: least and greatest value, slope, contribution of 0 and of a missing value. Per
        0/1 column: contribution when absent and when present.
    """

    kind = "logistic"
    colour = "#009e73"
    roles = FIELD_ROLES
    min_outcomes = 30
    kept = ("base_", "penalty_", "lines_", "flags_")
    clip: ClassVar[tuple[float, float] | None] = (0.01, 0.99)
    penalties: ClassVar[tuple[float, ...]] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        super().__init__(columns)
        self.base_ = 0.0
        self.penalty_ = float("nan")
        self.lines_: BinTables = {}
        self.flags_: BinTables = {}

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return the penalty, and the quantiles between which a number is a line."""
        return {"penalty": self.penalty_, "clip": self.clip}

    def _learn(self, rows: TrainingRows) -> None:
        """Standardise the numbers, choose the penalty on the newest quarter, and fit."""
        X = rows.X
        self.__dict__.pop("_layout", None)
        scales = np.array([self._scale(X[:, i], rows.weight) for i in self.numbers]).reshape(-1, 4)
        starts = range(0, len(X), _ROWS_AT_ONCE)
        parts = [self._design(X[k : k + _ROWS_AT_ONCE], scales) for k in starts]
        design = sparse.vstack(parts, "csr")
        del parts
        weights, self.base_, self.penalty_ = fit_ridge(rows, design, self.penalties)
        counted = np.ones(len(X)) if rows.weight is None else rows.weight
        counted = counted if rows.average is None else rows.average.astype(np.float64)
        mean = column_shares(design, counted)
        usual = weights * mean
        self.base_ += float(usual.sum())
        n, flags = len(self.numbers), [i for block in self.blocks for i in block]
        self.lines_, self.flags_ = {}, {}
        for k, i in enumerate(self.numbers):
            low, high, middle, spread = scales[k]
            slope, shift = weights[k] / spread, usual[k] + usual[n + k]
            # What training never saw has no weight: it says nothing and counts as the average.
            missing = weights[n + k] - shift if weights[n + k] else 0.0
            self.lines_[i] = np.array([low, high, slope, -slope * middle - shift, missing])
        own = dict(zip(flags, weights[2 * n :], strict=True))
        part = dict(zip(flags, usual[2 * n :], strict=True))
        for block in self.blocks:
            whole = sum(part[i] for i in block)
            for i in block:
                self.flags_[i] = np.array([-part[i], own[i] - part[i] if own[i] else whole])

    def _scale(self, values: Floats, weight: Floats | None) -> tuple[float, float, float, float]:
        """Return least and greatest value, mean and spread of a number's known values."""
        known = ~np.isnan(values)
        if not known.any():
            return 0.0, 0.0, 0.0, 1.0
        values, weight = values[known], None if weight is None else weight[known]
        low, high = -_ENDLESS, _ENDLESS
        if self.clip is not None:
            low, high = map(float, quantiles(values, self.clip, weight))
        values = np.clip(values, low, high)
        middle = float(np.average(values, weights=weight))
        spread = float(np.sqrt(np.average((values - middle) ** 2, weights=weight)))
        return low, high, middle, spread if spread > 1e-9 * max(1.0, abs(middle)) else 1.0

    def _design(self, X: Floats, scales: Floats) -> sparse.csr_matrix:
        """Return standardised numbers, whether each is missing, and the 0/1 columns."""
        low, high, middle, spread = scales.T
        numbers = X[:, self.numbers]
        known = (np.clip(numbers, low, high) - middle) / spread
        flags = X[:, [i for block in self.blocks for i in block]]
        parts = (np.nan_to_num(known, nan=0.0), np.isnan(numbers), flags)
        return sparse.hstack([sparse.csr_matrix(part, dtype=float) for part in parts], "csr")

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        values = np.zeros((len(X), len(self.columns)))
        (low, high, slope, start, missing), flags, (absent, present) = self._layout
        values[:, flags] = np.where(X[:, flags] == 1.0, present, absent)
        numbers = X[:, self.numbers]
        lines = slope * np.clip(numbers, low, high) + start
        values[:, self.numbers] = np.where(np.isnan(numbers), missing, lines)
        return values, self.base_

    @property
    def _fitted(self) -> bool:
        return not np.isnan(self.penalty_)

    @cached_property
    def _layout(self) -> tuple[Floats, NDArray[np.intp], Floats]:
        """What each number and each 0/1 column contributes, side by side."""
        lines = np.array([self.lines_[i] for i in self.numbers]).reshape(-1, 5)
        flags = np.array([*self.flags_], dtype=np.intp)
        return lines.T, flags, np.array([*self.flags_.values()]).reshape(-1, 2).T
