"""Ridge logistic regression on the six criteria and binned fields; its table is the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scoring_ml.data.yaml_file import reviewed
from scoring_ml.estimators.bins import BinTables, bin_places, quantile_edges
from scoring_ml.estimators.model_settings import ScorecardSettings
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator, LogoddsTables
from scoring_ml.estimators.ridge import column_shares, fit_ridge
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

_ROWS_AT_ONCE: Final = 50_000
"""Rows whose bins are laid out together: their places alone take a third of the whole."""


def scorecard_settings() -> dict[str, Any]:
    """Return the content of ``models/scorecard.yaml``."""
    content = reviewed("scorecard.yaml")
    return ScorecardSettings.read(content, source="models/scorecard.yaml").dump()


class Scorecard(Estimator):
    """A table of log-odds per bin of a number and per level of a category.

    Each bin's weight is counted from the field's mean in training, so that the base is the average
    lead and a contribution of 0 means "as the average". ``settings`` is the content of
    ``models/scorecard.yaml``, read from there when fitting if None; the ridge penalty is chosen by
    log loss on the newest quarter.

    Attributes
    ----------
    base_, edges_, weights_
        As in :class:`LogoddsTables`.
    penalty_ : float
        The chosen inverse strength; NaN before fitting.
    """

    kind = "scorecard"
    colour = "#0072b2"
    roles = FIELD_ROLES | {"criterion_level"}
    min_outcomes = 30
    kept = ("base_", "penalty_", "edges_", "weights_")

    def __init__(
        self, columns: Sequence[EncodedColumn], *, settings: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(columns)
        self.settings = settings
        self.base_ = 0.0
        self.edges_: BinTables = {}
        self.weights_: BinTables = {}
        self.penalty_ = float("nan")

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return the penalty and the number of weights."""
        return {"penalty": self.penalty_, "weights": sum(map(len, self.weights_.values()))}

    def tables(self) -> LogoddsTables:
        """Return the tables, which are the model."""
        if not self._fitted:
            raise self._unfitted()
        return LogoddsTables(self.base_, self.edges_, self.weights_)

    def _learn(self, rows: TrainingRows) -> None:
        """Cut numbers into bins, choose the penalty on the newest quarter, and fit the table."""
        X, weight = rows.X, rows.weight
        settings = self.settings or scorecard_settings()
        penalties = [float(penalty) for penalty in settings["penalties"]]
        self.__dict__.pop("_flags", None)
        bins = int(settings["bins"])
        self.edges_ = {i: quantile_edges(X[:, i], bins, weight) for i in self.numbers}
        spread, owners = self._spread(X)
        weights, base, self.penalty_ = fit_ridge(rows, spread, penalties)
        share = column_shares(spread, np.ones(len(X)) if weight is None else weight)
        average = rows.average
        usual = share if average is None else column_shares(spread, average.astype(np.float64))
        self.base_ = base
        tables: BinTables = {}
        means: dict[int, float] = {}
        start = 0
        for i, count in owners:
            part, seen = weights[start : start + count], share[start : start + count]
            means[i] = float(part @ usual[start : start + count])
            start += count
            self.base_ += means[i]
            if i in self.edges_:
                # A bin that no training row was in says nothing: it counts as the average lead.
                tables[i] = np.where(seen > 0, part, means[i])
            else:
                tables[i] = np.array([0.0, part[0]])
        for block in self.blocks:
            whole = sum(means[i] for i in block)
            for i in block:
                if means[i] == 0.0 and not X[:, i].any():
                    tables[i] = np.array([0.0, whole])
        self.weights_ = {i: table - means[i] for i, table in tables.items()}

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        values = np.zeros((len(X), len(self.columns)))
        flags, absent, present = self._flags
        values[:, flags] = np.where(X[:, flags] == 1.0, present, absent)
        for i, edges in self.edges_.items():
            values[:, i] = self.weights_[i][bin_places(X[:, i], edges)]
        return values, self.base_

    @property
    def _fitted(self) -> bool:
        return not np.isnan(self.penalty_)

    @cached_property
    def _flags(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """The 0/1 columns and their weights, side by side."""
        flags = [i for i in self.weights_ if i not in self.edges_]
        tables = np.array([self.weights_[i] for i in flags]).reshape(-1, 2)
        return np.array(flags, dtype=np.intp), tables[:, 0], tables[:, 1]

    def _spread(self, X: Floats) -> tuple[sparse.csr_matrix, list[tuple[int, int]]]:
        """Return one 0/1 column per bin, and how many columns each encoded column became."""
        counts = [len(self.edges_[i]) + 2 if i in self.edges_ else 1 for i in map(int, self.seen)]
        indices, lengths = [], [np.zeros(1, dtype=np.int64)]
        for start in range(0, len(X), _ROWS_AT_ONCE):
            block = self._spread_block(X[start : start + _ROWS_AT_ONCE])
            indices.append(block.indices)
            lengths.append(np.diff(block.indptr))
        places = np.concatenate(indices)
        del indices
        parts = (np.ones(len(places)), places, np.concatenate(lengths).cumsum())
        shape = (len(X), sum(counts))
        return sparse.csr_matrix(parts, shape), list(zip(map(int, self.seen), counts, strict=True))

    def _spread_block(self, X: Floats) -> sparse.csr_matrix:
        parts = []
        rows, ones = np.arange(len(X)), np.ones(len(X))
        for i in map(int, self.seen):
            column = X[:, i]
            if i not in self.edges_:
                parts.append(sparse.csr_matrix(column.reshape(-1, 1)))
                continue
            cells = (ones, (rows, bin_places(column, self.edges_[i])))
            shape = (len(X), len(self.edges_[i]) + 2)
            parts.append(sparse.csr_matrix(cells, shape=shape))
        return sparse.hstack(parts, format="csr")


class CriteriaScorecard(Scorecard):
    """A scorecard that sees the six criteria only, for few wins."""

    kind = "criteria_scorecard"
    colour = "#56b4e9"
    roles = frozenset({"criterion_level"})
