"""Train: read, audit, compare, log, register the challenger, keep the scored rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.inputs import AuditedData, Files, open_data
from pipelines.memory import give_back
from pipelines.progress import ProgressBar
from pipelines.switch import finish_switch, under_policy
from pipelines.tables import blocks_text, candidates_text
from scoring_ml.data.schema import Schema
from scoring_ml.errors import NothingServed, ScoringError, TrainingRefused
from scoring_ml.evaluation.audit.leak_audit import Finding, order_doubted, refusals
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.evaluation.slices import SLICED
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.windows import NAMES, ROLLING, SINGLE
from scoring_ml.scoring.champion import accept_fields, read_champion
from scoring_ml.scoring.policies import policy_in_force
from scoring_ml.scoring.saving import json_ready, write_json
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import (
    MODEL_NAME,
    DatasetFacts,
    Registry,
    Store,
    blocks_table,
    candidates_table,
    log_training,
    slices_table,
)


@dataclass(frozen=True)
class TrainResult:
    """What one training found and registered.

    Parameters
    ----------
    version : str
        Of the registered challenger.
    """

    data: AuditedData
    trained: Trained
    run_id: str
    version: str

    def render(self) -> str:
        """Return the result as text for a terminal."""
        document = self.to_json()
        report = self.data.report
        lines = [] if report is None else [report.render(), self.data.rule, ""]
        lines += [candidates_text(document["candidates"]), ""]
        for rung in document["not_allowed"]:
            lines.append(f"not on the ladder: {rung['kind']}: {rung['reason']}")
        for item in self.trained.unused:
            first = ", ".join(item.first_ids)
            lines.append(f"{item.count} row(s) unused: {item.reason} (first: {first})")
        shipped = document["shipped"]
        if shipped["compared"] < shipped["leads"]:
            lines.append(
                f"Compared on {shipped['compared']:,} of {shipped['leads']:,} leads, evenly over "
                "time; what is registered learned from all."
            )
        lines += [blocks_text(document["blocks"]), ""]
        lines += [f"warning: {text}" for text in document["warnings"]]
        lines += ["", document["verdict"], ""]
        lines.append(f"Registered version {self.version} ({self.trained.chosen}).")
        lines.append(next_step(self.trained, self.version))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        trained = self.trained
        policy = trained.policy
        rows = {name: len(trained.windows[name]) for name in NAMES}
        rows["open"] = len(trained.windows.open)
        rows["unused"] = sum(item.count for item in trained.unused)
        document: dict[str, Any] = {
            "run_id": self.run_id,
            "model": {"name": MODEL_NAME, "version": self.version, "kind": trained.chosen},
            "rows": rows,
            "unused": [item.to_json() for item in trained.unused],
            "base_rate": trained.base_rate,
            "candidates": candidates_table(trained),
            "not_allowed": [
                {"kind": rung.kind, "reason": rung.reason}
                for rung in trained.rungs
                if not rung.allowed
            ],
            "blocks": blocks_table(trained),
            "shipped": {
                "leads": trained.leads,
                "compared": len(trained.windows.leads),
                "trained_until": trained.trained_until,
            },
            "verdict": trained.verdict.text,
            "next_step": next_step(trained, self.version),
            "policy": None if policy is None else policy.dump(),
            "warnings": list(trained.warnings),
        }
        if trained.slices:
            document["slices"] = slices_table(trained)
            document["rows"]["fit"] = len(trained.windows.fit)
        if self.data.report is not None:
            document |= {"export": self.data.report.to_json(), "rule": self.data.rule}
        return dict(json_ready(document))


def next_step(trained: Trained, version: str) -> str:
    """Return what to do with a version: what is printed here must not be refused."""
    if trained.scorer.parts.estimator.answers_total and not trained.matrix.mapped:
        return (
            "It is not to be served: no model could be chosen, and the hand-built matrix has no "
            "rules. Give its criteria rules in matrix.yaml, or more leads, and train again."
        )
    return f"Serve it with: scoring-ml promote {version}"


def train_file(
    data: Path,
    *,
    home: Home,
    files: Files | None = None,
    as_of: str | None = None,
    fast: bool = False,
    kind: str | None = None,
    bar: ProgressBar | None = None,
    replicates: int = 400,
) -> TrainResult:
    """Train on a flat file or a CRM export and register the challenger.

    Parameters
    ----------
    data : Path
        CSV or Parquet, or a folder with a CRM export.
    files : Files or None
        Without a matrix file, named or found, the matrix is unmapped.
    as_of : str or None
        Train as if that moment were now: nothing later is known.
    fast : bool
        Whether candidates are fitted once, on the oldest 60 %, and shipped so.
    kind : str or None
        The kind to fit again without choosing; all are compared if None.
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
    opened = open_data(data, files or Files(), bar, as_of=as_of)
    give_back()
    meaning = opened.schema
    refuse(opened.findings, meaning, data)
    in_force = policy_in_force(home, meaning.dataset)
    trained = compare(
        opened.snapshot,
        meaning,
        opened.matrix,
        policy=in_force,
        card=_card(meaning),
        order_doubted=order_doubted(opened.findings),
        plan=SINGLE if fast else ROLLING,
        kind=kind,
        slice_by=[name for name in meaning.slices if meaning[name].type in SLICED],
        replicates=replicates,
        progress=bar.part(0.2, 0.6),
    )
    if in_force is None and trained.policy is not None:
        scorer = under_policy(trained.scorer, trained.policy, home)
        policy = scorer.parts.policy
        evaluated = Scorer(replace(trained.evaluated.parts, policy=policy))
        trained = replace(trained, policy=policy, scorer=scorer, evaluated=evaluated)
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
    return TrainResult(opened, trained, logged.run_id, logged.version)


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


def served_kind(home: Home) -> str:
    """Return the kind that is served, else that of the newest training.

    Raises
    ------
    ScoringError
        If nothing has been trained in this home.
    """
    try:
        version = read_champion(home).version
    except NothingServed:
        version = newest_training(home)[1]
    return Registry(Store(home)).kind(version)


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
    spans = opened.outcomes
    if spans is None:
        return facts
    return replace(facts, horizon_days=spans.horizon_days, lag_days=spans.lag_days)


def _card(schema: Schema) -> dict[str, Any]:
    return {
        "name": MODEL_NAME,
        "version": "0",
        "dataset": schema.dataset,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
