"""The overview of a data set, as ``init`` and ``check`` show it: rows, outcomes, suspicions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from scoring_ml.data.files.data_file import FileFacts
from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Schema
from scoring_ml.data.suspicion import GRADES
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, Finding
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.texts import Catalogue

_WIDTH: Final = 96


@dataclass(frozen=True)
class Overview:
    """Leads read as a schema says, and what the audit found.

    Parameters
    ----------
    columns : int
        Columns of the file.
    snapshot : Snapshot
        One row a lead.
    """

    facts: FileFacts
    columns: int
    schema: Schema
    snapshot: Snapshot
    findings: tuple[Finding, ...]

    @property
    def won(self) -> int:
        """Leads that were won."""
        return int((self.snapshot.label == 1).sum())

    @property
    def lost(self) -> int:
        """Leads that were lost."""
        return int((self.snapshot.label == 0).sum())

    @property
    def open(self) -> int:
        """Leads of which the outcome is not known."""
        return int(np.isnan(self.snapshot.label).sum())

    def of(self, column: str) -> tuple[Finding, ...]:
        """Return the findings about one column, worst first."""
        return tuple(item for item in self.findings if item.column == column)

    @property
    def file_asked(self) -> bool:
        """Whether something is asked about the file as a whole."""
        return any(item.grade != "note" for item in self.of(WHOLE_FILE))

    def flagged(self) -> tuple[str, ...]:
        """Return the columns with a finding of grade refuse or ask, worst first."""
        names = (
            item.column
            for item in self.findings
            if item.grade in ("refuse", "ask") and item.column != WHOLE_FILE
        )
        return tuple(dict.fromkeys(names))

    def to_json(self) -> dict[str, Any]:
        """Return what both commands tell as one JSON document."""
        facts, schema = self.facts, self.schema
        return {
            "file": {
                "name": facts.name,
                "format": facts.format,
                "separator": facts.separator,
                "encoding": facts.encoding,
                "rows": facts.rows,
                "columns": self.columns,
                "notes": list(facts.notes),
            },
            "dataset": schema.dataset,
            "target": {
                "column": schema.target.column,
                "won": list(schema.target.won),
                "lost": list(schema.target.lost),
            },
            "id": schema.id,
            "account": schema.account,
            "order": _picked(schema.order, "by", "column", "ascending", "reason"),
            "missing": [word for word in schema.missing if word],
            "rows": {
                "usable": len(self.snapshot),
                "won": self.won,
                "lost": self.lost,
                "open": self.open,
                "unused": sum(item.count for item in self.snapshot.unused),
            },
            "unused": [item.to_json() for item in self.snapshot.unused],
            "warnings": list(self.snapshot.warnings),
            "columns": [
                _picked(column, "name", "type", "known", "use", "criterion", "reason")
                for column in schema.columns
            ],
            "findings": [
                {"column": item.column or None, **vars(item.suspicion)} for item in self.findings
            ],
        }


def worst_grade(findings: Iterable[Finding]) -> str | None:
    """Return the worst grade of some findings."""
    return min((item.grade for item in findings), key=GRADES.index, default=None)


def facts_lines(overview: Overview) -> list[str]:
    """Return what a data set is, line by line."""
    texts, facts, schema = Catalogue.load("en"), overview.facts, overview.schema
    form = (
        "parquet" if facts.format == "parquet" else "csv" if facts.separator else "csv_one_column"
    )
    separator = {"\t": "tab", " ": "space"}.get(facts.separator or "", facts.separator)
    decided = overview.won + overview.lost
    lines = [
        texts.text(
            "audit.init.file",
            file=facts.name,
            rows=facts.rows,
            columns=overview.columns,
            form=texts.text(f"audit.init.{form}", separator=separator, encoding=facts.encoding),
        ),
        *facts.notes,
        texts.text(
            "audit.init.target",
            column=schema.target.column,
            won=overview.won,
            lost=overview.lost,
            open=overview.open,
            share=overview.won / decided if decided else float("nan"),
        ),
        texts.text("audit.init.id", column=schema.id)
        if schema.id is not None
        else texts.text("audit.init.id_row"),
        *([texts.text("audit.init.account", column=schema.account)] if schema.account else ()),
        texts.text(
            "audit.init.order",
            what=texts.text(f"audit.init.order_{schema.order.by}", column=schema.order.column),
            reason=schema.order.reason,
        ),
    ]
    words = [word for word in schema.missing if word]
    if words:
        lines.append(texts.text("audit.init.missing", words=", ".join(words)))
    return [*lines, *unused_lines(overview.snapshot.unused), *overview.snapshot.warnings]


def unused_lines(unused: Iterable[RowFate]) -> list[str]:
    """Return a line for each reason why rows are not used."""
    texts = Catalogue.load("en")
    return [
        texts.text(
            "audit.init.unused", n=item.count, reason=item.reason, ids=", ".join(item.first_ids)
        )
        for item in unused
    ]


def finding_lines(overview: Overview, names: Iterable[str]) -> list[str]:
    """Return the columns that are suspicious, each with its numbers."""
    texts = Catalogue.load("en")
    lines = []
    for name in names:
        findings = [item for item in overview.of(name) if item.grade != "note"]
        grade = texts.text(f"audit.grades.{worst_grade(findings)}")
        lines.append(f"  {grade:<7} {name or texts.text('audit.init.whole_file')}")
        lines += [line for item in findings for line in _wrapped(item.suspicion.text, indent=10)]
        allow = None if name == WHOLE_FILE else overview.schema[name].allow
        if allow is not None:
            lines += _wrapped(texts.text("audit.check.allow", reason=allow), indent=10)
    return lines


def file_lines(overview: Overview) -> list[str]:
    """Return what is asked about the file as a whole, such as the order of time."""
    return finding_lines(overview, [WHOLE_FILE]) if overview.file_asked else []


def note_lines(overview: Overview) -> list[str]:
    """Return what is only to be noted."""
    texts = Catalogue.load("en")
    whole = texts.text("audit.init.whole_file")
    notes = [item for item in overview.findings if item.grade == "note"]
    if not notes:
        return []
    lines = ["", texts.text("audit.init.notes")]
    for item in notes:
        lines += _wrapped(f"{item.column or whole}: {item.suspicion.text}", indent=2)
    return lines


def _wrapped(text: str, *, indent: int) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=pad,
        subsequent_indent=f"{pad}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _picked(section: object, *names: str) -> dict[str, Any]:
    return {name: getattr(section, name) for name in names}
