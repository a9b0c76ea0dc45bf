"""Large CSV files, read column by column; quotation marks that are never closed are refused."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from scoring_ml.data.files.csv_form import column_names, csv_form, open_quote, swallows_rows
from scoring_ml.errors import FileFormatError

_BLOCK: Final = 1 << 24


@dataclass(frozen=True)
class Head:
    """Where the rows of a file begin.

    Parameters
    ----------
    names : tuple of str
        Of the columns, each once.
    separator : str
    lines : int
        Lines above the first row: empty ones, and those of the header.
    """

    names: tuple[str, ...]
    separator: str
    lines: int


def read_large(path: Path, wanted: Collection[str]) -> tuple[Any, tuple[str, ...], int]:
    """Read some columns of a large CSV file in UTF-8.

    Returns
    -------
    table : pyarrow.Table
        Text, exactly as written.
    names : tuple of str
        All columns of the file.
    ragged : int
        Lines with too many or too few cells, not in the table.

    Raises
    ------
    FileFormatError
        If the file cannot be read so.
    """
    head = _head(path)
    names = head.names
    kept = [name for name in names if name in wanted] or list(names[:1])
    ragged: list[int] = []

    def skip(row: Any) -> str:
        ragged.append(row.number or 0)
        return "skip"

    def options(columns: Sequence[str]) -> dict[str, Any]:
        return {
            "read_options": pacsv.ReadOptions(
                column_names=list(names), skip_rows=head.lines, block_size=16 << 20
            ),
            "parse_options": pacsv.ParseOptions(
                delimiter=head.separator, newlines_in_values=True, invalid_row_handler=skip
            ),
            "convert_options": pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        }

    try:
        table = pacsv.read_csv(path, **options(kept))
        refuse_open_quotes(path, head, rows=table.num_rows + len(ragged))
        counted = len(ragged)
        blank = _blank(table)
        if blank.any():
            # Whether such a row has a cell in another column takes a second look.
            with pacsv.open_csv(path, **options(names)) as batches:
                blank = np.concatenate([_blank(batch) for batch in batches])
            table = table.filter(pa.array(~blank))
    except (pa.ArrowException, OSError, EOFError):
        refuse_open_quotes(path, head, rows=-1)
        raise FileFormatError(
            "A large CSV file must be UTF-8, with one row a line",
            found=f"{path.name} cannot be read",
            do="Export it again as CSV in UTF-8, or as Parquet",
        ) from None
    return table, names, counted


def _blank(table: Any) -> NDArray[np.bool_]:
    """Tell which rows have no cell filled in any column."""
    found = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        found &= np.asarray(pc.equal(pc.binary_length(column), 0))
    return found


def _head(path: Path) -> Head:
    try:
        with pa.input_stream(path) as stream:
            data = stream.read(1_000_000)
    except (pa.ArrowException, OSError, EOFError):
        raise FileFormatError(
            "A file must be whole",
            found=f"{path.name} is damaged or breaks off",
            do="Export it again",
        ) from None
    if b"\0" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFormatError(
            "A large CSV file must be UTF-8",
            found=f"{path.name} is in another encoding, such as UTF-16, or no text",
            do="Export it again as CSV in UTF-8, or as Parquet",
        )
    return head_of(path.name, data.decode("utf-8-sig", errors="replace"))


def head_of(name: str, text: str) -> Head:
    """Find the header at the beginning of a file's text.

    Raises
    ------
    FileFormatError
        If there is none, or cells are not separated in a way that is known.
    """
    form = csv_form(name, text)
    if form.options["skipinitialspace"]:
        raise FileFormatError(
            "In a large CSV file no space may stand between a separator and a quotation mark",
            found=f"{name} has one in line {form.header + 1}",
            do="Export it again without these spaces, or as Parquet",
        )
    reader = csv.reader(form.lines[form.header :], **form.options)
    names, _ = column_names(next(reader))
    return Head(tuple(names), form.options["delimiter"], form.header + reader.line_num)


def refuse_open_quotes(path: Path, head: Head, *, rows: int) -> None:
    """Refuse a file in which a quotation mark is not closed and swallows the lines after it.

    Only files in which some row takes more than one line are read again for that.

    Parameters
    ----------
    path : Path
    head : Head
    rows : int
        Rows that were found; -1 if that is not known.

    Raises
    ------
    FileFormatError
        With the line in which the mark stands.
    """
    lines, last = _count(path)
    options: dict[str, Any] = {"delimiter": head.separator}
    if lines - head.lines == rows and not swallows_rows([last], len(head.names), options):
        return
    with _open(path) as stream:
        for _ in range(head.lines):
            stream.readline()
        taken: list[str] = []
        start = head.lines
        reader = csv.reader(_kept(stream, taken), **options)
        while True:
            try:
                row = next(reader, None)
            except (csv.Error, ValueError):
                raise open_quote(path.name, f"about line {start + 1}") from None
            if row is None:
                return
            is_last = start + len(taken) >= lines
            if (len(taken) > 1 or is_last) and swallows_rows(taken, len(head.names), options):
                raise open_quote(path.name, f"about line {start + 1}")
            start += len(taken)
            taken.clear()


def _kept(stream: TextIO, taken: list[str]) -> Iterator[str]:
    for line in stream:
        taken.append(line)
        yield line


def _open(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _count(path: Path) -> tuple[int, str]:
    """Count the lines of a file, and return the last one that is not empty."""
    feeds = returns = both = 0
    end = ""
    with _open(path) as stream:
        while block := stream.read(_BLOCK):
            both += block.count("\r\n") + (end.endswith("\r") and block.startswith("\n"))
            feeds += block.count("\n")
            returns += block.count("\r")
            end = (end + block)[-1_000_000:]
    lines = feeds + returns - both + (not end.endswith(("\n", "\r")))
    return lines, (re.split(r"[\r\n]+", end.rstrip("\r\n")) or [""])[-1]
