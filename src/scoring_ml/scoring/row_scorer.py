"""The one way from encoded leads to scores, for a lead, a batch and an answer tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.estimators.calibration import Calibration
from scoring_ml.estimators.matrix import POINTS_PER_LOGODDS, MatrixEstimator
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.ask import Answers
from scoring_ml.scoring.completeness import Sources
from scoring_ml.scoring.explanation import Tenths, explain_points
from scoring_ml.scoring.lead_features import LeadFeatures
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.reference import Reference, field_slice, slots_of
from scoring_ml.scoring.scale import SCORE_MAX, round_half_up

AGE_FIELD: Final = "age_days"
"""The feature that tells how old a lead is when it is seen."""


@dataclass(frozen=True)
class Parts:
    """What a Scorer is made of; its estimator is fitted.

    Parameters
    ----------
    policy : Policy or None
        ``None`` for a matrix that answers its plain total.
    card : dict
        Name, version, kind, newest training date and so on; JSON-ready.
    """

    encoder: Encoder
    estimator: Estimator
    calibration: Calibration
    policy: Policy | None
    reference: Reference
    card: dict[str, Any]


@dataclass(frozen=True)
class Scores:
    """Leads on their way from encoded fields to the score that is shown.

    Parameters
    ----------
    X : array of float, shape (n, width)
        Encoded, with typical values where a part of the history was not sent.
    absent : dict of str to array of bool, shape (n,)
        Per part of the history, which leads came without it.
    logodds : array of float, shape (n,)
        Calibrated; NaN where the calibration had too few outcomes.
    unrounded : array of float, shape (n,)
        Before rounding and clipping: the scale's image of ``logodds``, or the matrix's total.
    score : array of int, shape (n,)
        As shown.
    """

    X: NDArray[np.float64]
    absent: Mapping[str, Bools]
    logodds: NDArray[np.float64]
    unrounded: NDArray[np.float64]
    score: NDArray[np.int64]


class RowScorer:
    """Scores encoded leads, and splits their scores into points.

    Attributes
    ----------
    explained_fields : tuple of (str, str)
        Name and criterion of every field that points are given for: of a family of columns the main
        one. A criterion of the matrix that several fields answer stands as ``matrix:<criterion>``.
    score_max : int
        Largest score: 100, or the matrix's maximum for a matrix.
    matrix_total : callable
        From encoded leads to the hand-built matrix's totals, shape (n,).
    """

    def __init__(self, parts: Parts, features: LeadFeatures) -> None:
        encoder = parts.encoder
        self._parts = parts
        self._lists = features.lists
        self._answers = Answers(encoder, parts.reference)
        self._sources = Sources(encoder, parts.reference, features.by_source)
        self._source_names = {
            source: {column.name for column in columns}
            for source, columns in features.by_source.items()
        }
        self.matrix_total = MatrixEstimator(encoder.columns).total
        self._slices = {c.name: field_slice(encoder, c.name) for c in encoder.schema.used}
        is_matrix = parts.estimator.answers_total
        self.score_max = encoder.matrix.max_total if is_matrix else SCORE_MAX
        self._age = age_column(encoder) if parts.calibration.ages else None
        self._scale = None if is_matrix or parts.policy is None else parts.policy.scale
        fields: dict[str, str] = {}
        for column in encoder.columns:
            fields.setdefault(column.field, column.criterion)
        self.explained_fields = tuple(fields.items())
        # Encoded columns in the order of their fields, and where each field begins, for a sum
        # per field whose bits do not depend on how many leads are summed at once.
        names = list(fields)
        owner = np.array([names.index(column.field) for column in encoder.columns])
        self._by_field = np.argsort(owner, kind="stable")
        self._starts = np.searchsorted(owner[self._by_field], np.arange(len(names)))

    def scores(self, X: NDArray[np.float64]) -> Scores:
        """Score encoded leads.

        Parameters
        ----------
        X : array of float, shape (n, width)
            As :meth:`Encoder.encode` gives them.
        """
        absent = self._sources.absent(X)
        X = self._sources.stand_in(X, absent)
        ages = None if self._age is None else X[:, self._age]
        logodds = self._parts.calibration.logodds(self._parts.estimator.logodds(X), ages)
        unrounded = self.matrix_total(X) if self._scale is None else self._scale.unrounded(logodds)
        score = np.clip(round_half_up(unrounded), 0, self.score_max)
        return Scores(X, absent, logodds, unrounded, score)

    def probability(self, scores: Scores) -> NDArray[np.float64]:
        """Return probabilities, shape (n,); NaN where none may be shown."""
        if not self._parts.calibration.gives_probability:
            return np.full(len(scores.X), np.nan)
        return np.asarray(expit(scores.logodds))

    def field_points(self, scores: Scores) -> NDArray[np.float64]:
        """Return unrounded points per explained field, shape (n, fields)."""
        values, _ = self._parts.estimator.contributions(scores.X)
        factor, calibration = POINTS_PER_LOGODDS, self._parts.calibration
        if self._scale is not None:
            factor = calibration.slope * self._scale.points_per_logodds
            if self._age is not None:
                added = calibration.age_effect(scores.X[:, self._age])
                values[:, self._age] += added / calibration.slope
        ordered = np.ascontiguousarray(values[:, self._by_field])
        points = np.add.reduceat(ordered, self._starts, axis=1)
        # A contribution of a rounding error's size is a zero that lost its way.
        points[np.abs(points * factor) < 1e-9] = 0.0
        return np.asarray(points * factor)

    def tenths(self, scores: Scores) -> Tenths:
        """Return points in whole tenths that add up to the scores."""
        points = self.field_points(scores)
        return explain_points(scores.unrounded, points, score_max=self.score_max)

    def slot(self, column: Column, scores: Scores) -> NDArray[np.int64]:
        """Return the entry of a field's observed rates that each lead belongs to.

        Returns
        -------
        array of int, shape (n,)
            Place in :attr:`FieldReference.observed`; -1 where the part of the history that the
            column is computed from was not sent: "was never in a stage" is an observation,
            "nobody said" is none.
        """
        block = scores.X[:, self._slices[column.name]]
        slots = slots_of(column, self._parts.reference.fields[column.name], block)
        for source, names in self._source_names.items():
            if column.name in names:
                slots[scores.absent[source]] = -1
        return slots

    def completeness(self, scores: Scores) -> NDArray[np.float64]:
        """Return the share of askable fields and lists that each lead came with; NaN of none."""
        parts = [~missing for missing in self._answers.missing(scores.X).values()]
        parts += [~scores.absent[name] for name in self._lists]
        if not parts:
            return np.full(len(scores.X), np.nan)
        known = sum(part.astype(float) for part in parts)
        return np.round(np.asarray(known) / len(parts), 4)

    def ask_next(self, scores: Scores) -> list[list[dict[str, Any]]]:
        """Return, per lead, the missing askable fields and what an answer could add, best first.

        ``could_add`` is the largest gain in points over the likely answers, before rounding to
        whole points and within the scale's ends, in tenths; fields that could add none are left
        out.
        """
        return self._answers.gains(
            scores.X,
            np.clip(scores.unrounded, 0, self.score_max),
            lambda tried: np.clip(self.scores(tried).unrounded, 0, self.score_max),
        )


def age_column(encoder: Encoder) -> int | None:
    """Return which encoded column tells the age of a lead; None if none does."""
    for index, column in enumerate(encoder.columns):
        if column.column == AGE_FIELD and column.role == "value":
            return index
    return None
