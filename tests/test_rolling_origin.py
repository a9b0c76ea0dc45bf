"""Rolling origins: who is in a blend, what a cut-off knows, and that nothing looks ahead."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from scoring_ml.estimators.ladder import Rung, estimator_class
from scoring_ml.evaluation.candidate import stand_at
from scoring_ml.evaluation.choice import report_blocks
from scoring_ml.evaluation.lead_windows import split_leads
from scoring_ml.evaluation.rolling_origin import (
    FAR_BEHIND,
    LEAST_OUTCOMES,
    block_auc,
    choose_members,
    known_blocks,
    predict_rolling,
)
from scoring_ml.evaluation.window_checks import check_leads
from scoring_ml.evaluation.windows import SINGLE
from scoring_ml.features.criteria import Matrix
from tests.small_ages import aged_schema, aged_snapshot

SCHEMA = aged_schema()
MATRIX = Matrix.read(
    {
        "criteria": {
            "budget": {
                "rules": [{"field": "size", "full": {"at_least": 11}, "partial": {"at_least": 10}}]
            }
        }
    },
    SCHEMA,
)
KINDS = ("matrix", "scorecard", "logistic", "blend")
MEMBERS = ("logistic", "boosted")


def rungs(*kinds):
    return [Rung(kind, allowed=True, restricted=kind in ("boosted", "blend")) for kind in kinds]


def quiet(what, share):
    """Take no notice of progress."""


def rolled(snapshot, windows, kinds=KINDS):
    return predict_rolling(rungs(*kinds), snapshot, SCHEMA, MATRIX, windows, quiet)


@pytest.fixture(scope="module", params=["at ages", "once each"])
def snapshot(request):
    """500 leads, two a day, all of them final but the newest."""
    won = np.random.default_rng(3).integers(0, 2, 500)
    made = aged_snapshot(leads=500, apart_days=0.5, won=won)
    if request.param == "at ages":
        return made
    head = made.take(np.flatnonzero(made.age_days == 1.0))
    return replace(head, lead=None, age_days=None, headline_age_days=None)


@pytest.fixture(scope="module")
def windows(snapshot):
    found = split_leads(snapshot, SCHEMA)
    check_leads(found, snapshot, SCHEMA)
    assert len(found.blocks) == 3
    return found


@pytest.fixture(scope="module")
def out_of_time(snapshot, windows):
    return rolled(snapshot, windows)


# -- nothing looks ahead --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 3])
def test_no_label_that_was_not_known_changes_what_is_predicted_chosen_or_promised(
    snapshot, windows, out_of_time, number
):
    origin = windows.origins[number]
    later = np.ones(len(snapshot), dtype=bool)
    later[origin.fit] = False
    changed = replace(snapshot, label=np.where(later, 1 - snapshot.label, snapshot.label))
    others = rolled(changed, windows)
    for kind in KINDS:
        before, after = out_of_time.logodds[kind], others.logodds[kind]
        for earlier in windows.origins[: number + 1]:
            rows = earlier.predicted
            np.testing.assert_array_equal(before[rows], after[rows], err_msg=kind)

    order = snapshot.as_of
    reports = [
        report_blocks(found, windows, data, order)[number]
        for found, data in ((out_of_time, snapshot), (others, changed))
    ]
    assert reports[0].chosen == reports[1].chosen
    assert repr(reports[0].promised) == repr(reports[1].promised)
    standing = [
        stand_at(number, found, windows, data, dict.fromkeys(KINDS, ""))
        for found, data in ((out_of_time, snapshot), (others, changed))
    ]
    for one, other in zip(*standing, strict=True):
        assert repr(one.calibration) == repr(other.calibration), one.kind
        assert repr(one.block_aucs) == repr(other.block_aucs)
        assert (one.eligible, one.reason) == (other.eligible, other.reason)


def test_labels_that_were_known_do_change_what_is_predicted(snapshot, windows, out_of_time):
    """The test before would hold of anything that ignores labels."""
    fit = windows.origins[0].fit
    label = snapshot.label.copy()
    label[fit] = 1 - label[fit]
    others = rolled(replace(snapshot, label=label), windows)
    rows = windows.origins[0].predicted
    for kind in KINDS[1:]:
        assert not np.allclose(out_of_time.logodds[kind][rows], others.logodds[kind][rows])


def test_fields_of_later_leads_change_nothing_before(snapshot, windows, out_of_time):
    """The encoder learns bins, levels and typical values from what was known, too."""
    later = np.ones(len(snapshot), dtype=bool)
    for rows in (windows.origins[1].fit, windows.origins[0].predicted):
        later[rows] = False
    later[windows.origins[1].predicted] = False
    frame = snapshot.frame.copy()
    frame.loc[later, "size"] = 1e6
    frame.loc[later, "language"] = "eo"
    others = rolled(replace(snapshot, frame=frame), windows)
    for kind in KINDS:
        for origin in windows.origins[:2]:
            rows = origin.predicted
            np.testing.assert_array_equal(
                out_of_time.logodds[kind][rows], others.logodds[kind][rows], err_msg=kind
            )


# -- what is predicted, and by which fit ----------------------------------------------------------


def test_what_learns_predicts_the_blocks_and_the_newest_window_only(snapshot, windows, out_of_time):
    predicted = np.zeros(len(snapshot), dtype=bool)
    for origin in windows.origins:
        predicted[origin.predicted] = True
    for kind in KINDS[1:]:
        np.testing.assert_array_equal(~np.isnan(out_of_time.logodds[kind]), predicted)
    mature = np.zeros(len(snapshot), dtype=bool)
    mature[windows.mature] = True
    np.testing.assert_array_equal(~np.isnan(out_of_time.logodds["matrix"]), mature)


def test_the_newest_window_is_predicted_by_the_newest_fit(windows, out_of_time):
    rows = windows.origins[-1].predicted
    fit = out_of_time.newest
    assert list(fit.estimators) == list(KINDS)
    for kind, estimator in fit.estimators.items():
        z = estimator.logodds(fit.X[rows])
        np.testing.assert_allclose(out_of_time.logodds[kind][rows], z, rtol=0, atol=1e-12)


def test_a_blend_is_the_mean_of_its_members_and_looks_no_further_ahead(snapshot, windows):
    """Trees take seconds: two cut-offs only, and the labels of all that the last one predicts."""
    two = replace(windows, origins=windows.origins[:2])
    label = snapshot.label.copy()
    label[two.origins[1].predicted] = 1 - label[two.origins[1].predicted]
    kinds = (*MEMBERS, "blend")
    found = [rolled(replace(snapshot, label=each), two, kinds) for each in (snapshot.label, label)]
    assert found[0].members == {"blend": MEMBERS}
    assert [item.kind for item in found[0].newest.estimators["blend"].members] == list(MEMBERS)
    for origin in two.origins:
        rows = origin.predicted
        mean = np.mean([found[0].logodds[kind][rows] for kind in MEMBERS], axis=0)
        np.testing.assert_array_equal(found[0].logodds["blend"][rows], mean)
        for kind in kinds:
            np.testing.assert_array_equal(
                found[0].logodds[kind][rows], found[1].logodds[kind][rows]
            )


def test_a_single_split_is_fitted_once(snapshot):
    windows = split_leads(snapshot, SCHEMA, plan=SINGLE)
    shares = []
    found = predict_rolling(
        rungs("logistic"),
        snapshot,
        SCHEMA,
        MATRIX,
        windows,
        lambda what, share: shares.append((what, share)),
    )
    assert shares == [("fit logistic", 0.0)]
    assert len(windows.origins) == 2
    for origin in windows.origins:
        z = found.newest.estimators["logistic"].logodds(found.newest.X[origin.predicted])
        np.testing.assert_allclose(found.logodds["logistic"][origin.predicted], z, atol=1e-12)


def test_progress_rises_over_all_cut_offs(snapshot, windows):
    shares = []
    predict_rolling(
        rungs("matrix", "scorecard", "logistic"),
        snapshot,
        SCHEMA,
        MATRIX,
        windows,
        lambda what, share: shares.append(share),
    )
    assert len(shares) == 3 * len(windows.origins)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1] < 1) == (0.0, True)


@pytest.mark.parametrize("wins", [LEAST_OUTCOMES - 1, LEAST_OUTCOMES])
def test_nothing_is_fitted_where_too_few_outcomes_are_known(wins):
    won = np.random.default_rng(3).integers(0, 2, 500)
    made = aged_snapshot(leads=500, apart_days=0.5, won=won, ages=(1.0,))
    windows = split_leads(made, SCHEMA)
    fit = windows.origins[0].fit
    label = made.label.copy()
    label[fit] = 0.0
    label[fit[::9][:wins]] = 1.0
    found = rolled(replace(made, label=label), windows, ("matrix", "logistic"))
    fitted = wins >= LEAST_OUTCOMES
    assert np.isnan(found.logodds["logistic"][windows.origins[0].predicted]).all() == (not fitted)
    assert not np.isnan(found.logodds["logistic"][windows.origins[1].predicted]).any()
    assert not np.isnan(found.logodds["matrix"][windows.mature]).any()


# -- what a cut-off knows -------------------------------------------------------------------------


def test_known_blocks_by_hand():
    """200 leads, one a day from day 0, seen after a day; an outcome is final after 10 days.

    On day 200 the leads 0-189 are final, and those to lead i - 10 are known when block i begins.
    """
    won = np.arange(200) % 2
    made = aged_snapshot(leads=200, won=won)
    windows = split_leads(made, SCHEMA)
    begins = [int(made.lead[rows].min()) for rows in (*windows.blocks, windows.test)]
    assert begins[-1] == 152
    assert known_blocks(windows, 0) == []
    for number in range(1, len(begins)):
        known = known_blocks(windows, number)
        assert len(known) == number
        for block, (first, next_) in enumerate(pairwise(begins[: number + 1])):
            last = min(next_ - 1, begins[number] - 10)
            assert made.lead[known[block]].tolist() == list(range(first, last + 1))
            assert set(made.age_days[known[block]]) == {1.0}, "each lead once"


def test_without_a_gap_every_block_before_is_known():
    made = aged_snapshot(leads=300, ages=(1.0,), mature_after_days=0.0)
    made = replace(made, lead=None, age_days=None, headline_age_days=None, as_of=None)
    schema = aged_schema(mature_after_days=None)
    windows = split_leads(made, replace(schema, order=replace(schema.order, by="row")))
    last = len(windows.blocks)
    for known, block in zip(known_blocks(windows, last), windows.blocks, strict=True):
        np.testing.assert_array_equal(known, block)


def test_the_auc_of_a_block_leaves_out_what_was_not_predicted():
    label = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    z = np.array([2.0, 1.0, np.nan, 3.0, 0.0])
    assert block_auc(z, label, np.arange(5)) == pytest.approx(2 / 3)
    assert np.isnan(block_auc(z, label, np.array([1, 3])))
    assert np.isnan(block_auc(z, label, np.array([2])))
    assert np.isnan(block_auc(z, label, np.array([], dtype=int)))


# -- who is in a blend ----------------------------------------------------------------------------

LOSSES = 200


def blocks_of(count):
    """Return blocks of one win and 200 losses, and their labels."""
    blocks = [np.arange(LOSSES + 1) + block * (LOSSES + 1) for block in range(count)]
    return blocks, np.tile([1.0] + [0.0] * LOSSES, count)


def with_aucs(*aucs):
    """Return log-odds of such AUCs in blocks, each a multiple of 1/200; None where not fitted."""
    losses = np.arange(LOSSES) + 0.5
    parts = [
        np.full(LOSSES + 1, np.nan) if auc is None else np.append(round(auc * LOSSES), losses)
        for auc in aucs
    ]
    return np.concatenate(parts)


def chosen_members(count=None, **aucs):
    count = len(next(iter(aucs.values()))) if count is None else count
    blocks, label = blocks_of(len(next(iter(aucs.values()))))
    logodds = {kind: with_aucs(*values) for kind, values in aucs.items()}
    for kind, values in aucs.items():
        for rows, auc in zip(blocks, values, strict=True):
            shown = block_auc(logodds[kind], label, rows)
            assert np.isnan(shown) if auc is None else shown == pytest.approx(auc)
    fitted = dict.fromkeys(aucs)
    found = choose_members(["matrix", "blend"], fitted, logodds, label, blocks[:count])
    assert list(found) == ["blend"]
    return found["blend"]


ALL = ("logistic", "boosted", "catboost")
FAR = FAR_BEHIND + 0.005
NEAR = FAR_BEHIND - 0.005


def test_members_are_those_of_the_blend_in_its_own_order():
    assert estimator_class("blend").combines == ALL
    even = (0.8, 0.8, 0.8)
    assert chosen_members(catboost=even, boosted=even, logistic=even) == ALL
    assert chosen_members(boosted=even, logistic=even) == ALL[:2]
    assert chosen_members(catboost=even) == ("catboost",)


def test_who_is_far_behind_in_each_of_three_blocks_is_left_out():
    found = chosen_members(
        logistic=(0.8 - FAR, 0.7 - FAR, 0.75 - FAR),
        boosted=(0.8, 0.7 - NEAR, 0.75),
        catboost=(0.8 - NEAR, 0.7, 0.75 - NEAR),
    )
    assert found == ("boosted", "catboost"), "behind another one in each"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_who_is_near_in_one_of_three_blocks_stays(place):
    behind = [0.8 - FAR] * 3
    behind[place] = 0.8 - NEAR
    assert chosen_members(logistic=behind, boosted=(0.8,) * 3, catboost=(0.8,) * 3) == ALL


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_blocks_leave_nobody_out(count):
    far = (0.5,) * 3
    assert chosen_members(count, logistic=far, boosted=(0.9,) * 3, catboost=(0.9,) * 3) == ALL


def test_only_the_last_three_blocks_count():
    best = (0.8,) * 4
    late = (0.8, 0.8 - FAR, 0.8 - FAR, 0.8 - FAR)
    assert chosen_members(logistic=late, boosted=best, catboost=best) == ALL[1:]
    assert chosen_members(logistic=late[::-1], boosted=best, catboost=best) == ALL


def test_a_block_that_one_of_them_did_not_predict_does_not_count():
    far, best = (0.8 - FAR,) * 4, (0.8,) * 4
    absent = (None, None, 0.8, 0.8)
    assert chosen_members(logistic=far, boosted=absent, catboost=best) == ALL
    once = (None, 0.8, 0.8, 0.8)
    assert chosen_members(logistic=far, boosted=once, catboost=best) == ALL[1:]


def test_the_best_of_a_block_is_among_the_members():
    """A kind that is in no blend may be far better: nobody is left out for that."""
    blocks, label = blocks_of(3)
    logodds = {
        "scorecard": with_aucs(0.95, 0.95, 0.95),
        "logistic": with_aucs(0.8, 0.8, 0.8),
        "boosted": with_aucs(0.8, 0.8, 0.8),
    }
    fitted = dict.fromkeys(logodds)
    assert choose_members(["blend"], fitted, logodds, label, blocks) == {"blend": MEMBERS}
    assert choose_members(["scorecard"], fitted, logodds, label, blocks) == {}


def test_all_but_one_may_be_left_out():
    worst, worse, best = (0.6,) * 3, (0.7,) * 3, (0.8,) * 3
    assert chosen_members(logistic=worst, boosted=best, catboost=worse) == ("boosted",)
