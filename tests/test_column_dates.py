"""Dates of an export's columns: decided by the whole column, told, and used for requests too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scoring_ml.data.crm.column_dates import unread_pattern
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.moments import DateForm, moment_of
from scoring_ml.features.crm_snapshot import crm_history
from scoring_ml.features.lead_entries import read_cells


def read(folder: Path, dates: list[str], **keys: Any) -> tuple[Export, ExportReport, Any]:
    """Read an export of leads that were created on some dates and met on the same ones."""
    rows = "".join(f"{number},{text},{text}\n" for number, text in enumerate(dates))
    (folder / "leads.csv").write_text(f"lead_id,created_at,met\n{rows}", encoding="utf-8")
    content = {
        "dataset": "x",
        "extracted_at": "2026-06-01T00:00:00Z",
        "tables": {"leads": {"file": "leads.csv"} | keys.pop("source", {})},
        "fields": {"met": {"type": "date", "known": "set_at_creation", "reason": "form"}},
    }
    mapping = CrmMapping.read(content | keys)
    export, report = read_export(
        folder, mapping, needs_outcomes=False, now=datetime(2026, 7, 1, tzinfo=UTC)
    )
    return export, report, mapping


@pytest.mark.parametrize(
    ("dates", "expected", "note"),
    [
        (
            ["03/04/2025 10:00", "12/31/2025 10:00"],
            ["2025-03-04", "2025-12-31"],
            "day_first: false",
        ),
        (
            ["1403/10/13 10:00", "1403/12/30 10:00"],
            ["2025-01-02", "2025-03-20"],
            "calendar: jalali",
        ),
        (["45659.5", "45660.5"], ["2025-01-02", "2025-01-03"], "epoch: excel"),
    ],
)
def test_a_column_decides_how_its_dates_are_read(
    tmp_path: Path, dates: list[str], expected: list[str], note: str
) -> None:
    export, report, mapping = read(tmp_path, dates)
    assert report.broken == ()
    assert any(
        text.startswith("leads.created_at in leads.csv") and note in text for text in report.notes
    )
    days = [str(day)[:10] for day in export.leads.created_at.astype("datetime64[us]")]
    assert days == expected
    # The field and a request are read alike.
    assert [str(day)[:10] for day in export.leads.values["met"]] == expected
    history = crm_history(export, mapping)
    found, errors = read_cells(dates, history, "leads.created_at")
    assert (found.values.tolist(), errors) == (export.leads.created_at.tolist(), [])


def test_a_contradiction_breaks_the_contract_until_it_is_decided(tmp_path: Path) -> None:
    dates = ["03/04/2025", "12/31/2025", "31/12/2025"]
    _, report, _ = read(tmp_path, dates)
    assert len(report.broken) == 1
    assert "Dates of one column must be written alike" in report.broken[0]
    assert "the day is first in 1 row(s), the first 31/12/2025 on line 4" in report.broken[0]
    for keys in (
        {"day_first": True},
        {"source": {"dates": {"created_at": {"day_first": True}}}},
    ):
        export, report, _ = read(tmp_path, dates, **keys)
        assert report.broken == ()
        assert any("the day is first in" in note for note in report.notes)
        assert export.leads.created_at[0] == moment_of("2025-04-03")


@pytest.mark.parametrize("stated", [True, False])
def test_a_stated_form_that_every_date_speaks_against_breaks_the_contract(
    tmp_path: Path, stated: bool
) -> None:
    dates = ["03/04/2025", "12/31/2025" if stated else "31/12/2025"]
    for keys in (
        {"day_first": stated},
        {"source": {"dates": {"created_at": {"day_first": stated}}}},
    ):
        _, report, _ = read(tmp_path, dates, **keys)
        assert any(f"state day_first: {str(not stated).lower()}" in text for text in report.broken)
    _, report, _ = read(tmp_path, dates, day_first=not stated)
    assert report.broken == ()


def test_one_column_s_proof_decides_another_one_of_the_export(tmp_path: Path) -> None:
    (tmp_path / "stages.csv").write_text(
        "lead_id,stage,entered_at\n0,new,12/31/2025\n1,new,03/04/2025\n", encoding="utf-8"
    )
    tables = {"leads": {"file": "leads.csv"}, "stages": {"file": "stages.csv"}}
    stages = {"order": ["new"]}
    dates = ["03/04/2025", "05/06/2025"]
    export, report, mapping = read(tmp_path, dates, tables=tables, stages=stages)
    days = [moment_of(day) for day in ("2025-03-04", "2025-05-06")]
    assert export.leads.created_at.tolist() == days
    assert export.leads.values["met"].astype("datetime64[us]").astype(int).tolist() == days
    assert (
        read_cells(dates, crm_history(export, mapping), "leads.created_at")[0].values[0] == days[0]
    )
    proof = "month first, as stages.entered_at in stages.csv shows (1 row(s)"
    assert any(note.startswith("leads.created_at") and proof in note for note in report.notes)
    assert not any("no date shows" in note for note in report.notes)


def test_what_no_date_shows_is_said(tmp_path: Path) -> None:
    _, report, _ = read(tmp_path, ["03/04/2025", "05/06/2025"])
    assert any("no date shows whether the day or the month is first" in n for n in report.notes)
    _, report, _ = read(tmp_path, ["03/03/2025", "06/06/2025"])
    assert not any("no date shows" in note for note in report.notes)


def test_placeholders_count_as_empty_in_the_export_and_in_requests(tmp_path: Path) -> None:
    dates = [f"2025-01-{day:02} 10:00" for day in range(1, 29)]
    dates += ["1970-01-01 00:00", "0000-00-00 00:00"]
    export, report, mapping = read(tmp_path, dates)
    assert len(export.leads) == 28
    assert report["leads"].left_out == {"no_moment": 2}
    assert any("2 cell(s) stand for no date" in note for note in report.notes)
    found, _ = read_cells(dates[-2:], crm_history(export, mapping), "leads.created_at")
    assert found.missing.all()


def test_a_stated_calendar_is_kept_and_what_it_cannot_read_is_described(tmp_path: Path) -> None:
    _, report, _ = read(tmp_path, ["1403/10/13"] * 5, calendar="gregorian")
    fate = next(item for item in report.fates if item.defect == "unreadable_moment")
    assert fate.note == "cells such as 9999/99/99, of the Persian calendar: write calendar: jalali"


@pytest.mark.parametrize(
    ("cells", "pattern"),
    [
        (["anna@x.org", None], "cells such as aaaa@a.aaa, "),
        (["2025-01-02 10:00 CST"], "cells such as 9999-99-99 99:99 aaa, with a zone that has"),
        (["week 12"], "cells such as aaaa 99"),
    ],
)
def test_cells_are_described_and_never_quoted(cells: list[Any], pattern: str) -> None:
    assert unread_pattern(cells, DateForm()).startswith(pattern)


def test_zones_of_the_export_are_given_to_requests(tmp_path: Path) -> None:
    text = "2025-01-02 15:30 IST"
    _, report, _ = read(tmp_path, [text])
    assert report["leads"].left_out == {"unreadable_moment": 1}
    export, _, mapping = read(tmp_path, [text], zones={"IST": "Asia/Kolkata"})
    history = replace(crm_history(export, mapping), dates={})
    assert read_cells([text], history, "x")[0].values[0] == export.leads.created_at[0]
    assert export.leads.created_at[0] == moment_of("2025-01-02T10:00Z")
