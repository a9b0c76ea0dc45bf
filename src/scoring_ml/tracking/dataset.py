"""The data set of a training, by name and fingerprint; neither its path nor its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from scoring_ml.evaluation.trained import Trained

_MLFLOW_DIGEST: Final = 32
"""MLflow keeps at most 36 characters of a digest."""


@dataclass(frozen=True)
class DatasetFacts:
    """What a training says of its data.

    Parameters
    ----------
    digest : str
        SHA-256 of the file's bytes, in hexadecimal.
    rows : int
        Rows of the file (of an export's leads), used or not.
    horizon_days, lag_days : float or None
        Of a CRM export: days in which a lead must be won, and that a win may take to be recorded.
    """

    name: str
    digest: str
    rows: int
    horizon_days: float | None = None
    lag_days: float | None = None

    @property
    def short_digest(self) -> str:
        """The digest's first 32 characters, as MLflow shows it."""
        return self.digest[:_MLFLOW_DIGEST]


def cohort_facts(trained: Trained, dataset: DatasetFacts) -> dict[str, Any] | None:
    """Return who was seen when, JSON-ready; None where each row is a lead.

    Returns
    -------
    dict or None
        ``leads``, ``rows``, ``fit_rows``, ``ages_days``, ``headline_age_days``, ``horizon_days``
        and ``lag_days`` (None if not known), ``final_after_days`` (None where a gap shorter than
        that was asked for).
    """
    snapshot = trained.snapshot
    if snapshot.lead is None:
        return None
    return {
        "leads": len(np.unique(snapshot.lead)),
        "rows": len(snapshot),
        "fit_rows": len(trained.windows.fit),
        "ages_days": list(trained.windows.ages),
        "headline_age_days": snapshot.headline_age_days,
        "horizon_days": dataset.horizon_days,
        "lag_days": dataset.lag_days,
        "final_after_days": trained.schema.mature_after_days,
    }


def dataset_input(facts: DatasetFacts, trained: Trained, *, context: str) -> Any:
    """Return MLflow's record of the data set.

    Parameters
    ----------
    context : str
        What a run used it for, in MLflow's word: ``training`` or ``evaluation``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [
        {"type": _TYPES.get(column.type, "string"), "name": column.name, "required": False}
        for column in trained.schema.used
    ]
    profile: dict[str, Any] = {"rows": facts.rows} | {
        f"rows_{name}": len(trained.windows[name]) for name in ("train", "calibrate", "test")
    }
    cohort = cohort_facts(trained, facts)
    if cohort is not None:
        profile["cohort"] = cohort
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
