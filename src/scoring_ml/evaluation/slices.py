"""Slices of the newest leads by age, by new account and by field, and the metrics of each.

The headline is one number for all test leads at one age. A slice asks the same of some of them,
with the same fitted candidates: nothing is fitted or chosen here. Slices of different ages hold
different leads - at 30 days only those that are still open - so their numbers are not paired.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring_ml.data.schema import Schema
from scoring_ml.errors import InputError
from scoring_ml.evaluation.intervals import Predictions, auc_with_interval
from scoring_ml.evaluation.windows import Rows, Windows
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.proportions import expected_wins

MOST_LEVELS: Final = 6
"""Most frequent values of a field that get a slice each."""

SLICED: Final = ("category", "boolean")
"""Types of the fields by whose values slices are made."""

BY_AGE: Final = "age"
BY_ACCOUNT: Final = "account"


@dataclass(frozen=True)
class Judged:
    """What one candidate does on a slice.

    Parameters
    ----------
    roc_auc : Interval
        NaN with one class only.
    promised : Interval
        Wins that its probabilities promise, and the range in which wins lie in 95 of 100 cases
        if the probabilities are right; NaN without probabilities.
    predicted : float
        Mean probability of a win, 0-1; NaN without probabilities or leads.
    """

    roc_auc: Interval
    promised: Interval
    predicted: float


@dataclass(frozen=True)
class Slice:
    """Some of the test leads, and how the chosen candidate and the matrix do on them.

    Parameters
    ----------
    name : str
        For metrics and files, of letters, digits, ``.``, ``-`` and ``_`` only, such as
        ``age_7d``, ``new_accounts`` or ``language_fa``.
    by : str
        ``age``, ``account``, or the field's name.
    value : float or str or None
        Age in days, or the field's value; None for new accounts and for a missing value.
    headline : bool
        Whether it is the headline age, so all test leads.
    leads, wins : int
    judged : mapping of str to Judged
        By kind of candidate.
    """

    name: str
    by: str
    value: float | str | None
    headline: bool
    leads: int
    wins: int
    judged: Mapping[str, Judged]

    @property
    def observed(self) -> float:
        """Share of wins, 0-1; NaN without leads."""
        return self.wins / self.leads if self.leads else float("nan")


def judge_slices(
    snapshot: Snapshot,
    schema: Schema,
    windows: Windows,
    candidates: Mapping[str, Predictions],
    *,
    slice_by: Sequence[str] = (),
    replicates: int = 400,
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Judge candidates on parts of the test leads.

    Parameters
    ----------
    windows : Windows
    candidates : mapping of str to Predictions
        By kind, for every row of the snapshot.
    slice_by : sequence of str
        Categories and booleans of the schema, of which the most frequent values get a slice each.
    replicates : int
        Resamples of accounts behind each interval, where the schema names an account.

    Returns
    -------
    tuple of Slice
        Ages, rising; new accounts (of no lead that was learned from or calibrated on; a lead
        without an account is one by itself); then values of fields, most frequent first.

    Raises
    ------
    InputError
        If ``slice_by`` names what is no category or boolean of the schema.
    """
    parts: list[tuple[str, str, float | str | None, Rows]] = [
        (f"age_{days:g}d", BY_AGE, days, rows) for days, rows in windows.ages.items()
    ]
    if snapshot.account is not None:
        parts.append(("new_accounts", BY_ACCOUNT, None, _new_accounts(snapshot, windows)))
    for name in slice_by:
        parts += [
            (f"{name}_{'missing' if value is None else value}", name, value, rows)
            for value, rows in _levels(snapshot, schema, name, windows.test)
        ]
    found: list[Slice] = []
    names: set[str] = set()
    for name, by, value, rows in parts:
        plain = _plain(name, names)
        names.add(plain)
        won = snapshot.label[rows]
        judged = {
            kind: _judged(predictions, snapshot, rows, replicates=replicates, seed=seed)
            for kind, predictions in candidates.items()
        }
        headline = by == BY_AGE and value == snapshot.headline_age_days
        found.append(Slice(plain, by, value, headline, len(rows), int(won.sum()), judged))
    return tuple(found)


def _judged(
    predictions: Predictions, snapshot: Snapshot, rows: Rows, *, replicates: int, seed: int
) -> Judged:
    auc = auc_with_interval(
        predictions.logodds[rows],
        snapshot.label[rows],
        groups=None if snapshot.account is None else snapshot.account[rows],
        replicates=replicates,
        seed=seed,
    )
    if predictions.probability is None or len(rows) == 0:
        nan = float("nan")
        return Judged(auc, Interval(nan, nan, nan), nan)
    probability = predictions.probability[rows]
    return Judged(
        auc, expected_wins(probability, predictions.logodds_sd), float(np.mean(probability))
    )


def _new_accounts(snapshot: Snapshot, windows: Windows) -> Rows:
    accounts = np.asarray(snapshot.account)
    earlier = accounts[np.concatenate([windows.fit, windows.origins[-1].known])]
    known = {account for account in earlier if account is not None}
    new = [account is None or account not in known for account in accounts[windows.test]]
    return np.asarray(windows.test[np.array(new, dtype=bool)])


def _levels(
    snapshot: Snapshot, schema: Schema, name: str, rows: Rows
) -> list[tuple[str | None, Rows]]:
    column = next((column for column in schema.columns if column.name == name), None)
    if column is None or column.type not in SLICED:
        raise InputError(
            "Slices are made by a category or a boolean of the schema",
            found=f"{name} ({'no such column' if column is None else column.type})",
            do="Name another column",
        )
    words = [_word(value, column.type) for value in snapshot.frame[name].to_numpy()[rows]]
    codes, levels = pd.factorize(np.array(words, dtype=object), use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(levels))
    often = sorted(range(len(levels)), key=lambda i: (-counts[i], str(levels[i])))
    return [
        (None if pd.isna(levels[i]) else str(levels[i]), rows[codes == i])
        for i in often[:MOST_LEVELS]
    ]


def _word(value: Any, kind: str) -> str | None:
    if pd.isna(value):
        return None
    return ("no", "yes")[int(value)] if kind == "boolean" else str(value)


def _plain(name: str, taken: set[str]) -> str:
    """Return a name that any file and metric may bear, told apart from those that are taken."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60]
    unique, number = plain, 2
    while unique in taken:
        unique, number = f"{plain}_{number}", number + 1
    return unique
