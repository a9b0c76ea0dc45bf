"""Amounts whose currency stands in a column of its own: one value through every door."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.init import init_schema
from pipelines.init_folder import init_folder
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.schema import Schema
from scoring_ml.errors import InputError, LeadError, SchemaError
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.lead import LeadReader
from tests.crm_worlds import write_export

BUDGET = {
    "type": "number",
    "currency": "USD",
    "rates": {"EUR": 1.5},
    "currency_of": "Currency",
    "missing": ["999"],
}
CELLS = {
    ("100", "USD"): 100.0,
    ("100", "eur"): 150.0,
    ("1,200", "€"): 1800.0,
    ("100", ""): 100.0,
    ("100 EUR", ""): 150.0,
    ("100 EUR", "EUR"): 150.0,
    ("", "EUR"): math.nan,
    ("999", "EUR"): math.nan,
}
WRONG = [("100", "IRR"), ("100", "soon"), ("100 USD", "EUR"), ("many", "USD")]
SCHEMA = {
    "dataset": "x",
    "id": "lead_id",
    "target": {"column": "outcome", "won": ["won"], "lost": ["lost"]},
    "order": {"by": "row"},
    "columns": {"budget": BUDGET},
}


def rows_of(cells: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(cells, columns=["budget", "Currency"])
    table.insert(0, "lead_id", [f"L{row}" for row in range(len(table))])
    return table.assign(created_at="2026-01-01T10:00:00Z", outcome=["won", "lost"] * 4)


def test_the_same_cells_are_the_same_amount_through_every_door(tmp_path: Path) -> None:
    rows_of([*CELLS]).to_csv(tmp_path / "leads.csv", index=False)
    schema = Schema.read(SCHEMA)
    assert Schema.read(schema.dump()) == schema
    flat = build_snapshot(read_table(tmp_path / "leads.csv"), schema)
    np.testing.assert_array_equal(flat.frame["budget"], [*CELLS.values()])
    mapping = CrmMapping.read(
        {
            "dataset": "x",
            "tables": {"leads": {"file": "leads.csv"}},
            "fields": {"budget": BUDGET | {"known": "set_at_creation"}},
        }
    )
    assert CrmMapping.read(mapping.dump()) == mapping
    export, report = read_export(tmp_path, mapping, needs_outcomes=False)
    assert report.broken == ()
    np.testing.assert_array_equal(export.leads.values["budget"], [*CELLS.values()])
    reader = LeadReader(schema)
    for (amount, currency), value in CELLS.items():
        sent = reader.read({"Currency": currency, "budget": amount}, as_of=datetime(2026, 2, 1))
        np.testing.assert_equal(sent.typed["budget"], value)
        assert sent.ignored == ()
    sent = reader.read({"budget": 100, "Currency": "EUR"}, as_of=datetime(2026, 2, 1))
    assert sent.typed["budget"] == 150.0


@pytest.mark.parametrize(("amount", "currency"), WRONG)
def test_what_has_no_rate_is_no_amount(amount: str, currency: str, tmp_path: Path) -> None:
    cells = [("100", "USD")] * 7 + [(amount, currency)]
    rows_of(cells).to_csv(tmp_path / "leads.csv", index=False)
    schema = Schema.read(SCHEMA)
    flat = build_snapshot(read_table(tmp_path / "leads.csv"), schema)
    (unused,) = flat.unused
    assert (unused.count, unused.first_ids) == (1, ("L7",))
    with pytest.raises(LeadError, match="budget"):
        LeadReader(schema).read(
            {"budget": amount, "Currency": currency}, as_of=datetime(2026, 2, 1)
        )


def test_the_column_of_currencies_must_be_there(tmp_path: Path) -> None:
    table = rows_of([*CELLS]).drop(columns="Currency")
    table.to_csv(tmp_path / "leads.csv", index=False)
    with pytest.raises(InputError, match="no column 'Currency'"):
        build_snapshot(read_table(tmp_path / "leads.csv"), Schema.read(SCHEMA))
    with pytest.raises(SchemaError, match=r"currency_of need .*currency"):
        Schema.read(SCHEMA | {"columns": {"budget": {"type": "number", "currency_of": "c"}}})
    changes = {"budget": BUDGET | {"from": "field_changes"}}
    tables = {"leads": {"file": "a.csv"}, "field_changes": {"file": "b.csv"}}
    with pytest.raises(SchemaError, match="currency_of must not stand"):
        CrmMapping.read({"dataset": "x", "tables": tables, "fields": changes})


@pytest.mark.parametrize(
    ("codes", "asked"), [(["USD"], False), (["USD", "USD", "EUR"], True), (["USD", "x"], None)]
)
def test_a_draft_asks_for_rates_where_a_column_names_several(codes, asked, tmp_path) -> None:
    made = pd.date_range("2026-01-01", periods=90, freq="7h").astype(str)
    table = pd.DataFrame({"id": range(90), "created": made, "budget": range(100, 190)})
    table["budget"] = table["budget"] * 7 % 101
    table["deal_currency"] = [codes[row % len(codes)] for row in range(90)]
    table["visits"] = [row % 7 for row in range(90)]
    table["total_activities"] = [row % 11 for row in range(90)]
    table.assign(y=[row % 2 for row in range(90)]).to_csv(tmp_path / "leads.csv", index=False)
    init_schema(tmp_path / "leads.csv", target="y", out=tmp_path / "schema.yaml")
    schema = Schema.load(tmp_path / "schema.yaml")
    budget = schema["budget"]
    assert (budget.currency, budget.currency_of) == (
        (None, None) if asked is None else ("USD", "deal_currency")
    )
    assert budget.use == (asked is not True)
    assert any("EUR (30 rows)" in item.text for item in budget.audit) == (asked is True)
    assert schema["visits"].currency_of is None
    assert schema["total_activities"].currency_of is None  # a count, though "total" is of money


def test_of_an_export_it_is_asked_too_and_deals_say_how_many(tmp_path: Path) -> None:
    folder = write_export("unknown", tmp_path / "crm")
    for name, column in (("enquiries", "budget"), ("contracts", "sum")):
        table = pd.read_csv(folder / f"{name}.csv", dtype=str)
        table[column] = [str(100 + row * 7 % 101) for row in range(len(table))]
        table["currency"] = ["EUR" if row % 3 else "USD" for row in range(len(table))]
        table.to_csv(folder / f"{name}.csv", index=False)
    result = init_folder(folder)
    field = next(item for item in result.mapping.fields if item.named == "budget")
    assert (field.column.currency, field.column.currency_of) == ("EUR", "currency")
    assert any("fields.budget" in item and "USD" in item for item in result.draft.questions)
    assert result.mapping.tables["deals"][0].columns["currency"] == "currency"
    _, report = read_export(folder, result.mapping)
    assert any("several currencies ('EUR'" in note for note in report.notes)
