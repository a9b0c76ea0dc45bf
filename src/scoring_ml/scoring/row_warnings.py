"""Warnings about leads: for an answer each, for many leads their codes in one short text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.features.encoder import field_of
from scoring_ml.scoring.completeness import is_unanswered
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.reference import field_slice
from scoring_ml.scoring.row_scorer import Parts, age_column

Warned = tuple[str, str, Bools]
"""A code, the column that it is about or "", and the leads that it holds for."""


class RowWarnings:
    """Tells of encoded leads what there is to warn of.

    Parameters
    ----------
    of_history : iterable of Column
        Features of a history: of these tells the part of it that was not sent.
    """

    def __init__(self, parts: Parts, of_history: Iterable[Column]) -> None:
        schema = parts.encoder.schema
        self._learned = not parts.estimator.answers_total
        self._probable = parts.calibration.gives_probability
        ages = parts.calibration.ages if self._probable else ()
        self._age = age_column(parts.encoder) if ages else None
        self._oldest = max(ages, default=np.inf)
        self._dated = schema.order.column if schema.order.by == "time" else None
        places = {c: field_slice(parts.encoder, c.name) for c in schema.used}
        self._categories = [(c, at) for c, at in places.items() if c.worded]
        # Fields that every training lead had: without them a typical answer is assumed.
        computed = {column.name for column in of_history}
        self._always_known = [
            (c, at)
            for c, at in places.items()
            if parts.reference.fields[c.name].observed[-1].leads == 0
            and c.name not in computed
            and field_of(c, schema) == c.name
        ]

    def found(
        self,
        X: NDArray[np.float64],
        absent: Mapping[str, Bools],
        as_of: NDArray[np.datetime64] | None,
    ) -> list[Warned]:
        """Return all that there may be to warn of.

        Parameters
        ----------
        X : array of float, shape (n, width)
            Encoded, before anything stands in for what is missing.
        absent : mapping of str to array of bool, shape (n,)
            Per part of the history, which leads came without it.
        as_of : array of datetime64[us], shape (n,), or None
        """
        found: list[Warned] = []
        if self._dated is not None and as_of is not None:
            found.append(("no_moment", self._dated, np.isnat(as_of)))
        if self._learned:
            found += [(f"no_{source}", "", gone) for source, gone in absent.items()]
        for column, at in self._categories:
            found.append(("unseen_category", column.name, X[:, at.stop - 2] == 1.0))
        for column, at in self._always_known if self._learned else ():
            found.append(("always_known", column.name, is_unanswered(column, X[:, at])))
        if self._age is not None:
            found.append(("beyond_age", "", X[:, self._age] > self._oldest))
        if not self._probable:
            found.append(("no_probability", "", np.ones(len(X), dtype=bool)))
        return found


def warning_codes(found: list[Warned], n: int) -> NDArray[Any]:
    """Return codes with their columns, shape (n,); "" of a lead without a warning."""
    if not found or not n:
        return np.full(n, "", dtype=object)
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
