"""Numbers of the marketing page: leads, wins and points of each source and campaign.

Leads by tier and the points behind them are counted over all scored leads; wins only over the
leads of the test window, whose outcome is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.scoring.scale import TIERS
from scoring_ml.scoring.scored_run import ScoredField, ScoredRun, tenths
from scoring_ml.scoring.wording import value_text
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.proportions import (
    FEW_OUTCOMES,
    adjusted,
    expected_wins,
    leads_needed,
    surprise,
    wilson,
)

DIMENSIONS: Final = ("source", "campaign")
"""What leads are grouped by, where the schema has a column for it."""

SIGNIFICANT: Final = 0.05
"""Largest adjusted p-value at which a difference is called more than chance."""

TOP: Final = 3
"""So many fields that lift, and that sink, a segment are shown."""

SMALLEST_LIFT: Final = 0.05
"""Differences in mean points below this would be shown as 0.0, and are not."""


@dataclass(frozen=True)
class Outcome:
    """Expected against actual wins among leads with a known outcome.

    Parameters
    ----------
    share : Interval
        Win share, 0-1, with its Wilson interval; NaN without leads.
    expected, p_value : Interval or None, float or None
        Sum of probabilities with the range that chance gives; chance of a difference like this if
        every probability is right, both ways.
    verdict : {"more", "fewer", "as_expected"} or None
        ``None`` where it is not judged.
    """

    known: int
    wins: int
    share: Interval
    expected: Interval | None
    p_value: float | None
    verdict: str | None = None


@dataclass(frozen=True)
class Failing:
    """How many leads of a segment fail one criterion of the matrix.

    Parameters
    ----------
    failing, unknown, leads : int
        Known to be at the level "none"; not known; all.
    """

    criterion: str
    failing: int
    unknown: int
    leads: int

    @property
    def failing_share(self) -> float:
        """Share of all leads that are known to fail, 0-1."""
        return self.failing / self.leads if self.leads else math.nan

    @property
    def unknown_share(self) -> float:
        """Share of all leads of which it is not known, 0-1."""
        return self.unknown / self.leads if self.leads else math.nan


@dataclass(frozen=True)
class Lift:
    """Mean points of one field among a segment's leads, less those among all other leads."""

    field: ScoredField
    points: float


@dataclass(frozen=True)
class Segment:
    """The leads of one source or campaign.

    Parameters
    ----------
    name : str or None
        ``None`` for leads without one.
    leads, open : int
        All scored leads; those whose outcome is not known yet.
    failing : tuple of Failing
        One for each criterion that the matrix has rules for.
    lifts, sinks : tuple of Lift
        Largest first; empty where there are no other leads to compare with, or where the
        segment is not judged.
    needed : int or None
        More known outcomes until the win share is settled; see :func:`leads_needed`.
    """

    name: str | None
    leads: int
    open: int
    tiers: dict[str, int]
    mean_score: float
    outcome: Outcome
    failing: tuple[Failing, ...]
    lifts: tuple[Lift, ...]
    sinks: tuple[Lift, ...]
    needed: int | None


@dataclass(frozen=True)
class Dimension:
    """All segments by one of :data:`DIMENSIONS`, most leads first.

    ``segments`` have :data:`FEW_OUTCOMES` known outcomes or more and are judged; ``few`` are the
    others.
    """

    by: str
    segments: tuple[Segment, ...]
    few: tuple[Segment, ...]


@dataclass(frozen=True)
class Campaigns:
    """All leads together, and by each dimension that the schema has a column for."""

    everything: Segment
    dimensions: tuple[Dimension, ...]


def marketing_numbers(run: ScoredRun) -> Campaigns:
    """Return what each source and campaign brings.

    A segment's wins are judged against the sum of its leads' probabilities by the exact
    Poisson-binomial distribution; within one dimension the p-values of all judged segments are
    adjusted together (:func:`~scoring_ml.statistics.proportions.adjusted`). A lead of known
    outcome that is still open stands here once, as it was judged.
    """
    judged = run.rows.loc[run.rows["window"] == "test", "lead_id"]
    repeated = (run.rows["window"] == "open") & run.rows["lead_id"].isin(judged)
    run = replace(run, rows=run.rows[~repeated].reset_index(drop=True))
    points = tenths(run.rows[[f"points/{item.name}" for item in run.fields]])
    everything = _segment(run, None, np.arange(len(run.rows)), points, math.nan)
    overall = everything.outcome.share.value
    p_value = everything.outcome.p_value
    if p_value is not None and everything.outcome.known >= FEW_OUTCOMES:
        everything = _judged(everything, p_value)
    outcome = everything.outcome
    everything = replace(everything, needed=leads_needed(outcome.wins, outcome.known, overall))
    return Campaigns(
        everything,
        tuple(
            _dimension(run, by, column, points, overall)
            for by in DIMENSIONS
            if (column := run.column_of_group(by)) is not None
        ),
    )


def _dimension(
    run: ScoredRun, by: str, column: Column, points: NDArray[np.int64], overall: float
) -> Dimension:
    values = run.rows[f"value/{column.name}"].to_numpy(dtype=object)
    texts = [None if pd.isna(value) else value_text(column, value) for value in values]
    codes, names = pd.factorize(np.array(texts, dtype=object), use_na_sentinel=False)
    order = np.argsort(codes, kind="stable")
    places = np.split(order, np.searchsorted(codes[order], np.arange(1, len(names))))
    segments = [
        _segment(run, None if pd.isna(name) else str(name), inside, points, overall)
        for name, inside in zip(names, places, strict=False)
    ]
    segments.sort(key=lambda item: (-item.leads, item.name is None, item.name or ""))
    enough = [item for item in segments if item.outcome.known >= FEW_OUTCOMES]
    p_values = [item.outcome.p_value for item in enough]
    given = [value for value in p_values if value is not None]
    if len(given) == len(enough):
        enough = [_judged(item, p) for item, p in zip(enough, adjusted(given), strict=True)]
    few = tuple(item for item in segments if item.outcome.known < FEW_OUTCOMES)
    return Dimension(by, tuple(enough), few)


def _judged(segment: Segment, p_value: float) -> Segment:
    outcome = segment.outcome
    verdict = "as_expected"
    if outcome.expected is not None and p_value <= SIGNIFICANT:
        verdict = "more" if outcome.wins > outcome.expected.value else "fewer"
    return replace(segment, outcome=replace(outcome, verdict=verdict))


def _segment(
    run: ScoredRun,
    name: str | None,
    inside: NDArray[np.int64],
    points: NDArray[np.int64],
    overall: float,
) -> Segment:
    rows = run.rows.take(inside)
    outcome = _outcome(rows)
    lifts = _lifts(run, inside, points) if outcome.known >= FEW_OUTCOMES else []
    return Segment(
        name=name,
        leads=len(rows),
        open=int((rows["window"] == "open").sum()),
        tiers={tier: int((rows["tier"] == tier).sum()) for tier in TIERS},
        mean_score=float(rows["score"].mean()),
        outcome=outcome,
        failing=tuple(_failing(run, rows, criterion) for criterion in run.mapped),
        lifts=tuple(item for item in lifts if item.points >= SMALLEST_LIFT)[:TOP],
        sinks=tuple(item for item in reversed(lifts) if item.points <= -SMALLEST_LIFT)[:TOP],
        needed=leads_needed(outcome.wins, outcome.known, overall),
    )


def _outcome(rows: pd.DataFrame) -> Outcome:
    judged = rows[rows["won"].notna()]
    wins = int(judged["won"].sum())
    expected = p_value = None
    if len(judged) and judged["probability"].notna().all():
        probabilities = judged["probability"].to_numpy(dtype=float)
        expected = expected_wins(probabilities)
        p_value = surprise(probabilities, wins)
    return Outcome(len(judged), wins, wilson(wins, len(judged)), expected, p_value)


def _failing(run: ScoredRun, rows: pd.DataFrame, criterion: str) -> Failing:
    known = rows[f"matrix_known/{criterion}"].to_numpy(dtype=bool)
    failing = run.fails(criterion, rows[f"matrix/{criterion}"], known)
    return Failing(criterion, int(failing.sum()), int((~known).sum()), len(rows))


def _lifts(run: ScoredRun, inside: NDArray[np.int64], points: NDArray[np.int64]) -> list[Lift]:
    """Difference of each field's mean points from all other leads', largest first."""
    others = len(points) - len(inside)
    if others == 0:
        return []
    own = points[inside].sum(axis=0)
    difference = own / len(inside) - (points.sum(axis=0) - own) / others
    lifts = [
        Lift(item, float(value) / 10) for item, value in zip(run.fields, difference, strict=True)
    ]
    return sorted(lifts, key=lambda item: -item.points)
