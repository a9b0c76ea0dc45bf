"""The blend: the plain mean of the log-odds of a line, of trees and of CatBoost where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.logistic import Logistic
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator, TrainingCounts
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

MEMBERS: tuple[type[Estimator], ...] = (Logistic, Boosted, CatBoost)


class Blend(Estimator):
    """The mean of several estimators: a mean of sums is a sum, so points still add up.

    Parameters
    ----------
    members : sequence of Estimator
        At least one, each of the same columns; their kinds are among ``combines``.
    """

    kind = "blend"
    colour = "#000000"
    roles = FIELD_ROLES
    min_outcomes = max(member.min_outcomes for member in MEMBERS)
    shap_values = True
    combines: ClassVar = tuple(member.kind for member in MEMBERS)

    def __init__(self, columns: Sequence[EncodedColumn], members: Sequence[Estimator]) -> None:
        super().__init__(columns)
        self.members = tuple(members)
        self.needs = tuple(name for member in members for name in member.needs)

    @classmethod
    def of(cls, members: Sequence[Estimator]) -> Self:
        """Return the blend of one or more fitted members, ready for use."""
        return cls(members[0].columns, members)

    @classmethod
    def make(cls, columns: Sequence[EncodedColumn], *, restricted: bool = False) -> Self:
        """Return an unfitted blend; if ``restricted``, its trees are shallow."""
        kinds = [kind for kind in MEMBERS if kind is not CatBoost or CatBoost.installed()]
        return cls(columns, [kind.make(columns, restricted=restricted) for kind in kinds])

    @classmethod
    def restriction(cls, counts: TrainingCounts) -> str:
        """Return what restricts its trees."""
        return Boosted.restriction(counts)

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return its members, and what each was made with under its kind."""
        own = {f"{m.kind}.{k}": v for m in self.members for k, v in m.params(matrix).items()}
        return {"members": ", ".join(member.kind for member in self.members), **own}

    def dump(self) -> dict[str, Any]:
        """Return each member's kind and content."""
        return {"members": [{"kind": m.kind, **m.dump()} for m in self.members]}

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`."""
        known = {member.kind: member for member in MEMBERS}
        return cls(columns, [known[m["kind"]].restore(m, columns) for m in content["members"]])

    def logodds(self, X: Floats) -> Floats:
        """Return uncalibrated log-odds, shape (n,)."""
        found = [member.logodds(X) for member in self.members]
        return np.asarray(sum(found[1:], found[0]) / len(found))

    def _learn(self, rows: TrainingRows) -> None:
        """Fit every member to the same rows."""
        for member in self.members:
            member.fit(rows.X, rows.y, rows.weight, rows.lead, rows.average)

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        parts = [member.contributions(X) for member in self.members]
        values = sum((part for part, _ in parts[1:]), parts[0][0]) / len(parts)
        return np.asarray(values), sum(base for _, base in parts) / len(parts)

    @property
    def _fitted(self) -> bool:
        return all(member._fitted for member in self.members)
