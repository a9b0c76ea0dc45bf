"""MLflow: what a training leaves there, what comes back, and what must never be in it."""

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scoring_ml.data.suspicion import Suspicion
from scoring_ml.errors import InputError, IntegrityError, ScoringError
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.trained import Trained
from scoring_ml.scoring.saving import load_scorer, verified_files
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import (
    CHALLENGER,
    CHAMPION,
    DatasetFacts,
    Logged,
    Registry,
    Store,
    candidates_table,
    log_training,
    logged_candidates,
    logged_verdict,
)
from scoring_ml.tracking.artifacts import local_path
from scoring_ml.tracking.candidates import (
    METRICS,
    blocks_table,
    logged_metrics,
    logged_tags,
    row_from_log,
)
from scoring_ml.tracking.cohort import slice_metrics, slices_artifact
from scoring_ml.tracking.environment import SWITCHES, prepare_environment
from scoring_ml.tracking.model import runtime_requirements
from scoring_ml.tracking.pages import candidate_pages
from scoring_ml.tracking.runs import candidate_scorer
from tests.data_files import frame_of
from tests.small_ages import train_ages
from tests.small_world import World

DATASET = DatasetFacts("small world", "0123456789abcdef" * 4, 1_500)
FINDINGS = (
    Finding("hand score", Suspicion("refuse", "declared", 1.0, "known only after the outcome")),
)
BINARY = (".png", ".db")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home without anything, so that the first start is tested too."""
    return Home(tmp_path_factory.mktemp("tracking") / "home").ensure()


@pytest.fixture(scope="module")
def told() -> list[tuple[str, float]]:
    return []


@pytest.fixture(scope="module")
def logged(world: World, home: Home, told: list[tuple[str, float]]) -> Logged:
    return log_training(
        Store(home),
        world.trained,
        dataset=DATASET,
        findings=FINDINGS,
        progress=lambda what, share: told.append((what, share)),
    )


@pytest.fixture(scope="module")
def store(home: Home, logged: Logged) -> Store:
    return Store(home)


@pytest.fixture(scope="module")
def registry(store: Store) -> Registry:
    return Registry(store)


@pytest.fixture(scope="module")
def client(store: Store) -> Any:
    return store.client


@pytest.fixture
def fresh(empty_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(empty_home.root, tmp_path / "home"))


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring_ml.tracking.plots.draw_candidate", lambda *given: None)
    monkeypatch.setattr("scoring_ml.tracking.overlay.draw_training", lambda *given: None)


@pytest.fixture(scope="module")
def model(home: Home, logged: Logged) -> Any:
    import mlflow.pyfunc

    with Store(home).as_tracking_uri():
        return mlflow.pyfunc.load_model("models:/lead-scorer@challenger")


def texts_in(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in BINARY:
            yield path, path.read_text(encoding="utf-8")


def only_boosted(world: World) -> Trained:
    """Return a training that compared and chose the boosted model only."""
    candidate = world.trained["boosted"]
    scorer = world.scorer("boosted")
    return replace(
        world.trained, candidates=(candidate,), chosen="boosted", scorer=scorer, evaluated=scorer
    )


def raw_rows(world: World, count: int = 40) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows as the file has them, and their places in the snapshot."""
    places = np.arange(0, len(world.snapshot), len(world.snapshot) // count)
    return rows_of(world, places), places


def rows_of(world: World, places: np.ndarray) -> pd.DataFrame:
    raw = frame_of(world.flat).iloc[world.snapshot.row[places] - 1]
    return raw.drop(columns=["outcome", "notes", "hand score"])


# -- the table of candidates --------------------------------------------------------------------


def test_the_table_comes_back_from_mlflow_as_it_was(
    world: World, store: Store, logged: Logged
) -> None:
    table = candidates_table(world.trained)
    assert logged_candidates(store) == table
    assert logged_candidates(store, logged.run_id) == table
    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_the_table_holds_every_metric_of_every_candidate(world: World) -> None:
    table = candidates_table(world.trained)
    assert [row["kind"] for row in table] == [item.kind for item in world.trained.candidates]
    assert [row["kind"] for row in table if row["chosen"]] == [world.trained.chosen]
    wanted = {"roc_auc", "pr_auc", "brier", "log_loss", "ece", "calibration_slope"}
    wanted |= {"calibration_intercept", "wins_per_100"}
    wanted |= {f"{name}_{top}" for name in ("lift", "captured") for top in (5, 10, 20, 30)}
    for row in table:
        assert set(row["metrics"]) == wanted


def test_what_is_not_defined_is_none_and_comes_back_as_none(world: World) -> None:
    trained = world.trained
    nan = float("nan")
    blank = {
        name: replace(metric, low=nan, high=float("inf"))
        if name == "roc_auc"
        else replace(metric, value=nan)
        for name, metric in trained["odoo"].metrics.items()
    }
    blind = replace(trained["odoo"], metrics=blank, tiers=None, block_aucs=(nan, 0.625, nan))
    candidates = (blind, replace(blind, block_aucs=(nan,)), replace(blind, block_aucs=()))
    row, *others = candidates_table(replace(trained, candidates=candidates))
    assert row["auc_calibrate"] == 0.625
    assert row["block_aucs"] == [None, 0.625, None]
    assert row["metrics"]["roc_auc"]["low"] is None
    assert row["metrics"]["roc_auc"]["high"] is None
    assert row["metrics"]["brier"]["value"] is None
    assert row["tiers"] is None
    assert [other["auc_calibrate"] for other in others] == [None, None]
    for shown in (row, *others):
        numbers = logged_metrics(shown)
        assert all(np.isfinite(value) for value in numbers.values())
        assert row_from_log(logged_tags(shown), numbers) == shown


def test_no_training_is_named_so(fresh: Home) -> None:
    store = Store(fresh)
    with pytest.raises(ScoringError, match=r"A model must have been trained\. Found: no training"):
        logged_candidates(store)
    registry = Registry(store)
    assert registry.alias(CHAMPION) is None
    assert registry.previous_champion() is None
    assert not registry.has("1")


def test_an_unknown_training_is_named(store: Store) -> None:
    with pytest.raises(ScoringError, match="no training abc in home"):
        logged_verdict(store, "abc")


def test_looking_at_a_home_does_not_make_it(tmp_path: Path) -> None:
    store = Store(Home(tmp_path / "typo"))
    for look in (
        lambda: logged_candidates(store),
        lambda: Registry(store).alias(CHAMPION),
        lambda: candidate_pages(store, port=5000),
    ):
        with pytest.raises(InputError, match=r"home must be there\. Found: no folder typo"):
            look()
    assert list(tmp_path.iterdir()) == []


# -- what the pages show ------------------------------------------------------------------------


def test_candidates_are_child_runs_with_the_same_columns(
    world: World, client: Any, logged: Logged
) -> None:
    experiment = client.get_experiment_by_name(world.schema.dataset)
    runs = client.search_runs(
        [experiment.experiment_id],
        filter_string="tags.role = 'candidate'",
        order_by=["metrics.roc_auc DESC"],
    )
    assert {run.info.run_name: run.info.run_id for run in runs} == logged.child_runs
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {logged.run_id}
    aucs = [run.data.metrics["roc_auc"] for run in runs]
    assert aucs == sorted(aucs, reverse=True)
    for run in runs:
        candidate = world.trained[run.data.tags["kind"]]
        for name in METRICS:
            metric = candidate.metrics[name]
            for key, value in (("", metric.value), ("_low", metric.low), ("_high", metric.high)):
                if np.isnan(value):
                    assert name + key not in run.data.metrics
                else:
                    assert run.data.metrics[name + key] == value
        assert run.data.metrics["auc_calibrate"] == candidate.auc_calibrate
        assert run.data.params["rows_train"] == str(len(world.trained.windows.train))
        assert run.data.params["rows_learned"] == str(len(world.trained.windows.learned_leads))
        for number, auc in enumerate(candidate.block_aucs, start=1):
            assert run.data.metrics[f"auc_block_{number}"] == auc
    boosted = client.get_run(logged.child_runs["boosted"])
    chosen = world.trained["boosted"].estimator.dump()["chosen"]
    assert boosted.data.params["trees"] == str(chosen["trees"])
    assert boosted.data.params["set"] == chosen["set"]
    assert "penalty" in client.get_run(logged.child_runs["scorecard"]).data.params


def test_the_training_says_what_it_found(world: World, client: Any, logged: Logged) -> None:
    run = client.get_run(logged.run_id)
    assert run.info.run_name.endswith(f" {world.trained.chosen}")
    assert run.data.tags["mlflow.note.content"].startswith(world.trained.verdict.text)
    assert len(run.data.tags["mlflow.note.content"]) < 8_000
    assert run.data.tags["model_version"] == logged.version
    assert run.data.metrics["base_rate_test"] == world.trained.base_rate["test"]
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("small world", DATASET.digest[:32])
    assert run.data.params["dataset_sha256"] == DATASET.digest
    assert json.loads(given.dataset.source) == {"uri": "small world"}


def test_the_training_says_what_came_block_by_block(
    world: World, client: Any, logged: Logged
) -> None:
    run = client.get_run(logged.run_id)
    shown = run.data.metrics
    for block in world.trained.blocks:
        name = "newest" if block.newest else f"block_{block.number}"
        assert shown[f"wins_{name}"] == block.wins
        if block.chosen:
            assert shown[f"promised_{name}"] == block.promised.value
            assert shown[f"regret_{name}"] == block.regret
        else:
            assert not {f"promised_{name}", f"regret_{name}"} & set(shown)
    folder = local_path(run.info.artifact_uri)
    blocks = json.loads((folder / "blocks.json").read_text("utf-8"))
    assert blocks == blocks_table(world.trained)
    assert [block["kept"] for block in blocks] == [block.kept for block in world.trained.blocks]


def test_what_is_registered_was_fitted_again_on_all_leads(
    world: World, registry: Registry, logged: Logged
) -> None:
    parts = load_scorer(registry.scorer_folder(logged.version)).parts
    trained = world.trained
    assert parts.card["trained_until"] == trained.trained_until
    assert parts.card["evaluated_until"] == trained.evaluated.parts.card["trained_until"]
    assert parts.card["trained_until"] > parts.card["evaluated_until"]
    assert parts.calibration == trained.scorer.parts.calibration
    assert parts.calibration.wins > trained[trained.chosen].calibration.wins, "the newest, too"


def test_the_experiment_offers_a_view_of_the_candidates(world: World, client: Any) -> None:
    import base64
    import zlib

    tags = client.get_experiment_by_name(world.schema.dataset).tags
    assert "Compare the candidates" in tags["mlflow.note.content"]
    view = json.loads(tags["mlflow.sharedViewState.candidates"])
    form, _, packed = view["state"].partition(";")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert form == "deflate"
    assert state["searchFilter"] == "tags.role = 'candidate'"
    assert "metrics.`roc_auc`" in state["selectedColumns"]


def test_pages_name_the_address_of_each_data_set(store: Store) -> None:
    ((dataset, address),) = candidate_pages(store, port=5001).items()
    assert dataset == "small world"
    assert address.startswith("http://127.0.0.1:5001/#/experiments/")
    assert address.endswith("viewStateShareKey=candidates")


def test_models_carry_the_metrics_and_the_data_set(
    world: World, client: Any, logged: Logged
) -> None:
    experiment = client.get_experiment_by_name(world.schema.dataset)
    models = client.search_logged_models([experiment.experiment_id])
    assert {item.name for item in models} == set(logged.child_runs)
    for item in models:
        assert str(item.status) == "READY"
        (auc,) = [metric for metric in item.metrics if metric.key == "roc_auc"]
        assert auc.value == world.trained[item.name].metrics["roc_auc"].value
        assert auc.dataset_digest == DATASET.short_digest
        assert item.source_run_id == logged.child_runs[item.name]


def test_every_run_holds_what_a_person_can_look_at(home: Home, client: Any, logged: Logged) -> None:
    def files(run_id: str) -> set[str]:
        folder = local_path(client.get_run(run_id).info.artifact_uri)
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}

    common = {"candidate.json"} | {
        f"plots/{name}.png" for name in ("fields", "gains", "ranking", "reliability", "tiers")
    }
    table = {"points_table.csv", "points_table.html"}
    assert files(logged.child_runs["odoo"]) == common
    assert files(logged.child_runs["matrix"]) == common
    assert files(logged.child_runs["scorecard"]) == common | table
    assert files(logged.child_runs["boosted"]) == common | {"plots/shap_summary.png"}
    assert files(logged.run_id) == {
        "audit.json",
        "blocks.json",
        "matrix.yaml",
        "model_card.json",
        "model_card.md",
        "plots/comparison.png",
        "plots/intervals.png",
        "policy.json",
        "schema.yaml",
        "unused_rows.json",
        "verdict.txt",
    }


def test_progress_rises_to_the_end(logged: Logged, told: list[tuple[str, float]]) -> None:
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_leads_at_several_ages_leave_their_cohort_and_slices(fresh: Home, no_plots: None) -> None:
    trained = train_ages()
    dataset = DatasetFacts("ages", "ab" * 32, 300, horizon_days=8.0, lag_days=2.0)
    store = Store(fresh)
    log_training(store, trained, dataset=dataset)
    client: Any = store.client
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


# -- what must not be in it ---------------------------------------------------------------------


def test_no_address_path_user_or_lead_in_any_text(home: Home, logged: Logged) -> None:
    forbidden = ["://", str(home.root), str(Path.cwd()), str(Path.home()) + "/", "/tmp/"]
    forbidden += ["index-url", "@example.com", "@localhost", "+44 20", "said something"]
    seen = 0
    for path, text in texts_in(home.artifacts):
        seen += 1
        for word in forbidden:
            assert word not in text, f"{word} in {path.relative_to(home.artifacts)}"
        assert not re.search(r"\bL-\d+\b", text), path.name
    assert seen > 30


def test_no_user_or_source_in_any_tag(client: Any, logged: Logged) -> None:
    for run_id in (logged.run_id, *logged.child_runs.values()):
        run = client.get_run(run_id)
        assert run.data.tags["mlflow.user"] == "scoring-ml"
        assert run.data.tags["mlflow.source.name"] == "scoring-ml"
        assert not [key for key in run.data.tags if key.startswith("mlflow.source.git")]
        words = " ".join([*run.data.tags.values(), *run.data.params.values()])
        assert str(Path.cwd()) not in words
        assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", words)


def test_no_pickle_anywhere(home: Home, logged: Logged) -> None:
    for path in home.artifacts.rglob("*"):
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".npy")
        if path.is_file():
            assert not path.read_bytes().startswith(b"\x80"), path.name


def test_nothing_is_left_in_the_working_folder(home: Home, client: Any) -> None:
    for experiment in client.search_experiments():
        assert local_path(experiment.artifact_location).is_relative_to(home.artifacts)
    assert not (Path.cwd() / "mlruns").exists()


def test_requirements_are_pinned_and_name_no_stranger() -> None:
    lines = runtime_requirements()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", line) for line in lines)
    names = [line.split("==")[0] for line in lines]
    assert {"lightgbm", "mlflow", "numpy", "pandas"} <= set(names)
    assert "scoring-ml" not in names


# -- the model ----------------------------------------------------------------------------------


def test_the_registered_model_gives_the_scorers_bits(
    world: World, model: Any, logged: Logged
) -> None:
    raw, places = raw_rows(world)
    found = model.predict(raw, params={"explain": True})
    moments = world.snapshot.as_of
    assert moments is not None
    wanted = logged.scorer.score_frame(
        world.snapshot.frame.iloc[places], moments[places], explain=True
    )
    assert found.index.tolist() == raw.index.tolist()
    assert set(found["error"]) == {""}
    assert set(found["model_version"]) == {logged.version}
    assert "logodds" not in found
    for name in wanted.columns.drop("logodds"):
        if name == "ask_next":
            assert found[name].tolist() == wanted[name].tolist()
        else:
            given = np.asarray(found[name].to_numpy(), dtype=wanted[name].to_numpy().dtype)
            np.testing.assert_array_equal(given, wanted[name].to_numpy(), err_msg=name)


def test_one_wrong_value_spoils_one_row_only(world: World, model: Any) -> None:
    raw, _ = raw_rows(world)
    spoilt = raw.copy()
    spoilt.iloc[3, spoilt.columns.get_loc("budget")] = "plenty"
    found, before = model.predict(spoilt), model.predict(raw)
    assert found["error"].iloc[3] == "budget holds a value that is no number"
    assert found["score"].isna().tolist() == [place == 3 for place in range(len(raw))]
    kept = [place for place in range(len(raw)) if place != 3]
    pd.testing.assert_frame_equal(found.iloc[kept], before.iloc[kept])


def arrow(values: list[Any], kind: Any) -> pd.Series:
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


def objects(*values: Any) -> pd.Series:
    return pd.Series(values, dtype=object)


SAME_CELLS = {
    "whole numbers": {"budget": pd.Series([20_000, 0])},
    "nullable whole numbers": {"budget": pd.array([20_000, pd.NA], dtype="Int64")},
    "nullable numbers": {"budget": pd.array([20_000, pd.NA], dtype="Float64")},
    "single precision": {"budget": pd.Series([20_000, None], dtype="float32")},
    "decimals": {"budget": objects(Decimal(20_000), None)},
    "a decimal that is no number": {"budget": objects(Decimal("2e4"), Decimal("NaN"))},
    "scalars of numpy": {"budget": objects(np.int64(20_000), np.float32("nan"))},
    "mixed cells": {"budget": objects("20,000", Decimal(20_000), 20_000, pd.NA)},
    "Arrow numbers": {"budget": arrow([20_000, None], pa.int32())},
    "Arrow decimals": {"budget": arrow([Decimal(20_000), None], pa.decimal128(9, 2))},
    "categories of numbers": {"budget": pd.Categorical([20_000, None])},
    "sparse numbers": {"budget": pd.arrays.SparseArray([20_000.0, np.nan])},
    "nullable flags": {"demo": pd.array([True, pd.NA], dtype="boolean")},
    "flags and nothing": {"demo": objects(True, None)},
    "flags of numpy": {"demo": objects(np.True_, np.bool_(False))},
    "texts": {"industry": pd.array(["Software", pd.NA], dtype="string")},
    "categories": {"industry": pd.Categorical(["Software", None])},
    "Arrow texts": {"industry": arrow(["Software", None], pa.string())},
    "a dictionary of Arrow": {
        "industry": arrow(["Software", None], pa.dictionary(pa.int8(), pa.string()))
    },
    "bytes": {"industry": objects(b"Software", None)},
    "moments": {"contract_ends": pd.Series(pd.to_datetime(["2026-03-01 09:00", None]))},
    "moments in seconds": {
        "contract_ends": pd.Series(np.array(["2026-03-01T09:00", "NaT"], dtype="M8[s]"))
    },
    "moments with a zone": {
        "contract_ends": pd.Series(pd.to_datetime(["2026-03-01 12:00", None])).dt.tz_localize(
            "Europe/Moscow"
        )
    },
    "moments of Arrow": {
        "contract_ends": arrow([datetime(2026, 3, 1, 9), None], pa.timestamp("ns", "UTC"))
    },
}


@pytest.mark.parametrize("cells", SAME_CELLS.values(), ids=SAME_CELLS.keys())
def test_cells_of_pandas_numpy_and_arrow_are_read_as_those_of_a_request(
    model: Any, logged: Logged, cells: dict[str, Any]
) -> None:
    ((name, column),) = cells.items()
    found = model.predict(pd.DataFrame(cells), params={"as_of": "2026-02-01"})
    assert set(found["error"]) == {""}
    for cell, score, chance in zip(column, found["score"], found["probability"], strict=True):
        text: Any = cell.decode() if isinstance(cell, bytes) else cell
        if pd.isna(text):
            text = None
        elif isinstance(text, pd.Timestamp):
            text = text.isoformat()
        elif not isinstance(text, str):
            text = bool(text) if name == "demo" else float(text)
        one = logged.scorer.score({name: text}, as_of=datetime(2026, 2, 1))
        assert (score, chance) == (one["score"], one["probability"])


@pytest.mark.parametrize(
    "cells",
    [
        objects("plenty", 1),
        objects(Decimal("Infinity"), 1),
        objects([5], 1),
        objects({"a": 5}, 1),
        objects("\ud800", 1),
        pd.Series(pd.arrays.IntervalArray.from_tuples([(0, 1), None])),
        pd.Series(pd.PeriodIndex(["2025-01", None], freq="M")),
    ],
)
def test_no_cell_loses_the_batch_and_a_bad_one_is_named(model: Any, cells: pd.Series) -> None:
    found = model.predict(pd.DataFrame({"budget": cells}))
    assert found["error"].tolist() == ["budget holds a value that is no number", ""]
    assert found["score"].isna().tolist() == [True, False]
    assert found["warnings"].iloc[0] == ""


def test_no_lead_gives_no_row(world: World, model: Any) -> None:
    raw, _ = raw_rows(world)
    assert len(model.predict(raw.iloc[:0])) == 0


def test_absent_columns_count_as_missing(world: World, model: Any, logged: Logged) -> None:
    found = model.predict(pd.DataFrame({"budget": [20_000.0, None], "demo": [True, None]}))
    typed = pd.DataFrame({"budget": [20_000.0, np.nan], "demo": [1.0, np.nan]})
    wanted = logged.scorer.score_frame(typed, None)
    assert found["score"].tolist() == wanted["score"].tolist()
    assert found["probability"].tolist() == wanted["probability"].tolist()


def test_the_moment_can_be_given(model: Any, logged: Logged) -> None:
    leads = pd.DataFrame({"contract_ends": ["2026-03-01", "2027-03-01"]})
    found = model.predict(leads, params={"as_of": "2026-02-01T01:00:00+01:00"})
    moment = np.full(2, np.datetime64("2026-02-01T00:00:00", "us"))
    # A day without a time stands for its end.
    ends = np.array(["2026-03-02", "2027-03-02"], dtype="datetime64[us]") - 1
    typed = pd.DataFrame({"contract_ends": ends})
    wanted = logged.scorer.score_frame(typed, moment)
    assert found["probability"].tolist() == wanted["probability"].tolist()


def test_it_is_loaded_without_pickle_and_declares_its_fields(world: World, model: Any) -> None:
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    inputs = {item.name: item.required for item in model.metadata.signature.inputs.inputs}
    assert set(inputs) >= {column.name for column in world.schema.used}
    assert not any(inputs.values())


def test_every_candidate_can_be_loaded(world: World, home: Home, client: Any) -> None:
    import mlflow.pyfunc

    experiment = client.get_experiment_by_name(world.schema.dataset)
    test = world.trained.windows.test
    places = test[:: len(test) // 10]
    raw = rows_of(world, places)
    for item in client.search_logged_models([experiment.experiment_id]):
        if candidate_scorer(world.trained, world.trained[item.name]) is None:
            assert item.name == "constant", "without a probability there is nothing to load"
            continue
        with Store(home).as_tracking_uri():
            loaded = mlflow.pyfunc.load_model(f"models:/{item.model_id}")
        found = loaded.predict(raw)
        if item.name == "matrix":
            assert found["score"].tolist() == found["matrix_total"].tolist()
        # Of the chosen one it is the fit on all leads that is kept, of the others the evaluation's.
        wanted = world.trained[item.name].probability(places)
        if item.name == world.trained.chosen:
            earlier, frame = wanted, world.snapshot.frame.iloc[places]
            shipped = world.trained.scorer.score_frame(frame, world.snapshot.as_of[places])
            wanted = shipped["probability"].to_numpy()
            assert np.abs(wanted - earlier).max() > 0
        np.testing.assert_array_equal(found["probability"].to_numpy(dtype=float), wanted)


# -- versions and aliases -----------------------------------------------------------------------


def test_the_version_on_the_card_is_the_registrys(registry: Registry, logged: Logged) -> None:
    assert logged.version == "1"
    assert logged.scorer.version == "1"
    folder = registry.scorer_folder("1")
    verified_files(folder)
    assert load_scorer(folder).version == "1"
    assert registry.alias(CHALLENGER) == "1"
    assert registry.alias(CHAMPION) is None
    assert registry.training_of("1") == logged.run_id


def test_verdict_is_the_trainings(world: World, store: Store, logged: Logged) -> None:
    assert logged_verdict(store, logged.run_id) == world.trained.verdict.text


@pytest.mark.parametrize("ask", ["scorer_folder", "training_of", "promote"])
def test_an_unknown_version_is_named(registry: Registry, ask: str) -> None:
    assert not registry.has("99")
    with pytest.raises(InputError, match=r"version must be registered\. Found: 99 among 1"):
        getattr(registry, ask)("99")


@pytest.mark.usefixtures("no_plots")
def test_versions_rise_aliases_move_and_the_way_back_is_remembered(
    world: World, fresh: Home
) -> None:
    store = Store(fresh)
    registry, client = Registry(store), store.client
    chosen_only = only_boosted(world)
    first = log_training(store, chosen_only, dataset=DATASET)
    registry.promote(first.version)
    assert (registry.alias(CHAMPION), registry.previous_champion()) == ("1", None)

    # A training that fails leaves no version, and its run says so.
    @contextmanager
    def broken(*given: Any, **options: Any) -> Iterator[Path]:
        raise OSError("disk full")
        yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scoring_ml.tracking.registry.saved_model", broken)
        with pytest.raises(OSError, match="disk full"):
            log_training(store, chosen_only, dataset=DATASET)
    assert not registry.has("2")
    assert registry.alias(CHALLENGER) == "1"
    assert logged_candidates(store) == candidates_table(chosen_only)

    # The failed one took number 2, which is never given again.
    policy = replace(world.policy, version=4)
    changed = Scorer(replace(first.scorer.parts, policy=policy))
    assert registry.register_again(changed, source_version="1").version == "3"
    loaded = load_scorer(registry.scorer_folder("3"))
    assert (loaded.version, loaded.model["policy"]) == ("3", "4")
    assert registry.alias(CHALLENGER) == "1"
    registry.promote("3", reason="the board asked for it")
    third = registry.register_again(changed, source_version="3").version
    registry.promote(third)
    registry.promote(third)
    assert (registry.alias(CHAMPION), registry.previous_champion()) == ("4", "3")
    reasons = [
        client.get_model_version("lead-scorer", version).tags.get("promoted_because")
        for version in ("1", "3", "4")
    ]
    assert reasons == [None, "the board asked for it", None]

    registry.promote("3", back=True)
    assert (registry.alias(CHAMPION), registry.previous_champion()) == ("3", "1")
    # Another object, another look at the same store.
    again = Registry(Store(fresh))
    again.promote("1", back=True)
    assert (again.alias(CHAMPION), again.previous_champion()) == ("1", None)
    again.promote("4")
    client.delete_model_version("lead-scorer", "1")
    assert (again.alias(CHAMPION), again.previous_champion()) == ("4", None)


@pytest.mark.usefixtures("no_plots")
def test_lost_files_are_named(world: World, fresh: Home) -> None:
    registry = Registry(Store(fresh))
    only = only_boosted(world)
    log_training(Store(fresh), only, dataset=DATASET)
    folder = registry.scorer_folder("1")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(IntegrityError, match=r"must have its files\. Found: none of version 1"):
        registry.scorer_folder("1")


def test_a_deleted_experiment_comes_back(fresh: Home) -> None:
    store = Store(fresh)
    number = store.experiment("a data set / with: any name")
    store.client.delete_experiment(number)
    assert store.experiment("a data set / with: any name") == number
    assert store.experiments() == {"a data set / with: any name": number}
    assert store.experiment("another") != number


# -- processes ----------------------------------------------------------------------------------

STARTS = """
import sys
from scoring_ml.settings import Home
from scoring_ml.tracking.store import Store
store = Store(Home(sys.argv[1]).ensure())
print(store.experiment("leads"))
"""


def test_two_first_starts_at_once_make_one_store(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS, str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert said[0][0] == said[1][0]


def test_naming_the_store_imports_no_mlflow() -> None:
    code = (
        "import sys; from scoring_ml.settings import Home; from scoring_ml.tracking import *; "
        "Registry(Store(Home('nowhere'))); print([n for n in ('mlflow', 'shap', 'matplotlib') "
        "if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"


def test_the_global_store_is_put_back(home: Home, logged: Logged) -> None:
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    with Store(home).as_tracking_uri():
        assert mlflow.get_tracking_uri() == Store(home).uri
    assert os.environ.get("MLFLOW_TRACKING_URI") == before


def test_switches_are_set_but_never_against_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "DEBUG")
    prepare_environment()
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
