"""A model that tells old leads from new ones: how far the fields themselves have moved.

It is the classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample
tests"): if the older and the newer half of the leads are alike, no model tells them apart on rows
that it was not learned on, and its AUC is 0.5. What it does tell apart is drift, and a field that
does so alone is a date in disguise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import PERSONAL_TYPES, Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.evaluation.audit.probes_auc import as_numbers, single_field_auc
from scoring_ml.statistics.delong import auc_interval
from scoring_ml.statistics.samples import Floats

LEAST_ROWS: Final = 100
"""Rows below which no model is learned."""

_MOST_LEVELS: Final = 40
_TREES: Final = 20
_LEARNING_RATE: Final = 0.2


@dataclass(frozen=True)
class Adversarial:
    """How well old leads are told from new ones.

    Parameters
    ----------
    auc : float
        Of a model on all columns, on rows that it was not learned on; 0.5 is chance.
    low, high : float
        95 % interval of it.
    fields : tuple of (str, float)
        Each column with the AUC that it reaches alone, largest first.
    """

    auc: float
    low: float
    high: float
    fields: tuple[tuple[str, float], ...]


def adversarial(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    position: NDArray[np.float64],
    *,
    as_of: NDArray[np.datetime64] | None = None,
    most_rows: int = 4_000,
    seed: int = 0,
) -> Adversarial | None:
    """Learn to tell the older from the newer half of the rows.

    Gradient-boosted trees are learned on one random half of the rows and scored on the other, and
    the other way round. Dates count as days before ``as_of``, which is all that models see of them;
    without ``as_of`` they do not count. Of contact details only their presence counts.

    Parameters
    ----------
    frame : DataFrame, shape (n, columns)
        Typed values; columns that are not in it do not count.
    position, as_of : array, shape (n,)
        ``position`` rises with time; ``as_of`` is datetime64[us] or None.
    most_rows : int
        Larger tables are thinned out evenly over time.

    Returns
    -------
    Adversarial or None
        None with fewer than :data:`LEAST_ROWS` rows, without columns, or where the position does
        not part the rows.
    """
    newer = newer_half(position)
    rows = np.argsort(position, kind="stable")
    if len(rows) > most_rows:
        rows = rows[np.linspace(0, len(rows) - 1, most_rows).round().astype(np.intp)]
    seen = {
        column.name: values[rows]
        for column in columns
        if column.name in frame
        and (values := seen_values(frame[column.name], column, as_of)) is not None
    }
    y = newer[rows].astype(np.float64)
    if len(rows) < LEAST_ROWS or not seen or min(y.sum(), len(y) - y.sum()) < LEAST_ROWS / 4:
        return None
    blocks = np.zeros(len(y), dtype=np.int64)
    alone = [
        (name, float(single_field_auc(values, y, blocks, seed=seed).value))
        for name, values in seen.items()
    ]
    interval = auc_interval(_held_out(list(seen.values()), y, seed), y)
    return Adversarial(
        interval.value, interval.low, interval.high, tuple(sorted(alone, key=lambda pair: -pair[1]))
    )


def newer_half(position: NDArray[np.float64]) -> Bools:
    """Tell which rows are the newer half; rows of one position stand together.

    >>> newer_half(np.array([1.0, 2, 2, 2, 3, 3]))
    array([False, False, False, False,  True,  True])
    """
    ranks = np.sort(position)
    starts = np.flatnonzero(np.diff(ranks)) + 1
    if not len(starts):
        return np.zeros(len(position), dtype=np.bool_)
    first = starts[np.abs(2 * starts - len(ranks)).argmin()]
    return np.asarray(position >= ranks[first])


def seen_values(
    raw: pd.Series[Any], column: Column, as_of: NDArray[np.datetime64] | None
) -> NDArray[Any] | None:
    """Return what a model sees of a column; None of a date without ``as_of``."""
    if column.type in PERSONAL_TYPES:
        return raw.notna().to_numpy().astype(np.float64)
    values = raw.to_numpy()
    if column.type != "date":
        return values if values.dtype == object else np.asarray(values, dtype=np.float64)
    return None if as_of is None else age_days(values, as_of)


def age_days(dates: NDArray[Any], as_of: NDArray[np.datetime64]) -> Floats:
    """Return days from dates to the moments at which leads are seen; NaN where missing."""
    return as_numbers(as_of.astype("datetime64[us]")) - as_numbers(dates.astype("datetime64[us]"))


def _held_out(columns: Sequence[NDArray[Any]], y: Floats, seed: int) -> Floats:
    """Score each row by a model of the other random half; scores are ranks, 0-1."""
    # Only here, for it is slow to import and most of the package does without it.
    from sklearn.ensemble import HistGradientBoostingClassifier

    words = [column.dtype == object for column in columns]
    X = np.column_stack(
        [_levels(column) if word else column for column, word in zip(columns, words, strict=True)]
    )
    half = np.random.default_rng(seed).permutation(len(y)) % 2
    scores = np.empty(len(y))
    for side in (0, 1):
        learned, scored = half != side, half == side
        model = HistGradientBoostingClassifier(
            max_iter=_TREES,
            learning_rate=_LEARNING_RATE,
            max_leaf_nodes=15,
            categorical_features=words,
            early_stopping=False,
            random_state=seed,
        ).fit(X[learned], y[learned])
        # Two models have two scales; the place among the rows that one scored has but one.
        ranks = pd.Series(model.decision_function(X[scored])).rank().to_numpy()
        scores[scored] = ranks / scored.sum()
    return scores


def _levels(words: NDArray[Any]) -> Floats:
    """Return the rank of each word by how often it occurs; rare ones together, NaN if missing."""
    codes, distinct = pd.factorize(words)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    rank = np.empty(len(distinct))
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(distinct))
    levels = np.full(len(words), np.nan)
    levels[codes >= 0] = np.minimum(rank[codes[codes >= 0]], _MOST_LEVELS)
    return levels
