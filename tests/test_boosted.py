"""The boosted trees: additive, monotone where declared, the same whoever asks and however often."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from scoring_ml.estimators.boosted import Boosted, boosted_settings
from scoring_ml.estimators.ridge import levelled_loss
from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.features.encoder import EncodedColumn

SETTINGS = boosted_settings() | {
    "rounds": {"usual": 20, "most": 60, "patience": 10},
    "tuning": {},
}


def columns_of(*, monotone=(0, 0), names=("rise", "fall", "trade")):
    return (
        EncodedColumn("value", names[0], "budget", monotone=monotone[0]),
        EncodedColumn("value", names[1], "timeline", monotone=monotone[1]),
        EncodedColumn("level", names[2], "other", level="sea"),
        EncodedColumn("other", names[2], "other"),
        EncodedColumn("missing", names[2], "other"),
        EncodedColumn("criterion_points", names[0], "budget", level="budget"),
        EncodedColumn("criterion_level", names[0], "budget", level="full"),
    )


COLUMNS = columns_of()


def draw(n=900, seed=6):
    rng = np.random.default_rng(seed)
    X = np.zeros((n, len(COLUMNS)))
    X[:, 0] = np.where(rng.random(n) < 0.1, np.nan, rng.normal(0, 1, n))
    X[:, 1] = rng.normal(0, 1, n)
    X[np.arange(n), 2 + rng.integers(0, 3, n)] = 1.0
    X[:, 5:] = rng.random((n, 2))
    # Neither field is monotone in truth.
    first = np.nan_to_num(X[:, 0])
    z = 2.0 * np.sin(2 * first) + first - 1.5 * X[:, 1] + np.cos(4 * X[:, 1]) + X[:, 2] - 0.5
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def fitted(data):
    return Boosted(COLUMNS, settings=SETTINGS).fit(*data)


def test_the_base_is_the_average_lead(fitted, data):
    # TreeSHAP weighs by the rows behind each leaf, which are those of training.
    X, _ = data
    values, base = fitted.contributions(X)
    assert base == pytest.approx(fitted.logodds(X).mean(), abs=0.05)
    assert np.abs(values.mean(axis=0)).max() < 0.05


def sweep(estimator, column):
    rng = np.random.default_rng(1)
    steps = np.linspace(-3, 3, 121)
    found = []
    for _ in range(10):
        X = np.repeat(draw(1, seed=int(rng.integers(1e6)))[0], len(steps), axis=0)
        X[:, column] = steps
        found.append(np.diff(estimator.logodds(X)))
    return np.array(found)


def test_sweeps_rise_and_fall_where_declared_and_break_without(data):
    bound = Boosted(columns_of(monotone=(1, -1)), settings=SETTINGS).fit(*data)
    free = Boosted(COLUMNS, settings=SETTINGS).fit(*data)
    assert sweep(bound, 0).min() >= 0
    assert sweep(bound, 1).max() <= 0
    assert sweep(bound, 0).max() > 0
    assert sweep(bound, 1).min() < 0
    assert sweep(free, 0).min() < 0
    assert sweep(free, 1).max() > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_training_again_gives_the_same_bits_with_one_thread_and_with_two(
    fitted, data, threads, monkeypatch
):
    monkeypatch.setattr("scoring_ml.estimators.boosted.CELLS_FOR_THREADS", 0)
    X, y = data
    again = Boosted(COLUMNS, settings=SETTINGS, threads=threads).fit(X, y)
    assert again.logodds(X).tolist() == fitted.logodds(X).tolist()
    assert again.chosen_ == fitted.chosen_


def test_two_threads_predict_the_bits_of_one(fitted, data, monkeypatch):
    alone = fitted.logodds(data[0])
    monkeypatch.setattr("scoring_ml.estimators.boosted.THREADED_ROWS", 1)
    assert fitted.logodds(data[0]).tolist() == alone.tolist()


def test_with_few_wins_only_the_shallow_set_is_tried(data):
    shallow = Boosted(COLUMNS, settings=SETTINGS, shallow_only=True).fit(*data)
    assert shallow.chosen_["set"] == "shallow"
    assert shallow.chosen_["max_depth"] == 3
    depths = shallow.boosters[0].trees_to_dataframe()["node_depth"]
    assert depths.max() <= 3 + 1  # counted from 1, leaves among them


@pytest.mark.parametrize(("most_for_one", "threads"), [(4_500, 2), (4_501, 1)])
def test_small_data_is_trained_on_by_one_thread(data, monkeypatch, most_for_one, threads):
    monkeypatch.setattr("scoring_ml.estimators.boosted.CELLS_FOR_THREADS", most_for_one)
    booster = Boosted(COLUMNS, settings=SETTINGS).fit(*data).boosters[0]  # 900 rows, 5 columns
    assert booster.params["num_threads"] == threads


def test_the_set_with_least_log_loss_on_the_newest_quarter_is_chosen(data):
    X, y = data
    losses = {}
    for name in ("shallow", "deeper"):
        # The first set is the one that few wins would leave: any stands in its place alone.
        only = SETTINGS | {"sets": {"shallow": SETTINGS["sets"][name]}}
        chosen = Boosted(COLUMNS, settings=only).fit(X, y).chosen_
        losses[name] = chosen["loss_newest_quarter"]
    found = Boosted(COLUMNS, settings=SETTINGS).fit(X, y).chosen_
    assert found["set"] == min(losses, key=losses.get)
    assert found["loss_newest_quarter"] == min(losses.values())
    assert 1 <= found["trees"] <= SETTINGS["rounds"]["most"]


def test_one_class_in_the_newest_quarter_leaves_the_shallow_default(data):
    X, y = data
    y = np.where(np.arange(len(y)) < 675, y, 0.0)
    found = Boosted(COLUMNS, settings=SETTINGS).fit(X, y)
    assert found.chosen_["set"] == "shallow"
    assert np.isnan(found.chosen_["loss_newest_quarter"])
    assert np.isfinite(found.logodds(X)).all()


def test_the_projects_settings_hold_a_shallow_set_of_depth_3():
    assert boosted_settings()["sets"]["shallow"]["max_depth"] == 3


# -- several rows of one lead ------------------------------------------------------------------

# Rows and columns are drawn by chance in the project's settings, which copies would change; and
# LightGBM estimates the rows of a leaf from its hessian, rounded, so a least number is not exact.
STILL = SETTINGS | {
    "common": {
        k: v for k, v in SETTINGS["common"].items() if "fraction" not in k and k != "bagging_freq"
    },
    "sets": {
        name: own | {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 4.0}
        for name, own in SETTINGS["sets"].items()
    },
}


@pytest.mark.parametrize("times", [2, 3])
def test_copies_that_share_a_weight_of_one_change_nothing(data, times):
    X, y = data
    X = np.round(X, 1)
    once = Boosted(COLUMNS, settings=STILL).fit(X, y)
    lead = np.repeat(np.arange(len(y)), times)
    weight = np.full(len(lead), 1 / times)
    copied = Boosted(COLUMNS, settings=STILL).fit(X[lead], y[lead], weight, lead)
    assert copied.chosen_["set"] == once.chosen_["set"]
    assert copied.chosen_["trees"] == once.chosen_["trees"]
    assert copied.dump()["typical"] == once.dump()["typical"]
    assert copied.dump()["typical_level"] == once.dump()["typical_level"]
    np.testing.assert_allclose(copied.logodds(X), once.logodds(X), atol=1e-6)


def test_a_leaf_needs_as_many_leads_whatever_rows_they_have(data):
    X, y = data
    lead = np.repeat(np.arange(len(y)), 4)
    least = SETTINGS["sets"]["shallow"]["min_data_in_leaf"]
    booster = Boosted(COLUMNS, settings=SETTINGS, shallow_only=True)
    booster.fit(X[lead], y[lead], np.full(len(lead), 0.25), lead)
    assert booster.boosters[0].params["min_data_in_leaf"] == 4 * least
    assert booster.chosen_["min_data_in_leaf"] == least


def test_heavier_rows_pull_harder(data):
    X, y = data
    wins = Boosted(COLUMNS, settings=SETTINGS).fit(X, y, np.where(y == 1.0, 5.0, 1.0))
    plain = Boosted(COLUMNS, settings=SETTINGS).fit(X, y)
    assert wins.logodds(X).mean() > plain.logodds(X).mean() + 1


def test_the_loss_that_chooses_is_weighted_and_parts_no_lead(data):
    X, y = data
    # Two rows of each of 450 leads: the newest quarter is 112 leads, from row 676 on.
    lead = np.arange(len(y)) // 2
    weight = np.random.default_rng(3).choice([0.2, 2.0], len(y))
    found = Boosted(COLUMNS, settings=SETTINGS).fit(X, y, weight, lead)
    cut = 676
    older = Boosted(COLUMNS, settings=SETTINGS)
    seen = np.ascontiguousarray(X[:, older.seen])
    rows = TrainingRows(X, y, weight, lead, None)
    params = older._params(rows, SETTINGS["sets"][found.chosen_["set"]])
    model = lightgbm.train(
        params,
        lightgbm.Dataset(seen[:cut], y[:cut], weight=weight[:cut]),
        num_boost_round=found.chosen_["trees"],
    )
    theirs = levelled_loss(model.predict(seen[cut:], raw_score=True), y[cut:], weight[cut:])
    assert found.chosen_["loss_newest_quarter"] == pytest.approx(theirs, abs=1e-6)
