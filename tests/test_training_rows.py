"""Weights of rows: quantiles as NumPy has them, and a quarter of the leads that parts none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.rows import TrainingRows, checked_weight, newest_begins, quantiles
from scoring_ml.estimators.scorecard import Scorecard
from scoring_ml.features.encoder import EncodedColumn
from tests import estimator_checks

SHARES = np.linspace(0, 1, 9)[1:-1]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_numpys_of_the_inverted_distribution(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=97).round(1)
    weight = rng.random(97) + 0.01
    theirs = np.quantile(values, SHARES, weights=weight, method="inverted_cdf")
    assert quantiles(values, SHARES, weight).tolist() == theirs.tolist()
    assert (
        quantiles(values, SHARES).tolist()
        == np.quantile(values, SHARES, method="inverted_cdf").tolist()
    )


@pytest.mark.parametrize("times", [2, 3, 7])
def test_copies_that_share_a_weight_of_one_move_no_quantile(times):
    # 6 times 1/3 falls short of 2, and a plain sum of weights would then step too far.
    values = np.random.default_rng(times).permutation(np.arange(24.0))
    weight = np.full(24 * times, 1 / times)
    copies = quantiles(np.repeat(values, times), SHARES, weight)
    assert copies.tolist() == quantiles(values, SHARES).tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 10, 11, 250])
def test_rows_that_are_leads_are_cut_as_without_leads(n):
    assert newest_begins(n, np.arange(n) * 3) == newest_begins(n) == n - max(1, round(n / 4))


def test_the_newest_quarter_is_one_of_leads_and_parts_none():
    # Eight leads, of which the two newest have three rows and one.
    lead = np.repeat([4, 7, 1, 0, 9, 3, 8, 2], [1, 6, 2, 2, 5, 1, 3, 1])
    assert newest_begins(len(lead), lead) == 17
    assert newest_begins(5, np.zeros(5, dtype=np.int64)) == 0  # one lead is never parted


@pytest.mark.parametrize(
    "weight", [np.ones(3), np.array([1.0, 0.0]), np.array([1.0, np.nan]), np.array([-1.0, 1.0])]
)
def test_a_weight_is_one_positive_number_per_row(weight):
    with pytest.raises(ValueError, match=r"one positive, finite number per row\. Got shape"):
        checked_weight(weight, 2)


def test_the_matrix_is_set_by_people_whatever_rows_weigh():
    columns = (EncodedColumn("criterion_points", "size", "budget", level="budget"),)
    X = np.array([[0.0], [10.0], [20.0]])
    fitted = MatrixEstimator(columns).fit(X, np.array([0.0, 1.0, 1.0]), np.array([9.0, 1.0, 1.0]))
    assert fitted.logodds(X).tolist() == [0.0, 0.5, 1.0]


COLUMNS = (
    EncodedColumn("value", "pages", "engagement"),
    EncodedColumn("level", "source", "source", level="fair"),
    EncodedColumn("other", "source", "source"),
    EncodedColumn("missing", "source", "source"),
    EncodedColumn("value", "age", "other"),
)


def several_ages(n=1_500, seed=5):
    """Three rows a lead; all that is seen at the first age is of age 0."""
    rng = np.random.default_rng(seed)
    lead = np.repeat(np.arange(n // 3), 3)
    age = np.tile([0.0, 7.0, 30.0], n // 3)
    pages = rng.poisson(2 + age / 10).astype(float)
    level = rng.integers(0, 3, n)
    X = np.column_stack([pages, *(level == k for k in range(3)), age]).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(2 - 0.4 * pages - 0.05 * age))).astype(float)
    return X, y, lead, age == 0.0


@pytest.mark.parametrize("make", [Scorecard, Boosted])
def test_contributions_can_be_counted_from_the_average_row_of_one_age(make):
    X, y, lead, first = several_ages()
    weight = np.full(len(y), 1 / 3)
    plain = make(COLUMNS).fit(X, y, weight, lead)
    counted = make(COLUMNS).fit(X, y, weight, lead, average=first)
    values, base = counted.contributions(X)
    assert np.abs(values[first].mean(axis=0)).max() < 1e-9
    # Only where points begin has moved: the model is the same, and its points still add up.
    np.testing.assert_allclose(counted.logodds(X), plain.logodds(X), atol=1e-9)
    np.testing.assert_allclose(values.sum(axis=1) + base, counted.logodds(X), atol=1e-9)
    moved = values - plain.contributions(X)[0]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)
    assert np.abs(moved[0]).max() > 0.01, "else this test shows nothing"
    again = make.restore(json.loads(json.dumps(counted.dump())), COLUMNS)
    assert again.contributions(X)[0].tobytes() == values.tobytes()


@pytest.mark.parametrize("make", [Scorecard, Boosted])
def test_all_rows_are_the_average_if_none_is_named(make):
    X, y, lead, _ = several_ages()
    plain = make(COLUMNS).fit(X, y, None, lead).contributions(X)
    every = make(COLUMNS).fit(X, y, None, lead, average=np.ones(len(y), dtype=bool))
    np.testing.assert_allclose(every.contributions(X)[0], plain[0], atol=0.05)


@pytest.mark.parametrize("ages", [1, 3])
def test_settings_of_very_many_rows_are_chosen_on_those_of_every_few_leads(monkeypatch, ages):
    n = 40 * ages
    lead = np.repeat(np.arange(40), ages)
    rows = TrainingRows(
        X=np.arange(float(n)).reshape(-1, 1),
        y=np.ones(n),
        weight=np.full(n, 1 / ages),
        lead=None if ages == 1 else lead,
        average=None,
    )
    (older, newer), (nothing, _) = rows.split(rows.X, None)
    assert nothing is None
    assert (len(older), len(newer)) == (30 * ages, 10 * ages)
    monkeypatch.setattr("scoring_ml.estimators.rows.CHOOSING_ROWS", 14 * ages)
    older, newer = rows.split(rows.X)[0]
    seen = lead[np.concatenate([older, newer])[:, 0].astype(int)]
    leads, times = np.unique(seen, return_counts=True)
    assert set(times) == {ages}
    assert set(np.diff(leads)) == {3}
    assert older.max() < rows.newest <= newer.min()


@pytest.mark.parametrize("estimator", [Scorecard, Boosted])
def test_a_sample_chooses_and_all_rows_are_learned_from(monkeypatch, estimator):
    X, y = estimator_checks.rows(n=1_200)
    whole = estimator(estimator_checks.COLUMNS).fit(X, y)
    monkeypatch.setattr("scoring_ml.estimators.rows.CHOOSING_ROWS", 400)
    sampled = estimator(estimator_checks.COLUMNS).fit(X, y)
    assert np.corrcoef(whole.logodds(X), sampled.logodds(X))[0, 1] > 0.9
    # What is learned from all is not what is learned from the sample alone.
    alone = estimator(estimator_checks.COLUMNS).fit(X[2::3], y[2::3])
    assert np.abs(alone.logodds(X) - sampled.logodds(X)).max() > 1e-3
