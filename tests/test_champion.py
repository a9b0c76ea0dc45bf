"""The champion file: what it names was verified and tried out, and replacing it loses nothing."""

from __future__ import annotations

import hashlib
import json

import pytest

from scoring_ml.errors import IntegrityError, NothingServed
from scoring_ml.scoring.champion import (
    accept_fields,
    export_version,
    load_champion,
    load_rehearsed,
    name_champion,
    read_champion,
)
from scoring_ml.scoring.saving import load_scorer, manifest_sha256, save_scorer
from scoring_ml.settings import Home


@pytest.fixture(scope="module")
def saved(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    for kind in ("boosted", "matrix"):
        save_scorer(world.scorer(kind), folder / kind)
    return folder


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def unrehearsed(monkeypatch):
    """Leave out the trial in a process of its own, which takes seconds."""
    monkeypatch.setattr("scoring_ml.scoring.champion.rehearse", lambda folder, version: None)


def serve(home, folder, version):
    """Do what a promotion does, as far as this module goes."""
    accept_fields(home, load_rehearsed(folder, version).accepted_names)
    name_champion(home, export_version(home, folder, version))


@pytest.fixture(scope="module")
def served(saved, tmp_path_factory):
    """A home that serves version 1; not to be changed."""
    home = Home(tmp_path_factory.mktemp("served"))
    serve(home, saved / "boosted", "1")
    return home


PATH = '{"version": "../1", "sha256": "00"}'
"""A version is the plain name of a folder."""


def reseal(folder):
    """Write a manifest that fits the files, as a bad export would."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["sha256"]:
        manifest["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_nothing_is_served_before_a_promotion(home):
    with pytest.raises(NothingServed, match=r"must be promoted .*Found: none in home"):
        read_champion(home)
    with pytest.raises(NothingServed, match="must be promoted"):
        load_champion(home)


def test_what_is_promoted_is_served(world, served, saved):
    champion = read_champion(served)
    assert champion.version == "1"
    assert champion.sha256 == manifest_sha256(saved / "boosted")
    scorer, moment = load_champion(served), world.as_of(0)
    assert scorer.score(scorer.example, as_of=moment) == world.scorer("boosted").score(
        scorer.example, as_of=moment
    )
    names = sorted(path.name for path in served.serving.iterdir())
    assert names == ["1", "accepted_fields.json", "champion.json"]


def test_a_version_that_does_not_load_leaves_the_old_one_served(saved, home, world, tmp_path):
    serve(home, saved / "matrix", "1")
    before = home.champion_file.read_bytes()
    broken = tmp_path / "broken"
    save_scorer(world.scorer("boosted"), broken)
    text = (broken / "model.txt").read_bytes()
    (broken / "model.txt").write_bytes(text[: len(text) // 2])
    with pytest.raises(IntegrityError, match="must be as they were written"):
        serve(home, broken, "2")
    reseal(broken)  # the manifest now fits, and LightGBM gets to see half a text
    with pytest.raises(IntegrityError, match=r"must load and score its example lead .*version 2"):
        serve(home, broken, "2")
    assert home.champion_file.read_bytes() == before
    assert load_champion(home).kind == "matrix"
    assert not (home.serving / "2").exists()
    assert not list(home.serving.glob(".*"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "1"}', "null", "5", PATH])
def test_a_champion_file_that_no_promotion_wrote_is_refused(home, text):
    home.serving.mkdir(parents=True)
    home.champion_file.write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"champion\.json must name a version and its SHA-256"):
        read_champion(home)


def point_at(served, tmp_path, *, version="1", sha256=None):
    """A home whose champion file names a version of another home."""
    home = Home(tmp_path / "other")
    home.serving.mkdir(parents=True)
    (home.serving / "1").symlink_to(served.serving / "1")
    sha256 = sha256 or manifest_sha256(served.serving / "1")
    content = {"version": version, "sha256": sha256}
    home.champion_file.write_text(json.dumps(content), encoding="utf-8")
    return home


def test_other_files_than_those_promoted_are_not_served(served, tmp_path):
    with pytest.raises(IntegrityError, match="must be those that were promoted"):
        load_champion(point_at(served, tmp_path, sha256="0" * 64))


def test_a_version_whose_folder_is_gone_is_not_served(served, tmp_path):
    with pytest.raises(IntegrityError, match=r"must have a manifest\. Found: none readable in 9"):
        load_champion(point_at(served, tmp_path, version="9"))


@pytest.mark.usefixtures("unrehearsed")
def test_a_version_without_its_manifest_is_not_served(saved, home):
    serve(home, saved / "matrix", "1")
    (home.serving / "1" / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="must have a manifest"):
        load_champion(home)


def test_a_version_that_takes_too_long_to_load_is_not_served(saved, home, monkeypatch):
    monkeypatch.setattr("scoring_ml.scoring.champion.REHEARSAL_SECONDS", 0.01)
    with pytest.raises(IntegrityError, match="no end after 0 s with version 1"):
        serve(home, saved / "matrix", "1")
    with pytest.raises(NothingServed, match="must be promoted"):
        read_champion(home)


def test_fields_of_every_version_stay_accepted(served):
    scorer = load_champion(served)
    known = json.loads((served.serving / "accepted_fields.json").read_text("utf-8"))
    assert set(known) == set(scorer.accepted_names)


@pytest.mark.usefixtures("unrehearsed")
def test_accepted_fields_only_grow(home, saved):
    accept_fields(home, ("b", "a"))
    accept_fields(home, ("c", "a"))
    accept_fields(home, ())
    path = home.serving / "accepted_fields.json"
    assert json.loads(path.read_text("utf-8")) == ["a", "b", "c"]
    world_names = load_scorer(saved / "matrix").accepted_names
    serve(home, saved / "matrix", "1")
    assert set(json.loads(path.read_text("utf-8"))) == {"a", "b", "c", *world_names}
    answer = load_champion(home).score({"b": "what version 0 knew", "budget": 1})
    assert answer["ignored_fields"] == ["b"]
