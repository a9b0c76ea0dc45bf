"""Windows over leads seen at several ages: hand-computed places, laws, and the second check."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.errors import ScoringError, TrainingRefused
from scoring_ml.evaluation.lead_windows import (
    COUNTED_ONCE,
    EARLY,
    IN_NO_WINDOW,
    LATE,
    NOT_OPEN_AT_HEADLINE,
    TOO_YOUNG,
    lead_weights,
    split_leads,
)
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.evaluation.windows import GAP, NAMES, split_windows
from tests.small_ages import aged_schema, aged_snapshot, day

SCHEMA = aged_schema()


def split(snapshot, schema=SCHEMA):
    windows = split_leads(snapshot, schema)
    check_leads(windows, snapshot, schema, weight=lead_weights(snapshot.lead[windows.fit]))
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
# the newest 18 of 90 are 72-89, seen from day 73 on; calibrate ends at i + 1 <= 73 - 10, lead 62,
# and begins at 49, so that train, ending at 39, and calibrate stand nearest to 3 to 1.


def test_leads_are_cut_once_each_at_the_headline_age(snapshot, windows):
    assert leads_at(snapshot, windows.train) == [(i, 1.0) for i in range(40)]
    assert leads_at(snapshot, windows.calibrate) == [(i, 1.0) for i in range(49, 63)]
    assert leads_at(snapshot, windows.test) == [(i, 1.0) for i in range(72, 90)]
    assert leads_at(snapshot, windows.unused[GAP]) == [
        (i, 1.0) for i in (*range(40, 49), *range(63, 72))
    ]
    assert windows.boundaries == {
        "train": (day(1), day(40)),
        "calibrate": (day(50), day(63)),
        "test": (day(73), day(90)),
    }


def test_train_leads_are_learned_from_at_ages_whose_outcome_was_known_in_time(snapshot, windows):
    # Calibrate begins on day 50: at 7 days a lead needs i + 7 + 10 <= 50.
    wanted = [(i, a) for i in range(40) for a in (0.0, 1.0, 7.0) if a < 7 or i <= 33]
    assert leads_at(snapshot, windows.fit) == wanted
    assert leads_at(snapshot, windows.unused[LATE]) == [(i, 7.0) for i in range(34, 40)]


def test_test_leads_are_judged_at_every_age_from_the_first_test_moment_on(snapshot, windows):
    assert list(windows.ages) == [0.0, 1.0, 7.0]
    # Lead 72 at age 0 is seen on day 72, a day before the headline's first: too early.
    assert leads_at(snapshot, windows.ages[0.0]) == [(i, 0.0) for i in range(73, 90)]
    assert leads_at(snapshot, windows.unused[EARLY]) == [(72, 0.0)]
    assert windows.ages[1.0].tolist() == windows.test.tolist()
    # i + 7 + 10 <= 100.
    assert leads_at(snapshot, windows.ages[7.0]) == [(i, 7.0) for i in range(72, 84)]


def test_every_other_row_is_unused_for_one_reason(snapshot, windows):
    assert {reason: len(rows) for reason, rows in windows.unused.items()} == {
        GAP: 18,
        IN_NO_WINDOW: 36,  # the 18 at two more ages
        COUNTED_ONCE: 28,  # 14 leads of calibrate at two more ages
        LATE: 6,
        EARLY: 1,
        # Leads 90-99 at 0 and 1 days, 90-93 at 7; test leads 84-89 at 7 days.
        TOO_YOUNG: 30,
    }
    assert snapshot.lead[windows.open].tolist() == list(range(95, 100))
    assert np.isnan(snapshot.age_days[windows.open]).all()
    judged = sum(len(rows) for rows in windows.ages.values())
    held = len(windows.fit) + len(windows.calibrate) + judged + len(windows.open)
    assert held + sum(map(len, windows.unused.values())) == len(snapshot)


def test_a_lead_closed_before_the_headline_age_is_in_no_window():
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
    assert weight.sum() == pytest.approx(40)
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
    assert len(windows.train) > 40
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
    assert found.fit is found.train
    assert found.every_age is None
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
        at = dict(zip(leads_at(snapshot, np.arange(len(snapshot))), snapshot.as_of, strict=True))
        gap = np.timedelta64(round(windows.gap_days * 86_400), "s")
        first_test = min(at[key] for key in leads_at(snapshot, windows.test))
        first = min(at[key] for key in leads_at(snapshot, windows.calibrate))
        assert all(at[key] + gap <= first for key in leads_at(snapshot, windows.fit))
        assert all(at[key] + gap <= first_test for key in leads_at(snapshot, windows.calibrate))
        judged = np.concatenate(list(windows.ages.values()))
        assert snapshot.as_of[judged].min() == first_test
        counts = Counter(lead for lead, _ in leads_at(snapshot, windows.fit))
        assert set(counts) == set(snapshot.lead[windows.train].tolist())
    assert split_well > 20


def test_too_few_leads_are_refused_in_leads():
    with pytest.raises(
        TrainingRefused, match=r"final outcome at the age of 1 day\(s\). Found: none a"
    ):
        split_leads(aged_snapshot(leads=5, extracted_day=5, mature_after_days=90), aged_schema())


def test_a_snapshot_with_leads_needs_their_ages(snapshot):
    with pytest.raises(ValueError, match="must have as_of, age_days and headline_age_days"):
        split_leads(replace(snapshot, headline_age_days=None), SCHEMA)


def moved(windows, row, **places):
    """Return windows in which a row that was unused lies somewhere else."""
    unused = {reason: rows[rows != row] for reason, rows in windows.unused.items()}
    return replace(windows, unused=unused, **places)


class TestSecondCheck:
    def test_a_lead_in_two_windows_is_found(self, snapshot, windows):
        row = windows.unused[COUNTED_ONCE][0]  # another age of a calibrate lead
        broken = moved(windows, row, every_age=np.append(windows.fit, row))
        with pytest.raises(ScoringError, match=r"No lead may be in two windows. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)

    def test_a_label_known_too_late_is_found(self, snapshot, windows):
        row = windows.unused[LATE][0]
        broken = moved(windows, row, every_age=np.append(windows.fit, row))
        with pytest.raises(ScoringError, match=r"known before the next window begins. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)

    def test_a_test_row_seen_too_early_is_found(self, snapshot, windows):
        row = windows.unused[EARLY][0]
        ages = dict(windows.ages) | {0.0: np.append(windows.ages[0.0], row)}
        with pytest.raises(ScoringError, match="known before the next window begins"):
            check_leads(moved(windows, row, ages=ages), snapshot, SCHEMA)

    def test_a_row_nowhere_or_twice_is_found(self, snapshot, windows):
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_leads(replace(windows, every_age=windows.fit[1:]), snapshot, SCHEMA)
        twice = replace(windows, open=np.append(windows.open, windows.fit[0]))
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_leads(twice, snapshot, SCHEMA)

    def test_a_row_learned_from_twice_is_found(self, snapshot, windows):
        twice = np.insert(windows.fit, 0, windows.fit[0])
        with pytest.raises(ScoringError, match=r"twice in one place. Found: 1"):
            check_leads(replace(windows, every_age=twice), snapshot, SCHEMA)

    def test_a_label_that_is_open_or_young_is_found(self, snapshot, windows):
        row = windows.unused[TOO_YOUNG][-1]
        broken = moved(windows, row, test=np.append(windows.test, row))
        with pytest.raises(ScoringError, match=r"won or lost. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)
        # Lead 89 at 0 and 1 days and lead 83 at 7: final on day 99 and a second, or day 100.
        sooner = replace(snapshot, extracted_at=day(99))
        with pytest.raises(ScoringError, match=r"must be final. Found: 3"):
            check_leads(windows, sooner, SCHEMA)

    def test_a_lead_counted_twice_or_at_another_age_is_found(self, snapshot, windows):
        row = windows.unused[COUNTED_ONCE][0]
        broken = moved(windows, row, calibrate=np.append(windows.calibrate, row))
        with pytest.raises(ScoringError, match=r"calibrate must be there once. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)
        other = windows.ages[0.0][:1]
        lone = replace(windows, test=np.append(windows.test[2:], other))
        with pytest.raises(ScoringError, match=r"test must be of the headline age. Found: 1"):
            check_leads(lone, snapshot, SCHEMA)

    def test_weights_that_do_not_sum_to_one_are_found(self, snapshot, windows):
        weight = lead_weights(snapshot.lead[windows.fit])
        weight[0] *= 2
        with pytest.raises(ScoringError, match=r"weigh 1 in all. Found: 1"):
            check_leads(windows, snapshot, SCHEMA, weight=weight)

    def test_rows_of_a_lead_that_are_torn_apart_are_found(self, snapshot, windows):
        back = windows.fit[::-1]
        with pytest.raises(ScoringError, match="Rows to learn from must be in order"):
            check_leads(replace(windows, every_age=back), snapshot, SCHEMA)
        level = replace(snapshot, position=np.zeros(len(snapshot)))
        shuffled = windows.fit[np.argsort(np.arange(len(windows.fit)) % 2, kind="stable")]
        with pytest.raises(ScoringError, match="Rows of a lead must be adjacent"):
            check_leads(replace(windows, every_age=shuffled), level, SCHEMA)

    def test_an_open_row_of_another_age_is_found(self, snapshot, windows):
        row = windows.unused[GAP][0]
        broken = moved(windows, row, open=np.append(windows.open, row))
        with pytest.raises(ScoringError, match=r"open row must be of now. Found: 1"):
            check_leads(broken, snapshot, SCHEMA)
