"""The start and end of a server: BentoML, its workers, and the wait until they answer."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Final

from scoring_ml.errors import InputError, ScoringError
from scoring_ml.settings import Home

SERVICE: Final = "serving.service:LeadScorer"

START_SECONDS: Final = 90.0
"""Most time for all workers to be imported and the champion to be loaded."""

STOP_SECONDS: Final = 15.0
"""Most time to end in good order before being ended."""

_GRACE_SECONDS: Final = 5


@dataclass(frozen=True)
class Server:
    """A running server: BentoML's supervisor, and its address without a slash at the end.

    Parameters
    ----------
    ready : bool
        Whether a champion was loaded when it started.
    """

    process: subprocess.Popen[bytes]
    url: str
    ready: bool

    def stop(self) -> int:
        """End the server with all its workers and return its exit code; twice does no harm."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()  # its workers notice, see serving.worker.OrphanWatch
                self.process.wait()
        return self.process.returncode


def environment(
    home: Home, *, host: str, port: int, workers: int, quiet: bool
) -> Mapping[str, str]:
    """Return the environment of the server's processes.

    The libraries read their switches when they are imported, so they are set before.
    """
    writable = os.access(home.root, os.W_OK)
    own = home.bentoml if writable else Path(tempfile.mkdtemp(prefix="scoring-ml-"))
    bentoml = own / str(port)  # two servers on one home must not share metrics
    config = {"services": {"LeadScorer": {"workers": workers}}}
    return {
        **os.environ,
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "BENTOML_HOME": str(bentoml),
        "PROMETHEUS_MULTIPROC_DIR": str(bentoml / "prometheus_multiproc_dir"),
        "BENTOML_CONFIG_OVERRIDES": json.dumps(config),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "SCORING_HOME": str(home.root),
        "SCORING_HOST": host,
        "SCORING_PORT": str(port),
        "SCORING_WORKERS": str(workers),
        "SCORING_QUIET": str(quiet).lower(),
        "SCORING_LAUNCHER": str(os.getpid()),
    }


def start(
    home: Home,
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    workers: int = 1,
    quiet: bool = False,
    log: IO[bytes] | int | None = None,
) -> Server:
    """Start the server and wait until it answers.

    Parameters
    ----------
    host : str
        Address or name to listen on.
    port : int
        0 for any free one.
    quiet : bool
        Whether to leave out the line for every request.
    log : file or int or None
        Where the log goes; standard error if not given.

    Raises
    ------
    InputError
        If the address cannot be listened on.
    ScoringError
        If the server ends, or does not answer in time.
    """
    address = _address(host)
    port = free_port(address, port)
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE]
    root = Path(__file__).parents[1]
    command += ["--host", address, "--port", str(port), "--working-dir", str(root)]
    command += ["--timeout-graceful-shutdown", str(_GRACE_SECONDS)]
    command += ["--quiet"]  # of BentoML: our own lines say more, and nothing twice
    env = environment(home, host=address, port=port, workers=workers, quiet=quiet)
    Path(env["BENTOML_HOME"]).mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if log is None else log,
        stderr=sys.stderr if log is None else log,
        # Ctrl-C reaches us only, and we end the server in order.
        start_new_session=True,
    )
    shown = f"[{address}]" if ":" in address else address
    server = Server(process, f"http://{shown}:{port}", ready=False)
    try:
        ready = _wait(server, address, port, needs_champion=home.champion_file.exists())
    except BaseException:
        server.stop()
        raise
    return Server(process, server.url, ready=ready)


def serve(
    home: Home,
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    workers: int = 1,
    quiet: bool = False,
    when_up: Callable[[Server], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; return 0 after a signal, 1 if the server ended by itself.

    Call it from the main thread. The server is given to ``when_up`` once it answers; the rest is as
    for :func:`start`.

    Raises
    ------
    InputError, ScoringError
        As :func:`start` does.
    """
    stop_signals: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        stop_signals.append(number)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    server: Server | None = None
    try:
        server = start(home, host=host, port=port, workers=workers, quiet=quiet)
        if when_up is not None:
            when_up(server)
        server.process.wait()
    except KeyboardInterrupt:
        if not stop_signals:
            raise
    finally:
        # A second Ctrl-C must not leave half of the processes behind.
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        if server is not None:
            server.stop()
        for each, handler in before.items():
            signal.signal(each, handler)
    return 0 if stop_signals else 1


def _address(host: str) -> str:
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise InputError(
            "The host must be an address of this machine",
            found=f"{host!r}, which has none",
            do="Use 127.0.0.1 for this machine only, or 0.0.0.0 for all of its addresses",
        ) from None
    addresses = [str(item[4][0]) for item in infos]
    # "localhost" names two addresses; every client tries this one.
    return next((each for each in addresses if ":" not in each), addresses[0])


def free_port(address: str, port: int) -> int:
    """Return the port if it can be listened on, or any free one for 0.

    Raises
    ------
    InputError
        If there is no such port, or it is in use or not allowed.
    """
    if not 0 <= port <= 65535:
        raise InputError(
            "The port must be between 0 and 65535, 0 for any free one",
            found=str(port),
            do="Choose another with --port",
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise InputError(
                "The port must be free and allowed on that address",
                found=f"{address} port {port}: {os.strerror(error.errno or 0).lower()}",
                do="Stop what listens there, or choose another with --port",
            ) from None
        return int(probe.getsockname()[1])


def _wait(server: Server, address: str, port: int, *, needs_champion: bool) -> bool:
    """Wait until the server answers; return whether it is ready to score."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ScoringError(
                "The server must start. Found: it ended with exit code "
                f"{server.process.returncode}. See the lines above."
            )
        # A worker loads the champion before it answers, so after the first answer it is known.
        if _status(target, port, "/livez") == 200:
            return needs_champion and _status(target, port, "/readyz") == 200
        time.sleep(0.1)
    raise ScoringError(
        f"The server must answer within {START_SECONDS:.0f} s. Found: no answer. "
        "See the lines above."
    )


def _status(host: str, port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
