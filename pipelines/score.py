"""Score a file with the champion: the same numbers as the endpoint, to the last bit."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.inputs import moment_given, open_export
from pipelines.progress import ProgressBar
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.files.writing import write_table
from scoring_ml.data.values.moments import DateForm
from scoring_ml.errors import InputError
from scoring_ml.features.crm_snapshot import NOT_DUE, open_leads
from scoring_ml.features.snapshot import Snapshot, build_snapshot
from scoring_ml.scoring.champion import load_champion
from scoring_ml.scoring.scale import TIERS
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home


@dataclass(frozen=True)
class ScoreResult:
    """What was scored: rows written, those of them that could not be, and leads by tier.

    ``not_due`` leads of a CRM export are not open at that moment; they have no score either.
    """

    leads: int
    failed: int
    not_due: int
    tiers: dict[str, int]
    version: str
    warnings: tuple[str, ...]


def score_file(
    data: Path,
    *,
    out: Path,
    home: Home,
    explain: bool = False,
    as_of: str | None = None,
    mapping: Path | None = None,
    bar: ProgressBar | None = None,
) -> ScoreResult:
    """Score every row of a flat file, or every open lead of a CRM export; no row is lost.

    Parameters
    ----------
    out : Path
        CSV or Parquet, by its ending; replaced if it exists. A row that cannot be scored has an
        ``error`` and no score; ``warnings`` holds the codes of what an answer would warn of.
    explain : bool
        Whether to add reasons, points and what to ask next.
    as_of : str or None
        The moment at which the leads are seen, or ``now``; without a zone in UTC for a flat file,
        in the mapping's zone for a CRM export. If None, the schema's order column of a flat
        file, and the moment of a CRM export.

    Raises
    ------
    InputError
        If the file cannot be read or has no column that the model knows.
    NothingServed
        If no champion has been promoted.
    """
    bar = bar or ProgressBar("score")
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
    step = bar.counted("score", 0.2, 1.0)
    scored = scorer.score_snapshot(snapshot, explain=explain, progress=step)
    table = _table(scorer, scored, explain=explain)
    table.insert(0, "lead_id", snapshot.ids.astype(str))
    write_table(table, out)
    bad = tuple(
        f"{item.count} line(s) left out: {item.reason} (first: {', '.join(item.first_ids)})"
        for item in snapshot.unused
    )
    not_due = int(scored["error"].isin(NOT_DUE).sum())
    return ScoreResult(
        leads=len(snapshot),
        failed=int((scored["error"] != "").sum()) - not_due,
        not_due=not_due,
        tiers={name: int((scored["tier"] == name).sum()) for name in TIERS},
        version=scorer.version,
        warnings=(*snapshot.warnings, *bad),
    )


def _snapshot(data: Path, scorer: Scorer, as_of: str | None, mapping: Path | None) -> Snapshot:
    schema = scorer.encoder.schema
    if not data.is_dir():
        file = read_table(data, encoding=schema.encoding)
        seen = None
        if as_of is not None:
            seen = np.datetime64(moment_given(as_of, DateForm(), "UTC"), "us").item()
        return build_snapshot(file, schema, for_training=False, as_of=seen)
    if schema.history is None:
        raise InputError(
            "A CRM export can be scored by a model that was trained on one",
            found=f"version {scorer.version}, trained on a flat file",
            do="Name a flat file, or train on the export and promote that version",
        )
    meaning, export, report = open_export(data, mapping, needs_outcomes=False)
    if meaning.dataset != schema.dataset:
        raise InputError(
            "A CRM export must be of the data set that the model was trained on",
            found=f"dataset {meaning.dataset} in crm.yaml, and {schema.dataset} in the model",
            do="Name the right folder or --home; dataset in crm.yaml is the name of the CRM's data",
        )
    moment = None if as_of is None else moment_given(as_of, meaning, meaning.timezone)
    snapshot = open_leads(export, meaning, schema, as_of=moment)
    lost = tuple(
        f"{count} of {table.read} rows of {table.name} left out: {defect}; see scoring-ml check"
        for table in report.tables
        for defect, count in table.left_out.items()
    )
    return replace(snapshot, warnings=(*snapshot.warnings, *lost))


def _table(scorer: Scorer, scored: pd.DataFrame, *, explain: bool) -> pd.DataFrame:
    columns = ["score", "tier", "action", "probability", "matrix_total", "matrix_tier"]
    columns.append("completeness")
    if explain:
        columns.append("base_points")
        columns += [f"points/{name}" for name, _ in scorer.explained_fields]
        columns += ["rounding_points", "limit_points", "ask_next"]
    table = scored[[*columns, "warnings", "model_version", "error"]].copy()
    table.insert(1, "score_max", pd.Series(scorer.score_max, table.index[scored["error"] == ""]))
    if explain:
        table["ask_next"] = [
            json.dumps(asks, ensure_ascii=False) if isinstance(asks, list) else None
            for asks in scored["ask_next"]
        ]
    return table
