"""Checks of the leak audit for values that stand with one outcome only, and what speaks for them.

What stands only with won leads was hardly known before. What stands only with lost leads may be an
honest sign - a visit that bounced buys nothing - unless it looks written afterwards: no open lead
has it, the column tells won leads by other values or as a whole, or the words are those of an end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring_ml.data.values.moments import Bools
from scoring_ml.evaluation.audit.hints import hints_at, says_end
from scoring_ml.evaluation.audit.probes_auc import single_field_auc
from scoring_ml.evaluation.audit.probes_values import OneSided, one_sided_values
from scoring_ml.evaluation.audit.state import AuditedField, AuditState


def check_filled_side(state: AuditState, item: AuditedField) -> None:
    """Whether only won or only lost leads have the column filled."""
    decided, settings = state.decided, state.settings
    filled = item.filled[decided.rows]
    if filled.all() or not filled.any():
        return
    codes = np.where(filled, 0, -1)
    for side in one_sided_values(codes, decided.y, decided.blocks, rows=settings.one_sided_rows):
        if side.code == 0 and _is_one_sided(state, side, tried=1):
            text = f"one_sided_presence_{'won' if side.won else 'lost'}"
            rows, share = side.rows, side.share
            state.add(
                item.name, "refuse", "one_sided_presence", share, text, rows=rows, share=share
            )


def _is_one_sided(state: AuditState, side: OneSided, *, tried: int) -> bool:
    settings = state.settings
    return (
        side.share >= settings.one_sided_share
        and side.odds >= settings.one_sided_odds
        and side.chance <= settings.significance / (tried * len(state.fields))
    )


def check_one_sided(state: AuditState, item: AuditedField) -> Bools | None:
    """Values that stand almost only with won, or almost only with lost leads.

    Returns
    -------
    array of bool, shape (n,), or None
        Leads with a value that stands only with lost ones and that nothing speaks against.
    """
    settings, decided = state.settings, state.decided
    if item.personal or state.has_finding(item.name, "one_sided_presence"):
        return None
    rows = float(settings.one_sided_rows)
    if item.column.type in ("number", "date"):
        rows = max(rows, settings.spike * len(decided))
    sides = one_sided_values(item.codes[decided.rows], decided.y, decided.blocks, rows=rows)
    if item.column.is_feature:
        # That a lead did nothing of a kind is what it did, and known when it was seen.
        sides = tuple(side for side in sides if side.code >= 0)
    kept = [side for side in sides if _is_one_sided(state, side, tried=len(sides))]
    won, lost = [s for s in kept if s.won], [s for s in kept if not s.won]
    if won:
        _add(state, item, won, "won")
    if not lost:
        return None
    codes = np.array([side.code for side in lost])
    if won or _written_afterwards(state, item, codes):
        _add(state, item, lost, "lost")
        return None
    _add(state, item, lost, "negative")
    return np.isin(item.codes, codes)


def _add(state: AuditState, item: AuditedField, sides: Sequence[OneSided], kind: str) -> None:
    wins = state.decided.y.sum()
    of_class = wins if kind == "won" else len(state.decided) - wins
    together = sum(side.rows for side in sides)
    share = sum(side.share * side.rows for side in sides) / together
    # That an answer is missing is often an honest sign of a lead that cannot be won.
    written = sum(side.rows for side in sides if side.code >= 0)
    refused = written >= state.settings.one_sided_coverage * of_class
    state.add(
        item.name,
        "note" if kind == "negative" else "refuse" if refused else "ask",
        "one_sided_value",
        share,
        f"one_sided_value_{kind}",
        n=len(sides),
        rows=together,
        share=share,
        what=named_value(state, item, max(sides, key=lambda side: side.rows).code),
    )


def _written_afterwards(state: AuditState, item: AuditedField, codes: np.ndarray) -> bool:
    """Tell whether values of lost leads look written because they were lost."""
    settings, sample = state.settings, state.sample
    auc = single_field_auc(item.cells[sample.rows], sample.y, sample.blocks, seed=settings.seed)
    if auc.value >= settings.refuse_auc:
        # An amount of 0 until a deal is won: open leads have it, and yet it tells the outcome.
        return True
    if hints_at("ending", item.name):
        return True
    absent = absent_on_open(state, np.isin(item.codes, codes))
    if absent is not None:
        return absent
    return item.column.worded and any(says_end(item.names[c]) for c in codes if c >= 0)


def absent_on_open(state: AuditState, having: Bools) -> bool | None:
    """Tell whether open leads lack what decided leads of the same time have; None if too few.

    Parameters
    ----------
    having : array of bool, shape (n,)
    """
    settings, blocks, still_open = state.settings, state.all_blocks, state.still_open
    number = np.bincount(blocks[~still_open], minlength=blocks.max(initial=0) + 1)
    with_it = np.bincount(blocks[~still_open & having], minlength=len(number))
    waiting = np.bincount(blocks[still_open], minlength=len(number))
    expected = float(waiting @ (with_it / np.maximum(number, 1)))
    if expected < settings.open_expected:
        return None
    return bool(np.sum(having & still_open) <= settings.absent_on_open * expected)


def named_value(state: AuditState, item: AuditedField, code: int) -> str:
    """Name a value that many leads share; never one of a personal column."""
    if code < 0:
        return state.texts.text("audit.what.missing")
    name = item.names[code]
    if item.column.type == "number":
        return value_range(state, name, name)
    if item.column.type == "boolean":
        return state.texts.text("audit.what.value", value="yes" if name else "no")
    if item.column.worded:
        text = str(name)
        short = text if len(text) <= 40 else f"{text[:39]}…"
        return state.texts.text("audit.what.value", value=short)
    return state.texts.text("audit.what.hidden")


def value_range(state: AuditState, low: float, high: float) -> str:
    """Name the values of a number from one to another."""
    if low == high:
        return state.texts.text("audit.what.value", value=f"{low:g}")
    return state.texts.text("audit.what.range", low=f"{low:g}", high=f"{high:g}")
