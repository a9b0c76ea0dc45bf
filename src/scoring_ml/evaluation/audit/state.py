"""A leak audit under way: the leads, their columns, and the findings so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import PERSONAL_TYPES, Column, Schema
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.evaluation.audit.probes_auc import (
    Measured,
    auc_error,
    comparable,
    time_blocks,
    value_codes,
)
from scoring_ml.evaluation.audit.probes_gain import sample_rows
from scoring_ml.evaluation.audit.settings import AuditSettings
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.texts import Catalogue

WHOLE_FILE: Final = ""
"""Stands for the file where a finding is about no single column."""


@dataclass(frozen=True)
class Finding:
    """A finding of the audit about one column.

    Parameters
    ----------
    column : str
        Its name; :data:`WHOLE_FILE` for the file as a whole.
    """

    column: str
    suspicion: Suspicion

    @property
    def grade(self) -> str:
        """``refuse``, ``ask`` or ``note``."""
        return self.suspicion.grade


@dataclass(frozen=True)
class AuditedField:
    """One column with what every probe needs of it.

    Typed ``cells``, ``codes`` of the distinct values by first appearance (-1 for missing), and
    where it is ``filled`` have shape (n,); ``names`` are the distinct values.
    """

    column: Column
    cells: NDArray[Any]
    codes: NDArray[np.int64]
    names: NDArray[Any]
    filled: NDArray[np.bool_]

    @classmethod
    def read(cls, column: Column, raw: pd.Series[Any]) -> AuditedField:
        """Read a column of a snapshot's frame."""
        values = raw.to_numpy()
        if column.type == "date":
            values = values.astype("datetime64[us]")
        codes = value_codes(values)
        return cls(column, values, codes, np.asarray(pd.unique(raw.dropna())), codes >= 0)

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name

    @property
    def family(self) -> str:
        """The field that a person knows; columns of one field leave a model together."""
        return self.column.part_of or self.column.name

    @property
    def varies(self) -> bool:
        """Whether two leads differ in it, a missing value counting as one."""
        return len(self.names) > 1 or (len(self.names) == 1 and not self.filled.all())

    @property
    def personal(self) -> bool:
        """Whether its values are never shown."""
        return self.column.type in PERSONAL_TYPES


@dataclass(frozen=True)
class DecidedLeads:
    """Leads with a known outcome, oldest first; all arrays have shape (m,).

    ``rows`` are theirs in the snapshot, ``y`` is 1 won, 0 lost; ``blocks`` of time are one block
    where blocks hold one outcome each.
    """

    rows: NDArray[np.int64]
    y: NDArray[np.float64]
    blocks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, at: NDArray[Any]) -> DecidedLeads:
        """Return some of them, by mask or index."""
        return DecidedLeads(self.rows[at], self.y[at], self.blocks[at])


@dataclass
class AuditState:
    """An audit under way: leads with a known outcome, and findings so far.

    Parameters
    ----------
    fields : mapping of str to AuditedField
        Columns of the frame, in the schema's order.
    all_blocks : array of int, shape (n,)
        Block of time of every row.
    decided : DecidedLeads
        All of them: values are counted over these.
    sample : DecidedLeads
        Those that are ranked, at most ``most_rows``; strong negatives are set aside.
    still_open : array of bool, shape (n,)
    time_blocks : array of int, shape (m,)
        Blocks of time of the decided leads, whatever their outcomes.
    z : float
        Standard deviations beyond which a number is more than chance, per column.
    findings : list of Finding
    auc : dict of str to float
        Single-field AUC, once measured.
    """

    settings: AuditSettings
    fields: Mapping[str, AuditedField]
    all_blocks: NDArray[np.int64]
    decided: DecidedLeads
    sample: DecidedLeads
    still_open: NDArray[np.bool_]
    time_blocks: NDArray[np.int64]
    texts: Catalogue
    z: float
    findings: list[Finding] = field(default_factory=list)
    auc: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, snapshot: Snapshot, schema: Schema, settings: AuditSettings) -> AuditState:
        """Read a snapshot's columns, and cut its rows into blocks of time."""
        from scipy.stats import norm

        fields = {
            column.name: AuditedField.read(column, snapshot.frame[column.name])
            for column in schema.columns
            if column.name in snapshot.frame
        }
        n = len(snapshot)
        still_open = np.isnan(snapshot.label)
        rows = np.flatnonzero(~still_open)
        y = snapshot.label[rows]
        minority = int(min(y.sum(), len(y) - y.sum()))
        most = 1 if schema.order.by == "none" else settings.blocks
        blocks = time_blocks(len(y), minority=minority, most=most)
        mixed = blocks if minority and comparable(y, blocks) else np.zeros_like(blocks)
        decided = DecidedLeads(rows, y, mixed)
        return cls(
            settings=settings,
            fields=fields,
            all_blocks=time_blocks(n, minority=n, most=most),
            decided=decided,
            sample=decided.take(sample_rows(y, most=settings.most_rows, seed=settings.seed)),
            still_open=still_open,
            time_blocks=blocks,
            texts=Catalogue.load("en"),
            z=float(norm.isf(settings.significance / max(len(fields), 1))),
        )

    @property
    def minority(self) -> int:
        """Leads of the rarer outcome."""
        y = self.decided.y
        return int(min(y.sum(), len(y) - y.sum()))

    def add(
        self, column: str, grade: str, probe: str, value: float, /, text: str = "", **params: Any
    ) -> None:
        """Write down a finding, in the words of ``audit.probe.<text or probe>``."""
        sentence = self.texts.text(f"audit.probe.{text or probe}", value=round(value, 3), **params)
        self.findings.append(
            Finding(column, Suspicion(grade, probe, round(float(value), 4), sentence))
        )

    def judge(
        self,
        column: str,
        probe: str,
        found: Measured,
        *,
        ask: float,
        refuse: float | None = None,
        y: NDArray[np.float64] | None = None,
        **params: Any,
    ) -> bool:
        """Tell whether a number is beyond its limit and beyond chance, and write that down.

        With outcomes ``y``, an AUC is refused only if it is even at the lower end of its 90 %
        interval above the middle of the two limits.
        """
        if not (found.value >= ask and found.beyond_chance(self.z)):
            return False
        refused = refuse is not None and found.value >= refuse
        if refused and refuse is not None and y is not None:
            error = auc_error(found.value, wins=y.sum(), losses=len(y) - y.sum())
            refused = bool(found.value - 1.645 * error >= (refuse + self.settings.ask_auc) / 2)
        grade, limit = ("refuse", refuse) if refused else ("ask", ask)
        self.add(column, grade, probe, found.value, limit=limit, **params)
        return True

    def flagged(self) -> set[str]:
        """Return the columns of grade refuse or ask."""
        return {item.column for item in self.findings if item.grade in ("refuse", "ask")}

    def has_finding(self, column: str, *probes: str) -> bool:
        """Tell whether one of these probes has found something in a column."""
        return any(
            item.column == column and item.suspicion.probe in probes and item.grade != "note"
            for item in self.findings
        )
