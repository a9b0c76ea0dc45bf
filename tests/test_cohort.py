"""What metrics, the model card and the kept rows say of leads that are seen at several ages."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.evaluation.trained import Trained
from scoring_ml.tracking import DatasetFacts
from scoring_ml.tracking.card import card_facts
from scoring_ml.tracking.card_text import card_text
from scoring_ml.tracking.cohort import cohort_params, slice_metrics, slices_artifact, slices_table
from scoring_ml.tracking.dataset import cohort_facts
from tests.small_ages import LEADS, train_ages
from tests.small_world import World

DATASET = DatasetFacts("ages", "ab" * 32, LEADS, horizon_days=8.0, lag_days=2.0)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_ages()


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
    card = card_text(card_facts(world.trained, dataset=DATASET))
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


def test_the_card_says_who_was_seen_when_and_how_it_holds(trained: Trained) -> None:
    card = card_text(card_facts(trained, dataset=DATASET))
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
