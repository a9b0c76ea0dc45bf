"""Which rungs of the ladder the number of wins allows, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.odoo import OdooNaiveBayes
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.estimators.scorecard import Scorecard
from scoring_ml.features.encoder import EncodedColumn

KINDS: Final = ("matrix", "criteria_scorecard", "scorecard", "odoo", "boosted")
"""The rungs, from the one that needs least data to the one that needs most."""

MIN_FOR_CRITERIA: Final = 30
MIN_FOR_FIELDS: Final = 150
MIN_FOR_DEEP: Final = 500


@dataclass(frozen=True)
class Rung:
    """One kind of estimator, and whether the data allows it.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    allowed : bool
    reason : str
        Why not, in words; empty when allowed without restriction.
    shallow_only : bool
        Whether only trees of depth 3 are allowed.
    """

    kind: str
    allowed: bool
    reason: str = ""
    shallow_only: bool = False


def allowed_rungs(
    *, wins: int, losses: int, mapped_criteria: int, used_fields: int
) -> tuple[Rung, ...]:
    """Return every rung with its permission.

    Parameters
    ----------
    wins, losses : int
        Counts in the training window; the smaller one, w, decides: under 30 the matrix alone,
        30-149 also a ridge scorecard on the six criteria, 150-499 also the full scorecard, Odoo's
        naive Bayes and trees of depth 3, from 500 all.
    mapped_criteria : int
        Criteria of the matrix that have a rule.
    used_fields : int
        Columns that the schema uses.
    """
    w = min(wins, losses)
    which = "wins" if wins <= losses else "losses"

    def enough(kind: str, least: int) -> Rung:
        if w < least:
            return Rung(kind, False, f"needs {least} {which} in training, found {w}")
        if kind != "criteria_scorecard" and not used_fields:
            return Rung(kind, False, "the schema uses no column")
        return Rung(kind, True)

    criteria = enough("criteria_scorecard", MIN_FOR_CRITERIA)
    if criteria.allowed and not mapped_criteria:
        criteria = Rung("criteria_scorecard", False, "no criterion of the matrix has a rule")
    boosted = enough("boosted", MIN_FOR_FIELDS)
    if boosted.allowed and w < MIN_FOR_DEEP:
        reason = f"trees of depth 3 only: deeper ones need {MIN_FOR_DEEP} {which}, found {w}"
        boosted = Rung("boosted", True, reason, shallow_only=True)
    return (
        Rung("matrix", True),
        criteria,
        enough("scorecard", MIN_FOR_FIELDS),
        enough("odoo", MIN_FOR_FIELDS),
        boosted,
    )


def make_estimator(rung: Rung, columns: Sequence[EncodedColumn]) -> Estimator:
    """Return an unfitted estimator for a rung."""
    match rung.kind:
        case "matrix":
            return MatrixEstimator(columns)
        case "criteria_scorecard":
            return Scorecard(columns, criteria_only=True)
        case "scorecard":
            return Scorecard(columns)
        case "odoo":
            return OdooNaiveBayes(columns)
        case _:
            return Boosted(columns, shallow_only=rung.shallow_only)


def restore_estimator(
    kind: str, content: dict[str, Any], columns: Sequence[EncodedColumn]
) -> Estimator:
    """Return the fitted estimator whose ``dump`` is given."""
    match kind:
        case "matrix":
            return MatrixEstimator.restore(content, columns)
        case "criteria_scorecard":
            return Scorecard.restore(content, columns, criteria_only=True)
        case "scorecard":
            return Scorecard.restore(content, columns)
        case "odoo":
            return OdooNaiveBayes.restore(content, columns)
        case _:
            return Boosted.restore(content, columns)
