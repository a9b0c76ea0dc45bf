"""The choice of a candidate: what a simpler one may lack, and what a block tells afterwards."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scoring_ml.estimators.calibration import Calibration
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.choice import (
    FEW_BLOCK_WINS,
    SIMPLER_WITHIN,
    BlockReport,
    best_kind,
    choose_candidate,
    weeks_of,
)
from scoring_ml.evaluation.rolling_origin import block_auc, known_blocks
from scoring_ml.statistics.interval import Interval

LINE = Calibration(1.0, 0.0, 0.8, 1.2, 90, 90, "platt")
NAN = float("nan")
NO_PROMISE = Interval(NAN, NAN, NAN)


def candidate(kind, aucs, logodds=None, *, eligible=True):
    z = np.zeros(1) if logodds is None else logodds
    return Candidate(SimpleNamespace(kind=kind), LINE, tuple(aucs), eligible, "", z)


def leads(wins, blocks=2, losses=50):
    """Return blocks of so many wins in all, and labels."""
    parts = [wins // blocks] * (blocks - 1)
    parts.append(wins - sum(parts))
    label = np.concatenate([np.repeat([1.0, 0.0], [part, losses]) for part in parts])
    ends = np.cumsum([part + losses for part in parts])
    return np.split(np.arange(len(label)), ends[:-1]), label


# -- who is as good as the best -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "chosen"),
    [
        (SIMPLER_WITHIN - 1e-6, "simple"),
        (SIMPLER_WITHIN + 1e-6, "rich"),
        (0.0, "simple"),
        (-0.01, "simple"),
    ],
)
def test_a_simpler_one_may_lack_so_much_of_the_mean_auc(behind, chosen):
    blocks, label = leads(FEW_BLOCK_WINS)
    aucs = (0.81, 0.73)
    # The mean counts, not each block.
    simple = (aucs[0] + 0.05 - behind, aucs[1] - 0.05 - behind)
    found = best_kind([candidate("simple", simple), candidate("rich", aucs)], blocks, label)
    assert found == chosen


def test_the_simplest_of_those_that_are_near_enough_is_chosen():
    blocks, label = leads(FEW_BLOCK_WINS)
    aucs = {"a": 0.7965, "b": 0.7985, "c": 0.7995, "d": 0.8, "e": 0.7999}
    items = [candidate(kind, (auc, auc)) for kind, auc in aucs.items()]
    assert best_kind(items, blocks, label) == "b"
    # Near means near the best one: not a chain of small steps.
    assert best_kind(items[:1] + items[3:], blocks, label) == "d"


def test_only_who_is_eligible_is_chosen_and_measures_the_others():
    blocks, label = leads(FEW_BLOCK_WINS)
    a, b = candidate("a", (0.7, 0.7)), candidate("b", (0.75, 0.75))
    peer = candidate("peer", (0.9, 0.9), eligible=False)
    assert best_kind([a, b, peer], blocks, label) == "b"
    assert best_kind([a, peer], blocks, label) == "a"
    assert best_kind([peer], blocks, label) == ""
    assert best_kind([], blocks, label) == ""


def test_a_block_that_was_not_ranked_is_left_out_of_the_mean():
    blocks, label = leads(FEW_BLOCK_WINS, blocks=3)
    a, b = candidate("a", (NAN, 0.7, 0.8)), candidate("b", (0.5, 0.8, 0.8))
    assert a.auc_calibrate == pytest.approx(0.75)
    assert best_kind([a, b], blocks, label) == "a"
    unranked = candidate("unranked", (NAN, NAN, NAN))
    assert np.isnan(unranked.auc_calibrate)
    assert best_kind([unranked, a], blocks, label) == "a"
    worse = candidate("worse", (0.4, 0.4, 0.4))
    assert best_kind([unranked, worse], blocks, label) == "unranked", "as good as chance"


def delong_error(one, other, label):
    """Return the standard error of a difference of AUCs, by pairs (DeLong 1988)."""

    def parts(z):
        wins, losses = z[label == 1], z[label == 0]
        pairs = (wins[:, None] > losses) + 0.5 * (wins[:, None] == losses)
        return pairs.mean(axis=1), pairs.mean(axis=0)

    (a1, a0), (b1, b0) = parts(one), parts(other)
    wins, losses = np.var(a1 - b1, ddof=1) / len(a1), np.var(a0 - b0, ddof=1) / len(a0)
    return np.sqrt(wins + losses)


@pytest.mark.parametrize(("behind", "chosen"), [(0.98, "simple"), (1.02, "rich")])
def test_with_few_wins_a_simpler_one_may_lack_one_standard_error(behind, chosen):
    blocks, label = leads(FEW_BLOCK_WINS - 1, blocks=3)
    rng = np.random.default_rng(1)
    z, other = (rng.normal(label, 1.0) for _ in range(2))
    errors = [delong_error(z[rows], other[rows], label[rows]) for rows in blocks]
    error = np.sqrt(np.sum(np.square(errors))) / 3
    assert error > 5 * SIMPLER_WITHIN
    items = [
        candidate("simple", [0.8 - behind * error] * 3, other),
        candidate("rich", [0.8] * 3, z),
    ]
    assert best_kind(items, blocks, label) == chosen
    # One more win: only the fixed distance holds.
    blocks, label = leads(FEW_BLOCK_WINS, blocks=3)
    assert best_kind([replace(i, logodds=np.zeros(len(label))) for i in items], blocks, label) == (
        "rich"
    )


def test_with_few_wins_and_the_same_ranking_the_fixed_distance_holds():
    blocks, label = leads(40)
    z = np.random.default_rng(1).normal(label, 1.0)
    near, far = 0.8 - SIMPLER_WITHIN + 1e-6, 0.8 - SIMPLER_WITHIN - 1e-6
    rich = candidate("rich", (0.8, 0.8), z)
    assert best_kind([candidate("simple", (near, near), z), rich], blocks, label) == "simple"
    assert best_kind([candidate("simple", (far, far), z), rich], blocks, label) == "rich"


def test_the_error_is_of_the_blocks_that_both_predicted():
    blocks, label = leads(60, blocks=3)
    rng = np.random.default_rng(2)
    z, other = (rng.normal(label, 1.0) for _ in range(2))
    other[blocks[0]] = NAN
    errors = [delong_error(z[rows], other[rows], label[rows]) for rows in blocks[1:]]
    error = np.sqrt(np.sum(np.square(errors))) / 2
    for behind, chosen in ((0.98, "simple"), (1.02, "rich")):
        lacking = candidate("simple", (NAN, *[0.8 - behind * error] * 2), other)
        rich = candidate("rich", (0.8, 0.8, 0.8), z)
        assert best_kind([lacking, rich], blocks, label) == chosen


# -- what a block tells ---------------------------------------------------------------------------


def block(**changes):
    content = {
        "number": 2,
        "newest": False,
        "first": 0.0,
        "last": 9.0,
        "leads": 100,
        "wins": 20,
        "chosen": "b",
        "aucs": {"a": 0.75, "b": 0.625, "c": NAN},
        "promised": Interval(22.5, 15.0, 30.0),
    }
    return BlockReport(**content | changes)


def test_regret_is_what_the_best_had_more_which_is_known_only_afterwards():
    assert (block().best, block().regret) == (0.75, 0.125)
    assert block(chosen="a").regret == 0.0
    assert np.isnan(block(chosen="").regret), "nothing was chosen"
    assert np.isnan(block(chosen="c").regret), "the chosen one was not fitted"
    assert np.isnan(block(aucs={"a": NAN, "b": NAN}).best), "a block of one class"


@pytest.mark.parametrize(
    ("wins", "kept"), [(14, False), (15, True), (22, True), (30, True), (31, False)]
)
def test_a_promise_is_kept_up_to_its_ends(wins, kept):
    assert block(wins=wins).kept is kept


def test_without_a_promise_none_is_kept_or_broken():
    assert block(promised=NO_PROMISE).kept is None


# -- the choice in a training ---------------------------------------------------------------------


def test_blocks_tell_what_was_chosen_before_them_and_what_they_held(world):
    trained = world.trained
    windows, label = trained.windows, world.snapshot.label
    expected = [*windows.blocks, windows.test]
    assert [item.number for item in trained.blocks] == [1, 2, 3, 4, 5]
    assert [item.newest for item in trained.blocks] == [False] * 4 + [True]
    for item, rows in zip(trained.blocks, expected, strict=True):
        assert (item.leads, item.wins) == (len(rows), int(label[rows].sum()))
        assert (item.first, item.last) == (
            world.snapshot.as_of[rows].min(),
            world.snapshot.as_of[rows].max(),
        )
        for kind, auc in item.aucs.items():
            assert not trained[kind].estimator.never_chosen
            assert auc == block_auc(trained[kind].logodds, label, rows)
    first, *others, newest = trained.blocks
    assert (first.chosen, first.kept) == ("", None)
    assert all(item.chosen and item.promised.value > 0 for item in others)
    assert newest.chosen == trained.chosen
    promise = trained[trained.chosen].probability(windows.test)
    assert newest.promised.value == pytest.approx(promise.sum())


def test_the_chosen_one_is_the_best_of_the_blocks_before_the_newest_window(world):
    trained = world.trained
    blocks = known_blocks(trained.windows, len(trained.windows.origins) - 1)
    for item in trained.candidates:
        for auc, rows in zip(item.block_aucs, blocks, strict=True):
            assert auc == block_auc(item.logodds, world.snapshot.label, rows)
    assert trained.chosen == best_kind(trained.candidates, blocks, world.snapshot.label)


@pytest.mark.parametrize("wanted", ["scorecard", "boosted"])
def test_a_kind_that_is_fitted_again_is_not_chosen_anew(world, wanted):
    trained = world.trained
    chosen, policy, _ = choose_candidate(
        trained.candidates,
        trained.windows,
        world.snapshot,
        trained.matrix,
        world.policy,
        kind=wanted,
    )
    assert (chosen, policy) == (wanted, world.policy)


@pytest.mark.parametrize("wanted", [None, "boosted"])
def test_where_none_is_eligible_the_matrix_is_chosen(world, wanted):
    trained = world.trained
    none = [replace(item, eligible=False, reason="for a test") for item in trained.candidates]
    chosen, policy, candidates = choose_candidate(
        none, trained.windows, world.snapshot, trained.matrix, world.policy, kind=wanted
    )
    assert (chosen, policy) == ("matrix", world.policy)
    assert candidates == none


def test_weeks_of_moments():
    days = np.array(["2026-01-01", "2026-01-29", "2026-01-08"], dtype="datetime64[us]")
    assert weeks_of(days) == 4.0
    assert weeks_of(days[:1]) == 0.0
    assert weeks_of(days[:0]) is None
    assert weeks_of(None) is None
