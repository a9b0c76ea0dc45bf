"""LightGBM on the fields, monotone where the schema says so; the only importer of lightgbm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from scoring_ml.data.yaml_file import reviewed
from scoring_ml.estimators.model_settings import BoostedSettings
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator, TrainingCounts
from scoring_ml.estimators.ridge import levelled_loss
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.estimators.typical_answers import Typical, filled, typical_answers
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

MIN_FOR_DEEP: Final = 500
"""Fewer wins or losses than this in the train window: trees of depth 3 only."""

CELLS_FOR_THREADS: Final = 500_000
"""Numbers in the training matrix below which one thread trains.

On a busy machine threads that wait for one another take far longer than the work itself.
"""

THREADED_ROWS: Final = 10_000
"""Rows from which several threads predict; the bits of a row do not depend on them."""

_TEXT_BEGINS: Final = "tree\nversion="
"""The first words of LightGBM's text of a model."""

_LEAST_ROWS: Final = {"min_data_in_leaf": 20, "min_data_in_bin": 3}
"""LightGBM's own least numbers of rows, which hold where the settings give none."""


def boosted_settings() -> dict[str, Any]:
    """Return the content of ``models/boosted.yaml``."""
    content = reviewed("boosted.yaml")
    return BoostedSettings.read(content, source="models/boosted.yaml").dump()


class Boosted(Estimator):
    """Gradient-boosted trees on the fields' encoded columns: the mean of several seeds.

    Parameters
    ----------
    shallow_only : bool
        Whether only the shallow parameter set may be used (for few wins).
    settings : mapping or None
        Content of ``models/boosted.yaml``; read from there if None.
    threads : int
        Threads for training and for prediction of many leads; of few, one.

    Attributes
    ----------
    boosters : tuple of lightgbm.Booster
        One for each seed; one alone in models of earlier versions.
    chosen_ : dict
        The parameter set that was chosen, what was tuned, and the number of trees.
    """

    kind = "boosted"
    colour = "#d55e00"
    roles = FIELD_ROLES
    min_outcomes = 30
    shap_values = True
    keeps_direction = True

    def __init__(
        self,
        columns: Sequence[EncodedColumn],
        *,
        shallow_only: bool = False,
        settings: Mapping[str, Any] | None = None,
        threads: int = 2,
    ) -> None:
        super().__init__(columns)
        self.shallow_only = shallow_only
        self.settings = settings
        self.threads = threads
        self.boosters: tuple[lightgbm.Booster, ...] = ()
        self._typical: Typical = {}
        self._mean = np.zeros(len(self.seen))
        self.chosen_: dict[str, Any] = {}

    @classmethod
    def make(cls, columns: Sequence[EncodedColumn], *, restricted: bool = False) -> Self:
        """Return an unfitted estimator; if ``restricted``, of shallow trees only."""
        return cls(columns, shallow_only=restricted)

    @classmethod
    def restriction(cls, counts: TrainingCounts) -> str:
        """Return why few wins or losses allow shallow trees only."""
        if counts.fewer >= MIN_FOR_DEEP:
            return ""
        return (
            f"trees of depth 3 only: deeper ones need {MIN_FOR_DEEP} {counts.scarce}, "
            f"found {counts.fewer}"
        )

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return the settings, the chosen set among them, and the number of trees."""
        return dict(self._given["common"]) | self.chosen_

    def _learn(self, rows: TrainingRows) -> None:
        """Choose parameters on the newest quarter, then refit on all rows, once with each seed."""
        self._typical = typical_answers(rows, self.numbers, self.blocks)
        own, self.chosen_ = self._choose(rows)
        params = self._params(rows, own)
        everything = lightgbm.Dataset(_SeenColumns(rows.X, self.seen), rows.y, weight=rows.weight)
        self.boosters = tuple(
            lightgbm.train(params | {"seed": seed}, everything, self.chosen_["trees"])
            for seed in self._given["seeds"]
        )
        self._mean[:] = 0.0
        if rows.average is not None:
            self._mean = self.contributions(rows.X[rows.averaged])[0][:, self.seen].mean(axis=0)

    def _choose(self, rows: TrainingRows) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the set with the least loss, tuned while work is left, and what was chosen.

        Work is counted in numbers of the training matrix times trees, so that the choice does not
        depend on how fast a machine is.
        """
        given = self._given
        sets = dict(given["sets"])
        name, own, loss, count = "shallow", dict(sets["shallow"]), np.nan, given["rounds"]["usual"]
        tuned: list[str] = []
        if rows.can_choose:
            leads = len(rows.y) if rows.weight is None else float(rows.weight.sum())
            if leads < given["large_from"]:
                sets.pop("large", None)
            if self.shallow_only:
                sets = {name: own}
            trial = _Trial(rows, self.seen, given["rounds"])
            found = {key: trial.loss(self._params(rows, each)) for key, each in sets.items()}
            name = min(found, key=found.__getitem__)
            own, (loss, count) = dict(sets[name]), found[name]
            for label, change in given["tuning"].items():
                if trial.work >= given["most_work"]:
                    break
                changed, trees = trial.loss(self._params(rows, own | change))
                if changed < loss * (1 - given["least_gain"]):
                    loss, count, own = changed, trees, own | change
                    tuned.append(label)
        facts = {"set": name, "tuned": ", ".join(tuned), "trees": count}
        return own, facts | {"loss_newest_quarter": loss, **own}

    def logodds(self, X: Floats) -> Floats:
        """Return uncalibrated log-odds, shape (n,)."""
        if not self._fitted:
            raise self._unfitted()
        seen = filled(X, self.seen, self._typical)
        options = {"raw_score": True, "num_threads": 1 if len(X) < THREADED_ROWS else self.threads}
        found = [each.predict(seen, **options) for each in self.boosters]
        return np.asarray(sum(found[1:], found[0]) / len(found))

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        """Return LightGBM's own TreeSHAP, the code that the shap package calls for LightGBM."""
        values = np.zeros((len(X), len(self.columns)))
        if len(X) == 0:
            return values, 0.0
        seen = filled(X, self.seen, self._typical)
        parts = [each.predict(seen, pred_contrib=True, num_threads=1) for each in self.boosters]
        found = np.asarray(sum(parts[1:], parts[0]) / len(parts))
        values[:, self.seen] = found[:, :-1] - self._mean
        return values, float(found[0, -1] + self._mean.sum())

    def dump(self) -> dict[str, Any]:
        """Return the choice as JSON-ready values and the trees as LightGBM's own texts."""
        return {
            "chosen": self.chosen_,
            "mean": self._mean.tolist(),
            **self._typical,
            "text": "".join(booster.model_to_string() for booster in self.boosters),
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`.

        The text must have been verified: LightGBM ends the process on a truncated one.
        """
        boosted = cls(columns)
        boosted.chosen_ = dict(content["chosen"])
        boosted._typical = {name: content[name] for name in ("typical", "typical_level")}
        # A model saved before points could be counted from one age has no means.
        boosted._mean = np.array(content.get("mean", boosted._mean), dtype=np.float64)
        texts = content["text"].split(_TEXT_BEGINS)[1:]
        boosted.boosters = tuple(lightgbm.Booster(model_str=_TEXT_BEGINS + text) for text in texts)
        return boosted

    @property
    def _fitted(self) -> bool:
        return bool(self.boosters)

    @cached_property
    def _given(self) -> Mapping[str, Any]:
        return self.settings or boosted_settings()

    def _params(self, rows: TrainingRows, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return LightGBM's parameters of a set.

        It counts what a leaf or a bin must hold in rows, whatever they weigh; here it is leads.
        """
        given = dict(self._given["common"]) | dict(own)
        if rows.weight is not None:
            rows_a_lead = len(rows.y) / float(rows.weight.sum())
            for name, usual in _LEAST_ROWS.items():
                given[name] = round(given.get(name, usual) * rows_a_lead)
        cells = len(rows.y) * len(self.seen)
        params = {
            "objective": "binary",
            "metric": "none",
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 7,
            "num_threads": self.threads if cells >= CELLS_FOR_THREADS else 1,
            **given,
        }
        monotone = [self.columns[i].monotone for i in self.seen]
        if self.keeps_direction and any(monotone):
            params["monotone_constraints"] = monotone
            params["monotone_constraints_method"] = "basic"
        return params


class _SeenColumns(lightgbm.Sequence):  # type: ignore[misc]
    """Rows of some columns, handed to LightGBM a part at a time instead of copied."""

    def __init__(self, X: Floats, columns: NDArray[np.intp]) -> None:
        self._X, self._columns = X, columns

    def __len__(self) -> int:
        return len(self._X)

    def __getitem__(self, rows: Any) -> Floats:
        return np.asarray(self._X[rows][..., self._columns])


class _Trial:
    """Trainings on all but the newest quarter, judged there, and the work that they were."""

    def __init__(
        self, rows: TrainingRows, seen: NDArray[np.intp], rounds: Mapping[str, int]
    ) -> None:
        features, self._outcomes, self._weights = rows.split(rows.X, rows.y, rows.weight)
        self._parts = [_SeenColumns(part, seen) for part in features]
        self._rounds = rounds
        self._cells = len(self._outcomes[0]) * len(seen)
        self.work = 0

    def loss(self, params: Mapping[str, Any]) -> tuple[float, int]:
        """Return the least levelled loss, and the number of trees that has it."""
        fit_on, judge_on = (
            lightgbm.Dataset(part, y, weight=weight)
            for part, y, weight in zip(self._parts, self._outcomes, self._weights, strict=True)
        )
        judge_on.set_reference(fit_on)

        def judge(p: Floats, data: Any) -> tuple[str, float, bool]:
            z = logit(np.clip(p, 1e-15, 1 - 1e-15))
            return "loss", levelled_loss(z, self._outcomes[1], self._weights[1]), False

        booster = lightgbm.train(
            dict(params),
            fit_on,
            num_boost_round=self._rounds["most"],
            valid_sets=[judge_on],
            feval=judge,
            callbacks=[lightgbm.early_stopping(self._rounds["patience"], verbose=False)],
        )
        self.work += self._cells * booster.current_iteration()
        # The last digits depend on how many threads added it up.
        loss = round(float(booster.best_score["valid_0"]["loss"]), 9)
        return loss, max(1, booster.best_iteration)
