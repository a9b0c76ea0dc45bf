"""A real server process: its log, its limits on the wire, its champion, its end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from scoring_ml.errors import InputError
from scoring_ml.settings import Home
from serving.launch import start
from tests.serving.conftest import RealServer
from tests.serving.small_champion import EXAMPLE, promote, saved, small_scorer

ROOT = Path(__file__).parents[2]
SECRET = "Zaphod.Secret.4111"


def until(true: Callable[[], bool], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_a_lead_is_scored(server: RealServer) -> None:
    answer = server.client.post("/score", json=EXAMPLE, headers={"X-Request-ID": "r-7"})
    assert (answer.status_code, answer.json()["request_id"]) == (200, "r-7")
    assert answer.json()["model"]["version"] in ("1", "2")


def test_nothing_that_a_stranger_writes_reaches_the_log_or_a_metric(
    server: RealServer, refused: Any
) -> None:
    client = server.client
    for path in ("/score", "/explain"):
        refused(client.post(path, json={"budget": SECRET}), 422, "invalid_lead")
        refused(client.post(path, json={SECRET: 1}), 422, "invalid_lead")
        refused(client.post(path, json={"decides": {SECRET: SECRET}}), 422, "invalid_lead")
        refused(client.post(path, content=SECRET), 400, "not_json")
        assert client.post(path, json={**EXAMPLE, "email": SECRET}).status_code == 200
        assert client.post(path, json={"lead_id": SECRET, "industry": SECRET}).status_code == 200
    assert client.post("/score_batch", json=[{SECRET: SECRET}, SECRET]).status_code == 200
    assert client.post(f"/score?email={SECRET}", json={}).status_code == 200
    refused(client.get(f"/{SECRET}"), 404, "not_found")
    refused(client.request(SECRET.replace(".", ""), "/score"), 405, "method_not_allowed")
    named = {"Content-Type": SECRET}
    refused(client.post("/score", content=b"{}", headers=named), 415, "unsupported_media_type")
    odd = {"Accept-Language": SECRET, "User-Agent": SECRET, "X-Request-ID": f"<{SECRET}>"}
    assert client.post("/score", json={}, headers=odd).status_code == 200
    metrics = client.get("/metrics")
    assert 'scoring_answers_total{code="invalid_lead",path="/score",status="422"}' in metrics.text
    log = server.log.read_text(encoding="utf-8")
    assert "POST /score 422" in log
    assert "GET other 404" in log
    for text in (log, metrics.text):
        assert not re.search(r"zaphod|4111|secret", text, re.IGNORECASE)
        assert "Traceback" not in text


def test_ten_megabytes_are_413_with_and_without_a_length(server: RealServer, refused: Any) -> None:
    part = b" " * 1_000_000
    refused(server.client.post("/score", content=part * 10), 413, "too_large")
    refused(server.client.post("/score", content=iter([part] * 10)), 413, "too_large")
    assert server.client.post("/score", json={}).status_code == 200, "it goes on"


def test_a_length_over_the_limit_is_answered_before_the_body_is_sent(server: RealServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
        answer = b""
        while b"request_id" not in answer and (part := wire.recv(10_000)):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"too_large"' in answer


def test_probes_live_while_a_thousand_leads_are_scored(server: RealServer) -> None:
    answers: list[int] = []

    def batch() -> None:
        answers.append(httpx.post(server.url + "/score_batch", json=[EXAMPLE] * 1000).status_code)

    thread = threading.Thread(target=batch)
    thread.start()
    probes = 0
    while thread.is_alive():
        assert server.client.get("/livez").status_code == 200
        probes += 1
    thread.join()
    assert answers == [200]
    assert probes > 1


def test_a_promotion_is_served_and_a_broken_one_is_told(server: RealServer) -> None:
    def card() -> dict[str, Any]:
        found: dict[str, Any] = server.client.get("/model").json()
        return found

    saved(server.home, small_scorer("2", seed=12))
    promote(server.home, "2")
    until(lambda: card()["serving"]["version"] == "2")
    assert server.client.post("/score", json={}).json()["model"]["version"] == "2"
    path = saved(server.home, small_scorer("3", seed=13)) / "scorer.json"
    path.write_bytes(path.read_bytes()[:-10])
    promote(server.home, "3")
    until(lambda: card()["pending_error"] is not None)
    assert card()["serving"]["version"] == "2"
    error = card()["pending_error"]
    assert (error["version"], error["code"]) == ("3", "integrity")
    assert "Version 2 goes on serving" in error["message"]
    assert str(server.home.root) not in json.dumps(card())
    assert server.client.get("/readyz").status_code == 200
    assert "version 3 cannot be served (integrity)" in server.log.read_text(encoding="utf-8")


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"must be free .* port {port}.*--port"):
            start(Home(tmp_path), port=port)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The host must be an address of this machine"):
        start(Home(tmp_path), host="no such host")


SERVE = """
import sys
from scoring_ml.settings import Home
from serving.launch import serve
say = lambda server: print(server.process.pid, server.url, server.ready, flush=True)
sys.exit(serve(Home(sys.argv[1]), port=0, when_up=say))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_its_launcher_and_leaves_nobody_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    with (tmp_path / "log").open("wb") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(tmp_path / "home")],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    with launcher:
        try:
            assert launcher.stdout is not None
            pid, url, ready = launcher.stdout.readline().split()
            assert ready == "False"
            error = httpx.post(url + "/score", json={}).json()["error"]
            assert error["code"] == "no_champion"
            assert httpx.get(url + "/readyz").status_code == 503
            assert httpx.get(url + "/livez").status_code == 200
            supervisor = psutil.Process(int(pid))
            processes = [supervisor, *supervisor.children(recursive=True)]
            assert len(processes) == 2, "a supervisor and a worker"
            launcher.send_signal(number)
            assert launcher.wait(30) == (0 if number == signal.SIGINT else -signal.SIGKILL)
        finally:
            launcher.kill()
    until(lambda: gone(processes))


MODULES = """
import sys, warnings
from starlette.testclient import TestClient
from serving.service import LeadScorer
with TestClient(LeadScorer.to_asgi()) as client:
    example = client.get("/model").json()["example"]
    for path in ("/score", "/explain"):
        assert client.post(path, json=example).status_code == 200
    assert client.post("/score_batch", json=[example]).status_code == 200
    assert client.get("/openapi.json").status_code == 200
heavy = ("mlflow", "shap", "matplotlib", "sklearn.ensemble", "scoring_ml.tracking",
         "scoring_ml.evaluation", "pipelines")
print(sorted(name for name in sys.modules if name.startswith(heavy)))
"""


def test_a_worker_imports_neither_mlflow_nor_shap(served_home: Home, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SCORING_HOME": str(served_home.root),
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MODULES],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
