"""The ladder: which rungs the wins allow, and why the others are not allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring_ml.estimators.ladder import (
    KINDS,
    Rung,
    allowed_rungs,
    make_estimator,
    restore_estimator,
)

ALL = ["matrix", "criteria_scorecard", "scorecard", "odoo", "boosted"]


@pytest.mark.parametrize("wins_are_fewer", [True, False])
@pytest.mark.parametrize(
    ("few", "allowed", "shallow"),
    [
        (0, ALL[:1], None),
        (29, ALL[:1], None),
        (30, ALL[:2], None),
        (149, ALL[:2], None),
        (150, ALL, True),
        (499, ALL, True),
        (500, ALL, False),
        (90_000, ALL, False),
    ],
)
def test_the_smaller_class_decides(few, allowed, shallow, wins_are_fewer):
    wins, losses = (few, 100_000) if wins_are_fewer else (100_000, few)
    rungs = {
        r.kind: r for r in allowed_rungs(wins=wins, losses=losses, mapped_criteria=6, used_fields=5)
    }
    assert tuple(rungs) == KINDS
    assert [kind for kind, rung in rungs.items() if rung.allowed] == allowed
    if shallow is not None:
        assert rungs["boosted"].shallow_only is shallow
    which = "wins" if wins_are_fewer else "losses"
    for kind, rung in rungs.items():
        if not rung.allowed:
            least = 30 if kind == "criteria_scorecard" else 150
            assert rung.reason == f"needs {least} {which} in training, found {few}"


def test_a_restriction_gives_its_reason_too():
    boosted = allowed_rungs(wins=160, losses=900, mapped_criteria=6, used_fields=5)[-1]
    assert boosted.reason == "trees of depth 3 only: deeper ones need 500 wins, found 160"
    assert allowed_rungs(wins=500, losses=900, mapped_criteria=6, used_fields=5)[-1].reason == ""


def test_a_scorecard_on_the_criteria_needs_one_that_has_a_rule():
    rungs = {
        r.kind: r for r in allowed_rungs(wins=600, losses=600, mapped_criteria=0, used_fields=5)
    }
    assert not rungs["criteria_scorecard"].allowed
    assert rungs["criteria_scorecard"].reason == "no criterion of the matrix has a rule"
    assert rungs["scorecard"].allowed


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_and_comes_back_from_json_with_the_same_bits(world, kind):
    trained = world.trained
    assert make_estimator(Rung(kind, True), trained.encoder.columns).kind == kind
    estimator = trained[kind].estimator
    assert estimator.kind == kind
    content = json.loads(json.dumps(estimator.dump()))
    again = restore_estimator(kind, content, trained.encoder.columns)
    assert again.kind == kind
    assert again.logodds(trained.X).tolist() == estimator.logodds(trained.X).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_additive_and_gives_a_lead_its_bits_whatever_its_company(world, kind):
    X, estimator = world.trained.X, world.trained[kind].estimator
    z = estimator.logodds(X)
    values, base = estimator.contributions(X)
    np.testing.assert_allclose(values.sum(axis=1) + base, z, atol=1e-9)
    alone = [estimator.logodds(X[i : i + 1])[0] for i in range(0, len(X), 31)]
    assert alone == z[::31].tolist()
    order = np.random.default_rng(0).permutation(len(X))
    assert estimator.logodds(X[order]).tolist() == z[order].tolist()


def test_the_kind_decides_whether_trees_are_shallow(world):
    rung = Rung("boosted", True, shallow_only=True)
    assert make_estimator(rung, world.trained.encoder.columns).shallow_only


def test_without_fields_only_the_criteria_can_be_learned_from():
    rungs = {
        r.kind: r for r in allowed_rungs(wins=600, losses=600, mapped_criteria=6, used_fields=0)
    }
    assert {kind for kind, rung in rungs.items() if rung.allowed} == {
        "matrix",
        "criteria_scorecard",
    }
    assert rungs["boosted"].reason == "the schema uses no column"
