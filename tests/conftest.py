"""What all tests share: quiet libraries, and what is trained once for all of them."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import redirect_stderr
from pathlib import Path

import pytest

# The libraries cache these switches when they are imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MPLBACKEND", "Agg")
# Threads that wait must not spin: on a busy machine that is a hundred times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from scoring_ml.settings import Home
from tests.made_once import made_once
from tests.small_world import world  # noqa: F401  (a fixture)

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT / ".." / "shared" / "data"


# Started first, so that no worker is left with a long file when the others have ended.
LONGEST = ("test_docs.py", "test_cli.py", "test_server_process.py", "test_demo_champion.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order of the others and within a file stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with MLflow's database and nothing in it, to be copied; MLflow takes seconds."""
    from scoring_ml.tracking import Store

    def make(folder: Path) -> None:
        Store(Home(folder / "home").ensure()).client.search_experiments()

    return Home(made_once(tmp_path_factory, "empty", make) / "home")


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory, empty_home: Home) -> Home:
    """A home with demo data, a training in MLflow, and a champion; not to be changed.

    What the progress bar showed stands in ``progress.txt`` beside it.
    """
    from pipelines.demo import run_demo

    def make(folder: Path) -> None:
        shutil.copytree(empty_home.root, folder / "home")
        shown = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stderr(shown):
            patch.setattr("pipelines.progress.AFTER_SECONDS", 0.0)
            home = Home(folder / "home")
            run_demo(home, leads=5_000, seed=3, reachable=False, replicates=40)
        (folder / "progress.txt").write_text(shown.getvalue(), encoding="utf-8")

    return Home(made_once(tmp_path_factory, "demo", make) / "home")
