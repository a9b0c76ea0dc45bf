"""The ladder of candidates: every kind, and which of them the data of a training allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scoring_ml.errors import IntegrityError
from scoring_ml.estimators import sceptics
from scoring_ml.estimators.blend import Blend
from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.logistic import Logistic
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.odoo import OdooNaiveBayes
from scoring_ml.estimators.protocol import Estimator, TrainingCounts
from scoring_ml.estimators.scorecard import CriteriaScorecard, Scorecard
from scoring_ml.features.encoder import EncodedColumn

LADDER: Final[tuple[type[Estimator], ...]] = (
    MatrixEstimator,
    CriteriaScorecard,
    Scorecard,
    Logistic,
    Boosted,
    CatBoost,
    Blend,
    sceptics.Constant,
    sceptics.SourceOnly,
    sceptics.RecencyOnly,
    OdooNaiveBayes,
    sceptics.LogisticDefault,
    sceptics.LightgbmDefault,
)
"""From the simplest on, which decides between equals; then those that are never chosen."""


@dataclass(frozen=True)
class Rung:
    """One kind of candidate, and whether the data allow it.

    Parameters
    ----------
    kind : str
        One of :func:`candidate_kinds`.
    reason : str
        Why not, or what restricts it, in words; empty when neither.
    restricted : bool
        Whether it is allowed with the restriction only.
    """

    kind: str
    allowed: bool
    reason: str = ""
    restricted: bool = False


def candidate_kinds() -> tuple[str, ...]:
    """Return the kinds in the ladder's order."""
    return tuple(estimator.kind for estimator in LADDER)


def allowed_rungs(counts: TrainingCounts) -> tuple[Rung, ...]:
    """Return every rung with its permission, in the ladder's order."""
    rungs = []
    for estimator in LADDER:
        refusal = estimator.refusal(counts)
        restriction = "" if refusal else estimator.restriction(counts)
        rungs.append(
            Rung(estimator.kind, not refusal, refusal or restriction, restricted=bool(restriction))
        )
    return tuple(rungs)


def estimator_class(kind: str) -> type[Estimator]:
    """Return the class of a kind.

    Raises
    ------
    IntegrityError
        If no candidate is of that kind.
    """
    for estimator in LADDER:
        if estimator.kind == kind:
            return estimator
    raise IntegrityError(
        "A model must be of a kind that this version of the software knows",
        found=f"{kind!r}; known are {', '.join(candidate_kinds())}",
        do="Train again, or install the version that the model was trained with",
    )


def make_estimator(rung: Rung, columns: Sequence[EncodedColumn]) -> Estimator:
    """Return an unfitted estimator for a rung."""
    return estimator_class(rung.kind).make(columns, restricted=rung.restricted)
