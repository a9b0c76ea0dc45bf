"""CatBoost on the fields, with categories and their crosses of its own; an extra of the package."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring_ml.errors import IntegrityError
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator, TrainingCounts
from scoring_ml.estimators.ridge import levelled_loss
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.estimators.typical_answers import Typical, filled, typical_answers
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

PARAMETERS: Final[Mapping[str, Any]] = {
    "loss_function": "Logloss",
    "depth": 4,
    "learning_rate": 0.06,
    "leaf_estimation_iterations": 1,
    "max_ctr_complexity": 2,
    "simple_ctr": ["Borders:Prior=0.5"],
    "combinations_ctr": ["Borders:Prior=0.5"],
    "border_count": 64,
    "rsm": 0.5,
    "random_seed": 7,
    "thread_count": 1,
    "allow_writing_files": False,
    "logging_level": "Silent",
}
MOST_TREES, USUAL_TREES, TREES_APART = 300, 150, 10
"""The number of trees is chosen in steps up to the most; the usual where nothing can be chosen."""

_NAMES: Final = np.array([str(code).encode() for code in range(256)], dtype=object)
_NOT_INSTALLED: Final = "the package catboost is not installed: pip install 'catboost<1.3'"
_METADATA: Final = ("train_finish_time", "model_guid")


class CatBoost(Estimator):
    """Symmetric trees over numbers and whole categories, crossed in pairs.

    No declared direction is kept: with CatBoost's constraints a row's SHAP values depend on the
    rows that are explained beside it (catboost issue 1956).
    """

    kind = "catboost"
    colour = "#e69f00"
    roles = FIELD_ROLES
    min_outcomes = 30
    shap_values = True
    needs = ("catboost",)

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        super().__init__(columns)
        self.trees_ = 0
        self._model: Any = None
        self._typical: Typical = {}
        self._several: list[int] = []
        self._mean = np.zeros(1)

    @classmethod
    def installed(cls) -> bool:
        """Tell whether the package catboost is there."""
        return find_spec("catboost") is not None

    @classmethod
    def refusal(cls, counts: TrainingCounts) -> str:
        """Return why it may not be fitted: the package is not installed, or too few leads."""
        return super().refusal(counts) if cls.installed() else _NOT_INSTALLED

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return CatBoost's parameters and the number of trees."""
        return {**PARAMETERS, "trees": self.trees_}

    def _learn(self, rows: TrainingRows) -> None:
        """Choose the number of trees on the newest quarter, then refit on all rows."""
        from catboost import CatBoost as Library

        X = rows.X
        self._typical = typical_answers(rows, self.numbers, self.blocks)
        # A field of which a lead may have several values is no category: each value is a number.
        self._several = [
            k for k, block in enumerate(self.blocks) if (X[:, block].sum(axis=1) > 1).any()
        ]
        self.trees_ = USUAL_TREES
        if rows.can_choose:
            features, outcomes, weights = rows.split(X, rows.y, rows.weight)
            trial = Library({**PARAMETERS, "iterations": MOST_TREES})
            trial.fit(self._pool(features[0], outcomes[0], weights[0]))
            newer, step = self._pool(features[1]), {"eval_period": TREES_APART, "thread_count": 1}
            staged = trial.staged_predict(newer, "RawFormulaVal", **step)
            losses = [levelled_loss(z, outcomes[1], weights[1]) for z in staged]
            self.trees_ = TREES_APART * (1 + int(np.argmin(losses)))
        self._model = Library({**PARAMETERS, "iterations": self.trees_})
        self._model.fit(self._pool(X, rows.y, rows.weight))
        for name in _METADATA:
            self._model.get_metadata()[name] = ""
        self._mean = self._shap(X[rows.averaged])[:, :-1].mean(axis=0)

    def logodds(self, X: Floats) -> Floats:
        """Return uncalibrated log-odds, shape (n,)."""
        if not self._fitted:
            raise self._unfitted()
        if len(X) == 0:
            return np.zeros(0)
        return np.asarray(self._model.predict(self._pool(X), "RawFormulaVal", thread_count=1))

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        """Return CatBoost's own SHAP values; a category's stands at the level that is set."""
        values = np.zeros((len(X), len(self.columns)))
        if len(X) == 0:
            return values, 0.0
        found, seen = self._shap(X), filled(X, self.seen, self._typical)
        parts = found[:, :-1] - self._mean
        numbers, blocks = self._layout()
        values[:, self.seen[numbers]] = parts[:, : len(numbers)]
        rows = np.arange(len(X))
        for part, block in zip(parts[:, len(numbers) :].T, blocks, strict=True):
            values[rows, self.seen[block[seen[:, block].argmax(axis=1)]]] = part
        return values, float(found[0, -1] + self._mean.sum())

    def dump(self) -> dict[str, Any]:
        """Return what it needs as JSON-ready values, and CatBoost's own file as base64 text."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            self._model.save_model(str(path))
            text = base64.b64encode(path.read_bytes()).decode("ascii")
        own = {"trees": self.trees_, "several": self._several, "mean": self._mean.tolist()}
        return {**own, **self._typical, "text": text}

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`.

        Raises
        ------
        IntegrityError
            If the package catboost is not installed.
        """
        if not cls.installed():
            do = "Install it with pip install 'catboost<1.3', or go back with scoring-ml rollback"
            raise IntegrityError("This model needs catboost", found="it is not installed", do=do)
        from catboost import CatBoost as Library

        made = cls(columns)
        made.trees_ = int(content["trees"])
        made._several = [int(k) for k in content["several"]]
        made._mean = np.array(content["mean"], dtype=np.float64)
        made._typical = {name: content[name] for name in ("typical", "typical_level")}
        made._model = Library().load_model(blob=base64.b64decode(content["text"]))
        return made

    @property
    def _fitted(self) -> bool:
        return self._model is not None

    def _layout(self) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
        """Return the places, among the columns seen, of the numbers and of each category."""
        several = [i for k in self._several for i in self.blocks[k]]
        whole = [block for k, block in enumerate(self.blocks) if k not in self._several]
        numbers = np.searchsorted(self.seen, np.array([*self.numbers, *several], dtype=np.intp))
        return numbers, [np.searchsorted(self.seen, block) for block in whole]

    def _pool(self, X: Floats, y: Floats | None = None, weight: Floats | None = None) -> Any:
        from catboost import FeaturesData, Pool

        seen, (numbers, blocks) = filled(X, self.seen, self._typical), self._layout()
        codes = [seen[:, block].argmax(axis=1) for block in blocks]
        data = FeaturesData(
            num_feature_data=seen[:, numbers].astype(np.float32) if numbers.size else None,
            cat_feature_data=_NAMES[np.column_stack(codes)] if codes else None,
        )
        return Pool(data, label=y, weight=weight)

    def _shap(self, X: Floats) -> Floats:
        options = {"type": "ShapValues", "thread_count": 1}
        return np.asarray(self._model.get_feature_importance(self._pool(X), **options))
