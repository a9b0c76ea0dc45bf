"""The snapshot of a CRM export: one row per lead and age, each as it was known at its moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.history import History
from scoring_ml.data.names import nearest
from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import FEATURE_TYPES, Column, Order, Schema, Target
from scoring_ml.data.values.moments import DAY, Moments
from scoring_ml.data.values.typed import missing_values
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.features.asof import is_mature, known, latest, seen_at
from scoring_ml.features.catalogue import feature_columns
from scoring_ml.features.compute import compute_features
from scoring_ml.features.outcomes import Outcomes, find_outcomes, outcome_notes
from scoring_ml.features.request_vocabulary import request_words
from scoring_ml.features.snapshot import Snapshot, typed_frame

FEW_LEADS: Final = 10
"""Leads that must have done an activity of a kind for it to become a feature."""

NOT_READ: Final = "its end could not be read, so it is neither won nor lost nor open"
NOT_OPEN: Final = "not open at that moment"
NOT_CREATED: Final = "not created before that moment"
NOT_DUE: Final = (NOT_OPEN, NOT_CREATED)
"""Why a lead is not scored though nothing is wrong with it."""

NEVER_OPEN: Final = "closed before the first age at which leads are seen"
NOT_RECORDED: Final = "seen before the recording of outcomes began (recorded_since)"
NOT_YET: Final = "created at the very moment of the export"
WON_BEFORE: Final = "won before the moment, recorded later"


def crm_schema(export: Export, mapping: CrmMapping, outcomes: Outcomes) -> Schema:
    """Return what the columns of a CRM snapshot mean: mapped fields and features.

    Raises
    ------
    SchemaError
        If a mapped field bears the name of a feature, or the mapping leaves out or allows
        a feature that there is none of.
    """
    fields = [_dated(item.column, export) for item in mapping.fields]
    history = crm_history(export, mapping)
    final = outcomes.horizon_days + outcomes.lag_days
    short = mapping.gap_days is not None and mapping.gap_days < final
    return Schema(
        dataset=mapping.dataset,
        target=Target("outcome", ("won",), ("lost",)),
        order=Order("time", "created_at", reason="the moment at which the lead was created"),
        columns=(*fields, *_decided(feature_columns(history, fields), mapping)),
        id="lead_id",
        account=None if export.leads.account is None else "account_id",
        mature_after_days=None if short else final,
        gap_days=mapping.gap_days,
        missing=mapping.missing,
        history=history,
        shown=mapping.shown,
        crm_url=mapping.crm_url,
        slices=mapping.slices,
        not_scored=mapping.not_scored,
    )


def _dated(column: Column, export: Export) -> Column:
    """Return a field with the form of dates that its column has in the export."""
    dates = export.dates.get(f"fields.{column.name}")
    return column if dates is None else replace(column, **dates.date_keys)


def _decided(features: tuple[Column, ...], mapping: CrmMapping) -> Iterable[Column]:
    """Apply what the mapping decides about features."""
    names = [column.name for column in features]
    for name in (*mapping.features.without, *mapping.features.allow):
        if name not in names:
            like = nearest(name, names)
            raise SchemaError(
                "features.without and features.allow must name computed features",
                found=name,
                do=f"Write {like}" if like else "See docs/features.md for their names",
            )
    for column in features:
        used = column.name not in mapping.features.without
        yield replace(column, use=used, allow=mapping.features.allow.get(column.name))


def crm_history(export: Export, mapping: CrmMapping) -> History:
    """Return how features are made from an export's activities, stages and contacts."""
    kinds: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    acts = export.activities
    if acts is not None:
        pairs = np.unique(acts.lead[acts.by_lead] * len(KINDS) + acts.kind[acts.by_lead])
        leads = np.bincount(pairs % len(KINDS), minlength=len(KINDS))
        kinds = tuple(kind for kind in BY_LEAD if leads[KINDS.index(kind)] >= FEW_LEADS)
        with_amount = np.bincount(acts.kind[~np.isnan(acts.amount)], minlength=len(KINDS))
        amounts = tuple(kind for kind in kinds if with_amount[KINDS.index(kind)] >= FEW_LEADS)
        touches = tuple(
            name
            for name, codes in (("campaign", acts.campaign), ("channel", acts.channel))
            if codes is not None and (codes >= 0).any()
        )
    return History(
        kinds=kinds,
        stages=() if export.stages is None else mapping.stages.order,
        windows_days=mapping.features.windows_days,
        half_life_days=mapping.features.half_life_days,
        amounts=amounts,
        touches=touches,
        hand_over=mapping.stages.hand_over,
        after_hand_over=mapping.stages.after_hand_over,
        timezone=mapping.timezone,
        dates={name: item for name, item in export.dates.items() if "fields." not in name},
        **mapping.date_keys,
        free_mail=mapping.features.free_mail,
        disposable_mail=mapping.features.disposable_mail,
        own_domains=mapping.own_domains,
        activities_since=mapping.recorded_since("activities"),
        missing=mapping.missing,
        **request_words(mapping),
    )


def values_at(export: Export, schema: Schema, as_of: Moments) -> dict[str, NDArray[Any]]:
    """Return every field and feature of every lead as known at a moment of its own.

    Parameters
    ----------
    as_of : array of int64, shape (n,)
        One moment for each lead of the export.

    Returns
    -------
    dict of column name to array, shape (n,)
        Typed values; what the export does not have is missing.
    """
    values: dict[str, NDArray[Any]] = {}
    for column in schema.columns:
        if column.is_feature or column.type not in FEATURE_TYPES:
            continue
        if column.name in export.histories:
            values[column.name] = latest(export.histories[column.name], as_of)
        elif column.name in export.leads.values:
            values[column.name] = export.leads.values[column.name]
        else:
            values[column.name] = missing_values(column.type, len(as_of))
    found = compute_features(
        schema,
        values,
        created_at=export.leads.created_at,
        as_of=as_of,
        activities=export.activities,
        stages=export.stages,
    )
    return values | found


def build_crm_snapshot(export: Export, mapping: CrmMapping) -> tuple[Snapshot, Schema, Outcomes]:
    """See every lead at fixed ages, and the open ones now.

    A row exists only while the lead is open, as known then. Its label is 1 if the lead is won
    within the horizon, 0 if it is not, NaN if that is not final yet. Rows follow the leads'
    creation, then their age; the rows "now" of open leads have no age and no label. A lead that
    reaches an age at the very moment of the export has the row "now" alone: the two are one row,
    without a label either way, and every open lead has a row "now".

    Raises
    ------
    InputError
        If no lead can be seen at any age.
    """
    outcomes = find_outcomes(export, mapping)
    schema = crm_schema(export, mapping, outcomes)
    leads = export.leads
    n = len(leads)
    extracted_at = np.full(n, export.extracted_at)
    seen = np.zeros(n, dtype=bool)
    late = np.zeros(n, dtype=bool)
    early = np.zeros(n, dtype=bool)
    parts, moments, labels, lead, age_days = [], [], [], [], []
    for age in (*mapping.ages_days, np.nan):
        now = bool(np.isnan(age))
        as_of = extracted_at if now else seen_at(leads.created_at, age)
        is_open = outcomes.open_at(as_of) & known(leads.created_at, as_of)
        if not now:
            is_open &= known(as_of, extracted_at)
            early |= is_open & known(as_of, outcomes.recorded_since)
            is_open &= ~known(as_of, outcomes.recorded_since)
        won_before = is_open & outcomes.won_before(as_of)
        late |= won_before
        rows = np.flatnonzero(is_open & ~won_before)
        seen[rows] = True
        values = values_at(export, schema, as_of)
        parts.append({name: item[rows] for name, item in values.items()})
        at = as_of[rows]
        moments.append(at)
        lead.append(rows)
        age_days.append(np.full(len(rows), age))
        won = outcomes.won_within(as_of)[rows].astype(np.float64)
        final = is_mature(
            at,
            horizon_days=outcomes.horizon_days,
            lag_days=outcomes.lag_days,
            extracted_at=export.extracted_at,
        )
        labels.append(np.where(final & (not now), won, np.nan))
    code = np.concatenate(lead)
    age_of = np.concatenate(age_days)
    if np.isnan(age_of).all():
        raise InputError(
            "At least one lead must be open at one of the ages at which leads are seen",
            found=f"none of {n} leads at {', '.join(f'{age:g}' for age in mapping.ages_days)} days",
            do="Check created_at, the closing moments and ages_days in crm.yaml",
        )
    created = known(leads.created_at, extracted_at)
    snapshot = Snapshot(
        frame=pd.DataFrame(index=pd.RangeIndex(len(code))),
        ids=leads.ids[code],
        label=np.concatenate(labels),
        position=leads.created_at[code].astype(np.float64),
        as_of=np.concatenate(moments).astype("datetime64[us]"),
        account=None if leads.account is None else leads.account[code],
        row=code + 1,
        unused=tuple(
            _unused(
                leads.ids,
                {
                    NOT_READ: outcomes.unsure,
                    WON_BEFORE: late & ~seen & ~outcomes.unsure,
                    NOT_RECORDED: early & ~seen & ~late & ~outcomes.unsure,
                    NEVER_OPEN: ~seen & ~late & ~early & ~outcomes.unsure & created,
                    NOT_YET: ~seen & ~late & ~outcomes.unsure & ~created,
                },
            )
        ),
        warnings=tuple(outcome_notes(export, outcomes)),
        lead=code,
        age_days=age_of,
        headline_age_days=mapping.headline_age_days,
        extracted_at=np.datetime64(export.extracted_at, "us"),
    )
    order = np.lexsort((np.nan_to_num(age_of, nan=np.inf), code))
    return replace(snapshot.take(order), frame=_stacked(parts, order)), schema, outcomes


def _stacked(parts: list[dict[str, NDArray[Any]]], order: NDArray[np.intp]) -> pd.DataFrame:
    """Return the parts below each other in an order; they are emptied, to hold them once only."""
    columns = {
        name: np.concatenate([part.pop(name) for part in parts])[order] for name in [*parts[0]]
    }
    return typed_frame(columns, len(order))


def open_leads(
    export: Export, mapping: CrmMapping, schema: Schema, *, as_of: int | None = None
) -> Snapshot:
    """See all leads at one moment, to be scored; those that are not open then say so.

    Parameters
    ----------
    as_of : int or None
        In microseconds since 1970; the moment of the export if None.

    Returns
    -------
    Snapshot
        One row a lead; ``problem`` tells why one cannot be scored.
    """
    leads = export.leads
    n = len(leads)
    moment = np.full(n, export.extracted_at if as_of is None else as_of)
    outcomes = find_outcomes(export, mapping)
    problem = np.full(n, "", dtype=object)
    problem[~outcomes.open_at(moment)] = NOT_OPEN
    problem[outcomes.unsure] = NOT_READ
    problem[~known(leads.created_at, moment)] = NOT_CREATED
    values = values_at(export, schema, moment)
    carried = {*export.histories, *leads.values}
    missing = [c.title for c in schema.used if not c.is_feature and c.name not in carried]
    absent = (f"{name} is not in the export and counts as missing" for name in missing)
    return Snapshot(
        frame=typed_frame(values, n),
        ids=leads.ids,
        label=np.full(n, np.nan),
        position=leads.created_at.astype(np.float64),
        as_of=moment.astype("datetime64[us]"),
        account=leads.account,
        row=np.arange(1, n + 1),
        warnings=(*_beyond(export, as_of), *absent),
        problem=problem,
        lead=np.arange(n),
        extracted_at=np.datetime64(export.extracted_at, "us"),
    )


def _beyond(export: Export, as_of: int | None) -> tuple[str, ...]:
    if as_of is None or not known(export.extracted_at, as_of):
        return ()
    days = (as_of - export.extracted_at) / DAY
    made = np.datetime64(export.extracted_at, "us").astype("M8[s]")
    return (
        f"the leads are seen {days:.1f} days after the export was made "
        f"({made} UTC): what happened since is not in it, and counts as if nothing had",
    )


def _unused(ids: NDArray[Any], reasons: dict[str, NDArray[np.bool_]]) -> Iterable[RowFate]:
    for reason, rows in reasons.items():
        if rows.any():
            yield RowFate(reason, int(rows.sum()), tuple(map(str, ids[rows][:3])))
