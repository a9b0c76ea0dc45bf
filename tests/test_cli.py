"""The command line from outside: exit codes, one clear line, JSON and nothing else."""

import json
import shutil
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipelines.train import train_file
from scoring_ml.errors import InputError
from scoring_ml.scoring.champion import load_champion, read_champion
from scoring_ml.scoring.policies import policy_in_force
from scoring_ml.settings import Home, Settings
from tests.command_line import run_here, run_process
from tests.flat_leads import write_flat_leads

ROOT = Path(__file__).parents[1]


LEADS = 4_000


@dataclass(frozen=True)
class Training:
    """The files of a training, its home and what ``train --json`` printed; not to be changed."""

    folder: Path
    home: Home
    printed: dict[str, Any]


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """The one training in a process of its own."""
    folder = tmp_path_factory.mktemp("cli")
    write_flat_leads(folder, leads=LEADS, seed=5)
    home = Home(folder / "home")
    done = run_process("train", folder / "leads.csv", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    return Training(folder, home, json.loads(done.stdout))


@pytest.fixture
def folder(training):
    """The folder with ``leads.csv``, ``schema.yaml`` and ``matrix.yaml``; not to be changed."""
    return training.folder


@pytest.fixture
def first(training):
    return training.printed


def copied(home, root):
    """Copy a home, to be changed."""
    return Home(shutil.copytree(home.root, root))


@pytest.fixture(scope="module")
def serving(training, tmp_path_factory):
    """A home in which a process promoted the version of the training; not to be changed."""
    home = copied(training.home, tmp_path_factory.mktemp("serving") / "home")
    version = training.printed["model"]["version"]
    done = run_process("promote", version, "--json", cwd=training.folder, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["previous"] is None
    return home


@pytest.fixture
def home(serving, tmp_path):
    """A home that serves the version of the training, to be changed."""
    return copied(serving, tmp_path / "home")


@pytest.fixture
def quick(monkeypatch):
    """Leave out what takes long and is tested elsewhere: resamples, plots and rehearsals."""
    monkeypatch.setattr("pipelines.train.train_file", partial(train_file, replicates=10))
    monkeypatch.setattr("scoring_ml.tracking.plots.draw_candidate", lambda *given: None)
    monkeypatch.setattr("scoring_ml.tracking.overlay.draw_training", lambda *given: None)
    for module in ("scoring_ml.scoring.champion", "pipelines.promotion"):
        monkeypatch.setattr(f"{module}.rehearse", lambda folder, version: None)


def test_train_prints_what_the_contract_says(first):
    assert set(first) >= {
        "run_id",
        "model",
        "rows",
        "base_rate",
        "candidates",
        "verdict",
        "policy",
        "warnings",
    }
    assert set(first["model"]) == {"name", "version", "kind"}
    assert set(first["rows"]) >= {"train", "calibrate", "test", "unused"}
    assert set(first["base_rate"]) == {"train", "calibrate", "test"}
    for candidate in first["candidates"]:
        metrics = candidate["metrics"]
        for name in (
            "roc_auc",
            "pr_auc",
            "brier",
            "log_loss",
            "ece",
            "calibration_slope",
            "lift_10",
            "captured_20",
            "wins_per_100",
        ):
            assert set(metrics[name]) == {"value", "low", "high"}
            m = metrics[name]
            assert None in m.values() or m["low"] <= m["value"] <= m["high"]
    kinds = [candidate["kind"] for candidate in first["candidates"]]
    assert {"matrix", "scorecard", "boosted", "odoo"} <= set(kinds)
    assert sum(candidate["chosen"] for candidate in first["candidates"]) == 1


def test_compare_gives_the_same_candidates_from_mlflow(folder, home, first):
    done = run_here("compare", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["candidates"] == first["candidates"]
    table = run_here("compare", cwd=folder, home=home).stdout
    assert all(candidate["kind"] in table for candidate in first["candidates"])


def test_what_is_promoted_scores_a_file_as_it_scores_one_lead(folder, home, first, tmp_path):
    version = first["model"]["version"]
    assert read_champion(home).version == version
    out = tmp_path / "scored.csv"
    args = ("score", folder / "leads.csv", "--out", out, "--explain")
    done = run_process(*args, cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    scored = pd.read_csv(out, dtype={"lead_id": str})
    raw = pd.read_csv(folder / "leads.csv", dtype=str, keep_default_na=False)
    assert scored["lead_id"].tolist() == raw["lead_id"].tolist()
    scorer = load_champion(home)
    names = [column.name for column in scorer.encoder.schema.used]
    for i in range(0, len(raw), 97):
        answer = scorer.score(raw.loc[i, names].to_dict())
        assert answer["score"] == scored.loc[i, "score"]
        assert answer["probability"] == scored.loc[i, "probability"]
        assert answer["tier"] == scored.loc[i, "tier"]
        assert answer["base_points"] == scored.loc[i, "base_points"]
        assert bool(answer["warnings"]) == isinstance(scored.loc[i, "warnings"], str)


@pytest.mark.usefixtures("quick")
def test_a_policy_is_set_and_rolled_back(folder, home, first):
    version = first["model"]["version"]
    done = run_here(
        "policy", "set", "capacity", "--hot-share", "0.03", "--json", cwd=folder, home=home
    )
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    assert changed["previous"] == version
    assert changed["policy"]["method"] == "capacity"
    assert changed["tier_changes"]["moved"] > 0
    assert policy_in_force(home, "flat").version == changed["policy"]["version"]
    assert load_champion(home).model["policy"] == str(changed["policy"]["version"])

    done = run_here(
        "policy", "set", "capacity", "--hot-share", "0.03", "--json", cwd=folder, home=home
    )
    assert done.returncode == 0, done.stderr
    unchanged = json.loads(done.stdout)
    assert unchanged["tier_changes"]["moved"] == 0, "the same policy moves nobody"
    done = run_here("rollback", "--json", cwd=folder, home=home)
    assert json.loads(done.stdout)["version"] == changed["version"]
    done = run_here("rollback", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    back = json.loads(done.stdout)["tier_changes"]
    moves = {(m["from"], m["to"]): m["leads"] for m in changed["tier_changes"]["moves"]}
    assert {(m["to"], m["from"]): m["leads"] for m in back["moves"]} == moves
    assert read_champion(home).version == version
    assert policy_in_force(home, "flat").version == first["policy"]["version"]
    done = run_here("rollback", cwd=folder, home=home)
    assert done.returncode == 2
    assert "champion before" in done.stderr


@pytest.mark.usefixtures("quick")
def test_refit_fits_what_is_served_again_keeps_the_policy_and_moves_nobody(folder, home, first):
    done = run_here("refit", folder / "leads.csv", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    second = json.loads(done.stdout)
    assert second["model"]["kind"] == first["model"]["kind"]
    assert int(second["model"]["version"]) == int(first["model"]["version"]) + 1
    assert second["shipped"] == first["shipped"]
    compared = {candidate["kind"] for candidate in second["candidates"]}
    assert compared < {candidate["kind"] for candidate in first["candidates"]}
    for name in ("p_warm", "p_hot", "version"):
        assert second["policy"][name] == first["policy"][name]
    done = run_here("promote", second["model"]["version"], "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    # The same data, kind and policy: the same Scorer, so nobody moves.
    assert json.loads(done.stdout)["tier_changes"]["moved"] == 0


@pytest.mark.usefixtures("quick")
def test_fast_cuts_once_and_registers_what_was_judged_as_of_a_moment(folder, home, first):
    until = first["shipped"]["trained_until"][:10]
    args = ("train", folder / "leads.csv", "--fast", "--as-of", until)
    done = run_here(*args, "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = [found["rows"][name] for name in ("train", "calibrate", "test")]
    # The gap until a label is known comes off both sides of the first cut.
    assert rows[0] > 2 * rows[1] > 0
    assert rows[2] == pytest.approx(0.2 * sum(rows), rel=0.3)
    assert [block["newest"] for block in found["blocks"]] == [False, True]
    assert found["shipped"]["trained_until"] < first["shipped"]["trained_until"]
    assert "fitted again" not in found["verdict"]
    assert "fitted again" in first["verdict"]
    assert any(item["reason"] == "later than --as-of" for item in found["unused"])


@pytest.mark.usefixtures("quick")
def test_the_gate_compares_with_the_version_that_is_served(folder, home, tmp_path):
    schema = yaml.safe_load((folder / "schema.yaml").read_text(encoding="utf-8"))
    for name, column in schema["columns"].items():
        column["use"] = name in ("pages_viewed", "language")
    weak = tmp_path / "schema.yaml"
    weak.write_text(yaml.safe_dump(schema, allow_unicode=True), encoding="utf-8")
    shutil.copy(ROOT / "models" / "matrix.yaml", tmp_path / "matrix.yaml")
    args = ("train", folder / "leads.csv", "--schema", weak, "--fast", "--json")
    done = run_here(*args, cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    version = json.loads(done.stdout)["model"]["version"]
    served = read_champion(home).version
    done = run_here("promote", version, cwd=folder, home=home)
    assert done.returncode == 2
    assert f"field(s) that version {served} uses" in done.stderr
    assert "leads change tier" in done.stderr
    assert read_champion(home).version == served
    done = run_here(
        "promote", version, "--force", "--reason", "a test", "--json", cwd=folder, home=home
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["tier_changes"]["moved"] > 0
    assert result["objections"]
    assert read_champion(home).version == version
    run_here("rollback", cwd=folder, home=home)
    assert read_champion(home).version == served


def test_the_report_is_written(folder, home, tmp_path):
    pages = tmp_path / "pages"
    done = run_here("report", "explanations", "--out", pages, cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    assert (pages / "sales.html").stat().st_size > 10_000
    done = run_here("report", "explanation", "--out", pages, cwd=folder, home=home)
    assert (done.returncode, "Write explanations" in done.stderr) == (2, True)


def allowed(text, reason):
    schema = yaml.safe_load(text)
    leak = schema["columns"]["last_call_result"]
    leak.update(use=True, type="category")
    if reason:
        leak["allow"] = reason
    return yaml.safe_dump(schema, allow_unicode=True)


@pytest.mark.usefixtures("quick")
def test_train_refuses_a_leak_and_takes_it_with_a_written_reason(training, home, tmp_path):
    folder = training.folder
    text = (folder / "schema.yaml").read_text(encoding="utf-8")
    schema = tmp_path / "schema.yaml"
    schema.write_text(allowed(text, None), encoding="utf-8")
    args = ("train", folder / "leads.csv", "--schema", schema, "--matrix", folder / "matrix.yaml")
    before = (home.newest_training).read_text()
    done = run_here(*args, cwd=folder, home=home)
    assert done.returncode == 2
    assert "last_call_result" in done.stderr
    assert done.stdout == ""
    assert home.newest_training.read_text() == before
    reason = "an experiment: what would perfect hindsight give?"
    schema.write_text(allowed(text, reason), encoding="utf-8")
    done = run_here(*args, "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run_id"]
    (card,) = home.artifacts.rglob(f"{run}/**/model_card.md")
    assert reason in card.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("train", "nothing.csv"), "must exist"),
        (("check", "nothing.csv"), "nothing.csv"),
        (("init", "nothing.csv", "--target", "x", "--out", "new/s.yaml"), "nothing.csv"),
        (("promote", "99"), "must be registered"),
        (("promote", "1", "--force"), "written reason"),
        (("policy", "set", "magic"), "match_matrix"),
        (("policy", "set", "fixed", "--margin", "5"), "Options must belong"),
        (("report", "weather", "--out", "x"), "explanations"),
        (("score", "leads.csv", "--out", "x.xlsx"), "CSV or Parquet"),
        (("score", "leads.csv", "--out", "x.csv", "--as-of", "soon"), "--as-of"),
        (("train", "leads.csv", "--as-of", "soon"), "--as-of"),
        (("train", "leads.csv", "--as-of", "1999-12-31"), "after the oldest lead"),
        (("refit", "nothing.csv"), "must exist"),
        (("train",), "DATA"),
        (("nonsense",), "nonsense"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(folder, serving, args, words):
    takes_home = args[0] not in ("check", "init", "nonsense")
    done = run_here(*args, cwd=folder, home=serving if takes_home else None)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_process_ends_with_the_code_and_says_it_on_the_right_stream(tmp_path):
    home = Home(tmp_path / "empty")
    for args, code in ((("compare",), 1), (("train", "nothing.csv"), 2)):
        done = run_process(*args, cwd=tmp_path, home=home)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith("scoring-ml: ")
        assert "Traceback" not in done.stderr


def test_nothing_trained_and_nothing_served_end_with_1(tmp_path):
    home = Home(tmp_path / "empty")
    shutil.copy(ROOT / "models" / "matrix.yaml", tmp_path / "leads.csv")
    for args in (("compare",), ("score", "leads.csv", "--out", "x.csv")):
        done = run_here(*args, cwd=tmp_path, home=home)
        assert done.returncode == 1
        assert "scoring-ml train" in done.stderr
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("ui",), 2, "no folder nowhere"),
        (("promote", "1"), 2, "no folder nowhere"),
        (("rollback",), 2, "no folder nowhere"),
        (("compare",), 1, "scoring-ml train"),
        (("refit", "leads.csv"), 1, "scoring-ml train"),
        (("report", "explanations", "--out", "pages"), 1, "scoring-ml train"),
        (("score", "leads.csv", "--out", "x.csv"), 1, "scoring-ml train"),
        (("policy", "set", "capacity"), 1, "scoring-ml train"),
    ],
)
def test_a_command_that_looks_at_a_home_does_not_make_it(tmp_path, args, code, words):
    done = run_here(*args, cwd=tmp_path, home=Home(tmp_path / "nowhere"))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize("command", ["serve", "ui"])
@pytest.mark.parametrize("port", ["99999", "-1", "taken"])
def test_a_port_that_cannot_be_listened_on_is_told(tmp_path, command, port):
    (tmp_path / "home").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1] if port == "taken" else int(port)
        done = run_here(command, "--port", number, cwd=tmp_path, home=Home(tmp_path / "home"))
    assert done.returncode == 2, done.stderr
    wanted = "must be free" if port == "taken" else "must be between 0 and 65535"
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_a_setting_that_cannot_be_is_told(monkeypatch):
    monkeypatch.setenv("SCORING_PORT", "99999")
    with pytest.raises(InputError, match=r"SCORING_PORT must hold .*less than or equal to 65535"):
        Settings()
