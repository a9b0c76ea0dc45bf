"""Plots: the drawn curves are the reported metrics, and any text or window can be drawn."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoring_ml.data.schema import Column
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.ranking import roc_auc
from scoring_ml.tracking.curves import RELIABILITY_BINS, curves, reliability
from scoring_ml.tracking.influence import column_title, field_title
from scoring_ml.tracking.overlay import draw_training
from scoring_ml.tracking.plots import draw_candidate
from scoring_ml.tracking.points_table import points_table, table_csv, table_html
from scoring_ml.tracking.runs import candidate_scorer
from scoring_ml.tracking.style import short
from tests.single_metrics import ece, pr_auc
from tests.small_world import World

PNG = b"\x89PNG\r\n\x1a\n"
NOT_KNOWN = Interval(float("nan"), float("nan"), float("nan"))


def scores(n: int, *, ties: bool, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    if ties:
        score = np.round(score)
    won = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float)
    return score, won


def png(folder: Path) -> list[str]:
    files = sorted(folder.rglob("*.png"))
    for file in files:
        assert file.read_bytes().startswith(PNG), file.name
        assert file.stat().st_size > 5_000, file.name
    return [file.name for file in files]


def retitled(trained: Trained, titles: dict[str, str]) -> Trained:
    def column(item: Column) -> Column:
        return replace(item, label=titles.get(item.name, item.label))

    schema = trained.schema.with_columns(column(item) for item in trained.schema.columns)
    return replace(trained, schema=schema)


@pytest.mark.parametrize("ties", [False, True])
def test_area_under_the_drawn_roc_curve_is_the_auc(ties: bool) -> None:
    score, won = scores(700, ties=ties)
    found = curves(score, won)
    assert found is not None
    area = np.trapezoid(found.captured, found.false_alarms)
    assert area == pytest.approx(roc_auc(score, won), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_area_under_the_drawn_precision_steps_is_the_pr_auc(ties: bool) -> None:
    score, won = scores(700, ties=ties)
    found = curves(score, won)
    assert found is not None
    area = np.sum(np.diff(found.captured) * found.precision[1:])
    assert area == pytest.approx(pr_auc(score, won), abs=1e-12)


def test_curves_of_four_leads() -> None:
    found = curves(np.array([4.0, 3.0, 3.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    assert found is not None
    assert found.handed_over.tolist() == [0.0, 0.25, 0.75, 1.0]
    assert found.captured.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert found.false_alarms.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert found.precision.tolist() == [1.0, 1.0, 2 / 3, 0.5]
    assert found.lift.tolist() == [2.0, 2.0, 4 / 3, 1.0]


@pytest.mark.parametrize("won", [[1.0, 1.0], [0.0, 0.0], []])
def test_no_curve_without_both_outcomes(won: list[float]) -> None:
    assert curves(np.arange(float(len(won))), np.array(won)) is None


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    score, won = scores(9_000, ties=False)
    found = curves(score, won)
    assert found is not None
    assert len(found.captured) <= 1_500
    assert (found.captured[0], found.captured[-1], found.handed_over[-1]) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("ties", [False, True])
def test_distance_of_the_reliability_bins_is_the_ece(ties: bool) -> None:
    score, won = scores(700, ties=ties)
    probability = 1 / (1 + np.exp(-1.7 * score))
    bins = reliability(probability, won)
    assert len(bins) <= RELIABILITY_BINS
    assert sum(item.found.leads for item in bins) == 700
    distance = sum(item.found.leads * abs(item.promised - item.found.share) for item in bins) / 700
    assert distance == pytest.approx(ece(probability, won), abs=1e-12)
    assert [item.promised for item in bins] == sorted(item.promised for item in bins)


def test_no_leads_no_bins() -> None:
    assert reliability(np.array([]), np.array([])) == ()


@pytest.mark.parametrize("kind", ["scorecard", "criteria_scorecard"])
def test_points_table_adds_up_to_the_scorecard(world: World, kind: str) -> None:
    trained, candidate = world.trained, world.trained[kind]
    rows = trained.windows.learned_leads
    table = points_table(trained, candidate)
    blocks: dict[tuple[str, str], int] = {}
    for row in table[1:]:
        blocks[row.field, row.group] = blocks.get((row.field, row.group), 0) + row.leads
    # Exactly one answer of each block applies to each lead that it learned from.
    assert set(blocks.values()) == {len(rows)}
    total = sum(row.leads * row.logodds for row in table)
    assert total == pytest.approx(float(candidate.estimator.logodds(trained.X[rows]).sum()))
    assert trained.policy is not None
    scorer = candidate_scorer(trained, candidate)
    assert scorer is not None
    points = sum(row.leads * row.points for row in table)
    assert points == pytest.approx(float(scorer.rows.scores(trained.X[rows]).unrounded.sum()))


def test_points_table_names_bins_and_levels(world: World) -> None:
    table = points_table(world.trained, world.trained["scorecard"])
    answers: dict[str, list[str]] = {}
    for row in table:
        answers.setdefault(row.field, []).append(row.answer)
    assert answers["industry"][-2:] == ["other", "missing"]
    assert "Software" in answers["industry"]
    assert answers["demo"] == ["no", "yes", "missing"]
    assert answers["email"] == ["invalid", "valid", "missing"]
    assert answers["Budget"][0].startswith("(-inf, ")
    assert answers["Budget"][0].endswith(") EUR")
    assert answers["industry (as industry_fit)"] == ["none", "unknown", "partial", "full"]
    read = list(csv.reader(io.StringIO(table_csv(table))))
    assert len(read) == len(table) + 1
    assert read[0] == ["field", "group", "answer", "logodds", "points", "leads", "won"]


def test_points_table_is_safe_html(world: World) -> None:
    trained = retitled(world.trained, {"industry": "<script>alert(1)</script>"})
    page = table_html(points_table(trained, trained["scorecard"]), "The <b>card</b>")
    assert "<script" not in page
    assert "The &lt;b&gt;card&lt;/b&gt;" in page


@pytest.mark.parametrize("kind", ["matrix", "odoo", "boosted"])
def test_only_what_is_made_of_tables_has_a_points_table(world: World, kind: str) -> None:
    assert points_table(world.trained, world.trained[kind]) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Budget", "Budget"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("x" * 40, "x" * 33 + "…"),
        ("", ""),
    ],
)
def test_texts_are_put_on_one_short_line(text: str, shown: str) -> None:
    assert short(text) == shown


def test_titles_of_fields_and_columns(world: World) -> None:
    trained = world.trained
    assert field_title("budget", trained.schema) == "Budget"
    assert field_title("matrix:engagement", trained.schema) == "Engagement"
    titles = [column_title(column, trained) for column in trained.encoder.columns]
    assert "industry = Software" in titles
    assert "industry: missing" in titles
    assert "Budget" in titles


def test_everything_about_the_chosen_candidate_is_drawn(world: World, tmp_path: Path) -> None:
    trained = world.trained
    draw_candidate(
        trained, trained["boosted"], candidate_scorer(trained, trained["boosted"]), tmp_path
    )
    assert png(tmp_path) == [
        "fields.png",
        "gains.png",
        "ranking.png",
        "reliability.png",
        "shap_summary.png",
        "tiers.png",
    ]


def test_any_title_can_be_drawn(world: World, tmp_path: Path) -> None:
    odd = ["$x^{2}$ in_$1000_$", "بودجه سالانه", "預算", r"\frac{a", "a\nb\x00c", "{0}%s"]
    names = [column.name for column in world.schema.used]
    trained = retitled(world.trained, dict(zip(names, odd, strict=False)))
    candidate = trained["boosted"]
    draw_candidate(trained, candidate, candidate_scorer(trained, candidate), tmp_path)
    assert len(png(tmp_path)) == 6


def test_a_candidate_that_cannot_score_is_drawn_without_tiers(world: World, tmp_path: Path) -> None:
    trained = world.trained
    calibration = replace(trained["scorecard"].calibration, problem="too_few")
    candidate = replace(trained["scorecard"], calibration=calibration)
    assert candidate_scorer(trained, candidate) is None
    draw_candidate(trained, candidate, None, tmp_path)
    assert "tiers.png" not in png(tmp_path)
    assert (tmp_path / "points_table.html").exists()


def test_a_window_of_one_class_is_drawn(world: World, tmp_path: Path) -> None:
    trained = world.trained
    test = trained.windows.test
    wins = test[trained.snapshot.label[test] == 1.0]

    def blind(candidate: Candidate) -> Candidate:
        return replace(candidate, metrics=dict.fromkeys(candidate.metrics, NOT_KNOWN))

    trained = replace(
        trained,
        windows=replace(trained.windows, test=wins),
        candidates=tuple(blind(candidate) for candidate in trained.candidates),
    )
    draw_training(trained, tmp_path)
    scorer: Scorer | None = candidate_scorer(trained, trained["matrix"])
    draw_candidate(trained, trained["matrix"], scorer, tmp_path)
    assert png(tmp_path) == [
        "comparison.png",
        "fields.png",
        "gains.png",
        "intervals.png",
        "ranking.png",
        "reliability.png",
        "tiers.png",
    ]
