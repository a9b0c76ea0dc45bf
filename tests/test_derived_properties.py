"""Laws of features: order and later facts change no bit, one lead is as a million.

Each feature is held against the plain-Python one of the second check, which shares no code.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.features.activity_features import decay_table
from scoring_ml.features.catalogue import catalogue
from scoring_ml.features.compute import compute_features
from tests.derived_facts import (
    FIELDS,
    HISTORY,
    HOUR,
    NOW,
    SCHEMA,
    activities_of,
    column,
    same_bits,
    shuffled,
    stages_of,
)
from tests.oracle.naive_features import NaiveFeatures, OneActivity, OneStage

LEADS = 3
OFFSETS = [0, 1, -1, HOUR, DAY, 7 * DAY, 7 * DAY + 1, 7 * DAY - 1, 30 * DAY, 30 * DAY + 1, 41 * DAY]
"""Distances to the moment of scoring at which something could go wrong."""

CREATED = [NOW - 40 * DAY, NOW - 7 * DAY, NEVER]
MOMENTS = [NOW, NOW + 5 * HOUR, NOW - 1]
back = st.one_of(st.sampled_from(OFFSETS), st.integers(-2 * DAY, 45 * DAY))
words = st.sampled_from([None, "alpha", "beta", "Gamma", "гамма"])


@st.composite
def activity(draw: st.DrawFn, *, late: bool = False) -> dict[str, Any]:
    lead = draw(st.integers(0, LEADS - 1))
    distance = draw(back)
    at = MOMENTS[lead] - distance
    delay = draw(st.sampled_from([0, 0, 0, 1, HOUR, 40 * DAY]))
    row = {
        "lead": lead,
        "kind": draw(st.sampled_from(KINDS)),
        "by_lead": draw(st.booleans()),
        "at": at,
        "known": at + delay,
        "amount": draw(
            st.one_of(st.just(math.nan), st.floats(0, 50, width=32), st.sampled_from([1e9, 1e12]))
        ),
        "campaign": draw(words),
        "channel": draw(words),
    }
    if late:
        wait = draw(st.integers(0, 3 * DAY))
        if draw(st.booleans()):
            row["at"] = row["known"] = MOMENTS[lead] + wait
        else:
            row["known"] = MOMENTS[lead] + wait
    return row


@st.composite
def stage(draw: st.DrawFn, *, late: bool = False) -> tuple[str, int, int, int]:
    lead = draw(st.integers(0, LEADS - 1))
    entered = MOMENTS[lead] - draw(back)
    known = entered + draw(st.sampled_from([0, 0, 1, DAY]))
    if late:
        known = MOMENTS[lead] + draw(st.integers(0, DAY))
    return draw(st.sampled_from(STAGE_NAMES)), entered, known, lead


STAGE_NAMES = (*HISTORY.stages, "elsewhere")
acts = st.lists(activity(), max_size=14)
steps = st.lists(stage(), max_size=8)

VALUES: dict[str, Any] = {
    "industry": column("Software", None, "Retail"),
    "budget": np.array([np.nan, 5.0, 0.0]),
    "start": np.array(["2026-01-01", "NaT", "NaT"], dtype="datetime64[us]"),
    "email": column("a@gmail.com", None, "b@firm.example.com"),
}


def features(activities: Activities | None, stages: Stages | None, *leads: int) -> dict[str, Any]:
    """Return the features of some leads, all by default, out of one batch of just them."""
    chosen = list(leads) or list(range(LEADS))
    return compute_features(
        SCHEMA,
        {name: values[chosen] for name, values in VALUES.items()},
        created_at=np.array(CREATED)[chosen],
        as_of=np.array(MOMENTS)[chosen],
        activities=activities,
        stages=stages,
    )


def steps_of(rows: list[tuple[str, int, int, int]]) -> Stages:
    return stages_of(*rows, names=STAGE_NAMES)


def of_lead(rows: list[dict[str, Any]], lead: int) -> list[dict[str, Any]]:
    return [row | {"lead": 0} for row in rows if row["lead"] == lead]


@given(rows=acts, entered=steps, data=st.data())
@settings(max_examples=80, deadline=None)
def test_the_order_of_facts_changes_no_bit(
    rows: list[dict[str, Any]], entered: list[tuple[str, int, int, int]], data: st.DataObject
) -> None:
    plain = activities_of(*rows)
    order = data.draw(st.permutations(range(len(rows))))
    other = data.draw(st.permutations(entered))
    same_bits(features(plain, steps_of(entered)), features(shuffled(plain, order), steps_of(other)))
    # Written down in another order, the names of campaigns get other codes.
    same_bits(features(plain, None), features(activities_of(*(rows[k] for k in order)), None))


@given(
    rows=acts,
    entered=steps,
    later=st.lists(activity(late=True), min_size=1, max_size=5),
    later_steps=st.lists(stage(late=True), min_size=1, max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_what_came_or_became_known_later_changes_no_bit(
    rows: list[dict[str, Any]],
    entered: list[tuple[str, int, int, int]],
    later: list[dict[str, Any]],
    later_steps: list[tuple[str, int, int, int]],
) -> None:
    same_bits(
        features(activities_of(*rows), steps_of(entered)),
        features(activities_of(*later, *rows), steps_of([*later_steps, *entered])),
    )


@given(rows=acts, entered=steps)
@settings(max_examples=80, deadline=None)
def test_one_lead_alone_gets_the_bits_of_the_batch(
    rows: list[dict[str, Any]], entered: list[tuple[str, int, int, int]]
) -> None:
    batch = features(activities_of(*rows), steps_of(entered))
    for lead in range(LEADS):
        own = [(name, at, known, 0) for name, at, known, of in entered if of == lead]
        alone = features(activities_of(*of_lead(rows, lead)), steps_of(own), lead)
        same_bits({name: values[lead : lead + 1] for name, values in batch.items()}, alone)


@given(rows=acts, entered=steps, there=st.tuples(st.booleans(), st.booleans()))
@settings(max_examples=120, deadline=None)
def test_each_feature_is_what_its_sentence_says(
    rows: list[dict[str, Any]],
    entered: list[tuple[str, int, int, int]],
    there: tuple[bool, bool],
) -> None:
    found = features(
        activities_of(*rows) if there[0] else None, steps_of(entered) if there[1] else None
    )
    absent = {name for name, told in zip(("activities", "stages"), there, strict=True) if not told}
    for lead in range(LEADS):
        naive = naive_of(rows, entered, lead)
        for feature in catalogue(HISTORY, FIELDS):
            value = found[feature.name][lead]
            lacks = CREATED[lead] == NEVER and "created_at" in feature.needs
            if lacks or feature.needs & absent:
                assert value is None or math.isnan(value), feature.name
                continue
            (expected,) = naive.feature(feature, HISTORY)
            if isinstance(expected, float) and not math.isnan(expected):
                # Only the weights of engagement are rounded.
                slack = 2.0**-32 * len(rows) if feature.key == "engagement" else 0.0
                assert abs(value - expected) <= slack, feature.name
            else:
                assert value == expected or (value != value and expected != expected), feature.name


def naive_of(
    rows: list[dict[str, Any]], entered: list[tuple[str, int, int, int]], lead: int
) -> NaiveFeatures:
    as_of = MOMENTS[lead]
    activities = [
        OneActivity(
            row["kind"],
            row["by_lead"],
            row["at"],
            row["known"],
            row["amount"],
            {"campaign": row["campaign"], "channel": row["channel"]},
        )
        for row in rows
        if row["lead"] == lead and row["known"] < as_of and row["at"] < as_of
    ]
    stages = [
        OneStage(name, at, known)
        for name, at, known, of in entered
        if of == lead and known < as_of and at < as_of
    ]
    values = {name: [items[lead]] for name, items in VALUES.items()}
    return NaiveFeatures(CREATED[lead], as_of, activities, stages, SCHEMA, values)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_a_larger_batch_in_any_order_gives_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    leads, many = 50, 2_000
    as_of = NOW + rng.integers(0, 30 * DAY, leads)
    lead = rng.integers(0, leads, many)
    at = as_of[lead] - rng.integers(-DAY, 50 * DAY, many)
    plain = Activities(
        lead=lead,
        kind=rng.integers(0, len(KINDS), many).astype(np.int16),
        by_lead=rng.random(many) < 0.7,
        occurred_at=at,
        known_at=at + rng.integers(0, DAY, many),
        amount=rng.exponential(1.0, many),
        campaign=rng.integers(-1, 3, many).astype(np.int32),
        campaigns=("b", "a", "c"),
    )

    def all_of(activities: Activities) -> dict[str, Any]:
        return compute_features(
            SCHEMA,
            {},
            created_at=as_of - 40 * DAY,
            as_of=as_of,
            activities=activities,
            stages=None,
        )

    batch = all_of(plain)
    same_bits(batch, all_of(shuffled(plain, rng.permutation(many).tolist())))
    one = int(rng.integers(0, leads))
    own = shuffled(plain, np.flatnonzero(lead == one).tolist())
    alone = compute_features(
        SCHEMA,
        {},
        created_at=as_of[[one]] - 40 * DAY,
        as_of=as_of[[one]],
        activities=replace(own, lead=np.zeros(len(own), dtype=np.int64)),
        stages=None,
    )
    same_bits({name: values[one : one + 1] for name, values in batch.items()}, alone)


def test_sums_of_weights_stay_exact() -> None:
    # Two million activities at once are still a whole number that float64 holds.
    assert decay_table(HISTORY.half_life_days)[0] * 2_000_000 < 2.0**53
