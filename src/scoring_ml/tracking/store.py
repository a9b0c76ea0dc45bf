"""MLflow's database and artifacts in the home folder, opened once and by one process at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.settings import Home
from scoring_ml.tracking.artifacts import follow_home, local_path
from scoring_ml.tracking.environment import prepare_environment
from scoring_ml.tracking.view import VIEW_TAG, experiment_tags

LOCK_FILE: Final = ".mlflow.lock"

IDENTITY: Final = {
    "mlflow.user": "scoring-ml",
    "mlflow.source.name": "scoring-ml",
    "mlflow.source.type": "LOCAL",
}
"""Tags in place of the user's name, the script's path and the commit, which MLflow records."""


class Store:
    """SQLite and artifacts under one home folder.

    >>> Store(Home("/srv/leads")).uri
    'sqlite:////srv/leads/mlflow.db'
    """

    def __init__(self, home: Home) -> None:
        self.home = home

    @property
    def uri(self) -> str:
        """Address of the store, for ``mlflow.set_tracking_uri`` in a notebook."""
        path = str(self.home.mlflow_database).replace("%", "%25").replace("?", "%3F")
        return f"sqlite:///{path}"

    @cached_property
    def client(self) -> Any:
        """MLflow's client; makes the database if there is none, but never the home.

        A home that has moved since it was last opened has its artifacts' addresses corrected.

        Raises
        ------
        InputError
            If there is no such home, or it cannot be written.
        """
        prepare_environment()
        # Two first starts at once would both make the tables.
        with self.lock(), warnings.catch_warnings():
            # What MLflow calls of its own libraries is old; that is between them.
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient

            self.home.artifacts.mkdir(parents=True, exist_ok=True)
            if not self.home.mlflow_database.exists():
                self._make_database()
            follow_home(self.home.mlflow_database, self.home.artifacts)
            client = MlflowClient(self.uri, self.uri)
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
        return client

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes of the same home out; not to be nested.

        Raises
        ------
        InputError
            If there is no such home, or it cannot be written.
        """
        import fcntl

        try:
            file = (self.home.check().root / LOCK_FILE).open("w")
        except OSError as error:
            raise InputError(
                "The home must be a folder that can be written",
                found=f"{self.home.root.name}: {error.strerror}",
                do="Give yourself the right, or copy it and name the copy with --home",
            ) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def experiment(self, dataset: str) -> str:
        """Return the id of the data set's experiment, made or brought back where needed."""
        client = self.client
        with self.lock():
            found = client.get_experiment_by_name(dataset)
            if found is not None:
                if found.lifecycle_stage == "deleted":
                    client.restore_experiment(found.experiment_id)
                return str(found.experiment_id)
            made = str(
                client.create_experiment(dataset, artifact_location=self._new_folder().as_uri())
            )
            for key, value in experiment_tags(made).items():
                client.set_experiment_tag(made, key, value)
            return made

    def experiments(self) -> dict[str, str]:
        """Return data set -> experiment id, of those that hold trainings."""
        found = self.client.search_experiments()
        return {item.name: str(item.experiment_id) for item in found if VIEW_TAG in item.tags}

    def artifact(self, address: str, *below: str, of: str) -> Path:
        """Return a file or folder that was logged, below a run's or model's address.

        Parameters
        ----------
        of : str
            What it belongs to, for a person.

        Raises
        ------
        IntegrityError
            If it is gone.
        """
        path = local_path(address).joinpath(*below)
        if not path.exists():
            raise IntegrityError(
                f"A {of.split()[0]} must have its files",
                found=f"none of {of} under {self.home.artifacts.name}",
                do="Restore the home folder, or train again",
            )
        return path

    @contextmanager
    def as_tracking_uri(self) -> Iterator[None]:
        """Make this store MLflow's global one for a moment.

        The registry looks a logged model up in the global store, whatever the client's.
        """
        prepare_environment()
        import mlflow

        before = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(self.uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(before)

    def _make_database(self) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        # The client alone would put MLflow's own first experiment under the working directory.
        SqlAlchemyStore(self.uri, (self.home.artifacts / "0").as_uri())

    def _new_folder(self) -> Path:
        # Named by number: a data set's name may hold anything.
        taken = {path.name for path in self.home.artifacts.iterdir()}
        number = next(n for n in range(1, len(taken) + 2) if str(n) not in taken)
        folder = self.home.artifacts / str(number)
        folder.mkdir()
        return folder
