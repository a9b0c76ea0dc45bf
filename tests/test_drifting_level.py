"""A level that may drift: against statsmodels, against chance itself, and by its laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import halfnorm
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter

from scoring_ml.statistics.drifting_level import next_level

NO_DRIFT = 0.3
DRIFT_SPREAD = 0.3
AHEAD = 6


def draw_steps(rng, n):
    """Draw sizes of a step as they are believed in before any period is seen."""
    return np.where(rng.random(n) < NO_DRIFT, 0.0, np.abs(rng.normal(0, DRIFT_SPREAD, n)))


def filtered(levels, variances, step):
    """Return mean, variance and likelihood of a local level, by statsmodels."""
    model = KalmanFilter(k_endog=1, k_states=1)
    model.bind(np.array(levels[1:], dtype=float))
    model["design", 0, 0] = model["transition", 0, 0] = model["selection", 0, 0] = 1.0
    model["obs_cov"] = np.array(variances[1:]).reshape(1, 1, -1)
    model["state_cov", 0, 0] = step**2
    model.initialize_known(np.array([levels[0]]), np.array([[variances[0] + step**2]]))
    found = model.filter()
    return found.filtered_state[0, -1], found.filtered_state_cov[0, 0, -1], found.llf


@pytest.mark.parametrize(
    ("levels", "variances"),
    [
        ([-2.0, -2.1, -1.9, -2.0], [0.01, 0.02, 0.01, 0.03]),
        ([-1.0, -1.4, -1.9, -2.5, -2.4, -3.0], [0.02] * 6),
        ([0.3, -0.9], [0.05, 0.2]),
        ([-1.0, -1.2, 5.0, -1.1], [0.03, 0.03, 90.0, 0.03]),
    ],
    ids=["steady", "falling", "two periods", "a period that says little"],
)
def test_it_is_statsmodels_local_level_averaged_over_the_size_of_the_step(levels, variances):
    # A grid much finer than the product's, of equally likely sizes.
    sizes = halfnorm.ppf((np.arange(400) + 0.5) / 400, scale=DRIFT_SPREAD)
    steps = np.concatenate([[0.0], sizes])
    belief = np.concatenate([[NO_DRIFT], np.full(400, (1 - NO_DRIFT) / 400)])
    mean, variance, fit = np.array([filtered(levels, variances, step) for step in steps]).T
    weight = belief * np.exp(fit - fit.max())
    weight /= weight.sum()
    found = next_level(np.array(levels), np.array(variances))
    assert found.value == pytest.approx(weight @ mean, abs=0.01)

    # The mean over the next periods, walked step by step.
    rng = np.random.default_rng(0)
    n = 200_000
    place = rng.choice(len(steps), n, p=weight)
    walked = np.cumsum(rng.normal(0, 1, (n, AHEAD)) * steps[place, None], axis=1).mean(axis=1)
    ahead = rng.normal(mean[place], np.sqrt(variance[place])) + walked
    low, high = np.quantile(ahead, [0.025, 0.975])
    assert found.sd == pytest.approx((high - low) / 3.92, rel=0.05)


def test_one_period_stands_where_it_was_measured_and_may_drift_from_there():
    found = next_level(np.array([-2.0]), np.array([0.04]))
    assert found.value == pytest.approx(-2.0)
    rng = np.random.default_rng(1)
    walked = np.cumsum(rng.normal(0, 1, (200_000, AHEAD)), axis=1).mean(axis=1)
    ahead = rng.normal(0, 0.2, 200_000) + walked * draw_steps(rng, 200_000)
    assert found.sd == pytest.approx(
        np.diff(np.quantile(ahead, [0.025, 0.975]))[0] / 3.92, rel=0.03
    )


def test_without_noise_a_level_that_moved_stands_where_it_was_last():
    found = next_level(np.array([-2.0, -1.5, -1.8]), np.full(3, 1e-10))
    assert found.value == pytest.approx(-1.8, abs=1e-6)


def test_without_a_move_the_level_is_the_weighted_mean_of_its_periods():
    found = next_level(np.full(5, -1.3), np.array([0.1, 0.01, 0.2, 0.05, 0.02]))
    assert found.value == pytest.approx(-1.3)
    steady = next_level(np.full(40, -1.3), np.full(40, 0.01))
    assert steady.sd < found.sd < next_level(np.array([-1.3]), np.array([0.02])).sd


@pytest.mark.parametrize("drift", [0.1, 0.3, 1.0])
def test_drift_makes_the_interval_wider_and_gives_the_newest_period_more_weight(drift):
    levels = np.array([-2.0, -2.0 + drift, -2.0, -2.0 + drift, -2.0, -2.0 + drift])
    noise = np.full(6, 0.005)
    steady, drifting = next_level(np.full(6, -2.0), noise), next_level(levels, noise)
    assert drifting.sd > steady.sd
    assert levels.mean() < drifting.value < levels[-1]


def test_a_shift_of_all_levels_shifts_the_value_and_nothing_else():
    levels, noise = np.array([-2.0, -1.6, -1.9]), np.array([0.02, 0.01, 0.05])
    here, away = next_level(levels, noise), next_level(levels + 3.5, noise)
    assert (away.value - 3.5, away.sd) == pytest.approx((here.value, here.sd))
    mirrored = next_level(-levels, noise)
    assert (-mirrored.value, mirrored.sd) == pytest.approx((here.value, here.sd))


def test_intervals_hold_as_often_as_they_say():
    """Levels drawn as it is believed before, then measured: 95 % of the intervals hold."""
    rng = np.random.default_rng(5)
    held = []
    for step in draw_steps(rng, 400):
        path = np.cumsum(rng.normal(0, step, 8 + AHEAD) if step else np.zeros(8 + AHEAD))
        noise = rng.uniform(0.005, 0.05, 8)
        found = next_level(path[:8] + rng.normal(0, np.sqrt(noise)), noise)
        held.append(abs(path[8:].mean() - found.value) <= 1.96 * found.sd)
    # 95 % give or take three standard errors.
    assert 0.917 <= np.mean(held) <= 0.983
