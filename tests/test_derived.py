"""Features, worked out by hand; what lies on a boundary; what is not known."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from scoring_ml.data.crm.activity_kinds import BY_LEAD
from scoring_ml.data.history import History
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.errors import SchemaError
from scoring_ml.features.activity_features import MOST_AMOUNT, decay_table
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
    one,
    schema_of,
    stages_of,
)

FEATURES = {feature.name: feature for feature in catalogue(HISTORY, FIELDS)}


def is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def micros(*clock: int) -> int:
    return int(datetime(*clock, tzinfo=UTC).timestamp()) * 1_000_000


def test_one_lead_worked_out_by_hand() -> None:
    acts = activities_of(
        {"kind": "web_visit", "at": NOW - 2 * DAY, "amount": 3.0, "campaign": "spring"},
        {"kind": "web_visit", "at": NOW - 2 * DAY + HOUR, "amount": 1.5},
        {"kind": "web_visit", "at": NOW - 14 * DAY, "channel": "ads", "campaign": "autumn"},
        {"kind": "download", "at": NOW - 21 * DAY, "campaign": "winter", "channel": "mail"},
        {"kind": "chat", "at": NOW - 7 * DAY},  # no kind of the history, but an activity
        {"kind": "meeting", "at": NOW - 31 * DAY, "channel": "fair"},
        {"kind": "outbound_call", "at": NOW - 39 * DAY, "campaign": "cold"},
        {"kind": "outbound_message", "at": NOW - 39 * DAY - 12 * HOUR},
        {"kind": "email_sent", "at": NOW - 3 * DAY},
    )
    stages = stages_of(
        ("lead", NOW - 40 * DAY),
        ("sql", NOW - 30 * DAY),
        ("mql", NOW - 20 * DAY),
        ("sql", NOW - 5 * DAY),
    )
    found = one(
        acts, stages, email="anna@gmail.com", industry="Software", budget=np.array([np.nan])
    )
    half = 2.0**-32
    week = [2.0 ** (-days / 7) for days in (2, 47 / 24, 14, 21, 7, 31)]
    assert found.pop("engagement") == pytest.approx(sum(week), abs=6 * half)
    assert found.pop("hours_to_first_response") == 12.0
    # 2026-08-12 14:13:20 UTC is 17:43:20 in Tehran, a Wednesday.
    assert (found.pop("created_hour"), found.pop("created_weekday")) == (17.0, "wed")
    never = {name for name in found if is_nothing(found[name])}
    assert never == {"days_since_email_open"}
    assert {name: value for name, value in found.items() if name not in never} == {
        "web_visit_30d": 3.0,
        "web_visit_7d": 2.0,
        "days_since_web_visit": 47 / 24,
        "web_visit_amount_30d": 4.5,
        "download_30d": 1.0,
        "download_7d": 0.0,
        "days_since_download": 21.0,
        "email_open_30d": 0.0,
        "email_open_7d": 0.0,
        "meeting_30d": 0.0,
        "meeting_7d": 0.0,
        "days_since_meeting": 31.0,
        "activities_30d": 5.0,
        "activities_7d": 3.0,
        "activity_kinds_30d": 3.0,
        "active_days_30d": 4.0,
        "days_since_activity": 47 / 24,
        "stage": "sql",
        "days_in_stage": 5.0,
        "stage_steps_back": 1.0,
        "first_touch_campaign": "cold",
        "last_touch_campaign": "spring",
        "first_touch_channel": "fair",
        "last_touch_channel": "ads",
        "sales_activities_30d": 1.0,
        "sales_activities_7d": 1.0,
        "email_kind": "free",
        "age_days": 40.0,
        "completeness": 0.5,
    }


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (NOW - 1, NOW - 1, 1),
        (NOW, NOW, 0),  # exactly at the moment of scoring
        (NOW + 1, NOW - 1, 0),  # an appointment, known before it happens
        (NOW - 2, NOW - 1, 1),
        (NOW - 2, NOW, 0),  # known exactly at the moment of scoring
        (NOW - 2, NOW + 1, 0),
    ],
)
def test_what_is_known_at_the_moment_of_scoring(at: int, known: int, counts: int) -> None:
    row = {"kind": "web_visit", "at": at, "known": known, "campaign": "spring", "amount": 2.0}
    stage = ("proposal", at, known)
    found = one(activities_of(row), stages_of(stage))
    assert found["web_visit_7d"] == found["activities_7d"] == found["active_days_30d"] == counts
    assert found["activity_kinds_30d"] == counts
    assert found["web_visit_amount_30d"] == 2.0 * counts
    assert found["engagement"] == counts
    assert is_nothing(found["days_since_web_visit"]) == is_nothing(found["stage"]) == (not counts)
    assert found["first_touch_campaign"] == ("spring" if counts else None)
    assert is_nothing(found["sales_activities_7d"]) == (not counts)


@pytest.mark.parametrize(
    ("back", "week", "month"),
    [
        (1, 1, 1),
        (7 * DAY - 1, 1, 1),
        (7 * DAY, 1, 1),  # the first moment of the window lies in it
        (7 * DAY + 1, 0, 1),
        (30 * DAY, 0, 1),
        (30 * DAY + 1, 0, 0),
    ],
)
def test_the_ends_of_windows(back: int, week: int, month: int) -> None:
    visit = {"kind": "web_visit", "at": NOW - back}
    call = {"kind": "outbound_call", "at": NOW - back}
    found = one(activities_of(visit, call), stages_of(("sql", NOW - 35 * DAY)))
    for name in ("web_visit", "activities", "sales_activities"):
        assert (found[f"{name}_7d"], found[f"{name}_30d"]) == (week, month), name
    assert found["days_since_web_visit"] == back / DAY


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ((micros(2026, 9, 1), micros(2026, 9, 1, 23, 59, 59)), 1),
        ((micros(2026, 9, 1, 23, 59, 59), micros(2026, 9, 2)), 2),
        ((micros(2026, 9, 1), micros(2026, 9, 1)), 1),
    ],
)
def test_active_days_are_days_of_utc(at: tuple[int, int], days: int) -> None:
    rows = [{"kind": "web_visit", "at": moment} for moment in at]
    assert one(activities_of(*rows))["active_days_30d"] == days


def test_an_activity_weighs_half_after_the_half_life() -> None:
    for hours, weight in ((0, 1.0), (7 * 24 - 1, None), (7 * 24, 0.5), (14 * 24, 0.25)):
        found = one(activities_of({"kind": "chat", "at": NOW - hours * HOUR - 1}))
        if weight is None:
            assert 0.5 < found["engagement"] < 0.51
        else:
            assert found["engagement"] == weight
    long_ago = one(activities_of({"kind": "chat", "at": NOW - 40 * 365 * DAY}))
    assert long_ago["engagement"] == 0.0


@pytest.mark.parametrize("half_life", [0.5, 1.0, 7.0, 30.5])
def test_the_weights_fall_from_one_to_nothing_in_whole_units(half_life: float) -> None:
    table = decay_table(half_life)
    assert table[0] == 2.0**32
    assert table[-1] == 0.0
    assert np.all(np.diff(table) <= 0)
    assert np.array_equal(table, np.rint(table))
    assert table[round(24 * half_life)] == 2.0**31


def test_amounts_that_are_no_amounts_count_nothing() -> None:
    amounts = [np.nan, -5.0, 0.0, 2.25, np.inf]
    rows = [{"kind": "web_visit", "at": NOW - 1, "amount": amount} for amount in amounts]
    assert one(activities_of(*rows[:4]))["web_visit_amount_30d"] == 2.25
    assert one(activities_of(*rows))["web_visit_amount_30d"] == MOST_AMOUNT + 2.25


def test_sums_of_amounts_do_not_depend_on_their_order() -> None:
    amounts = [0.1, 1e8, 0.2, 3.3, 1e9, 0.7]
    rows = [{"kind": "web_visit", "at": NOW - 1, "amount": amount} for amount in amounts]
    sums = {one(activities_of(*order))["web_visit_amount_30d"] for order in (rows, rows[::-1])}
    assert len(sums) == 1


def test_who_did_it_decides_where_it_counts() -> None:
    acts = activities_of(
        {"kind": "web_visit", "at": NOW - 1, "by_lead": False},
        {"kind": "outbound_call", "at": NOW - 1, "by_lead": True},
    )
    found = one(acts, stages_of(("sql", NOW - DAY)))
    assert (found["web_visit_7d"], found["activities_7d"], found["sales_activities_7d"]) == (
        0,
        1,
        1,
    )
    assert math.isnan(found["hours_to_first_response"])


def test_touches_at_one_moment_are_decided_by_name() -> None:
    rows = [
        {"kind": "chat", "at": NOW - 1, "campaign": name} for name in ("beta", "alpha", "gamma")
    ]
    for order in (rows, rows[::-1]):
        found = one(activities_of(*order))
        assert found["first_touch_campaign"] == found["last_touch_campaign"] == "alpha"


@pytest.mark.parametrize(
    ("rows", "stage", "days", "back"),
    [
        ([], None, None, 0),
        ([("mql", NOW - DAY)], "mql", 1.0, 0),
        # Told again, also around an end: it is entered once.
        ([("mql", NOW - DAY), ("mql", NOW - 2 * DAY)], "mql", 2.0, 0),
        ([("mql", NOW - 3 * DAY), ("lost", NOW - 2 * DAY), ("mql", NOW - DAY)], "mql", 3.0, 0),
        # As far as is known when scored.
        (
            [("mql", NOW - 3 * DAY), ("sql", NOW - 2 * DAY, NOW), ("mql", NOW - DAY, NOW - 9)],
            "mql",
            3.0,
            0,
        ),
        ([("mql", NOW - 3 * DAY), ("sql", NOW - 2 * DAY), ("mql", NOW - DAY)], "mql", 1.0, 1),
        # Entered at once: what was recorded last, then what is furthest.
        ([("sql", NOW - DAY, NOW - 9), ("mql", NOW - DAY, NOW - 8)], "mql", 1.0, 1),
        ([("sql", NOW - DAY), ("mql", NOW - DAY)], "sql", 1.0, 0),
        ([("proposal", NOW - 3 * DAY), ("lead", NOW - 2 * DAY), ("sql", NOW - DAY)], "sql", 1.0, 1),
        # Recorded late: by the time it happened, not by the time it was told.
        ([("mql", NOW - 3 * DAY, NOW - 1), ("sql", NOW - 2 * DAY)], "sql", 2.0, 0),
        ([("lost", NOW - DAY), ("mql", NOW - 2 * DAY)], "mql", 2.0, 0),
    ],
)
def test_stages(rows: list[tuple[object, ...]], stage: str, days: float, back: int) -> None:
    found = one(None, stages_of(*rows, names=("lost", *HISTORY.stages[::-1])))
    assert found["stage"] == stage
    assert is_nothing(found["days_in_stage"]) if days is None else found["days_in_stage"] == days
    assert found["stage_steps_back"] == back


def test_the_response_counts_from_creation_and_only_after_the_hand_over() -> None:
    created = NOW - 10 * DAY
    acts = activities_of(
        {"kind": "outbound_call", "at": created - 1},  # before the lead was ours
        {"kind": "email_sent", "at": created + HOUR},  # no person's answer
        {"kind": "outbound_call", "at": created + 3 * HOUR},
        {"kind": "outbound_message", "at": created + 2 * HOUR},
    )
    handed = stages_of(("sql", NOW - DAY), ("mql", NOW - HOUR))
    assert one(acts, handed, created_at=created)["hours_to_first_response"] == 2.0
    not_yet = stages_of(("mql", NOW - DAY), ("sql", NOW))
    for stages in (not_yet, None):
        found = one(acts, stages, created_at=created)
        assert math.isnan(found["hours_to_first_response"])
        assert math.isnan(found["sales_activities_30d"])
    always = schema_of(replace(HISTORY, hand_over=None))
    assert one(acts, None, created_at=created, schema=always)["hours_to_first_response"] == 2.0
    at_once = activities_of({"kind": "outbound_call", "at": created})
    assert one(at_once, handed, created_at=created)["hours_to_first_response"] == 0.0


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("anna@firm.example.com", "company"),
        ("anna@GMAIL.com", "free"),
        ("anna@free.example.com", "free"),
        ("anna@mail.ru", "free"),
        ("anna@sub.throwaway.example.com", "disposable"),
        ("anna@mailinator.com", "disposable"),
        ("anna", "invalid"),
        (None, None),
    ],
)
def test_kinds_of_addresses(address: str | None, kind: str | None) -> None:
    assert one(email=address)["email_kind"] == kind


@pytest.mark.parametrize(
    ("zone", "clock", "hour", "weekday"),
    [
        ("UTC", (2026, 11, 22, 23, 59, 59), 23, "sun"),
        ("Asia/Tehran", (2026, 11, 22, 20, 30), 0, "mon"),
        ("Asia/Tehran", (2026, 11, 22, 20, 29, 59), 23, "sun"),
        ("America/New_York", (2026, 11, 1, 5, 30), 1, "sun"),  # the first half past one
        ("America/New_York", (2026, 11, 1, 6, 30), 1, "sun"),  # the second one
        ("America/New_York", (2026, 3, 8, 7, 0), 3, "sun"),  # two o'clock does not exist
        ("UTC", (1970, 1, 1, 0, 0), 0, "thu"),
        ("UTC", (1960, 2, 29, 12, 0), 12, "mon"),
    ],
)
def test_hour_and_weekday_in_the_companys_zone(
    zone: str, clock: tuple[int, ...], hour: int, weekday: str
) -> None:
    created, there = micros(*clock), schema_of(replace(HISTORY, timezone=zone))
    found = one(created_at=created, as_of=created + 1, schema=there)
    assert (found["created_hour"], found["created_weekday"]) == (hour, weekday)


@pytest.mark.parametrize("created", [NEVER, NOW, NOW + 1])
def test_a_creation_that_is_not_known_is_missing(created: int) -> None:
    acts = activities_of({"kind": "outbound_call", "at": NOW - 1}, {"kind": "chat", "at": NOW - 1})
    found = one(acts, stages_of(("sql", NOW - DAY)), created_at=created)
    missing = {name for name, item in FEATURES.items() if "created_at" in item.needs}
    assert {name for name in missing if is_nothing(found[name])} == missing
    assert found["activities_7d"] == 1.0


@pytest.mark.parametrize("absent", ["activities", "stages"])
def test_what_is_not_sent_is_missing_and_what_is_empty_is_zero(absent: str) -> None:
    given = {"activities": activities_of(), "stages": stages_of()}
    given[absent] = None
    found = one(**given)
    for name, feature in FEATURES.items():
        if absent in feature.needs:
            assert is_nothing(found[name]), name
        elif feature.key in ("count", "activities", "stage_steps_back", "engagement", "amount"):
            assert found[name] == 0.0, name


def test_completeness_counts_the_questions_that_are_answered() -> None:
    when = np.array(["2026-01-01"], dtype="datetime64[us]")
    no_date = np.array(["NaT"], dtype="datetime64[us]")
    assert one()["completeness"] == 0.0
    assert one(industry="x", budget=np.array([0.0]))["completeness"] == 0.5
    assert one(start=when, email="not an address", note="x")["completeness"] == 0.5
    assert one(start=no_date, industry=None)["completeness"] == 0.0
    assert one(industry=math.nan)["completeness"] == 0.0


def test_no_leads_and_no_facts() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    found = compute_features(
        SCHEMA,
        {"email": column()},
        created_at=nothing,
        as_of=nothing,
        activities=activities_of(),
        stages=stages_of(),
    )
    assert list(found) == list(FEATURES)
    assert {len(values) for values in found.values()} == {0}


def test_the_columns_that_a_schema_keeps_are_those_that_come_back() -> None:
    kept = [c for c in SCHEMA.columns if not c.is_feature or c.name in ("web_visit_7d", "stage")]
    assert list(one(activities_of(), None, schema=SCHEMA.with_columns(kept))) == [
        "web_visit_7d",
        "stage",
    ]
    flat = replace(SCHEMA.with_columns(FIELDS), history=None)
    assert one(schema=flat) == {}


def test_columns_come_in_their_types() -> None:
    found = compute_features(
        SCHEMA,
        {},
        created_at=np.array([NOW - 1, NEVER]),
        as_of=np.array([NOW, NOW]),
        activities=activities_of({"kind": "meeting", "at": NOW - 9, "lead": 1}),
        stages=None,
    )
    assert list(found) == list(FEATURES)
    for name, values in found.items():
        assert values.shape == (2,)
        assert values.dtype == (np.float64 if FEATURES[name].type == "number" else object), name
    assert found["meeting_7d"].tolist() == [0.0, 1.0]


def test_a_feature_that_nobody_can_compute_is_refused() -> None:
    strange = SCHEMA.with_columns(
        (*SCHEMA.columns, Column("web_vist_7d", "number", is_feature=True))
    )
    with pytest.raises(SchemaError, match="Found: 1 that are none: web_vist_7d"):
        one(schema=strange)
    none = replace(SCHEMA, history=None)
    with pytest.raises(SchemaError, match="A feature must be one that the schema's history gives"):
        one(schema=none)


def test_every_kind_can_be_a_feature() -> None:
    schema = schema_of(History(kinds=BY_LEAD))
    rows = [{"kind": kind, "at": NOW - 1} for kind in BY_LEAD]
    found = one(activities_of(*rows), schema=schema)
    assert all(found[f"{kind}_7d"] == 1.0 for kind in BY_LEAD)
    assert found["activity_kinds_30d"] == len(BY_LEAD)
