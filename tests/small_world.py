"""A made-up CRM in small, trained once and shared by the tests of the core.

About 1,500 leads with the fields of the six criteria, answers left out, a category that is really
called "Other", contact details that work and that do not, a column with a reserved name, columns
that the schema does not use, and the newest leads still open.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.schema import Schema
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.ladder import LADDER
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.trained import Trained
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.snapshot import Snapshot, build_snapshot
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.scorer import Parts, Scorer

LEADS = 1_500
SEED = 11
STARTED = np.datetime64("2025-01-01T08:00:00")
HOURS_BETWEEN = 6
OPEN = 60

MISSING = () if CatBoost.installed() else (CatBoost.kind,)
SCORED = tuple(
    kind.kind
    for kind in LADDER
    if (kind.kind == "odoo" or not kind.never_chosen) and kind.kind not in MISSING
)
"""Kinds that may score leads, and the peer; the sceptic's set is compared only."""

LEVELS = {
    "industry": (["Software", "Finance", "Retail", "Other"], [0.3, 0.2, 0.3, 0.2]),
    "urgency": (["now", "this year", "some day"], [0.3, 0.35, 0.35]),
    "role": (["director", "head", "clerk"], [0.25, 0.35, 0.4]),
    "source": (["search", "fair", "referral"], [0.5, 0.3, 0.2]),
    "campaign": (["spring", "autumn"], [0.5, 0.5]),
}
LEFT_OUT = {
    "industry": 0.08,
    "budget": 0.25,
    "urgency": 0.1,
    "role": 0.1,
    "timeline days": 0.2,
    "pages": 0.05,
    "demo": 0.1,
    "phone": 0.15,
    "contract_ends": 0.4,
}
RARE_INDUSTRY = "Mining"

SCHEMA: dict[str, Any] = {
    "version": 1,
    "dataset": "small world",
    "id": "Lead No",
    "target": {"column": "outcome", "won": ["won"], "lost": ["lost"]},
    "order": {"by": "time", "column": "created", "reason": "when the form was sent"},
    "missing": ["n/a"],
    "columns": {
        "industry": {"type": "category", "criterion": "industry_fit", "askable": True},
        "budget": {
            "type": "number",
            "criterion": "budget",
            "monotone": "increasing",
            "unit": "EUR",
            "label": "Budget",
            "askable": True,
        },
        "urgency": {"type": "category", "criterion": "need_urgency", "askable": True},
        "role": {"type": "category", "criterion": "authority", "askable": True},
        "timeline days": {
            "type": "number",
            "criterion": "timeline",
            "monotone": "decreasing",
            "unit": "days",
            "missing": ["-1"],
            "askable": True,
        },
        "pages": {"type": "number", "criterion": "engagement", "monotone": "increasing"},
        "demo": {"type": "boolean", "criterion": "engagement"},
        "email": {"type": "email", "criterion": "reachability"},
        "phone": {"type": "phone", "criterion": "reachability", "region": "GB", "askable": True},
        "source": {"type": "category", "criterion": "source"},
        "campaign": {"type": "category", "criterion": "campaign"},
        "contract_ends": {"type": "date"},
        "stages": {"type": "number"},
        "newsletter": {"type": "boolean"},
        "notes": {"type": "text"},
        "hand score": {"type": "number", "known": "after_outcome", "use": False},
    },
}

MATRIX: dict[str, Any] = {
    "version": 1,
    "criteria": {
        "industry_fit": {
            "rules": [
                {
                    "field": "industry",
                    "full": {"one_of": ["Software", "Finance"]},
                    "partial": {"one_of": ["Retail"]},
                }
            ]
        },
        "budget": {
            "rules": [
                {
                    "field": "budget",
                    "full": {"at_least": 20_000},
                    "partial": {"at_least": 5_000},
                }
            ]
        },
        "need_urgency": {
            "rules": [
                {
                    "field": "urgency",
                    "full": {"one_of": ["now"]},
                    "partial": {"one_of": ["this year"]},
                }
            ]
        },
        "authority": {
            "rules": [
                {
                    "field": "role",
                    "full": {"one_of": ["director"]},
                    "partial": {"one_of": ["head"]},
                }
            ]
        },
        "timeline": {
            "rules": [
                {
                    "field": "timeline days",
                    "full": {"at_most": 30},
                    "partial": {"at_most": 90},
                }
            ]
        },
        "engagement": {
            "combine": "best",
            "rules": [
                {"field": "demo", "full": {"is": True}},
                {"field": "pages", "full": {"above": 9}, "partial": {"above": 3}},
            ],
        },
    },
}


@dataclass
class World:
    """The small world, read and trained; not to be changed."""

    flat: DataFile
    schema: Schema
    matrix: Matrix
    snapshot: Snapshot
    trained: Trained
    policy: Policy
    _scorers: dict[str, Scorer] = field(default_factory=dict)

    def scorer(self, kind: str) -> Scorer:
        """Return the Scorer that would be made if this candidate had been chosen."""
        if kind not in self._scorers:
            candidate = self.trained[kind]
            chosen = self.trained.evaluated.parts
            parts = Parts(
                encoder=chosen.encoder,
                estimator=candidate.estimator,
                calibration=candidate.calibration,
                policy=None if kind == "matrix" else self.policy,
                reference=chosen.reference,
                card=chosen.card,
            )
            self._scorers[kind] = Scorer(parts)
        return self._scorers[kind]

    def lead(self, row: int) -> dict[str, Any]:
        """Return what the file says of a row of the snapshot, as a request would carry it."""
        cells = self.flat.table.slice(int(self.snapshot.row[row]) - 1, 1).to_pylist()[0]
        names = [column.name for column in self.schema.used]
        return {"stages_column" if n == "stages" else n: cells[n] for n in names}

    def as_of(self, row: int) -> Any:
        """Return the moment at which a row of the snapshot is seen."""
        assert self.snapshot.as_of is not None
        return self.snapshot.as_of[row].astype(object)


def draw_rows(leads: int = LEADS, *, seed: int = SEED, signal: float = 1.0) -> pd.DataFrame:
    """Draw leads as a CSV file would hold them: text, and "" where nothing was said.

    Parameters
    ----------
    leads : int
    seed : int
    signal : float
        How much the fields say about the outcome; 0 for nothing.
    """
    rng = np.random.default_rng(seed)
    created = STARTED + np.arange(leads) * np.timedelta64(HOURS_BETWEEN, "h")
    true: dict[str, Any] = {
        name: rng.choice(np.array(words, dtype=object), size=leads, p=shares)
        for name, (words, shares) in LEVELS.items()
    }
    true["industry"][rng.choice(leads, size=3, replace=False)] = RARE_INDUSTRY
    budget = np.round(np.exp(rng.normal(9.4, 0.9, leads)), -2)
    days = rng.integers(5, 200, leads)
    pages = rng.poisson(5, leads)
    demo = rng.random(leads) < 0.3
    reached = rng.random(leads) < 0.85
    logodds = (
        1.3 * (true["urgency"] == "now")
        + 0.5 * (true["urgency"] == "this year")
        + 0.9 * (true["role"] == "director")
        + 0.8 * np.isin(true["industry"].astype(str), ["Software", "Finance"])
        + 0.8 * (np.log(budget) - 9.4)
        - 0.008 * (days - 100)
        + 0.12 * (pages - 5)
        + 0.8 * demo
        + 1.2 * reached
        + 0.7 * (true["source"] == "referral")
        - 0.6 * (true["campaign"] == "autumn")
    )
    won = rng.random(leads) < 1 / (1 + np.exp(-signal * (logodds - 3.0)))
    ends = created + (rng.integers(10, 400, leads) * 24 + 5) * np.timedelta64(1, "h")
    rows: dict[str, Any] = {
        "Lead No": [f"L-{i}" for i in range(leads)],
        "created": [str(moment) for moment in created],
        **true,
        "budget": [f"{value:.0f}" for value in budget],
        "timeline days": [str(value) for value in days],
        "pages": [str(value) for value in pages],
        "demo": np.where(demo, "Yes", "No"),
        "email": [
            f"person{i}@example.com" if i % 9 else f"person{i}@localhost" for i in range(leads)
        ],
        "phone": [
            f"+44 20 7946 0{i % 1000:03d}" if good else f"0000{i}" for i, good in enumerate(reached)
        ],
        "contract_ends": [str(moment) for moment in ends],
        "stages": [str(value) for value in rng.integers(0, 5, leads)],
        "newsletter": np.where(rng.random(leads) < 0.4, "true", "false"),
        "notes": [f"said something {i}" for i in range(leads)],
        "hand score": [str(value) for value in rng.integers(0, 100, leads)],
        "outcome": np.where(won, "won", "lost"),
    }
    frame = pd.DataFrame({name: np.array(cells, dtype=object) for name, cells in rows.items()})
    for name, share in LEFT_OUT.items():
        frame.loc[rng.random(leads) < share, name] = "n/a" if name == "role" else ""
    frame.loc[leads - min(OPEN, leads // 10) :, "outcome"] = ""
    return frame.astype(object)


def write_rows(frame: pd.DataFrame, path: Path) -> Path:
    """Write leads as a CSV file."""
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    return path


def small_schema(**changes: Any) -> Schema:
    """Return the small world's schema, with other values of some keys."""
    return Schema.read(SCHEMA | changes)


def small_matrix(schema: Schema | None = None) -> Matrix:
    """Return the small world's hand-built matrix."""
    return Matrix.read(MATRIX, schema or small_schema())


def make_snapshot(folder: Path, frame: pd.DataFrame, schema: Schema) -> Snapshot:
    """Write leads, read them back as any file, and build the snapshot."""
    return build_snapshot(read_table(write_rows(frame, folder / "leads.csv")), schema)


def make_world(folder: Path) -> World:
    """Draw, write, read and train."""
    schema = small_schema()
    matrix = small_matrix(schema)
    flat = read_table(write_rows(draw_rows(), folder / "leads.csv"))
    snapshot = build_snapshot(flat, schema)
    trained = compare(snapshot, schema, matrix, card={"dataset": schema.dataset}, replicates=20)
    assert trained.policy is not None
    return World(flat, schema, matrix, snapshot, trained, replace(trained.policy, version=3))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the small world, trained once for all tests; not to be changed."""
    return make_world(tmp_path_factory.mktemp("small_world"))
