"""The table of many leads' scores, one row a lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from scoring_ml.features.encoder import LEVEL_CODES, Encoder
from scoring_ml.scoring.row_scorer import RowScorer, Scores
from scoring_ml.scoring.scale import tiers


def score_table(
    scores: Scores, rows: RowScorer, encoder: Encoder, actions: Mapping[str, str], *, explain: bool
) -> pd.DataFrame:
    """Return scores, tiers, the matrix's points and, with ``explain``, points and what to ask next.

    Returns
    -------
    DataFrame, shape (n, ...)
        ``score``, ``tier``, ``action``, ``logodds`` (calibrated), ``probability``,
        ``matrix_total``, ``matrix_tier``, ``matrix/<criterion>``, ``matrix_known/<criterion>``,
        ``completeness``; with ``explain`` also ``base_points``, ``rounding_points``,
        ``limit_points``, ``points/<field>`` and ``ask_next``.
    """
    tier = tiers(scores.score)
    total = rows.matrix_total(scores.X).astype(np.int64)
    table: dict[str, Any] = {
        "score": scores.score,
        "tier": tier,
        "action": np.array([actions[name] for name in tier], dtype=object),
        "logodds": scores.logodds,
        "probability": rows.probability(scores),
        "matrix_total": total,
        "matrix_tier": tiers(total),
    }
    for criterion in encoder.matrix.criteria:
        codes = encoder.criterion_codes_of(scores.X, criterion.name)
        points = np.array([criterion.points_of(level) for level in LEVEL_CODES])
        table[f"matrix/{criterion.name}"] = points[codes]
        table[f"matrix_known/{criterion.name}"] = codes < len(LEVEL_CODES) - 1
    table["completeness"] = rows.completeness(scores)
    if explain:
        tenths = rows.tenths(scores)
        table["base_points"] = tenths.base / 10
        table["rounding_points"] = tenths.rounding / 10
        table["limit_points"] = tenths.limit / 10
        for index, (name, _) in enumerate(rows.explained_fields):
            table[f"points/{name}"] = tenths.fields[:, index] / 10
        table["ask_next"] = rows.ask_next(scores)
    return pd.DataFrame(table)
