"""The sceptic's set: what any model must beat to be worth its while; compared, never chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
from scipy.special import logit

from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.logistic import Logistic
from scoring_ml.estimators.protocol import TrainingCounts
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.encoder import EncodedColumn

_SCEPTIC: Final = "of the sceptic's set, compared but never chosen"


class Constant(Logistic):
    """The base rate for everybody: what a ranking of nothing reaches."""

    kind = "constant"
    colour = "#bbbbbb"
    roles = frozenset()
    min_outcomes = 1
    never_chosen = _SCEPTIC

    def _learn(self, rows: TrainingRows) -> None:
        """Note the base rate."""
        rate = np.average(rows.y, weights=rows.weight)
        self.base_, self.penalty_ = float(logit(rate)), 0.0


class SourceOnly(Logistic):
    """Where a lead came from, and nothing else."""

    kind = "source_only"
    colour = "#999933"
    never_chosen = _SCEPTIC
    lacks: ClassVar = "no column that is used tells the source"

    @classmethod
    def sees(cls, columns: Sequence[EncodedColumn]) -> list[int]:
        """Return the indices of the fields that tell a lead's source."""
        return [i for i in super().sees(columns) if columns[i].criterion == "source"]

    @classmethod
    def refusal(cls, counts: TrainingCounts) -> str:
        """Return why it may not be fitted: too few leads, or no field of the kind."""
        return super().refusal(counts) or ("" if cls.sees(counts.columns) else cls.lacks)


class RecencyOnly(SourceOnly):
    """How long ago a lead last did something; where that is not known, how old it is."""

    kind = "recency_only"
    colour = "#ddcc77"
    lacks: ClassVar = "no column that is used counts days"

    @classmethod
    def sees(cls, columns: Sequence[EncodedColumn]) -> list[int]:
        """Return the indices of the days since an activity, else of all days since a date."""
        days = [i for i, column in enumerate(columns) if column.days]
        return [i for i in days if columns[i].criterion == "engagement"] or days


class LogisticDefault(Logistic):
    """Logistic regression as the textbook has it: no number is clipped, no penalty is chosen."""

    kind = "logistic_default"
    colour = "#44aa99"
    min_outcomes = 150
    never_chosen = _SCEPTIC
    clip = None
    penalties = (1.0,)


class LightgbmDefault(Boosted):
    """LightGBM with its own parameters: 100 trees of 31 leaves, no direction, no early stop."""

    kind = "lightgbm_default"
    colour = "#882255"
    min_outcomes = 150
    never_chosen = _SCEPTIC
    keeps_direction = False

    @classmethod
    def restriction(cls, counts: TrainingCounts) -> str:
        """Return that nothing restricts it."""
        return ""

    def _choose(self, rows: TrainingRows) -> tuple[dict[str, Any], dict[str, Any]]:
        """Choose nothing."""
        return {}, {"trees": 100}

    @cached_property
    def _given(self) -> Mapping[str, Any]:
        return {"common": {}, "seeds": (7,)}
