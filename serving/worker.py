"""Settings of a worker process, and the end of a worker whose launcher has gone."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

from pydantic import Field

from scoring_ml.settings import Settings

_POLL_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 15.0


class WorkerSettings(Settings):
    """Settings of the service's processes; ``serving.launch`` sets the last two."""

    quiet: bool = Field(default=False, description="Leave out the line for every request.")
    launcher: int = Field(
        default=0, ge=0, description="Process id of the launcher; 0 if there is none."
    )


class OrphanWatch:
    """Notices that the process which started the server has gone.

    BentoML's supervisor and its workers do not end when the process that started them is
    killed outright. A thread of each worker looks once a second whether they live, and ends
    supervisor or worker.
    """

    def __init__(self, launcher: int) -> None:
        self._launcher = launcher
        self._supervisor = os.getppid()
        self._stopped = threading.Event()

    def watch(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._poll, name="orphan-watch", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _poll(self) -> None:
        while not self._stopped.wait(_POLL_SECONDS):
            if os.getppid() != self._supervisor:
                os.kill(os.getpid(), signal.SIGTERM)
                self._stopped.wait(_GRACE_SECONDS)
                os._exit(1)  # the event loop is stuck, or it would have stopped us
            if self._launcher and not _alive(self._launcher):
                os.kill(self._supervisor, signal.SIGTERM)
                self._launcher = 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError) as error:
        return isinstance(error, PermissionError)
    return True
