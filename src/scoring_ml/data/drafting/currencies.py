"""A draft of amounts whose currency stands in a column of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn
from scoring_ml.data.drafting.numbers import rates_asked
from scoring_ml.data.values.numbers import currency_code


def with_currencies(drafts: Mapping[str, DraftedColumn]) -> dict[str, DraftedColumn]:
    """Give amounts the column that names their currency, and ask for rates where it names several.

    Of several such columns the one counts whose name begins or ends as the amount's does, else
    the first.
    """
    named = {name: rows for name, d in drafts.items() if (rows := _currencies(d.look))}
    found = dict(drafts)
    for name, draft in drafts.items():
        column = draft.column
        money = draft.look.names("money") and column.criterion != "engagement"  # total activities
        if not named or column.type != "number" or column.currency or not money:
            continue
        beside = next((other for other in named if name in other or other in name), min(named))
        rows = named[beside]
        column = replace(
            column,
            currency=rows.most_common()[0][0],
            currency_of=beside,
            reason=f"{column.reason}; {beside} names the currency; confirm",
        )
        if len(rows) > 1:
            asked = (*column.audit, rates_asked(name, rows))
            column = replace(column, audit=asked, use=False, known="unknown", askable=False)
        found[name] = replace(draft, column=column, findings=column.audit)
    return found


def _currencies(look: ColumnLook) -> Counter[str]:
    """Count the rows of each currency in a column of nothing else; empty for any other column."""
    codes = {text: currency_code(text) for text in look.counts}
    rows: Counter[str] = Counter()
    for text, code in codes.items():
        if code is not None:
            rows[code] += look.counts[text]
    return rows if all(codes.values()) else Counter()
