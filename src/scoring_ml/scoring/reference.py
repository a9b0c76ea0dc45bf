"""A summary of training rows: observed rates, likely answers and the matrix's mean points.

It lets an explanation say "of 212 leads like this, 31 % bought", tell which missing answer could
add most, and set the matrix's points against their mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.estimators.bins import bin_places, quantile_edges
from scoring_ml.estimators.rows import quantiles
from scoring_ml.features.encoder import Encoder

BINS: Final = 5
"""Bins of a number, at training quantiles, for observed rates and likely answers."""

LEAST_LEADS: Final = 20
"""Fewer leads than this are no basis for an observed rate."""

MOST_ANSWERS: Final = 8
"""Most answers tried per missing field."""


@dataclass(frozen=True)
class Observed:
    """Leads of the training window that had one value, and how many of them bought.

    Parameters
    ----------
    value : str
        The category, the bin with its brackets, ``yes``/``no``, ``valid``/``invalid``,
        ``other`` or ``missing``.
    """

    value: str
    leads: int
    wins: int

    @property
    def won_share(self) -> float:
        """Share of the leads that bought, 0-1."""
        return self.wins / self.leads


@dataclass(frozen=True)
class FieldReference:
    """One field in the training window.

    Parameters
    ----------
    edges : tuple of float
        Inner edges of the bins of a number; bin i holds [edge i-1, edge i).
    observed : tuple of Observed
        By slot: bins or levels in the encoder's order, then other and missing.
    answers : tuple of float or str
        Values that a lead might give, for "what to ask next".
    """

    edges: tuple[float, ...]
    observed: tuple[Observed, ...]
    answers: tuple[float | str, ...]


@dataclass(frozen=True)
class Reference:
    """The training window, as far as explanations need it.

    Parameters
    ----------
    matrix_mean : dict of criterion to float
        Mean points of each criterion in the training window.
    """

    fields: dict[str, FieldReference]
    matrix_mean: dict[str, float]
    leads: int
    wins: int

    def dump(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def restore(cls, content: Mapping[str, Any]) -> Reference:
        """Undo :meth:`dump`."""
        fields = {
            name: FieldReference(
                edges=tuple(item["edges"]),
                observed=tuple(Observed(**row) for row in item["observed"]),
                answers=tuple(item["answers"]),
            )
            for name, item in content["fields"].items()
        }
        return cls(fields, dict(content["matrix_mean"]), content["leads"], content["wins"])


def build_reference(
    encoder: Encoder, frame: pd.DataFrame, X: NDArray[np.float64], won: NDArray[np.float64]
) -> Reference:
    """Summarise the training window: encoded leads, shape (n, width), and wins, shape (n,)."""
    fields = {}
    for column in encoder.schema.used:
        block = X[:, field_slice(encoder, column.name)]
        fields[column.name] = _field_reference(encoder, column, block, won)
    mean = {}
    for index, item in enumerate(encoder.columns):
        if item.role == "criterion_points":
            mean[item.criterion] = float(X[:, index].mean())
    return Reference(fields, mean, len(won), int(won.sum()))


def field_slice(encoder: Encoder, name: str) -> slice:
    """Return the encoded columns of one of the schema's columns."""
    found = [
        i
        for i, column in enumerate(encoder.columns)
        if column.column == name and not column.role.startswith("criterion")
    ]
    return slice(found[0], found[-1] + 1)


def settled_rate(observed: Sequence[Observed], slot: int) -> Observed | None:
    """Return the entry of a slot, or None of -1 or where too few leads are no basis for a rate."""
    if not 0 <= slot < len(observed) or observed[slot].leads < LEAST_LEADS:
        return None
    return observed[slot]


def slots_of(
    column: Column, reference: FieldReference, block: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return which entry of ``reference.observed`` each lead belongs to, shape (n,).

    ``block``, of shape (n, width), is the column's part of the encoded matrix.
    """
    if column.worded:
        # Leads with several values are in no one entry.
        several = block.sum(axis=1) > 1
        return np.where(several, -1, np.argmax(block, axis=1)).astype(np.int64)
    return bin_places(block[:, 0], np.array(reference.edges)).astype(np.int64)


def _field_reference(
    encoder: Encoder, column: Column, block: NDArray[np.float64], won: NDArray[np.float64]
) -> FieldReference:
    if column.worded:
        levels = encoder.levels[column.name]
        leads, wins = block.sum(axis=0), block[won == 1.0].sum(axis=0)
        observed = _observed([*levels, "other"], leads, wins)
        return FieldReference((), observed, levels[:MOST_ANSWERS])
    values = block[:, 0]
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if column.type in ("boolean", "email", "phone"):
        edges = np.array([0.5])
        names = ["no", "yes"] if column.type == "boolean" else ["invalid", "valid"]
        likely = np.array([0.0, 1.0])
    else:
        edges, likely = quantile_edges(values, BINS), distinct
        names = [f"{value:g}" for value in distinct] or ["any"]
        if len(distinct) > BINS:
            shares = np.linspace(0, 1, BINS + 1)
            names = _bin_names(edges)
            likely = np.unique(quantiles(known, (shares[1:] + shares[:-1]) / 2))
    slots = bin_places(values, edges)
    leads = np.bincount(slots, minlength=len(names) + 1)
    wins = np.bincount(slots[won == 1.0], minlength=len(names) + 1)
    observed = _observed(names, leads, wins)
    return FieldReference(tuple(map(float, edges)), observed, tuple(map(float, likely)))


def _observed(names: list[str], leads: NDArray[Any], wins: NDArray[Any]) -> tuple[Observed, ...]:
    rows = zip([*names, "missing"], leads, wins, strict=True)
    return tuple(Observed(name, int(n), int(k)) for name, n, k in rows)


def _bin_names(edges: NDArray[np.float64]) -> list[str]:
    if len(edges) == 0:
        return ["any"]
    inner = [f"[{low:g}, {high:g})" for low, high in pairwise(edges)]
    return [f"< {edges[0]:g}", *inner, f">= {edges[-1]:g}"]
