"""What a worker process is told by its environment, and whether it is still wanted."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

from pydantic import Field

from scoring_ml.settings import Settings

_LOOK_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 15.0


class WorkerSettings(Settings):
    """Settings of the service's processes; ``serving.launch`` sets the last two."""

    quiet: bool = Field(default=False, description="Leave out the line for every request.")
    launcher: int = Field(
        default=0, ge=0, description="Process id of the launcher; 0 if there is none."
    )


class Orphanhood:
    """Notices that the process which started the server has gone.

    BentoML's supervisor and its workers do not end when the process that started them is
    killed outright. A thread of each worker looks once a second, and ends supervisor or worker.

    Parameters
    ----------
    launcher : int
        Process id of the launcher; 0 if there is none.
    """

    def __init__(self, launcher: int) -> None:
        self._launcher = launcher
        self._supervisor = os.getppid()
        self._enough = threading.Event()

    def watch(self) -> None:
        """Start to look."""
        threading.Thread(target=self._look, name="orphanhood", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._enough.set()

    def _look(self) -> None:
        while not self._enough.wait(_LOOK_SECONDS):
            if os.getppid() != self._supervisor:
                os.kill(os.getpid(), signal.SIGTERM)
                self._enough.wait(_GRACE_SECONDS)
                os._exit(1)  # the event loop is stuck, or it would have stopped us
            if self._launcher and not _alive(self._launcher):
                os.kill(self._supervisor, signal.SIGTERM)
                self._launcher = 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
