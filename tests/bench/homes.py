"""Compare what two home folders hold of their newest training, number by number.

``python -m tests.bench.homes A B`` says, of two homes trained on the same data by two versions of
the code, which scored rows, candidate metrics and model texts are equal to the bit.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

Row = tuple[str, str]


def newest(home: Path) -> tuple[str, str]:
    """Return the run and the version of a home's newest training."""
    found = json.loads((home / "newest_training.json").read_text(encoding="utf-8"))
    return str(found["run_id"]), str(found["version"])


def tables(one: pd.DataFrame, two: pd.DataFrame, name: str) -> Iterator[Row]:
    """Compare two tables column by column."""
    yield f"{name}: rows", f"{len(one)} and {len(two)}"
    for only, left, right in (("first", one, two), ("second", two, one)):
        extra = [column for column in left.columns if column not in right]
        if extra:
            yield f"{name}: columns of the {only} alone", ", ".join(extra)
    equal, differing = 0, []
    for column in one.columns.intersection(two.columns):
        a, b = (table[column].to_numpy() for table in (one, two))
        if len(a) != len(b):
            continue
        same = (a == b) | (pd.isna(a) & pd.isna(b))
        if same.all():
            equal += 1
            continue
        rows = np.flatnonzero(~same)
        first = f"{a[rows[0]]!r} and {b[rows[0]]!r}"
        differing.append((f"{name}: {column}", f"{len(rows)} rows differ, the first {first}"))
    yield f"{name}: columns equal to the bit", str(equal)
    yield from differing


def metrics(home: Path, run_id: str) -> dict[tuple[str, str], float]:
    """Return every logged metric of a training's candidates, by kind and name."""
    query = """
        select kind.value, m.key, m.value from metrics m
        join tags kind on kind.run_uuid = m.run_uuid and kind.key = 'kind'
        join tags parent on parent.run_uuid = m.run_uuid and parent.key = 'mlflow.parentRunId'
        where parent.value = ?
    """
    with sqlite3.connect(home / "mlflow.db") as database:
        return {(kind, key): value for kind, key, value in database.execute(query, [run_id])}


def compared(first: Path, second: Path) -> Iterator[Row]:
    """Yield what is compared and what was found."""
    (run_a, version_a), (run_b, version_b) = newest(first), newest(second)
    for name in ("scored.parquet", "calibration.parquet"):
        one, two = (
            pd.read_parquet(home / "runs" / run / name)
            for home, run in ((first, run_a), (second, run_b))
        )
        yield from tables(one, two, name)
    one, two = metrics(first, run_a), metrics(second, run_b)
    differing = sorted(key for key in one.keys() & two.keys() if one[key] != two[key])
    equal = len(one.keys() & two.keys()) - len(differing)
    yield "metrics of candidates equal to the bit", str(equal)
    for kind, key in sorted(one.keys() ^ two.keys()):
        yield f"metric {kind} {key}", "in one of the two alone"
    for kind, key in differing:
        yield f"metric {kind} {key}", f"{one[kind, key]!r} and {two[kind, key]!r}"
    texts = [
        path.read_bytes() if path.is_file() else None
        for path in (
            first / "serving" / version_a / "model.txt",
            second / "serving" / version_b / "model.txt",
        )
    ]
    if texts != [None, None]:
        yield "text of the served model", "equal" if texts[0] == texts[1] else "differs"


def main() -> None:
    """Print the comparison of the two homes that the command line names."""
    if len(sys.argv) != 3:
        raise SystemExit("Give two home folders, each with a training of the same data.")
    for what, found in compared(Path(sys.argv[1]), Path(sys.argv[2])):
        print(f"{what:<60} {found}")


if __name__ == "__main__":
    main()
