"""The registered model, as MLflow runs it: a Scorer behind a table in and a table out.

MLflow copies this file into every logged model and runs it there (models from code), so it holds
no logic of its own: reading, scoring and checking are the package's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from scoring_ml.data.files.arrow_cells import table_of
from scoring_ml.data.files.data_file import DataFile, FileFacts
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.saving import load_scorer
from scoring_ml.scoring.scorer import Scorer


class ScorerModel(PythonModel):  # type: ignore[misc]
    """Scores a table of leads as they stand in a flat file."""

    def load_context(self, context: Any) -> None:
        """Read the Scorer, each file verified against its SHA-256."""
        self.scorer: Scorer = load_scorer(Path(context.artifacts["scorer"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Score leads.

        Parameters
        ----------
        model_input : DataFrame, shape (n, columns)
            Values as in the file that was trained on; a column that is absent counts as missing.
        params : dict or None
            ``as_of``: moment at which the leads are seen, ISO 8601; if empty the schema's order
            column, or now. ``explain``: whether to add points per field.

        Returns
        -------
        DataFrame, shape (n, ...)
            Columns of :meth:`Scorer.score_snapshot` but ``logodds``, and the input's index.
        """
        given = params or {}
        schema = self.scorer.encoder.schema
        facts = FileFacts("table", "parquet", None, None, len(model_input))
        dated = schema.order.by == "time" and schema.order.column in model_input
        moment = _moment(str(given.get("as_of") or ""), otherwise=None if dated else _now())
        file = DataFile(table_of(model_input), facts)
        snapshot = build_snapshot(file, schema, for_training=False, as_of=moment)
        explain = bool(given.get("explain", False))
        table = self.scorer.score_snapshot(snapshot, explain=explain).drop(columns="logodds")
        table.index = model_input.index
        return table


def _moment(text: str, *, otherwise: datetime | None) -> datetime | None:
    if not text:
        return otherwise
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


set_model(ScorerModel())
