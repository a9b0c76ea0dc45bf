"""A home with a small champion, the service in process, and a real server."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# BentoML and the metrics' library read these when they are imported.
_FOLDER = tempfile.mkdtemp(prefix="serving-tests-")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("BENTOML_HOME", _FOLDER + "/bentoml")
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", _FOLDER + "/prometheus")
Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)

import httpx  # noqa: E402

with warnings.catch_warnings():
    # Starlette would rather have httpx2, which is not among our dependencies; BentoML's own
    # modules use what its dependencies call deprecated.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

    from serving.service import LeadScorer

from scoring_ml.scoring.scorer import Scorer  # noqa: E402
from scoring_ml.settings import Home  # noqa: E402
from serving.launch import start  # noqa: E402
from serving.watcher import ChampionWatcher  # noqa: E402
from tests.serving.small_champion import promote, saved, small_scorer  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def unrehearsed() -> Iterator[None]:
    """Let watchers in process load at once; a real rehearsal costs a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.watcher.rehearse", lambda folder, version: None)
        yield


def watching(home: Home, scorer: Scorer) -> ChampionWatcher:
    """Save and promote a Scorer, and return the watcher that has loaded it."""
    saved(home, scorer)
    promote(home, scorer.version)
    champion = ChampionWatcher(home)
    assert champion.refresh(), champion.pending_error
    return champion


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pytest hear our log, although a worker's log goes nowhere else."""
    monkeypatch.setattr(logging.getLogger("serving"), "propagate", True)


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    return small_scorer("1")


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Home:
    """A home whose champion is version 1; not to be changed."""
    home = Home(tmp_path_factory.mktemp("home"))
    saved(home, scorer)
    promote(home, "1")
    return home


@pytest.fixture
def champion(served_home: Home) -> ChampionWatcher:
    champion = ChampionWatcher(served_home)
    assert champion.refresh()
    return champion


@pytest.fixture(scope="session")
def client(served_home: Home) -> Iterator[TestClient]:
    """The service in process; made once, since metrics can be registered once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCORING_HOME", str(served_home.root))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # BentoML's middlewares are imported only here
            app = LeadScorer.to_asgi()
        with TestClient(app, raise_server_exceptions=True) as client:
            yield client


@dataclass(frozen=True)
class RealServer:
    """A server process, its home and its log."""

    client: httpx.Client
    url: str
    pid: int
    home: Home
    log: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Iterator[RealServer]:
    """A real server on a free port of the loopback address."""
    home = Home(tmp_path_factory.mktemp("server"))
    saved(home, scorer)
    promote(home, "1")
    log = home.root / "server.log"
    with log.open("wb") as file:
        running = start(home, port=0, log=file)
        try:
            assert running.ready
            with httpx.Client(base_url=running.url, timeout=30) as client:
                yield RealServer(client, running.url, running.process.pid, home, log)
        finally:
            running.stop()


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """Check that an answer has the one error shape, and return what is under ``error``."""

    def check(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
        assert (response.status_code, response.headers["content-type"]) == (
            status,
            "application/json",
        ), response.text
        body = response.json()
        assert set(body) == {"error", "request_id"}
        assert body["request_id"] == response.headers["x-request-id"]
        error: dict[str, Any] = body["error"]
        assert set(error) == {"code", "message", "fields"}
        assert error["code"] == code
        assert all(set(field) == {"field", "message"} for field in error["fields"])
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        return error

    return check
