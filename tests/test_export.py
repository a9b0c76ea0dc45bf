"""Reading a CRM export: what every row becomes, and what breaks the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS, kind_and_side
from scoring_ml.data.crm.cells import coded_words, id_texts
from scoring_ml.data.crm.contract.defects import defects
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import LOST, OPEN, WON, Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.ordering import in_order
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.row_report import LEFT_OUT, SET_ASIDE
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.data.values.typed import read_columns
from scoring_ml.errors import FileFormatError, InputError
from tests.small_export import CRM_YAML, TABLES, write_small_export

HOUR = 3_600_000_000


def at(text: str) -> int:
    """Microseconds of a moment in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture
def small(tmp_path: Path) -> tuple[Export, ExportReport]:
    folder = write_small_export(tmp_path / "small")
    return read_export(folder, CrmMapping.load(folder / "crm.yaml"))


def read(
    folder: Path,
    tables: Mapping[str, str] | None = None,
    *,
    now: datetime | None = None,
    needs_outcomes: bool = True,
    drop: str | None = None,
    **parts: Any,
) -> tuple[Export, ExportReport]:
    """Read the small export with other files, and other parts of its mapping."""
    write_small_export(folder)
    for name, text in (tables or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    content: dict[str, Any] = deepcopy(yaml.safe_load(CRM_YAML))
    content["most_left_out"] = 1.0
    for name, value in parts.items():
        place = content
        *above, last = name.split("__")
        for key in above:
            place = place[key]
        place[last] = value
    if drop is not None:
        del content["tables"][drop]
    mapping = CrmMapping.read(content)
    return read_export(folder, mapping, now=now, needs_outcomes=needs_outcomes)


def with_rows(name: str, *rows: str) -> dict[str, str]:
    """A table of the small export with more rows."""
    return {name: TABLES[name] + "".join(f"{row}\n" for row in rows)}


def alone(name: str, *rows: str) -> dict[str, str]:
    """A table of the small export with other rows."""
    return {name: "".join(f"{row}\n" for row in (TABLES[name].splitlines()[0], *rows))}


class TestSmallExport:
    """Every table by hand."""

    def test_nothing_is_wrong_with_it(self, small: tuple[Export, ExportReport]) -> None:
        _, report = small
        assert report.exit_code == 0
        assert [item.defect for item in report.fates] == ["other_field"]
        assert [(table.name, table.read) for table in report.tables] == [
            ("leads", 8),
            ("contacts", 7),
            ("field_changes", 6),
            ("activities", 8),
            ("stages", 8),
            ("deals", 3),
            ("spend", 3),
        ]

    def test_leads(self, small: tuple[Export, ExportReport]) -> None:
        leads = small[0].leads
        assert leads.ids.tolist() == [f"L{n}" for n in range(1, 9)]
        assert leads.created_at[:3].tolist() == [
            at("2026-01-05 10:00"),
            at("2026-01-06 09:30"),
            at("2026-01-07 05:30"),  # written with the zone of Tehran
        ]
        assert leads.created_at[4] == at("2026-02-03") - 1  # a date: the end of that day
        assert leads.account is not None
        assert leads.account.tolist() == ["A1", "A1", "A2", "A3", "A4", "A5", None, "A6"]
        assert leads.values["industry"][[1, 4]].tolist() == ["software", None]
        # Joined by the account; thousands separators, Persian digits, nothing, no account.
        np.testing.assert_array_equal(
            leads.values["employees"], [120, 120, 1500, 40, np.nan, 9, np.nan, 30]
        )

    def test_contacts_belong_to_every_lead_of_a_person(
        self, small: tuple[Export, ExportReport]
    ) -> None:
        export = small[0]
        email = export.histories["email"]
        assert email.lead.tolist() == list(range(8))
        assert email.value[[0, 7]].tolist() == ["anna@example.com"] * 2
        assert email.known_at.tolist() == export.leads.created_at.tolist()
        assert export.histories["phone"].value[[1, 4]].tolist() == [None, None]

    def test_histories_and_what_they_prove_of_other_fields(
        self, small: tuple[Export, ExportReport]
    ) -> None:
        export = small[0]
        budget = export.histories["budget"]
        assert budget.lead.tolist() == [0, 0, 1, 3]
        np.testing.assert_array_equal(budget.value, [5000, 12000, 8000, np.nan])
        assert budget.known_at[1] - budget.changed_at[1] == HOUR // 12
        # The industry is taken from the leads' table; its change is kept for the audit.
        assert "industry" not in export.histories
        assert export.recorded["industry"].value.tolist() == ["Software"]

    def test_activities(self, small: tuple[Export, ExportReport]) -> None:
        acts = small[0].activities
        assert acts is not None
        assert [KINDS[kind] for kind in acts.kind] == [
            "web_visit",
            "download",
            "outbound_call",
            "inbound_call",  # a call, but incoming
            "web_visit",
            "demo_request",
            "web_visit",
            "email_sent",
        ]
        assert acts.by_lead.tolist() == [True, True, False, True, True, True, True, False]
        assert acts.known_at[2] - acts.occurred_at[2] == 8 * HOUR // 60
        np.testing.assert_array_equal(
            acts.amount, [3, np.nan, np.nan, np.nan, 2, np.nan, 5, np.nan]
        )
        assert acts.campaigns == ("Fair", "Spring")
        assert acts.campaign is not None
        assert acts.campaign.tolist() == [1, 1, -1, -1, -1, 0, 1, -1]
        assert acts.channel is None

    def test_the_whole_column_of_amounts_decides_what_parts_decimals(self, tmp_path: Path) -> None:
        for cells, amounts in (
            (("7 692,45", "1.234,5", "9000"), [7692.45, 1234.5, 9000.0]),
            (("7 692.45", "1,234.5", "9000"), [7692.45, 1234.5, 9000.0]),
            (("7 692.45", "n/a?", "1,234"), [7692.45, np.nan, 1234.0]),
        ):
            folder = write_small_export(tmp_path / str(len(list(tmp_path.iterdir()))))
            text = TABLES["deals.csv"]
            for old, new in zip(('"9,000"', ",,,price", "open,,,,"), cells, strict=True):
                row = {",,,price": f',,"{new}",price', "open,,,,": f'open,,,"{new}",'}
                text = text.replace(old, row.get(old, f'"{new}"'))
            (folder / "deals.csv").write_text(text, encoding="utf-8")
            export, _ = read_export(folder, CrmMapping.load(folder / "crm.yaml"))
            assert export.deals is not None
            np.testing.assert_array_equal(export.deals.amount, amounts)

    def test_stages_deals_and_spend(self, small: tuple[Export, ExportReport]) -> None:
        export = small[0]
        assert export.stages is not None
        assert export.stages.names == ("lead", "sql", "won", "lost")
        assert export.stages.stage.tolist() == [0, 1, 2, 0, 3, 0, 0, 1]
        assert export.stages.known_at[1] - export.stages.entered_at[1] == 6 * HOUR
        assert export.deals is not None
        assert export.deals.outcome.tolist() == [WON, LOST, OPEN]
        assert export.deals.closed_at[2] == export.deals.known_at[2] == NEVER
        assert export.deals.known_at[0] == at("2026-01-31 09:00")
        assert export.deals.loss_reason.tolist() == [None, "price", None]
        np.testing.assert_array_equal(export.deals.amount, [9000, np.nan, np.nan])
        assert export.spend is not None
        assert export.spend["cost"].tolist() == [100.5, 80.0, 1200.0]
        assert export.spend["day"].tolist()[2] == pd.Timestamp(2026, 1, 7)

    def test_parquet_says_the_same_as_csv(
        self, small: tuple[Export, ExportReport], tmp_path: Path
    ) -> None:
        folder = write_small_export(tmp_path / "parquet")
        content = yaml.safe_load(CRM_YAML.replace(".csv", ".parquet"))
        for name in TABLES:
            table = pa.Table.from_pandas(pd.read_csv(folder / name, dtype=str))
            if name == "touches.csv":
                # Text, words and ids with a dictionary, as some tools write them.
                table = pa.table(
                    {c: table.column(c).dictionary_encode() for c in table.column_names}
                )
            pq.write_table(table, folder / name.replace(".csv", ".parquet"), row_group_size=3)
        export, report = read_export(folder, CrmMapping.read(content))
        assert report.broken == ()
        assert_equal(export, small[0])

    def test_separators_and_encodings_say_the_same(
        self, small: tuple[Export, ExportReport], tmp_path: Path
    ) -> None:
        write_small_export(tmp_path)
        for name, text in TABLES.items():
            frame = pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False)
            encoding = "utf-16" if name == "accounts.csv" else "utf-8-sig"
            frame.to_csv(tmp_path / name, sep=";", index=False, encoding=encoding)
            assert text
        export, _ = read_export(tmp_path, CrmMapping.load(tmp_path / "crm.yaml"))
        assert_equal(export, small[0])

    def test_old_code_pages_are_found_or_named_and_titles_passed_over(self, tmp_path: Path) -> None:
        text = TABLES["touches.csv"].replace("Spring", "Весенняя выставка")
        folder = write_small_export(tmp_path)
        (folder / "touches.csv").write_bytes(("Touches\n\n" + text).encode("koi8_r"))
        content = yaml.safe_load(CRM_YAML)
        export, report = read_export(folder, CrmMapping.read(content))
        assert export.activities is not None
        assert "Весенняя выставка" in export.activities.campaigns
        assert any("touches.csv: Read as koi8_r" in note for note in report.notes)
        assert any("the first of them 'Touches'" in note for note in report.notes)
        export, report = read_export(folder, CrmMapping.read(content | {"encoding": "koi8-r"}))
        assert export.activities is not None
        assert "Весенняя выставка" in export.activities.campaigns
        assert not any("Read as" in note for note in report.notes)
        content["tables"]["activities"]["encoding"] = "utf-8"
        _, report = read_export(folder, CrmMapping.read(content | {"encoding": "koi8-r"}))
        assert "of touches.csv is not utf-8" in report.broken[0]

    def test_the_order_of_the_files_does_not_matter(
        self, small: tuple[Export, ExportReport], tmp_path: Path
    ) -> None:
        tables = {}
        for name, text in TABLES.items():
            header, *rows = text.splitlines()
            tables[name] = "\n".join([header, *reversed(rows)]) + "\n"
        export, _ = read(tmp_path, tables)
        assert small[0].spend is not None
        assert export.spend is not None
        assert_equal(export, small[0], spend=False)

    def test_a_table_in_several_files(
        self, small: tuple[Export, ExportReport], tmp_path: Path
    ) -> None:
        header, *rows = TABLES["touches.csv"].splitlines()
        files = {"a.csv": [header, *rows[:3]], "b.csv": [header, *rows[3:]]}
        tables = {name: "\n".join(lines) + "\n" for name, lines in files.items()}
        source = yaml.safe_load(CRM_YAML)["tables"]["activities"]
        sources = [source | {"file": name} for name in files]
        export, report = read(tmp_path, tables, tables__activities=sources)
        assert_equal(export, small[0])
        assert report["activities"].files == ("a.csv", "b.csv")


def assert_equal(one: Any, other: Any, *, spend: bool = True) -> None:
    """Hold two exports, or parts of them, equal to the bit."""
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif hasattr(one, "__dataclass_fields__"):
        for name in one.__dataclass_fields__:
            if name != "spend" or spend:
                assert_equal(getattr(one, name), getattr(other, name))
    else:
        assert one == other


CASES = {
    # defect: (file, rows, table, count, first ids)
    "no_id": ("leads.csv", [",2026-01-09,,,,", "N/A,2026-01-09,,,,"], "leads", 2, ["(none)"] * 2),
    "no_lead": ("stages.csv", [",Lead,2026-01-09,"], "stages", 1, ["(none)"]),
    "no_moment": ("stages.csv", ["L1,Lead,,"], "stages", 1, ["L1"]),
    "unreadable_moment": (
        "stages.csv",
        ["L1,SQL,soon,", "L2,SQL,2026-01-09,later"],
        "stages",
        2,
        ["L1", "L2"],
    ),
    "future": (
        "touches.csv",
        ["L1,form,2026-04-01 00:00:01,,,,", "L2,form,2026-03-01,2026-05-01,,,"],
        "activities",
        2,
        ["L1", "L2"],
    ),
    "planned": ("touches.csv", ["L1,call,2026-04-02,2026-03-01,,,"], "activities", 1, ["L1"]),
    "repeated_lead": ("leads.csv", ["L2,2026-01-06 09:29:00,,,,"], "leads", 1, ["L2"]),
    "orphan": ("touches.csv", ["L99,form,2026-01-09,,,,"], "activities", 1, ["L99"]),
    "repeated_row": ("stages.csv", ["L1, LEAD,2026-01-05T10:00Z,"], "stages", 1, ["L1"]),
    "unknown_stage": ("stages.csv", ["L1,Paused,2026-01-09,"], "stages", 1, ["L1"]),
    "unknown_outcome": ("deals.csv", ["L3,maybe,2026-01-09,,,"], "deals", 1, ["L3"]),
    "no_type": ("touches.csv", ["L1,n/a,2026-01-09,,,,"], "activities", 1, ["L1"]),
    "unknown_type": ("touches.csv", ["L1,Carrier pigeon,2026-01-09,,,,"], "activities", 1, ["L1"]),
    "unknown_direction": ("touches.csv", ["L1,form,2026-01-09,,,,up"], "activities", 1, ["L1"]),
    "known_before": (
        "touches.csv",
        ["L1,form,2026-01-09 10:00,2026-01-09 09:59,,,"],
        "activities",
        1,
        ["L1"],
    ),
    "before_creation": ("stages.csv", ["L6,Lead,2026-02-28 09:00,"], "stages", 1, ["L6"]),
    "long_before_creation": ("stages.csv", ["L6,Lead,2026-02-28 07:59,"], "stages", 1, ["L6"]),
    "negative_amount": (
        "touches.csv",
        ["L1,form,2026-01-09,,-1,,", "L1,form,2026-01-10,,many,,"],
        "activities",
        2,
        ["L1", "L1"],
    ),
    "wrong_cost": (
        "spend.csv",
        ["Spring,search,2026-01-09,-1", "Spring,search,2026-01-10,", "Spring,,2026-01-11,x"],
        "spend",
        3,
        [],
    ),
    "no_campaign": ("spend.csv", [",search,2026-01-09,1"], "spend", 1, []),
    "wrong_value": ("changes.csv", ["L3,Budget__c,much,2026-01-09,"], "field_changes", 1, ["L3"]),
    "other_field": ("changes.csv", ["L1,Owner,x,2026-01-09,"], "field_changes", 2, ["L3", "L1"]),
    "unlinked_contact": ("contacts.csv", ["C99,x@example.com,"], "contacts", 1, ["C99"]),
    "ragged_line": (
        "stages.csv",
        ["L1,Lead,2026-01-09,,,,"[:-2] + "x,y"],
        "stages",
        1,
        ["line 10"],
    ),
    "contradicting_row": (
        "changes.csv",
        ["L3,Budget__c,100,2026-01-09 10:00,", "L3,Budget__c,200,2026-01-09 10:00,"],
        "field_changes",
        1,
        ["L3"],
    ),
    "void_id": ("leads.csv", ["L9,2026-01-09,0,,,"], "leads", 1, ["L9"]),
    "repeated_key": ("accounts.csv", ["A1,7,France"], "leads", 1, []),
}


@pytest.mark.parametrize("defect", CASES)
def test_every_defect_is_counted_and_has_its_fate(defect: str, tmp_path: Path) -> None:
    file, rows, table, count, ids = CASES[defect]
    _, report = read(tmp_path, with_rows(file, *rows))
    found = [f for f in report.fates if (f.table, f.defect) == (table, defect)]
    first_ids = [name for f in found for name in f.first_ids]
    assert (sum(f.count for f in found), first_ids) == (count, ids)
    counts = {LEFT_OUT: report[table].left_out, SET_ASIDE: report[table].set_aside}
    fate = defects()[defect].fate
    if fate in counts:
        assert counts[fate][defect] == count
    else:
        assert defect not in {**report[table].left_out, **report[table].set_aside}
    assert report.exit_code == 0


def test_no_defect_is_without_a_case() -> None:
    elsewhere = {
        "not_selected",
        "not_counted",
        "not_happened",
        "late_lead",
        "skipped_hour",
        "doubled_hour",
        "untimed_contact",
        "lead_set_aside",
        "merged_lead",
        "merged_loss",
        "no_merge",
        "endless_merge",
        "same_value",
        "not_held",
        "unknown_result",
    }
    assert set(defects()) == set(CASES) | elsewhere


class TestFates:
    """What exactly happens to the rows."""

    def test_of_two_rows_of_a_lead_the_earlier_created_stays(self, tmp_path: Path) -> None:
        rows = ["L2,2026-01-06 09:29:00,,C3,Mining,", "L3,2026-01-08 00:00:00,,,Mining,"]
        export, _ = read(tmp_path, with_rows("leads.csv", *rows))
        assert len(export.leads) == 8
        assert export.leads.values["industry"][[1, 2]].tolist() == ["Mining", "Retail"]
        assert export.leads.created_at[1] == at("2026-01-06 09:29")

    def test_leads_created_together_are_in_order_of_their_ids(self, tmp_path: Path) -> None:
        rows = [f"{name},2026-01-01,,,," for name in ("b", "a", "B", "Ä", "10", "9")]
        export, _ = read(tmp_path, alone("leads.csv", *rows))
        assert export.leads.ids.tolist() == sorted(["b", "a", "B", "Ä", "10", "9"])

    def test_a_lead_that_was_known_later_is_seen_from_then_on(self, tmp_path: Path) -> None:
        leads = "Id,CreatedDate,AccountId,ContactId,Industry,Source,known_at\n"
        leads += "L1,2026-01-05,,,,,2026-02-05 10:00\nL2,2026-01-06 10:00,,,,,2026-01-01\n"
        export, report = read(tmp_path, {"leads.csv": leads})
        assert export.leads.ids.tolist() == ["L2", "L1"]
        assert export.leads.created_at[1] == at("2026-02-05 10:00")
        assert report.count("leads", "late_lead") == 1
        assert report.count("leads", "known_before") == 1

    def test_activities_before_the_form_are_real(self, tmp_path: Path) -> None:
        export, report = read(tmp_path, alone("touches.csv", "L6,page_view,2025-01-01,,,,"))
        assert export.activities is not None
        assert export.activities.occurred_at.tolist() == [at("2025-01-02") - 1]
        assert report["activities"].used == 1

    def test_stages_just_before_the_creation_are_raised_to_it(self, tmp_path: Path) -> None:
        created = at("2026-03-01 08:00")
        rows = ["L6,Lead,2026-02-28 08:00:00,2026-02-28 09:00", "L6,SQL,2026-03-01 08:00:00,"]
        export, report = read(tmp_path, alone("stages.csv", *rows))
        assert export.stages is not None
        assert export.stages.entered_at.tolist() == [created, created]
        assert export.stages.known_at.tolist() == [created, created]
        assert export.stages.stage.tolist() == [0, 1]  # of two at once the later in the funnel
        assert report.count("stages", "before_creation") == 1

    def test_deals_long_before_the_creation_are_of_another_lead(self, tmp_path: Path) -> None:
        rows = ["L6,won,2026-02-01,,,", "L6,open,2026-02-01,,,", "L7,lost,2026-03-01 08:00,,,x"]
        export, report = read(tmp_path, alone("deals.csv", *rows))
        assert export.deals is not None
        assert export.deals.outcome.tolist() == [OPEN, LOST]
        assert export.deals.closed_at[1] == at("2026-03-02 08:00")
        assert report["deals"].left_out == {"long_before_creation": 1}

    def test_a_deal_closes_when_it_was_recorded_if_nothing_else_is_told(
        self, tmp_path: Path
    ) -> None:
        rows = ["L6,won,,2026-03-09 10:00,,", "L7,won,,,,", "L8,,2026-12-31,,,"]
        export, report = read(tmp_path, alone("deals.csv", *rows))
        assert export.deals is not None
        assert export.deals.closed_at.tolist() == [at("2026-03-09 10:00"), NEVER]
        # An open deal's closing date is only a plan, so it is no future date.
        assert report["deals"].left_out == {"no_moment": 1}

    def test_the_outcome_may_be_a_stage(self, tmp_path: Path) -> None:
        rows = ["L1,Won,2026-02-01,,,", "L2,SQL,,,,", "L3,Verloren,2026-02-01,,,", "L4,?,,,,"]
        words = {"outcome": {"verloren": "lost", "*": "open"}}
        export, _ = read(tmp_path, alone("deals.csv", *rows), tables__deals__words=words)
        assert export.deals is not None
        # "*" stands for words that are neither ours nor named.
        assert export.deals.outcome.tolist() == [WON, OPEN, LOST, OPEN]

    def test_equal_rows_are_one_unless_a_day_or_an_id_tells_too_little(
        self, tmp_path: Path
    ) -> None:
        moment, day = "L1,form,2026-01-09 10:00,,1,,", "L1,form,2026-01-09,,1,,"
        export, report = read(tmp_path, alone("touches.csv", moment, day, moment, day, day))
        assert export.activities is not None
        assert len(export.activities) == 4
        assert report["activities"].set_aside == {"repeated_row": 1}
        text = "lead,what,at,activity_id\nL1,form,2026-01-09,1\nL1,form,2026-01-09,2\n"
        text += "L1,form,2026-01-09,1\n"
        source = {"file": "touches.csv", "columns": {"lead_id": "lead", "type": "what"}}
        source["columns"]["occurred_at"] = "at"  # type: ignore[index]
        export, report = read(tmp_path, {"touches.csv": text}, tables__activities=source)
        assert export.activities is not None
        assert len(export.activities) == 2

    def test_rows_that_differ_in_one_column_are_two(self, tmp_path: Path) -> None:
        moment = "2026-01-09 10:00"
        rows = [
            f"L1,form,{moment},,1,,",
            f"L1,chat,{moment},,1,,",
            f"L1,form,{moment},,2,,",
            f"L1,form,{moment},,,,",
            f"L1,form,{moment},,1,Fair,",
            f"L1,form,{moment},2026-01-10,1,,",
            f"L2,form,{moment},,1,,",
        ]
        _, report = read(tmp_path, alone("touches.csv", *rows, *rows))
        assert report["activities"].used == len(rows)
        assert report["activities"].set_aside == {"repeated_row": len(rows)}

    def test_an_unknown_type_counts_as_something_else(self, tmp_path: Path) -> None:
        rows = ["L1,x,2026-01-09,,,,", "L1,x,2026-01-10,,,,out", "L1,y,2026-01-11,,,,incoming"]
        export, report = read(tmp_path, alone("touches.csv", *rows))
        assert export.activities is not None
        kinds = [KINDS[kind] for kind in export.activities.kind]
        assert kinds == ["other_inbound", "other_outbound", "other_inbound"]
        assert export.activities.by_lead.tolist() == [True, False, True]
        assert next(f for f in report.fates if f.defect == "unknown_type").note == (
            "'x' (2), 'y' (1)"
        )

    def test_an_empty_moment_of_a_constant_stage_means_that_it_was_not_entered(
        self, tmp_path: Path
    ) -> None:
        text = "Id,became_sql\nL1,2026-01-09\nL2,\nL3,soon\nL4,\n"
        source = {
            "file": "props.csv",
            "columns": {"lead_id": "Id", "entered_at": "became_sql"},
            "constants": {"stage": "sql"},
        }
        export, report = read(tmp_path, {"props.csv": text}, tables__stages=source)
        assert export.stages is not None
        assert export.stages.stage.tolist() == [1]
        assert report["stages"].set_aside == {"not_happened": 2}
        assert report["stages"].left_out == {"unreadable_moment": 1}

    def test_only_takes_the_rows_of_one_log_apart(self, tmp_path: Path) -> None:
        source = {
            "file": "changes.csv",
            "only": {"Field": ["status"]},
            "columns": {"lead_id": "Lead", "stage": "NewValue", "entered_at": "ChangedAt"},
        }
        rows = ["L3,Status,SQL,2026-01-09,", "L4, STATUS,sql,2026-02-09,"]
        export, report = read(tmp_path, with_rows("changes.csv", *rows), tables__stages=source)
        assert export.stages is not None
        assert export.stages.lead.tolist() == [2, 3]
        assert report["stages"].set_aside == {"not_selected": 6}
        assert (report["stages"].read, report["stages"].used) == (8, 2)

    def test_changes_of_clocks_are_counted(self, tmp_path: Path) -> None:
        rows = ["L3,form,2026-03-29 02:30,,,,", "L3,form,2025-10-26 02:30,,,,"]
        export, report = read(
            tmp_path, alone("touches.csv", *rows), timezone="Europe/Berlin", extracted_at=None
        )
        assert export.activities is not None
        assert export.activities.occurred_at.tolist() == [
            at("2025-10-26 01:30"),
            at("2026-03-29 01:00"),
        ]
        assert report.count("activities", "skipped_hour") == 1
        assert report.count("activities", "doubled_hour") == 1

    def test_contacts_with_a_history(self, tmp_path: Path) -> None:
        text = "lead_id,known_at,Email,Phone\nL1,2026-01-09,b@example.com,1\n"
        text += "L1,2026-01-08,a@example.com,2\nL2,,c@example.com,3\n"
        fields = {
            "email": {"type": "email", "from": "contacts", "column": "Email", "known": "history"},
            "phone": {
                "type": "phone",
                "from": "contacts",
                "column": "Phone",
                "known": "set_at_creation",
            },
        }
        export, report = read(
            tmp_path,
            {"contacts.csv": text},
            tables__contacts={"file": "contacts.csv"},
            fields=fields,
        )
        email = export.histories["email"]
        assert email.value.tolist() == ["a@example.com", "b@example.com"]
        assert (np.diff(email.known_at) == DAY).all()
        assert export.histories["phone"].value.tolist() == ["2", "1", "3"]
        assert report.count("contacts", "untimed_contact") == 1

    def test_ids_are_the_same_as_numbers_and_as_text(self, tmp_path: Path) -> None:
        write_small_export(tmp_path)
        pq.write_table(
            pa.table({"lead_id": [7, 8], "created_at": [1_767_607_200] * 2}), tmp_path / "l.parquet"
        )
        stages = (
            "lead_id,stage,entered_at\n7,sql,2026-01-09\n ۸ ,sql,2026-01-09\n9,sql,2026-01-09\n"
        )
        (tmp_path / "s.csv").write_text(stages, encoding="utf-8")
        deals = pa.table(
            {"lead_id": [8.0, None], "outcome": ["won", "won"], "closed_at": ["2026-01-09"] * 2}
        )
        pq.write_table(deals, tmp_path / "d.parquet")
        content = {
            "dataset": "x",
            "tables": {
                "leads": {"file": "l.parquet"},
                "stages": {"file": "s.csv"},
                "deals": {"file": "d.parquet"},
            },
            "stages": {"order": ["sql"]},
            "most_left_out": 1,
        }
        export, report = read_export(tmp_path, CrmMapping.read(content))
        assert export.leads.ids.tolist() == ["7", "8"]
        assert export.stages is not None
        assert export.stages.lead.tolist() == [0, 1]
        assert export.deals is not None
        assert export.deals.lead.tolist() == [1]
        assert report["deals"].set_aside == {"no_lead": 1}

    def test_a_joined_file_is_also_reached_by_its_name(self, tmp_path: Path) -> None:
        fields = {
            "account": {
                "type": "category",
                "column": "accounts.Id",
                "known": "set_at_creation",
            }
        }
        export, _ = read(tmp_path, fields=fields)
        assert export.leads.values["account"].tolist()[:3] == ["A1", "A1", "A2"]

    def test_nothing_is_not_a_key_of_a_join(self, tmp_path: Path) -> None:
        # L7 has no account, and neither has a row of the joined file.
        export, _ = read(tmp_path, with_rows("accounts.csv", ",5000,Nowhere"))
        assert np.isnan(export.leads.values["employees"][6])

    def test_a_word_may_mean_nothing(self, tmp_path: Path) -> None:
        words = {"direction": {"0": "", "1": "inbound"}, "type": {"ping": ""}}
        rows = ["L1,meeting,2026-01-09,,,,0", "L1,ping,2026-01-09,,,,", "L1,other,2026-01-10,,,,1"]
        export, report = read(
            tmp_path, alone("touches.csv", *rows), tables__activities__words=words
        )
        assert export.activities is not None
        assert [KINDS[kind] for kind in export.activities.kind] == ["meeting", "other_inbound"]
        assert report.count("activities", "unknown_direction") == 0
        assert report["activities"].left_out == {}
        assert report["activities"].set_aside == {"not_counted": 1}

    def test_a_stage_may_mean_nothing_and_so_may_every_other_one(self, tmp_path: Path) -> None:
        words = {"stage": {"idle": "", "*": ""}}
        rows = [
            "L1,Lead,2026-01-09,",
            "L1,idle,2026-01-10,",
            "L1,x,2026-01-11,",
            "L1,n/a,2026-01-12,",
        ]
        export, report = read(tmp_path, alone("stages.csv", *rows), tables__stages__words=words)
        assert export.stages is not None
        assert len(export.stages) == 1
        assert report["stages"].set_aside == {"not_counted": 2}
        assert report["stages"].left_out == {"unknown_stage": 1}

    def test_an_empty_table_is_a_table_without_facts(self, tmp_path: Path) -> None:
        empty = {name: alone(name)[name] for name in ("touches.csv", "stages.csv", "deals.csv")}
        export, report = read(tmp_path, empty | alone("changes.csv"))
        assert report.broken == ()
        assert [
            len(x) for x in (export.activities, export.stages, export.deals) if x is not None
        ] == [0] * 3
        assert len(export.histories["budget"]) == 0
        assert "No row of field_changes is about the field budget" in report.notes

    def test_a_field_that_is_not_used_may_be_missing(self, tmp_path: Path) -> None:
        fields = {"x": {"type": "number", "column": "Nowhere"}}
        export, report = read(tmp_path, fields=fields)
        assert report.broken == ()
        assert "x" not in export.leads.values
        assert any("not used" in note for note in report.notes)


class TestEndsThatCannotBeUsed:
    """A lead of whom an end is told is not open only because its row cannot be used."""

    @pytest.mark.parametrize(
        ("row", "unsure"),
        [
            ("L7,maybe,2026-03-09,,,", ["L7"]),
            ("L7,maybe,,,,", ["L7"]),
            ("L7,won,,,,", ["L7"]),
            ("L7,lost,soon,,,", ["L7"]),
            ("L7,won,2026-03-09,later,,", ["L7"]),
            ("L7,won,2026-02-01,,,", ["L7"]),
            ("L7,open,soon,,,", []),
            ("L7,won,2026-04-09,,,", []),  # after the export: it has not happened
            ("L7,maybe,2026-04-09,,,", []),
            ("L7,won,2026-03-09,2026-04-09,,", []),
            ("L99,won,,,,", []),
            (",won,,,,", []),
            ("L1,won,,,,", []),  # another row says when it was won
            ("L2,won,,,,", ["L2"]),  # lost, and perhaps won before
            ("L2,lost,2025-01-01,,,", []),  # of an earlier lead of that person
        ],
    )
    def test_deals(self, row: str, unsure: list[str], tmp_path: Path) -> None:
        export, report = read(tmp_path, with_rows("deals.csv", row, row))
        assert export.deals is not None
        assert export.leads.ids[export.deals.unsure].tolist() == unsure
        notes = [note for note in report.notes if "neither won nor lost nor open" in note]
        assert [note.endswith(f"First: {unsure[0]}") for note in notes if unsure] == [True] * len(
            unsure
        )
        assert bool(notes) == bool(unsure)

    @pytest.mark.parametrize(
        ("row", "unsure"),
        [
            ("L7,Won,,", ["L7"]),
            ("L7,Lost,soon,", ["L7"]),
            ("L7,Won,2026-02-01,", ["L7"]),
            ("L7,SQL,,", []),
            ("L7,SQL,2026-02-01,", []),
            ("L7,Won,2026-04-09,", []),
            ("L7,Won,2026-03-09,2026-04-09", []),
            ("L99,Won,,", []),
            ("L1,Lost,,", []),
        ],
    )
    def test_stages(self, row: str, unsure: list[str], tmp_path: Path) -> None:
        export, _ = read(tmp_path, with_rows("stages.csv", row))
        assert export.stages is not None
        assert export.leads.ids[export.stages.unsure].tolist() == unsure

    def test_a_lead_that_was_recorded_after_its_win(self, tmp_path: Path) -> None:
        leads = "Id,CreatedDate,AccountId,ContactId,Industry,Source,known_at\n"
        leads += "L1,2026-01-05,,,,,2026-02-10\n"
        export, _ = read(tmp_path, {"leads.csv": leads})
        assert export.deals is not None
        assert export.stages is not None
        assert export.deals.unsure.tolist() == export.stages.unsure.tolist() == [0]

    def test_a_file_of_one_stage_tells_by_an_empty_moment_that_it_was_not_entered(
        self, tmp_path: Path
    ) -> None:
        source = {
            "file": "props.csv",
            "columns": {"lead_id": "Id", "entered_at": "at"},
            "constants": {"stage": "won"},
        }
        text = "Id,at\nL1,2026-01-09\nL2,\nL3,soon\n"
        export, _ = read(tmp_path, {"props.csv": text}, tables__stages=source)
        assert export.stages is not None
        assert export.stages.unsure.tolist() == [2]


class TestContradictions:
    @pytest.mark.parametrize("turned", [False, True])
    def test_the_order_of_rows_does_not_settle_them(self, turned: bool, tmp_path: Path) -> None:
        changes = [f"L2,Budget__c,{value},2026-01-08 10:00," for value in ("100", "9", "", "9")]
        leads = [
            "L9,2026-03-09 08:00:00,A1,C1,Retail,web",
            "L9,2026-03-09 08:00:00,A2,C2,Mining,event",
            "L9,2026-03-09 09:00:00,A3,C3,Wood,event",
        ]
        contacts = ["C7,zoe@example.org,5", "C7,,7"]
        tables: dict[str, str] = {}
        for name, rows in (
            ("changes.csv", changes),
            ("leads.csv", leads),
            ("contacts.csv", contacts),
        ):
            tables |= with_rows(name, *(reversed(rows) if turned else rows))
        export, report = read(tmp_path, tables)
        budget = export.histories["budget"]
        np.testing.assert_array_equal(budget.value[budget.lead == 1], [8000, np.nan, 9, 9, 100])
        assert export.leads.account is not None
        assert export.leads.values["industry"][-1] == "Retail"
        assert export.leads.account[-1] == "A1"
        for name, value in (("email", "zoe@example.org"), ("phone", "7")):
            history = export.histories[name]
            assert history.value[history.lead == 6][-1] == value
        assert report.count("leads", "contradicting_row") == 1
        assert report["leads"].left_out == {"repeated_lead": 2}
        assert report.count("field_changes", "contradicting_row") == 2
        assert report.count("contacts", "contradicting_row") == 4  # two of each field

    def test_equal_rows_contradict_nothing(self, tmp_path: Path) -> None:
        rows = TABLES["leads.csv"].splitlines()[1:]
        _, report = read(tmp_path, with_rows("leads.csv", *rows))
        assert report.count("leads", "contradicting_row") == 0
        assert report["leads"].left_out == {"repeated_lead": 8}


class TestOldValues:
    HEADER = "Lead,Field,old_value,NewValue,ChangedAt,SavedAt\n"

    def test_that_of_the_first_change_is_known_since_the_creation(self, tmp_path: Path) -> None:
        text = self.HEADER + (
            "L1,Budget__c,200,300,2026-01-09,\n"
            "L1,Budget__c,100,200,2026-01-08,2026-01-20\n"
            "L2,Budget__c,,50,2026-01-08,\n"
            "L3,Budget__c,7,8,2026-01-07 05:30,\n"  # of the creation itself
            "L4,Budget__c,much,8,2026-02-09,\n"
            "L6,Budget__c,1,2,2026-05-01,\n"
        )
        export, report = read(tmp_path, {"changes.csv": text})
        budget = export.histories["budget"]
        assert budget.lead.tolist() == [0, 0, 0, 1, 2, 3]
        assert budget.value.tolist() == [100, 200, 300, 50, 8, 8]
        created = export.leads.created_at[0]
        assert budget.changed_at[0] == budget.known_at[0] == created
        assert report.count("field_changes", "wrong_value") == 1
        assert_lawful(export)


class TestLateContacts:
    FIELD = {"type": "email", "from": "contacts", "column": "Email"}

    def test_what_is_set_at_creation_counts_from_then_on(self, tmp_path: Path) -> None:
        text = "lead_id,known_at,Email\nL1,2026-03-01,a@example.com\nL1,2026-03-09,b@example.com\n"
        text += "L2,2025-03-01,c@example.com\n"
        export, report = read(
            tmp_path,
            {"contacts.csv": text},
            tables__contacts={"file": "contacts.csv"},
            fields={"email": self.FIELD | {"known": "set_at_creation"}},
        )
        email = export.histories["email"]
        assert email.value.tolist() == ["a@example.com", "b@example.com", "c@example.com"]
        assert email.known_at[0] == export.leads.created_at[0]
        assert email.known_at[1] == at("2026-03-10") - 1
        assert email.known_at[2] < export.leads.created_at[1]
        assert not any("seems to be the last edit" in note for note in report.notes)

    @pytest.mark.parametrize(("late", "noted"), [(2, False), (3, True)])
    def test_a_history_that_is_only_the_last_edit_is_noted(
        self, late: int, noted: bool, tmp_path: Path
    ) -> None:
        text = "lead_id,known_at,Email\n"
        for number, created in enumerate(("01-05", "01-06", "01-07", "02-01"), 1):
            day = "03-20" if number <= late else created
            text += f"L{number},2026-{day},a@example.com\n"
        _, report = read(
            tmp_path,
            {"contacts.csv": text},
            tables__contacts={"file": "contacts.csv"},
            fields={"email": self.FIELD | {"known": "history"}},
        )
        notes = [note for note in report.notes if "seems to be the last edit" in note]
        assert bool(notes) == noted
        if noted:
            assert "75% of the contacts" in notes[0]


class TestParquetTypes:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pa.array(["a", None], pa.string_view()), ["a", None]),
            (pa.array([b"a", None], pa.binary()), ["a", None]),
            (pa.array([b"a", None], pa.binary(1)), ["a", None]),
            (pa.array([b"a", b"a"], pa.binary()).dictionary_encode(), ["a", "a"]),
            (pa.array(np.array([1.5, 2], np.float16)), [1.5, 2.0]),
            (pa.array([1, 1]).dictionary_encode(), [1, 1]),
        ],
    )
    def test_odd_ones_become_plain(self, column: Any, expected: list[Any], tmp_path: Path) -> None:
        pq.write_table(pa.table({"x": column}), tmp_path / "x.parquet")
        found = read_table(tmp_path / "x.parquet", {"x"}).table.column("x")
        assert found.to_pylist() == expected
        assert id_texts(found).to_pylist() == [
            None if c is None else f"{c:g}" if isinstance(c, float) else str(c) for c in expected
        ]

    @pytest.mark.parametrize(
        "column",
        [
            pa.array([b"\xff"] * 8),
            pa.array([10**14] * 8, pa.timestamp("s")),
        ],
    )
    def test_others_break_the_contract(self, column: Any, tmp_path: Path) -> None:
        write_small_export(tmp_path)
        table = pa.Table.from_pandas(pd.read_csv(tmp_path / "stages.csv", dtype=str))
        table = table.set_column(1, "stage", column)
        pq.write_table(table, tmp_path / "stages.parquet")
        _, report = read(tmp_path, tables__stages__file="stages.parquet")
        assert len(report.broken) == 1
        assert "stages" in report.broken[0]
        assert "stages.parquet" in report.broken[0]

    def test_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"x": [b"\xff\xfe"]}), tmp_path / "x.parquet")
        with pytest.raises(FileFormatError, match=r"Found: 'x' of x\.parquet holds binary"):
            read_table(tmp_path / "x.parquet", {"x"})


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("Carrier pigeon", True),
        ("40000001", True),
        ("stage 2", True),
        ("anna@example.com", False),
        ("write to anna@example.com", False),
        ("+1 202 555 0199", False),
        ("call (202) 555-0199", False),
        ("09120000001", False),
        ("x" * 40, True),
        ("x" * 41, False),
    ],
)
def test_words_that_may_be_personal_are_not_shown(word: str, shown: bool) -> None:
    named = coded_words([pa.array([word])], [{}]).named(np.ones(1, dtype=bool))
    assert named == (f"{word!r} (1)" if shown else "a word that is not shown (1)")


class TestMomentOfTheExport:
    def test_without_it_the_newest_moment_that_is_past_stands_for_it(self, tmp_path: Path) -> None:
        rows = ["L1,form,2026-03-20 10:00,,,,", "L1,meeting,2027-01-01,,,,"]
        deals = with_rows("deals.csv", "L6,open,2026-03-30,,,")
        export, report = read(
            tmp_path,
            with_rows("touches.csv", *rows) | deals,
            extracted_at=None,
            now=datetime(2026, 6, 1, tzinfo=UTC),
        )
        assert export.extracted_at == report.extracted_at == at("2026-03-20 10:00")
        assert report["activities"].set_aside == {"planned": 1}
        assert "extracted_at is not in crm.yaml" in report.notes[0]
        assert "1 activities are dated after it, up to 2027-01-01T23:59:59" in report.notes[0]

    def test_a_closing_may_be_the_newest(self, tmp_path: Path) -> None:
        deals = with_rows("deals.csv", "L6,won,2026-03-30 10:00,,,")
        export, _ = read(tmp_path, deals, extracted_at=None)
        assert export.extracted_at == at("2026-03-30 10:00")

    def test_facts_of_that_very_moment_are_in_the_export(self, tmp_path: Path) -> None:
        rows = ["L1,form,2026-04-01 00:00:00,,,,", "L1,form,2026-04-01 00:00:00.000001,,,,"]
        _, report = read(tmp_path, alone("touches.csv", *rows))
        assert (report["activities"].used, report["activities"].left_out) == (1, {"future": 1})

    def test_an_earlier_one_shows_the_export_as_it_was(self, tmp_path: Path) -> None:
        export, _ = read(tmp_path, extracted_at="2026-01-10T00:00:00Z")
        assert export.leads.ids.tolist() == ["L1", "L2", "L3"]
        assert export.deals is not None
        assert (export.deals.outcome != OPEN).sum() == 0
        assert export.stages is not None
        assert len(export.stages) == 3


class TestBrokenContracts:
    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            (
                {"tables__stages__file": "nowhere.csv"},
                "stages: Every file that crm.yaml names must be in the export's folder. "
                "Found: no file nowhere.csv",
            ),
            (
                {"tables__leads__columns": {"lead_id": "ID", "created_at": "CreatedDate"}},
                "leads: Every column that crm.yaml names must be in its file. Found: no column "
                "'ID' in leads.csv (lead_id of leads). Did you mean 'Id'?",
            ),
            (
                {"tables__stages__columns": {"lead_id": "lead"}},
                "no column 'entered_at' in stages.csv (stages requires it)",
            ),
            (
                {
                    "fields": {
                        "x": {"type": "number", "known": "set_at_creation", "column": "Emploees"}
                    }
                },
                "no column 'Emploees' in leads.csv (field x). Did you mean 'accounts.Employees'?",
            ),
            (
                {"tables__leads__join": [{"file": "accounts.csv", "on": {"AccountId": "ID"}}]},
                "no column 'ID' in accounts.csv (key of a join)",
            ),
            (
                {"tables__leads__join": [{"file": "accounts.csv", "on": {"Account": "Id"}}]},
                "no column 'Account' in leads.csv (join with accounts.csv)",
            ),
            (
                {"tables__stages__only": {"Fields": ["x"]}},
                "no column 'Fields' in stages.csv (only of stages)",
            ),
            (
                {"tables__contacts__columns": {}, "tables__leads__columns__contact_id": "Source"},
                "contacts must have lead_id, or contact_id must be in contacts and leads",
            ),
            (
                {
                    "fields": {
                        "email": {
                            "type": "email",
                            "from": "contacts",
                            "column": "Email",
                            "known": "history",
                        }
                    }
                },
                "with known: history needs known_at in contacts. Found: field email",
            ),
            (
                {"stages__order": ["prospect"], "stages__hand_over": None},
                "Most words of stages must be known. Found: 6 of 8 rows with others: "
                "'Lead' (4), 'SQL' (2)",
            ),
        ],
    )
    def test_what_is_missing_is_named(
        self, parts: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        _, report = read(tmp_path, **parts)
        assert message in "\n".join(report.broken)
        assert report.exit_code == 2
        with pytest.raises(InputError, match="must keep the contract of its tables"):
            report.raise_if_broken()

    def test_rows_of_which_none_names_a_lead(self, tmp_path: Path) -> None:
        _, report = read(tmp_path, alone("deals.csv", ",won,2026-01-09,,,", ",open,,,,"))
        assert "Rows of deals must name their lead. Found: none of 2 rows" in report.broken[0]

    def test_without_leads_there_is_nothing(self, tmp_path: Path) -> None:
        export, report = read(tmp_path, tables__leads__file="nowhere.csv")
        assert len(export.leads) == 0
        assert report.exit_code == 2

    def test_no_usable_lead(self, tmp_path: Path) -> None:
        export, report = read(tmp_path, alone("leads.csv", "L1,soon,,,,"))
        assert any("At least one lead must be usable" in message for message in report.broken)
        assert report["activities"].left_out == {"orphan": 8}
        assert len(export.leads) == 0

    def test_outcomes_are_needed_for_training_only(self, tmp_path: Path) -> None:
        parts = {"stages__won": [], "stages__order": ["lead", "sql", "won"]}
        _, report = read(tmp_path, drop="deals", **parts)
        assert "An export must tell which leads were won" in report.broken[0]
        _, report = read(tmp_path, drop="deals", needs_outcomes=False, **parts)
        assert report.broken == ()

    @pytest.mark.parametrize(("most", "broken"), [(0.19, True), (0.20, False)])
    def test_too_many_rows_left_out(self, most: float, broken: bool, tmp_path: Path) -> None:
        # Eight good rows and two orphans; repeated rows do not count.
        rows = ["L99,form,2026-01-09,,,,", "L98,form,2026-01-09,,,,"]
        rows += TABLES["touches.csv"].splitlines()[1:]
        _, report = read(tmp_path, with_rows("touches.csv", *rows), most_left_out=most)
        assert report["activities"].share_left_out == pytest.approx(0.2)
        assert bool(report.broken) == broken
        if broken:
            assert report.broken[0].startswith(
                "At most 19% of the rows of activities may be left out. Found: 2 of 18: 2 orphan."
            )

    def test_a_damaged_file_is_named(self, tmp_path: Path) -> None:
        write_small_export(tmp_path)
        (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
        _, report = read(tmp_path, tables__stages={"file": "x.parquet"})
        assert "stages: The Parquet file must be whole. Found: x.parquet" in report.broken[0]


def test_the_report_holds_no_personal_value_and_says_everything(tmp_path: Path) -> None:
    dirt = with_rows("contacts.csv", "C1,secret@example.com,+1 202 555 0199")
    dirt |= with_rows("changes.csv", "L3,Budget__c,secret,2026-01-09,")
    dirt |= with_rows("deals.csv", "L9,won,2026-01-09,,,")
    _, report = read(tmp_path, dirt, most_left_out=0.2)
    text = report.render()
    document = json.dumps(report.to_json())
    for said in (text, document, *report.broken):
        assert "secret" not in said
    assert "deals: 1 x names a lead that is not among the leads in use" in text
    assert "first: L9" in text
    assert "At most 20% of the rows of deals may be left out. Found: 1 of 4" in text
    assert json.loads(document)["exit_code"] == 2
    assert json.loads(document)["extracted_at"] == "2026-04-01T00:00:00Z"
    _, clean = read(tmp_path / "clean")
    assert clean.render().endswith("The contract holds.\n")


CELLS = st.sampled_from(
    [
        "",
        "n/a",
        "L1",
        "L2",
        " L3 ",
        "L99",
        "2026-01-09",
        "2026-01-09 10:00",
        "2026-01-05 09:00",
        "۲۰۲۶-۰۱-۰۹",
        "1767952800",
        "2099-01-01",
        "soon",
        "lead",
        "SQL",
        "won",
        "lost",
        "open",
        "paused",
        "form",
        "call",
        "in",
        "up",
        "-5",
        "1,5",
        "12",
        "Budget__c",
        "Industry",
        "x,y",
    ]
)
FILES = {
    "leads": "leads.csv",
    "contacts": "contacts.csv",
    "field_changes": "changes.csv",
    "activities": "touches.csv",
    "stages": "stages.csv",
    "deals": "deals.csv",
    "spend": "spend.csv",
}


@st.composite
def dirty(draw: st.DrawFn, name: str) -> tuple[int, str]:
    """A table of the small export with random cells put in: its rows and its text."""
    header, *rows = TABLES[name].splitlines()
    cells = [row.split(",") if '"' not in row else row.split('"')[0].split(",") for row in rows]
    width = len(header.split(","))
    found = []
    for row in draw(st.lists(st.sampled_from(cells), max_size=12)):
        filled = [*row, *[""] * width][:width]
        for place in draw(st.lists(st.integers(0, width - 1), max_size=3)):
            filled[place] = draw(CELLS)
        if draw(st.integers(0, 12)) == 0:
            filled += ["x", "y"]
        if any(filled):
            found.append(",".join(f'"{cell}"' for cell in filled))
    return len(found), "\n".join([header, *found]) + "\n"


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nothing_is_lost_silently(data: st.DataObject, tmp_path: Path) -> None:
    """Law: rows read = rows used + rows left out + rows set aside, whatever the dirt."""
    made = {table: data.draw(dirty(file), label=table) for table, file in FILES.items()}
    export, report = read(tmp_path, {FILES[table]: text for table, (_, text) in made.items()})
    told = {table.name for table in report.tables}
    for name in made.keys() - told:
        # A file in which every line is too long cannot be read; without leads nothing is.
        assert any(message.startswith((f"{name}:", "leads:")) for message in report.broken)
    for table in report.tables:
        lost = sum(table.left_out.values()) + sum(table.set_aside.values())
        assert table.read == table.used + lost
        assert table.read == made[table.name][0]
        for defect, count in {**table.left_out, **table.set_aside}.items():
            assert report.count(table.name, defect) == count
    sizes = {"activities": export.activities, "stages": export.stages, "deals": export.deals}
    for name, facts in {"leads": export.leads, **sizes, "spend": export.spend}.items():
        if facts is not None and name in told:
            assert len(facts) == report[name].used
    assert_lawful(export)


def assert_lawful(export: Export) -> None:
    """What every export promises: order, places, moments."""
    n, end = len(export.leads), export.extracted_at
    assert len(set(export.leads.ids)) == n
    order = list(zip(export.leads.created_at.tolist(), export.leads.ids.tolist(), strict=True))
    assert order == sorted(order)
    assert (export.leads.created_at <= end).all()
    parts: list[Any] = [*export.histories.values(), *export.recorded.values()]
    parts += [part for part in (export.activities, export.stages) if part is not None]
    moments = {"FieldHistory": "changed_at", "Activities": "occurred_at", "Stages": "entered_at"}
    for part in parts:
        moment = getattr(part, moments[type(part).__name__])
        assert ((part.lead >= 0) & (part.lead < n)).all()
        assert (part.known_at >= moment).all()
        assert (part.known_at <= end).all()
        keys = list(zip(part.lead.tolist(), moment.tolist(), part.known_at.tolist(), strict=True))
        assert keys == sorted(keys)
    if export.stages is not None:
        assert (export.stages.entered_at >= export.leads.created_at[export.stages.lead]).all()
    if export.deals is not None:
        deals = export.deals
        closed = deals.outcome != OPEN
        assert (deals.closed_at[~closed] == NEVER).all()
        shown = deals.known_at[~closed]
        assert ((shown <= end) | (shown == NEVER)).all()
        assert (deals.closed_at[closed] >= export.leads.created_at[deals.lead[closed]]).all()
        assert (deals.known_at[closed] >= deals.closed_at[closed]).all()
        assert (deals.known_at[closed] <= end).all()


@given(rows=st.lists(st.tuples(*[st.integers(0, 2)] * 4), max_size=12))
def test_order_and_repeats_agree_with_plain_sorting(rows: list[tuple[int, ...]]) -> None:
    columns = [np.array([row[at] for row in rows], dtype=np.int64) for at in range(4)]
    order, repeats = in_order(columns[:2], columns[2:])
    expected = sorted(range(len(rows)), key=lambda at: (rows[at], at))
    assert order.tolist() == expected
    found = [rows[place] for place in order]
    assert repeats.tolist() == [at > 0 and found[at] == found[at - 1] for at in range(len(found))]
    # Without the rest, ties stay as they came.
    loose, none = in_order(columns[:2])
    assert loose.tolist() == sorted(range(len(rows)), key=lambda at: (rows[at][:2], at))
    assert not none.any()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, -1, 3]),
        pa.array([1.5, np.nan, -1.0, np.inf]),
        pa.array([1.5, None, -1.0, 1e300], pa.float64()).dictionary_encode(),
        pa.array([1.5, None, -1.0, 2], pa.float32()),
    ],
)
def test_numeric_columns_are_read_as_their_cells_are(column: Any) -> None:
    field = Column("x", "number", missing=("-1", "n/a"))
    values, wrong = read_columns([column], field, ("", "?"))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    slow, slow_wrong = read_columns([column.dictionary_encode()], field, ("", "?"))
    np.testing.assert_array_equal(values, slow)
    assert wrong.tolist() == slow_wrong.tolist() == [False] * 4
    assert np.isnan(values[[1, 2]]).all()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([" a ", "", None, "N/A", "A"]), ["a", None, None, None, "A"]),
        (pa.array(["x", "n/a", "y"]).dictionary_encode(), ["x", None, "y"]),
        (pa.array([7, None], pa.int32()), ["7", None]),
        (pa.array([7.0, np.nan, 1.5]), ["7", None, "1.5"]),
        (pa.array(["۱۲", "a۳"]), ["12", "a3"]),
        (pa.array([True]), ["true"]),
        (pa.nulls(2), [None, None]),
        (pa.chunked_array([["a"], ["b"]]), ["a", "b"]),
    ],
)
def test_ids_are_text(column: Any, expected: list[str | None]) -> None:
    assert id_texts(column, ("", "n/a")).to_pylist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_direction_says_who_did_it(kind: str) -> None:
    assert kind_and_side(kind, None) == (kind, kind in BY_LEAD)
    for inbound in (True, False):
        other, by_lead = kind_and_side(kind, inbound)
        assert by_lead == inbound
        if (kind in BY_LEAD) == inbound:
            assert other == kind
        else:
            assert other == kind or (other in BY_LEAD) == inbound
            assert kind_and_side(other, kind in BY_LEAD)[0] == kind


def test_an_export_dated_to_come_is_refused_and_a_silent_one_is_told(tmp_path):
    """Every open lead would count as a loss if the export were younger than it is."""
    with pytest.raises(InputError, match=r"extracted_at must be a moment in the past"):
        read(
            tmp_path / "a",
            extracted_at="2030-01-01T00:00:00Z",
            now=datetime(2029, 1, 1, tzinfo=UTC),
        )
    _, report = read(
        tmp_path / "b", extracted_at="2029-12-31T00:00:00Z", now=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert any("days before extracted_at" in note for note in report.notes)
