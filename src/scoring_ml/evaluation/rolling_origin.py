"""Every candidate fitted at every cut-off, and what it predicted of leads that came later.

Nothing looks ahead: the encoder and every estimator of a cut-off learn from rows whose label was
known then, and a blend leaves out the members that had fallen behind in blocks known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scoring_ml.data.schema import Schema
from scoring_ml.estimators.ladder import Rung, estimator_class, make_estimator
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.evaluation.encoded_rows import EncodedRows
from scoring_ml.evaluation.lead_windows import lead_weights
from scoring_ml.evaluation.windows import Rows, Windows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.ranking import roc_auc
from scoring_ml.statistics.samples import Floats

LEAST_OUTCOMES: Final = 5
"""Fewer wins or losses than this known at a cut-off: nothing is fitted there."""

FAR_BEHIND: Final = 0.03
"""AUC behind the best, in each of the last :data:`LAST_BLOCKS`, that drops a blend's member."""

LAST_BLOCKS: Final = 3


@dataclass(frozen=True)
class Fit:
    """An encoder and estimators that learned from the same rows.

    Parameters
    ----------
    encoder : Encoder
    X : EncodedRows
        Every row of the snapshot.
    estimators : mapping of str to Estimator
        By kind, in the ladder's order.
    """

    encoder: Encoder
    X: EncodedRows
    estimators: Mapping[str, Estimator]

    def combined(self, kinds: Sequence[str], members: Mapping[str, tuple[str, ...]]) -> Fit:
        """Return the estimators of some kinds, blends made of their fitted members."""
        estimators = {
            kind: estimator_class(kind).of([self.estimators[member] for member in members[kind]])
            if kind in members
            else self.estimators[kind]
            for kind in kinds
        }
        return replace(self, estimators=estimators)


@dataclass(frozen=True)
class OutOfTime:
    """What every candidate predicted of leads that came after what it learned from.

    Parameters
    ----------
    logodds : mapping of str to array of float, shape (n,)
        By kind; NaN for rows that it did not predict.
    newest : Fit
        At the cut-off of the test window.
    members : mapping of str to tuple of str
        Of which kinds each blend is made at that cut-off.
    """

    logodds: Mapping[str, Floats]
    newest: Fit
    members: Mapping[str, tuple[str, ...]]


def fit_rows(
    rows: Rows,
    rungs: Sequence[Rung],
    snapshot: Snapshot,
    schema: Schema,
    matrix: Matrix,
    progress: Callable[[str, float], None],
) -> Fit:
    """Fit an encoder and the estimators of some rungs, blends aside, on rows in order of time."""
    lead = None if snapshot.lead is None else snapshot.lead[rows]
    encoder = Encoder.fit(snapshot.frame.iloc[rows], schema, matrix, lead)
    X = EncodedRows(encoder, snapshot.frame, snapshot.as_of)
    single = [rung for rung in rungs if not estimator_class(rung.kind).combines]
    fit_on, y = X[rows], snapshot.label[rows]
    weight = None if lead is None else lead_weights(lead)
    # Points are counted from the average lead as it is compared, not from all of its ages.
    average = None
    if snapshot.age_days is not None:
        average = np.asarray(snapshot.age_days[rows] == snapshot.headline_age_days)
    estimators = {}
    for index, rung in enumerate(single):
        progress(f"fit {rung.kind}", index / len(single))
        estimators[rung.kind] = make_estimator(rung, encoder.columns).fit(
            fit_on, y, weight=weight, lead=lead, average=average
        )
    return Fit(encoder, X, estimators)


def predict_rolling(
    rungs: Sequence[Rung],
    snapshot: Snapshot,
    schema: Schema,
    matrix: Matrix,
    windows: Windows,
    progress: Callable[[str, float], None],
) -> OutOfTime:
    """Fit every candidate at every cut-off and predict the block that follows.

    Parameters
    ----------
    rungs : sequence of Rung
        Allowed ones, in the ladder's order.
    snapshot : Snapshot
    schema : Schema
    matrix : Matrix
    windows : Windows
    progress : callable
        Told what is being done, and the share of it that is done, 0-1.
    """
    kinds = [rung.kind for rung in rungs]
    logodds = {kind: np.full(len(snapshot), np.nan) for kind in kinds}
    last = len(windows.origins) - 1
    fit: Fit | None = None
    members: dict[str, tuple[str, ...]] = {}
    for number, origin in enumerate(windows.origins):

        def tell(what: str, share: float, number: int = number) -> None:
            progress(what, (number + share) / (last + 1))

        if fit is None or windows.rolling:
            if number < last and not _enough(snapshot.label[origin.fit]):
                continue
            fit = fit_rows(origin.fit, rungs, snapshot, schema, matrix, tell)
        values = fit.X.each([item.logodds for item in fit.estimators.values()], origin.predicted)
        for kind, z in zip(fit.estimators, values, strict=True):
            logodds[kind][origin.predicted] = z
        members = choose_members(
            kinds, fit.estimators, logodds, snapshot.label, known_blocks(windows, number)
        )
        for kind, combined in members.items():
            parts = [logodds[member][origin.predicted] for member in combined]
            logodds[kind][origin.predicted] = np.mean(parts, axis=0)
    if fit is None:
        raise ValueError("windows must have an origin. Found: none.")
    newest = fit.combined(kinds, members)
    # What learns nothing predicts every lead out of time.
    idle = [kind for kind in kinds if not newest.estimators[kind].learns]
    values = fit.X.each([newest.estimators[kind].logodds for kind in idle], windows.mature)
    for kind, z in zip(idle, values, strict=True):
        logodds[kind][windows.mature] = z
    return OutOfTime(logodds, newest, members)


def known_blocks(windows: Windows, number: int) -> list[Rows]:
    """Return, of each block before a cut-off, the leads whose label was known then, each once."""
    known = windows.origins[number].known
    return [block[np.isin(block, known)] for block in windows.blocks[:number]]


def block_auc(z: Floats, label: Floats, rows: Rows) -> float:
    """Return the AUC of the rows that were predicted; NaN if none were, or of one class."""
    rows = rows[~np.isnan(z[rows])]
    return roc_auc(z[rows], label[rows])


def choose_members(
    kinds: Sequence[str],
    fitted: Mapping[str, Estimator],
    logodds: Mapping[str, Floats],
    label: Floats,
    blocks: Sequence[Rows],
) -> dict[str, tuple[str, ...]]:
    """Return of what each blend is made, by kind: all that were fitted, without who fell behind.

    A member is left out when it was more than :data:`FAR_BEHIND` behind the best one in each of
    the last :data:`LAST_BLOCKS` blocks whose labels are known.
    """
    found = {}
    for kind in kinds:
        members = [member for member in estimator_class(kind).combines if member in fitted]
        if not members:
            continue
        aucs = np.array([[block_auc(logodds[m], label, rows) for m in members] for rows in blocks])
        aucs = aucs[~np.isnan(aucs).any(axis=1)][-LAST_BLOCKS:] if len(aucs) else aucs
        behind = np.zeros(len(members), dtype=bool)
        if len(aucs) == LAST_BLOCKS:
            behind = (aucs.max(axis=1, keepdims=True) - aucs > FAR_BEHIND).all(axis=0)
        found[kind] = tuple(m for m, left_out in zip(members, behind, strict=True) if not left_out)
    return found


def _enough(label: Floats) -> bool:
    wins = label.sum()
    return bool(min(wins, len(label) - wins) >= LEAST_OUTCOMES)
