"""A CRM export as typed facts, each with the moment at which it became known.

All moments are whole microseconds since 1970 in UTC, as ``int64``. Facts point to their lead by
its place in :class:`Leads`. Reading a folder of tables into this form is the work of
:mod:`scoring_ml.data.crm.export`; nothing here interprets anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.values.moments import Moments
from scoring_ml.data.values.moments.form import ColumnDates

WON: Final = 1
LOST: Final = 0
OPEN: Final = -1
MERGED_LEADS: Final = "merged leads"
"""Among the deals of stages: wins of leads that became part of others, which nothing takes back."""


@dataclass(frozen=True)
class Leads:
    """One row a lead, in order of creation (then of id).

    Parameters
    ----------
    ids : array of str, shape (n,)
        Each once.
    created_at : array of int64, shape (n,)
    account, owner : array of str or None, shape (n,), or None
    merged : array of bool, shape (n,), or None
        Whether other leads became part of it, and it has their facts since.
    values : mapping of field name to array, shape (n,)
        Typed values of the fields that the leads' own table carries: ``float64``,
        ``datetime64[us]`` or objects (``str`` or None), as
        :func:`scoring_ml.data.values.typed.reader` gives them.
    """

    ids: NDArray[Any]
    created_at: Moments
    account: NDArray[Any] | None
    values: Mapping[str, NDArray[Any]]
    owner: NDArray[Any] | None = None
    merged: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class FieldHistory:
    """Every value that a field has had, by lead, then ``changed_at``, then ``known_at``.

    Parameters
    ----------
    lead : array of int64, shape (m,)
        Place in :class:`Leads`.
    value : array, shape (m,)
        Typed; a value that was taken away is NaN or None.
    changed_at, known_at : array of int64, shape (m,)
    """

    lead: NDArray[np.int64]
    value: NDArray[Any]
    changed_at: Moments
    known_at: Moments

    def __len__(self) -> int:
        return len(self.lead)


@dataclass(frozen=True)
class Activities:
    """What leads did and what was done to them, by lead, then ``occurred_at``.

    Parameters
    ----------
    lead : array of int64, shape (m,)
    kind : array of int16, shape (m,)
        Place in :data:`scoring_ml.data.crm.activity_kinds.KINDS`.
    by_lead : array of bool, shape (m,)
        Whether the lead did it, rather than we.
    occurred_at, known_at : array of int64, shape (m,)
    amount : array of float, shape (m,)
        How much of it, such as the pages of a visit; NaN where not told.
    campaign, channel : array of int32, shape (m,), or None
        Place in ``campaigns`` and ``channels``; -1 for none.
    """

    lead: NDArray[np.int64]
    kind: NDArray[np.int16]
    by_lead: NDArray[np.bool_]
    occurred_at: Moments
    known_at: Moments
    amount: NDArray[np.float64]
    campaign: NDArray[np.int32] | None = None
    channel: NDArray[np.int32] | None = None
    campaigns: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lead)


@dataclass(frozen=True)
class Stages:
    """Every stage that a lead entered, by lead, then ``entered_at``, then ``known_at``.

    Parameters
    ----------
    lead : array of int64, shape (m,)
    stage : array of int16, shape (m,)
        Place in ``names``.
    entered_at, known_at : array of int64, shape (m,)
    names : tuple of str
        The stages that the mapping names, in the funnel's order.
    unsure : array of int64
        Leads of which an end was left out because it cannot be read.
    deal : array of int64, shape (m,), or None
        Which deal entered it: place in ``deals``; -1 for the lead itself.
    """

    lead: NDArray[np.int64]
    stage: NDArray[np.int16]
    entered_at: Moments
    known_at: Moments
    names: tuple[str, ...]
    unsure: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    deal: NDArray[np.int64] | None = None
    deals: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lead)


@dataclass(frozen=True)
class Deals:
    """What became of leads, by lead, then ``closed_at``.

    Parameters
    ----------
    lead : array of int64, shape (m,)
    outcome : array of int8, shape (m,)
        :data:`WON`, :data:`LOST` or :data:`OPEN`.
    closed_at : array of int64, shape (m,)
        :data:`NEVER` for an open deal.
    known_at : array of int64, shape (m,)
        :data:`NEVER` for an open deal that does not tell.
    amount : array of float, shape (m,)
    loss_reason : array of str or None, shape (m,)
    unsure : array of int64
        Leads of which a closing was left out because it cannot be read.
    opened_at : array of int64, shape (m,), or None
        :data:`NEVER` where it is not told.
    deal : array of int64, shape (m,), or None
        Place in ``ids``; -1 for a deal of its own. Rows of one deal are its states.
    """

    lead: NDArray[np.int64]
    outcome: NDArray[np.int8]
    closed_at: Moments
    known_at: Moments
    amount: NDArray[np.float64]
    loss_reason: NDArray[Any]
    unsure: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    opened_at: Moments | None = None
    deal: NDArray[np.int64] | None = None
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lead)


@dataclass(frozen=True)
class Export:
    """A CRM export, read.

    Parameters
    ----------
    histories : mapping of field name to FieldHistory
        Fields from ``field_changes`` and ``contacts``.
    spend : DataFrame or None
        ``campaign``, ``channel`` (str or None), ``day`` (datetime64), ``cost`` (float).
    recorded : mapping of field name to FieldHistory
        Recorded changes of fields that are taken from elsewhere, such as one that is declared set
        at creation: evidence for the leak audit, never a feature.
    dates : mapping of str to ColumnDates
        Column of a table, such as ``activities.occurred_at``, or a field, such as
        ``fields.met_at`` -> how its dates are written.
    """

    leads: Leads
    histories: Mapping[str, FieldHistory]
    activities: Activities | None
    stages: Stages | None
    deals: Deals | None
    spend: pd.DataFrame | None
    extracted_at: int
    recorded: Mapping[str, FieldHistory] = field(default_factory=dict)
    dates: Mapping[str, ColumnDates] = field(default_factory=dict)
