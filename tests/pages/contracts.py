"""The contract of a CRM export as a page of the documentation."""

from __future__ import annotations

from typing import Final

from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.crm.contract.defects import defects
from scoring_ml.data.row_report import FATES

BREAKS: Final = (
    "a file, a required table or a required column is missing",
    "neither `deals` nor a winning stage is mapped",
    "more than `most_left_out` of a table's rows are left out (rows set aside do not count)",
    "most stages or outcomes are words that crm.yaml does not know",
    "a table has rows, but none of them names a lead",
    "no lead can be used",
)
"""What breaks the contract of an export: exit 2."""


def contracts_markdown() -> str:
    """Return the tables, their columns and the fate of every defect as Markdown."""
    lines: list[str] = []
    for table in contracts().values():
        need = " (required)" if table.required else ""
        lines += [f"**{table.name}**{need}: {table.what}.", ""]
        lines += ["| column | what it holds | if it is not there |", "|---|---|---|"]
        for column in table.columns:
            absent = "**required**" if column.required else column.default or "-"
            lines.append(f"| `{column.name}` | {column.what} | {absent} |")
        lines.append("")
    lines += ["What is wrong with a row decides what becomes of it:", ""]
    lines += ["| defect | what is wrong | fate | what happens |", "|---|---|---|---|"]
    lines += [
        f"| `{defect.name}` | {defect.what} | {defect.fate} | {defect.then} |"
        for defect in defects().values()
    ]
    lines.append("")
    lines += [f"- *{fate}*: {meaning}" for fate, meaning in FATES.items()]
    lines += ["", "The contract is broken, and the command ends with exit 2, if", ""]
    lines += [f"- {item};" for item in BREAKS[:-1]]
    lines += [f"- {BREAKS[-1]}.", ""]
    return "\n".join(lines)
