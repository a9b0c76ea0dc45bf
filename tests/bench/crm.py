"""A million leads with ten million activities: made, read, and seen as they were known.

Each job runs in a process of its own, so that its seconds and its largest memory are its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scoring_ml.data.demo import write_demo
from scoring_ml.data.export import read_export
from scoring_ml.data.mapping import load_mapping
from scoring_ml.features.asof import seen_at
from scoring_ml.features.criteria import contact_valid
from scoring_ml.features.crm_snapshot import crm_schema, values_at
from scoring_ml.features.derived import derive
from scoring_ml.features.lead_history import read_history
from scoring_ml.features.outcomes import find_outcomes
from tests.bench.pandas_yardstick import snapshot as plain_snapshot

LEADS = 1_000_000
COMPARED = ("web_visit_30d", "web_visit_7d", "demo_request_30d", "days_since_web_visit",
            "activities_30d", "activity_kinds_30d", "active_days_30d", "days_in_stage",
            "budget_amount")  # fmt: skip

Row = tuple[str, str, str]


def crm(folder: Path, *, leads: int = LEADS) -> Iterator[Row]:
    """The demo CRM in full size, beside the same job written plainly in pandas."""
    made = apart(make, folder, leads)
    yield f"demo CRM: make {leads:,} leads", seconds(made), f"{made['rows']:,} activities, Parquet"
    ours = apart(see, folder)
    what = f"{leads:,} leads, {made['rows']:,} activities"
    yield "one snapshot a lead, every feature", seconds(ours), what
    parts = ", ".join(f"{name} {taken:.0f} s" for name, taken in ours["parts"].items())
    yield "  of that", parts, f"{ours['columns']} columns"
    plain = apart(see_plainly, folder)
    yield "the same written plainly in pandas", seconds(plain), f"{plain['columns']} columns"
    ratio = plain["seconds"] / ours["seconds"]
    yield "pandas / ours", f"{ratio:.1f} times the time", _memory(plain, ours)
    differ = [name for name in COMPARED if not _same(ours["sums"][name], plain["sums"][name])]
    same = "all the same" if not differ else f"different: {', '.join(differ)}"
    yield "sums of columns that both have", same, f"{len(COMPARED)} columns"


def online(folder: Path) -> Iterator[Row]:
    """One lead with 200 activities, from the parsed request to its features."""
    write_demo(folder, leads=500, seed=1)
    mapping = load_mapping(folder / "crm" / "crm.yaml")
    export, _ = read_export(folder / "crm", mapping)
    schema = crm_schema(export, mapping, find_outcomes(export, mapping))
    history = schema.history
    assert history is not None
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    kinds = history.kinds
    lead: dict[str, Any] = {
        "created_at": "2026-10-10T08:00:00Z",
        "activities": [
            {
                "type": kinds[i % len(kinds)],
                "occurred_at": (now - timedelta(hours=2 * i + 1)).isoformat(),
                "amount": 3,
            }
            for i in range(200)
        ],
        "stages": [{"stage": history.stages[0], "entered_at": "2026-10-10T08:00:00Z"}],
    }
    as_of = np.array([int(now.timestamp()) * 1_000_000])

    def work() -> None:
        read = read_history(lead, history, as_of=now.replace(tzinfo=None))
        derive(
            schema,
            {},
            created_at=np.array([read.created_at]),
            as_of=as_of,
            activities=read.activities,
            stages=read.stages,
        )

    for _ in range(50):
        work()
    taken = []
    for _ in range(500):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    columns = sum(column.derived for column in schema.columns)
    figure = f"{1_000 * statistics.median(taken):.2f} ms"
    yield "one lead with 200 activities to features", figure, f"median of 500, {columns} features"


def make(folder: Path, leads: int) -> dict[str, Any]:
    """Write the demo CRM."""
    files = write_demo(folder, leads=leads, seed=7)
    import pyarrow.parquet as pq

    return {"rows": pq.ParquetFile(files.crm / "activities.parquet").metadata.num_rows}


def see(folder: Path) -> dict[str, Any]:
    """Read the export, hold it to its contract, and see every lead at age 1 day."""
    parts: dict[str, float] = {}
    begun = time.perf_counter()

    def done(name: str) -> None:
        parts[name] = time.perf_counter() - begun - sum(parts.values())

    mapping = load_mapping(folder / "crm" / "crm.yaml")
    export, report = read_export(folder / "crm", mapping)
    report.raise_if_broken()
    done("read and validate")
    schema = crm_schema(export, mapping, find_outcomes(export, mapping))
    done("outcomes")
    values = values_at(export, schema, seen_at(export.leads.created_at, 1.0))
    for column in schema.used:
        if column.type in ("email", "phone"):
            codes, distinct = pd.factorize(values[column.name], use_na_sentinel=True)
            valid = np.array([*(contact_valid(v, column) for v in distinct), np.nan], dtype=float)
            values[f"{column.name}_valid"] = valid[codes]
    done("values and features")
    sums = {name: float(np.nansum(values[name])) for name in COMPARED}
    return {"parts": parts, "columns": len(values), "sums": sums}


def see_plainly(folder: Path) -> dict[str, Any]:
    """Do the same as an analyst would write it."""
    mapping = load_mapping(folder / "crm" / "crm.yaml")
    kinds = ("web_visit", "download", "email_open", "email_click", "webinar", "demo_request",
             "chat")  # fmt: skip
    frame = plain_snapshot(folder / "crm", mapping, kinds=kinds)
    sums = {name: float(np.nansum(frame[name])) for name in COMPARED}
    return {"columns": frame.shape[1], "sums": sums}


def apart(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """Run a job in a process of its own and add its seconds and its largest memory in GB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, args))


def _measured(work: Callable[..., dict[str, Any]], args: tuple[Any, ...]) -> dict[str, Any]:
    begun = time.perf_counter()
    found = work(*args)
    taken = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return found | {"seconds": taken, "gigabytes": peak}


def seconds(found: dict[str, Any]) -> str:
    """Return seconds and largest memory of a job."""
    return f"{found['seconds']:.0f} s, {found['gigabytes']:.1f} GB"


def _memory(plain: dict[str, Any], ours: dict[str, Any]) -> str:
    return f"{plain['gigabytes'] / ours['gigabytes']:.1f} times the memory"


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-6 * max(abs(one), 1.0)
