"""Points that provably add up: whole tenths, summed as integers.

Rounding points one by one breaks the sum. Here the difference between the shown integer and the
unrounded score is a part of its own, and the parts are rounded together by largest remainder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring_ml.scoring.scale import round_half_up


@dataclass(frozen=True)
class Tenths:
    """The parts of many scores, in tenths of a point.

    ``base + fields.sum(axis=1) + rounding + limit == 10 * score``, exactly: ``rounding`` is what
    rounding the score to a whole number added, ``limit`` what clipping to the scale's ends did.
    ``fields`` has shape (n, fields), the others (n,).
    """

    score: NDArray[np.int64]
    base: NDArray[np.int64]
    fields: NDArray[np.int64]
    rounding: NDArray[np.int64]
    limit: NDArray[np.int64]


def explain_points(
    unrounded: NDArray[np.float64], fields: NDArray[np.float64], *, score_max: int
) -> Tenths:
    """Split scores into whole tenths.

    Parameters
    ----------
    unrounded : array of float, shape (n,)
        Scores before rounding and clipping to 0-``score_max``.
    fields : array of float, shape (n, fields)
        Points of each field; what they leave of ``unrounded`` is the base.
    """
    rounded = round_half_up(unrounded)
    score = np.clip(rounded, 0, score_max)
    base = unrounded - fields.sum(axis=1)
    parts = np.column_stack([base, fields, rounded - unrounded])
    whole = whole_tenths(parts, 10 * rounded)
    return Tenths(
        score=score,
        base=whole[:, 0],
        fields=whole[:, 1:-1],
        rounding=whole[:, -1],
        limit=10 * (score - rounded),
    )


def whole_tenths(parts: NDArray[np.float64], total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Round parts to whole tenths so that each row sums to its total (largest remainder).

    Parameters
    ----------
    parts : array of float, shape (n, k)
        In points. Exact zeros stay zero.
    total : array of int, shape (n,)
        In tenths; the row sum of ``parts`` in tenths, up to floating-point error.

    >>> whole_tenths(np.array([[0.14, 0.14, 0.02, 0.0]]), np.array([3])).tolist()
    [[2, 1, 0, 0]]
    """
    tenths = parts * 10.0
    floor = np.floor(tenths)
    remainder = np.where(parts == 0.0, -1.0, tenths - floor)
    whole = floor.astype(np.int64)
    left = total - whole.sum(axis=1)
    ranks = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1, kind="stable")
    whole += ranks < left[:, None]
    if np.any(whole.sum(axis=1) != total):
        raise ArithmeticError("Points must add up to the score. Found a row that does not.")
    return whole
