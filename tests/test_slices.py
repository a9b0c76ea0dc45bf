"""Slices: who is in them, and figures worked out apart from them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.errors import InputError
from scoring_ml.evaluation.intervals import (
    Predictions,
    auc_with_interval,
    bootstrap_metrics,
)
from scoring_ml.evaluation.lead_windows import split_leads
from scoring_ml.evaluation.slices import MOST_LEVELS, judge_slices
from scoring_ml.evaluation.windows import ROLLING, SINGLE
from scoring_ml.statistics.delong import auc_interval
from scoring_ml.statistics.ranking import roc_auc
from tests.small_ages import aged_schema, aged_snapshot

LEADS = 400
RNG = np.random.default_rng(8)
WON = RNG.integers(0, 2, LEADS)
# Every third lead has no account; accounts come again over the whole time.
ACCOUNT = np.array(
    [None if i % 3 == 0 else f"A{RNG.integers(150)}" for i in range(LEADS)], dtype=object
)
SCHEMA = aged_schema(account=True)


@pytest.fixture(scope="module")
def snapshot():
    return aged_snapshot(leads=LEADS, apart_days=0.5, won=WON, account=ACCOUNT, seed=4)


@pytest.fixture(scope="module")
def windows(snapshot):
    return split_leads(snapshot, SCHEMA)


@pytest.fixture(scope="module")
def said(snapshot):
    logodds = snapshot.frame["visits"].to_numpy() - 3
    return {
        "boosted": Predictions(logodds, 1 / (1 + np.exp(-logodds))),
        "matrix": Predictions(snapshot.frame["size"].to_numpy()),
    }


def judge(snapshot, windows, said, **options):
    found = judge_slices(snapshot, SCHEMA, windows, said, replicates=50, **options)
    return {part.name: part for part in found}


def test_there_is_a_slice_per_age_and_one_of_new_accounts(snapshot, windows, said):
    found = judge(snapshot, windows, said)
    assert list(found) == ["age_0d", "age_1d", "age_7d", "new_accounts"]
    assert [part.headline for part in found.values()] == [False, True, False, False]
    assert [part.value for part in found.values()] == [0.0, 1.0, 7.0, None]
    for part in found.values():
        assert set(part.judged) == {"boosted", "matrix"}


def test_figures_are_those_of_the_rows_at_that_age(snapshot, windows, said):
    for days, part in zip((0.0, 1.0, 7.0), judge(snapshot, windows, said).values(), strict=False):
        rows = windows.ages[days]
        label = snapshot.label[rows]
        assert (part.leads, part.wins) == (len(rows), label.sum())
        assert part.observed == pytest.approx(label.mean())
        boosted = part.judged["boosted"]
        assert boosted.roc_auc.value == roc_auc(said["boosted"].logodds[rows], label)
        assert boosted.roc_auc.low < boosted.roc_auc.value < boosted.roc_auc.high
        assert boosted.predicted == pytest.approx(said["boosted"].probability[rows].mean())
        assert boosted.promised.value == pytest.approx(said["boosted"].probability[rows].sum())
        assert np.isnan(part.judged["matrix"].predicted)  # it gave no probabilities
        assert np.isnan(part.judged["matrix"].promised.value)


def test_a_later_look_at_the_same_leads_ranks_them_better(snapshot, windows, said):
    found = judge(snapshot, windows, said)
    aucs = [found[f"age_{age}d"].judged["boosted"].roc_auc.value for age in (0, 1, 7)]
    assert aucs == sorted(aucs)


@pytest.mark.parametrize("plan", [ROLLING, SINGLE], ids=["rolling", "single"])
def test_new_accounts_are_those_of_no_lead_learned_from_or_calibrated_on(snapshot, said, plan):
    windows = split_leads(snapshot, SCHEMA, plan=plan)
    part = judge(snapshot, windows, said)["new_accounts"]
    earlier = [*windows.fit, *windows.origins[-1].known]
    # A lead whose label was not known before the newest window taught nothing yet.
    waited = set(snapshot.lead[windows.calibrate]) - set(snapshot.lead[earlier])
    assert waited
    seen = {ACCOUNT[snapshot.lead[row]] for row in earlier} - {None}
    new = [row for row in windows.test if ACCOUNT[snapshot.lead[row]] not in seen]
    assert part.leads == len(new)
    assert 0 < len(new) < len(windows.test)
    assert part.wins == snapshot.label[new].sum()


def test_without_accounts_there_is_no_such_slice_and_intervals_are_delongs(snapshot, windows, said):
    found = judge(replace(snapshot, account=None), windows, said)
    assert list(found) == ["age_0d", "age_1d", "age_7d"]
    rows = windows.ages[7.0]
    wanted = auc_interval(said["boosted"].logodds[rows], snapshot.label[rows])
    assert found["age_7d"].judged["boosted"].roc_auc == wanted


def test_with_accounts_intervals_are_the_comparisons(snapshot, windows, said):
    rows = windows.test
    part = Predictions(said["boosted"].logodds[rows])
    options = {"groups": snapshot.account[rows], "replicates": 50, "seed": 3}
    whole = bootstrap_metrics(snapshot.label[rows], {"boosted": part}, **options)
    found = judge(snapshot, windows, said, seed=3)["age_1d"].judged["boosted"].roc_auc
    assert found == whole.metrics["boosted"]["roc_auc"]


def test_one_class_only_has_no_auc(snapshot, windows, said):
    label = np.where(snapshot.age_days == 7.0, 0.0 * snapshot.label, snapshot.label)
    part = judge(replace(snapshot, label=label), windows, said)["age_7d"]
    assert part.wins == 0
    assert np.isnan(part.judged["boosted"].roc_auc.value)
    assert np.isnan(part.judged["boosted"].roc_auc.low)


def test_an_age_that_no_test_lead_reaches_is_empty_and_not_a_number(snapshot, windows, said):
    ages = dict(windows.ages) | {7.0: windows.ages[7.0][:0]}
    part = judge(snapshot, replace(windows, ages=ages), said)["age_7d"]
    assert (part.leads, part.wins) == (0, 0)
    assert np.isnan(part.observed)
    assert np.isnan(part.judged["boosted"].predicted)
    assert np.isnan(part.judged["boosted"].roc_auc.value)


def test_fewer_than_ten_accounts_have_no_interval():
    score, won = np.arange(30.0), np.arange(30) % 2
    found = auc_with_interval(score, won, groups=np.arange(30) % 9, replicates=20)
    assert found.value == roc_auc(score, won)
    assert np.isnan([found.low, found.high]).all()


def test_a_field_gives_a_slice_per_value_most_frequent_first(snapshot, windows, said):
    found = judge(snapshot, windows, said, slice_by=["language"])
    parts = list(found.values())[4:]
    counts = [part.leads for part in parts]
    assert {part.name for part in parts} == {"language_en", "language_fa", "language_ru"}
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == len(windows.test)
    assert [part.by for part in parts] == ["language"] * 3


def test_names_can_be_borne_by_metrics_and_are_told_apart(snapshot, windows, said):
    words = np.array(["да", "нет", None, "x y", "d", "e"], dtype=object)
    frame = snapshot.frame.assign(language=words[snapshot.lead % len(words)])
    changed = replace(snapshot, frame=frame)
    found = judge_slices(changed, SCHEMA, windows, said, slice_by=["language"], replicates=5)
    names = [part.name for part in found[4:]]
    assert len(set(names)) == len(names) == MOST_LEVELS
    assert all(re.fullmatch(r"language_[A-Za-z0-9_.-]+", name) for name in names)
    assert {"language__", "language___2", "language_x_y", "language_missing"} <= set(names)


def test_missing_values_are_a_slice(snapshot, windows, said):
    words = np.array([None, "en"], dtype=object)[snapshot.lead % 2]
    frame = snapshot.frame.assign(language=words)
    found = judge(replace(snapshot, frame=frame), windows, said, slice_by=["language"])
    assert found["language_missing"].value is None
    assert found["language_en"].value == "en"


@pytest.mark.parametrize(("name", "why"), [("size", "number"), ("colour", "no such column")])
def test_only_categories_and_booleans_make_slices(snapshot, windows, said, name, why):
    with pytest.raises(InputError, match=rf"Found: {name} \({why}\)"):
        judge(snapshot, windows, said, slice_by=[name])


def test_where_each_row_is_a_lead_there_are_slices_of_all_but_ages(snapshot, windows, said):
    head = np.flatnonzero(snapshot.age_days == 1.0)
    flat = replace(snapshot.take(head), lead=None, age_days=None, headline_age_days=None)
    alike = split_leads(flat, SCHEMA)
    given = {
        kind: Predictions(
            item.logodds[head], None if item.probability is None else item.probability[head]
        )
        for kind, item in said.items()
    }
    found = judge(flat, alike, given, slice_by=["language"])
    assert next(iter(found)) == "new_accounts"
    assert {part.by for part in found.values()} == {"account", "language"}
    assert sum(part.leads for part in found.values() if part.by == "language") == len(alike.test)
    at_ages = judge(snapshot, windows, said, slice_by=["language"])
    for name, part in found.items():
        assert (part.leads, part.wins) == (at_ages[name].leads, at_ages[name].wins)
