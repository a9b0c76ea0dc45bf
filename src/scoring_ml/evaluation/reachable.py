"""How well any model could rank the demo's leads, given what is known of them.

The true probability of a lead sees answers that nobody has given yet, so no model can rank as
well as it does. What a model can reach at best is the expectation of the true probability given
what is known, missing kept missing. It is estimated by regressing the true probability (not the
outcome: there is no noise of the toss in it) on generated snapshots, at least 20 for each lead
of the demo, none of which is a lead of the demo.

Left out of what is known is only that which, given the rest, says nothing about the chance of a
win by the making of this world: names, the wording of addresses and numbers beyond whether they
can work, and the moment of creation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score

from scoring_ml.data.contacts import valid_email, valid_phone
from scoring_ml.data.demo import seed_of
from scoring_ml.data.demo_effects import LEVELS, true_logodds
from scoring_ml.data.demo_world import draw_world
from scoring_ml.data.schema import Schema, parse_schema
from scoring_ml.data.values import reader
from scoring_ml.errors import InputError

FACTOR: Final = 20
"""Snapshots generated for each lead of the demo."""

HELD_OUT: Final = 40_000
"""Generated snapshots kept back to measure how well the regression explains the truth."""

_STEPS: Final = 5
_ROUNDS_A_STEP: Final = 40


@dataclass(frozen=True)
class Reachable:
    """The best reachable ranking of some leads.

    Parameters
    ----------
    auc : float
        ROC AUC of ``expected`` on the given leads and their outcomes, in [0, 1].
    expected : array of shape (n,)
        Estimated expectation of the true probability given what is known of each lead.
    snapshots : int
        Generated snapshots that the regression has seen.
    r2 : float
        Share of the variance of the true probability that the regression explains on
        snapshots that it has not seen. Below 1, since missing answers matter.
    """

    auc: float
    expected: NDArray[np.float64]
    snapshots: int
    r2: float


def best_reachable(
    test: pd.DataFrame,
    won: ArrayLike,
    *,
    leads: int,
    seed: int,
    factor: int = FACTOR,
    progress: Callable[[int, int], None] | None = None,
) -> Reachable:
    """Estimate the best reachable AUC on given leads of the demo.

    Parameters
    ----------
    test : DataFrame of str, shape (n, columns)
        Rows of the demo's ``leads.csv``, as text.
    won : array of shape (n,)
        1 for won, 0 for lost.
    leads, seed : int
        With which the demo was made.
    factor : int
        ``factor * leads`` snapshots are generated, 1 or more; below 20 only for tests.
    progress : callable, optional
        Called with the steps done and the steps in all.

    Returns
    -------
    Reachable

    Raises
    ------
    InputError
        If ``factor`` is too small, a column is missing, a value cannot be read, or the outcomes
        are not both won and lost.
    """
    report = progress or (lambda done, total: None)
    outcome = np.asarray(won, dtype=np.float64)
    if len(outcome) != len(test) or not np.array_equal(np.unique(outcome), [0.0, 1.0]):
        raise InputError(
            "Each lead must be won (1) or lost (0), and both must occur",
            found=f"{len(test)} leads, {len(outcome)} outcomes, not both of 0 and 1 and only these",
            do="Give mature leads of the demo",
        )
    if factor < 1:
        raise InputError("factor must be 1 or more", found=str(factor), do="Give at least 20")
    rows = _encode(_read(test))
    drawn = draw_world(factor * leads, seed_of("snapshots", leads=leads, seed=seed))
    known = _encode(drawn.known)
    model = HistGradientBoostingRegressor(
        learning_rate=0.08,
        max_leaf_nodes=31,
        min_samples_leaf=50,
        categorical_features=[name in LEVELS for name in (*_FIELDS, "")],
        early_stopping=False,
        warm_start=True,
        random_state=0,
    )
    for step in range(_STEPS):
        report(step, _STEPS)
        model.set_params(max_iter=_ROUNDS_A_STEP * (step + 1)).fit(known, drawn.probability)
    report(_STEPS, _STEPS)
    unseen = draw_world(HELD_OUT, seed_of("held_out", leads=leads, seed=seed))
    r2 = float(r2_score(unseen.probability, model.predict(_encode(unseen.known))))
    expected = np.asarray(model.predict(rows), dtype=np.float64)
    return Reachable(float(roc_auc_score(outcome, expected)), expected, factor * leads, r2)


_FIELDS: Final = (
    *LEVELS,
    "employees", "budget_amount", "timeline_days", "pages_viewed", "minutes_on_site",
    "downloads", "demo_requested", "webinar_attended", "newsletter", "preferred_contact_hour",
)  # fmt: skip


def _encode(known: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Encode what is known as float64, shape (n, fields + 1); NaN where it is missing.

    The last column adds up the true effects of what is known: nothing new, but it saves the
    trees from having to find out what is true in general, and leaves them what is missing.
    """
    columns = [
        _codes(known[name], LEVELS[name]) if name in LEVELS else known[name].astype(np.float64)
        for name in _FIELDS
    ]
    return np.column_stack([*columns, true_logodds(known)])


def _codes(values: NDArray[Any], levels: tuple[str, ...]) -> NDArray[np.float64]:
    codes = pd.Categorical(values, categories=list(levels)).codes.astype(np.float64)
    codes[codes < 0] = np.nan
    return codes


def _read(test: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Read text as the world holds it: words, numbers, and whether a contact can work."""
    schema = _schema()
    known: dict[str, NDArray[Any]] = {}
    for name in _FIELDS:
        column = schema[name]
        if name not in test:
            raise InputError(
                "The leads must be rows of the demo's leads.csv",
                found=f"no column {name}",
                do="Give all its columns, unchanged",
            )
        read = reader(column, schema.missing)
        try:
            values = [read(text) for text in test[name]]
        except ValueError as error:
            raise InputError(
                f"Every value of {name} must be one of its type",
                found=str(error),
                do="Give the rows of leads.csv as text, unchanged",
            ) from None
        if name in ("email", "phone"):
            check = valid_email if name == "email" else valid_phone
            values = [_state(check, value) for value in values]
        known[name] = np.array(values, dtype=object if name in LEVELS else np.float64)
    return known


def _state(check: Callable[[str], bool], value: Any) -> str | None:
    return None if value is None else "valid" if check(value) else "invalid"


def _schema() -> Schema:
    text = (files("models") / "examples" / "demo" / "schema.yaml").read_text(encoding="utf-8")
    return parse_schema(yaml.safe_load(text), source="models/examples/demo/schema.yaml")
