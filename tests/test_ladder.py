"""The ladder: which rungs the wins allow, and why the others are not allowed."""

from __future__ import annotations

import pytest

from scoring_ml.errors import IntegrityError
from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.ladder import (
    LADDER,
    Rung,
    allowed_rungs,
    candidate_kinds,
    estimator_class,
    make_estimator,
)
from scoring_ml.estimators.protocol import TrainingCounts


def allowed(**counts):
    return allowed_rungs(TrainingCounts(**counts))


ALL = ["matrix", "criteria_scorecard", "scorecard", "odoo", "boosted"]


@pytest.mark.parametrize("wins_are_fewer", [True, False])
@pytest.mark.parametrize(
    ("few", "kinds", "shallow"),
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
def test_the_smaller_class_decides(few, kinds, shallow, wins_are_fewer):
    wins, losses = (few, 100_000) if wins_are_fewer else (100_000, few)
    rungs = {r.kind: r for r in allowed(wins=wins, losses=losses, mapped_criteria=6, used_fields=5)}
    assert tuple(rungs) == candidate_kinds()
    assert [kind for kind, rung in rungs.items() if rung.allowed] == kinds
    if shallow is not None:
        assert rungs["boosted"].restricted is shallow
    which = "wins" if wins_are_fewer else "losses"
    for kind, rung in rungs.items():
        if not rung.allowed:
            least = 30 if kind == "criteria_scorecard" else 150
            assert rung.reason == f"needs {least} {which} in training, found {few}"


def test_a_restriction_gives_its_reason_too():
    boosted = allowed(wins=160, losses=900, mapped_criteria=6, used_fields=5)[-1]
    assert boosted.reason == "trees of depth 3 only: deeper ones need 500 wins, found 160"
    assert allowed(wins=500, losses=900, mapped_criteria=6, used_fields=5)[-1].reason == ""


def test_a_scorecard_on_the_criteria_needs_one_that_has_a_rule():
    rungs = {r.kind: r for r in allowed(wins=600, losses=600, mapped_criteria=0, used_fields=5)}
    assert not rungs["criteria_scorecard"].allowed
    assert rungs["criteria_scorecard"].reason == "no criterion of the matrix has a rule"
    assert rungs["scorecard"].allowed


def test_without_fields_only_the_criteria_can_be_learned_from():
    rungs = {r.kind: r for r in allowed(wins=600, losses=600, mapped_criteria=6, used_fields=0)}
    assert {kind for kind, rung in rungs.items() if rung.allowed} == {
        "matrix",
        "criteria_scorecard",
    }
    assert rungs["boosted"].reason == "the schema uses no column"


def test_a_restricted_rung_makes_shallow_trees():
    boosted = make_estimator(Rung("boosted", True, restricted=True), ())
    assert isinstance(boosted, Boosted)
    assert boosted.shallow_only
    assert not make_estimator(Rung("boosted", True), ()).shallow_only


def test_kinds_and_colours_are_told_apart():
    kinds = candidate_kinds()
    assert len(set(kinds)) == len(kinds)
    assert len({estimator.colour for estimator in LADDER}) == len(kinds)


def test_an_unknown_kind_is_refused():
    with pytest.raises(IntegrityError, match=r"must be of a kind .* knows.*'blend'; known are ma"):
        make_estimator(Rung("blend", True), ())
    with pytest.raises(IntegrityError, match="'blend'"):
        estimator_class("blend")
