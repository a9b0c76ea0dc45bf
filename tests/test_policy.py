"""The policy: two anchors, where they lie, and every reason why there are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from scoring_ml.errors import InputError, SchemaError
from scoring_ml.scoring.policy import (
    NoPolicy,
    Policy,
    fit_policy,
    hot_share_alarm,
)
from scoring_ml.scoring.policy_settings import policy_settings
from scoring_ml.scoring.scale import HOT, WARM, round_half_up


def settings_with(**changes):
    settings = policy_settings()
    for method, given in changes.items():
        settings = settings.with_options(method, given)
    return settings


def leads(n=1_000, *, middle=-1.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(middle, spread, n)


def totals(n, *, hot, warm):
    """Matrix totals with so many hot and warm leads."""
    return np.repeat([80.0, 60.0, 10.0], [hot, warm, n - hot - warm])


def fit(logodds, *, hot=80, warm=170, mapped=6, **options):
    return fit_policy(
        logodds,
        matrix_total=totals(len(logodds), hot=hot, warm=warm),
        mapped_criteria=mapped,
        **options,
    )


def shown(policy, logodds):
    return np.clip(round_half_up(policy.scale.unrounded(logodds)), 0, 100)


def saturated_share(logodds, scale):
    """Share of the leads that would show 0 or 100."""
    scores = round_half_up(scale.unrounded(logodds))
    return float(np.mean((scores <= 0) | (scores >= 100)))


def hold_the_rules(policy, logodds):
    """What every fitted policy must satisfy, whatever the data."""
    assert policy.logit_hot - policy.logit_warm >= 0.4 - 1e-12
    assert saturated_share(logodds, policy.scale) <= 0.15
    scores = shown(policy, logodds)
    counts = {"hot": int(np.sum(scores >= HOT)), "warm": int(np.sum(scores >= WARM))}
    counts["warm"] -= counts["hot"]
    assert policy.resulting == counts
    assert policy.leads == len(logodds)
    much = sum(counts.values()) > 0.6 * len(logodds)
    assert much == any("are hot or warm, more than 60%" in note for note in policy.notes)


def midpoints(logodds):
    values = np.unique(logodds)
    return 0.5 * (values[1:] + values[:-1])


def test_match_matrix_gives_exactly_as_many_hot_and_warm_leads():
    z = leads()
    policy = fit(z, hot=80, warm=170)
    assert policy.method == "match_matrix"
    assert policy.wanted == policy.resulting == {"hot": 80, "warm": 170}
    assert policy.notes == ()
    assert policy.hot_share == 0.08
    hold_the_rules(policy, z)


def test_anchors_lie_midway_between_neighbouring_distinct_values():
    z = leads()
    policy = fit(z, hot=80, warm=170)
    down = np.sort(z)[::-1]
    assert policy.logit_hot == 0.5 * (down[79] + down[80])
    assert policy.logit_warm == 0.5 * (down[249] + down[250])
    assert policy.p_hot == pytest.approx(expit(policy.logit_hot))
    assert policy.p_warm == pytest.approx(expit(policy.logit_warm))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"mapped": 3}, "the matrix has 3 of the 4 criteria needed"),
        ({"hot": 29}, "the matrix has 29 of the 30 hot leads needed"),
        ({"hot": 0, "warm": 0}, "the matrix has 0 of the 30 hot leads needed"),
        ({"warm": 29}, "the matrix has 29 of the 30 warm leads needed"),
        ({"hot": 36, "n": 4_000}, r"the matrix calls 0.9% of the leads hot, outside 1%-30%"),
        ({"hot": 310}, r"the matrix calls 31.0% of the leads hot, outside 1%-30%"),
    ],
)
def test_what_speaks_against_the_matrix_leads_to_capacity_and_is_said(given, reason):
    given = {"n": 1_000} | given
    z = leads(given.pop("n"))
    policy = fit(z, **given)
    assert policy.method == "capacity"
    assert policy.notes[0] == f"capacity instead of match_matrix: {reason}"
    n = len(z)
    assert policy.wanted == {"hot": round(0.075 * n), "warm": round(0.175 * n)}
    assert policy.resulting == policy.wanted
    hold_the_rules(policy, z)


@pytest.mark.parametrize(
    "given", [{"mapped": 4}, {"hot": 30}, {"warm": 30}, {"hot": 300}, {"hot": 40, "n": 4_000}]
)
def test_the_matrix_is_matched_from_the_very_limit_on(given):
    given = {"n": 1_000} | given
    z = leads(given.pop("n"), spread=3.0)
    assert fit(z, **given).method == "match_matrix"


def test_capacity_in_leads_a_week():
    settings = settings_with(capacity={"hot_per_week": 8, "warm_per_week": 25.5})
    policy = fit(leads(), method="capacity", settings=settings, weeks=10.0)
    assert policy.wanted == policy.resulting == {"hot": 80, "warm": 255}
    settings = settings_with(capacity={"hot_per_week": 8})
    policy = fit(leads(), method="capacity", settings=settings, weeks=10.0)
    assert policy.wanted == {"hot": 80, "warm": 175}


@pytest.mark.parametrize("weeks", [None, 0.0, float("nan")])
def test_leads_a_week_need_dates(weeks):
    settings = settings_with(capacity={"hot_per_week": 5})
    with pytest.raises(SchemaError, match=r"capacity.hot_per_week needs data with dates"):
        fit(leads(), method="capacity", settings=settings, weeks=weeks)


def test_economics_are_costs_over_the_margin():
    settings = settings_with(
        economics={"cost_of_first_call": 20, "cost_of_sales_process": 50, "margin_per_win": 100}
    )
    z = leads(middle=-2)
    policy = fit(z, method="economics", settings=settings)
    assert (policy.p_warm, policy.p_hot) == pytest.approx((0.2, 0.5))
    assert policy.wanted == policy.resulting
    assert policy.wanted["hot"] == int(np.sum(z >= 0.0))


def test_fixed_probabilities_are_kept_as_they_are():
    z = leads(middle=-2)
    settings = settings_with(fixed={"p_warm": 0.2, "p_hot": 0.5})
    policy = fit(z, method="fixed", settings=settings)
    assert (policy.logit_warm, policy.logit_hot) == pytest.approx((logit(0.2), logit(0.5)))
    assert policy.method == "fixed"
    hold_the_rules(policy, z)


def test_no_lead_may_be_hot_under_fixed_probabilities():
    policy = fit(
        leads(middle=-4),
        method="fixed",
        settings=settings_with(fixed={"p_warm": 0.5, "p_hot": 0.9}),
    )
    assert policy.resulting["hot"] == 0
    assert policy.hot_share == 0.0
    assert hot_share_alarm(np.array([99, 99]), policy) is None


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("fixed", {"p_warm": 0.2}, r"by fixed needs p_warm, p_hot\. Found: no p_hot"),
        ("fixed", {"p_warm": 0.5, "p_hot": 0.5}, "p_warm and p_hot must rise between 0 and 1"),
        ("fixed", {"p_warm": 0.6, "p_hot": 0.5}, r"must rise .*Found: p_warm 0.6, p_hot 0.5"),
        ("fixed", {"p_warm": 0.5, "p_hot": 1.0}, "must rise between 0 and 1"),
        ("fixed", {"p_warm": 0.0, "p_hot": 0.5}, r"fixed.p_warm must be a number above 0"),
        ("fixed", {"p_warm": "a tenth", "p_hot": 0.5}, "fixed.p_warm must be a number"),
        ("fixed", {"p_warm": True, "p_hot": 0.5}, "fixed.p_warm must be a number"),
        ("fixed", {"p_warm": float("nan"), "p_hot": 0.5}, "p_warm must be a finite number"),
        ("economics", {}, r"by economics needs .*Found: no cost_of_first_call"),
        ("capacity", {"hot_share": -0.1}, r"capacity.hot_share must be a number above 0"),
        ("capacity", {"hot_share": "many"}, r"capacity.hot_share must be .*Found: many"),
        ("capacity", {"hot_per_week": 0}, r"capacity.hot_per_week must be a number above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(method, given, message):
    with pytest.raises(SchemaError, match=message):
        fit(leads(), method=method, settings=settings_with(**{method: given}), weeks=4.0)


@pytest.mark.parametrize("margin", [0, -5, "100", float("inf")])
def test_a_margin_must_be_a_number_above_0(margin):
    economics = {"cost_of_first_call": 1, "cost_of_sales_process": 2, "margin_per_win": margin}
    with pytest.raises(SchemaError, match=r"economics\.margin_per_win must be a (finite )?number"):
        fit(leads(), method="economics", settings=settings_with(economics=economics))


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match=r"method must be one of match_matrix, .*Found: magic"):
        fit(leads(), method="magic")


# -- p_hot binds, p_warm is lowered ------------------------------------------------------------


def lowered(z, **given):
    policy = fit(z, **given)
    assert isinstance(policy, Policy)
    down = np.sort(z)[::-1]
    hot, warm = policy.wanted["hot"], policy.wanted["warm"]
    assert policy.logit_hot == 0.5 * (down[hot - 1] + down[hot])  # it binds
    wanted = 0.5 * (down[hot + warm - 1] + down[hot + warm])
    assert policy.logit_warm < wanted
    assert "p_warm lowered from" in policy.notes[-1]
    assert policy.resulting["hot"] == policy.wanted["hot"]
    assert policy.resulting["warm"] > policy.wanted["warm"]
    hold_the_rules(policy, z)
    return policy


def breaks_a_rule(z, warm, hot):
    scale = Policy("fixed", warm, hot, {}, {}, len(z)).scale
    return hot - warm < 0.4 or saturated_share(z, scale) > 0.15


def test_p_warm_is_lowered_until_the_anchors_are_apart_and_no_further():
    z = leads(spread=0.45)
    policy = lowered(z, hot=200, warm=30)
    assert policy.logit_warm in midpoints(z)
    higher = midpoints(z)[midpoints(z) > policy.logit_warm][0]
    assert policy.logit_hot - higher < 0.4


@pytest.mark.parametrize("seed", range(6))
def test_p_warm_is_lowered_until_few_leads_show_0_or_100_and_no_further(seed):
    rng = np.random.default_rng(seed)
    z = np.concatenate([rng.normal(-2.5, 1.2, 700), rng.normal(4.5, 2.0, 300)])
    policy = lowered(z, hot=270, warm=30)
    assert policy.logit_hot - policy.logit_warm > 0.4
    assert policy.logit_warm in midpoints(z)
    higher = midpoints(z)[midpoints(z) > policy.logit_warm][0]
    assert breaks_a_rule(z, higher, policy.logit_hot)


def test_saturation_at_the_cold_end_counts_too():
    z = np.concatenate([leads(250, middle=-6), leads(750, middle=-1, seed=1)])
    policy = lowered(z, hot=80, warm=100)
    assert saturated_share(z, policy.scale) == pytest.approx(0.15, abs=0.002)


def test_exactly_15_percent_may_be_saturated():
    base = np.linspace(-1, 1, 85)
    z = np.concatenate([base, np.full(15, -50.0) - np.arange(15)])
    settings = settings_with(capacity={"warm_share": 0.3})
    policy = fit(z, hot=0, warm=0, method="capacity", settings=settings)
    assert saturated_share(z, policy.scale) == 0.15
    assert len(policy.notes) == 0


# -- too little signal -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["match_matrix", "capacity"])
def test_a_constant_gives_no_policy(method):
    found = fit(np.full(500, -1.2), method=method)
    assert found == NoPolicy("every lead has the same probability")


@pytest.mark.parametrize("spread", [1e-12, 1e-3, 0.05])
def test_tiny_noise_gives_tiers_that_tell_little_apart_and_says_so(spread):
    found = fit(leads(spread=spread))
    assert isinstance(found, Policy)
    assert found.notes[-1].startswith("100% of the leads are hot or warm, more than 60%: ")


def test_more_than_60_percent_hot_or_warm_is_said():
    # A flat spread of 0.5: 0.4 below p_hot is 80 % of the leads further down.
    z = np.linspace(-1.25, -0.75, 1_000)
    found = fit(z)
    assert "are hot or warm, more than 60%" in found.notes[-1]
    z = np.linspace(-1.5, -0.5, 1_000)  # 40 % further down: 48 %
    policy = fit(z)
    assert isinstance(policy, Policy)
    assert sum(policy.resulting.values()) == pytest.approx(480, abs=2)


def test_exactly_60_percent_hot_or_warm_need_no_word():
    z = np.linspace(-3.0, 1.0, 1_000)
    policy = fit(z, hot=80, warm=520)
    assert isinstance(policy, Policy)
    assert policy.method == "match_matrix"
    assert policy.resulting == {"hot": 80, "warm": 520}
    assert policy.notes == ()
    (note,) = fit(z, hot=80, warm=521).notes
    assert note.startswith("60% of the leads are hot or warm, more than 60%")


# -- base rates, ties, saturation --------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.10, 0.40])
@pytest.mark.parametrize("signal", [0.8, 2.0, 4.0])
@pytest.mark.parametrize("method", ["match_matrix", "capacity"])
def test_any_base_rate_and_signal_obeys_the_rules(rate, signal, method):
    rng = np.random.default_rng(int(1_000 * rate + signal))
    x = rng.normal(0, signal, 4_000)
    shift = -10.0
    while expit(x + shift).mean() < rate:
        shift += 0.01
    z = x + shift
    policy = fit(z, hot=300, warm=700, method=method)
    assert isinstance(policy, Policy)
    hold_the_rules(policy, z)
    assert policy.resulting["hot"] == policy.wanted["hot"] == 300


@pytest.mark.parametrize(
    "z",
    [
        np.repeat([-3.0, -2.0, -1.0, 0.0, 1.0], [300, 300, 250, 100, 50]),
        np.repeat([-2.0, 1.0], [900, 100]),
        np.repeat([-2.0, -1.5, -1.4], [600, 300, 100]),
        np.repeat([-5.0, 0.0, 9.0], [100, 800, 100]),
        np.concatenate([np.full(990, -4.0), np.linspace(-3, 3, 10)]),
    ],
)
def test_heavy_ties_obey_the_rules_or_give_no_policy(z):
    for method in ("match_matrix", "capacity"):
        found = fit(z, method=method)
        if isinstance(found, NoPolicy):
            assert found.reason == "every lead has the same probability"
        else:
            hold_the_rules(found, z)
            assert found.logit_hot in midpoints(z)


def test_among_ties_the_nearest_volume_is_taken():
    z = np.repeat([-3.0, -2.0, -1.0, 0.0, 1.0], [300, 300, 250, 100, 50])
    policy = fit(z, hot=80, warm=170)
    assert policy.logit_hot == 0.5  # 50 leads are nearer to 80 than 150 are
    assert policy.logit_warm == -1.5  # 400 of 250: nearer than 150
    assert policy.resulting == {"hot": 50, "warm": 350} or policy.logit_warm == -0.5


def test_order_of_the_leads_changes_nothing():
    z = leads()
    order = np.random.default_rng(3).permutation(len(z))
    wanted = totals(len(z), hot=80, warm=170)
    a = fit_policy(z, matrix_total=wanted, mapped_criteria=6)
    b = fit_policy(z[order], matrix_total=wanted[order], mapped_criteria=6)
    assert a == b


# -- what else a policy says -------------------------------------------------------------------


def test_hot_leads_beyond_one_and_a_half_times_the_policys_share_raise_an_alarm():
    policy = Policy("fixed", -1.0, 0.0, {}, {"hot": 100, "warm": 100}, 1_000)
    cold = np.zeros(850, dtype=int)
    assert hot_share_alarm(np.concatenate([cold, np.full(150, 70)]), policy) is None
    times = hot_share_alarm(np.concatenate([cold[:-1], np.full(151, 70)]), policy)
    assert times == pytest.approx(1.51)
    assert hot_share_alarm(np.full(9, 69), policy) is None
    assert hot_share_alarm(np.array([], dtype=int), policy) is None


def test_a_policy_comes_back_the_same_from_what_it_dumps():
    policy = fit(leads(spread=0.45), hot=200, warm=30)
    assert Policy.restore(policy.dump()) == policy
    assert policy.dump()["p_hot"] == policy.p_hot


def test_actions_of_the_tiers():
    actions = policy_settings().actions
    assert [item.action for item in (actions.hot, actions.warm, actions.cold)] == [
        "start_sales_process",
        "first_call_then_rescore",
        "nurture",
    ]


def test_an_empty_window_has_no_hot_share():
    assert np.isnan(Policy("fixed", -1.0, 0.0, {}, {"hot": 0, "warm": 0}, 0).hot_share)
