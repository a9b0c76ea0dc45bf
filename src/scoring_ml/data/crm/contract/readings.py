"""Readings of mapped fields: cells that cannot be read, currencies, what breaks the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.files.arrow_cells import cell_text, distinct_cells, one_array
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools
from scoring_ml.data.values.numbers import currency_rows
from scoring_ml.data.values.vocabulary import pattern
from scoring_ml.texts import Catalogue


@dataclass(frozen=True)
class Reading:
    """The cells of one field in one table.

    Parameters
    ----------
    pattern : str
        What the first of them looks like, in 9 for digits and a for letters.
    currencies : mapping of str to int
        Rows by the currency that stands beside a number.
    """

    column: Column
    wrong: int
    filled: int
    pattern: str
    currencies: dict[str, int]

    @classmethod
    def of(
        cls, parts: Sequence[Any], column: Column, values: NDArray[Any], wrong: Bools
    ) -> Reading:
        """Count the cells of Arrow columns, one below the other, that were read as values."""
        currencies: dict[str, int] = {}
        for part in parts:
            if column.type != "number" or pa.types.is_primitive(part.type):
                continue  # no text
            codes, cells = distinct_cells(part)
            for code, rows in currency_rows(codes, cells, column.decimal).items():
                currencies[code] = currencies.get(code, 0) + rows
        unread = np.flatnonzero(wrong)
        first = _first_pattern(parts, int(unread[0])) if len(unread) else ""
        filled = len(unread) + int((~pd.isna(values)).sum())
        return cls(column, len(unread), filled, first, currencies)


def _first_pattern(parts: Sequence[Any], row: int) -> str:
    for part in parts:
        if row < len(part):
            return pattern(cell_text(one_array(part)[row].as_py()))
        row -= len(part)
    return ""


def breaches(readings: Iterable[Reading], most: float) -> Iterator[str]:
    """Yield what breaks the contract, for each field that cannot be used.

    Parameters
    ----------
    most : float
        Share of cells, 0-1, that may be unreadable.
    """
    for item in readings:
        column = item.column
        if not column.use:
            continue
        if len(item.currencies) > 1 and column.currency is None:
            rows = ", ".join(f"{code} ({n:,} rows)" for code, n in item.currencies.items())
            yield Catalogue.load().text("export.broken.currencies", name=column.name, rows=rows)
        elif item.wrong > most * item.filled:
            params = {"name": column.name, "type": column.type, "pattern": repr(item.pattern)}
            counts = {"most": most, "wrong": item.wrong, "filled": item.filled}
            yield Catalogue.load().text("export.broken.unreadable", **params, **counts)
