"""Hand-made snapshots in which a lead is seen at several ages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scoring_ml.data.schema import Schema
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.trained import Trained
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.snapshot import Snapshot

DAY = 86_400_000_000
LEADS = 300
START = np.datetime64("2025-01-01T00:00:00", "us")


def day(number: float) -> np.datetime64:
    """Return the moment so many days after the start."""
    return START + np.timedelta64(round(number * DAY), "us")


def aged_schema(
    *,
    mature_after_days: float | None = 10.0,
    gap_days: float | None = None,
    account: bool = False,
) -> Schema:
    """Return a schema with two numbers and a category."""
    columns = {
        "size": {"type": "number", "criterion": "budget"},
        "visits": {"type": "number", "criterion": "engagement"},
        "language": {"type": "category"},
    }
    content = {
        "version": 1,
        "dataset": "ages",
        "id": "lead_id",
        "target": {"column": "outcome", "won": ["won"], "lost": ["lost"]},
        "order": {"by": "time", "column": "created_at"},
        "mature_after_days": mature_after_days,
        "gap_days": gap_days,
        "columns": columns,
    }
    return Schema.read(content | ({"account": "account_id"} if account else {}))


def aged_snapshot(
    *,
    leads: int = 100,
    apart_days: float = 1.0,
    ages: Sequence[float] = (0.0, 1.0, 7.0),
    mature_after_days: float = 10.0,
    extracted_day: float | None = None,
    open_now: int = 5,
    closed_after_days: np.ndarray | None = None,
    won: np.ndarray | None = None,
    account: np.ndarray | None = None,
    seed: int = 0,
) -> Snapshot:
    """Return leads created one after the other, each at every age at which it is open.

    The label of a row is unknown where ``as_of + mature_after_days`` is after the extraction;
    ``visits`` tell more with each age.
    """
    rng = np.random.default_rng(seed)
    created = np.arange(leads) * apart_days
    extracted = float(created[-1] + 1) if extracted_day is None else extracted_day
    won = np.arange(leads) % 2 if won is None else won
    closed = np.full(leads, np.inf) if closed_after_days is None else closed_after_days
    size = rng.normal(10 + won, 1.0)
    word = rng.choice(["en", "fa", "ru"], size=leads, p=[0.5, 0.3, 0.2])
    rows = []
    for lead in range(leads):
        for age in ages:
            seen = created[lead] + (age or 1 / 86_400)
            if seen > extracted or age >= closed[lead]:
                continue
            label = won[lead] if seen + mature_after_days <= extracted else np.nan
            visits = rng.poisson(1.0 + age * (0.3 + 0.5 * won[lead]))
            rows.append((lead, age, day(seen), label, visits))
        if lead >= leads - open_now:
            rows.append((lead, np.nan, day(extracted), np.nan, 1.0))
    lead, age, as_of, label, visits = (list(part) for part in zip(*rows, strict=True))
    at = np.array(lead, dtype=np.int64)
    return Snapshot(
        frame=pd.DataFrame(
            {"size": size[at], "visits": np.array(visits, float), "language": word[at]}
        ),
        ids=np.array([f"L{i}" for i in at], dtype=object),
        label=np.array(label, dtype=float),
        position=np.array([day(created[i]).astype(np.int64) for i in at], dtype=float),
        as_of=np.array(as_of, dtype="datetime64[us]"),
        account=None if account is None else account[at],
        row=at + 1,
        lead=at,
        age_days=np.array(age, dtype=float),
        headline_age_days=1.0,
        extracted_at=day(extracted),
    )


def train_ages() -> Trained:
    """Return a training on :data:`LEADS` leads of 200 accounts at three ages, with a matrix."""
    rng = np.random.default_rng(6)
    schema = aged_schema(account=True)
    rule = {"field": "size", "full": {"at_least": 11}, "partial": {"at_least": 10}}
    return compare(
        aged_snapshot(
            leads=LEADS,
            apart_days=0.5,
            won=rng.integers(0, 2, LEADS),
            account=np.array([f"A{i}" for i in rng.integers(0, 200, LEADS)], dtype=object),
        ),
        schema,
        Matrix.read({"criteria": {"budget": {"rules": [rule]}}}, schema),
        card={"name": "lead-scorer", "version": "0", "dataset": "ages"},
        replicates=20,
    )
