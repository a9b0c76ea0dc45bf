"""The inputs of a step: a flat file with schema.yaml, or a CRM export with crm.yaml."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.progress import ProgressBar
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import MAPPING_NAME, CrmMapping
from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Column, Schema
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.doubts import doubts
from scoring_ml.data.values.moments import DateForm, moment_of
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, Finding, audit
from scoring_ml.evaluation.later_facts import find_later_facts
from scoring_ml.features.criteria import Matrix, unmapped_matrix
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.outcomes import Outcomes
from scoring_ml.features.snapshot import Snapshot, build_snapshot, named_columns

SCHEMA_NAME = "schema.yaml"
MATRIX_NAME = "matrix.yaml"


@dataclass(frozen=True)
class Files:
    """The files that say what data means; those that are None are looked for beside it."""

    schema: Path | None = None
    mapping: Path | None = None
    matrix: Path | None = None


@dataclass(frozen=True)
class AuditedData:
    """Leads that came in through one of the doors, audited.

    ``sha256`` is of the data's bytes, ``rows`` those of the file, or leads of the export, that
    could be read; ``report`` and ``outcomes`` are of a CRM export.
    """

    snapshot: Snapshot
    schema: Schema
    matrix: Matrix
    findings: tuple[Finding, ...]
    sha256: str
    rows: int
    report: ExportReport | None = None
    outcomes: Outcomes | None = None

    @property
    def headline(self) -> Snapshot:
        """One row a lead: those of the age at which leads are compared."""
        return self.snapshot if self.snapshot.age_days is None else _headline(self.snapshot)

    @property
    def rule(self) -> str:
        """What counts as won in a CRM export, in words; empty for a flat file."""
        if self.outcomes is None:
            return ""
        spans = self.outcomes
        ages = self.snapshot.age_days
        seen = [] if ages is None else np.unique(ages[~np.isnan(ages)]).tolist()
        return (
            f"A lead is won if it is closed won within {spans.horizon_days:g} days of the moment "
            f"at which it is seen; wins are recorded up to {spans.lag_days:g} day(s) later. Leads "
            f"are seen {', '.join(f'{age:g}' for age in seen)} days after their creation, while "
            f"they are open, and compared at {self.snapshot.headline_age_days:g}."
        )


def open_data(
    data: Path, files: Files, bar: ProgressBar, *, as_of: str | None = None
) -> AuditedData:
    """Read, validate and audit a flat file or a CRM export.

    Parameters
    ----------
    data : Path
    files : Files
    bar : ProgressBar
    as_of : str or None
        See the data as they stood at that moment: nothing later is known.

    Raises
    ------
    InputError
        If the data, or a file that says what it means, is wrong.
    """
    if data.is_dir():
        opened = open_export(data, files.mapping, as_of=as_of)
        return audited_export(data, *opened, files, bar)
    schema_path = find_schema(data, files.schema)
    schema = Schema.load(schema_path)
    matrix = find_matrix((schema_path.parent, data.parent), files.matrix, schema)
    file = read_table(data, encoding=schema.encoding)
    snapshot = build_snapshot(file, schema)
    if as_of is not None:
        snapshot = _seen_at(snapshot, moment_given(as_of, DateForm(), "UTC"))
    bar("audit", 0.05)
    findings = (
        *file_findings(file, schema),
        *audit(snapshot, schema, progress=bar.counted("audit", 0.05, 0.2)),
    )
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    return AuditedData(snapshot, schema, matrix, findings, digest, file.facts.rows)


def _seen_at(snapshot: Snapshot, moment: int) -> Snapshot:
    """Return the rows that a moment had seen.

    Raises
    ------
    InputError
        If leads have no dates, or none is so old.
    """
    if snapshot.as_of is None:
        raise InputError(
            "--as-of needs leads with dates",
            found="a file without a moment at which each lead is seen",
            do="Give order.by: time in the schema, or leave --as-of out",
        )
    now = np.datetime64(moment, "us")
    seen = snapshot.as_of <= now
    if not seen.any():
        raise InputError(
            "--as-of must lie after the oldest lead",
            found=f"{len(snapshot)} lead(s), all of them later",
            do="Give a later moment",
        )
    later, cut = snapshot.ids[~seen], snapshot.take(seen)
    if not len(later):
        # Nobody knows whether such a file would tell what came until then.
        return cut
    fate = RowFate("later than --as-of", len(later), tuple(map(str, later[:3])))
    return replace(cut, extracted_at=now, unused=(*cut.unused, fate))


def moment_given(text: str, form: DateForm, timezone: str) -> int:
    """Return a moment of the command line in microseconds since 1970, UTC.

    Raises
    ------
    InputError
        If it is none.
    """
    if text.strip().casefold() == "now":
        return time.time_ns() // 1_000
    try:
        return moment_of(text, form, timezone=timezone)
    except ValueError:
        raise InputError(
            "--as-of must be a moment",
            found="something else",
            do="Write 2026-11-22 or 2026-11-22T09:30Z",
        ) from None


def file_findings(file: DataFile, schema: Schema) -> Iterator[Finding]:
    """Yield what must be asked about a file as a whole, and where its cells belie the schema."""
    yield from (Finding(WHOLE_FILE, suspicion) for suspicion in file.facts.findings)
    cells, order = named_columns(file, schema), schema.order
    dated = [Column(str(order.column), "date", **order.date_keys)] * (order.by == "time")
    for column in (*dated, *schema.used):
        if column.name in cells:
            whole = column in dated
            for text in doubts(column, cells[column.name], file.facts.line_of):
                text = f"order by {column.name}: {text}" if whole else text
                suspicion = Suspicion("ask", "order" if whole else "reading", 1.0, text)
                yield Finding(WHOLE_FILE if whole else column.name, suspicion)


def audited_export(
    folder: Path,
    mapping: CrmMapping,
    export: Export,
    report: ExportReport,
    files: Files,
    bar: ProgressBar,
) -> AuditedData:
    """See the leads of an export at their ages, and audit one row of each lead."""
    bar("see the leads as they were", 0.04)
    snapshot, schema, outcomes = build_crm_snapshot(export, mapping)
    matrix = find_matrix((folder,), files.matrix, schema)
    bar("audit", 0.08)
    headline = _headline(snapshot)
    findings = audit(
        headline,
        schema,
        later_facts=find_later_facts(export, headline),
        progress=bar.counted("audit", 0.08, 0.2),
    )
    return AuditedData(
        snapshot=snapshot,
        schema=schema,
        matrix=matrix,
        findings=findings,
        sha256=folder_sha256(folder, mapping),
        rows=len(export.leads),
        report=report,
        outcomes=outcomes,
    )


def _headline(snapshot: Snapshot) -> Snapshot:
    """Return the rows of the headline age; leads that have none are counted as unused."""
    at = snapshot.age_days == snapshot.headline_age_days
    head = snapshot.take(np.asarray(at))
    unseen = ~np.isin(snapshot.row, head.row)
    _, first = np.unique(snapshot.row[unseen], return_index=True)
    if not len(first):
        return head
    ids = tuple(map(str, snapshot.ids[unseen][first[:3]]))
    reason = f"not open at the age of {snapshot.headline_age_days:g} day(s)"
    return replace(head, unused=(*head.unused, RowFate(reason, len(first), ids)))


def open_export(
    folder: Path, mapping: Path | None, *, needs_outcomes: bool = True, as_of: str | None = None
) -> tuple[CrmMapping, Export, ExportReport]:
    """Read a CRM export as its mapping says; to score leads, it need not tell their outcomes.

    With ``as_of`` it is read as if it had been extracted at that moment.

    Raises
    ------
    InputError
        If the mapping is wrong, or the export breaks the contract of its tables.
    """
    meaning = CrmMapping.load(find_mapping(folder, mapping))
    moment = None if as_of is None else moment_given(as_of, meaning, meaning.timezone)
    export, report = read_export(folder, meaning, needs_outcomes=needs_outcomes, as_of=moment)
    report.raise_if_broken()
    return meaning, export, report


def folder_sha256(folder: Path, mapping: CrmMapping) -> str:
    """Return one SHA-256 over a mapping, and the names and bytes of all files that it names."""
    sources = [source for each in mapping.tables.values() for source in each]
    names = {source.file for source in sources}
    names |= {join.file for source in sources for join in source.join}
    digest = hashlib.sha256(mapping.yaml().encode("utf-8"))
    for name in sorted(names):
        digest.update(name.encode("utf-8"))
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def find_mapping(folder: Path, mapping: Path | None) -> Path:
    """Return the mapping file to use.

    Raises
    ------
    SchemaError
        If none is named and none lies in the folder.
    """
    inside = folder / MAPPING_NAME
    if mapping is None and not inside.exists():
        raise SchemaError(
            "A folder with a CRM export needs a mapping",
            found=f"no {inside}",
            do=f"Draft one with scoring-ml init {folder}, or name one with --mapping; for a flat "
            "file name the file, not its folder",
        )
    return mapping or inside


def find_schema(data: Path, schema: Path | None) -> Path:
    """Return the schema file to use.

    Raises
    ------
    InputError
        If none is named and none lies beside the data.
    """
    beside = data.with_name(SCHEMA_NAME)
    if schema is None and not data.exists():
        raise InputError("DATA must exist", found=f"no file {data}", do="Give its right name")
    if schema is None and not beside.exists():
        raise SchemaError(
            "A flat file needs a schema",
            found=f"no {beside}",
            do=f"Draft one with scoring-ml init {data} --target COLUMN, or name one with --schema",
        )
    return schema or beside


def find_matrix(folders: tuple[Path, ...], matrix: Path | None, schema: Schema) -> Matrix:
    """Return the hand-built matrix: as named, else the first in the folders, else unmapped."""
    beside = (folder / MATRIX_NAME for folder in folders)
    path = matrix or next((each for each in beside if each.exists()), None)
    return unmapped_matrix() if path is None else Matrix.load(path, schema)
