"""The data set of a training, by name and fingerprint; neither its path nor its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.evaluation.comparison import Trained

_MLFLOW_DIGEST: Final = 32
"""MLflow keeps at most 36 characters of a digest."""


@dataclass(frozen=True)
class DatasetFacts:
    """What a training says of its data.

    Parameters
    ----------
    name : str
    digest : str
        SHA-256 of the file's bytes, in hexadecimal.
    rows : int
        Rows of the file, used or not.
    """

    name: str
    digest: str
    rows: int

    @property
    def short_digest(self) -> str:
        """The digest's first 32 characters, as MLflow shows it."""
        return self.digest[:_MLFLOW_DIGEST]


def dataset_input(facts: DatasetFacts, trained: Trained, *, context: str) -> Any:
    """Return MLflow's record of the data set.

    Parameters
    ----------
    facts : DatasetFacts
    trained : Trained
    context : str
        What a run used it for, in MLflow's word: ``training`` or ``evaluation``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [
        {"type": _TYPES.get(column.type, "string"), "name": column.name, "required": False}
        for column in trained.schema.used
    ]
    profile = {"rows": facts.rows} | {
        f"rows_{name}": len(trained.windows[name]) for name in ("train", "calibrate", "test")
    }
    dataset = Dataset(
        name=facts.name,
        digest=facts.short_digest,
        source_type="local",
        # By name alone: the folder is nobody else's business.
        source=json.dumps({"uri": facts.name}, ensure_ascii=False),
        schema=json.dumps({"mlflow_colspec": columns}, ensure_ascii=False),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


_TYPES: Final = {"number": "double", "boolean": "boolean", "date": "datetime"}
