"""Windows where a lead is seen at several ages: the lead is split, never its rows.

Leads are cut into train, calibrate and test by their row at the headline age, as any file is
(:mod:`scoring_ml.evaluation.windows`). Then each row finds its one place:

* ``train``, ``calibrate``, ``test`` hold leads once, at the headline age;
* ``fit`` holds the train leads at every age at which the label was known before the calibration
  window began: a lead of 30 days looks further ahead than the same lead of a day;
* ``ages`` holds the test leads at every age from the first test ``as_of`` on, for slices;
* ``open`` holds the leads that are open now;
* everything else is ``unused``, with its reason.

A row is counted where it is found first: ``train`` is a part of ``fit``, ``test`` of ``ages``.
:mod:`scoring_ml.evaluation.window_checks` proves from the result alone that nothing leaked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.errors import TrainingRefused
from scoring_ml.evaluation.windows import (
    GAP,
    NAMES,
    NO_PLACE,
    Rows,
    Windows,
    WindowWarning,
    split_windows,
)
from scoring_ml.features.asof import is_mature
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.samples import Floats, Ints

TOO_YOUNG: Final = "too young for a final outcome"
NOT_OPEN_AT_HEADLINE: Final = "of a lead that was not open at the headline age"
LATE: Final = "an age whose outcome was known only after the next window began"
EARLY: Final = "an age before the test window begins"
COUNTED_ONCE: Final = "another age of a lead in the calibration window"
IN_NO_WINDOW: Final = "another age of a lead that no window holds"

_NONE, _TRAIN, _CALIBRATE, _TEST = -1, 0, 1, 2


def split_leads(snapshot: Snapshot, schema: Schema, *, seed: int = 0) -> Windows:
    """Cut a snapshot into windows, leads whole.

    Parameters
    ----------
    seed : int
        For a random split only, which a snapshot with ages never needs.

    Returns
    -------
    Windows
        As :func:`~scoring_ml.evaluation.windows.split_windows` where each row is a lead. Else
        ``every_age`` is in order of the leads, then of age, so that rows of a lead are adjacent.

    Raises
    ------
    TrainingRefused
        As :func:`~scoring_ml.evaluation.windows.split_windows`, counted in leads.
    ValueError
        If a snapshot with leads lacks ages, the headline age or ``as_of``.
    """
    if snapshot.lead is None:
        return split_windows(**as_rows(snapshot, schema), seed=seed)
    lead, age, as_of, extracted_at = _ages_of(snapshot)
    head = np.flatnonzero(age == snapshot.headline_age_days)
    if np.isnan(snapshot.label[head]).all():
        raise TrainingRefused(
            "Some leads must have a known, final outcome at the age of "
            f"{snapshot.headline_age_days:g} day(s)",
            found=f"none among {head.size} leads that are seen then",
            do="Give an export of older leads, or a smaller horizon_days in crm.yaml",
        )
    by_lead = split_windows(
        by="time",
        position=snapshot.position[head],
        as_of=as_of[head].astype("datetime64[us]"),
        label=snapshot.label[head],
        mature_after_days=schema.mature_after_days,
        gap_days=schema.gap_days,
        extracted_at=np.datetime64(extracted_at, "us"),
    )
    train, calibrate, test = (head[by_lead[name]] for name in NAMES)
    place = _places(lead, train, calibrate, test)
    begins = [int(as_of[rows].min()) for rows in (calibrate, test) if rows.size]

    final = ~np.isnan(snapshot.label)
    if schema.mature_after_days is not None:
        final &= is_mature(
            as_of, horizon_days=schema.mature_after_days, lag_days=0, extracted_at=extracted_at
        )
    known = is_mature(
        as_of, horizon_days=by_lead.gap_days, lag_days=0, extracted_at=min(begins, default=0)
    )
    # Without a gap the two differ for rows of the very moment at which the next window begins.
    earlier = as_of < min(begins, default=0)
    fit = np.flatnonzero((place == _TRAIN) & final & known & earlier & ~np.isnan(age))
    fit = fit[np.lexsort((age[fit], _rank(lead[fit], lead[train])))]
    judged = (place == _TEST) & final & ~np.isnan(age)
    judged &= as_of >= (int(as_of[test].min()) if test.size else extracted_at)
    ages = {
        float(days): _in_order(np.flatnonzero(judged & (age == days)), lead, test)
        for days in np.unique(age[~np.isnan(age)])
    }
    now = np.flatnonzero(np.isnan(age))
    rest = np.ones(len(snapshot), dtype=bool)
    for rows in (fit, calibrate, test, now, *ages.values()):
        rest[rows] = False
    return replace(
        by_lead,
        train=train,
        calibrate=calibrate,
        test=test,
        open=now,
        unused=_unused(np.flatnonzero(rest), lead, final, place, head, by_lead),
        # An outcome that is not final yet is unknown in a CRM's snapshot, whatever the gap.
        final_labels=False,
        immature=np.empty(0, dtype=np.intp),
        warnings=(*_short_gap(schema, by_lead), *by_lead.warnings),
        every_age=fit,
        ages=ages,
    )


def lead_weights(lead: Ints) -> Floats:
    """Return one over the number of rows of a row's lead, so that each lead weighs 1.

    >>> lead_weights(np.array([7, 7, 3, 7, 7])).tolist()
    [0.25, 0.25, 1.0, 0.25, 0.25]
    """
    return np.asarray(1.0 / np.bincount(lead)[lead])


def as_rows(snapshot: Snapshot, schema: Schema) -> dict[str, Any]:
    """Return what :func:`~scoring_ml.evaluation.windows.split_windows` takes, of every row."""
    return {
        "by": schema.order.by,
        "position": snapshot.position,
        "as_of": snapshot.as_of,
        "label": snapshot.label,
        "mature_after_days": schema.mature_after_days,
        "gap_days": schema.gap_days,
        "extracted_at": snapshot.extracted_at,
    }


def _ages_of(snapshot: Snapshot) -> tuple[Ints, Floats, Ints, int]:
    """Return lead, age and moment of each row, and the moment of extraction, in microseconds."""
    if (
        snapshot.lead is None
        or snapshot.age_days is None
        or snapshot.as_of is None
        or snapshot.headline_age_days is None
    ):
        raise ValueError("A snapshot with leads must have as_of, age_days and headline_age_days.")
    as_of = snapshot.as_of.astype("datetime64[us]").astype(np.int64)
    if snapshot.extracted_at is not None:
        extracted_at = int(snapshot.extracted_at.astype("datetime64[us]").astype(np.int64))
    else:
        extracted_at = int(as_of.max(initial=0))
    return snapshot.lead, snapshot.age_days, as_of, extracted_at


def _places(lead: Ints, train: Rows, calibrate: Rows, test: Rows) -> Ints:
    """Return the window of each row's lead."""
    window = np.full(int(lead.max(initial=0)) + 1, _NONE, dtype=np.int64)
    for number, rows in enumerate((train, calibrate, test)):
        window[lead[rows]] = number
    return np.asarray(window[lead])


def _rank(lead: Ints, ordered: Ints) -> Ints:
    """Return the place of each lead among leads in order."""
    rank = np.zeros(int(ordered.max(initial=0)) + 1, dtype=np.int64)
    rank[ordered] = np.arange(len(ordered))
    return np.asarray(rank[lead])


def _in_order(rows: Rows, lead: Ints, window: Rows) -> Rows:
    return np.asarray(rows[np.argsort(_rank(lead[rows], lead[window]), kind="stable")])


def _unused(
    rest: Rows, lead: Ints, final: NDArray[np.bool_], place: Ints, head: Rows, by_lead: Windows
) -> dict[str, Rows]:
    """Say of each row without a place why it has none: the last reason here that holds.

    "Another age" goes by what became of the lead at the headline age.
    """
    codes = np.zeros(len(lead), dtype=np.int64)
    reasons = [IN_NO_WINDOW]

    def because(reason: str, rows: NDArray[np.bool_] | Rows) -> None:
        codes[rows] = len(reasons)
        reasons.append(reason)

    because(NOT_OPEN_AT_HEADLINE, ~np.isin(lead, lead[head]))
    because(LATE, place == _TRAIN)
    because(COUNTED_ONCE, place == _CALIBRATE)
    because(EARLY, place == _TEST)
    because(TOO_YOUNG, ~final)
    for reason in (GAP, NO_PLACE):
        because(reason, head[by_lead.unused.get(reason, np.empty(0, dtype=np.intp))])
    found = {reason: rest[codes[rest] == code] for code, reason in enumerate(reasons)}
    return {reason: rows for reason, rows in found.items() if rows.size}


def _short_gap(schema: Schema, by_lead: Windows) -> tuple[WindowWarning, ...]:
    if schema.mature_after_days is not None:
        return ()
    return (WindowWarning("short_gap", {"days": by_lead.gap_days}),)
