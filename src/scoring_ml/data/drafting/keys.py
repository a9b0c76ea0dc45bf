"""A draft of columns that name something which several rows share: ids, accounts, people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn, name_pattern
from scoring_ml.data.schema import Column

_RECUR: Final = 10
"""Rows a value from which few values recur, as staff and answers do."""
_MOST_STAFF: Final = 100
_FEWEST_ACCOUNTS: Final = 20


def draft_key(look: ColumnLook) -> DraftedColumn | None:
    """Propose an id that repeats; none for any other column.

    Whole numbers under the name of an id count nothing: few that recur are a category.
    """
    if not re.fullmatch(name_pattern("key"), look.title) or len(look.counts) == look.filled:
        return None
    if _recurs(look):
        reason = "numbers that name something"
        whole = all(text.isdigit() for text in look.counts)
        return DraftedColumn(Column(look.name, "category", reason=reason), look) if whole else None
    reason = f"{look.filled} rows share {len(look.counts)} ids"
    return DraftedColumn(Column(look.name, "id", use=False, reason=reason), look)


def people(look: ColumnLook) -> tuple[str, str] | None:
    """Return type and reason of a column of names of people or addresses; none of any other.

    Names of staff are few and recur. A title such as ``contact`` may also say by what means.
    """
    staff = look.names("staff") and len(look.counts) <= _MOST_STAFF and _recurs(look)
    if staff:
        reason = "names of few people, such as staff: make sure that it stands there when scored"
        return ("category", reason) if _share_of_names(look) >= 0.5 else None
    if not re.fullmatch(name_pattern("person"), look.title):
        return None
    means = any(re.search(name_pattern("means"), text.casefold()) for text in look.counts)
    words = means or _share_of_names(look) < 0.5
    if re.fullmatch(name_pattern("role"), look.title) and _recurs(look) and words:
        return None
    return "text", "names or addresses of people"


def choose_account(drafts: Mapping[str, DraftedColumn]) -> str | None:
    """Choose the column that groups leads of one customer: named so, with ids that repeat."""

    def groups(draft: DraftedColumn) -> bool:
        look = draft.look
        return (
            draft.column.type in ("id", "text", "category")
            and re.fullmatch(name_pattern("account"), look.title) is not None
            and _FEWEST_ACCOUNTS <= len(look.counts) < look.filled
            and not _recurs(look)
        )

    names = [name for name, draft in drafts.items() if groups(draft)]
    return max(names, key=lambda name: drafts[name].column.type == "id", default=None)


def _recurs(look: ColumnLook) -> bool:
    return look.filled >= _RECUR * len(look.counts)


def _share_of_names(look: ColumnLook) -> float:
    """Share of the values that are two words or more, each with a capital where there are any."""
    named = 0
    for text in look.counts:
        words = text.replace(".", "").replace("-", "").replace("'", "").split()
        alphabetic = len(words) > 1 and all(word.isalpha() for word in words)
        named += alphabetic and all(word[0] == word[0].upper() for word in words)
    return named / len(look.counts)
