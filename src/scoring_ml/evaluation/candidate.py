"""One candidate: fitted on the train window, calibrated and chosen on the next, then judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.calibration import Calibration, fit_calibration
from scoring_ml.estimators.ladder import Rung, make_estimator
from scoring_ml.estimators.matrix import POINTS_PER_LOGODDS, MatrixEstimator
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.evaluation.encoded_rows import EncodedRows
from scoring_ml.evaluation.intervals import Predictions
from scoring_ml.evaluation.windows import Windows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.policy import NoPolicy, Policy, fit_policy
from scoring_ml.scoring.scale import SCORE_MAX, TIERS, round_half_up, tiers
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.ranking import roc_auc


@dataclass(frozen=True)
class Candidate:
    """One fitted rung of the ladder, and what the newest window says of it.

    Parameters
    ----------
    estimator : Estimator
        Fitted on the train window.
    auc_calibrate : float
        ROC AUC on the calibration window, by which candidates are chosen.
    eligible : bool
        Whether it may be chosen.
    reason : str
        Why not, or what restricts it; empty when neither.
    logodds : array of float, shape (n,)
        Uncalibrated log-odds of every row of the snapshot.
    metrics : mapping of str to Interval
        On the test window.
    tiers : mapping of str to int, or None
        Leads of the test window by tier, under the policy in force.
    """

    estimator: Estimator
    calibration: Calibration
    auc_calibrate: float
    eligible: bool
    reason: str
    logodds: NDArray[np.float64]
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    tiers: Mapping[str, int] | None = None

    @property
    def kind(self) -> str:
        """Kind of the estimator."""
        return self.estimator.kind

    def probability(self, rows: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return calibrated probabilities of some rows, or None where there are none."""
        if not self.calibration.gives_probability:
            return None
        return self.calibration.probability(self.logodds[rows])

    def predictions(self, rows: NDArray[Any]) -> Predictions:
        """Return log-odds and probabilities of some rows."""
        return Predictions(self.logodds[rows], self.probability(rows))

    def scores(self, rows: NDArray[Any], policy: Policy | None) -> NDArray[np.int64] | None:
        """Return scores of some rows under a policy, or None where there are none."""
        if self.estimator.answers_total:
            return matrix_total([self], rows)
        if policy is None or not self.calibration.gives_probability:
            return None
        logodds = self.calibration.logodds(self.logodds[rows])
        return np.clip(round_half_up(policy.scale.unrounded(logodds)), 0, SCORE_MAX)

    def count_tiers(self, rows: NDArray[Any], policy: Policy | None) -> dict[str, int] | None:
        """Return how many of some rows are in each tier, or None where there are no scores."""
        scores = self.scores(rows, policy)
        if scores is None:
            return None
        shown = tiers(scores)
        return {name: int(np.sum(shown == name)) for name in TIERS}


def fit_candidates(
    rungs: Sequence[Rung],
    encoder: Encoder,
    X: EncodedRows,
    label: NDArray[np.float64],
    windows: Windows,
    *,
    weight: NDArray[np.float64] | None,
    lead: NDArray[np.int64] | None,
    progress: Callable[[str, float], None],
) -> list[Candidate]:
    """Fit the estimator of each rung in turn, and calibrate it on the calibration window.

    Parameters
    ----------
    rungs : sequence of Rung
        Allowed ones.
    X : EncodedRows
        Every row of the snapshot.
    label : array of float, shape (n,)
    weight, lead : array of shape (rows of ``windows.fit``,), or None
    progress : callable
        Told what is being done, and the share of it that is done, 0-1.
    """
    estimators = [make_estimator(rung, encoder.columns) for rung in rungs]
    # Points are counted from the average lead as it is compared, not from all of its ages.
    average = None if lead is None else np.isin(windows.fit, windows.train)
    fit_on, y = X[windows.fit], label[windows.fit]
    for index, estimator in enumerate(estimators):
        progress(f"fit {estimator.kind}", index / len(estimators))
        estimator.fit(fit_on, y, weight=weight, lead=lead, average=average)
    del fit_on
    logodds = X.each([item.logodds for item in estimators])
    return [
        _calibrated(estimator, z, label, windows, reason=rung.reason)
        for rung, estimator, z in zip(rungs, estimators, logodds, strict=True)
    ]


def matrix_total(candidates: Sequence[Candidate], rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return the hand-built matrix's plain totals of some rows; it is among all candidates."""
    matrix = next(item for item in candidates if item.estimator.answers_total)
    return round_half_up(POINTS_PER_LOGODDS * matrix.logodds[rows])


def _calibrated(
    estimator: Estimator,
    z: NDArray[np.float64],
    label: NDArray[np.float64],
    windows: Windows,
    *,
    reason: str,
) -> Candidate:
    """Calibrate a fitted estimator and tell whether it may be chosen; ``z`` are its log-odds."""
    # What learns nothing may be calibrated on both earlier windows.
    rows = windows.calibrate
    if not estimator.learns:
        rows = np.concatenate([windows.train, windows.calibrate])
    calibration = fit_calibration(z[rows], label[rows])
    if calibration.problem == "too_few":
        reason = (
            f"no probability: {calibration.wins} wins and {calibration.losses} losses in the "
            "calibration window, 10 of each needed"
        )
    elif calibration.problem == "slope_reaches_zero":
        reason = (
            "calibration failed: the slope may be zero or negative on the calibration window "
            f"({calibration.slope:.3g}, from {calibration.slope_low:.3g} to "
            f"{calibration.slope_high:.3g})"
        )
    elif estimator.never_chosen:
        reason = estimator.never_chosen
    auc = roc_auc(z[windows.calibrate], label[windows.calibrate])
    backwards = calibration.method == "intercept_only" and auc <= 0.5
    if backwards:
        reason = (
            "calibration failed: wins rank no higher than losses on the calibration window "
            f"(AUC {auc:.3f})"
        )
    eligible = not (estimator.never_chosen or calibration.problem or backwards)
    return Candidate(estimator, calibration, auc, eligible, reason, z)


def choose_candidate(
    fitted: Sequence[Candidate],
    windows: Windows,
    snapshot: Snapshot,
    matrix: Matrix,
    in_force: Policy | None,
) -> tuple[str, Policy | None, list[Candidate]]:
    """Take the best eligible candidate on the calibration window; the matrix if there is none.

    Parameters
    ----------
    fitted : sequence of Candidate
        In the ladder's order, which decides between equals.

    Returns
    -------
    chosen : str
        Its kind.
    policy : Policy or None
        In force, or proposed for the chosen one.
    candidates : list of Candidate
        As given; not eligible any more is whoever no policy can be made for.
    """
    candidates = list(fitted)
    rows = windows.calibrate
    order = sorted(
        (place for place, candidate in enumerate(fitted) if candidate.eligible),
        key=lambda place: -np.nan_to_num(fitted[place].auc_calibrate, nan=0.5),
    )
    for place in order:
        candidate = fitted[place]
        if candidate.estimator.answers_total:
            return candidate.kind, in_force, candidates
        policy: Policy | NoPolicy = in_force or fit_policy(
            candidate.calibration.logodds(candidate.logodds[rows]),
            matrix_total=matrix_total(fitted, rows).astype(np.float64),
            mapped_criteria=len(matrix.mapped),
            weeks=weeks_of(None if snapshot.as_of is None else snapshot.as_of[rows]),
        )
        if isinstance(policy, Policy):
            return candidate.kind, policy, candidates
        candidates[place] = replace(candidate, eligible=False, reason=policy.reason)
    return MatrixEstimator.kind, in_force, candidates


def weeks_of(moments: NDArray[np.datetime64] | None) -> float | None:
    """Return how many weeks some moments span; None where there are none."""
    if moments is None or len(moments) == 0:
        return None
    return float((moments.max() - moments.min()) / np.timedelta64(7, "D"))
