"""One data file as an Arrow table, nothing interpreted: CSV in any usual form, and Parquet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scoring_ml.data.files.code_pages import CodePage
from scoring_ml.data.files.csv_table import read_csv
from scoring_ml.data.files.parquet_table import PARQUET_MARK, read_parquet
from scoring_ml.data.files.text_file import EXPORT_AS_CSV, map_file, read_text
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.errors import FileFormatError

EMPTY_ROW: Final = "no cell filled"
"""Among reasons to leave a line out: it says nothing, so that nothing is lost."""


@dataclass(frozen=True)
class FileFacts:
    """What was found out about a file while reading it.

    Parameters
    ----------
    format : {"csv", "parquet"}
    separator : str or None
        ``None`` for Parquet and for a file of one column.
    encoding : str or None
        ``None`` for Parquet.
    rows : int
        Rows of the table; left-out rows are not among them.
    bad_lines : mapping of str to tuple of int
        Lines of rows that are left out, by reason, from 1 (the first line of the file).
    first_line : int
        Line below the header.
    columns : tuple of str
        Names of all columns of the file, read or not.
    """

    name: str
    format: str
    separator: str | None
    encoding: str | None
    rows: int
    bad_lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    guess: CodePage | None = None
    first_line: int = 2

    def line_of(self, row: int) -> int:
        """Return the line of a row, from 0, where no cell has line breaks.

        >>> FileFacts("x.csv", "csv", ",", "utf-8", 3, {"no cell filled": (3,)}).line_of(1)
        4
        """
        line = self.first_line + row
        for bad in sorted(line for lines in self.bad_lines.values() for line in lines):
            line += bad <= line
        return line

    @property
    def findings(self) -> tuple[Suspicion, ...]:
        """What must be asked about the file."""
        guess = self.guess
        if guess is None or not guess.others:
            return ()
        others = " or ".join(f"{name} ({_quoted(each)})" for name, each in guess.others.items())
        text = (
            f"{self.name} is read as {guess.name} ({_quoted(guess.words)}) and may also be "
            f"{others}; write the right one under encoding"
        )
        return (Suspicion("ask", "encoding", text=text),)

    @property
    def ragged(self) -> tuple[int, ...]:
        """Lines that do not fit under the header, rising."""
        bad = (lines for reason, lines in self.bad_lines.items() if reason != EMPTY_ROW)
        return tuple(sorted(line for lines in bad for line in lines))


@dataclass(frozen=True)
class DataFile:
    """A file that has been read.

    Parameters
    ----------
    table : pyarrow.Table
        From CSV: text, exactly as written; null where a row ends before a column that is mostly
        empty anyway (spreadsheets leave such cells out). From Parquet: columns of plain types.
    """

    table: Any
    facts: FileFacts


def read_table(
    path: Path,
    columns: Collection[str] | None = None,
    *,
    needs_rows: bool = True,
    encoding: str | None = None,
) -> DataFile:
    """Read a CSV (perhaps gzipped) or Parquet file.

    Blank column names become ``Unnamed: <index from 0>``; a second ``x`` becomes ``x.1``.

    Parameters
    ----------
    columns : collection of str or None
        Columns to read, all if None. Those that the file does not have are no matter; where it
        has none of them, its first is read, so that rows can be counted.
    needs_rows : bool
        Whether a file without a row that fits under its header is refused.
    encoding : str or None
        What a CSV file is in, if it is not in Unicode; found out if None.

    Raises
    ------
    FileFormatError
        If the file cannot be read as a table; names the line where it can.
    """
    data = map_file(path)
    if data[:4] == PARQUET_MARK:
        table, names, notes = read_parquet(path, columns)
        facts = FileFacts(
            path.name, "parquet", None, None, table.num_rows, notes=notes, columns=names
        )
    elif path.suffix.lower() in (".parquet", ".pq"):
        raise FileFormatError(
            "A .parquet file must hold Parquet data",
            found=f"{path.name} holds something else",
            do="Export it again, or name a CSV file .csv",
        )
    else:
        text = read_text(path.name, data, encoding)
        form, table, bad, notes = read_csv(text, columns)
        if text.guess is not None:
            guessed = f"Read as {text.guess.name}, as its words show: {_quoted(text.guess.words)}"
            notes = (f"{guessed}; write encoding if they are wrong", *notes)
        facts = FileFacts(
            path.name,
            "csv",
            form.separator,
            text.encoding,
            table.num_rows,
            bad,
            (*text.notes, *notes),
            form.names,
            text.guess,
            form.lines + 1,
        )
    if needs_rows and not (facts.rows and facts.columns):
        counts = [f"{len(lines)} row(s) with {reason}" for reason, lines in facts.bad_lines.items()]
        raise FileFormatError(
            "The data file must have at least one row under its header, with a cell per name",
            found=f"{path.name} has a header of {len(facts.columns)} name(s) and "
            f"{', '.join(counts) or 'no rows'}",
            do=EXPORT_AS_CSV,
        )
    return DataFile(table, facts)


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(map(repr, words))
