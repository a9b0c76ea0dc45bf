"""A draft of one column of a flat file: its type, how its values are read, and why.

The values are looked at first, the column's name second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from scoring_ml.data.drafting.currencies import with_currencies
from scoring_ml.data.drafting.dates import draft_date
from scoring_ml.data.drafting.keys import draft_key
from scoring_ml.data.drafting.look import (
    ColumnLook,
    DraftedColumn,
    is_not_known,
    name_pattern,
    read_texts,
    reading,
)
from scoring_ml.data.drafting.multiselect import draft_multiselect
from scoring_ml.data.drafting.numbers import draft_number
from scoring_ml.data.drafting.words import draft_contact, draft_words
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import DateForm, agreed_day_first
from scoring_ml.data.values.numbers import CROSSES, parse_boolean
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.data.yaml_file import packaged

ASSUMED: Final = "assumed known at creation: nothing in the file speaks against it; confirm"
"""Reason of every drafted column."""

_ASKABLE: Final = ("industry_fit", "budget", "need_urgency", "authority", "timeline")


def draft_columns(looks: Mapping[str, ColumnLook]) -> dict[str, DraftedColumn]:
    """Propose what each column of a file means.

    Where a date shows neither day nor month to be first, the file's other dates decide it.
    """
    drafts = {name: draft_column(look) for name, look in looks.items()}
    dates = {name: item.evidence for name, item in drafts.items() if item.evidence is not None}
    if (agreed := agreed_day_first(dates)) is not None:
        for name in (name for name, evidence in dates.items() if evidence.is_unsure):
            drafts[name] = draft_column(looks[name], *agreed)
    return with_currencies(drafts)


def draft_column(
    look: ColumnLook, day_first: bool | None = None, because: str = ""
) -> DraftedColumn:
    """Propose what a column means; ``because`` says why its dates have the day first, or not."""
    certain = [text for text in look.words if is_not_known(text)]
    look = look.without(certain)
    if not look.counts:
        reason = f"no row has a value; {ASSUMED}"
        return DraftedColumn(Column(look.name, "category", use=False, reason=reason), look)
    draft = (
        _boolean(look)
        or draft_date(look, DateForm(day_first=day_first))
        or draft_contact(look)
        or draft_key(look)
        or draft_number(look)
        or draft_multiselect(look)
        or draft_words(look)
    )
    column = draft.column
    reasons = [text for text in (because, column.reason) if text]
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
    values, junk = read_texts(look, parse_boolean)
    if junk or look.counts.keys() in ({"0"}, {"1"}):
        return None
    column = Column(look.name, "boolean")
    crosses = [text for text in values if folded(text) in CROSSES]
    others = {text: value for text, value in values.items() if text not in crosses}
    if not crosses:
        return DraftedColumn(column, look)
    if 1.0 not in others.values():
        reason = f"{crosses[0]!r} is read as yes: nothing else here is; an empty cell is not known"
        yes_words = tuple(dict.fromkeys(map(folded, crosses)))
        return DraftedColumn(replace(column, yes_words=yes_words, reason=reason), look)
    if 0.0 not in others.values() and (
        look.filled == look.rows or not any(sign.isalnum() for text in others for sign in text)
    ):
        return DraftedColumn(column, look)
    rows, line = sum(look.counts[text] for text in crosses), look.line(crosses[0])
    shown = {"cross": repr(crosses[0]), "others": ", ".join(map(repr, list(others)[:3]))}
    share = rows / look.filled
    finding = reading("cross", share, n=rows, line=line, word=crosses[0], **shown)
    return DraftedColumn(column, look, (finding,))
