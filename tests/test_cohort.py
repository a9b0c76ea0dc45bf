"""What MLflow, the model card and the kept rows say of leads that are seen at several ages."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring_ml.evaluation.comparison import Trained, compare
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.features.criteria import parse_matrix
from scoring_ml.settings import Home
from scoring_ml.tracking import DatasetFacts, Tracker, model_card
from scoring_ml.tracking.cohort import cohort_params, slice_metrics, slices_artifact, slices_table
from scoring_ml.tracking.dataset import cohort_facts
from scoring_ml.tracking.store import Store, local_path
from tests.small_ages import aged_schema, aged_snapshot
from tests.small_world import World

DATASET = DatasetFacts("ages", "ab" * 32, 300, horizon_days=8.0, lag_days=2.0)
LEADS = 300


@pytest.fixture(scope="module")
def trained() -> Trained:
    rng = np.random.default_rng(6)
    schema = aged_schema(account=True)
    rules = {"field": "size", "full": {"at_least": 11}, "partial": {"at_least": 10}}
    return compare(
        aged_snapshot(
            leads=LEADS,
            apart_days=0.5,
            won=rng.integers(0, 2, LEADS),
            account=np.array([f"A{i}" for i in rng.integers(0, 200, LEADS)], dtype=object),
        ),
        schema,
        parse_matrix({"criteria": {"budget": {"rules": [rules]}}}, schema),
        card={"name": "lead-scorer", "version": "0", "dataset": "ages"},
        replicates=20,
    )


@pytest.fixture(scope="module")
def home(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("cohort") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scoring_ml.tracking.plots.draw_candidate", lambda *given: None)
        patch.setattr("scoring_ml.tracking.overlay.draw_training", lambda *given: None)
        Tracker(home).log_training(trained, dataset=DATASET)
    return home


def test_the_cohort_is_told_in_leads_and_days(trained: Trained) -> None:
    facts = cohort_facts(trained, DATASET)
    assert facts == {
        "leads": LEADS,
        "rows": len(trained.snapshot),
        "fit_rows": len(trained.windows.fit),
        "ages_days": [0.0, 1.0, 7.0],
        "headline_age_days": 1.0,
        "horizon_days": 8.0,
        "lag_days": 2.0,
        "final_after_days": 10.0,
    }
    assert cohort_params(trained, DATASET) == {
        "horizon_days": "8",
        "lag_days": "2",
        "final_after_days": "10",
        "headline_age_days": "1",
        "ages_days": "0, 1, 7",
    }
    untold = DatasetFacts("ages", "ab" * 32, 300)
    assert "horizon_days" not in cohort_params(trained, untold)


def test_a_flat_file_has_neither_cohort_nor_slices(world: World) -> None:
    assert cohort_facts(world.trained, DATASET) is None
    assert cohort_params(world.trained, DATASET) == {}
    assert slice_metrics(world.trained, world.trained.chosen) == {}
    assert slices_artifact(world.trained) == ({}, {})
    card = model_card(world.trained, dataset=DATASET)
    assert "## Other ages, new accounts" not in card
    assert "weighing 1 in all" not in card


def test_slices_are_metrics_of_names_that_mlflow_takes(trained: Trained) -> None:
    numbers = slice_metrics(trained, trained.chosen)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in numbers)
    assert all(math.isfinite(value) for value in numbers.values())
    week = next(part for part in trained.slices if part.name == "age_7d")
    auc = week.judged[trained.chosen].roc_auc
    assert numbers["roc_auc_age_7d"] == auc.value
    assert numbers["roc_auc_age_7d_low"] == auc.low
    assert numbers["observed_age_7d"] == week.wins / week.leads
    assert numbers["leads_new_accounts"] == trained.slices[-1].leads
    assert slice_metrics(trained, "no such kind") == {}


def test_the_table_has_a_row_per_slice_and_candidate(trained: Trained) -> None:
    table = slices_table(trained)
    kinds = {trained.chosen, "matrix"}
    assert len(table) == len(kinds) * len(trained.slices)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    texts, tags = slices_artifact(trained)
    content = json.loads(texts["slices.json"])
    assert len(content["data"]) == len(table)
    frame = pd.DataFrame(content["data"], columns=content["columns"])
    assert frame.query("headline")["slice"].unique().tolist() == ["age_1d"]
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "slices.json", "type": "table"}]


def test_a_training_leaves_them_in_mlflow(trained: Trained, home: Home) -> None:
    client: Any = Store(home).client
    (experiment,) = [e for e in client.search_experiments() if e.name == "ages"]
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if run.data.tags["role"] == "training")
    assert parent.data.params["horizon_days"] == "8"
    assert parent.data.params["ages_days"] == "0, 1, 7"
    assert parent.data.metrics["rows_fit"] == len(trained.windows.fit)
    assert parent.data.metrics.items() >= slice_metrics(trained, trained.chosen).items()
    folder = local_path(parent.info.artifact_uri)
    assert (folder / "slices.json").is_file()
    (given,) = parent.inputs.dataset_inputs
    assert json.loads(given.dataset.profile)["cohort"]["horizon_days"] == 8.0
    for run in runs:
        if run.data.tags["role"] == "candidate":
            wanted = slice_metrics(trained, run.data.tags["kind"])
            assert run.data.metrics.items() >= wanted.items()
    # By this tag MLflow's page knows a table.
    assert parent.data.tags["mlflow.loggedArtifacts"] == slices_artifact(trained)[1].popitem()[1]


def test_the_card_says_who_was_seen_when_and_how_it_holds(trained: Trained) -> None:
    card = model_card(trained, dataset=DATASET)
    assert f"{LEADS} leads, each seen at those of the ages 0, 1, 7 (days)" in card
    assert "Won means won within 8 days from the moment at which the lead is seen." in card
    assert "An outcome is final 10 days after that moment." in card
    section = card.split("## Other ages, new accounts")[1].split("\n## ")[0]
    assert section.count("\n| age_") == 3 * len({trained.chosen, "matrix"})
    assert "| age_1d (headline) |" in section
    week = next(part for part in trained.slices if part.name == "age_7d")
    assert f"| {week.leads:,} | {week.wins:,} |" in section
    assert not re.search(r"\bL\d+\b", card)


def test_kept_rows_are_the_headline_and_the_open_leads_of_now(
    trained: Trained, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    write_scored_rows(folder, trained, trained.scorer)
    rows = pd.read_parquet(folder / "scored.parquet")
    windows, snapshot = trained.windows, trained.snapshot
    test, now = rows[rows["window"] == "test"], rows[rows["window"] == "open"]
    assert len(rows) == len(test) + len(now)
    assert test["lead_id"].tolist() == snapshot.ids[windows.test].tolist()
    assert test["won"].tolist() == snapshot.label[windows.test].tolist()
    assert now["lead_id"].tolist() == [f"L{i}" for i in range(LEADS - 5, LEADS)]
    assert now["as_of"].unique().tolist() == [pd.Timestamp(snapshot.extracted_at)]
    assert now["won"].isna().all()
