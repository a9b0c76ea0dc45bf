"""Rows that are encoded when they are asked for: the bits of all rows at once."""

import numpy as np
import pytest

from scoring_ml.evaluation import encoded_rows
from scoring_ml.evaluation.encoded_rows import EncodedRows
from tests.small_world import SCORED, World


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_parts_have_the_bits_of_the_whole(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    part = world.snapshot.take(np.arange(60))
    whole = world.trained.encoder.encode(part.frame, part.as_of)
    monkeypatch.setattr(encoded_rows, "ROWS_AT_ONCE", at_once)
    rows = EncodedRows(world.trained.encoder, part.frame, part.as_of)
    some = np.array([41, 3, 3, 59])
    np.testing.assert_array_equal(rows[some], whole[some])
    np.testing.assert_array_equal(rows[whole[:, 0] > 0], whole[whole[:, 0] > 0])
    np.testing.assert_array_equal(rows[:], whole)
    assert rows[some[:0]].shape == (0, whole.shape[1])
    estimators = [world.scorer(kind).parts.estimator for kind in SCORED]
    for found, estimator in zip(
        rows.each([item.logodds for item in estimators], np.arange(60)), estimators, strict=True
    ):
        np.testing.assert_array_equal(found, estimator.logodds(whole))
