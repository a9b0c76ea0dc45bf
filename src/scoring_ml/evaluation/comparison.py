"""All rungs of the ladder on the same windows, and which of them is chosen.

Candidates are fitted on the train window, calibrated on the later one, and chosen by their AUC
there (which affine calibration cannot change). The newest window only reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Schema
from scoring_ml.errors import TrainingRefused
from scoring_ml.estimators.ladder import Rung, allowed_rungs
from scoring_ml.estimators.protocol import TrainingCounts
from scoring_ml.evaluation.candidate import (
    Candidate,
    choose_candidate,
    fit_candidates,
    matrix_total,
)
from scoring_ml.evaluation.drift import DriftReport, drift_report
from scoring_ml.evaluation.encoded_rows import EncodedRows
from scoring_ml.evaluation.intervals import Comparison, bootstrap_metrics
from scoring_ml.evaluation.lead_windows import lead_weights, split_leads
from scoring_ml.evaluation.slices import Slice, judge_slices
from scoring_ml.evaluation.verdict import (
    VOLUME_METRIC,
    Evidence,
    Verdict,
    warning_text,
    write_verdict,
)
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.evaluation.windows import NAMES, Windows
from scoring_ml.features.contact_stand_ins import without_contacts
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.example import example_lead
from scoring_ml.scoring.policy import Policy, hot_share_alarm
from scoring_ml.scoring.reference import Reference, build_reference
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scale import HOT
from scoring_ml.scoring.scorer import Parts, Scorer
from scoring_ml.statistics.proportions import expected_wins
from scoring_ml.texts import Catalogue

TrainingProgress = Callable[[str, float], None]
"""Told what is being done, and the share of the whole that is done, 0-1."""


@dataclass(frozen=True)
class Trained:
    """Everything that one training found.

    Parameters
    ----------
    rungs : tuple of Rung
        Every rung, allowed or not, with the reason.
    candidates : tuple of Candidate
        Those that were allowed, in the ladder's order.
    chosen : str
        Kind of the chosen candidate.
    scorer : Scorer
        Made from the chosen candidate; version ``"0"`` until registered.
    policy : Policy or None
        In force, or proposed (version 0); ``None`` for a matrix.
    comparison : Comparison
        Metrics and paired differences on the test window.
    warnings : tuple of str
        In words, loudest first.
    X : EncodedRows
        Every row of the snapshot.
    slices : tuple of Slice
        The chosen candidate and the matrix at every age, on new accounts, and by fields; empty
        where each row is a lead.
    """

    schema: Schema
    matrix: Matrix
    snapshot: Snapshot
    windows: Windows
    rungs: tuple[Rung, ...]
    candidates: tuple[Candidate, ...]
    chosen: str
    scorer: Scorer
    policy: Policy | None
    comparison: Comparison
    drift: DriftReport
    verdict: Verdict
    warnings: tuple[str, ...]
    encoder: Encoder
    X: EncodedRows
    slices: tuple[Slice, ...] = ()

    def __getitem__(self, kind: str) -> Candidate:
        """Return the candidate of a kind.

        Raises
        ------
        KeyError
            If that rung was not allowed.
        """
        for candidate in self.candidates:
            if candidate.kind == kind:
                return candidate
        raise KeyError(kind)

    @property
    def base_rate(self) -> dict[str, float]:
        """Share of wins in each window, 0-1."""
        label = self.snapshot.label
        return {name: float(np.mean(label[self.windows[name]])) for name in NAMES}

    @property
    def unused(self) -> tuple[RowFate, ...]:
        """Rows that no window holds, by reason, with the ids of three leads at most."""
        ids = self.snapshot.ids
        between = tuple(
            RowFate(reason, len(rows), tuple(map(str, pd.unique(ids[rows])[:3])))
            for reason, rows in self.windows.unused.items()
            if len(rows)
        )
        return (*self.snapshot.unused, *between)


def compare(
    snapshot: Snapshot,
    schema: Schema,
    matrix: Matrix,
    *,
    policy: Policy | None = None,
    card: Mapping[str, Any] | None = None,
    replicates: int = 400,
    seed: int = 7,
    slice_by: Sequence[str] = (),
    order_doubted: bool = False,
    progress: TrainingProgress | None = None,
) -> Trained:
    """Fit, calibrate, choose and report every rung that the data allows.

    Parameters
    ----------
    snapshot : Snapshot
        Labelled and open leads, oldest first; each once, or at several ages.
    policy : Policy or None
        The policy in force; a new one is proposed if None.
    card : mapping or None
        Facts for the Scorer's card.
    replicates : int
        Bootstrap resamples behind each interval.
    slice_by : sequence of str
        Categories by whose values the newest leads are also judged, where leads have ages.
    order_doubted : bool
        Whether something speaks against the order of time, which the verdict then says first.

    Raises
    ------
    TrainingRefused
        If there are too few rows, or one class only.
    """
    tell = progress or (lambda what, share: None)
    label = snapshot.label
    _check_outcomes(label, schema)
    if not schema.used and not matrix.mapped:
        raise TrainingRefused(
            "Training needs a column that the schema uses",
            found="none, and no rule in the matrix",
            do="Decide on the columns in the schema: use: true",
        )
    windows = split_leads(snapshot, schema, seed=seed)
    lead = None if snapshot.lead is None else snapshot.lead[windows.fit]
    weight = None if lead is None else lead_weights(lead)
    check_leads(windows, snapshot, schema, weight=weight)
    tell("encode", 0.05)
    snapshot = replace(snapshot, frame=without_contacts(snapshot.frame, schema.used))
    train_frame = snapshot.frame.iloc[windows.train]
    encoder = Encoder.fit(snapshot.frame.iloc[windows.fit], schema, matrix, lead)
    X = EncodedRows(encoder, snapshot.frame, snapshot.as_of)
    y = label[windows.train]
    rungs = allowed_rungs(
        TrainingCounts(
            wins=int(y.sum()),
            losses=int(len(y) - y.sum()),
            mapped_criteria=len(matrix.mapped),
            used_fields=len(schema.used),
        )
    )
    fitted = fit_candidates(
        [rung for rung in rungs if rung.allowed],
        encoder,
        X,
        label,
        windows,
        weight=weight,
        lead=lead,
        progress=lambda what, share: tell(what, 0.1 + 0.5 * share),
    )
    tell("choose", 0.6)
    chosen, chosen_policy, candidates = choose_candidate(fitted, windows, snapshot, matrix, policy)
    tell("intervals", 0.62)
    test = windows.test
    handed_over = int(np.sum(matrix_total(fitted, test) >= HOT))
    comparison = bootstrap_metrics(
        label[test],
        {candidate.kind: candidate.predictions(test) for candidate in candidates},
        volumes={VOLUME_METRIC: handed_over},
        groups=None if snapshot.account is None else snapshot.account[test],
        replicates=replicates,
        seed=seed,
        progress=lambda done, whole: tell("intervals", 0.62 + 0.33 * done / max(1, whole)),
    )
    slices = judge_slices(
        snapshot,
        schema,
        windows,
        {
            candidate.kind: candidate.predictions(np.arange(len(snapshot)))
            for candidate in candidates
            if candidate.kind == chosen or candidate.estimator.answers_total
        },
        slice_by=slice_by,
        replicates=replicates,
        seed=seed,
    )
    drift = drift_report(
        {
            name: snapshot.frame.iloc[windows[name]][[column.name for column in schema.used]]
            for name in NAMES
        },
        {name: label[windows[name]] for name in NAMES},
    )
    candidates = [
        replace(
            candidate,
            metrics=comparison.metrics[candidate.kind],
            tiers=candidate.count_tiers(test, chosen_policy),
        )
        for candidate in candidates
    ]
    catalogue = Catalogue.load("en")
    winner = next(candidate for candidate in candidates if candidate.kind == chosen)
    probability = winner.probability(test)
    verdict = write_verdict(
        Evidence(
            chosen=chosen,
            comparison=comparison,
            handed_over=handed_over,
            matrix_mapped=bool(matrix.mapped),
            drift=drift,
            expected_wins=None if probability is None else expected_wins(probability),
            random_split=windows.random,
            order_doubted=order_doubted,
            final_labels=windows.final_labels,
            warnings=windows.warnings,
            calibration_problem=winner.calibration.problem,
            titles={column.name: column.title for column in schema.columns},
            slices=slices,
        ),
        catalogue=catalogue,
    )
    used_policy = None if winner.estimator.answers_total else chosen_policy
    reference = build_reference(encoder, train_frame, X[windows.train], y)
    scorer = Scorer(
        Parts(
            encoder=encoder,
            estimator=winner.estimator,
            calibration=winner.calibration,
            policy=used_policy,
            reference=reference,
            card=dict(card or {}) | _card(schema, snapshot, windows, encoder, reference),
        )
    )
    warnings = [warning_text(warning, catalogue) for warning in windows.warnings]
    warnings += snapshot.warnings
    warnings += _policy_warnings(winner, test, used_policy)
    return Trained(
        schema=schema,
        matrix=matrix,
        snapshot=snapshot,
        windows=windows,
        rungs=rungs,
        candidates=tuple(candidates),
        chosen=chosen,
        scorer=scorer,
        policy=used_policy,
        comparison=comparison,
        drift=drift,
        verdict=verdict,
        warnings=tuple(warnings),
        encoder=encoder,
        X=X,
        slices=slices,
    )


def _card(
    schema: Schema,
    snapshot: Snapshot,
    windows: Windows,
    encoder: Encoder,
    reference: Reference,
) -> dict[str, Any]:
    """Facts about the training that go with the Scorer."""
    rows = windows.fit
    trained_until: str | float | None = None
    if snapshot.as_of is not None:
        trained_until = str(snapshot.as_of[rows].max().astype("datetime64[s]"))
    elif schema.order.by == "number":
        sign = 1.0 if schema.order.ascending else -1.0
        trained_until = sign * float(snapshot.position[rows].max())
    rates = {name: float(np.mean(snapshot.label[windows[name]])) for name in NAMES}
    card: dict[str, Any] = {
        "trained_until": trained_until,
        "order": schema.order.by,
        "base_rate": rates,
        "rows": {name: len(windows[name]) for name in NAMES},
        "final_labels": windows.final_labels,
        "allowed": {column.name: column.allow for column in schema.used if column.allow},
        "example": example_lead(encoder, reference),
    }
    if snapshot.lead is not None:
        card["rows"] |= {"fit": len(windows.fit)}
        card["ages_days"] = list(windows.ages)
        card["headline_age_days"] = snapshot.headline_age_days
    return dict(json_ready(card))


def _check_outcomes(label: NDArray[np.float64], schema: Schema) -> None:
    wins, losses = int(np.sum(label == 1.0)), int(np.sum(label == 0.0))
    if wins and losses:
        return
    raise TrainingRefused(
        "Training needs leads that were won and leads that were lost",
        found=f"{wins} won and {losses} lost in {schema.target.column}",
        do="Give a file with both, or correct target.won and target.lost in the schema",
    )


def _policy_warnings(winner: Candidate, rows: NDArray[Any], policy: Policy | None) -> list[str]:
    scores = winner.scores(rows, policy)
    times = None if scores is None or policy is None else hot_share_alarm(scores, policy)
    if times is None or policy is None:
        return []
    text = Catalogue.load("en").text("warnings.hot_share", times=times, share=policy.hot_share)
    return [text]
