"""Won, lost or open: by deals over time, wins that are taken back, and what stages say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring_ml.data.crm.facts import LOST, OPEN, WON, Deals, Export, Leads, Stages
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.stages import Funnel
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.outcomes import Outcomes, find_outcomes, outcome_notes
from tests.oracle.lead_facts import gather_facts
from tests.oracle.lead_standing import is_won_between, standing
from tests.oracle.snapshot_oracle import proven_snapshot

STAGES = ("lead", "sql", "won", "lost")
HORIZON = 30
SILENT = None
"""A row of an open deal without any moment."""

Deal = tuple[int, str, int, int | None, int | None]
"""Lead, deal ("" for none), outcome, day, day on which the deal was opened."""
Stage = tuple[int, str, str, int]
"""Lead, deal ("" for the lead itself), stage, day."""


def export(
    deals: Sequence[Deal] = (), stages: Sequence[Stage] = (), *, leads: int = 2, days: int = 100
) -> Export:
    """Make an export of leads that were created on day 0; what happened is known at once."""
    ids = tuple(sorted({deal[1] for deal in deals} - {""}))
    stage_ids = tuple(sorted({stage[1] for stage in stages} - {""}, reverse=True))

    def codes(names: list[str], among: tuple[str, ...]) -> Any:
        return np.array([among.index(n) if n else -1 for n in names], dtype=np.int64)

    def moments(found: list[int | None]) -> Any:
        return np.array([NEVER if day is None else day * DAY for day in found], dtype=np.int64)

    closed = [deal[3] if deal[2] != OPEN else None for deal in deals]
    return Export(
        leads=Leads(
            np.array([f"L{i}" for i in range(leads)], dtype=object),
            np.zeros(leads, dtype=np.int64),
            None,
            {"source": np.full(leads, "web", dtype=object)},
        ),
        histories={},
        activities=None,
        stages=Stages(
            np.array([stage[0] for stage in stages], dtype=np.int64),
            np.array([STAGES.index(stage[2]) for stage in stages], dtype=np.int16),
            moments([stage[3] for stage in stages]),
            moments([stage[3] for stage in stages]),
            STAGES,
            deal=codes([stage[1] for stage in stages], stage_ids),
            deals=stage_ids,
        ),
        deals=Deals(
            np.array([deal[0] for deal in deals], dtype=np.int64),
            np.array([deal[2] for deal in deals], dtype=np.int8),
            moments(closed),
            moments([deal[3] for deal in deals]),
            np.full(len(deals), np.nan),
            np.full(len(deals), None, dtype=object),
            opened_at=moments([deal[4] for deal in deals]),
            deal=codes([deal[1] for deal in deals], ids),
            ids=ids,
        ),
        spend=None,
        extracted_at=days * DAY,
    )


def mapping(**changes: Any) -> CrmMapping:
    given: dict[str, Any] = {
        "dataset": "x",
        "tables": {},
        "fields": (),
        "stages": Funnel(("lead", "sql"), ("won",), ("lost",)),
        "horizon_days": float(HORIZON),
        "recording_lag_days": 0.0,
        "ages_days": (0.0, 1.0, 3.0, 7.0, 14.0, 30.0),
    }
    return CrmMapping(**(given | changes))


def open_days(made: Export, *days: int) -> list[bool]:
    found = find_outcomes(made, mapping())
    return [bool(found.open_at(np.full(len(made.leads), day * DAY))[0]) for day in days]


def won(made: Export, day: int = 1) -> bool:
    return bool(find_outcomes(made, mapping()).won_within(np.full(len(made.leads), day * DAY))[0])


def test_an_open_deal_keeps_a_lead_open_whatever_a_lost_one_says() -> None:
    made = export([(0, "a", LOST, 10, 2), (0, "b", OPEN, SILENT, 5)])
    assert open_days(made, 4, 10, 11, 50, 100) == [True] * 5
    # Opened only later: closed in between, as known then.
    made = export([(0, "a", LOST, 10, 2), (0, "b", OPEN, SILENT, 40)])
    assert open_days(made, 10, 11, 40, 41, 100) == [True, False, False, True, True]
    # Without any moment of its own, an open deal is known at the export.
    made = export([(0, "a", LOST, 10, None), (0, "b", OPEN, SILENT, None)])
    assert open_days(made, 10, 11, 99, 100) == [True, False, False, True]


def test_a_deal_that_is_lost_later_was_open_until_then() -> None:
    made = export([(0, "a", LOST, 10, 1), (0, "b", LOST, 60, 5)])
    assert open_days(made, 11, 60, 61, 100) == [True, True, False, False]


def test_a_won_deal_wins_whatever_open_and_lost_ones_say() -> None:
    made = export([(0, "a", WON, 10, 1), (0, "b", OPEN, SILENT, 5), (0, "c", LOST, 20, 5)])
    assert open_days(made, 10, 11, 21, 100) == [True, False, False, False]
    assert won(made)


@pytest.mark.parametrize("day", [HORIZON, HORIZON + 1, HORIZON + 2])
def test_a_win_counts_if_it_is_taken_back_at_the_horizons_end_or_later(day: int) -> None:
    end = 1 + HORIZON
    for made in (
        export([(0, "a", WON, 10, None), (0, "a", LOST, day, None)]),
        export([(0, "a", WON, 10, None), (0, "a", OPEN, day, None)]),
        export(stages=[(0, "", "won", 10), (0, "", "sql", day)]),
        export(stages=[(0, "a", "won", 10), (0, "a", "sql", day)]),
        # The stage takes the only deal's win back, and a lost deal takes the stage's.
        export([(0, "a", WON, 10, None)], [(0, "", "won", 10), (0, "", "lost", day)]),
        export([(0, "a", LOST, day, None)], [(0, "", "won", 10)]),
    ):
        assert won(made) is (day >= end)
        assert open_days(made, 10, 11, day) == [True, False, False]
        assert find_outcomes(made, mapping()).taken_back.tolist() == [0]


def test_after_a_win_was_taken_back_the_newest_fact_says_what_a_lead_is() -> None:
    stages = [(0, "", "won", 10), (0, "", "sql", 12)]
    assert open_days(export(stages=stages), 10, 11, 12, 13) == [True, False, False, True]
    assert open_days(export(stages=[*stages, (0, "", "lost", 20)]), 13, 21) == [True, False]
    made = export([(0, "a", WON, 10, None), (0, "a", LOST, 20, None)])
    assert open_days(made, 11, 20, 21) == [False, False, False]


def test_a_win_that_is_told_twice_or_won_again_is_a_win() -> None:
    made = export([(0, "a", WON, 10, None), (0, "a", WON, 12, None)])
    found = find_outcomes(made, mapping())
    assert found.wins.at.tolist() == [10 * DAY]
    again = export(stages=[(0, "", "won", 10), (0, "", "sql", 12), (0, "", "won", 15)])
    found = find_outcomes(again, mapping())
    assert found.wins.at.tolist() == [10 * DAY, 15 * DAY]
    assert found.wins.until.tolist() == [12 * DAY, NEVER]
    assert (won(again), found.taken_back.tolist()) == (True, [])
    # Between the two it is open, and wins again.
    assert found.won_within(np.full(2, 13 * DAY)).tolist() == [True, False]


def test_the_win_of_another_deal_stays() -> None:
    made = export([(0, "a", WON, 10, None), (0, "b", LOST, 15, None)])
    assert (won(made), open_days(made, 16)) == (True, [False])
    # Both deals' stages in one history: it cannot tell which of them it is about.
    stages = [(0, "", "won", 10), (0, "", "lead", 12), (0, "", "lost", 15)]
    assert won(export([(0, "a", WON, 10, 1), (0, "b", LOST, 15, 1)], stages))
    # Of two leads with one deal, each has its own.
    made = export([(0, "a", WON, 10, None), (1, "a", LOST, 15, None)])
    assert won(made)


def test_a_win_by_the_deals_table_alone_is_not_undone_by_the_funnels_stages() -> None:
    made = export([(0, "a", WON, 10, None)], [(0, "", "sql", 12), (0, "", "won", 13)])
    assert (won(made), open_days(made, 11, 12, 13, 14)) == (True, [False] * 4)


def test_contradictions_and_wins_that_were_taken_back_are_told() -> None:
    made = export(
        [(0, "a", WON, 10, None), (0, "a", LOST, 18, None), (1, "b", WON, 10, None)],
        [(1, "", "lost", 20)],
        leads=3,
    )
    snapshot, _, _ = build_crm_snapshot(made, mapping())
    back, torn = snapshot.warnings
    assert back.startswith("Wins that were taken back: 1 lead(s), first: L0. ")
    assert torn.startswith("Deals and stages tell different ends: 1 lead(s), first: L1. ")


DAYS = st.integers(0, 40)
DEALS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from([WON, LOST, OPEN]),
        DAYS,
        st.none() | DAYS,
    ).map(lambda d: (*d[:3], None if d[2] == OPEN and d[3] % 3 == 0 else d[3], d[4])),
    max_size=5,
)
STAGE_ROWS = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from(["", "", "a", "c"]), st.sampled_from(STAGES), DAYS
    ),
    max_size=6,
)


def shuffled(made: Export, seed: int) -> Export:
    rng = np.random.default_rng(seed)

    def rows(table: Any) -> Any:
        order = rng.permutation(len(table))
        arrays = {
            n: v[order]
            for n, v in vars(table).items()
            if isinstance(v, np.ndarray) and len(v) == len(order)
        }
        return replace(table, **arrays)

    return replace(made, deals=rows(made.deals), stages=rows(made.stages))


def before(made: Export, moment: int) -> Export:
    """Return an export without what happened from a moment on."""

    def rows(table: Any, happened: Any) -> Any:
        kept = happened < moment
        arrays = {
            n: v[kept]
            for n, v in vars(table).items()
            if isinstance(v, np.ndarray) and len(v) == len(kept)
        }
        return replace(table, **arrays)

    deals = made.deals
    assert deals is not None
    assert made.stages is not None
    return replace(
        made,
        deals=rows(deals, np.where(deals.known_at == NEVER, deals.opened_at, deals.known_at)),
        stages=rows(made.stages, made.stages.entered_at),
    )


@given(DEALS, STAGE_ROWS, st.integers(0, 60), st.integers(0, 9))
def test_laws(deals: list[Deal], stages: list[Stage], day: int, seed: int) -> None:
    made = export(deals, stages)
    found = find_outcomes(made, mapping())
    as_of = np.full(2, day * DAY)
    facts = gather_facts(made, ("won",), ("lost",))
    for lead in range(2):
        says = facts[lead].sayings
        assert found.open_at(as_of)[lead] == (standing(says, day * DAY) == "open")
        truth = standing(says, day * DAY, as_known=False)
        assert found.won_before(as_of)[lead] == (truth == "won")
        expected = is_won_between(says, day * DAY, (day + HORIZON) * DAY)
        assert found.won_within(as_of)[lead] == expected
    # The order of rows does not matter.
    assert same(found, find_outcomes(shuffled(made, seed), mapping()), as_of)


@given(DEALS, STAGE_ROWS, st.integers(1, 60))
def test_what_happens_later_changes_nothing_before(
    deals: list[Deal], stages: list[Stage], day: int
) -> None:
    # A row that tells two moments would be there before with one of them.
    deals = [deal if deal[3] is SILENT else (*deal[:4], None) for deal in deals]
    made, as_of = export(deals, stages), np.full(2, day * DAY)
    early = find_outcomes(before(made, day * DAY), mapping()).open_at(as_of)
    assert early.tolist() == find_outcomes(made, mapping()).open_at(as_of).tolist()


def same(one: Outcomes, other: Outcomes, as_of: Any) -> bool:
    return bool(
        (one.open_at(as_of) == other.open_at(as_of)).all()
        and (one.won_within(as_of) == other.won_within(as_of)).all()
        and (one.won_at == other.won_at).all()
    )


@given(DEALS, STAGE_ROWS)
def test_every_row_is_as_the_oracle_has_it(deals: list[Deal], stages: list[Stage]) -> None:
    proven_snapshot(export(deals, stages, leads=3), mapping())


def test_leads_seen_before_recording_began_are_neither_won_nor_lost() -> None:
    made = export([(0, "a", WON, 10, 1), (1, "b", LOST, 10, 1)])
    tables = {
        "leads": {"file": "leads.csv"},
        "deals": {"file": "deals.csv", "recorded_since": "1970-01-04T00:00:00Z"},
    }
    meaning = replace(mapping(), tables=CrmMapping.read({"dataset": "x", "tables": tables}).tables)
    snapshot = proven_snapshot(made, meaning)
    assert snapshot.age_days is not None
    assert snapshot.age_days.tolist() == [3.0, 7.0, 3.0, 7.0]
    tables["deals"]["recorded_since"] = "1970-03-01"
    meaning = replace(mapping(), tables=CrmMapping.read({"dataset": "x", "tables": tables}).tables)
    with pytest.raises(InputError, match="At least one lead must be open"):
        build_crm_snapshot(made, meaning)
    leads = {"file": "leads.csv", "recorded_since": "1970-01-04"}
    with pytest.raises(SchemaError, match="recorded_since is for activities, deals and stages"):
        CrmMapping.read({"dataset": "x", "tables": {"leads": leads}})


def test_a_late_begin_of_recording_is_told() -> None:
    made = export([(i, "", WON, 330 + i % 30, None) for i in range(100, 200)], leads=300, days=400)
    created = np.where(np.arange(300) < 100, 0, 325) * DAY
    made = replace(made, leads=replace(made.leads, created_at=created))
    note = next(outcome_notes(made, find_outcomes(made, mapping())))
    assert note.startswith("None of the 100 leads created long before 1970-11-27 was won")
    assert "recorded_since: 1970-11-27" in note
    evenly = replace(made, leads=replace(made.leads, created_at=np.full(300, 325 * DAY)))
    assert list(outcome_notes(evenly, find_outcomes(evenly, mapping()))) == []
