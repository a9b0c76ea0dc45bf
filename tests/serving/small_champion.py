"""A real Scorer, small and quick to make: a scorecard on 900 made-up leads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from scoring_ml.data.schema import Schema
from scoring_ml.estimators.calibration import fit_calibration
from scoring_ml.estimators.scorecard import Scorecard
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.reference import build_reference
from scoring_ml.scoring.saving import manifest_sha256, save_scorer
from scoring_ml.scoring.scorer import Parts, Scorer
from scoring_ml.settings import Home

SCHEMA = {
    "dataset": "small",
    "id": "crm_number",
    "target": {"column": "won", "won": ["1"], "lost": ["0"]},
    "order": {"by": "row"},
    "columns": {
        "industry": {"type": "category", "criterion": "industry_fit", "askable": True},
        "budget": {"type": "number", "criterion": "budget", "unit": "EUR", "askable": True},
        "decides": {"type": "boolean", "criterion": "authority", "askable": True},
        "need": {"type": "category", "criterion": "need_urgency", "askable": True},
        "timeline_days": {"type": "number", "criterion": "timeline", "unit": "days"},
        "first_visit": {"type": "date", "criterion": "engagement"},
        "email": {"type": "email", "criterion": "reachability"},
        "phone": {"type": "phone", "criterion": "reachability", "region": "DE"},
        "notes": {"type": "text", "use": False},
    },
}
MATRIX = {
    "version": 1,
    "criteria": {
        "industry_fit": {
            "rules": [
                {
                    "field": "industry",
                    "full": {"one_of": ["Software"]},
                    "partial": {"filled": True},
                }
            ]
        },
        "need_urgency": {"rules": [{"field": "need", "full": {"one_of": ["urgent"]}}]},
        "engagement": {"rules": [{"field": "first_visit", "partial": {"filled": True}}]},
        "authority": {"rules": [{"field": "decides", "full": {"is": True}}]},
        "timeline": {
            "rules": [
                {"field": "timeline_days", "full": {"at_most": 30}, "partial": {"at_most": 90}}
            ]
        },
    },
}
EXAMPLE = {
    "lead_id": "L-1042",
    "industry": "Software",
    "budget": 8000,
    "decides": True,
    "need": "urgent",
    "timeline_days": 20,
    "first_visit": "2026-11-01",
    "email": "mara@example.org",
    "phone": "+49 30 901820",
}


def small_scorer(version: str = "1", *, seed: int = 11) -> Scorer:
    """Train the Scorer; the seed changes its numbers."""
    rng = np.random.default_rng(seed)
    n = 900
    industry = rng.choice(["Software", "Finance", "Retail", "Farming"], n)
    budget = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 100, n) * 100.0)
    decides = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 2, n).astype(float))
    timeline = rng.integers(1, 200, n).astype(float)
    days = rng.integers(0, 300, n).astype("timedelta64[D]")
    first_visit = (np.datetime64("2026-11-20T00:00:00", "us") - days).astype("datetime64[us]")
    logodds = -1.5 + (industry == "Software") + np.nan_to_num(budget) / 4000
    logodds += np.nan_to_num(decides) - timeline / 100
    won = (rng.random(n) < 1 / (1 + np.exp(-logodds))).astype(float)
    frame = pd.DataFrame(
        {
            "industry": industry.astype(object),
            "budget": budget,
            "decides": decides,
            "need": rng.choice(np.array(["urgent", "some", None], object), n),
            "timeline_days": timeline,
            "first_visit": first_visit,
            "email": rng.choice(np.array(["a@example.org", "nowhere", None], object), n),
            "phone": rng.choice(np.array(["+49 30 901820", "12", None], object), n),
        }
    )
    schema = Schema.read(SCHEMA)
    encoder = Encoder.fit(frame, schema, Matrix.read(MATRIX, schema))
    as_of = np.full(n, np.datetime64("2026-11-22T00:00:00", "us"))
    X = encoder.encode(frame, as_of)
    estimator = Scorecard(encoder.columns).fit(X, won)
    card = {
        "name": "lead-scorer",
        "version": version,
        "dataset": "small",
        "trained_until": "2026-11-20",
        "example": EXAMPLE,
    }
    volumes = {"hot": 90, "warm": 200}
    policy = Policy("fixed", -0.5, 1.0, volumes, volumes, n, version=1)
    calibration = fit_calibration(estimator.logodds(X), won)
    reference = build_reference(encoder, frame, X, won)
    return Scorer(Parts(encoder, estimator, calibration, policy, reference, card))


def promote(home: Home, version: str, *, sha256: str | None = None) -> None:
    """Name a saved version as the champion, as ``scoring-ml promote`` does."""
    content = {
        "version": version,
        "sha256": sha256 or manifest_sha256(home.serving / version),
    }
    temporary = home.serving / "champion.new"
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(home.champion_file)


def saved(home: Home, scorer: Scorer) -> Path:
    """Save a Scorer where workers look."""
    folder = home.serving / scorer.version
    home.serving.mkdir(parents=True, exist_ok=True)
    save_scorer(scorer, folder)
    return folder
