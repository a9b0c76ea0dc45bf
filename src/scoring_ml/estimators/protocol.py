"""What every estimator of the ladder can do."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Estimator(Protocol):
    """From encoded leads to log-odds that are a sum of contributions.

    The law that all of them obey: for every row,
    ``contributions(X)[0].sum(axis=1) + contributions(X)[1] == logodds(X)`` up to rounding.
    """

    kind: str

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Learn from rows ordered oldest to newest; ``y`` is 1.0 won, 0.0 lost.

        ``weight`` is what each row counts (1 if None), ``lead`` tells which rows are of one lead
        (each of its own if None); rows of one lead are adjacent and never parted by a choice.
        ``average`` marks the rows from whose mean contributions are counted: all rows if None,
        else the rows at the age at which leads are compared.
        """
        ...

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return uncalibrated log-odds, shape (n,); a row's bits do not depend on the others."""
        ...

    def contributions(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return contributions, shape (n, width), and the base, all in log-odds."""
        ...

    def dump(self) -> dict[str, Any]:
        """Return the estimator as JSON-ready values; texts of their own go under ``text``."""
        ...


def sum_in_order(values: NDArray[np.float64], base: float) -> NDArray[np.float64]:
    """Sum each row strictly from left to right, so that its bits do not depend on its company.

    Parameters
    ----------
    values : array of float, shape (n, width)
    base : float
        Where the sum starts.
    """
    if values.shape[1] == 0:
        return np.full(len(values), base)
    start = np.hstack([np.full((len(values), 1), base), values])
    return np.asarray(np.cumsum(start, axis=1)[:, -1])
