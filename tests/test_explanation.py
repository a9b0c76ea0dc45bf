"""Points that add up: exactly, in tenths, for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.scoring.explanation import explain_points, whole_tenths
from scoring_ml.scoring.scale import round_half_up

quick = settings(max_examples=300, deadline=None, derandomize=True)
POINTS = st.one_of(
    st.floats(-60, 60), st.sampled_from([0.0, 0.05, -0.05, 0.1, 1.0, 1e-12, -1e-12, 30.0])
)
FIELDS = st.lists(POINTS, min_size=1, max_size=12)


def explained(unrounded, fields, score_max=100):
    return explain_points(
        np.array([unrounded]), np.array([fields], dtype=float), score_max=score_max
    )


@quick
@given(unrounded=st.floats(-300, 400), fields=FIELDS, score_max=st.sampled_from([100, 110, 0]))
def test_the_parts_add_up_to_the_score_exactly(unrounded, fields, score_max):
    tenths = explained(unrounded, fields, score_max)
    whole = tenths.base + tenths.fields.sum(axis=1) + tenths.rounding + tenths.limit
    assert whole.tolist() == (10 * tenths.score).tolist()
    assert 0 <= tenths.score[0] <= score_max
    assert tenths.fields.dtype == np.int64


@quick
@given(unrounded=st.floats(-300, 400), fields=FIELDS)
def test_no_part_moves_by_a_whole_tenth_and_zeros_stay_zero(unrounded, fields):
    tenths = explained(unrounded, fields)
    moved = tenths.fields[0] - 10 * np.array(fields)
    assert np.abs(moved).max() <= 1 + 1e-9
    assert all(part == 0 for part, field in zip(tenths.fields[0], fields, strict=True) if not field)
    assert abs(tenths.base[0] - 10 * (unrounded - sum(fields))) <= 1 + 1e-6
    assert abs(tenths.rounding[0]) <= 6


@quick
@given(
    unrounded=st.floats(-100, 200),
    fields=st.lists(st.floats(-60, 60), min_size=2, max_size=12, unique=True),
    seed=st.integers(0, 99),
)
def test_permuted_fields_give_permuted_points(unrounded, fields, seed):
    fields = np.array(fields)
    remainders = np.round(10 * fields - np.floor(10 * fields), 6)
    if len(np.unique(remainders)) < len(fields):
        return  # among equal remainders the first one is taken
    order = np.random.default_rng(seed).permutation(len(fields))
    a, b = explained(unrounded, fields), explained(unrounded, fields[order])
    assert a.fields[0][order].tolist() == b.fields[0].tolist()
    assert a.score.tolist() == b.score.tolist()


@quick
@given(st.lists(st.tuples(st.floats(-99, 199), st.lists(POINTS, min_size=4, max_size=4))))
def test_a_lead_is_explained_as_it_is_among_others(rows):
    unrounded = np.array([row[0] for row in rows])
    fields = np.array([row[1] for row in rows]).reshape(len(rows), 4)
    together = explain_points(unrounded, fields, score_max=100)
    for i, (value, points) in enumerate(rows):
        alone = explained(value, points)
        assert alone.fields[0].tolist() == together.fields[i].tolist()
        assert (alone.base[0], alone.rounding[0]) == (together.base[i], together.rounding[i])


def test_largest_remainder_by_hand():
    # In tenths 14, 25.5, -3.4, 0 and 3.9 are 40 in whole: floors 14 + 25 - 4 + 0 + 3 = 38 leave
    # two, for the remainders 0.9 and 0.6.
    parts = np.array([[1.4, 2.55, -0.34, 0.0, 0.39]])
    assert whole_tenths(parts, np.array([40])).tolist() == [[14, 25, -3, 0, 4]]


def test_a_tenth_that_is_left_over_never_goes_to_a_zero():
    parts = np.array([[0.0, 1.0, 0.0], [0.0, 0.7, 0.3]])
    assert whole_tenths(parts, np.array([11, 11])).tolist() == [[0, 11, 0], [0, 8, 3]]


def test_a_lead_by_hand():
    tenths = explained(61.27, [12.46, -3.31, 0.0, 0.12])
    assert tenths.score.tolist() == [61]
    # base 52.0, fields 124.6, -33.1, 0, 1.2 tenths, rounding -2.7: floors 520 + 124 - 34 + 0 + 1
    # - 3 = 608 leave two, for the remainders 0.9 (-33.1) and 0.6 (124.6).
    assert tenths.base.tolist() == [520]
    assert tenths.fields.tolist() == [[125, -33, 0, 1]]
    assert tenths.rounding.tolist() == [-3]
    assert tenths.limit.tolist() == [0]


@pytest.mark.parametrize(
    ("unrounded", "score_max", "score", "limit"),
    [
        (104.4, 100, 100, -40),
        (100.5, 100, 100, -10),
        (100.49, 100, 100, 0),
        (-0.5, 100, 0, 0),
        (-0.51, 100, 0, 10),
        (-37.0, 100, 0, 370),
        (104.4, 110, 104, 0),
        (110.0, 110, 110, 0),
    ],
)
def test_what_clipping_takes_stands_by_itself_in_whole_points(unrounded, score_max, score, limit):
    tenths = explained(unrounded, [5.0], score_max)
    assert tenths.score.tolist() == [score]
    assert tenths.limit.tolist() == [limit]
    assert int(round_half_up(np.array([unrounded]))[0]) * 10 + limit == 10 * score


def test_a_score_without_fields_is_its_base():
    tenths = explain_points(np.array([42.3]), np.zeros((1, 0)), score_max=100)
    assert (tenths.score[0], tenths.base[0], tenths.rounding[0]) == (42, 423, -3)


def test_no_leads_have_no_points():
    tenths = explain_points(np.zeros(0), np.zeros((0, 3)), score_max=100)
    assert tenths.score.shape == (0,)
    assert tenths.fields.shape == (0, 3)


def test_parts_that_cannot_add_up_are_an_error_not_an_answer():
    with pytest.raises(ArithmeticError, match="Points must add up to the score"):
        whole_tenths(np.array([[1.0, 1.0]]), np.array([999]))
