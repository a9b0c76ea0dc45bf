"""The step ``check`` for a CRM export: hold its tables to their contract, audit it for leaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.inputs import Files, audited_export, find_mapping
from pipelines.inspect_file import CheckResult, look_at
from pipelines.progress import ProgressBar
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping import load_mapping
from scoring_ml.data.crm.report import ExportReport
from scoring_ml.data.files.flat import FileFacts
from scoring_ml.evaluation.audit.leak_audit import refusals


@dataclass(frozen=True)
class ExportCheck:
    """Whether an export fits the contract of its tables, and what must not be trained on.

    Parameters
    ----------
    report : ExportReport
    audit : CheckResult or None
        ``None`` where the contract is broken: nothing can be seen as it was then.
    rule : str
        What counts as won, in words.
    """

    report: ExportReport
    audit: CheckResult | None
    rule: str = ""

    @property
    def exit_code(self) -> int:
        """0, or 2 if the contract is broken or something must not be trained on."""
        return max(self.report.exit_code, 0 if self.audit is None else self.audit.exit_code)

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        found = {"command": "check"} if self.audit is None else self.audit.to_json()
        return found | {
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "export": self.report.to_json(),
            "rule": self.rule,
        }

    def render(self) -> str:
        """Return the result as plain text for a terminal."""
        text = self.report.render()
        if self.rule:
            text = f"{text.rstrip()}\n\n{self.rule}\n"
        return text if self.audit is None else f"{text.rstrip()}\n\n{self.audit.render()}"


def check_export(
    folder: Path, *, mapping: Path | None = None, bar: ProgressBar | None = None
) -> ExportCheck:
    """Hold a CRM export to the contract of its tables and audit it for leaks.

    Parameters
    ----------
    folder : Path
    mapping : Path or None
        ``crm.yaml`` in the folder if None.
    bar : ProgressBar or None

    Returns
    -------
    ExportCheck
        Its ``exit_code`` is 2 if the contract is broken or something must not be trained on.

    Raises
    ------
    InputError
        If the mapping or a file cannot be read.
    """
    bar = bar or ProgressBar("check")
    path = find_mapping(folder, mapping)
    meaning = load_mapping(path)
    bar("read", 0.0)
    export, report = read_export(folder, meaning)
    if report.broken:
        return ExportCheck(report, None)
    opened = audited_export(folder, meaning, export, report, Files(), bar)
    headline = opened.headline
    facts = FileFacts(folder.name, "crm", None, None, opened.rows)
    columns = len(opened.schema.columns)
    look = look_at(facts, columns, opened.schema, headline, opened.findings)
    checked = CheckResult(look, path, refusals(opened.findings, opened.schema))
    return ExportCheck(report, checked, opened.rule)
