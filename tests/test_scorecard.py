"""The scorecard: its table is the model, and says what scikit-learn's regression says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from scoring_ml.estimators.scorecard import CriteriaScorecard, Scorecard, scorecard_settings
from scoring_ml.features.encoder import EncodedColumn

COLUMNS = (
    EncodedColumn("value", "size", "budget"),
    EncodedColumn("value", "few", "other"),
    EncodedColumn("value", "empty", "other"),
    EncodedColumn("level", "trade", "industry_fit", level="sea"),
    EncodedColumn("other", "trade", "industry_fit"),
    EncodedColumn("missing", "trade", "industry_fit"),
    EncodedColumn("criterion_points", "size", "budget", level="budget"),
    EncodedColumn("criterion_level", "size", "budget", level="unknown"),
    EncodedColumn("criterion_level", "size", "budget", level="partial"),
    EncodedColumn("criterion_level", "size", "budget", level="full"),
)
SETTINGS = {"bins": 4, "penalties": [0.03, 1.0]}


def draw(n=500, seed=2):
    rng = np.random.default_rng(seed)
    X = np.zeros((n, len(COLUMNS)))
    X[:, 0] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(10, 4, n))
    X[:, 1] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 3, n))
    X[:, 2] = np.nan
    X[np.arange(n), 3 + rng.integers(0, 3, n)] = 1.0
    level = np.where(np.isnan(X[:, 0]), 0, np.digitize(X[:, 0], [8, 13]))
    X[:, 6] = level * 10
    X[:, 7] = np.isnan(X[:, 0])
    X[:, 8], X[:, 9] = level == 1, level == 2
    z = 0.3 * (np.nan_to_num(X[:, 0], nan=6) - 10) + X[:, 3] + 0.5 * (X[:, 1] == 2) - 0.4
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def card(data):
    return Scorecard(COLUMNS, settings=SETTINGS).fit(*data)


def expand(card, X):
    """One 0/1 column per bin, written apart from the code under test."""
    parts = []
    for i, column in enumerate(COLUMNS):
        if column.role == "criterion_points":
            continue
        if column.role != "value":
            parts.append(X[:, i : i + 1])
            continue
        for low, high in pairwise([-np.inf, *card.edges_[i], np.inf]):
            parts.append(((X[:, i] >= low) & (X[:, i] < high))[:, None])
        parts.append(np.isnan(X[:, i])[:, None])
    return np.hstack([part.astype(float) for part in parts])


def test_log_odds_are_those_of_scikit_learn_on_the_expanded_matrix(card, data):
    X, y = data
    expanded = expand(card, X)
    theirs = LogisticRegression(C=card.penalty_, tol=1e-8, max_iter=5_000).fit(expanded, y)
    np.testing.assert_allclose(card.logodds(X), theirs.decision_function(expanded), atol=2e-4)


def test_the_base_is_the_average_lead(card, data):
    X, _ = data
    values, base = card.contributions(X)
    assert base == pytest.approx(card.logodds(X).mean(), abs=1e-12)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-12)


def test_the_penalty_is_the_one_with_least_log_loss_on_the_newest_quarter(card, data):
    X, y = data
    expanded = expand(card, X)
    losses = []
    for penalty in SETTINGS["penalties"]:
        model = LogisticRegression(C=penalty, max_iter=5_000).fit(expanded[:375], y[:375])
        losses.append(log_loss(y[375:], model.predict_proba(expanded[375:])[:, 1]))
    assert card.penalty_ == SETTINGS["penalties"][int(np.argmin(losses))]


def test_the_strongest_penalty_is_taken_where_the_newest_quarter_cannot_tell(data):
    X, y = data
    y = np.where(np.arange(len(y)) < 375, y, 0.0)
    assert Scorecard(COLUMNS, settings=SETTINGS).fit(X, y).penalty_ == 0.03


def test_a_bin_holds_its_lower_edge_and_not_its_upper_one(card):
    edge = card.edges_[0][1]
    X = np.zeros((3, len(COLUMNS)))
    X[:, 0] = [np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf)]
    below, at, above = card.contributions(X)[0][:, 0]
    assert at == above == card.weights_[0][2]
    assert below == card.weights_[0][1]
    assert below != at


def test_few_distinct_values_have_a_bin_each_and_no_values_none(card):
    assert card.edges_[1].tolist() == [1.0, 2.0]
    assert card.edges_[2].tolist() == []
    assert len(card.weights_[0]) == SETTINGS["bins"] + 1  # and one for "missing"


def test_every_bin_of_a_number_holds_a_training_lead(card, data):
    X, _ = data
    known = X[~np.isnan(X[:, 0]), 0]
    counts = np.bincount(np.searchsorted(card.edges_[0], known, side="right"))
    assert counts.min() > 0
    heavy = np.concatenate([np.zeros(400), np.arange(100)])
    X = np.where(np.arange(len(COLUMNS)) == 0, heavy[:, None], 0.0)
    y = (np.arange(500) % 3 == 0).astype(float)
    edges = Scorecard(COLUMNS, settings=SETTINGS).fit(X, y).edges_[0]
    assert np.bincount(np.searchsorted(edges, heavy, side="right")).min() > 0


def test_a_number_beyond_training_takes_the_outermost_bin(card):
    X = np.zeros((2, len(COLUMNS)))
    X[:, 0] = [-1e12, 1e12]
    assert card.contributions(X)[0][:, 0].tolist() == [card.weights_[0][0], card.weights_[0][-2]]


def test_the_criteria_scorecard_sees_the_six_criteria_alone(data):
    X, y = data
    card = CriteriaScorecard(COLUMNS, settings=SETTINGS).fit(X, y)
    assert card.kind == "criteria_scorecard"
    other = X.copy()
    other[:, :6] = 77.0
    assert card.logodds(other).tolist() == card.logodds(X).tolist()
    values, base = card.contributions(X)
    assert np.all(values[:, :7] == 0)
    np.testing.assert_allclose(values.sum(axis=1) + base, card.logodds(X), atol=1e-12)
    assert len(np.unique(card.logodds(X))) == 4  # none, unknown, partial, full


def test_the_projects_settings_name_bins_and_rising_penalties():
    settings = scorecard_settings()
    assert settings["bins"] >= 2
    assert settings["penalties"] == sorted(settings["penalties"])


# -- several rows of one lead ------------------------------------------------------------------


def test_weights_count_as_scikit_learn_counts_them(data):
    X, y = data
    weight = np.random.default_rng(4).choice([0.2, 1.0, 3.0], len(y))
    found = Scorecard(COLUMNS, settings=SETTINGS).fit(X, y, weight)
    expanded = expand(found, X)
    theirs = LogisticRegression(C=found.penalty_, tol=1e-8, max_iter=5_000)
    theirs.fit(expanded, y, sample_weight=weight)
    np.testing.assert_allclose(found.logodds(X), theirs.decision_function(expanded), atol=2e-4)
    # The base is the average lead, by weight.
    values, base = found.contributions(X)
    assert base == pytest.approx(np.average(found.logodds(X), weights=weight), abs=1e-9)
    assert np.average(values, axis=0, weights=weight) == pytest.approx(0, abs=1e-9)


def test_the_penalty_is_chosen_by_weighted_loss_on_the_newest_leads(data):
    X, y = data
    weight = np.where(np.arange(len(y)) % 5 == 0, 4.0, 0.25)
    found = Scorecard(COLUMNS, settings=SETTINGS).fit(X, y, weight)
    expanded = expand(found, X)
    losses = []
    for penalty in SETTINGS["penalties"]:
        model = LogisticRegression(C=penalty, max_iter=5_000)
        model.fit(expanded[:375], y[:375], sample_weight=weight[:375])
        chance = model.predict_proba(expanded[375:])
        losses.append(log_loss(y[375:], chance, sample_weight=weight[375:]))
    assert found.penalty_ == SETTINGS["penalties"][int(np.argmin(losses))]
