"""Windows where a lead is seen at several ages: the lead is split, never its rows.

Leads are cut by their row at the headline age, as any file is
(:mod:`scoring_ml.evaluation.time_split`). Then each row finds its one place:

* ``train``, ``blocks`` and ``test`` hold leads once, at the headline age;
* ``mature`` holds those leads at every age at which the label is final. A row is learned from at
  every cut-off at which its label is known: a lead of 30 days looks further ahead than the same
  lead of a day;
* an origin predicts the leads of its block at every age that they reach after the cut-off;
* ``open`` holds the leads that are open now;
* everything else is ``unused``, with its reason.

:mod:`scoring_ml.evaluation.window_checks` proves from the result alone that nothing leaked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.errors import TrainingRefused
from scoring_ml.evaluation.time_split import split_windows
from scoring_ml.evaluation.windows import (
    NO_PLACE,
    ROLLING,
    ForecastOrigin,
    Plan,
    Rows,
    Windows,
    WindowWarning,
)
from scoring_ml.features.asof import is_mature
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.samples import Floats, Ints

TOO_YOUNG: Final = "too young for a final outcome"
NOT_OPEN_AT_HEADLINE: Final = "of a lead that was not open at the headline age"
IN_NO_WINDOW: Final = "another age of a lead that no window holds"


def split_leads(
    snapshot: Snapshot, schema: Schema, *, plan: Plan = ROLLING, seed: int = 0
) -> Windows:
    """Cut a snapshot into windows, leads whole.

    Parameters
    ----------
    snapshot : Snapshot
    schema : Schema
    plan : Plan
    seed : int
        For a random split only, which a snapshot with ages never needs.

    Returns
    -------
    Windows
        As :func:`~scoring_ml.evaluation.time_split.split_windows` where each row is a lead. Else
        rows to learn from are in order of the leads, then of age, so that rows of a lead are
        adjacent.

    Raises
    ------
    TrainingRefused
        As :func:`~scoring_ml.evaluation.time_split.split_windows`, counted in leads.
    ValueError
        If a snapshot with leads lacks ages, the headline age or ``as_of``.
    """
    if snapshot.lead is None:
        return split_windows(**as_rows(snapshot, schema), plan=plan, seed=seed)
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
        plan=plan,
    )
    windows = [head[rows] for rows in (by_lead.train, *by_lead.blocks, by_lead.test)]
    place, rank = _places(lead, windows)

    final = ~np.isnan(snapshot.label) & ~np.isnan(age)
    if schema.mature_after_days is not None:
        final &= is_mature(
            as_of, horizon_days=schema.mature_after_days, lag_days=0, extracted_at=extracted_at
        )
    mature = np.flatnonzero(final & (place >= 0))
    mature = mature[np.lexsort((age[mature], rank[mature]))]
    origins: list[ForecastOrigin] = []
    predicted: list[Rows] = []
    for number, block in enumerate(windows[1:], start=1):
        begins = int(as_of[block].min())
        # Without a gap the two differ for rows of the very moment at which the block begins.
        known = (as_of[mature] < begins) & is_mature(
            as_of[mature], horizon_days=by_lead.gap_days, lag_days=0, extracted_at=begins
        )
        learned = mature[known & (place[mature] < number)]
        before = np.concatenate([*predicted, np.empty(0, dtype=np.intp)]).astype(np.intp)
        predicted.append(mature[(place[mature] == number) & (as_of[mature] >= begins)])
        origins.append(
            ForecastOrigin(
                fit=learned if plan.rolling or not origins else origins[0].fit,
                known=before[np.isin(before, learned, assume_unique=True)],
                predicted=predicted[-1],
            )
        )
    ages = {
        float(days): predicted[-1][age[predicted[-1]] == days]
        for days in np.unique(age[~np.isnan(age)])
    }
    now = np.flatnonzero(np.isnan(age))
    rest = np.ones(len(snapshot), dtype=bool)
    rest[mature] = rest[now] = False
    return replace(
        by_lead,
        train=windows[0],
        blocks=tuple(windows[1:-1]),
        test=windows[-1],
        origins=tuple(origins),
        mature=mature,
        open=now,
        unused=_unused(np.flatnonzero(rest), lead, final, head, by_lead),
        # An outcome that is not final yet is unknown in a CRM's snapshot, whatever the gap.
        final_labels=False,
        immature=np.empty(0, dtype=np.intp),
        warnings=(*_short_gap(schema, by_lead), *by_lead.warnings),
        ages=ages,
    )


def lead_weights(lead: Ints) -> Floats:
    """Return one over the number of rows of a row's lead, so that each lead weighs 1.

    >>> lead_weights(np.array([7, 7, 3, 7, 7])).tolist()
    [0.25, 0.25, 1.0, 0.25, 0.25]
    """
    return np.asarray(1.0 / np.bincount(lead)[lead])


def as_rows(snapshot: Snapshot, schema: Schema) -> dict[str, Any]:
    """Return what :func:`~scoring_ml.evaluation.time_split.split_windows` takes, of every row."""
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


def _places(lead: Ints, windows: list[Rows]) -> tuple[Ints, Ints]:
    """Return the window of each row's lead, -1 for none, and the lead's place in order of time."""
    window = np.full(int(lead.max(initial=0)) + 1, -1, dtype=np.int64)
    rank = np.zeros_like(window)
    for number, rows in enumerate(windows):
        window[lead[rows]] = number
    ordered = np.concatenate(windows)
    rank[lead[ordered]] = np.arange(len(ordered))
    return window[lead], rank[lead]


def _unused(
    rest: Rows, lead: Ints, final: NDArray[np.bool_], head: Rows, by_lead: Windows
) -> dict[str, Rows]:
    """Say of each row without a place why it has none: the last reason here that holds."""
    codes = np.zeros(len(lead), dtype=np.int64)
    reasons = (IN_NO_WINDOW, NOT_OPEN_AT_HEADLINE, TOO_YOUNG, NO_PLACE)
    codes[~np.isin(lead, lead[head])] = 1
    codes[~final] = 2
    codes[head[by_lead.unused.get(NO_PLACE, np.empty(0, dtype=np.intp))]] = 3
    found = {reason: rest[codes[rest] == code] for code, reason in enumerate(reasons)}
    return {reason: rows for reason, rows in found.items() if rows.size}


def _short_gap(schema: Schema, by_lead: Windows) -> tuple[WindowWarning, ...]:
    if schema.mature_after_days is not None:
        return ()
    return (WindowWarning("short_gap", {"days": by_lead.gap_days}),)
