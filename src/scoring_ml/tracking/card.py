"""The model card, numbers first: everything that a reader must know, as JSON-ready values.

:mod:`scoring_ml.tracking.card_text` makes the Markdown from it. Ids and values of leads are not
in it; names and counts are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from scoring_ml.data.schema import Column
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.scoring.saving import json_ready
from scoring_ml.tracking.candidates import blocks_table, candidates_table
from scoring_ml.tracking.cohort import slices_table
from scoring_ml.tracking.dataset import DatasetFacts, cohort_facts
from scoring_ml.tracking.model import library_versions


def card_facts(
    trained: Trained,
    *,
    dataset: DatasetFacts,
    findings: Sequence[Finding] = (),
    version: str | None = None,
    created_at: str | None = None,
) -> dict[str, Any]:
    """Return the facts of the model card, JSON-ready.

    Parameters
    ----------
    findings : sequence of Finding
        Of the leak audit.
    version : str or None
        In the registry; the Scorer's own if None.
    created_at : str or None
        Moment of the training, ISO 8601.
    """
    schema, chosen = trained.schema, trained[trained.chosen]
    criteria = [item.name for item in trained.matrix.criteria]
    facts = {
        "model": {
            "name": trained.scorer.model["name"],
            "version": version or trained.scorer.version,
            "kind": trained.chosen,
            "created_at": created_at or trained.scorer.parts.card.get("created_at"),
            "score_max": trained.scorer.score_max,
        },
        "dataset": {"name": dataset.name, "sha256": dataset.digest, "rows": dataset.rows},
        "order": {
            "by": schema.order.by,
            "column": schema.order.column,
            "reason": schema.order.reason,
            "random": trained.windows.random,
            "gap_days": trained.windows.gap_days,
            "final_labels": trained.windows.final_labels,
        },
        "cohort": cohort_facts(trained, dataset),
        "windows": {name: _window(trained, name) for name in NAMES},
        "open": {"rows": len(trained.windows.open), "immature": len(trained.windows.immature)},
        "unused": [{"reason": item.reason, "rows": item.count} for item in trained.unused],
        "ladder": [vars(rung) for rung in trained.rungs],
        "candidates": candidates_table(trained),
        "blocks": blocks_table(trained),
        "shipped": {
            "fitted_again": trained.windows.rolling,
            "leads": trained.leads,
            "compared": len(trained.windows.leads),
            "trained_until": trained.trained_until,
            "evaluated_until": trained.evaluated.parts.card["trained_until"],
            "calibration": trained.scorer.parts.calibration.dump(),
        },
        "slices": slices_table(trained),
        "verdict": trained.verdict.text,
        "calibration": chosen.calibration.dump(),
        "policy": None if trained.policy is None else trained.policy.dump(),
        "tiers_in_test": chosen.tiers,
        "matrix": {
            "mapped": list(trained.matrix.mapped),
            "unmapped": [name for name in criteria if name not in trained.matrix.mapped],
            "most_points": trained.matrix.max_total,
        },
        "fields": [_field(item, findings) for item in schema.columns if item.use],
        "left_out": [_field(item, findings) for item in schema.columns if not item.use],
        "findings": [{"column": item.column} | vars(item.suspicion) for item in findings],
        "drift": _drift(trained),
        "warnings": list(trained.warnings),
        "libraries": library_versions(),
    }
    return dict(json_ready(facts))


def _window(trained: Trained, name: str) -> dict[str, Any]:
    rate = trained.drift.base_rates[name]
    first, last = trained.windows.boundaries.get(name, (None, None))
    ends = [_position(trained, end) for end in (first, last)]
    return {
        "rows": rate.leads,
        "wins": rate.wins,
        "base_rate": rate.share,
        "low": rate.low,
        "high": rate.high,
        "first": ends[0],
        "last": ends[1],
    }


def _position(trained: Trained, end: float | np.datetime64 | None) -> str | None:
    """Return a window's end as its reader knows it: a moment, a number, or a row."""
    if end is None:
        return None
    if isinstance(end, np.datetime64):
        return str(end.astype("datetime64[s]")).replace("T", " ")
    order = trained.schema.order
    # A falling order is kept as its negative.
    value = end if order.ascending else -end
    if order.by == "row":
        return f"row {value + 1:.0f}"
    if order.by == "time":
        return str(np.datetime64(int(value), "us").astype("datetime64[s]")).replace("T", " ")
    return f"{value:.15g}"


def _field(column: Column, findings: Sequence[Finding]) -> dict[str, Any]:
    audited = [item.suspicion for item in findings if item.column == column.name]
    return (
        {"name": column.name, "label": column.title}
        | {key: getattr(column, key) for key in _DECLARED}
        | {"audit": [vars(item) for item in audited or column.audit]}
    )


_DECLARED: Final = ("type", "criterion", "known", "reason", "monotone", "allow")


_MEASURED: Final = ("psi", "limit", "missing_before", "missing_after", "moved")


def _drift(trained: Trained) -> dict[str, Any]:
    drift = trained.drift
    return {
        "base_rate_moved": drift.base_rate_moved,
        "base_rate_p": dict(drift.base_rate_p),
        "fields": [
            {"name": item.name, "label": trained.schema[item.name].title}
            | {key: getattr(item, key) for key in _MEASURED}
            for item in drift.fields
        ],
    }
