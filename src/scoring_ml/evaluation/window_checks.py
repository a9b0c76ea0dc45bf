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
from scoring_ml.evaluation.windows import NAMES, OrderBy, Rows, Times, Windows
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.samples import Floats


def check_windows(windows: Windows, *, label: Floats, **order: Any) -> None:
    """Prove that each row has one place, and that no window saw what came after it.

    Parameters are those of :func:`~scoring_ml.evaluation.windows.split_windows`.

    Raises
    ------
    ScoringError
        If a row is in two places or in none, a label in a window is open or not final, or a
        label was not known before the first ``as_of`` of a later window.
    """
    _check_places(windows, label)
    _check_times(windows, n=label.size, **order)


def check_leads(
    windows: Windows, snapshot: Snapshot, schema: Schema, *, weight: Floats | None = None
) -> None:
    """Prove of a snapshot what :func:`check_windows` proves, and that no lead is split.

    Parameters
    ----------
    windows : Windows
    snapshot : Snapshot
    schema : Schema
    weight : array of float, shape (rows of ``windows.fit``,), or None
        With which the rows are learned from.

    Raises
    ------
    ScoringError
        As :func:`check_windows`, and if a lead is in two windows or twice in one, or the weights
        of its rows do not sum to 1.
    """
    if snapshot.lead is None or snapshot.age_days is None:
        check_windows(windows, **as_rows(snapshot, schema))
        return
    lead, age = snapshot.lead, snapshot.age_days
    _check_places(windows, snapshot.label)
    must_hold("Every open row must be of now", ~np.isnan(age[windows.open]))
    leads = int(lead.max(initial=0)) + 1
    homes = np.zeros(leads, dtype=np.int64)
    for rows in _places(windows, len(snapshot)):
        homes[_each_once(leads, lead[rows])] += 1
    must_hold("No lead may be in two windows", homes > 1)
    for name in NAMES:
        rows = windows[name]
        must_hold(f"Every lead of {name} must be there once", np.bincount(lead[rows]) > 1)
        other = age[rows] != snapshot.headline_age_days
        must_hold(f"Every lead of {name} must be of the headline age", other)
    order = as_rows(snapshot, schema)
    _check_times(windows, n=order.pop("label").size, **order)
    fit = lead[windows.fit]
    if weight is not None:
        whole, absent = np.bincount(fit, weights=weight), np.bincount(fit) == 0
        must_hold("The rows of a lead must weigh 1 in all", ~absent & (np.abs(whole - 1) > 1e-9))
    runs = int(fit.size > 0) + int(np.sum(fit[1:] != fit[:-1]))
    must_hold("Rows of a lead must be adjacent", np.array([runs != len(_each_once(leads, fit))]))
    must_hold("Rows to learn from must be in order", np.diff(snapshot.position[windows.fit]) < 0)


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
    places = _places(windows, label.size)
    everything = np.concatenate([*places, windows.open, *windows.unused.values()]).astype(np.intp)
    counted = np.bincount(everything, minlength=label.size)
    must_hold("Every row must be in exactly one place", counted != 1)
    for rows in (windows.fit, windows.test, *windows.ages.values()):
        must_hold("No row may be twice in one place", np.bincount(rows) > 1)
    held = label[np.concatenate(places)]
    must_hold("Every label in a window must be won or lost", ~np.isin(held, (0.0, 1.0)))


def _check_times(
    windows: Windows,
    *,
    n: int,
    by: OrderBy,
    position: Floats,
    as_of: Times | None,
    mature_after_days: float | None,
    gap_days: float | None,
    extracted_at: np.datetime64 | None = None,
) -> None:
    places = _places(windows, n)
    asked = [days for days in (mature_after_days, gap_days) if days is not None]
    span = _days(max(asked, default=windows.gap_days))
    if as_of is not None and mature_after_days is not None:
        end = as_of[~np.isnat(as_of)].max() if extracted_at is None else extracted_at
        young = end - as_of[np.concatenate(places)] < _days(mature_after_days)
        must_hold("Every label in a window must be final", young)
    if by == "none":
        return
    order: NDArray[Any] = position if as_of is None else as_of
    for i, earlier in enumerate(places[:2]):
        for later in places[i + 1 :]:
            if not (earlier.size and later.size):
                continue
            begins = order[later].min()
            if as_of is not None:
                late = ~(begins - order[earlier] >= span)
                must_hold("Every label must be known before the next window begins", late)
            must_hold("Every row must come before the next window", ~(order[earlier] < begins))


def _places(windows: Windows, n: int) -> list[Rows]:
    """Return the rows of each window, at whatever age, rising."""
    return [
        _each_once(n, windows.train, windows.fit),
        windows.calibrate,
        _each_once(n, windows.test, *windows.ages.values()),
    ]


def _each_once(n: int, *parts: NDArray[np.integer[Any]]) -> Rows:
    """Return the numbers below n that occur, rising."""
    occurs = np.zeros(n, dtype=bool)
    for part in parts:
        occurs[part] = True
    return np.flatnonzero(occurs)


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * 86_400 * 1_000_000), "us")
