"""What a training keeps of the leads it scored: the newest window and the open leads.

Reports are written from these rows, and promotions compared on them. Contact details are kept
only as valid or invalid.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.evaluation.comparison import Trained
from scoring_ml.evaluation.windows import NAMES
from scoring_ml.features.criteria import contact_valid, is_missing
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.saving import json_ready, write_json
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.scoring.wording import display_value

ROWS: Final = "scored.parquet"
FACTS: Final = "scored.json"
CALIBRATION_ROWS: Final = "calibration.parquet"
INPUTS: Final = "inputs.parquet"
"""What the scored rows were scored from, so that another version can score the same leads."""

_CONTACTS: Final = {
    ("email", True): "somebody@example.com",
    ("email", False): "nobody",
    ("phone", True): "+12025550123",
    ("phone", False): "0",
}
"""Made-up contact details that stand for valid and invalid ones."""


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
    scorer : Scorer
        With its version.
    progress : callable or None
        Told leads done and leads in all.
    """
    windows, snapshot = trained.windows, trained.snapshot
    rows = np.sort(np.concatenate([windows.test, windows.open]))
    is_open = np.isin(rows, windows.open)
    part = snapshot.take(rows)
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, len(rows))

    found = scorer.score_frame(part.frame, part.as_of, explain=True, progress=tell)
    found["ask_next"] = [json.dumps(asks) for asks in found["ask_next"]]
    table: dict[str, Any] = {
        "lead_id": part.ids.astype(str),
        "window": np.where(~is_open, "test", np.where(np.isnan(part.label), "open", "young")),
        "as_of": pd.Series(pd.NaT, index=found.index) if part.as_of is None else part.as_of,
        "won": np.where(is_open, np.nan, part.label),
    }
    if part.account is not None:
        table["account"] = pd.factorize(part.account, use_na_sentinel=True)[0]
    if scorer.parts.calibration.gives_probability:
        table["logodds"] = scorer.logodds(scorer.encoder.encode(part.frame, part.as_of))
    for name in found.columns:
        table[name] = found[name].to_numpy()
    table |= _values(scorer, part)
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        pd.DataFrame(table).to_parquet(temporary / ROWS, index=False)
        _calibration_rows(trained).to_parquet(temporary / CALIBRATION_ROWS, index=False)
        _inputs(scorer, part).to_parquet(temporary / INPUTS, index=False)
        write_json(temporary / FACTS, _facts(trained, scorer))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _inputs(scorer: Scorer, part: Snapshot) -> pd.DataFrame:
    """Return typed values of the scored rows, with made-up contact details for real ones."""
    kept: dict[str, Any] = {}
    for column in scorer.encoder.schema.columns:
        if column.name not in part.frame:
            continue
        values = part.frame[column.name].to_numpy()
        if column.type in ("email", "phone"):
            values = np.array(
                [
                    None
                    if is_missing(value)
                    else _CONTACTS[column.type, contact_valid(value, column)]
                    for value in values
                ],
                dtype=object,
            )
        kept[column.name] = values
    return pd.DataFrame(kept, index=part.frame.index)


def rescored(folder: Path, scorer: Scorer) -> pd.DataFrame | None:
    """Score a run's kept rows with another version.

    Parameters
    ----------
    folder : Path
        ``HOME/runs/<run_id>``.
    scorer : Scorer

    Returns
    -------
    DataFrame or None
        ``score``, ``tier`` and ``logodds`` (the matrix's total where it has no probability),
        row by row as in ``scored.parquet``; ``None`` if no rows were kept, or the version knows
        none of their columns.
    """
    if not (folder / INPUTS).is_file():
        return None
    frame = pd.read_parquet(folder / INPUTS)
    if not any(column.name in frame for column in scorer.encoder.schema.used):
        return None
    moments = pd.read_parquet(folder / ROWS, columns=["as_of"])["as_of"]
    as_of = None if moments.isna().all() else moments.to_numpy(dtype="datetime64[us]")
    found = scorer.score_frame(frame, as_of)[["score", "tier"]]
    X = scorer.encoder.encode(frame, as_of)
    known = scorer.parts.calibration.gives_probability
    found["logodds"] = scorer.logodds(X) if known else scorer.unrounded(X)
    return found


def _values(scorer: Scorer, part: Snapshot) -> dict[str, NDArray[Any]]:
    """Return values as a page may show them, per explained field, and source and campaign."""
    schema = scorer.encoder.schema
    columns = {column.name: column for column in schema.used}
    codes = scorer.encoder.criterion_codes(part.frame)
    shown: dict[str, NDArray[Any]] = {}
    for name, criterion in scorer.explained_fields:
        if name in columns:
            column = columns[name]
            cells = [display_value(column, value) for value in part.frame[name].to_numpy()]
        else:
            words = ("none", "partial", "full", None)
            cells = [words[code] for code in codes[criterion]]
        shown[f"value/{name}"] = np.array(cells, dtype=object)
    for role in ("source", "campaign"):
        first = next((n for n, c in scorer.explained_fields if c == role and n in columns), None)
        if first is not None:
            shown[role] = shown[f"value/{first}"]
    return shown


def _calibration_rows(trained: Trained) -> pd.DataFrame:
    """Return the calibration window, from which another policy can be fitted later."""
    rows = trained.windows.calibrate
    winner = trained[trained.chosen]
    snapshot = trained.snapshot
    table: dict[str, Any] = {
        "matrix_total": MatrixEstimator(trained.encoder.columns).total(trained.X[rows]),
        "won": snapshot.label[rows],
    }
    if winner.calibration.gives_probability:
        table["logodds"] = winner.calibration.logodds(winner.logodds[rows])
    if snapshot.as_of is not None:
        table["as_of"] = snapshot.as_of[rows]
    return pd.DataFrame(table)


def _facts(trained: Trained, scorer: Scorer) -> Mapping[str, Any]:
    schema = trained.schema
    columns = {column.name: column for column in schema.used}
    fields = []
    for name, criterion in scorer.explained_fields:
        column = columns.get(name)
        fields.append(
            {
                "name": name,
                "label": name if column is None else column.title,
                "criterion": criterion,
                "type": "criterion" if column is None else column.type,
                "unit": None if column is None else column.unit,
                "askable": column is not None and column.askable,
            }
        )
    reference = scorer.parts.reference
    observed = {
        name: [
            {
                "value": item.value,
                "leads": item.leads,
                "won_share": item.wins / item.leads if item.leads else None,
            }
            for item in field.observed
            if item.leads
        ]
        for name, field in reference.fields.items()
    }
    policy = scorer.parts.policy
    return {
        "dataset": schema.dataset,
        "model": scorer.model,
        "score_max": scorer.score_max,
        "base_rate": {name: _finite(trained.base_rate[name]) for name in NAMES},
        "fields": fields,
        "matrix_mean": reference.matrix_mean,
        "matrix_max": {c.name: max(c.points) for c in trained.matrix.criteria},
        "matrix_none": {c.name: c.points[0] for c in trained.matrix.criteria},
        "observed": observed,
        "verdict": trained.verdict.text,
        "verdict_sentences": json_ready(list(trained.verdict.sentences)),
        "warnings": list(trained.warnings),
        "policy": None if policy is None else policy.dump(),
        "order": {"by": schema.order.by},
        # Computed fields are named anew in the language of a page.
        "schema": None if schema.history is None else schema.dump(),
        "final_labels": trained.windows.final_labels,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
