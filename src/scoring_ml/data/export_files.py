"""One file of a CRM export as an Arrow table, nothing interpreted."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from scoring_ml.data.flat import SEPARATORS, read_flat
from scoring_ml.errors import FileFormatError

BIG: Final = 20_000_000
"""Bytes from which a CSV file is read column-wise; it must be UTF-8 then."""


@dataclass(frozen=True)
class RawTable:
    """Columns of a file.

    Parameters
    ----------
    table : pyarrow.Table
        From CSV: text, exactly as written.
    names : tuple of str
        All columns of the file, read or not.
    ragged : int
        Lines with too many or too few cells, not in ``table``.
    first_ragged : tuple of str
        The first three of them, by their line.
    """

    table: Any
    names: tuple[str, ...]
    ragged: int = 0
    first_ragged: tuple[str, ...] = ()


def read_file(path: Path, wanted: Collection[str]) -> RawTable:
    """Read some columns of a CSV (perhaps gzipped) or Parquet file.

    Parameters
    ----------
    path : Path
    wanted : collection of str
        Columns to read; those that the file does not have are no matter.

    Raises
    ------
    FileFormatError
        If the file is missing or cannot be read as a table.
    """
    if not path.is_file():
        raise FileFormatError(
            "Every file that crm.yaml names must be in the export's folder",
            found=f"no file {path.name} in {path.parent}",
            do="Export it, or correct crm.yaml",
        )
    if path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path, wanted)
    if path.stat().st_size < BIG:
        return _read_small(path, wanted)
    return _read_big(path, wanted)


def _read_parquet(path: Path, wanted: Collection[str]) -> RawTable:
    try:
        file = pq.ParquetFile(path)
        names = tuple(file.schema_arrow.names)
        table = file.read(columns=[name for name in names if name in wanted])
    except (pa.ArrowException, OSError):
        raise FileFormatError(
            "The Parquet file must be whole",
            found=f"{path.name} is damaged or breaks off",
            do="Export it again",
        ) from None
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FileFormatError(
            "Every column of a file must have a name of its own",
            found=f"{path.name} has {twice!r} more than once",
            do="Export it again",
        )
    if table.num_columns == 0:
        # Without a column Arrow would forget how many rows there are.
        table = file.read(columns=list(names[:1]))
    return RawTable(table, names)


def _read_small(path: Path, wanted: Collection[str]) -> RawTable:
    header = _only_header(path)
    if header is not None:
        empty = {name: pa.array([], pa.string()) for name in header}
        return RawTable(pa.table(empty), header)
    flat = read_flat(path)
    names = tuple(str(name) for name in flat.frame.columns)
    kept = [name for name in names if name in wanted] or list(names[:1])
    table = pa.table(
        {name: pa.array(flat.frame[name].to_list(), pa.large_string()) for name in kept}
    )
    ragged = [bad for bad in flat.facts.bad_rows if bad.reason != "no cell filled"]
    lines = sorted(line for bad in ragged for line in bad.first_lines)[:3]
    return RawTable(
        table,
        names,
        sum(bad.count for bad in ragged),
        tuple(f"line {line}" for line in lines),
    )


def _only_header(path: Path) -> tuple[str, ...] | None:
    """Return the names of a file that has no rows: an export of a table without facts."""
    if path.stat().st_size > 100_000 or path.suffix.lower() == ".gz":
        return None
    try:
        lines = path.read_text(encoding="utf-8-sig").strip("\r\n").splitlines()
    except ValueError:
        return None
    if len(lines) != 1:
        return None
    return tuple(name.strip() for name in next(csv.reader(lines, delimiter=_separator(lines[0]))))


def _separator(header: str) -> str:
    return max(SEPARATORS, key=lambda sign: len(next(csv.reader([header], delimiter=sign))))


def _read_big(path: Path, wanted: Collection[str]) -> RawTable:
    ragged: list[int] = []

    def skip(row: Any) -> str:
        ragged.append(row.number or 0)
        return "skip"

    try:
        with pa.input_stream(path) as stream:
            head = stream.read(1_000_000).decode("utf-8-sig", errors="replace")
        separator = _separator(head.splitlines()[0])
        names = tuple(
            name.strip() for name in next(csv.reader(head.splitlines(), delimiter=separator))
        )
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(
                column_names=list(names), skip_rows=1, block_size=16 << 20
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[name for name in names if name in wanted] or list(names[:1]),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, OSError, csv.Error):
        raise FileFormatError(
            "A large CSV file must be UTF-8, with one row a line",
            found=f"{path.name} cannot be read",
            do="Export it again as CSV in UTF-8, or as Parquet",
        ) from None
    return RawTable(table, names, len(ragged))
