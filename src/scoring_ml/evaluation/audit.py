"""The leak audit: which columns may not be known yet when a lead is scored.

Three grades. *Refuse* stops training: the schema itself says "known after the outcome", or the
column alone nearly gives the outcome away. *Ask* leaves a column out of a draft until a person
decides. *Note* is worth knowing. The numbers come from :mod:`scoring_ml.evaluation.probes`, the
thresholds are settings, and no column is judged by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import GRADES, PERSONAL_TYPES, Column, Schema, Suspicion
from scoring_ml.evaluation.probes import (
    Auc,
    OneSided,
    auc_error,
    comparable,
    fill_agreement,
    fill_swing,
    gains,
    one_sided_values,
    presence_auc,
    ripening,
    sample_rows,
    single_field_auc,
    time_blocks,
    value_codes,
    within_auc,
)
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.texts import Catalogue

Progress = Callable[[int, int], None]
"""Called with the number of columns looked at so far and of all."""

WHOLE_FILE: Final = ""
"""Stands for the file where a finding is about no single column."""


@dataclass(frozen=True)
class AuditSettings:
    """Thresholds of the audit.

    Parameters
    ----------
    refuse_auc, ask_auc : float
        Single-field AUC within blocks of time, over all leads; ``ask_auc`` also over the leads
        that have the column filled. With few wins a column is refused only if the lower end of
        the AUC's 90 % interval lies above the middle of the two.
    one_sided_rows : int
        Fewest rows of a value (or of a filled column) that is judged by its outcomes.
    spike : float
        Share of leads from which one exact value of a number or date is judged as a value of its
        own; the rest of a number is judged by its AUC.
    one_sided_share : float
        Share of one class from which they are one-sided.
    one_sided_odds : float
        How many times the usual odds that must be at least. With 0.5 % of leads won, 99 % lost
        says nothing; this is what makes the rule one of evidence.
    one_sided_coverage : float
        Share of all leads of that class below which one-sided values are asked about, not
        refused: one very good or very bad source is no leak.
    ask_presence_auc : float
        AUC of "filled or not" within blocks of time.
    ask_fill_swing : float
        Largest minus smallest share of filled rows among the blocks of time.
    ask_ripening : float
        A value's share among the newest leads, by its smallest share before, at or below which
        a column that tells the outcome is asked about.
    ripening_share, ripening_auc : float
        Smallest share of such a value before; smallest single-field AUC of such a column.
    ask_after_as_of : float
        Share of dates after the moment at which the lead is seen.
    ask_gain, gain_reaches : float
        AUC that a column adds to a model on the others; AUC that the model must then reach.
    ask_filled_with : float
        Correlation of being filled with being filled of a suspicious column.
    note_drift : float
        AUC over the whole file minus AUC within blocks of time.
    note_base_rate : float
        How many times its smallest value the share of wins in a block may reach.
    sorted_auc : float
        AUC of the row's place from which a file counts as sorted by its outcome.
    significance : float
        Probability of a chance finding in a file without any leak, per probe (Bonferroni).
    blocks : int
        Most blocks of time.
    gain_rows : int
        Most rows of the model behind ``gain``; drawn by ``seed``, with up to half of the rarer
        class.
    seed : int
    """

    refuse_auc: float = 0.90
    ask_auc: float = 0.80
    one_sided_rows: int = 30
    spike: float = 0.01
    one_sided_share: float = 0.99
    one_sided_odds: float = 20.0
    one_sided_coverage: float = 0.10
    ask_presence_auc: float = 0.60
    ask_fill_swing: float = 0.50
    ask_ripening: float = 0.40
    ripening_share: float = 0.05
    ripening_auc: float = 0.60
    ask_after_as_of: float = 0.01
    ask_gain: float = 0.10
    gain_reaches: float = 0.80
    ask_filled_with: float = 0.95
    note_drift: float = 0.05
    note_base_rate: float = 2.0
    sorted_auc: float = 0.98
    significance: float = 0.01
    blocks: int = 10
    gain_rows: int = 20_000
    seed: int = 0


@dataclass(frozen=True)
class Finding:
    """What the audit found about one column.

    Parameters
    ----------
    column : str
        Its name; :data:`WHOLE_FILE` for the file as a whole.
    suspicion : Suspicion
    """

    column: str
    suspicion: Suspicion

    @property
    def grade(self) -> str:
        """``refuse``, ``ask`` or ``note``."""
        return self.suspicion.grade


@dataclass(frozen=True)
class _Field:
    """One column with what every probe needs of it."""

    column: Column
    cells: NDArray[Any]
    codes: NDArray[np.int64]
    names: NDArray[Any]
    filled: NDArray[np.bool_]

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def varies(self) -> bool:
        return len(self.names) > 1 or (len(self.names) == 1 and not self.filled.all())

    @property
    def personal(self) -> bool:
        return self.column.type in PERSONAL_TYPES


@dataclass
class _Audit:
    """An audit under way: leads with a known outcome, and findings so far."""

    settings: AuditSettings
    fields: Mapping[str, _Field]
    all_blocks: NDArray[np.int64]
    decided: NDArray[np.int64]
    y: NDArray[np.float64]
    blocks: NDArray[np.int64]
    texts: Catalogue
    z: float
    found: list[Finding] = field(default_factory=list)
    auc: dict[str, float] = field(default_factory=dict)

    def add(
        self, column: str, grade: str, probe: str, value: float, /, text: str = "", **params: Any
    ) -> None:
        sentence = self.texts.text(f"audit.probe.{text or probe}", value=round(value, 3), **params)
        self.found.append(
            Finding(column, Suspicion(grade, probe, round(float(value), 4), sentence))
        )

    def flagged(self) -> set[str]:
        return {item.column for item in self.found if item.grade in ("refuse", "ask")}


def audit(
    snapshot: Snapshot,
    schema: Schema,
    *,
    settings: AuditSettings = AuditSettings(),
    progress: Progress | None = None,
) -> tuple[Finding, ...]:
    """Look at every column for signs that it is written because of the outcome.

    Parameters
    ----------
    snapshot : Snapshot
        Oldest first. Leads without an outcome count where the outcome does not matter.
    schema : Schema
        Columns that are not used are looked at, too.
    settings : AuditSettings
    progress : callable or None

    Returns
    -------
    tuple of Finding
        Worst grade first, then in the schema's order; several per column are possible. With
        outcomes of one class, only what needs no outcome.
    """
    from scipy.stats import norm

    fields = {
        column.name: _read_field(column, snapshot.frame[column.name])
        for column in schema.columns
        if column.name in snapshot.frame
    }
    n = len(snapshot)
    decided = np.flatnonzero(~np.isnan(snapshot.label))
    y = snapshot.label[decided]
    rarer = int(min(y.sum(), len(y) - y.sum()))
    most = 1 if schema.order.by == "none" else settings.blocks
    blocks = time_blocks(len(y), rarer=rarer, most=most)
    state = _Audit(
        settings=settings,
        fields=fields,
        all_blocks=time_blocks(n, rarer=n, most=most),
        decided=decided,
        y=y,
        blocks=blocks if rarer and comparable(y, blocks) else np.zeros_like(blocks),
        texts=Catalogue.load("en"),
        z=float(norm.isf(settings.significance / max(len(fields), 1))),
    )
    _declared(state, schema.columns)
    for done, column in enumerate(schema.columns):
        if progress is not None:
            progress(done, len(schema.columns))
        item = fields.get(column.name)
        _structure(state, column, item)
        if item is None or not item.varies:
            continue
        _filling(state, item)
        if rarer:
            _outcome(state, item)
            _presence(state, item)
            if not item.personal:
                _one_sided(state, item)
                _ripens(state, item)
        if column.type == "date" and snapshot.as_of is not None:
            _after_as_of(state, item, snapshot.as_of)
    _companions(state)
    if rarer >= settings.one_sided_rows:
        _gain(state)
    _duplicates(state)
    _whole_file(state, blocks, ordered=schema.order.by != "none")
    if progress is not None:
        progress(len(schema.columns), len(schema.columns))
    place = {name: index for index, name in enumerate((*schema.names, WHOLE_FILE))}
    return tuple(
        sorted(state.found, key=lambda item: (GRADES.index(item.grade), place[item.column]))
    )


def refusals(findings: Iterable[Finding], schema: Schema) -> tuple[Finding, ...]:
    """Return the findings that stop training.

    Those of grade *refuse* about a column that models may see (``use: true``) and for which the
    schema gives no written reason (``allow``).
    """
    stopped = {column.name for column in schema.used if column.allow is None}
    return tuple(item for item in findings if item.grade == "refuse" and item.column in stopped)


def _read_field(column: Column, raw: pd.Series[Any]) -> _Field:
    values = raw.to_numpy()
    if column.type == "date":
        values = values.astype("datetime64[us]")
    codes = value_codes(values)
    names = np.asarray(pd.unique(raw.dropna()))
    return _Field(column, values, codes, names, codes >= 0)


def _declared(state: _Audit, columns: Iterable[Column]) -> None:
    for column in columns:
        if column.known == "after_outcome":
            state.add(column.name, "refuse", "declared", 1.0)


def _structure(state: _Audit, column: Column, item: _Field | None) -> None:
    if column.type == "text":
        state.add(column.name, "note", "free_text", 1.0)
    elif item is None:
        if column.type == "id":
            state.add(column.name, "note", "id", 1.0, share=1.0)
    elif not item.filled.any():
        state.add(column.name, "note", "all_missing", 0.0)
    elif len(item.names) == 1:
        state.add(column.name, "note", "constant", 1.0)
    elif column.type == "category" and len(item.names) > 0.9 * item.filled.sum() >= 27:
        share = len(item.names) / item.filled.sum()
        state.add(column.name, "note", "id", share, share=share)


def _outcome(state: _Audit, item: _Field) -> None:
    """Single-field AUC, among all leads and among those that have the column filled."""
    settings = state.settings
    if item.personal:
        return
    values, filled = item.cells[state.decided], item.filled[state.decided]
    auc = single_field_auc(values, state.y, state.blocks, seed=settings.seed)
    state.auc[item.name] = auc.value
    if auc.value >= settings.ask_auc and auc.beyond_chance(state.z):
        error = auc_error(auc.value, wins=state.y.sum(), losses=len(state.y) - state.y.sum())
        sure = auc.value - 1.645 * error >= (settings.refuse_auc + settings.ask_auc) / 2
        refused = auc.value >= settings.refuse_auc and sure
        grade, limit = ("refuse", settings.refuse_auc) if refused else ("ask", settings.ask_auc)
        state.add(item.name, grade, "single_field_auc", auc.value, limit=limit)
    if not filled.all() and filled.sum() >= settings.one_sided_rows:
        among = single_field_auc(
            values[filled], state.y[filled], state.blocks[filled], seed=settings.seed
        )
        if among.value >= settings.ask_auc and among.beyond_chance(state.z):
            share, limit = float(filled.mean()), settings.ask_auc
            state.add(item.name, "ask", "filled_auc", among.value, share=share, limit=limit)
    if state.blocks.any():
        _drift(state, item, values, auc)


def _drift(state: _Audit, item: _Field, values: NDArray[Any], within: Auc) -> None:
    zeros = np.zeros_like(state.blocks)
    whole = single_field_auc(values, state.y, zeros, seed=state.settings.seed)
    if (
        whole.value - within.value >= state.settings.note_drift
        and whole.value >= state.settings.ask_presence_auc
        and whole.beyond_chance(state.z)
    ):
        state.add(item.name, "note", "drift", whole.value, within=round(within.value, 3))


def _presence(state: _Audit, item: _Field) -> None:
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


def _is_one_sided(state: _Audit, side: OneSided, *, tried: int) -> bool:
    settings = state.settings
    return (
        side.share >= settings.one_sided_share
        and side.odds >= settings.one_sided_odds
        and side.chance <= settings.significance / (tried * len(state.fields))
    )


def _one_sided(state: _Audit, item: _Field) -> None:
    """Values that stand almost only with won, or almost only with lost leads."""
    settings = state.settings
    if any(
        found.column == item.name and found.suspicion.probe == "one_sided_presence"
        for found in state.found
    ):
        return
    rows = float(settings.one_sided_rows)
    if item.column.type in ("number", "date"):
        rows = max(rows, settings.spike * len(state.y))
    sides = one_sided_values(item.codes[state.decided], state.y, state.blocks, rows=rows)
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
            what=_what(state, item, max(kept, key=lambda side: side.rows).code),
        )


def _what(state: _Audit, item: _Field, code: int) -> str:
    """Name a value that many leads share; never one of a personal column."""
    if code < 0:
        return state.texts.text("audit.what.missing")
    name = item.names[code]
    if item.column.type == "number":
        return state.texts.text("audit.what.value", value=f"{name:g}")
    if item.column.type == "boolean":
        return state.texts.text("audit.what.value", value="yes" if name else "no")
    if item.column.type == "category":
        text = str(name)
        short = text if len(text) <= 40 else f"{text[:39]}…"
        return state.texts.text("audit.what.value", value=short)
    return state.texts.text("audit.what.hidden")


def _filling(state: _Audit, item: _Field) -> None:
    """Whether the column is filled at quite different rates over time."""
    if item.filled.all() or not item.filled.any():
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


def _ripens(state: _Audit, item: _Field) -> None:
    """Whether leads collect a value of the column while they are worked on."""
    settings = state.settings
    if item.column.type not in ("category", "boolean"):
        return
    if not state.auc.get(item.name, 0.0) >= settings.ripening_auc:
        return
    ripe = ripening(item.codes, state.all_blocks, share=settings.ripening_share)
    if (
        ripe is not None
        and ripe.ratio <= settings.ask_ripening
        and ripe.chance <= settings.significance / len(state.fields)
    ):
        state.add(
            item.name,
            "ask",
            "ripening",
            ripe.ratio,
            what=_what(state, item, ripe.code),
            newest=ripe.newest,
            before=ripe.before,
        )


def _after_as_of(state: _Audit, item: _Field, as_of: NDArray[np.datetime64]) -> None:
    known = item.filled & ~np.isnat(as_of)
    if not known.any():
        return
    share = float(np.mean(item.cells[known] > as_of[known]))
    if share >= state.settings.ask_after_as_of:
        state.add(item.name, "ask", "after_as_of", share)


def _companions(state: _Audit) -> None:
    """Columns that are filled in the same leads as a suspicious one."""
    suspects = [name for name in state.fields if name in state.flagged()]
    for name, item in state.fields.items():
        if name in suspects or not item.varies:
            continue
        like = {
            other: fill_agreement(item.filled, state.fields[other].filled) for other in suspects
        }
        other = max(like, key=lambda key: like[key], default=None)
        if other is not None and like[other] >= state.settings.ask_filled_with:
            state.add(name, "ask", "filled_with", like[other], other=other)


_TELLS: Final = (
    "declared",
    "single_field_auc",
    "filled_auc",
    "one_sided_presence",
    "one_sided_value",
)
"""Probes after which a column is not among the others that a gain is measured over."""


def _gain(state: _Audit) -> None:
    """Ask about columns that add much to a model on all that do not tell the outcome alone."""
    settings = state.settings
    rows = sample_rows(state.y, most=settings.gain_rows, seed=settings.seed)
    at = state.decided[rows]
    codes = {
        name: value_codes(item.cells[at], bins=10)
        for name, item in state.fields.items()
        if item.varies and not item.personal
    }
    if len(codes) < 2:
        return
    telling = {
        item.column
        for item in state.found
        if item.suspicion.probe in _TELLS and item.grade != "note"
    }
    result = gains(
        codes,
        state.y[rows],
        state.blocks[rows],
        others=[name for name in codes if name not in telling],
        seed=settings.seed,
    )
    for name, (gain, reached) in result.items():
        if gain >= settings.ask_gain and reached >= settings.gain_reaches:
            limit = settings.ask_gain
            state.add(name, "ask", "gain", gain, reached=round(reached, 3), limit=limit)


def _duplicates(state: _Audit) -> None:
    first: dict[bytes, str] = {}
    for name, item in state.fields.items():
        if len(item.names) < 2:
            continue
        # Codes count values by first appearance, so a copy in other words has the same ones. So
        # have two columns in which no value repeats: these must hold the same values.
        repeats = 2 * len(item.names) < item.filled.sum()
        key = (item.codes if repeats else item.cells).tobytes()
        if not repeats and item.cells.dtype == object:
            key = "\0".join("" if cell is None else str(cell) for cell in item.cells).encode()
        other = first.setdefault(key, name)
        if other != name:
            state.add(name, "note", "duplicate", 1.0, other=other)


def _whole_file(state: _Audit, blocks: NDArray[np.int64], *, ordered: bool) -> None:
    settings, y = state.settings, state.y
    if state.fields:
        table = pd.DataFrame({name: item.codes for name, item in state.fields.items()})
        repeated = int(table.iloc[state.decided].assign(**{"\0": y}).duplicated().sum())
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
