"""A Parquet file as an Arrow table of types that everything after can read."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scoring_ml.data.files.arrow_cells import cell_text, plain_cells
from scoring_ml.data.files.csv_form import column_names
from scoring_ml.errors import FileFormatError

PARQUET_MARK: Final = b"PAR1"

# pandas writes a row index as a column of this name; it says nothing about the lead.
_INDEX: Final = r"__index_level_\d+__"


def read_parquet(
    path: Path, columns: Collection[str] | None
) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
    """Read some columns of a Parquet file.

    Returns
    -------
    table : pyarrow.Table
    names : tuple of str
        All columns of the file.
    notes : tuple of str

    Raises
    ------
    FileFormatError
        If it is damaged, or a column holds what cannot be read.
    """
    try:
        file = pq.ParquetFile(path)
        stored = file.schema_arrow.names
        kept = [at for at, name in enumerate(stored) if not re.fullmatch(_INDEX, name)]
        names, notes = column_names([stored[at] for at in kept])
        wanted = [at for at, name in enumerate(names) if columns is None or name in columns]
        if len(set(stored)) < len(stored):
            table = file.read()
        else:
            table = file.read(columns=[stored[kept[at]] for at in wanted or range(len(kept))[:1]])
    except (pa.ArrowException, OSError):
        raise FileFormatError(
            "The Parquet file must be whole",
            found=f"{path.name} is damaged or breaks off",
            do="Export it again",
        ) from None
    every = table.num_columns == len(stored) and len(set(stored)) < len(stored)
    read = {
        names[at]: _plain(
            path.name, names[at], table.column(kept[at] if every else stored[kept[at]])
        )
        for at in wanted or range(len(kept))[:1]
    }
    return pa.table(read), tuple(names), notes


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
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            # Years that no calendar has fail here.
            plain_cells(pa.array([end.as_py() for end in pc.min_max(column).values()], kind))
        if pa.types.is_nested(kind):
            texts = [None if cell is None else cell_text(cell) for cell in plain_cells(column)]
            return pa.chunked_array([pa.array(texts, pa.large_string())])
    except (pa.ArrowException, ValueError, OverflowError):
        pass
    else:
        if any(is_kind(kind) for is_kind in _READABLE):
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
)
