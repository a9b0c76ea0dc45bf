"""LightGBM on the fields, monotone where the schema says so; the only importer of lightgbm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.yaml_file import reviewed
from scoring_ml.estimators.model_settings import BoostedSettings
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator, TrainingCounts
from scoring_ml.estimators.rows import TrainingRows, quantiles
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

AVERAGED_ROWS: Final = 2_000
"""At least so many rows, if there are, give the mean from which contributions are counted."""

_LEAST_ROWS: Final = {"min_data_in_leaf": 20, "min_data_in_bin": 3}
"""LightGBM's own least numbers of rows, which hold where the settings give none."""


def boosted_settings() -> dict[str, Any]:
    """Return the content of ``models/boosted.yaml``."""
    content = reviewed("boosted.yaml")
    return BoostedSettings.read(content, source="models/boosted.yaml").dump()


class Boosted(Estimator):
    """Gradient-boosted trees on the fields' encoded columns.

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
    chosen_ : dict
        The parameter set that was chosen and the number of trees.
    """

    kind = "boosted"
    colour = "#d55e00"
    roles = FIELD_ROLES
    min_outcomes = 150
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
        self._booster: lightgbm.Booster | None = None
        self._typical: dict[int, float] = {}
        self._levels: list[tuple[int, int]] = []
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
        settings = self.settings or boosted_settings()
        return dict(settings["common"]) | self.chosen_

    def _learn(self, rows: TrainingRows) -> None:
        """Choose parameters on the newest quarter, then refit on all rows."""
        X, y, weight = rows.X, rows.y, rows.weight
        settings = self.settings or boosted_settings()
        sets = dict(settings["sets"])
        if self.shallow_only:
            sets = {"shallow": sets["shallow"]}
        rows_a_lead = 1.0 if weight is None else len(y) / float(weight.sum())
        self._learn_typical(X, weight)
        cells = len(X) * len(self.seen)
        best: tuple[float, int, str] | None = None
        if rows.can_choose:
            for name, own in sets.items():
                params = self._params(settings["common"] | own, cells, rows_a_lead)
                loss, count = _newest_loss(rows, self.seen, params, **settings["rounds"])
                if best is None or loss < best[0]:
                    best = (loss, count, name)
        loss, count, name = best or (float("nan"), 50, "shallow")
        params = self._params(settings["common"] | sets[name], cells, rows_a_lead)
        everything = lightgbm.Dataset(_SeenColumns(X, self.seen), y, weight=weight)
        self._booster = lightgbm.train(params, everything, num_boost_round=count)
        self.chosen_ = {"set": name, "trees": count, "log_loss_newest_quarter": loss, **sets[name]}
        self._mean[:] = 0.0
        if rows.average is not None:
            averaged = np.flatnonzero(rows.average)
            averaged = averaged[:: max(1, len(averaged) // AVERAGED_ROWS)]
            self._mean = self.contributions(X[averaged])[0][:, self.seen].mean(axis=0)

    def logodds(self, X: Floats) -> Floats:
        """Return uncalibrated log-odds, shape (n,)."""
        seen = self._with_typical(X)
        threads = 1 if len(X) < THREADED_ROWS else self.threads
        return np.asarray(self.booster.predict(seen, raw_score=True, num_threads=threads))

    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        """Return LightGBM's own TreeSHAP, the code that the shap package calls for LightGBM."""
        values = np.zeros((len(X), len(self.columns)))
        if len(X) == 0:
            return values, 0.0
        seen = self._with_typical(X)
        found = np.asarray(self.booster.predict(seen, pred_contrib=True, num_threads=1))
        values[:, self.seen] = found[:, :-1] - self._mean
        return values, float(found[0, -1] + self._mean.sum())

    def dump(self) -> dict[str, Any]:
        """Return the choice as JSON-ready values and the trees as LightGBM's own text."""
        return {
            "chosen": self.chosen_,
            "typical": [list(item) for item in self._typical.items()],
            "mean": self._mean.tolist(),
            "typical_level": [list(item) for item in self._levels],
            "text": self.booster.model_to_string(),
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`.

        The text must have been verified: LightGBM ends the process on a truncated one.
        """
        boosted = cls(columns)
        boosted.chosen_ = dict(content["chosen"])
        boosted._typical = {int(i): float(value) for i, value in content["typical"]}
        boosted._levels = [(int(flag), int(level)) for flag, level in content["typical_level"]]
        # A model saved before points could be counted from one age has no means.
        boosted._mean = np.array(content.get("mean", boosted._mean), dtype=np.float64)
        boosted._booster = lightgbm.Booster(model_str=content["text"])
        return boosted

    @property
    def booster(self) -> lightgbm.Booster:
        """The fitted booster."""
        if self._booster is None:
            raise self._unfitted()
        return self._booster

    @property
    def _fitted(self) -> bool:
        return self._booster is not None

    def _learn_typical(self, X: Floats, weight: Floats | None) -> None:
        """Note what stands for an answer that was never missing in training.

        Trees that never saw a missing number take it for 0, and a level that never occurred for
        none of the others; a typical answer (the median, the most frequent level) is nearer.
        """
        self._levels = []
        self.__dict__.pop("_stand_ins", None)
        self._typical = {
            i: float(quantiles(X[:, i], [0.5], weight)[0])
            for i in self.numbers
            if len(X) and not np.isnan(X[:, i]).any()
        }
        for block in self.blocks:
            flags = X[:, block]
            counts = flags.sum(axis=0) if weight is None else weight @ flags
            level = block[int(np.argmax(counts))]
            self._levels += [(i, level) for i, n in zip(block, counts, strict=True) if n == 0]

    def _with_typical(self, X: Floats) -> Floats:
        """Return the columns that the trees see, with typical answers where they saw none."""
        seen = np.ascontiguousarray(X[:, self.seen])
        flags, levels, numbers, fills = self._stand_ins
        if flags.size and seen[:, flags].any():
            for flag, level in zip(flags, levels, strict=True):
                rows = seen[:, flag] == 1.0
                seen[rows, flag] = 0.0
                seen[rows, level] = 1.0
        if numbers.size:
            known = seen[:, numbers]
            if np.isnan(known).any():
                seen[:, numbers] = np.where(np.isnan(known), fills, known)
        return seen

    @cached_property
    def _stand_ins(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Floats]:
        """Places, among the columns that the trees see, of what never occurred, and stand-ins."""
        pairs = np.array(self._levels, dtype=np.intp).reshape(-1, 2)
        flags, levels = np.searchsorted(self.seen, pairs.T)
        numbers = np.searchsorted(self.seen, [*self._typical])
        return flags, levels, numbers, np.array([*self._typical.values()])

    def _params(self, given: Mapping[str, Any], cells: int, rows_a_lead: float) -> dict[str, Any]:
        """Return LightGBM's parameters.

        It counts what a leaf or a bin must hold in rows, whatever they weigh; here it is leads.
        """
        given = dict(given)
        if rows_a_lead != 1.0:
            for name, usual in _LEAST_ROWS.items():
                given[name] = round(given.get(name, usual) * rows_a_lead)
        params = {
            "objective": "binary",
            "metric": "binary_logloss",
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 7,
            "num_threads": self.threads if cells >= CELLS_FOR_THREADS else 1,
            **given,
        }
        monotone = [self.columns[i].monotone for i in self.seen]
        if any(monotone):
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


def _newest_loss(
    rows: TrainingRows,
    seen: NDArray[np.intp],
    params: Mapping[str, Any],
    *,
    most: int,
    patience: int,
) -> tuple[float, int]:
    """Return the least log loss on the newest quarter, and the number of trees that has it."""
    features, outcomes, weights = rows.split(rows.X, rows.y, rows.weight)
    older, newer = (_SeenColumns(part, seen) for part in features)
    fit_on = lightgbm.Dataset(older, outcomes[0], weight=weights[0])
    judge_on = lightgbm.Dataset(newer, outcomes[1], weight=weights[1], reference=fit_on)
    booster = lightgbm.train(
        dict(params),
        fit_on,
        num_boost_round=most,
        valid_sets=[judge_on],
        callbacks=[lightgbm.early_stopping(patience, verbose=False)],
    )
    # The last digits depend on how many threads added it up.
    loss = round(float(booster.best_score["valid_0"]["binary_logloss"]), 9)
    return loss, max(1, booster.best_iteration)
