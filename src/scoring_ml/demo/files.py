"""The demo's files: a made-up CRM export, and the true probability of every lead beside it.

Two years of a company that sells software to other companies in English-, Persian- and
Russian-speaking markets: campaigns and what they cost, visits and calls, answers learned at
different moments, stages, deals. Whether a lead will buy is tossed once by its true attributes
(:mod:`scoring_ml.demo.effects`); what it does afterwards tells, in a known way, on which side
the coin fell. So the chance of a win is known exactly at every moment, and how good any model
could be (:mod:`scoring_ml.demo.reachable`). The truth never enters the export.

``docs/demo-data.md`` tells what is true in this world and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from scoring_ml.data.crm.mapping.crm_mapping import AGES_DAYS
from scoring_ml.data.files.writing import whole_file
from scoring_ml.data.yaml_file import for_editors
from scoring_ml.demo.calendar import EXTRACTED_AT
from scoring_ml.demo.export import lead_ids
from scoring_ml.demo.tables import moments, write_parquet, write_tables
from scoring_ml.demo.world import World, make_world
from scoring_ml.errors import InputError
from scoring_ml.features.asof import seen_at


@dataclass(frozen=True)
class DemoFiles:
    """Paths of the demo's files.

    Parameters
    ----------
    crm : Path
        Folder of the export, with its mapping, matrix and segments.
    truth : Path
        Beside the folder, never in it.
    """

    crm: Path
    mapping: Path
    matrix: Path
    segments: Path
    truth: Path


def write_demo(folder: Path, *, leads: int = 16_000, seed: int = 7) -> DemoFiles:
    """Write the demo's CRM export, the files that explain it, and the truth beside it.

    Files of the same names are replaced, each at once.

    Parameters
    ----------
    folder : Path
        Made if it is not there; the export goes to ``crm`` in it.
    leads : int
        How many leads, 1 or more.
    seed : int
        0 or more; the same seed and number give the same bits.

    Raises
    ------
    InputError
        If a number is too small.
    """
    world = make_world(leads, seed_of("world", leads=leads, seed=seed))
    crm = folder / "crm"
    crm.mkdir(parents=True, exist_ok=True)
    write_tables(world, crm)
    example = files("models") / "examples" / "demo"
    made = DemoFiles(
        crm,
        mapping=crm / "crm.yaml",
        matrix=crm / "matrix.yaml",
        segments=crm / "segments.yaml",
        truth=folder / "truth.parquet",
    )
    for path in (made.mapping, made.matrix, made.segments):
        with whole_file(path) as unfinished:
            text = for_editors((example / path.name).read_text(encoding="utf-8"), None)
            unfinished.write_text(text, encoding="utf-8", newline="\n")
    write_parquet(made.truth, _truth(world))
    return made


def _truth(world: World) -> Iterator[pa.Table]:
    """Yield the true chance of every lead at every age at which it is truly open."""
    created = world.people.created_at
    lead = np.arange(len(world))
    ids = pa.array(lead_ids(lead))
    for age in AGES_DAYS:
        as_of = seen_at(created, age)
        is_open = world.truly_open(as_of, lead) & (as_of <= EXTRACTED_AT.astype(np.int64))
        some = lead[is_open]
        yield pa.table(
            {
                "lead_id": ids.take(pa.array(some)),
                "age_days": np.full(len(some), age),
                "as_of": moments(as_of[is_open]),
                "true_probability": world.truth(as_of[is_open], some),
            }
        )


def seed_of(part: str, *, leads: int, seed: int) -> np.random.SeedSequence:
    """Return the seed of one part of the demo; no two parts share random numbers.

    The parts are the demo's own leads (``world``), and generated ones for learning (``snapshots``)
    and for checking how good a model could be (``held_out``).

    Raises
    ------
    InputError
        If a number is too small.
    """
    for name, number, least in (("leads", leads, 1), ("seed", seed, 0)):
        if number < least:
            raise InputError(
                f"{name} must be {least} or more", found=str(number), do=f"Give another {name}"
            )
    return np.random.SeedSequence(seed, spawn_key=(_PARTS.index(part),))


_PARTS: Final = ("world", "snapshots", "held_out")
