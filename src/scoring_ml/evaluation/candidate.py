"""One candidate as it stands at a cut-off: how it ranked and calibrated in blocks known by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring_ml.estimators.calibration import Calibration, fit_calibration
from scoring_ml.estimators.matrix import POINTS_PER_LOGODDS
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.evaluation.intervals import Predictions
from scoring_ml.evaluation.rolling_origin import OutOfTime, block_auc, known_blocks
from scoring_ml.evaluation.windows import Rows, Windows
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.row_scorer import AGE_FIELD, age_column
from scoring_ml.scoring.scale import SCORE_MAX, TIERS, round_half_up, tiers
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.samples import Floats, Ints

PERIODS_A_BLOCK: Final = 3
"""Most periods of a block that have an intercept of their own."""

WINS_A_PERIOD: Final = 15
"""Least wins, and losses, of each where a block has more than one."""


@dataclass(frozen=True)
class Candidate:
    """One rung of the ladder at a cut-off, and what the newest window says of it.

    Parameters
    ----------
    estimator : Estimator
        Fitted on what was known at the cut-off of the newest window.
    calibration : Calibration
    block_aucs : tuple of float
        ROC AUC in each block known at the cut-off, oldest first; NaN where it was not fitted or
        the block has one class.
    eligible : bool
        Whether it may be chosen.
    reason : str
        Why not, or what restricts it; empty when neither.
    logodds : array of float, shape (n,)
        Uncalibrated log-odds of the snapshot's rows, each by a fit that did not know it; NaN for
        rows that were not predicted.
    age_days : array of float, shape (n,), or None
        Age of each row's lead, by which probabilities are calibrated.
    metrics : mapping of str to Interval
        On the test window.
    tiers : mapping of str to int, or None
        Leads of the test window by tier, under the policy in force.
    """

    estimator: Estimator
    calibration: Calibration
    block_aucs: tuple[float, ...]
    eligible: bool
    reason: str
    logodds: Floats
    age_days: Floats | None = None
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    tiers: Mapping[str, int] | None = None

    @property
    def kind(self) -> str:
        """Kind of the estimator."""
        return self.estimator.kind

    @property
    def auc_calibrate(self) -> float:
        """Mean ROC AUC within the blocks, by which candidates are chosen; NaN if none is known."""
        known = [auc for auc in self.block_aucs if not np.isnan(auc)]
        return float(np.mean(known)) if known else float("nan")

    def calibrated(self, rows: NDArray[Any]) -> Floats:
        """Return calibrated log-odds of some rows."""
        ages = None if self.age_days is None else self.age_days[rows]
        return self.calibration.logodds(self.logodds[rows], ages)

    def probability(self, rows: NDArray[Any]) -> Floats | None:
        """Return calibrated probabilities of some rows, or None where there are none."""
        if not self.calibration.gives_probability:
            return None
        return np.asarray(expit(self.calibrated(rows)))

    def predictions(self, rows: NDArray[Any]) -> Predictions:
        """Return log-odds and probabilities of some rows."""
        sd = self.calibration.intercept_sd
        return Predictions(self.logodds[rows], self.probability(rows), sd)

    def scores(self, rows: NDArray[Any], policy: Policy | None) -> NDArray[np.int64] | None:
        """Return scores of some rows under a policy, or None where there are none."""
        if self.estimator.answers_total:
            return matrix_total([self], rows)
        if policy is None or not self.calibration.gives_probability:
            return None
        unrounded = policy.scale.unrounded(self.calibrated(rows))
        return np.clip(round_half_up(unrounded), 0, SCORE_MAX)

    def count_tiers(self, rows: NDArray[Any], policy: Policy | None) -> dict[str, int] | None:
        """Return how many of some rows are in each tier, or None where there are no scores."""
        scores = self.scores(rows, policy)
        if scores is None:
            return None
        shown = tiers(scores)
        return {name: int(np.sum(shown == name)) for name in TIERS}


def matrix_total(candidates: Sequence[Candidate], rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return the hand-built matrix's plain totals of some rows; it is among all candidates."""
    matrix = next(item for item in candidates if item.estimator.answers_total)
    return round_half_up(POINTS_PER_LOGODDS * matrix.logodds[rows])


def stand_at(
    number: int,
    out_of_time: OutOfTime,
    windows: Windows,
    snapshot: Snapshot,
    reasons: Mapping[str, str],
) -> list[Candidate]:
    """Return how every candidate stood at a cut-off, from labels that were known then.

    Parameters
    ----------
    number : int
        Of the origin, from 0.
    out_of_time : OutOfTime
    windows : Windows
    snapshot : Snapshot
    reasons : mapping of str to str
        What restricts each kind.
    """
    blocks = known_blocks(windows, number)
    ages = _ages(out_of_time.newest.encoder, snapshot)
    origin, found = windows.origins[number], []
    for kind, z in out_of_time.logodds.items():
        estimator = out_of_time.newest.estimators[kind]
        # What learns nothing may be calibrated on what others learned from, too.
        rows = origin.known if estimator.learns else np.union1d(origin.fit, origin.known)
        calibration = calibrate(z, rows, windows, snapshot, by_age=ages is not None)
        aucs = tuple(block_auc(z, snapshot.label, block) for block in blocks)
        against = _against(estimator, calibration, aucs)
        found.append(
            Candidate(estimator, calibration, aucs, not against, against or reasons[kind], z, ages)
        )
    return found


def calibrate(
    z: Floats, rows: Rows, windows: Windows, snapshot: Snapshot, *, by_age: bool
) -> Calibration:
    """Calibrate log-odds on rows of known label, at every age at which the leads were seen.

    Parameters
    ----------
    z : array of float, shape (n,)
        Of every row of the snapshot; NaN where it was not predicted.
    rows : array of int
    windows : Windows
    snapshot : Snapshot
    by_age : bool
        Whether a scorer will know the age of a lead; else only the headline age is looked at.
    """
    rows = rows[~np.isnan(z[rows])]
    headline, age = snapshot.headline_age_days, snapshot.age_days
    if age is not None and not by_age:
        rows = rows[age[rows] == headline]
    lead = snapshot.lead
    return fit_calibration(
        z[rows],
        snapshot.label[rows],
        period=_periods(windows, rows, snapshot.label),
        weight=None if lead is None or not len(rows) else _even_weights(lead[rows]),
        age_days=age[rows] if age is not None and by_age else None,
        headline_age_days=headline,
    )


def _even_weights(lead: Ints) -> Floats:
    """Return one weight for all rows, so that they weigh as much as there are leads.

    Not one over the rows of a row's lead: at how many ages a lead is seen tells how soon it was
    closed, and so how it ended; at each age a probability must be right for all who are open.
    """
    return np.full(len(lead), len(np.unique(lead)) / len(lead))


def _ages(encoder: Encoder, snapshot: Snapshot) -> Floats | None:
    """Return the age at which each row's lead is seen; None where scores do not go by it."""
    if snapshot.age_days is None or age_column(encoder) is None:
        return None
    return snapshot.frame[AGE_FIELD].to_numpy(dtype=np.float64)


def _periods(windows: Windows, rows: Rows, label: Floats) -> Ints:
    """Return the period of each row: a third of its block, or less often if wins are few."""
    block = np.full(len(label), -1)
    for number, origin in enumerate(windows.origins):
        block[origin.predicted] = number
    found = np.zeros(len(rows), dtype=np.int64)
    first = 0
    for number in np.unique(block[rows]):
        places = np.flatnonzero(block[rows] == number)
        wins = int(label[rows[places]].sum())
        fewer = min(wins, len(places) - wins)
        count = min(PERIODS_A_BLOCK, max(1, fewer // WINS_A_PERIOD))
        found[places] = first + np.arange(len(places)) * count // len(places)
        first += count
    return found


def _against(estimator: Estimator, calibration: Calibration, aucs: Sequence[float]) -> str:
    """Return why a candidate may not be chosen; empty if it may."""
    if estimator.never_chosen:
        return estimator.never_chosen
    if calibration.problem == "too_few":
        return (
            f"no probability: {calibration.wins} wins and {calibration.losses} losses in the "
            "blocks before the newest window, 10 of each needed"
        )
    if calibration.problem == "slope_reaches_zero":
        return (
            "calibration failed: the slope may be zero or negative in the blocks before the "
            f"newest window ({calibration.slope:.3g}, from {calibration.slope_low:.3g} to "
            f"{calibration.slope_high:.3g})"
        )
    known = [auc for auc in aucs if not np.isnan(auc)]
    if calibration.method == "intercept_only" and known and np.mean(known) <= 0.5:
        return (
            "calibration failed: wins rank no higher than losses in the blocks before the newest "
            f"window (AUC {np.mean(known):.3f})"
        )
    return ""
