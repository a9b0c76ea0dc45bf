"""Bins of a number: inner edges at training quantiles, and the bin that each value is in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.rows import quantiles
from scoring_ml.statistics.samples import Floats

BinTables = dict[int, Floats]
"""Index of an encoded column -> its edges, or what each of its bins counts."""


def quantile_edges(values: Floats, bins: int, weight: Floats | None = None) -> Floats:
    """Return inner edges at quantiles of the known values; fewer where values repeat.

    Every bin holds a value. A number of few distinct values has a bin for each.

    Parameters
    ----------
    values : array of float, shape (n,)
        NaN where not known.
    weight : array of float, shape (n,), or None
        What each value counts; 1 if None.

    >>> quantile_edges(np.array([3.0, 1.0, np.nan, 1.0]), 5).tolist()
    [3.0]
    >>> quantile_edges(np.arange(8.0), 4).tolist()
    [1.0, 3.0, 5.0]
    """
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if len(distinct) <= bins:
        return np.asarray(distinct[1:])
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    cuts = quantiles(values[known], shares, None if weight is None else weight[known])
    return np.asarray(np.unique(cuts[cuts > distinct[0]]))


def bin_places(values: Floats, edges: Floats) -> NDArray[np.intp]:
    """Return the bin of each value, shape (n,): bin i holds [edge i-1, edge i), the last NaN.

    >>> bin_places(np.array([0.5, 1.0, 7.0, np.nan]), np.array([1.0, 3.0])).tolist()
    [0, 1, 2, 3]
    """
    places = edges.searchsorted(values, side="right")
    places[np.isnan(values)] = len(edges) + 1
    return np.asarray(places)
