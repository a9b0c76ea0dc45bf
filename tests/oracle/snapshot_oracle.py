"""A second way from an export to the rows of a snapshot, in plain Python.

It shares no code with what makes a snapshot: it takes the finished rows, walks through the facts of
all leads one by one and compares what comes out: the rows that each lead must have, no more and no
fewer, and all that is in them. It is slow on purpose; what it must be is obvious.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Schema
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.feature import Feature
from scoring_ml.features.snapshot import Snapshot
from tests.oracle.lead_facts import LeadFacts, gather_facts
from tests.oracle.lead_standing import is_won_between, standing
from tests.oracle.naive_features import NaiveFeatures

SECOND: Final = 1_000_000
DAY: Final = 24 * 60 * 60 * SECOND

_MOMENT: Final = "A row must be seen at its age, after its creation and within the export"
_OPEN: Final = "A lead must be seen only while it is open, as known then"
_LABEL: Final = "A label must follow from the wins in the horizon, once they are final"
_VALUE: Final = "A value must follow from what was known before its moment"
_DUE: Final = "A lead must be seen at each of its ages at which it is open, and now if it still is"


class OracleError(AssertionError):
    """A snapshot differs from what plain Python makes of the facts."""


def proven_snapshot(export: Export, mapping: CrmMapping) -> Snapshot:
    """Make the snapshot of an export, and prove it and its places."""
    snapshot, schema, outcomes = build_crm_snapshot(export, mapping)
    spans = {"horizon_days": outcomes.horizon_days, "lag_days": outcomes.lag_days}
    ends = {"won_stages": mapping.stages.won, "lost_stages": mapping.stages.lost}
    check_snapshot(
        export,
        snapshot,
        schema,
        ages_days=mapping.ages_days,
        recorded_since=outcomes.recorded_since,
        **ends,
        **spans,
    )
    seen = len(np.unique(snapshot.row))
    left_out = sum(item.count for item in snapshot.unused)
    if seen + left_out != len(export.leads):
        raise OracleError(f"{seen} leads seen and {left_out} left out of {len(export.leads)}")
    return snapshot


def check_snapshot(
    export: Export,
    snapshot: Snapshot,
    schema: Schema,
    *,
    horizon_days: float,
    lag_days: float,
    ages_days: Collection[float] | None = None,
    won_stages: Collection[str] = (),
    lost_stages: Collection[str] = (),
    recorded_since: int = 0,
) -> None:
    """Prove that a snapshot knows nothing but what was known then.

    Checked are, for every row: its moment; that the lead was open, as known then; every field and
    feature, from facts with ``known_at < as_of`` alone; the label, from the wins in
    ``[as_of, as_of + horizon)``, and that it is told only when it is final. Then, that the lead has
    a row for each age at which it is due, and one for "now" if it is open at the export.

    Parameters
    ----------
    ages_days : collection of float or None
        At which leads must be seen; those that the snapshot has if None, so that an age without
        any row goes unnoticed.

    Raises
    ------
    OracleError
        If anything differs.
    """
    assert snapshot.lead is not None
    assert snapshot.age_days is not None
    assert snapshot.as_of is not None
    moments = snapshot.as_of.astype("datetime64[us]").astype(np.int64)
    present = [float(age) for age in np.unique(snapshot.age_days[~np.isnan(snapshot.age_days)])]
    ages = [*(present if ages_days is None else ages_days), math.nan]
    facts = gather_facts(export, won_stages, lost_stages)
    unsure = unsure_leads(export)
    extracted = export.extracted_at
    features = schema_features(schema)
    columns = {name: snapshot.frame[name].to_numpy() for name in snapshot.frame.columns}
    seen: dict[int, list[float]] = {lead: [] for lead in facts}

    for row in range(len(snapshot)):
        lead, age, as_of = int(snapshot.lead[row]), float(snapshot.age_days[row]), int(moments[row])
        of_lead = facts[lead]
        where = f"(lead {snapshot.ids[row]})"
        seen[lead].append(age)
        if snapshot.ids[row] != export.leads.ids[lead]:
            raise OracleError(f"A row must be of its lead: the id of another lead {where}")
        if as_of != _moment(of_lead, age, extracted):
            raise OracleError(f"{_MOMENT}: a row at another moment {where}")
        if standing(of_lead.sayings, as_of) != "open":
            raise OracleError(f"{_OPEN}: a closed lead {where}")
        now = math.isnan(age)
        label = _label(of_lead, as_of, now, horizon_days, lag_days, extracted)
        if not _same(float(snapshot.label[row]), label):
            raise OracleError(f"{_LABEL}: another label {where}")
        expected = _values(of_lead, as_of, schema, features, export, lead)
        for name, allowed in expected.items():
            if name in columns and not any(_same(columns[name][row], item) for item in allowed):
                raise OracleError(f"{_VALUE}: another value of {name} {where}")
    for lead, of_lead in facts.items():
        due = [
            age
            for age in ages
            if lead not in unsure
            and _is_in_time(age, as_of := _moment(of_lead, age, extracted), extracted)
            and of_lead.created_at < as_of
            and (math.isnan(age) or as_of >= recorded_since)
            and standing(of_lead.sayings, as_of) == "open"
            and standing(of_lead.sayings, as_of, as_known=False) != "won"
        ]
        if _words(due) != _words(seen[lead]):
            wrong = f"{_words(seen[lead])} instead of {_words(due)} of {export.leads.ids[lead]}"
            raise OracleError(f"{_DUE}: {wrong}")


def unsure_leads(export: Export) -> set[int]:
    """Return the leads of which a closing could not be read: neither won nor lost nor open."""
    tables = (export.deals, export.stages)
    return {int(lead) for table in tables for lead in getattr(table, "unsure", ())}


def _is_in_time(age: float, as_of: int, extracted: int) -> bool:
    """Tell whether a row is due: at the moment of the export, the row "now" is the only one."""
    return math.isnan(age) or as_of < extracted


def _moment(facts: LeadFacts, age: float, extracted: int) -> int:
    if math.isnan(age):
        return extracted
    return facts.created_at + (SECOND if age == 0 else round(age * DAY))


def _words(ages: Sequence[float]) -> str:
    """Name the rows of a lead, in order: ``2 rows (0, now)``."""
    names = ["now" if math.isnan(age) else f"{age:g}" for age in sorted(ages, key=_now_last)]
    return f"{len(names)} rows ({', '.join(names)})"


def _now_last(age: float) -> float:
    return math.inf if math.isnan(age) else age


def _label(
    facts: LeadFacts, as_of: int, now: bool, horizon_days: float, lag_days: float, extracted: int
) -> float:
    if now or as_of + round((horizon_days + lag_days) * DAY) > extracted:
        return math.nan
    end = as_of + round(horizon_days * DAY)
    return 1.0 if is_won_between(facts.sayings, as_of, end) else 0.0


def _values(
    facts: LeadFacts,
    as_of: int,
    schema: Schema,
    features: Mapping[str, Feature],
    export: Export,
    lead: int,
) -> dict[str, list[Any]]:
    """Return what each field and feature may be; more than one value where facts are level."""
    values: dict[str, list[Any]] = {}
    for column in schema.columns:
        if column.is_feature:
            continue
        if column.name in facts.changes:
            values[column.name] = _newest(facts.changes[column.name], as_of)
        elif column.name in export.leads.values:
            values[column.name] = [export.leads.values[column.name][lead]]
    seen = [
        activity
        for activity in facts.activities
        if activity.known_at < as_of and activity.occurred_at < as_of
    ]
    stages = [
        stage for stage in facts.stages if stage.known_at < as_of and stage.entered_at < as_of
    ]
    found = NaiveFeatures(facts.created_at, as_of, seen, stages, schema, values)
    if schema.history is not None:
        for name, feature in features.items():
            if "activities" in feature.needs and export.activities is None:
                continue
            if "stages" in feature.needs and export.stages is None:
                continue
            values[name] = found.feature(feature, schema.history)
    return values


def _newest(changes: Sequence[tuple[int, int, Any]], as_of: int) -> list[Any]:
    """Return the newest known value; all of them where several are equally new."""
    seen = [change for change in changes if change[0] < as_of and change[1] < as_of]
    if not seen:
        return [None]
    newest = max((changed_at, known_at) for changed_at, known_at, _ in seen)
    return [value for changed_at, known_at, value in seen if (changed_at, known_at) == newest]


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, up to the last digits of a number."""
    if _is_missing(one) or _is_missing(other):
        return _is_missing(one) and _is_missing(other)
    if isinstance(one, (float, np.floating)) and isinstance(other, (int, float, np.floating)):
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-6)
    return bool(one == other)
