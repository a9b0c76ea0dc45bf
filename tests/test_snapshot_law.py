"""The law of a snapshot: every lead in one place, every row once, all as the oracle has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.check import check_data
from pipelines.train import train_file
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import LOST, OPEN, WON, Deals, Export, Leads, Stages
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.stages import Funnel
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.demo.files import write_demo
from scoring_ml.errors import InputError
from scoring_ml.evaluation.lead_windows import split_leads
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.settings import Home
from tests.oracle.snapshot_oracle import proven_snapshot
from tests.small_export import write_small_export

START = 20_000 * DAY
STAGES = ("lead", "sql", "lost")
AGES = (0.0, 1.0, 3.0, 7.0)
MAPPING = CrmMapping(
    dataset="days",
    tables={},
    fields=(),
    stages=Funnel(("lead", "sql"), lost=("lost",)),
    horizon_days=10.0,
    recording_lag_days=1.0,
    ages_days=AGES,
)


def export_of(
    created: Any,
    closes: list[tuple[int, int, int]],
    stages: list[tuple[int, int, int]],
    extracted_at: int,
) -> Export:
    """Return leads with their closings and stages: lead, outcome or stage, moment."""
    n = len(created)
    closes.sort(key=lambda row: (row[0], row[2]))
    stages.sort(key=lambda row: (row[0], row[2]))
    at = np.array([row[2] for row in closes], dtype=np.int64)
    outcome = np.array([row[1] for row in closes], dtype=np.int8)
    at[outcome == OPEN] = NEVER
    entered = np.array([row[2] for row in stages], dtype=np.int64)
    return Export(
        leads=Leads(
            np.array([f"L{lead}" for lead in range(n)], dtype=object),
            np.asarray(created, dtype=np.int64),
            None,
            {},
        ),
        histories={},
        activities=None,
        stages=Stages(
            np.array([row[0] for row in stages], dtype=np.int64),
            np.array([row[1] for row in stages], dtype=np.int16),
            entered,
            entered,
            STAGES,
        ),
        deals=Deals(
            np.array([row[0] for row in closes], dtype=np.int64),
            outcome,
            at,
            at,
            np.full(len(closes), np.nan),
            np.full(len(closes), None, dtype=object),
        ),
        spend=None,
        extracted_at=extracted_at,
    )


# Midnights, and now and then a moment beside one.
moments = st.builds(
    lambda day, off: START + day * DAY + off,
    st.integers(0, 40),
    st.sampled_from([0, 0, 0, 1, -1, 1_000_000, DAY // 2]),
)


@given(
    created=st.lists(moments, min_size=1, max_size=8).map(sorted),
    extracted_at=moments,
    ends=st.lists(st.tuples(st.integers(0, 7), st.sampled_from([WON, LOST, OPEN]), moments)),
    moves=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2), moments)),
)
@settings(max_examples=300, deadline=None)
def test_every_lead_is_in_one_place_whatever_falls_on_one_moment(
    created: list[int],
    extracted_at: int,
    ends: list[tuple[int, int, int]],
    moves: list[tuple[int, int, int]],
) -> None:
    created = [at for at in created if at <= extracted_at] or [extracted_at - 5 * DAY]
    n = len(created)

    def held(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        return [row for row in rows if row[0] < n and created[row[0]] <= row[2] <= extracted_at]

    export = export_of(created, held(ends), held(moves), extracted_at)
    try:
        snapshot = proven_snapshot(export, MAPPING)
    except InputError:
        assume(False)  # no lead is open at an age, which another test is about
    # The open leads are what sales works on: each has a row of now, with no other at that moment.
    at = snapshot.as_of.astype("datetime64[us]").astype(np.int64)
    assert np.isnan(snapshot.age_days[at == extracted_at]).all()
    rows = pd.DataFrame({"lead": snapshot.lead, "at": at})
    assert not rows.duplicated().any()


@given(seed=st.integers(0, 2**16), off=st.sampled_from([0, 1, -1, DAY // 2]))
@settings(max_examples=25, deadline=None)
def test_windows_of_midnights_hold_every_row_once_and_every_lead_weighs_one(
    seed: int, off: int
) -> None:
    rng = np.random.default_rng(seed)
    created = START + np.sort(rng.integers(0, 120, 300)) * DAY
    extracted_at = START + int(rng.integers(115, 125)) * DAY + off
    created = created[created < extracted_at]
    ends = [
        (lead, int(rng.choice([WON, LOST])), int(at + days * DAY))
        for lead, (at, days) in enumerate(
            zip(created, rng.integers(0, 20, len(created)), strict=True)
        )
        if at + days * DAY <= extracted_at and rng.random() < 0.8
    ]
    export = export_of(created, ends, [], extracted_at)
    snapshot, schema, _ = build_crm_snapshot(export, MAPPING)
    windows = split_leads(snapshot, schema)
    check_leads(windows, snapshot, schema)
    assert np.isnan(snapshot.age_days[windows.open]).all()


CRM_YAML = """\
version: 1
dataset: days
tables:
  leads: {file: leads.csv}
  deals: {file: deals.csv}
fields:
  source: {type: category, from: leads, known: set_at_creation, reason: form}
horizon_days: 30
"""


def test_an_export_of_dates_alone_is_checked_and_trained_on(tmp_path: Path) -> None:
    """The newest date is the moment of the export, and some leads are 1, 3, 7 days old then."""
    rng = np.random.default_rng(4)
    day = np.datetime64("2025-01-01")
    leads, deals = ["lead_id,created_at,source"], ["lead_id,outcome,closed_at"]
    for lead in range(400):
        created, source = day + lead // 2, ["web", "fair"][rng.integers(2)]
        leads.append(f"{lead},{created},{source}")
        closed = created + int(rng.integers(2, 25))
        if closed <= day + 200 and rng.random() < 0.9:
            won = rng.random() < (0.6 if source == "fair" else 0.2)
            deals.append(f"{lead},{'won' if won else 'lost'},{closed}")
    for name, rows in (("leads.csv", leads), ("deals.csv", deals), ("crm.yaml", [CRM_YAML])):
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    mapping = CrmMapping.load(tmp_path / "crm.yaml")
    export, _ = read_export(tmp_path, mapping)
    snapshot = proven_snapshot(export, mapping)
    ages = (export.extracted_at - export.leads.created_at[snapshot.lead]) / DAY
    now = np.isnan(snapshot.age_days)
    assert {1.0, 3.0, 7.0, 14.0} <= set(ages[now])
    assert check_data(tmp_path).exit_code == 0
    trained = train_file(tmp_path, home=Home(tmp_path / "home"), replicates=5).trained
    assert len(trained.windows.open) == now.sum()


def test_a_lead_of_the_very_moment_of_the_export_is_told(tmp_path: Path) -> None:
    export = export_of([START, START + 30 * DAY], [], [], START + 30 * DAY)
    unused = {item.reason: item.first_ids for item in proven_snapshot(export, MAPPING).unused}
    assert unused == {"created at the very moment of the export": ("L1",)}


def test_the_small_export_is_as_the_oracle_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring_ml.features.crm_snapshot.FEW_LEADS", 1)
    folder = write_small_export(tmp_path)
    mapping = CrmMapping.load(folder / "crm.yaml")
    export, _ = read_export(folder, mapping)
    assert len(proven_snapshot(export, mapping)) > 10


@pytest.mark.parametrize("seed", [3, 7])
def test_the_demo_is_as_the_oracle_has_it(tmp_path: Path, seed: int) -> None:
    demo = write_demo(tmp_path, leads=1_000, seed=seed)
    mapping = CrmMapping.load(demo.mapping)
    export, _ = read_export(demo.crm, mapping)
    assert len(proven_snapshot(export, mapping)) > 3_000
