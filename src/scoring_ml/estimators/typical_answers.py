"""Typical answers, which stand for what was never missing or never occurred in training.

Trees that never saw a missing number take it for 0 or for the least, and a level that never
occurred for none of the others; a typical answer (the median, the most frequent level) is nearer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.rows import TrainingRows, quantiles
from scoring_ml.statistics.samples import Floats

Typical = Mapping[str, Sequence[Sequence[Any]]]
"""``typical``: columns that were never missing, with their medians; ``typical_level``: 0/1 columns
that were never set, with the one to set instead."""


def typical_answers(
    rows: TrainingRows, numbers: Sequence[int], blocks: Sequence[Sequence[int]]
) -> Typical:
    """Return, JSON-ready, what stands for answers that training rows never lacked or gave."""
    X, weight = rows.X, rows.weight
    medians = [
        [i, float(quantiles(X[:, i], [0.5], weight)[0])]
        for i in numbers
        if len(X) and not np.isnan(X[:, i]).any()
    ]
    levels = []
    for block in blocks:
        flags = X[:, block]
        counts = flags.sum(axis=0) if weight is None else weight @ flags
        level = block[int(np.argmax(counts))]
        levels += [[i, level] for i, n in zip(block, counts, strict=True) if n == 0]
    return {"typical": medians, "typical_level": levels}


def filled(X: Floats, seen: NDArray[np.intp], typical: Typical) -> Floats:
    """Return the columns that are seen, shape (n, seen), with typical answers where they stand."""
    found = np.ascontiguousarray(X[:, seen])
    pairs = seen.searchsorted(np.array(typical["typical_level"], dtype=np.intp).reshape(-1, 2))
    for flag, level in pairs if found[:, pairs[:, 0]].any() else ():
        rows = found[:, flag] == 1.0
        found[rows, flag] = 0.0
        found[rows, level] = 1.0
    medians = np.array(typical["typical"], dtype=np.float64).reshape(-1, 2)
    places = seen.searchsorted(medians[:, 0].astype(np.intp))
    known = found[:, places]
    found[:, places] = np.where(np.isnan(known), medians[:, 1], known)
    return found
