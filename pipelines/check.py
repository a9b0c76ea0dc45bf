"""The step ``check``: hold a flat file or a CRM export to what it must be, audit it for leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.inputs import Files, audited_export, file_findings, find_mapping, find_schema
from pipelines.overview import Overview, file_lines, finding_lines, note_lines, unused_lines
from pipelines.progress import ProgressBar
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.files.data_file import FileFacts, read_table
from scoring_ml.data.schema import Schema
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, Finding, audit, refusals
from scoring_ml.features.crm_snapshot import FEW_LEADS
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.texts import Catalogue


@dataclass(frozen=True)
class CheckReport:
    """Whether data fit what is said of them, and what must not be trained on.

    Parameters
    ----------
    path : Path
        The schema of a flat file, or the mapping of a CRM export.
    overview : Overview or None
        ``None`` where an export breaks its contract: nothing can be seen as it was then.
    export, rule
        Of a CRM export: the report on its tables, and in words what counts as won.
    """

    path: Path
    overview: Overview | None
    export: ExportReport | None = None
    rule: str = ""

    @property
    def refused(self) -> tuple[Finding, ...]:
        """What stops training."""
        overview = self.overview
        return () if overview is None else refusals(overview.findings, overview.schema)

    @property
    def one_class(self) -> bool:
        """Whether all decided leads have the same outcome, or none is decided."""
        return self.overview is not None and not (self.overview.won and self.overview.lost)

    @property
    def exit_code(self) -> int:
        """0, or 2 if a contract is broken or something must not be trained on."""
        broken = self.export is not None and self.export.exit_code
        return 2 if broken or self.refused or self.one_class else 0

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Suspicious columns by what the schema decided.

        ``refused``, ``allowed`` (with a written reason), ``used`` and ``left_out``.
        """
        refused = tuple(dict.fromkeys(item.column for item in self.refused))
        rest = []
        if self.overview is not None:
            names = (name for name in self.overview.flagged() if name not in refused)
            rest = [self.overview.schema[name] for name in names]
        return {
            "refused": refused,
            "allowed": tuple(c.name for c in rest if c.use and c.allow is not None),
            "used": tuple(c.name for c in rest if c.use and c.allow is None),
            "left_out": tuple(c.name for c in rest if not c.use),
        }

    @property
    def asked(self) -> int:
        """How many questions are open: those about the file, and suspicious columns in use."""
        whole = () if self.overview is None else self.overview.of(WHOLE_FILE)
        return sum(item.grade != "note" for item in whole) + len(self.groups.get("used", ()))

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON document."""
        document = {"command": "check", "ok": self.exit_code == 0, "exit_code": self.exit_code}
        if self.overview is not None:
            document |= {
                "schema": str(self.path),
                **self.overview.to_json(),
                **{group: list(names) for group, names in self.groups.items()},
                "one_class": self.one_class,
                "asked": self.asked,
            }
        if self.export is not None:
            document |= {"export": self.export.to_json(), "rule": self.rule}
        return document

    def render(self) -> str:
        """Return the report as plain text for a terminal."""
        parts = [] if self.export is None else [self.export.render()]
        if self.rule:
            parts.append(self.rule + "\n")
        if self.overview is not None:
            parts.append("\n".join(self._lines(self.overview)) + "\n")
        return "\n\n".join([*(part.rstrip() for part in parts[:-1]), parts[-1]])

    def _lines(self, overview: Overview) -> list[str]:
        texts, snapshot = Catalogue.load("en"), overview.snapshot
        lines = [
            texts.text(
                "audit.check.fits",
                file=overview.facts.name,
                schema=str(self.path),
                rows=overview.facts.rows,
                usable=len(snapshot),
                won=overview.won,
                lost=overview.lost,
                open=overview.open,
            ),
            *unused_lines(snapshot.unused),
            *snapshot.warnings,
        ]
        lines += file_lines(overview)
        for group, names in self.groups.items():
            if names:
                lines += ["", texts.text(f"audit.check.{group}", n=len(names))]
                lines += finding_lines(overview, names)
        lines += [*note_lines(overview), ""]
        if self.one_class:
            lines.append(texts.text("audit.check.one_class", n=overview.won + overview.lost))
        if self.refused:
            lines.append(texts.text("audit.check.stop", schema=str(self.path)))
        if not (self.one_class or self.refused):
            key = "asked" if self.asked else "ok"
            lines.append(texts.text(f"audit.check.{key}", n=self.asked))
        return lines


def check_data(
    data: Path, files: Files | None = None, bar: ProgressBar | None = None
) -> CheckReport:
    """Hold a flat file to its schema, or a CRM export to the contract of its tables, and audit it.

    Raises
    ------
    InputError
        If a file, the schema or the mapping cannot be read, or a column of the schema is missing.
    """
    files, bar = files or Files(), bar or ProgressBar("check")
    return _check_export(data, files, bar) if data.is_dir() else _check_file(data, files, bar)


def _check_file(data: Path, files: Files, bar: ProgressBar) -> CheckReport:
    path = find_schema(data, files.schema)
    schema = Schema.load(path)
    file = read_table(data, encoding=schema.encoding)
    snapshot = build_snapshot(file, schema)
    progress = bar.counted("audit", 0.1, 1.0)
    findings = (*file_findings(file, schema), *audit(snapshot, schema, progress=progress))
    columns = len(file.facts.columns)
    return CheckReport(path, Overview(file.facts, columns, schema, snapshot, findings))


def _check_export(folder: Path, files: Files, bar: ProgressBar) -> CheckReport:
    path = find_mapping(folder, files.mapping)
    mapping = CrmMapping.load(path)
    bar("read", 0.0)
    export, report = read_export(folder, mapping)
    if report.broken:
        return CheckReport(path, None, report)
    leads = audited_export(folder, mapping, export, report, files, bar)
    facts = FileFacts(folder.name, "crm", None, None, leads.rows)
    columns = len(leads.schema.columns)
    overview = Overview(facts, columns, leads.schema, leads.headline, leads.findings)
    notes = (*report.notes, *_featureless(mapping, leads.schema))
    return CheckReport(path, overview, replace(report, notes=notes), leads.rule)


def _featureless(mapping: CrmMapping, schema: Schema) -> Iterator[str]:
    """Tell of tables of which no feature comes, and how to change that."""
    history, carried = schema.history, {item.source for item in mapping.fields if item.column.use}
    words = {
        "activities": (
            history is not None and (history.kinds or history.touches),
            f"fewer than {FEW_LEADS} leads did any of them themselves. Say by words and direction "
            "which are the customer's",
        ),
        "stages": (history is not None and history.stages, "name them in stages.order"),
        "field_changes": ("field_changes" in carried, "map a field with from: field_changes"),
        "contacts": ("contacts" in carried, "map a field with from: contacts"),
    }
    for table, (tells, how) in words.items():
        if table in mapping.tables and not tells:
            yield f"No feature comes from {table}: {how}"
