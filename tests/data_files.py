"""Data files made of Python cells, and read files as pandas frames, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scoring_ml.data.files.arrow_cells import plain_cells, table_of
from scoring_ml.data.files.data_file import DataFile, FileFacts


def data_file(
    columns: Mapping[str, Sequence[Any]], name: str = "leads.csv", **facts: Any
) -> DataFile:
    """Return cells as if they had been read from a file."""
    frame = pd.DataFrame({key: pd.Series(cells, dtype=object) for key, cells in columns.items()})
    found = FileFacts(name, "csv", ",", "utf-8", len(frame), columns=tuple(columns), **facts)
    return DataFile(table_of(frame), found)


def frame_of(file: DataFile) -> pd.DataFrame:
    """Return the cells of a file as Python objects."""
    columns = zip(file.table.column_names, file.table.columns, strict=True)
    return pd.DataFrame(
        {name: pd.Series(plain_cells(cells), dtype=object) for name, cells in columns}
    )
