"""A draft of a column of dates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.drafting.look import (
    ColumnLook,
    DraftedColumn,
    almost,
    few_odd,
    odd_reason,
    reading,
)
from scoring_ml.data.schema import Column
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.moments import (
    DateForm,
    FormEvidence,
    form_evidence,
    placeholder_texts,
    read_moments,
    unread_reason,
)
from scoring_ml.data.values.numbers import plain_digits

_UNSTATED: Final = DateForm()
_MOST_READ: Final = 0.6
"""Share of rows from which a column is one of dates."""

_LOOK: Final = 500
"""Texts of a column that are looked at first."""

_SHORTENED: Final = re.compile(r"\d(?:[.,]\d{0,8})?[eE]\+?\d{1,2}")
"""Fewer digits than a Unix time has down to the second."""


def draft_date(look: ColumnLook, stated: DateForm = _UNSTATED) -> DraftedColumn | None:
    """Propose how dates are read, which other columns may state; none where too few are dates."""
    texts = list(look.counts)
    rows = np.fromiter(look.counts.values(), dtype=np.int64, count=len(texts))
    first = np.unique(
        [*np.argsort(-rows, kind="stable")[:_LOOK], *range(0, len(texts), len(texts) // _LOOK + 1)]
    )
    if _read_share([texts[place] for place in first], rows[first]) < _MOST_READ / 2:
        return None
    evidence = form_evidence(pa.array(texts, pa.large_string()), stated, rows)
    form = evidence.form
    read = read_moments(pa.array(texts, pa.large_string()), form)
    never = placeholder_texts(texts, rows, read, form)
    without = look.without(never)
    wrong = [text for text, bad in zip(texts, read.wrong, strict=True) if bad]
    odd = [text for text in wrong if text in without.counts]
    unclear = [text for text in odd if unread_reason(text, form) == "zone_unclear"]
    lost = sum(look.counts[text] for text in odd if text not in set(unclear))
    if not without.counts or lost > (1 - _MOST_READ) * without.filled:
        return None
    values = {
        text: int(value)
        for text, value, usable in zip(texts, read.values, read.usable, strict=True)
        if usable and text in without.counts
    }
    if not _is_date(look, form, list(values)):
        return None
    few = few_odd(without, odd)
    placed = evidence.located(lambda place: look.line(texts[place]) - 2)
    findings = [*_questions(look, placed, texts, unclear)]
    if odd and not few and not unclear:
        findings.append(almost(without, "a date", odd))
    reasons = [
        *(text for text, _ in placed.decisions()),
        *(odd_reason(odd) if few else []),
    ]
    if never:
        n, words = look.filled - without.filled, ", ".join(map(repr, never[:3]))
        findings.append(reading("no_date", n / look.filled, "note", words=words, n=n))
        reasons.append(findings[-1].text)
    column = Column(
        look.name,
        "date",
        missing=(*never, *(odd if few else ())),
        reason="; ".join(reasons),
        **form.date_keys,
    )
    left = without.without(odd) if few else without
    return DraftedColumn(column, left, tuple(findings), moments=values, evidence=placed)


def _read_share(texts: Sequence[str], rows: NDArray[np.int64]) -> float:
    form = form_evidence(pa.array(texts, pa.large_string()), DateForm(), rows).form
    read = read_moments(pa.array(texts, pa.large_string()), form)
    never = set(placeholder_texts(texts, rows, read, form))
    fits = [
        usable or text in never or unread_reason(text, form) == "zone_unclear"
        for text, usable in zip(texts, read.usable, strict=True)
    ]
    return float(rows[np.array(fits, dtype=bool)].sum() / rows.sum())


def _is_date(look: ColumnLook, form: DateForm, texts: Sequence[str]) -> bool:
    """Tell whether numbers are dates: by the name, or because nothing else has their digits."""
    named = look.names("date") or look.title.endswith((" at", " on"))
    plain = [plain_digits(text) for text in texts]
    if form.epoch is not None:
        long = form.epoch in ("milliseconds", "microseconds")
        return named or (
            long and not look.names("id") and all(text.startswith("1") for text in plain)
        )
    if not any(text.isdigit() for text in plain):
        return True
    if form.calendar == "jalali":
        return named
    years = [int(text[:4]) for text in plain if text.isdigit()]
    return min(years) >= 1950 and max(years) <= 2100


def _questions(
    look: ColumnLook, evidence: FormEvidence, texts: Sequence[str], unclear: Sequence[str]
) -> Iterator[Suspicion]:
    """Ask what the cells leave open, or contradict each other about."""
    for sentence in evidence.contradictions:
        yield reading("contradiction", 1.0, sentence=sentence)
    for sentence in evidence.unsure:
        yield reading("unsure", 1.0, sentence=sentence)
    rows = sum(look.counts[text] for text in texts if _SHORTENED.fullmatch(text.strip()))
    if rows and evidence.form.epoch:
        yield reading("shortened", rows / look.filled, n=rows)
    if unclear:
        rows = sum(look.counts[text] for text in unclear)
        yield reading("zone", rows / look.filled, name=unclear[0].split()[-1])
