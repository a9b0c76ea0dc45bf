"""The choice of a candidate, and what choosing so would have brought, block after block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.evaluation.candidate import Candidate, matrix_total, stand_at
from scoring_ml.evaluation.rolling_origin import OutOfTime, block_auc, known_blocks
from scoring_ml.evaluation.windows import Rows, Times, Windows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.policy import NoPolicy, Policy, fit_policy
from scoring_ml.statistics.delong import auc_difference
from scoring_ml.statistics.interval import Z_95, Interval
from scoring_ml.statistics.proportions import expected_wins
from scoring_ml.statistics.samples import Floats

SIMPLER_WITHIN: Final = 0.002
"""Mean AUC that a simpler candidate may lack."""

FEW_BLOCK_WINS: Final = 150
"""Under so many wins in the blocks it may lack one standard error of the difference."""


@dataclass(frozen=True)
class BlockReport:
    """One block, and what the procedure would have done there with what was known before it.

    Parameters
    ----------
    number : int
        From 1; the newest window is the last.
    newest : bool
        Whether it is the newest window.
    first, last : float or datetime64 or None
        Smallest and largest position; None for a random split.
    leads, wins : int
    chosen : str
        Kind that was chosen before it; empty where nothing was known yet.
    aucs : dict of str to float
        ROC AUC of each kind; NaN where it was not fitted.
    promised : Interval
        Wins that the chosen candidate promised; NaN without probabilities.
    """

    number: int
    newest: bool
    first: float | np.datetime64 | None
    last: float | np.datetime64 | None
    leads: int
    wins: int
    chosen: str
    aucs: dict[str, float]
    promised: Interval

    @property
    def best(self) -> float:
        """AUC of the best candidate, known only afterwards."""
        known = [auc for auc in self.aucs.values() if not np.isnan(auc)]
        return max(known, default=float("nan"))

    @property
    def regret(self) -> float:
        """AUC that was lost by not having chosen the best; NaN where nothing was chosen."""
        return self.best - self.aucs[self.chosen] if self.chosen else float("nan")

    @property
    def kept(self) -> bool | None:
        """Whether the wins lay in the promised range; None without a promise."""
        if np.isnan(self.promised.value):
            return None
        return bool(self.promised.low <= self.wins <= self.promised.high)


def choose_candidate(
    fitted: Sequence[Candidate],
    windows: Windows,
    snapshot: Snapshot,
    matrix: Matrix,
    in_force: Policy | None,
    *,
    kind: str | None = None,
) -> tuple[str, Policy | None, list[Candidate]]:
    """Take the candidate that ranked best within the earlier blocks; the matrix if none may be.

    Parameters
    ----------
    fitted : sequence of Candidate
        As they stand before the newest window, in the ladder's order, simplest first.
    windows : Windows
    snapshot : Snapshot
    matrix : Matrix
    in_force : Policy or None
    kind : str or None
        The only kind that may be taken, besides the matrix; any if None.

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
    blocks = known_blocks(windows, len(windows.origins) - 1)
    rows = np.concatenate(blocks)
    while best := best_kind(candidates, blocks, snapshot.label, kind=kind):
        place = next(i for i, candidate in enumerate(candidates) if candidate.kind == best)
        candidate = candidates[place]
        if candidate.estimator.answers_total:
            return best, in_force, candidates
        predicted = rows[~np.isnan(candidate.logodds[rows])]
        policy: Policy | NoPolicy = in_force or fit_policy(
            candidate.calibrated(predicted),
            matrix_total=matrix_total(fitted, predicted).astype(np.float64),
            mapped_criteria=len(matrix.mapped),
            weeks=weeks_of(None if snapshot.as_of is None else snapshot.as_of[predicted]),
        )
        if isinstance(policy, Policy):
            return best, policy, candidates
        candidates[place] = replace(candidate, eligible=False, reason=policy.reason)
    return MatrixEstimator.kind, in_force, candidates


def best_kind(
    candidates: Sequence[Candidate],
    blocks: Sequence[Rows],
    label: Floats,
    *,
    kind: str | None = None,
) -> str:
    """Return the simplest kind that ranks as well as the best one; empty if none is eligible.

    The best has the highest mean AUC within the blocks. A simpler one counts as equal within
    :data:`SIMPLER_WITHIN`, and where the blocks hold fewer than :data:`FEW_BLOCK_WINS` wins,
    within one standard error of the paired difference (DeLong). With ``kind`` no other is taken.
    """
    eligible = [item for item in candidates if item.eligible and kind in (None, item.kind)]
    if not eligible:
        return ""
    means = np.array([np.nan_to_num(item.auc_calibrate, nan=0.5) for item in eligible])
    best = eligible[int(np.argmax(means))]
    few = sum(float(label[rows].sum()) for rows in blocks) < FEW_BLOCK_WINS
    for item, mean in zip(eligible, means, strict=True):
        allowed = _paired_error(item, best, blocks, label) if few else SIMPLER_WITHIN
        if mean >= means.max() - max(allowed, SIMPLER_WITHIN):
            return item.kind
    return best.kind


def report_blocks(
    out_of_time: OutOfTime,
    windows: Windows,
    snapshot: Snapshot,
    order: Floats | Times,
    *,
    kind: str | None = None,
) -> tuple[BlockReport, ...]:
    """Return what the procedure chose and promised before each block, and what then happened.

    With ``kind`` nothing was chosen: it is what that kind promised.
    """
    found = []
    label = snapshot.label
    for number, rows in enumerate((*windows.blocks, windows.test)):
        standing = stand_at(
            number, out_of_time, windows, snapshot, dict.fromkeys(out_of_time.logodds, "")
        )
        known = known_blocks(windows, number)
        best = best_kind(standing, known, label, kind=kind) if number else ""
        chosen = next((item for item in standing if item.kind == best), None)
        promised = None if chosen is None else chosen.probability(rows)
        found.append(
            BlockReport(
                number=number + 1,
                newest=number == len(windows.blocks),
                first=None if windows.random else order[rows].min(),
                last=None if windows.random else order[rows].max(),
                leads=len(rows),
                wins=int(label[rows].sum()),
                chosen=best,
                aucs={
                    item.kind: block_auc(item.logodds, label, rows)
                    for item in standing
                    if not item.estimator.never_chosen
                },
                promised=Interval(np.nan, np.nan, np.nan)
                if promised is None or chosen is None
                else expected_wins(promised, chosen.calibration.intercept_sd),
            )
        )
    return tuple(found)


def _paired_error(item: Candidate, best: Candidate, blocks: Sequence[Rows], label: Floats) -> float:
    """Return the standard error of the difference of two mean AUCs within blocks."""
    variances = []
    for rows in blocks:
        both = rows[~np.isnan(item.logodds[rows] + best.logodds[rows])]
        if len(np.unique(label[both])) == 2:
            gap = auc_difference(best.logodds[both], item.logodds[both], label[both])
            variances.append(((gap.high - gap.low) / (2 * Z_95)) ** 2)
    known = [variance for variance in variances if not np.isnan(variance)]
    return float(np.sqrt(sum(known))) / len(known) if known else 0.0


def weeks_of(moments: Times | None) -> float | None:
    """Return how many weeks some moments span; None where there are none."""
    if moments is None or len(moments) == 0:
        return None
    return float((moments.max() - moments.min()) / np.timedelta64(7, "D"))
