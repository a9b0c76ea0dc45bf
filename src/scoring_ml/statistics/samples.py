"""Scores and outcomes of leads, checked, and rates among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def checked(score: ArrayLike, won: ArrayLike) -> tuple[Floats, Floats]:
    """Return scores and outcomes as float64.

    Raises
    ------
    ValueError
        If they differ in length, or ``won`` holds anything but 0 and 1.
    """
    scores = np.asarray(score, dtype=np.float64)
    wins = np.asarray(won, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != wins.shape:
        raise ValueError(
            f"score and won must be of one length. Got shapes {scores.shape} and {wins.shape}."
        )
    if not np.isin(wins, (0.0, 1.0)).all():
        raise ValueError("won must hold 0 and 1 only. Got other values.")
    return scores, wins


def ratio(above: Floats, below: Floats, *, empty: float = np.nan) -> Floats:
    """Return the quotient of two arrays that fit together; ``empty`` where ``below`` is 0."""
    out = np.full(np.broadcast_shapes(above.shape, below.shape), empty)
    np.divide(above, below, out=out, where=np.broadcast_to(below > 0, out.shape))
    return out
