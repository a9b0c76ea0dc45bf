"""Completeness of a lead, and stand-ins for a history that was not sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.reference import FieldReference, Reference, field_slice


def is_unanswered(column: Column, block: NDArray[np.float64]) -> Bools:
    """Tell which encoded leads have no value in a column, shape (n,).

    Parameters
    ----------
    block : array of float, shape (n, width)
        The column's part of the encoded matrix.
    """
    return np.asarray(block[:, -1] == 1.0 if column.worded else np.isnan(block[:, 0]))


class Sources:
    """The parts of a lead's history, as far as encoded leads show whether they were there.

    A part is absent if every feature in use that is computed from it is missing.

    Parameters
    ----------
    by_source : mapping of str to iterable of Column
        The features in use that are computed from each part.
    """

    def __init__(
        self, encoder: Encoder, reference: Reference, by_source: Mapping[str, Iterable[Column]]
    ) -> None:
        self._blocks: dict[str, list[tuple[Column, slice]]] = {}
        self._stand_ins: dict[str, list[tuple[slice, NDArray[np.float64]]]] = {}
        for source, columns in by_source.items():
            blocks = [(column, field_slice(encoder, column.name)) for column in columns]
            self._blocks[source], self._stand_ins[source] = blocks, []
            fields = [reference.fields[column.name] for column, _ in blocks]
            # Only a column that no training lead lacked tells "not sent" from "never happened".
            if not all(field.observed[-1].leads for field in fields):
                for (column, at), field in zip(blocks, fields, strict=True):
                    row = _typical(column, field, at)
                    if row is not None:
                        self._stand_ins[source].append((at, row))

    def absent(self, X: NDArray[np.float64]) -> dict[str, Bools]:
        """Return, per part, which encoded leads came without it, each shape (n,)."""
        absent = {}
        for source, blocks in self._blocks.items():
            gone = np.ones(len(X), dtype=bool)
            for column, at in blocks:
                gone &= is_unanswered(column, X[:, at])
                if not gone.any():
                    break
            absent[source] = gone
        return absent

    def stand_in(self, X: NDArray[np.float64], absent: Mapping[str, Bools]) -> NDArray[np.float64]:
        """Return encoded leads with typical values for the parts that are absent.

        "Never visited" and "nobody said whether it visited" look the same in an encoded lead. A
        lead that came without its activities is scored as the typical lead of the training
        window, not as one that never did anything. Columns that were never missing in training
        are left to the estimator, which does the same for any field; without any such column the
        two cannot be told apart, and nothing stands in.
        """
        if not any(gone.any() for gone in absent.values()):
            return X
        X = X.copy()
        for source, gone in absent.items():
            for at, row in self._stand_ins[source]:
                X[gone, at] = row
        return X


def _typical(column: Column, reference: FieldReference, at: slice) -> NDArray[np.float64] | None:
    """Return the encoded typical value of a column; None where missing is as good."""
    counts = [item.leads for item in reference.observed]
    missing = counts[-1]
    if missing == 0 or not reference.answers:
        return None
    row = np.zeros(at.stop - at.start)
    if column.worded:
        most = int(np.argmax(counts))
        if most == len(counts) - 1:
            return None
        row[most] = 1.0
        return row
    if missing >= sum(counts[:-1]):
        return None
    row[0] = float(reference.answers[len(reference.answers) // 2])
    return row
