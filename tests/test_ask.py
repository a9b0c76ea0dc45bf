"""What to ask next: what is promised comes true when that answer is really given."""

from __future__ import annotations

import numpy as np
import pytest

from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.ask import Answers
from scoring_ml.scoring.reference import build_reference
from tests.small_world import MATRIX, SCORED, draw_rows, make_snapshot, small_schema

SAID = {True: "+44 20 7946 0000", False: "0000"}
"""A phone number that works and one that does not."""


def possible(scorer, name):
    """Answers to a field, as a request would give them."""
    field = next(field for field in scorer.fields if field.name == name)
    answers = scorer.parts.reference.fields[name].answers
    return [SAID[bool(a)] for a in answers] if field.column.type == "phone" else list(answers)


def unrounded(scorer, lead, as_of):
    typed = scorer._reader.read(lead, as_of=as_of).typed
    x, _ = scorer.encoder.encode_one(typed, as_of)
    return float(np.clip(scorer.rows.scores(x[None, :]).unrounded[0], 0, scorer.score_max))


def leads_with_gaps(world, count):
    rows = world.trained.windows.test
    found = []
    for row in rows:
        lead = world.lead(row)
        if any(lead[f] in ("", "n/a") for f in ("budget", "role", "phone", "timeline days")):
            found.append((lead, world.as_of(row)))
    return found[:count]


@pytest.mark.parametrize("kind", SCORED)
def test_the_promised_gain_is_what_the_best_answer_brings(world, kind):
    scorer = world.scorer(kind)
    promised = 0
    for lead, as_of in leads_with_gaps(world, 15):
        before = scorer.explain(lead, as_of=as_of)
        now = unrounded(scorer, lead, as_of)
        asked = {item["field"]: item["could_add"] for item in before["ask_next"]}
        for name, gain in asked.items():
            after = {a: unrounded(scorer, lead | {name: a}, as_of) for a in possible(scorer, name)}
            best = max(after, key=after.get)
            assert gain == round(after[best] - now, 1)
            assert gain > 0
            # And what everybody sees moves by as much, up to rounding to whole points.
            shown = scorer.score(lead | {name: best}, as_of=as_of)["score"]
            assert abs(shown - before["score"] - gain) <= 1.05
            promised += 1
    assert promised > 10


@pytest.mark.parametrize("kind", SCORED)
def test_only_missing_askable_fields_are_asked_for_best_first(world, kind):
    scorer = world.scorer(kind)
    askable = {field.name for field in scorer.fields if field.column.askable}
    for lead, as_of in leads_with_gaps(world, 40):
        asked = scorer.score(lead, as_of=as_of)["ask_next"]
        assert {item["field"] for item in asked} <= {f for f in askable if lead[f] in ("", "n/a")}
        gains = [item["could_add"] for item in asked]
        assert gains == sorted(gains, reverse=True)
        assert len(asked) <= 5


def test_a_complete_lead_is_asked_nothing(world):
    scorer = world.scorer("boosted")
    answer = scorer.score(scorer.example)
    assert answer["ask_next"] == []
    assert answer["completeness"] == 1.0


def test_an_empty_lead_of_the_matrix_is_promised_the_points_of_each_criterion(world):
    answer = world.scorer("matrix").score({})
    # Phone is askable too, but the matrix has no rule for it: it could add nothing.
    assert answer["ask_next"] == [
        {"field": "urgency", "could_add": 30.0},
        {"field": "industry", "could_add": 20.0},
        {"field": "budget", "could_add": 20.0},
        {"field": "role", "could_add": 20.0},
        {"field": "timeline days", "could_add": 10.0},
    ]
    assert answer["completeness"] == 0.0


def answers_of(tmp_path, combine):
    """A matrix in which two fields answer one criterion, and one field two criteria."""
    criteria = MATRIX["criteria"] | {
        "engagement": {
            "combine": combine,
            "rules": [
                {"field": "timeline days", "full": {"at_most": 50}, "partial": {"at_most": 150}},
                {"field": "pages", "full": {"above": 5}, "partial": {"above": 2}},
            ],
        }
    }
    schema = small_schema()
    snapshot = make_snapshot(tmp_path, draw_rows(300, seed=2), schema)
    encoder = Encoder.fit(snapshot.frame, schema, Matrix.read({"criteria": criteria}, schema))
    X = encoder.encode(snapshot.frame, snapshot.as_of)
    reference = build_reference(encoder, snapshot.frame, X, np.zeros(len(X)))
    return encoder, reference, Answers(encoder, reference)


@pytest.mark.parametrize("combine", ["best", "worst"])
@pytest.mark.parametrize("name", ["timeline days", "budget", "industry", "phone"])
@pytest.mark.parametrize("pages", [float("nan"), 1.0, 4.0, 9.0])
def test_tried_rows_are_those_that_encoding_the_answer_gives(tmp_path, combine, name, pages):
    encoder, reference, answers = answers_of(tmp_path, combine)
    lead = {"pages": pages, "role": "head"}
    x = encoder.encode_one(lead, None)[0]
    tried = answers.tried(x[None, :], name)
    given = reference.fields[name].answers
    assert answers.count(name) == len(given) == len(tried) > 1
    for row, answer in zip(tried, given, strict=True):
        value = SAID[bool(answer)] if name == "phone" else answer
        wanted = encoder.encode_one(lead | {name: value}, None)[0]
        assert np.array_equal(row, wanted, equal_nan=True)


def test_missing_is_told_per_field_and_lead(tmp_path):
    encoder, _, answers = answers_of(tmp_path, "best")
    X = np.array(
        [
            encoder.encode_one(lead, None)[0]
            for lead in ({}, {"industry": "Mars"}, {"budget": 0.0, "phone": "0"})
        ]
    )
    missing = {name: flags.tolist() for name, flags in answers.missing(X).items()}
    assert missing == {
        "industry": [True, False, True],
        "budget": [True, True, False],
        "urgency": [True, True, True],
        "role": [True, True, True],
        "timeline days": [True, True, True],
        "phone": [True, True, False],
    }
