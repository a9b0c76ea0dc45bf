"""The same snapshot written plainly in pandas: what the benchmark is measured against.

One row a lead at age 1 day with the counts, recencies, engagement, variety, stage, answers and
reachability of the feature catalogue, as an analyst would write them with merges and group-bys.
It reads the same files. Not part of the product.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.contacts import valid_email, valid_phone

DAY = pd.Timedelta(days=1)


def snapshot(folder: Path, mapping: CrmMapping, *, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Return one row a lead, as known one day after its creation, indexed by lead id."""
    leads = _table(folder, mapping, "leads", ["lead_id", "created_at"])
    leads["as_of"] = leads["created_at"] + DAY
    found = leads.set_index("lead_id")[["created_at", "as_of"]]
    found = found.join(_activities(folder, mapping, leads, kinds))
    found = found.join(_stages(folder, mapping, leads))
    for name, values in _answers(folder, mapping, leads).items():
        found[name] = values
    if "email" in found:
        found["email_valid"] = found["email"].map(valid_email, na_action="ignore")
    if "phone" in found:
        found["phone_valid"] = found["phone"].map(valid_phone, na_action="ignore")
    deals = _table(folder, mapping, "deals", ["lead_id", "outcome", "closed_at", "known_at"])
    closed = deals.groupby("lead_id")["known_at"].min()
    found = found[~(found.index.map(closed) < found["as_of"])]
    # A lead that is a day old at the very moment of the export is seen now, not at that age.
    if mapping.extracted_at is not None:
        found = found[found["as_of"] < pd.Timestamp(mapping.extracted_at, unit="us", tz="UTC")]
    wins = deals[deals["outcome"] == "won"].groupby("lead_id")["closed_at"].min()
    found = found[~(found.index.map(wins) < found["as_of"])]
    taken = found.index.map(wins) - found["as_of"]
    found["won"] = (taken >= pd.Timedelta(0)) & (taken < mapping.horizon_days * DAY)
    found["created_hour"] = found["created_at"].dt.hour
    found["created_weekday"] = found["created_at"].dt.day_name()
    return found


def _table(folder: Path, mapping: CrmMapping, name: str, columns: list[str]) -> pd.DataFrame:
    source = mapping.tables[name][0]
    names = {source.columns.get(column, column): column for column in columns}
    table = pd.read_parquet(folder / source.file, columns=list(names)).rename(columns=names)
    for column in columns:
        if column.endswith("_at"):
            table[column] = pd.to_datetime(table[column], utc=True)
    return table


def _activities(
    folder: Path, mapping: CrmMapping, leads: pd.DataFrame, kinds: tuple[str, ...]
) -> pd.DataFrame:
    columns = ["lead_id", "type", "occurred_at", "known_at"]
    acts = _table(folder, mapping, "activities", columns)
    acts = acts.merge(leads[["lead_id", "as_of"]], on="lead_id")
    acts = acts[(acts["known_at"] < acts["as_of"]) & (acts["occurred_at"] < acts["as_of"])]
    acts = acts[acts["type"].isin(kinds)]
    age = acts["as_of"] - acts["occurred_at"]
    days = age / DAY
    by_lead = acts["lead_id"]
    found = pd.DataFrame(index=leads["lead_id"])
    for w in mapping.features.windows_days:
        recent = acts[age <= w * DAY]
        counts = pd.crosstab(recent["lead_id"], recent["type"])
        for kind in kinds:
            found[f"{kind}_{w}d"] = counts.get(kind, 0)
        found[f"activities_{w}d"] = recent.groupby("lead_id").size()
    largest = acts[age <= max(mapping.features.windows_days) * DAY]
    found[f"activity_kinds_{max(mapping.features.windows_days)}d"] = largest.groupby("lead_id")[
        "type"
    ].nunique()
    on_days = largest.assign(day=largest["occurred_at"].dt.floor("D"))
    found[f"active_days_{max(mapping.features.windows_days)}d"] = on_days.groupby("lead_id")[
        "day"
    ].nunique()
    newest = days.groupby([by_lead, acts["type"]]).min().unstack()  # noqa: PD010
    for kind in kinds:
        found[f"days_since_{kind}"] = newest.get(kind, np.nan)
    found["days_since_activity"] = days.groupby(by_lead).min()
    weight = np.exp2(-np.floor(days * 24) / 24 / mapping.features.half_life_days)
    found["engagement"] = weight.groupby(by_lead).sum()
    counted = [c for c in found if not c.startswith("days_since")]
    found[counted] = found[counted].fillna(0)
    return found


def _stages(folder: Path, mapping: CrmMapping, leads: pd.DataFrame) -> pd.DataFrame:
    columns = ["lead_id", "stage", "entered_at", "known_at"]
    stages = _table(folder, mapping, "stages", columns)
    stages = stages.merge(leads[["lead_id", "as_of"]], on="lead_id")
    stages = stages[(stages["known_at"] < stages["as_of"])]
    stages = stages.sort_values(["lead_id", "entered_at", "known_at"])
    last = stages.groupby("lead_id").last()
    last["days_in_stage"] = (last["as_of"] - last["entered_at"]) / DAY
    return last[["stage", "days_in_stage"]]


def _answers(folder: Path, mapping: CrmMapping, leads: pd.DataFrame) -> dict[str, pd.Series]:
    """Every field with a history: the newest change that was told before."""
    columns = ["lead_id", "field", "value", "changed_at", "known_at"]
    changes = _table(folder, mapping, "field_changes", columns)
    changes = changes.merge(leads[["lead_id", "as_of"]], on="lead_id")
    changes = changes[changes["known_at"] < changes["as_of"]]
    changes = changes.sort_values(["changed_at", "known_at"])
    found = {}
    for item in mapping.fields:
        if item.source != "field_changes":
            continue
        values = changes[changes["field"] == item.named].groupby("lead_id")["value"].last()
        if item.column.type == "number":
            values = values.map(_number)
        found[item.column.name] = values
    contacts = [item for item in mapping.fields if item.source == "contacts"]
    if contacts:
        names = [item.named for item in contacts]
        table = _table(folder, mapping, "contacts", ["lead_id", "known_at"])
        raw = pd.read_parquet(folder / mapping.tables["contacts"][0].file, columns=names)
        table[names] = raw
        table = table.merge(leads[["lead_id", "as_of"]], on="lead_id")
        table = table[table["known_at"] < table["as_of"]].sort_values("known_at")
        last = table.groupby("lead_id").last()
        for item in contacts:
            found[item.column.name] = last[item.named]
    return found


def _number(text: object) -> float:
    if not isinstance(text, str):
        return math.nan
    digits = "".join(sign for sign in text if sign.isdecimal() or sign == ".")
    return float(digits) if digits else math.nan
