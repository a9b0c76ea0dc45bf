"""A draft of one column of a flat file: its type, how its values are read, and why.

The values are looked at first, the column's name second.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from scoring_ml.data.drafting.dates import draft_date
from scoring_ml.data.drafting.keys import draft_key
from scoring_ml.data.drafting.look import (
    ColumnLook,
    DraftedColumn,
    is_not_known,
    name_pattern,
    read_texts,
)
from scoring_ml.data.drafting.multiselect import draft_multiselect
from scoring_ml.data.drafting.numbers import draft_number
from scoring_ml.data.drafting.words import draft_contact, draft_words
from scoring_ml.data.schema import Column
from scoring_ml.data.values.numbers import parse_boolean
from scoring_ml.data.yaml_file import packaged

ASSUMED: Final = "assumed known at creation: nothing in the file speaks against it; confirm"
"""Reason of every drafted column."""

_ASKABLE: Final = ("industry_fit", "budget", "need_urgency", "authority", "timeline")


def draft_column(look: ColumnLook) -> DraftedColumn:
    """Propose what a column means."""
    certain = [text for text in look.words if is_not_known(text)]
    look = look.without(certain)
    if not look.counts:
        reason = f"no row has a value; {ASSUMED}"
        return DraftedColumn(Column(look.name, "category", use=False, reason=reason), look)
    draft = (
        _boolean(look)
        or draft_date(look)
        or draft_contact(look)
        or draft_key(look)
        or draft_number(look)
        or draft_multiselect(look)
        or draft_words(look)
    )
    column = draft.column
    reasons = [column.reason] if column.reason else []
    if certain:
        reasons.append(f"{', '.join(map(repr, certain))} read as not known")
    if len(look.counts) == 1 and column.use and look.filled == look.rows:
        reasons.append("every row has the same value")
        column = replace(column, use=False)
    criterion = _criterion(look, column.type)
    asks = criterion in _ASKABLE or re.match(name_pattern("question"), look.title) is not None
    column = replace(
        column,
        missing=tuple(dict.fromkeys((*certain, *column.missing))),
        criterion=criterion,
        askable=column.use and (asks or column.type in ("email", "phone")),
        reason="; ".join([*reasons, ASSUMED]),
        audit=draft.findings,
    )
    if any(item.grade == "ask" for item in draft.findings):
        column = replace(column, use=False, known="unknown", askable=False)
    return replace(draft, column=column)


def _criterion(look: ColumnLook, kind: str) -> str:
    if kind in ("email", "phone"):
        return "reachability"
    criteria = packaged("scoring_ml.data.drafting", "names.yaml")["criteria"]
    for criterion, words in criteria.items():
        # A number of campaigns or sources is not the name of one.
        if look.named("|".join(words)) and (
            kind in ("category", "multiselect") or criterion not in ("source", "campaign")
        ):
            return str(criterion)
    return "other"


def _boolean(look: ColumnLook) -> DraftedColumn | None:
    if read_texts(look, parse_boolean)[1] or look.counts.keys() in ({"0"}, {"1"}):
        return None
    return DraftedColumn(Column(look.name, "boolean"), look)
