"""Scored rows that a training keeps: those of the newest window and of the open leads.

Reports are written from these rows, and promotions compared on them. Contact details are kept
only as valid or invalid.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.files.writing import whole_folder
from scoring_ml.evaluation.candidate import matrix_total
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.features.encoder import LEVEL_CODES
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scale import round_half_up, tiers
from scoring_ml.scoring.scored_run import ScoredRun, kept_value, write_scored
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.statistics.samples import Floats

CALIBRATION_ROWS: Final = "calibration.parquet"


def write_scored_rows(
    folder: Path,
    trained: Trained,
    scorer: Scorer,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a run's scored rows into a folder, which appears whole or not at all.

    Parameters
    ----------
    folder : Path
        ``HOME/runs/<run_id>``.
    trained : Trained
        Whose evaluation scores the newest window: what is registered has learned from it.
    scorer : Scorer
        What is registered, with its version; it scores the open leads.
    progress : callable or None
        Told leads done and leads in all.
    """
    windows, snapshot = trained.windows, trained.snapshot
    rows = np.sort(np.concatenate([windows.test, windows.open]))
    is_open = np.isin(rows, windows.open)
    part = snapshot.take(rows)
    undated = part.as_of is None
    table: dict[str, Any] = {
        "lead_id": part.ids.astype(str),
        "window": np.where(~is_open, "test", np.where(np.isnan(part.label), "open", "young")),
        "as_of": np.full(len(rows), np.datetime64("NaT", "us")) if undated else part.as_of,
        "won": np.where(is_open, np.nan, part.label),
    }
    if part.account is not None:
        table["account"] = pd.factorize(part.account, use_na_sentinel=True)[0]
    scored = _scored(part, is_open, trained.evaluated, scorer, progress)
    scored["ask_next"] = [json.dumps(asks) for asks in scored["ask_next"]]
    table |= {name: scored[name].to_numpy() for name in scored.columns.drop("warnings")}
    table |= _values(scorer, part)
    with whole_folder(folder) as temporary:
        write_scored(temporary, pd.DataFrame(table), _facts(trained, scorer))
        _calibration_rows(trained).to_parquet(temporary / CALIBRATION_ROWS, index=False)


def _scored(
    part: Snapshot,
    is_open: NDArray[np.bool_],
    evaluated: Scorer,
    registered: Scorer,
    progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """Score and explain leads, each with a fit that did not know how it ended."""
    tables, done = [], 0
    for which, scorer in ((~is_open, evaluated), (is_open, registered)):
        rows = part.take(which)

        def tell(count: int, _: int, done: int = done) -> None:
            if progress is not None:
                progress(done + count, len(part))

        table = scorer.score_frame(rows.frame, rows.as_of, explain=True, progress=tell)
        tables.append(table.set_index(np.flatnonzero(which)))
        done += len(rows)
    return pd.concat([table for table in tables if len(table)]).sort_index()


def rescored(run: ScoredRun, scorer: Scorer) -> pd.DataFrame | None:
    """Score a run's kept rows with another version.

    Returns
    -------
    DataFrame or None
        ``score``, ``tier`` and ``unrounded``, the number both come from, row by row as in the
        run; ``None`` if the version knows none of their columns.
    """
    frame, as_of = run.typed()
    if not any(column.name in frame for column in scorer.encoder.schema.used):
        return None
    scores = scorer.scores(frame, as_of)
    return score_columns(scores.unrounded, scorer.score_max)


def score_columns(unrounded: Floats, score_max: int) -> pd.DataFrame:
    """Return ``score``, ``tier`` and ``unrounded``, the number both come from, row by row."""
    score = np.clip(round_half_up(unrounded), 0, score_max)
    return pd.DataFrame({"score": score, "tier": tiers(score), "unrounded": unrounded})


def _values(scorer: Scorer, part: Snapshot) -> dict[str, NDArray[Any]]:
    """Return typed values per column, and of explained fields levels and observed entries."""
    schema = scorer.encoder.schema
    kept = {
        f"value/{column.name}": kept_value(column, part.frame[column.name].to_numpy())
        for column in schema.columns
        if column.name in part.frame
    }
    scores = scorer.scores(part.frame, part.as_of)
    columns = {column.name: column for column in schema.used}
    levels = np.array([*LEVEL_CODES[:-1], None], dtype=object)
    for name, criterion in scorer.explained_fields:
        if name in columns:
            kept[f"slot/{name}"] = scorer.rows.slot(columns[name], scores)
        else:
            codes = scorer.encoder.criterion_codes_of(scores.X, criterion)
            kept[f"value/{name}"] = levels[codes]
    return kept


def _calibration_rows(trained: Trained) -> pd.DataFrame:
    """Return the leads of the blocks, from which another policy can be fitted later."""
    winner = trained[trained.chosen]
    rows = trained.windows.calibrate
    rows = rows[~np.isnan(winner.logodds[rows])]
    snapshot = trained.snapshot
    table: dict[str, Any] = {
        "matrix_total": matrix_total(trained.candidates, rows).astype(np.float64),
        "won": snapshot.label[rows],
    }
    if winner.calibration.gives_probability:
        table["logodds"] = winner.calibrated(rows)
    if snapshot.as_of is not None:
        table["as_of"] = snapshot.as_of[rows]
    return pd.DataFrame(table)


def _facts(trained: Trained, scorer: Scorer) -> Mapping[str, Any]:
    schema = trained.schema
    reference = scorer.parts.reference
    observed = {
        name: [vars(item) for item in field.observed] for name, field in reference.fields.items()
    }
    policy = scorer.parts.policy
    rivals = {item.kind for item in trained.candidates if not item.estimator.never_chosen}
    return {
        "dataset": schema.dataset,
        "model": scorer.model,
        "score_max": scorer.score_max,
        "base_rate": {name: _finite(trained.base_rate[name]) for name in NAMES},
        "schema": schema.dump(),
        "columns": [c.name for c in schema.columns if c.name in trained.snapshot.frame],
        "fields": [{"name": n, "criterion": group} for n, group in scorer.explained_fields],
        "rivals": {
            kind: json_ready(vars(gaps["roc_auc"]))
            for (kind, other), gaps in trained.comparison.differences.items()
            if other == trained.chosen and kind in rivals
        },
        "slices": [
            {"name": part.name, "leads": part.leads, "wins": part.wins}
            | {"roc_auc": json_ready(vars(part.judged[trained.chosen].roc_auc))}
            for part in trained.slices
        ],
        "matrix_mean": reference.matrix_mean,
        "matrix_max": {c.name: max(c.points) for c in trained.matrix.criteria},
        "matrix_none": {c.name: c.points[0] for c in trained.matrix.criteria},
        "observed": observed,
        "verdict": json_ready(list(trained.verdict.sentences)),
        "warnings": list(trained.warnings),
        "policy": None if policy is None else policy.dump(),
        "order": {"by": schema.order.by},
        "final_labels": trained.windows.final_labels,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
