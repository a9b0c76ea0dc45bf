"""Training as of a moment: nothing later is known, through either door."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.inputs import Files, open_data, open_export
from pipelines.progress import ProgressBar
from scoring_ml.data.values.moments import DateForm, moment_of
from scoring_ml.errors import InputError
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.windows import SINGLE
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.snapshot import Snapshot
from tests.crm_worlds import Lead, world, write_export
from tests.small_export import CRM_YAML, TABLES, write_small_export
from tests.small_world import draw_rows, small_schema, write_rows

EXAMPLES = Path(__file__).parents[1] / "models" / "examples"


def same(one: Snapshot, other: Snapshot, names: Sequence[str] | None = None) -> None:
    """Hold two snapshots to the same rows, labels and values, all or of some columns."""
    for name, item in vars(one).items():
        if isinstance(item, np.ndarray) and not (names and name == "account"):
            np.testing.assert_array_equal(item, getattr(other, name), err_msg=name)
    names = names or list(one.frame)
    pd.testing.assert_frame_equal(one.frame[names], other.frame[names])
    assert one.headline_age_days == other.headline_age_days
    assert one.extracted_at == other.extracted_at


def flat(folder: Path, frame: pd.DataFrame, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    schema = small_schema(**changes)
    (folder / "schema.yaml").write_text(schema.yaml(), encoding="utf-8")
    return write_rows(frame, folder / "leads.csv")


def opened(data: Path, as_of: str | None = None) -> Any:
    return open_data(data, Files(), ProgressBar("train"), as_of=as_of)


@pytest.mark.parametrize("mature_after_days", [None, 20.0])
def test_a_flat_file_is_trained_on_as_if_it_were_cut_there(
    tmp_path: Path, mature_after_days: float | None
) -> None:
    frame = draw_rows(900, seed=4)
    data = flat(tmp_path / "whole", frame, mature_after_days=mature_after_days)
    now = opened(data).snapshot
    moment = now.as_of[599]
    cut = frame.iloc[now.row[now.as_of <= moment] - 1]
    whole = opened(data, f"{moment}Z")
    short = opened(flat(tmp_path / "cut", cut, mature_after_days=mature_after_days))
    assert whole.snapshot.extracted_at == short.snapshot.as_of.max()
    same(replace(whole.snapshot, extracted_at=None, row=short.snapshot.row), short.snapshot)
    assert whole.findings == short.findings
    (fate,) = (item for item in whole.snapshot.unused if item not in short.snapshot.unused)
    assert (fate.reason, fate.count) == ("later than --as-of", len(frame) - len(cut))
    one, other = (
        compare(each.snapshot, each.schema, each.matrix, plan=SINGLE, replicates=5)
        for each in (whole, short)
    )
    assert one.verdict.text == other.verdict.text
    assert (one.chosen, one.trained_until) == (other.chosen, other.trained_until)
    for item in other.candidates:
        np.testing.assert_array_equal(one[item.kind].logodds, item.logodds)


def test_leads_too_young_at_that_moment_are_open_whatever_the_file_says_later(
    tmp_path: Path,
) -> None:
    frame = draw_rows(900, seed=4)
    frame["outcome"] = np.where(np.arange(900) % 3, "lost", "won")
    data = flat(tmp_path, frame, mature_after_days=10.0)
    found = opened(data, "2025-06-01T00:00Z")
    trained = compare(found.snapshot, found.schema, found.matrix, plan=SINGLE, replicates=5)
    as_of = found.snapshot.as_of
    assert as_of.max() <= np.datetime64("2025-06-01")
    young = as_of > np.datetime64("2025-05-22")
    np.testing.assert_array_equal(np.flatnonzero(young), trained.windows.immature)
    assert not young[trained.windows.mature].any()


@pytest.mark.parametrize(
    ("changes", "as_of", "words"),
    [
        ({"order": {"by": "row"}}, "2025-06-01", r"--as-of needs leads with dates. Found: a file"),
        ({}, "2024-12-31", r"--as-of must lie after the oldest lead. Found: 60 lead\(s\)"),
        ({}, "yesterday", r"--as-of must be a moment. Found: something else"),
    ],
)
def test_a_moment_that_says_nothing_of_the_file_is_refused(
    tmp_path: Path, changes: dict[str, Any], as_of: str, words: str
) -> None:
    data = flat(tmp_path, draw_rows(60, seed=4), **changes)
    with pytest.raises(InputError, match=words):
        opened(data, as_of)


def snapshot_of(folder: Path, mapping: Path | None = None, as_of: str | None = None) -> Any:
    meaning, export, _ = open_export(folder, mapping, as_of=as_of)
    return build_crm_snapshot(export, meaning)


def small_cut(folder: Path, as_of: str) -> Path:
    """Write the small export as a CRM would have given it at that moment."""
    until = moment_of(as_of, DateForm(), timezone="UTC")
    write_small_export(folder)
    places = {
        "leads.csv": ("CreatedDate",),
        "changes.csv": ("ChangedAt", "SavedAt"),
        "touches.csv": ("at", "saved"),
        "stages.csv": ("at", "saved"),
        "deals.csv": ("closed", "recorded"),
        "spend.csv": ("day",),
    }
    leads: set[str] = set()
    for name, columns in places.items():
        rows = list(csv.DictReader(io.StringIO(TABLES[name])))
        kept = [
            row
            for row in rows
            if all(
                not row[column] or moment_of(row[column], DateForm(), timezone="UTC") <= until
                for column in columns
            )
            and (leads & {row.get("Lead"), row.get("lead")} or name in ("leads.csv", "spend.csv"))
        ]
        leads |= {row["Id"] for row in kept if name == "leads.csv"}
        pd.DataFrame(kept, columns=list(rows[0])).to_csv(folder / name, index=False)
    text = CRM_YAML.replace("2026-04-01T00:00:00Z", as_of)
    (folder / "crm.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "as_of",
    [
        "2026-01-20T09:30:00Z",  # the moment of a loss
        "2026-01-30T12:00:00Z",  # a win that is not recorded yet
        "2026-02-02T00:00:00Z",  # the creation of a lead
        "2026-02-20T12:00:00Z",
        "2026-03-04T07:59:59Z",
    ],
)
def test_the_small_export_is_seen_as_if_it_had_been_made_then(tmp_path: Path, as_of: str) -> None:
    whole, schema, spans = snapshot_of(write_small_export(tmp_path / "whole"), as_of=as_of)
    cut, its_schema, its_spans = snapshot_of(small_cut(tmp_path / "cut", as_of))
    same(whole, cut)
    assert schema == its_schema
    assert (spans.horizon_days, spans.lag_days) == (its_spans.horizon_days, its_spans.lag_days)
    assert whole.as_of.max() <= np.datetime64(as_of.removesuffix("Z"))


def at_moment(leads: list[Lead], until: pd.Timestamp) -> list[Lead]:
    """Return the leads as they stood at a moment."""
    found = []
    for lead in leads:
        if lead.created > until:
            continue
        ended = lead.closed is not None and lead.closed <= until
        found.append(
            replace(
                lead,
                qualified=None if lead.qualified and lead.qualified > until else lead.qualified,
                proposed=None if lead.proposed and lead.proposed > until else lead.proposed,
                closed=lead.closed if ended else None,
                outcome=lead.outcome if ended else "open",
                acts=[(kind, at) for kind, at in lead.acts if at <= until],
            )
        )
    return found


@pytest.mark.parametrize(
    "name", ["hubspot", "salesforce", "bitrix24", "amocrm", "pipedrive", "zoho", "odoo"]
)
def test_the_export_of_a_crm_is_seen_as_if_it_had_been_made_then(tmp_path: Path, name: str) -> None:
    """But for what a CRM overwrites: such columns are not used, and accounts come later."""
    moment = pd.Timestamp("2025-09-01T00:00:00")
    as_of = f"{moment.isoformat()}Z"
    content = yaml.safe_load((EXAMPLES / name / "crm.yaml").read_text(encoding="utf-8"))
    content.pop("extracted_at", None)
    folders = [
        write_export(name, tmp_path / "whole"),
        write_export(name, tmp_path / "cut", at_moment(world(), moment)),
    ]
    for folder, at in zip(folders, ({}, {"extracted_at": as_of}), strict=True):
        text = yaml.safe_dump(content | at, allow_unicode=True)
        (folder / "crm.yaml").write_text(text, encoding="utf-8")
    whole, schema, spans = snapshot_of(folders[0], as_of=as_of)
    cut, its_schema, its_spans = snapshot_of(folders[1])
    same(whole, cut, [column.name for column in schema.used])
    assert schema == its_schema
    assert (spans.horizon_days, spans.lag_days) == (its_spans.horizon_days, its_spans.lag_days)
    assert np.nansum(whole.label) > 20


def test_a_moment_after_the_export_is_refused(tmp_path: Path) -> None:
    folder = write_small_export(tmp_path)
    snapshot_of(folder, as_of="2026-04-01T00:00:00Z")
    with pytest.raises(InputError, match=r"--as-of must not lie after the export .* 2026-04-01"):
        snapshot_of(folder, as_of="2026-04-01T00:00:01Z")
