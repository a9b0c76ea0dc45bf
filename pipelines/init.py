"""The step ``init``: look at a flat file, draft its schema and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.init_files import DraftFiles
from pipelines.inputs import file_findings
from pipelines.overview import (
    Overview,
    facts_lines,
    file_lines,
    finding_lines,
    note_lines,
    worst_grade,
)
from scoring_ml.data.draft import draft_schema
from scoring_ml.data.draft_column import ASSUMED
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.schema import Column, Schema
from scoring_ml.evaluation.audit.leak_audit import Finding, Progress, audit, order_doubted
from scoring_ml.features.matrix_draft import draft_matrix
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.texts import Catalogue


@dataclass(frozen=True)
class InitResult:
    """The overview of a file by its drafted schema, and the files written."""

    overview: Overview
    files: DraftFiles

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What a person does now, in order."""
        texts = Catalogue.load("en")
        flagged, schema = len(self.overview.flagged()), str(self.files.meaning)
        decide = [texts.text("audit.init.next_decide", n=flagged, schema=schema)] * bool(flagged)
        if order_doubted(self.overview.findings):
            decide.insert(0, texts.text("audit.init.next_order", schema=schema))
        elif self.overview.file_asked:
            decide.insert(0, texts.text("audit.init.next_file", schema=schema))
        return self.files.steps(*decide, texts.text("audit.init.next_confirm", schema=schema))

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        flagged = self.overview.flagged()
        return {
            "command": "init",
            **self.overview.to_json(),
            "left_out": {
                grade: [name for name in flagged if worst_grade(self.overview.of(name)) == grade]
                for grade in ("refuse", "ask")
            },
            "written": self.files.names,
            "next": list(self.next_steps),
        }

    def render(self) -> str:
        """Return the result as plain text for a terminal."""
        texts = Catalogue.load("en")
        flagged = self.overview.flagged()
        lines = [*facts_lines(self.overview), ""]
        lines += file_lines(self.overview)
        if flagged:
            of = len(self.overview.schema.columns)
            lines.append(texts.text("audit.init.flagged", n=len(flagged), of=of))
            lines += finding_lines(self.overview, flagged)
        elif not self.overview.file_asked:
            lines.append(texts.text("audit.init.flagged_none"))
        lines += note_lines(self.overview)
        lines += self.files.lines(self.next_steps)
        return "\n".join(lines) + "\n"


def init_schema(
    data: Path,
    *,
    target: str,
    out: Path,
    won: Sequence[str] = (),
    lost: Sequence[str] = (),
    still_open: Sequence[str] = (),
    encoding: str | None = None,
    progress: Progress | None = None,
) -> InitResult:
    """Look at a flat file, draft its schema and a matrix beside it.

    Columns of grade *refuse* or *ask* stand at ``use: false`` and ``known: unknown``, with the
    numbers behind it, until a person decides.

    Parameters
    ----------
    target : str
        Column that holds the outcome.
    out : Path
        Where the schema is written; ``matrix.yaml`` goes into the same folder.
    won, lost, still_open : sequence of str
        Values of the target that mean won, lost and open, where they cannot be recognised.
    encoding : str or None
        What the file's text is in; found out if None, and written into the schema if it is no
        Unicode.
    progress : callable or None
        Told the number of columns audited so far, and of all.

    Raises
    ------
    InputError
        If the file cannot be read, the target cannot be understood, or a file to be written is
        already there; nothing is written then.
    """
    files = DraftFiles(data, out, Schema)
    files.refuse_existing()
    file = read_table(data, encoding=encoding)
    draft = draft_schema(file, target=target, won=won, lost=lost, still_open=still_open)
    snapshot = build_snapshot(file, draft)
    findings = (*file_findings(file, draft), *audit(snapshot, draft, progress=progress))
    guess = file.facts.guess
    draft = replace(draft, encoding=encoding or (guess.name if guess else None))
    schema = draft.with_columns(
        _with_findings(column, [item for item in findings if item.column == column.name])
        for column in draft.columns
    )
    overview = Overview(file.facts, len(file.facts.columns), schema, snapshot, findings)
    header = Catalogue.load("en").text("audit.header", file=file.facts.name)
    files.write(header, schema.yaml(), draft_matrix(schema, snapshot.frame))
    return InitResult(overview, files)


def _with_findings(column: Column, findings: Sequence[Finding]) -> Column:
    """Leave a suspicious column out of the draft and write down why."""
    texts = Catalogue.load("en")
    audited = replace(
        column,
        audit=tuple(item.suspicion for item in findings),
        reason=column.reason or texts.text("audit.reason.assumed"),
    )
    grade = worst_grade(findings)
    if grade not in ("refuse", "ask"):
        return audited
    numbers = "; ".join(item.suspicion.text for item in findings if item.grade != "note")
    unread = all(item.suspicion.probe == "reading" for item in findings if item.grade == grade)
    reason = texts.text(f"audit.reason.{'reading' if unread else grade}", findings=numbers)
    seen = column.reason.removesuffix(ASSUMED).rstrip("; ")
    reason = f"{reason} ({seen})" if seen else reason
    return replace(audited, use=False, known="unknown", reason=reason)
