"""Odoo's naive Bayes: its published test vector, and shares counted by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from scoring_ml.estimators.odoo import OdooNaiveBayes, shares
from scoring_ml.features.encoder import EncodedColumn


def win_percent(prior, factors_won, factors_lost):
    """Return Odoo's probability in percent, rounded to 2 places and clipped to 0.01-99.99."""
    s_won = prior[0] / sum(prior) * np.prod(factors_won)
    s_lost = prior[1] / sum(prior) * np.prod(factors_lost)
    return min(max(round(100 * s_won / (s_won + s_lost), 2), 0.01), 99.99)


COLUMNS = (
    EncodedColumn("level", "country", "other", level="be"),
    EncodedColumn("level", "country", "other", level="fr"),
    EncodedColumn("other", "country", "other"),
    EncodedColumn("missing", "country", "other"),
    EncodedColumn("value", "called", "other"),
    EncodedColumn("value", "size", "other"),
    EncodedColumn("criterion_points", "country", "industry_fit", level="industry_fit"),
)
BE, FR, OTHER, MISSING = np.eye(4)


def leads(*rows):
    return np.array([[*country, called, size, 99.0] for country, called, size in rows])


NAN = float("nan")
X = leads(
    (BE, 1, NAN),
    (BE, 1, NAN),
    (FR, 1, NAN),
    (OTHER, 0, NAN),  # four wins
    (BE, 0, NAN),
    (FR, 0, NAN),
    (FR, 0, NAN),
    (FR, NAN, NAN),
    (MISSING, 1, NAN),
    (OTHER, 0, NAN),  # six losses
)
Y = np.repeat([1.0, 0.0], [4, 6])


def test_the_published_vector_gives_74_30():
    won = [2.1 / 2.1, 1.1 / 2.2, 2.1 / 2.2, 2.1 / 2.1, 2.1 / 2.2, 0.1 / 1.2]
    lost = [1.1 / 3.1, 1.1 / 1.2, 0.1 / 1.2, 3.1 / 3.1, 1.1 / 3.2, 2.1 / 2.2]
    assert win_percent((2.1, 3.1), won, lost) == 74.30


@pytest.mark.parametrize(
    ("won", "lost", "percent"),
    [
        ([1.0], [1.0], 50.0),
        ([1e-9], [1.0], 0.01),
        ([1.0], [1e-9], 99.99),
        ([0.9999], [0.0001], 99.99),
        ([1.0], [2.0], 33.33),
    ],
)
def test_percent_is_rounded_to_two_places_and_clipped(won, lost, percent):
    assert win_percent((1.0, 1.0), won, lost) == percent


def test_shares_are_smoothed_by_a_tenth_and_sum_to_one():
    found = shares(np.array([2.0, 0.0, 1.0]))
    assert found == pytest.approx([2.1 / 3.3, 0.1 / 3.3, 1.1 / 3.3])
    assert found.sum() == pytest.approx(1.0)


def hand(country=None, called=None):
    """S_won and S_lost of a lead, from the counts in the table above."""
    won, lost = [], []
    if country is not None:
        won.append({"be": 2.1 / 3.2, "fr": 1.1 / 3.2}[country])
        lost.append({"be": 1.1 / 4.2, "fr": 3.1 / 4.2}[country])
    if called is not None:
        won.append({1: 3.1 / 4.2, 0: 1.1 / 4.2}[called])
        lost.append({1: 1.1 / 5.2, 0: 4.1 / 5.2}[called])
    return won, lost


@pytest.mark.parametrize("country", ["be", "fr", None])
@pytest.mark.parametrize("called", [1, 0, None])
def test_a_fit_on_counts_reproduces_the_shares_counted_by_hand(country, called):
    bayes = OdooNaiveBayes(COLUMNS).fit(X, Y)
    row = {"be": BE, "fr": FR, None: MISSING}[country]
    z = bayes.logodds(leads((row, NAN if called is None else called, NAN)))[0]
    won, lost = hand(country, called)
    assert z == pytest.approx(log(4.1 / 6.1) + sum(map(log, won)) - sum(map(log, lost)))
    percent = min(max(round(100 / (1 + np.exp(-z)), 2), 0.01), 99.99)
    assert percent == win_percent((4.1, 6.1), won, lost)


def test_what_is_not_known_and_what_was_not_seen_give_no_factor():
    bayes = OdooNaiveBayes(COLUMNS).fit(X, Y)
    z = bayes.logodds(leads((MISSING, NAN, NAN), (OTHER, NAN, NAN), (MISSING, NAN, 5.0)))
    assert z.tolist() == [bayes.base_] * 3  # "size" was never filled in training
    assert bayes.base_ == pytest.approx(log(4.1 / 6.1))


def sized(values, y):
    X = leads(*[(MISSING, NAN, value) for value in values])
    return OdooNaiveBayes(COLUMNS).fit(X, np.asarray(y, dtype=float))


def test_numbers_are_cut_at_training_quantiles():
    values = np.arange(1, 101.0)
    y = values > 40  # wins: bins 3, 4 and 5 alone
    bayes = sized(values, y)
    assert len(bayes.edges_[5]) == 4
    counts = np.bincount(np.searchsorted(bayes.edges_[5], values, side="right"))
    assert counts.sum() == 100
    assert counts.min() >= 19
    assert counts.max() <= 21
    lowest, highest = bayes.logodds(leads((MISSING, NAN, -1e9), (MISSING, NAN, 1e9)))
    assert lowest < bayes.base_ < highest


@pytest.mark.parametrize(
    ("values", "bins"),
    [
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 2),
        ([0, 0, 0, 1, 1, 1, 1, 1, 1, 1], 2),
        ([3] * 10, 1),
        ([1, 1, 1, 1, 1, 1, 1, 5, 9, 9], 3),
        ([1, 2, 3, 4, 5, 5, 5, 5, 5, 5], 5),
        ([0, 0, 0, 0, 0, 1, 2, 3, 4, 5], 3),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5], 2),
    ],
)
def test_every_bin_holds_a_training_lead_since_an_empty_one_would_take_a_share(values, bins):
    bayes = sized(values, np.arange(len(values)) % 2)
    counts = np.bincount(np.searchsorted(bayes.edges_[5], values, side="right"))
    assert counts.min() > 0
    assert len(bayes.factors_[5]) == len(counts) == bins


def test_row_order_in_training_changes_nothing():
    order = np.random.default_rng(0).permutation(len(X))
    a, b = OdooNaiveBayes(COLUMNS).fit(X, Y), OdooNaiveBayes(COLUMNS).fit(X[order], Y[order])
    assert a.logodds(X).tolist() == b.logodds(X).tolist()


@pytest.mark.parametrize("times", [2, 3, 7])
def test_copies_that_share_a_weight_of_one_change_nothing(times):
    rng = np.random.default_rng(times)
    n = 83  # no multiple of 5: 0.6 is no float, and NumPy steps over an exact tie there
    many = leads(*[(np.eye(4)[rng.integers(4)], rng.integers(2), rng.normal()) for _ in range(n)])
    y = rng.integers(0, 2, n) * 1.0
    once = OdooNaiveBayes(COLUMNS).fit(many, y)
    lead = np.repeat(np.arange(n), times)
    copied = OdooNaiveBayes(COLUMNS).fit(many[lead], y[lead], np.full(len(lead), 1 / times), lead)
    assert copied.edges_[5].tolist() == once.edges_[5].tolist()
    np.testing.assert_allclose(copied.logodds(many), once.logodds(many), atol=1e-12)


def test_counts_are_sums_of_weights():
    # Wins: be twice, of weight 2 and 1; losses: fr three times, of weight 1 in all.
    rows = leads((BE, NAN, NAN), (BE, NAN, NAN), *[(FR, NAN, NAN)] * 3)
    y = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    bayes = OdooNaiveBayes(COLUMNS).fit(rows, y, np.array([2.0, 1.0, 0.5, 0.25, 0.25]))
    assert bayes.base_ == pytest.approx(log(3.1 / 1.1))
    assert bayes.factors_[0][0] == pytest.approx(log((3.1 / 3.2) / (0.1 / 1.2)))
    assert bayes.factors_[1][0] == pytest.approx(log((0.1 / 3.2) / (1.1 / 1.2)))


def test_weights_of_one_give_the_same_bits():
    plain = OdooNaiveBayes(COLUMNS).fit(X, Y)
    assert OdooNaiveBayes(COLUMNS).fit(X, Y, np.ones(len(Y))).dump() == plain.dump()
