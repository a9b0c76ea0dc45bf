"""What became of leads: open as known then, won, recycled; horizon and recording lag."""

from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.data.crm.facts import LOST, OPEN, WON, Deals, Export, Leads, Stages
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.stages import Funnel
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.features.outcomes import default_horizon, find_outcomes

STAGES = ("lead", "sql", "won", "lost")


def mapping(**changes):
    given = {
        "dataset": "x",
        "tables": {},
        "fields": (),
        "stages": Funnel(("lead", "sql"), ("won",), ("lost",)),
    }
    return CrmMapping(**(given | changes))


def export(n, *, deals=(), stages=(), extracted=400):
    leads = Leads(
        np.array([f"L{i}" for i in range(n)], dtype=object),
        np.zeros(n, dtype=np.int64),
        None,
        {},
    )
    deals = sorted(deals)
    stages = sorted(stages)
    ints = np.int64
    return Export(
        leads=leads,
        histories={},
        activities=None,
        stages=Stages(
            np.array([s[0] for s in stages], dtype=ints),
            np.array([STAGES.index(s[2]) for s in stages], dtype=np.int16),
            np.array([s[1] * DAY for s in stages], dtype=ints),
            np.array([s[3] * DAY for s in stages], dtype=ints),
            STAGES,
        ),
        deals=Deals(
            np.array([d[0] for d in deals], dtype=ints),
            np.array([d[2] for d in deals], dtype=np.int8),
            np.array([NEVER if d[1] == NEVER else d[1] * DAY for d in deals], dtype=ints),
            np.array([NEVER if d[1] == NEVER else d[3] * DAY for d in deals], dtype=ints),
            np.full(len(deals), np.nan),
            np.full(len(deals), None, dtype=object),
        ),
        spend=None,
        extracted_at=extracted * DAY,
    )


def open_days(found, lead, days, n):
    return [bool(found.open_at(np.full(n, day * DAY))[lead]) for day in days]


def test_a_lead_is_open_until_its_end_is_known_and_open_again_when_it_enters_a_stage():
    made = export(
        3,
        #       lead, day, outcome, told on day
        deals=[(0, 10, LOST, 12), (1, 10, WON, 11), (2, NEVER, OPEN, 0)],
        stages=[(0, 1, "sql", 1), (0, 20, "lead", 21)],
    )
    found = find_outcomes(made, mapping())
    # Known is strict: lost on day 10, told on day 12, so still open as known at 12 sharp.
    assert open_days(found, 0, [9, 11, 12, 13, 21, 22], 3) == [True, True, True, False, False, True]
    assert open_days(found, 1, [10, 11, 12, 99], 3) == [True, True, False, False]
    assert open_days(found, 2, [1, 399], 3) == [True, True]
    assert list(found.won_at) == [NEVER, 10 * DAY, NEVER]


def test_after_a_win_no_later_stage_opens_a_lead_again():
    made = export(1, deals=[(0, 10, WON, 10)], stages=[(0, 30, "sql", 30)])
    found = find_outcomes(made, mapping())
    assert open_days(found, 0, [9, 11, 31], 1) == [True, False, False]


def test_stages_alone_can_end_a_lead():
    made = export(2, stages=[(0, 5, "won", 6), (1, 7, "lost", 7), (1, 3, "sql", 3)])
    found = find_outcomes(made, mapping())
    assert list(found.won_at) == [5 * DAY, NEVER]
    assert open_days(found, 0, [6, 7], 2) == [True, False]
    assert open_days(found, 1, [5, 8], 2) == [True, False]


def test_the_first_win_of_several_counts():
    made = export(1, deals=[(0, 30, WON, 40), (0, 10, WON, 50)])
    found = find_outcomes(made, mapping())
    assert found.won_at[0] == 10 * DAY
    assert open_days(found, 0, [40, 41], 1) == [True, False]


def test_without_ends_every_lead_is_open():
    made = export(2)
    found = find_outcomes(made, mapping(horizon_days=60.0))
    assert found.open_at(np.full(2, DAY)).all()
    assert found.lag_days == 0.0


def test_the_lag_is_what_99_percent_of_wins_need_in_whole_days():
    deals = [(i, 10, WON, 10 + (3 if i == 0 else 1)) for i in range(200)]
    found = find_outcomes(export(200, deals=deals), mapping())
    assert found.lag_days == 1.0
    assert find_outcomes(export(200, deals=deals), mapping(recording_lag_days=5.0)).lag_days == 5.0


@pytest.mark.parametrize(
    ("days", "age", "expected"),
    [
        ([10] * 40, 400, 30.0),
        ([10] * 31 + [45] * 9, 400, 60.0),  # 78 % within 30 days
        ([10] * 32 + [45] * 8, 400, 30.0),  # 80 % within 30 days
        ([30] * 40, 400, 60.0),  # day 30 is not within [0, 30)
        ([300] * 40, 400, 365.0),
        ([100] * 40, 200, 180.0),  # nobody is a year old
        ([10] * 5, 20, 30.0),  # too young for any horizon
        ([], 400, 30.0),
    ],
)
def test_the_horizon_is_the_smallest_that_catches_four_fifths_of_mature_wins(days, age, expected):
    n = max(len(days), 1)
    won = np.full(n, NEVER)
    won[: len(days)] = np.array(days, dtype=np.int64) * DAY
    assert default_horizon(np.zeros(n, dtype=np.int64), won, age * DAY) == expected


def test_young_leads_do_not_shorten_the_horizon():
    """Of young leads only the quick wins are known; they must not count."""
    created = np.concatenate([np.zeros(40, dtype=np.int64), np.full(400, 390 * DAY)])
    won = np.concatenate([np.full(40, 80 * DAY), np.full(400, 395 * DAY)])
    assert default_horizon(created, won, 400 * DAY) == 90.0


def test_a_lead_whose_end_cannot_be_read_is_not_open_unless_a_win_can_be_read():
    made = export(3, deals=[(0, 10, WON, 10)])
    made = replace(made, deals=replace(made.deals, unsure=np.array([0, 1])))
    found = find_outcomes(made, mapping())
    assert list(found.unsure) == [False, True, False]
    assert list(found.open_at(np.full(3, 5 * DAY))) == [True, False, True]
