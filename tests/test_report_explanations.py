"""The two pages of ``scoring-ml report explanations``: their numbers, then their text."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest, false_discovery_control, norm, poisson_binom

from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.reports.campaigns import marketing_numbers
from scoring_ml.reports.explanations import write_explanations
from scoring_ml.reports.queue import sales_queue
from scoring_ml.reports.rendering import Axis, waterfall
from scoring_ml.scoring.scored_run import ROWS_FILE, read_scored, write_scored
from scoring_ml.statistics.proportions import (
    FEW_OUTCOMES,
    adjusted,
    expected_wins,
    leads_for,
    leads_needed,
    surprise,
    wilson,
    wins_distribution,
)

SEED = 20260718

NUMBERS = ("number", "boolean")
MOST = {
    "industry_fit": 20,
    "budget": 20,
    "need_urgency": 30,
    "authority": 20,
    "timeline": 10,
    "engagement": 10,
}

FIELDS = (
    ("industry", "Industry", "industry_fit", "category", None),
    ("budget_eur", "Budget", "budget", "number", "EUR"),
    ("has_budget", "Budget approved", "budget", "boolean", None),
    ("need", "Need", "need_urgency", "category", None),
    ("role", "Role of the contact", "authority", "category", None),
    ("timeline_days", "Days until decision", "timeline", "number", "days"),
    ("visits", "Visits", "engagement", "number", None),
    ("email", "E-mail", "reachability", "email", None),
    ("phone", "Telephone", "reachability", "phone", None),
    ("utm_source", "Source", "source", "category", None),
    ("utm_campaign", "Campaign", "campaign", "category", None),
    ("country", "Country", "other", "category", None),
)

ANSWERS = {
    "industry": ("Software", "Finance", "Retail", "خرده‌فروشی"),
    "need": ("urgent", "some", "none"),
    "role": ("Owner", "Manager", "Assistant"),
    "utm_source": ("google", "linkedin", "referral", "expo"),
    "utm_campaign": ("Spring search", "Autumn fair", "کمپین نوروز", "Retarget <b>", "Tiny"),
    "country": ("DE", "IR", "RU"),
}


def tier(score: float) -> str:
    return "hot" if score >= 70 else "warm" if score >= 50 else "cold"


def action(name: str) -> str:
    return {
        "hot": "start_sales_process",
        "warm": "first_call_then_rescore",
        "cold": "nurture",
    }[name]


def make_run(
    folder: Path,
    *,
    test: int = 400,
    opened: int = 60,
    seed: int = SEED,
    probability: bool = True,
    segments: bool = True,
    dates: bool = True,
    matrix: bool = True,
    change=None,
) -> Path:
    """Write a run folder in the form that training writes, with points that add up."""
    rng = np.random.default_rng(seed)
    n = test + opened
    data: dict[str, object] = {"lead_id": [f"L-{1000 + i}" for i in range(n)]}
    data["window"] = ["test"] * test + ["open"] * opened
    data["as_of"] = (
        pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(n) * 5, unit="h")
        if dates
        else pd.array([pd.NaT] * n, dtype="datetime64[us]")
    )
    total = np.full(n, 380)
    points = {}
    for name, _, criterion, kind, _ in FIELDS:
        if not segments and criterion in ("source", "campaign"):
            continue
        values: list[object]
        if kind == "number":
            raw = rng.integers(0, 90, n)
            values = [float(value * (1000 if name == "budget_eur" else 1)) for value in raw]
            gain = (raw - 45) * 2
        elif kind == "boolean":
            raw = rng.integers(0, 2, n)
            values = [float(value) for value in raw]
            gain = np.where(raw, 25, -20)
        elif kind in ("email", "phone"):
            raw = rng.random(n) < 0.85
            values = ["valid" if value else "invalid" for value in raw]
            gain = np.where(raw, 0, -61)
        else:
            chances = np.array([4.0, 3, 2, 1.5, 0.3][: len(ANSWERS[name])])
            raw = rng.choice(len(chances), n, p=chances / chances.sum())
            values = [ANSWERS[name][value] for value in raw]
            gain = np.array([63, 21, -34, -57, 9])[raw] + rng.integers(-3, 4, n)
        missing = rng.random(n) < (0.0 if criterion in ("source", "campaign") else 0.15)
        values = [None if gone else value for gone, value in zip(missing, values, strict=True)]
        points[name] = np.where(missing, -7, 2 * gain)
        data[f"value/{name}"] = pd.Series(values, dtype=float if kind in NUMBERS else object)
        places = {"Software": 0, "Finance": 1} if name == "industry" else {}
        data[f"slot/{name}"] = [places.get(value, -1) for value in values]
        total = total + points[name]
    unrounded = total + rng.integers(-4, 5, n)
    whole = np.floor(unrounded / 10 + 0.5).astype(int)
    score = np.clip(whole, 0, 100)
    data["base_points"] = np.full(n, 38.0)
    for name, values in points.items():
        data[f"points/{name}"] = values / 10
    data["rounding_points"] = (10 * whole - total) / 10
    data["limit_points"] = (score - whole).astype(float)
    chance = 1 / (1 + np.exp(-(unrounded / 10 - 60) / 30))
    won = (rng.random(n) < chance).astype(float)
    won[test:] = np.nan
    data |= {"won": won, "score": score, "tier": [tier(value) for value in score]}
    data["logodds"] = np.log(chance / (1 - chance))
    data["probability"] = chance if probability else np.full(n, np.nan)
    matrix_total = np.zeros(n, dtype=int)
    for name, most in MOST.items():
        known = rng.random(n) < (0.8 if matrix and name != "timeline" else 0.0)
        given = np.where(known, rng.choice([0, most // 2, most], n), 0)
        data[f"matrix/{name}"], data[f"matrix_known/{name}"] = given, known
        matrix_total += given
    data["matrix_total"] = matrix_total
    data["matrix_tier"] = [tier(value) for value in matrix_total]
    data["completeness"] = rng.uniform(0.4, 1.0, n).round(2)
    ask = json.dumps(
        [{"field": "visits", "could_add": 3.5}, {"field": "budget_eur", "could_add": 9.0}]
    )
    data["ask_next"] = [ask if i % 3 else "[]" for i in range(n)]
    data["action"] = [action(name) for name in data["tier"]]
    facts = {
        "dataset": "synthetic",
        "model": {"name": "lead-scorer", "version": "7", "kind": "boosted", "policy": "3"},
        "score_max": 100,
        "base_rate": {"train": 0.3, "calibrate": 0.3, "test": 0.3},
        "fields": [
            {"name": name, "criterion": criterion}
            for name, _, criterion, _, _ in FIELDS
            if name in points
        ],
        "columns": [name for name, *_ in FIELDS if name in points],
        "matrix_mean": {name: most * 0.4 for name, most in MOST.items()},
        "matrix_max": MOST,
        "matrix_none": dict.fromkeys(MOST, 0),
        "schema": {
            "dataset": "synthetic",
            "target": {"column": "outcome", "won": ["won"]},
            "order": {"by": "time", "column": "created_at"},
            "columns": {
                name: {
                    "type": kind,
                    "label": label,
                    "criterion": criterion,
                    "unit": unit,
                    "askable": criterion not in ("source", "campaign", "engagement"),
                }
                for name, label, criterion, kind, unit in FIELDS
            },
        },
        "observed": {
            "industry": [
                {"value": "Software", "leads": 212, "wins": 66},
                {"value": "Finance", "leads": 19, "wins": 17},
                {"value": "missing", "leads": 0, "wins": 0},
            ],
        },
        "verdict": [["windows.empty_window", {"window": "test"}]],
        "warnings": ["The base rate rose from 30 % to 34 %."],
        "policy": {"method": "match_matrix"},
        "order": {"by": "time"},
        "final_labels": True,
    }
    frame = pd.DataFrame(data)
    if change is not None:
        change(frame, facts)
    folder.mkdir(parents=True, exist_ok=True)
    write_scored(folder, frame, facts)
    return folder


def pages(tmp_path: Path, *, limit: int = 500, **options) -> tuple[str, str]:
    run = make_run(tmp_path / "run", **options)
    written = write_explanations(run, tmp_path / "out", limit=limit)
    assert [path.name for path in written] == ["sales.html", "marketing.html"]
    return tuple(path.read_text(encoding="utf-8") for path in written)


# ---------------------------------------------------------------- reading a page


@dataclass
class Node:
    tag: str
    attributes: dict[str, str | None]
    children: list = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str, class_: str | None = None) -> list[Node]:
        found = []
        for child in self.children:
            if isinstance(child, str):
                continue
            if child.tag == tag and (
                class_ is None or class_ in (child.attributes.get("class") or "").split()
            ):
                found.append(child)
            found += child.all(tag, class_)
        return found


class Tree(HTMLParser):
    """A page as nodes; a tag that is not closed in its place fails the test."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.path = [self.root]
        self.feed(html)
        self.close()
        assert self.path == [self.root], f"{self.path[-1].tag} is not closed"

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        self.path[-1].children.append(node)
        if tag not in self.VOID:
            self.path.append(node)

    def handle_startendtag(self, tag, attrs):
        self.path[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.path.pop().tag == tag, f"</{tag}> out of place"

    def handle_data(self, data):
        self.path[-1].children.append(data)


def in_tenths(text: str) -> int:
    number = text.strip().replace("−", "-").replace(",", "").replace("+", "")
    assert re.fullmatch(r"-?\d+\.\d", number), text
    return int(number.replace(".", ""))


def table_of(root: Node, caption: str, nth: int = 0) -> dict[str, list[str]]:
    """Return the rows of the table that follows the nth heading of that name."""
    flat: list[Node] = []

    def walk(node: Node) -> None:
        for child in node.children:
            if not isinstance(child, str):
                flat.append(child)
                walk(child)

    walk(root)
    at = [i for i, node in enumerate(flat) if node.tag == "h3" and node.text == caption][nth]
    table = next(node for node in flat[at:] if node.tag == "table")
    return {
        row.all("th")[0].text: [cell.text.strip() for cell in row.all("td")]
        for row in table.all("tbody")[0].all("tr")
    }


# ---------------------------------------------------------------- chance


@pytest.mark.parametrize(("wins", "leads"), [(0, 10), (1, 10), (10, 10), (37, 155), (3, 3000)])
def test_win_share_against_scipy(wins: int, leads: int) -> None:
    found = wilson(wins, leads)
    expected = binomtest(wins, leads).proportion_ci(0.95, method="wilson")
    assert found.value == wins / leads
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_win_share_without_leads() -> None:
    found = wilson(0, 0)
    assert all(math.isnan(value) for value in (found.value, found.low, found.high))


@pytest.mark.parametrize("n", [1, 2, 8, 9, 17, 200])
def test_distribution_of_wins_against_scipy(n: int) -> None:
    p = np.random.default_rng(n).beta(0.5, 2, n)
    first, chances = wins_distribution(p)
    counts = np.arange(first, first + len(chances))
    assert chances == pytest.approx(poisson_binom.pmf(counts, p), abs=1e-12)
    assert chances.sum() == pytest.approx(1, abs=1e-12)


def test_distribution_of_wins_of_many_alike_is_binomial() -> None:
    found = expected_wins(np.full(20_000, 0.1))
    assert found.value == pytest.approx(2000)
    assert (found.low, found.high) == tuple(binom.ppf([0.025, 0.975], 20_000, 0.1))
    assert surprise(np.full(20_000, 0.1), 2200) == pytest.approx(
        2 * binom.sf(2199, 20_000, 0.1), rel=1e-9
    )


def test_expected_wins_by_hand() -> None:
    # Two leads of 1/2: 0, 1, 2 wins with chances 1/4, 1/2, 1/4.
    found = expected_wins([0.5, 0.5])
    assert (found.value, found.low, found.high) == (1.0, 0, 2)
    assert [surprise([0.5, 0.5], wins) for wins in (0, 1, 2)] == [0.5, 1.0, 0.5]
    assert (expected_wins([]).low, expected_wins([]).high, surprise([], 0)) == (0, 0, 1.0)
    assert expected_wins([1.0, 1.0, 0.0]).low == 2
    assert np.isnan(expected_wins([0.5, np.nan]).high)
    assert surprise([1.0, 1.0, 0.0], 3) == 0.0
    assert surprise(np.full(5000, 1e-6), 3000) == 0.0


@pytest.mark.parametrize("sd", [0.5, 1.5, 3.0])
def test_expected_wins_under_a_common_shift_by_hand_for_one_lead(sd: float) -> None:
    """No win is possible where it has a chance above 2.5 %, averaged over the shift."""
    for p in (0.9, 0.97, 0.99, 0.9999):
        shifts = norm.ppf((np.arange(10_000) + 0.5) / 10_000) * sd
        no_win = float(np.mean(1 / (1 + np.exp(np.log(p / (1 - p)) + shifts))))
        assert abs(no_win - 0.025) > 0.0005, "too near to tell"
        found = expected_wins([p], sd)
        assert (found.low, found.high) == (0 if no_win >= 0.025 else 1, 1)
        mirrored = expected_wins([1 - p], sd)
        assert (mirrored.low, mirrored.high) == (0, 1 if no_win >= 0.025 else 0)
        assert found.value == p


def test_a_shift_of_nothing_is_the_exact_range() -> None:
    p = np.random.default_rng(5).beta(0.5, 2, 700)
    plain, still = expected_wins(p), expected_wins(p, 0.0)
    assert still == plain
    nearly = expected_wins(p, 1e-9)
    assert (nearly.low, nearly.high) == pytest.approx((plain.low, plain.high), abs=1)


@pytest.mark.parametrize(("leads", "sd"), [(60, 0.5), (400, 0.3), (3_000, 0.1), (20_000, 0.4)])
def test_expected_wins_under_a_common_shift_against_draws(leads: int, sd: float) -> None:
    rng = np.random.default_rng(leads)
    z = rng.normal(-1.5, 1.0, leads)
    drawn = [
        np.sum(rng.random(leads) < 1 / (1 + np.exp(-z - shift)))
        for shift in rng.normal(0, sd, 4_000)
    ]
    found = expected_wins(1 / (1 + np.exp(-z)), sd)
    outside = np.mean(np.array(drawn) < found.low), np.mean(np.array(drawn) > found.high)
    # At most 2.5 % on each side, and not much less; give or take three standard errors.
    assert max(outside) <= 0.025 + 0.0075
    assert min(outside) >= (0.0 if leads == 60 else 0.012)


def test_a_common_shift_that_leaves_many_leads_alike() -> None:
    """Of many leads only the shift is left: the range lies at its 2.5 and 97.5 %."""
    found = expected_wins(np.full(200_000, 0.2), 0.3)
    for count, z in ((found.low, -1.96), (found.high, 1.96)):
        share = 1 / (1 + np.exp(-(np.log(0.25) + 0.3 * z)))
        assert count / 200_000 == pytest.approx(share, rel=0.01)


def test_adjusted_p_values_against_scipy() -> None:
    p = np.random.default_rng(3).uniform(size=40) ** 3
    assert adjusted(list(p)) == pytest.approx(false_discovery_control(p), abs=1e-15)
    assert adjusted([]) == []


@pytest.mark.parametrize(
    ("share", "leads"),
    [
        # 10 expected wins bind: 10 / 0.02 and 10 / 0.01.
        (0.02, 500),
        (0.01, 1000),
        (1.0, 35),
        # The interval binds. Largest at one half: z / (1 + z^2/n) * sqrt(1/(4n) + z^2/(4n^2))
        # is 0.05 at n = z^2 (1/0.01 - 1) = 380.3.
        (0.5, 381),
    ],
)
def test_leads_for_a_share(share: float, leads: int) -> None:
    assert leads_for(share) == leads


def test_leads_for_a_share_is_the_smallest_number() -> None:
    for share in (0.05, 0.1, 0.3, 0.5, 0.8):
        found = leads_for(share)

        def enough(n: int, share: float = share) -> bool:
            ends = binomtest(round(share * n), n).proportion_ci(method="wilson")
            return (ends.high - ends.low) / 2 <= 0.0502 and n * share >= 10 - 1e-9

        assert enough(found + 20)
        assert not enough(found - 20)


def test_leads_needed() -> None:
    # Planned share (2 + 10 * 0.02) / (100 + 10) = 0.02: 500 leads, 100 of them there.
    assert leads_needed(2, 100, 0.02) == 400
    assert leads_needed(0, 0, 0.02) == 500
    assert leads_needed(100, 5000, 0.02) == 0
    assert leads_needed(0, 100, 0.0) is None
    assert leads_needed(0, 0, math.nan) is None


# ---------------------------------------------------------------- sales, numbers


def test_queue_is_open_leads_by_score(tmp_path: Path) -> None:
    run = read_scored(make_run(tmp_path))
    queue = sales_queue(run, limit=20)
    assert (len(queue.leads), queue.total, queue.open) == (20, 60, True)
    best = run.rows[run.rows.window == "open"].score.nlargest(20).tolist()
    assert [lead.score for lead in queue.leads] == best
    assert all(lead.won is None for lead in queue.leads)


def test_queue_without_open_leads_is_the_newest(tmp_path: Path) -> None:
    run = read_scored(make_run(tmp_path, opened=0, test=100))
    queue = sales_queue(run, limit=30)
    assert (queue.open, queue.total, len(queue.leads)) == (False, 100, 30)
    assert {lead.lead_id for lead in queue.leads} == {f"L-{1000 + i}" for i in range(70, 100)}
    undated = read_scored(make_run(tmp_path / "undated", opened=0, test=100, dates=False))
    assert {lead.lead_id for lead in sales_queue(undated, limit=30).leads} == {
        lead.lead_id for lead in queue.leads
    }


def test_equal_scores_go_by_probability_then_matrix_then_id(tmp_path: Path) -> None:
    def level(frame, facts):
        for name in [name for name in frame if name.startswith("points/")]:
            frame[name] = 0.0
        frame["score"], frame["rounding_points"], frame["limit_points"] = 38, 0.0, 0.0
        frame["probability"] = [0.1, 0.3, 0.1, 0.1]
        frame["matrix_total"] = [5, 5, 50, 5]

    run = read_scored(make_run(tmp_path, test=0, opened=4, change=level))
    assert [lead.lead_id for lead in sales_queue(run).leads] == [
        "L-1001",
        "L-1002",
        "L-1000",
        "L-1003",
    ]


def test_points_add_up_in_the_numbers_and_the_steps(tmp_path: Path) -> None:
    run = read_scored(make_run(tmp_path, test=200, opened=200))
    for lead in sales_queue(run).leads:
        groups = sum(group.tenths for group in lead.groups)
        assert lead.base + groups + lead.rounding + lead.limit == 10 * lead.score
        steps = waterfall(lead, score_max=run.facts["score_max"])
        assert sum(step.tenths for step in steps[:-1]) == steps[-1].tenths == 10 * lead.score
        assert all(0 <= step.bar.x <= 100 and step.bar.width >= 0 for step in steps)
        assert all(step.bar.x + step.bar.width <= 100.01 for step in steps)


def test_the_steps_hang_together(tmp_path: Path) -> None:
    def one(frame, facts):
        for name in [name for name in frame if name.startswith("points/")]:
            frame[name] = 0.0
        # 38 + 72 = 110, cut to 100; on a scale of 0 to 110.
        frame["points/need"] = 72.0
        frame["rounding_points"], frame["limit_points"], frame["score"] = 0.0, -10.0, 100
        frame["tier"] = "hot"

    run = read_scored(make_run(tmp_path, test=0, opened=1, change=one))
    lead = sales_queue(run).leads[0]
    steps = waterfall(lead, score_max=100)
    assert [(step.part, step.tenths, step.kind) for step in steps] == [
        ("base", 380, "base"),
        ("need_urgency", 720, "up"),
        ("limit", -100, "down"),
        ("score", 1000, "score"),
    ]
    assert [step.bar.x for step in steps] == [0.0, 34.55, 90.91, 0.0]
    assert [step.bar.width for step in steps] == [34.55, 65.45, 9.09, 90.91]
    mirrored = waterfall(lead, score_max=100, mirrored=True)
    assert [step.bar.x for step in mirrored] == [65.45, 0.0, 0.0, 9.09]
    assert Axis(0, 0).bar(0, 1).width == 0.0


def test_only_answers_that_could_add_something_are_asked_for(tmp_path: Path) -> None:
    def three(frame, facts):
        adds = {"visits": 0.04, "need": 0.05, "no_such_field": 2.0}
        frame["ask_next"] = json.dumps(
            [{"field": name, "could_add": value} for name, value in adds.items()]
        )

    run = read_scored(make_run(tmp_path, test=0, opened=1, change=three))
    asked = sales_queue(run).leads[0].ask
    assert [(item.field.column.title, item.could_add) for item in asked] == [
        ("no_such_field", 2.0),
        ("Need", 0.05),
    ]


def test_matrix_points_stand_beside_the_mean(tmp_path: Path) -> None:
    def known(frame, facts):
        for name, (points, is_known) in {
            "industry_fit": (20, True),
            "budget": (10, True),
            "need_urgency": (0, True),
            "authority": (0, False),
            "engagement": (10, True),
        }.items():
            frame.loc[0, f"matrix/{name}"] = points
            frame.loc[0, f"matrix_known/{name}"] = is_known
        frame.loc[0, "lead_id"] = "this"
        facts["matrix_mean"] = {"budget": 12.5, "industry_fit": 4.0, "engagement": None}

    run = read_scored(make_run(tmp_path, test=0, opened=30, change=known))
    lead = next(lead for lead in sales_queue(run).leads if lead.lead_id == "this")
    matrix = {group.name: group.matrix for group in lead.groups}
    assert {name: item.level for name, item in matrix.items() if item} == {
        "industry_fit": "full",
        "budget": "partial",
        "need_urgency": "none",
        "authority": "unknown",
        "engagement": "full",
    }
    assert matrix["timeline"] is None
    assert (matrix["industry_fit"].above_mean, matrix["budget"].above_mean) == (16.0, -2.5)
    assert matrix["engagement"].above_mean is None


@pytest.mark.parametrize(
    ("name", "slot", "leads"),
    [
        ("industry", 0, 212),
        ("industry", 1, None),  # 19 leads are too few
        ("industry", 2, None),
        ("industry", -1, None),  # nobody said
        ("visits", 0, None),
        ("nothing", 0, None),
    ],
)
def test_observed_rate_of_an_answer(tmp_path, name, slot, leads) -> None:
    rate = read_scored(make_run(tmp_path, test=3, opened=0)).observed(name, slot)
    assert (None if rate is None else (rate.leads, rate.won_share)) == (
        None if leads is None else (leads, 66 / 212)
    )


# ---------------------------------------------------------------- marketing, numbers


def by_hand(frame, facts):
    """60 leads of campaign A that win twice as often as expected, 40 of B, 20 of none, 5 open."""
    frame["value/utm_campaign"] = ["A"] * 60 + ["B"] * 40 + [None] * 20 + ["A"] * 3 + ["B"] * 2
    frame["value/utm_source"] = "web"
    frame["probability"] = [0.25] * 60 + [0.5] * 40 + [0.1] * 20 + [0.25] * 5
    won = [1.0] * 30 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20 + [1.0] * 2 + [0.0] * 18
    frame["won"] = won + [math.nan] * 5
    for name in [name for name in frame if name.startswith("points/")]:
        frame[name] = 0.0
    frame["points/budget_eur"] = [2.0] * 60 + [-1.0] * 40 + [0.0] * 20 + [2.0] * 3 + [-1.0] * 2
    frame["rounding_points"] = -frame["points/budget_eur"]
    frame["limit_points"], frame["score"], frame["tier"] = 0.0, 38, "cold"
    frame.loc[:9, ["score", "limit_points", "tier"]] = [80, 42.0, "hot"]
    frame["matrix/budget"] = [0] * 30 + [10] * 30 + [0] * 40 + [20] * 25
    frame["matrix_known/budget"] = [True] * 60 + [False] * 30 + [True] * 35


def test_marketing_numbers_by_hand(tmp_path: Path) -> None:
    run = read_scored(make_run(tmp_path, test=120, opened=5, change=by_hand))
    numbers = marketing_numbers(run)
    assert [item.by for item in numbers.dimensions] == ["source", "campaign"]
    every = numbers.everything
    assert (every.leads, every.open, every.outcome.known, every.outcome.wins) == (125, 5, 120, 52)
    # 60/4 + 40/2 + 20/10
    assert every.outcome.expected.value == pytest.approx(37)
    assert every.tiers == {"hot": 10, "warm": 0, "cold": 115}

    campaigns = numbers.dimensions[1]
    assert [item.name for item in campaigns.segments] == ["A", "B"]
    assert [item.name for item in campaigns.few] == [None]
    a, b = campaigns.segments
    assert (a.leads, a.open, a.outcome.known, a.outcome.wins) == (63, 3, 60, 30)
    assert a.tiers == {"hot": 10, "warm": 0, "cold": 53}
    assert a.mean_score == pytest.approx((10 * 80 + 53 * 38) / 63)
    assert a.outcome.expected.value == pytest.approx(15)
    assert (a.outcome.expected.low, a.outcome.expected.high) == tuple(
        binom.ppf([0.025, 0.975], 60, 0.25)
    )
    p_a = 2 * binom.sf(29, 60, 0.25)
    assert a.outcome.p_value == pytest.approx(p_a)
    assert (a.outcome.verdict, b.outcome.verdict) == ("more", "as_expected")
    assert [item for item in campaigns.segments if item.outcome.verdict != "as_expected"] == [a]
    # A gives 2.0; the others 42 * -1.0 and 20 * 0.0, so -42/62.
    assert [(item.field.column.title, item.points) for item in a.lifts] == [
        ("Budget", pytest.approx(2 + 42 / 62))
    ]
    assert a.sinks == ()
    assert [item.points for item in b.sinks] == [pytest.approx(-1 - 126 / 83)]
    budget = next(item for item in a.failing if item.criterion == "budget")
    assert (budget.failing, budget.unknown, budget.leads) == (30, 0, 63)
    budget = next(item for item in b.failing if item.criterion == "budget")
    # 40 test leads at 0 points, 30 of them only because nothing is known.
    assert (budget.failing, budget.unknown, budget.leads) == (10, 30, 42)
    assert a.needed == leads_needed(30, 60, 52 / 120)
    assert campaigns.few[0].outcome.verdict is None
    # One source only: nothing to compare it with.
    assert numbers.dimensions[0].segments[0].lifts == ()


def test_many_comparisons_are_judged_together(tmp_path: Path) -> None:
    def many(frame, facts):
        # 20 campaigns of 40 leads at 0.5: 19 win 20 times, one 27 times: p = 0.038 alone.
        frame["value/utm_campaign"] = [f"c{i // 40:02d}" for i in range(800)]
        frame["probability"] = 0.5
        wins = [27] + [20] * 19
        frame["won"] = [float(i % 40 < wins[i // 40]) for i in range(800)]

    assert 2 * binom.sf(26, 40, 0.5) < 0.05
    numbers = marketing_numbers(read_scored(make_run(tmp_path, test=800, opened=0, change=many)))
    assert numbers.dimensions[1].segments[0].outcome.p_value < 0.05
    assert {item.outcome.verdict for item in numbers.dimensions[1].segments} == {"as_expected"}


def test_a_segment_is_judged_from_thirty_known_outcomes(tmp_path: Path) -> None:
    def two(frame, facts):
        frame["value/utm_campaign"] = (
            ["enough"] * FEW_OUTCOMES + ["few"] * (FEW_OUTCOMES - 1) + ["few"] * 9
        )

    run = read_scored(make_run(tmp_path, test=2 * FEW_OUTCOMES - 1, opened=9, change=two))
    campaigns = marketing_numbers(run).dimensions[1]
    assert [item.name for item in campaigns.segments] == ["enough"]
    assert [(item.name, item.leads, item.open) for item in campaigns.few] == [("few", 38, 9)]


def test_order_of_rows_changes_no_number(tmp_path: Path) -> None:
    straight = marketing_numbers(read_scored(make_run(tmp_path / "a")))
    run = read_scored(make_run(tmp_path / "a"))
    shuffled = marketing_numbers(replace(run, rows=run.rows.sample(frac=1, random_state=5)))
    for left, right in zip(straight.dimensions, shuffled.dimensions, strict=True):
        for one, other in zip(left.segments, right.segments, strict=True):
            assert (one.name, one.tiers, one.outcome.wins, one.failing) == (
                other.name,
                other.tiers,
                other.outcome.wins,
                other.failing,
            )
            assert one.outcome.p_value == pytest.approx(other.outcome.p_value, abs=1e-9)


# ---------------------------------------------------------------- the pages


def test_points_add_up_in_the_page_for_every_lead(tmp_path: Path) -> None:
    sales, _ = pages(tmp_path, test=0, opened=150)
    leads = Tree(sales).root.all("details", "lead")
    assert len(leads) == 150
    seen = set()
    for lead in leads:
        shown = int(lead.all("span", "score")[0].all("b")[0].text)
        total = group_left = 0
        for row in lead.all("table", "sum")[0].all("tbody")[0].all("tr"):
            kind = row.attributes["class"]
            points = in_tenths(row.all("td", "points")[0].text)
            seen.add(kind)
            if kind == "field":
                group_left -= points
                continue
            assert group_left == 0, "the fields of a group must add up to it"
            if kind == "score-row":
                assert points == total == 10 * shown
            else:
                total += points
                group_left = points if kind == "group" else 0
        picture = [in_tenths(item.text) for item in lead.all("div", "fall")[0].all("span", "num")]
        assert sum(picture[:-1]) == picture[-1] == 10 * shown
    assert seen == {"base", "group", "field", "rounding", "limit", "score-row"}


def test_sales_page_shows_what_a_salesperson_needs(tmp_path: Path) -> None:
    def one(frame, facts):
        frame["tier"] = "warm"
        frame["action"] = "first_call_then_rescore"
        frame["probability"], frame["completeness"] = 0.31, 0.71
        frame["lead_id"] = "L-1042"
        frame["value/email"], frame["value/phone"] = "invalid", None
        frame["value/budget_eur"], frame["value/has_budget"] = 50_000.0, 1.0
        frame["points/industry"] += 60.0
        frame["rounding_points"] -= 60.0
        frame["slot/industry"] = 0

    sales, _ = pages(tmp_path, test=0, opened=2, change=one)
    lead = Tree(sales).root.all("details", "lead")[1]
    text = re.sub(r"\s+", " ", lead.text)
    for part in (
        "L-1042",
        "chance of a win 31%",
        "71% of the answers known",
        "Warm",
        "Make a first sales call, then score again",
        "Budget (up to +9.0) · Visits (up to +3.5)",
        "of 212 leads like this, 31% bought",
        "Budget: 50,000 EUR",
        "Budget approved: yes",
        "E-mail: not valid",
        "Telephone: not known",
        "of 110",
    ):
        assert part in text


def test_pages_ask_nothing_of_anyone(tmp_path: Path) -> None:
    for page in pages(tmp_path):
        assert not re.search(r"https?:|//|\bsrc=|url\(|@import|<script|<link|<img|<iframe", page)
        assert re.findall(r" on\w+=|javascript:", page) == []
        targets = set(re.findall(r'href="([^"]*)"', page))
        assert targets <= {"sales.html", "marketing.html", "#hot", "#warm", "#cold"}
        assert (
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
            in page.split("<title>")[0]
        )


HOSTILE = "\"><script>alert('x')</script><b>&amp;"


def test_hostile_names_and_values_are_text(tmp_path: Path) -> None:
    def hostile(frame, facts):
        frame["lead_id"] = [f"{HOSTILE}{i}" for i in range(len(frame))]
        frame["value/industry"] = HOSTILE
        frame["points/industry"] += 7.0
        frame["rounding_points"] -= 7.0
        frame["value/utm_source"] = HOSTILE
        frame["value/utm_campaign"] = [
            "</td></table>" if i % 2 else "کمپین «نوروز»" for i in frame.index
        ]
        frame["action"] = HOSTILE
        for name, column in facts["schema"]["columns"].items():
            column |= {"label": HOSTILE + name, "unit": HOSTILE}
        facts["dataset"] = HOSTILE
        facts["warnings"] = [HOSTILE]
        facts["model"] = dict.fromkeys(facts["model"], HOSTILE)
        frame["ask_next"] = json.dumps([{"field": HOSTILE, "could_add": 1.0}])

    for page in pages(tmp_path, change=hostile):
        assert "<script" not in page
        tree = Tree(page).root
        assert HOSTILE in tree.text
        assert tree.all("script") == []
    sales, marketing = (Tree(page).root for page in pages(tmp_path, change=hostile))
    assert f"{HOSTILE}industry: {HOSTILE}" in sales.text
    assert "کمپین «نوروز»" in marketing.text
    assert "</td></table>" in marketing.text


def test_marketing_page_shows_the_numbers_by_hand(tmp_path: Path) -> None:
    _, marketing = pages(tmp_path, test=120, opened=5, change=by_hand)
    root = Tree(marketing).root
    tiers = table_of(root, "Leads by tier", 2)
    assert tiers["A"][:5] == ["63", "3", "10 (16%)", "0 (0%)", "53 (84%)"]
    assert tiers["All leads"][:2] == ["125", "5"]
    wins = table_of(root, "Expected and actual wins", 2)
    assert wins["A"][:3] == ["60", "30", "15.0 (9–22)"]
    assert wins["A"][4:6] == ["50% (38%–62%)", "▲ More than expected"]
    assert wins["B"][5] == "Within chance"
    text = re.sub(r"\s+", " ", root.text)
    assert "All leads together brought more wins than expected" in text
    assert "Too few to judge: 1 segment" in text
    assert "+2.7" in text


def recorded(monkeypatch) -> set[str]:
    """Return the set into which the keys of all texts asked for are put from now on."""
    from scoring_ml.texts import Catalogue

    keys: set[str] = set()
    plain = Catalogue.text

    def text(self, key, /, **params):
        keys.add(key)
        return plain(self, key, **params)

    monkeypatch.setattr(Catalogue, "text", text)
    return keys


def zero_wins(frame, facts):
    frame["won"] = frame["won"] * 0.0


def too_many_wins(frame, facts):
    frame.loc[frame["window"] == "test", "won"] = 1.0


def nothing_known(frame, facts):
    frame["won"] = math.nan


def unordered(frame, facts):
    facts["order"] = {"by": "none"}
    facts["final_labels"] = False
    facts["verdict"], facts["warnings"] = [], []
    frame["value/utm_campaign"] = None


def no_verdict(frame, facts):
    facts["verdict"] = []


def no_answers(frame, facts):
    frame["ask_next"] = None
    for name in [name for name in frame if name.startswith("value/")]:
        frame[name] = None


def many_campaigns(frame, facts):
    frame["value/utm_campaign"] = [f"c{i}" for i in range(len(frame))]


def one_won_lead(frame, facts):
    frame["won"] = 1.0
    frame["value/utm_source"] = ""


def level_fields(frame, facts):
    """What a scorecard on the criteria keeps: levels instead of fields."""
    item = next(item for item in facts["fields"] if item["name"] == "role")
    item["name"] = "matrix:authority"
    frame["points/matrix:authority"] = frame.pop("points/role")
    frame["value/matrix:authority"] = "partial"
    frame.pop("value/role")
    facts["columns"].remove("role")
    frame.loc[0, "value/matrix:authority"] = None
    for column in facts["schema"]["columns"].values():
        column["askable"] = False
    facts["model"]["policy"] = None
    for name in ("matrix/timeline", "matrix_known/timeline"):
        frame.pop(name)
    facts["matrix_max"] = {name: most for name, most in MOST.items() if name != "timeline"}


def all_known(frame, facts):
    frame["completeness"] = 1.0
    for name in [name for name in frame if name.startswith("value/")]:
        frame[name] = pd.Timestamp("2026-03-04T23:59:59.999999")
    for column in facts["schema"]["columns"].values():
        column |= {"type": "date", "unit": None}


CASES = {
    "levels": {"test": 3, "opened": 3, "change": level_fields},
    "all known": {"test": 0, "opened": 2, "change": all_known},
    "plain": {},
    "short": {"limit": 7},
    "no open leads": {"test": 90, "opened": 0, "limit": 30},
    "no segments": {"segments": False, "limit": 20},
    "matrix without probability": {"probability": False},
    "no matrix": {"matrix": False, "limit": 20},
    "one test lead": {"test": 1, "opened": 0, "change": one_won_lead},
    "one open lead": {"test": 0, "opened": 1},
    "no leads": {"test": 0, "opened": 0},
    "no wins": {"change": zero_wins, "limit": 20},
    "too many wins": {"test": 90, "opened": 0, "limit": 20, "change": too_many_wins},
    "nothing known": {"change": nothing_known, "limit": 20},
    "no order": {"change": unordered, "dates": False},
    "no answers": {"change": no_answers},
    "many campaigns": {"test": 130, "opened": 0, "limit": 5, "change": many_campaigns},
    "all there is": {
        "probability": False,
        "segments": False,
        "matrix": False,
        "dates": False,
        "test": 40,
        "opened": 0,
    },
}


SAID = {
    "levels": ("Authority: Has a say in the decision. (boosted), policy n/a", ""),
    "all known": ("Industry: Mar 4, 2026. Every answer a salesperson could ask for is known", ""),
    "short": ("53 more open leads with lower scores are not shown", ""),
    "no open leads": (
        "These are the 30 newest leads whose outcome is known, best score first. "
        "60 older leads are not shown.",
        "",
    ),
    "no segments": (
        "",
        "The schema has no column for the source of a lead, so sources are not compared. "
        "The schema has no column for the campaign of a lead",
    ),
    "matrix without probability": (
        "This model gives no chance of a win",
        "there are no expected wins to compare with",
    ),
    "no matrix": ("The matrix has no answer for any lead", "The matrix has no answer for any lead"),
    "no leads": ("There are no scored leads", "There are no scored leads"),
    "no wins": ("", "No lead with a known outcome was won. fewer wins than expected"),
    "too many wins": ("", "more wins than expected"),
    "nothing known": ("", "No outcome is known yet"),
    "no order": ("The data have no order in time", "The data have no order in time"),
    "many campaigns": (
        "",
        "No segment has 30 known outcomes yet. 30 more segments, with fewer leads, are not listed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_awkward_cases_make_whole_pages(tmp_path: Path, case: str) -> None:
    assert set(SAID) <= set(CASES)
    said = SAID.get(case, ("", ""))
    for page, words in zip(pages(tmp_path, **CASES[case]), said, strict=True):
        tree = Tree(page).root
        text = re.sub(r"\s+", " ", tree.text)
        for sentence in words.split(". "):
            assert sentence.rstrip(".") in text
        assert tree.all("html")[0].attributes == {"lang": "en", "dir": "ltr"}
        assert len(tree.all("h1")) == 1
        assert len(tree.all("main")) == 1
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b|Undefined", tree.text)
        ids = [node for tag in ("h2", "section") for node in tree.all(tag)]
        names = [node.attributes["id"] for node in ids if "id" in node.attributes]
        assert len(names) == len(set(names))
        for table in tree.all("table"):
            widths = {len(row.all("th") + row.all("td")) for row in table.all("tr")}
            assert len(widths) == 1, "every row of a table must have its cells"


def test_every_text_of_the_pages_is_used_and_exists(tmp_path: Path, monkeypatch) -> None:
    from scoring_ml.texts import Catalogue

    keys = recorded(monkeypatch)
    for name, options in CASES.items():
        pages(tmp_path / name, **options)
    pages(tmp_path / "by hand", test=120, opened=5, change=by_hand)
    there = {key for key in Catalogue.load("en").keys if key.startswith("reports.")}
    assert sorted(there - keys) == []


def test_templates_hold_no_words() -> None:
    folder = Path(__file__).parents[1] / "src" / "scoring_ml" / "reports" / "templates"
    templates = sorted(folder.glob("*.j2"))
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
        assert re.findall(r'(?:aria-label|title|alt|placeholder)="[^"]*\w', text) == []
        text = re.sub(r"&\w+;|<[^>]*>", "", text)
        assert re.findall(r"\w+", text) == [], path.name


# ---------------------------------------------------------------- writing and refusing


def test_pages_replace_older_ones_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "sales.html").write_text("old")
    written = write_explanations(make_run(tmp_path / "run"), out)
    assert sorted(path.name for path in out.iterdir()) == ["marketing.html", "sales.html"]
    assert written == [out / "sales.html", out / "marketing.html"]
    first = [path.read_bytes() for path in written]
    write_explanations(tmp_path / "run", out)
    assert [path.read_bytes() for path in written] == first


def test_a_folder_without_scored_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must hold scored.parquet and scored.json"):
        write_explanations(tmp_path, tmp_path / "out")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    rows = pd.read_parquet(run / ROWS_FILE).drop(columns=["value/need", "slot/need"])
    rows.to_parquet(run / ROWS_FILE)
    with pytest.raises(InputError, match=r"2 missing, the first value/need"):
        read_scored(run)


def test_points_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    def off(frame, facts):
        frame.loc[[2, 5], "points/need"] += 0.1

    with pytest.raises(IntegrityError, match=r"2 of 460 leads .* the first L-1002, L-1005"):
        read_scored(make_run(tmp_path, change=off))


def test_a_limit_below_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="limit of leads must be 1 or more"):
        write_explanations(make_run(tmp_path), tmp_path / "out", limit=0)


def test_a_language_without_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="language must be one of en"):
        write_explanations(make_run(tmp_path), tmp_path / "out", lang="xx")
    assert not (tmp_path / "out").exists()


def test_a_page_from_right_to_left(tmp_path: Path, monkeypatch) -> None:
    from scoring_ml.reports.explanations import marketing_page, sales_page
    from scoring_ml.texts import Catalogue

    texts = tmp_path / "texts"
    for name in ("terms", "reasons", "reports"):
        source = Path(__file__).parents[1] / "src/scoring_ml/texts/en" / f"{name}.yaml"
        (texts / "en").mkdir(parents=True, exist_ok=True)
        (texts / "en" / f"{name}.yaml").write_text(source.read_text(encoding="utf-8"))
    (texts / "fa").mkdir()
    (texts / "fa" / "terms.yaml").write_text('tiers: {hot: "داغ"}', encoding="utf-8")
    catalogue = Catalogue.load("fa", folder=texts)
    run = read_scored(make_run(tmp_path / "run", change=no_verdict))
    for page in (
        sales_page(run, sales_queue(run, limit=5), catalogue),
        marketing_page(run, marketing_numbers(run), catalogue),
    ):
        tree = Tree(page).root
        assert tree.all("html")[0].attributes == {"lang": "fa", "dir": "rtl"}
        assert "داغ" in tree.text
        # Bars are measured in plain digits whatever the language.
        places = re.findall(r'(?:x|width)="([^"]*)%"', page)
        assert all(re.fullmatch(r"[0-9.]+", place) for place in places)
