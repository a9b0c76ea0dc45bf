"""The report of reading a CRM export: the rows of each table by their fate, broken contracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scoring_ml.data.crm.contract.defects import defects
from scoring_ml.data.row_report import BROKEN, RowFate, RowReport
from scoring_ml.errors import InputError


@dataclass(frozen=True)
class ExportReport:
    """Everything that was found while reading an export.

    Parameters
    ----------
    broken : tuple of str
        Each a whole message; empty if the contract holds.
    extracted_at : int
        Microseconds since 1970, UTC.
    """

    tables: tuple[RowReport, ...] = ()
    broken: tuple[str, ...] = ()
    extracted_at: int = 0
    notes: tuple[str, ...] = ()

    @property
    def fates(self) -> tuple[RowFate, ...]:
        """Rows of all tables that are not used as they are."""
        return tuple(item for table in self.tables for item in table.fates)

    @property
    def exit_code(self) -> int:
        """0, or 2 if the contract is broken."""
        return 2 if self.broken else 0

    def __getitem__(self, table: str) -> RowReport:
        """Return the report of one table; a ``KeyError`` if the export has none."""
        for item in self.tables:
            if item.name == table:
                return item
        raise KeyError(table)

    def count(self, table: str, defect: str) -> int:
        """Return how often a defect was found in a table."""
        return sum(
            item.count for item in self.fates if (item.table, item.defect) == (table, defect)
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
            "findings": [_fate_json(item) for item in self.fates],
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
        if self.fates:
            lines += ["", "Found:"]
        for item in self.fates:
            lines.append(f"  {item.table}: {item.count:,} x {item.reason}")
            if item.note:
                lines.append(f"      {item.note}")
            if item.first_ids:
                lines.append(f"      first: {', '.join(item.first_ids)}")
            lines.append(f"      {item.fate}: {defects()[item.defect].then}")
        lines += [f"Note: {note}" for note in self.notes]
        if self.broken:
            lines += ["", f"The contract is {BROKEN}:"]
            lines += [f"  {message}" for message in self.broken]
        else:
            lines += ["", "The contract holds."]
        return "\n".join(lines) + "\n"


def _fate_json(item: RowFate) -> dict[str, Any]:
    return {
        "table": item.table,
        "defect": item.defect,
        "count": item.count,
        "first_ids": list(item.first_ids),
        "fate": item.fate,
        "what": item.reason,
        "then": defects()[item.defect].then,
        "note": item.note,
    }


def _moment(moment: int) -> str:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
