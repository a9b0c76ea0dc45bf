"""Train: read, audit, compare, log, register the challenger, keep the scored rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.progress import Bar
from scoring_ml.data.flat import read_flat
from scoring_ml.data.schema import Schema, load_schema
from scoring_ml.errors import (
    InputError,
    SchemaError,
    ScoringError,
    TrainingRefused,
)
from scoring_ml.evaluation.audit import Finding, audit, refusals
from scoring_ml.evaluation.comparison import Trained, compare
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.features.criteria import Matrix, load_matrix, unmapped_matrix
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.champion import accept_fields
from scoring_ml.scoring.policies import policy_in_force, propose
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.saving import json_ready, write_json
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import DatasetFacts, Tracker, candidates_table

MODEL_NAME = "lead-scorer"


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
    """

    trained: Trained
    run_id: str
    version: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        trained = self.trained
        policy = trained.policy
        rows = {name: len(trained.windows[name]) for name in NAMES}
        document = {
            "run_id": self.run_id,
            "model": {"name": MODEL_NAME, "version": self.version, "kind": trained.chosen},
            "rows": rows
            | {
                "open": len(trained.windows.open),
                "unused": sum(item.count for item in trained.unused),
            },
            "unused": [vars(item) for item in trained.unused],
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
        return dict(json_ready(document))


def train_file(
    data: Path,
    *,
    home: Home,
    schema: Path | None = None,
    matrix: Path | None = None,
    bar: Bar | None = None,
    replicates: int = 400,
) -> TrainResult:
    """Train on a flat file and register the challenger.

    Parameters
    ----------
    data : Path
        CSV or Parquet.
    home : Home
    schema, matrix : Path or None
        ``schema.yaml`` and ``matrix.yaml`` beside the data if None; without a matrix file the
        matrix is unmapped.
    bar : Bar or None
        Told the progress.
    replicates : int
        Bootstrap resamples behind each interval.

    Raises
    ------
    InputError
        If the file, the schema or the matrix is wrong.
    TrainingRefused
        If the audit refuses a column that the schema uses without a written reason, or the data
        cannot be learned from.
    """
    bar = bar or Bar("train")
    bar("read", 0.0)
    home.ensure()
    schema_path = find_schema(data, schema)
    meaning = load_schema(schema_path)
    rules = find_matrix(data, schema_path, matrix, meaning)
    flat = read_flat(data)
    snapshot = build_snapshot(flat, meaning)
    bar("audit", 0.05)
    findings = audit(snapshot, meaning, progress=bar.counted("audit", 0.05, 0.2))
    refuse(findings, meaning, data)
    in_force = policy_in_force(home, meaning.dataset)
    trained = compare(
        snapshot,
        meaning,
        rules,
        policy=in_force,
        card=_card(meaning),
        replicates=replicates,
        progress=bar.counted("compare", 0.2, 0.6).share,
    )
    if in_force is None and trained.policy is not None:
        trained = _with_policy_version(trained, home, trained.policy)
    tracker = Tracker(home)
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    logged = tracker.log_training(
        trained,
        dataset=DatasetFacts(meaning.dataset, digest, flat.facts.rows),
        findings=findings,
        progress=bar.counted("log", 0.6, 0.85).share,
    )
    write_scored_rows(
        home.runs / logged.run_id,
        trained,
        logged.scorer,
        progress=bar.counted("explain the newest leads", 0.85, 1.0),
    )
    accept_fields(home, logged.scorer.accepted_names)
    write_json(home.newest_training, {"run_id": logged.run_id, "version": logged.version})
    return TrainResult(trained, logged.run_id, logged.version, findings)


def find_schema(data: Path, schema: Path | None) -> Path:
    """Return the schema file to use.

    Raises
    ------
    InputError
        If none is named and none lies beside the data.
    """
    if schema is not None:
        return schema
    beside = data.with_name("schema.yaml")
    if data.is_dir():
        raise InputError(
            "DATA must be a CSV or Parquet file",
            found=f"the folder {data}",
            do="Name a file in it",
        )
    if not data.exists():
        raise InputError("DATA must exist", found=f"no file {data}", do="Give its right name")
    if not beside.exists():
        raise SchemaError(
            "A flat file needs a schema",
            found=f"no {beside}",
            do=f"Draft one with scoring-ml init {data} --target COLUMN, or name one with --schema",
        )
    return beside


def find_matrix(data: Path, schema_path: Path, matrix: Path | None, schema: Schema) -> Matrix:
    """Return the hand-built matrix: as named, else beside the schema or the data, else unmapped."""
    if matrix is not None:
        return load_matrix(matrix, schema)
    for folder in (schema_path.parent, data.parent):
        if (folder / "matrix.yaml").exists():
            return load_matrix(folder / "matrix.yaml", schema)
    return unmapped_matrix()


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
    told = "; ".join(f"{item.column}: {item.suspicion.text}" for item in refused[:3])
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    raise TrainingRefused(
        f"A column that tells the outcome must not be trained on ({data.name})",
        found=f"{len(names)} column(s) of grade refuse: {told}{more}",
        do="Set use: false in the schema, or allow: with a written reason, which the model card "
        "will show; scoring-ml check lists them all",
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
