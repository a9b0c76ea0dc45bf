"""The one place that compares times: what is known, what lies in a window, what is won."""

import numpy as np
import pytest

from scoring_ml.data.crm.facts import FieldHistory
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.features.asof import is_mature, is_won, known, latest, seen_at, within

AS_OF = 100 * DAY


def at(*moments):
    return np.array(moments, dtype=np.int64)


@pytest.mark.parametrize(
    ("known_at", "expected"),
    [(AS_OF - 1, True), (AS_OF, False), (AS_OF + 1, False), (NEVER, False), (0, True)],
)
def test_a_fact_is_known_strictly_before_the_moment(known_at, expected):
    assert known(at(known_at), at(AS_OF))[0] == expected


@pytest.mark.parametrize(
    ("occurred_at", "expected"),
    [
        (AS_OF - 7 * DAY - 1, False),
        (AS_OF - 7 * DAY, True),
        (AS_OF - 1, True),
        (AS_OF, False),
    ],
)
def test_a_window_holds_its_beginning_and_not_its_end(occurred_at, expected):
    assert within(at(occurred_at), at(AS_OF), 7)[0] == expected


@pytest.mark.parametrize(
    ("won_at", "expected"),
    [
        (AS_OF - 1, False),
        (AS_OF, True),
        (AS_OF + 60 * DAY - 1, True),
        (AS_OF + 60 * DAY, False),
        (NEVER, False),
    ],
)
def test_a_lead_is_won_from_the_moment_on_until_the_horizon(won_at, expected):
    assert is_won(at(won_at), at(AS_OF), 60)[0] == expected


def test_never_is_not_won_even_with_a_horizon_without_end():
    assert not is_won(at(NEVER), at(AS_OF), 1e6)[0]


def test_an_outcome_is_final_once_horizon_and_lag_lie_in_the_export():
    end = AS_OF + 62 * DAY
    given = {"horizon_days": 60, "lag_days": 2}
    assert is_mature(at(AS_OF), extracted_at=end, **given)[0]
    assert not is_mature(at(AS_OF), extracted_at=end - 1, **given)[0]


def test_age_zero_is_a_second_after_creation_and_other_ages_are_whole():
    assert list(seen_at(at(5), 0.0)) == [5 + 1_000_000]
    assert list(seen_at(at(5), 30.0)) == [5 + 30 * DAY]


def history(rows, values):
    lead, changed, told = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return FieldHistory(lead, np.array(values), changed, told)


def test_the_newest_known_change_counts_whatever_was_told_later():
    #       lead, changed, known
    rows = [(0, 10, 10), (0, 20, 90), (0, 30, 50), (2, 5, 5), (2, 60, 60)]
    values = history(rows, [1.0, 2.0, 3.0, 7.0, 8.0])
    # At 40 lead 0 has told only of 10; at 60 of 30; the change of 20, told at 90, is older.
    for moment, first, third in [(40, 1.0, 7.0), (60, 3.0, 7.0), (61, 3.0, 8.0), (95, 3.0, 8.0)]:
        found = latest(values, np.full(3, moment))
        assert found[0] == first, moment
        assert np.isnan(found[1])
        assert found[2] == third, moment


def test_a_change_dated_later_is_not_known_though_it_was_recorded_before():
    values = history([(0, 80, 10)], [5.0])
    assert np.isnan(latest(values, at(50))[0])


@pytest.mark.parametrize(
    ("values", "nothing"),
    [
        (np.array([1.0]), np.nan),
        (np.array(["a"], dtype=object), None),
        (np.array(["2026-01-01"], dtype="datetime64[us]"), np.datetime64("NaT")),
    ],
)
def test_nothing_known_is_the_nothing_of_the_type(values, nothing):
    lead, moment = np.zeros(1, dtype=np.int64), at(50)
    full, empty = (
        FieldHistory(lead, values, moment, moment),
        FieldHistory(lead[:0], values[:0], moment[:0], moment[:0]),
    )
    for item in (full, empty):
        found = latest(item, at(50))
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, np.array([nothing], dtype=values.dtype))
