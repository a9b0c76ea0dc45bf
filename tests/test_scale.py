"""The scale: hot means exactly p >= p_hot, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scoring_ml.scoring.scale import HOT, WARM, Scale, round_half_up, tiers

quick = settings(max_examples=300, deadline=None, derandomize=True)
ANCHOR = st.floats(-20, 20)


def shown(scale, logodds):
    return np.clip(round_half_up(scale.unrounded(np.asarray(logodds))), 0, 100)


@quick
@given(a=ANCHOR, b=ANCHOR)
def test_tiers_begin_at_the_anchors_and_not_one_bit_before(a, b):
    warm, hot = min(a, b), max(a, b)
    assume(hot - warm > 1e-3)
    beside = [np.nextafter(hot, -np.inf), hot, np.nextafter(hot, np.inf)]
    scores = shown(Scale(warm, hot), beside)
    assert tiers(scores).tolist() == ["warm", "hot", "hot"]
    beside = [np.nextafter(warm, -np.inf), warm, np.nextafter(warm, np.inf)]
    assert tiers(shown(Scale(warm, hot), beside)).tolist() == ["cold", "warm", "warm"]


@quick
@given(a=ANCHOR, b=ANCHOR, z=st.lists(st.floats(-60, 60), min_size=2, max_size=40))
def test_the_score_rises_with_the_log_odds_and_the_tier_is_read_from_it(a, b, z):
    warm, hot = min(a, b), max(a, b)
    assume(hot - warm > 1e-3)
    z = np.sort(np.array([*z, warm, hot]))
    scale = Scale(warm, hot)
    assert np.all(np.diff(scale.unrounded(z)) >= 0)
    scores = shown(scale, z)
    assert np.all((scores >= 0) & (scores <= 100))
    assert (scores >= HOT).tolist() == (z >= hot).tolist()
    assert (scores >= WARM).tolist() == (z >= warm).tolist()


def test_hand_computed_scores():
    scale = Scale(-2.0, 0.0)  # 10 points for one unit of log-odds
    assert scale.points_per_logodds == 10.0
    z = [-2.0, -1.95, 0.0, 0.05, 3.0, 3.05, 9.0, -6.9, -6.95, -7.0]
    assert scale.unrounded(np.array(z)) == pytest.approx(
        [49.5, 50.0, 69.5, 70.0, 99.5, 100.0, 159.5, 0.5, 0.0, -0.5]
    )
    assert shown(scale, [-2.0, 0.0, 0.25, 9.0, -7.5]).tolist() == [50, 70, 72, 100, 0]


def test_halves_are_rounded_upwards():
    values = np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 49.5, 69.5, 0.49999999999999994, 1e300, -1e300])
    assert round_half_up(values).tolist()[:8] == [-1, 0, 1, 2, 3, 50, 70, 0]
    assert round_half_up(values).tolist()[8:] == [10**15, -(10**15)]


@quick
@given(st.floats(-1e6, 1e6))
def test_rounding_moves_by_half_a_point_at_most(value):
    rounded = int(round_half_up(np.array([value]))[0])
    assert rounded - 0.5 <= value < rounded + 0.5


def test_tiers_of_the_boundary_scores():
    scores = [0, 49, 50, 69, 70, 100, 110]
    wanted = ["cold", "cold", "warm", "warm", "hot", "hot", "hot"]
    assert tiers(np.array(scores)).tolist() == wanted


@pytest.mark.parametrize(("warm", "hot"), [(0.0, 0.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_anchors_must_rise(warm, hot):
    with pytest.raises(ValueError, match="logit_warm must lie below logit_hot"):
        Scale(warm, hot)
