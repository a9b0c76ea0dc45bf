"""A draft of a column whose cells hold several values each."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from scoring_ml.data.drafting.keys import people
from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn
from scoring_ml.data.schema import Column
from scoring_ml.data.values.typed import reader

_SEPARATORS: Final = ";|,،؛/+"
_MOST_VALUES: Final = 200
_RECUR: Final = 5
"""Cells, on average, that hold a value."""
_PERSONAL: Final = re.compile(r"\S@\S+\.\w|\d{7,}")


def draft_multiselect(look: ColumnLook) -> DraftedColumn | None:
    """Propose several values a cell; none where words are only sometimes parted by a sign.

    The values must be few, and recur in other cells and beside other values; cells must hold
    different numbers of them, as "city, country" does not.
    """
    if people(look) is not None:
        return None
    for separator in _SEPARATORS:
        column = Column(look.name, "multiselect", separator=separator)
        if _values_recur(look, column, separator):
            return DraftedColumn(column, look)
    return None


def _values_recur(look: ColumnLook, column: Column, separator: str) -> bool:
    parted = [text for text in look.counts if separator in text or text[0] in "[{"]
    rows = sum(look.counts[text] for text in parted)
    if rows * 10 < look.filled or len(look.counts) < 4:
        return False
    read = reader(column, ())
    cells: Counter[str] = Counter()
    company: Counter[str] = Counter()
    sizes = set()
    for text, number in look.counts.items():
        members = column.members(str(read(text) or ""))
        if len(company) > _MOST_VALUES:
            return False
        sizes.add(len(members))
        for member in members:
            cells[member] += number
            company[member] += 1
    recurring = sum(cells[member] for member, others in company.items() if others > 1)
    return (
        len(sizes) > 1
        and len(company) <= min(len(look.counts), cells.total() / _RECUR)
        and recurring >= 0.9 * cells.total()
        and not any(_PERSONAL.search(member) for member in company)
    )
