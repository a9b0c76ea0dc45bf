"""Checks of the leak audit against time: values written after a lead was seen, and drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.evaluation.audit.adversarial import (
    Adversarial,
    adversarial,
    newer_half,
    seen_values,
)
from scoring_ml.evaluation.audit.hints import hints_at
from scoring_ml.evaluation.audit.probes_auc import as_numbers, single_field_auc, value_codes
from scoring_ml.evaluation.audit.probes_time import in_blocks, runs_with_time, within_correlation
from scoring_ml.evaluation.audit.probes_values import fill_swing, ripening
from scoring_ml.evaluation.audit.sides import named_value, value_range
from scoring_ml.evaluation.audit.state import WHOLE_FILE, AuditedField, AuditState
from scoring_ml.evaluation.later_facts import LaterFacts
from scoring_ml.features.snapshot import Snapshot

_MOST_NAMED: Final = 3
"""Fields that a note names."""

_ACTIVITY_BINS: Final = 20
"""Quantile bins of what leads did before; small counts have a bin each."""


def check_filling(state: AuditState, item: AuditedField) -> None:
    """Whether the column is filled at quite different rates over time."""
    if item.filled.all() or not item.filled.any() or item.column.is_feature:
        # A feature is missing where nobody did it, and that may change with the season.
        return
    swing = fill_swing(item.filled, state.all_blocks)
    if swing >= state.settings.ask_fill_swing:
        shares = np.bincount(state.all_blocks, weights=item.filled) / np.bincount(state.all_blocks)
        state.add(
            item.name,
            "ask",
            "fill_swing",
            swing,
            low=float(shares.min()),
            high=float(shares.max()),
            limit=state.settings.ask_fill_swing,
        )


def check_ripening(state: AuditState, item: AuditedField) -> None:
    """Whether leads collect a value of the column while they are worked on.

    A number is cut at its quartiles: a count that goes on is high among older leads of every
    period, and still low among the newest.
    """
    settings = state.settings
    if not item.column.worded and item.column.type not in ("boolean", "number"):
        return
    if not state.auc.get(item.name, 0.0) >= settings.ripening_auc:
        return
    cut = item.column.type == "number"
    codes = value_codes(item.cells, bins=4) if cut else item.codes
    ripe = ripening(codes, state.all_blocks, share=settings.ripening_share)
    if (
        ripe is not None
        and ripe.ratio <= settings.ask_ripening
        and ripe.chance <= settings.significance / len(state.fields)
    ):
        values = item.cells[codes == ripe.code]
        state.add(
            item.name,
            "ask",
            "ripening",
            ripe.ratio,
            what=value_range(state, values.min(), values.max())
            if cut
            else named_value(state, item, ripe.code),
            newest=ripe.newest,
            before=ripe.before,
        )


def check_after_as_of(state: AuditState, item: AuditedField, as_of: NDArray[np.datetime64]) -> None:
    """Whether dates lie after the moment at which the lead is seen."""
    known = item.filled & ~np.isnat(as_of)
    if not known.any():
        return
    share = float(np.mean(item.cells[known] > as_of[known]))
    if share >= state.settings.ask_after_as_of:
        state.add(item.name, "ask", "after_as_of", share)


def check_changed(state: AuditState, item: AuditedField, later_facts: LaterFacts) -> None:
    """Whether recorded history proves another value for the moment at which the lead was seen."""
    settings = state.settings
    wrong = later_facts.changed.get(item.name)
    if wrong is None:
        return
    rows = int(np.sum(wrong))
    if rows < settings.changed_rows:
        return
    share = rows / int(np.sum(item.filled | wrong))
    grade = "refuse" if share >= settings.refuse_changed else "note"
    state.add(item.name, grade, "changed", share, n=rows, share=share)


def check_counts_on(state: AuditState, item: AuditedField, later_facts: LaterFacts) -> None:
    """Whether a number goes on counting after the moment at which the lead was seen.

    It then goes along with what the lead did afterwards, among leads of the same period that had
    the same outcome and had done as much before. The outcome stands apart, for leads that are
    won do more afterwards; what they did before does, for the busy stay busy.
    """
    settings = state.settings
    after, before = later_facts.activity_after, later_facts.activity_before
    if after is None or before is None or item.column.type not in ("number", "boolean", "date"):
        return
    values = as_numbers(item.cells)
    sample = state.sample
    at = sample.rows
    known = np.isfinite(values[at]) & np.isfinite(after[at]) & np.isfinite(before[at])
    if known.sum() < settings.one_sided_rows:
        return
    at = at[known]
    done = value_codes(before[at], bins=_ACTIVITY_BINS)
    cells = (2 * sample.blocks[known] + sample.y[known].astype(np.int64)) * _ACTIVITY_BINS + done
    correlation = within_correlation(values[at], after[at], cells)
    found = replace(correlation, value=abs(correlation.value))
    ask, refuse = settings.ask_counts_on, settings.refuse_counts_on
    state.judge(item.name, "counts_on", found, ask=ask, refuse=refuse)


def check_seen_age(state: AuditState, later_facts: LaterFacts) -> None:
    """Whether won and lost leads are seen at different ages."""
    settings = state.settings
    sample = state.sample
    if later_facts.seen_days is None or not 0 < sample.y.sum() < len(sample):
        return
    days = later_facts.seen_days[sample.rows]
    auc = single_field_auc(days, sample.y, sample.blocks, seed=settings.seed)
    state.judge(
        WHOLE_FILE,
        "seen_days",
        auc,
        ask=settings.ask_seen,
        refuse=settings.refuse_seen,
        won=float(np.nanmedian(days[sample.y == 1])),
        lost=float(np.nanmedian(days[sample.y == 0])),
    )


def check_field_drift(state: AuditState, snapshot: Snapshot, schema: Schema) -> None:
    """Whether the fields tell old leads from new ones, all together or one alone."""
    settings = state.settings
    if schema.order.by == "none":
        return
    model = adversarial(
        snapshot.frame,
        [c for c in schema.used if c.name in state.fields and state.fields[c.name].varies],
        snapshot.position,
        as_of=snapshot.as_of if schema.order.by == "time" else None,
        most_rows=settings.adversarial_rows,
        seed=settings.seed,
    )
    if model is None:
        return
    blocks = () if schema.order.by == "time" else _fields_in_blocks(state, model)
    if blocks:
        state.add(WHOLE_FILE, "ask", "order", model.auc, fields=", ".join(blocks[:_MOST_NAMED]))
    newer = newer_half(snapshot.position)
    for name, auc in model.fields:
        item = state.fields[name]
        if auc < settings.ask_tells_time or item.personal or name in blocks:
            continue
        values = seen_values(snapshot.frame[name], item.column, snapshot.as_of)
        steady = 0.0 if values is None else runs_with_time(values, newer, seed=settings.seed)
        if steady >= settings.runs_with_time:
            limit = settings.ask_tells_time
            state.add(name, "ask", "tells_time", auc, steady=round(steady, 3), limit=limit)
    if model.low <= settings.note_adversarial:
        return
    alone: dict[str, float] = {}
    for name, auc in model.fields:
        if auc >= settings.note_adversarial:
            alone.setdefault(state.fields[name].family, auc)
    fields = ", ".join(f"{name} ({auc:.2f})" for name, auc in list(alone.items())[:_MOST_NAMED])
    state.add(
        WHOLE_FILE,
        "note",
        "adversarial",
        model.auc,
        "adversarial_fields" if fields else "adversarial_together",
        low=round(model.low, 3),
        high=round(model.high, 3),
        **({"fields": fields} if fields else {}),
    )


def _fields_in_blocks(state: AuditState, model: Adversarial) -> list[str]:
    """Return categories whose values stand in one block of rows each, as no time brings them.

    A region does not come to an end where the next begins; a campaign or a month may.
    """
    settings = state.settings
    if model.auc < settings.ask_order:
        return []
    return [
        name
        for name, _ in model.fields
        if (item := state.fields[name]).column.type == "category"
        and not hints_at("period", name)
        and in_blocks(item.codes) >= settings.order_runs
    ]
