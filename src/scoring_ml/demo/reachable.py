"""The best reachable AUC on the demo's leads, given what is known of them.

The true probability of a lead sees answers that nobody has given yet, so no model can rank as
well as it does. What a model can reach at best is the expectation of the true probability given
what is known at the moment. It is estimated by regressing the true probability (not the outcome:
there is no noise of the toss in it) on the fields and features of generated leads, and on what the
known answers alone add to the true log-odds. They are seen at the same age by the same code, at
least 20 for each lead of the demo, none of which is one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Schema
from scoring_ml.data.values.moments import Moments
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS, RESPONSE_FIELD, true_logodds
from scoring_ml.demo.export import typed_export
from scoring_ml.demo.files import seed_of
from scoring_ml.demo.people import NO_CODE
from scoring_ml.demo.world import make_world
from scoring_ml.errors import InputError
from scoring_ml.features.asof import seen_at
from scoring_ml.features.criteria import contact_valid, is_missing
from scoring_ml.features.crm_snapshot import values_at
from scoring_ml.features.outcomes import find_outcomes
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.ranking import roc_auc

FACTOR: Final = 20
"""Leads generated for each lead of the demo."""

HELD_OUT: Final = 40_000
"""Generated leads kept back to measure how well the regression explains the truth."""

_MOST_LEVELS: Final = 250
_STEPS: Final = 5
_ROUNDS_A_STEP: Final = 60


@dataclass(frozen=True)
class Reachable:
    """The best reachable ranking of some leads.

    Parameters
    ----------
    auc, expected : float, array of shape (n,)
        ROC AUC of the estimated expectation of the true probability given what is known of each
        lead.
    snapshots, r2 : int, float
        Generated snapshots that the regression has seen; share of the variance of the true
        probability that it explains on others. Below 1, since missing answers matter.
    """

    auc: float
    expected: NDArray[np.float64]
    snapshots: int
    r2: float


def best_reachable(
    test: Snapshot,
    schema: Schema,
    mapping: CrmMapping,
    *,
    leads: int,
    seed: int,
    factor: int = FACTOR,
    progress: Callable[[int, int], None] | None = None,
) -> Reachable:
    """Estimate the best reachable AUC on given leads of the demo.

    Parameters
    ----------
    test : Snapshot
        Labelled leads of the demo at one age, one row each.
    schema : Schema
        What the snapshot's columns mean.
    mapping : CrmMapping
        Of the demo.
    leads, seed : int
        With which the demo was made.
    factor : int
        ``factor * leads`` leads are generated, 1 or more; below 20 only for tests.
    progress : callable, optional
        Called with the steps done and the steps in all.

    Raises
    ------
    InputError
        If ``factor`` is too small, or the rows are not won and lost leads of one age.
    """
    report = progress or (lambda done, total: None)
    ages = np.unique(test.age_days) if test.age_days is not None else np.array([])
    if len(ages) != 1 or not np.array_equal(np.unique(test.label), [0.0, 1.0]):
        raise InputError(
            "Each lead must be won (1) or lost (0), both must occur, and all be seen at one age",
            found=f"{len(test)} leads at {len(ages)} ages",
            do="Give mature leads of the demo at one age",
        )
    if factor < 1:
        raise InputError("factor must be 1 or more", found=str(factor), do="Give at least 20")
    age = float(ages[0])
    values, truth = _generated("snapshots", factor * leads, schema, mapping, age, leads, seed)
    encoder = _Codes(schema, values)
    X = encoder.encode(values)
    model = HistGradientBoostingRegressor(
        learning_rate=0.08,
        max_leaf_nodes=31,
        min_samples_leaf=50,
        categorical_features=encoder.categorical,
        early_stopping=False,
        warm_start=True,
        random_state=0,
    )
    for step in range(_STEPS):
        report(step, _STEPS)
        model.set_params(max_iter=_ROUNDS_A_STEP * (step + 1)).fit(X, truth)
    report(_STEPS, _STEPS)
    unseen, true = _generated("held_out", HELD_OUT, schema, mapping, age, leads, seed)
    r2 = float(r2_score(true, model.predict(encoder.encode(unseen))))
    rows = {str(name): test.frame[name].to_numpy() for name in test.frame}
    expected = np.asarray(model.predict(encoder.encode(rows)), dtype=np.float64)
    return Reachable(roc_auc(expected, test.label), expected, len(truth), r2)


def _generated(
    part: str, count: int, schema: Schema, mapping: CrmMapping, age: float, leads: int, seed: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """Return fields and features of generated leads that are open at an age, and their truth."""
    world = make_world(count, seed_of(part, leads=leads, seed=seed))
    export = typed_export(world)
    as_of: Moments = seen_at(export.leads.created_at, age)
    outcomes = find_outcomes(export, mapping)
    is_open = outcomes.open_at(as_of) & (as_of <= export.extracted_at)
    rows = np.flatnonzero(is_open & ~outcomes.won_before(as_of))
    values = values_at(export, schema, as_of)
    truth = world.truth(as_of[rows], rows)
    return {name: item[rows] for name, item in values.items()}, truth


def known_logodds(values: Mapping[str, NDArray[Any]], schema: Schema) -> NDArray[np.float64]:
    """Return the true log-odds that follow from the known attributes alone, shape (n,).

    Parameters
    ----------
    values : mapping of str to array, shape (n,)
        Fields as known at some moment.
    schema : Schema
        Of the demo.
    """
    n = len(next(iter(values.values())))
    known: dict[str, NDArray[Any]] = {RESPONSE_FIELD: np.full(n, np.nan)}
    for column in schema.used:
        cells, levels = values[column.name], ATTRIBUTE_LEVELS.get(column.name)
        if levels is None:
            known[column.name] = cells
            continue
        words = cells.tolist()
        if column.type in ("email", "phone"):
            checked = {1.0: "valid", 0.0: "invalid"}
            words = [None if is_missing(word) else contact_valid(word, column) for word in words]
            words = [checked.get(word) for word in words]
        places = {level: place for place, level in enumerate(levels)}
        known[column.name] = np.array([places.get(word, NO_CODE) for word in words])
    return true_logodds(known)


class _Codes:
    """Every used column as one number; categories as codes, missing as NaN.

    Beside them stands :func:`known_logodds`, so that the regression need not find the true effects
    and interactions again.
    """

    def __init__(self, schema: Schema, values: Mapping[str, NDArray[Any]]) -> None:
        self._schema = schema
        self._columns = schema.used
        self._levels: dict[str, dict[Any, int]] = {}
        for column in self._columns:
            if column.type == "category":
                words = [word for word in values[column.name].tolist() if word is not None]
                distinct, counts = np.unique(words, return_counts=True)
                often = distinct[np.argsort(-counts, kind="stable")][:_MOST_LEVELS]
                self._levels[column.name] = {word: i for i, word in enumerate(often.tolist())}
        self.categorical = [*(column.type == "category" for column in self._columns), False]

    def encode(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        X = np.full((len(next(iter(values.values()))), len(self._columns) + 1), np.nan)
        for index, column in enumerate(self._columns):
            cells = values[column.name]
            if column.type == "category":
                levels = self._levels[column.name]
                X[:, index] = [levels.get(cell, np.nan) for cell in cells.tolist()]
            elif column.type in ("email", "phone"):
                X[:, index] = [
                    np.nan if is_missing(cell) else contact_valid(cell, column) or 0.0
                    for cell in cells.tolist()
                ]
            elif column.type != "date":
                X[:, index] = cells
        X[:, -1] = known_logodds(values, self._schema)
        return X
