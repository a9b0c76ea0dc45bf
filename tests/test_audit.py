"""The leak audit: its probes against references, its grades on clean data and planted leaks."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, spearmanr

from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, AuditSettings, refusals
from scoring_ml.evaluation.audit.leak_audit import audit as full_audit
from scoring_ml.evaluation.audit.probes_auc import (
    comparable,
    presence_auc,
    single_field_auc,
    time_blocks,
    value_codes,
    within_auc,
)
from scoring_ml.evaluation.audit.probes_gain import gains, sample_rows
from scoring_ml.evaluation.audit.probes_time import runs_with_time, within_correlation
from scoring_ml.evaluation.audit.probes_values import (
    fill_agreement,
    fill_swing,
    one_sided_values,
    ripening,
)
from scoring_ml.features.snapshot import Snapshot

ROOT = Path(__file__).parents[1]

# Most of the time would go into the model that tells old leads from new.
audit = partial(full_audit, settings=AuditSettings(adversarial_rows=800))


def made(columns, y, *, order="row", as_of=None, **known):
    """A snapshot and its schema, from arrays; the type of a column follows from its array."""
    frame, described = {}, []
    for name, values in columns.items():
        values = np.asarray(values)
        kind = {"f": "number", "M": "date"}.get(values.dtype.kind, "category")
        frame[name] = values.astype(object) if kind == "category" else values
        described.append(Column(name, kind, known=known.get(name, "at_creation")))
    n = len(y)
    snapshot = Snapshot(
        frame=pd.DataFrame(frame),
        ids=np.arange(n).astype(str),
        label=np.asarray(y, dtype=float),
        position=np.arange(n, dtype=float),
        as_of=as_of,
        account=None,
        row=np.arange(1, n + 1),
    )
    schema = Schema(
        dataset="made",
        target=Target("y", ("1",), ("0",)),
        order=Order(order),
        columns=tuple(described),
    )
    return snapshot, schema


def clean(n, rate, seed):
    """Honest columns of every kind, some of which tell a little of the outcome."""
    rng = np.random.default_rng(seed)
    z, columns = np.zeros(n), {}
    for index in range(6):
        x = rng.normal(size=n)
        z += (0.4 if index < 3 else 0.0) * x
        columns[f"number {index}"] = np.where(rng.random(n) < 0.1 * index, np.nan, np.exp(x))
    for index, levels in enumerate((2, 3, 8, 40, n // 3 + 2)):
        code = rng.integers(0, levels, n)
        z += (rng.normal(size=levels) * (0.4 if index < 3 else 0.0))[code]
        words = np.array([f"level {c}" for c in code], dtype=object)
        words[rng.random(n) < 0.1 * index] = None
        columns[f"category {index}"] = words
    columns["visits"] = rng.poisson(1.5, n).astype(float)
    columns["period"] = np.arange(n) / n + 0.3 * rng.normal(size=n)
    columns["empty"] = np.array([None] * n, dtype=object)
    columns["same"] = np.array(["x"] * n, dtype=object)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if (1 / (1 + np.exp(-z - middle))).mean() > rate else (middle, high)
        )
    y = (rng.random(n) < 1 / (1 + np.exp(-z - low))).astype(float)
    return columns, y


def grades(findings, column):
    return {item.grade for item in findings if item.column == column}


def probes(findings, column):
    return {item.suspicion.probe for item in findings if item.column == column}


class TestAuc:
    def test_equals_mann_and_whitney_with_ties(self):
        rng = np.random.default_rng(1)
        score = rng.integers(0, 7, 200).astype(float)
        y = (rng.random(200) < 0.3).astype(float)
        u = mannwhitneyu(score[y == 1], score[y == 0]).statistic
        auc = within_auc(score, y, np.zeros(200, dtype=int))
        assert auc.value == pytest.approx(u / (y.sum() * (1 - y).sum()))

    def test_compares_within_cells_only(self):
        score = np.array([1.0, 2, 11, 12])
        y = np.array([0.0, 1, 1, 0])
        assert within_auc(score, y, np.array([0, 0, 1, 1])).value == 0.5
        assert within_auc(score, y, np.zeros(4, dtype=int)).value == 0.5
        assert within_auc(score, y, np.array([0, 0, 1, 2])).value == 1.0

    def test_without_a_pair_it_is_not_a_number(self):
        auc = within_auc(np.arange(4.0), np.ones(4), np.zeros(4, dtype=int))
        assert np.isnan(auc.value)
        assert not auc.beyond_chance(2.0)

    def test_turning_the_outcome_round_mirrors_it(self):
        rng = np.random.default_rng(2)
        score, y = rng.normal(size=100), (rng.random(100) < 0.4).astype(float)
        cells = np.arange(100) % 3
        there, back = within_auc(score, y, cells), within_auc(score, 1 - y, cells)
        assert there.value == pytest.approx(1 - back.value)
        assert there.chance == pytest.approx(back.chance)

    def test_chance_is_the_spread_of_a_score_without_meaning(self):
        rng = np.random.default_rng(3)
        y, cells = (rng.random(120) < 0.3).astype(float), np.arange(120) % 4
        drawn = [within_auc(rng.normal(size=120), y, cells) for _ in range(400)]
        assert np.std([auc.value for auc in drawn]) == pytest.approx(drawn[0].chance, rel=0.15)


class TestSingleFieldAuc:
    @pytest.mark.parametrize("levels", [2, 50, 2000])
    def test_values_without_meaning_do_not_score_by_being_memorised(self, levels):
        rng = np.random.default_rng(4)
        y = (rng.random(2000) < 0.3).astype(float)
        values = rng.permutation(2000)[:2000] % levels
        words = np.array([f"w{v}" for v in values], dtype=object)
        for column in (words, values.astype(float)):
            auc = single_field_auc(column, y, np.zeros(2000, dtype=int))
            assert abs(auc.value - 0.5) < 4 * auc.chance

    def test_the_outcome_in_other_words_scores_one(self):
        y = np.tile([0.0, 1.0, 0.0], 100)
        words = np.where(y == 1, "signed", "gone").astype(object)
        assert single_field_auc(words, y, np.zeros(300, dtype=int)).value == 1.0

    def test_a_number_counts_whichever_way_it_runs(self):
        rng = np.random.default_rng(5)
        x = rng.normal(size=1000)
        y = (rng.random(1000) < 1 / (1 + np.exp(-2 * x))).astype(float)
        blocks = np.zeros(1000, dtype=int)
        plain = within_auc(x, y, blocks).value
        assert single_field_auc(x, y, blocks).value == pytest.approx(plain, abs=0.01)
        assert single_field_auc(-x, y, blocks).value == pytest.approx(plain, abs=0.01)
        assert single_field_auc(np.abs(x), (np.abs(x) < 0.5).astype(float), blocks).value > 0.95

    def test_a_column_that_only_tells_the_period_says_nothing_within_it(self):
        rng = np.random.default_rng(6)
        n = 4000
        y = (rng.random(n) < np.linspace(0.02, 0.6, n)).astype(float)
        period = np.floor(np.arange(n) / 40)
        blocks = time_blocks(n, minority=int(y.sum()))
        assert single_field_auc(period, y, np.zeros(n, dtype=int)).value > 0.65
        assert single_field_auc(period, y, blocks).value < 0.56


class TestOtherProbes:
    def test_blocks_are_equal_and_hold_enough_of_the_rarer_class(self):
        blocks = time_blocks(1000, minority=1000)
        assert np.bincount(blocks).tolist() == [100] * 10
        assert time_blocks(1000, minority=39).max() == 0
        assert time_blocks(1000, minority=40).max() == 1
        assert time_blocks(60, minority=60).max() == 1
        assert len(time_blocks(0, minority=0)) == 0

    def test_blocks_of_one_outcome_each_are_not_comparable(self):
        y = np.repeat([0.0, 1.0], 50)
        assert not comparable(y, np.repeat([0, 1], 50))
        assert comparable(y, np.zeros(100, dtype=int))
        assert comparable(y, np.arange(100) % 2)

    def test_one_sided_values_by_hand(self):
        # 40 rows of value 0, all won; 60 of value 1, of which 10 won: half of 100 are won.
        codes = np.repeat([0, 1], [40, 60])
        y = np.concatenate([np.ones(50), np.zeros(50)])
        first, second = one_sided_values(codes, y, np.zeros(100, dtype=int), rows=30)
        assert (first.rows, first.wins, first.expected, first.won) == (40, 40, 20.0, True)
        assert first.odds == pytest.approx(40.5 / 0.5)
        assert first.chance == pytest.approx(0.5**40)
        assert (second.won, second.share) == (False, pytest.approx(50 / 60))
        assert one_sided_values(codes, y, np.zeros(100, dtype=int), rows=61) == ()

    def test_presence_has_a_direction(self):
        y = np.repeat([1.0, 0.0], 50)
        filled = np.arange(100) < 40
        auc, more = presence_auc(filled, y, np.zeros(100, dtype=int))
        assert (auc.value, more) == (pytest.approx(0.9), True)
        assert presence_auc(~filled, y, np.zeros(100, dtype=int))[1] is False

    def test_fill_swing_by_hand(self):
        filled = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
        assert fill_swing(filled, np.repeat([0, 1], 4)) == pytest.approx(0.75)

    def test_fill_agreement(self):
        some = np.array([True, True, False, False])
        assert fill_agreement(some, some) == pytest.approx(1.0)
        assert fill_agreement(some, ~some) == pytest.approx(-1.0)
        assert fill_agreement(some, np.ones(4, dtype=bool)) == 0.0

    def test_ripening_by_hand(self):
        # Value 1 holds 50, 40 and then 10 of 100 rows.
        codes = np.concatenate([np.arange(100) < k for k in (50, 40, 10)]).astype(int)
        ripe = ripening(codes, np.repeat([0, 1, 2], 100), share=0.05)
        assert ripe is not None
        assert (ripe.code, ripe.newest, ripe.before) == (1, 0.1, 0.4)
        assert ripe.ratio == pytest.approx(0.25)
        assert ripe.chance < 1e-9
        assert ripening(codes, np.repeat([0, 1, 2], 100), share=0.95) is None
        assert ripening(codes[:200], np.repeat([0, 1], 100), share=0.05) is None

    def test_missing_values_have_one_code_and_bins_follow_quantiles(self):
        values = np.array([np.nan, 1.0, 2.0, 3.0, 4.0])
        assert value_codes(values, bins=2).tolist() == [-1, 0, 0, 1, 1]
        assert value_codes(np.array(["b", None, "a"], dtype=object)).tolist() == [0, -1, 1]
        dates = np.array(["2026-01-01", "NaT"], dtype="datetime64[us]")
        assert value_codes(dates, bins=3).tolist()[1] == -1

    def test_a_sample_keeps_the_rarer_class(self):
        y = (np.arange(1000) % 20 == 0).astype(float)
        rows = sample_rows(y, most=200, seed=1)
        assert len(rows) == 200
        assert y[rows].sum() == 50
        assert (np.diff(rows) > 0).all()
        assert len(sample_rows(y, most=1000)) == 1000

    def test_taking_a_column_out_in_closed_form_equals_fitting_without_it(self):
        rng = np.random.default_rng(7)
        y = (rng.random(600) < 0.4).astype(float)
        codes = {name: rng.integers(-1, 5, 600) for name in ("a", "b", "c")}
        codes["a"] = np.where(rng.random(600) < 0.4, y.astype(int), codes["a"])
        blocks = time_blocks(600, minority=200)
        whole = gains(codes, y, blocks, others=["a", "b", "c"])
        for name in codes:
            rest = {other: codes[other] for other in codes if other != name}
            fitted = gains(rest, y, blocks, others=list(rest))
            without = next(iter(fitted.values()))[1]
            gain, reached = whole[name]
            assert reached - gain == pytest.approx(without, abs=1e-9)
            alone = gains(codes, y, blocks, others=list(rest))
            assert alone[name] == (pytest.approx(gain), pytest.approx(reached))

    def test_a_family_is_taken_out_together(self):
        rng = np.random.default_rng(8)
        y = (rng.random(800) < 0.4).astype(float)
        codes = {name: rng.integers(-1, 5, 800) for name in ("a", "b", "c")}
        codes["a"] = np.where(rng.random(800) < 0.5, y.astype(int), codes["a"])
        codes["b"] = codes["a"].copy()
        blocks = time_blocks(800, minority=300)
        alone = gains(codes, y, blocks, others=["a", "b", "c"])
        families = {"b": "a"}
        together = gains(codes, y, blocks, others=["a", "c"], families=families)
        bare = gains({"c": codes["c"]}, y, blocks, others=["c"])["c"][1]
        assert list(together) == ["a", "c"]
        assert abs(alone["a"][0]) < 0.01
        gain, reached = together["a"]
        assert gain > 0.1
        assert reached - gain == pytest.approx(bare, abs=1e-9)
        doubted = gains(codes, y, blocks, others=["c"], families=families)
        assert doubted["a"] == (pytest.approx(gain), pytest.approx(reached))

    def test_correlation_in_one_cell_is_spearmans(self):
        rng = np.random.default_rng(9)
        a = rng.integers(0, 6, 300).astype(float)
        b = a + rng.integers(0, 6, 300)
        found = within_correlation(a, b, np.zeros(300, dtype=int))
        assert found.value == pytest.approx(spearmanr(a, b).statistic)
        assert found.chance == pytest.approx(1 / np.sqrt(299))

    def test_correlation_looks_within_cells_only(self):
        rng = np.random.default_rng(10)
        cells = np.arange(600) % 6
        a, b = rng.normal(size=600) + 9 * cells, rng.normal(size=600) + 9 * cells
        found = within_correlation(a, b, cells)
        assert np.corrcoef(a, b)[0, 1] > 0.95
        assert not found.beyond_chance(3.0)
        drawn = [within_correlation(a, rng.normal(size=600), cells).value for _ in range(300)]
        assert np.std(drawn) == pytest.approx(found.chance, rel=0.15)
        assert within_correlation(-a, a, cells).value == pytest.approx(-1.0)

    def test_correlation_of_nothing_is_not_a_number(self):
        alone = within_correlation(np.arange(3.0), np.arange(3.0), np.arange(3))
        assert np.isnan(alone.value)
        assert not alone.beyond_chance(0.0)
        same = within_correlation(np.ones(3), np.arange(3.0), np.zeros(3, dtype=int))
        assert np.isnan(same.value)
        assert not same.beyond_chance(0.0)

    def test_running_with_time_by_hand(self):
        newer = np.arange(8) >= 4
        rising = np.array([1.0, 2, 3, 4, 6, 5, 7, 8])
        assert runs_with_time(rising, newer) == pytest.approx(0.8)
        assert runs_with_time(-rising, newer) == pytest.approx(0.8)
        assert runs_with_time(np.array([1.0, 2, 3, 4, 8, 7, 6, 5]), newer) == 0.0
        assert runs_with_time(np.array([1.0, 2, np.nan, np.nan, 5, 6, 7, 8]), newer) == 0.0
        assert runs_with_time(np.repeat([1.0, 2.0], 4), newer) == 0.0
        newer = np.arange(400) >= 200
        words = np.repeat(np.array(list("dbacgfhe"), dtype=object), 50)
        assert runs_with_time(words, newer) > 0.8
        assert runs_with_time(np.tile(words[::50], 50), newer) < 0.3
        assert runs_with_time(np.arange(400).astype(str).astype(object), newer) == 0.0


class TestCleanData:
    @pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.4])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_passes_without_refusal_and_with_hardly_a_question(self, rate, seed):
        findings = audit(*made(*clean(4000, rate, seed)))
        assert not [item for item in findings if item.grade == "refuse"]
        assert len({item.column for item in findings if item.grade == "ask"}) <= 1
        assert grades(findings, "empty") == {"note"}
        assert grades(findings, "same") == {"note"}

    @pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.4])
    def test_fifty_rows_say_too_little_to_refuse(self, rate):
        asked = set()
        for seed in range(8):
            findings = audit(*made(*clean(50, rate, seed)))
            assert not [item for item in findings if item.grade == "refuse"]
            asked |= {(seed, item.column) for item in findings if item.grade == "ask"}
        # Of 120 columns, 48 of which do tell a little.
        assert len(asked) <= 2

    def test_one_class_needs_no_outcome_and_breaks_nothing(self):
        columns, _ = clean(200, 0.4, 3)
        for y in (np.zeros(200), np.ones(200), np.full(200, np.nan)):
            findings = audit(*made(columns, y))
            assert {item.grade for item in findings} == {"note"}
            assert probes(findings, "empty") == {"all_missing"}

    def test_a_table_of_empty_columns_only(self):
        y = np.arange(100) % 2
        findings = audit(*made({"a": np.full(100, np.nan)}, y))
        assert probes(findings, "a") == {"all_missing"}

    def test_a_drifting_column_is_noted_and_not_accused(self):
        rng = np.random.default_rng(8)
        n = 6000
        rate = np.where(np.arange(n) < n // 2, 0.02, 0.9)
        y = (rng.random(n) < rate).astype(float)
        columns = {"rate": rate, "noise": rng.normal(size=n)}
        findings = audit(*made(columns, y))
        assert grades(findings, "rate") == {"note"}
        assert probes(findings, "rate") == {"drift"}
        assert probes(findings, WHOLE_FILE) == {"base_rate", "adversarial"}

    def test_a_date_says_nothing_by_its_age(self):
        rng = np.random.default_rng(9)
        y = (rng.random(2000) < 0.3).astype(float)
        as_of = np.datetime64("2026-01-01", "us") + np.arange(2000) * np.timedelta64(1, "h")
        age = rng.exponential(200, 2000) * np.timedelta64(1, "D")
        columns = {"born": as_of - age, "noise": rng.normal(size=2000)}
        assert audit(*made(columns, y, order="time", as_of=as_of)) == ()

    def test_a_rate_that_rises_and_falls_and_a_form_changed_once_are_no_dates(self):
        rng = np.random.default_rng(10)
        y = (rng.random(3000) < 0.3).astype(float)
        place = np.arange(3000) / 3000
        columns = {
            "rate": np.where(place < 0.5, 3 + place, 1 - place),
            "form": np.where(place < 0.5, "old", "new").astype(object),
        }
        findings = audit(*made(columns, y))
        assert {item.grade for item in findings} == {"note"}
        assert probes(findings, WHOLE_FILE) == {"adversarial"}
        assert "rate (1.00), form (1.00)" in findings[-1].suspicion.text


RATES = [0.02, 0.1, 0.4]


class TestPlantedLeaks:
    @pytest.mark.parametrize("rate", [0.005, *RATES])
    def test_the_outcome_copied_with_noise(self, rate):
        columns, y = clean(6000, rate, 11)
        rng = np.random.default_rng(1)
        columns["copy"] = y + 0.4 * rng.normal(size=len(y))
        assert "refuse" in grades(audit(*made(columns, y)), "copy")

    @pytest.mark.parametrize("rate", RATES)
    def test_a_copy_with_so_much_noise_that_only_a_question_is_left(self, rate):
        columns, y = clean(6000, rate, 12)
        columns["copy"] = y + 0.75 * np.random.default_rng(2).normal(size=len(y))
        findings = audit(*made(columns, y))
        assert grades(findings, "copy") == {"ask"}

    @pytest.mark.parametrize("rate", [0.005, *RATES])
    def test_a_field_filled_only_after_winning(self, rate):
        columns, y = clean(8000, rate, 13)
        rng = np.random.default_rng(3)
        after = (y == 1) & (rng.random(len(y)) < 0.95)
        columns["contract"] = np.where(after, rng.normal(size=len(y)), np.nan)
        findings = audit(*made(columns, y))
        assert "refuse" in grades(findings, "contract")
        assert "one_sided_presence" in probes(findings, "contract")

    @pytest.mark.parametrize("rate", RATES)
    def test_a_value_given_only_to_lost_leads(self, rate):
        columns, y = clean(8000, rate, 14)
        rng = np.random.default_rng(4)
        stage = rng.choice(["new", "open", "busy"], len(y)).astype(object)
        stage[(y == 0) & (rng.random(len(y)) < 0.25)] = "closed, wrong number"
        columns["stage"] = stage
        findings = audit(*made(columns, y))
        assert probes(findings, "stage") >= {"one_sided_value"}
        assert "refuse" in grades(findings, "stage")
        text = next(f.suspicion.text for f in findings if f.column == "stage")
        assert "closed, wrong number" in text

    @pytest.mark.parametrize("rate", RATES)
    def test_an_amount_that_is_0_until_a_lead_is_won(self, rate):
        columns, y = clean(8000, rate, 14)
        y[7000:] = np.nan  # open leads have a 0, too
        rng = np.random.default_rng(4)
        columns["worth"] = np.where(y == 1, rng.integers(100, 99_999, len(y)) + 0.5, 0.0)
        findings = audit(*made(columns, y))
        assert probes(findings, "worth") >= {"one_sided_value", "single_field_auc"}
        assert "note" not in grades(findings, "worth")
        assert "refuse" in grades(findings, "worth")

    @pytest.mark.parametrize(("name", "grade"), [("is_sql", "refuse"), ("stayed", "note")])
    def test_a_strong_negative_by_the_name_of_a_stage(self, name, grade):
        columns, y = clean(8000, 0.3, 14)
        decided = np.random.default_rng(4).random(len(y))
        columns[name] = np.where((y == 0) & (decided < 0.2), 0.0, 1.0)
        y[7000:] = np.nan
        one_sided = {
            f.grade for f in audit(*made(columns, y)) if f.suspicion.probe == "one_sided_value"
        }
        assert one_sided == {grade}

    @pytest.mark.parametrize("rate", RATES)
    def test_a_field_filled_more_often_for_won_leads(self, rate):
        columns, y = clean(6000, rate, 15)
        rng = np.random.default_rng(5)
        filled = rng.random(len(y)) < np.where(y == 1, 0.8, 0.4)
        columns["note by sales"] = np.where(filled, rng.normal(size=len(y)), np.nan)
        findings = audit(*made(columns, y))
        assert probes(findings, "note by sales") == {"presence_auc"}
        assert grades(findings, "note by sales") == {"ask"}

    @pytest.mark.parametrize("rate", RATES)
    def test_a_category_that_refines_the_outcome(self, rate):
        columns, y = clean(6000, rate, 16)
        rng = np.random.default_rng(6)
        won, lost = rng.choice(["cash", "card"], len(y)), rng.choice(["a", "b", "c"], len(y))
        columns["way"] = np.where(y == 1, won, lost).astype(object)
        assert grades(audit(*made(columns, y)), "way") >= {"refuse"}

    def test_a_strong_column_among_weak_ones(self):
        columns, y = clean(6000, 0.3, 17)
        columns["strong"] = y + 0.87 * np.random.default_rng(7).normal(size=len(y))
        findings = audit(*made(columns, y))
        assert probes(findings, "strong") == {"gain"}

    def test_a_field_that_a_tool_filled_in_for_a_while(self):
        columns, y = clean(3000, 0.3, 18)
        filled = (np.arange(3000) < 900) | (np.arange(3000) > 2700)
        columns["tool"] = np.where(filled, 1.0, np.nan)
        findings = audit(*made(columns, y))
        assert probes(findings, "tool") >= {"fill_swing"}
        assert "ask" in grades(findings, "tool")

    def test_what_leads_collect_while_they_are_worked_on(self):
        columns, y = clean(6000, 0.3, 19)
        rng = np.random.default_rng(8)
        sent = rng.random(6000) < np.where(y == 1, 0.6, 0.2)
        sent &= (np.arange(6000) < 5400) | (rng.random(6000) < 0.15)
        columns["last step"] = np.where(sent, "message sent", "form").astype(object)
        findings = audit(*made(columns, y))
        assert "ripening" in probes(findings, "last step")

    def test_a_number_that_leads_collect_while_they_are_worked_on(self):
        columns, y = clean(6000, 0.3, 19)
        rng = np.random.default_rng(8)
        touches = rng.poisson(np.where(y == 1, 3.0, 1.5)).astype(float)
        columns["at creation"] = touches.copy()
        touches[5400:] = rng.poisson(0.2, 600)
        columns["steps"] = touches
        findings = audit(*made(columns, y))
        assert probes(findings, "steps") == {"ripening"}
        assert probes(findings, "at creation") == set()
        text = next(f.suspicion.text for f in findings if f.column == "steps")
        assert text.startswith("a value from ")

    def test_an_order_that_is_the_day_of_the_outcome(self):
        columns, y = clean(4000, 0.3, 24)
        rng = np.random.default_rng(13)
        as_of = np.datetime64("2025-01-01", "us") + np.arange(4000) * np.timedelta64(4, "h")
        took = rng.exponential(np.where(y == 1, 40.0, 10.0))
        columns["created"] = as_of - (took * 86400).astype(int) * np.timedelta64(1, "s")
        columns["met"] = as_of - rng.integers(1, 900, 4000) * np.timedelta64(1, "D")
        findings = audit(*made(columns, y, order="time", as_of=as_of))
        assert probes(findings, "created") == {"age_auc"}
        assert grades(findings, "created") == {"ask"}
        assert grades(findings, "met") == set()

    def test_a_sure_day_of_the_outcome_is_refused(self):
        columns, y = clean(4000, 0.3, 25)
        as_of = np.datetime64("2025-01-01", "us") + np.arange(4000) * np.timedelta64(4, "h")
        columns["created"] = as_of - np.where(y == 1, 30, 2) * np.timedelta64(1, "D")
        findings = audit(*made(columns, y, order="time", as_of=as_of))
        assert "refuse" in {
            f.grade for f in findings if (f.column, f.suspicion.probe) == ("created", "age_auc")
        }

    @pytest.mark.parametrize("kind", ["counter", "falling", "month"])
    def test_an_id_a_counter_and_a_date_in_disguise(self, kind):
        columns, y = clean(3000, 0.3, 26)
        rng = np.random.default_rng(14)
        counter = 1000.0 + np.arange(3000) + rng.integers(0, 20, 3000)
        month = np.array([f"m{index:02d}" for index in rng.permutation(24)], dtype=object)
        columns[kind] = {
            "counter": counter,
            "falling": -counter,
            "month": month[np.arange(3000) // 125],
        }[kind]
        findings = audit(*made(columns, y))
        assert "tells_time" in probes(findings, kind)
        assert "ask" in grades(findings, kind)
        assert "order" not in probes(findings, WHOLE_FILE)
        snapshot, schema = made(columns, y, order="none")
        assert "tells_time" not in probes(audit(snapshot, schema), kind)

    def test_nobody_has_said_when_a_used_field_is_known(self):
        columns, y = clean(500, 0.4, 27)
        snapshot, schema = made(columns, y, visits="unknown")
        findings = audit(snapshot, schema)
        assert probes(findings, "visits") == {"undeclared"}
        assert grades(findings, "visits") == {"ask"}
        unused = [replace(c, use=c.name != "visits") for c in schema.columns]
        assert probes(audit(snapshot, schema.with_columns(unused)), "visits") == set()

    def test_what_the_schema_leaves_out_does_not_hide_what_it_uses(self):
        columns, y = clean(6000, 0.3, 17)
        strong = y + 0.87 * np.random.default_rng(7).normal(size=len(y))
        columns |= {"strong": strong, "left out": strong + 1e-3}
        snapshot, schema = made(columns, y)
        assert "gain" not in probes(audit(snapshot, schema), "strong")
        used = schema.with_columns(replace(c, use=c.name != "left out") for c in schema.columns)
        assert "gain" in probes(audit(snapshot, used), "strong")

    def test_a_column_filled_together_with_a_leak(self):
        columns, y = clean(4000, 0.3, 20)
        rng = np.random.default_rng(9)
        filled = rng.random(4000) < 0.5
        columns["leak"] = np.where(filled, y + 0.3 * rng.normal(size=4000), np.nan)
        columns["beside it"] = np.where(filled, rng.normal(size=4000), np.nan)
        findings = audit(*made(columns, y))
        assert probes(findings, "leak") >= {"filled_auc"}
        assert probes(findings, "beside it") == {"filled_with"}

    def test_dates_after_the_moment_at_which_the_lead_is_seen(self):
        columns, y = clean(500, 0.4, 21)
        as_of = np.datetime64("2026-01-01", "us") + np.arange(500) * np.timedelta64(1, "h")
        late = np.arange(500) % 50 == 0
        columns["touched"] = as_of + np.where(late, 5, -5) * np.timedelta64(1, "D")
        columns["born"] = as_of - np.timedelta64(9000, "D")
        findings = audit(*made(columns, y, order="time", as_of=as_of))
        assert probes(findings, "touched") == {"after_as_of"}
        assert grades(findings, "born") == set()

    def test_a_perfect_copy_in_fifty_rows(self):
        columns, y = clean(50, 0.4, 22)
        columns["copy"] = np.where(y == 1, "yes", "no").astype(object)
        assert "refuse" in grades(audit(*made(columns, y)), "copy")

    def test_a_file_sorted_by_outcome(self):
        columns, y = clean(2000, 0.3, 23)
        columns["copy"] = y + 0.3 * np.random.default_rng(10).normal(size=2000)
        by_outcome = np.argsort(y, kind="stable")
        sorted_columns = {name: values[by_outcome] for name, values in columns.items()}
        findings = audit(*made(sorted_columns, y[by_outcome]))
        assert probes(findings, WHOLE_FILE) >= {"sorted_by_outcome"}
        assert "refuse" in grades(findings, "copy")
        assert "refuse" not in grades(findings, "number 0")


class TestEvidence:
    """With few wins, 99 % lost is nothing; with few rows, neither is 100 %."""

    def test_a_value_that_never_wins_is_no_finding_where_hardly_anything_wins(self):
        columns, y = clean(20000, 0.005, 31)
        words = np.array(["a"] * 20000, dtype=object)
        words[:400] = "b"
        y[:400] = 0.0
        columns["word"] = words
        assert grades(audit(*made(columns, y)), "word") == set()

    @pytest.mark.parametrize(("rows", "found"), [(29, set()), (30, {"one_sided_value"})])
    def test_thirty_rows_are_the_fewest(self, rows, found):
        rng = np.random.default_rng(32)
        y = (rng.random(1000) < 0.4).astype(float)
        words = np.array(["a"] * 1000, dtype=object)
        words[np.flatnonzero(y == 1)[:rows]] = "b"
        assert probes(audit(*made({"word": words}, y)), "word") == found

    @pytest.mark.parametrize(("others", "found"), [(2, {"one_sided_value"}), (3, set())])
    def test_ninety_nine_percent_is_the_least(self, others, found):
        rng = np.random.default_rng(33)
        y = (rng.random(3000) < 0.4).astype(float)
        words = np.array(["a"] * 3000, dtype=object)
        words[np.flatnonzero(y == 0)[: 200 - others]] = "b"
        words[np.flatnonzero(y == 1)[:others]] = "b"
        assert probes(audit(*made({"word": words}, y)), "word") == found

    @pytest.mark.parametrize(("word", "grade"), [("b", "note"), ("rejected", "ask")])
    def test_a_value_of_few_lost_leads_is_not_refused(self, word, grade):
        rng = np.random.default_rng(34)
        y = (rng.random(20000) < 0.4).astype(float)
        words = np.array(["a"] * 20000, dtype=object)
        words[np.flatnonzero(y == 0)[:60]] = word
        assert grades(audit(*made({"word": words}, y)), "word") == {grade}

    def test_with_six_wins_a_strong_column_is_asked_about_not_refused(self):
        y = np.zeros(300)
        y[::50] = 1.0
        x = np.random.default_rng(36).normal(size=300)
        x[y == 1] = np.quantile(x, [0.86, 0.9, 0.93, 0.95, 0.97, 0.99])
        findings = audit(*made({"x": x, "n": np.random.default_rng(1).normal(size=300)}, y))
        item = next(f for f in findings if f.column == "x")
        assert item.suspicion.value >= 0.9
        assert grades(findings, "x") == {"ask"}


class TestLaws:
    def test_names_change_nothing(self):
        columns, y = clean(2000, 0.3, 41)
        columns["copy"] = y + 0.5 * np.random.default_rng(11).normal(size=2000)
        other = {f'Поле [{index}]: "{name}"': v for index, (name, v) in enumerate(columns.items())}
        first, second = audit(*made(columns, y)), audit(*made(other, y))
        assert [(f.grade, f.suspicion.probe, f.suspicion.value) for f in first] == [
            (f.grade, f.suspicion.probe, f.suspicion.value) for f in second
        ]

    def test_twice_the_same(self):
        data = made(*clean(1500, 0.2, 42))
        assert audit(*data) == audit(*data)

    def test_open_leads_do_not_change_what_the_outcome_says(self):
        columns, y = clean(2000, 0.3, 43)
        columns["copy"] = y + 0.5 * np.random.default_rng(12).normal(size=2000)
        decided = audit(*made(columns, y))
        longer = {name: np.concatenate([values, values[-200:]]) for name, values in columns.items()}
        with_open = audit(*made(longer, np.concatenate([y, np.full(200, np.nan)])))
        assert [f for f in decided if f.column == "copy"] == [
            f for f in with_open if f.column == "copy"
        ]

    def test_worst_grade_first_then_in_the_order_of_the_file(self):
        columns, y = clean(1000, 0.4, 44)
        columns["copy"] = y.copy()
        findings = audit(*made(columns, y))
        ranks = [("refuse", "ask", "note").index(item.grade) for item in findings]
        assert ranks == sorted(ranks)
        assert findings[0].column == "copy"

    def test_progress_ends_at_the_number_of_columns(self):
        told = []
        columns, y = clean(200, 0.4, 45)
        audit(*made(columns, y), progress=lambda done, total: told.append((done, total)))
        assert told[0] == (0, len(columns))
        assert told[-1] == (len(columns), len(columns))


class TestNotes:
    def test_copies_under_another_name_and_in_other_words(self):
        rng = np.random.default_rng(51)
        y = (rng.random(400) < 0.4).astype(float)
        words = rng.choice(["a", "b", "c"], 400).astype(object)
        x = rng.normal(size=400)
        columns = {
            "word": words,
            "wort": np.array([{"a": "x", "b": "y", "c": "z"}[w] for w in words], dtype=object),
            "number": x,
            "again": x.copy(),
            "other": rng.normal(size=400),
        }
        findings = audit(*made(columns, y))
        assert [f.column for f in findings if f.suspicion.probe == "duplicate"] == ["wort", "again"]

    def test_repeated_rows_are_counted(self):
        columns = {"a": np.tile(np.arange(100.0), 2), "b": np.tile(np.arange(100.0) % 7, 2)}
        y = np.tile(np.arange(100) % 2, 2)
        found = [f for f in audit(*made(columns, y)) if f.suspicion.probe == "duplicate_rows"]
        assert found[0].column == WHOLE_FILE
        assert "100 rows" in found[0].suspicion.text

    def test_nearly_all_different_words_name_a_lead(self):
        y = np.arange(200) % 2
        names = np.array([f"n{i}" for i in range(200)], dtype=object)
        assert probes(audit(*made({"who": names}, y)), "who") == {"id"}

    def test_text_and_id_columns_are_noted(self):
        snapshot, schema = made({"a": np.arange(50.0)}, np.arange(50) % 2)
        more = (*schema.columns, Column("t", "text", use=False), Column("i", "id", use=False))
        findings = audit(snapshot, schema.with_columns(more))
        assert probes(findings, "t") == {"free_text"}
        assert probes(findings, "i") == {"id"}

    def test_personal_values_stand_in_no_finding(self):
        rng = np.random.default_rng(52)
        y = (rng.random(600) < 0.4).astype(float)
        mails = np.where(y == 1, "anna@example.org", None).astype(object)
        snapshot, schema = made({"mail": mails, "x": rng.normal(size=600)}, y)
        schema = schema.with_columns((Column("mail", "email"), schema["x"]))
        findings = audit(snapshot, schema)
        assert probes(findings, "mail") >= {"one_sided_presence"}
        assert "anna" not in " ".join(item.suspicion.text for item in findings)


class TestRefusals:
    @pytest.fixture
    def leaky(self):
        columns, y = clean(1000, 0.4, 61)
        return made({"copy": y + 0.0, "honest": columns["number 0"]}, y)

    def test_only_refuse_on_used_columns_without_a_reason_stops_training(self, leaky):
        snapshot, schema = leaky
        findings = audit(snapshot, schema)
        copy, honest = schema.columns
        assert {item.column for item in refusals(findings, schema)} == {"copy"}
        unused = schema.with_columns((replace(copy, use=False), honest))
        allowed = schema.with_columns((replace(copy, allow="set by the form"), honest))
        assert refusals(findings, unused) == ()
        assert refusals(findings, allowed) == ()
        assert refusals((), schema) == ()

    def test_what_the_schema_declares_to_come_after_the_outcome(self):
        columns, y = clean(500, 0.4, 62)
        snapshot, schema = made(columns, y, visits="after_outcome")
        findings = audit(snapshot, schema)
        assert {item.column for item in refusals(findings, schema)} == {"visits"}
        assert probes(findings, "visits") == {"declared"}

    def test_thresholds_are_settings(self, leaky):
        snapshot, schema = leaky
        never = AuditSettings(refuse_auc=1.1, ask_auc=1.1, one_sided_share=1.1, ask_gain=1.1)
        assert not [f for f in audit(snapshot, schema, settings=never) if f.grade == "refuse"]


def test_every_setting_is_documented():
    text = str(AuditSettings.__doc__)
    for item in fields(AuditSettings):
        assert item.name in text


def test_every_threshold_stands_in_the_docs():
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    section = text[text.index("## Leak audit") : text.index("## Metrics")]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "`" in line]
    told = {
        probe: row.replace(" %", "%")
        for row in rows
        for probe in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    kept = AuditSettings()
    for probe, numbers in {
        "changed": (f"{kept.refuse_changed:.0%}", f"{kept.changed_rows} leads"),
        "counts_on": (f"{kept.refuse_counts_on:.2f}", f"{kept.ask_counts_on:.2f}"),
        "seen_days": (f"{kept.refuse_seen:.2f}", f"{kept.ask_seen:.2f}"),
        "age_auc": tuple(f"{x:.2f}" for x in (kept.refuse_auc, kept.ask_age_auc, kept.ask_auc)),
        "single_field_auc": (f"{kept.refuse_auc:.2f}", f"{kept.ask_auc:.2f}"),
        "one_sided_value": (
            f"{kept.one_sided_share:.0%}",
            f"{kept.one_sided_rows} leads",
            f"{kept.one_sided_odds:.0f} times",
        ),
        "presence_auc": (f"{kept.ask_presence_auc:.2f}",),
        "named": (f"{kept.ask_named_auc:.2f}", f"{kept.named_z:.0f} standard"),
        "total": (f"{kept.ask_total:.2f}",),
        "absent_on_open": (f"{kept.absent_on_open:.0%}", f"{kept.open_expected:.0f} or more"),
        "open_values": (f"{kept.ask_open:.2f}", f"{kept.open_cell} of"),
        "order": (f"{kept.ask_order:.2f}", f"{kept.order_runs:.2f}"),
        "gain": (f"{kept.ask_gain:.2f}", f"{kept.gain_reaches:.2f}"),
        "fill_swing": (f"{kept.ask_fill_swing:.2f}",),
        "ripening": (f"{kept.ask_ripening:.2f}",),
        "after_as_of": (f"{kept.ask_after_as_of:.0%}",),
        "filled_with": (f"{kept.ask_filled_with:.2f}",),
        "tells_time": (f"{kept.ask_tells_time:.2f}", f"{kept.runs_with_time:.2f}"),
    }.items():
        assert all(number in told[probe] for number in numbers), probe
    assert f"{kept.adversarial_rows:,} leads" in section
    assert f"above {kept.note_adversarial:.2f}" in section
    assert f"{kept.most_rows:,} decided leads" in section
    asked = {"declared", "undeclared", "filled_auc", "one_sided_presence"}
    assert set(told) >= asked
