"""The Scorer that is shipped: the chosen procedure, fitted again on everything that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from scoring_ml.data.schema import Schema
from scoring_ml.estimators.calibration import Calibration
from scoring_ml.estimators.ladder import Rung
from scoring_ml.evaluation.candidate import Candidate, calibrate
from scoring_ml.evaluation.rolling_origin import Fit, OutOfTime, choose_members, fit_rows
from scoring_ml.evaluation.windows import Rows, Windows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.example import example_lead
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.reference import build_reference
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scorer import Parts, Scorer

MOST_COMPARED: Final = 100_000
"""Decided leads on which candidates are compared; what is shipped learns from all."""


def sample_leads(snapshot: Snapshot) -> Snapshot:
    """Return at most :data:`MOST_COMPARED` leads with an outcome, evenly over time, and the open.

    The same snapshot is returned where it has no more. A lead keeps its rows of every age.
    """
    decided = np.flatnonzero(~np.isnan(snapshot.label))
    lead = decided if snapshot.lead is None else snapshot.lead[decided]
    leads, first = np.unique(lead, return_index=True)
    every = -(-len(leads) // MOST_COMPARED)
    if every <= 1:
        return snapshot
    kept = leads[np.argsort(first, kind="stable")][::every]
    keep = np.isnan(snapshot.label)
    keep[decided[np.isin(lead, kept)]] = True
    return snapshot.take(keep)


def fit_again(
    chosen: Candidate,
    rungs: Sequence[Rung],
    out_of_time: OutOfTime,
    compared: tuple[Snapshot, Windows],
    whole: tuple[Snapshot, Windows],
    schema: Schema,
    matrix: Matrix,
    progress: Callable[[str, float], None],
) -> tuple[Fit, Calibration]:
    """Fit the chosen kind on all leads of known outcome, the newest among them.

    Parameters
    ----------
    chosen : Candidate
    rungs : sequence of Rung
        Those that were fitted.
    out_of_time : OutOfTime
    compared : (Snapshot, Windows)
        On which the candidates were compared: blocks and newest window calibrate.
    whole : (Snapshot, Windows)
        From which all leads are learned.
    schema : Schema
    matrix : Matrix
    progress : callable
        Told what is being done, and the share of it that is done, 0-1.
    """
    snapshot, windows = compared
    kind, label = chosen.kind, snapshot.label
    blocks = [*windows.blocks, windows.test]
    fitted = out_of_time.newest.estimators
    members = choose_members([kind], fitted, out_of_time.logodds, label, blocks)
    wanted = members.get(kind, (kind,))
    every, its_windows = whole
    alone = [rung for rung in rungs if rung.kind in wanted]
    fit = fit_rows(its_windows.mature, alone, every, schema, matrix, progress)
    z = out_of_time.logodds[kind]
    rows = (
        windows.mature
        if not chosen.estimator.learns
        else np.concatenate([origin.predicted for origin in windows.origins])
    )
    calibration = calibrate(z, rows, windows, snapshot, by_age=chosen.age_days is not None)
    return fit.combined([kind], members), calibration


def make_scorer(
    fit: Fit,
    kind: str,
    calibration: Calibration,
    policy: Policy | None,
    snapshot: Snapshot,
    *,
    learned: Rows,
    leads: Rows,
    facts: Mapping[str, Any],
) -> Scorer:
    """Make a Scorer, version ``"0"``, of one fitted estimator.

    Parameters
    ----------
    fit : Fit
    kind : str
        Of the estimator.
    calibration : Calibration
    policy : Policy or None
    snapshot : Snapshot
        Whose rows the fit learned from.
    learned : array of int
        Those rows.
    leads : array of int
        Each lead that it learned from, once.
    facts : mapping
        For its card.
    """
    reference = build_reference(
        fit.encoder, snapshot.frame.iloc[leads], fit.X[leads], snapshot.label[leads]
    )
    card = {
        "trained_until": newest_moment(snapshot, fit.encoder.schema, learned),
        "example": example_lead(fit.encoder, reference),
    }
    estimator = fit.estimators[kind]
    return Scorer(
        Parts(
            fit.encoder, estimator, calibration, policy, reference, dict(facts) | json_ready(card)
        )
    )


def newest_moment(snapshot: Snapshot, schema: Schema, rows: Rows) -> str | float | None:
    """Return the newest moment, or number, among some rows."""
    if snapshot.as_of is not None:
        return str(snapshot.as_of[rows].max().astype("datetime64[s]"))
    if schema.order.by == "number":
        sign = 1.0 if schema.order.ascending else -1.0
        return sign * float(snapshot.position[rows].max())
    return None
