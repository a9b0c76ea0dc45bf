"""Cohort and slices of a training over leads with ages, as MLflow keeps them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, Final

from scoring_ml.evaluation.trained import Trained
from scoring_ml.scoring.saving import json_ready
from scoring_ml.tracking.dataset import DatasetFacts, cohort_facts

SLICES_FILE: Final = "slices.json"

_TABLES_TAG: Final = "mlflow.loggedArtifacts"
"""The tag by which MLflow's pages know a file for a table."""


def cohort_params(trained: Trained, dataset: DatasetFacts) -> dict[str, str]:
    """Return the cohort as parameters of a run; none where each row is a lead."""
    facts = cohort_facts(trained, dataset) or {}
    names = ("horizon_days", "lag_days", "final_after_days", "headline_age_days")
    params = {name: f"{facts[name]:g}" for name in names if facts.get(name) is not None}
    if facts:
        params["ages_days"] = ", ".join(f"{age:g}" for age in facts["ages_days"])
    return params


def cohort_numbers(trained: Trained) -> dict[str, float]:
    """Return what the windows hold beyond a row a lead, as metrics of a run."""
    windows = trained.windows
    if not windows.ages:
        return {}
    at_ages = sum(len(rows) for rows in windows.ages.values())
    return {"rows_fit": float(len(windows.fit)), "rows_test_ages": float(at_ages)}


def slice_metrics(trained: Trained, kind: str) -> dict[str, float]:
    """Return one candidate's slices as metrics, such as ``roc_auc_age_7d``; NaN is left out."""
    found: dict[str, float] = {}
    for part in trained.slices:
        if kind not in part.judged:
            continue
        judged = part.judged[kind]
        auc = judged.roc_auc
        found |= {
            f"roc_auc_{part.name}": auc.value,
            f"roc_auc_{part.name}_low": auc.low,
            f"roc_auc_{part.name}_high": auc.high,
            f"predicted_{part.name}": judged.predicted,
            f"observed_{part.name}": part.observed,
            f"leads_{part.name}": float(part.leads),
        }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def slices_table(trained: Trained) -> list[dict[str, Any]]:
    """Return a row per slice and candidate, JSON-ready.

    Returns
    -------
    list of dict
        ``slice``, ``by``, ``value``, ``headline``, ``leads``, ``wins``, ``observed`` (share of
        wins), ``kind``, ``roc_auc`` with ``low`` and ``high``, ``predicted`` (mean probability)
        and ``promised`` wins with ``low`` and ``high``; None where a number is not defined.
    """
    rows = [
        {
            "slice": part.name,
            "by": part.by,
            "value": part.value,
            "headline": part.headline,
            "leads": part.leads,
            "wins": part.wins,
            "observed": part.observed,
            "kind": kind,
            "roc_auc": asdict(judged.roc_auc),
            "predicted": judged.predicted,
            "promised": asdict(judged.promised),
        }
        for part in trained.slices
        for kind, judged in part.judged.items()
    ]
    return list(json_ready(rows))


def slices_artifact(trained: Trained) -> tuple[dict[str, str], dict[str, str]]:
    """Return the table as a file's text by name and the tag that shows it; nothing if empty."""
    rows = slices_table(trained)
    if not rows:
        return {}, {}
    flat = [_flat(row) for row in rows]
    columns = list(flat[0])
    content = {"columns": columns, "data": [[row[name] for name in columns] for row in flat]}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    tag = json.dumps([{"path": SLICES_FILE, "type": "table"}])
    return {SLICES_FILE: text}, {_TABLES_TAG: tag}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found[name] = value["value"]
            found |= {f"{name}_{end}": value[end] for end in ("low", "high")}
        else:
            found[name] = value
    return found
