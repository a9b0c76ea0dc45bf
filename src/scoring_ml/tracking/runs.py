"""One training in MLflow: a parent run, one child run and one model per candidate."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from scoring_ml.data.schema import schema_text
from scoring_ml.errors import ScoringError
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.comparison import Candidate, Trained
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scorer import Parts, Scorer
from scoring_ml.tracking.candidates import (
    Row,
    candidate_params,
    candidates_table,
    in_ladder_order,
    logged_metrics,
    logged_tags,
    row_from_log,
)
from scoring_ml.tracking.card import card_facts
from scoring_ml.tracking.card_text import card_text, figure, summary_text
from scoring_ml.tracking.cohort import (
    cohort_numbers,
    cohort_params,
    slice_metrics,
    slices_artifact,
)
from scoring_ml.tracking.dataset import DatasetFacts, dataset_input
from scoring_ml.tracking.registry import Origin, Registry
from scoring_ml.tracking.store import IDENTITY, Store, local_path

Progress = Callable[[str, float], None]
"""Told what is being done, and the share of the whole that is done, 0-1."""

TRAINING: Final = "training"
CANDIDATE: Final = "candidate"


@dataclass(frozen=True)
class Logged:
    """What a training left in MLflow.

    Parameters
    ----------
    run_id : str
        Of the training (the parent run).
    version : str
        Of the registered challenger.
    scorer : Scorer
        With that version on its card.
    child_runs : dict of kind to run id
    """

    run_id: str
    version: str
    scorer: Scorer
    child_runs: dict[str, str]


def log_training(
    store: Store,
    trained: Trained,
    *,
    dataset: DatasetFacts,
    findings: Sequence[Finding] = (),
    progress: Progress | None = None,
) -> Logged:
    """Log a training with all its candidates and register the chosen one as challenger.

    Parameters
    ----------
    store : Store
    trained : Trained
    dataset : DatasetFacts
    findings : sequence of Finding
        Of the leak audit.
    progress : callable or None

    Returns
    -------
    Logged
    """
    tell = progress or (lambda what, share: None)
    tell("open MLflow", 0.0)
    client, registry = store.client, Registry(store)
    experiment = store.experiment(trained.schema.dataset)
    rows = {row["kind"]: row for row in candidates_table(trained)}
    moment = datetime.now(UTC)
    name = f"{moment:%Y-%m-%d %H:%M} {trained.chosen}"
    scorer = trained.scorer
    with _run(client, experiment, name, {"role": TRAINING}) as parent:
        children: dict[str, str] = {}
        for index, candidate in enumerate(trained.candidates):
            tell(f"log {candidate.kind}", 0.1 + 0.65 * index / len(trained.candidates))
            row = rows[candidate.kind]
            tags = {"role": CANDIDATE, "mlflow.parentRunId": parent} | logged_tags(row)
            tags["mlflow.note.content"] = _candidate_note(row)
            with _run(client, experiment, candidate.kind, tags) as child:
                children[candidate.kind] = child
                origin = Origin(experiment, child, parent, trained.schema.dataset)
                made = _log_candidate(client, registry, trained, candidate, row, dataset, origin)
                if made is not None:
                    scorer = made
        tell("log the training", 0.75)
        facts = card_facts(
            trained,
            dataset=dataset,
            findings=findings,
            version=scorer.version,
            created_at=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        _log_parent(client, parent, trained, facts, dataset)
    registry.challenge(scorer.version)
    tell("log the training", 1.0)
    return Logged(parent, scorer.version, scorer, children)


def logged_candidates(store: Store, run_id: str | None = None) -> list[Row]:
    """Return the table of candidates of a training, read from MLflow.

    Parameters
    ----------
    store : Store
    run_id : str or None
        Of the training; the newest one if None.

    Raises
    ------
    ScoringError
        If there is no training.
    """
    parent = training_run(store, run_id)
    found = store.client.search_runs(
        [parent.info.experiment_id],
        filter_string=f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'",
    )
    return in_ladder_order([row_from_log(run.data.tags, run.data.metrics) for run in found])


def logged_verdict(store: Store, run_id: str | None = None) -> str:
    """Return a training's verdict, of the newest one if no id is given.

    Raises
    ------
    ScoringError
        If there is no such training.
    """
    run = training_run(store, run_id)
    path = local_path(run.info.artifact_uri) / "verdict.txt"
    return path.read_text(encoding="utf-8").strip()


def training_run(store: Store, run_id: str | None = None) -> Any:
    """Return the run of a training, the newest one if no id is given.

    Raises
    ------
    ScoringError
        If there is none.
    """
    experiments = [item.experiment_id for item in store.client.search_experiments()]
    wanted = f"tags.role = '{TRAINING}' AND attributes.status = 'FINISHED'"
    if run_id is not None:
        wanted += f" AND attributes.run_id = '{run_id}'"
    found = store.client.search_runs(
        experiments, filter_string=wanted, max_results=1, order_by=["attributes.start_time DESC"]
    )
    if not found:
        which = "no training" if run_id is None else f"no training {run_id}"
        raise ScoringError(
            f"A model must have been trained. Found: {which} in {store.home.root.name}. "
            "Run scoring-ml train."
        )
    return found[0]


def candidate_scorer(trained: Trained, candidate: Candidate) -> Scorer | None:
    """Return a candidate as a Scorer under the training's policy, or None if it cannot score."""
    if candidate.kind == trained.chosen:
        return trained.scorer
    parts = trained.scorer.parts
    is_matrix = candidate.kind == "matrix"
    if not is_matrix and (trained.policy is None or not candidate.calibration.gives_probability):
        return None
    return Scorer(
        Parts(
            encoder=parts.encoder,
            estimator=candidate.estimator,
            calibration=candidate.calibration,
            policy=None if is_matrix else trained.policy,
            reference=parts.reference,
            card=parts.card | {"version": "0"},
        )
    )


def _log_candidate(
    client: Any,
    registry: Registry,
    trained: Trained,
    candidate: Candidate,
    row: Row,
    dataset: DatasetFacts,
    origin: Origin,
) -> Scorer | None:
    """Log one candidate; return the registered Scorer if it is the chosen one."""
    from scoring_ml.tracking.plots import draw_candidate

    params = candidate_params(trained, candidate)
    chosen = candidate.kind == trained.chosen
    scorer = candidate_scorer(trained, candidate)
    client.log_inputs(
        origin.run_id, [dataset_input(dataset, trained, context="evaluation")], models=[]
    )
    model_id = registry.log_model(
        None if chosen else scorer, origin, kind=candidate.kind, params=params
    )
    numbers = logged_metrics(row) | slice_metrics(trained, candidate.kind)
    _log_numbers(client, origin.run_id, numbers, params, model_id, dataset)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "candidate.json").write_text(_json(row), encoding="utf-8")
        draw_candidate(trained, candidate, scorer, folder)
        client.log_artifacts(origin.run_id, str(folder))
    if not chosen:
        registry.finish(model_id)
        return None
    about = summary_text(row)
    return registry.register(trained.scorer, origin, model_id, description=about)


def _log_parent(
    client: Any,
    run_id: str,
    trained: Trained,
    facts: Mapping[str, Any],
    dataset: DatasetFacts,
) -> None:
    from mlflow.entities import RunTag

    from scoring_ml.tracking.overlay import draw_training

    client.log_inputs(run_id, [dataset_input(dataset, trained, context="training")], models=[])
    base = {f"base_rate_{name}": rate for name, rate in trained.base_rate.items()}
    base |= {f"rows_{name}": float(len(trained.windows[name])) for name in (*NAMES, "open")}
    base["rows_unused"] = float(sum(item.count for item in trained.unused))
    base |= cohort_numbers(trained) | slice_metrics(trained, trained.chosen)
    params = {
        "dataset": dataset.name,
        "dataset_sha256": dataset.digest,
        "rows_in_file": str(dataset.rows),
        "order": trained.schema.order.by,
        "intervals_from_resamples": str(trained.comparison.replicates),
    } | cohort_params(trained, dataset)
    tables, table_tags = slices_artifact(trained)
    tags = table_tags | {
        "chosen_kind": trained.chosen,
        "model_version": facts["model"]["version"],
        "dataset": dataset.name,
        "mlflow.note.content": _training_note(trained, facts),
    }
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    finite = {name: value for name, value in base.items() if value == value}
    _log_numbers(client, run_id, finite, params, None, dataset)
    texts = {
        "model_card.md": card_text(facts),
        "model_card.json": _json(facts),
        "verdict.txt": trained.verdict.text + "\n",
        "policy.json": _json(facts["policy"]),
        "audit.json": _json(facts["findings"]),
        "unused_rows.json": _json(facts["unused"]),
        "schema.yaml": schema_text(trained.schema),
        "matrix.yaml": yaml.safe_dump(trained.matrix.dump(), sort_keys=False, allow_unicode=True),
    } | tables
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        draw_training(trained, folder)
        client.log_artifacts(run_id, str(folder))


def _log_numbers(
    client: Any,
    run_id: str,
    numbers: Mapping[str, float],
    params: Mapping[str, str],
    model_id: str | None,
    dataset: DatasetFacts,
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    linked = {
        "model_id": model_id,
        "dataset_name": dataset.name,
        "dataset_digest": dataset.short_digest,
        "run_id": run_id,
    }
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0, **linked) for name, value in numbers.items()],
        params=[Param(name, value) for name, value in params.items()],
    )


@contextmanager
def _run(client: Any, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Make a run that ends as finished, or as failed if the block raises."""
    run = client.create_run(experiment, run_name=name, tags=IDENTITY | dict(tags))
    try:
        yield run.info.run_id
    except BaseException:
        client.set_terminated(run.info.run_id, status="FAILED")
        raise
    client.set_terminated(run.info.run_id)


def _candidate_note(row: Row) -> str:
    state = "**Chosen.**" if row["chosen"] else "Not chosen."
    reason = f" {row['reason']}." if row["reason"] else ""
    return f"{state}{reason} {summary_text(row)}"


def _training_note(trained: Trained, facts: Mapping[str, Any]) -> str:
    """Return verdict and candidates in Markdown, short enough for a tag."""
    lines = [
        trained.verdict.text,
        "",
        "| candidate | ROC AUC | PR AUC | Brier | slope | lift 10 % |",
        "|---|---|---|---|---|---|",
    ]
    for row in facts["candidates"]:
        mark = f"**{row['kind']}** (chosen)" if row["chosen"] else row["kind"]
        shown = ("roc_auc", "pr_auc", "brier", "calibration_slope", "lift_10")
        lines.append(f"| {mark} | " + " | ".join(figure(row["metrics"][n]) for n in shown) + " |")
    lines += ["", "Figures are of the newest window, with 95 % intervals. See `model_card.md`."]
    return "\n".join(lines)[:_LONGEST_TAG]


_LONGEST_TAG: Final = 7_900


def _json(content: Any) -> str:
    return json.dumps(json_ready(content), ensure_ascii=False, indent=1) + "\n"
