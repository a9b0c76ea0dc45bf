"""crm.yaml: what it means, what it must not say, and that writing it undoes reading it."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoring_ml.data.crm.mapping.crm_mapping import MAPPING_NAME, CrmMapping
from scoring_ml.data.crm.mapping.fields import RESERVED
from scoring_ml.errors import SchemaError
from tests.small_export import CRM_YAML

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "models" / "examples").glob(f"*/{MAPPING_NAME}"))

SMALLEST: dict[str, Any] = {"dataset": "x", "tables": {"leads": {"file": "leads.csv"}}}


def changed(**parts: Any) -> dict[str, Any]:
    """The small export's mapping with some parts replaced; a part with __ is deeper."""
    content: dict[str, Any] = deepcopy(yaml.safe_load(CRM_YAML))
    for name, value in parts.items():
        place = content
        *above, last = name.split("__")
        for key in above:
            place = place[key]
        place[last] = value
    return content


def test_a_mapping_says_where_everything_is() -> None:
    mapping = CrmMapping.read(yaml.safe_load(CRM_YAML))
    assert mapping.dataset == "small"
    assert mapping.extracted_at == 1_775_001_600_000_000
    assert mapping.missing == ("", "n/a")
    leads = mapping.tables["leads"][0]
    assert leads.columns["lead_id"] == "Id"
    assert leads.join[0].file == "accounts.csv"
    # YAML takes an unquoted ``on`` for true.
    assert leads.join[0].on == {"AccountId": "Id"}
    assert mapping.tables["activities"][0].words["type"]["content download"] == "download"
    assert (mapping.stages.order, mapping.stages.won, mapping.stages.hand_over) == (
        ("lead", "sql"),
        ("won",),
        "sql",
    )
    assert mapping.ages_days == (0.0, 1.0, 3.0, 7.0)
    assert mapping.headline_age_days == 1.0
    named = {item.column.name: item for item in mapping.fields}
    assert (named["email"].source, named["email"].named) == ("contacts", "Email")
    assert named["budget"].source == "field_changes"
    assert named["budget"].column.known == "before_scoring"
    assert named["industry"].column.known == "at_creation"


def test_what_is_not_said_has_its_default() -> None:
    mapping = CrmMapping.read(SMALLEST)
    expected = CrmMapping(dataset="x", tables=mapping.tables, fields=())
    assert mapping == expected


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_writing_undoes_reading(path: Path) -> None:
    mapping = CrmMapping.load(path)
    assert CrmMapping.read(mapping.dump()) == mapping
    assert CrmMapping.read(yaml.safe_load(mapping.yaml())) == mapping


def test_writing_undoes_reading_of_everything_that_can_be_said() -> None:
    content = changed(
        timezone="Asia/Tehran",
        day_first=False,
        gap_days=10,
        headline_age_days=3,
        most_left_out=0.2,
        features={
            "windows_days": [3, 14],
            "half_life_days": 2.5,
            "free_mail": ["a.example"],
            "disposable_mail": ["b.example"],
        },
        tables__stages__only={"Field": ["Status", "Stage"]},
        tables__deals={"file": "d.csv", "constants": {"outcome": "won"}},
    )
    mapping = CrmMapping.read(content)
    assert CrmMapping.read(yaml.safe_load(mapping.yaml())) == mapping
    assert mapping.tables["stages"][0].only == {"Field": ("Status", "Stage")}
    # The export's order of day and month holds for its fields, too.
    assert not any(item.column.day_first for item in mapping.fields)


@pytest.mark.parametrize(
    ("source", "known", "expected", "use"),
    [
        ("leads", "set_at_creation", "at_creation", True),
        ("leads", "unknown", "unknown", False),
        ("leads", None, "unknown", False),
        ("leads", "after_outcome", "after_outcome", False),
        ("contacts", "set_at_creation", "at_creation", True),
        ("contacts", "history", "before_scoring", True),
        ("contacts", None, "unknown", False),
        ("field_changes", "history", "before_scoring", True),
        ("field_changes", None, "before_scoring", True),
        ("field_changes", "after_outcome", "after_outcome", False),
    ],
)
def test_a_field_without_history_is_used_only_if_somebody_declares_it(
    source: str, known: str | None, expected: str, use: bool
) -> None:
    spec = {"type": "number", "from": source} | ({} if known is None else {"known": known})
    column = CrmMapping.read(changed(fields={"x": spec})).fields[0].column
    assert (column.known, column.use) == (expected, use)
    assert column.reason


def test_a_given_reason_stays() -> None:
    spec = {"type": "number", "known": "set_at_creation", "reason": "asked on the form"}
    column = CrmMapping.read(changed(fields={"x": spec})).fields[0].column
    assert column.reason == "asked on the form"


@pytest.mark.parametrize(
    ("raw", "timezone", "expected"),
    [
        (None, "UTC", None),
        ("2026-11-01T00:00:00Z", "Asia/Tehran", 1_793_491_200_000_000),
        (datetime(2026, 11, 1, 3, 30), "Asia/Tehran", 1_793_491_200_000_000),
        (date(2026, 10, 31), "UTC", 1_793_491_200_000_000 - 1),
    ],
)
def test_the_moment_of_the_export(raw: Any, timezone: str, expected: int | None) -> None:
    content = changed(extracted_at=raw, timezone=timezone)
    assert CrmMapping.read(content).extracted_at == expected


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"datset": 1}, "the mapping may hold only .* Write dataset"),
        ({"version": 2}, "version must be 1. Found: 2 in crm.yaml"),
        ({"timezone": "Asia/Teheran"}, "timezone must be .* Write Asia/Tehran"),
        ({"day_first": "no"}, "day_first must be true or false"),
        ({"extracted_at": "soon"}, "extracted_at must be a moment, .* soon"),
        ({"tables": {"deals": {"file": "d.csv"}}}, "tables must have leads"),
        ({"tables__lead": {"file": "l.csv"}}, "tables may hold only .* Write leads"),
        ({"tables__stages": []}, "tables.stages must name a file"),
        ({"tables__stages__file": None}, "tables.stages must have file"),
        ({"tables__stages__file": "../x.csv"}, "must lie in the export's folder"),
        ({"tables__stages__file": "/x.csv"}, "must lie in the export's folder"),
        ({"tables__stages__colums": {}}, "tables.stages may hold only .* Write columns"),
        ({"tables__stages__columns": {"entered": "x"}}, "Write entered_at"),
        ({"tables__stages__columns": {"stage": True}}, "must hold text. .* Write it in quotes"),
        ({"tables__stages__columns": {"stage": ["a"]}}, "columns.stage must be text"),
        (
            {
                "tables__stages": {
                    "file": "s",
                    "columns": {"stage": "s"},
                    "constants": {"stage": "x"},
                }
            },
            "a column must have one origin",
        ),
        ({"tables__stages__words": {"stage": {"x": "sgl"}}}, "words.stage.x must be one of .* sql"),
        ({"tables__activities__words": {"type": {"x": "visit"}}}, "Write web_visit"),
        ({"tables__deals__words": {"outcome": {"x": "victory"}}}, "must be one of won, lost, open"),
        ({"tables__deals__words": {"result": {"x": "won"}}}, "tables.deals.words may hold only"),
        ({"tables__leads__join": {"file": "a"}}, "join must be a list"),
        ({"tables__leads__join": [{"file": "a"}]}, r"join\[0\] must have on"),
        ({"tables__leads__join": [{"file": "a", "on": {}}]}, "on must map a column"),
        ({"fields": ["x"]}, "fields must map names"),
        ({"fields": {True: {}}}, "A name in fields must be text"),
        ({"fields": {"x": {"type": "nummer"}}}, "fields.x.type must be one of .* Write number"),
        ({"fields": {"x": {"type": "number", "form": "y"}}}, "fields.x may hold only .* from"),
        ({"fields": {"x": {"type": "number", "from": "deals"}}}, "fields.x.from must be one of"),
        (
            {"fields": {"x": {"type": "number", "known": "history"}}},
            "known: history needs from: field_changes or contacts",
        ),
        (
            {
                "fields": {
                    "x": {"type": "number", "from": "field_changes", "known": "set_at_creation"}
                }
            },
            "must not be set_at_creation with from: field_changes",
        ),
        (
            {"fields": {"x": {"type": "number", "known": "unknown", "use": True}}},
            "use must be false for known: unknown",
        ),
        ({"stages__order": ["a", "A"]}, "Every stage must be named once. Found: 'a' twice"),
        ({"stages__won": ["sql"]}, "Every stage must be named once"),
        ({"stages__hand_over": "sgl"}, "stages.hand_over must be one of lead, sql. .* Write sql"),
        ({"horizon_days": 0}, "horizon_days must be above 0"),
        ({"gap_days": -1}, "gap_days must be a number, 0 or more"),
        ({"ages_days": [1, 0]}, "ages_days must rise"),
        ({"ages_days": []}, "ages_days must rise"),
        ({"headline_age_days": 2}, "headline_age_days must be one of ages_days. Found: 2"),
        ({"features": {"windows_days": [0.5]}}, r"windows_days\[0\] must be a whole number"),
        ({"features": {"half_life_days": 0}}, "half_life_days must be a number above 0"),
        ({"features": {"window_days": [1]}}, "features may hold only .* Write windows_days"),
        ({"most_left_out": 10}, "most_left_out must be a number, 1 or less"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        CrmMapping.read(changed(**parts))


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(SchemaError, match=f"reserved name. Found: {name} in crm.yaml"):
        CrmMapping.read(changed(fields={name: {"type": "number"}}))


def test_a_field_needs_its_table() -> None:
    content = SMALLEST | {"fields": {"email": {"type": "email", "from": "contacts"}}}
    with pytest.raises(SchemaError, match=r"from must name one of tables. .* Map contacts"):
        CrmMapping.read(content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="The mapping file must exist"):
        CrmMapping.load(tmp_path / MAPPING_NAME)
