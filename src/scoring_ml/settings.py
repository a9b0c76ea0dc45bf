"""Settings of a run and the folders of a home; nothing here acts at import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from scoring_ml.errors import InputError


class Settings(BaseSettings):
    """Settings from the environment, all prefixed ``SCORING_``.

    Raises
    ------
    InputError
        If a variable cannot be what it is set to.
    """

    model_config = SettingsConfigDict(env_prefix="SCORING_", extra="ignore")

    home: Path = Field(default=Path(".scoring"), description="Folder that holds everything.")
    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=3000, ge=0, le=65535, description="Port the server listens on.")
    workers: int = Field(default=1, ge=1, description="Server processes.")
    max_body_bytes: int = Field(
        default=4_000_000, ge=1_000, description="Largest request body, in bytes."
    )
    max_batch: int = Field(default=1_000, ge=1, description="Most leads in one batch request.")
    lang: str = Field(default="en", description="Language of reports and texts.")

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = "_".join(["SCORING", *map(str, first["loc"])]).upper()
            raise InputError(
                f"{name} must hold a value of its kind",
                found=f"a value that does not fit ({first['msg'].lower()})",
                do="Correct it, or unset it",
            ) from None


class Home:
    """The folder that holds everything, and the name of each thing in it.

    Parameters
    ----------
    root : Path
        The folder. Only what fills it makes it, by :meth:`ensure`; naming or reading it does not.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.mlflow_database = self.root / "mlflow.db"
        """SQLite file of the MLflow tracking store and registry."""
        self.artifacts = self.root / "artifacts"
        """Folder of MLflow's artifacts."""
        self.serving = self.root / "serving"
        """Folder of verified Scorers, one per version, and ``champion.json``."""
        self.champion_file = self.serving / "champion.json"
        """File that names the version being served; replaced atomically."""
        self.switch_file = self.serving / "switch.json"
        """File that says which switch of the served version is under way."""
        self.policies = self.root / "policies"
        """Folder of policies, one JSON file per data set."""
        self.runs = self.root / "runs"
        """Folder of scored rows, one sub-folder per training run."""
        self.newest_training = self.root / "newest_training.json"
        """File that names the newest training run."""
        self.reports = self.root / "reports"
        """Folder of written reports."""
        self.demo = self.root / "demo"
        """Folder of the demo data."""
        self.bentoml = self.root / "bentoml"
        """BentoML's own folder."""

    def check(self) -> Home:
        """Return self if the folder is there.

        Raises
        ------
        InputError
            If it is not.
        """
        if not self.root.is_dir():
            raise InputError(
                "The home must be there",
                found=f"no folder {self.root.name}",
                do="Name another with --home, or make one with scoring-ml train",
            )
        return self

    def ensure(self) -> Home:
        """Make the folder if it is not there, and return self."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                "The home must be a folder that can be made",
                found=f"{self.root.name}: {error.strerror}",
                do="Name another with --home",
            ) from None
        return self
