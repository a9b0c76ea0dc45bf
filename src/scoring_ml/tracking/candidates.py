"""The table of candidates: as ``train --json`` prints it, as MLflow keeps it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from scoring_ml.estimators.ladder import candidate_kinds
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.verdict import VOLUME_METRIC
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scale import TIERS
from scoring_ml.statistics.probability import PROBABILITY
from scoring_ml.statistics.ranking import RANKING

METRICS: Final = (*RANKING, VOLUME_METRIC, *PROBABILITY)
"""Metrics of every candidate, in the order of the table."""

Row = dict[str, Any]


def candidates_table(trained: Trained) -> list[Row]:
    """Return the candidates with their metrics, JSON-ready.

    Returns
    -------
    list of dict
        ``kind``, ``chosen``, ``eligible``, ``reason``, ``auc_calibrate`` (mean within the blocks),
        ``block_aucs``, ``tiers`` (or None) and
        ``metrics``: name -> ``{"value", "low", "high"}`` on the test window, each a number or
        None where it is not defined.
    """
    return [
        {
            "kind": candidate.kind,
            "chosen": candidate.kind == trained.chosen,
            "eligible": candidate.eligible,
            "reason": candidate.reason,
            "auc_calibrate": json_ready(candidate.auc_calibrate),
            "block_aucs": json_ready(candidate.block_aucs),
            "tiers": None if candidate.tiers is None else dict(candidate.tiers),
            "metrics": {name: json_ready(asdict(candidate.metrics[name])) for name in METRICS},
        }
        for candidate in trained.candidates
    ]


def blocks_table(trained: Trained) -> list[Row]:
    """Return what was chosen and promised before each block, and what came, JSON-ready.

    Returns
    -------
    list of dict
        ``block`` (from 1), ``newest``, ``first``, ``last``, ``leads``, ``wins``, ``chosen`` (""
        before anything was known), ``aucs`` by kind, ``best``, ``regret``, ``promised`` wins with
        ``low`` and ``high``, ``kept`` (None without a promise); None where a number is not
        defined.
    """
    return [
        {
            "block": block.number,
            "newest": block.newest,
            "first": None if block.first is None else str(block.first),
            "last": None if block.last is None else str(block.last),
            "leads": block.leads,
            "wins": block.wins,
            "chosen": block.chosen,
            "aucs": json_ready(block.aucs),
            "best": json_ready(block.best),
            "regret": json_ready(block.regret),
            "promised": json_ready(asdict(block.promised)),
            "kept": block.kept,
        }
        for block in trained.blocks
    ]


def block_metrics(trained: Trained) -> dict[str, float]:
    """Return the blocks as metrics of a run, such as ``regret_block_2``; NaN is left out."""
    found: dict[str, float] = {}
    for block in trained.blocks:
        name = "newest" if block.newest else f"block_{block.number}"
        found |= {
            f"regret_{name}": block.regret,
            f"promised_{name}": block.promised.value,
            f"wins_{name}": float(block.wins),
        }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def logged_metrics(row: Mapping[str, Any]) -> dict[str, float]:
    """Return a row's numbers under the names of MLflow's columns; what is None is left out."""
    numbers: dict[str, float | None] = {"auc_calibrate": row["auc_calibrate"]}
    numbers |= {f"auc_block_{n}": auc for n, auc in enumerate(row["block_aucs"], start=1)}
    for name, parts in row["metrics"].items():
        numbers |= {name: parts["value"]}
        numbers |= {f"{name}_low": parts["low"], f"{name}_high": parts["high"]}
    for name, count in (row["tiers"] or {}).items():
        numbers[f"tier_{name}"] = float(count)
    return {name: value for name, value in numbers.items() if value is not None}


def logged_tags(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's words under the names of MLflow's tags."""
    return {
        "kind": row["kind"],
        "chosen": "yes" if row["chosen"] else "no",
        "eligible": "yes" if row["eligible"] else "no",
        "reason": row["reason"],
        "blocks": str(len(row["block_aucs"])),
    }


def row_from_log(tags: Mapping[str, str], metrics: Mapping[str, float]) -> Row:
    """Undo :func:`logged_metrics` and :func:`logged_tags`."""
    counted = {name: metrics.get(f"tier_{name}") for name in TIERS}
    return {
        "kind": tags["kind"],
        "chosen": tags["chosen"] == "yes",
        "eligible": tags["eligible"] == "yes",
        "reason": tags.get("reason", ""),
        "auc_calibrate": metrics.get("auc_calibrate"),
        "block_aucs": [
            metrics.get(f"auc_block_{n}") for n in range(1, 1 + int(tags.get("blocks", "0")))
        ],
        "tiers": None
        if None in counted.values()
        else {name: int(count) for name, count in counted.items() if count is not None},
        "metrics": {
            name: {
                "value": metrics.get(name),
                "low": metrics.get(f"{name}_low"),
                "high": metrics.get(f"{name}_high"),
            }
            for name in METRICS
        },
    }


def in_ladder_order(rows: list[Row]) -> list[Row]:
    """Return rows from the rung that needs least data to the one that needs most.

    Kinds that this version does not know come last.
    """
    kinds = candidate_kinds()
    return sorted(rows, key=lambda row: (*kinds, row["kind"]).index(row["kind"]))


def candidate_params(trained: Trained, candidate: Candidate) -> dict[str, str]:
    """Return what a candidate was made with: windows, calibration, its own parameters."""
    calibration = candidate.calibration
    found: dict[str, Any] = {"kind": candidate.kind}
    found |= {f"rows_{name}": len(trained.windows[name]) for name in NAMES}
    found |= {
        "rows_learned": len(trained.windows.learned_leads),
        "fields": len(trained.schema.used),
        "encoded_columns": trained.encoder.width,
        "calibration_method": calibration.method,
        "calibration_fitted_slope": calibration.slope,
        "calibration_fitted_intercept": calibration.intercept,
    }
    found |= candidate.estimator.params(trained.matrix)
    return {name: _param(value) for name, value in found.items()}


def _param(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
