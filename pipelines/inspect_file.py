"""The steps ``init`` and ``check``: look at a flat file, draft its schema, audit it for leaks."""

from __future__ import annotations

import shlex
import textwrap
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.inputs import MATRIX_NAME, SCHEMA_NAME, find_schema
from scoring_ml.data.draft import ASSUMED, draft_schema
from scoring_ml.data.files.flat import FileFacts, read_flat
from scoring_ml.data.schema import GRADES, Column, Schema, load_schema, schema_text
from scoring_ml.data.yaml_file import reviewed_text
from scoring_ml.errors import InputError
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, Finding, Progress, audit, refusals
from scoring_ml.features.snapshot import Snapshot, UnusedRows, build_snapshot
from scoring_ml.texts import Catalogue

_WIDTH: Final = 96


@dataclass(frozen=True)
class Look:
    """What a file holds, read as a schema says.

    Parameters
    ----------
    facts : FileFacts
    columns : int
        Columns of the file.
    schema : Schema
    usable, won, lost, open : int
        Usable rows, and how they part by outcome.
    unused : tuple of UnusedRows
    warnings : tuple of str
    findings : tuple of Finding
    """

    facts: FileFacts
    columns: int
    schema: Schema
    usable: int
    won: int
    lost: int
    open: int
    unused: tuple[UnusedRows, ...]
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]

    def of(self, column: str) -> tuple[Finding, ...]:
        """Return the findings about one column, worst first."""
        return tuple(item for item in self.findings if item.column == column)

    def flagged(self) -> tuple[str, ...]:
        """Return the columns with a finding of grade refuse or ask, worst first."""
        names = (
            item.column
            for item in self.findings
            if item.grade in ("refuse", "ask") and item.column != WHOLE_FILE
        )
        return tuple(dict.fromkeys(names))

    def to_json(self) -> dict[str, Any]:
        """Return what both commands say as one JSON document."""
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
            "order": {
                "by": schema.order.by,
                "column": schema.order.column,
                "ascending": schema.order.ascending,
                "reason": schema.order.reason,
            },
            "missing": [word for word in schema.missing if word],
            "rows": {
                "usable": self.usable,
                "won": self.won,
                "lost": self.lost,
                "open": self.open,
                "unused": sum(item.count for item in self.unused),
            },
            "unused": [
                {"reason": item.reason, "count": item.count, "first_ids": list(item.first_ids)}
                for item in self.unused
            ],
            "warnings": list(self.warnings),
            "columns": [
                {
                    "name": column.name,
                    "type": column.type,
                    "known": column.known,
                    "use": column.use,
                    "criterion": column.criterion,
                    "reason": column.reason,
                }
                for column in schema.columns
            ],
            "findings": [_finding_json(item) for item in self.findings],
        }


@dataclass(frozen=True)
class InitResult:
    """What ``init`` saw and wrote.

    Parameters
    ----------
    look : Look
        With the schema as drafted, suspicious columns left out.
    data : Path
    schema_path, matrix_path : Path
        The files written.
    """

    look: Look
    data: Path
    schema_path: Path
    matrix_path: Path

    exit_code = 0

    @property
    def schema(self) -> Schema:
        """The drafted schema."""
        return self.look.schema

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What a person does now, in order."""
        texts = Catalogue.load("en")
        flagged = len(self.look.flagged())
        schema, matrix = str(self.schema_path), str(self.matrix_path)
        by_itself = self.schema_path == self.data.with_name(SCHEMA_NAME)
        command = {
            "data": shlex.quote(str(self.data)),
            "schema": "" if by_itself else f" --schema {shlex.quote(schema)}",
        }
        decide = [texts.text("audit.init.next_decide", n=flagged, schema=schema)] * bool(flagged)
        return (
            *decide,
            texts.text("audit.init.next_confirm", schema=schema),
            texts.text("audit.init.next_matrix", matrix=matrix),
            texts.text("audit.init.next_check", **command),
            texts.text("audit.init.next_train", **command),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        flagged = self.look.flagged()
        return {
            "command": "init",
            **self.look.to_json(),
            "left_out": {
                grade: [name for name in flagged if _worst(self.look.of(name)) == grade]
                for grade in ("refuse", "ask")
            },
            "written": [str(self.schema_path), str(self.matrix_path)],
            "next": list(self.next_steps),
        }

    def render(self) -> str:
        """Return the result as plain text for a terminal."""
        texts = Catalogue.load("en")
        flagged = self.look.flagged()
        lines = [*_facts_lines(self.look), ""]
        if flagged:
            of = len(self.look.schema.columns)
            lines.append(texts.text("audit.init.flagged", n=len(flagged), of=of))
            lines += _finding_lines(self.look, flagged)
        else:
            lines.append(texts.text("audit.init.flagged_none"))
        lines += _note_lines(self.look)
        files = ", ".join(map(str, (self.schema_path, self.matrix_path)))
        lines += ["", texts.text("audit.init.written", files=files)]
        lines.append(texts.text("audit.init.next"))
        lines += [f"  {number}. {step}" for number, step in enumerate(self.next_steps, start=1)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class CheckResult:
    """Whether a file fits its schema, and what must not be trained on.

    Parameters
    ----------
    look : Look
    schema_path : Path
    refused : tuple of Finding
        What stops training.
    """

    look: Look
    schema_path: Path
    refused: tuple[Finding, ...]

    @property
    def one_class(self) -> bool:
        """Whether all decided leads have the same outcome, or none is decided."""
        return not (self.look.won and self.look.lost)

    @property
    def exit_code(self) -> int:
        """0, or 2 if something must not be trained on."""
        return 2 if self.refused or self.one_class else 0

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Suspicious columns by what the schema decided.

        ``refused``, ``allowed`` (with a written reason), ``used`` and ``left_out``.
        """
        refused = tuple(dict.fromkeys(item.column for item in self.refused))
        rest = [self.look.schema[name] for name in self.look.flagged() if name not in refused]
        return {
            "refused": refused,
            "allowed": tuple(c.name for c in rest if c.use and c.allow is not None),
            "used": tuple(c.name for c in rest if c.use and c.allow is None),
            "left_out": tuple(c.name for c in rest if not c.use),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        return {
            "command": "check",
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "schema": str(self.schema_path),
            **self.look.to_json(),
            **{group: list(names) for group, names in self.groups.items()},
            "one_class": self.one_class,
        }

    def render(self) -> str:
        """Return the result as plain text for a terminal."""
        texts, look = Catalogue.load("en"), self.look
        lines = [
            texts.text(
                "audit.check.fits",
                file=look.facts.name,
                schema=str(self.schema_path),
                rows=look.facts.rows,
                usable=look.usable,
                won=look.won,
                lost=look.lost,
                open=look.open,
            ),
            *_unused_lines(look.unused),
            *look.warnings,
        ]
        for group, names in self.groups.items():
            if names:
                lines += ["", texts.text(f"audit.check.{group}", n=len(names))]
                lines += _finding_lines(look, names)
        lines += [*_note_lines(look), ""]
        if self.one_class:
            lines.append(texts.text("audit.check.one_class", n=look.won + look.lost))
        if self.refused:
            lines.append(texts.text("audit.check.stop", schema=str(self.schema_path)))
        if self.exit_code == 0:
            lines.append(texts.text("audit.check.ok"))
        return "\n".join(lines) + "\n"


def init_schema(
    data: Path,
    *,
    target: str,
    out: Path,
    won: Sequence[str] = (),
    lost: Sequence[str] = (),
    progress: Progress | None = None,
) -> InitResult:
    """Look at a flat file, draft its schema and an unmapped matrix beside it.

    Columns of grade *refuse* or *ask* stand at ``use: false`` and ``known: unknown``, with the
    numbers behind it, until a person decides.

    Parameters
    ----------
    data : Path
        CSV or Parquet.
    target : str
        Column that holds the outcome.
    out : Path
        Where the schema is written; ``matrix.yaml`` goes into the same folder.
    won, lost : sequence of str
        Values of the target that mean won and lost, where they cannot be recognised.
    progress : callable or None
        Told the number of columns audited so far, and of all.

    Raises
    ------
    InputError
        If the file cannot be read, the target cannot be understood, or a file to be written is
        already there; nothing is written then.
    """
    matrix_path = out.with_name(MATRIX_NAME)
    _refuse_existing(out, matrix_path)
    flat = read_flat(data)
    draft = draft_schema(flat, target=target, won=won, lost=lost)
    snapshot = build_snapshot(flat, draft)
    findings = audit(snapshot, draft, progress=progress)
    schema = draft.with_columns(
        _with_findings(column, [item for item in findings if item.column == column.name])
        for column in draft.columns
    )
    look = look_at(flat.facts, flat.frame.shape[1], schema, snapshot, findings)
    header = Catalogue.load("en").text("audit.header", file=flat.facts.name)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    _write_new({out: comment + schema_text(schema), matrix_path: reviewed_text(MATRIX_NAME)})
    return InitResult(look, data, out, matrix_path)


def check_file(
    data: Path, *, schema: Path | None = None, progress: Progress | None = None
) -> CheckResult:
    """Hold a flat file against its schema and audit it for leaks.

    Parameters
    ----------
    data : Path
    schema : Path or None
        ``schema.yaml`` beside the data if not given.
    progress : callable or None

    Returns
    -------
    CheckResult
        Its ``exit_code`` is 2 if something must not be trained on.

    Raises
    ------
    InputError
        If the file or the schema cannot be read, or the file lacks a column of the schema.
    """
    path = find_schema(data, schema)
    flat = read_flat(data)
    meaning = load_schema(path)
    snapshot = build_snapshot(flat, meaning)
    findings = audit(snapshot, meaning, progress=progress)
    look = look_at(flat.facts, flat.frame.shape[1], meaning, snapshot, findings)
    return CheckResult(look, path, refusals(findings, meaning))


def look_at(
    facts: FileFacts,
    columns: int,
    schema: Schema,
    snapshot: Snapshot,
    findings: tuple[Finding, ...],
) -> Look:
    """Count what a snapshot holds."""
    label = snapshot.label
    return Look(
        facts=facts,
        columns=columns,
        schema=schema,
        usable=len(snapshot),
        won=int((label == 1).sum()),
        lost=int((label == 0).sum()),
        open=int(np.isnan(label).sum()),
        unused=snapshot.unused,
        warnings=snapshot.warnings,
        findings=findings,
    )


def _with_findings(column: Column, found: Sequence[Finding]) -> Column:
    """Leave a suspicious column out of the draft and write down why."""
    texts = Catalogue.load("en")
    audited = replace(
        column,
        audit=tuple(item.suspicion for item in found),
        reason=column.reason or texts.text("audit.reason.assumed"),
    )
    grade = _worst(found)
    if grade not in ("refuse", "ask"):
        return audited
    numbers = "; ".join(item.suspicion.text for item in found if item.grade != "note")
    reason = texts.text(f"audit.reason.{grade}", findings=numbers)
    seen = column.reason.removesuffix(ASSUMED).rstrip("; ")
    return replace(
        audited,
        use=False,
        known="unknown",
        reason=f"{reason} ({seen})" if seen else reason,
    )


def _worst(found: Iterable[Finding]) -> str | None:
    return min((item.grade for item in found), key=GRADES.index, default=None)


def _refuse_existing(*paths: Path) -> None:
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise InputError(
            "init must not overwrite a file",
            found=f"{' and '.join(there)} already there",
            do="Name a schema in another folder with --out, or move the old file away",
        )


def _write_new(texts: Mapping[Path, str]) -> None:
    """Write files whole or not at all: under other names first, then renamed."""
    parts = {path: path.with_name(f".{path.name}.{uuid.uuid4().hex}.part") for path in texts}
    try:
        for path, part in parts.items():
            part.write_text(texts[path], encoding="utf-8")
        _refuse_existing(*texts)
        for path, part in parts.items():
            part.rename(path)
    except OSError as error:
        raise InputError(
            "The schema's folder must be writable",
            found=f"{next(iter(texts)).parent}: {error.strerror or type(error).__name__}",
            do="Make the folder, or choose another place with --out",
        ) from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _finding_json(item: Finding) -> dict[str, Any]:
    return {
        "column": item.column or None,
        "grade": item.grade,
        "probe": item.suspicion.probe,
        "value": item.suspicion.value,
        "text": item.suspicion.text,
    }


def _facts_lines(look: Look) -> list[str]:
    texts, facts, schema = Catalogue.load("en"), look.facts, look.schema
    form = (
        "parquet" if facts.format == "parquet" else "csv" if facts.separator else "csv_one_column"
    )
    separator = {"\t": "tab", " ": "space"}.get(facts.separator or "", facts.separator)
    decided = look.won + look.lost
    lines = [
        texts.text(
            "audit.init.file",
            file=facts.name,
            rows=facts.rows,
            columns=look.columns,
            form=texts.text(f"audit.init.{form}", separator=separator, encoding=facts.encoding),
        ),
        *facts.notes,
        texts.text(
            "audit.init.target",
            column=schema.target.column,
            won=look.won,
            lost=look.lost,
            open=look.open,
            share=look.won / decided if decided else float("nan"),
        ),
        texts.text("audit.init.id", column=schema.id)
        if schema.id is not None
        else texts.text("audit.init.id_row"),
        texts.text(
            "audit.init.order",
            what=texts.text(f"audit.init.order_{schema.order.by}", column=schema.order.column),
            reason=schema.order.reason,
        ),
    ]
    words = [word for word in schema.missing if word]
    if words:
        lines.append(texts.text("audit.init.missing", words=", ".join(words)))
    return [*lines, *_unused_lines(look.unused), *look.warnings]


def _unused_lines(unused: Iterable[UnusedRows]) -> list[str]:
    texts = Catalogue.load("en")
    return [
        texts.text(
            "audit.init.unused", n=item.count, reason=item.reason, ids=", ".join(item.first_ids)
        )
        for item in unused
    ]


def _finding_lines(look: Look, names: Iterable[str]) -> list[str]:
    texts = Catalogue.load("en")
    lines = []
    for name in names:
        found = [item for item in look.of(name) if item.grade != "note"]
        grade = texts.text(f"audit.grades.{_worst(found)}")
        lines.append(f"  {grade:<7} {name or texts.text('audit.init.whole_file')}")
        lines += [line for item in found for line in _wrapped(item.suspicion.text, indent=10)]
        allow = None if name == WHOLE_FILE else look.schema[name].allow
        if allow is not None:
            lines += _wrapped(texts.text("audit.check.allow", reason=allow), indent=10)
    return lines


def _note_lines(look: Look) -> list[str]:
    texts = Catalogue.load("en")
    whole = texts.text("audit.init.whole_file")
    notes = [item for item in look.findings if item.grade == "note" or item.column == WHOLE_FILE]
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
