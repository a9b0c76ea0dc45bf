"""A million leads with ten million activities: made, read, and seen as they were known.

Each job runs in a process of its own, so that its seconds and its largest memory are its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.history import History
from scoring_ml.data.schema import Schema
from scoring_ml.demo.files import write_demo
from scoring_ml.features.compute import compute_features
from scoring_ml.features.criteria import contact_valid
from scoring_ml.features.crm_snapshot import build_crm_snapshot, crm_schema
from scoring_ml.features.lead_history import read_history
from scoring_ml.features.outcomes import find_outcomes
from tests.bench.flat import run
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


def training(folder: Path, *, leads: int = LEADS) -> Iterator[Row]:
    """Training on the demo CRM in full size, every lead at all of its ages."""
    made = apart(make, folder, leads)
    yield f"demo CRM: make {leads:,} leads", seconds(made), f"{made['rows']:,} activities, Parquet"
    home = str(folder / "home")
    code, taken, memory = run(["train", str(folder / "crm"), "--home", home], folder / "train.txt")
    figure = f"{taken:.0f} s, {memory / 1e9:.1f} GB" + (f", exit {code}" if code else "")
    yield "demo CRM: train on all ages", figure, "all logged"


def online(folder: Path) -> Iterator[Row]:
    """One lead with 200 activities, from the parsed request to its features, in several forms."""
    write_demo(folder, leads=500, seed=1)
    mapping = CrmMapping.load(folder / "crm" / "crm.yaml")
    export, _ = read_export(folder / "crm", mapping)
    schema = crm_schema(export, mapping, find_outcomes(export, mapping))
    history = schema.history
    assert history is not None
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    moments = [now - timedelta(hours=2 * number + 1) for number in range(200)]
    plain = [moment.isoformat() for moment in moments]
    zones = [text if number % 2 else f"{text[:19]}Z" for number, text in enumerate(plain)]
    epoch = [str(int(moment.timestamp()) * 1_000) for moment in moments]
    days = [f"{moment:%d.%m.%Y %H:%M}" for moment in moments]
    forms = {
        "to features": (plain, False),
        "every key given": (plain, True),
        "two spellings of the zone": (zones, True),
        "moments as Unix time in text": (epoch, True),
        "moments as dd.mm.yyyy hh:mm": (days, True),
    }
    columns = sum(column.is_feature for column in schema.columns)
    for name, (texts, every_key) in forms.items():
        lead = _lead(history, texts, every_key=every_key)
        what = f"median of 500, {columns} features"
        begin = "one lead with 200 activities " if name == "to features" else "  the same, "
        yield f"{begin}{name}", f"{_answered(lead, schema, now):.2f} ms", what


def _lead(history: History, texts: list[str], *, every_key: bool) -> dict[str, Any]:
    """Return a request with as many activities as moments; optional keys if they are asked for."""
    activities: list[dict[str, Any]] = [
        {"type": history.kinds[number % len(history.kinds)], "occurred_at": text, "amount": 3}
        for number, text in enumerate(texts)
    ]
    if every_key:
        for number, entry in enumerate(activities):
            entry |= {
                "known_at": entry["occurred_at"],
                "direction": "inbound",
                "campaign": f"campaign {number % 5}",
                "channel": "search",
                "activity_id": f"a{number}",
            }
    return {
        "created_at": "2026-10-10T08:00:00Z",
        "activities": activities,
        "stages": [{"stage": history.stages[0], "entered_at": "2026-10-10T08:00:00Z"}],
    }


def _answered(lead: dict[str, Any], schema: Schema, now: datetime) -> float:
    """Return the median of the milliseconds from a request to its features."""
    history = schema.history
    assert history is not None
    as_of = np.array([int(now.timestamp()) * 1_000_000])
    taken = []
    for number in range(550):
        begun = time.perf_counter()
        read = read_history(lead, history, as_of=now.replace(tzinfo=None))
        compute_features(
            schema,
            {},
            created_at=np.array([read.created_at]),
            as_of=as_of,
            activities=read.activities,
            stages=read.stages,
        )
        if number >= 50:
            taken.append(time.perf_counter() - begun)
    return 1_000 * statistics.median(taken)


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

    mapping = CrmMapping.load(folder / "crm" / "crm.yaml")
    export, report = read_export(folder / "crm", mapping)
    report.raise_if_broken()
    done("read and validate")
    snapshot, schema, _ = build_crm_snapshot(export, replace(mapping, ages_days=(1.0,)))
    part = snapshot.take(snapshot.age_days == 1.0)
    done("snapshot with features and labels")
    values = {str(name): part.frame[name].to_numpy() for name in part.frame}
    for column in schema.used:
        if column.type in ("email", "phone"):
            codes, distinct = pd.factorize(values[column.name], use_na_sentinel=True)
            valid = np.array([*(contact_valid(v, column) for v in distinct), np.nan], dtype=float)
            values[f"{column.name}_valid"] = valid[codes]
    done("contacts")
    sums = {name: float(np.nansum(values[name])) for name in COMPARED}
    return {"parts": parts, "columns": len(values), "rows": len(part), "sums": sums}


def see_plainly(folder: Path) -> dict[str, Any]:
    """Do the same as an analyst would write it."""
    mapping = CrmMapping.load(folder / "crm" / "crm.yaml")
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
