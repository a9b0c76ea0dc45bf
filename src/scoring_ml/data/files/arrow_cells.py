"""Cells of Arrow columns as plain Python values, and cells as the text that CSV would hold."""

from __future__ import annotations

import json
import math
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


def cell_text(cell: Any) -> str:
    """Write a cell as text, as a CSV file would hold it.

    >>> cell_text(None), cell_text(True), cell_text(2.0), cell_text(2.5), cell_text(" x")
    ('', 'true', '2', '2.5', ' x')
    """
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, (list, dict, tuple)):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return str(cell)


def plain_cells(column: Any) -> list[Any]:
    """Return the cells of an Arrow column as Python scalars, not known as ``None``."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        # Arrow holds moments with a zone in UTC, so dropping the zone keeps UTC.
        column = column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return list(column.to_pylist())
    if pa.types.is_decimal(kind):
        return [None if cell is None else float(cell) for cell in column.to_pylist()]
    return [_plain(cell) for cell in column.to_pylist()]


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, bytes):
        return cell.decode("utf-8", errors="replace")
    if isinstance(cell, (list, dict, tuple)):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return cell


def one_array(column: Any) -> Any:
    """Return a column as one Arrow array."""
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # pragma: no cover - more than 2 GB of text
            column = column.cast(pa.large_string()).combine_chunks()
    return column


def distinct_cells(column: Any) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the distinct cells of an Arrow column, and which of them each row has.

    Returns
    -------
    codes : array of int, shape (n,)
        -1 (the last place, if one is added) for null.
    """
    column = one_array(column)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), -1, dtype=np.int64), []
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = np.asarray(column.indices.cast(pa.int64()).fill_null(-1))
    return codes, plain_cells(column.dictionary)


def table_of(frame: pd.DataFrame) -> Any:
    """Return a table of Python or Arrow cells as an Arrow table.

    Cells of a column that are of several types become text, as a CSV file would hold them.
    """
    return pa.table({str(name): _column_of(frame[name]) for name in frame})


def _column_of(cells: pd.Series[Any]) -> Any:
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        cells = cells.dt.tz_convert(None)
    try:
        column = pa.array(cells, from_pandas=True)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        column = None
    if (
        column is None
        or pa.types.is_nested(column.type)
        or isinstance(column.type, pa.BaseExtensionType)
    ):
        texts = [None if pd.isna(cell) is True else cell_text(cell) for cell in cells]
        # Half a character, which no file can hold, spoils its own cell only.
        whole = [None if text is None else text.encode(errors="replace") for text in texts]
        column = pa.array(whole, pa.large_binary()).cast(pa.large_string())
    return column
