"""Calibration: against statsmodels, at the counts where its rule changes, and when it fails.

Then periods, whose base rates may jump, and ages, of which each adds its own.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from scoring_ml.estimators.calibration import AGE_SPREAD, Calibration, fit_calibration
from scoring_ml.statistics.drifting_level import next_level


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


# -- periods --------------------------------------------------------------------------------------

JUMPS = np.array([0.5, -2.5, -0.5])


def jumping(n=9_000, seed=1):
    """Leads of three periods: the base rate jumps, and scores are high where it is low."""
    period = np.repeat(np.arange(3), n // 3)
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.2, n) - JUMPS[period]
    won = (rng.random(n) < expit(z + JUMPS[period])).astype(float)
    return z, won, period


def test_a_base_rate_that_jumps_between_periods_leaves_the_slope_alone():
    z, won, period = jumping()
    blind, found = fit_calibration(z, won), fit_calibration(z, won, period=period)
    assert blind.slope < 0.7
    assert found.slope == pytest.approx(1.0, abs=0.08)
    assert found.intercepts == pytest.approx(JUMPS, abs=0.15)
    assert len(blind.intercepts) == 1


def test_slope_and_intercepts_of_periods_agree_with_statsmodels():
    z, won, period = jumping(900)
    found = fit_calibration(z, won, period=period)
    design = np.column_stack([z - z.mean(), np.eye(3)[period]])
    theirs = sm.Logit(platt(won), design).fit(disp=0, method="newton", tol=1e-12)
    low, high = theirs.conf_int()[0]
    lines = [found.slope, found.slope_low, found.slope_high]
    np.testing.assert_allclose(lines, [theirs.params[0], low, high], rtol=1e-5)
    intercepts = theirs.params[1:] - theirs.params[0] * z.mean()
    np.testing.assert_allclose(found.intercepts, intercepts, rtol=1e-5)
    level = next_level(intercepts, theirs.bse[1:] ** 2)
    assert (found.intercept, found.intercept_sd) == pytest.approx((level.value, level.sd), rel=1e-4)


def test_only_the_order_of_the_periods_counts():
    z, won, period = jumping(900)
    found = fit_calibration(z, won, period=period)
    assert fit_calibration(z, won, period=7 * period + 3) == found
    back = fit_calibration(z, won, period=-period)
    assert back.intercepts == pytest.approx(found.intercepts[::-1])
    assert back.intercept > found.intercept + 0.5, "the newest period is the one of 0.5"


def test_jumps_between_periods_make_the_next_intercept_less_sure():
    z, won, period = jumping(900)
    steady = (np.random.default_rng(2).random(900) < expit(z)).astype(float)
    jumped = fit_calibration(z, won, period=period).intercept_sd
    assert jumped > 2 * fit_calibration(z, steady, period=period).intercept_sd


def test_scores_that_differ_between_periods_only_are_a_failure():
    """A slope could not be told from the intercepts: so it is with the constant of each fit."""
    _, won, period = jumping(900)
    found = fit_calibration(np.array([-1.3, -0.9, -1.1])[period], won, period=period)
    assert (found.slope, found.problem) == (0.0, "slope_reaches_zero")
    assert found.intercept == pytest.approx(logit(platt(won).mean()))
    assert found.intercept_sd < 1


def test_a_period_of_one_class_is_finite_and_hardly_moves_the_next_intercept():
    rng = np.random.default_rng(4)
    z = rng.normal(0, 1, 620)
    won = (rng.random(620) < expit(z - 0.5)).astype(float)
    period = np.repeat([0, 1, 2], [300, 300, 20])
    won[600:] = 0.0
    found = fit_calibration(z, won, period=period)
    assert np.isfinite([*found.intercepts, found.intercept, found.intercept_sd]).all()
    assert found.intercepts[2] < found.intercepts[1] - 2
    assert abs(found.intercept - found.intercepts[1]) < 0.5


# -- ages -----------------------------------------------------------------------------------------

AGES = (0.0, 1.0, 7.0, 30.0)
ADDED = np.array([-0.6, 0.0, 0.5, 0.9])


def aged(leads=6_000, seed=3):
    """Every lead at four ages, each with an outcome of its own, and one quarter of its weight."""
    rng = np.random.default_rng(seed)
    place = np.tile(np.arange(4), leads)
    z = rng.normal(0, 1.2, 4 * leads)
    won = (rng.random(4 * leads) < expit(0.9 * z - 1 + ADDED[place])).astype(float)
    given = {
        "weight": np.full(len(z), 0.25),
        "age_days": np.array(AGES)[place],
        "headline_age_days": 1.0,
    }
    return z, won, given


def test_what_each_age_adds_is_found():
    z, won, given = aged()
    found = fit_calibration(z, won, **given)
    assert found.ages == AGES
    assert found.age_logodds == pytest.approx(ADDED, abs=0.12)
    assert found.age_logodds[1] == 0.0
    assert (found.slope, found.intercept) == pytest.approx((0.9, -1.0), abs=0.06)
    assert found.wins + found.losses == pytest.approx(6_000, abs=1)


def test_at_each_age_promises_are_kept_up_to_the_shrinkage():
    """What the likelihood of an age pulls, the prior of its effect pulls back: by hand."""
    z, won, given = aged(150)
    found = fit_calibration(z, won, **given)
    target = np.where(won == 1, (found.wins + 1) / (found.wins + 2), 1 / (found.losses + 2))
    missing = 0.25 * (target - found.probability(z, given["age_days"]))
    assert missing.sum() == pytest.approx(0, abs=1e-6)
    for age, added in zip(AGES, found.age_logodds, strict=True):
        if age != 1.0:
            pull = missing[given["age_days"] == age].sum()
            assert pull == pytest.approx(added / AGE_SPREAD**2, abs=1e-6)
    assert 0 < found.age_logodds[3] < 0.9, "few leads are believed less"


def test_the_slope_is_of_all_ages_and_the_intercept_of_the_headline():
    z, won, given = aged(2_000)
    found = fit_calibration(z, won, **given)
    plain = found.logodds(z)
    np.testing.assert_array_equal(plain, found.slope * z + found.intercept)
    np.testing.assert_array_equal(found.logodds(z, np.ones(len(z))), plain)
    np.testing.assert_array_equal(found.logodds(z, np.full(len(z), np.nan)), plain)


def test_an_age_adds_along_a_line_in_its_logarithm_and_nothing_more_beyond_the_last():
    line = Calibration(
        1.0, 0.0, 1.0, 1.0, 90, 90, "platt", ages=(0.0, 1.0, 7.0), age_logodds=(-0.5, 0.0, 0.8)
    )
    # log(1 + 3) is halfway between log(1 + 1) and log(1 + 7).
    ages = np.array([0.0, np.sqrt(2) - 1, 1.0, 3.0, 7.0, 8.0, 1e5, np.nan])
    wanted = [-0.5, -0.25, 0.0, 0.4, 0.8, 0.8, 0.8, 0.0]
    assert line.age_effect(ages) == pytest.approx(wanted)
    assert line.logodds(np.full(8, 2.0), ages) == pytest.approx(2.0 + np.array(wanted))
    assert line.probability(np.full(8, 2.0), ages) == pytest.approx(expit(2.0 + np.array(wanted)))


@pytest.mark.parametrize(
    "change",
    [
        {"age_days": None},
        {"age_days": np.full(24_000, 1.0)},
        {"headline_age_days": 2.0},
        {"headline_age_days": None},
    ],
    ids=["no ages", "one age", "a headline that no lead has", "no headline"],
)
def test_ages_add_nothing_where_there_is_nothing_to_compare(change):
    z, won, given = aged()
    found = fit_calibration(z, won, **given | change)
    assert (found.ages, found.age_logodds) == ((), ())
    assert found.age_effect(np.array([0.0, 30.0, np.nan])).tolist() == [0.0, 0.0, 0.0]


def test_ages_and_periods_come_back_the_same_from_json():
    z, won, given = aged(300)
    period = np.arange(len(z)) * 3 // len(z)
    found = fit_calibration(z, won, period=period, **given)
    assert len(found.intercepts) == 3
    again = Calibration.restore(json.loads(json.dumps(found.dump(), allow_nan=False)))
    assert again == found
    old = {name: value for name, value in found.dump().items() if name in KEPT_BEFORE}
    assert Calibration.restore(old) == Calibration(*(old[name] for name in KEPT_BEFORE))


KEPT_BEFORE = ("slope", "intercept", "slope_low", "slope_high", "wins", "losses", "method")
"""What a model that was saved before there were ages and periods tells."""


def test_a_weight_counts_as_so_many_leads():
    z, won = draw(300, slope=0.8, seed=12)
    twice = fit_calibration(np.tile(z, 2), np.tile(won, 2))
    assert fit_calibration(z, won, weight=np.full(300, 2.0)) == twice
