"""One training in MLflow: a parent run, one child run and one model per candidate."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from scoring_ml.errors import ScoringError
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scorer import Parts, Scorer
from scoring_ml.tracking.candidates import (
    Row,
    block_metrics,
    candidate_params,
    candidates_table,
    in_ladder_order,
    logged_metrics,
    logged_tags,
    row_from_log,
)
from scoring_ml.tracking.card import card_facts
from scoring_ml.tracking.card_text import card_text, figure, summary_text
from scoring_ml.tracking.cohort import cohort_numbers, cohort_params, slice_metrics, slices_artifact
from scoring_ml.tracking.dataset import DatasetFacts, dataset_input
from scoring_ml.tracking.registry import Origin, Registry
from scoring_ml.tracking.store import IDENTITY, Store

TRAINING: Final = "training"
CANDIDATE: Final = "candidate"


@dataclass(frozen=True)
class Logged:
    """What a training left in MLflow: its run, the parent, and by kind the runs of its candidates.

    ``scorer`` has the version of the registered challenger on its card.
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
    progress: Callable[[str, float], None] | None = None,
) -> Logged:
    """Log a training with all its candidates and register the chosen one as challenger.

    Parameters
    ----------
    findings : sequence of Finding
        Of the leak audit.
    progress : callable or None
        Told what is being done, and the share of the whole that is done, 0-1.
    """
    tell = progress or (lambda what, share: None)
    tell("open MLflow", 0.0)
    registry, experiment = Registry(store), store.experiment(trained.schema.dataset)
    moment = datetime.now(UTC)
    name, scorer = f"{moment:%Y-%m-%d %H:%M} {trained.chosen}", trained.scorer
    children: dict[str, str] = {}
    with _run(store.client, experiment, name, {"role": TRAINING}) as parent:
        for index, row in enumerate(candidates_table(trained)):
            kind = row["kind"]
            tell(f"log {kind}", 0.1 + 0.65 * index / len(trained.candidates))
            tags = {"role": CANDIDATE, "mlflow.parentRunId": parent} | logged_tags(row)
            tags["mlflow.note.content"] = _candidate_note(row)
            with _run(store.client, experiment, kind, tags) as child:
                children[kind] = child
                origin = Origin(experiment, child, parent, trained.schema.dataset)
                log = _RunLog(store.client, child, trained, dataset)
                scorer = _log_candidate(log, registry, row, origin) or scorer
        tell("log the training", 0.75)
        facts = card_facts(
            trained,
            dataset=dataset,
            findings=findings,
            version=scorer.version,
            created_at=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        _log_parent(_RunLog(store.client, parent, trained, dataset), facts)
    registry.challenge(scorer.version)
    tell("log the training", 1.0)
    return Logged(parent, scorer.version, scorer, children)


def logged_candidates(store: Store, run_id: str | None = None) -> list[Row]:
    """Return the table of candidates of a training, read from MLflow.

    Parameters
    ----------
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
    IntegrityError
        If its files are gone.
    """
    run = training_run(store, run_id)
    of = f"training {run.info.run_id}"
    path = store.artifact(run.info.artifact_uri, "verdict.txt", of=of)
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
    """Return a candidate as the newest window judged it, or None if it cannot score."""
    if candidate.kind == trained.chosen:
        return trained.evaluated
    parts = trained.evaluated.parts
    is_matrix = candidate.estimator.answers_total
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


@dataclass(frozen=True)
class _RunLog:
    """One run of a training, and what can be logged to it."""

    client: Any
    run_id: str
    trained: Trained
    dataset: DatasetFacts

    def data(self, context: str) -> None:
        record = dataset_input(self.dataset, self.trained, context=context)
        self.client.log_inputs(self.run_id, [record], models=[])

    def numbers(
        self, numbers: Mapping[str, float], params: Mapping[str, str], model_id: str | None = None
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        linked = {
            "model_id": model_id,
            "dataset_name": self.dataset.name,
            "dataset_digest": self.dataset.short_digest,
            "run_id": self.run_id,
        }
        self.client.log_batch(
            self.run_id,
            metrics=[
                Metric(name, value, now, 0, **linked)
                for name, value in numbers.items()
                if math.isfinite(value)
            ],
            params=[Param(name, value) for name, value in params.items()],
        )

    def tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(self.run_id, tags=[RunTag(key, text) for key, text in tags.items()])

    def files(self, texts: Mapping[str, str], draw: Callable[[Path], object]) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            draw(folder)
            self.client.log_artifacts(self.run_id, str(folder))


def _log_candidate(log: _RunLog, registry: Registry, row: Row, origin: Origin) -> Scorer | None:
    """Log one candidate; return the registered Scorer if it is the chosen one."""
    from scoring_ml.tracking.plots import draw_candidate

    trained, kind, chosen = log.trained, row["kind"], row["chosen"]
    candidate = trained[kind]
    scorer, params = candidate_scorer(trained, candidate), candidate_params(trained, candidate)
    log.data("evaluation")
    model_id = registry.log_model(None if chosen else scorer, origin, kind=kind, params=params)
    log.numbers(logged_metrics(row) | slice_metrics(trained, kind), params, model_id)
    log.files(
        {"candidate.json": _json(row)},
        lambda folder: draw_candidate(trained, candidate, scorer, folder),
    )
    if chosen:
        return registry.register(trained.scorer, origin, model_id, description=summary_text(row))
    registry.finish(model_id)
    return None


def _log_parent(log: _RunLog, facts: Mapping[str, Any]) -> None:
    from scoring_ml.tracking.overlay import draw_training

    trained, dataset = log.trained, log.dataset
    log.data("training")
    numbers = {f"base_rate_{name}": rate for name, rate in trained.base_rate.items()}
    numbers |= {f"rows_{name}": float(len(trained.windows[name])) for name in (*NAMES, "open")}
    numbers["rows_unused"] = float(sum(item.count for item in trained.unused))
    numbers |= (
        block_metrics(trained) | cohort_numbers(trained) | slice_metrics(trained, trained.chosen)
    )
    params = {
        "dataset": dataset.name,
        "dataset_sha256": dataset.digest,
        "rows_in_file": str(dataset.rows),
        "order": trained.schema.order.by,
        "intervals_from_resamples": str(trained.comparison.replicates),
    } | cohort_params(trained, dataset)
    log.numbers(numbers, params)
    tables, table_tags = slices_artifact(trained)
    log.tags(
        table_tags
        | {
            "chosen_kind": trained.chosen,
            "model_version": facts["model"]["version"],
            "dataset": dataset.name,
            "mlflow.note.content": _training_note(trained, facts),
        }
    )
    texts = {
        "model_card.md": card_text(facts),
        "model_card.json": _json(facts),
        "verdict.txt": trained.verdict.text + "\n",
        "policy.json": _json(facts["policy"]),
        "audit.json": _json(facts["findings"]),
        "unused_rows.json": _json(facts["unused"]),
        "blocks.json": _json(facts["blocks"]),
        "schema.yaml": trained.schema.yaml(),
        "matrix.yaml": yaml.safe_dump(trained.matrix.dump(), sort_keys=False, allow_unicode=True),
    }
    log.files(texts | tables, lambda folder: draw_training(trained, folder))


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
