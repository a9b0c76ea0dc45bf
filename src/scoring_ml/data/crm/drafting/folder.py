"""The files of an export's folder, with the names of their columns in any spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from scoring_ml.data.crm.cells import id_texts
from scoring_ml.data.draft_column import draft_columns
from scoring_ml.data.drafting.look import DraftedColumn, look_at
from scoring_ml.data.files.arrow_cells import one_array
from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.yaml_file import packaged
from scoring_ml.errors import InputError

SAMPLE_ROWS: Final = 100_000
"""Rows of a file, evenly spaced, by which the type of a column is drafted."""

_TABLE_FILE: Final = re.compile(r".+\.(csv|tsv|txt|parquet|pq)(\.gz)?", re.IGNORECASE)


def shapes() -> Mapping[str, Any]:
    """Return the words by which tables, columns and activities are recognised."""
    return packaged("scoring_ml.data.crm.drafting", "shapes.yaml")


def fold_name(name: str) -> str:
    """Return a column's name without case, signs and the object that exports put around it.

    >>> fold_name("Record ID - Contact"), fold_name("Deal - Won time"), fold_name("Create_Date")
    ('recordid', 'wontime', 'createdate')
    """
    bare = re.sub(shapes()["around"], "", name.strip(), flags=re.IGNORECASE)
    plain = re.sub(r"[\W_]+", "", bare.casefold())
    return str(shapes()["same"].get(plain, plain))


@dataclass(frozen=True)
class FolderFile:
    """One file of the folder, read as a whole."""

    file: DataFile

    @property
    def name(self) -> str:
        """Its name."""
        return self.file.facts.name

    @property
    def table(self) -> Any:
        """Its cells, as :class:`DataFile` has them."""
        return self.file.table

    @property
    def stem(self) -> str:
        """Its name without endings, as columns of a joined file bear it."""
        return self.name.split(".")[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(self.table.column_names)

    @cached_property
    def _by_folded(self) -> dict[str, str]:
        return {fold_name(name): name for name in reversed(self.columns)}

    def find(self, name: str) -> str | None:
        """Return the file's own spelling of a column, or ``None``."""
        return name if name in self.columns else self._by_folded.get(fold_name(name))

    def find_folded(self, name: str) -> bool:
        """Tell whether it has a column of that folded name."""
        return name in self._by_folded

    @cached_property
    def drafts(self) -> dict[str, DraftedColumn]:
        """What each column seems to hold."""
        rows = self.table.num_rows
        step = np.linspace(0, rows - 1, min(rows, SAMPLE_ROWS)).astype(np.int64)
        sample = self.table if rows <= SAMPLE_ROWS else self.table.take(step)
        return draft_columns(
            {
                name: look_at(name, sample.column(name), lambda row: int(step[row]) + 2)
                for name in self.columns
            }
        )

    def words(self, column: str) -> dict[str, int]:
        """Return the different texts of a column and how often each stands there."""
        counts = pc.value_counts(id_texts(self.table.column(column)))
        pairs = ((item["values"], item["counts"]) for item in counts.to_pylist())
        return {word: number for word, number in pairs if word is not None}

    def only(self, words: Mapping[str, list[str]]) -> FolderFile:
        """Return the file with the rows alone that have one of the words; "" is an empty cell."""
        table = self.table
        for column, (word,) in words.items():
            texts = pc.utf8_lower(pc.fill_null(id_texts(table.column(column)).cast("string"), ""))
            table = table.filter(pc.equal(texts, word.lower()))
        return FolderFile(replace(self.file, table=table))

    def changes(self, column: str, key: str) -> bool:
        """Tell whether rows that share a key differ in a column."""
        pairs = self.table.select([column, key]).group_by([column, key]).aggregate([])
        return bool(pairs.num_rows > len(self.ids(key)) + pairs.column(key).null_count)

    def ids(self, column: str) -> Any:
        """Return the different ids of a column as Arrow text."""
        texts = one_array(id_texts(self.table.column(column)))
        if hasattr(texts, "dictionary"):
            texts = texts.cast(texts.type.value_type)
        return pc.drop_null(pc.unique(texts)).cast("large_string")


def open_folder(
    folder: Path, encoding: str | None = None
) -> tuple[list[FolderFile], dict[str, str]]:
    """Read the tables of a folder; beside them, files that are none and why.

    Raises
    ------
    InputError
        If no file of the folder is a table.
    """
    found, unread = [], {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.suffix in (".yaml", ".md"):
            continue
        if _TABLE_FILE.fullmatch(path.name) is None:
            unread[path.name] = "neither CSV nor Parquet"
            continue
        try:
            found.append(FolderFile(read_table(path, needs_rows=False, encoding=encoding)))
        except InputError as error:
            unread[path.name] = str(error)
    if not found:
        raise InputError(
            "The folder must hold the tables of a CRM export, as CSV or Parquet",
            found=f"no table in {folder}" + "".join(f"; {n}: {why}" for n, why in unread.items()),
            do="Export leads, deals, activities and the history of stages into it",
        )
    return found, unread
