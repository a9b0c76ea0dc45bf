"""Windows: hand-computed cuts, gaps, maturity, ties, refusals, and the second check itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.errors import ScoringError, TrainingRefused
from scoring_ml.evaluation.time_split import split_windows
from scoring_ml.evaluation.window_checks import check_windows
from scoring_ml.evaluation.windows import NAMES, NO_PLACE, SINGLE

NOTHING = {"as_of": None, "mature_after_days": None, "gap_days": None}


def days(*numbers):
    return np.datetime64("2026-01-01", "us") + np.array(
        [round(n * 86_400_000_000) for n in numbers], dtype="timedelta64[us]"
    )


def by_row(label, **options):
    label = np.asarray(label, dtype=float)
    given = NOTHING | {"by": "row", "position": np.arange(label.size, dtype=float)} | options
    windows = split_windows(label=label, **given)
    for name in ("seed", "plan"):
        given.pop(name, None)
    check_windows(windows, label=label, **given)
    return windows


def by_time(as_of, label, *, mature_after_days=None, gap_days=None, extracted_at=None):
    label = np.asarray(label, dtype=float)
    given = {
        "by": "time",
        "position": as_of.astype("int64").astype(float),
        "as_of": as_of,
        "label": label,
        "mature_after_days": mature_after_days,
        "gap_days": gap_days,
        "extracted_at": extracted_at,
    }
    windows = split_windows(**given)
    check_windows(windows, **given)
    return windows


def alternating(n):
    return np.arange(n) % 2 * 1.0


def codes(windows):
    return [warning.code for warning in windows.warnings]


def test_ten_rows_are_cut_at_four_and_eight():
    windows = by_row(alternating(10))
    assert windows.train.tolist() == [0, 1, 2, 3]
    assert [block.tolist() for block in windows.blocks] == [[4, 5, 6, 7]]
    assert windows.test.tolist() == [8, 9]
    assert windows.boundaries == {"train": (0, 3), "calibrate": (4, 7), "test": (8, 9)}
    assert not windows.random
    assert windows.unused == {}


def test_a_thousand_rows_give_four_blocks_and_each_learns_from_all_before_it():
    windows = by_row(alternating(1000))
    begins = [400, 500, 600, 700, 800]
    assert [block[0] for block in windows.blocks] == begins[:4]
    for origin, begin, end in zip(windows.origins, begins, [*begins[1:], 1000], strict=True):
        assert origin.fit.tolist() == list(range(begin))
        assert origin.known.tolist() == list(range(400, begin))
        assert origin.predicted.tolist() == list(range(begin, end))
    assert windows.mature.tolist() == list(range(1000))
    assert windows.fit.tolist() == windows.learned_leads.tolist() == list(range(800))


@pytest.mark.parametrize(("wins", "blocks"), [(59, 1), (60, 2), (90, 3), (119, 3), (120, 4)])
def test_few_wins_give_fewer_and_wider_blocks(wins, blocks):
    label = np.zeros(2000)
    label[800 : 800 + wins] = 1
    label[:20] = 1
    assert len(by_row(label).blocks) == blocks


def test_a_single_split_fits_once_on_the_oldest_sixty_percent():
    windows = by_row(alternating(1000), plan=SINGLE)
    assert [windows[name].size for name in NAMES] == [600, 200, 200]
    assert [origin.fit.tolist() for origin in windows.origins] == [list(range(600))] * 2
    assert windows.origins[1].known.tolist() == list(range(600, 800))
    assert not windows.rolling


def test_shares_are_of_labelled_leads_and_open_leads_stand_apart():
    label = np.full(20, np.nan)
    label[::2] = alternating(10)
    windows = by_row(label)
    assert windows.train.tolist() == [0, 2, 4, 6]
    assert windows.test.tolist() == [16, 18]
    assert windows.open.tolist() == list(range(1, 20, 2))


def test_order_follows_position_and_not_the_file():
    windows = by_row(alternating(10), by="number", position=np.arange(10, 0, -1.0))
    assert windows.test.tolist() == [1, 0]
    assert windows.train.tolist() == [9, 8, 7, 6]


@pytest.mark.parametrize(
    ("position", "sizes"),
    [
        # The cut wanted at 8 lies inside a tie of 7-9: 7 is nearer than 10, which is no cut.
        ([0, 1, 2, 3, 4, 5, 6, 7, 7, 7], (3, 4, 3)),
        # Ties 4-6 and 7-8.
        ([0, 1, 2, 3, 4, 4, 4, 7, 7, 9], (3, 4, 3)),
        ([0, 0, 0, 0, 0, 0, 1, 1, 2, 2], (6, 2, 2)),
        ([0, 0, 1, 2, 2, 2, 2, 2, 2, 2], (2, 1, 7)),
        # 8 would be right for test, but would leave one moment for two windows.
        ([0, 0, 0, 0, 0, 0, 0, 0, 1, 2], (8, 1, 1)),
    ],
)
def test_equal_positions_are_never_split(position, sizes):
    position = np.asarray(position, dtype=float)
    windows = by_row(alternating(10), by="number", position=position)
    assert tuple(windows[name].size for name in NAMES) == sizes
    for name in NAMES:
        rest = np.setdiff1d(np.arange(10), windows[name])
        assert not np.isin(position[windows[name]], position[rest]).any()


def test_gap_without_maturity_is_a_day_and_its_end_is_included():
    # Ten leads 12 hours apart: test begins on day 4.0, so labels up to day 3.0 are known then;
    # the block begins on day 2.0, where as much is known before it as of it at the end.
    windows = by_time(days(*np.arange(10) / 2), alternating(10))
    assert windows.test.tolist() == [8, 9]
    assert windows.calibrate.tolist() == [4, 5, 6, 7]
    assert [origin.fit.tolist() for origin in windows.origins] == [[0, 1, 2], [*range(7)]]
    assert [origin.known.tolist() for origin in windows.origins] == [[], [4, 5, 6]]
    assert windows.unused == {}
    assert windows.gap_days == 1.0


def test_gap_of_one_label_span_where_outcomes_mature():
    # 100 days, one lead a day, H = 10, extracted on day 99: mature up to day 89 (89 + 10 <= 99),
    # 90 leads. Test begins at 72, where labels up to 62 are known. A block that begins at b has
    # b - 9 known before it (as_of <= b - 10) and 63 - b known at 72: equal at b = 36.
    windows = by_time(days(*range(100)), alternating(100), mature_after_days=10)
    assert windows.test.tolist() == list(range(72, 90))
    assert windows.calibrate.tolist() == list(range(36, 72))
    assert windows.train.tolist() == list(range(36))
    assert windows.origins[0].fit.tolist() == list(range(27))
    assert windows.origins[1].fit.tolist() == list(range(63))
    assert windows.origins[1].known.tolist() == list(range(36, 63))
    assert windows.mature.tolist() == list(range(90))
    assert windows.open.tolist() == windows.immature.tolist() == list(range(90, 100))
    assert not windows.final_labels
    warning = next(w for w in windows.warnings if w.code == "immature_leads")
    assert warning.params == {"leads": 10, "days": 10}


def test_extraction_moment_decides_what_is_mature():
    late = by_time(days(*range(50)), alternating(50), mature_after_days=5, extracted_at=days(54)[0])
    assert late.immature.size == 0
    early = by_time(
        days(*range(50)), alternating(50), mature_after_days=5, extracted_at=days(53)[0]
    )
    assert early.immature.tolist() == [49]


def test_larger_of_gap_and_maturity_holds():
    label, as_of = alternating(200), days(*range(200))
    assert by_time(as_of, label, mature_after_days=5, gap_days=20).gap_days == 20
    assert by_time(as_of, label, mature_after_days=20, gap_days=5).gap_days == 20
    assert by_time(as_of, label, gap_days=0).gap_days == 0


def test_file_of_a_few_hours_is_cut_without_the_default_gap_and_says_so():
    windows = by_time(days(*np.arange(50) / 100), alternating(50))
    assert "no_gap" in codes(windows)
    assert windows.gap_days == 0
    assert windows.train.size == 20


def test_gap_asked_for_is_never_given_up():
    with pytest.raises(TrainingRefused, match="span more than two gaps"):
        by_time(days(*range(50)), alternating(50), mature_after_days=24)


def test_lead_without_a_place_is_listed_and_open_ones_stay_open():
    as_of = days(*range(20))
    as_of[3] = as_of[4] = np.datetime64("NaT")
    label = alternating(20)
    label[4] = np.nan
    windows = by_time(as_of, label)
    assert windows.unused[NO_PLACE].tolist() == [3]
    assert windows.open.tolist() == [4]


def test_fifty_rows_work_and_small_windows_are_named():
    windows = by_row(alternating(50))
    assert [windows[name].size for name in NAMES] == [20, 20, 10]
    assert codes(windows) == ["few_outcomes"] * 3


def test_one_class_in_a_later_window_is_a_warning():
    label = alternating(10)
    label[4:8] = 0
    windows = by_row(label)
    found = next(w for w in windows.warnings if w.code == "one_class")
    assert found.params == {"window": "calibrate", "wins": 0, "lost": 4}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_before_the_newest_window_is_refused(value):
    label = np.full(10, value)
    label[8] = 1 - value
    with pytest.raises(TrainingRefused, match="learned from must hold leads that were won"):
        by_row(label)


def test_no_outcome_is_refused():
    with pytest.raises(TrainingRefused, match="must have a known, final outcome"):
        by_row(np.full(10, np.nan))
    with pytest.raises(TrainingRefused, match="5 are too young"):
        by_time(days(0, 1, 2, 3, 4), alternating(5), mature_after_days=30)
    with pytest.raises(TrainingRefused, match="none among 0 leads"):
        by_row([])


@pytest.mark.parametrize("moments", [1, 2])
def test_two_moments_are_too_few(moments):
    with pytest.raises(TrainingRefused, match="three distinct moments"):
        by_row(alternating(30), by="number", position=np.arange(30.0) % moments)


def test_time_needs_dates():
    with pytest.raises(ValueError, match="as_of must be given"):
        by_row(alternating(10), by="time")
    with pytest.raises(ValueError, match="as_of must be given"):
        by_row(alternating(10), mature_after_days=3)


def test_coarse_order_is_named():
    windows = by_row(alternating(30), by="number", position=np.repeat([1.0, 2.0, 3.0], 10))
    uneven = next(w for w in windows.warnings if w.code == "uneven_windows")
    assert uneven.params == {"train": 10, "calibrate": 10, "test": 10}


class TestRandom:
    def test_stratified_seeded_and_loud(self):
        label = (np.arange(1000) < 100) * 1.0
        windows = by_row(label, by="none", seed=3)
        assert windows.random
        assert "random_split" in codes(windows)
        assert [int(label[windows[name]].sum()) for name in NAMES] == [40, 40, 20]
        assert [windows[name].size for name in NAMES] == [400, 400, 200]
        again = by_row(label, by="none", seed=3)
        assert (again.test == windows.test).all()
        assert (by_row(label, by="none", seed=4).test != windows.test).any()

    def test_only_without_an_order(self):
        for by in ("row", "number"):
            assert "random_split" not in codes(by_row(alternating(50), by=by))


def test_laws_on_many_random_files():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        n = int(rng.integers(20, 120))
        as_of = days(*np.sort(rng.integers(0, rng.integers(3, 400), size=n)))
        label = rng.choice([0.0, 1.0, np.nan], size=n, p=[0.5, 0.3, 0.2])
        mature = rng.choice([None, 5.0, 30.0])
        shuffled = rng.permutation(n)
        try:
            windows = by_time(as_of, label, mature_after_days=mature)
        except TrainingRefused:
            refused += 1
            with pytest.raises(TrainingRefused, match="Found: "):
                by_time(as_of[shuffled], label[shuffled], mature_after_days=mature)
            continue
        # by_time has run check_windows. Order of the rows in the file changes nothing.
        other = by_time(as_of[shuffled], label[shuffled], mature_after_days=mature)
        for name in (*NAMES, "open"):
            assert sorted(shuffled[other[name]]) == sorted(windows[name])
    assert refused < 100


class TestSecondCheck:
    def given(self):
        return {
            "by": "time",
            "position": np.arange(100.0),
            "as_of": days(*range(100)),
            "label": alternating(100),
            "mature_after_days": 10.0,
            "gap_days": None,
        }

    def test_a_label_that_was_not_known_is_found(self):
        given = self.given()
        windows = split_windows(**given)
        first, last = windows.origins
        late = replace(first, fit=np.append(first.fit, 27))
        with pytest.raises(ScoringError, match=r"known before what it predicts begins. Found: 1"):
            check_windows(replace(windows, origins=(late, last)), **given)
        late = replace(last, known=np.append(last.known, 63))
        with pytest.raises(ScoringError, match=r"known before what it predicts begins. Found: 1"):
            check_windows(replace(windows, origins=(first, late)), **given)

    def test_what_was_not_predicted_before_is_found(self):
        given = self.given()
        windows = split_windows(**given)
        first, last = windows.origins
        unseen = replace(last, known=np.append(last.known, 0))
        with pytest.raises(ScoringError, match=r"Only what was predicted before .* Found: 1"):
            check_windows(replace(windows, origins=(first, unseen)), **given)
        fewer = replace(first, predicted=first.predicted[1:])
        with pytest.raises(ScoringError, match=r"lead of a block must be predicted. Found: 1"):
            check_windows(replace(windows, origins=(fewer, last)), **given)

    def test_lead_in_two_places_or_none_is_found(self):
        given = self.given()
        windows = split_windows(**given)
        twice = replace(windows, open=np.append(windows.open, 0))
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_windows(twice, **given)
        with pytest.raises(ScoringError, match=r"exactly one place. Found: 1"):
            check_windows(replace(windows, mature=windows.mature[:-1]), **given)
        both = replace(windows, train=np.append(windows.train, windows.test[0]))
        with pytest.raises(ScoringError, match=r"in two windows. Found: 1"):
            check_windows(both, **given)

    def test_immature_and_open_leads_are_found(self):
        given = self.given()
        windows = split_windows(**given)
        young = replace(
            windows, mature=np.append(windows.mature, windows.open[0]), open=windows.open[1:]
        )
        with pytest.raises(ScoringError, match=r"must be final. Found: 1"):
            check_windows(young, **given)
        unknown = given | {"label": np.where(np.arange(100) == 0, np.nan, given["label"])}
        with pytest.raises(ScoringError, match=r"won or lost. Found: 1"):
            check_windows(windows, **unknown)

    def test_split_tie_is_found(self):
        given = NOTHING | {"by": "row", "position": np.arange(10.0), "label": alternating(10)}
        windows = split_windows(**given)
        tied = given | {"position": np.array([0, 1, 2, 3, 3, 5, 6, 7, 8, 9.0])}
        with pytest.raises(ScoringError, match=r"come before what it predicts. Found: 1"):
            check_windows(windows, **tied)
