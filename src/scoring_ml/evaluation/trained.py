"""Everything that one training found: candidates, choice, figures, and what is registered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Schema
from scoring_ml.estimators.ladder import Rung
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.choice import BlockReport
from scoring_ml.evaluation.drift import DriftReport
from scoring_ml.evaluation.encoded_rows import EncodedRows
from scoring_ml.evaluation.intervals import Comparison
from scoring_ml.evaluation.slices import Slice
from scoring_ml.evaluation.verdict import Verdict
from scoring_ml.evaluation.windows import NAMES, Windows
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.scorer import Scorer


@dataclass(frozen=True)
class Trained:
    """Everything that one training found.

    Parameters
    ----------
    schema : Schema
    matrix : Matrix
    snapshot : Snapshot
    windows : Windows
    rungs : tuple of Rung
        Every rung, allowed or not, with the reason.
    candidates : tuple of Candidate
        Those that were allowed, in the ladder's order.
    chosen : str
        Kind of the chosen candidate.
    evaluated : Scorer
        The chosen candidate as the newest window judged it: it learned from nothing newer.
    scorer : Scorer
        What is registered: the chosen kind fitted again on all leads; version ``"0"`` until then.
    policy : Policy or None
        In force, or proposed (version 0); ``None`` for a matrix.
    comparison : Comparison
        Metrics and paired differences on the test window.
    blocks : tuple of BlockReport
        What the procedure chose and promised before each block and the newest window.
    drift : DriftReport
    verdict : Verdict
    warnings : tuple of str
        In words, loudest first.
    encoder : Encoder
        Of the evaluation.
    X : EncodedRows
        Every row of the snapshot, as the evaluation's encoder sees it.
    leads : int
        Leads that what is registered learned from, each once.
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
    evaluated: Scorer
    scorer: Scorer
    policy: Policy | None
    comparison: Comparison
    blocks: tuple[BlockReport, ...]
    drift: DriftReport
    verdict: Verdict
    warnings: tuple[str, ...]
    encoder: Encoder
    X: EncodedRows
    leads: int
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
    def trained_until(self) -> str | float | None:
        """The newest moment, or number, that what is registered has learned from."""
        until: str | float | None = self.scorer.parts.card["trained_until"]
        return until

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
