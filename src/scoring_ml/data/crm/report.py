"""What was found while reading a CRM export: rows by their fate, defects, broken contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scoring_ml.data.crm.contracts import BROKEN, DEFECTS, LEFT_OUT, SET_ASIDE
from scoring_ml.errors import InputError


@dataclass(frozen=True)
class Finding:
    """One defect of one table.

    Parameters
    ----------
    table : str
    defect : str
        A name of :data:`scoring_ml.data.crm.contracts.DEFECTS`.
    count : int
        Rows (of ``wrong_value``: cells).
    first_ids : tuple of str
        Of the first three rows: the lead's id, or the line for ``ragged_line``.
    note : str
        Words that tell more, never personal ones: names of stages, types, fields.
    """

    table: str
    defect: str
    count: int
    first_ids: tuple[str, ...] = ()
    note: str = ""

    @property
    def fate(self) -> str:
        """What becomes of such rows: one of :data:`scoring_ml.data.crm.contracts.FATES`."""
        return DEFECTS[self.defect].fate

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "table": self.table,
            "defect": self.defect,
            "count": self.count,
            "first_ids": list(self.first_ids),
            "fate": self.fate,
            "what": DEFECTS[self.defect].what,
            "then": DEFECTS[self.defect].then,
            "note": self.note,
        }


@dataclass(frozen=True)
class TableReport:
    """Rows of one table by their fate: ``read = used + all of left_out + all of set_aside``.

    Parameters
    ----------
    name : str
    files : tuple of str
    read, used : int
    left_out, set_aside : mapping of defect to int
        Each row once, under the first defect that was found.
    """

    name: str
    files: tuple[str, ...]
    read: int
    used: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def share_left_out(self) -> float:
        """Share of the rows, without those set aside, that are left out; NaN without rows."""
        rows = self.read - sum(self.set_aside.values())
        return sum(self.left_out.values()) / rows if rows else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "table": self.name,
            "files": list(self.files),
            "read": self.read,
            "used": self.used,
            "left_out": dict(self.left_out),
            "set_aside": dict(self.set_aside),
        }


@dataclass(frozen=True)
class ExportReport:
    """Everything that was found while reading an export.

    Parameters
    ----------
    tables : tuple of TableReport
    findings : tuple of Finding
    broken : tuple of str
        Each a whole message; empty if the contract holds.
    extracted_at : int
        Microseconds since 1970, UTC.
    notes : tuple of str
        What a person should know about the whole export.
    """

    tables: tuple[TableReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    broken: tuple[str, ...] = ()
    extracted_at: int = 0
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 2 if the contract is broken."""
        return 2 if self.broken else 0

    def __getitem__(self, table: str) -> TableReport:
        """Return the report of one table.

        Raises
        ------
        KeyError
            If the export has no such table.
        """
        for item in self.tables:
            if item.name == table:
                return item
        raise KeyError(table)

    def count(self, table: str, defect: str) -> int:
        """Return how often a defect was found in a table."""
        return sum(
            item.count for item in self.findings if (item.table, item.defect) == (table, defect)
        )

    def raise_if_broken(self) -> None:
        """Refuse an export that breaks the contract.

        Raises
        ------
        InputError
            With the first breach, and how many more there are.
        """
        if self.broken:
            more = f" (and {len(self.broken) - 1} more)" if len(self.broken) > 1 else ""
            raise InputError(
                "A CRM export must keep the contract of its tables",
                found=self.broken[0] + more,
                do="Run scoring-ml check on the folder to see everything, then correct the export "
                "or crm.yaml",
            )

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON document."""
        return {
            "extracted_at": _moment(self.extracted_at),
            "tables": [table.to_json() for table in self.tables],
            "findings": [finding.to_json() for finding in self.findings],
            "broken": list(self.broken),
            "notes": list(self.notes),
            "exit_code": self.exit_code,
        }

    def render(self) -> str:
        """Return the report as plain text for a terminal."""
        lines = [f"CRM export as of {_moment(self.extracted_at)}", ""]
        width = max((len(table.name) for table in self.tables), default=5)
        lines.append(
            f"{'table':<{width}}  {'read':>11}  {'used':>11}  {'left out':>9}  {'set aside':>9}"
        )
        for table in self.tables:
            left, aside = sum(table.left_out.values()), sum(table.set_aside.values())
            lines.append(
                f"{table.name:<{width}}  {table.read:>11,}  {table.used:>11,}  {left:>9,}  "
                f"{aside:>9,}"
            )
        if self.findings:
            lines += ["", "Found:"]
        for finding in self.findings:
            defect = DEFECTS[finding.defect]
            lines.append(f"  {finding.table}: {finding.count:,} x {defect.what}")
            if finding.note:
                lines.append(f"      {finding.note}")
            if finding.first_ids:
                lines.append(f"      first: {', '.join(finding.first_ids)}")
            lines.append(f"      {finding.fate}: {defect.then}")
        lines += [f"Note: {note}" for note in self.notes]
        if self.broken:
            lines += ["", f"The contract is {BROKEN}:"]
            lines += [f"  {message}" for message in self.broken]
        else:
            lines += ["", "The contract holds."]
        return "\n".join(lines) + "\n"


def by_fate(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Part counts of defects into rows left out and rows set aside."""
    left = {name: count for name, count in counts.items() if DEFECTS[name].fate == LEFT_OUT}
    aside = {name: count for name, count in counts.items() if DEFECTS[name].fate == SET_ASIDE}
    return left, aside


def _moment(moment: int) -> str:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
