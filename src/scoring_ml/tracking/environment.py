"""Switches of MLflow that must stand in the environment before it is imported.

MLflow reads most of them once. They are set only when tracking is first used, and never against
what a person has set.
"""

from __future__ import annotations

import os
from typing import Final

SWITCHES: Final = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A Scorer is text, JSON and code; nothing that this package logs needs a pickle.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    # Lock files of the working directory say where packages came from.
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOG_UV_FILES": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def prepare_environment() -> None:
    """Set every switch that nobody has set."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
