"""The progress bar: shares of the steps, and that what is shown never falls."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import demo
from pipelines.progress import ProgressBar
from scoring_ml.settings import Home


def percentages(text):
    return [int(number) for number in re.findall(r"\((\d+)%\)", text)]


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("pipelines.progress.AFTER_SECONDS", 0.0)


def test_quick_work_shows_nothing(capsys):
    bar = ProgressBar("quick")
    bar("step", 0.5)
    bar.close()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("at_once")
def test_a_part_fills_its_share_of_the_whole(capsys):
    bar = ProgressBar("work")
    half = bar.part(0.5, 1.0)
    half("a", 0.0)
    half.part(0.2, 0.4)("b", 0.5)
    half.counted("c", 0.0, 0.5)(3, 4)
    half.counted("d", 0.0, 0.5)(0, 0)
    assert percentages(capsys.readouterr().err) == [50, 65, 69, 75]


def test_the_progress_of_the_demo_never_falls(demo_home):
    shown = (demo_home.root.parent / "progress.txt").read_text(encoding="utf-8")
    numbers = percentages(shown)
    assert len(numbers) > 10
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert numbers[-1] <= 100


@pytest.mark.usefixtures("at_once")
def test_the_best_reachable_auc_goes_on_from_the_training(tmp_path, monkeypatch, capsys):
    def train(data, *, home, bar, replicates):
        bar("read", 0.0)
        bar("explain the newest leads", 1.0)
        trained = SimpleNamespace(
            snapshot=SimpleNamespace(take=lambda rows: None),
            windows=SimpleNamespace(test=None),
            schema=None,
        )
        return SimpleNamespace(version="1", run_id="run", trained=trained)

    def reach(*args, progress, **options):
        for step in range(6):
            progress(step, 5)

    files = SimpleNamespace(crm=Path(), mapping=Path())
    monkeypatch.setattr(demo, "write_demo", lambda *args, **options: files)
    monkeypatch.setattr(demo, "train_file", train)
    monkeypatch.setattr(demo, "promote", lambda *args, **options: None)
    monkeypatch.setattr(demo.CrmMapping, "load", lambda path: None)
    monkeypatch.setattr(demo, "best_reachable", reach)
    monkeypatch.setattr(demo, "write_explanations", lambda *args: [])
    demo.run_demo(Home(tmp_path), leads=1, seed=1)
    numbers = percentages(capsys.readouterr().err)
    assert len(numbers) == 6
    assert numbers == sorted(numbers)
