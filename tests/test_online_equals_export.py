"""One lead's history gives the same bits, whether an export holds it or a request tells it."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.history import History
from scoring_ml.data.schema import Schema
from scoring_ml.errors import LeadError
from scoring_ml.features.compute import compute_features
from scoring_ml.features.crm_snapshot import FEW_LEADS, crm_history
from scoring_ml.features.lead_history import ACTIVITY_KEYS, STAGE_KEYS, read_history
from tests.derived_facts import same_bits, schema_of

ZONE = "Europe/Berlin"
CREATED = datetime(2026, 10, 20, 9, 30)
AS_OF = datetime(2026, 11, 4, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TYPES = {
    "page_view": "web_visit",
    "Content Download": "download",
    "call": "outbound_call",
    "Звонок": "inbound_call",
    "form": "demo_request",  # one of our words, that this company uses for something else
    "note": "",
}
STAGES = {"New": "lead", "Закрыто": "lost", "Duplicate": ""}

Row = dict[str, Any]


def mapping_of(
    *,
    day_first: bool = True,
    any_type: str | None = None,
    any_stage: str | None = None,
    since: str | None = None,
    files: str = "csv",
) -> CrmMapping:
    """Return a mapping that uses everything by which words and moments can be translated."""
    types = TYPES | ({} if any_type is None else {"*": any_type})
    stages = STAGES | ({} if any_stage is None else {"*": any_stage})
    return CrmMapping.read(
        {
            "dataset": "one lead",
            "timezone": ZONE,
            "day_first": day_first,
            "extracted_at": "2026-11-20T00:00:00Z",
            "missing": ["n/a", "999"],
            "own_domains": ["ours.com"],
            "tables": {
                "leads": {"file": f"leads.{files}"},
                "activities": {
                    "file": f"activities.{files}",
                    "recorded_since": since,
                    "words": {
                        "type": types,
                        "direction": {"исх": "outbound", "?": ""},
                        "result": {"не дозвонились": "not_held"},
                        "campaign": {"ads": "Spring sale", "none": ""},
                        "channel": {"*": "elsewhere", "search": "Search"},
                    },
                },
                "stages": {"file": f"stages.{files}", "words": {"stage": stages}},
            },
            "stages": {
                "order": ["lead", "MQL", "sql"],
                "won": ["won"],
                "lost": ["lost"],
                "hand_over": "MQL",
                "after_hand_over": True,
            },
            "features": {"windows_days": [2, 7, 30]},
        }
    )


@dataclass(frozen=True)
class Told:
    """A lead's rows, in the words of its CRM."""

    created_at: str
    activities: tuple[Row, ...]
    stages: tuple[Row, ...]


def write_csv(path: Path, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    pq.write_table(pa.table(columns), path)


Writer = Callable[[Path, tuple[str, ...], list[dict[str, Any]]], None]
WRITERS: dict[str, Writer] = {"csv": write_csv, "parquet": write_parquet}


def exported(told: Told, mapping: CrmMapping, write: Writer = write_csv) -> Export:
    """Write the lead as often as a kind needs to become a feature, and read the export."""
    ids = [f"L{number}" for number in range(FEW_LEADS)]
    tables = {
        "leads": (("lead_id", "created_at"), ({"created_at": told.created_at},)),
        "activities": (columns_of(told.activities, ACTIVITY_KEYS), told.activities),
        "stages": (columns_of(told.stages, STAGE_KEYS), told.stages),
    }
    with TemporaryDirectory() as name:
        for table, (names, rows) in tables.items():
            every = [{"lead_id": ident} | row for ident in ids for row in rows]
            names = tuple(dict.fromkeys(("lead_id", *names)))
            write(Path(name) / mapping.tables[table][0].file, names, every)
        export, _ = read_export(Path(name), mapping, needs_outcomes=False, now=LATER)
    assert len(export.leads) == FEW_LEADS
    return export


def columns_of(rows: tuple[Row, ...], every: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that some row has; a file has the required ones, whether empty or not."""
    return tuple(n for n in every if any(n in row for row in rows) or n in every[:2])


def check(told: Told, mapping: CrmMapping, write: Writer = write_csv, *, seed: int = 0) -> History:
    """Check that every computed feature has the same bits through both doors."""
    export = exported(told, mapping, write)
    history = crm_history(export, mapping)
    # A model's schema is saved and read again before it scores.
    schema = Schema.read(schema_of(history, ()).dump())
    assert schema.history is not None
    as_of = np.full(FEW_LEADS, (AS_OF - EPOCH) // timedelta(microseconds=1))
    batch = compute_features(
        schema,
        {},
        created_at=export.leads.created_at,
        as_of=as_of,
        activities=export.activities,
        stages=export.stages,
    )
    request = {
        "created_at": told.created_at,
        "activities": list(told.activities),
        "stages": list(told.stages),
    }
    random.Random(seed).shuffle(request["activities"])
    random.Random(seed).shuffle(request["stages"])
    read = read_history(json.loads(json.dumps(request)), schema.history, as_of=AS_OF)
    online = compute_features(
        schema,
        {},
        created_at=np.array([read.created_at]),
        as_of=as_of[:1],
        activities=read.activities,
        stages=read.stages,
    )
    for place in (0, FEW_LEADS - 1):
        same_bits({name: values[[place]] for name, values in batch.items()}, online)
    return history


# -- what a CRM may write -----------------------------------------------------------------------

DIGITS = ("0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩")


def written(clock: datetime, form: str, digits: str, day_first: bool) -> str:
    """Write a local moment in one of the forms that CRMs and people use."""
    local = clock.replace(tzinfo=ZoneInfo(ZONE))
    short = "%d.%m.%Y" if day_first else "%m.%d.%Y"
    text = {
        "local": lambda: clock.isoformat(sep=" "),
        "offset": local.isoformat,
        "utc": lambda: local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "short": lambda: clock.strftime(f"{short} %H:%M"),
        "names": lambda: clock.strftime("%b %d, %Y %I:%M %p"),
        "day": lambda: clock.strftime("%Y-%m-%d"),
        "unix": lambda: str(int(local.timestamp())),
    }[form]()
    return text.translate(str.maketrans("0123456789", digits))


FORMS = ("local", "offset", "utc", "short", "names", "day", "unix")


def moments(first: datetime, last: datetime, day_first: bool) -> st.SearchStrategy[str]:
    minutes = int((last - first) / timedelta(minutes=1))
    any_time = st.integers(0, minutes).map(lambda after: first + timedelta(minutes=after))
    few = [first + timedelta(days=1), last - timedelta(days=1)]
    night = datetime(2026, 10, 25, 2, 30)  # twice: clocks were put back
    if first <= night <= last:
        few.append(night)
    return st.builds(
        written,
        st.one_of(any_time, st.sampled_from(few)),
        st.sampled_from(FORMS),
        st.sampled_from(DIGITS),
        st.just(day_first),
    )


def rows_of(columns: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Row]:
    """Return rows; what need not be told may be left out, null or empty."""
    required = {name: item for name, item in columns.items() if name in REQUIRED}
    rest = {name: item | st.none() for name, item in columns.items() if name not in REQUIRED}
    return st.fixed_dictionaries(required, optional=rest)


REQUIRED = ("type", "occurred_at", "stage", "entered_at")
NOTHING = ("", " ", "N/A")
OWN_TYPES = ("PAGE_VIEW ", "content  download", "call", "звонок", "form", "NOTE", "n/a")
OUR_TYPES = ("meeting", " Email_Reply", "chat", "email_sent", "outbound_message", "web_visit")
STRANGE = ("yoga class", "Йога", "*")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Told, dict[str, Any]]:
    day_first = draw(st.booleans())
    any_stage = draw(st.sampled_from([None, "", "sql", "lost"]))
    said = {
        "day_first": day_first,
        "any_type": draw(st.sampled_from([None, "", "webinar", "outbound_call"])),
        "any_stage": any_stage,
        "since": draw(st.sampled_from([None, "2026-10-24", "2026-11-05"])),
        "files": draw(st.sampled_from(sorted(WRITERS))),
    }
    # A few lie after the moment of scoring. What is recorded at it or later is left to a case of
    # its own: a request cannot tell what nobody knows yet.
    happened = moments(CREATED - timedelta(days=12), datetime(2026, 11, 6), day_first)
    recorded = moments(CREATED - timedelta(days=20), datetime(2026, 11, 2), day_first)
    nothing = st.sampled_from(NOTHING)
    activity = rows_of(
        {
            "type": st.sampled_from(OWN_TYPES + OUR_TYPES + STRANGE),
            "occurred_at": happened,
            "known_at": recorded | nothing,
            "result": st.sampled_from(["held", "No show", "НЕ дозвонились", "x"]) | nothing,
            "direction": st.sampled_from(
                ["in", "OUT", " incoming", "outbound", "ИСХ", "?", "a@Ours.com", "Bo <b@else.org>"]
            )
            | nothing,
            "amount": st.sampled_from(["3", "0", "1,234.5", "۱۲", "٣٫٥", "1e12", "999", "99۹"])
            | nothing,
            "campaign": st.sampled_from(["Autumn", "spring  sale", " Ads", "none", "كيف"])
            | nothing,
            "channel": st.sampled_from(["search", "Email"]) | nothing,
            "subject": st.sampled_from(["Offer", "Email: OUT of office", "АвтоОтвет: да"])
            | nothing,
        }
    )
    stage = rows_of(
        {
            "stage": st.sampled_from(
                ["lead", "mql ", "SQL", "new", "won", "Lost", "закрыто", "duplicate", "n/a"]
                + ([] if any_stage is None else ["Nurturing"])
            ),
            "entered_at": moments(CREATED - timedelta(days=3), datetime(2026, 11, 6), day_first),
            "known_at": recorded | nothing,
        }
    )
    activities = draw(st.lists(activity, max_size=7))
    if activities and draw(st.booleans()):
        activities += draw(st.lists(st.sampled_from(activities), max_size=3))
        if draw(st.booleans()):
            ids = st.sampled_from(["v1", " v1", "v۱", "v2", "n/a", None])
            activities = [row | {"activity_id": draw(ids)} for row in activities]
    stages = draw(st.lists(stage, max_size=5))
    created = written(
        CREATED, draw(st.sampled_from(FORMS)), draw(st.sampled_from(DIGITS)), day_first
    )
    return Told(created, tuple(activities), tuple(stages)), said


@given(case=cases(), seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_a_history_has_the_same_bits_through_both_doors(
    case: tuple[Told, dict[str, Any]], seed: int
) -> None:
    told, said = case
    check(told, mapping_of(**said), WRITERS[said["files"]], seed=seed)


# -- what chance may miss -----------------------------------------------------------------------

DIRECTIONS = (None, "", "in", "Incoming", "inbound", "out", "OUTGOING", "outbound", "исх", "?")


def every_type() -> tuple[Row, ...]:
    """Return every type with every direction, each at a moment of its own."""
    pairs = [(word, side) for word in OWN_TYPES + OUR_TYPES + STRANGE for side in DIRECTIONS]
    at = [CREATED + timedelta(hours=2 * number) for number in range(len(pairs))]
    return tuple(
        {"type": word, "direction": side, "occurred_at": f"{moment}"}
        for (word, side), moment in zip(pairs, at, strict=True)
    )


@pytest.mark.parametrize("any_type", [None, "", "webinar", "outbound_call"])
def test_every_type_with_every_direction(any_type: str | None) -> None:
    history = check(Told(f"{CREATED}", every_type(), ()), mapping_of(any_type=any_type))
    assert {"web_visit", "inbound_call", "demo_request"} <= set(history.kinds)
    assert ("webinar" in history.kinds) == (any_type == "webinar")
    # Words that mean nothing are words, too: nobody may take them for another activity.
    assert history.kind_words["note"] == ""


VISIT: Row = {"type": "page_view", "occurred_at": "2026-10-25 02:30"}
DAY: Row = {"type": "page_view", "occurred_at": "25.10.2026"}


def with_ids(*ids: str | None) -> tuple[Row, ...]:
    return tuple(DAY | {"activity_id": ident} for ident in ids)


OTHERS: dict[str, tuple[tuple[Row, ...], float]] = {
    "the same moment in another form": (
        (VISIT, {"type": "page_view", "occurred_at": "2026-10-25T01:30:00Z"}),
        1,
    ),
    "the same kind by another word": ((VISIT, VISIT | {"type": "web_visit"}), 1),
    "recorded at another moment": ((VISIT, VISIT | {"known_at": "2026-10-25 06:00"}), 2),
    "recorded before it happened": ((VISIT, VISIT | {"known_at": "2026-10-24 06:00"}), 1),
    "with another amount": ((VISIT, VISIT | {"amount": "0"}), 2),
    "with an amount that is a word for none": ((VISIT, VISIT | {"amount": "999"}), 1),
    "with a campaign": ((VISIT, VISIT | {"campaign": "Spring"}), 2),
    "with a campaign that means none": ((VISIT, VISIT | {"campaign": "NONE"}), 1),
    "two days without a time": ((DAY, DAY), 2),
    "one day without a time by its id": (with_ids("v1", " v1"), 1),
    "two days without a time by their ids": (with_ids("v1", "v2"), 2),
    "one day without ids though others have them": (with_ids(None, None), 1),
}


@pytest.mark.parametrize(("rows", "visits"), OTHERS.values(), ids=OTHERS)
def test_rows_that_say_the_same_count_once(rows: tuple[Row, ...], visits: float) -> None:
    told = Told(f"{CREATED}", rows, ())
    mapping = mapping_of()
    history = check(told, mapping)
    read = read_history({"activities": list(rows)}, history, as_of=AS_OF)
    assert read.activities is not None
    assert len(read.activities) == visits
    again = sum("say" in text and "same" in text for text in read.warnings)
    assert again == (visits < len(rows))


def test_different_words_of_no_kind_that_is_known_are_different_things() -> None:
    at = "2026-10-25 12:00"
    rows = tuple({"type": word, "occurred_at": at} for word in ("Yoga", "Йога", "Yoga"))
    history = check(Told(f"{CREATED}", rows, ()), mapping_of())
    read = read_history({"activities": list(rows)}, history, as_of=AS_OF)
    assert read.activities is not None
    assert len(read.activities) == 2


def test_stages_of_one_moment_are_told_apart_by_their_record() -> None:
    at = "2026-10-28 12:00"
    later = {"stage": "new", "entered_at": at, "known_at": "2026-10-30 12:00"}
    earlier = {"stage": "sql", "entered_at": at, "known_at": "2026-10-29 12:00"}
    check(Told(f"{CREATED}", (), (later, earlier)), mapping_of())


@pytest.mark.parametrize(
    ("entered", "days"),
    [
        ("2026-10-20 09:30", 15.1875),
        ("2026-10-20 08:00", 15.1875),  # raised to the lead's creation
        ("2026-10-19 09:30", 15.1875),  # a day before it, to the microsecond
        ("2026-10-19T07:29:59.999999Z", np.nan),  # more: another lead's
    ],
)
def test_a_stage_before_the_leads_creation(entered: str, days: float) -> None:
    stages: tuple[Row, ...] = ({"stage": "New", "entered_at": entered},)
    history = check(Told(f"{CREATED}", (), stages), mapping_of())
    lead = {"created_at": f"{CREATED}", "stages": list(stages)}
    read = read_history(lead, history, as_of=AS_OF)
    found = compute_features(
        schema_of(history, ()),
        {},
        created_at=np.array([read.created_at]),
        as_of=np.array([(AS_OF - EPOCH) // timedelta(microseconds=1)]),
        activities=None,
        stages=read.stages,
    )
    assert found["days_in_stage"].tolist() == pytest.approx([days], nan_ok=True)
    assert bool(read.warnings) == bool(np.isnan(days))


def test_columns_of_numbers_and_timestamps_are_read_as_a_request_writes_them() -> None:
    """A Parquet file has types, JSON has numbers and text."""
    clocks = [datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 30, 12, 0, 1, 250_000)]
    amounts = [2.5, 999.0]

    def write(path: Path, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        if path.stem != "activities":
            write_parquet(path, names, rows)
            return
        columns = {
            "lead_id": pa.array([row["lead_id"] for row in rows]),
            "type": pa.array([row["type"] for row in rows]),
            "occurred_at": pa.array(clocks * FEW_LEADS, pa.timestamp("us")),
            "amount": pa.array(amounts * FEW_LEADS),
        }
        pq.write_table(pa.table(columns), path)

    rows = tuple(
        {"type": "page_view", "occurred_at": clock.isoformat(), "amount": amount}
        for clock, amount in zip(clocks, amounts, strict=True)
    )
    check(Told(f"{CREATED}", rows, ()), mapping_of(files="parquet"), write)


# -- honest differences -------------------------------------------------------------------------


def test_what_is_recorded_after_the_moment_counts_only_where_it_is_told() -> None:
    """An export knows what was known then; a request tells what somebody knows now."""
    row: Row = {"type": "page_view", "occurred_at": "2026-11-01", "known_at": "2026-11-05"}
    export = exported(Told(f"{CREATED}", (row,), ()), mapping_of())
    history = crm_history(export, mapping_of())
    read = read_history({"activities": [row]}, history, as_of=AS_OF)
    assert read.activities is not None
    assert read.activities.known_at.tolist() == read.activities.occurred_at.tolist()
    assert export.activities is not None
    now = (AS_OF - EPOCH) // timedelta(microseconds=1)
    assert (export.activities.known_at >= now).all()


@pytest.mark.parametrize(
    ("activity", "name"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "many"}, "amount"),
        ({"known_at": "soon"}, "known_at"),
    ],
)
def test_what_an_export_mends_or_leaves_out_a_request_has_to_say_right(
    activity: Row, name: str
) -> None:
    row = VISIT | activity
    export = exported(Told(f"{CREATED}", (row,), ()), mapping_of())
    history = crm_history(export, mapping_of())
    with pytest.raises(LeadError, match=rf"activities\[0\]\.{name}"):
        read_history({"activities": [row]}, history, as_of=AS_OF)


def test_of_several_files_words_hold_that_do_not_contradict() -> None:
    """A request does not say which file it would have come from."""
    content = {
        "dataset": "x",
        "tables": {
            "leads": {"file": "leads.csv"},
            "activities": [
                {"file": "a.csv", "words": {"type": {"Call": "meeting", "CALL": "chat"}}},
                {"file": "b.csv", "words": {"type": {"call": "form", "Fax": "other_inbound"}}},
            ],
        },
    }
    export = exported(Told(f"{CREATED}", (VISIT,), ()), mapping_of())
    # Within one file the last one holds, as for its cells.
    history = crm_history(export, CrmMapping.read(content))
    assert history.kind_words == {"fax": "other_inbound"}
    assert history.unclear_words == {"type": {"call": "chat or form"}}
