"""A Scorer on disk: the same bits again, nothing believed unverified, never a pickle."""

from __future__ import annotations

import hashlib
import json
import shutil

import pandas as pd
import pytest

from scoring_ml.errors import IntegrityError
from scoring_ml.scoring.saving import (
    json_ready,
    load_scorer,
    manifest_sha256,
    save_scorer,
    verified_files,
    write_json,
)
from tests.small_world import SCORED


@pytest.fixture(scope="module")
def saved(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "7"
    save_scorer(world.scorer("boosted"), folder)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "7")


@pytest.mark.parametrize("kind", SCORED)
def test_a_loaded_scorer_gives_the_same_bits(world, tmp_path, kind):
    scorer, snapshot = world.scorer(kind), world.snapshot
    save_scorer(scorer, tmp_path / "1")
    again = load_scorer(tmp_path / "1")
    frame, as_of = snapshot.frame.iloc[::7], snapshot.as_of[::7]
    a = scorer.score_frame(frame, as_of, explain=True)
    b = again.score_frame(frame, as_of, explain=True)
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert again.card == scorer.card
    assert again.fields == scorer.fields
    moment = world.as_of(3)
    assert again.explain(again.example, as_of=moment) == scorer.explain(
        scorer.example, as_of=moment
    )


def test_only_text_json_and_a_manifest_are_written(saved):
    assert {path.name for path in saved.iterdir()} == {"scorer.json", "model.txt", "manifest.json"}
    for path in saved.iterdir():
        text = path.read_bytes().decode("utf-8")
        assert text.startswith(("{", "tree\n"))
    sums = json.loads((saved / "manifest.json").read_bytes())["sha256"]
    for name, sha256 in sums.items():
        assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == sha256
    whole = hashlib.sha256((saved / "manifest.json").read_bytes()).hexdigest()
    assert manifest_sha256(saved) == whole


def test_saving_twice_writes_the_same_bytes(world, saved, tmp_path):
    save_scorer(world.scorer("boosted"), tmp_path / "again")
    save_scorer(load_scorer(saved), tmp_path / "loaded")
    for folder in (tmp_path / "again", tmp_path / "loaded"):
        assert (folder / "scorer.json").read_bytes() == (saved / "scorer.json").read_bytes()
    assert manifest_sha256(tmp_path / "again") == manifest_sha256(saved)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_a_digit(path):
    data = bytearray(path.read_bytes())
    place = next(i for i in range(len(data) // 2, len(data)) if data[i : i + 1] == b"1")
    data[place : place + 1] = b"2"
    path.write_bytes(bytes(data))


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, change_a_digit, remove, empty])
@pytest.mark.parametrize("name", ["scorer.json", "model.txt", "manifest.json"])
def test_a_harmed_file_is_refused_before_anything_is_parsed(copy, name, harm, monkeypatch):
    # LightGBM ends the whole process on half a text, so it must never see it.
    for parser in ("estimator_class", "Schema.read", "Matrix.read"):
        monkeypatch.setattr(f"scoring_ml.scoring.saving.{parser}", pytest.fail)
    harm(copy / name)
    with pytest.raises(IntegrityError, match=r"A saved model.* Train again, or go back"):
        load_scorer(copy)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(IntegrityError, match=r"must have a manifest\. Found: none readable in 9"):
        load_scorer(tmp_path / "9")
    with pytest.raises(IntegrityError, match="must have a manifest"):
        manifest_sha256(tmp_path / "9")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"format": 2, "sha256": {}}, r"must have format 1\. Found: format 2"),
        ({"format": None, "sha256": {}}, r"must have format 1\. Found: format None"),
        ({"format": 1, "sha256": {}}, r"must have a scorer.json\. Found: none"),
        ({"format": 1, "sha256": {"gone.txt": "0"}}, r"files of its manifest\. Found: no gone.txt"),
        ({"format": 1, "sha256": {"../7": "0"}}, r"files of its manifest\. Found: no \.\./7"),
        ({"format": 1, "sha256": {"scorer.json": None}}, "scorer.json of 7 has another SHA-256"),
        ({"format": 1}, "must have a manifest"),
        ({"format": 1, "sha256": 5}, "must have a manifest"),
        ([], "must have a manifest"),
        ("text", "must have a manifest"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(copy, manifest, message):
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(IntegrityError, match=message):
        verified_files(copy)


def test_a_manifest_cannot_name_a_file_outside_its_folder(copy):
    secret = copy.parent / "secret.txt"
    secret.write_text("x", encoding="utf-8")
    sums = {"../secret.txt": hashlib.sha256(b"x").hexdigest()}
    (copy / "manifest.json").write_text(json.dumps({"format": 1, "sha256": sums}), encoding="utf-8")
    with pytest.raises(IntegrityError, match="must have the files of its manifest"):
        verified_files(copy)


def test_saving_again_replaces_the_whole_folder(world, copy):
    (copy / "left over").write_text("x", encoding="utf-8")
    save_scorer(world.scorer("matrix"), copy)
    assert {path.name for path in copy.iterdir()} == {"scorer.json", "manifest.json"}
    assert load_scorer(copy).kind == "matrix"
    assert [path.name for path in copy.parent.iterdir()] == ["7"]


def test_a_failed_save_leaves_what_was_there_and_nothing_half_done(world, copy, monkeypatch):
    def break_off(path, content):
        raise OSError("disk full")

    monkeypatch.setattr("scoring_ml.scoring.saving.write_json", break_off)
    with pytest.raises(OSError, match="disk full"):
        save_scorer(world.scorer("matrix"), copy)
    assert load_scorer(copy).kind == "boosted"
    assert [path.name for path in copy.parent.iterdir()] == ["7"]


def test_a_json_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": "é"})
    write_json(path, {"b": 1})
    assert json.loads(path.read_text("utf-8")) == {"b": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_json_cannot_hold_becomes_null():
    import numpy as np

    given = {"a": float("nan"), 1: (np.float64(0.5), np.int64(3)), "c": [np.inf, "x", None, True]}
    assert json_ready(given) == {"a": None, "1": [0.5, 3], "c": [None, "x", None, True]}
