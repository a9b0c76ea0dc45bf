"""MLflow's own pages over a store, on loopback."""

from __future__ import annotations

import subprocess
import sys

from scoring_ml.tracking.store import Store
from scoring_ml.tracking.view import view_address


def candidate_pages(store: Store, *, port: int) -> dict[str, str]:
    """Return, per data set, the address at which MLflow's pages compare the candidates."""
    return {
        dataset: f"http://127.0.0.1:{port}/{view_address(experiment)}"
        for dataset, experiment in store.experiments().items()
    }


def serve_pages(store: Store, *, port: int) -> int:
    """Run MLflow's pages until they are stopped; return their exit code."""
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store.uri]
    try:
        return subprocess.call(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        )
    except KeyboardInterrupt:
        return 0
