"""Missing answers and what each could add to a lead's score, for what to ask next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.data.values.typed import Typed
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.criteria import LEVELS, Criterion
from scoring_ml.features.encoder import LEVEL_CODES, Encoder
from scoring_ml.scoring.completeness import is_unanswered
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.reference import Reference, field_slice

Levels = tuple[Criterion, NDArray[np.int64]]
"""A criterion, and the level of each answer under it."""


class Answers:
    """The answers that missing askable fields might get, ready to be tried.

    Likely answers are the levels of a category and the middles of a number's bins in training.
    Columns that are features of an answer change with it: the share of answers given, and the
    kind of an e-mail address.
    """

    def __init__(self, encoder: Encoder, reference: Reference) -> None:
        self._encoder = encoder
        self.columns = tuple(column for column in encoder.schema.used if column.askable)
        self._slices = {c.name: field_slice(encoder, c.name) for c in self.columns}
        used = {column.name for column in encoder.schema.used}
        features = [f for f in schema_features(encoder.schema).values() if f.name in used]
        # Where the share of answers given stands, and the kind of an e-mail field's address.
        self._share = [
            field_slice(encoder, feature.name).start
            for feature in features
            if feature.key == "completeness"
        ]
        kind_of = {f.field.name: f.name for f in features if f.key == "email_kind" and f.field}
        self._kinds: dict[str, tuple[slice, NDArray[np.float64]]] = {}
        self._tries: dict[str, NDArray[np.float64]] = {}
        self._levels: dict[str, list[Levels]] = {}
        for column in self.columns:
            answers = reference.fields[column.name].answers
            found = self._slices[column.name]
            rows = np.zeros((len(answers), encoder.width))
            for row, answer in zip(rows, answers, strict=True):
                if column.worded:
                    encoder.set_field(row, column, str(answer), None)
                else:
                    row[found.start] = float(answer)
            self._tries[column.name] = rows[:, found]
            if column.name in kind_of:
                self._kinds[column.name] = self._email_kinds(
                    rows, found.start, encoder.schema[kind_of[column.name]], reference
                )
            typed = [bool(a) if column.type in ("email", "phone") else a for a in answers]
            self._levels[column.name] = self._levels_of(column, typed)

    def missing(self, X: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
        """Return, per askable field, which encoded leads have no answer, each shape (n,)."""
        return {c.name: is_unanswered(c, X[:, self._slices[c.name]]) for c in self.columns}

    def gains(
        self,
        X: NDArray[np.float64],
        now: NDArray[np.float64],
        score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> list[list[dict[str, Any]]]:
        """Return, per lead, its missing fields and what the best answer would add, best first.

        Parameters
        ----------
        X, now : array of float, shape (n, width), (n,)
            Encoded leads, and their scores, unrounded.
        score : callable
            From encoded leads to their scores, unrounded; all answers are scored at once.

        Returns
        -------
        list of list of dict
            ``field``, as a request names it, and ``could_add``, in points to the tenth, above 0.
        """
        gains: list[list[dict[str, Any]]] = [[] for _ in range(len(X))]
        asked = [(name, np.flatnonzero(missing)) for name, missing in self.missing(X).items()]
        asked = [(name, rows) for name, rows in asked if len(rows) and self.count(name)]
        if not asked:
            return gains
        after = score(np.vstack([self.tried(X[rows], name) for name, rows in asked]))
        start = 0
        for name, rows in asked:
            count = self.count(name)
            best = after[start : start + count * len(rows)].reshape(len(rows), count).max(axis=1)
            start += count * len(rows)
            for row, value in zip(rows, best - now[rows], strict=True):
                gain = round(float(value), 1)
                if gain > 0:
                    gains[row].append({"field": alias(name), "could_add": gain})
        for items in gains:
            items.sort(key=lambda item: -float(item["could_add"]))
        return gains

    def count(self, name: str) -> int:
        """Return how many answers to a field are tried."""
        return len(self._tries[name])

    def tried(self, X: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Return encoded leads with each likely answer to a field that they have not answered.

        From ``X`` of shape (n, width), shape (n * answers, width), lead by lead, answer by answer.
        """
        answers = len(self._tries[name])
        rows = np.repeat(X, answers, axis=0)
        rows[:, self._slices[name]] = np.tile(self._tries[name], (len(X), 1))
        asked = len(self.columns)
        for at in self._share:
            rows[:, at] = (np.round(rows[:, at] * asked) + 1) / asked
        if name in self._kinds:
            place, kinds = self._kinds[name]
            rows[:, place] = np.tile(kinds, (len(X), 1))
        for criterion, codes in self._levels[name]:
            now = self._encoder.criterion_codes_of(rows, criterion.name)
            new = np.tile(codes, len(X))
            both = np.maximum(now, new) if criterion.combine == "best" else np.minimum(now, new)
            changed = np.where(now == len(LEVELS), new, both)
            self._encoder.set_criterion(rows, criterion.name, changed)
        return rows

    def _email_kinds(
        self, rows: NDArray[np.float64], valid_at: int, kind: Column, reference: Reference
    ) -> tuple[slice, NDArray[np.float64]]:
        """Kind of address of each answer to an e-mail field: invalid, or the likelier valid one."""
        leads = {item.value: item.leads for item in reference.fields[kind.name].observed}
        likely = "free" if leads.get("free", 0) > leads.get("company", 0) else "company"
        for row in rows:
            self._encoder.set_field(row, kind, likely if row[valid_at] else "invalid", None)
        place = field_slice(self._encoder, kind.name)
        return place, rows[:, place]

    def _levels_of(self, column: Column, typed: Sequence[Typed]) -> list[Levels]:
        """Level of each answer under the criteria that have a rule for this field."""
        found = []
        for criterion in self._encoder.matrix.criteria:
            if any(rule.column.name == column.name for rule in criterion.rules):
                levels = [criterion.level({column.name: value}) for value in typed]
                codes = [LEVEL_CODES.index(level) for level in levels]
                found.append((criterion, np.array(codes, dtype=np.int64)))
        return found
