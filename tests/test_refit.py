"""Fitting what is served again: the same kind, newer labels, and no choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipelines import train as step
from scoring_ml.errors import ScoringError, TrainingRefused
from scoring_ml.estimators.ladder import estimator_class
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.trained import Trained
from scoring_ml.evaluation.windows import ROLLING, SINGLE, Plan
from scoring_ml.features.criteria import unmapped_matrix
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.settings import Home
from tests.small_world import World, draw_rows, make_snapshot, small_matrix, small_schema


def fit_again(world: World, kind: str, snapshot: Snapshot) -> Trained:
    return compare(
        snapshot, world.schema, world.matrix, policy=world.policy, kind=kind, replicates=5
    )


def test_on_the_same_leads_the_same_scorer_comes_out(world: World) -> None:
    kind = world.trained.chosen
    again = fit_again(world, kind, world.snapshot)
    assert again.chosen == kind
    assert {item.kind for item in again.candidates} == {
        "matrix",
        kind,
        *(set(estimator_class(kind).combines) & {item.kind for item in world.trained.candidates}),
    }
    frame, as_of = world.snapshot.frame, world.snapshot.as_of
    one, other = (item.scorer.scores(frame, as_of).logodds for item in (again, world.trained))
    np.testing.assert_array_equal(one, other)
    assert again.trained_until == world.trained.trained_until


@pytest.mark.parametrize("kind", ["scorecard", "matrix"])
def test_any_kind_that_is_served_stays_although_another_ranks_better(
    world: World, kind: str
) -> None:
    assert world.trained.chosen != "matrix"
    again = fit_again(world, kind, world.snapshot)
    assert again.chosen == again.scorer.kind == kind
    assert {item.kind for item in again.candidates} == {"matrix", kind}
    assert {name for block in again.blocks for name in block.aucs} == {"matrix", kind}


def test_it_learns_from_labels_that_came_since(world: World) -> None:
    snapshot = world.snapshot
    assert snapshot.as_of is not None
    then = snapshot.as_of[int(0.8 * len(snapshot))]
    before = replace(snapshot.take(snapshot.as_of <= then), extracted_at=then)
    old, new = (fit_again(world, "criteria_scorecard", each) for each in (before, snapshot))
    assert old.trained_until < new.trained_until
    counts = [item.scorer.parts.reference.wins for item in (old, new)]
    assert counts[0] < counts[1] == snapshot.label[new.windows.leads].sum()
    logodds = [item.scorer.scores(snapshot.frame, snapshot.as_of).logodds for item in (old, new)]
    assert not np.array_equal(*logodds)
    # The policy in force stays: a 70 stays a 70.
    assert old.policy == new.policy == world.policy


def draw(leads: int) -> pd.DataFrame:
    frame = draw_rows(leads + leads // 9 + 10, seed=1)
    return frame[frame["outcome"] != ""].iloc[:leads].reset_index(drop=True)


def refit(folder: Path, frame: pd.DataFrame, kind: str, plan: Plan = ROLLING) -> Trained:
    schema = small_schema(order={"by": "row"})
    snapshot = make_snapshot(folder, frame, schema)
    return compare(snapshot, schema, small_matrix(schema), kind=kind, plan=plan, replicates=5)


@pytest.mark.parametrize("kind", ["scorecard", "boosted", "blend"])
def test_too_few_outcomes_for_the_kind_are_refused_with_the_reason(
    tmp_path: Path, kind: str
) -> None:
    words = rf"must be allowed by the data: {kind}. Found: .*[0-9]+ wins .* choose anew with"
    with pytest.raises(TrainingRefused, match=words):
        refit(tmp_path, draw(60), kind)


def test_a_kind_that_cannot_be_calibrated_is_refused_and_no_matrix_takes_its_place(
    tmp_path: Path,
) -> None:
    frame = draw(800)
    rows = frame.index[480:640]
    frame.loc[rows, "outcome"] = frame.loc[rows, "outcome"].map({"won": "lost", "lost": "won"})
    words = "must be allowed by the data: criteria_scorecard. Found: calibration failed: the slope"
    with pytest.raises(TrainingRefused, match=words):
        refit(tmp_path, frame, "criteria_scorecard", SINGLE)


def test_what_is_fitted_again_is_what_is_served_else_what_was_trained_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    kinds = {"2": "scorecard", "3": "boosted"}
    monkeypatch.setattr(step, "Store", lambda home: home)
    monkeypatch.setattr(step, "Registry", lambda store: SimpleNamespace(kind=kinds.get))
    with pytest.raises(ScoringError, match=r"A model must have been trained"):
        step.served_kind(home)
    home.newest_training.write_text('{"run_id": "a", "version": "3"}', encoding="utf-8")
    assert step.served_kind(home) == "boosted"
    monkeypatch.setattr(step, "read_champion", lambda home: SimpleNamespace(version="2"))
    assert step.served_kind(home) == "scorecard"


def test_a_matrix_without_rules_is_not_offered_to_be_served(world: World) -> None:
    matrix = replace(world.trained, scorer=world.scorer("matrix"))
    assert step.next_step(matrix, "3") == "Serve it with: scoring-ml promote 3"
    unmapped = replace(matrix, matrix=unmapped_matrix())
    assert "Give its criteria rules in matrix.yaml" in step.next_step(unmapped, "3")
    learned = replace(unmapped, scorer=world.scorer("boosted"))
    assert step.next_step(learned, "3") == "Serve it with: scoring-ml promote 3"
