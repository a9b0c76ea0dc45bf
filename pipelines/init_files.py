"""The files that ``init`` writes for both doors, and the next steps of whoever reads them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scoring_ml.data.crm.drafting.completion import draft_text
from scoring_ml.data.files.writing import whole_file
from scoring_ml.data.section import Section
from scoring_ml.data.yaml_file import for_editors
from scoring_ml.errors import InputError
from scoring_ml.features.criteria import Matrix

FORMS_NAME: Final = ".schemas"
"""Folder of the JSON Schemas that editors check a draft by, beside it."""


@dataclass(frozen=True)
class DraftFiles:
    """A schema.yaml or crm.yaml of a file or folder, and the matrix.yaml beside it."""

    data: Path
    meaning: Path
    section: type[Section]

    @property
    def matrix(self) -> Path:
        """Where the matrix is written."""
        return self.meaning.with_name(Matrix.FILE)

    @property
    def names(self) -> list[str]:
        """Both files."""
        return [str(self.meaning), str(self.matrix)]

    def refuse_existing(self) -> None:
        """Raise an ``InputError`` that names the files that are already there."""
        present = [str(path) for path in (self.meaning, self.matrix) if path.exists()]
        if present:
            raise InputError(
                "init must not overwrite a file",
                found=f"{' and '.join(present)} already there",
                do="Name a schema in another folder with --out, or move the old file away",
            )

    def write(self, comment: str, text: str, matrix: str) -> None:
        """Write both files, whole or not at all, and the JSON Schemas that they name.

        Raises
        ------
        InputError
            If a file is there by now, or its folder cannot be written to.
        """
        text = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines()) + text
        forms = self.meaning.with_name(FORMS_NAME)
        written = ((self.meaning, text, self.section), (self.matrix, matrix, Matrix))
        try:
            with ExitStack() as files:
                for path, content, section in written:
                    content = for_editors(content, f"{FORMS_NAME}/{section.form_name()}")
                    files.enter_context(whole_file(path)).write_text(content, encoding="utf-8")
                self.refuse_existing()
                forms.mkdir(exist_ok=True)
                for _, _, section in written:
                    form = forms / section.form_name()
                    form.write_text(section.json_schema(), encoding="utf-8")
        except OSError as error:
            raise InputError(
                "The schema's folder must be writable",
                found=f"{self.meaning.parent}: {error.strerror or type(error).__name__}",
                do="Make the folder, or choose another place with --out",
            ) from None

    def steps(self, *decisions: str) -> tuple[str, ...]:
        """Return what a person does now, in order: decide, confirm the matrix, check, train."""
        folder = self.data if self.data.is_dir() else self.data.parent
        by_itself = self.meaning == folder / self.section.FILE
        name = f" --{self.section.kind_name()} {shlex.quote(str(self.meaning))}"
        command = {"data": shlex.quote(str(self.data)), "option": "" if by_itself else name}
        texts = (draft_text(f"init.next_{step}", **command) for step in ("check", "train"))
        return (*decisions, draft_text("init.next_matrix", matrix=str(self.matrix)), *texts)

    def lines(self, steps: Sequence[str]) -> list[str]:
        """Return what was written and the next steps, for a terminal."""
        written = draft_text("init.written", files=", ".join(self.names))
        numbered = (f"  {number}. {step}" for number, step in enumerate(steps, start=1))
        return ["", written, draft_text("init.next"), *numbered]
