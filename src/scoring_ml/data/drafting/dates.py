"""A draft of a column of dates."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn, few_odd, odd_reason, read_texts
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import parse_date
from scoring_ml.data.values.numbers import plain_digits


def draft_date(look: ColumnLook) -> DraftedColumn | None:
    """Propose how dates are read; none where too many cells are no date."""
    values, junk = read_texts(look, parse_date)
    if not few_odd(look, junk):
        return None
    years = [moment.year for moment in values.values()]
    compact = any(plain_digits(text).isdigit() for text in values)
    if compact and (min(years) < 1950 or max(years) > 2100):
        return None
    day_first, reason = _day_first(values)
    values = {text: parse_date(text, day_first=day_first) for text in values}
    column = Column(
        look.name,
        "date",
        day_first=day_first,
        missing=tuple(junk),
        reason="; ".join(filter(None, [reason, *odd_reason(junk)])),
    )
    return DraftedColumn(column, look.without(junk), moments=values)


def _day_first(texts: Iterable[str]) -> tuple[bool, str]:
    """Decide whether 3/4/2026 is 3 April, from the values that can be read only one way."""
    first = second = either = 0
    for text in texts:
        match = re.match(r"(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{2}", plain_digits(text))
        if match:
            a, b = int(match[1]), int(match[2])
            first, second, either = first + (a > 12), second + (b > 12), either + (a != b)
    if first and second:
        return True, "day first and month first are mixed; confirm"
    if second:
        return False, "month first, as values such as 1/31 show"
    if either and not first:
        return True, "ambiguous: no date shows whether the day is first; taken as day first"
    return True, ""
