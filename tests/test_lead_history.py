"""Activities and stages of a request: read as an export is, refused by name, never quoted."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.history import History
from scoring_ml.data.values.limits import MAX_FACTS, MAX_WRONG, RepeatedNames
from scoring_ml.data.values.moments import DAY, DateForm, moment_of, read_clock, read_moments
from scoring_ml.errors import LeadError
from scoring_ml.features.compute import compute_features
from scoring_ml.features.lead_entries import read_cells
from scoring_ml.features.lead_history import LeadHistory, read_history
from scoring_ml.features.request_vocabulary import request_words
from tests.derived_facts import HISTORY, NOW, SCHEMA, activities_of, same_bits, stages_of

AS_OF = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW)
PLAIN = replace(HISTORY, timezone="UTC", missing=("", "n/a", "999"))


def text(moment: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(microseconds=moment)).isoformat() + "Z"


def parse_date(text: str, **form: Any) -> datetime:
    """Read a date as the only reader of a cell does."""
    return datetime(1970, 1, 1) + timedelta(microseconds=read_clock(text, DateForm(**form)).reading)


def one_moment(raw: Any, zone: str = "UTC", *, day_first: bool = True) -> int | None:
    """Read one moment; ``None`` if it is none."""
    found, _ = read_cells(
        [raw], replace(PLAIN, timezone=zone, day_first=day_first), "leads.created_at"
    )
    return int(found.values[0]) if found.usable[0] else None


def read(history: Any = PLAIN, **lead: Any) -> LeadHistory:
    return read_history(lead, history, as_of=AS_OF)


def wrong(**lead: Any) -> dict[str, str]:
    with pytest.raises(LeadError, match="Every field of a lead must be known") as caught:
        read(**lead)
    return dict(caught.value.fields)


def entry(**more: Any) -> dict[str, Any]:
    return {"type": "web_visit", "occurred_at": "2026-09-01T10:00:00Z"} | more


def kinds(told: LeadHistory) -> list[tuple[str, bool]]:
    assert told.activities is not None
    pairs = zip(told.activities.kind, told.activities.by_lead, strict=True)
    return [(KINDS[kind], bool(by_lead)) for kind, by_lead in pairs]


def test_a_request_gives_the_facts_that_an_export_gives() -> None:
    rows = [
        {"kind": "meeting", "at": NOW - 9 * DAY, "campaign": "spring", "known": NOW - 8 * DAY},
        {"kind": "web_visit", "at": NOW - 2 * DAY, "amount": 3.0, "campaign": "autumn"},
        {"kind": "outbound_call", "at": NOW - DAY, "channel": "phone"},
    ]
    request = {
        "created_at": text(NOW - 10 * DAY),
        "activities": [
            {
                "type": row["kind"],
                "occurred_at": text(row["at"]),
                "known_at": text(row["known"]) if "known" in row else None,
                "amount": row.get("amount"),
                "campaign": row.get("campaign"),
                "channel": row.get("channel"),
            }
            for row in (rows[1], rows[2], rows[0])
        ],
        "stages": [
            {"stage": "SQL", "entered_at": text(NOW - DAY)},
            {"stage": "lead", "entered_at": text(NOW - 10 * DAY)},
        ],
    }
    told = read_history(json.loads(json.dumps(request)), PLAIN, as_of=AS_OF)
    assert (told.created_at, told.warnings) == (NOW - 10 * DAY, ())
    assert told.activities is not None
    assert told.stages is not None
    assert told.activities.occurred_at.tolist() == [row["at"] for row in rows]
    assert told.activities.known_at.tolist() == [NOW - 8 * DAY, NOW - 2 * DAY, NOW - DAY]
    assert told.stages.entered_at.tolist() == [NOW - 10 * DAY, NOW - DAY]
    moments = {"created_at": np.array([NOW - 10 * DAY]), "as_of": np.array([NOW])}
    stages = stages_of(("lead", NOW - 10 * DAY), ("sql", NOW - DAY))
    same_bits(
        compute_features(SCHEMA, {}, **moments, activities=told.activities, stages=told.stages),
        compute_features(SCHEMA, {}, **moments, activities=activities_of(*rows), stages=stages),
    )


def test_what_is_not_told_is_none_and_what_is_empty_is_empty() -> None:
    told = read(other="x", activities=None, stages=None, created_at=None)
    assert told == LeadHistory(None, None, None, ())
    told = read(activities=[], stages=[], created_at=" ")
    assert told.activities is not None
    assert told.stages is not None
    assert (len(told.activities), len(told.stages), told.created_at) == (0, 0, None)
    assert read(replace(PLAIN, stages=()), stages=[{"any": 1}]).stages is None


@pytest.mark.parametrize("late", [0, 1, DAY])
def test_what_is_dated_at_or_after_scoring_is_left_out_with_a_warning(late: int) -> None:
    told = read(
        created_at=text(NOW + late),
        activities=[entry(), entry(occurred_at=text(NOW + late))],
        stages=[{"stage": "mql", "entered_at": text(NOW + late)}] * 2,
    )
    assert told.activities is not None
    assert told.stages is not None
    assert (len(told.activities), len(told.stages), told.created_at) == (1, 0, None)
    assert told.warnings == (
        "The moment of creation is dated at or after the moment of scoring and counts as not known",
        "activities: 1 is dated at or after the moment of scoring and does not count",
        "stages: 2 are dated at or after the moment of scoring and do not count",
    )


def test_a_fact_in_a_request_is_known_whenever_it_was_recorded() -> None:
    told = read(
        activities=[
            entry(known_at=text(NOW + DAY), amount=1),
            entry(known_at="2026-08-31T00:00:00Z", amount=2),
            entry(known_at="2026-09-02T00:00:00Z"),
        ]
    )
    assert told.activities is not None
    happened = told.activities.occurred_at[0]
    assert sorted(told.activities.known_at.tolist()) == [
        happened,
        happened,
        happened + 14 * DAY // 24,
    ]


def test_words_for_kinds_are_ours_and_the_companys_in_any_case() -> None:
    history = replace(PLAIN, kind_words={"content_download": "download", "звонок": "inbound_call"})
    types = [" Web_Visit", "CONTENT_download", "Звонок", "e-mail sent", "email_sent", "yoga class"]
    told = read(history, activities=[entry(type=word) for word in types])
    assert kinds(told) == [
        ("web_visit", True),
        ("download", True),
        ("inbound_call", True),
        ("other_inbound", True),
        ("email_sent", False),
        ("other_inbound", True),
    ]
    assert told.warnings == (
        "activities: 2 are of types that are not known; they count as other activities",
    )


def test_a_companys_word_holds_where_it_is_one_of_ours() -> None:
    history = replace(PLAIN, kind_words={"form": "demo_request", "chat": "no kind of ours"})
    told = read(history, activities=[entry(type="form"), entry(type="chat")])
    assert kinds(told) == [("demo_request", True), ("chat", True)]


def test_the_direction_says_who_did_it() -> None:
    said = {None: None, "Inbound": True, "incoming": True, "OUT": False, " outgoing ": False}
    for word, by_lead in said.items():
        told = read(
            activities=[entry(type=kind, direction=word) for kind in ("chat", "email_sent", "x")]
        )
        assert [who for _, who in kinds(told)] == (
            [True, False, True] if by_lead is None else [by_lead] * 3
        )
        assert kinds(told)[2][0] == ("other_outbound" if by_lead is False else "other_inbound")


@pytest.mark.parametrize(
    ("raw", "amount"),
    [(3, 3.0), (2.5, 2.5), (0, 0.0), ("1,234.5", 1234.5), ("۱۲", 12.0), (None, None), (" ", None)],
)
def test_amounts(raw: Any, amount: float | None) -> None:
    told = read(activities=[entry(amount=raw)])
    assert told.activities is not None
    found = float(told.activities.amount[0])
    assert math.isnan(found) if amount is None else found == amount


@pytest.mark.parametrize("amounts", [(1, True), (1.0, True, 1)])
def test_amounts_are_told_apart_by_their_type(amounts: tuple[Any, ...]) -> None:
    """True is no amount, though Python takes it for the 1 beside it."""
    with pytest.raises(LeadError, match=r"activities\[1\]\.amount"):
        read(activities=[entry(amount=amount) for amount in amounts])


def test_words_for_campaigns_are_read_as_in_a_file() -> None:
    told = read(activities=[entry(campaign="  Spring   sale ", channel=""), entry(campaign=None)])
    assert told.activities is not None
    assert told.activities.campaigns == ("Spring sale",)
    assert told.activities.campaign is not None
    assert told.activities.campaign.tolist() == [0, -1]
    assert told.activities.channel is None


SECRET = "anna.secret@example.com"
BAD = [
    ({"activities": SECRET}, "activities", "must be a list of objects"),
    ({"activities": {"type": SECRET}}, "activities", "must be a list"),
    (
        {"activities": [entry(), SECRET]},
        "activities[1]",
        "must be an object with type, occurred_at",
    ),
    ({"activities": [entry()] * 1001}, "activities", "must hold at most 1,000 entries"),
    ({"stages": [None]}, "stages[0]", "must be an object with stage, entered_at, known_at"),
    (
        {"activities": [entry(typ=SECRET)]},
        "activities[0].typ",
        "not known here; did you mean type?",
    ),
    ({"activities": [entry(zzzzzz=SECRET)]}, "activities[0].zzzzzz", "is not known here"),
    ({"activities": [entry(type=None)]}, "activities[0].type", "must be a word, such as web_visit"),
    ({"activities": [entry(type=[SECRET])]}, "activities[0].type", "must be a single value"),
    ({"activities": [entry(type=" ")]}, "activities[0].type", "must be a word"),
    ({"activities": [entry(type="x" * 1001)]}, "activities[0].type", "at most 1,000 characters"),
    (
        {"activities": [entry(), entry(occurred_at=SECRET)]},
        "activities[1].occurred_at",
        "must be a",
    ),
    ({"activities": [entry(occurred_at=None)]}, "activities[0].occurred_at", "must be given"),
    (
        {"activities": [entry(occurred_at=17)]},
        "activities[0].occurred_at",
        "10, 13 or 16 digits",
    ),
    (
        {"activities": [entry(occurred_at="9" * 2000)]},
        "activities[0].occurred_at",
        "at most 1,000 characters",
    ),
    (
        {"activities": [entry(occurred_at="1899-12-31T00:00:00Z")]},
        "activities[0].occurred_at",
        "must be",
    ),
    (
        {"activities": [entry(occurred_at="2026-02-30T00:00:00Z")]},
        "activities[0].occurred_at",
        "must be",
    ),
    ({"activities": [entry(known_at=True)]}, "activities[0].known_at", "must be a moment"),
    (
        {"activities": [entry(direction="up")]},
        "activities[0].direction",
        "must be inbound or outbound",
    ),
    (
        {"activities": [entry(direction=1)]},
        "activities[0].direction",
        "must be inbound or outbound",
    ),
    ({"activities": [entry(amount=-1)]}, "activities[0].amount", "must be a number, 0 or more"),
    ({"activities": [entry(amount=SECRET)]}, "activities[0].amount", "must be a number, 0 or more"),
    ({"activities": [entry(amount=True)]}, "activities[0].amount", "must be a number"),
    ({"activities": [entry(amount=math.nan)]}, "activities[0].amount", "must be a number"),
    ({"activities": [entry(amount=math.inf)]}, "activities[0].amount", "must be a number"),
    ({"activities": [entry(amount=10**400)]}, "activities[0].amount", "must be a number"),
    (
        {"activities": [entry(campaign=[SECRET])]},
        "activities[0].campaign",
        "must be a single value",
    ),
    (
        {"activities": [entry(channel="x" * 1001)]},
        "activities[0].channel",
        "at most 1,000 characters",
    ),
    (
        {"stages": [{"stage": "sqll", "entered_at": "2026-09-01"}]},
        "stages[0].stage",
        "did you mean sql?",
    ),
    (
        {"stages": [{"stage": SECRET, "entered_at": "2026-09-01"}]},
        "stages[0].stage",
        "must be one of lead",
    ),
    (
        {"stages": [{"stage": 3, "entered_at": "2026-09-01"}]},
        "stages[0].stage",
        "must be one of lead",
    ),
    ({"stages": [{"stage": " ", "entered_at": "2026-09-01"}]}, "stages[0].stage", "must be one of"),
    ({"stages": [{"stage": "sql"}]}, "stages[0].entered_at", "must be given"),
    ({"activities": [entry(activity_id=True)]}, "activities[0].activity_id", "must be text or a"),
    ({"activities": [entry(activity_id=1.5)]}, "activities[0].activity_id", "must be text or a"),
    ({"activities": [entry(activity_id=10**40)]}, "activities[0].activity_id", "must be text or"),
    ({"activities": [entry(campaign=True)]}, "activities[0].campaign", "must be text"),
    ({"activities": [entry(channel=math.nan)]}, "activities[0].channel", "must be text"),
    ({"activities": [entry(channel=10**40)]}, "activities[0].channel", "must be text"),
    ({"activities": [entry(occurred_at="n/a ")]}, "activities[0].occurred_at", "must be given"),
    ({"activities": [entry(occurred_at=" ")]}, "activities[0].occurred_at", "must be given"),
    ({"activities": [entry(known_at=15.5)]}, "activities[0].known_at", "10, 13 or 16"),
    ({"activities": [entry(known_at=math.inf)]}, "activities[0].known_at", "10, 13 or 16 digits"),
    ({"activities": [entry(known_at=-(10**9))]}, "activities[0].known_at", "10, 13 or 16 digits"),
    ({"activities": [entry(known_at=10**5000)]}, "activities[0].known_at", "10, 13 or 16 digits"),
    ({"stages": [{"stage": "sql", "entered_at": "\ud800"}]}, "stages[0].entered_at", "Unicode"),
    ({"activities": [entry(amount={})]}, "activities[0].amount", "must be a single value"),
    ({"activities": [{"half \udfff": 1}]}, "activities[0]", "Unicode"),
    ({"created_at": [SECRET]}, "created_at", "must be a single value"),
    ({"created_at": "x" * 1001}, "created_at", "at most 1,000 characters"),
    ({"created_at": SECRET}, "created_at", "must be a moment"),
    ({"created_at": 2026}, "created_at", "must be a moment"),
]


@pytest.mark.parametrize(
    ("lead", "name", "what"), BAD, ids=[f"{k}-{n}" for k, (_, n, _) in enumerate(BAD)]
)
def test_what_is_wrong_is_named_and_not_quoted(lead: dict[str, Any], name: str, what: str) -> None:
    found = wrong(**lead)
    assert list(found) == [name]
    assert what in found[name]
    assert SECRET not in "".join(found.values())


def test_an_entry_is_wrong_as_a_whole_or_name_by_name() -> None:
    twice = RepeatedNames([("stage", "lead"), ("stage", "sql"), ("entered_at", "2026-09-01")])
    found = wrong(
        activities=[entry(), 3, entry(type="x" * 1001), entry(amount={}), 4], stages=[twice]
    )
    assert {name: what.split(",")[0] for name, what in found.items()} == {
        "activities[1]": "must be an object with type",
        "activities[2].type": "must hold at most 1",
        "activities[3].amount": "must be a single value",
        "activities[4]": "must be an object with type",
        "stages[0].stage": "stands more than once; give it once",
    }


def test_everything_wrong_is_told_in_order_up_to_a_limit() -> None:
    bad = {"type": 1, "occurred_at": "never", "amount": -1}
    found = wrong(created_at="x", activities=[entry(), bad], stages=[{}])
    assert list(found) == [
        "created_at",
        "activities[1].type",
        "activities[1].occurred_at",
        "activities[1].amount",
        "stages[0].stage",
        "stages[0].entered_at",
    ]
    many = wrong(activities=[bad] * 100)
    assert len(many) == MAX_WRONG
    assert next(iter(many)) == "activities[0].type"


def test_of_many_unknown_names_only_some_are_named() -> None:
    many = {f"name {number}": 1 for number in range(5_000)}
    assert len(wrong(activities=[entry(), entry(**many), 3])) == MAX_WRONG


def test_as_many_facts_as_allowed() -> None:
    told = read(activities=[entry(amount=k) for k in range(MAX_FACTS)])
    assert told.activities is not None
    assert len(told.activities) == MAX_FACTS


def test_the_moment_of_scoring_may_have_a_zone_or_not() -> None:
    tehran = AS_OF.astimezone(timezone(timedelta(hours=3.5)))
    for moment in (AS_OF, AS_OF.replace(tzinfo=None), tehran):
        told = read_history({"activities": [entry(occurred_at=text(NOW - 1))]}, PLAIN, as_of=moment)
        assert told.activities is not None
        assert len(told.activities) == 1


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00Z"),  # twice: the later one
        ("2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z"),
        ("2026-03-29T02:30:00", "2026-03-29T01:00:00Z"),  # not at all: when clocks went forward
        ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
        ("2026-07-01", "2026-07-01T21:59:59.999999Z"),  # the end of that day, there
        ("1782900000", "2026-07-01T10:00:00Z"),
    ],
)
def test_moments_without_a_zone_are_local_as_in_an_export(raw: str, moment: str) -> None:
    expected = parse_date(moment).replace(tzinfo=UTC)
    found = one_moment(raw, "Europe/Berlin")
    assert found is not None
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found) == expected


def test_moments_of_python() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert one_moment(noon, "Asia/Tehran") == int(noon.timestamp()) * 1_000_000
    assert one_moment(date(2026, 7, 1), "UTC") == int(noon.timestamp() + 43_200) * 1_000_000 - 1


ISO = st.from_regex(
    r"\A(1[89]|20|21|22|00|99)\d\d-[01]\d-[0-3]\d[T tX]?[0-2]\d:?[0-6]\d(:[0-6]\d([.,]\d{1,7})?)?"
    r"(Z|z|[+-]\d\d:?\d\d(:\d\d)?|\+00|)\Z"
)


@given(raw=st.one_of(ISO, st.datetimes().map(str), st.datetimes(timezones=st.timezones()).map(str)))
@settings(max_examples=150, deadline=None)
@example("2026-11-22T09:30:00Z")
@example("2026-11-22T09:30:00.1+03:30")
@example("2026-11-22 09:30-23:59")
@example("2026-11-22 09:30:00+24:00")
@example("2026-11-22 09:30:00+03:75")
@example("1900-01-01T00:00:00+00:01")
@example("2026-11-22T24:00:00Z")
@example("2026-11-22T23:59:60Z")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
@example("2026-W47-7T09:30:00Z")
@example("2026-11-22T093000,1Z")
@example("٢٠٢٦-11-22T09:30:00Z")
@example("2200-01-01T00:00:00Z")
@example("1900-01-01T00:00:00Z")
def test_the_quick_ways_to_read_a_moment_agree_with_the_only_one(raw: str) -> None:
    try:
        slow = (parse_date(raw) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    except ValueError:
        slow = None
    for quick in (one_moment(raw), whole_column(raw)):
        assert quick == slow


def whole_column(raw: str, zone: str = "UTC") -> int | None:
    """Read the text in a column of many, which is read at once if it can be."""
    found, _ = read_cells([raw] * 20, replace(PLAIN, timezone=zone), "leads.created_at")
    return int(found.values[1]) if found.usable[1] else None


@given(
    clock=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2037, 12, 31)),
    zone=st.sampled_from(["Europe/Berlin", "Asia/Tehran", "America/New_York", "Europe/Moscow"]),
)
@settings(max_examples=60, deadline=None)
@example(datetime(2026, 10, 25, 2, 30), "Europe/Berlin")
@example(datetime(2026, 3, 29, 2, 30), "Europe/Berlin")
@example(datetime(2022, 9, 21, 23, 30), "Asia/Tehran")
def test_local_moments_agree_with_those_of_an_export(clock: datetime, zone: str) -> None:
    expected = moment_of(clock.isoformat(), timezone=zone)
    assert one_moment(clock.isoformat(), zone) == expected
    assert whole_column(clock.isoformat(), zone) == expected


def test_a_column_in_several_zones() -> None:
    raws = ["2026-01-01T00:00:00Z", "2026-01-01T03:30:00+03:30", "2026-01-01", "2026-01-01 01:00"]
    found, wrong = read_cells(raws, replace(PLAIN, timezone="Europe/Berlin"), "leads.created_at")
    midnight = moment_of(raws[0])
    assert wrong == []
    assert found.values.tolist() == [
        midnight,
        midnight,
        midnight + 23 * DAY // 24 - 1,
        midnight,
    ]


MINUTES = st.integers(0, 60 * 24 * 400)
FORMS = [
    lambda t: t.isoformat() + "Z",
    lambda t: t.isoformat() + "+00:00",
    lambda t: t.isoformat(" "),
    lambda t: t.strftime("%d.%m.%Y %H:%M"),
    lambda t: t.strftime("%m/%d/%Y %I:%M %p"),
    lambda t: t.strftime("%d %b %Y"),
    lambda t: t.isoformat().translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")),
    lambda t: str(int(t.replace(tzinfo=UTC).timestamp())),
    lambda t: int(t.replace(tzinfo=UTC).timestamp()) * 1_000,
    lambda t: float(t.replace(tzinfo=UTC).timestamp()) * 1_000_000,
    lambda t: "never",
    lambda t: "N/A",
    lambda t: None,
]


@given(
    rows=st.lists(st.tuples(MINUTES, st.sampled_from(FORMS)), min_size=1, max_size=12),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    day_first=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_column_of_any_forms_is_read_as_an_export_reads_each(
    rows: list[tuple[int, Any]], zone: str, day_first: bool
) -> None:
    raws = [form(datetime(2025, 10, 1) + timedelta(minutes=after)) for after, form in rows]
    history = replace(PLAIN, timezone=zone, day_first=day_first, missing=("", "n/a"))
    found, wrong = read_cells(raws, history, "activities.occurred_at")
    for place, raw in enumerate(raws):
        cell = pa.array([raw], pa.string()) if raw is None else pa.array([raw])
        one = read_moments(cell, history.date_form, timezone=zone, missing=("", "n/a"))
        for name, values in vars(one).items():
            assert vars(found)[name][place] == values[0], name
        assert (place in dict(wrong)) == one.wrong[0]


def test_wrong_moments_of_a_column_are_named_one_by_one() -> None:
    moments = ["22.08.2026", "2026-08-22T10:00:00Z", "soon", None, True, "soon", 1788172200]
    found = wrong(activities=[entry(occurred_at=raw) for raw in moments])
    assert {name: what[:13] for name, what in found.items()} == {
        "activities[2].occurred_at": "must be a mom",
        "activities[3].occurred_at": "must be given",
        "activities[4].occurred_at": "must be a mom",
        "activities[5].occurred_at": "must be a mom",
    }


@pytest.mark.parametrize("number", [1_788_172_200, 1_788_172_200_000, 1_788_172_200_000_000])
def test_unix_times_are_numbers_or_text(number: int) -> None:
    moment = moment_of("2026-08-31T09:50:00Z") + 40 * 60 * 1_000_000
    for raw in (number, float(number), str(number)):
        told = read(created_at=raw, activities=[entry(occurred_at=raw, known_at=raw)])
        assert told.created_at == moment
        assert told.activities is not None
        assert told.activities.occurred_at.tolist() == [moment]


@pytest.mark.parametrize("nothing", ["N/A", " n/a ", "", "  ", "999", 999, 999.0])
def test_words_for_not_known_are_no_moments(nothing: Any) -> None:
    told = read(created_at=nothing, activities=[entry(known_at=nothing)])
    assert told.created_at is None
    assert told.activities is not None
    assert told.activities.known_at.tolist() == told.activities.occurred_at.tolist()


@pytest.mark.parametrize(("raw", "name"), [(7, "7"), (7.0, "7"), (2.5, "2.5"), (-1, "-1")])
def test_a_campaign_may_be_a_number(raw: float, name: str) -> None:
    told = read(activities=[entry(campaign=raw, channel=raw), entry(campaign=name, channel=999)])
    assert told.activities is not None
    assert told.activities.campaigns == told.activities.channels == (name,)
    assert told.activities.campaign is not None
    assert told.activities.campaign.tolist() == [0, 0]


UNCLEAR = replace(
    PLAIN,
    kind_words={"note": "", "mail": "email_sent", "*": "webinar"},
    stage_words={"new": "lead"},
    unclear_words={
        "type": {"call": "inbound_call or outbound_call", "chat": ""},
        "stage": {"open": "lead or sql", "*": "mql"},
        "direction": {"x": "inbound or outbound"},
        "campaign": {"ads": "Autumn or Spring"},
    },
)


@pytest.mark.parametrize(
    ("lead", "name", "end"),
    [
        ({"activities": [entry(type=" Call")]}, "activities[0].type", "inbound_call or outbound_"),
        ({"activities": [entry(type="chat")]}, "activities[0].type", "every file of the export"),
        ({"activities": [entry(direction="X")]}, "activities[0].direction", "write inbound or out"),
        ({"activities": [entry(campaign="ADS")]}, "activities[0].campaign", "write Autumn or Spri"),
        ({"stages": [{"stage": "Open", "entered_at": "2026-09-01"}]}, "stages[0].stage", "or sql"),
        ({"stages": [{"stage": "z", "entered_at": "2026-09-01"}]}, "stages[0].stage", "write mql"),
    ],
)
def test_a_word_that_means_different_things_in_an_export_is_refused(
    lead: dict[str, Any], name: str, end: str
) -> None:
    with pytest.raises(LeadError, match="Every field of a lead must be known") as caught:
        read(UNCLEAR, **lead)
    found = dict(caught.value.fields)
    assert list(found) == [name]
    assert "the same in every file" in found[name]
    assert end in found[name]


def test_beside_unclear_words_all_others_are_read_as_ever() -> None:
    types = ["meeting", "Mail", "note", "n/a", "anything"]
    told = read(
        UNCLEAR,
        activities=[entry(type=word, campaign="other") for word in types],
        stages=[{"stage": word, "entered_at": "2026-09-01"} for word in ("new", "SQL", "n/a")],
    )
    assert kinds(told) == [("meeting", True), ("email_sent", False), ("webinar", True)]
    assert told.stages is not None
    assert sorted(told.stages.stage.tolist()) == [0, PLAIN.stages.index("sql")]


def two_files(**words: tuple[dict[str, str], dict[str, str]]) -> dict[str, Any]:
    """Return the words of a mapping whose tables have two files each."""
    tables: dict[str, Any] = {"leads": {"file": "leads.csv"}, "activities": [], "stages": []}
    for place in (0, 1):
        for table, columns in {
            "activities": ("type", "direction", "campaign", "channel"),
            "stages": ("stage",),
        }.items():
            own = {name: words[name][place] for name in columns if name in words}
            tables[table].append({"file": f"{table}{place}.csv", "words": own})
    stages = {"order": ["lead", "mql", "Deal"], "won": ["won"], "lost": ["lost"]}
    return request_words(
        CrmMapping.read({"dataset": "two files", "tables": tables, "stages": stages})
    )


def test_words_that_differ_between_files_are_left_out_of_a_request() -> None:
    found = two_files(
        type=(
            {"Call": "inbound_call", "mail": "email_sent", "task": "", "form": "download"},
            {"call ": "outbound_call", "Mail": "email_sent", "Task": "meeting"},
        ),
        direction=({"a": "inbound", "b": "inbound"}, {"A": "inbound", "b": "outbound"}),
        stage=({"NEW": "lead", "X": "won", "lost": "lost"}, {"New": "Deal", "x": "lost"}),
        campaign=({"ads": "Spring"}, {"ads": "spring"}),
        channel=({"ads": "paid"}, {}),
    )
    assert found["kind_words"] == {"mail": "email_sent", "form": "download"}
    assert found["direction_words"] == {"a": "inbound"}
    assert found["stage_words"] == {"lost": "", "won": "", "x": ""}
    assert found["campaign_words"] == {}
    assert found["channel_words"] == {"ads": "paid"}
    assert found["unclear_words"] == {
        "type": {"call": "inbound_call or outbound_call", "task": "meeting"},
        "stage": {"new": "Deal or lead"},
        "direction": {"b": "inbound or outbound"},
        "campaign": {"ads": "Spring or spring"},
    }


def test_all_other_words_of_one_file_contradict_a_word_of_the_other() -> None:
    found = two_files(type=({"*": "meeting"}, {"call": "inbound_call", "form": "chat"}))
    # A form is one of our kinds, so the first file says nothing of it.
    assert found["kind_words"] == {"*": "meeting", "form": "chat"}
    assert found["unclear_words"] == {"type": {"call": "inbound_call or meeting"}}
    found = two_files(type=({"*": "meeting"}, {"*": "chat", "call": "chat"}))
    assert found["kind_words"] == {}
    assert found["unclear_words"] == {
        "type": {"*": "chat or meeting", "call": "chat or meeting"},
    }


def test_what_is_unclear_is_saved_with_the_schema() -> None:
    history = History.read(json.loads(json.dumps(UNCLEAR.dump())), source="here")
    assert history == UNCLEAR


@given(order=st.permutations(range(6)))
def test_the_order_of_the_list_changes_nothing(order: list[int]) -> None:
    rows = [
        entry(type=BY_LEAD[k], occurred_at=text(NOW - (k // 2) * DAY - 1), campaign=f"c{k % 3}")
        for k in range(6)
    ]
    one, other = read(activities=rows), read(activities=[rows[k] for k in order])
    moments = {"created_at": np.array([NOW - DAY]), "as_of": np.array([NOW])}
    same_bits(
        compute_features(SCHEMA, {}, **moments, activities=one.activities, stages=None),
        compute_features(SCHEMA, {}, **moments, activities=other.activities, stages=None),
    )
