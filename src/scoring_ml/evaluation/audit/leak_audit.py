"""The leak audit: which columns may not be known yet when a lead is scored.

Three grades. *Refuse* stops training: the schema itself says "known after the outcome", the column
alone nearly gives the outcome away, or the recorded history proves that it came later. *Ask*
leaves a column out of a draft until a person decides. *Note* is worth knowing. The numbers come
from the modules of probes beside this one, the thresholds are settings, and no column is
judged by its name.

Flat files and CRM exports pass the same gate. An export also knows what happened after a lead was
seen (:class:`~scoring_ml.evaluation.later_facts.LaterFacts`), which proves what a flat file can
only suggest. Features are cut at ``as_of`` by construction, so that what is suspicious in a field -
being empty, being empty more often in some periods - is not in them; what they tell of the outcome
is judged alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

import numpy as np
import pandas as pd

from scoring_ml.data.schema import Column, Schema
from scoring_ml.data.suspicion import GRADES
from scoring_ml.evaluation.audit.ending import check_named, check_open, check_totals
from scoring_ml.evaluation.audit.outcome import check_age, check_gain, check_outcome, check_presence
from scoring_ml.evaluation.audit.probes_auc import within_auc
from scoring_ml.evaluation.audit.probes_values import fill_agreement
from scoring_ml.evaluation.audit.settings import DEFAULTS, AuditSettings
from scoring_ml.evaluation.audit.sides import check_filled_side, check_one_sided
from scoring_ml.evaluation.audit.state import WHOLE_FILE, AuditedField, AuditState, Finding
from scoring_ml.evaluation.audit.time import (
    check_after_as_of,
    check_changed,
    check_counts_on,
    check_field_drift,
    check_filling,
    check_ripening,
    check_seen_age,
)
from scoring_ml.evaluation.later_facts import LaterFacts
from scoring_ml.features.snapshot import Snapshot

__all__ = [
    "WHOLE_FILE",
    "AuditSettings",
    "Finding",
    "Progress",
    "audit",
    "order_doubted",
    "refusals",
]

Progress = Callable[[int, int], None]
"""Called with the number of columns looked at so far and of all."""

_NOTHING: Final = LaterFacts()
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


def audit(
    snapshot: Snapshot,
    schema: Schema,
    *,
    later_facts: LaterFacts | None = None,
    settings: AuditSettings = DEFAULTS,
    progress: Progress | None = None,
) -> tuple[Finding, ...]:
    """Look at every column for signs that it is written because of the outcome.

    Parameters
    ----------
    snapshot : Snapshot
        Oldest first; of a CRM export one row a lead, at the headline age. Leads without an
        outcome count where the outcome does not matter.
    schema : Schema
        Columns that are not used are looked at, too.
    later_facts : LaterFacts or None
        Of a CRM export: what happened after each row was seen.
    progress : callable or None

    Returns
    -------
    tuple of Finding
        Worst grade first, then in the schema's order; several per column are possible. With
        outcomes of one class, only what needs no outcome.

    Raises
    ------
    ValueError
        If two rows are of one lead, or ``later_facts`` is not about these rows and columns.
    """
    if snapshot.lead is not None and len(np.unique(snapshot.lead)) < len(snapshot):
        raise ValueError("The snapshot must have one row a lead. Got several of one lead.")
    later = _NOTHING if later_facts is None else later_facts
    later.check(len(snapshot), schema.names)
    state = AuditState.begin(snapshot, schema, settings)
    _declared(state, schema.columns)
    if state.minority:
        _one_sided(state)
    for done, column in enumerate(schema.columns):
        if progress is not None:
            progress(done, len(schema.columns))
        item = state.fields.get(column.name)
        _structure(state, column, item)
        if item is None or not item.varies:
            continue
        _one_column(state, item, snapshot, later)
    if state.minority:
        check_totals(state, snapshot)
    _companions(state)
    if state.minority >= settings.one_sided_rows:
        check_gain(state)
    if state.minority:
        check_seen_age(state, later)
    check_field_drift(state, snapshot, schema)
    _duplicates(state)
    _whole_file(state, ordered=schema.order.by != "none")
    state.findings += [Finding(WHOLE_FILE, item) for item in schema.order.audit]
    # What the draft could not read is asked until a person uses the column.
    state.findings += [
        Finding(column.name, item)
        for column in schema.columns
        for item in column.audit
        if item.probe == "reading" and (item.grade == "note" or not column.use)
    ]
    if progress is not None:
        progress(len(schema.columns), len(schema.columns))
    place = {name: index for index, name in enumerate((*schema.names, WHOLE_FILE))}
    return tuple(
        sorted(state.findings, key=lambda item: (GRADES.index(item.grade), place[item.column]))
    )


def refusals(findings: Iterable[Finding], schema: Schema) -> tuple[Finding, ...]:
    """Return the findings that stop training.

    Those of grade *refuse* about a column that models may see (``use: true``) and for which the
    schema gives no written reason (``allow``), and those about the data as a whole.
    """
    stopped = {column.name for column in schema.used if column.allow is None} | {WHOLE_FILE}
    return tuple(item for item in findings if item.grade == "refuse" and item.column in stopped)


def order_doubted(findings: Iterable[Finding]) -> bool:
    """Tell whether something speaks against the order of time that windows are cut by."""
    probes = ("order", "sorted_by_outcome")
    return any(item.grade == "ask" and item.suspicion.probe in probes for item in findings)


def _one_column(
    state: AuditState, item: AuditedField, snapshot: Snapshot, later_facts: LaterFacts
) -> None:
    dated = item.column.type == "date" and snapshot.as_of is not None
    check_changed(state, item, later_facts)
    check_filling(state, item)
    if state.minority:
        check_counts_on(state, item, later_facts)
        check_outcome(state, item)
        check_presence(state, item)
        check_open(state, item)
        if not item.personal:
            check_ripening(state, item)
    if dated and snapshot.as_of is not None:
        check_after_as_of(state, item, snapshot.as_of)
        if state.minority:
            check_age(state, item, snapshot.as_of)
    if state.minority:
        check_named(state, item)


def _one_sided(state: AuditState) -> None:
    """Look at values of one outcome; what strong negatives settle is set aside for all the rest."""
    settled = np.zeros(len(state.still_open), dtype=bool)
    for item in state.fields.values():
        if item.varies:
            check_filled_side(state, item)
            negative = check_one_sided(state, item)
            if negative is not None and not item.column.is_feature:
                settled |= negative
    state.sample = state.sample.take(~settled[state.sample.rows])


def _declared(state: AuditState, columns: Iterable[Column]) -> None:
    """Tell what the schema itself says against a column."""
    for column in columns:
        if column.known == "after_outcome":
            state.add(column.name, "refuse", "declared", 1.0)
        elif column.known == "unknown" and column.use:
            state.add(column.name, "ask", "undeclared", 1.0)


def _structure(state: AuditState, column: Column, item: AuditedField | None) -> None:
    if column.type == "text":
        state.add(column.name, "note", "free_text", 1.0)
    elif item is None:
        if column.type == "id":
            state.add(column.name, "note", "id", 1.0, share=1.0)
    elif column.is_feature:
        # At one age some features are the same for all, such as the age itself.
        return
    elif not item.filled.any():
        state.add(column.name, "note", "all_missing", 0.0)
    elif len(item.names) == 1:
        state.add(column.name, "note", "constant", 1.0)
    elif column.type == "category" and len(item.names) > 0.9 * item.filled.sum() >= 27:
        share = len(item.names) / item.filled.sum()
        state.add(column.name, "note", "id", share, share=share)


def _companions(state: AuditState) -> None:
    """Columns that are filled in the same leads as a suspicious one."""
    suspects = [name for name in state.fields if name in state.flagged()]
    for name, item in state.fields.items():
        if name in suspects or not item.varies or item.column.is_feature:
            continue
        like = {
            other: fill_agreement(item.filled, state.fields[other].filled) for other in suspects
        }
        other = max(like, key=lambda key: like[key], default=None)
        if other is not None and like[other] >= state.settings.ask_filled_with:
            state.add(name, "ask", "filled_with", like[other], other=other)


def _duplicates(state: AuditState) -> None:
    first: dict[bytes, str] = {}
    for name, item in state.fields.items():
        if len(item.names) < 2:
            continue
        # Codes count values by first appearance, so a copy in other words has the same ones. So
        # have two columns in which no value repeats: these must hold the same values.
        repeats = 2 * len(item.names) < item.filled.sum()
        values = item.codes if repeats else pd.util.hash_array(item.cells)
        other = first.setdefault(blake2b(values.tobytes()).digest(), name)
        # Counts of 7 and of 30 days are the same while all leads are young.
        if other != name and not item.column.is_feature:
            state.add(name, "note", "duplicate", 1.0, other=other)


def _whole_file(state: AuditState, *, ordered: bool) -> None:
    settings, y, blocks = state.settings, state.decided.y, state.time_blocks
    if len(y) > settings.most_rows:
        state.add(
            WHOLE_FILE,
            "note",
            "sampled",
            settings.most_rows / len(y),
            rows=settings.most_rows,
            of=len(y),
        )
    if state.fields:
        mixed = y.astype(np.uint64)
        for item in state.fields.values():
            # A hash of the row; of a million rows two meet by chance once in a million files.
            mixed = mixed * _ODD ^ pd.util.hash_array(item.codes[state.decided.rows])
        repeated = int(pd.Series(mixed).duplicated().sum())
        if repeated:
            state.add(WHOLE_FILE, "note", "duplicate_rows", repeated / len(y), n=repeated)
    if not ordered or not 0 < y.sum() < len(y):
        return
    auc = within_auc(np.arange(len(y), dtype=float), y, np.zeros(len(y), dtype=np.int64))
    value = max(auc.value, 1 - auc.value)
    if value >= settings.sorted_auc and value > 0.5 + state.z * auc.chance:
        state.add(WHOLE_FILE, "ask", "sorted_by_outcome", value)
        return
    rates = np.bincount(blocks, weights=y) / np.bincount(blocks)
    low, high = float(rates.min()), float(rates.max())
    if len(rates) > 1 and high >= settings.note_base_rate * low:
        ratio = high / low if low else float(len(y))
        state.add(WHOLE_FILE, "note", "base_rate", ratio, low=low, high=high)
