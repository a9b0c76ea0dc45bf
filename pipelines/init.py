"""The step ``init``: look at a flat file, draft its schema and a matrix."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pipelines.inputs import MATRIX_NAME, SCHEMA_NAME, file_findings
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
from scoring_ml.data.files.writing import whole_file
from scoring_ml.data.schema import Column, Schema
from scoring_ml.data.yaml_file import for_editors
from scoring_ml.errors import InputError
from scoring_ml.evaluation.audit.leak_audit import Finding, Progress, audit, order_doubted
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.matrix_draft import draft_matrix
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.texts import Catalogue

FORMS_NAME: Final = ".schemas"
"""Folder of the JSON Schemas that editors check a draft by, beside it."""


@dataclass(frozen=True)
class InitResult:
    """The overview of a file by its drafted schema, and the files written."""

    overview: Overview
    data: Path
    schema_path: Path
    matrix_path: Path

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What a person does now, in order."""
        texts = Catalogue.load("en")
        flagged = len(self.overview.flagged())
        schema, matrix = str(self.schema_path), str(self.matrix_path)
        by_itself = self.schema_path == self.data.with_name(SCHEMA_NAME)
        command = {
            "data": shlex.quote(str(self.data)),
            "schema": "" if by_itself else f" --schema {shlex.quote(schema)}",
        }
        decide = [texts.text("audit.init.next_decide", n=flagged, schema=schema)] * bool(flagged)
        if order_doubted(self.overview.findings):
            decide.insert(0, texts.text("audit.init.next_order", schema=schema))
        elif self.overview.file_asked:
            decide.insert(0, texts.text("audit.init.next_file", schema=schema))
        return (
            *decide,
            texts.text("audit.init.next_confirm", schema=schema),
            texts.text("audit.init.next_matrix", matrix=matrix),
            texts.text("audit.init.next_check", **command),
            texts.text("audit.init.next_train", **command),
        )

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
            "written": [str(self.schema_path), str(self.matrix_path)],
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
        files = ", ".join(map(str, (self.schema_path, self.matrix_path)))
        lines += ["", texts.text("audit.init.written", files=files)]
        lines.append(texts.text("audit.init.next"))
        lines += [f"  {number}. {step}" for number, step in enumerate(self.next_steps, start=1)]
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
    matrix_path = out.with_name(MATRIX_NAME)
    refuse_existing(out, matrix_path)
    file = read_table(data, encoding=encoding)
    draft = draft_schema(file, target=target, won=won, lost=lost, still_open=still_open)
    snapshot = build_snapshot(file, draft)
    findings = (*file_findings(file), *audit(snapshot, draft, progress=progress))
    guess = file.facts.guess
    draft = replace(draft, encoding=encoding or (guess.name if guess else None))
    schema = draft.with_columns(
        _with_findings(column, [item for item in findings if item.column == column.name])
        for column in draft.columns
    )
    overview = Overview(file.facts, len(file.facts.columns), schema, snapshot, findings)
    header = Catalogue.load("en").text("audit.header", file=file.facts.name)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    forms = out.with_name(FORMS_NAME)
    write_new(
        {
            out: for_editors(comment + schema.yaml(), f"{FORMS_NAME}/schema.json"),
            matrix_path: for_editors(
                draft_matrix(schema, snapshot.frame), f"{FORMS_NAME}/matrix.json"
            ),
        },
        {forms / "schema.json": Schema.json_schema(), forms / "matrix.json": Matrix.json_schema()},
    )
    return InitResult(overview, data, out, matrix_path)


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


def refuse_existing(*paths: Path) -> None:
    """Refuse to write files that are already there.

    Raises
    ------
    InputError
        Naming those that are.
    """
    present = [str(path) for path in paths if path.exists()]
    if present:
        raise InputError(
            "init must not overwrite a file",
            found=f"{' and '.join(present)} already there",
            do="Name a schema in another folder with --out, or move the old file away",
        )


def write_new(texts: Mapping[Path, str], forms: Mapping[Path, str]) -> None:
    """Write files, all of them whole or none.

    The JSON Schemas that their first lines name may be there from an earlier file.

    Raises
    ------
    InputError
        If a file is there by now, or its folder cannot be written to.
    """
    try:
        with ExitStack() as files:
            for path, text in texts.items():
                files.enter_context(whole_file(path)).write_text(text, encoding="utf-8")
            refuse_existing(*texts)
            for path, text in forms.items():
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            "The schema's folder must be writable",
            found=f"{next(iter(texts)).parent}: {error.strerror or type(error).__name__}",
            do="Make the folder, or choose another place with --out",
        ) from None
