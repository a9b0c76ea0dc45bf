"""The scored rows of one training run, as the reports read them.

A run's folder holds ``scored.parquet`` (one row per lead of the newest window, and per open
lead) and ``scored.json`` (what the columns mean). Points are counted in whole tenths from here
on, so that sums are exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scoring_ml.data.schema import CRITERIA, GROUPS, parse_schema
from scoring_ml.data.values.numbers import parse_boolean, parse_number
from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.features.catalogue import Feature, schema_features
from scoring_ml.scoring.reference import LEAST_LEADS

ROWS: Final = "scored.parquet"
FACTS: Final = "scored.json"

_NEEDED: Final = (
    "lead_id",
    "window",
    "as_of",
    "won",
    "score",
    "tier",
    "probability",
    "base_points",
    "rounding_points",
    "limit_points",
    "matrix_total",
    "matrix_tier",
    "completeness",
    "ask_next",
    "action",
)


@dataclass(frozen=True)
class ScoredField:
    """One field that the model uses, for people.

    Parameters
    ----------
    name, label : str
        Name in the file, and for people.
    criterion : str
        One of :data:`~scoring_ml.data.schema.GROUPS`.
    type : str
        A type of column, or ``criterion`` for the level of a criterion that several fields answer.
    unit : str or None
    askable : bool
        Whether a salesperson could ask the lead for it.
    feature : Feature or None
        The feature of the catalogue that it is, which names it in every language.
    """

    name: str
    label: str
    criterion: str
    type: str
    unit: str | None
    askable: bool
    feature: Feature | None = None


@dataclass(frozen=True)
class Rate:
    """What became of the leads that gave one answer.

    Parameters
    ----------
    leads : int
    won_share : float
        0-1.
    """

    leads: int
    won_share: float


@dataclass(frozen=True)
class ScoredRun:
    """Scored rows and what they mean.

    Parameters
    ----------
    rows : DataFrame
        As in ``scored.parquet``; oldest first.
    facts : mapping
        As in ``scored.json``.
    fields : tuple of ScoredField
    """

    rows: pd.DataFrame
    facts: Mapping[str, Any]
    fields: tuple[ScoredField, ...]
    _observed: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)

    @property
    def score_max(self) -> int:
        """Largest score there can be: 100, or 110 for the matrix."""
        return int(self.facts["score_max"])

    @property
    def has_probability(self) -> bool:
        """Whether the model gives a probability."""
        return bool(len(self.rows)) and bool(self.rows["probability"].notna().all())

    @property
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

    def fails(self, criterion: str, points: ArrayLike, known: ArrayLike) -> NDArray[np.bool_]:
        """Return where a criterion is known to be at the level "none", from matrix points."""
        none = float(self.facts.get("matrix_none", {}).get(criterion, 0))
        return np.asarray(known, dtype=bool) & (np.asarray(points, dtype=float) <= none)

    def matrix_level(self, criterion: str, points: float, known: bool) -> str:
        """Return none, partial, full or unknown, from a criterion's matrix points."""
        if not known:
            return "unknown"
        if self.fails(criterion, points, known):
            return "none"
        return "full" if points >= float(self.facts["matrix_max"][criterion]) else "partial"

    def observed(self, name: str, value: str | None) -> Rate | None:
        """Return what became of leads with that answer in a field, where enough were counted.

        Parameters
        ----------
        name : str
            Name of the field.
        value : str or None
            The answer as the rows show it; ``None`` for not known.

        Notes
        -----
        The entries are those of :class:`~scoring_ml.scoring.reference.Observed`: an answer, a
        range of numbers (``< 3``, ``[3, 7)``, ``>= 7``), ``other`` or ``missing``. Fewer than
        :data:`~scoring_ml.scoring.reference.LEAST_LEADS` leads are no basis for a rate.
        """
        item, entries = self.field(name), self._observed.get(name, ())
        kind = "" if item is None else item.type
        entry = _entry(entries, value, kind)
        if entry is None or int(entry["leads"]) < LEAST_LEADS:
            return None
        return Rate(int(entry["leads"]), float(entry["won_share"]))


def read_scored(folder: Path) -> ScoredRun:
    """Read the scored rows of a run.

    Parameters
    ----------
    folder : Path
        ``HOME/runs/<run_id>``.

    Raises
    ------
    InputError
        If the folder has no scored rows, or a column is missing.
    IntegrityError
        If the points of a lead do not add up to its score.
    """
    if not (folder / ROWS).is_file() or not (folder / FACTS).is_file():
        raise InputError(
            f"The folder of a training run must hold {ROWS} and {FACTS}",
            found=f"{folder} without them",
            do="Run scoring-ml train",
        )
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    rows = pd.read_parquet(folder / ROWS)
    schema = facts.get("schema")
    features = {} if schema is None else schema_features(parse_schema(schema, source=FACTS))
    fields = tuple(
        ScoredField(
            name=str(item["name"]),
            label=str(item.get("label") or item["name"]),
            criterion=item["criterion"] if item.get("criterion") in GROUPS else "other",
            type=str(item.get("type", "")),
            unit=None if item.get("unit") is None else str(item["unit"]),
            askable=bool(item.get("askable", False)),
            feature=features.get(str(item["name"])),
        )
        for item in facts["fields"]
    )
    needed = [*_NEEDED, *(f"{part}/{item.name}" for item in fields for part in ("points", "value"))]
    needed += [
        f"{part}/{name}" for name in facts["matrix_max"] for part in ("matrix", "matrix_known")
    ]
    missing = [name for name in needed if name not in rows]
    if missing:
        raise InputError(
            f"{ROWS} must hold all columns of scored rows",
            found=f"{len(missing)} missing, the first {missing[0]}",
            do="Run scoring-ml train again with this version",
        )
    _check_sums(rows)
    return ScoredRun(rows, facts, fields, facts.get("observed", {}))


def tenths(points: ArrayLike) -> NDArray[np.int64]:
    """Return points as whole tenths, integers of the same shape."""
    return np.asarray(np.rint(np.asarray(points, dtype=float) * 10), dtype=np.int64)


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


_RANGE: Final = re.compile(r"\[(\S+), (\S+)\)")


def _entry(
    entries: Sequence[Mapping[str, Any]], value: str | None, kind: str
) -> Mapping[str, Any] | None:
    """Return the entry that counts leads with an answer."""
    named: dict[str, Mapping[str, Any]] = {str(item["value"]): item for item in reversed(entries)}
    last: dict[str, Mapping[str, Any]] = {str(item["value"]): item for item in entries}
    if value is None:
        # "missing" and "other" come last; a category may bear the same name.
        return last.get("missing")
    if value in named:
        return named[value]
    if kind == "category":
        return last.get("other")
    try:
        if kind == "boolean":
            return named.get("yes" if parse_boolean(value) else "no")
        number = parse_number(value)
    except ValueError:
        return None
    for entry in entries:
        if _holds(str(entry["value"]), number):
            return entry
    return None


def _holds(label: str, number: float) -> bool:
    """Whether a bin of a number holds it: ``< 3``, ``[3, 7)``, ``>= 7`` or one number."""
    try:
        if label.startswith("< "):
            return number < parse_number(label[2:])
        if label.startswith(">= "):
            return number >= parse_number(label[3:])
        found = _RANGE.fullmatch(label)
        if found:
            return parse_number(found[1]) <= number < parse_number(found[2])
        return number == parse_number(label)
    except ValueError:
        return False
