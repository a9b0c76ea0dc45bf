"""The same cells through a flat file, a CRM export and a request have the same values."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.schema import Schema
from scoring_ml.errors import InputError, LeadError
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.lead import LeadReader

CELLS = {
    "budget": [
        "$2.6k", "USD 2,560.00", "2560|USD", "10 EUR", "(440)", "440-", '="2560"', "\u200e2560",
        "۲۵۰ هزار", "1,23,456", "1'234.50", "", "n/a", "1e3", "0.1", "123456789.123",
    ],
    "share": ["45%", "0.45", "٪۴۵", "7 %", "-"],
    "source": ["Web\u200b", "web\u00a0form", "كليد ٢", "کلید ۲", "می\u200cخواهد\u200c", '="007"'],
    "interests": ["chat;sms", "sms;chat", '["sms", "chat"]', ";", "SMS; chat;", "chat"],
    "agreed": ["✓", "x", "بله", "НЕТ", "True", "0"],
    "ticked": ["x", "", "X", "no", "n/a"],
}  # fmt: skip
"""Odd spellings of values that can be read."""

COLUMNS: dict[str, dict[str, Any]] = {
    "budget": {"type": "number", "currency": "USD", "rates": {"EUR": 1.25}},
    "share": {"type": "number", "hundredths": True, "missing": ["-"]},
    "source": {"type": "category"},
    "interests": {"type": "multiselect"},
    "agreed": {"type": "boolean"},
    "ticked": {"type": "boolean", "yes_words": ["x"]},
}
ROWS = max(map(len, CELLS.values()))


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def cell(name: str, row: int) -> str:
    return CELLS[name][row % len(CELLS[name])]


def flat_values(folder: Path) -> dict[str, list[Any]]:
    rows = [[*(cell(name, row) for name in CELLS), str(row % 2)] for row in range(ROWS)]
    file = read_table(write(folder / "leads.csv", [[*CELLS, "y"], *rows]))
    return {name: build_snapshot(file, schema()).frame[name].tolist() for name in CELLS}


def schema(**columns: Any) -> Any:
    content = {
        "dataset": "d",
        "target": {"column": "y", "won": ["1"], "lost": ["0"]},
        "order": {"by": "row"},
        "missing": ["n/a"],
        "columns": COLUMNS | columns,
    }
    return Schema.read(content)


def export_of(folder: Path, cells: dict[str, list[str]], columns: dict[str, Any]) -> Any:
    count = max(map(len, cells.values()))
    leads = [
        [f"L{row:03d}", "2026-01-05", *(some[row % len(some)] for some in cells.values())]
        for row in range(count)
    ]
    folder.mkdir()
    write(folder / "leads.csv", [["lead_id", "created_at", *cells], *leads])
    write(
        folder / "stages.csv", [["lead_id", "stage", "entered_at"], ["L000", "new", "2026-01-06"]]
    )
    fields = {
        name: {**key, "from": "leads", "known": "set_at_creation", "reason": "form"}
        for name, key in columns.items()
    }
    content = {
        "dataset": "d",
        "missing": ["n/a"],
        "extracted_at": "2026-03-01T00:00:00Z",
        "tables": {"leads": {"file": "leads.csv"}, "stages": {"file": "stages.csv"}},
        "fields": fields,
        "stages": {"order": ["new"], "won": ["won"], "lost": ["lost"]},
    }
    return read_export(folder, CrmMapping.read(content))


def test_a_cell_has_one_value_through_every_door(tmp_path: Path) -> None:
    flat = flat_values(tmp_path)
    export, report = export_of(tmp_path / "crm", CELLS, COLUMNS)
    assert not report.broken
    reader = LeadReader(schema())
    for row in range(ROWS):
        raw = {name: cell(name, row) for name in CELLS}
        lead = reader.read(raw, as_of=datetime(2026, 3, 1)).typed
        for name in CELLS:
            values = {flat[name][row], export.leads.values[name][row], lead[name]}
            assert len({None if value != value else value for value in values}) == 1, (name, row)
    assert flat["budget"][:8] == [2600, 2560, 2560, 12.5, -440, -440, 2560, 2560]
    assert flat["share"][:4] == [0.45, 0.45, 0.45, 0.07]
    assert flat["agreed"][:2] == [1.0, 0.0]
    assert [value for value in flat["ticked"][:4] if value == value] == [1.0, 1.0, 0.0]
    assert flat["source"][2] == flat["source"][3] == "کلید 2"
    assert flat["interests"][:3] == ["chat; sms"] * 3


def test_amounts_of_several_currencies_are_refused_at_both_doors(tmp_path: Path) -> None:
    cells = {"budget": ["10 USD", "12 USD", "9 EUR"]}
    _, report = export_of(tmp_path / "crm", cells, {"budget": {"type": "number"}})
    (broken,) = report.broken
    assert "must be in one currency. Found: USD (2 rows), EUR (1 rows)" in broken
    rows = [["budget", "y"], *([text, str(at % 2)] for at, text in enumerate(cells["budget"]))]
    file = read_table(write(tmp_path / "leads.csv", rows))
    only = Schema.read(schema().dump() | {"columns": {"budget": {"type": "number"}}})
    with pytest.raises(InputError, match=r"one currency. Found: USD \(2 rows\), EUR \(1 rows\)"):
        build_snapshot(file, only)


def test_a_field_that_cannot_be_read_breaks_the_contract(tmp_path: Path) -> None:
    cells = {"budget": ["10 qb", "12", "12 qb"]}
    _, report = export_of(tmp_path / "crm", cells, {"budget": {"type": "number"}})
    (broken,) = report.broken
    assert "2 of 3 that are no number, the first like '99 aa'" in broken
    unused = {"budget": {"type": "number", "use": False}}
    _, report = export_of(tmp_path / "other", cells, unused)
    assert not report.broken


def test_a_lone_x_that_reads_as_no_is_said(tmp_path: Path) -> None:
    _, report = export_of(tmp_path / "crm", {"ticked": ["x", ""]}, {"ticked": {"type": "boolean"}})
    assert any("fields.ticked: 'x' is read as no" in note for note in report.notes)
    _, report = export_of(tmp_path / "on", {"ticked": ["x", ""]}, {"ticked": COLUMNS["ticked"]})
    assert not any("is read as no" in note for note in report.notes)


def test_a_request_in_a_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(LeadError, match=r"wrong field\(s\): budget"):
        LeadReader(schema()).read({"budget": "5 GBP"}, as_of=datetime(2026, 3, 1))
