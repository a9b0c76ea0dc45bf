"""Checks of the leak audit against the outcome: columns that tell it, by value or by presence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.evaluation.audit.adversarial import age_days
from scoring_ml.evaluation.audit.probes_auc import (
    Auc,
    auc_error,
    presence_auc,
    single_field_auc,
    value_codes,
)
from scoring_ml.evaluation.audit.probes_gain import gains, sample_rows
from scoring_ml.evaluation.audit.probes_values import OneSided, one_sided_values
from scoring_ml.evaluation.audit.state import AuditedField, AuditState


def check_outcome(state: AuditState, item: AuditedField) -> None:
    """Single-field AUC, among all leads and among those that have the column filled."""
    settings = state.settings
    if item.personal:
        return
    values, filled = item.cells[state.decided], item.filled[state.decided]
    auc = single_field_auc(values, state.y, state.blocks, seed=settings.seed)
    state.auc[item.name] = auc.value
    if auc.value >= settings.ask_auc and auc.beyond_chance(state.z):
        refused = _surely_refused(state, auc.value, state.y)
        grade, limit = ("refuse", settings.refuse_auc) if refused else ("ask", settings.ask_auc)
        state.add(item.name, grade, "single_field_auc", auc.value, limit=limit)
    if not filled.all() and filled.sum() >= settings.one_sided_rows:
        among = single_field_auc(
            values[filled], state.y[filled], state.blocks[filled], seed=settings.seed
        )
        if among.value >= settings.ask_auc and among.beyond_chance(state.z):
            share, limit = float(filled.mean()), settings.ask_auc
            state.add(item.name, "ask", "filled_auc", among.value, share=share, limit=limit)
    # Members of a family drift together; the field that people know stands for them.
    if state.blocks.any() and item.family == item.name:
        _drift(state, item, values, auc)


def _surely_refused(state: AuditState, auc: float, y: NDArray[np.float64]) -> bool:
    """Tell whether an AUC is to be refused even at the lower end of its 90 % interval."""
    settings = state.settings
    error = auc_error(auc, wins=y.sum(), losses=len(y) - y.sum())
    sure = auc - 1.645 * error >= (settings.refuse_auc + settings.ask_auc) / 2
    return bool(auc >= settings.refuse_auc and sure)


def check_age(state: AuditState, item: AuditedField, as_of: NDArray[np.datetime64]) -> None:
    """Whether won and lost leads are seen at different ages, counted from a date that they have.

    Where a file's order is the date of the last change or of the end, the days since the lead's
    creation are the days that it took to win or lose it.
    """
    settings = state.settings
    filled = item.filled[state.decided]
    days = age_days(item.cells, as_of)[state.decided]
    known = np.isfinite(days)
    if known.sum() < settings.one_sided_rows:
        return
    y, blocks = state.y[known], state.blocks[known]
    auc = single_field_auc(days[known], y, blocks, seed=settings.seed)
    limit = settings.ask_age_auc if filled.all() else settings.ask_auc
    if auc.value >= limit and auc.beyond_chance(state.z):
        refused = _surely_refused(state, auc.value, y)
        grade, limit = ("refuse", settings.refuse_auc) if refused else ("ask", limit)
        state.add(item.name, grade, "age_auc", auc.value, limit=limit)


def _drift(state: AuditState, item: AuditedField, values: NDArray[Any], within: Auc) -> None:
    zeros = np.zeros_like(state.blocks)
    whole = single_field_auc(values, state.y, zeros, seed=state.settings.seed)
    if (
        whole.value - within.value >= state.settings.note_drift
        and whole.value >= state.settings.ask_presence_auc
        and whole.beyond_chance(state.z)
    ):
        state.add(item.name, "note", "drift", whole.value, within=round(within.value, 3))


def check_presence(state: AuditState, item: AuditedField) -> None:
    """Whether the column being filled tells the outcome."""
    settings, y = state.settings, state.y
    filled = item.filled[state.decided]
    if filled.all() or not filled.any():
        return
    for side in one_sided_values(
        np.where(filled, 0, -1), y, state.blocks, rows=settings.one_sided_rows
    ):
        if side.code == 0 and _is_one_sided(state, side, tried=1):
            text = f"one_sided_presence_{'won' if side.won else 'lost'}"
            rows, share = side.rows, side.share
            state.add(
                item.name, "refuse", "one_sided_presence", share, text, rows=rows, share=share
            )
            return
    if item.column.is_feature:
        # "Never did it" is what a missing day since the last visit says, and known to be so.
        return
    auc, more = presence_auc(filled, y, state.blocks)
    if auc.value >= settings.ask_presence_auc and auc.beyond_chance(state.z):
        state.add(
            item.name,
            "ask",
            "presence_auc",
            auc.value,
            "presence_auc_more" if more else "presence_auc_less",
            limit=settings.ask_presence_auc,
            won=float(filled[y == 1].mean()),
            lost=float(filled[y == 0].mean()),
        )


def _is_one_sided(state: AuditState, side: OneSided, *, tried: int) -> bool:
    settings = state.settings
    return (
        side.share >= settings.one_sided_share
        and side.odds >= settings.one_sided_odds
        and side.chance <= settings.significance / (tried * len(state.fields))
    )


def check_one_sided(state: AuditState, item: AuditedField) -> None:
    """Values that stand almost only with won, or almost only with lost leads."""
    settings = state.settings
    if state.has_finding(item.name, "one_sided_presence"):
        return
    rows = float(settings.one_sided_rows)
    if item.column.type in ("number", "date"):
        rows = max(rows, settings.spike * len(state.y))
    sides = one_sided_values(item.codes[state.decided], state.y, state.blocks, rows=rows)
    if item.column.is_feature:
        # That a lead did nothing of a kind is what it did, and known when it was seen.
        sides = tuple(side for side in sides if side.code >= 0)
    for won in (True, False):
        kept = [s for s in sides if s.won is won and _is_one_sided(state, s, tried=len(sides))]
        if not kept:
            continue
        together = sum(side.rows for side in kept)
        share = sum(side.share * side.rows for side in kept) / together
        of_class = state.y.sum() if won else len(state.y) - state.y.sum()
        # That an answer is missing is often an honest sign of a lead that cannot be won.
        written = sum(side.rows for side in kept if side.code >= 0)
        refused = written >= settings.one_sided_coverage * of_class
        state.add(
            item.name,
            "refuse" if refused else "ask",
            "one_sided_value",
            share,
            f"one_sided_value_{'won' if won else 'lost'}",
            n=len(kept),
            rows=together,
            share=share,
            what=named_value(state, item, max(kept, key=lambda side: side.rows).code),
        )


def named_value(state: AuditState, item: AuditedField, code: int) -> str:
    """Name a value that many leads share; never one of a personal column."""
    if code < 0:
        return state.texts.text("audit.what.missing")
    name = item.names[code]
    if item.column.type == "number":
        return value_range(state, name, name)
    if item.column.type == "boolean":
        return state.texts.text("audit.what.value", value="yes" if name else "no")
    if item.column.type == "category":
        text = str(name)
        short = text if len(text) <= 40 else f"{text[:39]}…"
        return state.texts.text("audit.what.value", value=short)
    return state.texts.text("audit.what.hidden")


def value_range(state: AuditState, low: float, high: float) -> str:
    """Name the values of a number from one to another."""
    if low == high:
        return state.texts.text("audit.what.value", value=f"{low:g}")
    return state.texts.text("audit.what.range", low=f"{low:g}", high=f"{high:g}")


_TELLS: Final = (
    "declared",
    "changed",
    "counts_on",
    "single_field_auc",
    "filled_auc",
    "age_auc",
    "one_sided_presence",
    "one_sided_value",
)
"""Probes after which a field is not among the others that a gain is measured over."""


def check_gain(state: AuditState) -> None:
    """Ask about fields that add much to a model on all that do not tell the outcome alone.

    This is the drop in AUC when the field is removed. Columns of one family leave together, and
    what the schema leaves out is measured over what it uses.
    """
    settings = state.settings
    rows = sample_rows(state.y, most=settings.gain_rows, seed=settings.seed)
    at = state.decided[rows]
    varying = [item for item in state.fields.values() if item.varies and not item.personal]
    if len({item.family for item in varying}) < 2:
        return
    doubted = {
        item.family
        for item in varying
        if not item.column.use or state.has_finding(item.name, *_TELLS)
    }
    result = gains(
        {item.name: value_codes(item.cells[at], bins=10) for item in varying},
        state.y[rows],
        state.blocks[rows],
        others=list(dict.fromkeys(i.family for i in varying if i.family not in doubted)),
        families={item.name: item.family for item in varying},
        seed=settings.seed,
    )
    for family, (added, reached) in result.items():
        if added >= settings.ask_gain and reached >= settings.gain_reaches:
            members = [item.name for item in varying if item.family == family]
            name = family if family in members else members[0]
            limit = settings.ask_gain
            state.add(name, "ask", "gain", added, reached=round(reached, 3), limit=limit)
