"""Checks of the leak audit for what counts on until a lead ends: totals, durations, last steps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from scoring_ml.evaluation.audit.hints import hints_at
from scoring_ml.evaluation.audit.probes_auc import as_numbers, presence_auc, single_field_auc
from scoring_ml.evaluation.audit.probes_time import within_correlation
from scoring_ml.evaluation.audit.sides import absent_on_open
from scoring_ml.evaluation.audit.state import AuditedField, AuditState
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.samples import Floats


def check_named(state: AuditState, item: AuditedField) -> None:
    """Whether a field tells the outcome that is named for the end of a lead or for work on it."""
    settings, sample, column = state.settings, state.sample, item.column
    ending = hints_at("ending", item.name)
    if (
        column.is_feature
        or item.name in state.flagged()
        or not (ending or (column.type == "number" and hints_at("work", item.name)))
    ):
        return
    filled = item.filled[sample.rows]
    auc = presence_auc(filled, sample.y, sample.blocks)[0]
    if not item.personal:
        values = single_field_auc(item.cells[sample.rows], sample.y, sample.blocks)
        auc = values if values.value >= auc.value else auc
    if auc.value >= settings.ask_named_auc and auc.beyond_chance(settings.named_z):
        text = "named_ending" if ending else "named_work"
        state.add(item.name, "ask", "named", auc.value, text, limit=settings.ask_named_auc)


def check_open(state: AuditState, item: AuditedField) -> None:
    """Whether open leads lack the column, or have other values than decided ones of their time."""
    settings = state.settings
    if not state.still_open.any() or item.column.is_feature:
        return
    if item.filled.any() and absent_on_open(state, item.filled):
        filled, waiting = item.filled, state.still_open
        low, high = float(filled[waiting].mean()), float(filled[~waiting].mean())
        state.add(item.name, "ask", "absent_on_open", low, low=low, high=high)
        return
    if item.personal or item.column.type == "date":
        return
    n = len(state.still_open)
    cells = np.arange(n) // settings.open_cell
    asked: Floats = state.still_open.astype(np.float64)
    share = np.bincount(cells, weights=asked) / np.bincount(cells)
    # Only times at which leads of both kinds came; a sample is enough.
    rows = np.flatnonzero(((share > 0) & (share < 1))[cells])
    if len(rows) < settings.one_sided_rows:
        return
    rows = rows[:: 1 + len(rows) // settings.most_rows]
    auc = single_field_auc(item.cells[rows], asked[rows], cells[rows], seed=settings.seed)
    state.judge(item.name, "open_values", auc, ask=settings.ask_open)


def check_totals(state: AuditState, snapshot: Snapshot) -> None:
    """Whether numbers go along with how long leads were worked on.

    How long that was, dates after ``as_of`` and durations say that were found out already.
    """
    settings, sample = state.settings, state.sample
    spans = {
        item.name: span[sample.rows]
        for item in state.fields.values()
        if (span := _worked_days(state, item, snapshot)) is not None
    }
    cells = 2 * sample.blocks + sample.y.astype(np.int64)
    for item in _doubtful(state):
        values = as_numbers(item.cells[sample.rows])
        for name, span in spans.items():
            known = np.isfinite(values) & np.isfinite(span)
            if known.sum() < settings.one_sided_rows:
                continue
            found = within_correlation(values[known], span[known], cells[known])
            if state.judge(item.name, "total", found, ask=settings.ask_total, other=name):
                break


def _doubtful(state: AuditState) -> Iterable[AuditedField]:
    flagged = state.flagged()
    for item in state.fields.values():
        number = item.column.type == "number" and not item.column.is_feature
        if number and item.varies and item.name not in flagged:
            yield item


def _worked_days(state: AuditState, item: AuditedField, snapshot: Snapshot) -> Floats | None:
    if state.has_finding(item.name, "after_as_of") and snapshot.as_of is not None:
        return as_numbers(item.cells) - as_numbers(snapshot.as_of.astype("datetime64[us]"))
    flagged = item.column.type == "number" and item.name in state.flagged()
    if flagged and hints_at("ending", item.name):
        return as_numbers(item.cells)
    return None
