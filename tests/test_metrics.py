"""Metrics: against scikit-learn and statsmodels, by enumeration over ties, by hand, by law."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import mannwhitneyu
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from scoring_ml.statistics.delong import auc_difference, auc_interval, auc_variance
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.probability import logit
from scoring_ml.statistics.ranking import RANKING, TOP_PERCENT, Ranked, ranking_metrics
from tests.single_metrics import (
    brier,
    calibration_line,
    captured,
    ece,
    lift,
    log_loss,
    pr_auc,
    roc_auc,
    wins_per_100,
)


def sample(seed, n=300, *, ties=False):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    won = (rng.random(n) < 1 / (1 + np.exp(1 - z))).astype(float)
    score = z + rng.normal(size=n)
    return (np.round(score) if ties else score), won


def probabilities(score):
    return 1 / (1 + np.exp(-0.7 * np.asarray(score) + 0.8))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
class TestAgainstOtherLibraries:
    def test_ranking(self, seed, ties):
        score, won = sample(seed, ties=ties)
        assert roc_auc(score, won) == pytest.approx(roc_auc_score(won, score), abs=1e-12)
        expected = average_precision_score(won, score)
        assert pr_auc(score, won) == pytest.approx(expected, abs=1e-12)

    def test_probabilities(self, seed, ties):
        score, won = sample(seed, ties=ties)
        p = probabilities(score)
        assert log_loss(p, won) == pytest.approx(sklearn_log_loss(won, p), abs=1e-12)
        assert brier(p, won) == pytest.approx(brier_score_loss(won, p), abs=1e-12)

    def test_recalibration_line(self, seed, ties):
        score, won = sample(seed, ties=ties)
        fit = sm.GLM(won, sm.add_constant(score), family=sm.families.Binomial()).fit(tol=1e-12)
        assert calibration_line(score, won) == pytest.approx(tuple(fit.params), abs=1e-6)

    def test_weights(self, seed, ties):
        score, won = sample(seed, ties=ties)
        weights = np.random.default_rng(seed).random(won.size) * 3
        p = probabilities(score)
        w = {"sample_weight": weights}
        assert roc_auc(score, won, weights) == pytest.approx(roc_auc_score(won, score, **w))
        assert pr_auc(score, won, weights) == pytest.approx(
            average_precision_score(won, score, **w)
        )
        assert log_loss(p, won, weights) == pytest.approx(sklearn_log_loss(won, p, **w))
        assert brier(p, won, weights) == pytest.approx(brier_score_loss(won, p, **w))
        fit = sm.GLM(
            won, sm.add_constant(score), family=sm.families.Binomial(), freq_weights=weights
        ).fit(tol=1e-12)
        assert calibration_line(score, won, weights) == pytest.approx(tuple(fit.params), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_integer_weights_are_repeated_leads(seed):
    score, won = sample(seed, 120, ties=True)
    counts = np.random.default_rng(seed).integers(0, 4, size=won.size)
    many_score, many_won = np.repeat(score, counts), np.repeat(won, counts)
    for metric in (roc_auc, pr_auc):
        assert metric(score, won, counts) == pytest.approx(metric(many_score, many_won), abs=1e-12)
    for metric in (lift, captured):
        for percent in TOP_PERCENT:
            once = metric(score, won, percent, counts)
            assert once == pytest.approx(metric(many_score, many_won, percent), abs=1e-12)
    p, many_p = probabilities(score), probabilities(many_score)
    for metric in (log_loss, brier, ece):
        assert metric(p, won, counts) == pytest.approx(metric(many_p, many_won), abs=1e-12)
    assert calibration_line(score, won, counts) == pytest.approx(
        calibration_line(many_score, many_won), abs=1e-6
    )


@pytest.mark.parametrize(
    ("score", "won"),
    [
        ([3, 2, 2, 2, 1, 1], [1, 1, 0, 0, 1, 0]),
        ([1, 1, 1, 1, 1, 1], [1, 0, 0, 1, 0, 0]),
        ([2, 2, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_top_of_tied_leads_is_the_mean_over_all_orders(score, won, n):
    # Every order of the leads in which scores fall is as likely as any other.
    tops = [
        sum(won[i] for i in order[:n])
        for order in permutations(range(6))
        if all(score[a] >= score[b] for a, b in pairwise(order))
    ]
    assert wins_per_100(score, won, n) == pytest.approx(100 * np.mean(tops) / n, abs=1e-9)


def test_lift_and_captured_wins_by_hand():
    # 20 leads, 4 wins: ranks 1, 2, 5, 20. Top 5 % is 1 lead, 10 % is 2, 20 % is 4, 30 % is 6.
    score = np.arange(20, 0, -1.0)
    won = np.isin(np.arange(1, 21), (1, 2, 5, 20)) * 1.0
    assert [captured(score, won, percent) for percent in TOP_PERCENT] == pytest.approx(
        [0.25, 0.5, 0.5, 0.75]
    )
    assert [lift(score, won, percent) for percent in TOP_PERCENT] == pytest.approx([5, 5, 2.5, 2.5])
    assert wins_per_100(score, won, 5) == pytest.approx(60)


def test_part_of_a_lead_counts_in_part():
    # The top 5 % of 10 leads are half a lead: half of the first win.
    assert captured(np.arange(10), np.arange(10) >= 8, 5) == pytest.approx(0.25)


def test_ece_by_hand():
    # 20 leads in 10 bins of two; each bin's distance is |mean p - share of wins|.
    p = np.repeat(np.arange(10) / 10 + 0.05, 2) + np.tile([-0.01, 0.01], 10)
    won = np.array([0, 0] * 5 + [1, 1] * 5, dtype=float)
    expected = np.mean([0.05, 0.15, 0.25, 0.35, 0.45, 0.45, 0.35, 0.25, 0.15, 0.05])
    assert ece(p, won) == pytest.approx(expected)


def test_ece_keeps_equal_probabilities_together():
    # One value only is one bin: what was promised against what came.
    assert ece(np.full(40, 0.3), np.arange(40) < 20) == pytest.approx(0.2)
    assert ece(np.full(40, 0.5), np.arange(40) < 20) == pytest.approx(0.0)


class TestLaws:
    def test_order_of_leads_changes_nothing(self):
        score, won = sample(1, ties=True)
        mixed = np.random.default_rng(2).permutation(won.size)
        first = ranking_metrics(Ranked(score, won), np.ones((1, won.size)))
        second = ranking_metrics(Ranked(score[mixed], won[mixed]), np.ones((1, won.size)))
        assert set(first) == set(RANKING)
        for name in RANKING:
            assert first[name] == pytest.approx(second[name], abs=1e-12)

    def test_ranking_knows_only_the_order(self):
        score, won = sample(3)
        for name, values in ranking_metrics(Ranked(score, won), np.ones((1, 300))).items():
            other = ranking_metrics(Ranked(np.exp(score), won), np.ones((1, 300)))[name]
            assert values == pytest.approx(other, abs=1e-12)

    def test_classes_turned_around(self):
        score, won = sample(4, ties=True)
        assert roc_auc(-score, won) == pytest.approx(1 - roc_auc(score, won))
        assert brier(1 - probabilities(score), 1 - won) == pytest.approx(
            brier(probabilities(score), won)
        )
        intercept, slope = calibration_line(score, won)
        assert calibration_line(-score, 1 - won) == pytest.approx((-intercept, slope), abs=1e-7)

    def test_line_undoes_a_known_distortion(self):
        score, won = sample(5)
        intercept, slope = calibration_line(score, won)
        repaired = intercept + slope * score
        assert calibration_line(repaired, won) == pytest.approx((0.0, 1.0), abs=1e-7)
        assert calibration_line(1000 * repaired + 50, won)[1] == pytest.approx(1e-3, rel=1e-6)

    def test_many_rows_are_one_row_many_times(self):
        score, won = sample(6, ties=True)
        weights = np.random.default_rng(0).integers(0, 3, size=(7, won.size)).astype(float)
        together = ranking_metrics(Ranked(score, won), weights, {"at": 0.13})
        for i, row in enumerate(weights):
            alone = ranking_metrics(Ranked(score, won), row[None, :], {"at": 0.13})
            for name, values in together.items():
                assert values[i] == pytest.approx(alone[name][0], abs=1e-12)

    def test_logit_undoes_the_curve_and_is_finite(self):
        assert logit([0.5, 0.25]) == pytest.approx([0, -np.log(3)])
        assert np.isfinite(logit([0.0, 1.0])).all()


class TestUndefined:
    @pytest.mark.parametrize("won", [[], [0, 0, 0], [1, 1, 1]])
    def test_one_class_or_nothing_ranks_nothing(self, won):
        score = np.arange(len(won))
        found = ranking_metrics(Ranked(score, won), np.ones((1, len(won))))
        assert np.isnan([found[name][0] for name in RANKING]).all()
        assert np.isnan(calibration_line(score, won)).all()
        assert np.isnan(auc_variance(score, won)).all()

    def test_losses_stay_defined_with_one_class(self):
        assert log_loss([0.5, 0.5], [0, 0]) == pytest.approx(np.log(2))
        assert brier([0.5, 0.5], [0, 0]) == pytest.approx(0.25)
        assert ece([0.5, 0.5], [0, 0]) == pytest.approx(0.5)

    def test_nothing_at_all(self):
        assert np.isnan(
            [log_loss([], []), brier([], []), ece([], []), wins_per_100([], [], 3)]
        ).all()

    @pytest.mark.parametrize("n", [0, -1, 5, float("nan")])
    def test_no_volume_or_more_than_there_is(self, n):
        assert np.isnan(wins_per_100([4, 3, 2, 1], [1, 0, 1, 0], n))

    def test_unknown_score(self):
        assert np.isnan(roc_auc([1, float("nan"), 2], [1, 0, 0]))
        assert np.isnan(log_loss([0.1, float("nan"), 0.2], [1, 0, 0]))

    @pytest.mark.parametrize("score", [[1, 2, 3, 4], [1, 2, 2, 3], [4, 3, 2, 1], [1, 1, 1, 1]])
    def test_line_through_separated_or_constant_scores(self, score):
        assert np.isnan(calibration_line(score, [0, 0, 1, 1])).all()

    def test_certain_probability_that_fails_is_finite(self):
        assert log_loss([0.0, 1.0], [1, 0]) == pytest.approx(-np.log(1e-15), rel=1e-3)


class TestRefusals:
    def test_wrong_input(self):
        with pytest.raises(ValueError, match="won must hold 0 and 1 only"):
            roc_auc([1, 0, 1], [0.3, 0.2, 0.9])
        with pytest.raises(ValueError, match="must be of one length"):
            roc_auc([1, 0, 1], [0, 1])


def placements_one_by_one(score, won):
    """Structural components as in the paper, pair by pair."""
    wins, losses = score[won == 1], score[won == 0]
    psi = (wins[:, None] > losses) + 0.5 * (wins[:, None] == losses)
    return psi.mean(axis=1), psi.mean(axis=0)


class TestDeLong:
    @pytest.mark.parametrize("ties", [False, True])
    def test_against_pairs_and_mann_whitney(self, ties):
        score, won = sample(7, 150, ties=ties)
        v10, v01 = placements_one_by_one(score, won)
        auc, variance = auc_variance(score, won)
        u = mannwhitneyu(score[won == 1], score[won == 0]).statistic
        assert auc == pytest.approx(u / (won.sum() * (1 - won).sum()), abs=1e-12)
        expected = v10.var(ddof=1) / v10.size + v01.var(ddof=1) / v01.size
        assert variance == pytest.approx(expected, abs=1e-15)
        assert auc == pytest.approx(roc_auc(score, won), abs=1e-12)

    def test_difference_against_the_covariance_matrix(self):
        score, won = sample(8, 200)
        other = score + np.random.default_rng(1).normal(size=200)
        a10, a01 = placements_one_by_one(score, won)
        b10, b01 = placements_one_by_one(other, won)
        s = np.cov(a10, b10) / a10.size + np.cov(a01, b01) / a01.size
        error = np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
        found = auc_difference(score, other, won)
        assert found.value == pytest.approx(a10.mean() - b10.mean(), abs=1e-12)
        assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error, rel=1e-6)
        back = auc_difference(other, score, won)
        assert (back.value, back.low, back.high) == pytest.approx(
            (-found.value, -found.high, -found.low)
        )

    def test_interval_holds_the_truth_as_often_as_it_says(self):
        rng = np.random.default_rng(11)
        truth, hits = 0.760250, 0  # Phi(1 / sqrt(2))
        for _ in range(400):
            score = np.concatenate([rng.normal(1, 1, 40), rng.normal(0, 1, 80)])
            interval = auc_interval(score, np.repeat([1, 0], [40, 80]))
            hits += interval.low <= truth <= interval.high
        # 95 % of 400 is 380; three standard errors are 13.
        assert 367 <= hits <= 393

    def test_perfect_separation_is_not_certainty(self):
        score, won = np.arange(20), (np.arange(20) >= 12) * 1
        assert auc_variance(score, won) == (1.0, 0.0)
        interval = auc_interval(score, won)
        assert (interval.value, interval.high) == (1.0, 1.0)
        assert interval.low == pytest.approx(0.025 ** (1 / 8))
        assert auc_interval(-score, won) == Interval(0.0, 0.0, 1 - interval.low)

    def test_identical_scores(self):
        score, won = sample(9)
        same = auc_difference(score, 2 * score + 1, won)
        assert same == Interval(0.0, 0.0, 0.0)
        assert auc_interval(np.ones(10), np.arange(10) % 2) == Interval(0.5, 0.5, 0.5)

    def test_perfect_against_constant_has_no_interval(self):
        won = np.arange(20) >= 12
        found = auc_difference(np.arange(20), np.ones(20), won)
        assert found.value == 0.5
        assert np.isnan([found.low, found.high]).all()

    @pytest.mark.parametrize("wins", [1, 9])
    def test_one_of_a_class_has_an_auc_and_no_interval(self, wins):
        won = np.arange(10) < wins
        score = np.sin(np.arange(10.0))
        interval = auc_interval(score, won)
        assert 0 < interval.value < 1
        assert np.isnan([interval.low, interval.high]).all()
        assert np.isnan(auc_difference(score, -score, won).low)
