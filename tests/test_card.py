"""The model card: every fact that a reader must know, no value of a lead."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Order
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.evaluation.trained import Trained
from scoring_ml.statistics.interval import Interval
from scoring_ml.tracking import DatasetFacts, candidates_table
from scoring_ml.tracking.card import card_facts
from scoring_ml.tracking.card_text import card_text, figure
from tests.small_world import World

DATASET = DatasetFacts("small world", "ab" * 32, 1_503)
LEAK = Finding("urgency", Suspicion("refuse", "single_field_auc", 0.93, "alone it tells AUC 0.93"))
ASKED = Finding("hand score", Suspicion("ask", "presence_auc", 0.7, "that it is filled tells"))
WHOLE = Finding("", Suspicion("note", "duplicate_rows", 4.0, "4 rows are the same"))


def changed(trained: Trained, name: str, **changes: Any) -> Trained:
    schema = trained.schema.with_columns(
        replace(item, **changes) if item.name == name else item for item in trained.schema.columns
    )
    return replace(trained, schema=schema)


def model_card(trained: Trained, **given: Any) -> str:
    return card_text(card_facts(trained, **given))


@pytest.fixture(scope="module")
def card(world: World) -> str:
    return model_card(
        world.trained,
        dataset=DATASET,
        findings=[ASKED, WHOLE],
        version="7",
        created_at="2026-11-22T09:30:00Z",
    )


def section(card: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n\n(.*?)(?=^## |\Z)", card, re.S | re.M)
    assert found, title
    return found.group(1)


def test_it_says_which_model_and_which_data(card: str, world: World) -> None:
    assert card.startswith(f"# lead-scorer 7 ({world.trained.chosen})\n")
    about = section(card, "What it is")
    assert "ab" * 32 in about
    assert "| rows of the file | 1,503 |" in about
    assert "2026-11-22T09:30:00Z" in about
    assert world.trained.verdict.text in section(card, "Verdict")


def test_windows_carry_dates_counts_and_base_rates(card: str, world: World) -> None:
    text = section(card, "Windows")
    trained = world.trained
    for name, rate in trained.base_rate.items():
        assert f"| {name} | {len(trained.windows[name]):,} |" in text
        assert f"{rate:.1%}" in text
    assert "In order of date `created`; 1 days left out between windows." in text
    assert "2025-01-01 08:00:01" in text
    assert f"never trained on: {len(trained.windows.open)}." in text


def test_unused_rows_are_counted_by_reason_without_their_ids(world: World) -> None:
    unused = (RowFate("no id in Lead No", 12, ("L-1", "L-2", "L-3")),)
    trained = replace(world.trained, snapshot=replace(world.snapshot, unused=unused))
    text = model_card(trained, dataset=DATASET)
    assert "| 12 | no id in Lead No |" in section(text, "Windows")
    assert "L-1" not in text


def test_every_candidate_stands_with_intervals(card: str, world: World) -> None:
    text = section(card, "Candidates")
    head = next(line for line in text.split("\n") if line.startswith("|"))
    for row in candidates_table(world.trained):
        assert row["kind"] in head
        assert figure(row["metrics"]["roc_auc"]) in text
        assert figure(row["metrics"]["calibration_slope"]) in text
    assert f"**{world.trained.chosen}**" in head
    assert "odoo: a peer, compared but never chosen" in text


def test_blocks_stand_with_what_was_chosen_promised_and_kept(world: World) -> None:
    first, second, *others = world.trained.blocks
    broken = replace(second, wins=140, promised=Interval(60.0, 41.0, 79.0))
    trained = replace(world.trained, blocks=(first, broken, *others))
    lines = [
        line
        for line in section(model_card(trained, dataset=DATASET), "Block by block").split("\n")
        if line.startswith("| ")
    ][1:]
    assert [line.split(" | ")[0] for line in lines] == ["| 1", "| 2", "| 3", "| 4", "| newest"]
    best = figure({"value": first.best})
    assert lines[0] == f"| 1 | {first.leads} | {first.wins} | n/a | - | n/a | {best} | n/a |"
    assert f"| {broken.leads} | 140 | 60.0 (41.0 to 79.0) broken | scorecard |" in lines[1]
    assert "broken" not in "".join(lines[2:])
    for line, block in zip(lines[2:], others, strict=True):
        aucs = (block.aucs[block.chosen], block.best, block.regret)
        shown = " | ".join(figure({"value": auc}) for auc in aucs)
        assert line.endswith(f"| {block.chosen} | {shown} |")


def test_it_says_which_fit_the_figures_are_of_and_what_the_shipped_one_saw(
    card: str, world: World
) -> None:
    text, trained = section(card, "Candidates"), world.trained
    assert "**Figures are of the evaluation**" in text
    assert f"learned from leads until {trained.evaluated.parts.card['trained_until']}" in text
    assert f"until {trained.trained_until}." in text
    assert trained.trained_until > trained.evaluated.parts.card["trained_until"]
    decided = int(np.sum(~np.isnan(world.snapshot.label)))
    assert f"fitted again on all {decided:,} leads of known outcome" in text
    once = replace(trained, windows=replace(trained.windows, rolling=False))
    assert "fitted again" not in section(model_card(once, dataset=DATASET), "Candidates")


def test_every_rung_says_why_it_was_not_allowed(world: World) -> None:
    rungs = tuple(
        replace(rung, allowed=False, reason="needs 150 wins in training, found 31")
        if rung.kind == "odoo"
        else rung
        for rung in world.trained.rungs
    )
    text = section(
        model_card(replace(world.trained, rungs=rungs), dataset=DATASET),
        "Which candidates the data allow",
    )
    assert "| odoo | no | needs 150 wins in training, found 31 |" in text
    assert "| matrix | yes |  |" in text


def test_policy_with_probabilities_and_volumes(card: str, world: World) -> None:
    policy = world.trained.policy
    assert policy is not None
    text = section(card, "Policy")
    assert f"warm from a probability of {policy.p_warm:.1%}, hot from {policy.p_hot:.1%}" in text
    for tier in ("hot", "warm"):
        assert f"| {tier} | {policy.wanted[tier]:,} | {policy.resulting[tier]:,} |" in text
    assert "proposed, not yet in force" in text
    assert "version 3" in section(
        model_card(replace(world.trained, policy=world.policy), dataset=DATASET), "Policy"
    )


def test_a_matrix_has_no_policy(world: World) -> None:
    trained = replace(world.trained, chosen="matrix", policy=None)
    text = section(model_card(trained, dataset=DATASET), "Policy")
    assert text == "None: the score is the hand-built matrix's plain total, 0 to 110.\n\n"


def test_fields_say_when_they_are_known(card: str) -> None:
    assert "| Budget | number | budget | at creation |" in section(card, "Fields used")
    left = section(card, "Fields left out")
    assert "| hand score | number | after the outcome | ask: that it is filled tells |" in left
    assert "4 rows are the same" in section(card, "The file as a whole")


def test_a_refused_field_that_a_person_allowed_stands_near_the_top(world: World) -> None:
    trained = changed(world.trained, "urgency", allow="asked on the form, see ticket 12")
    text = model_card(trained, dataset=DATASET, findings=[LEAK])
    told = section(text, "Refused by the audit, allowed by a person")
    assert "- **urgency** - allowed because: asked on the form, see ticket 12" in told
    assert "alone it tells AUC 0.93" in told
    assert "every figure on this card is too good" in told
    assert text.index("allowed by a person") < text.index("## Candidates")


def test_nothing_allowed_nothing_told(card: str) -> None:
    assert "allowed by a person" not in card


def test_no_value_of_a_lead_is_on_the_card(card: str) -> None:
    for personal in ("@example.com", "@localhost", "+44", "L-1", "said something"):
        assert personal not in card


def test_any_name_keeps_the_table_whole(world: World) -> None:
    trained = changed(world.trained, "budget", label="a|b\n<script>")
    text = section(model_card(trained, dataset=DATASET), "Fields used")
    assert "| a\\|b &lt;script> | number |" in text
    assert "<script" not in text


def test_facts_are_json_ready_and_make_the_same_text(card: str, world: World) -> None:
    import json

    facts = card_facts(
        world.trained,
        dataset=DATASET,
        findings=[ASKED, WHOLE],
        version="7",
        created_at="2026-11-22T09:30:00Z",
    )
    again = json.loads(json.dumps(facts, allow_nan=False))
    assert again == facts
    assert card_text(again) == card
    assert again["candidates"] == candidates_table(world.trained)


@pytest.mark.parametrize(
    ("order", "end", "shown"),
    [
        (Order("number", "no"), 641_584.0, "641584"),
        (Order("number", "no", ascending=False), -641_584.0, "641584"),
        (Order("row"), 0.0, "row 1"),
        (Order("row", ascending=False), -9.0, "row 10"),
        (Order("time", "t"), np.datetime64("2026-01-02T03:04:05", "us"), "2026-01-02 03:04:05"),
    ],
)
def test_ends_of_windows_are_shown_as_people_know_them(
    world: World, order: Order, end: Any, shown: str
) -> None:
    trained = replace(
        world.trained,
        schema=replace(world.schema, order=order),
        windows=replace(world.trained.windows, boundaries={"train": (end, end)}),
    )
    facts = card_facts(trained, dataset=DATASET)
    assert facts["windows"]["train"]["first"] == shown
    assert facts["windows"]["test"]["first"] is None


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"value": 0.5, "low": 0.25, "high": 0.75}, "0.500 (0.250 to 0.750)"),
        ({"value": -0.0, "low": None, "high": None}, "0.000"),
        ({"value": 31.25, "low": 30.0, "high": 32.0}, "31.2 (30.0 to 32.0)"),
        ({"value": None, "low": None, "high": None}, "n/a"),
    ],
)
def test_figures(metric: dict[str, float | None], text: str) -> None:
    assert figure(metric) == text
