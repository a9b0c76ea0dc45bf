"""Checks that every estimator of the ladder must pass; a new one is checked by its line there.

Each check takes the class and, where it fits, what makes an unfitted one. The rows have every role
that the encoder gives: two numbers with a declared direction, one that is always known, a category
and a criterion.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from scoring_ml.features.encoder import EncodedColumn

COLUMNS = (
    EncodedColumn("value", "size", "budget", monotone=1),
    EncodedColumn("value", "days", "timeline", monotone=-1, days=True),
    EncodedColumn("value", "pages", "engagement"),
    EncodedColumn("level", "trade", "industry_fit", level="sea"),
    EncodedColumn("level", "trade", "industry_fit", level="air"),
    EncodedColumn("other", "trade", "industry_fit"),
    EncodedColumn("missing", "trade", "industry_fit"),
    EncodedColumn("level", "way", "source", level="fair"),
    EncodedColumn("other", "way", "source"),
    EncodedColumn("missing", "way", "source"),
    EncodedColumn("criterion_points", "size", "budget", level="budget"),
    EncodedColumn("criterion_level", "size", "budget", level="unknown"),
    EncodedColumn("criterion_level", "size", "budget", level="partial"),
    EncodedColumn("criterion_level", "size", "budget", level="full"),
)
TRADE, WAY, CRITERION = slice(3, 7), slice(7, 10), slice(11, 14)


@cache
def rows(n=500, seed=3):
    """Return encoded leads, oldest first, and what became of them."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, len(COLUMNS)))
    X[:, 0] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(10, 4, n).round(1))
    X[:, 1] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 90, n))
    X[:, 2] = rng.poisson(4, n)
    trade = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    X[:, TRADE] = np.eye(4)[trade]
    X[:, WAY] = np.eye(3)[np.random.default_rng(seed + 1).choice(3, n, p=[0.5, 0.3, 0.2])]
    size(X, X[:, 0])
    z = 0.25 * (np.nan_to_num(X[:, 0], nan=8) - 10) - 0.02 * np.nan_to_num(X[:, 1], nan=45)
    z += 0.8 * (trade == 0) + 0.15 * X[:, 2] + 0.4 * X[:, 7]
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)


def size(X, values):
    """Answer "size", by which the criterion stands too."""
    level = np.where(np.isnan(values), 0, 1 + (values >= 12))
    X[:, 0] = values
    X[:, 10] = 10.0 * level
    X[:, CRITERION] = np.eye(3)[level]


@cache
def fitted(estimator):
    return estimator.make(COLUMNS).fit(*rows())


def check_describes_itself(estimator):
    assert estimator.kind.isidentifier()
    assert len(estimator.colour) == 7
    assert int(estimator.colour.removeprefix("#"), 16) >= 0
    assert estimator.roles <= {column.role for column in COLUMNS}
    assert estimator.min_outcomes >= 0
    made = estimator.make(COLUMNS)
    assert made.seen.tolist() == estimator.sees(COLUMNS)
    assert {COLUMNS[i].role for i in made.seen} <= estimator.roles


def check_additive(estimator):
    X, _ = rows()
    values, base = fitted(estimator).contributions(X)
    assert values.shape == X.shape
    np.testing.assert_allclose(values.sum(axis=1) + base, fitted(estimator).logodds(X), atol=1e-9)


def check_sees_only_its_roles(estimator):
    X, model = rows()[0], fitted(estimator)
    unseen = np.setdiff1d(np.arange(len(COLUMNS)), model.seen)
    other = X.copy()
    other[:, unseen] = -7.0
    assert model.logodds(other).tolist() == model.logodds(X).tolist()
    assert np.all(model.contributions(X)[0][:, unseen] == 0)


def check_one_row_equals_many(estimator):
    X, model = rows()[0], fitted(estimator)
    whole, (values, base) = model.logodds(X), model.contributions(X)
    for i in range(0, len(X), 40):
        alone, its_base = model.contributions(X[i : i + 1])
        assert model.logodds(X[i : i + 1])[0] == whole[i]
        assert alone[0].tolist() == values[i].tolist()
        assert its_base == base


def check_company_and_layout_change_nothing(estimator):
    X, model = rows()[0], fitted(estimator)
    whole, order = model.logodds(X), np.random.default_rng(0).permutation(len(X))
    assert model.logodds(X[order]).tolist() == whole[order].tolist()
    assert model.contributions(X[order])[0].tolist() == model.contributions(X)[0][order].tolist()
    assert model.logodds(np.asfortranarray(X)).tolist() == whole.tolist()


def check_comes_back_to_the_bit(estimator):
    X, model = rows()[0], fitted(estimator)
    again = estimator.restore(json.loads(json.dumps(model.dump())), COLUMNS)
    assert again.kind == model.kind
    assert again.logodds(X).tolist() == model.logodds(X).tolist()
    assert again.contributions(X)[0].tolist() == model.contributions(X)[0].tolist()
    assert again.contributions(X)[1] == model.contributions(X)[1]
    assert without_texts(again.dump()) == without_texts(model.dump())


def without_texts(content):
    """Leave out what a library writes otherwise after reading it."""
    if isinstance(content, dict):
        return {k: without_texts(v) for k, v in content.items() if k != "text"}
    return [without_texts(item) for item in content] if isinstance(content, list) else content


def check_copies_that_share_a_weight(estimator, make):
    X, y = rows()
    once = make(COLUMNS).fit(X, y)
    for times in (2, 3):
        lead = np.repeat(np.arange(len(y)), times)
        copied = make(COLUMNS).fit(X[lead], y[lead], np.full(len(lead), 1 / times), lead)
        np.testing.assert_allclose(copied.logodds(X), once.logodds(X), atol=1e-6)


def check_rows_that_are_leads(estimator):
    X, y = rows()
    led = estimator.make(COLUMNS).fit(X, y, None, np.arange(len(y)) * 3)
    assert led.dump() == fitted(estimator).dump()


def check_weights_must_fit(estimator):
    X, y = rows()
    for weight in (np.zeros(len(y)), np.ones(len(y) - 1)):
        with pytest.raises(ValueError, match="weight must be one positive, finite number per row"):
            estimator.make(COLUMNS).fit(X, y, weight)


def check_fitting_again(estimator):
    X, y = rows()
    model = estimator.make(COLUMNS).fit(X[::-1], 1 - y)
    model.logodds(X)
    assert model.fit(X, y).dump() == fitted(estimator).dump()


def check_names_change_nothing(estimator):
    X, y = rows()
    odd = tuple(replace(c, field=f'{c.field} [€], a:{{}}"') for c in COLUMNS)
    assert estimator.make(odd).fit(X, y).logodds(X).tolist() == (
        fitted(estimator).logodds(X).tolist()
    )


def check_direction_is_kept(estimator):
    if not estimator.keeps_direction:
        return
    X, steps = rows()[0][:10], np.linspace(-5, 120, 121)
    for i, column in enumerate(COLUMNS):
        for lead in X if column.monotone else ():
            sweep = np.repeat(lead[None], len(steps), axis=0)
            sweep[:, i] = steps
            moves = column.monotone * np.diff(fitted(estimator).logodds(sweep))
            assert moves.min() >= 0
            assert moves.max() > 0


def check_missing_and_unseen_answers(estimator):
    nothing = np.zeros((4, len(COLUMNS)))
    nothing[:, :3] = [[np.nan] * 3, [1e12] * 3, [-1e12] * 3, [np.nan, 5, np.nan]]
    nothing[[0, 3], 6] = 1.0
    nothing[[1, 2], 5] = 1.0
    nothing[:, 8] = 1.0
    nothing[:, 11] = 1.0
    model = fitted(estimator)
    assert np.isfinite(model.logodds(nothing)).all()
    assert np.isfinite(model.contributions(nothing)[0]).all()
    none = nothing[:0]
    assert model.logodds(none).shape == (0,)
    assert model.contributions(none)[0].shape == none.shape


def check_an_answer_moves_the_score_by_its_points(estimator):
    before = rows()[0][:50].copy()
    after, model = before.copy(), fitted(estimator)
    size(after, np.full(50, 21.0))
    values, moved = model.contributions(before)[0], model.contributions(after)[0]
    gain = model.logodds(after) - model.logodds(before)
    np.testing.assert_allclose((moved - values).sum(axis=1), gain, atol=1e-9)
    fields = {COLUMNS[i].field for i in model.seen}
    assert bool(np.abs(gain).max() > 0) is ("size" in fields)
    if not estimator.shap_values:
        others = [i for i, column in enumerate(COLUMNS) if column.field != "size"]
        assert moved[:, others].tolist() == values[:, others].tolist()


def check_relabelled_outcomes_turn_the_sign(estimator):
    X, y = rows()
    turned = tuple(replace(c, monotone=-c.monotone) for c in COLUMNS)
    z = estimator.make(turned).fit(X, 1 - y).logodds(X)
    if not estimator.learns:
        assert z.tolist() == fitted(estimator).logodds(X).tolist()
    elif estimator.shap_values:
        # Trees break ties of equal gain by the sign.
        assert np.corrcoef(z, fitted(estimator).logodds(X))[0, 1] < -0.98
    else:
        np.testing.assert_allclose(z, -fitted(estimator).logodds(X), atol=1e-3)


def check_unfitted_use_is_refused(estimator):
    model = estimator.make(COLUMNS)
    if not estimator.learns:
        assert model.logodds(rows()[0]).shape == (len(rows()[0]),)
        return
    for use in (model.logodds, model.contributions):
        with pytest.raises(RuntimeError, match=r"must be fitted before use\. Found: unfitted"):
            use(rows()[0])


CHECKS = tuple(check for name, check in globals().items() if name.startswith("check_"))
