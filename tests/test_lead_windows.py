"""Windows over leads seen at several ages: hand-computed places, laws, and the second check."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.errors import ScoringError, TrainingRefused
from scoring_ml.evaluation.lead_windows import (
    NOT_OPEN_AT_HEADLINE,
    TOO_YOUNG,
    lead_weights,
    split_leads,
)
from scoring_ml.evaluation.time_split import split_windows
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.evaluation.windows import NAMES
from tests.small_ages import aged_schema, aged_snapshot, day

SCHEMA = aged_schema()


def split(snapshot, schema=SCHEMA):
    windows = split_leads(snapshot, schema)
    check_leads(windows, snapshot, schema)
    return windows


def leads_at(snapshot, rows):
    """Return (lead, age) of some rows."""
    return list(zip(snapshot.lead[rows].tolist(), snapshot.age_days[rows].tolist(), strict=True))


@pytest.fixture(scope="module")
def snapshot():
    return aged_snapshot()


@pytest.fixture(scope="module")
def windows(snapshot):
    return split(snapshot)


# 100 leads, one a day, seen at 0 (plus a second), 1 and 7 days; an outcome is final after 10 days;
# extracted on day 100. At the headline age of a day the leads 0-89 are final (i + 1 + 10 <= 100):
# the newest 18 of 90 are 72-89, seen from day 73 on, when labels of rows up to day 63 are known.
# The one block begins with lead 36, on day 37, when labels of rows up to day 27 are known.


def test_leads_are_cut_once_each_at_the_headline_age(snapshot, windows):
    assert leads_at(snapshot, windows.train) == [(i, 1.0) for i in range(36)]
    assert [leads_at(snapshot, b) for b in windows.blocks] == [[(i, 1.0) for i in range(36, 72)]]
    assert leads_at(snapshot, windows.test) == [(i, 1.0) for i in range(72, 90)]
    assert windows.boundaries == {
        "train": (day(1), day(36)),
        "calibrate": (day(37), day(72)),
        "test": (day(73), day(90)),
    }


def aged(leads, *, until):
    """Return (lead, age) of leads at every age that they reach by a day, lead after lead."""
    return [(i, age) for i in leads for age in (0.0, 1.0, 7.0) if i + max(age, 1e-5) <= until]


def test_every_age_whose_label_was_known_is_learned_from(snapshot, windows):
    first, last = windows.origins
    assert leads_at(snapshot, first.fit) == aged(range(36), until=27)
    assert leads_at(snapshot, last.fit) == aged(range(72), until=63)


def test_a_block_is_predicted_at_every_age_that_its_leads_reach_after_the_cut_off(
    snapshot, windows
):
    first, last = windows.origins
    # At creation, a second into day 36, lead 36 was seen before the cut-off.
    assert leads_at(snapshot, first.predicted) == aged(range(36, 72), until=90)[1:]
    assert leads_at(snapshot, last.predicted) == aged(range(72, 90), until=90)[1:]
    assert leads_at(snapshot, last.known) == aged(range(36, 72), until=63)[1:]
    assert leads_at(snapshot, windows.ages[7.0]) == [(i, 7.0) for i in range(72, 84)]
    assert leads_at(snapshot, windows.ages[0.0]) == [(i, 0.0) for i in range(73, 90)]


def test_everything_with_a_final_label_is_learned_from_in_the_end(snapshot, windows):
    assert leads_at(snapshot, windows.mature) == aged(range(90), until=90)
    assert set(windows.unused) == {TOO_YOUNG}
    assert len(windows.open) == 5


def test_a_lead_that_was_closed_at_the_headline_age_is_in_no_window():
    closed = np.full(100, np.inf)
    closed[[3, 55, 80]] = 0.5
    snapshot = aged_snapshot(closed_after_days=closed)
    windows = split(snapshot)
    assert leads_at(snapshot, windows.unused[NOT_OPEN_AT_HEADLINE]) == [
        (3, 0.0),
        (55, 0.0),
        (80, 0.0),
    ]


def test_a_lead_closed_after_the_headline_age_has_no_older_row():
    closed = np.full(100, np.inf)
    closed[::2] = 3
    snapshot = aged_snapshot(closed_after_days=closed)
    windows = split(snapshot)
    assert set(snapshot.lead[windows.ages[7.0]].tolist()) <= set(range(1, 100, 2))
    assert len(windows.test) > len(windows.ages[7.0])


def test_each_lead_weighs_one(snapshot, windows):
    weight = lead_weights(snapshot.lead[windows.fit])
    assert weight.sum() == pytest.approx(63)
    assert weight[:3].tolist() == [1 / 3] * 3
    assert weight[-2:].tolist() == [1 / 2] * 2


def test_the_moment_of_extraction_decides_what_is_final():
    early = aged_snapshot(leads=60, extracted_day=60)
    later = replace(early, extracted_at=day(80), label=np.tile([0.0, 1.0], 999)[: len(early)])
    later = replace(later, label=np.where(np.isnan(later.age_days), np.nan, later.label))
    assert len(split(early).unused[TOO_YOUNG]) > 0
    assert TOO_YOUNG not in split(later).unused
    # Without one the newest moment counts, that of the open rows.
    assert split(replace(early, extracted_at=None)).test.tolist() == split(early).test.tolist()


def test_an_export_shorter_than_the_horizon_is_cut_by_its_gap_and_says_so(snapshot):
    schema = aged_schema(mature_after_days=None, gap_days=2.0)
    windows = split(snapshot, schema)
    assert windows.gap_days == 2.0
    assert windows.warnings[0].code == "short_gap"
    assert windows.warnings[0].params == {"days": 2.0}
    assert not windows.final_labels  # what was not final has no label
    assert len(windows.fit) > 70
    assert "short_gap" not in [warning.code for warning in split(snapshot).warnings]


def test_rows_that_are_leads_are_cut_as_ever():
    as_of = np.array([day(i) for i in range(50)])
    aged = aged_snapshot(leads=50, ages=(1.0,), open_now=0)
    flat = replace(aged, lead=None, age_days=None, headline_age_days=None, extracted_at=None)
    flat = replace(flat, as_of=as_of, label=np.arange(50) % 2 * 1.0)
    schema = aged_schema(mature_after_days=None)
    found = split_leads(flat, schema)
    check_leads(found, flat, schema)
    plain = split_windows(
        by="time",
        position=flat.position,
        as_of=flat.as_of,
        label=flat.label,
        mature_after_days=None,
        gap_days=None,
    )
    for name in (*NAMES, "open"):
        assert found[name].tolist() == plain[name].tolist()
    assert found.ages == {}
    assert found.final_labels


def test_a_file_that_says_when_it_was_written_is_judged_by_that():
    aged = aged_snapshot(leads=60, ages=(1.0,), open_now=0)
    flat = replace(aged, lead=None, age_days=None, extracted_at=None, label=np.arange(60) % 2 * 1.0)
    newest = split_leads(flat, SCHEMA)
    dated = replace(flat, extracted_at=flat.as_of.max() + np.timedelta64(10, "D"))
    later = split_leads(dated, SCHEMA)
    assert len(newest.immature) == 10  # the last ten days
    assert len(later.immature) == 0
    check_leads(later, dated, SCHEMA)


def test_order_of_rows_changes_nothing():
    snapshot = aged_snapshot(leads=80, seed=3)
    mixed = np.random.default_rng(1).permutation(len(snapshot))
    windows, other = split(snapshot), split(snapshot.take(mixed))
    for name in NAMES:
        assert mixed[other[name]].tolist() == windows[name].tolist()
    assert mixed[other.fit].tolist() == windows.fit.tolist()
    for age, rows in windows.ages.items():
        assert mixed[other.ages[age]].tolist() == rows.tolist()


def test_laws_on_many_random_exports():
    rng = np.random.default_rng(5)
    split_well = 0
    for seed in range(60):
        leads = int(rng.integers(30, 120))
        mature = float(rng.choice([2.0, 10.0, 30.0]))
        snapshot = aged_snapshot(
            leads=leads,
            apart_days=float(rng.choice([0.1, 0.5, 2.0])),
            mature_after_days=mature,
            closed_after_days=rng.exponential(20, leads),
            won=rng.integers(0, 2, leads),
            seed=seed,
        )
        schema = aged_schema(mature_after_days=mature, gap_days=rng.choice([None, 1.0, 15.0]))
        try:
            windows = split(snapshot, schema)  # which runs the second check
        except TrainingRefused:
            continue
        split_well += 1
        gap = np.timedelta64(round(windows.gap_days * 86_400), "s")
        for origin in windows.origins:
            begins = snapshot.as_of[origin.predicted].min()
            assert (snapshot.as_of[origin.fit] + gap <= begins).all()
            assert (snapshot.as_of[origin.known] + gap <= begins).all()
            assert not set(snapshot.lead[origin.fit]) & set(snapshot.lead[origin.predicted])
        weights = Counter()
        for lead, weight in zip(
            snapshot.lead[windows.mature], lead_weights(snapshot.lead[windows.mature]), strict=True
        ):
            weights[int(lead)] += weight
        assert weights.keys() == set(snapshot.lead[windows.leads].tolist())
        assert list(weights.values()) == pytest.approx([1.0] * len(weights))
    assert split_well > 20


def test_too_few_leads_are_refused_in_leads():
    with pytest.raises(
        TrainingRefused, match=r"final outcome at the age of 1 day\(s\). Found: none a"
    ):
        split_leads(aged_snapshot(leads=5, extracted_day=5, mature_after_days=90), aged_schema())


def test_a_snapshot_with_leads_needs_their_ages(snapshot):
    with pytest.raises(ValueError, match="must have as_of, age_days and headline_age_days"):
        split_leads(replace(snapshot, headline_age_days=None), SCHEMA)


class TestSecondCheck:
    def test_a_lead_learned_from_and_predicted_at_once_is_found(self, snapshot, windows):
        first, last = windows.origins
        # Lead 36 at creation: its label was not known either, so extraction is put aside.
        row = windows.mature[np.flatnonzero(snapshot.lead[windows.mature] == 36)[0]]
        broken = replace(windows, origins=(replace(first, fit=np.append(first.fit, row)), last))
        with pytest.raises(ScoringError, match=r"learned from and predicted at once. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)

    def test_a_label_known_too_late_is_found(self, snapshot, windows):
        first, last = windows.origins
        row = windows.mature[np.flatnonzero(snapshot.lead[windows.mature] == 26)[-1]]
        broken = replace(windows, origins=(replace(first, fit=np.append(first.fit, row)), last))
        with pytest.raises(ScoringError, match=r"known before what it predicts begins. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)

    def test_a_row_nowhere_or_twice_is_found(self, snapshot, windows):
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_leads(replace(windows, open=windows.open[1:]), snapshot, SCHEMA)
        twice = replace(windows, open=np.append(windows.open, windows.mature[0]))
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_leads(twice, snapshot, SCHEMA)

    def test_a_label_that_is_young_is_found(self, snapshot, windows):
        # Lead 89 at 0 and 1 days and lead 83 at 7: final on day 99 and a second, or day 100.
        sooner = replace(snapshot, extracted_at=day(99))
        with pytest.raises(ScoringError, match=r"must be final. Found: 3"):
            check_leads(windows, sooner, SCHEMA)

    def test_a_lead_counted_twice_or_at_another_age_is_found(self, snapshot, windows):
        other = windows.ages[7.0][:1]
        twice = replace(windows, test=np.append(windows.test, other))
        with pytest.raises(ScoringError, match=r"window must be there once. Found: 1"):
            check_leads(twice, snapshot, SCHEMA)
        lone = replace(windows, test=np.append(windows.test[1:], other))
        with pytest.raises(ScoringError, match=r"must be of the headline age. Found: 1"):
            check_leads(lone, snapshot, SCHEMA)

    def test_rows_of_a_lead_that_are_torn_apart_are_found(self, snapshot, windows):
        first, last = windows.origins

        def fitted_on(rows):
            return replace(windows, origins=(first, replace(last, fit=rows)))

        with pytest.raises(ScoringError, match="Rows to learn from must be in order"):
            check_leads(fitted_on(last.fit[::-1]), snapshot, SCHEMA)
        level = replace(snapshot, position=np.zeros(len(snapshot)))
        shuffled = last.fit[np.argsort(np.arange(len(last.fit)) % 2, kind="stable")]
        with pytest.raises(ScoringError, match="Rows of a lead must be adjacent"):
            check_leads(fitted_on(shuffled), level, SCHEMA)

    def test_an_open_row_of_another_age_is_found(self, snapshot, windows):
        row = windows.unused[TOO_YOUNG][0]
        unused = {TOO_YOUNG: windows.unused[TOO_YOUNG][1:]}
        broken = replace(windows, open=np.append(windows.open, row), unused=unused)
        with pytest.raises(ScoringError, match=r"open row must be of now. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)
