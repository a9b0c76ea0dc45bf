"""Logistic regression, the blend and the sceptic's set: what each says beyond the battery."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scoring_ml.estimators.blend import Blend
from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.logistic import Logistic
from scoring_ml.estimators.ridge import levelled_loss
from scoring_ml.estimators.sceptics import Constant, LightgbmDefault, LogisticDefault
from scoring_ml.features.encoder import EncodedColumn
from tests.estimator_checks import COLUMNS, TRADE, fitted, rows

needs_catboost = pytest.mark.skipif(
    not CatBoost.installed(), reason="the package catboost is not installed"
)


# -- logistic regression -----------------------------------------------------------------------


def test_beyond_the_quantiles_of_training_a_number_counts_as_the_quantile():
    X, model = rows()[0], fitted(Logistic)
    known = X[:, 2]
    low, high = np.quantile(known, [0.01, 0.99], method="inverted_cdf")
    lead = np.repeat(X[:1], 4, axis=0)
    lead[:, 2] = [low, low - 1e6, high, high + 1e6]
    z = model.logodds(lead)
    assert z[0] == z[1]
    assert z[2] == z[3]
    assert z[0] != z[2]


def test_its_ranking_is_scikit_learns_on_the_same_design():
    X, y = rows()
    model = fitted(Logistic)
    low, high = np.array([model.lines_[i][:2] for i in model.numbers]).T
    clipped = np.clip(X[:, model.numbers], low, high)
    spread = np.nanstd(clipped, axis=0)
    known = np.nan_to_num((clipped - np.nanmean(clipped, axis=0)) / spread, nan=0.0)
    flags = X[:, [i for block in model.blocks for i in block]]
    design = np.hstack([known, np.isnan(clipped), flags])
    reference = LogisticRegression(C=model.penalty_, tol=1e-8, max_iter=5_000).fit(design, y)
    z = reference.decision_function(design)
    np.testing.assert_allclose(model.logodds(X), z, atol=1e-3)
    assert model.base_ == pytest.approx(z.mean(), abs=1e-4)


def test_contributions_are_counted_from_the_rows_of_the_average():
    X, y = rows()
    average = np.arange(len(y)) % 3 == 0
    values, base = Logistic(COLUMNS).fit(X, y, average=average).contributions(X[average])
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=1e-12)
    plain, usual = fitted(Logistic).contributions(X)
    np.testing.assert_allclose(values.sum(axis=1) + base, (plain.sum(axis=1) + usual)[average])


def test_a_level_that_training_never_saw_counts_as_the_average_lead():
    X, y = (part.copy() for part in rows())
    X[X[:, 6] == 1.0, TRADE] = [1.0, 0.0, 0.0, 0.0]
    model, lead = Logistic(COLUMNS).fit(X, y), X[:1].copy()
    lead[:, TRADE] = [0.0, 0.0, 0.0, 1.0]
    assert model.contributions(lead)[0][0, TRADE].sum() == pytest.approx(0.0, abs=1e-12)
    lead[:, 2] = np.nan
    assert model.contributions(lead)[0][0, 2] == 0.0


def test_the_loss_that_chooses_does_not_depend_on_the_level():
    y = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    z = np.array([-1.0, 0.5, 2.0, 0.1, 0.4])
    weight = np.array([1.0, 2.0, 1.0, 0.5, 1.0])
    assert levelled_loss(z, y, weight) == pytest.approx(levelled_loss(z - 7.0, y, weight))
    # With nothing but a constant what is left is the entropy of the outcomes.
    p = np.average(y, weights=weight)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    assert levelled_loss(np.zeros(5), y, weight) == pytest.approx(entropy)


# -- blend -------------------------------------------------------------------------------------


def test_the_blend_is_the_mean_of_its_members():
    X, _ = rows()
    members = [fitted(Logistic), fitted(Boosted)]
    blend = Blend.of(members)
    mean = (members[0].logodds(X) + members[1].logodds(X)) / 2
    assert blend.logodds(X).tolist() == mean.tolist()
    parts = [member.contributions(X)[0] for member in members]
    assert blend.contributions(X)[0].tolist() == ((parts[0] + parts[1]) / 2).tolist()


def test_a_blend_of_one_is_that_one_and_comes_back():
    X, _ = rows()
    again = Blend.restore(Blend.of([fitted(Logistic)]).dump(), COLUMNS)
    assert [member.kind for member in again.members] == ["logistic"]
    assert again.logodds(X).tolist() == fitted(Logistic).logodds(X).tolist()
    assert again.needs == ()


def test_a_blend_that_is_fitted_fits_its_members_to_the_same_rows():
    X, _ = rows()
    members = [member.kind for member in fitted(Blend).members]
    assert members == [
        kind for kind in Blend.combines if kind != "catboost" or CatBoost.installed()
    ]
    z = [fitted(kind).logodds(X) for kind in (Logistic, Boosted, CatBoost)[: len(members)]]
    np.testing.assert_allclose(fitted(Blend).logodds(X), np.mean(z, axis=0), atol=1e-12)


# -- boosted, from earlier versions ------------------------------------------------------------


def test_the_mean_of_the_seeds_is_the_model_and_one_seed_alone_is_read_too():
    X, model = rows()[0], fitted(Boosted)
    assert len(model.boosters) == 3
    content = model.dump()
    singles = [
        Boosted.restore(content | {"text": booster.model_to_string()}, COLUMNS).logodds(X)
        for booster in model.boosters
    ]
    assert not np.array_equal(singles[0], singles[1])
    np.testing.assert_allclose(model.logodds(X), np.mean(singles, axis=0), atol=1e-12)
    content.pop("mean")
    assert Boosted.restore(content, COLUMNS).logodds(X).tolist() == model.logodds(X).tolist()


# -- CatBoost ----------------------------------------------------------------------------------

CROSSED = (
    *(EncodedColumn("level", "trade", "other", level=name) for name in "abc"),
    *(EncodedColumn("level", "country", "other", level=name) for name in "xyz"),
    EncodedColumn("level", "topics", "other", level="price"),
    EncodedColumn("level", "topics", "other", level="plan"),
    EncodedColumn("missing", "topics", "other"),
)


@needs_catboost
def test_catboost_finds_a_cross_of_categories_and_adds_up_field_by_field():
    rng = np.random.default_rng(4)
    trade, country = rng.integers(0, 3, (2, 2_000))
    topics = rng.random((2_000, 2)) < 0.5
    X = np.hstack([np.eye(3)[trade], np.eye(3)[country], topics, ~topics.any(1, keepdims=True)])
    y = (rng.random(2_000) < np.where((trade == country), 0.8, 0.2)).astype(float)
    model = CatBoost(CROSSED).fit(X, y)
    z, (values, base) = model.logodds(X), model.contributions(X)
    assert z[trade == country].min() > z[trade != country].max() + 0.5
    # No line tells them apart.
    assert (
        np.abs(Logistic(CROSSED).fit(X, y).logodds(X) - np.log(y.mean() / (1 - y.mean()))).max() < 1
    )
    np.testing.assert_allclose(values.sum(axis=1) + base, z, atol=1e-9)
    np.testing.assert_allclose(values.mean(axis=0).sum(), 0.0, atol=0.05)
    # A category's contribution stands at the level that is set; a field of several is 0/1 columns.
    assert np.all(values[:, :3][X[:, :3] == 0.0] == 0.0)
    assert np.abs(values[:, :3][X[:, :3] == 1.0]).max() > 0.3
    assert np.abs(values[:, 6:]).max() < 0.3


# -- the sceptic's set -------------------------------------------------------------------------


def test_the_constant_is_the_base_rate_as_leads_weigh():
    X, y = rows()
    weight = np.where(y == 1.0, 3.0, 1.0)
    model, p = Constant(COLUMNS).fit(X, y, weight), np.average(y, weights=weight)
    np.testing.assert_allclose(model.logodds(X), np.log(p / (1 - p)), atol=1e-12)


def test_default_lightgbm_is_what_lightgbm_does_by_itself():
    X, y = rows()
    model = fitted(LightgbmDefault)
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 7}
    own = lightgbm.train(params, lightgbm.Dataset(X[:, model.seen], y), 100)
    z = own.predict(X[:, model.seen], raw_score=True)
    np.testing.assert_allclose(model.logodds(X), z, atol=1e-6)


def test_the_default_regression_goes_on_where_training_ended():
    lead = np.repeat(rows()[0][:1], 2, axis=0)
    lead[:, 2] = [1_000.0, 2_000.0]
    z = fitted(LogisticDefault).logodds(lead)
    assert abs(z[1] - z[0]) > 50
    assert fitted(LogisticDefault).penalty_ == 1.0
