"""What training rows looked like: observed rates counted by hand, likely answers, mean points."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.schema import Schema
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.reference import (
    BINS,
    MOST_ANSWERS,
    Observed,
    Reference,
    build_reference,
    field_slice,
    slots_of,
)

NAN = float("nan")


def built(name, kind, values, won, *, levels=(), rules=()):
    schema = Schema.read(
        {
            "dataset": "d",
            "target": {"column": "y", "won": ["1"]},
            "order": {"by": "row"},
            "columns": {name: {"type": kind}, "z": {"type": "number"}},
        }
    )
    matrix = Matrix.read({"criteria": {"budget": {"rules": list(rules)}}}, schema)
    encoder = Encoder(schema, matrix, {name: levels})
    dtype = float if kind in ("number", "boolean") else object
    frame = pd.DataFrame({name: np.array(values, dtype=dtype), "z": NAN})
    X = encoder.encode(frame, None)
    return encoder, X, build_reference(encoder, frame, X, np.array(won, dtype=float))


def observed(*args, **options):
    reference = built(*args, **options)[2].fields[args[0]]
    return [(item.value, item.leads, item.wins) for item in reference.observed], reference


def test_categories_are_counted_by_level_then_other_and_missing():
    values = ["Sea", "sea", "Land", None, "air", "Other", "other "]
    found, reference = observed(
        "trade", "category", values, [1, 0, 1, 1, 0, 1, 0], levels=("Sea", "Land", "Other")
    )
    assert found == [
        ("Sea", 2, 1),
        ("Land", 1, 1),
        ("Other", 2, 1),
        ("other", 1, 0),
        ("missing", 1, 1),
    ]
    assert reference.answers == ("Sea", "Land", "Other")
    assert reference.edges == ()


def test_yes_and_no_are_counted_and_both_can_be_answered():
    found, reference = observed("agreed", "boolean", [1, 1, 0, NAN], [1, 0, 0, 1])
    assert found == [("no", 1, 0), ("yes", 2, 1), ("missing", 1, 1)]
    assert reference.answers == (0.0, 1.0)


def test_contact_details_are_valid_or_not():
    values = ["a@example.com", "b@localhost", None, "c@example.com"]
    found, reference = observed("mail", "email", values, [1, 0, 0, 1])
    assert found == [("invalid", 1, 0), ("valid", 2, 2), ("missing", 1, 0)]
    assert reference.answers == (0.0, 1.0)


def test_few_distinct_numbers_stand_by_themselves():
    found, reference = observed("size", "number", [1, 2.5, 2.5, NAN, 7], [1, 0, 1, 1, 0])
    assert found == [("1", 1, 1), ("2.5", 2, 1), ("7", 1, 0), ("missing", 1, 1)]
    assert reference.answers == (1.0, 2.5, 7.0)


def test_many_numbers_are_binned_at_quantiles_with_brackets():
    found, reference = observed("size", "number", np.arange(100.0), np.arange(100) >= 60)
    assert found == [
        ("< 19", 19, 0),
        ("[19, 39)", 20, 0),
        ("[39, 60)", 21, 0),
        ("[60, 79)", 19, 19),
        (">= 79", 21, 21),
        ("missing", 0, 0),
    ]
    assert len(reference.answers) == BINS
    slots = np.searchsorted(reference.edges, reference.answers, side="right")
    assert slots.tolist() == [0, 1, 2, 3, 4]  # one likely answer in each bin


@pytest.mark.parametrize("values", [[0] * 90 + list(range(10)), [5] * 100, [NAN] * 100])
def test_heavy_ties_and_empty_columns_lose_no_lead(values):
    found, reference = observed("size", "number", values, np.arange(100) % 2)
    assert sum(leads for _, leads, _ in found) == 100
    assert sum(wins for _, _, wins in found) == 50
    assert len(reference.observed) == len(reference.edges) + 2
    if np.isnan(values[0]):
        assert found == [("any", 0, 0), ("missing", 100, 50)]
        assert reference.answers == ()


def test_an_encoded_lead_falls_into_the_bin_that_counted_it():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(300) < 0.2, NAN, rng.normal(0, 9, 300))
    encoder, X, reference = built("size", "number", values, rng.random(300) < 0.5)
    column, field = encoder.schema["size"], reference.fields["size"]
    block = X[:, field_slice(encoder, "size")]
    slots = slots_of(column, field, block)
    assert [slots_of(column, field, row[None, :])[0] for row in block] == slots.tolist()
    counts = np.bincount(slots, minlength=len(field.observed)).tolist()
    assert counts == [item.leads for item in field.observed]


def test_a_category_falls_into_the_slot_that_counted_it():
    values = ["Sea", None, "air", "Land", "Sea"]
    encoder, X, reference = built(
        "trade", "category", values, [1, 0, 0, 1, 1], levels=("Sea", "Land")
    )
    column, field = encoder.schema["trade"], reference.fields["trade"]
    block = X[:, field_slice(encoder, "trade")]
    names = [field.observed[slot].value for slot in slots_of(column, field, block)]
    assert names == ["Sea", "missing", "other", "Land", "Sea"]


def test_no_more_than_eight_answers_are_tried():
    names = tuple(f"w{i}" for i in range(20))
    found = observed("trade", "category", list(names), [1] * 20, levels=names)[1]
    assert found.answers == names[:MOST_ANSWERS]
    assert MOST_ANSWERS == 8


def test_the_matrix_has_its_mean_points():
    rules = [{"field": "size", "full": {"above": 5}, "partial": {"above": 1}}]
    reference = built("size", "number", [0, 2, 9, NAN], [1, 0, 0, 0], rules=rules)[2]
    assert reference.matrix_mean["budget"] == (0 + 10 + 20 + 0) / 4
    assert reference.matrix_mean["authority"] == 0.0
    assert (reference.leads, reference.wins) == (4, 1)


def test_comes_back_the_same_from_json(world):
    reference = world.trained.scorer.parts.reference
    assert Reference.restore(json.loads(json.dumps(reference.dump()))) == reference
    assert Observed("x", 1, 0) != Observed("x", 1, 1)


def test_every_field_counts_every_training_lead_and_win_once(world):
    reference = world.trained.scorer.parts.reference
    assert reference.leads == len(world.trained.windows.leads)
    for field in reference.fields.values():
        assert sum(item.leads for item in field.observed) == reference.leads
        assert sum(item.wins for item in field.observed) == reference.wins
