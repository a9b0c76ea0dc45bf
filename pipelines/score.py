"""Score a file with the champion: the same numbers as the endpoint, to the last bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.doors import open_export
from pipelines.progress import Bar
from scoring_ml.data.flat import read_flat, write_table
from scoring_ml.errors import InputError
from scoring_ml.features.crm_snapshot import open_leads
from scoring_ml.features.snapshot import Snapshot, build_snapshot
from scoring_ml.scoring.champion import load_champion
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home

AT_ONCE = 20_000


@dataclass(frozen=True)
class ScoreResult:
    """What was scored.

    Parameters
    ----------
    out : Path
    leads, failed : int
        Rows written, and those of them that could not be scored.
    tiers : dict of tier to leads
    version : str
    warnings : tuple of str
    """

    out: Path
    leads: int
    failed: int
    tiers: dict[str, int]
    version: str
    warnings: tuple[str, ...]


def score_file(
    data: Path,
    *,
    out: Path,
    home: Home,
    explain: bool = False,
    as_of: datetime | None = None,
    mapping: Path | None = None,
    bar: Bar | None = None,
) -> ScoreResult:
    """Score every row of a flat file, or every open lead of a CRM export; no row is lost.

    Parameters
    ----------
    data : Path
        CSV or Parquet, or a folder with a CRM export.
    out : Path
        CSV or Parquet, by its ending; replaced if it exists. A row that cannot be scored has an
        ``error`` and no score.
    home : Home
    explain : bool
        Whether to add reasons, points and what to ask next.
    as_of : datetime or None
        The moment at which the leads are seen. If None, the schema's order column of a flat
        file, and the moment of a CRM export.
    mapping : Path or None
        Of a CRM export; ``crm.yaml`` in its folder if None.
    bar : Bar or None

    Raises
    ------
    InputError
        If the file cannot be read or has no column that the model knows.
    NothingServed
        If no champion has been promoted.
    """
    bar = bar or Bar("score")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(
            "The output must be a CSV or Parquet file",
            found=out.name,
            do="Name it with .csv or .parquet",
        )
    if out.resolve() == data.resolve():
        raise InputError(
            "The output must not be the input",
            found=f"{data.name} as both",
            do="Name another file with --out",
        )
    scorer = load_champion(home)
    bar("read", 0.0)
    snapshot = _snapshot(data, scorer, as_of, mapping)
    problem = snapshot.problem
    if problem is None:
        problem = np.full(len(snapshot), "", dtype=object)
    good = np.flatnonzero(problem == "")
    part = snapshot.take(good)
    step = bar.counted("score", 0.2, 1.0)
    pieces = []
    for start in range(0, max(1, len(good)), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        moments = None if part.as_of is None else part.as_of[rows]
        pieces.append(scorer.score_frame(part.frame.iloc[rows], moments, explain=explain))
        step(min(start + AT_ONCE, len(good)), len(good))
    found = pd.concat(pieces)
    table = _table(scorer, found, explain=explain)
    table.index = pd.Index(good)
    table = table.reindex(range(len(snapshot)))
    for name in ("score", "matrix_total"):
        table[name] = table[name].astype("Int64")
    table.insert(0, "lead_id", snapshot.ids.astype(str))
    table["model_version"] = scorer.version
    table["error"] = problem
    write_table(table, out)
    counts = found["tier"].value_counts()
    bad = tuple(
        f"{item.count} line(s) left out: {item.reason} (first: {', '.join(item.first_ids)})"
        for item in snapshot.unused
    )
    return ScoreResult(
        out=out,
        leads=len(snapshot),
        failed=len(snapshot) - len(good),
        tiers={name: int(counts.get(name, 0)) for name in ("hot", "warm", "cold")},
        version=scorer.version,
        warnings=(*snapshot.warnings, *bad),
    )


def _snapshot(data: Path, scorer: Scorer, as_of: datetime | None, mapping: Path | None) -> Snapshot:
    schema = scorer.encoder.schema
    if not data.is_dir():
        return build_snapshot(read_flat(data), schema, for_training=False, as_of=as_of)
    if schema.history is None:
        raise InputError(
            "A CRM export can be scored by a model that was trained on one",
            found=f"version {scorer.version}, trained on a flat file",
            do="Name a flat file, or train on the export and promote that version",
        )
    meaning, export, _ = open_export(data, mapping, needs_outcomes=False)
    moment = None if as_of is None else int(np.datetime64(as_of, "us").astype(np.int64))
    return open_leads(export, meaning, schema, as_of=moment)


def _table(scorer: Scorer, found: pd.DataFrame, *, explain: bool) -> pd.DataFrame:
    columns = ["score", "tier", "action", "probability", "matrix_total", "matrix_tier"]
    table = found[[*columns, "completeness"]].copy()
    table.insert(1, "score_max", scorer.score_max)
    if not explain:
        return table
    points = found[[f"points/{name}" for name, _ in scorer.explained_fields]]
    table["base_points"] = found["base_points"]
    for name in points:
        table[name] = points[name]
    table["rounding_points"] = found["rounding_points"]
    table["limit_points"] = found["limit_points"]
    table["ask_next"] = [json.dumps(asks, ensure_ascii=False) for asks in found["ask_next"]]
    return table
