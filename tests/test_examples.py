"""The worked examples: they parse, fit the real files, and fit a made-up file of their shape."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from pipelines.check import check_data
from pipelines.init import init_schema
from pipelines.inputs import Files
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.schema import Schema
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.snapshot import build_snapshot

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "models" / "examples"
DATA = ROOT / ".." / "shared" / "data"
FILES = {"x-education": "x-education-leads.csv", "bank": "bank-additional-full.csv"}
LEFT_OUT = {
    "x-education": {
        "Tags",
        "Lead Quality",
        "Lead Profile",
        "Asymmetrique Activity Index",
        "Asymmetrique Profile Index",
        "Asymmetrique Activity Score",
        "Asymmetrique Profile Score",
        "Last Activity",
        "Last Notable Activity",
    },
    "bank": {"duration"},
}

both = pytest.mark.parametrize("name", list(FILES))


def example(name):
    schema = Schema.load(EXAMPLES / name / "schema.yaml")
    return schema, Matrix.load(EXAMPLES / name / "matrix.yaml", schema)


def real(name):
    path = DATA / FILES[name]
    if not path.exists():
        pytest.skip(f"needs {FILES[name]}, which is not part of the project")
    return path


def totals(name, path):
    """Outcome and total of the matrix of each lead, oldest first."""
    schema, matrix = example(name)
    snapshot = build_snapshot(read_table(path), schema)
    fields = list(dict.fromkeys(r.column.name for c in matrix.criteria for r in c.rules))
    points = []
    for row in zip(
        *(snapshot.frame[field].to_numpy(dtype=object) for field in fields), strict=True
    ):
        levels = matrix.levels(dict(zip(fields, row, strict=True)))
        points.append(sum(c.points_of(levels[c.name]) for c in matrix.criteria))
    return snapshot.label, np.array(points)


def make_x_education(path, *, n=600, seed=1):
    """Made-up leads in the shape of the file: its header, an unnamed last column, ``Select``."""
    rng = np.random.default_rng(seed)
    schema, _ = example("x-education")
    y = (rng.random(n) < 0.4).astype(int)
    columns = {"Prospect ID": [f"{index:08x}-{seed}" for index in range(n)]}
    columns["Lead Number"] = [660000 - 3 * index for index in range(n)]
    for column in schema.columns:
        if column.name == "Unnamed: 37":
            values = [""] * n
        elif column.type == "boolean":
            values = np.where(rng.random(n) < 0.2, "Yes", "No")
            values = values if column.use else ["No"] * n
        elif column.type == "number":
            values = [f"{value:.1f}" for value in rng.gamma(2.0, 3.0, n)]
        else:
            values = rng.choice(["Select", "", "one", "two"], n)
        columns[column.name] = values
        if column.name == "Do Not Call":
            columns["Converted"] = y
    columns["Lead Origin"] = rng.choice(["API", "Lead Add Form", "Lead Import"], n)
    occupation = "What is your current occupation"
    columns[occupation] = rng.choice(["Working Professional", "Student", "Unemployed"], n)
    columns["Specialization"] = rng.choice(["Select", "Finance Management", "E-COMMERCE"], n)
    columns["Total Time Spent on Website"] = rng.integers(0, 2000, n)
    columns["Tags"] = np.where(y == 1, "will come", rng.choice(["busy", "no answer"], n))
    header = ["" if name == "Unnamed: 37" else name for name in columns]
    write(path, header, columns.values(), ",")


def make_bank(path, *, n=800, seed=1):
    """Made-up calls in the shape of the file: semicolons, no id, 999 and unknown for missing."""
    rng = np.random.default_rng(seed)
    schema, _ = example("bank")
    y = rng.random(n) < np.linspace(0.05, 0.45, n)
    columns = {}
    for column in schema.columns:
        if column.type == "boolean":
            columns[column.name] = rng.choice(["yes", "no", "unknown"], n)
        elif column.type == "number":
            columns[column.name] = np.round(rng.normal(40.0, 9.0, n), 1)
        else:
            columns[column.name] = rng.choice(["one", "two", "unknown"], n)
    columns["job"] = rng.choice(["admin.", "blue-collar", "student"], n)
    columns["poutcome"] = rng.choice(["nonexistent", "failure", "success"], n)
    columns["pdays"] = np.where(rng.random(n) < 0.9, 999, rng.integers(1, 27, n))
    columns["euribor3m"] = np.round(np.linspace(5.0, 0.7, n), 2)
    columns["duration"] = np.round(np.exp(5.0 + 2.2 * y + 0.5 * rng.normal(size=n)))
    columns["y"] = np.where(y, "yes", "no")
    write(path, list(columns), columns.values(), ";")


def write(path, header, columns, separator):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


MAKERS = {"x-education": make_x_education, "bank": make_bank}


@both
class TestAlways:
    def test_they_parse_and_leave_out_what_comes_later(self, name):
        schema, matrix = example(name)
        assert {column.name for column in schema.columns if column.known == "after_outcome"} <= (
            LEFT_OUT[name]
        )
        assert not LEFT_OUT[name] & {column.name for column in schema.used}
        assert len(matrix.mapped) >= 4
        assert sum(criterion.points[2] for criterion in matrix.criteria) == matrix.max_total == 110

    def test_every_column_says_why_and_used_ones_have_a_name_for_people(self, name):
        schema, _ = example(name)
        assert all(column.reason for column in schema.columns)
        assert all(column.label for column in schema.used)
        assert schema.order.reason

    def test_a_made_up_file_of_the_same_shape_passes_check(self, name, tmp_path):
        path = tmp_path / FILES[name]
        MAKERS[name](path)
        result = check_data(path, Files(schema=EXAMPLES / name / "schema.yaml"))
        assert result.exit_code == 0
        assert result.overview.snapshot.unused == ()
        assert set(result.groups["left_out"]) & LEFT_OUT[name]

    def test_init_leaves_the_planted_leak_of_such_a_file_out(self, name, tmp_path):
        path = tmp_path / FILES[name]
        MAKERS[name](path)
        schema, _ = example(name)
        result = init_schema(path, target=schema.target.column, out=tmp_path / "schema.yaml")
        leak = {"x-education": "Tags", "bank": "duration"}[name]
        assert leak in result.overview.flagged()
        assert (result.overview.schema.id, result.overview.schema.order.by) == (
            schema.id,
            schema.order.by,
        )
        assert set(result.overview.schema.names) == set(schema.names)

    def test_the_matrix_reaches_several_totals(self, name, tmp_path):
        path = tmp_path / FILES[name]
        MAKERS[name](path)
        _, points = totals(name, path)
        assert len(np.unique(points)) > 5
        assert points.min() >= 0
        assert points.max() <= {"x-education": 100, "bank": 80}[name]


@both
class TestRealFiles:
    def test_they_fit(self, name):
        path = real(name)
        schema, _ = example(name)
        result = check_data(path, Files(schema=EXAMPLES / name / "schema.yaml"))
        assert (
            result.exit_code,
            result.overview.snapshot.unused,
            result.overview.snapshot.warnings,
        ) == (0, (), ())
        header = set(read_table(path).facts.columns)
        named = {*schema.names, schema.target.column, schema.id, schema.order.column} - {None}
        assert named == header

    def test_every_word_of_the_matrix_is_in_the_file(self, name):
        schema, matrix = example(name)
        frame = build_snapshot(read_table(real(name)), schema).frame
        for criterion in matrix.criteria:
            for rule in criterion.rules:
                for condition in filter(None, (rule.full, rule.partial)):
                    words = condition.get("one_of", [])
                    assert set(words) <= set(frame[rule.column.name].dropna())


def test_x_education_matrix_has_enough_hot_and_warm_leads_in_each_window():
    _, points = totals("x-education", real("x-education"))
    for window in (points[5544:7392], points[7392:]):
        hot, warm = window >= 70, (window >= 50) & (window < 70)
        assert len(window) == 1848
        assert hot.sum() >= 30
        assert warm.sum() >= 30
        assert 0.01 <= hot.mean() <= 0.30
        assert (hot | warm).mean() <= 0.60


def test_no_row_of_x_education_is_in_the_project():
    table = read_table(real("x-education")).table
    ids = [*table["Prospect ID"].to_pylist(), *table["Lead Number"].to_pylist()]
    texts = [path.read_text(encoding="utf-8") for path in (EXAMPLES / "x-education").iterdir()]
    assert not [value for value in ids for text in texts if value in text]
