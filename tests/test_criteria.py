"""The hand-built matrix: points, conditions, boundaries, what is unknown, and every refusal."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
import yaml

from scoring_ml.data.schema import CRITERIA, Schema
from scoring_ml.errors import SchemaError
from scoring_ml.features.criteria import DEFAULT_POINTS, Matrix, unmapped_matrix
from scoring_ml.scoring.scale import tiers
from tests.small_world import MATRIX, small_matrix, small_schema

NAN = float("nan")
SCHEMA = Schema.read(
    {
        "dataset": "d",
        "target": {"column": "y", "won": ["1"]},
        "order": {"by": "row"},
        "columns": {
            "size": {"type": "number"},
            "agreed": {"type": "boolean"},
            "trade": {"type": "category"},
            "born": {"type": "date"},
            "mail": {"type": "email"},
            "phone": {"type": "phone", "region": "GB"},
            "name": {"type": "text"},
            "undecided": {"type": "number", "use": False},
        },
    }
)


def one_rule(field, **levels):
    return Matrix.read({"criteria": {"budget": {"rules": [{"field": field, **levels}]}}}, SCHEMA)


def level(matrix, **values):
    return matrix.levels(values)["budget"]


def points(matrix, values):
    levels = matrix.levels(values)
    return [criterion.points_of(levels[criterion.name]) for criterion in matrix.criteria]


def test_points_are_those_of_the_domain_and_add_up_to_110():
    assert DEFAULT_POINTS == {
        "industry_fit": (0, 10, 20),
        "budget": (0, 10, 20),
        "need_urgency": (0, 15, 30),
        "authority": (0, 10, 20),
        "timeline": (0, 5, 10),
        "engagement": (0, 5, 10),
    }
    for matrix in (small_matrix(), unmapped_matrix()):
        assert {c.name: c.points for c in matrix.criteria} == DEFAULT_POINTS
        assert tuple(c.name for c in matrix.criteria) == CRITERIA
        assert matrix.max_total == 110


def test_the_file_of_the_project_maps_nothing_so_that_everything_is_unknown():
    matrix = unmapped_matrix()
    assert matrix.mapped == ()
    assert set(matrix.levels({"budget": 1e9}).values()) == {"unknown"}


HAND_COMPUTED = [
    # industry, budget, urgency, role, days, pages, demo -> points, total, tier
    (("Software", 20_000.0, "now", "director", 30.0, 10.0, 1.0), [20, 20, 30, 20, 10, 10], 110),
    ((None, NAN, None, None, NAN, NAN, NAN), [0, 0, 0, 0, 0, 0], 0),
    (("Retail", 5_000.0, "this year", "head", 90.0, 4.0, 0.0), [10, 10, 15, 10, 5, 5], 55),
    (("Other", 4_999.0, "some day", "clerk", 91.0, 3.0, 0.0), [0, 0, 0, 0, 0, 0], 0),
    (("finance ", 19_999.0, "NOW", None, 31.0, 9.0, NAN), [20, 10, 30, 0, 5, 5], 70),
    (("Finance", 5_000.0, "now", None, NAN, 4.0, 0.0), [20, 10, 30, 0, 0, 5], 65),
    (("Software", NAN, "this year", "head", NAN, 5.0, NAN), [20, 0, 15, 10, 0, 5], 50),
    (("Retail", 50_000.0, None, "head", 60.0, NAN, 0.0), [10, 20, 0, 10, 5, 0], 45),
]
TIERS = ["hot", "cold", "warm", "cold", "hot", "warm", "warm", "cold"]
FIELDS = ("industry", "budget", "urgency", "role", "timeline days", "pages", "demo")


@pytest.mark.parametrize(("values", "wanted", "total"), HAND_COMPUTED)
def test_eight_hand_computed_leads(values, wanted, total):
    lead = dict(zip(FIELDS, values, strict=True))
    assert points(small_matrix(), lead) == wanted
    assert sum(wanted) == total
    index = HAND_COMPUTED.index((values, wanted, total))
    assert tiers(np.array(total)).item() == TIERS[index]


def test_totals_of_49_50_69_and_70_stand_on_their_own_side_of_the_tiers():
    def total_of(points):
        rules = [{"field": "agreed", "full": {"is": True}}]
        matrix = Matrix.read(
            {
                "criteria": {
                    "budget": {"points": {"none": 0, "partial": 0, "full": points}, "rules": rules}
                }
            },
            SCHEMA,
        )
        return matrix.criteria[1].points_of(level(matrix, agreed=1.0))

    found = {points: tiers(np.array(total_of(points))).item() for points in (49, 50, 69, 70)}
    assert found == {49: "cold", 50: "warm", 69: "warm", 70: "hot"}


@pytest.mark.parametrize(
    ("field", "condition", "holds", "fails"),
    [
        ("size", {"at_least": 5}, [5.0, 6.0], [4.999, -1.0]),
        ("size", {"at_most": 5}, [5.0, -1.0], [5.001]),
        ("size", {"above": 5}, [5.001], [5.0, 4.0]),
        ("size", {"below": 5}, [4.999], [5.0, 6.0]),
        ("size", {"at_least": 2, "below": 5}, [2.0, 4.9], [1.9, 5.0]),
        ("size", {"filled": True}, [0.0, -3.0], []),
        ("trade", {"one_of": ["Sea", "Land"]}, ["Sea", "sea", " land  "], ["air", "sea land"]),
        ("trade", {"not_one_of": ["Sea"]}, ["air"], ["sea", "SEA "]),
        ("trade", {"one_of": [True]}, ["yes", "Yes"], ["no"]),
        ("trade", {"one_of": [7]}, ["7"], ["7.5"]),
        ("agreed", {"is": True}, [1.0], [0.0]),
        ("agreed", {"is": False}, [0.0], [1.0]),
        ("mail", {"valid": True}, ["a@example.com"], ["a@localhost", "nobody"]),
        ("mail", {"valid": False}, ["nobody"], ["a@example.com"]),
        ("phone", {"valid": True}, ["020 7946 0000", "+442079460000"], ["000"]),
        ("born", {"filled": True}, [datetime(2020, 1, 1)], []),
    ],
)
def test_every_condition_word_on_both_sides_of_its_boundary(field, condition, holds, fails):
    matrix = one_rule(field, full=condition)
    assert [level(matrix, **{field: value}) for value in holds] == ["full"] * len(holds)
    assert [level(matrix, **{field: value}) for value in fails] == ["none"] * len(fails)


def test_full_is_looked_at_before_partial():
    matrix = one_rule("size", full={"at_least": 5}, partial={"at_least": 2})
    assert [level(matrix, size=size) for size in (9.0, 5.0, 4.9, 2.0, 1.9)] == [
        "full",
        "full",
        "partial",
        "partial",
        "none",
    ]


def test_unknown_counts_as_none_and_is_reported():
    given = {"points": {"none": 3, "partial": 4, "full": 5}}
    rules = {"rules": [{"field": "size", "full": {"above": 0}}]}
    matrix = Matrix.read({"criteria": {"budget": given | rules}}, SCHEMA)
    assert level(matrix) == level(matrix, size=NAN) == level(matrix, size=None) == "unknown"
    assert matrix.criteria[1].points_of("unknown") == matrix.criteria[1].points_of("none") == 3


@pytest.mark.parametrize(
    ("size", "agreed", "best", "worst"),
    [
        (9.0, 1.0, "full", "full"),
        (9.0, 0.0, "full", "none"),
        (3.0, 1.0, "full", "partial"),
        (3.0, 0.0, "partial", "none"),
        (NAN, 0.0, "none", "none"),
        (3.0, NAN, "partial", "partial"),
        (NAN, NAN, "unknown", "unknown"),
    ],
)
def test_best_and_worst_look_only_at_what_is_known(size, agreed, best, worst):
    rules = [
        {"field": "size", "full": {"at_least": 5}, "partial": {"at_least": 2}},
        {"field": "agreed", "full": {"is": True}},
    ]
    for combine, wanted in (("best", best), ("worst", worst)):
        criterion = {"combine": combine, "rules": rules}
        matrix = Matrix.read({"criteria": {"budget": criterion}}, SCHEMA)
        assert level(matrix, size=size, agreed=agreed) == wanted


def test_what_is_written_reads_back_the_same(tmp_path):
    matrix = small_matrix()
    assert Matrix.read(matrix.dump(), small_schema()) == matrix
    path = tmp_path / "matrix.yaml"
    path.write_text(yaml.safe_dump(matrix.dump(), allow_unicode=True), encoding="utf-8")
    assert Matrix.load(path, small_schema()) == matrix
    assert Matrix.read(unmapped_matrix().dump(), SCHEMA) == unmapped_matrix()


def test_a_criterion_left_out_has_its_own_points_and_no_rule():
    matrix = Matrix.read({"criteria": {"budget": None}}, SCHEMA)
    assert matrix.max_total == 110
    assert matrix.mapped == ()
    assert small_matrix().mapped == CRITERIA


def budget(**spec):
    return {"criteria": {"budget": spec}}


def rule(**spec):
    return budget(rules=[spec])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, r"the matrix must have criteria\. Found: none in matrix.yaml"),
        ({"criteria": ["budget"]}, "criteria must map names"),
        ({"criteria": {"budjet": {}}}, r"Found: budjet in matrix.yaml\. Write budget\."),
        ({"criteria": {"zzz": {}}}, r"Found: zzz in matrix.yaml\. Remove it\."),
        ({"criteria": {"budget": 5}}, r"criteria.budget must hold names and values\. Found: int"),
        ({"criteria": {"budget": ["x"]}}, "Found: list in matrix.yaml"),
        (
            budget(rule=[]),
            r"budget may hold only points, combine, rules\. Found: rule in .*Write rules",
        ),
        (budget(points={"none": 0, "full": 1}), "budget.points must have partial"),
        (budget(points=[0, 1, 2]), "budget.points must hold names and values"),
        (budget(points={"none": 0, "partial": 5, "full": 4}), "points must rise"),
        (
            budget(points={"none": -1, "partial": 0, "full": 4}),
            r"points\.none must be a number, 0 or",
        ),
        (budget(points={"none": 0, "partial": 0.5, "full": 4}), "partial must be a whole number"),
        (budget(points={"none": 0, "partial": 0, "full": True}), "full must be a whole number"),
        (budget(combine="middle"), r"combine must be one of best, worst\. Found: middle"),
        (budget(rules={"field": "size"}), r"budget.rules must be a list\. Found: dict"),
        (budget(rules=5), r"budget.rules must be a list\. Found: 5"),
        (budget(rules=["size"]), r"rules\[0\] must hold names and values\. Found: str"),
        (
            rule(field="size", maybe={}),
            r"rules\[0\] may hold only field, full, partial\. Found: maybe",
        ),
        (rule(field="syze", full={"above": 1}), r"column of the schema\. Found: syze .*Write size"),
        (rule(field="qqqqq", full={"above": 1}), "Name a column of the schema"),
        (rule(full={"above": 1}), r"rules\[0\] must name its field\. Found: none"),
        (rule(field="name", full={"filled": True}), "name with use: false"),
        (rule(field="undecided", full={"above": 1}), r"that the schema uses\. Found: undecided"),
        (rule(field="size"), r"must say when it is full or partial\. Found: neither"),
        (rule(field="size", full={}), "must say when it is full or partial"),
        (rule(field="size", full=[1]), r"rules\[0\].full must hold names and values\. Found: list"),
        (rule(field="size", full={"atleast": 1}), r"Found: atleast .*Write at_least\."),
        (rule(field="size", full={"qqq": 1}), r"Found: qqq .*Remove it"),
        (
            rule(field="trade", full={"above": 1}),
            r"field of type number\. Found: trade is category",
        ),
        (rule(field="size", full={"valid": True}), "type email or phone. Found: size is number"),
        (rule(field="trade", full={"one_of": "Sea"}), "one_of must be a list"),
        (rule(field="trade", partial={"not_one_of": []}), "partial.not_one_of must be a list"),
        (rule(field="size", full={"above": "5"}), "above must be a number. Found: 5"),
        (rule(field="size", full={"above": True}), "above must be a number. Found: True"),
        (rule(field="size", full={"above": NAN}), "above must be a number. Found: nan"),
        (rule(field="agreed", full={"is": "yes"}), "is must be true or false. Found: yes"),
        (rule(field="size", full={"filled": 1}), "filled must be true or false. Found: 1"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place_and_the_nearest_word(content, message):
    with pytest.raises(SchemaError, match=message):
        Matrix.read(content, SCHEMA)


def test_a_missing_file_and_a_broken_one_are_refused(tmp_path):
    with pytest.raises(SchemaError, match="The matrix file must exist"):
        Matrix.load(tmp_path / "matrix.yaml", SCHEMA)
    (tmp_path / "matrix.yaml").write_text("criteria:\n  budget: [", encoding="utf-8")
    with pytest.raises(SchemaError, match="The matrix file must be YAML in UTF-8"):
        Matrix.load(tmp_path / "matrix.yaml", SCHEMA)


def test_a_rule_without_a_schema_is_refused():
    with pytest.raises(SchemaError, match="must be a column of the schema"):
        Matrix.read(MATRIX, None)
