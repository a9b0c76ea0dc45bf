"""All rungs of the ladder on the same blocks, which of them is chosen, and what is shipped.

Candidates are fitted again before each block and predict it. They are chosen by their mean AUC
within the blocks and calibrated there (which cannot change an AUC); the newest window only reports.
What is shipped is the chosen kind fitted again on all leads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.errors import TrainingRefused
from scoring_ml.estimators.ladder import Rung, allowed_rungs, estimator_class
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.protocol import TrainingCounts
from scoring_ml.evaluation.candidate import Candidate, matrix_total, stand_at
from scoring_ml.evaluation.choice import choose_candidate, report_blocks
from scoring_ml.evaluation.drift import drift_report
from scoring_ml.evaluation.intervals import bootstrap_metrics
from scoring_ml.evaluation.lead_windows import split_leads
from scoring_ml.evaluation.rolling_origin import predict_rolling
from scoring_ml.evaluation.shipping import fit_again, make_scorer, newest_moment, sample_leads
from scoring_ml.evaluation.slices import judge_slices
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.verdict import (
    VOLUME_METRIC,
    Evidence,
    warning_text,
    write_verdict,
)
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.evaluation.windows import NAMES, ROLLING, Plan, Windows
from scoring_ml.features.contact_stand_ins import without_contacts
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.policy import Policy, hot_share_alarm
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scale import HOT
from scoring_ml.statistics.proportions import expected_wins
from scoring_ml.texts import Catalogue

TrainingProgress = Callable[[str, float], None]
"""Told what is being done, and the share of the whole that is done, 0-1."""


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
    plan: Plan = ROLLING,
    kind: str | None = None,
    progress: TrainingProgress | None = None,
) -> Trained:
    """Fit, calibrate, choose and report every rung that the data allows.

    Parameters
    ----------
    snapshot : Snapshot
        Labelled and open leads, oldest first; each once, or at several ages.
    schema : Schema
    matrix : Matrix
    policy : Policy or None
        The policy in force; a new one is proposed if None.
    card : mapping or None
        Facts for the Scorer's card.
    replicates : int
        Bootstrap resamples behind each interval.
    seed : int
    slice_by : sequence of str
        Categories and booleans by whose values the newest leads are also judged.
    order_doubted : bool
        Whether something speaks against the order of time, which the verdict then says first.
    plan : Plan
        How leads are cut into windows.
    kind : str or None
        The kind to fit again, of which nothing is chosen; all kinds are compared if None.
    progress : callable or None

    Raises
    ------
    TrainingRefused
        If there are too few rows, one class only, or the data do not allow ``kind``.
    """
    tell = progress or (lambda what, share: None)
    _check_outcomes(snapshot.label, schema)
    if not schema.used and not matrix.mapped:
        raise TrainingRefused(
            "Training needs a column that the schema uses",
            found="none, and no rule in the matrix",
            do="Decide on the columns in the schema: use: true",
        )
    snapshot = replace(snapshot, frame=without_contacts(snapshot.frame, schema.used))
    whole, snapshot = snapshot, sample_leads(snapshot)
    label = snapshot.label
    windows = split_leads(snapshot, schema, plan=plan, seed=seed)
    check_leads(windows, snapshot, schema)
    every = windows if whole is snapshot else split_leads(whole, schema, plan=plan, seed=seed)
    rungs = allowed_rungs(_counts(windows, snapshot, schema, matrix))
    allowed = _wanted(rungs, kind)
    out_of_time = predict_rolling(
        allowed, snapshot, schema, matrix, windows, lambda what, share: tell(what, 0.5 * share)
    )
    tell("choose", 0.5)
    fit, last = out_of_time.newest, len(windows.origins) - 1
    reasons = {rung.kind: rung.reason for rung in allowed}
    chosen, chosen_policy, candidates = choose_candidate(
        stand_at(last, out_of_time, windows, snapshot, reasons),
        windows,
        snapshot,
        matrix,
        policy,
        kind=kind,
    )
    if kind not in (None, chosen):
        _refuse_kind(kind, next(item.reason for item in candidates if item.kind == kind))
    order = snapshot.position if snapshot.as_of is None else snapshot.as_of
    blocks = report_blocks(out_of_time, windows, snapshot, order, kind=kind)
    tell("intervals", 0.52)
    test = windows.test
    handed_over = int(np.sum(matrix_total(candidates, test) >= HOT))
    comparison = bootstrap_metrics(
        label[test],
        {candidate.kind: candidate.predictions(test) for candidate in candidates},
        volumes={VOLUME_METRIC: handed_over},
        groups=None if snapshot.account is None else snapshot.account[test],
        replicates=replicates,
        seed=seed,
        progress=lambda done, every: tell("intervals", 0.52 + 0.28 * done / max(1, every)),
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
            expected_wins=None
            if probability is None
            else expected_wins(probability, winner.calibration.intercept_sd),
            blocks=blocks,
            fitted_again=len(every.leads) if windows.rolling and winner.estimator.learns else 0,
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
    facts = dict(card or {}) | _card(schema, snapshot, windows, len(whole))
    evaluated = make_scorer(
        fit,
        chosen,
        winner.calibration,
        used_policy,
        snapshot,
        learned=windows.fit,
        leads=windows.learned_leads,
        facts=facts,
    )
    scorer = evaluated
    if windows.rolling:
        newest_fit, calibration = fit_again(
            winner,
            allowed,
            out_of_time,
            (snapshot, windows),
            (whole, every),
            schema,
            matrix,
            lambda what, share: tell(f"{what} on all leads", 0.8 + 0.15 * share),
        )
        scorer = make_scorer(
            newest_fit,
            chosen,
            calibration,
            used_policy,
            whole,
            learned=every.mature,
            leads=every.leads,
            facts=facts,
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
        evaluated=evaluated,
        scorer=scorer,
        policy=used_policy,
        comparison=comparison,
        blocks=blocks,
        drift=drift,
        verdict=verdict,
        warnings=tuple(warnings),
        encoder=fit.encoder,
        X=fit.X,
        leads=len(every.leads if windows.rolling else windows.learned_leads),
        slices=slices,
    )


def _wanted(rungs: Sequence[Rung], kind: str | None) -> list[Rung]:
    """Return the rungs to fit: all that are allowed, or one kind, its parts and the matrix."""
    allowed = [rung for rung in rungs if rung.allowed]
    if kind is None:
        return allowed
    refused = next((rung for rung in rungs if rung.kind == kind and not rung.allowed), None)
    if refused is not None:
        _refuse_kind(kind, refused.reason)
    wanted = {MatrixEstimator.kind, kind, *estimator_class(kind).combines}
    return [rung for rung in allowed if rung.kind in wanted]


def _refuse_kind(kind: str, reason: str) -> NoReturn:
    raise TrainingRefused(
        f"The kind that is fitted again must be allowed by the data: {kind}",
        found=reason,
        do="Give more data, or choose anew with scoring-ml train",
    )


def _counts(windows: Windows, snapshot: Snapshot, schema: Schema, matrix: Matrix) -> TrainingCounts:
    """Count what is known before the newest window."""
    leads = windows.learned_leads
    won = snapshot.label[leads]
    return TrainingCounts(
        wins=int(won.sum()),
        losses=int(len(won) - won.sum()),
        mapped_criteria=len(matrix.mapped),
        used_fields=len(schema.used),
        columns=Encoder.fit(snapshot.frame.iloc[leads], schema, matrix).columns,
    )


def _card(schema: Schema, snapshot: Snapshot, windows: Windows, rows_in_all: int) -> dict[str, Any]:
    """Facts about the training that go with the Scorer; figures are of the evaluation."""
    rates = {name: float(np.mean(snapshot.label[windows[name]])) for name in NAMES}
    card: dict[str, Any] = {
        "order": schema.order.by,
        "base_rate": rates,
        "rows": {name: len(windows[name]) for name in NAMES},
        "final_labels": windows.final_labels,
        "allowed": {column.name: column.allow for column in schema.used if column.allow},
        "evaluated_until": newest_moment(snapshot, schema, windows.fit),
    }
    if len(snapshot) < rows_in_all:
        card["compared_rows"] = len(snapshot)
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
