from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from scoring_ml.data.contacts import valid_email, valid_phone
from scoring_ml.data.demo import LONGEST_LAG_DAYS, Demo, make_demo, seed_of, write_demo
from scoring_ml.data.demo_effects import INTERCEPT, LEVELS, TRUE_EFFECTS, Effect, true_logodds
from scoring_ml.data.demo_world import (
    EXTRACTED_AT,
    LEFT_EMPTY,
    PAGE_TWO,
    SKIPPED_PAGE_TWO,
    STARTED_AT,
    World,
    draw_world,
)
from scoring_ml.data.flat import read_flat
from scoring_ml.data.schema import load_schema
from scoring_ml.data.values import reader
from scoring_ml.errors import InputError
from scoring_ml.evaluation.reachable import best_reachable
from scoring_ml.features.criteria import Matrix, load_matrix

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "models" / "examples" / "demo"
SCHEMA = load_schema(EXAMPLE / "schema.yaml")
LEADS, SEED = 6_000, 11


@pytest.fixture(scope="module")
def demo() -> Demo:
    return make_demo(leads=LEADS, seed=SEED)


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(LEADS, seed_of("world", leads=LEADS, seed=SEED))


# A lead to which no effect applies: each number at the value from which its steps count.
PLAIN = {
    "industry": "Retail",
    "role": "Specialist",
    "budget_amount": 2000.0,
    "need_urgency": "just looking",
    "timeline_days": 14.0,
    "current_solution": "Own system",
    "pages_viewed": 1.0,
    "downloads": 0.0,
    "demo_requested": 0.0,
    "webinar_attended": 0.0,
    "email": "valid",
    "phone": None,
    "source": "Organic search",
    "campaign": None,
}


def logodds_of(**attributes: object) -> float:
    values = PLAIN | attributes
    return float(
        true_logodds(
            {
                name: np.array([value], dtype=float if isinstance(value, float) else object)
                for name, value in values.items()
            }
        )[0]
    )


def name_of(effect: Effect) -> str:
    return f"{effect.field}-{effect.level or effect.step}-{effect.other or 'alone'}"


def test_no_effect_applies_to_the_plain_lead() -> None:
    assert logodds_of() == INTERCEPT


@pytest.mark.parametrize("effect", [e for e in TRUE_EFFECTS if not e.other], ids=name_of)
def test_setting_one_attribute_adds_its_documented_effect(effect: Effect) -> None:
    if effect.level is not None:
        assert logodds_of(**{effect.field: effect.level}) - INTERCEPT == pytest.approx(
            effect.logodds
        )
        return
    doubling = effect.step == "doubling"
    one_step = 2 * effect.low if doubling else effect.low + 1
    below = effect.low / 2 if doubling else effect.low - 1
    most = np.log2(effect.high / effect.low) if doubling else effect.high - effect.low
    assert logodds_of(**{effect.field: one_step}) - INTERCEPT == pytest.approx(effect.logodds)
    assert logodds_of(**{effect.field: below}) == INTERCEPT
    for far in (effect.high, 100 * effect.high):
        assert logodds_of(**{effect.field: far}) - INTERCEPT == pytest.approx(effect.logodds * most)


@pytest.mark.parametrize("effect", [e for e in TRUE_EFFECTS if e.other], ids=name_of)
def test_an_interaction_adds_to_both_effects_and_only_together(effect: Effect) -> None:
    first, second = {effect.field: effect.level}, {effect.other: effect.other_level}
    apart = logodds_of(**first) + logodds_of(**second) - 2 * INTERCEPT
    assert logodds_of(**first, **second) - INTERCEPT - apart == pytest.approx(effect.logodds)
    if isinstance(effect.other_level, float):
        almost = {effect.other: effect.other_level - 1}
        apart = logodds_of(**first) + logodds_of(**almost) - 2 * INTERCEPT
        assert logodds_of(**first, **almost) - INTERCEPT == pytest.approx(apart)


def test_true_logodds_of_a_lead_worked_out_by_hand() -> None:
    found = logodds_of(
        industry="Finance",
        role="Owner or director",
        budget_amount=32000.0,
        need_urgency="must be solved now",
        timeline_days=56.0,
        demo_requested=1.0,
        phone="valid",
    )
    # 0.9 + 1.2 + 4 * 0.35 + 1.6 - 2 * 0.3 + 1.4 + 0.8, and both interactions of 0.4
    assert found == pytest.approx(INTERCEPT + 7.5)


def test_the_generator_uses_the_table(world: World) -> None:
    logit = np.log(world.probability) - np.log1p(-world.probability)
    np.testing.assert_allclose(logit, true_logodds(world.true), rtol=0, atol=1e-9)


def test_an_answer_that_is_not_there_adds_nothing() -> None:
    nothing = dict.fromkeys(("industry", "role", "need_urgency", "current_solution"))
    numbers = dict.fromkeys(("budget_amount", "timeline_days"), float("nan"))
    assert logodds_of(**nothing, **numbers, demo_requested=1.0) == pytest.approx(INTERCEPT + 1.4)


def test_the_same_seed_gives_the_same_bits(demo: Demo) -> None:
    again = make_demo(leads=LEADS, seed=SEED)
    pd.testing.assert_frame_equal(demo.leads, again.leads, check_exact=True)
    pd.testing.assert_frame_equal(demo.truth, again.truth, check_exact=True)


def test_another_seed_gives_other_leads(demo: Demo) -> None:
    other = make_demo(leads=LEADS, seed=SEED + 1)
    assert (demo.leads["created_at"] == other.leads["created_at"]).mean() < 0.01
    assert (demo.truth["true_probability"] == other.truth["true_probability"]).mean() < 0.01


def test_no_two_parts_share_random_numbers() -> None:
    parts = ("world", "export", "snapshots", "held_out")
    first = [np.random.default_rng(seed_of(p, leads=1, seed=7)).integers(2**62) for p in parts]
    assert len(set(first)) == len(parts)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"leads": 0}, r"leads must be 1 or more\. Found: 0\. Give another leads"),
        ({"seed": -1}, r"seed must be 0 or more\. Found: -1\. Give another seed"),
    ],
)
def test_too_small_numbers_are_refused(asked: dict[str, int], match: str) -> None:
    with pytest.raises(InputError, match=match):
        make_demo(**({"leads": 10} | asked))


def test_one_lead_is_enough() -> None:
    demo = make_demo(leads=1)
    assert demo.leads["lead_id"].tolist() == demo.truth["lead_id"].tolist() == ["L-000001"]


def test_outcomes_follow_the_truth_as_a_whole_and_from_tenth_to_tenth() -> None:
    demo = make_demo(leads=30_000, seed=3)
    created = demo.leads["created_at"].to_numpy().astype("M8[s]")
    old = created <= EXTRACTED_AT - np.timedelta64(LONGEST_LAG_DAYS, "D")
    p = demo.truth["true_probability"].to_numpy()[old]
    won = (demo.leads["outcome"] == "won").to_numpy()[old]
    assert 0.10 < p.mean() < 0.15
    rows = [np.arange(len(p)), *np.array_split(np.argsort(p), 10)]
    for part in rows:
        spread = np.sqrt((p[part] * (1 - p[part])).sum())
        assert abs(won[part].sum() - p[part].sum()) < 4 * spread


def test_the_truth_is_not_in_the_export(demo: Demo) -> None:
    assert "true_probability" not in demo.leads
    assert demo.truth.columns.tolist() == ["lead_id", "true_probability"]
    cells = set(demo.leads.to_numpy().ravel())
    assert not cells & {repr(float(p)) for p in demo.truth["true_probability"]}
    # No column but the outcome and its echo ranks the leads as well as all the answers together.
    closed = demo.leads["outcome"] != ""
    won = (demo.leads["outcome"][closed] == "won").to_numpy()
    for name in demo.leads.columns.difference(["lead_id", "outcome", "last_call_result"]):
        values = demo.leads[name][closed]
        if values.nunique() < 200:
            rate = pd.Series(won, index=values.index).groupby(values).transform("mean")
            assert roc_auc_score(won, rate) < 0.80, name


def test_the_planted_leak_tells_the_outcome_and_is_declared(demo: Demo) -> None:
    column = SCHEMA["last_call_result"]
    assert (column.known, column.use) == ("after_outcome", False)
    filled = demo.leads[demo.leads["last_call_result"] != ""]
    assert filled.groupby("last_call_result")["outcome"].nunique().eq(1).all()
    assert set(filled["outcome"]) == {"won", "lost"}


def test_only_young_leads_are_open_and_not_all_of_them(demo: Demo) -> None:
    created = demo.leads["created_at"].to_numpy().astype("M8[s]")
    assert (np.diff(created) >= np.timedelta64(0)).all()
    assert STARTED_AT <= created[0] <= created[-1] < EXTRACTED_AT
    is_open = (demo.leads["outcome"] == "").to_numpy()
    young = created > EXTRACTED_AT - np.timedelta64(LONGEST_LAG_DAYS, "D")
    assert not is_open[~young].any()
    assert 0.2 < is_open[young].mean() < 0.8
    assert SCHEMA.mature_after_days == LONGEST_LAG_DAYS


def test_answers_are_missing_as_documented(world: World) -> None:
    source = world.known["source"]
    for field, empty in LEFT_EMPTY.items():
        gone = pd.isna(world.known[field])
        expected = np.zeros(LEADS)
        for name, skipped in SKIPPED_PAGE_TWO.items():
            share = 1 - (1 - skipped) * (1 - empty) if field in PAGE_TWO else empty
            rows = source == name
            expected[rows] = share
            assert abs(gone[rows].mean() - share) < 4 * np.sqrt(share * (1 - share) / rows.sum())
        if field in ("budget_amount", "need_urgency", "timeline_days", "role"):
            assert 0.2 < expected.mean() < 0.6


def test_the_giveaway_brings_many_bad_leads(world: World) -> None:
    giveaway = world.true["campaign"] == "Tablet giveaway"
    assert giveaway.mean() > 0.1
    assert world.probability[giveaway].mean() < 0.2 * world.probability.mean()


def test_contacts_are_valid_exactly_where_the_world_says_so(demo: Demo, world: World) -> None:
    emails = [valid_email(text) for text in demo.leads["email"]]
    assert emails == (world.known["email"] == "valid").tolist()
    phones = [valid_phone(text) for text in demo.leads["phone"]]
    assert phones == (world.known["phone"] == "valid").tolist()
    assert ((demo.leads["phone"] == "") == (world.known["phone"] == None)).all()  # noqa: E711
    assert demo.leads["phone"].str.contains("۹").any()


def test_what_is_written_reads_back_as_what_was_drawn(demo: Demo, world: World) -> None:
    for column in SCHEMA.used:
        if column.type in ("email", "phone"):
            continue
        read = reader(column, SCHEMA.missing)
        found = [read(text) for text in demo.leads[column.name]]
        kind = object if column.name in LEVELS else float
        np.testing.assert_array_equal(np.array(found, dtype=kind), world.known[column.name])


def test_the_schema_names_every_column_of_the_file(demo: Demo) -> None:
    names = [SCHEMA.id, SCHEMA.order.column, *SCHEMA.names, SCHEMA.target.column]
    assert demo.leads.columns.tolist() == names


def matrix_totals(leads: pd.DataFrame, matrix: Matrix) -> np.ndarray:
    readers = {column.name: reader(column, SCHEMA.missing) for column in SCHEMA.used}
    typed = {name: [read(text) for text in leads[name]] for name, read in readers.items()}
    rows = ({name: typed[name][i] for name in typed} for i in range(len(leads)))
    return np.array([sum(c.points_of(c.level(row)) for c in matrix.criteria) for row in rows])


def test_the_matrix_maps_all_criteria_and_leaves_sales_enough_to_do(demo: Demo) -> None:
    matrix = load_matrix(EXAMPLE / "matrix.yaml", SCHEMA)
    assert len(matrix.mapped) == 6
    assert matrix.max_total == 110
    totals = matrix_totals(demo.leads, matrix)
    for start in range(0, LEADS, 2_000):
        window = totals[start : start + 2_000]
        hot, warm = (window >= 70).sum(), ((window >= 50) & (window < 70)).sum()
        assert hot >= 30
        assert warm >= 30
        assert 0.01 <= hot / 2_000 <= 0.30
    p = demo.truth["true_probability"].to_numpy()
    assert p[totals >= 70].mean() > p[(totals >= 50) & (totals < 70)].mean() > p[totals < 50].mean()


def test_files_hold_the_demo_and_what_explains_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    files = write_demo(folder, leads=200, seed=5)
    files = write_demo(folder, leads=200, seed=5)
    assert sorted(path.name for path in folder.iterdir()) == [
        "leads.csv",
        "matrix.yaml",
        "schema.yaml",
        "truth.csv",
    ]
    demo = make_demo(leads=200, seed=5)
    flat = read_flat(files.leads)
    assert flat.facts.rows == 200
    assert flat.facts.bad_rows == ()
    assert flat.frame.to_numpy().tolist() == demo.leads.to_numpy().tolist()
    truth = pd.read_csv(files.truth)
    assert truth["true_probability"].tolist() == demo.truth["true_probability"].tolist()
    assert load_schema(files.schema) == SCHEMA
    assert files.matrix.read_text("utf-8") == (EXAMPLE / "matrix.yaml").read_text("utf-8")


def when(effect: Effect) -> str:
    words = {1.0: "yes"}
    if effect.level is None:
        count = "doubling" if effect.step == "doubling" else "one"
        return f"each {count} from {effect.low:,.0f} to {effect.high:,.0f}"
    text = str(words.get(effect.level, effect.level))
    if effect.other is None:
        return text
    least = isinstance(effect.other_level, float)
    other = f"at least {effect.other_level:,.0f}" if least else effect.other_level
    return f"{text}, and `{effect.other}` {other}"


def test_the_page_about_the_demo_says_what_the_tables_say() -> None:
    page = (ROOT / "docs" / "demo-data.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    effects = [f"| `{e.field}` | {when(e)} | {e.logodds:+.2f} |" for e in TRUE_EFFECTS]
    assert [row for row in rows if row.startswith(tuple(effects))] == [
        row for row in rows if row.count("|") == 5
    ]
    assert len([row for row in rows if row.count("|") == 5]) == len(effects)
    for field, share in LEFT_EMPTY.items():
        assert f"| `{field}` | {share:.0%} |" in page
    for source, share in SKIPPED_PAGE_TWO.items():
        assert f"| {source} | {share:.0%} |" in page
    assert f"log-odds of {INTERCEPT}" in page


def mature(demo: Demo) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    created = demo.leads["created_at"].to_numpy().astype("M8[s]")
    rows = np.flatnonzero(created <= EXTRACTED_AT - np.timedelta64(LONGEST_LAG_DAYS, "D"))
    leads = demo.leads.iloc[rows]
    won = (leads["outcome"] == "won").to_numpy(dtype=float)
    return leads, won, demo.truth["true_probability"].to_numpy()[rows]


def test_best_reachable_lies_between_a_sum_of_what_is_known_and_the_truth(
    demo: Demo, world: World
) -> None:
    leads, won, truth = mature(demo)
    steps: list[tuple[int, int]] = []
    found = best_reachable(
        leads, won, leads=1_500, seed=SEED, progress=lambda done, total: steps.append((done, total))
    )
    assert found.snapshots == 30_000
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    assert found.auc == roc_auc_score(won, found.expected)
    naive = true_logodds({name: values[: len(won)] for name, values in world.known.items()})
    assert roc_auc_score(won, naive) < found.auc < roc_auc_score(won, truth)
    assert 0.7 < found.r2 < 1.0
    # The law of total expectation: on the whole, and where the expectation is high.
    for part in (slice(None), found.expected > 0.3):
        gap = truth[part] - found.expected[part]
        assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(len(gap)) + 0.003


def test_best_reachable_never_sees_the_outcome(demo: Demo) -> None:
    leads, won, _ = mature(demo)
    found = best_reachable(leads, won, leads=500, seed=SEED, factor=1)
    other = best_reachable(leads, 1 - won, leads=500, seed=SEED, factor=1)
    np.testing.assert_array_equal(found.expected, other.expected)
    assert other.auc == pytest.approx(1 - found.auc)
    hidden = leads.assign(outcome="", last_call_result="", contact_name="x", lead_id="x")
    again = best_reachable(hidden, won, leads=500, seed=SEED, factor=1)
    assert again == replace(found, expected=again.expected)
    np.testing.assert_array_equal(found.expected, again.expected)


def test_best_reachable_refuses_what_it_cannot_judge(demo: Demo) -> None:
    leads, won, _ = mature(demo)
    with pytest.raises(InputError, match="and both must occur"):
        best_reachable(leads, np.zeros(len(won)), leads=10, seed=SEED)
    with pytest.raises(InputError, match="and both must occur"):
        best_reachable(leads, won[1:], leads=10, seed=SEED)
    with pytest.raises(InputError, match="factor must be 1 or more"):
        best_reachable(leads, won, leads=10, seed=SEED, factor=0)
    with pytest.raises(InputError, match="no column phone"):
        best_reachable(leads.drop(columns="phone"), won, leads=10, seed=SEED)
    with pytest.raises(InputError, match="Every value of employees must be one of its type"):
        best_reachable(leads.assign(employees="many"), won, leads=10, seed=SEED)
