"""The scorecard as people read it: a row per answer, with its points. The table is the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Template
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.estimators.bins import bin_places
from scoring_ml.estimators.protocol import LogoddsTables
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.statistics.samples import Floats
from scoring_ml.tracking.influence import field_title


@dataclass(frozen=True)
class TableRow:
    """One answer and what it is worth; ``leads`` and ``won`` are of the train window.

    Parameters
    ----------
    field, group : str
        The field's name for people, and the group under which its points are shown.
    answer : str
        A bin with its brackets, a category, ``missing``, or a criterion's level.
    logodds, points : float
        Before calibration, counted from the average lead; on the score's scale, NaN without one.
    """

    field: str
    group: str
    answer: str
    logodds: float
    points: float
    leads: int
    won: int


def points_table(trained: Trained, candidate: Candidate) -> list[TableRow]:
    """Return the table of a candidate that is made of tables; empty for any other.

    The first row is the base. A lead's uncalibrated log-odds are the base plus, per field and
    group of answers, the one row that applies.
    """
    tables = candidate.estimator.tables()
    if tables is None:
        return []
    rows = trained.windows.learned_leads
    X, won = trained.X[rows], trained.snapshot.label[rows]
    scale = None if trained.policy is None else trained.policy.scale
    known = scale is not None and candidate.calibration.gives_probability
    factor = candidate.calibration.slope * scale.points_per_logodds if scale and known else np.nan
    base = np.array([tables.base])
    start = scale.unrounded(candidate.calibration.logodds(base))[0] if scale and known else np.nan
    table = [TableRow("(base)", "", "the average lead", tables.base, start, len(X), int(won.sum()))]
    for name, group, answers in _blocks(trained, tables, X):
        for answer, weight, here in answers:
            counts = int(here.sum()), int(won[here].sum())
            table.append(TableRow(name, group, answer, weight, weight * factor, *counts))
    return table


def table_csv(table: Sequence[TableRow]) -> str:
    """Return the table as CSV with a header."""
    frame = pd.DataFrame(map(asdict, table))
    return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def table_html(table: Sequence[TableRow], title: str) -> str:
    """Return the table as an HTML page that stands alone."""
    source = Path(__file__).with_name("points_table.html.j2").read_text(encoding="utf-8")
    template = Template(source, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return str(template.render(table=table, title=title, nan=np.isnan))


Answered = tuple[str, float, NDArray[np.bool_]]
"""An answer, its log-odds, and which of some leads gave it."""


def _blocks(
    trained: Trained, tables: LogoddsTables, X: Floats
) -> Iterator[tuple[str, str, list[Answered]]]:
    """Yield field, group and answers; of each block exactly one answer applies to a lead."""
    columns, schema = trained.encoder.columns, trained.schema
    found: dict[int, tuple[str, str, list[Answered]]] = {}
    one_hot: dict[tuple[str, str], list[int]] = {}
    for index in tables.weights:
        column = columns[index]
        title = field_title(column.column, schema)
        if index in tables.edges:
            found[index] = title, column.criterion, _bins(schema[column.column], tables, index, X)
        else:
            part = "criterion" if column.role == "criterion_level" else "level"
            owner = column.criterion if part == "criterion" else column.column
            one_hot.setdefault((part, owner), []).append(index)
    for (part, _), indices in one_hot.items():
        column = columns[indices[0]]
        title = field_title(column.column, schema)
        absent = sum(float(tables.weights[index][0]) for index in indices)
        answers: list[Answered] = []
        if part == "criterion":
            title += f" (as {column.criterion})"
            answers.append(("none", absent, (X[:, indices] == 0).all(axis=1)))
        for index in indices:
            weight = absent + float(tables.weights[index][1] - tables.weights[index][0])
            answers.append((_level(trained, index), weight, X[:, index] == 1))
        found[indices[0]] = title, column.criterion, answers
    # In the order of the schema.
    yield from (found[index] for index in sorted(found))


def _bins(column: Column, tables: LogoddsTables, index: int, X: Floats) -> list[Answered]:
    edges, weights = tables.edges[index], tables.weights[index]
    places = bin_places(X[:, index], edges)
    count = len(edges) + 1
    words = {"boolean": ("no", "yes"), "email": ("invalid", "valid"), "phone": ("invalid", "valid")}
    ends = ["-inf", *(f"{edge:.6g}" for edge in edges), "inf"]
    unit = {"date": " days ago"}.get(column.type, f" {column.unit}" if column.unit else "")
    labels = [
        f"{'(' if place == 0 else '['}{ends[place]}, {ends[place + 1]}){unit}"
        for place in range(count)
    ]
    if column.type in words and count == 2:
        labels = list(words[column.type])
    labels.append("missing")
    return [(label, float(weights[place]), places == place) for place, label in enumerate(labels)]


def _level(trained: Trained, index: int) -> str:
    column = trained.encoder.columns[index]
    if column.role != "level":
        return str(column.level) if column.role == "criterion_level" else column.role
    first = next(
        i
        for i, item in enumerate(trained.encoder.columns)
        if item.column == column.column and item.role == "level"
    )
    return trained.encoder.levels[column.column][index - first]
