"""Numbers of the sales page: the queue by score, and each lead's sum of points."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd

from scoring_ml.data.schema import GROUPS, Column
from scoring_ml.scoring.reference import Observed
from scoring_ml.scoring.scored_run import ScoredField, ScoredRun, tenths

REASONS: Final = 5
"""So many fields, the largest by absolute points, are the reasons of a score."""

SMALLEST_GAIN: Final = 0.05
"""An answer that could add less than this would be shown as +0.0, and is not asked for."""


@dataclass(frozen=True)
class FieldPoints:
    """What one field adds to a score: its answer, as the rows keep it, and its points times ten.

    ``observed`` is what became of the leads with this answer, for the reasons.
    """

    field: ScoredField
    value: Any
    tenths: int
    observed: Observed | None


@dataclass(frozen=True)
class MatrixPoints:
    """What the hand-built matrix gives a lead for one criterion, and what it gives for "full".

    ``above_mean`` counts from the mean in the reference window; ``level`` is none, partial, full or
    unknown.
    """

    points: float
    most: float
    above_mean: float | None
    level: str


@dataclass(frozen=True)
class GroupPoints:
    """What the fields of one of :data:`~scoring_ml.data.schema.GROUPS` add together.

    ``shown`` fields move the score, largest first; ``silent`` ones have exactly no points. The
    matrix stands with those of the six criteria that it has rules for.
    """

    name: str
    shown: tuple[FieldPoints, ...]
    silent: tuple[FieldPoints, ...]
    matrix: MatrixPoints | None

    @property
    def tenths(self) -> int:
        """Points of the group, times ten."""
        return sum(item.tenths for item in self.shown)


@dataclass(frozen=True)
class Ask:
    """A missing answer, and by how many points at most it could raise the score."""

    field: ScoredField
    could_add: float


@dataclass(frozen=True)
class QueuedLead:
    """One lead of the queue: ``base + groups + rounding + limit == 10 * score`` in tenths.

    Parameters
    ----------
    lifts, sinks : tuple of FieldPoints
        Reasons that raise the score and that lower it, largest first.
    """

    lead_id: str
    as_of: datetime | None
    won: bool | None
    score: int
    tier: str
    action: str
    probability: float | None
    completeness: float
    base: int
    rounding: int
    limit: int
    groups: tuple[GroupPoints, ...]
    lifts: tuple[FieldPoints, ...]
    sinks: tuple[FieldPoints, ...]
    matrix_total: int
    matrix_tier: str
    ask: tuple[Ask, ...]
    unknown: tuple[ScoredField, ...]


@dataclass(frozen=True)
class Queue:
    """What sales works on, best score first.

    Parameters
    ----------
    leads : tuple of QueuedLead
        At most as many as asked for, of ``total``.
    open : bool
        Whether these are open leads; otherwise the newest of those with a known outcome.
    tiers : mapping of tier to int
        Leads of each tier in the queue, shown or not.
    """

    leads: tuple[QueuedLead, ...]
    total: int
    open: bool
    tiers: Mapping[str, int]


def sales_queue(run: ScoredRun, *, limit: int = 500) -> Queue:
    """Return the queue that sales works on.

    Open leads by score; when there are none, the newest ``limit`` leads of the test window by
    score. Equal scores go by probability, then by the matrix's total, then by id.

    Parameters
    ----------
    limit : int
        Most leads to return, 1 or more.
    """
    waiting = run.rows[run.rows["window"] == "open"]
    is_open = len(waiting) > 0
    rows = waiting if is_open else run.rows
    total = len(rows)
    if not is_open:
        # Rows stand oldest first; where there are dates they say it again, ties by position.
        rows = rows.sort_values("as_of", kind="stable", na_position="first").tail(limit)
    tiers = {str(name): int(n) for name, n in rows["tier"].value_counts().items()}
    rows = rows.sort_values(
        ["score", "probability", "matrix_total", "lead_id"],
        ascending=[False, False, False, True],
        kind="stable",
    ).head(limit)
    leads = tuple(_lead(run, row) for row in rows.to_dict("records"))
    return Queue(leads, total, is_open, tiers)


def _lead(run: ScoredRun, row: Mapping[Any, Any]) -> QueuedLead:
    points = tenths([row[f"points/{item.name}"] for item in run.fields]).tolist()
    fields: list[FieldPoints] = []
    for index in sorted(range(len(points)), key=lambda index: (-abs(points[index]), index)):
        item = run.fields[index]
        counts = len(fields) < REASONS and points[index] != 0 and item.column is not None
        observed = run.observed(item.name, int(row[f"slot/{item.name}"])) if counts else None
        fields.append(FieldPoints(item, _known(row[f"value/{item.name}"]), points[index], observed))
    asks = []
    for item in json.loads(row["ask_next"] or "[]"):
        if item["could_add"] >= SMALLEST_GAIN:
            name = item["field"]
            # A field that may be asked for, though the model sees only its criterion.
            unnamed = ScoredField(name, "other", Column(name, "text"))
            asks.append(Ask(run.field(name) or unnamed, float(item["could_add"])))
    return QueuedLead(
        lead_id=row["lead_id"],
        score=row["score"],
        tier=row["tier"],
        action=row["action"],
        completeness=row["completeness"],
        matrix_total=row["matrix_total"],
        matrix_tier=row["matrix_tier"],
        as_of=_known(row["as_of"]),
        won=None if pd.isna(row["won"]) else bool(row["won"]),
        probability=_known(row["probability"]),
        base=int(tenths(row["base_points"])),
        rounding=int(tenths(row["rounding_points"])),
        limit=int(tenths(row["limit_points"])),
        groups=tuple(_group(run, row, name, fields) for name in GROUPS),
        lifts=tuple(item for item in fields[:REASONS] if item.tenths > 0),
        sinks=tuple(item for item in fields[:REASONS] if item.tenths < 0),
        ask=tuple(sorted(asks, key=lambda item: -item.could_add)),
        unknown=tuple(
            item.field
            for item in fields
            if item.value is None and item.field.column is not None and item.field.column.askable
        ),
    )


def _group(
    run: ScoredRun, row: Mapping[Any, Any], name: str, fields: list[FieldPoints]
) -> GroupPoints:
    own = [item for item in fields if item.field.criterion == name]
    matrix = None
    if name in run.mapped:
        given = float(row[f"matrix/{name}"])
        mean = run.facts["matrix_mean"].get(name)
        matrix = MatrixPoints(
            points=given,
            most=float(run.facts["matrix_max"][name]),
            above_mean=None if mean is None or math.isnan(mean) else given - float(mean),
            level=run.matrix_level(name, given, bool(row[f"matrix_known/{name}"])),
        )
    return GroupPoints(
        name=name,
        shown=tuple(item for item in own if item.tenths),
        silent=tuple(item for item in own if not item.tenths),
        matrix=matrix,
    )


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value
