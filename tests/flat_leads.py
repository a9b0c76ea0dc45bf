"""A flat file for the tests of the flat door: the demo's leads as a spreadsheet has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.demo.export import LAST_CALLS, typed_export
from scoring_ml.demo.files import seed_of
from scoring_ml.demo.world import make_world
from scoring_ml.features.crm_snapshot import build_crm_snapshot

EXAMPLE = Path(__file__).parents[1] / "models" / "examples" / "demo"
COUNTED = ("web_visit_30d", "download_30d", "webinar_30d", "demo_request_30d")


@dataclass(frozen=True)
class FlatLeads:
    """Where the file was written, and what says what it means."""

    leads: Path
    schema: Path
    matrix: Path


def write_flat_leads(folder: Path, *, leads: int, seed: int) -> FlatLeads:
    """Write ``leads.csv``, ``schema.yaml`` and ``matrix.yaml``: leads as seen at age 1 day."""
    world = make_world(leads, seed_of("world", leads=leads, seed=seed))
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    snapshot, schema, _ = build_crm_snapshot(
        typed_export(world), replace(mapping, ages_days=(1.0,))
    )
    part = snapshot.take(snapshot.age_days == 1.0)
    fields = [
        replace(column, is_feature=False, part_of=None)
        for column in schema.columns
        if column.name in part.frame and (not column.is_feature or column.name in COUNTED)
    ]
    table = {"lead_id": part.ids, "created_at": part.as_of.astype("datetime64[s]").astype(str)}
    for column in fields:
        table[column.name] = [_text(column, value) for value in part.frame[column.name]]
    called = world.last_call[part.lead]
    words = np.array([*LAST_CALLS, ""], dtype=object)
    table["last_call_result"] = words[called]
    table["outcome"] = np.where(
        np.isnan(part.label), "", np.where(part.label == 1.0, "won", "lost")
    )
    fields = [column for column in fields if column.name != "last_call_result"]
    fields.append(Column("last_call_result", "category", known="after_outcome", use=False))
    meaning = Schema(
        dataset="flat",
        target=Target("outcome", ("won",), ("lost",)),
        order=Order("time", "created_at", reason="when the lead was seen"),
        columns=tuple(fields),
        id="lead_id",
        mature_after_days=schema.mature_after_days,
        missing=("", "n/a"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    files = FlatLeads(folder / "leads.csv", folder / "schema.yaml", folder / "matrix.yaml")
    pd.DataFrame(table).to_csv(files.leads, index=False)
    files.schema.write_text(meaning.yaml(), encoding="utf-8")
    files.matrix.write_text((EXAMPLE / "matrix.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return files


def _text(column: Column, value: object) -> str:
    if value is None or value != value:
        return ""
    if column.type == "boolean":
        return "yes" if value == 1.0 else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
