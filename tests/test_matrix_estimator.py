"""The matrix as an estimator: its plain total, whatever it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from tests.small_world import MATRIX, small_matrix, small_schema

NAN = float("nan")
FIELDS = ("industry", "budget", "urgency", "role", "timeline days", "pages", "demo")
LEADS = [
    (("Software", 20_000.0, "now", "director", 30.0, 10.0, 1.0), 110),
    ((None, NAN, None, None, NAN, NAN, NAN), 0),
    (("Retail", 5_000.0, "this year", "head", 90.0, 4.0, 0.0), 55),
    (("Other", 4_999.0, "some day", "clerk", 91.0, 3.0, 0.0), 0),
    (("Finance", 19_999.0, "now", None, 31.0, 9.0, NAN), 70),
    (("Finance", 5_000.0, "now", None, NAN, 4.0, 0.0), 65),
    (("Software", NAN, "this year", "head", NAN, 5.0, NAN), 50),
    (("Retail", 50_000.0, None, "head", 60.0, NAN, 0.0), 45),
]


@pytest.fixture(scope="module")
def encoder():
    return Encoder(small_schema(), small_matrix(), dict.fromkeys(small_schema().names, ()))


@pytest.fixture(scope="module")
def encoded(encoder):
    rows = [encoder.encode_one(dict(zip(FIELDS, v, strict=True)), None)[0] for v, _ in LEADS]
    return np.array(rows)


def test_totals_of_eight_hand_computed_leads(encoder, encoded):
    estimator = MatrixEstimator(encoder.columns)
    assert estimator.total(encoded).tolist() == [total for _, total in LEADS]
    assert estimator.logodds(encoded).tolist() == [total / 20 for _, total in LEADS]


def test_contributions_are_the_points_of_the_criteria_and_sum_to_the_log_odds(encoder, encoded):
    estimator = MatrixEstimator(encoder.columns)
    values, base = estimator.contributions(encoded)
    assert base == 0.0
    np.testing.assert_allclose(values.sum(axis=1), estimator.logodds(encoded), rtol=1e-15)
    shown = {c.criterion: values[2, i] * 20 for i, c in enumerate(encoder.columns) if values[2, i]}
    assert shown == {
        "industry_fit": 10,
        "budget": 10,
        "need_urgency": 15,
        "authority": 10,
        "timeline": 5,
        "engagement": 5,
    }


def test_points_of_none_are_added_too():
    points = {"points": {"none": 2, "partial": 3, "full": 7}}
    content = {"criteria": {"budget": MATRIX["criteria"]["budget"] | points}}
    schema = small_schema()
    encoder = Encoder(schema, Matrix.read(content, schema), dict.fromkeys(schema.names, ()))
    estimator = MatrixEstimator(encoder.columns)
    totals = [
        estimator.total(encoder.encode_one({"budget": budget}, None)[0][None, :])[0]
        for budget in (NAN, 1.0, 5_000.0, 20_000.0)
    ]
    assert totals == [2, 2, 3, 7]
