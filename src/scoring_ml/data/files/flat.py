"""A flat file as it stands: one row per lead, every cell as exact text, nothing interpreted.

CSV in any common separator and encoding, and Parquet. What cannot be read is refused with the
line that is wrong; rows that cannot be used are listed by reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scoring_ml.data.files.arrow_cells import plain_cells
from scoring_ml.data.files.csv_form import column_names, csv_form, records
from scoring_ml.data.files.text_file import (
    EXPORT_AS_CSV,
    decode,
    read_bytes,
    refuse_other_formats,
)
from scoring_ml.errors import FileFormatError

_INDEX: Final = r"__index_level_\d+__"


@dataclass(frozen=True)
class FileFacts:
    """What was found out about a file while reading it.

    Parameters
    ----------
    name : str
        File name without folders.
    format : {"csv", "parquet"}
    separator : str or None
        ``None`` for Parquet and for a file of one column.
    encoding : str or None
        ``None`` for Parquet.
    rows : int
        Rows of the frame; left-out rows are not among them.
    bad_lines : mapping of str to tuple of int
        Lines of rows that are left out, by reason, from 1 (the header).
    notes : tuple of str
        What a person should know, such as a column that had to be renamed.
    """

    name: str
    format: str
    separator: str | None
    encoding: str | None
    rows: int
    bad_lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flat:
    """A flat file that has been read.

    Parameters
    ----------
    frame : DataFrame
        Object columns. From CSV: ``str``, exactly as written, an empty cell is ``""``, and
        ``None`` where a row ends before a column that is mostly empty anyway (spreadsheets
        leave such cells out). From Parquet: Python scalars or ``None``; moments are UTC
        without a zone.
    facts : FileFacts
    """

    frame: pd.DataFrame
    facts: FileFacts


def read_flat(path: Path) -> Flat:
    """Read a CSV (perhaps gzipped) or Parquet file.

    Blank column names become ``Unnamed: <index from 0>``; a second ``x`` becomes ``x.1``.

    Raises
    ------
    FileFormatError
        If the file cannot be read as a table with at least one row; names the line where it can.
    """
    data = read_bytes(path)
    if data[:4] == b"PAR1":
        return _read_parquet(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise FileFormatError(
            "A .parquet file must hold Parquet data",
            found=f"{path.name} holds something else",
            do="Export it again, or name a CSV file .csv",
        )
    refuse_other_formats(path.name, data)
    text, encoding = decode(path.name, data)
    return _parse_csv(path.name, text, encoding)


def _parse_csv(name: str, text: str, encoding: str) -> Flat:
    form = csv_form(name, text)
    lines = records(name, form)
    _, header = next(lines)
    names, notes = column_names(header)
    rows, bad = _sort_out(name, header, lines)
    columns = list(zip(*rows, strict=True))
    frame = pd.DataFrame(
        {key: pd.Series(cells, dtype=object) for key, cells in zip(names, columns, strict=True)}
    )
    return Flat(frame, FileFacts(name, "csv", form.separator, encoding, len(rows), bad, notes))


def _sort_out(
    name: str, header: Sequence[str], lines: Iterator[tuple[int, list[str]]]
) -> tuple[list[list[str | None]], dict[str, tuple[int, ...]]]:
    """Part usable rows from bad ones, keeping the order of the file."""
    width = len(header)
    rows: list[list[str | None]] = []
    short: list[tuple[int, int]] = []
    bad: dict[str, list[int]] = {"too many cells": [], "too few cells": [], "no cell filled": []}
    for line, row in lines:
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if not any(row):
            bad["no cell filled"].append(line)
        elif len(row) > width:
            bad["too many cells"].append(line)
        else:
            if len(row) < width:
                short.append((len(rows), line))
            rows.append(list(row))
    mended = _mend(header, rows, [at for at, _ in short])
    lost = [(at, line) for at, line in short if at not in mended]
    bad["too few cells"] = [line for _, line in lost]
    drop = {at for at, _ in lost}
    rows = [row for at, row in enumerate(rows) if at not in drop]
    if not rows:
        counts = ", ".join(f"{len(of)} row(s) with {reason}" for reason, of in bad.items() if of)
        raise FileFormatError(
            "The data file must have at least one row under its header, with a cell per name",
            found=f"{name} has a header of {width} name(s) and {counts or 'no rows'}",
            do=EXPORT_AS_CSV,
        )
    return rows, {reason: tuple(of) for reason, of in bad.items() if of}


def _mend(header: Sequence[str], rows: list[list[str | None]], short: Sequence[int]) -> set[int]:
    """Fill up rows that end before columns which are mostly empty anyway, or have no name.

    Spreadsheets leave out the separators of empty cells at the end of a row. A row that ends
    before a column that is mostly filled has been cut, and stays short.
    """
    if not short:
        return set()
    width = len(header)
    whole = [row for row in rows if len(row) == width]
    ends = width
    while ends > 0 and (
        sum(not row[ends - 1] for row in whole) * 2 > len(whole)
        if whole
        else not header[ends - 1].strip()
    ):
        ends -= 1
    mended = {at for at in short if len(rows[at]) >= max(ends, 1)}
    for at in mended:
        rows[at].extend([None] * (width - len(rows[at])))
    return mended


def _read_parquet(path: Path) -> Flat:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        raise FileFormatError(
            "The Parquet file must be whole",
            found=f"{path.name} is damaged or breaks off",
            do="Export it again",
        ) from None
    # pandas writes a row index as a column of this name; it says nothing about the lead.
    keep = [i for i, n in enumerate(table.column_names) if not re.fullmatch(_INDEX, n)]
    if table.num_rows == 0 or not keep:
        raise FileFormatError(
            "The data file must have at least one row",
            found=f"{path.name} has {table.num_rows} rows and {len(keep)} columns",
            do="Export it again",
        )
    names, notes = column_names([table.column_names[i] for i in keep])
    frame = pd.DataFrame(
        {
            name: pd.Series(plain_cells(table.column(index)), dtype=object)
            for name, index in zip(names, keep, strict=True)
        }
    )
    facts = FileFacts(path.name, "parquet", None, None, table.num_rows, notes=notes)
    return Flat(frame, facts)
