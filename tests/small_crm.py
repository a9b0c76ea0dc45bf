"""A small model with a history: 600 made-up leads, their activities and stages, and a Scorer.

The facts are drawn as arrays; :func:`request` writes one lead as a request carries it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.history import History
from scoring_ml.data.schema import Schema
from scoring_ml.data.values.moments import DAY, Moments
from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.calibration import fit_calibration
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.scorecard import Scorecard
from scoring_ml.features.asof import known
from scoring_ml.features.catalogue import feature_columns
from scoring_ml.features.compute import compute_features
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.example import example_lead
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.reference import build_reference
from scoring_ml.scoring.scorer import Parts, Scorer

LEADS = 600
SEED = 5
FIRST = int(np.datetime64("2026-01-05T08:00:00", "us").astype(np.int64))
CAMPAIGNS = ("spring", "autumn")
AMOUNT_KINDS = ("web_visit",)

HISTORY = History(
    kinds=("web_visit", "download", "email_open", "demo_request"),
    stages=("lead", "mql", "sql"),
    windows_days=(7, 30),
    amounts=AMOUNT_KINDS,
    touches=("campaign",),
    hand_over="sql",
    timezone="Europe/Berlin",
    kind_words={"page view": "web_visit", "content_download": "download"},
    stage_words={"new": "lead"},
)
FIELDS: dict[str, Any] = {
    "industry": {"type": "category", "criterion": "industry_fit", "askable": True},
    "budget": {"type": "number", "criterion": "budget", "unit": "EUR", "askable": True},
    "email": {"type": "email", "criterion": "reachability", "label": "E-mail", "askable": True},
    "utm": {"type": "category", "criterion": "campaign", "label": "Campaign"},
}
MATRIX = {
    "version": 1,
    "criteria": {
        "industry_fit": {"rules": [{"field": "industry", "full": {"one_of": ["Software"]}}]},
        "engagement": {
            "rules": [{"field": "web_visit_30d", "full": {"above": 5}, "partial": {"above": 1}}]
        },
    },
}


@dataclass(frozen=True)
class SmallCrm:
    """What was drawn, and the models fitted on it; not to be changed."""

    schema: Schema
    values: dict[str, NDArray[Any]]
    created_at: Moments
    as_of: Moments
    activities: Activities
    stages: Stages
    frame: pd.DataFrame
    encoder: Encoder
    won: NDArray[np.float64]
    scorers: dict[str, Scorer]

    def moment(self, row: int) -> Any:
        """Return the moment at which a lead is seen."""
        return self.as_of[row : row + 1].astype("datetime64[us]")[0].astype(object)


def crm_schema(history: History = HISTORY, **changes: Any) -> Schema:
    """Return the schema with every feature of the history; changes are of its columns."""
    content: dict[str, Any] = {
        "dataset": "small crm",
        "id": "lead_id",
        "account": "account_id",
        "target": {"column": "outcome", "won": ["won"], "lost": ["lost"]},
        "order": {"by": "time", "column": "created_at"},
        "history": history.dump(),
        "columns": FIELDS,
    }
    schema = Schema.read(content)
    columns = (*schema.columns, *feature_columns(history, schema.columns))
    whole = schema.with_columns(columns).dump()
    for name, spec in changes.items():
        whole["columns"][name] |= spec
    return Schema.read(whole)


def draw_facts(leads: int = LEADS, *, seed: int = SEED) -> tuple[Any, ...]:
    """Draw fields, moments, activities and stages; some facts become known too late."""
    rng = np.random.default_rng(seed)
    created = FIRST + np.sort(rng.integers(0, 200 * DAY, leads))
    as_of = created + rng.integers(DAY // 24, 40 * DAY, leads)
    values: dict[str, NDArray[Any]] = {
        "industry": rng.choice(np.array(["Software", "Retail", None], object), leads),
        "budget": np.where(rng.random(leads) < 0.3, np.nan, rng.integers(1, 90, leads) * 100.0),
        "email": rng.choice(
            np.array(["a@firm.example.com", "b@gmail.com", "nowhere", None], object), leads
        ),
        "utm": rng.choice(np.array([*CAMPAIGNS, None], object), leads),
    }
    many = leads * 12
    lead = np.sort(rng.integers(0, leads, many))
    kinds = np.array([KINDS.index(k) for k in (*HISTORY.kinds, "chat", "outbound_call")])
    kind = rng.choice(kinds, many).astype(np.int16)
    occurred = created[lead] + rng.integers(-5 * DAY, 45 * DAY, many)
    activities = Activities(
        lead=lead,
        kind=kind,
        by_lead=kind < len(BY_LEAD),
        occurred_at=occurred,
        known_at=occurred + rng.integers(0, DAY, many) * (rng.random(many) < 0.2),
        amount=np.where(
            kind == KINDS.index("web_visit"), rng.integers(1, 9, many).astype(float), np.nan
        ),
        campaign=rng.integers(-1, 2, many).astype(np.int32),
        campaigns=CAMPAIGNS,
    )
    lead = np.repeat(np.arange(leads), 3)
    entered = created[lead] + rng.integers(0, 30 * DAY, 3 * leads)
    stages = Stages(
        lead=lead,
        stage=rng.integers(0, 3, 3 * leads).astype(np.int16),
        entered_at=entered,
        known_at=entered + rng.integers(0, DAY, 3 * leads) * (rng.random(3 * leads) < 0.2),
        names=HISTORY.stages,
    )
    return values, created, as_of, activities, stages


def make_crm(
    schema: Schema | None = None,
    *,
    leads: int = LEADS,
    seed: int = SEED,
    kinds: Collection[str] = ("matrix", "scorecard", "boosted"),
) -> SmallCrm:
    """Draw the facts and fit a matrix, a scorecard and a boosted model on them."""
    schema = schema or crm_schema()
    values, created, as_of, activities, stages = draw_facts(leads, seed=seed)
    found = compute_features(
        schema,
        values,
        created_at=created,
        as_of=as_of,
        activities=activities,
        stages=stages,
    )
    frame = pd.DataFrame(values | found)
    logodds = -2.5 + 0.25 * found["web_visit_30d"] + 1.0 * (values["industry"] == "Software")
    logodds += 0.8 * found["demo_request_30d"] + 0.7 * (found["stage"] == "sql")
    won = (np.random.default_rng(seed + 1).random(leads) < 1 / (1 + np.exp(-logodds))).astype(float)
    encoder = Encoder.fit(frame, schema, Matrix.read(MATRIX, schema))
    X = encoder.encode(frame, as_of.astype("datetime64[us]"))
    reference = build_reference(encoder, frame, X, won)
    card = {
        "name": "lead-scorer",
        "version": "1",
        "dataset": "small crm",
        "example": example_lead(encoder, reference),
    }
    volumes = {"hot": 60, "warm": 150}
    policy = Policy("fixed", -0.5, 1.0, volumes, volumes, leads, version=1)
    scorers = {}
    for estimator in (
        MatrixEstimator(encoder.columns),
        Scorecard(encoder.columns),
        Boosted(encoder.columns, shallow_only=True),
    ):
        if estimator.kind not in kinds:
            continue
        estimator.fit(X, won)
        calibration = fit_calibration(estimator.logodds(X), won)
        own = None if estimator.kind == "matrix" else policy
        parts = Parts(encoder, estimator, calibration, own, reference, card)
        scorers[estimator.kind] = Scorer(parts)
    return SmallCrm(
        schema, values, created, as_of, activities, stages, frame, encoder, won, scorers
    )


def text(moment: Any) -> str:
    """Write microseconds since 1970 as a request carries them."""
    return f"{np.datetime64(int(moment), 'us')}Z"


def request(crm: SmallCrm, row: int, *, lists: bool = True) -> dict[str, Any]:
    """Write a lead as a request carries it, with all that was known of it when it was seen."""
    lead: dict[str, Any] = {"lead_id": f"L-{row}", "created_at": text(crm.created_at[row])}
    for name, column in crm.values.items():
        value = column[row]
        lead[name] = None if value is None or value != value else value
    if not lists:
        return lead
    acts, stages = crm.activities, crm.stages
    there = known(acts.known_at, crm.as_of[acts.lead]) & (acts.lead == row)
    lead["activities"] = []
    for i in np.flatnonzero(there):
        entry = {"type": KINDS[acts.kind[i]], "occurred_at": text(acts.occurred_at[i])}
        if not np.isnan(acts.amount[i]):
            entry["amount"] = float(acts.amount[i])
        if acts.campaign is not None and acts.campaign[i] >= 0:
            entry["campaign"] = acts.campaigns[acts.campaign[i]]
        lead["activities"].append(entry)
    there = known(stages.known_at, crm.as_of[stages.lead]) & (stages.lead == row)
    lead["stages"] = [
        {"stage": stages.names[stages.stage[i]], "entered_at": text(stages.entered_at[i])}
        for i in np.flatnonzero(there)
    ]
    return lead
