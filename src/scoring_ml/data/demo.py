"""A made-up CRM export whose every true probability is known.

Two years of leads of a company that sells software to other companies in English-, Persian- and
Russian-speaking markets. Each lead has true attributes, of which many are never asked or never
answered. The chance of a win follows from the true attributes by :data:`TRUE_EFFECTS`, added up
in log-odds; the outcome is one toss of that coin. So it is known how good any model could be
(:mod:`scoring_ml.evaluation.reachable`), and the truth never enters the export.

``docs/demo-data.md`` tells what is true in this world and why.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.demo_effects import LEVELS
from scoring_ml.data.demo_world import EXTRACTED_AT, World, draw_world
from scoring_ml.errors import InputError

LONGEST_LAG_DAYS: Final = 60
"""After so many days every outcome is known; schema.yaml says the same."""


@dataclass(frozen=True)
class Demo:
    """The export as people would write it, and the truth, kept apart.

    Parameters
    ----------
    leads : DataFrame of str
        One row a lead, oldest first; ``""`` or ``n/a`` where nothing is known. Column
        ``outcome`` is ``won``, ``lost`` or, while open, ``""``.
    truth : DataFrame
        ``lead_id`` and ``true_probability``, in the same order.
    """

    leads: pd.DataFrame
    truth: pd.DataFrame


@dataclass(frozen=True)
class DemoFiles:
    """Where the demo data was written."""

    leads: Path
    truth: Path
    schema: Path
    matrix: Path


def make_demo(*, leads: int = 16_000, seed: int = 7) -> Demo:
    """Make the demo data.

    Parameters
    ----------
    leads : int
        How many leads, 1 or more.
    seed : int
        0 or more; the same seed and number give the same bits.

    Returns
    -------
    Demo

    Raises
    ------
    InputError
        If a number is too small.

    >>> demo = make_demo(leads=3)
    >>> demo.leads["lead_id"].tolist(), demo.truth.columns.tolist()
    (['L-000001', 'L-000002', 'L-000003'], ['lead_id', 'true_probability'])
    """
    world = draw_world(leads, seed_of("world", leads=leads, seed=seed))
    rng = np.random.default_rng(seed_of("export", leads=leads, seed=seed))
    won = rng.random(leads) < world.probability
    # A refusal is heard sooner than a contract is signed: young leads with an outcome are not
    # like the others, so only those older than the longest lag can be learned from.
    lag = np.where(won, 4.0 + rng.gamma(3.0, 8.0, leads), 1.0 + rng.gamma(2.0, 7.0, leads))
    lag_seconds = (np.minimum(lag, LONGEST_LAG_DAYS) * 86_400).astype("m8[s]")
    closed = world.created + lag_seconds <= EXTRACTED_AT
    ids = [f"L-{number:06d}" for number in range(1, leads + 1)]
    frame = _written(rng, world)
    frame.insert(0, "lead_id", ids)
    frame["last_call_result"] = _last_call(rng, won, closed)
    frame["outcome"] = np.where(closed, np.where(won, "won", "lost"), "")
    truth = pd.DataFrame({"lead_id": ids, "true_probability": world.probability})
    return Demo(frame.astype("str"), truth)


def write_demo(folder: Path, *, leads: int = 16_000, seed: int = 7) -> DemoFiles:
    """Write the demo data, with the schema and the matrix that explain it.

    Files of the same names in the folder are replaced, each at once.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    leads, seed : int
        As in :func:`make_demo`.
    """
    demo = make_demo(leads=leads, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    example = files("models") / "examples" / "demo"
    made = DemoFiles(*(folder / f"{name}" for name in _FILE_NAMES))
    _replace(made.leads, demo.leads.to_csv(index=False, lineterminator="\n"))
    _replace(made.truth, demo.truth.to_csv(index=False, lineterminator="\n"))
    for path in (made.schema, made.matrix):
        _replace(path, (example / path.name).read_text(encoding="utf-8"))
    return made


def seed_of(part: str, *, leads: int, seed: int) -> np.random.SeedSequence:
    """Return the seed of one part of the world; no two parts share random numbers.

    Parameters
    ----------
    part : {"world", "export", "snapshots", "held_out"}
    leads, seed : int
        As in :func:`make_demo`.

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


_PARTS: Final = ("world", "export", "snapshots", "held_out")
_FILE_NAMES: Final = ("leads.csv", "truth.csv", "schema.yaml", "matrix.yaml")


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)


# First names as their owners write them, and in Latin letters for the address.
_FIRST: Final = (
    ("Anna", "James", "Maria", "Oliver", "Grace", "Samuel", "Chloe", "Henry"),
    ("سارا", "علی", "مریم", "رضا", "نیلوفر", "حسین", "لیلا", "امیر"),
    ("Анна", "Иван", "Мария", "Олег", "Ольга", "Павел", "Дарья", "Сергей"),
)
_LAST: Final = (
    ("Baker", "Collins", "Foster", "Hughes", "Marsh", "Porter", "Reed", "Walsh"),
    ("احمدی", "رضایی", "کریمی", "موسوی", "حسینی", "صادقی", "نوری", "کاظمی"),
    ("Белых", "Долгих", "Живаго", "Крученых", "Петренко", "Седых", "Чутких", "Шевченко"),
)
_FIRST_LATIN: Final = (
    ("anna", "james", "maria", "oliver", "grace", "samuel", "chloe", "henry"),
    ("sara", "ali", "maryam", "reza", "niloofar", "hossein", "leila", "amir"),
    ("anna", "ivan", "maria", "oleg", "olga", "pavel", "daria", "sergey"),
)
# Free and throw-away mailboxes are as likely for good leads as for bad ones: a form of address
# that can be read but not believed.
_DOMAINS: Final = ("freemail.example.com", "post.example.org", "tenminutes.example.net")
_BROKEN: Final = ("{}@", "{}.example.com", "{}@mail", "{} at example.com", "{}@@example.com")
# Numbers kept for films, or no subscriber's: a region, and the last digits between two bounds.
_PHONES: Final = {
    "United States": ("+1 (202) 555-0{:03d}", 100, 200),
    "United Kingdom": ("+44 20 7946 0{:03d}", 0, 1000),
    "Canada": ("+1 613 555 0{:03d}", 100, 200),
    "Iran": ("+98 912 000 0{:03d}", 0, 1000),
    "Afghanistan": ("+93 70 000 0{:03d}", 0, 1000),
    "Russia": ("+7 900 000-0{:03d}", 0, 1000),
    "Kazakhstan": ("+7 701 000 0{:03d}", 0, 1000),
}
_BROKEN_PHONES: Final = ("12345", "+98 912 00", "+7 000 000-00-00", "0000000000", "+1 555 0{:03d}")
_PERSIAN: Final = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")


def _written(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """Write what is known as people and forms write it."""
    known = world.known
    leads = len(world.created)
    native = pd.Categorical(known["language"], categories=LEVELS["language"]).codes
    in_persian = (known["language"] == "fa") & (rng.random(leads) < 0.3)
    first, last = rng.integers(0, 8, leads), rng.integers(0, 8, leads)
    name = np.char.add(
        np.char.add(np.array(_FIRST)[native, first], " "), np.array(_LAST)[native, last]
    )
    columns = {
        "created_at": pd.Series(world.created).dt.strftime("%Y-%m-%d %H:%M:%S"),
        "contact_name": name,
        "email": _emails(rng, known["email"], np.array(_FIRST_LATIN)[native, first]),
        "phone": _phones(rng, known["phone"], known["country"], in_persian),
        **{field: _words(rng, known[field]) for field in _WORD_FIELDS},
        "budget_amount": _budgets(rng, known["budget_amount"], in_persian),
        **{field: _numbers(known[field]) for field in _NUMBER_FIELDS},
        **{field: np.where(known[field] == 1.0, "yes", "no") for field in _BOOLEAN_FIELDS},
    }
    return pd.DataFrame({field: columns[field] for field in _ORDER})


_WORD_FIELDS: Final = (
    "country", "language", "source", "campaign", "utm[medium]", "industry", "role",
    "need_urgency", "current_solution",
)  # fmt: skip
_NUMBER_FIELDS: Final = (
    "employees", "timeline_days", "pages_viewed", "minutes_on_site", "downloads",
    "preferred_contact_hour",
)  # fmt: skip
_BOOLEAN_FIELDS: Final = ("demo_requested", "webinar_attended", "newsletter")
_ORDER: Final = (
    "created_at", "contact_name", "email", "phone", "country", "language", "source", "campaign",
    "utm[medium]", "industry", "employees", "role", "budget_amount", "need_urgency",
    "timeline_days", "current_solution", "pages_viewed", "minutes_on_site", "downloads",
    "demo_requested", "webinar_attended", "newsletter", "preferred_contact_hour",
)  # fmt: skip


def _words(rng: np.random.Generator, values: NDArray[Any]) -> list[str]:
    """Text, and "" or n/a where there is none: one person leaves it empty, one writes so."""
    nothing = np.where(rng.random(len(values)) < 0.2, "n/a", "")
    return [empty if word is None else word for word, empty in zip(values, nothing, strict=True)]


def _numbers(values: NDArray[np.float64]) -> list[str]:
    return ["" if value != value else f"{value:g}" for value in values.tolist()]


def _budgets(
    rng: np.random.Generator, values: NDArray[np.float64], in_persian: NDArray[np.bool_]
) -> list[str]:
    forms: tuple[Callable[[int], str], ...] = (str, "{:,}".format, "${:,}".format)
    chosen = rng.choice(3, size=len(values), p=(0.6, 0.25, 0.15)).tolist()
    return [
        "" if value != value
        else f"{int(value):,}".translate(_PERSIAN) if persian
        else forms[form](int(value))
        for value, form, persian in zip(values.tolist(), chosen, in_persian.tolist(), strict=True)
    ]  # fmt: skip


def _emails(rng: np.random.Generator, state: NDArray[Any], names: NDArray[np.str_]) -> list[str]:
    leads = len(state)
    # Two of three write from the company's own domain.
    kind = rng.integers(0, 3 * len(_DOMAINS), leads).tolist()
    company, broken = rng.integers(0, 9000, leads).tolist(), rng.integers(0, 5, leads).tolist()
    return [
        _BROKEN[form].format(name) if how == "invalid"
        else f"{name}@{_DOMAINS[where]}" if where < len(_DOMAINS)
        else f"{name}@company{number}.example.com"
        for name, how, where, number, form in zip(
            names.tolist(), state, kind, company, broken, strict=True
        )
    ]  # fmt: skip


def _phones(
    rng: np.random.Generator,
    state: NDArray[Any],
    country: NDArray[Any],
    in_persian: NDArray[np.bool_],
) -> list[str]:
    leads = len(state)
    broken = rng.integers(0, len(_BROKEN_PHONES), leads).tolist()
    place = rng.random(leads).tolist()
    written = []
    for how, where, share, form, persian in zip(
        state, country, place, broken, in_persian.tolist(), strict=True
    ):
        if how is None:
            written.append("")
            continue
        pattern, low, high = _PHONES[where] if how == "valid" else (_BROKEN_PHONES[form], 0, 1000)
        number = pattern.format(low + int(share * (high - low)))
        written.append(number.translate(_PERSIAN) if persian else number)
    return written


def _last_call(
    rng: np.random.Generator, won: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return what sales wrote down after the end: a leak, for whoever would learn from it."""
    good = rng.choice(["agreed terms", "asked for the contract"], size=len(won))
    bad = rng.choice(["not interested", "no answer", "chose another"], size=len(won))
    filled = closed & (rng.random(len(won)) < 0.9)
    return np.where(filled, np.where(won, good, bad), "")
