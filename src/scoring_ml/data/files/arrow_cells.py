"""Cells of Arrow columns as plain Python values, and cells as the text that CSV would hold."""

from __future__ import annotations

import json
import math
from datetime import date, time, timedelta
from typing import Any

import pyarrow as pa


def cell_text(cell: Any) -> str:
    """Write a cell of a :class:`Flat` as text, as a CSV file would hold it.

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
