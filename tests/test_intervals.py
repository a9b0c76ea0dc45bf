"""Bootstrap intervals: pairing, accounts, coverage, and what is too little to say."""

from __future__ import annotations

import numpy as np
import pytest

from scoring_ml.evaluation.intervals import FEWEST_UNITS, Predictions, bootstrap_metrics
from scoring_ml.statistics.delong import auc_difference, auc_interval
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.probability import PROBABILITY, logit
from scoring_ml.statistics.ranking import RANKING
from tests.single_metrics import (
    brier,
    calibration_line,
    captured,
    ece,
    lift,
    pr_auc,
    wins_per_100,
)

NAMES = {*RANKING, *PROBABILITY, "wins_per_100"}


def window(seed=0, n=600):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n) - 1
    won = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    near = 0.9 * z + 0.3 * rng.normal(size=n)
    far = np.round(0.5 * z + rng.normal(size=n))
    return won, {
        "near": Predictions(near, 1 / (1 + np.exp(-near))),
        "far": Predictions(far, 1 / (1 + np.exp(-far))),
        "matrix": Predictions(np.round(20 * far)),
    }


def compare(won, candidates, **options):
    given = {"volumes": {"wins_per_100": 80}, "replicates": 100, "seed": 1} | options
    return bootstrap_metrics(won, candidates, **given)


def same(a, b):
    left = [a.value, a.low, a.high]
    return np.array_equal(left, [b.value, b.low, b.high], equal_nan=True)


def test_values_are_the_metrics_of_the_data():
    won, candidates = window()
    found = compare(won, candidates).metrics["far"]
    score, p = candidates["far"].logodds, candidates["far"].probability
    assert set(found) == NAMES
    assert found["pr_auc"].value == pytest.approx(pr_auc(score, won))
    assert found["lift_10"].value == pytest.approx(lift(score, won, 10))
    assert found["captured_30"].value == pytest.approx(captured(score, won, 30))
    assert found["wins_per_100"].value == pytest.approx(wins_per_100(score, won, 80))
    assert found["brier"].value == pytest.approx(brier(p, won))
    assert found["ece"].value == pytest.approx(ece(p, won))
    line = calibration_line(logit(p), won)
    assert (found["calibration_intercept"].value, found["calibration_slope"].value) == (
        pytest.approx(line)
    )


def test_every_interval_holds_its_value_and_has_a_width():
    won, candidates = window()
    comparison = compare(won, candidates)
    for kind in ("near", "far"):
        for name, interval in comparison.metrics[kind].items():
            assert interval.low < interval.value < interval.high, name


def test_auc_is_delong_where_leads_are_independent():
    won, candidates = window()
    comparison = compare(won, candidates)
    near, far = candidates["near"].logodds, candidates["far"].logodds
    assert same(comparison.metrics["near"]["roc_auc"], auc_interval(near, won))
    gap = auc_difference(near, far, won)
    expected = Interval(gap.value, gap.low, gap.high)
    assert same(comparison.differences["near", "far"]["roc_auc"], expected)


def test_bootstrap_and_delong_agree():
    won, candidates = window()
    delong = compare(won, candidates)
    resampled = compare(won, candidates, groups=np.arange(won.size), replicates=1000)
    for pair in (("near", "far"), ("near", "matrix")):
        a, b = delong.differences[pair]["roc_auc"], resampled.differences[pair]["roc_auc"]
        assert b.value == pytest.approx(a.value)
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.1)


def test_differences_are_paired_and_mirrored():
    won, candidates = window()
    twin = candidates["near"]
    comparison = compare(won, candidates | {"twin": twin})
    for name, interval in comparison.differences["near", "twin"].items():
        assert (interval.value, interval.low, interval.high) == (0, 0, 0), name
    for name, there in comparison.differences["near", "far"].items():
        back = comparison.differences["far", "near"][name]
        assert (back.value, back.low, back.high) == pytest.approx(
            (-there.value, -there.high, -there.low), abs=1e-12
        )
        metrics = comparison.metrics
        value = metrics["near"][name].value - metrics["far"][name].value
        assert there.value == pytest.approx(value)


def test_candidate_without_probability_has_ranking_metrics_only():
    won, candidates = window()
    comparison = compare(won, candidates)
    for name in PROBABILITY:
        assert np.isnan(comparison.metrics["matrix"][name].value)
        assert np.isnan(comparison.differences["near", "matrix"][name].low)
    # The matrix's totals put the leads in the order that "far" does.
    gap = comparison.differences["far", "matrix"]["wins_per_100"]
    assert (gap.value, gap.low, gap.high) == (0, 0, 0)


def test_seed_decides_and_chunks_do_not(monkeypatch):
    won, candidates = window()
    first = compare(won, candidates)
    assert same(first.metrics["near"]["brier"], compare(won, candidates).metrics["near"]["brier"])
    other = compare(won, candidates, seed=2)
    assert not same(first.metrics["near"]["brier"], other.metrics["near"]["brier"])
    monkeypatch.setattr("scoring_ml.evaluation.intervals._CELLS_AT_A_TIME", 600 * 7)
    small = compare(won, candidates)
    for name in NAMES:
        assert small.metrics["far"][name].low == pytest.approx(
            first.metrics["far"][name].low, abs=1e-6
        )


def test_warm_start_leads_to_the_same_line():
    won, candidates = window(n=200)
    comparison = compare(won, candidates, replicates=40)
    rng = np.random.default_rng(1)
    counts = np.stack([np.bincount(row, minlength=200) for row in rng.integers(0, 200, (40, 200))])
    z = logit(candidates["near"].probability)
    slopes = [calibration_line(z, won, row)[1] for row in counts]
    low, high = np.percentile(slopes, (2.5, 97.5))
    found = comparison.metrics["near"]["calibration_slope"]
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


def test_leads_of_one_account_make_intervals_wider():
    won, candidates = window(n=200)
    # Each lead five times over: five times the rows, not five times the knowledge.
    many = {
        kind: Predictions(
            np.repeat(p.logodds, 5), None if p.probability is None else np.repeat(p.probability, 5)
        )
        for kind, p in candidates.items()
    }
    accounts = np.repeat([f"account {i}" for i in range(200)], 5)
    blind = compare(np.repeat(won, 5), many).metrics["near"]
    aware = compare(np.repeat(won, 5), many, groups=accounts).metrics["near"]
    for name in ("roc_auc", "brier", "log_loss"):
        ratio = (aware[name].high - aware[name].low) / (blind[name].high - blind[name].low)
        assert 1.7 < ratio < 3.0, name


def test_leads_of_unknown_account_stand_alone():
    won, candidates = window(n=200)
    accounts = np.array([None] * 200, dtype=object)
    alone = compare(won, candidates, groups=np.arange(200)).metrics["near"]
    unknown = compare(won, candidates, groups=accounts).metrics["near"]
    assert all(same(alone[name], unknown[name]) for name in NAMES)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(60):
        p = rng.uniform(0.1, 0.6, size=150)
        won = (rng.random(150) < p).astype(float)
        said = {"m": Predictions(logit(p), p)}
        found = bootstrap_metrics(won, said, replicates=100, seed=seed).metrics["m"]
        hits += found["calibration_slope"].low <= 1 <= found["calibration_slope"].high
    # 57 expected of 60; bootstrap percentiles on 150 leads are a little narrow.
    assert hits >= 50


def test_progress_counts_to_the_end():
    won, candidates = window(n=50)
    seen = []
    compare(won, candidates, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    "won", [np.zeros(0), np.zeros(20), np.ones(20), np.arange(20) < 1, np.arange(20) < 19]
)
def test_awkward_windows_give_nan_and_no_exception(won):
    won = won.astype(float)
    score = np.cos(np.arange(won.size))
    found = compare(won, {"m": Predictions(score, 1 / (1 + np.exp(-score)))}, volumes={"v": 0})
    metrics = found.metrics["m"]
    assert np.isnan([metrics["v"].value, metrics["roc_auc"].low, metrics["pr_auc"].low]).all()


def test_too_few_leads_or_accounts_get_values_and_no_intervals():
    won, candidates = window(n=200)
    accounts = np.arange(200) % (FEWEST_UNITS - 1)
    found = compare(won, candidates, groups=accounts).metrics["near"]
    for interval in found.values():
        assert np.isfinite(interval.value)
        assert np.isnan([interval.low, interval.high]).all()


def test_groups_must_fit():
    won, candidates = window(n=50)
    with pytest.raises(ValueError, match=r"groups must have one entry per lead. Got 3 for 50"):
        compare(won, candidates, groups=[1, 2, 3])
