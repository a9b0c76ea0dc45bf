"""What a training keeps of the leads it scored: parts that add up, and no contact details."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring_ml.estimators.ladder import KINDS
from scoring_ml.evaluation.scored_rows import rescored, write_scored_rows


@pytest.fixture(scope="module", params=KINDS)
def kept(request, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    scorer = world.scorer(request.param)
    write_scored_rows(folder, world.trained, scorer)
    facts = json.loads((folder / "scored.json").read_text("utf-8"))
    return scorer, pd.read_parquet(folder / "scored.parquet"), facts


def test_the_newest_window_and_the_open_leads_are_kept_oldest_first(world, kept):
    _, rows, _ = kept
    windows, snapshot = world.trained.windows, world.trained.snapshot
    wanted = np.sort(np.concatenate([windows.test, windows.open]))
    assert rows["lead_id"].tolist() == snapshot.ids[wanted].tolist()
    assert (rows["window"] == "test").sum() == len(windows.test)
    assert (rows["window"] == "open").sum() == len(windows.open) == 60
    assert rows["won"].isna().tolist() == (rows["window"] == "open").tolist()
    won = rows.loc[rows["window"] == "test", "won"].tolist()
    assert won == snapshot.label[windows.test].tolist()
    assert rows["as_of"].tolist() == list(pd.to_datetime(snapshot.as_of[wanted]))


def test_the_parts_of_every_row_add_up_to_its_score(kept):
    scorer, rows, facts = kept
    names = [field["name"] for field in facts["fields"]]
    assert [f"points/{name}" for name in names] == [c for c in rows if c.startswith("points/")]
    parts = rows[["base_points", "rounding_points", "limit_points"]]
    parts = pd.concat([parts, rows[[f"points/{name}" for name in names]]], axis=1)
    tenths = (10 * parts).round().astype(int)
    assert np.abs(10 * parts - tenths).max().max() < 1e-9
    assert (tenths.sum(axis=1) == 10 * rows["score"]).all()
    assert rows["score"].between(0, scorer.score_max).all()
    assert facts["score_max"] == scorer.score_max


def test_rows_say_what_the_scorer_says_of_the_same_lead(world, kept):
    scorer, rows, facts = kept
    at = {lead_id: i for i, lead_id in enumerate(world.snapshot.ids)}
    for _, row in rows.iloc[::37].iterrows():
        place = at[row["lead_id"]]
        answer = scorer.explain(world.lead(place), as_of=world.as_of(place))
        assert (answer["score"], answer["tier"], answer["action"]) == (
            row["score"],
            row["tier"],
            row["action"],
        )
        assert answer["probability"] == row["probability"]
        assert answer["ask_next"] == json.loads(row["ask_next"])[:5]
        shown = {c["field"].removesuffix("_column"): c["value"] for c in answer["contributions"]}
        for field in facts["fields"]:
            value = row[f"value/{field['name']}"]
            assert shown[field["name"]] == (None if pd.isna(value) else value)


def test_the_matrix_of_every_row_adds_up(kept):
    _, rows, facts = kept
    assert facts["matrix_max"] == {
        "industry_fit": 20,
        "budget": 20,
        "need_urgency": 30,
        "authority": 20,
        "timeline": 10,
        "engagement": 10,
    }
    points = rows[[f"matrix/{name}" for name in facts["matrix_max"]]]
    assert (points.sum(axis=1) == rows["matrix_total"]).all()
    known = rows[[f"matrix_known/{name}" for name in facts["matrix_max"]]]
    assert known.dtypes.unique().tolist() == [np.dtype(bool)]
    assert (points.to_numpy()[~known.to_numpy()] == 0).all()


def test_no_contact_detail_and_no_free_text_is_kept(world, tmp_path):
    folder = tmp_path / "run"
    write_scored_rows(folder, world.trained, world.scorer("boosted"))
    rows = pd.read_parquet(folder / "scored.parquet")
    text = rows.to_csv(date_format="%j") + (folder / "scored.json").read_text("utf-8")
    for secret in ("person", "example.com", "@", "7946 0", "said something"):
        assert secret not in text, secret
    for name in ("email", "phone"):
        assert set(rows[f"value/{name}"].dropna()) == {"valid", "invalid"}
    files = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"person1" not in files
    assert b"7946" not in files


def test_source_and_campaign_stand_beside(world, kept):
    _, rows, _ = kept
    assert set(rows["source"]) == {"search", "fair", "referral"}
    assert rows["campaign"].tolist() == rows["value/campaign"].tolist()


def test_facts_are_strict_json_with_everything_a_page_needs(world, kept):
    scorer, _, facts = kept
    json.dumps(facts, allow_nan=False)
    assert facts["dataset"] == "small world"
    assert facts["model"] == scorer.model
    assert facts["order"] == {"by": "time"}
    assert facts["verdict"] == world.trained.verdict.text
    assert facts["final_labels"] is True
    assert set(facts["base_rate"]) == {"train", "calibrate", "test"}
    by_name = {field["name"]: field for field in facts["fields"]}
    assert by_name["budget"] == {
        "name": "budget",
        "label": "Budget",
        "criterion": "budget",
        "type": "number",
        "unit": "EUR",
        "askable": True,
    }
    assert by_name["matrix:engagement"]["type"] == "criterion"
    counted = sum(item["leads"] for item in facts["observed"]["industry"])
    assert counted == len(world.trained.windows.train)
    assert (facts["policy"] is None) == (scorer.kind == "matrix")


def test_the_calibration_window_is_kept_for_another_policy(world, tmp_path):
    write_scored_rows(tmp_path / "run", world.trained, world.scorer("boosted"))
    rows = pd.read_parquet(tmp_path / "run" / "calibration.parquet")
    trained = world.trained
    chosen, window = trained[trained.chosen], trained.windows.calibrate
    z = chosen.calibration.logodds(chosen.logodds[window])
    assert rows["logodds"].tolist() == z.tolist()
    assert rows["won"].tolist() == trained.snapshot.label[window].tolist()
    assert len(rows["matrix_total"].unique()) > 5


def test_another_version_can_score_the_same_leads_later(world, tmp_path):
    scorer, folder = world.scorer("boosted"), tmp_path / "run"
    told = []
    write_scored_rows(
        folder, world.trained, scorer, progress=lambda done, whole: told.append((done, whole))
    )
    rows = pd.read_parquet(folder / "scored.parquet")
    assert told[-1] == (len(rows), len(rows))
    again = rescored(folder, scorer)
    for name in ("score", "tier", "logodds"):
        assert again[name].tolist() == rows[name].tolist()
    by_hand = rescored(folder, world.scorer("matrix"))
    assert by_hand["score"].tolist() == rows["matrix_total"].tolist()


def test_leads_with_an_outcome_that_is_not_final_are_young_not_open(world, tmp_path):
    trained = world.trained
    rows = np.concatenate([trained.windows.test[:30]])
    windows = replace(
        trained.windows,
        test=trained.windows.test[30:],
        open=np.concatenate([trained.windows.open, rows]),
    )
    folder = tmp_path / "run"
    write_scored_rows(folder, replace(trained, windows=windows), world.scorer("boosted"))
    written = pd.read_parquet(folder / "scored.parquet")
    young = written["window"] == "young"
    assert young.sum() == 30
    assert written.loc[young, "won"].isna().all()
    assert set(written.loc[young, "lead_id"]) == set(trained.snapshot.ids[rows])


def test_writing_again_replaces_the_folder_and_leaves_nothing_else(world, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "left over").write_text("x")
    write_scored_rows(folder, world.trained, world.scorer("matrix"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "calibration.parquet",
        "inputs.parquet",
        "scored.json",
        "scored.parquet",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
