"""What a training keeps of the leads it scored: parts that add up, and no contact details."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.schema import Schema
from scoring_ml.errors import InputError
from scoring_ml.evaluation.scored_rows import rescored, write_scored_rows
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.scale import round_half_up
from scoring_ml.scoring.scored_run import ScoredRun, read_scored
from scoring_ml.scoring.wording import display_value
from scoring_ml.texts import Catalogue
from scoring_ml.texts.sentences import tell
from tests.small_crm import make_crm
from tests.small_world import SCORED


@pytest.fixture(scope="module", params=SCORED)
def kept(request, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    scorer = world.scorer(request.param)
    write_scored_rows(folder, replace(world.trained, evaluated=scorer), scorer)
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
    run = ScoredRun(rows, facts, world.schema, ())
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
        for item in answer["contributions"]:
            name = item["field"].removesuffix("_column")
            value = None if pd.isna(row[f"value/{name}"]) else row[f"value/{name}"]
            if name in ("email", "phone") or name.startswith("matrix:"):
                assert item["value"] == value
                continue
            assert item["value"] == display_value(world.schema[name], value)
            rate = run.observed(name, row[f"slot/{name}"])
            told = None if rate is None else (rate.leads, round(rate.won_share, 4))
            observed = item.get("observed")
            assert told == (observed and (observed["leads"], observed["won_share"]))


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


def test_values_keep_their_types(world, kept):
    _, rows, facts = kept
    kinds = {"number": "f", "boolean": "f", "date": "M"}
    for name in facts["columns"]:
        kind = world.schema[name].type
        if kind in kinds:
            assert rows[f"value/{name}"].dtype.kind == kinds[kind], name
    assert set(rows["value/source"]) == {"search", "fair", "referral"}
    assert set(facts["columns"]) == set(world.snapshot.frame.columns)


def test_facts_are_strict_json_with_everything_a_page_needs(world, kept):
    scorer, _, facts = kept
    json.dumps(facts, allow_nan=False)
    assert facts["dataset"] == "small world"
    assert facts["model"] == scorer.model
    assert facts["order"] == {"by": "time"}
    assert tell(facts["verdict"], Catalogue.load("en")) == world.trained.verdict.text
    assert facts["final_labels"] is True
    assert set(facts["base_rate"]) == {"train", "calibrate", "test"}
    assert Schema.read(facts["schema"]) == world.schema
    by_name = {field["name"]: field["criterion"] for field in facts["fields"]}
    assert (by_name["budget"], by_name["matrix:engagement"]) == ("budget", "engagement")
    counted = sum(item["leads"] for item in facts["observed"]["industry"])
    assert counted == len(world.trained.windows.learned_leads)
    assert facts["format"] == 2
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


def test_no_lead_is_scored_by_a_fit_that_knew_how_it_ended(world, tmp_path):
    """The newest window by the fit before it, open leads by what is registered."""
    trained, snapshot = world.trained, world.snapshot
    write_scored_rows(tmp_path / "run", trained, trained.scorer)
    rows = pd.read_parquet(tmp_path / "run" / "scored.parquet")
    test = (rows["window"] == "test").to_numpy()
    assert trained.evaluated.parts.card["trained_until"] < str(rows["as_of"][test].min())
    assert trained.trained_until == str(snapshot.as_of[trained.windows.test].max())[:19]
    frame = snapshot.frame.iloc[np.sort(np.append(trained.windows.test, trained.windows.open))]
    as_of = rows["as_of"].to_numpy()
    for which, scorer, other in (
        (test, trained.evaluated, trained.scorer),
        (~test, trained.scorer, trained.evaluated),
    ):
        kept = rows["logodds"][which].tolist()
        assert kept == scorer.score_frame(frame[which], as_of[which])["logodds"].tolist()
        assert kept != other.score_frame(frame[which], as_of[which])["logodds"].tolist()
    # What the verdict says of the newest window is what these rows say.
    judged = trained[trained.chosen].probability(trained.windows.test)
    assert rows["probability"][test].sum() == pytest.approx(judged.sum())
    assert rows["probability"][test].sum() == pytest.approx(trained.blocks[-1].promised.value)


def test_another_version_can_score_the_same_leads_later(world, tmp_path):
    scorer, folder = world.scorer("boosted"), tmp_path / "run"
    told = []
    trained = replace(world.trained, evaluated=scorer)
    write_scored_rows(
        folder, trained, scorer, progress=lambda done, whole: told.append((done, whole))
    )
    run = read_scored(folder)
    rows = run.rows
    assert told[-1] == (len(rows), len(rows))
    same = rescored(run, scorer)
    for name in ("score", "tier"):
        assert same[name].tolist() == rows[name].tolist()
    scale = scorer.parts.policy.scale
    assert same["unrounded"].tolist() == scale.unrounded(rows["logodds"].to_numpy()).tolist()
    by_hand = rescored(run, world.scorer("matrix"))
    assert by_hand["score"].tolist() == rows["matrix_total"].tolist()
    strange = replace(run, facts=run.facts | {"columns": []})
    assert rescored(strange, scorer) is None


def test_a_history_that_was_not_sent_leaves_one_score_a_row(world, tmp_path):
    """Score, tier, log-odds and what the gate ranks by are of the same typical values."""
    crm = make_crm(leads=300, kinds=("boosted", "scorecard"))
    gone = [f.name for f in schema_features(crm.schema).values() if "activities" in f.needs]
    frame = crm.frame.copy()
    bare = np.arange(len(frame)) % 3 == 0
    frame.loc[bare, [n for n in gone if frame[n].dtype.kind == "f"]] = np.nan
    frame.loc[bare, [n for n in gone if frame[n].dtype.kind != "f"]] = None
    count = len(frame)
    snapshot = Snapshot(
        frame=frame,
        ids=np.array([f"L{i}" for i in range(count)], dtype=object),
        label=crm.won,
        position=np.arange(count, dtype=float),
        as_of=crm.as_of.astype("datetime64[us]"),
        account=None,
        row=np.arange(1, count + 1),
    )
    everything = np.arange(count)
    spans = {"train": everything, "blocks": (everything,), "test": everything}
    windows = replace(world.trained.windows, **spans, open=everything[:0])
    trained = replace(world.trained, schema=crm.schema, snapshot=snapshot, windows=windows)
    for kind, scorer in crm.scorers.items():
        folder = tmp_path / kind
        write_scored_rows(folder, replace(trained, evaluated=scorer), scorer)
        run = read_scored(folder)
        scale = scorer.parts.policy.scale
        unrounded = scale.unrounded(run.rows["logodds"].to_numpy())
        assert run.rows["score"].tolist() == np.clip(round_half_up(unrounded), 0, 100).tolist()
        same = rescored(run, scorer)
        assert same["unrounded"].tolist() == unrounded.tolist()
        assert same["tier"].tolist() == run.rows["tier"].tolist()
        # Without typical values the same leads score otherwise, so this is no empty promise.
        X = crm.encoder.encode(frame, snapshot.as_of)
        parts = scorer.parts
        as_sent = parts.calibration.logodds(parts.estimator.logodds(X))
        differs = as_sent != run.rows["logodds"].to_numpy()
        assert differs[bare].any()
        assert not differs[~bare].any()
        # Nobody said, so nothing was observed.
        assert (run.rows["slot/web_visit_30d"] == -1).tolist() == bare.tolist()


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
        "scored.json",
        "scored.parquet",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_rows_of_another_format_are_refused(world, tmp_path):
    folder = tmp_path / "run"
    write_scored_rows(folder, world.trained, world.scorer("matrix"))
    facts = json.loads((folder / "scored.json").read_text("utf-8"))
    for number, told in ((1, "format 1"), (3, "format 3"), (None, "format None")):
        (folder / "scored.json").write_text(json.dumps(facts | {"format": number}), "utf-8")
        with pytest.raises(InputError, match=rf"must have format 2\. Found: {told} in run\. Run"):
            read_scored(folder)
    del facts["format"]
    (folder / "scored.json").write_text(json.dumps(facts), "utf-8")
    with pytest.raises(InputError, match="Found: format 1 in run"):
        read_scored(folder)
