"""Ridge logistic regression on the six criteria and binned fields; its table is the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_expit

from scoring_ml.data.yaml_file import reviewed
from scoring_ml.estimators.model_settings import ScorecardSettings
from scoring_ml.estimators.protocol import sum_in_order
from scoring_ml.estimators.weighting import checked_weight, newest_begins, quantiles
from scoring_ml.features.encoder import EncodedColumn


def scorecard_settings() -> dict[str, Any]:
    """Return the content of ``models/scorecard.yaml``."""
    content = reviewed("scorecard.yaml")
    return ScorecardSettings.read(content, source="models/scorecard.yaml").dump()


class Scorecard:
    """A table of log-odds per bin of a number and per level of a category.

    Each bin's weight is counted from the field's mean in training, so that the base is the
    average lead and a contribution of 0 means "as the average".

    Parameters
    ----------
    columns : sequence of EncodedColumn
    criteria_only : bool
        Whether only the six criteria are seen (for few wins).
    settings : mapping or None
        Content of ``models/scorecard.yaml``: most bins of a number, cut at training quantiles,
        and the inverse strengths of the ridge penalty, one of which is chosen by log loss on the
        newest quarter. Read from there when fitting if None.

    Attributes
    ----------
    base_ : float
        Log-odds of the average lead.
    edges_ : dict of column index to array
        Inner edges of a number's bins; bin i holds [edge i-1, edge i).
    weights_ : dict of column index to array
        Per bin, with the weight of a missing value last; for 0/1 columns (absent, present).
    penalty_ : float
        The chosen inverse strength.
    """

    def __init__(
        self,
        columns: Sequence[EncodedColumn],
        *,
        criteria_only: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = "criteria_scorecard" if criteria_only else "scorecard"
        self.settings = settings
        roles = {"criterion_level"}
        if not criteria_only:
            roles |= {"value", "level", "other", "missing"}
        self._width = len(columns)
        self._seen = [i for i, column in enumerate(columns) if column.role in roles]
        self._values = {i for i in self._seen if columns[i].role == "value"}
        # The 0/1 columns of one category or criterion, of which a lead has at most one.
        blocks: dict[tuple[str, str], list[int]] = {}
        for i in self._seen:
            column = columns[i]
            if column.role == "criterion_level":
                blocks.setdefault(("criterion", column.criterion), []).append(i)
            elif column.role != "value":
                blocks.setdefault(("field", column.column), []).append(i)
        self._blocks = list(blocks.values())
        self.base_ = 0.0
        self.edges_: dict[int, NDArray[np.float64]] = {}
        self.weights_: dict[int, NDArray[np.float64]] = {}
        self.penalty_ = float("nan")

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Fit the table on rows ordered oldest to newest.

        Parameters
        ----------
        X : array of float, shape (n, width)
        y : array of float, shape (n,)
            1.0 won, 0.0 lost; both must occur.
        weight : array of float, shape (n,), or None
            What each row counts, positive; 1 if None.
        lead : array of int, shape (n,), or None
            Which lead a row is of, rows of a lead adjacent; each row is a lead if None.
        average : array of bool, shape (n,), or None
            Rows from whose mean contributions are counted; all of them if None.

        Raises
        ------
        ValueError
            If ``weight`` is not one positive number per row.
        """
        weight = checked_weight(weight, len(y))
        settings = self.settings or scorecard_settings()
        penalties = [float(penalty) for penalty in settings["penalties"]]
        self.__dict__.pop("_flags", None)
        self.edges_ = {
            i: _edges(X[:, i], int(settings["bins"]), weight) for i in sorted(self._values)
        }
        spread, owners = self._spread(X)
        cut = newest_begins(len(y), lead)
        self.penalty_ = penalties[0]
        if len(np.unique(y[:cut])) == 2 and len(np.unique(y[cut:])) == 2:
            losses = []
            for penalty in penalties:
                weights, base = _ridge(
                    spread[:cut], y[:cut], penalty, None if weight is None else weight[:cut]
                )
                f = spread[cut:] @ weights + base
                sign = np.where(y[cut:] == 1.0, 1.0, -1.0)
                losses.append(_mean_loss(sign * f, None if weight is None else weight[cut:]))
            self.penalty_ = penalties[int(np.argmin(losses))]
        weights, base = _ridge(spread, y, self.penalty_, weight)
        if weight is None:
            share = np.asarray(spread.mean(axis=0)).ravel()
        else:
            share = np.asarray(spread.T @ (weight / weight.sum())).ravel()
        usual = share if average is None else np.asarray(spread[average].mean(axis=0)).ravel()
        self.weights_ = {}
        self.base_ = base
        tables: dict[int, NDArray[np.float64]] = {}
        means: dict[int, float] = {}
        start = 0
        for i, count in owners:
            part, seen = weights[start : start + count], share[start : start + count]
            means[i] = float(part @ usual[start : start + count])
            start += count
            self.base_ += means[i]
            if i in self._values:
                # A bin that no training row was in says nothing: it counts as the average lead.
                tables[i] = np.where(seen > 0, part, means[i])
            else:
                tables[i] = np.array([0.0, part[0]])
        for block in self._blocks:
            whole = sum(means[i] for i in block)
            for i in block:
                if means[i] == 0.0 and not X[:, i].any():
                    tables[i] = np.array([0.0, whole])
        self.weights_ = {i: table - means[i] for i, table in tables.items()}
        return self

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return uncalibrated log-odds, shape (n,)."""
        values, base = self.contributions(X)
        return sum_in_order(values[:, self._seen], base)

    def contributions(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return contributions, shape (n, width), and the base, in log-odds."""
        values = np.zeros((len(X), self._width))
        flags, absent, present = self._flags
        values[:, flags] = np.where(X[:, flags] == 1.0, present, absent)
        for i, edges in self.edges_.items():
            column, table = X[:, i], self.weights_[i]
            found = edges.searchsorted(column, side="right")
            found[np.isnan(column)] = len(table) - 1
            values[:, i] = table[found]
        return values, self.base_

    @cached_property
    def _flags(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """The 0/1 columns and their weights, side by side."""
        flags = [i for i in self.weights_ if i not in self._values]
        tables = np.array([self.weights_[i] for i in flags]).reshape(-1, 2)
        return np.array(flags, dtype=np.intp), tables[:, 0], tables[:, 1]

    def dump(self) -> dict[str, Any]:
        """Return the table as JSON-ready values."""
        return {
            "base": self.base_,
            "penalty": self.penalty_,
            "edges": {str(i): list(map(float, edges)) for i, edges in self.edges_.items()},
            "weights": {str(i): list(map(float, table)) for i, table in self.weights_.items()},
        }

    @classmethod
    def restore(
        cls,
        content: dict[str, Any],
        columns: Sequence[EncodedColumn],
        *,
        criteria_only: bool = False,
    ) -> Self:
        """Undo :meth:`dump`."""
        card = cls(columns, criteria_only=criteria_only)
        card.base_ = float(content["base"])
        card.penalty_ = float(content["penalty"])
        card.edges_ = {int(i): np.array(edges) for i, edges in content["edges"].items()}
        card.weights_ = {int(i): np.array(table) for i, table in content["weights"].items()}
        return card

    def _spread(self, X: NDArray[np.float64]) -> tuple[sparse.csr_matrix, list[tuple[int, int]]]:
        """Return one 0/1 column per bin, and how many columns each encoded column became."""
        parts, owners = [], []
        rows = np.arange(len(X))
        for i in self._seen:
            column = X[:, i]
            if i not in self._values:
                parts.append(sparse.csr_matrix(column.reshape(-1, 1)))
                owners.append((i, 1))
                continue
            count = len(self.edges_[i]) + 2
            found = np.searchsorted(self.edges_[i], column, side="right")
            found[np.isnan(column)] = count - 1
            ones = np.ones(len(X))
            parts.append(sparse.csr_matrix((ones, (rows, found)), shape=(len(X), count)))
            owners.append((i, count))
        return sparse.hstack(parts, format="csr"), owners


def _edges(
    values: NDArray[np.float64], bins: int, weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Inner edges at quantiles of the known values; fewer where values repeat."""
    there = ~np.isnan(values)
    known = values[there]
    if len(known) == 0:
        return np.array([])
    distinct = np.unique(known)
    if len(distinct) <= bins:
        return np.asarray(distinct[1:])
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    cuts = quantiles(known, shares, None if weight is None else weight[there])
    return np.asarray(np.unique(cuts[cuts > distinct[0]]))


def _mean_loss(margin: NDArray[np.float64], weight: NDArray[np.float64] | None) -> float:
    losses = -log_expit(margin)
    return float(np.mean(losses) if weight is None else np.average(losses, weights=weight))


def _ridge(
    spread: sparse.csr_matrix,
    y: NDArray[np.float64],
    penalty: float,
    weight: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], float]:
    # Imported here so that a serving worker does not load scikit-learn for a table.
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=penalty, max_iter=1000, tol=1e-6)
    model.fit(spread, y, sample_weight=weight)
    return np.asarray(model.coef_[0]), float(model.intercept_[0])
