"""The steps init and check: what they write, refuse, print and answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.check import check_data
from pipelines.init import init_schema
from pipelines.inputs import Files
from scoring_ml.data.schema import Schema
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, Finding
from scoring_ml.features.criteria import Matrix

NAMES = ["Unnamed: 3", 'a "quoted" [name]', "Бюджет, тыс.", "بودجه"]


def write_leads(folder, *, n=400, seed=1, name="leads.csv"):
    """A file with an id, an honest field, a leak, and names that need care."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(int)
    frame = pd.DataFrame(
        {
            "Lead ID": [f"L-{index:05d}" for index in range(n)],
            "made": pd.date_range("2025-01-01", periods=n, freq="7h").strftime("%Y-%m-%d %H:%M"),
            "visits": rng.poisson(3, n),
            "stage": np.where(y == 1, "signed", rng.choice(["gone", "silent"], n)),
            NAMES[0]: "",
            NAMES[1]: rng.choice(["x", "y", "Select"], n),
            NAMES[2]: [f"{value:.2f}".replace(".", ",") for value in rng.lognormal(3, 1, n)],
            NAMES[3]: rng.choice(["کم", "زیاد"], n),
            "outcome": np.where(y == 1, "won", "lost"),
        }
    )
    frame.loc[:4, "outcome"] = ""
    path = folder / name
    frame.to_csv(path, index=False, sep=";")
    return path


@pytest.fixture
def leads(tmp_path):
    return write_leads(tmp_path)


@pytest.fixture
def drafted(leads):
    return init_schema(leads, target="outcome", out=leads.with_name("schema.yaml"))


def change(path, name, **values):
    """Decide about one column, as a person would in an editor."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["columns"][name].update(values)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def test_what_the_cells_speak_against_is_asked_about(tmp_path):
    path = tmp_path / "leads.csv"
    days = [f"{1 + at % 12}/{1 + at % 28}/2025" for at in range(120)]
    frame = pd.DataFrame({"made": days, "seen": days, "ticked": ["x", ""] * 60})
    frame.assign(won=[1, 0, 0] * 40).to_csv(path, index=False)
    columns = {"seen": {"type": "date"}, "ticked": {"type": "boolean"}}
    schema = {
        "dataset": "d",
        "target": {"column": "won", "won": ["1"], "lost": ["0"]},
        "order": {"by": "time", "column": "made", "day_first": True},
        "columns": columns,
    }
    beside = tmp_path / "schema.yaml"
    beside.write_text(yaml.safe_dump(schema), encoding="utf-8")
    report = " ".join(check_data(path).render().split())
    assert "order by made: dates are read with the day first, but the month is first in" in report
    assert report.count("and no date shows the day first; state day_first: false") == 2
    assert "'x' is read as no, and nothing in the column as yes; write yes_words: [x]" in report
    schema["order"]["day_first"] = False
    columns |= {"seen": {"type": "date", "day_first": False}}
    columns |= {"ticked": {"type": "boolean", "yes_words": ["x"]}}
    beside.write_text(yaml.safe_dump(schema), encoding="utf-8")
    report = check_data(path).render()
    assert "is read as no" not in report
    assert "day_first" not in report


class TestInit:
    def test_what_is_written_can_be_read_back(self, drafted, leads):
        schema = Schema.load(leads.with_name("schema.yaml"))
        assert schema == drafted.overview.schema
        assert Schema.read(schema.dump()) == schema
        assert set(NAMES) <= set(schema.names)
        matrix = Matrix.load(leads.with_name("matrix.yaml"), schema)
        assert matrix.mapped == ("budget", "engagement")

    def test_suspicious_columns_stay_out_until_a_person_decides(self, drafted):
        stage = drafted.overview.schema["stage"]
        assert (stage.use, stage.known) == (False, "unknown")
        assert stage.audit[0].grade == "refuse"
        assert stage.audit[0].text in stage.reason
        assert "allow" in stage.reason
        assert drafted.overview.schema["visits"].use

    def test_every_column_has_a_reason(self, drafted):
        assert all(column.reason for column in drafted.overview.schema.columns)

    def test_the_file_begins_with_how_to_decide(self, drafted):
        text = drafted.files.meaning.read_text(encoding="utf-8")
        editors, text = text.split("\n", 1)
        assert text.startswith("# Drafted by scoring-ml init from leads.csv")
        form = editors.removeprefix("# yaml-language-server: $schema=")
        assert (drafted.files.meaning.parent / form).read_text("utf-8") == Schema.json_schema()
        for word in ("at_creation", "before_scoring", "after_outcome", "unknown", "allow"):
            assert f"{word}" in text.split("version:")[0]

    @pytest.mark.parametrize("name", ["schema.yaml", "matrix.yaml"])
    def test_a_file_that_is_there_is_never_overwritten(self, leads, name):
        there = leads.with_name(name)
        there.write_text("mine", encoding="utf-8")
        with pytest.raises(InputError, match=rf"must not overwrite.*{name}.*--out"):
            init_schema(leads, target="outcome", out=leads.with_name("schema.yaml"))
        assert there.read_text(encoding="utf-8") == "mine"
        assert len(list(leads.parent.iterdir())) == 2

    def test_what_is_asked_about_the_file_stands_first(self, tmp_path):
        path = tmp_path / "leads.csv"
        rows = "".join(f"{n},Zürich{n % 3} Köln,{n % 2}\n" for n in range(80))
        path.write_bytes(f"lead_id,city,outcome\n{rows}".encode("cp1252"))
        result = init_schema(path, target="outcome", out=tmp_path / "schema.yaml")
        asks = (Finding(WHOLE_FILE, Suspicion("ask", "encoding", text="which page?")),)
        asked = replace(result, overview=replace(result.overview, findings=asks))
        page = asked.render()
        assert page.index("which page?") < page.index("Written:")
        assert "nothing suspicious" not in page
        assert asked.to_json()["next"][0].startswith("Decide on what is asked about the file")

    def test_another_place(self, leads, tmp_path):
        (tmp_path / "other").mkdir()
        result = init_schema(leads, target="outcome", out=tmp_path / "other" / "mine.yaml")
        assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [
            ".schemas",
            "matrix.yaml",
            "mine.yaml",
        ]
        assert "--schema" in result.next_steps[-1]
        with pytest.raises(InputError, match=r"folder must be writable.*No such file"):
            init_schema(leads, target="outcome", out=tmp_path / "nowhere" / "schema.yaml")

    def test_nothing_is_written_when_the_target_has_one_class(self, tmp_path):
        path = tmp_path / "one.csv"
        path.write_text("a,y\n" + "".join(f"{i},1\n" for i in range(50)), encoding="utf-8")
        with pytest.raises(InputError, match="both won and lost"):
            init_schema(path, target="y", out=tmp_path / "schema.yaml")
        assert [item.name for item in tmp_path.iterdir()] == ["one.csv"]

    def test_what_it_prints(self, drafted):
        text = drafted.render()
        assert "leads.csv: 400 rows, 9 columns, CSV with separator ; in utf-8" in text
        assert "5 open" in text
        assert "Id: Lead ID" in text
        assert "Order: by date made" in text
        assert text.index("refuse  stage") < text.index("Notes:")
        assert "scoring-ml check" in text
        assert all(len(line) <= 200 for line in text.splitlines())

    def test_what_it_answers_as_json(self, drafted):
        answer = json.loads(json.dumps(drafted.to_json(), allow_nan=False))
        assert answer["command"] == "init"
        assert answer["file"]["rows"] == 400
        assert answer["rows"] == {
            "usable": 400,
            "won": answer["rows"]["won"],
            "lost": 395 - answer["rows"]["won"],
            "open": 5,
            "unused": 0,
        }
        assert answer["left_out"] == {"refuse": ["stage"], "ask": []}
        assert answer["written"] == [str(drafted.files.meaning), str(drafted.files.matrix)]
        finding = next(item for item in answer["findings"] if item["column"] == "stage")
        assert set(finding) == {"column", "grade", "probe", "value", "text"}

    def test_the_same_file_gives_the_same_draft(self, leads, drafted, tmp_path):
        (tmp_path / "again").mkdir()
        again = init_schema(leads, target="outcome", out=tmp_path / "again" / "schema.yaml")
        assert again.files.meaning.read_bytes() == drafted.files.meaning.read_bytes()


class TestCheck:
    def test_the_draft_may_be_trained_on(self, leads, drafted):
        result = check_data(leads)
        assert (result.exit_code, result.groups["left_out"]) == (0, ("stage",))
        assert result.render().endswith("Nothing stands against training.\n")

    def test_questions_that_are_open_are_counted_in_its_last_sentence(self, leads, drafted):
        result = check_data(leads)
        asks = Finding(WHOLE_FILE, Suspicion("ask", "encoding", text="which page?"))
        findings = (*result.overview.findings, asks)
        asked = replace(result, overview=replace(result.overview, findings=findings))
        assert (result.asked, asked.asked, asked.exit_code) == (0, 1, 0)
        assert "Nothing stands against training" not in asked.render()
        assert "but 1 question above is open" in asked.render().splitlines()[-1]
        assert asked.to_json()["asked"] == 1

    def test_a_leak_that_is_used_stops_it(self, leads, drafted):
        change(drafted.files.meaning, "stage", use=True)
        result = check_data(leads)
        assert result.exit_code == 2
        assert result.groups["refused"] == ("stage",)
        assert "Must not be trained on: 1 column\n  refuse  stage" in result.render()
        assert "use: false" in result.render()
        answer = json.loads(json.dumps(result.to_json(), allow_nan=False))
        assert (answer["ok"], answer["exit_code"], answer["refused"]) == (False, 2, ["stage"])

    def test_a_written_reason_allows_it_and_is_shown(self, leads, drafted):
        change(drafted.files.meaning, "stage", use=True, allow="set by the form, seen in its code")
        result = check_data(leads)
        assert (result.exit_code, result.groups["allowed"]) == (0, ("stage",))
        assert "reason: set by the form, seen in its code" in result.render()

    def test_what_the_schema_says_to_come_later_stops_it(self, leads, drafted):
        change(drafted.files.meaning, "visits", known="after_outcome")
        assert check_data(leads).groups["refused"] == ("visits",)

    def test_rows_that_cannot_be_used_are_listed_by_reason(self, leads, drafted):
        lines = leads.read_text(encoding="utf-8").splitlines()
        lines += [lines[1], lines[2].replace("L-00001", "L-90001").replace(";;", ";perhaps;")]
        cells = lines[3].split(";")
        cells[0], cells[-1] = "L-90002", "maybe"
        leads.write_text("\n".join([*lines[:-1], ";".join(cells)]) + "\n", encoding="utf-8")
        result = check_data(leads)
        reasons = {item["reason"]: item for item in result.to_json()["unused"]}
        assert reasons["repeats the id of an earlier row (Lead ID)"]["first_ids"] == ["L-00000"]
        strange = reasons["outcome is neither won, lost nor open as the schema says"]
        assert (strange["count"], strange["first_ids"]) == (1, ["L-90002"])
        assert "1 row cannot be used: repeats the id" in result.render()
        assert result.to_json()["rows"]["unused"] == 2

    def test_one_class_cannot_be_learned(self, leads, drafted):
        text = leads.read_text(encoding="utf-8").replace(";won", ";lost")
        leads.write_text(text, encoding="utf-8")
        result = check_data(leads)
        assert (result.exit_code, result.one_class) == (2, True)
        assert "all 395 decided leads have the same outcome" in result.render()

    def test_without_a_schema_it_says_how_to_get_one(self, leads):
        with pytest.raises(SchemaError, match=r"needs a schema.*scoring-ml init"):
            check_data(leads)

    def test_without_the_file_it_says_so(self, tmp_path):
        with pytest.raises(InputError, match="DATA must exist"):
            check_data(tmp_path / "none.csv")

    def test_a_missing_column_is_named_with_the_nearest(self, leads, drafted):
        text = leads.read_text(encoding="utf-8").replace("visits", "visit", 1)
        leads.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"'visits'.*'visit'"):
            check_data(leads)

    def test_parquet(self, tmp_path):
        source = write_leads(tmp_path)
        path = tmp_path / "leads.parquet"
        pd.read_csv(source, sep=";", dtype=str, keep_default_na=False).to_parquet(path)
        init_schema(path, target="outcome", out=tmp_path / "schema.yaml")
        assert check_data(path).exit_code == 0


DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name}, which is not part of the project")
    return path


class TestRealFiles:
    def test_x_education(self, tmp_path):
        result = init_schema(
            real("x-education-leads.csv"), target="Converted", out=tmp_path / "schema.yaml"
        )
        schema = result.overview.schema
        scores = [name for name in schema.names if name.startswith("Asymmetrique")]
        assert len(scores) == 4
        later = ["Tags", "Lead Quality", "Lead Profile", *scores]
        later += ["Last Activity", "Last Notable Activity"]
        flagged = set(result.overview.flagged())
        assert flagged >= set(later)
        honest = set(schema.names) - set(later)
        assert len(flagged & honest) <= len(honest) / 3
        assert result.to_json()["left_out"]["refuse"] == ["Tags"]
        assert schema.order.column == "Lead Number"
        assert "Select" in schema.missing
        assert (
            check_data(real("x-education-leads.csv"), Files(schema=result.files.meaning)).exit_code
            == 0
        )

    def test_bank(self, tmp_path):
        result = init_schema(
            real("bank-additional-full.csv"), target="y", out=tmp_path / "schema.yaml"
        )
        assert result.overview.flagged() == ("duration",)
        assert (result.overview.schema.id, result.overview.schema.order.by) == (None, "row")
        drifting = {f.column for f in result.overview.findings if f.suspicion.probe == "drift"}
        assert drifting >= {"euribor3m", "nr.employed", "emp.var.rate"}
        assert not {"duration", "age"} & drifting
