"""The contract of an export: its tables, its fates, and their documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.crm.contract.defects import defects
from scoring_ml.data.row_report import FATES
from tests.pages.contracts import BREAKS, contracts_markdown

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- contracts: begin -->\n"
END = "<!-- contracts: end -->"


def test_the_documentation_is_what_the_code_says() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0] == contracts_markdown()


@pytest.mark.parametrize("name", contracts())
def test_every_table_and_column_is_documented(name: str) -> None:
    text = contracts_markdown()
    table = contracts()[name]
    section = text.split(f"**{name}**")[1].split("\n**")[0]
    assert table.what in section
    for column in table.columns:
        line = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}`"))
        assert ("**required**" in line) == column.required
        assert column.what
        # What may be missing says what then holds.
        assert column.required or column.default or "required" in table.columns[0].what


def test_every_fact_tells_when_it_was_known() -> None:
    for table in contracts().values():
        # A merge is no fact of a lead: it says from when on facts are of another one.
        assert ("merged_at" if table.name == "merges" else "known_at") in table.names
        assert len(set(table.names)) == len(table.names)
        assert set(table.required_names) <= set(table.names)


def test_every_defect_has_one_of_the_fates() -> None:
    text = contracts_markdown()
    for name, defect in defects().items():
        assert defect.name == name
        assert defect.fate in FATES
        assert f"| `{name}` | {defect.what} | {defect.fate} | {defect.then} |" in text
    for item in BREAKS:
        assert f"- {item}" in text


def test_every_defect_is_found_somewhere_and_none_is_unknown() -> None:
    """A fate that nothing uses would be documentation of something that does not happen."""
    folder = ROOT / "src" / "scoring_ml" / "data"
    readers = [path for path in folder.rglob("*.py") if path.name != "defects.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in readers)
    for name in defects():
        assert f'"{name}"' in code, name
