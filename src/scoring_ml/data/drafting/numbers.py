"""A draft of a column of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from scoring_ml.data.drafting.look import (
    ID_NAME,
    ColumnLook,
    DraftedColumn,
    few_odd,
    odd_reason,
    read_texts,
)
from scoring_ml.data.schema import Column
from scoring_ml.data.values.numbers import parse_number, plain_digits

_CODE: Final = re.compile(r"[+-]?0\d+")
_STAND_IN: Final = re.compile(r"-?9+|-1")


def draft_number(look: ColumnLook) -> DraftedColumn | None:
    """Propose how numbers are read; none where too many cells are no number."""
    decimal, (values, junk) = ".", read_texts(look, parse_number)
    if junk:
        with_comma = read_texts(look, lambda text: parse_number(text, decimal=","))
        if len(with_comma[1]) < len(junk):
            decimal, (values, junk) = ",", with_comma
    # A leading zero belongs to a code, such as a postal code, not to a number.
    if not few_odd(look, junk) or any(_CODE.fullmatch(plain_digits(text)) for text in values):
        return None
    look = look.without(junk)
    whole = all(value.is_integer() for value in values.values())
    reasons = [*odd_reason(junk), *_grouping(values, decimal)]
    stand_ins = _stand_ins(look, values)
    if stand_ins:
        rest = [value for text, value in values.items() if text not in stand_ins]
        rows = sum(look.counts[text] for text in stand_ins)
        reasons.append(
            f"{', '.join(stand_ins)} ({rows} rows) stands far outside the other values "
            f"({min(rest):g} to {max(rest):g}) and is read as not known; confirm"
        )
    missing, reason = (*junk, *stand_ins), "; ".join(reasons)
    column = Column(look.name, "number", decimal=decimal, missing=missing, reason=reason)
    draft = DraftedColumn(column, look, numbers=values if whole else {})
    if draft.unique and (look.named(ID_NAME) or draft.direction() is not None):
        column = Column(look.name, "id", use=False, reason="every row has another number")
        return replace(draft, column=column)
    return draft


def _grouping(texts: Iterable[str], decimal: str) -> list[str]:
    if decimal == ",":
        return ["decimal comma"]
    parted = [text for text in texts if re.search(r"[.,]", text)]
    if parted and all(re.fullmatch(r"\D*\d{1,3},\d{3}\D*", text) for text in parted):
        return ["ambiguous: 1,234 is read as 1234; write decimal: ',' if it means 1.234"]
    return []


def _stand_ins(look: ColumnLook, values: Mapping[str, float]) -> list[str]:
    """Find numbers such as 999 or -1 that are written where nothing is known.

    Evidence asked for: nines only, or -1; at least 5 rows and 1 % of them; and either further
    from the others than these are from each other, or the only whole number below zero.
    """
    numbers = []
    for text, value in values.items():
        rows = look.counts[text]
        if rows < 5 or rows * 100 < look.filled or not _STAND_IN.fullmatch(f"{value:.12g}"):
            continue
        rest = [other for other in values.values() if other != value]
        if len(rest) < 5:
            continue
        low, high = min(rest), max(rest)
        alone = value < 0 <= low and len(rest) >= 10 and all(r.is_integer() for r in rest)
        if alone or max(low - value, value - high) > max(high - low, 1.0):
            numbers.append(text)
    return numbers
