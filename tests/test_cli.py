"""The command line from outside: exit codes, one clear line, JSON and nothing else."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from scoring_ml.errors import InputError
from scoring_ml.scoring.champion import load_champion, read_champion
from scoring_ml.scoring.policies import policy_in_force
from scoring_ml.settings import Home, Settings
from tests.flat_leads import write_flat_leads

ROOT = Path(__file__).parents[1]


def call(*args, cwd, home=None):
    command = [str(Path(sys.executable).parent / "scoring-ml"), *map(str, args)]
    if home is not None:
        command += ["--home", str(home.root)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Demo files and a home that these tests may change."""
    folder = tmp_path_factory.mktemp("cli")
    write_flat_leads(folder, leads=5_000, seed=5)
    return folder, Home(folder / "home")


@pytest.fixture(scope="module")
def first(place):
    """The first training, as JSON."""
    folder, home = place
    done = call("train", folder / "leads.csv", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


def test_compare_gives_the_same_candidates_from_mlflow(place, first):
    folder, home = place
    done = call("compare", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["candidates"] == first["candidates"]
    table = call("compare", cwd=folder, home=home).stdout
    assert all(candidate["kind"] in table for candidate in first["candidates"])


def test_promote_serve_score_policy_and_rollback(place, first):
    folder, home = place
    version = first["model"]["version"]
    done = call("promote", version, "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["previous"] is None
    assert read_champion(home).version == version

    out = folder / "scored.csv"
    done = call("score", folder / "leads.csv", "--out", out, "--explain", cwd=folder, home=home)
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

    done = call("policy", "set", "capacity", "--hot-share", "0.03", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    assert changed["previous"] == version
    assert changed["policy"]["method"] == "capacity"
    assert changed["tier_changes"]["moved"] > 0
    assert policy_in_force(home, "flat").version == changed["policy"]["version"]
    assert load_champion(home).model["policy"] == str(changed["policy"]["version"])

    done = call("policy", "set", "capacity", "--hot-share", "0.03", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["tier_changes"]["moved"] == 0, "the same policy moves nobody"
    done = call("rollback", "--json", cwd=folder, home=home)
    assert json.loads(done.stdout)["version"] == changed["version"]
    done = call("rollback", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    back = json.loads(done.stdout)["tier_changes"]
    there = {(m["from"], m["to"]): m["leads"] for m in changed["tier_changes"]["moves"]}
    assert {(m["to"], m["from"]): m["leads"] for m in back["moves"]} == there
    assert read_champion(home).version == version
    assert policy_in_force(home, "flat").version == first["policy"]["version"]
    done = call("rollback", cwd=folder, home=home)
    assert done.returncode == 2
    assert "champion before" in done.stderr


def test_a_second_training_keeps_the_policy_and_reports_moves(place, first):
    folder, home = place
    done = call("train", folder / "leads.csv", "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    second = json.loads(done.stdout)
    for name in ("p_warm", "p_hot", "version"):
        assert second["policy"][name] == first["policy"][name]
    done = call("promote", second["model"]["version"], "--json", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    # The same data and policy: the same trees, so nobody moves.
    assert json.loads(done.stdout)["tier_changes"]["moved"] == 0


def test_the_gate_compares_with_the_version_that_is_served(place, first, tmp_path):
    folder, home = place
    schema = yaml.safe_load((folder / "schema.yaml").read_text(encoding="utf-8"))
    for name, column in schema["columns"].items():
        column["use"] = name in ("pages_viewed", "language")
    weak = tmp_path / "schema.yaml"
    weak.write_text(yaml.safe_dump(schema, allow_unicode=True), encoding="utf-8")
    shutil.copy(ROOT / "models" / "matrix.yaml", tmp_path / "matrix.yaml")
    args = ("train", folder / "leads.csv", "--schema", weak, "--json")
    done = call(*args, cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    version = json.loads(done.stdout)["model"]["version"]
    served = read_champion(home).version
    done = call("promote", version, cwd=folder, home=home)
    assert done.returncode == 2
    assert f"version {served} ranks the newest leads better" in done.stderr
    assert "leads change tier" in done.stderr
    assert read_champion(home).version == served
    done = call(
        "promote", version, "--force", "--reason", "a test", "--json", cwd=folder, home=home
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["tier_changes"]["moved"] > 0
    assert result["objections"]
    assert read_champion(home).version == version
    call("rollback", cwd=folder, home=home)
    assert read_champion(home).version == served


def test_the_report_is_written(place, first):
    folder, home = place
    done = call("report", "explanations", "--out", folder / "pages", cwd=folder, home=home)
    assert done.returncode == 0, done.stderr
    assert (folder / "pages" / "sales.html").stat().st_size > 10_000
    done = call("report", "explanation", "--out", folder / "pages", cwd=folder, home=home)
    assert (done.returncode, "Write explanations" in done.stderr) == (2, True)


def allowed(text, reason):
    schema = yaml.safe_load(text)
    leak = schema["columns"]["last_call_result"]
    leak.update(use=True, type="category")
    if reason:
        leak["allow"] = reason
    return yaml.safe_dump(schema, allow_unicode=True)


def test_train_refuses_a_leak_and_takes_it_with_a_written_reason(place, first, tmp_path):
    folder, home = place
    text = (folder / "schema.yaml").read_text(encoding="utf-8")
    schema = tmp_path / "schema.yaml"
    schema.write_text(allowed(text, None), encoding="utf-8")
    args = ("train", folder / "leads.csv", "--schema", schema, "--matrix", folder / "matrix.yaml")
    before = (home.newest_training).read_text()
    done = call(*args, cwd=folder, home=home)
    assert done.returncode == 2
    assert "last_call_result" in done.stderr
    assert done.stdout == ""
    assert home.newest_training.read_text() == before
    reason = "an experiment: what would perfect hindsight give?"
    schema.write_text(allowed(text, reason), encoding="utf-8")
    own = Home(tmp_path / "home")
    done = call(*args, "--json", cwd=folder, home=own)
    assert done.returncode == 0, done.stderr
    cards = list(own.artifacts.rglob("model_card.md"))
    assert cards
    assert reason in cards[0].read_text(encoding="utf-8")


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
        (("train",), "DATA"),
        (("nonsense",), "nonsense"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(place, first, args, words):
    folder, home = place
    takes_home = args[0] not in ("check", "init", "nonsense")
    done = call(*args, cwd=folder, home=home if takes_home else None)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nothing_trained_and_nothing_served_end_with_1(tmp_path):
    home = Home(tmp_path / "empty")
    shutil.copy(ROOT / "models" / "matrix.yaml", tmp_path / "leads.csv")
    for args in (("compare",), ("score", "leads.csv", "--out", "x.csv")):
        done = call(*args, cwd=tmp_path, home=home)
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
        (("report", "explanations", "--out", "pages"), 1, "scoring-ml train"),
        (("score", "leads.csv", "--out", "x.csv"), 1, "scoring-ml train"),
        (("policy", "set", "capacity"), 1, "scoring-ml train"),
    ],
)
def test_a_command_that_looks_at_a_home_does_not_make_it(tmp_path, args, code, words):
    done = call(*args, cwd=tmp_path, home=Home(tmp_path / "nowhere"))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize("command", ["serve", "ui"])
@pytest.mark.parametrize("port", ["99999", "-1", "taken"])
def test_a_port_that_cannot_be_listened_on_is_told(tmp_path, command, port):
    (tmp_path / "home").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1] if port == "taken" else int(port)
        done = call(command, "--port", number, cwd=tmp_path, home=Home(tmp_path / "home"))
    assert done.returncode == 2, done.stderr
    wanted = "must be free" if port == "taken" else "must be between 0 and 65535"
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_a_setting_that_cannot_be_is_told(monkeypatch):
    monkeypatch.setenv("SCORING_PORT", "99999")
    with pytest.raises(InputError, match=r"SCORING_PORT must hold .*less than or equal to 65535"):
        Settings()
