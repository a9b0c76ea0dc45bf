"""Facts written down in a few words, for the tests of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.history import History
from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.data.values.moments import DAY
from scoring_ml.features.catalogue import feature_columns
from scoring_ml.features.compute import compute_features

EMAIL_KINDS = ("company", "free", "disposable", "invalid")
HOUR = DAY // 24
NOW = 1_790_000_000_000_000  # 2026-09-21 14:13:20 UTC, a Monday

HISTORY = History(
    kinds=("web_visit", "download", "email_open", "meeting"),
    stages=("lead", "mql", "sql", "proposal"),
    windows_days=(7, 30),
    half_life_days=7.0,
    amounts=("web_visit",),
    touches=("campaign", "channel"),
    hand_over="sql",
    after_hand_over=True,
    timezone="Asia/Tehran",
    free_mail=("free.example.com",),
    disposable_mail=("throwaway.example.com",),
)
FIELDS = (
    Column("industry", "category", askable=True),
    Column("budget", "number", askable=True),
    Column("start", "date", askable=True),
    Column("email", "email", criterion="reachability", askable=True),
    Column("note", "category"),
)


def schema_of(history: History = HISTORY, fields: Sequence[Column] = FIELDS) -> Schema:
    """Return a schema with every feature of a history."""
    return Schema(
        dataset="small",
        target=Target("outcome", ("won",), ("lost",)),
        order=Order("time", "created_at"),
        columns=(*fields, *feature_columns(history, fields)),
        history=history,
    )


SCHEMA = schema_of()


def activities_of(*rows: dict[str, Any]) -> Activities:
    """Return activities of rows with ``kind``, ``at`` and perhaps ``lead``, ``known`` ..."""

    def codes(name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        words = tuple(dict.fromkeys(row[name] for row in rows if row.get(name)))
        places = [words.index(row[name]) if row.get(name) else -1 for row in rows]
        return np.array(places, dtype=np.int32), words

    campaign, campaigns = codes("campaign")
    channel, channels = codes("channel")
    return Activities(
        lead=np.array([row.get("lead", 0) for row in rows], dtype=np.int64),
        kind=np.array([KINDS.index(row["kind"]) for row in rows], dtype=np.int16),
        by_lead=np.array([row.get("by_lead", row["kind"] in BY_LEAD) for row in rows], dtype=bool),
        occurred_at=np.array([row["at"] for row in rows], dtype=np.int64),
        known_at=np.array([row.get("known", row["at"]) for row in rows], dtype=np.int64),
        amount=np.array([row.get("amount", np.nan) for row in rows], dtype=np.float64),
        campaign=campaign,
        channel=channel,
        campaigns=campaigns,
        channels=channels,
    )


def stages_of(*rows: tuple[Any, ...], names: tuple[str, ...] = HISTORY.stages) -> Stages:
    """Return stages of rows (stage, entered_at[, known_at[, lead]])."""
    return Stages(
        lead=np.array([row[3] if len(row) > 3 else 0 for row in rows], dtype=np.int64),
        stage=np.array([names.index(row[0]) for row in rows], dtype=np.int16),
        entered_at=np.array([row[1] for row in rows], dtype=np.int64),
        known_at=np.array([row[2] if len(row) > 2 else row[1] for row in rows], dtype=np.int64),
        names=names,
    )


def column(*items: Any) -> NDArray[Any]:
    """Return an array of objects."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def one(
    activities: Activities | None = None,
    stages: Stages | None = None,
    *,
    created_at: int = NOW - 40 * DAY,
    as_of: int = NOW,
    schema: Schema = SCHEMA,
    **values: Any,
) -> dict[str, Any]:
    """Return the features of one lead as plain values."""
    found = compute_features(
        schema,
        {
            name: item if isinstance(item, np.ndarray) else column(item)
            for name, item in values.items()
        },
        created_at=np.array([created_at]),
        as_of=np.array([as_of]),
        activities=activities,
        stages=stages,
    )
    return {name: item[0] for name, item in found.items()}


def shuffled(activities: Activities, order: Sequence[int]) -> Activities:
    """Return the same activities in another order."""
    rows = np.array(order, dtype=np.int64)
    return replace(
        activities,
        **{
            name: getattr(activities, name)[rows]
            for name in ("lead", "kind", "by_lead", "occurred_at", "known_at", "amount")
        },
        campaign=None if activities.campaign is None else activities.campaign[rows],
        channel=None if activities.channel is None else activities.channel[rows],
    )


def same_bits(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    """Check that two sets of columns are equal to the bit."""
    assert one.keys() == other.keys()
    for name, values in one.items():
        if values.dtype == object:
            assert values.tolist() == other[name].tolist(), name
        else:
            assert values.tobytes() == other[name].tobytes(), name
