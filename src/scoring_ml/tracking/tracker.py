"""What the rest of the house asks of MLflow, in one object; mlflow is imported on first use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.comparison import Trained
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking.candidates import Row
from scoring_ml.tracking.dataset import DatasetFacts
from scoring_ml.tracking.registry import CHALLENGER, CHAMPION, Registry
from scoring_ml.tracking.runs import (
    Logged,
    Progress,
    log_training,
    logged_candidates,
    training_run,
)
from scoring_ml.tracking.store import Store, local_path
from scoring_ml.tracking.view import view_address


class Tracker:
    """MLflow under one home folder: trainings, candidates, versions, aliases.

    Parameters
    ----------
    home : Home

    Examples
    --------
    >>> Tracker(Home("/srv/leads")).uri
    'sqlite:////srv/leads/mlflow.db'
    """

    def __init__(self, home: Home) -> None:
        self._store = Store(home)
        self._registry = Registry(self._store)

    @property
    def uri(self) -> str:
        """Address for ``mlflow.set_tracking_uri`` in a notebook."""
        return self._store.uri

    def log_training(
        self,
        trained: Trained,
        *,
        dataset: DatasetFacts,
        findings: Sequence[Finding] = (),
        progress: Progress | None = None,
    ) -> Logged:
        """Log a training and register its chosen candidate as challenger."""
        return log_training(
            self._store, trained, dataset=dataset, findings=findings, progress=progress
        )

    def newest_candidates(self, run_id: str | None = None) -> list[Row]:
        """Return a training's table of candidates, of the newest one if no id is given.

        Returns
        -------
        list of dict
            Equal to what :func:`candidates_table` gave when the training was logged.

        Raises
        ------
        ScoringError
            If there is no such training.
        """
        return logged_candidates(self._store, run_id)

    def verdict(self, run_id: str | None = None) -> str:
        """Return a training's verdict.

        Raises
        ------
        ScoringError
            If there is no such training.
        """
        return training_verdict(self._store, run_id)

    def champion(self) -> str | None:
        """Return the version that is served, or None."""
        return self._registry.alias(CHAMPION)

    def challenger(self) -> str | None:
        """Return the version that was trained last, or None."""
        return self._registry.alias(CHALLENGER)

    def previous_champion(self) -> str | None:
        """Return the version to which a rollback would go, or None."""
        return self._registry.previous_champion()

    def promote(self, version: str, *, reason: str | None = None, back: bool = False) -> None:
        """Move the alias ``champion``; see :meth:`Registry.promote`."""
        self._registry.promote(version, reason=reason, back=back)

    def register_again(self, scorer: Scorer, *, source_version: str) -> tuple[str, Path]:
        """Register a changed Scorer as a new version; return the version and its folder."""
        return self._registry.register_again(scorer, source_version=source_version)

    def scorer_folder(self, version: str) -> Path:
        """Return the folder of a version's Scorer.

        Raises
        ------
        InputError
            If there is no such version.
        IntegrityError
            If its files are gone.
        """
        return self._registry.scorer_folder(version)

    def versions(self) -> list[dict[str, Any]]:
        """Return every registered version, oldest first; see :meth:`Registry.versions`."""
        return self._registry.versions()

    def pages(self, *, host: str = "127.0.0.1", port: int = 5000) -> dict[str, str]:
        """Return, per data set, the address at which MLflow's pages compare the candidates."""
        return {
            dataset: f"http://{host}:{port}/{view_address(number)}"
            for dataset, number in self._store.experiments().items()
        }

    def serve_ui(self, *, host: str = "127.0.0.1", port: int = 5000) -> int:
        """Run MLflow's own pages until they are stopped; return their exit code."""
        # Makes the database, so that an empty home can be looked at.
        self._store.client.search_experiments(max_results=1)
        command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", self.uri]
        try:
            return subprocess.call(
                [*command, "--host", host, "--port", str(port), "--workers", "1"]
            )
        except KeyboardInterrupt:
            return 0


def training_verdict(store: Store, run_id: str | None) -> str:
    """Return the verdict that a training's run keeps beside its other files."""
    run = training_run(store, run_id)
    path = local_path(run.info.artifact_uri) / "verdict.txt"
    return path.read_text(encoding="utf-8").strip()
