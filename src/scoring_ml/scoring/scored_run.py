"""The scored rows of one training run, on disk: a table, and what its columns mean.

A run's folder holds ``scored.parquet`` (one row per lead of the newest window, and per open lead)
and ``scored.json``. Both are written and read here alone. A row keeps typed values, from which
another version can score the same leads and a page can make its text; contact details are only
*valid* or *invalid*. Points are counted in whole tenths, so that sums are exact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scoring_ml.data.schema import CRITERIA, Column, Schema
from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.contact_stand_ins import stand_ins
from scoring_ml.features.feature import Feature
from scoring_ml.scoring.reference import Observed, settled_rate
from scoring_ml.scoring.saving import write_json
from scoring_ml.scoring.wording import display_value

SCORED_FORMAT: Final = 2
"""Of the files; 1 kept display texts and had no number."""

ROWS_FILE: Final = "scored.parquet"
FACTS_FILE: Final = "scored.json"

_COLUMNS: Final = (
    "lead_id", "window", "as_of", "won", "score", "tier", "logodds", "probability", "base_points",
    "rounding_points", "limit_points", "matrix_total", "matrix_tier", "completeness", "ask_next",
    "action",
)  # fmt: skip
_TRAIN_AGAIN: Final = "Run scoring-ml train again with this version"


@dataclass(frozen=True)
class ScoredField:
    """One field that the model uses, for people.

    ``criterion`` is one of :data:`~scoring_ml.data.schema.GROUPS`; ``column`` is ``None`` for the
    level of a criterion that several fields answer; ``feature`` is the one of the catalogue that it
    is.
    """

    name: str
    criterion: str
    column: Column | None
    feature: Feature | None = None


@dataclass(frozen=True)
class ScoredRun:
    """Scored rows and what they mean.

    Parameters
    ----------
    rows : DataFrame
        Oldest first. Beside the columns that stand for themselves ``points/<field>``,
        ``matrix/<criterion>``, ``matrix_known/<criterion>``; ``value/<column>`` for every column
        that models may know, typed as in a snapshot, contact details as ``valid`` or
        ``invalid``, and for the level of a criterion; ``slot/<field>``, the entry of the field's
        observed rates that the lead belongs to, or -1.
    facts : mapping
        As in ``scored.json``.
    """

    rows: pd.DataFrame
    facts: Mapping[str, Any]
    schema: Schema
    fields: tuple[ScoredField, ...]

    @property
    def has_probability(self) -> bool:
        """Whether the model gives a probability."""
        return bool(len(self.rows)) and bool(self.rows["probability"].notna().all())

    @cached_property
    def mapped(self) -> tuple[str, ...]:
        """Return the criteria of the matrix that are known for at least one lead."""
        return tuple(
            name
            for name in CRITERIA
            if f"matrix_known/{name}" in self.rows and bool(self.rows[f"matrix_known/{name}"].any())
        )

    def field(self, name: str) -> ScoredField | None:
        """Return the field of that name, or ``None``."""
        return next((item for item in self.fields if item.name == name), None)

    def column_of_group(self, group: str) -> Column | None:
        """Return the first column of one of the groups, such as the source of a lead."""
        columns = (field.column for field in self.fields if field.criterion == group)
        return next((column for column in columns if column is not None), None)

    def fails(self, criterion: str, points: ArrayLike, known: ArrayLike) -> NDArray[np.bool_]:
        """Return where a criterion is known to be at the level "none", from matrix points."""
        none = float(self.facts["matrix_none"][criterion])
        return np.asarray(known, dtype=bool) & (np.asarray(points, dtype=float) <= none)

    def matrix_level(self, criterion: str, points: float, known: bool) -> str:
        """Return none, partial, full or unknown, from a criterion's matrix points."""
        if not known:
            return "unknown"
        if self.fails(criterion, points, known):
            return "none"
        return "full" if points >= float(self.facts["matrix_max"][criterion]) else "partial"

    def observed(self, name: str, slot: int) -> Observed | None:
        """Return what became of training leads with the same answer, where enough were counted.

        The slot is as in the column ``slot/<field>``.
        """
        return settled_rate(
            [Observed(**item) for item in self.facts["observed"].get(name, ())], slot
        )

    def typed(self) -> tuple[pd.DataFrame, NDArray[np.datetime64] | None]:
        """Return what the rows were scored from, for another version to score.

        Returns
        -------
        frame : DataFrame, shape (n, columns)
            Typed values, with made-up contact details for real ones.
        as_of : array of datetime64[us], shape (n,), or None
        """
        frame = {}
        for name in self.facts["columns"]:
            values, column = self.rows[f"value/{name}"].to_numpy(), self.schema[name]
            if column.type in ("email", "phone"):
                values = stand_ins(column, values)
            frame[name] = values
        moments = self.rows["as_of"]
        as_of = None if moments.isna().all() else moments.to_numpy(dtype="datetime64[us]")
        return pd.DataFrame(frame, index=self.rows.index), as_of


def kept_value(column: Column, values: NDArray[Any]) -> NDArray[Any]:
    """Return typed values as rows keep them: contact details as a word only."""
    if column.type not in ("email", "phone"):
        return values
    return np.array([display_value(column, value) for value in values], dtype=object)


def write_scored(folder: Path, rows: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write scored rows and what they mean into a folder that is there.

    Rows and facts, which are JSON-ready, are those of a :class:`ScoredRun`.
    """
    rows.to_parquet(folder / ROWS_FILE, index=False)
    write_json(folder / FACTS_FILE, {"format": SCORED_FORMAT} | dict(facts))


def read_scored(folder: Path) -> ScoredRun:
    """Read the scored rows of a run.

    Parameters
    ----------
    folder : Path
        ``HOME/runs/<run_id>``.

    Raises
    ------
    InputError
        If the folder has no scored rows, they are of another format, or a column is missing.
    IntegrityError
        If the points of a lead do not add up to its score.
    """
    if not (folder / ROWS_FILE).is_file() or not (folder / FACTS_FILE).is_file():
        raise InputError(
            f"The folder of a training run must hold {ROWS_FILE} and {FACTS_FILE}",
            found=f"{folder} without them",
            do="Run scoring-ml train",
        )
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    if facts.get("format") != SCORED_FORMAT:
        raise InputError(
            f"Scored rows must have format {SCORED_FORMAT}",
            found=f"format {facts.get('format', 1)} in {folder.name}",
            do=_TRAIN_AGAIN,
        )
    rows = pd.read_parquet(folder / ROWS_FILE)
    schema = Schema.read(facts["schema"], source=FACTS_FILE)
    fields = _fields(facts, schema)
    values = dict.fromkeys([*facts["columns"], *(item.name for item in fields)])
    needed = [*_COLUMNS, *(f"value/{name}" for name in values)]
    needed += [f"points/{item.name}" for item in fields]
    needed += [f"slot/{item.name}" for item in fields if item.column is not None]
    needed += [
        f"{part}/{name}" for name in facts["matrix_max"] for part in ("matrix", "matrix_known")
    ]
    missing = [name for name in needed if name not in rows]
    if missing:
        raise InputError(
            f"{ROWS_FILE} must hold all columns of scored rows",
            found=f"{len(missing)} missing, the first {missing[0]}",
            do=_TRAIN_AGAIN,
        )
    _check_sums(rows)
    return ScoredRun(rows, facts, schema, fields)


def tenths(points: ArrayLike) -> NDArray[np.int64]:
    """Return points as whole tenths, integers of the same shape."""
    return np.asarray(np.rint(np.asarray(points, dtype=float) * 10), dtype=np.int64)


def _fields(facts: Mapping[str, Any], schema: Schema) -> tuple[ScoredField, ...]:
    columns, features = {c.name: c for c in schema.columns}, schema_features(schema)
    names = [(str(item["name"]), str(item["criterion"])) for item in facts["fields"]]
    return tuple(
        ScoredField(name, criterion, columns.get(name), features.get(name))
        for name, criterion in names
    )


def _check_sums(rows: pd.DataFrame) -> None:
    parts = [name for name in rows.columns if str(name).startswith("points/")]
    total = tenths(rows[["base_points", "rounding_points", "limit_points"]]).sum(axis=1)
    total = total + tenths(rows[parts]).sum(axis=1)
    wrong = total != 10 * rows["score"].to_numpy(dtype=np.int64)
    if wrong.any():
        first = ", ".join(rows["lead_id"][wrong].astype(str).head(3))
        raise IntegrityError(
            "The points of every lead must add up to its score",
            found=f"{int(wrong.sum())} of {len(rows)} leads whose points do not, the first {first}",
            do="Run scoring-ml train again",
        )
