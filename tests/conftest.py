"""What all tests share: quiet libraries, and one small trained home for the whole session."""

from __future__ import annotations

import io
import os
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
from tests.small_world import world  # noqa: F401  (a fixture)

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with demo data, a training in MLflow, and a champion; not to be changed.

    What the progress bar showed stands in ``progress.txt`` beside it.
    """
    from pipelines.demo import run_demo

    home = Home(tmp_path_factory.mktemp("demo") / "home")
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(shown):
        patch.setattr("pipelines.progress.AFTER_SECONDS", 0.0)
        run_demo(home, leads=5_000, seed=3, reachable=False, replicates=40)
    (home.root.parent / "progress.txt").write_text(shown.getvalue(), encoding="utf-8")
    return home
