"""One file of a CRM export as an Arrow table, nothing interpreted."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from scoring_ml.data.files.csv_form import SEPARATORS
from scoring_ml.data.files.flat import read_flat
from scoring_ml.data.files.large_csv import read_large
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
    table, names, ragged = read_large(path, wanted)
    return RawTable(table, names, ragged)


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
    columns = {
        name: _plain(path.name, name, column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return RawTable(pa.table(columns), names)


def _plain(file: str, name: str, column: Any) -> Any:
    """Return a column in a type that everything after can read."""
    kind = column.type
    try:
        if pa.types.is_dictionary(kind) and not _is_text(kind.value_type):
            kind = kind.value_type
            column = column.cast(kind)
        if pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
            column = column.cast(kind)
        if pa.types.is_float16(kind):
            return column.cast(pa.float32())
        if kind in (pa.string_view(), pa.binary_view()) or _is_binary(kind):
            return column.cast(pa.large_string())
    except pa.ArrowException:
        pass
    else:
        if any(is_kind(kind) for is_kind in _READABLE) and "_view" not in str(kind):
            return column
    raise FileFormatError(
        "A column must hold text, numbers, moments, true and false, or lists of them",
        found=f"{name!r} of {file} holds {kind}",
        do="Export it as text",
    )


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_binary(kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


_READABLE: Final = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_dictionary,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_time,
    pa.types.is_duration,
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_struct,
    pa.types.is_map,
)


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
    bad = flat.facts.bad_lines.items()
    ragged = sorted(line for reason, lines in bad for line in lines if reason != "no cell filled")
    return RawTable(table, names, len(ragged), tuple(f"line {line}" for line in ragged[:3]))


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
