"""Facts and their leads: chosen rows, ids and joins, states of records, what is not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.check import check_data
from scoring_ml.data.crm.cells import id_texts
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.numbers import FALSE_WORDS, TRUE_WORDS, spellings
from scoring_ml.errors import SchemaError
from tests.test_export import alone, at, read, with_rows
from tests.test_merges import FILES, content
from tests.test_merges import read as read_small

DELETED = (
    "lead_id,created_at,deleted\nA,2026-01-05,{}\nB,2026-01-08,{}\nC,2026-01-10,\nD,2026-01-12,\n"
)


class TestChosenRows:
    """``only`` and ``without``."""

    @pytest.mark.parametrize("yes", ["true", "TRUE", "True", "1", "1.0", "yes", "да", "بله", "۱"])
    @pytest.mark.parametrize(("key", "left"), [("only", ["B"]), ("without", ["A", "C", "D"])])
    def test_a_yes_is_meant_however_it_is_written(
        self, yes: str, key: str, left: list[str], tmp_path: Path
    ) -> None:
        mapping = content(**{key: {"deleted": ["true"]}})
        export, _ = read_small(tmp_path, mapping, leads=DELETED.format("no", yes))
        assert export.leads.ids.tolist() == left

    def test_a_yes_of_parquet_is_meant_as_well(self, tmp_path: Path) -> None:
        mapping = content(file="leads.parquet", only={"deleted": [False]})
        table = pa.table(
            {
                "lead_id": ["A", "B", "C"],
                "created_at": ["2026-01-05", "2026-01-08", "2026-01-10"],
                "deleted": [False, True, None],
            }
        )
        pq.write_table(table, tmp_path / "leads.parquet")
        assert read_small(tmp_path, mapping)[0].leads.ids.tolist() == ["A"]

    def test_letters_and_digits_are_codes_and_mean_themselves(self) -> None:
        assert spellings("true") == spellings("да") == TRUE_WORDS
        assert spellings("no") == spellings("خیر") == FALSE_WORDS
        for word in ("1", "0", "y", "f", "1.0", "completed", ""):
            assert spellings(word) == {word}

    def test_an_empty_word_is_an_empty_cell(self, tmp_path: Path) -> None:
        leads = DELETED.format("2026-03-01", "")
        for key, left in (("only", ["B", "C", "D"]), ("without", ["A"])):
            export, _ = read_small(tmp_path, content(**{key: {"deleted": [""]}}), leads=leads)
            assert export.leads.ids.tolist() == left

    def test_facts_of_leads_that_are_set_aside_go_with_them(self, tmp_path: Path) -> None:
        mapping = content(without={"deleted": ["yes"]})
        export, report = read_small(tmp_path, mapping, leads=DELETED.format("no", "yes"))
        assert report.broken == ()
        counts = {"stages": 2, "deals": 1, "activities": 2, "field_changes": 2}
        for table, count in counts.items():
            assert report[table].set_aside["lead_set_aside"] == count
            assert report[table].left_out == {}
        assert report["leads"].set_aside == {"not_selected": 1}
        assert export.leads.ids.tolist() == ["A", "C", "D"]

    def test_a_lead_of_which_another_row_is_chosen_is_in_use(self, tmp_path: Path) -> None:
        """Versions of a record: the newest one is chosen, and its facts are no one else's."""
        leads = "lead_id,created_at,valid_to\nA,2026-01-05,2026-02-01\nA,2026-01-05,\n"
        mapping = content(only={"valid_to": [""]})
        mapping["most_left_out"] = 1.0
        export, report = read_small(tmp_path, mapping, leads=leads)
        assert export.leads.ids.tolist() == ["A"]
        assert report["stages"].used == 1
        assert "lead_set_aside" not in report["stages"].set_aside

    def test_a_column_that_chooses_must_be_there(self, tmp_path: Path) -> None:
        _, report = read_small(tmp_path, content(only={"archived": ["false"]}))
        assert "no column 'archived' in leads.csv (only of leads)" in report.broken[0]

    def test_what_few_exports_tell_may_be_missing(self, tmp_path: Path) -> None:
        columns = {"merged_into": "master", "merged_at": "merged", "owner": "user"}
        mapping = content(columns=columns, without={"archived": ["true"]})
        mapping["tables"]["merges"] = {"file": "leads.csv", "columns": {"lead_id": "old_ids"}}
        export, report = read_small(tmp_path, mapping, leads=DELETED.format("no", "no"))
        assert report.broken == ()
        assert len(export.leads) == 4
        for name in ("master", "merged", "user", "archived"):
            assert f"leads: leads.csv has no column {name}, so it tells nothing" in report.notes
        assert any(note.startswith("merges: Every column") for note in report.notes)


class TestIds:
    """The same id, written in several ways, and ids that name nothing."""

    @pytest.mark.parametrize(
        "cells",
        [
            [123, 0],
            [123.0, None],
            ["123", "0"],
            ["123.0", " 0.0 "],
            [" 123\u00a0", "0"],
            ["\u200e123", "\ufeff0"],
            ["۱۲۳", "۰"],
        ],
    )
    def test_a_number_is_the_same_in_every_file(self, cells: list[Any]) -> None:
        assert id_texts(pa.array(cells)).to_pylist()[0] == "123"

    def test_what_is_no_whole_number_stays(self) -> None:
        kept = ["1.10", "v1.0", "00Qbm0000000aB", "a-b", "007"]
        assert id_texts(pa.array(kept)).to_pylist() == kept

    def test_addresses_and_guids_are_alike_in_any_case(self) -> None:
        cells = [
            "Anna@Example.COM ",
            "\u200banna@example.com",
            "A1B2C3D4-0000-1111-2222-ABCDEF012345",
        ]
        found = id_texts(pa.array(cells)).to_pylist()
        assert found == ["anna@example.com", "anna@example.com", cells[2].lower()]

    @pytest.mark.parametrize(
        "void", ["0", "-1", "0.0", "00000000-0000-0000-0000-000000000000", "000000000000000AAA"]
    )
    def test_zero_is_no_company_no_person_and_no_lead(self, void: str, tmp_path: Path) -> None:
        rows = [f"L{number},2026-01-09,{void},{void},Mining,web" for number in (11, 12)]
        tables = with_rows("leads.csv", *rows) | with_rows("stages.csv", f"{void},Lead,2026-01-09,")
        export, report = read(tmp_path, tables)
        assert export.leads.account is not None
        accounts = dict(zip(export.leads.ids, export.leads.account, strict=True))
        assert (accounts["L11"], accounts["L12"]) == (None, None)
        told = {fate.note: fate.count for fate in report.fates if fate.defect == "void_id"}
        assert told == {"account_id": 2, "contact_id": 2}
        assert report["stages"].set_aside == {"no_lead": 1}

    def test_a_lead_that_is_numbered_zero_is_one(self, tmp_path: Path) -> None:
        tables = with_rows("leads.csv", "0,2026-01-09,,,,")
        tables |= with_rows("stages.csv", "0,Lead,2026-01-09,")
        export, report = read(tmp_path, tables)
        assert "0" in export.leads.ids
        assert report["stages"].set_aside == {}
        several = read(tmp_path, with_rows("leads.csv", "0,2026-01-09,,,,", "0,2026-01-10,,,,"))[1]
        assert several["leads"].left_out == {"no_id": 2}

    def test_the_owner_is_kept(self, tmp_path: Path) -> None:
        leads = "lead_id,created_at,owner\nA,2026-01-05,77\nB,2026-01-08,\n"
        export, _ = read_small(tmp_path, content(), leads=leads)
        assert export.leads.owner is not None
        assert export.leads.owner.tolist() == ["77", None]


JOIN = [{"file": "people.csv", "on": {"recipient": "Email"}}]


class TestJoins:
    """Joins, and files and tables of which little is used."""

    def sent(self, tmp_path: Path, *recipients: str) -> Any:
        mapping = content()
        mapping["tables"]["activities"] = {
            "file": "sent.csv",
            "columns": {"lead_id": "Id", "occurred_at": "sent"},
            "constants": {"type": "email_open"},
            "join": JOIN,
        }
        rows = "".join(f"{recipient},2026-02-01\n" for recipient in recipients)
        people = "Id,Email\nA,Anna@Example.com\nC,carl@example.com\n"
        return read_small(tmp_path, mapping, sent="recipient,sent\n" + rows, people=people)

    def test_addresses_are_compared_without_regard_to_case(self, tmp_path: Path) -> None:
        export, report = self.sent(tmp_path, "ANNA@EXAMPLE.COM", " anna@example.com", "x@y.example")
        assert export.activities.lead.tolist() == [0, 0]
        assert not any("find a row" in note for note in report.notes)

    def test_a_join_that_finds_little_is_told(self, tmp_path: Path) -> None:
        _, report = self.sent(tmp_path, "carl@example.com", "x@y.example", "z@y.example", "")
        assert any(
            "activities: of 3 rows of sent.csv that have a key, 1 find a row of people.csv "
            "(recipient = Email)" in note
            for note in report.notes
        )

    def test_a_file_of_which_nothing_is_used_is_told_or_breaks(self, tmp_path: Path) -> None:
        _, report = self.sent(tmp_path, "x@y.example", "z@y.example")
        assert any("no row of sent.csv is used (2 no_lead)" in note for note in report.notes)
        assert any("Rows of activities must name their lead" in item for item in report.broken)

    def test_one_of_several_files_of_a_table_is_told(self, tmp_path: Path) -> None:
        mapping = content()
        mapping["tables"]["stages"] = [{"file": "stages.csv"}, {"file": "more.csv"}]
        rows = "lead_id,stage,entered_at\n" + "".join(f"X{n},new,2026-01-09\n" for n in range(3))
        _, report = read_small(tmp_path, mapping, more=rows)
        assert any("stages: no row of more.csv is used (3 orphan)" in n for n in report.notes)
        assert not any("stages.csv" in note for note in report.notes)
        _, report = read_small(tmp_path, mapping, more=rows + "A,call,2026-01-09\n")
        assert any("stages: 1 of 4 rows of more.csv name a lead" in n for n in report.notes)

    def test_two_ways_to_a_lead_share_the_rows_of_their_file(self, tmp_path: Path) -> None:
        mapping = content()
        source = {
            "file": "calls.csv",
            "columns": {"lead_id": "Lead"},
            "constants": {"type": "call"},
        }
        mapping["tables"]["activities"] = [
            source | {"join": [{"file": "ways.csv", "on": {"who": key}}]} for key in ("One", "Two")
        ]
        ways = "Lead,One,Two\nA,a1,a2\nC,c1,c2\n"
        calls = "who,occurred_at\na1,2026-02-01\nc2,2026-02-01\n"
        export, report = read_small(tmp_path, mapping, calls=calls, ways=ways)
        assert export.activities is not None
        assert export.activities.lead.tolist() == [0, 2]
        assert not any("calls.csv" in note for note in report.notes)

    @pytest.mark.parametrize("table", ["deals", "stages"])
    def test_wins_that_name_no_lead_are_told_however_few(self, table: str, tmp_path: Path) -> None:
        files = {
            "deals": {"deals": FILES["deals.csv"] + "Z,won,2026-02-01\nY,lost,2026-02-01\n"},
            "stages": {"stages": FILES["stages.csv"] + "Z,won,2026-02-01,\nA,won,2026-02-01,\n"},
        }[table]
        mapping = content()
        mapping["stages"]["won"] = ["won"]
        _, report = read_small(tmp_path, mapping, **files)
        found = [note for note in report.notes if "wins" in note]
        assert len(found) == 1
        assert found[0].startswith(f"{table}: 1 wins, 50.0% of all, name a lead that is not in")

    def test_files_that_nothing_uses_are_told(self, tmp_path: Path) -> None:
        _, report = read_small(tmp_path, notes="a\n1\n", survey="a\n1\n")
        assert any("crm.yaml does not use notes.csv, survey.csv" in n for n in report.notes)


def test_tables_of_which_no_feature_comes_are_told(tmp_path: Path) -> None:
    """Own calls alone, stages that nobody named, changes and contacts of which no field comes."""
    mapping = content()
    mapping["tables"]["deals"]["file"] = "ends.csv"
    mapping["tables"]["contacts"] = {"file": "contacts.csv"}
    mapping["fields"] = {"country": mapping["fields"]["country"] | {"column": "country"}}
    mapping["stages"] = {}
    leads = [f"L{n:02},2026-01-{1 + n % 20:02},{'IR' if n % 3 else 'RU'}" for n in range(60)]
    ends = [f"L{n:02},{'won' if n % 2 else 'lost'},2026-02-{1 + n % 20:02}" for n in range(60)]
    calls = [f"L{n:02},outbound_call,2026-01-25" for n in range(60)]
    files = {
        "leads.csv": ["lead_id,created_at,country", *leads],
        "ends.csv": ["lead_id,outcome,closed_at", *ends],
        "activities.csv": ["lead_id,type,occurred_at", *calls],
        "stages.csv": ["lead_id,stage,entered_at"],
        "changes.csv": ["lead_id,field,value,changed_at", "L01,size,3,2026-01-25"],
        "contacts.csv": ["lead_id,email", "L01,a@example.com"],
    }
    for name, rows in files.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "crm.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    export = check_data(tmp_path).export
    assert export is not None
    tables = [note.split(": ")[0] for note in export.notes if note.startswith("No feature comes")]
    names = ("activities", "stages", "field_changes", "contacts")
    assert tables == [f"No feature comes from {name}" for name in names]


STATES = """\
Id,from,to,budget,tier,gone
A,2026-01-05,2026-01-07,100,Gold,f
A,2026-01-07,2026-01-09,100,Silver,f
A,2026-01-09,,200,Silver,f
A,2026-01-11,,999,Lead,t
C,2026-01-10,,,Gold,f
"""


class TestStates:
    """Tables with a row for each version of a record, as warehouses keep them."""

    def mapping(self) -> dict[str, Any]:
        mapping = content()
        mapping["tables"]["field_changes"] = {
            "file": "states.csv",
            "columns": {"lead_id": "Id", "changed_at": "from"},
            "fields": ["budget", "tier"],
            "without": {"gone": ["true"]},
        }
        mapping["fields"]["tier"] = {"type": "category", "from": "field_changes"}
        return mapping

    def test_each_column_is_a_field_and_what_stays_is_no_change(self, tmp_path: Path) -> None:
        export, report = read_small(tmp_path, self.mapping(), states=STATES)
        assert report.broken == ()
        budget, tier = export.histories["budget"], export.histories["tier"]
        assert budget.lead.tolist() == [0, 0, 2]
        np.testing.assert_array_equal(budget.value, [100.0, 200.0, np.nan])
        assert tier.value.tolist() == ["Gold", "Silver", "Gold"]
        assert tier.changed_at[1] == at("2026-01-08") - 1
        assert report["field_changes"].set_aside == {"not_selected": 1, "same_value": 2}
        assert report["field_changes"].read == 4 * 2 + 1

    def test_they_say_the_same_as_a_log_of_changes(self, tmp_path: Path) -> None:
        log = """\
lead_id,field,value,changed_at
A,budget,100,2026-01-05
A,tier,Gold,2026-01-05
A,tier,Silver,2026-01-07
A,budget,200,2026-01-09
C,tier,Gold,2026-01-10
C,budget,,2026-01-10
"""
        states = read_small(tmp_path, self.mapping(), states=STATES)[0]
        mapping = self.mapping()
        mapping["tables"]["field_changes"] = {"file": "changes.csv"}
        changes = read_small(tmp_path, mapping, changes=log)[0]
        for name in ("budget", "tier"):
            for part in ("lead", "value", "changed_at", "known_at"):
                one, other = (getattr(e.histories[name], part) for e in (states, changes))
                np.testing.assert_array_equal(one, other)

    def test_only_changes_of_fields_have_them(self) -> None:
        mapping = content()
        mapping["tables"]["stages"] = {"file": "stages.csv", "fields": ["stage"]}
        with pytest.raises(SchemaError, match=r"tables.stages.fields is for field_changes alone"):
            CrmMapping.read(mapping)

    def test_a_state_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        states = STATES.replace("tier", "level")
        _, report = read_small(tmp_path, self.mapping(), states=states)
        assert "no column 'tier' in states.csv (value of field_changes)" in report.broken[0]


def test_orphans_of_other_tables_are_no_lost_wins(tmp_path: Path) -> None:
    _, report = read(tmp_path, alone("touches.csv", "L99,form,2026-01-09,,,,"))
    assert not any("wins" in note for note in report.notes)
