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
from scoring_ml.estimators.weighting import checked_weight, newest_begins, quantiles
from scoring_ml.features.encoder import EncodedColumn

CELLS_FOR_THREADS: Final = 500_000
"""Numbers in the training matrix below which one thread trains.

On a busy machine threads that wait for one another take far longer than the work itself.
"""

AVERAGED_ROWS: Final = 2_000
"""At least so many rows, if there are, give the mean from which contributions are counted."""

_LEAST_ROWS: Final = {"min_data_in_leaf": 20, "min_data_in_bin": 3}
"""LightGBM's own least numbers of rows, which hold where the settings give none."""


def boosted_settings() -> dict[str, Any]:
    """Return the content of ``models/boosted.yaml``."""
    content = reviewed("boosted.yaml")
    return BoostedSettings.read(content, source="models/boosted.yaml").dump()


class Boosted:
    """Gradient-boosted trees on the fields' encoded columns.

    Parameters
    ----------
    columns : sequence of EncodedColumn
    shallow_only : bool
        Whether only the shallow parameter set may be used (for few wins).
    settings : mapping or None
        Content of ``models/boosted.yaml``; read from there if None.
    threads : int
        Threads for training on many leads; prediction uses one.

    Attributes
    ----------
    chosen_ : dict
        The parameter set that was chosen and the number of trees.
    """

    kind = "boosted"

    def __init__(
        self,
        columns: Sequence[EncodedColumn],
        *,
        shallow_only: bool = False,
        settings: Mapping[str, Any] | None = None,
        threads: int = 2,
    ) -> None:
        self.shallow_only = shallow_only
        self.settings = settings
        self.threads = threads
        self._width = len(columns)
        self._seen = np.array(
            [
                i
                for i, column in enumerate(columns)
                if column.role in ("value", "level", "other", "missing")
            ],
            dtype=np.intp,
        )
        self._values = [i for i, column in enumerate(columns) if column.role == "value"]
        self._monotone = [columns[i].monotone for i in self._seen]
        self._booster: lightgbm.Booster | None = None
        self._blocks: dict[str, list[int]] = {}
        for i, column in enumerate(columns):
            if column.role in ("level", "other", "missing"):
                self._blocks.setdefault(column.column, []).append(i)
        self._typical: dict[int, float] = {}
        self._levels: list[tuple[int, int]] = []
        self._mean = np.zeros(len(self._seen))
        self.chosen_: dict[str, Any] = {}

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Choose parameters on the newest quarter, then refit on all rows.

        Parameters
        ----------
        X : array of float, shape (n, width)
            Rows ordered oldest to newest.
        y : array of float, shape (n,)
        weight : array of float, shape (n,), or None
            What each row counts, positive; 1 if None.
        lead : array of int, shape (n,), or None
            Which lead a row is of, rows of a lead adjacent; each row is a lead if None.
        average : array of bool, shape (n,), or None
            Rows from whose mean contributions are counted; all of them if None.

        Raises
        ------
        ValueError
            If ``weight`` is not one positive number per row.
        """
        weight = checked_weight(weight, len(y))
        settings = self.settings or boosted_settings()
        sets = dict(settings["sets"])
        if self.shallow_only:
            sets = {"shallow": sets["shallow"]}
        cut = newest_begins(len(y), lead)
        older, newest = (None, None) if weight is None else (weight[:cut], weight[cut:])
        rows_a_lead = 1.0 if weight is None else len(y) / float(weight.sum())
        self._learn_typical(X, weight)
        seen = np.ascontiguousarray(X[:, self._seen])
        most, patience = settings["rounds"]["most"], settings["rounds"]["patience"]
        best: tuple[float, int, str] | None = None
        both_classes = len(np.unique(y[:cut])) == 2 and len(np.unique(y[cut:])) == 2
        if both_classes:
            for name, own in sets.items():
                params = self._params(settings["common"] | own, seen.size, rows_a_lead)
                fit_on = lightgbm.Dataset(seen[:cut], y[:cut], weight=older)
                booster = lightgbm.train(
                    params,
                    fit_on,
                    num_boost_round=most,
                    valid_sets=[
                        lightgbm.Dataset(seen[cut:], y[cut:], weight=newest, reference=fit_on)
                    ],
                    callbacks=[lightgbm.early_stopping(patience, verbose=False)],
                )
                # The last digits depend on how many threads added it up.
                loss = round(float(booster.best_score["valid_0"]["binary_logloss"]), 9)
                if best is None or loss < best[0]:
                    best = (loss, max(1, booster.best_iteration), name)
        loss, rounds, name = best or (float("nan"), 50, "shallow")
        params = self._params(settings["common"] | sets[name], seen.size, rows_a_lead)
        everything = lightgbm.Dataset(seen, y, weight=weight)
        self._booster = lightgbm.train(params, everything, num_boost_round=rounds)
        self.chosen_ = {"set": name, "trees": rounds, "log_loss_newest_quarter": loss, **sets[name]}
        self._mean = np.zeros(len(self._seen))
        if average is not None:
            rows = np.flatnonzero(average)
            rows = rows[:: max(1, len(rows) // AVERAGED_ROWS)]
            self._mean = self.contributions(X[rows])[0][:, self._seen].mean(axis=0)
        return self

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return uncalibrated log-odds, shape (n,)."""
        seen = self._with_typical(X)
        return np.asarray(self._fitted().predict(seen, raw_score=True, num_threads=1))

    def contributions(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return TreeSHAP values, shape (n, width), and the base, in log-odds.

        LightGBM's own TreeSHAP, the code that the shap package calls for LightGBM.
        """
        values = np.zeros((len(X), self._width))
        if len(X) == 0:
            return values, 0.0
        seen = self._with_typical(X)
        found = np.asarray(self._fitted().predict(seen, pred_contrib=True, num_threads=1))
        values[:, self._seen] = found[:, :-1] - self._mean
        return values, float(found[0, -1] + self._mean.sum())

    def dump(self) -> dict[str, Any]:
        """Return the choice as JSON-ready values and the trees as LightGBM's own text."""
        return {
            "chosen": self.chosen_,
            "typical": [[int(i), float(value)] for i, value in self._typical.items()],
            "mean": list(map(float, self._mean)),
            "typical_level": [list(map(int, flag_and_level)) for flag_and_level in self._levels],
            "text": self._fitted().model_to_string(),
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
        """The fitted booster, for plots."""
        return self._fitted()

    @property
    def seen(self) -> NDArray[np.intp]:
        """Indices of the encoded columns that the trees see."""
        return self._seen

    def _learn_typical(self, X: NDArray[np.float64], weight: NDArray[np.float64] | None) -> None:
        """Note what stands for an answer that was never missing in training.

        Trees that never saw a missing number take it for 0, and a level that never occurred for
        none of the others; a typical answer (the median, the most frequent level) is nearer.
        """
        self._typical, self._levels = {}, []
        self.__dict__.pop("_stand_ins", None)
        for i in self._values:
            column = X[:, i]
            if len(column) and not np.isnan(column).any():
                self._typical[int(i)] = float(quantiles(column, [0.5], weight)[0])
        for block in self._blocks.values():
            flags = X[:, block]
            counts = flags.sum(axis=0) if weight is None else weight @ flags
            level = block[int(np.argmax(counts))]
            self._levels += [(i, level) for i, n in zip(block, counts, strict=True) if n == 0]

    def _with_typical(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the columns that the trees see, with typical answers where they saw none."""
        seen = np.ascontiguousarray(X[:, self._seen])
        flags, numbers, fills = self._stand_ins
        if flags.size and seen[:, flags].any():
            place = {int(i): at for at, i in enumerate(self._seen)}
            for flag, level in self._levels:
                rows = seen[:, place[flag]] == 1.0
                seen[rows, place[flag]] = 0.0
                seen[rows, place[level]] = 1.0
        if numbers.size:
            known = seen[:, numbers]
            if np.isnan(known).any():
                seen[:, numbers] = np.where(np.isnan(known), fills, known)
        return seen

    @cached_property
    def _stand_ins(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Places, among the columns that the trees see, of flags and numbers never missing."""
        place = {int(i): at for at, i in enumerate(self._seen)}
        flags = np.array([place[flag] for flag, _ in self._levels], dtype=np.intp)
        numbers = np.array([place[i] for i in self._typical], dtype=np.intp)
        return flags, numbers, np.array(list(self._typical.values()))

    def _fitted(self) -> lightgbm.Booster:
        if self._booster is None:
            raise RuntimeError("Boosted must be fitted before use. Found: unfitted. Call fit.")
        return self._booster

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
        if any(self._monotone):
            params["monotone_constraints"] = self._monotone
            params["monotone_constraints_method"] = "basic"
        return params
