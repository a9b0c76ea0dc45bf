"""A draft of a column of words: contact details, categories, ids and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from scoring_ml.data.drafting.keys import people
from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn, reading
from scoring_ml.data.drafting.lookalikes import lookalikes
from scoring_ml.data.schema import Column
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.contacts import like_emails, like_phones
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.vocabulary import folded

_CONTACT_INSIDE: Final = re.compile(r"\S@\S+\.\w|\+\d[\d ()-]{7,}\d|\b\d{10,}\b")
"""An address or a telephone number somewhere in a text."""


def draft_contact(look: ColumnLook) -> DraftedColumn | None:
    """Propose e-mail addresses or telephone numbers; none where they are neither."""
    if like_emails(look.counts):
        return DraftedColumn(Column(look.name, "email"), look)
    if not like_phones(look.counts, named=look.names("phone")):
        return None
    reason = "numbers without a country code can only be judged once region is given"
    return DraftedColumn(Column(look.name, "phone", reason=reason), look)


def draft_words(look: ColumnLook) -> DraftedColumn:
    """Propose a category, an id or a text."""
    different = len(look.counts)
    share = different / look.filled
    spaced = sum(number for text, number in look.counts.items() if " " in text) / look.filled
    length = sum(len(text) * number for text, number in look.counts.items()) / look.filled
    if different >= 20 and share >= 0.98 and spaced < 0.2 and length <= 64:
        kind, reason = "id", "nearly every row has another value"
    elif (named := people(look)) is not None:
        kind, reason = named
    elif any(_CONTACT_INSIDE.search(plain_digits(text)) for text in look.counts):
        kind, reason = "text", "holds e-mail addresses or telephone numbers"
    elif different >= 20 and length > 40 and share > 0.2:
        kind, reason = "text", "long free text"
    elif different > 40 and share > 0.5:
        kind, reason = "text", "mostly different values"
    else:
        kind, reason = "category", ""
    column = Column(look.name, kind, use=kind == "category", reason=reason)
    findings = [*lookalikes(look), *(_one_word(look) if column.worded else ())]
    return DraftedColumn(column, look, tuple(findings))


def _one_word(look: ColumnLook) -> Iterator[Suspicion]:
    """Note values that differ in case alone, which are read as one."""
    spelt: dict[str, list[str]] = {}
    for text in sorted(look.counts, key=lambda text: -look.counts[text]):
        spelt.setdefault(folded(text), []).append(text)
    alike = [texts for texts in spelt.values() if len(texts) > 1]
    if alike:
        rows = sum(look.counts[text] for texts in alike for text in texts[1:])
        shown = "; ".join(
            " and ".join(f"{text!r} ({look.counts[text]:,} rows)" for text in texts)
            for texts in alike[:3]
        )
        shown += f", and {len(alike) - 3} more" if len(alike) > 3 else ""
        yield reading("one_word", rows / look.filled, "note", shown=shown)
