"""The oracle of a snapshot: each sort of wrong row is found by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.crm.facts import LOST, OPEN, WON, Deals, Export, FieldHistory, Leads
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.features.asof import latest
from scoring_ml.features.compute import compute_features
from scoring_ml.features.snapshot import Snapshot
from tests.derived_facts import NOW, SCHEMA, activities_of, column, stages_of
from tests.oracle.snapshot_oracle import OracleError, check_snapshot

LEADS = 4
EXTRACTED = NOW
CREATED = NOW - np.array([200, 150, 100, 5]) * DAY
ROWS = [
    # lead, age in days (nan for now), label; horizon 60 days, recording lag 2 days
    (0, 0.0, 1.0),
    (0, 7.0, 1.0),
    (1, 0.0, 0.0),
    (1, 7.0, 0.0),
    (2, 0.0, 0.0),
    (2, 30.0, 1.0),
    (2, 7.0, 0.0),
    (3, 0.0, np.nan),
    (3, np.nan, np.nan),
]
"""Seen at 0, 7 and 30 days. Lead 0 is won on its 20th day, 1 lost on its 10th, 2 wins on day 70 of
its life, which is recorded only after the export's newest fact; 3 is young."""


def export() -> Export:
    day = (CREATED[:, None] + np.arange(0, 200, 3) * DAY).ravel()
    rows = [
        {
            "lead": k // 67,
            "kind": ["web_visit", "download", "email_open", "outbound_call"][k % 4],
            "at": int(at) + 1_000,
            "known": int(at) + 1_000 + (k % 3) * DAY,
            "amount": float(k % 5),
            "campaign": ["spring", "autumn", None][k % 3],
        }
        for k, at in enumerate(day)
        if at + 1_000 < EXTRACTED
    ]
    return Export(
        leads=Leads(
            ids=column("L-1", "L-2", "L-3", "L-4"),
            created_at=CREATED,
            account=None,
            values={"industry": column("Software", None, "Retail", "Retail")},
        ),
        histories={
            "budget": FieldHistory(
                lead=np.array([0, 0, 1, 3]),
                value=np.array([10.0, 20.0, 5.0, 7.0]),
                changed_at=CREATED[[0, 0, 1, 3]] + np.array([0, 3, 20, 1]) * DAY,
                known_at=CREATED[[0, 0, 1, 3]] + np.array([0, 5, 20, 1]) * DAY,
            )
        },
        activities=activities_of(*rows),
        stages=stages_of(
            ("lead", int(CREATED[0])),
            ("sql", int(CREATED[0]) + 5 * DAY),
            ("lead", int(CREATED[1]), int(CREATED[1]), 1),
            ("mql", int(CREATED[2]) + DAY, int(CREATED[2]) + DAY, 2),
        ),
        deals=Deals(
            lead=np.array([0, 1, 2, 3]),
            outcome=np.array([WON, LOST, WON, OPEN], dtype=np.int8),
            closed_at=np.array([*(CREATED[:3] + np.array([20, 10, 70]) * DAY), NEVER]),
            known_at=np.array([CREATED[0] + 20 * DAY, CREATED[1] + 10 * DAY, EXTRACTED + 1, NEVER]),
            amount=np.full(4, np.nan),
            loss_reason=column(None, None, None, None),
        ),
        spend=None,
        extracted_at=EXTRACTED,
    )


def snapshot(facts: Export, rows: list[tuple[int, float, float]] = ROWS) -> Snapshot:
    lead = np.array([row[0] for row in rows])
    age = np.array([row[1] for row in rows])
    created = facts.leads.created_at[lead]
    as_of = np.where(age == 0, created + 1_000_000, created + np.nan_to_num(age).astype(int) * DAY)
    as_of[np.isnan(age)] = EXTRACTED
    parts = []
    for k in range(len(rows)):
        # One row after the other, each as if all leads were seen at its moment.
        at = np.full(len(facts.leads), as_of[k])
        values: dict[str, Any] = {
            "industry": facts.leads.values["industry"],
            "budget": latest(facts.histories["budget"], at),
        }
        values |= compute_features(
            SCHEMA,
            values,
            created_at=facts.leads.created_at,
            as_of=at,
            activities=facts.activities,
            stages=facts.stages,
        )
        parts.append(pd.DataFrame({name: item[[lead[k]]] for name, item in values.items()}))
    return Snapshot(
        frame=pd.concat(parts, ignore_index=True),
        ids=facts.leads.ids[lead],
        label=np.array([row[2] for row in rows]),
        position=created.astype(float),
        as_of=as_of.astype("datetime64[us]"),
        account=None,
        row=lead + 1,
        lead=lead,
        age_days=age,
        headline_age_days=0.0,
        extracted_at=np.datetime64(EXTRACTED, "us"),
    )


def alone(facts: Export, lead: int) -> Export:
    """Return an export of one lead."""

    def of(table: Any) -> Any:
        if table is None:
            return None
        rows = table.lead == lead
        kept = {
            name: item[rows]
            for name, item in vars(table).items()
            if isinstance(item, np.ndarray) and len(item) == len(rows)
        }
        return replace(table, **(kept | {"lead": np.zeros(int(rows.sum()), dtype=np.int64)}))

    leads = facts.leads
    values = {name: item[[lead]] for name, item in leads.values.items()}
    return replace(
        facts,
        leads=replace(
            leads, ids=leads.ids[[lead]], created_at=leads.created_at[[lead]], values=values
        ),
        histories={name: of(item) for name, item in facts.histories.items()},
        activities=of(facts.activities),
        stages=of(facts.stages),
        deals=of(facts.deals),
    )


def check(
    facts: Export,
    seen: Snapshot,
    *,
    lag_days: float = 2,
    won_stages: tuple[str, ...] = (),
    lost_stages: tuple[str, ...] = ("dead",),
    ages_days: tuple[float, ...] | None = None,
) -> None:
    check_snapshot(
        facts,
        seen,
        SCHEMA,
        horizon_days=60,
        lag_days=lag_days,
        won_stages=won_stages,
        lost_stages=lost_stages,
        ages_days=ages_days,
    )


@pytest.fixture(scope="module")
def facts() -> Export:
    return export()


@pytest.fixture(scope="module")
def seen(facts: Export) -> Snapshot:
    return snapshot(facts)


# Lead 1 was lost on its tenth day, so that it must not be seen now.
def test_a_right_snapshot_passes(facts: Export, seen: Snapshot) -> None:
    check(facts, seen)
    assert len({*seen.frame["web_visit_30d"]}) > 2
    assert seen.frame["budget"].tolist()[:2] == [10.0, 20.0]


def with_value(seen: Snapshot, row: int, name: str, value: object) -> Snapshot:
    frame = seen.frame.copy()
    items = frame[name].tolist()
    items[row] = value
    frame[name] = pd.Series(items, dtype=frame[name].dtype)
    return replace(seen, frame=frame)


@pytest.mark.parametrize(
    "name",
    [column.name for column in SCHEMA.columns if column.name not in ("email", "note", "start")],
)
def test_any_value_that_is_not_what_was_known_is_found(
    facts: Export, seen: Snapshot, name: str
) -> None:
    wrong: object
    if SCHEMA[name].type == "category":
        wrong = "elsewhere"
    else:
        wrong = 0.25 if np.isnan(seen.frame[name][5]) else float(seen.frame[name][5]) + 1e-3
    with pytest.raises(OracleError, match=rf"another value of {name} .lead L-3"):
        check(facts, with_value(seen, 5, name, wrong))


def peeking(
    facts: Export, seen: Snapshot, rows: list[int], change: Callable[[Export], Export]
) -> None:
    """Check a snapshot that was made from facts of which too much was known."""
    late = snapshot(change(facts), [ROWS[row] for row in rows])
    with pytest.raises(OracleError, match="must follow from what was known before its moment"):
        check(facts, late)


def test_facts_that_were_known_too_early_are_found(facts: Export, seen: Snapshot) -> None:
    def early_activities(facts: Export) -> Export:
        acts = facts.activities
        assert acts is not None
        return replace(facts, activities=replace(acts, known_at=acts.occurred_at))

    def early_changes(facts: Export) -> Export:
        budget = facts.histories["budget"]
        early = replace(budget, known_at=budget.changed_at, changed_at=budget.changed_at - 4 * DAY)
        return replace(facts, histories={"budget": replace(early, known_at=early.changed_at)})

    def early_stages(facts: Export) -> Export:
        stages = facts.stages
        assert stages is not None
        moved = replace(
            stages, known_at=stages.known_at - 5 * DAY, entered_at=stages.entered_at - 5 * DAY
        )
        return replace(facts, stages=moved)

    for change in (early_activities, early_changes, early_stages):
        peeking(facts, seen, [0, 1, 2, 3, 4, 5], change)


@pytest.mark.parametrize(
    ("row", "label"), [(0, 0.0), (2, 1.0), (4, 1.0), (5, 0.0), (7, 0.0), (6, 1.0), (1, np.nan)]
)
def test_a_wrong_label_is_found(facts: Export, seen: Snapshot, row: int, label: float) -> None:
    labels = seen.label.copy()
    labels[row] = label
    with pytest.raises(OracleError, match="A label must follow from the wins in the horizon"):
        check(facts, replace(seen, label=labels))


def test_the_ends_of_the_horizon(facts: Export) -> None:
    as_of = int(CREATED[2]) + 30 * DAY
    assert facts.deals is not None
    for closed, label in [(as_of, 1.0), (as_of + 60 * DAY - 1, 1.0), (as_of + 60 * DAY, 0.0)]:
        deals = facts.deals
        at = deals.closed_at.copy()
        at[2] = closed
        moved = replace(facts, deals=replace(deals, closed_at=at))
        of_one = alone(moved, 2)
        check(of_one, snapshot(of_one, [(0, 30.0, label)]))


def test_a_label_is_final_only_when_horizon_and_lag_are_over(facts: Export) -> None:
    of_one = alone(facts, 2)
    row = snapshot(of_one, [(0, 0.0, 0.0)])
    exact = (EXTRACTED - int(CREATED[2]) - 1_000_000) / DAY - 60
    check(of_one, row, lag_days=exact)
    with pytest.raises(OracleError, match="A label must follow"):
        check(of_one, row, lag_days=exact + 1e-3)


def test_a_lead_that_was_known_closed_is_found(facts: Export) -> None:
    with pytest.raises(OracleError, match=r"only while it is open, as known then.*lead L-1"):
        check(facts, snapshot(facts, [(0, 30.0, 0.0)]))
    for row in [(1, 30.0, 0.0), (1, np.nan, np.nan)]:
        with pytest.raises(OracleError, match=r"only while it is open, as known then.*lead L-2"):
            check(facts, snapshot(facts, [row]))
    # On the very moment at which the loss is known it is not known yet.
    of_one = alone(facts, 1)
    check(of_one, snapshot(of_one, [(0, 10.0, 0.0)]))


def test_a_stage_ends_a_lead_from_the_moment_after_it_is_recorded(facts: Export) -> None:
    as_of = int(CREATED[3]) + DAY
    for known, is_open in [(as_of - 1, False), (as_of, True)]:
        dead = stages_of(("dead", as_of - DAY // 2, known, 3), names=("dead", "lead"))
        ended = alone(replace(facts, stages=dead, deals=None), 3)
        row = snapshot(ended, [(0, 1.0, np.nan)])
        if is_open:
            check(ended, row)
        else:
            with pytest.raises(OracleError, match="only while it is open"):
                check(ended, row)


def test_an_answer_counts_from_the_moment_after_it_is_recorded(facts: Export) -> None:
    for age, budget in [(3.0, 10.0), (4.0, 10.0), (5.0, 10.0), (6.0, 20.0)]:
        of_one = alone(facts, 0)
        row = snapshot(of_one, [(0, age, 1.0)])
        assert row.frame["budget"].tolist() == [budget]
        check(of_one, row)
        with pytest.raises(OracleError, match="another value of budget"):
            check(of_one, with_value(row, 0, "budget", 30.0 - budget))


def test_stages_that_end_a_lead_and_stages_that_bring_it_back(facts: Export) -> None:
    row = snapshot(facts, [(0, 7.0, 1.0)])
    with pytest.raises(OracleError, match="only while it is open"):
        check(facts, row, lost_stages=("sql",))
    with pytest.raises(OracleError, match="only while it is open"):
        check(facts, row, won_stages=("sql",))
    back = stages_of(("lead", int(CREATED[1]) + 25 * DAY, int(CREATED[1]) + 25 * DAY, 1))
    recycled = alone(replace(facts, stages=back), 1)
    check(recycled, snapshot(recycled, [(0, 30.0, 0.0), (0, np.nan, np.nan)]))


def test_a_stage_can_be_the_win(facts: Export) -> None:
    assert facts.deals is not None
    open_deals = replace(
        facts.deals,
        outcome=np.full(4, OPEN, dtype=np.int8),
        closed_at=np.full(4, NEVER),
        known_at=np.full(4, NEVER),
    )
    staged = alone(replace(facts, deals=open_deals), 0)
    row = snapshot(staged, [(0, 1.0, 1.0)])
    check(staged, row, won_stages=("sql",))
    with pytest.raises(OracleError, match="A label must follow"):
        check(staged, row)
    with pytest.raises(OracleError, match=r"only while it is open, as known then.*lead L-1"):
        check(staged, snapshot(staged, [(0, 1.0, 1.0), (0, 7.0, 0.0)]), won_stages=("sql",))


def test_a_row_at_another_moment_is_found(facts: Export, seen: Snapshot) -> None:
    assert seen.as_of is not None
    for row, shift in ((0, 1), (5, -1), (8, 1)):
        as_of = seen.as_of.copy()
        as_of[row] += np.timedelta64(shift, "us")
        with pytest.raises(OracleError, match="A row must be seen at its age"):
            check(facts, replace(seen, as_of=as_of))


def test_a_lead_that_is_seen_twice_at_one_moment_is_found(facts: Export, seen: Snapshot) -> None:
    twice = seen.take(np.array([0, 1, 1, 2]))
    with pytest.raises(OracleError, match=r"3 rows .0, 7, 7. instead of 2 rows .0, 7. of L-1"):
        check(facts, twice)


def test_without_activities_stages_and_deals(facts: Export) -> None:
    bare = replace(facts, activities=None, stages=None, deals=None)
    ages = [(lead, 1.0, 0.0 if lead < 3 else np.nan) for lead in range(LEADS)]
    now = [(lead, np.nan, np.nan) for lead in range(LEADS)]
    check(bare, snapshot(bare, ages + now))


@pytest.mark.parametrize(
    ("left_out", "had", "due"),
    [
        (1, r"1 rows .0.", r"2 rows .0, 7. of L-1"),
        (8, r"1 rows .0.", r"2 rows .0, now. of L-4"),
        (5, r"2 rows .0, 7.", r"3 rows .0, 7, 30. of L-3"),
    ],
)
def test_a_row_that_is_missing_is_found(
    facts: Export, seen: Snapshot, left_out: int, had: str, due: str
) -> None:
    rest = seen.take(np.delete(np.arange(len(ROWS)), left_out))
    with pytest.raises(OracleError, match=f"A lead must be seen at each.*{had} instead of {due}"):
        check(facts, rest, ages_days=(0.0, 7.0, 30.0))


def test_a_lead_without_any_row_is_found(facts: Export, seen: Snapshot) -> None:
    with pytest.raises(OracleError, match=r"0 rows .. instead of 2 rows .0, 7. of L-2"):
        check(facts, seen.take(seen.lead != 1))


def test_an_age_that_nobody_asked_for_or_that_nobody_has_is_found(
    facts: Export, seen: Snapshot
) -> None:
    with pytest.raises(OracleError, match=r"2 rows .0, 7. instead of 1 rows .0. of L-1"):
        check(facts, seen, ages_days=(0.0,))
    with pytest.raises(OracleError, match=r"2 rows .0, 7. instead of 3 rows .0, 7, 14. of L-1"):
        check(facts, seen, ages_days=(0.0, 7.0, 14.0, 30.0))


def test_a_lead_of_which_nobody_knows_how_it_ended_has_no_rows(
    facts: Export, seen: Snapshot
) -> None:
    assert facts.deals is not None
    unread = replace(facts, deals=replace(facts.deals, unsure=np.array([1])))
    check(unread, seen.take(seen.lead != 1))
    with pytest.raises(OracleError, match=r"2 rows .0, 7. instead of 0 rows .. of L-2"):
        check(unread, seen)


def test_a_lead_is_not_seen_between_a_win_and_its_record(facts: Export) -> None:
    """Lead 2 is won on its 70th day, which nobody has recorded: open, but not to be won again."""
    of_one = alone(facts, 2)
    check(of_one, snapshot(of_one, [(0, 30.0, 1.0)]), ages_days=(30.0, 80.0))
    late = snapshot(of_one, [(0, 30.0, 1.0), (0, 80.0, np.nan)])
    with pytest.raises(OracleError, match=r"2 rows .30, 80. instead of 1 rows .30. of L-3"):
        check(of_one, late)


def test_a_row_of_another_lead_is_found(facts: Export, seen: Snapshot) -> None:
    with pytest.raises(OracleError, match=r"the id of another lead .lead L-4"):
        check(facts, replace(seen, ids=seen.ids[::-1]))
