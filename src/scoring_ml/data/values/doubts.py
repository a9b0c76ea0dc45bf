"""Doubts about a stated reading: what the cells of a column speak against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from scoring_ml.data.files.arrow_cells import distinct_cells
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import form_evidence
from scoring_ml.data.values.numbers import CROSSES, TRUE_WORDS
from scoring_ml.data.values.vocabulary import folded


def doubts(column: Column, cells: Any, line_of: Callable[[int], int]) -> Iterator[str]:
    """Yield sentences about a reading that all Arrow cells which show anything speak against.

    ``line_of`` tells the line of a cell in the file by its place, from 0.
    """
    if column.type == "date":
        # A flat file's dates have the day first unless the schema says otherwise.
        stated = replace(column.date_form, day_first=column.day_first is not False)
        evidence = form_evidence(cells, stated)
        yield from evidence.located(lambda place: line_of(place) - 2).refuted
    elif column.type == "boolean" and not column.yes_words:
        words = {folded(cell) for cell in distinct_cells(cells)[1] if isinstance(cell, str)}
        if (crosses := words & CROSSES) and not words & TRUE_WORDS:
            cross = min(crosses)
            yield (
                f"{cross!r} is read as no, and nothing in the column as yes; write yes_words: "
                f"[{cross}] if it is a tick"
            )
