"""Checks of the leak audit against the outcome: columns that tell it, by value or by presence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.evaluation.audit.adversarial import age_days
from scoring_ml.evaluation.audit.probes_auc import (
    Measured,
    presence_auc,
    single_field_auc,
    value_codes,
)
from scoring_ml.evaluation.audit.probes_gain import gains, sample_rows
from scoring_ml.evaluation.audit.state import AuditedField, AuditState


def check_outcome(state: AuditState, item: AuditedField) -> None:
    """Single-field AUC, among all leads and among those that have the column filled."""
    settings, sample = state.settings, state.sample
    if item.personal:
        return
    values, filled = item.cells[sample.rows], item.filled[sample.rows]
    auc = single_field_auc(values, sample.y, sample.blocks, seed=settings.seed)
    state.auc[item.name] = auc.value
    limits = {"ask": settings.ask_auc, "refuse": settings.refuse_auc}
    state.judge(item.name, "single_field_auc", auc, **limits, y=sample.y)
    if not filled.all() and filled.sum() >= settings.one_sided_rows:
        y, blocks = sample.y[filled], sample.blocks[filled]
        among = single_field_auc(values[filled], y, blocks, seed=settings.seed)
        share = float(filled.mean())
        state.judge(item.name, "filled_auc", among, ask=settings.ask_auc, share=share)
    # Members of a family drift together; the field that people know stands for them.
    if sample.blocks.any() and item.family == item.name:
        _drift(state, item, values, auc)


def check_age(state: AuditState, item: AuditedField, as_of: NDArray[np.datetime64]) -> None:
    """Whether won and lost leads are seen at different ages, counted from a date that they have.

    Where a file's order is the date of the last change or of the end, the days since the lead's
    creation are the days that it took to win or lose it.
    """
    settings, sample = state.settings, state.sample
    filled = item.filled[sample.rows]
    days = age_days(item.cells[sample.rows], as_of[sample.rows])
    known = np.isfinite(days)
    if known.sum() < settings.one_sided_rows:
        return
    y, blocks = sample.y[known], sample.blocks[known]
    auc = single_field_auc(days[known], y, blocks, seed=settings.seed)
    ask = settings.ask_age_auc if filled.all() else settings.ask_auc
    state.judge(item.name, "age_auc", auc, ask=ask, refuse=settings.refuse_auc, y=y)


def _drift(state: AuditState, item: AuditedField, values: NDArray[Any], within: Measured) -> None:
    zeros = np.zeros_like(state.sample.blocks)
    whole = single_field_auc(values, state.sample.y, zeros, seed=state.settings.seed)
    if (
        whole.value - within.value >= state.settings.note_drift
        and whole.value >= state.settings.ask_presence_auc
        and whole.beyond_chance(state.z)
    ):
        state.add(item.name, "note", "drift", whole.value, within=round(within.value, 3))


def check_presence(state: AuditState, item: AuditedField) -> None:
    """Whether the column being filled tells the outcome."""
    settings, sample = state.settings, state.sample
    y, filled = sample.y, item.filled[sample.rows]
    decided = 0 < y.sum() < len(y) and 0 < filled.sum() < len(filled)
    if not decided or state.has_finding(item.name, "one_sided_presence"):
        return
    if item.column.is_feature:
        # "Never did it" is what a missing day since the last visit says, and known to be so.
        return
    auc, more = presence_auc(filled, y, sample.blocks)
    state.judge(
        item.name,
        "presence_auc",
        auc,
        ask=settings.ask_presence_auc,
        text=f"presence_auc_{'more' if more else 'less'}",
        won=float(filled[y == 1].mean()),
        lost=float(filled[y == 0].mean()),
    )


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
    ranked = state.sample
    sample = ranked.take(sample_rows(ranked.y, most=settings.gain_rows, seed=settings.seed))
    varying = [item for item in state.fields.values() if item.varies and not item.personal]
    if len({item.family for item in varying}) < 2:
        return
    doubted = {
        item.family
        for item in varying
        if not item.column.use or state.has_finding(item.name, *_TELLS)
    }
    result = gains(
        {item.name: value_codes(item.cells[sample.rows], bins=10) for item in varying},
        sample.y,
        sample.blocks,
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
