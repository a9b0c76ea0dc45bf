"""Proof that no window saw what came after it and that no lead is split, from the windows alone.

Written apart from the splits, and from their inputs only: it walks over rows, never over cuts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.errors import ScoringError
from scoring_ml.evaluation.lead_windows import as_rows
from scoring_ml.evaluation.time_split import OrderBy
from scoring_ml.evaluation.windows import Rows, Times, Windows
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.samples import Floats


def check_windows(windows: Windows, *, label: Floats, **order: Any) -> None:
    """Prove that each row has one place, and that no cut-off saw what came after it.

    Parameters are those of :func:`~scoring_ml.evaluation.time_split.split_windows`.

    Raises
    ------
    ScoringError
        If a row is in two places or in none, a label in a window is open or not final, or a
        label was not known before the first ``as_of`` of what it is used for.
    """
    _check_places(windows, label)
    _check_origins(windows, lead=np.arange(label.size), label=label, **order)


def check_leads(windows: Windows, snapshot: Snapshot, schema: Schema) -> None:
    """Prove of a snapshot what :func:`check_windows` proves, and that no lead is split.

    Parameters
    ----------
    windows : Windows
    snapshot : Snapshot
    schema : Schema

    Raises
    ------
    ScoringError
        As :func:`check_windows`, and if a lead is learned from and predicted at one cut-off, or is
        twice in a window.
    """
    if snapshot.lead is None or snapshot.age_days is None:
        check_windows(windows, **as_rows(snapshot, schema))
        return
    lead, age = snapshot.lead, snapshot.age_days
    _check_places(windows, snapshot.label)
    must_hold("Every open row must be of now", ~np.isnan(age[windows.open]))
    leads = int(lead.max(initial=0)) + 1
    for rows in _windows(windows):
        must_hold("Every lead of a window must be there once", np.bincount(lead[rows]) > 1)
        other = age[rows] != snapshot.headline_age_days
        must_hold("Every lead of a window must be of the headline age", other)
    _check_origins(windows, lead=lead, **as_rows(snapshot, schema))
    for rows in (*(origin.fit for origin in windows.origins), windows.mature):
        runs = int(rows.size > 0) + int(np.sum(lead[rows[1:]] != lead[rows[:-1]]))
        adjacent = runs == len(_each_once(leads, lead[rows]))
        must_hold("Rows of a lead must be adjacent", np.array([not adjacent]))
        must_hold("Rows to learn from must be in order", np.diff(snapshot.position[rows]) < 0)


def must_hold(must: str, broken: NDArray[np.bool_]) -> None:
    """Raise if a rule that the windows must keep is broken anywhere.

    Raises
    ------
    ScoringError
        With the rule and the number of places.
    """
    if broken.any():
        raise ScoringError(
            f"{must}. Found: {int(broken.sum())} that do not. "
            "Please report this: the windows are wrong, and nothing was trained on them."
        )


def _check_places(windows: Windows, label: Floats) -> None:
    everything = np.concatenate([windows.mature, windows.open, *windows.unused.values()])
    counted = np.bincount(everything.astype(np.intp), minlength=label.size)
    must_hold("Every row must be in exactly one place", counted != 1)
    held = np.zeros(label.size, dtype=np.int64)
    for rows in _windows(windows):
        held[rows] += 1
    must_hold("No row may be in two windows", held > 1)
    outside = np.ones(label.size, dtype=bool)
    outside[windows.mature] = False
    must_hold("What a window holds must be among what may be learned from", outside & (held > 0))
    known = label[windows.mature]
    must_hold("Every label in a window must be won or lost", ~np.isin(known, (0.0, 1.0)))


def _check_origins(
    windows: Windows,
    *,
    lead: NDArray[np.int64],
    label: Floats,
    by: OrderBy,
    position: Floats,
    as_of: Times | None,
    mature_after_days: float | None,
    gap_days: float | None,
    extracted_at: np.datetime64 | None = None,
) -> None:
    asked = [days for days in (mature_after_days, gap_days) if days is not None]
    span = _days(max(asked, default=windows.gap_days))
    if as_of is not None and mature_after_days is not None:
        end = as_of[~np.isnat(as_of)].max() if extracted_at is None else extracted_at
        young = end - as_of[windows.mature] < _days(mature_after_days)
        must_hold("Every label in a window must be final", young)
    order: NDArray[Any] = position if as_of is None else as_of
    predicted = np.zeros(label.size, dtype=bool)
    for origin, block in zip(windows.origins, _windows(windows)[1:], strict=True):
        missing = ~np.isin(block, origin.predicted)
        must_hold("Every lead of a block must be predicted", missing)
        must_hold("Only what was predicted before may be known", ~predicted[origin.known])
        for rows in (origin.fit, origin.known):
            split = np.isin(lead[rows], lead[origin.predicted])
            must_hold("No lead may be learned from and predicted at once", split)
            if by == "none" or not rows.size:
                continue
            begins = order[origin.predicted].min()
            if as_of is not None:
                late = ~(begins - order[rows] >= span)
                must_hold("Every label must be known before what it predicts begins", late)
            must_hold("Every row must come before what it predicts", ~(order[rows] < begins))
        predicted[origin.predicted] = True


def _windows(windows: Windows) -> list[Rows]:
    return [windows.train, *windows.blocks, windows.test]


def _each_once(n: int, *parts: NDArray[np.integer[Any]]) -> Rows:
    """Return the numbers below n that occur, rising."""
    occurs = np.zeros(n, dtype=bool)
    for part in parts:
        occurs[part] = True
    return np.flatnonzero(occurs)


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * 86_400 * 1_000_000), "us")
