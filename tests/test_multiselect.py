"""Cells of several values: one value whatever their order, one flag each, alike everywhere."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.draft import draft_schema
from scoring_ml.data.schema import Column
from scoring_ml.data.values.typed import read_columns, reader
from scoring_ml.evaluation.comparison import compare
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.lead import LeadReader
from tests.data_files import data_file
from tests.small_world import MATRIX, draw_rows, small_schema

ROWS = 60
INTERESTS = Column("interests", "multiselect")
SUBSETS = [list(s) for n in (1, 2, 3) for s in itertools.combinations(["chat", "fax", "sms"], n)]


def drafted(cells: list[Any]) -> Column:
    rows = [cells[row % len(cells)] for row in range(ROWS)]
    file = data_file({"x": rows, "y": [str(row % 2) for row in range(ROWS)]})
    return draft_schema(file, target="y")["x"]


@pytest.mark.parametrize("separator", [";", "|", ",", "،", "/", "+"])
def test_values_that_recur_in_other_company_are_a_multiselect(separator: str) -> None:
    found = drafted([separator.join(subset) for subset in SUBSETS])
    assert (found.type, found.use, found.separator) == ("multiselect", True, separator)


def test_lists_are_a_multiselect() -> None:
    assert drafted([str(subset).replace("'", '"') for subset in SUBSETS]).type == "multiselect"
    assert drafted(SUBSETS).type == "multiselect"
    assert drafted([str(subset) for subset in SUBSETS]).type == "multiselect"
    assert drafted([f"{{{','.join(subset)}}}" for subset in SUBSETS]).type == "multiselect"


@pytest.mark.parametrize(
    "cells",
    [
        ["Austin, TX", "Dallas, TX", "Reno, NV", "Paris, TX", "Elko, NV"],
        ["Banking; insurance", "Sea", "Land", "Air"],
        [f"Wants part {row}, then {row + 1}; perhaps" for row in range(ROWS)],
        [f"jane{row % 3}@example.org;jo{row % 5}@example.org" for row in range(15)],
        ["1,5", "2", "3,25"],
    ],
)
def test_what_is_no_multiselect(cells: list[str]) -> None:
    assert drafted(cells).type != "multiselect"


@pytest.mark.parametrize(
    "raw",
    ["chat; sms", "sms;chat", ";SMS;chat;", "chat;sms;chat", ["sms", "chat"], '["chat", "sms"]',
     "['sms', 'chat']", '{sms,"chat"}',
     "chat\u200b;\u00a0sms", ["chat", None, "sms", ""]],
)  # fmt: skip
def test_values_are_one_whatever_their_order(raw: Any) -> None:
    expected = "chat; SMS" if "SMS" in raw else "chat; sms"
    assert reader(INTERESTS, ())(raw) == expected
    lead_reader = LeadReader(small_schema().with_columns([INTERESTS]))
    lead = lead_reader.read({"interests": raw}, as_of=datetime(2026, 1, 1))
    assert lead.typed["interests"] == expected
    values, wrong = read_columns(
        [data_file({"interests": [raw]}).table["interests"]], INTERESTS, ()
    )
    assert (values[0], wrong[0]) == (expected, False)


def test_nothing_and_nested_values_are_told() -> None:
    read = reader(INTERESTS, ("n/a",))
    assert [read(raw) for raw in ("", ";", "n/a", None, [])] == [None] * 5
    with pytest.raises(ValueError, match="must be text"):
        read([["a"]])


def test_each_frequent_value_has_a_flag() -> None:
    schema = small_schema().with_columns([INTERESTS])
    cells = ["chat; sms"] * 10 + ["chat"] * 10 + ["chat; fax"] + [None] * 5
    frame = pd.DataFrame({"interests": np.array(cells, dtype=object)})
    encoder = Encoder.fit(frame, schema, Matrix.read({"criteria": {}}, schema))
    assert encoder.levels["interests"] == ("chat", "sms")
    X = encoder.encode(frame, None)[:, :4]  # chat, sms, other, missing
    assert X[[0, 10, 20, 21]].tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    for row, value in enumerate(cells):
        assert encoder.encode_one({"interests": value}, None)[0][:4].tolist() == X[row].tolist()
    assert encoder.is_unseen(INTERESTS, "chat; fax")
    assert not encoder.is_unseen(INTERESTS, "chat; sms")


def test_a_lead_counts_once_for_each_value_that_it_has_at_several_ages() -> None:
    schema = small_schema().with_columns([INTERESTS])
    frame = pd.DataFrame({"interests": np.array(["a; b"] * 4 + ["b"] * 5, dtype=object)})
    lead = np.array([0, 0, 0, 0, 1, 2, 3, 4, 5])
    encoder = Encoder.fit(frame, schema, Matrix.read({"criteria": {}}, schema), lead)
    assert encoder.levels["interests"] == ("b",)


def test_a_rule_of_the_matrix_asks_for_one_of_the_values() -> None:
    schema = small_schema().with_columns([INTERESTS])
    rule = {"field": "interests", "full": {"one_of": ["SMS"]}, "partial": {"not_one_of": ["fax"]}}
    matrix = Matrix.read({"criteria": {"industry_fit": {"rules": [rule]}}}, schema)
    levels = {
        value: matrix.levels({"interests": value})["industry_fit"]
        for value in ("chat; sms", "chat", "chat; fax", None)
    }
    assert list(levels.values()) == ["full", "partial", "none", "unknown"]


def test_values_have_names_for_people() -> None:
    column = replace(INTERESTS, values={"chat": {"ru": "чат"}})
    assert column.value_in("chat; sms", "ru") == "чат; sms"


def test_a_model_learns_from_each_value_and_scores_alike_online_and_in_a_batch() -> None:
    rows = draw_rows(1200)
    rng = np.random.default_rng(5)
    has = rng.random((len(rows), 3)) < 0.4
    names = np.array(["chat", "fax", "sms"])
    rows["interests"] = [";".join(rng.permutation(names[flags])) for flags in has]
    won = rng.random(len(rows)) < np.where(has[:, 2], 0.8, 0.2)
    rows["outcome"] = np.where(rows["outcome"] == "", "", np.where(won, "won", "lost"))
    schema = small_schema()
    schema = schema.with_columns([*schema.columns, replace(INTERESTS, askable=True)])
    snapshot = build_snapshot(data_file(rows.to_dict("list")), schema)
    matrix = Matrix.read(MATRIX, schema)
    scorer = compare(snapshot, schema, matrix, card={"dataset": "d"}, replicates=5).scorer
    as_of = datetime(2026, 2, 1)
    cells = ["chat;fax", "fax;chat", "fax;sms;chat", "sms", ""]
    file = data_file({"interests": cells})
    part = build_snapshot(file, schema, for_training=False, as_of=as_of)
    batch = scorer.score_frame(part.frame, part.as_of, explain=True)
    points = []
    for row, cell in enumerate(cells):
        one = scorer.explain({"interests": cell.split(";") if cell else None}, as_of=as_of)
        found = {item["field"]: item for item in one["contributions"]}["interests"]
        assert found["points"] == batch["points/interests"][row]
        assert one["score"] == batch["score"][row]
        points.append(found["points"])
    assert points[0] == points[1] < points[2] <= points[3]
