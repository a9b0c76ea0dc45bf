"""Versions of the registered model, and which of them is challenger and champion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from scoring_ml.errors import InputError
from scoring_ml.scoring.saving import manifest_sha256, verified_files
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.tracking.artifacts import local_path
from scoring_ml.tracking.model import SCORER_FOLDER, saved_model
from scoring_ml.tracking.store import Store

MODEL_NAME: Final = "lead-scorer"
CHALLENGER: Final = "challenger"
CHAMPION: Final = "champion"

_HISTORY: Final = "champions"
_ABOUT: Final = (
    "Scores leads. `challenger` is the newest training, `champion` is what is served; "
    "`scoring-ml promote` and `scoring-ml rollback` move it."
)


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Parameters
    ----------
    experiment_id, run_id : str
        The candidate's run.
    training : str
        Run id of the training, the candidate's parent.
    """

    experiment_id: str
    run_id: str
    training: str
    dataset: str


class Registry:
    """The versions of ``lead-scorer`` in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def log_model(
        self, scorer: Scorer | None, origin: Origin, *, kind: str, params: Mapping[str, str]
    ) -> str:
        """Make a candidate's logged model, and its files where it can score.

        Returns
        -------
        str
            Id of the logged model; still pending until :meth:`finish`.
        """
        from mlflow.entities import LoggedModelOutput

        client = self._store.client
        model = client.create_logged_model(
            origin.experiment_id,
            name=kind,
            source_run_id=origin.run_id,
            params=dict(params),
            tags={"kind": kind, "training": origin.training},
            model_type=kind,
        )
        client.log_outputs(origin.run_id, [LoggedModelOutput(model.model_id, step=0)])
        if scorer is not None:
            self._upload(scorer, origin.run_id, model.model_id)
        return str(model.model_id)

    def finish(self, model_id: str) -> None:
        """Mark a logged model as ready."""
        self._store.client.finalize_logged_model(model_id, "READY")

    def register(
        self, scorer: Scorer, origin: Origin, model_id: str, *, description: str
    ) -> Scorer:
        """Register a logged model without files; return the Scorer with its version on the card.

        The registry gives the number first; only then are the files written, with that number on
        the card, so that the two can never differ.
        """
        client = self._store.client
        with self._store.lock(), self._store.as_tracking_uri():
            if self._registered() is None:
                client.create_registered_model(MODEL_NAME, description=_ABOUT)
            made = client.create_model_version(
                MODEL_NAME,
                source=f"models:/{model_id}",
                run_id=origin.run_id,
                description=description,
                tags={
                    "kind": scorer.kind,
                    "dataset": origin.dataset,
                    "training": origin.training,
                    "model_id": model_id,
                },
            )
            number = str(made.version)
            try:
                card = scorer.parts.card | {"version": number}
                numbered = Scorer(replace(scorer.parts, card=card))
                folder = self._upload(numbered, origin.run_id, model_id)
                verified_files(folder)
                client.set_model_version_tag(
                    MODEL_NAME, number, "manifest_sha256", manifest_sha256(folder)
                )
                # By this the model's own page shows its version.
                named = json.dumps([{"name": MODEL_NAME, "version": int(number)}])
                client.set_logged_model_tags(model_id, {"mlflow.modelVersions": named})
            except BaseException:
                client.delete_model_version(MODEL_NAME, number)
                raise
        self.finish(model_id)
        return numbered

    def register_again(self, scorer: Scorer, *, source_version: str) -> Scorer:
        """Register a changed Scorer beside its source; return it with its version on the card.

        Raises
        ------
        InputError
            If the source is not registered.
        """
        tags = self._version(source_version).tags
        client = self._store.client
        source = client.get_logged_model(tags["model_id"])
        origin = Origin(
            source.experiment_id, source.source_run_id, tags["training"], tags["dataset"]
        )
        model_id = self.log_model(None, origin, kind=scorer.kind, params=source.params)
        about = f"Made from version {source_version}: the same model under another policy."
        return self.register(scorer, origin, model_id, description=about)

    def scorer_folder(self, version: str) -> Path:
        """Return the folder of a version's Scorer.

        Raises
        ------
        InputError
            If there is no such version.
        IntegrityError
            If its files are gone.
        """
        tags = self._version(version).tags
        model = self._store.client.get_logged_model(tags["model_id"])
        of = f"version {version}"
        return self._store.artifact(model.artifact_location, *SCORER_FOLDER, of=of)

    def has(self, version: str) -> bool:
        """Return whether a version is registered."""
        return version in self._versions()

    def kind(self, version: str) -> str:
        """Return the kind of candidate that a version is."""
        return str(self._version(version).tags["kind"])

    def training_of(self, version: str) -> str:
        """Return the run id of the training that a version comes from.

        Raises
        ------
        InputError
            If there is no such version.
        """
        return str(self._version(version).tags["training"])

    def alias(self, name: str) -> str | None:
        """Return the version that bears an alias: :data:`CHAMPION` or :data:`CHALLENGER`."""
        model = self._registered()
        return None if model is None or name not in model.aliases else str(model.aliases[name])

    def challenge(self, version: str) -> None:
        """Make a version the challenger."""
        self._store.client.set_registered_model_alias(MODEL_NAME, CHALLENGER, version)

    def promote(self, version: str, *, reason: str | None = None, back: bool = False) -> None:
        """Make a version the champion and remember who was before.

        Parameters
        ----------
        reason : str or None
            Why an objection was overruled; kept with the version.
        back : bool
            Whether this goes back: the present champion is then forgotten, so that the next step
            back goes further.

        Raises
        ------
        InputError
            If there is no such version.
        """
        self._version(version)
        client = self._store.client
        with self._store.lock():
            history = self._history()
            if back and version in history:
                history = history[: len(history) - history[::-1].index(version)]
            elif not history or history[-1] != version:
                history.append(version)
            client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
            client.set_registered_model_tag(MODEL_NAME, _HISTORY, json.dumps(history))
            if reason is not None:
                client.set_model_version_tag(MODEL_NAME, version, "promoted_because", reason)

    def previous_champion(self) -> str | None:
        """Return the version that was champion before the present one, if it still exists."""
        known = self._versions().keys() - {self.alias(CHAMPION)}
        return next((item for item in reversed(self._history()[:-1]) if item in known), None)

    def _upload(self, scorer: Scorer, run_id: str, model_id: str) -> Path:
        client = self._store.client
        with saved_model(scorer, run_id=run_id, model_id=model_id) as folder:
            client.log_model_artifacts(model_id, str(folder))
        location = client.get_logged_model(model_id).artifact_location
        return local_path(location).joinpath(*SCORER_FOLDER)

    def _registered(self) -> Any:
        models = self._store.client.search_registered_models(f"name = '{MODEL_NAME}'")
        return models[0] if models else None

    def _history(self) -> list[str]:
        model = self._registered()
        return [] if model is None else list(json.loads(model.tags.get(_HISTORY, "[]")))

    def _versions(self) -> dict[str, Any]:
        versions: dict[str, Any] = {}
        token = None
        while token != "":
            page = self._store.client.search_model_versions(
                f"name = '{MODEL_NAME}'", max_results=1000, page_token=token
            )
            versions |= {str(item.version): item for item in page}
            token = page.token or ""
        return versions

    def _version(self, version: str) -> Any:
        versions = self._versions()
        if version not in versions:
            raise InputError(
                "The version must be registered",
                found=f"{version} among {', '.join(sorted(versions, key=int)) or 'none'}",
                do="Run scoring-ml train, or name one of them",
            )
        return versions[version]
