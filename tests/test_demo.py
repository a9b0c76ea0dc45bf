from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Activities, Deals, FieldHistory, Leads, Stages
from scoring_ml.data.crm.mapping.crm_mapping import AGES_DAYS, CrmMapping
from scoring_ml.data.values.contacts import valid_email, valid_phone
from scoring_ml.data.values.moments import DAY, NEVER
from scoring_ml.data.yaml_file import for_editors
from scoring_ml.demo.activities import silence_evidence
from scoring_ml.demo.answers import LEARNED, LEFT_EMPTY, SKIPPED_PAGE_TWO, RecordedAnswer
from scoring_ml.demo.calendar import EXTRACTED_AT, STARTED_AT, busy_at, busy_days, fading_busy_days
from scoring_ml.demo.deals import COST_A_LEAD
from scoring_ml.demo.effects import (
    ACTIVITY_RATES,
    ATTRIBUTE_LEVELS,
    BUYER_RATIO,
    FADES_DAYS,
    FUNNEL_STEPS,
    HORIZON_DAYS,
    HURRY,
    INTERCEPT,
    RESPONSE_FIELD,
    RUSH,
    RUSH_DAYS,
    STATES,
    STAY_DAYS,
    TRUE_EFFECTS,
    Effect,
    Requirement,
    true_logodds,
)
from scoring_ml.demo.export import typed_export
from scoring_ml.demo.files import seed_of, write_demo
from scoring_ml.demo.funnel import draw_paths, evidence_of, hurry_evidence, won_in_time
from scoring_ml.demo.people import NO_CODE, code
from scoring_ml.demo.world import World, make_world
from scoring_ml.errors import InputError
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from tests.demo_truth import NO_EFFECT, known_attributes, true_effects

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "models" / "examples" / "demo"
LEADS, SEED = 6_000, 11
EXTRACTED = int(EXTRACTED_AT.astype(np.int64))


def world_of(leads: int, seed: int) -> World:
    return make_world(leads, seed_of("world", leads=leads, seed=seed))


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(LEADS, SEED)


@pytest.fixture(scope="module")
def many() -> World:
    return world_of(40_000, 3)


# A lead to which no effect applies: each number at the value from which its doublings count.
PLAIN: dict[str, Any] = {
    "industry": "Retail",
    "employees": 10.0,
    "role": "Specialist",
    "budget_amount": 2000.0,
    "need_urgency": "just looking",
    "timeline_days": 7.0,
    "current_solution": "Own system",
    "email": "valid",
    "phone": None,
    "language": "ru",
    "source": "Organic search",
    "campaign": None,
    RESPONSE_FIELD: 0.25,
}
INTERACTIONS = [effect for effect in TRUE_EFFECTS if effect.only]


def attributes_of(**changed: Any) -> dict[str, np.ndarray]:
    return {
        name: np.array([value])
        if isinstance(value, float)
        else np.array([NO_CODE if value is None else code(name, value)])
        for name, value in (PLAIN | changed).items()
    }


def logodds_of(**changed: Any) -> float:
    return float(true_logodds(attributes_of(**changed))[0])


def name_of(effect: Effect) -> str:
    only = effect.only.field if effect.only else "alone"
    return f"{effect.field}-{effect.level or effect.logodds}-{only}"


def allowed(condition: Requirement | None) -> dict[str, Any]:
    """An attribute with which a condition just holds."""
    if condition is None:
        return {}
    if condition.one_of:
        return {condition.field: condition.one_of[-1]}
    bounds = condition.at_least, condition.at_most
    return {condition.field: next(value for value in bounds if np.isfinite(value))}


def refused(condition: Requirement) -> list[Any]:
    """Every level, or the numbers next to the bounds, and nothing, with which it does not hold."""
    if condition.one_of:
        return [
            level for level in (*ATTRIBUTE_LEVELS[condition.field], None)
            if level not in condition.one_of
        ]  # fmt: skip
    beyond = (condition.at_least - 1, condition.at_most + 1, float("nan"))
    return [value for value in beyond if not np.isinf(value)]


def test_no_effect_applies_to_the_plain_lead() -> None:
    assert logodds_of() == INTERCEPT


@pytest.mark.parametrize("effect", TRUE_EFFECTS, ids=name_of)
def test_an_attribute_adds_its_documented_effect(effect: Effect) -> None:
    def added(value: Any) -> float:
        lead = attributes_of(**allowed(effect.only), **{effect.field: value})
        return float(effect.added(lead)[0])

    if effect.level is not None:
        assert added(effect.level) == effect.logodds
        others = [level for level in ATTRIBUTE_LEVELS[effect.field] if level != effect.level]
        assert not any(added(level) for level in (*others, None))
        return
    most = effect.logodds * np.log2(effect.high / effect.low)
    assert added(2 * effect.low) == pytest.approx(effect.logodds)
    assert added(effect.low / 2) == added(float("nan")) == 0.0
    assert added(effect.high) == pytest.approx(most)
    assert added(100 * effect.high) == pytest.approx(most)


@pytest.mark.parametrize("effect", INTERACTIONS, ids=name_of)
def test_an_interaction_counts_only_where_the_other_holds(effect: Effect) -> None:
    assert effect.only is not None
    first = {effect.field: effect.level or 2 * effect.low}
    for other in refused(effect.only):
        assert effect.added(attributes_of(**first, **{effect.only.field: other})) == 0.0


def test_the_log_odds_are_the_sum_of_the_table(world: World) -> None:
    true = world.people.true
    expected = INTERCEPT + sum(effect.added(true) for effect in TRUE_EFFECTS)
    np.testing.assert_allclose(true_logodds(true), expected, rtol=0, atol=1e-12)


def test_no_sum_of_effects_of_single_fields_gives_these_log_odds() -> None:
    """Each of these pairs of fields is worth more together than apart, or less."""
    pairs: list[dict[str, Any]] = [
        {"budget_amount": 32000.0, "need_urgency": "this year"},
        {"role": "Owner or director", "employees": 500.0},
        {"industry": "Software", "employees": 500.0},
        {"source": "Social", "language": "fa"},
        {"source": "Paid search", "language": "en"},
    ]
    for pair in pairs:
        apart = sum(logodds_of(**{name: value}) - INTERCEPT for name, value in pair.items())
        assert abs(logodds_of(**pair) - INTERCEPT - apart) > 0.7, pair


@pytest.mark.parametrize(
    ("field", "values"),
    [("employees", (10.0, 150.0, 3000.0)), ("timeline_days", (7.0, 30.0, 365.0))],
)
def test_company_size_and_time_are_best_in_the_middle(field: str, values: tuple[float]) -> None:
    low, middle, high = (logodds_of(**{field: value}) for value in values)
    assert middle > low + 0.5
    assert middle > high + 0.5


def test_true_logodds_of_a_lead_worked_out_by_hand() -> None:
    lead: dict[str, Any] = {
        "industry": "Finance",
        "employees": 640.0,
        "role": "Owner or director",
        "budget_amount": 32000.0,
        "need_urgency": "must be solved now",
        "timeline_days": 90.0,
        "phone": "valid",
        "hours_to_first_response": 8.0,
    }
    # 1.0, 0.9 - 0.3 for the size, 1.2, 4 * 0.45, 1.4, 0.6 - 0.4 for the time, 1.0, - 5 * 0.14
    assert logodds_of(**lead) == pytest.approx(INTERCEPT + 6.5)
    # Nobody decides alone with 10 people, and no budget counts without a need.
    small = lead | {"employees": 10.0, "need_urgency": "just looking"}
    assert logodds_of(**small) == pytest.approx(INTERCEPT + 1.5)


def test_the_generator_uses_the_table(world: World) -> None:
    np.testing.assert_array_equal(world.logodds, true_logodds(world.people.true))


def test_an_answer_that_is_not_there_adds_nothing() -> None:
    nothing = dict.fromkeys(("industry", "role", "need_urgency", "current_solution"))
    names = ("budget_amount", "timeline_days", "employees", RESPONSE_FIELD)
    numbers = dict.fromkeys(names, float("nan"))
    assert logodds_of(**nothing, **numbers) == INTERCEPT


def test_the_same_seed_gives_the_same_bits(world: World) -> None:
    again = world_of(LEADS, SEED)
    np.testing.assert_array_equal(world.activities.known_at, again.activities.known_at)
    np.testing.assert_array_equal(world.paths.closed_at, again.paths.closed_at)
    np.testing.assert_array_equal(
        world.contact_details.places["email"], again.contact_details.places["email"]
    )
    pd.testing.assert_frame_equal(world.spend, again.spend, check_exact=True)


def test_another_seed_gives_other_leads(world: World) -> None:
    other = world_of(LEADS, SEED + 1)
    assert np.mean(world.people.created_at == other.people.created_at) < 0.01
    assert np.mean(world.logodds == other.logodds) < 0.01


def test_no_two_parts_share_random_numbers() -> None:
    parts = ("world", "snapshots", "held_out")
    first = {np.random.default_rng(seed_of(p, leads=1, seed=7)).integers(2**62) for p in parts}
    assert len(first) == len(parts)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"leads": 0}, r"leads must be 1 or more\. Found: 0\. Give another leads"),
        ({"seed": -1}, r"seed must be 0 or more\. Found: -1\. Give another seed"),
    ],
)
def test_too_small_numbers_are_refused(asked: dict[str, int], match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match):
        write_demo(tmp_path, **({"leads": 10} | asked))
    assert not list(tmp_path.iterdir())


def test_one_lead_is_enough() -> None:
    export = typed_export(world_of(1, 7))
    assert export.leads.ids.tolist() == ["L-0000001"]
    assert len(export.stages or ()) >= 1


# The calendar


@pytest.mark.parametrize(("start", "length"), [(0.0, 0.01), (3.21, 2.5), (100.9, 17.3)])
def test_the_integrals_of_the_calendar_are_those_of_a_fine_grid(
    start: float, length: float
) -> None:
    begin = STARTED_AT.astype(np.int64) / DAY + start
    step = length / 400_000
    grid = begin + (np.arange(400_000) + 0.5) * step
    ends = np.array([begin]), np.array([begin + length])
    assert busy_days(*ends)[0] == pytest.approx(busy_at(grid).sum() * step, rel=1e-4)
    for theta in (0.25, 15.0):
        faded = (busy_at(grid) * np.exp(-(grid - begin) / theta)).sum() * step
        assert fading_busy_days(*ends, theta)[0] == pytest.approx(faded, rel=1e-4)


# The funnel


def test_from_every_state_the_ways_of_buyers_add_up_and_others_may_be_lost() -> None:
    for state in STATES[:-1]:
        ways = [step for step in FUNNEL_STEPS if step.origin == state]
        assert sum(step.buyer for step in ways) == pytest.approx(1.0)
        assert 0.0 < sum(step.other for step in ways) < 1.0
    assert not [step for step in FUNNEL_STEPS if step.origin == "proposal"]


def test_the_evidence_of_a_path_is_the_product_of_its_branchings() -> None:
    # lead at 0, mql at 10, sql at 20, recycled at 30, sql again at 40, proposal at 50
    path = np.array([[0, 10, 20, 30, 40, 50]])
    worth = [np.log(1 / 0.45), np.log(1 / 0.5), np.log(0.15 / 0.25), np.log(1 / 0.4), np.log(2.0)]
    for seen in range(6):
        moment = np.array([10 * seen + 1])
        assert evidence_of(path, moment)[0] == pytest.approx(sum(worth[:seen]))
    assert evidence_of(path, np.array([10]))[0] == 0.0
    straight = np.array([[0, 10, 20, NEVER, NEVER, 30]])
    expected = worth[0] + worth[1] + np.log(0.85 / 0.4)
    assert evidence_of(straight, np.array([31]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("hurries", [False, True])
def test_the_chance_to_win_in_time_is_that_of_drawn_paths(hurries: bool) -> None:
    n = 40_000
    hurried = np.full(n, hurries)
    paths = draw_paths(
        np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool), hurried, np.random.default_rng(1)
    )
    for place in range(len(STATES)):
        begun = paths.entered_at[:, place]
        some = begun != NEVER
        found = (paths.closed_at[some] - begun[some]) < HORIZON_DAYS * DAY
        p = won_in_time(np.array([place]), hurried[:1])[0]
        assert abs(found.mean() - p) < 4 * np.sqrt(p * (1 - p) / some.sum())
    # A single exponential stay: closed form.
    last = won_in_time(np.array([STATES.index("proposal")]), hurried[:1])[0]
    pace = HURRY if hurries else 1.0
    assert last == pytest.approx(1 - np.exp(-pace * HORIZON_DAYS / STAY_DAYS["proposal"]))


def test_the_evidence_of_hurry_is_the_ratio_of_two_likelihoods() -> None:
    """Exponential stays written down a second time: those left behind, and the one that lasts."""

    def log_density(days: float, mean: float) -> float:
        return float(np.log(1 / mean) - days / mean)

    # lead at 0, mql at 3, sql at 5, recycled at 6, sql again at 16, proposal at 20 days
    path = np.array([[0, 3, 5, 6, 16, 20]]) * DAY
    stays = dict(zip(STATES, (3.0, 2.0, 1.0, 10.0, 4.0), strict=False))
    total = 0.0
    for state, days in stays.items():
        mean = STAY_DAYS[state]
        total += log_density(days, mean / HURRY) - log_density(days, mean)
    lasts = 7.0 * (HURRY - 1) / STAY_DAYS["proposal"]
    found = hurry_evidence(path, np.array([27 * DAY]), np.array([True]))[0]
    assert found == pytest.approx(total - lasts)
    straight = np.array([[0, 3 * DAY, 5 * DAY, NEVER, NEVER, 6 * DAY]])
    found = hurry_evidence(straight, np.array([6 * DAY]), np.array([True]))[0]
    waits = 3 / STAY_DAYS["lead"] + 2 / STAY_DAYS["mql"] + 1 / STAY_DAYS["sql"]
    assert found == pytest.approx(2 * np.log(HURRY) - (HURRY - 1) * waits)
    assert hurry_evidence(path, np.array([27 * DAY]), np.array([False]))[0] == 0.0


def test_urgency_is_worth_less_with_every_day_that_an_urgent_lead_waits() -> None:
    ages = np.array([0, 1, 3, 7, 14]) * DAY
    path = np.repeat([[0, *[NEVER] * (len(STATES) - 1)]], len(ages), axis=0)
    found = hurry_evidence(path, ages, np.ones(len(ages), dtype=bool))
    np.testing.assert_allclose(found, -ages / DAY / STAY_DAYS["lead"] * (HURRY - 1))
    worth = next(e.logodds for e in TRUE_EFFECTS if e.level == "must be solved now")
    assert (worth + found)[[0, -1]].tolist() == pytest.approx([worth, worth - 1.75])


def test_leads_are_recycled_at_most_once_and_go_on_from_there(many: World) -> None:
    entered = many.paths.entered_at
    recycled, again = entered[:, STATES.index("recycled")], entered[:, STATES.index("sql_again")]
    some = recycled != NEVER
    assert 0.03 < some.mean() < 0.15
    assert (recycled[some] > entered[some, STATES.index("sql")]).all()
    back = again != NEVER
    assert (again[back] > recycled[back]).all()
    assert many.buyer[back].mean() > 0.1
    stages = typed_export(many).stages
    assert stages is not None
    steps_back = (np.diff(stages.lead) == 0) & (np.diff(stages.stage) < 0)
    assert steps_back.sum() > 0.03 * len(many)


# What leads do


def intensity(kind: str, level: float, age: np.ndarray, busy: np.ndarray, buys: bool) -> np.ndarray:
    """The rate of a kind at ages in days, written down a second time."""
    habit = next(habit for habit in ACTIVITY_RATES if habit.kind == kind)
    fade = 1.0 if buys else np.exp(-np.maximum(age, 0.0) / FADES_DAYS)
    after = habit.a_day * (1 + RUSH * np.exp(-np.maximum(age, 0.0) / RUSH_DAYS)) * fade
    ratio = BUYER_RATIO * habit.own_ratio if buys else 1.0
    return level * busy * ratio * np.where(age < 0, habit.before, after)


@pytest.mark.parametrize("lead", [5, 77, 1234])
@pytest.mark.parametrize("days", [1, 9])
def test_the_evidence_of_activities_is_the_ratio_of_two_likelihoods(
    world: World, lead: int, days: int
) -> None:
    people, acts = world.people, world.activities
    created, level = int(people.created_at[lead]), float(people.level[lead])
    as_of = created + days * DAY
    step = 1.0 / 2880
    age = np.arange(-people.before_days[lead], days, step) + step / 2
    busy = busy_at(created / DAY + age)
    mine = (acts.lead == lead) & (acts.occurred_at < as_of)
    total = 0.0
    for habit in ACTIVITY_RATES:
        events = mine & (acts.kind == KINDS.index(habit.kind))
        when = (acts.occurred_at[events] - created) / DAY
        one = np.ones(len(when))
        total += np.log(intensity(habit.kind, level, when, one, True)).sum()
        total -= np.log(intensity(habit.kind, level, when, one, False)).sum()
        total -= intensity(habit.kind, level, age, busy, True).sum() * step
        total += intensity(habit.kind, level, age, busy, False).sum() * step
    moment, place = np.array([as_of]), np.array([lead])
    found = world.evidence(moment, place)[0] - world.logodds[lead]
    found -= evidence_of(world.paths.entered_at[place], moment)[0]
    assert found == pytest.approx(total, abs=2e-3)


def test_there_are_about_ten_activities_a_lead_most_of_them_by_the_lead(many: World) -> None:
    assert 8 < len(many.activities) / len(many) < 12
    assert 0.5 < many.activities.by_lead.mean() < 0.75


# The truth


def ages(world: World) -> list[tuple[np.ndarray, np.ndarray]]:
    """Leads truly open at each age, and those moments, where the outcome is final."""
    found = []
    for age in AGES_DAYS:
        as_of = world.people.created_at + max(1_000_000, int(age * DAY))
        final = as_of <= EXTRACTED - int((HORIZON_DAYS + 2) * DAY)
        lead = np.flatnonzero(world.truly_open(as_of, np.arange(len(world))) & final)
        found.append((lead, as_of[lead]))
    return found


def won_within(world: World, lead: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    closed = world.paths.closed_at[lead]
    return world.buyer[lead] & (closed >= as_of) & (closed < as_of + int(HORIZON_DAYS * DAY))


def gap(won: np.ndarray, p: np.ndarray) -> float:
    """Wins beyond the expected ones, in standard errors."""
    return float((won.sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))


def test_wins_are_as_many_as_the_truth_says_at_every_age_stage_and_chance(many: World) -> None:
    means = []
    for lead, as_of in ages(many):
        p, won = many.truth(as_of, lead), won_within(many, lead, as_of)
        means.append(p.mean())
        assert abs(gap(won, p)) < 4
        state = many.paths.state(lead, as_of)
        for place in np.unique(state):
            rows = state == place
            assert abs(gap(won[rows], p[rows])) < 4
        for rows in (many.hurried[lead], *np.array_split(np.argsort(p), 10)):
            assert abs(gap(won[rows], p[rows])) < 4
    # Whoever is open still is more and more often a buyer.
    assert means == sorted(means)
    assert 0.10 < means[0] < 0.14


def test_the_truth_sees_more_and_more(many: World) -> None:
    found = [
        roc_auc_score(won_within(many, lead, as_of), many.truth(as_of, lead))
        for lead, as_of in ages(many)
    ]
    assert found == sorted(found)
    assert 0.85 < found[1] < 0.93


def test_a_closed_lead_has_no_chance_and_the_truth_begins_with_the_lead(world: World) -> None:
    lead = np.flatnonzero(world.paths.closed_at < EXTRACTED)
    closed = world.paths.closed_at[lead]
    at_the_end, after = world.truth(closed, lead), world.truth(closed + 1, lead)
    assert (at_the_end > 0).all()
    assert (after == 0).all()
    everyone = np.arange(LEADS)
    with pytest.raises(InputError, match="6000 moments that are not"):
        world.truth(world.people.created_at, everyone)
    with pytest.raises(InputError, match="1 moments that are not"):
        world.truth(np.array([EXTRACTED, EXTRACTED + 1]), np.array([3, 3]))


def test_later_events_and_the_order_of_questions_change_no_truth(world: World) -> None:
    noon = int(np.datetime64("2026-03-01T12:00:00", "us").astype(np.int64))
    lead = np.flatnonzero(world.people.created_at < noon)
    as_of = np.full(len(lead), noon)
    p = world.truth(as_of, lead)
    rows = np.random.default_rng(0).permutation(len(lead))[:500]
    np.testing.assert_array_equal(world.truth(as_of[rows], lead[rows]), p[rows])
    acts = world.activities
    early = acts.occurred_at < noon
    arrays = {k: v[early] for k, v in vars(acts).items() if isinstance(v, np.ndarray)}
    without = replace(world, activities=replace(acts, **arrays))
    np.testing.assert_allclose(without.truth(as_of, lead), p, rtol=1e-9)
    assert not early.all()


def test_effects_silence_and_path_add_up_to_the_truth_where_all_is_known(world: World) -> None:
    lead = np.arange(len(world))
    as_of = np.full(len(world), EXTRACTED)
    known, true = known_attributes(world, lead, as_of), world.people.true
    names = {effect.field for effect in TRUE_EFFECTS}
    told = np.all([known[name] == true[name] for name in names], axis=0)
    told[world.activities.lead[world.activities.known_at >= EXTRACTED]] = False
    told &= ((world.recorded_at < EXTRACTED) == (world.paths.entered_at < EXTRACTED)).all(axis=1)
    assert told.sum() > 500
    rows = lead[told]
    effects = true_effects(world, rows, as_of[told])
    total = INTERCEPT + sum(effects.values()) - silence_evidence(world.people, rows, as_of[told])
    np.testing.assert_allclose(total, world.evidence(as_of[told], rows), rtol=0, atol=1e-8)


def test_effects_count_only_what_is_known(world: World) -> None:
    lead = np.arange(len(world))
    created = world.people.created_at
    first = true_effects(world, lead, created)
    # A moment before anything is written down, nothing that is learned has an effect.
    for name in (*LEARNED, "stage", "engagement", RESPONSE_FIELD, "demo_request_30d"):
        assert not first[name].any()
    later = true_effects(world, lead, created + 1_000_000)
    assert later["role"].any()
    assert later["download_30d"].any()
    assert not later["stage"].any()
    answer = world.answers["role"]
    unknown = answer.first_known_at > created
    assert not later["role"][unknown].any()


def test_an_answer_is_known_strictly_after_it_was_written_down() -> None:
    answer = RecordedAnswer(
        first=np.array([1.0]),
        first_at=np.array([10]),
        first_known_at=np.array([12]),
        second=np.array([2.0]),
        second_at=np.array([20]),
        second_known_at=np.array([20]),
    )
    moments = np.array([12, 13, 20, 21])
    found = answer.known(np.zeros(4, dtype=np.int64), moments)
    np.testing.assert_array_equal(found, [np.nan, 1.0, 1.0, 2.0])


def test_fields_without_effect_are_those_without_a_true_effect(world: World) -> None:
    effects = true_effects(world, np.arange(50), world.people.created_at[:50] + 30 * DAY)
    with_effect = {name for name, added in effects.items() if added.any()}
    assert not with_effect & set(NO_EFFECT)
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    _, schema, _ = build_crm_snapshot(typed_export(world), replace(mapping, ages_days=(1.0,)))
    main = {c.name for c in schema.used if c.part_of in (None, c.name)}
    assert set(NO_EFFECT) <= main
    assert set(effects) - {RESPONSE_FIELD} <= main


# What this world promises


def test_slow_answers_cost_what_the_table_says(many: World) -> None:
    hours = many.people.true[RESPONSE_FIELD]
    fast, slow = hours < 1, hours > 24
    assert many.buyer[fast].mean() > 1.3 * many.buyer[slow].mean()
    # Speed follows the calendar and the team, not the lead.
    rest = many.logodds - Effect(RESPONSE_FIELD, -0.14, low=0.25, high=64.0).added(many.people.true)
    assert abs(np.corrcoef(rest, np.log(hours))[0, 1]) < 0.05
    weekday = (many.people.created_at // DAY + 3) % 7
    assert np.median(hours[weekday >= 5]) > 2 * np.median(hours[weekday < 4])


def test_the_giveaway_brings_many_cheap_bad_leads_and_grows(many: World) -> None:
    giveaway = many.people.true["campaign"] == code("campaign", "Tablet giveaway")
    assert giveaway.mean() > 0.1
    assert many.buyer[giveaway].mean() < 0.3 * many.buyer.mean()
    quarters = [rows.mean() for rows in np.array_split(giveaway, 4)]
    assert quarters == sorted(quarters)
    assert quarters[-1] > 1.3 * quarters[0]
    cost = many.spend.groupby("campaign")["cost"].sum()
    leads = np.bincount(many.people.true["campaign"] + 1)[1:]
    a_lead = {
        name: cost[name] / leads[code("campaign", name)] for name in ATTRIBUTE_LEVELS["campaign"]
    }
    assert min(a_lead, key=a_lead.__getitem__) == "Tablet giveaway"
    for name, expected in COST_A_LEAD.items():
        assert a_lead[name] == pytest.approx(expected, rel=0.05)


def test_there_are_weekends_and_seasons(many: World) -> None:
    created = many.people.created_at
    weekend = (created // DAY + 3) % 7 >= 5
    assert 0.08 < weekend.mean() < 0.2
    visits = many.activities.occurred_at
    assert ((visits // DAY + 3) % 7 >= 5).mean() < 0.24
    days = created.astype("M8[us]").astype("M8[D]")
    month = days.astype("M8[M]").astype(np.int64) % 12
    a_month = np.bincount(month, minlength=12)
    assert a_month.max() > 1.15 * a_month.min()


def test_leads_of_one_account_share_what_the_company_is(many: World) -> None:
    account, true = many.people.account, many.people.true
    named = pd.DataFrame({name: true[name] for name in ("country", "industry")})
    named = named[account != NO_CODE].groupby(account[account != NO_CODE])
    assert (named.min() == named.max()).all().all()
    assert (named.size() > 1).mean() > 0.3
    private = true["role"] == code("role", "Private person")
    np.testing.assert_array_equal(account == NO_CODE, private)


def test_contacts_are_valid_exactly_where_the_world_says_so(world: World) -> None:
    checks: dict[str, Callable[[str], bool]] = {"email": valid_email, "phone": valid_phone}
    for name, check in checks.items():
        texts = world.contact_details.texts(name)
        state = world.people.true[name]
        given = state != NO_CODE
        assert [text is None for text in texts] == (~given).tolist()
        found = [check(text) for text in texts[given]]
        assert found == (state[given] == code(name, "valid")).tolist()
        assert 0.03 < np.mean(~np.array(found)) < 0.3
    assert any("۹" in text for text in world.contact_details.texts("phone") if text)


def test_answers_are_missing_at_creation_as_documented(many: World) -> None:
    source = many.people.true["source"]
    for field, empty in LEFT_EMPTY.items():
        learned = field in LEARNED
        if learned:
            gone = many.answers[field].first_at != many.people.created_at
        else:
            gone = many.form[field] != many.people.true[field]
        for place, name in enumerate(ATTRIBUTE_LEVELS["source"]):
            share = 1 - (1 - SKIPPED_PAGE_TWO[name]) * (1 - empty) if learned else empty
            rows = source == place
            assert abs(gone[rows].mean() - share) < 4 * np.sqrt(share * (1 - share) / rows.sum())


def test_some_answers_come_later_and_some_are_corrected(world: World) -> None:
    budget = world.answers["budget_amount"]
    later = (budget.first_at != NEVER) & (budget.first_at > world.people.created_at)
    assert 0.05 < later.mean() < 0.3
    corrected = budget.second_at != NEVER
    assert 0.03 < corrected.mean() < 0.15
    assert (budget.first[corrected] != budget.second[corrected]).all()
    assert (budget.second_at[corrected] > budget.first_at[corrected]).all()
    np.testing.assert_array_equal(budget.second, world.people.true["budget_amount"])


def test_the_planted_leaks_tell_the_outcome_and_are_declared(world: World) -> None:
    export = typed_export(world)
    said = export.leads.values["last_call_result"][world.deals.lead]
    table = pd.DataFrame({"said": said, "won": world.deals.outcome}).dropna()
    assert len(table) > 0.8 * len(world.deals)
    told = table.groupby("said")["won"]
    assert (told.min() == told.max()).all()
    total = export.leads.values["touches_total"]
    assert roc_auc_score(world.deals.outcome, total[world.deals.lead]) > 0.75
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    declared = {item.column.name: item.column for item in mapping.fields}
    leak, subtle = declared["last_call_result"], declared["touches_total"]
    assert (leak.known, leak.use) == ("after_outcome", False)
    assert (subtle.known, subtle.use) == ("unknown", False)


def test_times_are_realistic_and_nothing_is_later_than_the_export(world: World) -> None:
    export = typed_export(world)
    created = export.leads.created_at
    assert (np.diff(created) >= 0).all()
    assert int(STARTED_AT.astype(np.int64)) <= created[0] <= created[-1] < EXTRACTED
    acts, stages, deals = export.activities, export.stages, export.deals
    assert acts is not None
    assert stages is not None
    assert deals is not None
    facts = [(acts.occurred_at, acts.known_at), (stages.entered_at, stages.known_at)]
    facts += [(deals.closed_at, deals.known_at)]
    facts += [(h.changed_at, h.known_at) for h in export.histories.values()]
    for happened, known in facts:
        assert (known >= happened).all()
        assert known.max() <= EXTRACTED
    same = np.diff(stages.lead) == 0
    assert (np.diff(stages.entered_at)[same] > 0).all()
    assert (deals.known_at - deals.closed_at).max() <= 2 * DAY
    assert (acts.occurred_at < world.paths.closed_at[acts.lead]).all()
    early = acts.occurred_at < created[acts.lead]
    assert {KINDS[kind] for kind in np.unique(acts.kind[early])} == {"web_visit", "download"}
    np.testing.assert_array_equal(acts.known_at[early], created[acts.lead[early]])
    late = (stages.known_at - stages.entered_at) > DAY
    assert 0.01 < late.mean() < 0.2


def test_lost_leads_say_why_by_what_they_lack(many: World) -> None:
    deals, true = many.deals, many.people.true
    lost = deals.outcome == 0
    assert all(reason is None for reason in deals.loss_reason[~lost])
    assert np.isfinite(deals.amount[~lost]).all()
    assert np.isnan(deals.amount[lost]).all()
    reason = pd.Series(deals.loss_reason[lost])
    private = true["role"][deals.lead[lost]] == code("role", "Private person")
    assert set(reason[~private]) < set(reason)
    assert (reason[private] == "not a company").mean() > 0.3
    cheap = true["budget_amount"][deals.lead[lost]] < 6000
    assert (reason[cheap] == "price").mean() > 2 * (reason[~cheap] == "price").mean()


# Files


def same(found: Any, expected: Any, what: str) -> None:
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, what
        np.testing.assert_array_equal(found, expected, err_msg=what)
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    elif isinstance(expected, dict):
        assert set(found) == set(expected), what
        for name, item in expected.items():
            same(found[name], item, f"{what} {name}")
    elif isinstance(expected, (Activities, Deals, FieldHistory, Leads, Stages)):
        same(vars(found), vars(expected), what)
    else:
        assert found == expected, what


def test_the_files_read_back_as_the_typed_export(tmp_path: Path) -> None:
    files = write_demo(tmp_path, leads=300, seed=5)
    found, report = read_export(files.crm, CrmMapping.load(files.mapping))
    assert report.exit_code == 0
    assert report.fates == ()
    expected = typed_export(world_of(300, 5))
    for name in ("leads", "activities", "stages", "deals", "spend", "extracted_at"):
        same(getattr(found, name), getattr(expected, name), name)
    same(dict(found.histories), dict(expected.histories), "histories")


def test_the_leads_table_shows_answers_as_of_the_export(tmp_path: Path) -> None:
    files = write_demo(tmp_path, leads=2_000, seed=5)
    leads = pd.read_parquet(files.crm / "leads.parquet")
    changes = pd.read_parquet(files.crm / "field_changes.parquet")
    budgets = changes[changes["field"] == "budget_amount"].astype({"value": str})
    newest = budgets.groupby("lead_id")["value"]
    shown = leads.set_index("lead_id")["budget_amount"].astype(str)
    assert (shown[newest.last().index] == newest.last()).all()
    assert (newest.first() != newest.last()).sum() > 50
    forms = changes["value"].astype(str)
    for form in (r"^\d+$", r"^\d+,\d{3}$", r"^\$\d+,\d{3}$", "^[۰-۹]+٬[۰-۹]{3}$"):
        assert forms.str.contains(form).any(), form
    assert (shown == "n/a").any()


def content(path: Path) -> Any:
    return pq.read_table(path) if path.suffix == ".parquet" else path.read_text("utf-8")


def test_the_folder_holds_the_export_and_the_truth_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    files = write_demo(folder, leads=200, seed=5)
    before = {path.name: content(path) for path in files.crm.iterdir()}
    files = write_demo(folder, leads=200, seed=5)
    assert {path.name: content(path) for path in files.crm.iterdir()} == before
    tables = ["leads", "contacts", "field_changes", "activities", "stages", "deals", "spend"]
    assert set(before) == {
        *(f"{name}.parquet" for name in tables), "crm.yaml", "matrix.yaml", "segments.yaml"
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["crm", "truth.parquet"]
    for path in (files.mapping, files.matrix, files.segments):
        # Its editor's schema lies elsewhere than the example's.
        example = (EXAMPLE / path.name).read_text("utf-8")
        assert path.read_text("utf-8") == for_editors(example, None)
    world, truth = world_of(200, 5), pd.read_parquet(files.truth)
    lead = truth["lead_id"].str[2:].astype(int).to_numpy() - 1
    as_of = truth["as_of"].dt.tz_localize(None).to_numpy().astype("M8[us]").astype(np.int64)
    assert list(truth) == ["lead_id", "age_days", "as_of", "true_probability"]
    assert set(truth["age_days"]) == set(AGES_DAYS)
    assert world.truly_open(as_of, lead).all()
    np.testing.assert_array_equal(world.truth(as_of, lead), truth["true_probability"])


def test_the_mapping_sees_leads_at_the_ages_and_horizon_of_the_truth() -> None:
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    assert mapping.ages_days == AGES_DAYS
    assert mapping.horizon_days == HORIZON_DAYS
    assert mapping.extracted_at == EXTRACTED


def test_matrix_and_segments_fit_the_fields_and_leave_sales_enough_to_do(world: World) -> None:
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    snapshot, schema, _ = build_crm_snapshot(
        typed_export(world), replace(mapping, ages_days=(1.0,))
    )
    matrix = Matrix.load(EXAMPLE / "matrix.yaml", schema)
    assert len(matrix.mapped) == 6
    assert matrix.max_total == 110
    once = snapshot.take(~np.isnan(np.asarray(snapshot.age_days)))
    rows = once.frame.to_dict("records")
    totals = np.array([sum(c.points_of(c.level(row)) for c in matrix.criteria) for row in rows])
    assert once.as_of is not None
    assert once.lead is not None
    p = world.truth(once.as_of.astype("M8[us]").astype(np.int64), once.lead)
    hot, warm = totals >= 70, (totals >= 50) & (totals < 70)
    assert 0.03 < hot.mean() < 0.30
    assert warm.mean() > hot.mean()
    assert p[hot].mean() > p[warm].mean() > p[totals < 50].mean()

    segments = yaml.safe_load((EXAMPLE / "segments.yaml").read_text("utf-8"))["segments"]
    chance = {}
    for name, segment in segments.items():
        inside = np.ones(len(rows), dtype=bool)
        for rule in segment["rules"]:
            spec = {"rules": [{"field": rule["field"], "full": rule["holds"]}]}
            one = Matrix.read({"criteria": {"budget": spec}}, schema)
            criterion = next(c for c in one.criteria if c.rules)
            inside &= np.array([criterion.level(row) == "full" for row in rows])
        assert 0.02 < inside.mean() < 0.3
        chance[name] = p[inside].mean() / p.mean()
    # Sales is right about who buys; marketing's picture is hardly better than any lead.
    assert chance["sales"] > 2.5
    assert chance["sales"] > chance["owner"] > chance["marketing"]
    assert chance["marketing"] < 1.5


# The page


def when(effect: Effect) -> str:
    what = effect.level or f"each doubling from {number(effect.low)} to {number(effect.high)}"
    only = effect.only
    if only is None:
        return what
    if only.one_of:
        return f"{what}, if `{only.field}` is {' or '.join(only.one_of)}"
    if np.isfinite(only.at_least):
        return f"{what}, if `{only.field}` is {number(only.at_least)} or more"
    return f"{what}, if `{only.field}` is {number(only.at_most)} or less"


def number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def test_the_page_about_the_demo_says_what_the_tables_say() -> None:
    page = (ROOT / "docs" / "demo-data.md").read_text(encoding="utf-8")
    rows = [f"| `{e.field}` | {when(e)} | {e.logodds:+.2f} |" for e in TRUE_EFFECTS]
    for habit in ACTIVITY_RATES:
        worth = np.log(habit.own_ratio)
        rows.append(f"| `{habit.kind}` | {habit.ratio:.2f} | {worth:+.2f} |")
    for step in FUNNEL_STEPS:
        chances = f"{step.buyer:.0%} | {step.other:.0%}"
        rows.append(f"| {step.origin} | {step.to} | {chances} | {step.logodds:+.2f} |")
    rows += [f"| `{field}` | {share:.0%} |" for field, share in LEFT_EMPTY.items()]
    rows += [f"| {source} | {share:.0%} |" for source, share in SKIPPED_PAGE_TWO.items()]
    rows += [f"| {state} | {days:g} |" for state, days in STAY_DAYS.items()]
    rows += [f"| {name} | {cost:g} |" for name, cost in COST_A_LEAD.items()]
    assert [row for row in rows if row not in page] == []
    starts = tuple(f"| `{effect.field}` | " for effect in TRUE_EFFECTS)
    listed = [line for line in page.splitlines() if line.startswith(starts)]
    assert len([line for line in listed if line.count("|") == 5]) == len(TRUE_EFFECTS)
    assert f"log-odds of {INTERCEPT}" in page
    assert f"{np.log(BUYER_RATIO):+.2f}" in page
    for name in NO_EFFECT:
        assert f"`{name}`" in page
