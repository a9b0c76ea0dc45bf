"""Train: read, audit, compare, log, register the challenger, keep the scored rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.inputs import AuditedData, Files, open_data
from pipelines.progress import ProgressBar
from pipelines.switch import finish_switch
from pipelines.tables import candidates_text
from scoring_ml.data.crm.report import ExportReport
from scoring_ml.data.schema import Schema
from scoring_ml.errors import ScoringError, TrainingRefused
from scoring_ml.evaluation.audit.leak_audit import Finding, refusals
from scoring_ml.evaluation.comparison import Trained, compare
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.scoring.champion import accept_fields
from scoring_ml.scoring.policies import policy_in_force, propose
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.saving import json_ready, write_json
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import (
    MODEL_NAME,
    DatasetFacts,
    Store,
    candidates_table,
    log_training,
    slices_table,
)


@dataclass(frozen=True)
class TrainResult:
    """What one training found and registered.

    Parameters
    ----------
    trained : Trained
    run_id : str
    version : str
        Of the registered challenger.
    findings : tuple of Finding
    report : ExportReport or None
        What was found while a CRM export was read.
    rule : str
        What counts as won in a CRM export, in words.
    """

    trained: Trained
    run_id: str
    version: str
    findings: tuple[Finding, ...]
    report: ExportReport | None = None
    rule: str = ""

    def render(self) -> str:
        """Return the result as text for a terminal."""
        document = self.to_json()
        lines = [] if self.report is None else [self.report.render(), self.rule, ""]
        lines += [candidates_text(document["candidates"]), ""]
        for rung in document["not_allowed"]:
            lines.append(f"not on the ladder: {rung['kind']}: {rung['reason']}")
        for item in self.trained.unused:
            first = ", ".join(item.first_ids)
            lines.append(f"{item.count} row(s) unused: {item.reason} (first: {first})")
        lines += [f"warning: {text}" for text in document["warnings"]]
        lines += ["", document["verdict"], ""]
        lines.append(f"Registered version {self.version} ({self.trained.chosen}).")
        lines.append(f"Serve it with: scoring-ml promote {self.version}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        trained = self.trained
        policy = trained.policy
        rows = {name: len(trained.windows[name]) for name in NAMES}
        document: dict[str, Any] = {
            "run_id": self.run_id,
            "model": {"name": MODEL_NAME, "version": self.version, "kind": trained.chosen},
            "rows": rows
            | {
                "open": len(trained.windows.open),
                "unused": sum(item.count for item in trained.unused),
            },
            "unused": [item.to_json() for item in trained.unused],
            "base_rate": trained.base_rate,
            "candidates": candidates_table(trained),
            "not_allowed": [
                {"kind": rung.kind, "reason": rung.reason}
                for rung in trained.rungs
                if not rung.allowed
            ],
            "verdict": trained.verdict.text,
            "policy": None if policy is None else policy.dump(),
            "warnings": list(trained.warnings),
        }
        if trained.slices:
            document["slices"] = slices_table(trained)
            document["rows"]["fit"] = len(trained.windows.fit)
        if self.report is not None:
            document["export"] = self.report.to_json()
            document["rule"] = self.rule
        return dict(json_ready(document))


def train_file(
    data: Path,
    *,
    home: Home,
    files: Files | None = None,
    bar: ProgressBar | None = None,
    replicates: int = 400,
) -> TrainResult:
    """Train on a flat file or a CRM export and register the challenger.

    Parameters
    ----------
    data : Path
        CSV or Parquet, or a folder with a CRM export.
    home : Home
    files : Files or None
        What says what the data means; looked for beside (in) it where not named. Without a
        matrix file the matrix is unmapped.
    bar : ProgressBar or None
        Shows the progress.
    replicates : int
        Bootstrap resamples behind each interval.

    Raises
    ------
    InputError
        If the data, the schema, the mapping or the matrix is wrong.
    TrainingRefused
        If the audit refuses a column that the schema uses without a written reason, or the data
        cannot be learned from.
    """
    bar = bar or ProgressBar("train")
    bar("read", 0.0)
    finish_switch(home.ensure())
    opened = open_data(data, files or Files(), bar)
    meaning = opened.schema
    refuse(opened.findings, meaning, data)
    in_force = policy_in_force(home, meaning.dataset)
    trained = compare(
        opened.snapshot,
        meaning,
        opened.matrix,
        policy=in_force,
        card=_card(meaning),
        replicates=replicates,
        progress=bar.part(0.2, 0.6),
    )
    if in_force is None and trained.policy is not None:
        trained = _with_policy_version(trained, home, trained.policy)
    logged = log_training(
        Store(home),
        trained,
        dataset=_dataset(opened),
        findings=opened.findings,
        progress=bar.part(0.6, 0.85),
    )
    write_scored_rows(
        home.runs / logged.run_id,
        trained,
        logged.scorer,
        progress=bar.counted("explain the newest leads", 0.85, 1.0),
    )
    accept_fields(home, logged.scorer.accepted_names)
    write_json(home.newest_training, {"run_id": logged.run_id, "version": logged.version})
    return TrainResult(
        trained, logged.run_id, logged.version, opened.findings, opened.report, opened.rule
    )


def refuse(findings: tuple[Finding, ...], schema: Schema, data: Path) -> None:
    """Stop if the audit refuses a column that the schema uses.

    Raises
    ------
    TrainingRefused
        Naming the columns and the number behind each.
    """
    refused = refusals(findings, schema)
    if not refused:
        return
    names = list(dict.fromkeys(item.column for item in refused))
    reasons = "; ".join(f"{item.column or 'all'}: {item.suspicion.text}" for item in refused[:3])
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    raise TrainingRefused(
        f"A column that tells the outcome must not be trained on ({data.name})",
        found=f"{len(names)} column(s) of grade refuse: {reasons}{more}",
        do="Set use: false in schema.yaml (crm.yaml for an export), or allow: with a written "
        "reason, which the model card will show; scoring-ml check lists them all",
    )


def newest_training(home: Home) -> tuple[str, str]:
    """Return run id and version of the newest training.

    Raises
    ------
    ScoringError
        If nothing has been trained in this home.
    """
    try:
        content = json.loads(home.newest_training.read_bytes())
        return str(content["run_id"]), str(content["version"])
    except (OSError, ValueError, KeyError):
        raise ScoringError(
            f"A model must have been trained. Found: no training in {home.root}. "
            "Run scoring-ml train."
        ) from None


def _dataset(opened: AuditedData) -> DatasetFacts:
    facts = DatasetFacts(opened.schema.dataset, opened.sha256, opened.rows)
    if opened.outcomes is None:
        return facts
    outcomes = opened.outcomes
    return replace(facts, horizon_days=outcomes.horizon_days, lag_days=outcomes.lag_days)


def _card(schema: Schema) -> dict[str, Any]:
    return {
        "name": MODEL_NAME,
        "version": "0",
        "dataset": schema.dataset,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _with_policy_version(trained: Trained, home: Home, policy: Policy) -> Trained:
    """Propose a newly fitted policy, which comes into force once its model is promoted."""
    fitted_on = {
        "dataset": trained.schema.dataset,
        "kind": trained.chosen,
        "window": "calibrate",
        "leads": len(trained.windows.calibrate),
    }
    policy = propose(home, trained.schema.dataset, replace(policy, fitted_on=fitted_on))
    parts = replace(trained.scorer.parts, policy=policy)
    return replace(trained, policy=policy, scorer=Scorer(parts))
