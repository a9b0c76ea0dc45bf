"""From typed facts to rows of lead and age: cohort, labels, values as they were known."""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import (
    LOST,
    OPEN,
    WON,
    Activities,
    Deals,
    Export,
    FieldHistory,
    Leads,
    Stages,
)
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping, FeatureSettings
from scoring_ml.data.crm.mapping.fields import MappedField
from scoring_ml.data.crm.mapping.stages import Funnel
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.features.asof import seen_at
from scoring_ml.features.crm_snapshot import (
    build_crm_snapshot,
    crm_history,
    open_leads,
    values_at,
)
from tests.small_export import TABLES, write_small_export

START = 20_000 * DAY
EXTRACTED = START + 200 * DAY
STAGE_NAMES = ("lead", "sql", "lost")
AGES = (0.0, 1.0, 7.0, 30.0)


def days(*numbers):
    return np.array([round(number * DAY) for number in numbers], dtype=np.int64) + START


FIELDS = (
    MappedField(Column("industry", "category", askable=True), "leads", "industry"),
    MappedField(Column("budget", "number", askable=True), "field_changes", "budget"),
    MappedField(Column("notes", "text", use=False), "leads", "notes"),
)


def mapping(**changes):
    given = {
        "dataset": "small",
        "tables": {},
        "fields": FIELDS,
        "stages": Funnel(("lead", "sql"), lost=("lost",)),
        "horizon_days": 60.0,
        "recording_lag_days": 2.0,
        "ages_days": AGES,
    }
    return CrmMapping(**(given | changes))


def activities(rows):
    """Rows of lead, kind, day it happened, day it was known."""
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    return Activities(
        lead=np.array([row[0] for row in rows], dtype=np.int64),
        kind=np.array([KINDS.index(row[1]) for row in rows], dtype=np.int16),
        by_lead=np.array([not row[1].startswith("outbound") for row in rows], dtype=bool),
        occurred_at=days(*(row[2] for row in rows)),
        known_at=days(*(row[3] for row in rows)),
        amount=np.full(len(rows), np.nan),
    )


def history(rows):
    """Rows of lead, value, day it changed, day it was known."""
    rows = sorted(rows, key=lambda row: (row[0], row[2], row[3]))
    return FieldHistory(
        lead=np.array([row[0] for row in rows], dtype=np.int64),
        value=np.array([row[1] for row in rows], dtype=np.float64),
        changed_at=days(*(row[2] for row in rows)),
        known_at=days(*(row[3] for row in rows)),
    )


# Six leads, created on days 0, 10, 20, 100, 150, 199:
#  0 won on day 40 (known on 41)            1 lost on day 15 (known on 16)
#  2 lost on day 25, recycled on day 35     3 still open
#  4 won on day 160, too young to be final  5 created the day before the export
CREATED = (0, 10, 20, 100, 150, 199)
VISITS = [(0, "web_visit", -2, -2), (0, "web_visit", 0.5, 0.5), (0, "web_visit", 3, 20)]
BUDGETS = [(0, 5_000, 0, 0), (0, 9_000, 2, 5), (3, 700, 101, 101)]


def small(*, acts=VISITS, budgets=BUDGETS, stages=((2, "lead", 35, 35),)):
    n = len(CREATED)
    return Export(
        leads=Leads(
            ids=np.array([f"L{i}" for i in range(n)], dtype=object),
            created_at=days(*CREATED),
            account=np.array(["a", "a", "b", None, "c", "d"], dtype=object),
            values={
                "industry": np.array(["x", "y", None, "x", "x", "y"], dtype=object),
                "notes": np.full(n, "secret", dtype=object),
            },
        ),
        histories={"budget": history(budgets)},
        activities=activities([*acts, *((i, "web_visit", 190, 190) for i in range(n))] * 2),
        stages=Stages(
            np.array([row[0] for row in stages], dtype=np.int64),
            np.array([STAGE_NAMES.index(row[1]) for row in stages], dtype=np.int16),
            days(*(row[2] for row in stages)),
            days(*(row[3] for row in stages)),
            STAGE_NAMES,
        ),
        deals=Deals(
            np.array([0, 1, 2, 3, 4]),
            np.array([WON, LOST, LOST, OPEN, WON], dtype=np.int8),
            np.concatenate([days(40, 15, 25), [NEVER], days(160)]),
            np.concatenate([days(41, 16, 26), [NEVER], days(161)]),
            np.full(5, np.nan),
            np.full(5, None, dtype=object),
        ),
        spend=None,
        extracted_at=EXTRACTED,
    )


assert len({lead for lead, *_ in VISITS}) == 1


@pytest.fixture(autouse=True)
def few_leads_suffice(monkeypatch):
    monkeypatch.setattr("scoring_ml.features.crm_snapshot.FEW_LEADS", 1)


def rows(snapshot):
    return {
        (ident, None if np.isnan(age) else age): (None if np.isnan(label) else label)
        for ident, age, label in zip(snapshot.ids, snapshot.age_days, snapshot.label, strict=True)
    }


def test_rows_exist_while_a_lead_is_open_as_known_then_and_labels_look_ahead():
    snapshot, schema, outcomes = build_crm_snapshot(small(), mapping())
    assert (outcomes.horizon_days, outcomes.lag_days) == (60.0, 2.0)
    assert rows(snapshot) == {
        ("L0", 0.0): 1.0,
        ("L0", 1.0): 1.0,
        ("L0", 7.0): 1.0,
        ("L0", 30.0): 1.0,
        ("L1", 0.0): 0.0,  # lost on day 15, known on 16: ages 0 and 1 only
        ("L1", 1.0): 0.0,
        ("L2", 0.0): 0.0,
        ("L2", 1.0): 0.0,
        ("L2", 30.0): 0.0,  # recycled on day 35, so open again on day 50; not on day 27
        ("L2", None): None,
        ("L3", 0.0): 0.0,  # open and not won within 60 days: lost as far as the score goes
        ("L3", 1.0): 0.0,
        ("L3", 7.0): 0.0,
        ("L3", 30.0): 0.0,
        ("L3", None): None,
        ("L4", 0.0): None,  # won, but 62 days are not over: neither won nor lost
        ("L4", 1.0): None,
        ("L4", 7.0): None,
        ("L5", 0.0): None,
        ("L5", None): None,  # its first day ends with the export, so the row of now is that row
    }
    assert schema.mature_after_days == 62.0
    assert schema.order.by == "time"
    assert list(snapshot.position) == sorted(snapshot.position)
    assert snapshot.headline_age_days == 1.0


def test_rows_of_a_lead_follow_its_ages_and_now_comes_last():
    snapshot, *_ = build_crm_snapshot(small(), mapping())
    for lead in np.unique(snapshot.lead):
        ages = snapshot.age_days[snapshot.lead == lead]
        assert list(np.nan_to_num(ages, nan=99)) == sorted(np.nan_to_num(ages, nan=99))
    now = np.isnan(snapshot.age_days)
    assert (snapshot.as_of[now] == np.datetime64(EXTRACTED, "us")).all()


def test_values_are_those_known_at_the_moment():
    snapshot, schema, _ = build_crm_snapshot(small(), mapping())
    found = {
        age: snapshot.frame[(snapshot.ids == "L0") & (snapshot.age_days == age)].iloc[0]
        for age in AGES
    }
    # The budget of day 2 was known on day 5; each visit is there twice; the visit of day 3 was
    # recorded on day 20.
    assert [found[age]["budget"] for age in AGES] == [5_000, 5_000, 9_000, 9_000]
    assert [found[age]["web_visit_30d"] for age in AGES] == [2, 4, 4, 4]
    assert found[30.0]["web_visit_7d"] == 0
    assert found[1.0]["days_since_web_visit"] == 0.5
    assert "notes" not in snapshot.frame
    assert set(snapshot.frame) == {c.name for c in schema.columns if c.type != "text"}


def test_a_win_recorded_late_is_not_seen_again():
    """Won on day 40, recorded on day 41: on day 40.5 it is neither open nor to be won."""
    made = small()
    snapshot, *_ = build_crm_snapshot(made, mapping(ages_days=(40.5,), headline_age_days=40.5))
    assert "L0" not in set(snapshot.ids)
    reasons = {item.reason: item.first_ids for item in snapshot.unused}
    assert reasons["won before the moment, recorded later"] == ("L0",)
    assert "L1" in reasons["closed before the first age at which leads are seen"]


def test_an_export_in_which_no_lead_is_ever_open_is_refused():
    made = replace(small(), extracted_at=START)
    with pytest.raises(InputError, match=r"open at one of the ages.*none of 6 leads at 0, 1"):
        build_crm_snapshot(made, mapping())


def test_a_short_export_is_cut_by_the_gap_that_the_mapping_gives():
    _, schema, _ = build_crm_snapshot(small(), mapping(gap_days=0.0))
    assert (schema.mature_after_days, schema.gap_days) == (None, 0.0)
    _, schema, _ = build_crm_snapshot(small(), mapping(gap_days=90.0))
    assert (schema.mature_after_days, schema.gap_days) == (62.0, 90.0)


def test_a_kind_becomes_a_feature_when_enough_leads_did_it(monkeypatch):
    monkeypatch.setattr("scoring_ml.features.crm_snapshot.FEW_LEADS", 2)
    acts = [(0, "demo_request", 1, 1), (1, "demo_request", 1, 1), (0, "webinar", 2, 2)]
    found = crm_history(small(acts=acts), mapping())
    assert "demo_request" in found.kinds
    assert "webinar" not in found.kinds
    assert found.amounts == ()
    assert found.touches == ()


def test_leads_to_be_scored_keep_their_place_and_say_why_not():
    made = small()
    _, schema, _ = build_crm_snapshot(made, mapping())
    snapshot = open_leads(made, mapping(), schema, as_of=int(days(30)[0]))
    assert list(snapshot.ids) == [f"L{i}" for i in range(6)]
    assert list(snapshot.problem) == [
        "",
        "not open at that moment",
        "not open at that moment",
        *["not created before that moment"] * 3,
    ]
    assert snapshot.frame["budget"][0] == 9_000
    newest = open_leads(made, mapping(), schema)
    assert list(newest.problem == "") == [False, False, True, True, False, True]


def test_a_model_field_that_the_export_lacks_counts_as_missing_and_is_told():
    made = small()
    _, schema, _ = build_crm_snapshot(made, mapping())
    bare = replace(made, histories={})
    snapshot = open_leads(bare, mapping(), schema)
    assert np.isnan(snapshot.frame["budget"]).all()
    assert any("budget" in text for text in snapshot.warnings)


later = st.floats(0.001, 150)
facts = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(("web_visit", "demo_request")), later, later),
    max_size=6,
)
changes = st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1e6), later, later), max_size=6)
moves = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(STAGE_NAMES), later, later), max_size=6
)
# Level in all moments: only a rule that does not look at the order of rows can decide these.
LEVEL_STAGES = [(0, "lead", 0, 0), (0, "sql", 0, 0), (2, "sql", 35, 35), (2, "lead", 35, 35)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts, changes, moves, st.sampled_from(AGES), st.randoms())
def test_facts_of_later_change_nothing_and_their_order_neither(facts, changes, moves, age, random):
    """Whatever is told at or after the moment, of then or of before, leaves every bit as it is."""
    base = small(stages=LEVEL_STAGES)
    _, schema, _ = build_crm_snapshot(base, mapping())
    as_of = seen_at(base.leads.created_at, age)
    before = values_at(base, schema, as_of)
    moment = [(int(at) - START) / DAY for at in as_of]

    def told(lead, happened, known):
        # Known at the moment or later; it may have happened before.
        return moment[lead] - 5 + happened, moment[lead] + known - 0.001

    def mixed(known, later):
        rows = [*known, *((lead, what, *told(lead, a, b)) for lead, what, a, b in later)]
        random.shuffle(rows)
        return rows

    more = small(
        acts=mixed(VISITS, facts),
        budgets=mixed(BUDGETS, changes),
        stages=mixed(LEVEL_STAGES, moves),
    )
    assert_same_bits(before, values_at(more, schema, as_of))


def assert_same_bits(before, after):
    assert set(before) == set(after)
    for name in before:
        one, other = np.asarray(before[name]), np.asarray(after[name])
        if one.dtype == object:
            assert one.tolist() == other.tolist(), name
        else:
            assert one.tobytes() == other.tobytes(), name


# Each is level with a row that the small export has, and says something else.
LEVEL_ROWS = {
    "changes.csv": [
        'L1,Budget__c,"7,000",2026-01-09 15:00:00,2026-01-09 15:05:00',
        'L1,Budget__c,"6,000",2026-01-05 10:00:00,',
        "L2,Budget__c,900,2026-01-06 09:30:00,",
    ],
    "stages.csv": [
        "L1,Lead,2026-01-12 10:00:00,2026-01-12 16:00:00",
        "L4,Lead,2026-02-10 12:00:00,",
        "L2,SQL,2026-01-06 09:30:00,",
        "L3,Lost,2026-01-07 05:30:00,",
    ],
    "touches.csv": [
        "L1,page_view,2026-01-04 20:00:00,,3,Autumn,",
        "L1,page_view,2026-01-04 20:00:00,,7,Fair,",
        "L6,demo_request,2026-02-27 08:00:00,,,Autumn,",
    ],
}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_in_the_files_changes_nothing(tmp_path, seed):
    """Not even among rows that are level in every moment."""

    def seen(folder):
        given = CrmMapping.load(folder / "crm.yaml")
        export, _ = read_export(folder, given)
        return build_crm_snapshot(export, given)[0]

    first = write_small_export(tmp_path / "first")
    for name, rows in LEVEL_ROWS.items():
        with (first / name).open("a", encoding="utf-8") as file:
            file.writelines(f"{row}\n" for row in rows)
    other = Path(shutil.copytree(first, tmp_path / "other"))
    random = Random(seed)
    for name in TABLES:
        header, *rows = (other / name).read_text(encoding="utf-8").splitlines()
        random.shuffle(rows)
        (other / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    one, two = seen(first), seen(other)
    assert len(one) > 10
    assert one.frame["budget"].notna().any()
    for name in ("ids", "label", "as_of", "age_days"):
        assert_same_bits({name: getattr(one, name)}, {name: getattr(two, name)})
    assert_same_bits(dict(one.frame.items()), dict(two.frame.items()))


def test_a_lead_whose_closing_cannot_be_read_has_no_row_and_is_told():
    made = small()
    made = replace(made, deals=replace(made.deals, unsure=np.array([3])))
    snapshot, schema, _ = build_crm_snapshot(made, mapping())
    assert "L3" not in set(snapshot.ids)
    told = {item.reason: item.first_ids for item in snapshot.unused}
    assert any("could not be read" in reason and ids == ("L3",) for reason, ids in told.items())
    problem = open_leads(made, mapping(), schema).problem
    assert "could not be read" in problem[3]


def test_a_moment_after_the_export_is_scored_with_a_warning():
    made = small()
    _, schema, _ = build_crm_snapshot(made, mapping())
    late = open_leads(made, mapping(), schema, as_of=EXTRACTED + 10 * DAY)
    assert any("10.0 days after the export was made" in text for text in late.warnings)
    assert open_leads(made, mapping(), schema).warnings == ()


@pytest.mark.parametrize("choice", [{"without": ("nonsense",)}, {"allow": {"web_visit_8d": "x"}}])
def test_a_decision_about_no_feature_is_refused(choice):
    with pytest.raises(
        SchemaError, match=r"must name computed features\. Found: (nonsense|web_visit)"
    ):
        build_crm_snapshot(small(), mapping(features=FeatureSettings(**choice)))
