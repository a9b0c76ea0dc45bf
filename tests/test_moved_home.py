"""A home that was moved or copied: everything works in its new place, nothing touches the old."""

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pipelines.promotion import promote, set_policy
from pipelines.score import score_file
from pipelines.train import train_file
from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.settings import Home
from scoring_ml.tracking import Registry, Store, logged_candidates, logged_verdict
from scoring_ml.tracking.artifacts import follow_home, local_path
from serving.launch import environment
from tests.flat_leads import write_flat_leads


def leave_out(patch: pytest.MonkeyPatch) -> None:
    """Leave out what takes long and is tested elsewhere: plots and rehearsals."""
    patch.setattr("scoring_ml.tracking.plots.draw_candidate", lambda *given: None)
    patch.setattr("scoring_ml.tracking.overlay.draw_training", lambda *given: None)
    for module in ("scoring_ml.scoring.champion", "pipelines.promotion"):
        patch.setattr(f"{module}.rehearse", lambda folder, version: None)


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flat_leads(tmp_path_factory.mktemp("moved"), leads=3_000, seed=5).leads


@pytest.fixture(scope="module")
def trained(leads: Path, empty_home: Home) -> Home:
    """Return a home that serves its first version, made elsewhere; not to be changed."""
    home = Home(shutil.copytree(empty_home.root, leads.parent / "first home"))
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch)
        promote(train_file(leads, home=home, fast=True, replicates=10).version, home=home, **FORCED)
    return home


def tree(folder: Path) -> dict[str, str]:
    """Return every file's SHA-256 and every folder, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(
            path.read_bytes() if path.is_file() else b"folder"
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
    }


FORCED: Any = {"force": True, "reason": "a trial"}


def addresses(home: Home) -> set[str]:
    """Return every address of artifacts in the database."""
    asked = (
        "SELECT artifact_location FROM experiments",
        "SELECT artifact_uri FROM runs",
        "SELECT artifact_location FROM logged_models",
        "SELECT storage_location FROM model_versions",
    )
    with sqlite3.connect(home.mlflow_database) as database:
        return {str(row[0]) for query in asked for row in database.execute(query)}


def copied(home: Home, root: Path) -> Home:
    return Home(shutil.copytree(home.root, root))


def test_every_command_works_in_a_new_place_and_leaves_the_old_ones_alone(
    trained: Home, leads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch)
    candidates, verdict = logged_candidates(Store(trained)), logged_verdict(Store(trained))
    before = tree(trained.root)
    middle = copied(trained, tmp_path / "middle")
    assert logged_verdict(Store(middle)) == verdict
    monkeypatch.chdir(tmp_path)
    home = Home(shutil.move(middle.root, tmp_path / "with spaces %41 and ж").name)
    assert logged_candidates(Store(home)) == candidates
    assert logged_verdict(Store(home)) == verdict
    assert set_policy("capacity", home=home, options={"hot_share": 0.05}).version == "2"
    assert promote("1", home=home, **FORCED).previous == "2"
    assert score_file(leads, out=tmp_path / "scores.csv", home=home).version == "1"
    assert train_file(leads, home=home, fast=True, replicates=10).version == "3"
    assert len(addresses(home)) > len(addresses(trained))
    for address in addresses(home):
        assert local_path(address).is_relative_to(home.artifacts)
    assert not middle.root.exists()
    assert tree(trained.root) == before


def test_a_copy_by_hard_links_changes_nothing_in_its_original(
    trained: Home, tmp_path: Path
) -> None:
    first = copied(trained, tmp_path / "first")
    Registry(Store(first)).scorer_folder("1")
    before = tree(first.root)
    linked = Home(shutil.copytree(first.root, tmp_path / "linked", copy_function=os.link))
    folder = Registry(Store(linked)).scorer_folder("1")
    assert folder.is_relative_to(linked.artifacts)
    assert tree(first.root) == before


def test_a_link_to_a_home_is_the_same_place(trained: Home, tmp_path: Path) -> None:
    home = copied(trained, tmp_path / "home")
    Registry(Store(home)).scorer_folder("1")
    before = addresses(home)
    (tmp_path / "link").symlink_to(home.root)
    link = Home(tmp_path / "link")
    assert Registry(Store(link)).scorer_folder("1").is_dir()
    assert addresses(link) == before


def test_a_home_that_an_older_version_trained_in_after_a_move_is_made_whole(
    trained: Home, tmp_path: Path
) -> None:
    home = copied(trained, tmp_path / "home")
    with sqlite3.connect(home.mlflow_database) as database:
        database.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage)"
            " VALUES (77, 'later', 'file:///yet/elsewhere/artifacts/7', 'active'),"
            " (78, 'own', 's3://bucket/artifacts/7', 'active'),"
            " (79, 'beside', '/srv/mlruns/79', 'active')"
        )
    follow_home(home.mlflow_database, home.artifacts)
    assert {item for item in addresses(home) if not item.startswith(home.artifacts.as_uri())} == {
        "s3://bucket/artifacts/7",
        "/srv/mlruns/79",
    }
    assert (home.artifacts / "7").as_uri() in addresses(home)


def test_addresses_are_rewritten_all_or_none(trained: Home, tmp_path: Path) -> None:
    home = copied(trained, tmp_path / "home")
    before = addresses(home)
    with sqlite3.connect(home.mlflow_database) as database:
        database.execute(
            "CREATE TRIGGER stop BEFORE UPDATE ON model_versions"
            " BEGIN SELECT RAISE(ABORT, 'no more room'); END"
        )
    with pytest.raises(sqlite3.IntegrityError, match="no more room"):
        follow_home(home.mlflow_database, home.artifacts)
    assert addresses(home) == before


def test_a_copy_without_its_artifacts_says_so(trained: Home, tmp_path: Path) -> None:
    without = shutil.ignore_patterns("artifacts")
    home = Home(shutil.copytree(trained.root, tmp_path / "home", ignore=without))
    with pytest.raises(IntegrityError, match=r"training must have its files\. Found: none of"):
        logged_verdict(Store(home))
    with pytest.raises(IntegrityError, match=r"version must have its files\. Found: none of vers"):
        Registry(Store(home)).scorer_folder("1")


def test_a_home_that_cannot_be_written_scores_serves_and_says_so(
    trained: Home, leads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(trained, tmp_path / "home")
    before = tree(home.root)

    def refuse(path: Path, *given: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("scoring_ml.tracking.store.Path.open", refuse)
        with pytest.raises(InputError, match=r"can be written\. Found: home: Permission denied"):
            logged_verdict(Store(home))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    found = environment(home, host="127.0.0.1", port=1, workers=1, quiet=True)["BENTOML_HOME"]
    assert not Path(found).is_relative_to(home.root)
    shutil.rmtree(Path(found).parent)
    assert score_file(leads, out=tmp_path / "scores.csv", home=home).version == "1"
    assert tree(home.root) == before
