"""Calibration: against statsmodels, at the counts where its rule changes, and when it fails."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from scoring_ml.estimators.calibration import Calibration, fit_calibration


def draw(n, *, slope=1.0, intercept=0.0, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, n)
    return z, (rng.random(n) < expit(slope * z + intercept)).astype(float)


def counted(wins, losses):
    """Leads with a clear slope, and exactly so many wins and losses."""
    rng = np.random.default_rng(5)
    z = np.concatenate([rng.normal(0.7, 1, wins), rng.normal(-0.7, 1, losses)])
    return z, np.repeat([1.0, 0.0], [wins, losses])


def platt(won):
    wins, losses = won.sum(), len(won) - won.sum()
    return np.where(won == 1.0, (wins + 1) / (wins + 2), 1 / (losses + 2))


@pytest.mark.parametrize(
    ("n", "slope", "intercept"), [(400, 1.0, 0.0), (900, 0.4, -2.0), (5_000, 2.5, 1.0)]
)
def test_slope_intercept_and_interval_agree_with_statsmodels(n, slope, intercept):
    z, won = draw(n, slope=slope, intercept=intercept, seed=n)
    found = fit_calibration(z, won)
    theirs = sm.Logit(platt(won), sm.add_constant(z)).fit(disp=0, method="newton", tol=1e-12)
    assert found.method == "platt"
    assert found.problem is None
    np.testing.assert_allclose([found.intercept, found.slope], theirs.params, rtol=1e-6)
    low, high = theirs.conf_int()[1]
    np.testing.assert_allclose([found.slope_low, found.slope_high], [low, high], rtol=1e-5)


def test_platts_targets_matter_little_where_there_are_many_leads():
    z, won = draw(20_000, slope=0.8, intercept=-0.5)
    plain = sm.Logit(won, sm.add_constant(z)).fit(disp=0)
    found = fit_calibration(z, won)
    assert [found.intercept, found.slope] == pytest.approx(plain.params, abs=2e-3)


def test_shift_and_scale_of_the_scores_change_the_line_but_no_probability():
    z, won = draw(600, seed=3)
    plain, other = fit_calibration(z, won), fit_calibration(1e4 * z + 3e5, won)
    assert other.slope == pytest.approx(plain.slope / 1e4)
    np.testing.assert_allclose(other.probability(1e4 * z + 3e5), plain.probability(z), rtol=1e-7)


def test_the_mean_probability_is_the_mean_target():
    for wins, losses in ((100, 60), (49, 300), (10, 10)):
        z, won = counted(wins, losses)
        p = fit_calibration(z, won).probability(z)
        assert p.mean() == pytest.approx(platt(won).mean(), abs=1e-9)


@pytest.mark.parametrize("few_wins", [True, False])
@pytest.mark.parametrize(
    ("few", "method"),
    [(0, "none"), (9, "none"), (10, "intercept_only"), (49, "intercept_only"), (50, "platt")],
)
def test_the_rule_changes_at_10_and_50_wins_or_losses(few, method, few_wins):
    z, won = counted(*((few, 400) if few_wins else (400, few)))
    found = fit_calibration(z, won)
    assert found.method == method
    assert (found.wins, found.losses) == ((few, 400) if few_wins else (400, few))
    assert found.gives_probability == (method != "none")
    if method == "none":
        assert found.problem == "too_few"
        assert np.isnan([found.slope, found.intercept]).all()
    if method == "intercept_only":
        assert (found.slope, found.slope_low, found.slope_high) == (1.0, 1.0, 1.0)
        ones = sm.GLM(platt(won), np.ones(len(z)), sm.families.Binomial(), offset=z).fit(tol=1e-12)
        assert found.intercept == pytest.approx(ones.params[0], abs=1e-7)


def test_a_negative_slope_is_a_failure():
    z, won = draw(500, slope=-1.0)
    found = fit_calibration(z, won)
    assert found.slope < 0
    assert found.problem == "slope_reaches_zero"
    assert not found.gives_probability


def test_a_slope_whose_interval_reaches_zero_is_a_failure():
    z, won = draw(200, slope=0.0, seed=4)
    found = fit_calibration(z, won)
    assert found.slope_low <= 0 < found.slope_high
    assert found.problem == "slope_reaches_zero"


def test_an_interval_just_above_zero_is_none():
    problems = {}
    for seed in range(40):
        found = fit_calibration(*draw(150, slope=0.25, seed=seed))
        problems.setdefault(found.problem, []).append(found.slope_low)
    assert max(problems["slope_reaches_zero"]) <= 0 < min(problems[None])


@pytest.mark.parametrize("value", [0.0, 3.7, -1e6])
def test_scores_that_do_not_differ_are_a_failure_and_give_the_base_rate(value):
    _, won = counted(60, 140)
    found = fit_calibration(np.full(200, value), won)
    assert found.problem == "slope_reaches_zero"
    assert found.slope == 0.0
    assert found.intercept == pytest.approx(logit(platt(won).mean()))


@pytest.mark.parametrize(("wins", "losses"), [(60, 60), (50, 5_000), (10, 30)])
def test_perfectly_separated_classes_give_a_finite_line(wins, losses):
    z = np.concatenate([np.linspace(5, 6, wins), np.linspace(-6, -5, losses)])
    won = np.repeat([1.0, 0.0], [wins, losses])
    found = fit_calibration(z, won)
    assert np.isfinite([found.slope, found.intercept, found.slope_low, found.slope_high]).all()
    p = found.probability(z)
    assert np.all((p > 0) & (p < 1))
    assert p[:wins].min() > p[wins:].max()


def test_order_of_the_leads_changes_nothing():
    z, won = draw(300, seed=8)
    order = np.random.default_rng(1).permutation(300)
    a, b = fit_calibration(z, won), fit_calibration(z[order], won[order])
    assert (a.slope, a.intercept) == pytest.approx((b.slope, b.intercept), abs=1e-9)


def test_no_leads_at_all_give_no_probability():
    found = fit_calibration(np.array([]), np.array([]))
    assert (found.wins, found.losses, found.problem) == (0, 0, "too_few")


@pytest.mark.parametrize("wins", [5, 20, 80])
def test_comes_back_the_same_from_json(wins):
    found = fit_calibration(*counted(wins, 200))
    again = Calibration.restore(json.loads(json.dumps(found.dump(), allow_nan=False)))
    assert repr(again) == repr(found)  # NaN does not equal itself


def test_probability_is_the_sigmoid_of_the_line():
    line = Calibration(2.0, -1.0, 1.5, 2.5, 90, 90, "platt")
    z = np.array([-3.0, 0.5, 4.0])
    assert line.logodds(z).tolist() == [-7.0, 0.0, 7.0]
    assert line.probability(z).tolist() == expit([-7.0, 0.0, 7.0]).tolist()
