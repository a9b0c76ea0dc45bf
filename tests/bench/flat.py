"""A flat file of a million leads and 30 mixed columns: drafted, checked and trained on.

Each command runs in a process of its own, so that its seconds and its largest memory are its own.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

LEADS = 1_000_000
LEVELS = {"plan": 3, "source": 9, "region": 40, "industry": 120, "city": 900, "landing_page": 5_000}
START = np.datetime64("2023-01-01T00:00:00")
_WORDS = np.array(["we", "need", "a", "system", "for", "our", "team", "call", "soon", "price"])

Row = tuple[str, str, str]


def flat(folder: Path, *, leads: int = LEADS) -> Iterator[Row]:
    """The commands of the flat door on one large file."""
    folder.mkdir(parents=True, exist_ok=True)
    data = write_leads(folder / "leads.csv", leads=leads, seed=11)
    size = f"{leads:,} leads, 30 columns, {data.stat().st_size / 1e6:.0f} MB"
    for name, arguments in {
        "init": ["--target", "status"],
        "check": [],
        "train": ["--home", str(folder / "home")],
    }.items():
        code, seconds, memory = run([name, str(data), *arguments], folder / f"{name}.txt")
        figure = f"{seconds:.0f} s, {memory / 1e9:.1f} GB"
        yield f"flat file: {name}", figure if code == 0 else f"{figure}, exit {code}", size


def run(arguments: list[str], output: Path) -> tuple[int, float, float]:
    """Exit code of one command, its seconds, and the most bytes of memory that it held."""
    begun = time.perf_counter()
    with output.open("w") as out:
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), number) for number in (1, 2)]
        program = str(Path(sys.executable).with_name("scoring-ml"))
        process = os.posix_spawn(program, [program, *arguments], os.environ, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begun
    return os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * 1024.0


def write_leads(path: Path, *, leads: int, seed: int) -> Path:
    """Write a file of leads, oldest first: 8 % won, the newest 3 % open."""
    pacsv.write_csv(pa.table(made_leads(leads, seed)), path)
    return path


def made_leads(leads: int, seed: int) -> dict[str, Any]:
    """Return the columns of a file of leads."""
    rng = np.random.default_rng(seed)
    number = np.arange(leads)
    z = np.full(leads, -3.1)
    columns: dict[str, Any] = {"lead_id": pa.array([f"L-{n:07d}" for n in number])}
    seconds = np.sort(rng.integers(0, 900 * 86_400, leads))
    created = START + seconds.astype("timedelta64[s]")
    columns["created_at"] = pa.array(np.strings.replace(created.astype(str), "T", " "))
    for name, levels in LEVELS.items():
        code = np.minimum(rng.exponential(levels / 4, leads).astype(np.int64), levels - 1)
        z += (rng.normal(size=levels) * (0.5 if levels < 200 else 0.2))[code]
        words = pa.array([f"{name} {level}" for level in range(levels)])
        columns[name] = _with_gaps(words.take(pa.array(code)), rng, 0.02 * len(columns))
    for name, spread, part in (
        ("budget", 1.2, 0.3), ("employees", 1.5, 0.2), ("revenue", 1.8, 0.5), ("pages", 0.6, 0.0),
        ("minutes_on_site", 0.9, 0.1), ("score_of_partner", 0.3, 0.6), ("discount", 0.4, 0.4),
    ):  # fmt: skip
        x = rng.normal(size=leads)
        z += 0.35 * x
        digits = 0 if name in ("employees", "pages") else 2
        values = np.round(np.exp(3 + spread * x), digits)
        columns[name] = _with_gaps(pa.array(values), rng, part)
    visits = rng.poisson(2.0, leads)
    z += 0.2 * (visits - 2)
    columns["visits"] = pa.array(visits)
    columns["emails_opened"] = pa.array(rng.poisson(0.8, leads))
    columns["postal_code"] = pa.array(rng.integers(10_000, 99_999, leads))
    for name in ("newsletter", "is_partner", "returning"):
        yes = rng.random(leads) < 0.3
        z += 0.3 * yes
        columns[name] = _with_gaps(pa.array(np.where(yes, "yes", "no")), rng, 0.05)
    for name, most in (("founded_on", 9_000), ("first_visit", 400)):
        day = created.astype("datetime64[D]") - rng.integers(0, most, leads)
        columns[name] = _with_gaps(pa.array(day.astype(str)), rng, 0.1)
    columns["email"] = pa.array([f"person{n}@company{n % 40_000}.example" for n in number])
    area = rng.choice([212, 305, 415, 503, 617, 702, 773], leads)
    phones = area * 10**7 + rng.integers(2_000_000, 9_999_999, leads)
    columns["phone"] = _with_gaps(pa.array([f"+1{n}" for n in phones]), rng, 0.3)
    texts = np.array([" ".join(rng.choice(_WORDS, 9)) for _ in range(min(leads, 5_000))])
    comment = np.strings.add(texts[rng.integers(0, len(texts), leads)], (number % 977).astype(str))
    columns["comment"] = _with_gaps(pa.array(comment), rng, 0.5)
    columns["company_id"] = pa.array(rng.integers(0, leads // 3 + 1, leads))
    columns["utm_campaign"] = pa.array([f"c-{n:03d}" for n in range(300)]).take(
        pa.array((seconds // (3 * 86_400)) % 300)
    )
    columns["form_version"] = pa.array(np.where(seconds < 450 * 86_400, "v1", "v2"))
    won = rng.random(leads) < 1 / (1 + np.exp(-z))
    still_open = (number > 0.95 * leads) & (rng.random(leads) < 0.6)
    columns["status"] = pa.array(np.where(still_open, "open", np.where(won, "won", "lost")))
    return columns


def _with_gaps(values: Any, rng: np.random.Generator, share: float) -> Any:
    if not share:
        return values
    return pa.array(values.to_pylist(), mask=rng.random(len(values)) < share, type=values.type)
