"""The step ``init`` for a folder: recognise its tables, draft crm.yaml and matrix.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipelines.init import InitResult, init_schema
from pipelines.init_files import DraftFiles
from pipelines.inputs import MATRIX_NAME, SCHEMA_NAME
from scoring_ml.data.crm.drafting.by_shape import add_by_shape, draft_by_shape
from scoring_ml.data.crm.drafting.completion import complete, draft_text
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import open_folder
from scoring_ml.data.crm.drafting.templates import best_template
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import MAPPING_NAME, CrmMapping
from scoring_ml.data.yaml_file import reviewed_text
from scoring_ml.errors import InputError
from scoring_ml.evaluation.audit.leak_audit import Progress
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.matrix_draft import draft_matrix


@dataclass(frozen=True)
class FolderResult:
    """The draft of a folder's mapping, what it gives, and the files written.

    Parameters
    ----------
    leads : mapping of str to int
        ``leads``, and of those seen at the headline age ``won``, ``lost`` and ``open``.
    broken : str
        Why the export cannot be read by the draft; empty if it can.
    """

    files: DraftFiles
    draft: CrmDraft
    mapping: CrmMapping
    leads: Mapping[str, int]
    broken: str

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What a person does now, in order."""
        return self.files.steps(draft_text("init.next_read", mapping=str(self.files.meaning)))

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        return {
            "command": "init",
            "system": self.draft.system or None,
            "tables": {
                table: [source["file"] for source in sources]
                for table, sources in self.draft.tables.items()
            },
            "unmapped": dict(self.draft.unmapped),
            "questions": list(self.draft.questions),
            "rows": dict(self.leads),
            "broken": self.broken or None,
            "written": self.files.names,
            "next": list(self.next_steps),
        }

    def render(self) -> str:
        """Return the result as plain text for a terminal."""
        document = self.to_json()
        lines = [draft_text("init.folder", folder=self.files.data.name, system=_system(self.draft))]
        lines += ["", draft_text("init.tables")]
        for table, files in document["tables"].items():
            names = ", ".join(dict.fromkeys(files))
            lines.append(draft_text("init.table", table=f"{table:<14}", files=names))
        if self.draft.unmapped:
            lines += ["", draft_text("init.unmapped")]
            lines += [f"  {name}: {why}" for name, why in self.draft.unmapped.items()]
        age = self.mapping.headline_age_days
        rows = draft_text("init.leads", **self.leads, age=age) if self.leads else ""
        rows = draft_text("init.broken", why=self.broken) if self.broken else rows
        lines += ["", rows, "", draft_text("init.decide")]
        lines += [f"  - {question}" for question in self.draft.questions]
        lines += self.files.lines(self.next_steps)
        return "\n".join(lines) + "\n"


def init_data(
    data: Path,
    *,
    target: str | None,
    out: Path | None,
    words: Mapping[str, Sequence[str]],
    encoding: str | None = None,
    progress: Progress,
) -> InitResult | FolderResult:
    """Draft the schema of a flat file, or the mapping of a folder.

    Parameters
    ----------
    words : mapping of str to sequence of str
        ``won``, ``lost`` and ``still_open``, of a flat file's target.
    encoding : str or None
        What text is in that is not Unicode; found out if None.

    Raises
    ------
    InputError
        If the options are those of the other door, or as the drafts do.
    """
    if not data.is_dir():
        if target is None:
            raise InputError(
                "A flat file needs --target, the column that holds the outcome",
                found="no --target",
                do=f"scoring-ml init {data} --target COLUMN; for a CRM export name its folder",
            )
        path = out or data.with_name(SCHEMA_NAME)
        return init_schema(
            data, target=target, out=path, encoding=encoding, progress=progress, **words
        )
    if target or any(words.values()):
        raise InputError(
            "--target, --won, --lost and --open go with a flat file",
            found="a folder",
            do="Leave them out, or name the file",
        )
    return init_folder(data, out=out, encoding=encoding)


def init_folder(
    folder: Path, *, out: Path | None = None, encoding: str | None = None
) -> FolderResult:
    """Draft the mapping of a CRM export, and a matrix beside it.

    Parameters
    ----------
    folder : Path
    out : Path or None
        Where the mapping is written; ``crm.yaml`` in the folder if None. ``matrix.yaml`` goes
        into the same folder.
    encoding : str or None
        What text of the files is in that is not Unicode; found out if None.

    Raises
    ------
    InputError
        If no leads are found in the folder, or a file to be written is already there; nothing
        is written then.
    """
    files = DraftFiles(folder, out or folder / MAPPING_NAME, CrmMapping)
    files.refuse_existing()
    opened, unread = open_folder(folder, encoding)
    draft = best_template(opened)
    if draft is not None:
        add_by_shape(draft, opened)
    draft = draft or draft_by_shape(opened)
    if draft is None:
        raise InputError(
            "The folder must hold the leads of a CRM, and what became of them",
            found=f"{', '.join(file.name for file in opened)}: none has an id "
            "and a creation of its own in every row",
            do="Write crm.yaml by hand; docs/data.md has the tables and models/examples the form",
        )
    draft.unmapped |= unread
    draft.content["dataset"] = folder.resolve().name
    if encoding is not None:
        draft.content["encoding"] = encoding
    guessed = {f.name: guess.name for f in opened if (guess := f.file.facts.guess) is not None}
    for source in (source for sources in draft.tables.values() for source in sources):
        for part in (source, *source.get("join", ())):
            if part["file"] in guessed:
                part["encoding"] = guessed[part["file"]]
    complete(draft, opened)
    header = draft_text("header", folder=folder.name, system=_system(draft))
    lines = [*header.splitlines(), *(f"- {question}" for question in draft.questions)]
    mapping = CrmMapping.read(yaml.safe_load(draft.text()))
    leads, broken, matrix = _try(folder, mapping)
    files.write("\n".join(lines), draft.text(), matrix)
    return FolderResult(files, draft, mapping, leads, broken)


def _try(folder: Path, mapping: CrmMapping) -> tuple[dict[str, int], str, str]:
    """Read the export as drafted: its leads, what breaks the contract, and a matrix."""
    export, report = read_export(folder, mapping)
    if report.broken:
        return {}, report.broken[0], reviewed_text(MATRIX_NAME)
    try:
        snapshot, schema, _ = build_crm_snapshot(export, mapping)
    except InputError as error:
        return {}, str(error), reviewed_text(MATRIX_NAME)
    head = snapshot.take(np.asarray(snapshot.age_days == mapping.headline_age_days))
    return (
        {
            "leads": len(export.leads),
            "won": int((head.label == 1).sum()),
            "lost": int((head.label == 0).sum()),
            "open": int(np.isnan(head.label).sum()),
        },
        "",
        draft_matrix(schema, head.frame),
    )


def _system(draft: CrmDraft) -> str:
    key = "recognised" if draft.system else "by_shape"
    return draft_text(key, system=draft.system)
