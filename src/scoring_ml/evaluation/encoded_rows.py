"""Rows of a snapshot, encoded when they are asked for: all at once would take many gigabytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.evaluation.windows import Rows
from scoring_ml.features.encoder import Encoder
from scoring_ml.statistics.samples import Floats

ROWS_AT_ONCE: Final = 50_000


class EncodedRows:
    """What an encoder makes of typed rows; the bits of a row do not depend on the others.

    Parameters
    ----------
    frame : DataFrame, shape (n, columns)
        Typed values.
    as_of : array of datetime64[us], shape (n,), or None
    """

    def __init__(
        self, encoder: Encoder, frame: pd.DataFrame, as_of: NDArray[np.datetime64] | None
    ) -> None:
        self._encoder = encoder
        self._frame = frame
        self._as_of = as_of

    def __len__(self) -> int:
        return len(self._frame)

    def __getitem__(self, rows: Any) -> Floats:
        """Encode some rows, by index, slice or mask: shape (rows, width)."""
        places = np.arange(len(self))[rows]
        X = np.empty((len(places), self._encoder.width))
        for start in range(0, len(places), ROWS_AT_ONCE):
            part = places[start : start + ROWS_AT_ONCE]
            as_of = None if self._as_of is None else self._as_of[part]
            X[start : start + len(part)] = self._encoder.encode(self._frame.iloc[part], as_of)
        return X

    def each(self, functions: Sequence[Callable[[Floats], Floats]], rows: Rows) -> list[Floats]:
        """Return what each function makes of some rows, shape (rows,), each row encoded once."""
        found = [np.empty(len(rows)) for _ in functions]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            X = self[rows[part]]
            for values, function in zip(found, functions, strict=True):
                values[part] = function(X)
        return found
