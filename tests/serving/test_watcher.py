"""Which version is in service, and what a broken one does."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from scoring_ml.errors import IntegrityError
from scoring_ml.scoring.champion import rehearse
from scoring_ml.scoring.saving import save_scorer
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from serving.watcher import RETRY_SECONDS, ChampionWatcher
from tests.serving.small_champion import promote


@pytest.fixture
def home(tmp_path: Path, scorer: Scorer) -> Home:
    """Versions 1 and 2 are saved; nothing is promoted."""
    home = Home(tmp_path)
    home.serving.mkdir()
    for version in ("1", "2"):
        save_scorer(scorer, home.serving / version)
    return home


def test_nothing_promoted_is_no_error(home: Home) -> None:
    champion = ChampionWatcher(home)
    assert not champion.refresh()
    assert (champion.served, champion.pending_error) == (None, None)


def test_a_promotion_is_seen_and_the_next_one_too(home: Home) -> None:
    champion = ChampionWatcher(home)
    promote(home, "1")
    assert champion.refresh()
    first = champion.served
    assert first is not None
    assert first.version == "1"
    assert not champion.refresh(), "nothing changed"
    promote(home, "2")
    assert champion.refresh()
    assert champion.served is not None
    assert champion.served.version == "2"
    assert champion.served.scorer is not first.scorer


def _change_a_digit(home: Home) -> None:
    path = home.serving / "2" / "scorer.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.1", "0.2", 1), encoding="utf-8")


def _truncate(home: Home) -> None:
    path = home.serving / "2" / "scorer.json"
    path.write_bytes(path.read_bytes()[:-100])


def _other_manifest(home: Home) -> None:
    path = home.serving / "2" / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")


def _remove(home: Home) -> None:
    shutil.rmtree(home.serving / "2")


def _half_a_file(home: Home) -> None:
    home.champion_file.write_text('{"version": "2"', encoding="utf-8")


def _no_sha(home: Home) -> None:
    home.champion_file.write_text('{"version": "2"}', encoding="utf-8")


def _outside(home: Home) -> None:
    home.champion_file.write_text('{"version": "../2", "sha256": "0"}', encoding="utf-8")


def _gone(home: Home) -> None:
    home.champion_file.unlink()


@pytest.mark.parametrize(
    ("damage", "version", "code"),
    [
        (_change_a_digit, "2", "integrity"),
        (_truncate, "2", "integrity"),
        (_other_manifest, "2", "integrity"),
        (_remove, "2", "missing"),
        (_half_a_file, None, "unreadable"),
        (_no_sha, None, "unreadable"),
        (_outside, None, "unreadable"),
        (_gone, None, "missing"),
    ],
)
def test_a_broken_champion_leaves_the_old_one_in_service(
    home: Home, damage, version: str | None, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    champion = ChampionWatcher(home)
    promote(home, "1")
    champion.refresh()
    promote(home, "2")
    damage(home)
    assert not champion.refresh()
    assert champion.served is not None
    assert champion.served.version == "1"
    assert champion.pending_error is not None
    assert (champion.pending_error.version, champion.pending_error.code) == (version, code)
    assert "version 1 goes on" in caplog.text
    promote(home, "1")
    champion.refresh()
    assert champion.pending_error is None, "the old one was promoted again"


def test_a_version_that_ends_its_process_is_never_loaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(folder: Path, version: str) -> None:
        raise IntegrityError("It must load", found="exit code -11", do="Promote another")

    promote(home, "1")
    monkeypatch.setattr("serving.watcher.rehearse", ends)
    monkeypatch.setattr("serving.watcher.load_scorer", lambda folder: pytest.fail("loaded"))
    champion = ChampionWatcher(home)
    assert not champion.refresh()
    assert champion.pending_error is not None
    assert champion.pending_error.code == "integrity"


def test_a_fault_while_loading_does_not_reach_the_worker(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(folder: Path) -> Scorer:
        raise MemoryError

    promote(home, "1")
    monkeypatch.setattr("serving.watcher.load_scorer", load)
    champion = ChampionWatcher(home)
    assert not champion.refresh()
    assert champion.pending_error is not None
    assert champion.pending_error.code == "does_not_load"


def test_a_broken_version_is_tried_again_after_a_while(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("serving.watcher.time", SimpleNamespace(monotonic=lambda: now[0]))
    champion = ChampionWatcher(home)
    aside = home.serving / "aside"
    promote(home, "1")
    (home.serving / "1").rename(aside)
    assert not champion.refresh()
    aside.rename(home.serving / "1")
    now[0] += RETRY_SECONDS - 1
    assert not champion.refresh(), "not yet"
    now[0] += 1
    assert champion.refresh()
    assert champion.pending_error is None


def test_a_rehearsal_is_a_process_of_its_own(home: Home) -> None:
    rehearse(home.serving / "1", "1")
    _truncate(home)
    with pytest.raises(IntegrityError, match="status 1 with version 2"):
        rehearse(home.serving / "2", "2")
