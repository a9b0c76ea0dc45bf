"""Warnings about many leads: the codes of an answer's warnings, one short text a lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.scoring.completeness import is_unanswered
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.reference import field_slice
from scoring_ml.scoring.row_scorer import Parts


class RowWarnings:
    """Tells of each encoded lead what its answer alone would warn of.

    Parameters
    ----------
    always_known : sequence of Column
        Fields that every training lead had.
    """

    def __init__(self, parts: Parts, always_known: Sequence[Column]) -> None:
        schema = parts.encoder.schema
        self._learned = not parts.estimator.answers_total
        self._probable = parts.calibration.gives_probability
        self._dated = schema.order.column if schema.order.by == "time" else None
        places = {c: field_slice(parts.encoder, c.name) for c in schema.used}
        self._categories = [(c, at) for c, at in places.items() if c.worded]
        self._always_known = [(c, places[c]) for c in always_known]

    def texts(
        self,
        X: NDArray[np.float64],
        absent: Mapping[str, Bools],
        as_of: NDArray[np.datetime64] | None,
    ) -> NDArray[Any]:
        """Return codes with the fields that they are about, shape (n,); "" where there are none.

        Parameters
        ----------
        X : array of float, shape (n, width)
            Encoded, before anything stands in for what is missing.
        absent : mapping of str to array of bool, shape (n,)
            Per part of the history, which leads came without it.
        as_of : array of datetime64[us], shape (n,), or None
        """
        found: list[tuple[str, str, Bools]] = []
        if self._dated is not None and as_of is not None:
            found.append(("no_moment", self._dated, np.isnat(as_of)))
        if self._learned:
            found += [(f"no_{source}", "", gone) for source, gone in absent.items()]
        for column, at in self._categories:
            found.append(("unseen_category", column.name, X[:, at.stop - 2] == 1.0))
        for column, at in self._always_known if self._learned else ():
            found.append(("always_known", column.name, is_unanswered(column, X[:, at])))
        if not self._probable:
            found.append(("no_probability", "", np.ones(len(X), dtype=bool)))
        if not found or not len(X):
            return np.full(len(X), "", dtype=object)
        holds = np.column_stack([mask for _, _, mask in found])
        # Few combinations occur, however many leads there are.
        kinds, which = np.unique(np.packbits(holds, axis=1), axis=0, return_inverse=True)
        first = np.unpackbits(kinds, axis=1, count=len(found)).astype(bool)
        texts = [_text([found[i][:2] for i in np.flatnonzero(row)]) for row in first]
        return np.array(texts, dtype=object)[which.reshape(-1)]


def _text(pairs: Sequence[tuple[str, str]]) -> str:
    """Write codes with their fields.

    >>> _text([("no_stages", ""), ("always_known", "budget"), ("always_known", "stages")])
    'no_stages; always_known: budget, stages_column'
    """
    fields: dict[str, list[str]] = {}
    for code, name in pairs:
        fields.setdefault(code, []).extend([alias(name)] if name else [])
    return "; ".join(
        f"{code}: {', '.join(names)}" if names else code for code, names in fields.items()
    )
