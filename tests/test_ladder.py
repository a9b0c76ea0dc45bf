"""The ladder: which rungs the wins allow, and why the others are not allowed."""

from __future__ import annotations

import pytest

from scoring_ml.errors import IntegrityError
from scoring_ml.estimators.boosted import Boosted
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.ladder import (
    LADDER,
    Rung,
    allowed_rungs,
    candidate_kinds,
    estimator_class,
    make_estimator,
)
from scoring_ml.estimators.protocol import TrainingCounts
from scoring_ml.estimators.sceptics import RecencyOnly, SourceOnly
from scoring_ml.features.encoder import EncodedColumn


def allowed(**counts):
    return allowed_rungs(TrainingCounts(**counts))


LEAST = {
    "matrix": 0,
    "criteria_scorecard": 30,
    "scorecard": 30,
    "logistic": 30,
    "boosted": 30,
    "catboost": 30,
    "blend": 30,
    "constant": 1,
    "source_only": 30,
    "recency_only": 30,
    "odoo": 150,
    "logistic_default": 150,
    "lightgbm_default": 150,
}
COLUMNS = (
    EncodedColumn("value", "days_since_visit", "engagement", days=True),
    EncodedColumn("level", "way", "source", level="fair"),
)


@pytest.mark.parametrize("wins_are_fewer", [True, False])
@pytest.mark.parametrize(
    ("few", "shallow"),
    [
        *((few, None) for few in (0, 1, 29)),
        *((few, True) for few in (30, 149, 150, 499)),
        *((few, False) for few in (500, 90_000)),
    ],
)
def test_the_smaller_class_decides(few, shallow, wins_are_fewer, monkeypatch):
    monkeypatch.setattr(CatBoost, "installed", classmethod(lambda cls: True))
    wins, losses = (few, 100_000) if wins_are_fewer else (100_000, few)
    found = allowed(wins=wins, losses=losses, mapped_criteria=6, used_fields=5, columns=COLUMNS)
    rungs = {rung.kind: rung for rung in found}
    assert tuple(rungs) == candidate_kinds() == tuple(LEAST)
    if shallow is not None:
        assert rungs["boosted"].restricted is rungs["blend"].restricted is shallow
    which = "wins" if wins_are_fewer else "losses"
    for kind, rung in rungs.items():
        assert rung.allowed is (few >= LEAST[kind])
        if not rung.allowed:
            assert rung.reason == f"needs {LEAST[kind]} {which} in training, found {few}"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("source_only", "no column that is used tells the source"),
        ("recency_only", "no column that is used counts days"),
    ],
)
def test_a_sceptic_says_which_column_is_lacking(kind, reason):
    rungs = {r.kind: r for r in allowed(wins=600, losses=600, mapped_criteria=6, used_fields=5)}
    assert (rungs[kind].allowed, rungs[kind].reason) == (False, reason)


def test_recency_is_that_of_activities_else_of_any_date():
    assert RecencyOnly.sees(COLUMNS) == [0]
    created = EncodedColumn("value", "created", "other", days=True)
    assert RecencyOnly.sees((*COLUMNS, created)) == [0]
    assert RecencyOnly.sees((COLUMNS[1], created)) == [1]
    assert SourceOnly.sees(COLUMNS) == [1]


def test_without_its_package_catboost_is_refused_and_the_blend_does_without(monkeypatch):
    monkeypatch.setattr(CatBoost, "installed", classmethod(lambda cls: False))
    found = allowed(wins=600, losses=600, mapped_criteria=6, used_fields=5, columns=COLUMNS)
    rungs = {rung.kind: rung for rung in found}
    assert rungs["catboost"].reason.startswith("the package catboost is not installed")
    assert rungs["blend"].allowed
    blend = make_estimator(rungs["blend"], COLUMNS)
    assert [member.kind for member in blend.members] == ["logistic", "boosted"]
    with pytest.raises(IntegrityError, match=r"This model needs catboost.*not installed"):
        CatBoost.restore({}, COLUMNS)


def test_a_restriction_gives_its_reason_too():
    place = candidate_kinds().index("boosted")
    boosted = allowed(wins=160, losses=900, mapped_criteria=6, used_fields=5)[place]
    assert boosted.reason == "trees of depth 3 only: deeper ones need 500 wins, found 160"
    assert allowed(wins=500, losses=900, mapped_criteria=6, used_fields=5)[place].reason == ""


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
        "constant",
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
    with pytest.raises(IntegrityError, match=r"must be of a kind .* knows.*'forest'; known are ma"):
        make_estimator(Rung("forest", True), ())
    with pytest.raises(IntegrityError, match="'forest'"):
        estimator_class("forest")
