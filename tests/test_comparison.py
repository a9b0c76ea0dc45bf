"""The comparison: who may be chosen, on what, and what the answer says when nobody may."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.errors import TrainingRefused
from scoring_ml.estimators.ladder import LADDER, candidate_kinds, make_estimator
from scoring_ml.evaluation.choice import SIMPLER_WITHIN
from scoring_ml.evaluation.comparison import compare
from scoring_ml.evaluation.rolling_origin import known_blocks
from scoring_ml.evaluation.windows import ROLLING, SINGLE
from scoring_ml.features.criteria import Matrix
from scoring_ml.scoring.policy import Policy
from scoring_ml.statistics.ranking import roc_auc
from tests.small_ages import aged_schema, aged_snapshot
from tests.small_world import MATRIX, MISSING, draw_rows, make_snapshot, small_matrix, small_schema

BY_ROW = small_schema(order={"by": "row"})


def labelled(leads, *, seed=1, signal=1.0):
    """Leads in order of their rows, all of them won or lost."""
    frame = draw_rows(leads + leads // 9 + 10, seed=seed, signal=signal)
    return frame[frame["outcome"] != ""].iloc[:leads].reset_index(drop=True)


def train(folder, frame, *, schema=BY_ROW, matrix=None, policy=None, plan=ROLLING):
    return compare(
        make_snapshot(folder, frame, schema),
        schema,
        small_matrix(schema) if matrix is None else Matrix.read(matrix, schema),
        policy=policy,
        plan=plan,
        replicates=5,
    )


def rows_of(frame, window):
    n = len(frame)
    first, last = {
        "calibrate": (0.4, 0.8),
        "earlier": (0, 0.8),
        "single": (0.6, 0.8),
        "test": (0.8, 1.0),
    }[window]
    return slice(round(first * n), round(last * n))


def with_wins(frame, window, wins):
    """Leave exactly so many wins in a window, mostly where they are likely."""
    frame = frame.copy()
    rows = frame.index[rows_of(frame, window)]
    part = frame.loc[rows]
    hope = np.random.default_rng(1).normal(0, 0.7, len(rows))
    for name, word in (("urgency", "now"), ("role", "director"), ("demo", "Yes")):
        hope += part[name] == word
    frame.loc[rows, "outcome"] = "lost"
    frame.loc[hope.sort_values(ascending=False).index[:wins], "outcome"] = "won"
    return frame


def turned_round(frame, window):
    """Call every win of a window a loss, and every loss a win."""
    frame = frame.copy()
    rows = frame.index[rows_of(frame, window)]
    frame.loc[rows, "outcome"] = frame.loc[rows, "outcome"].map({"won": "lost", "lost": "won"})
    return frame


# -- the whole, once ---------------------------------------------------------------------------


def test_every_rung_of_the_small_world_is_there_with_metrics_and_tiers(world):
    trained = world.trained
    kinds = [kind for kind in candidate_kinds() if kind not in MISSING]
    assert [candidate.kind for candidate in trained.candidates] == kinds
    test = trained.windows.test
    for candidate in trained.candidates:
        assert {"roc_auc", "pr_auc", "brier", "log_loss", "ece", "lift_10"} <= set(
            candidate.metrics
        )
        auc = candidate.metrics["roc_auc"]
        assert auc.low < auc.value < auc.high or candidate.kind == "constant"
        assert auc.value == pytest.approx(
            roc_auc(candidate.logodds[test], trained.snapshot.label[test])
        )
        if candidate.kind != "constant":  # has no slope, so no probability
            assert sum(candidate.tiers.values()) == len(test)
    assert trained.chosen in trained.verdict.text
    assert trained.warnings == ()


def test_the_simplest_candidate_that_ranks_as_well_as_the_best_within_the_blocks_is_chosen(world):
    trained = world.trained
    eligible = [c for c in trained.candidates if c.eligible]
    best = max(candidate.auc_calibrate for candidate in eligible)
    as_good = [c.kind for c in eligible if c.auc_calibrate >= best - SIMPLER_WITHIN]
    assert trained.chosen == as_good[0]
    label = trained.snapshot.label
    for candidate in trained.candidates:
        aucs = [
            roc_auc(candidate.logodds[rows], label[rows])
            for rows in known_blocks(trained.windows, len(trained.windows.blocks))
        ]
        assert list(candidate.block_aucs) == aucs
        assert candidate.auc_calibrate == np.mean(aucs)


def test_a_peer_is_compared_but_never_chosen(world):
    for kind in (estimator.kind for estimator in LADDER if estimator.never_chosen):
        assert not world.trained[kind].eligible
    assert world.trained["odoo"].reason == "a peer, compared but never chosen"
    assert world.trained["odoo"].metrics["roc_auc"].value > 0.6
    assert world.trained["constant"].metrics["roc_auc"].value == 0.5


def test_every_row_is_somewhere_and_counted(world):
    trained = world.trained
    windows = trained.windows
    held = sum(len(windows[name]) for name in ("train", "calibrate", "test", "open"))
    assert held + sum(item.count for item in trained.unused) == world.flat.facts.rows
    for name in ("train", "calibrate", "test"):
        assert trained.base_rate[name] == trained.snapshot.label[windows[name]].mean()
    assert trained.scorer.card["rows"] == {k: len(windows[k]) for k in trained.base_rate}


def test_the_matrix_is_calibrated_on_all_that_was_known_and_the_others_on_the_blocks(world):
    windows, label = world.trained.windows, world.trained.snapshot.label
    for candidate in world.trained.candidates:
        rows = windows.origins[-1].known
        if candidate.kind == "matrix":
            rows = windows.fit
        counted = (candidate.calibration.wins, candidate.calibration.losses)
        assert counted == (label[rows].sum(), len(rows) - label[rows].sum())


def test_the_card_names_the_newest_training_date(world):
    trained = world.trained
    for scorer, rows in (
        (trained.evaluated, trained.windows.fit),
        (trained.scorer, trained.windows.mature),
    ):
        newest = trained.snapshot.as_of[rows].max()
        assert scorer.card["trained_until"] == str(newest.astype("datetime64[s]"))
    assert trained.evaluated.card["trained_until"] < trained.scorer.card["trained_until"]
    assert trained.scorer.card["evaluated_until"] == trained.evaluated.card["trained_until"]
    assert trained.scorer.card["dataset"] == "small world"
    assert trained.scorer.version == "0"


def test_a_rung_that_was_not_allowed_is_no_candidate(world):
    with pytest.raises(KeyError, match="deep"):
        world.trained["deep"]


def test_the_policy_is_fitted_on_the_calibration_window_of_the_chosen(world):
    trained = world.trained
    rows = np.concatenate(known_blocks(trained.windows, len(trained.windows.blocks)))
    candidate = trained[trained.chosen]
    z = candidate.calibration.logodds(candidate.logodds[rows])
    policy = trained.policy
    assert policy.leads == len(rows)
    assert policy.resulting["hot"] == int(np.sum(z >= policy.logit_hot))
    assert policy.method == "match_matrix"
    assert policy.resulting == policy.wanted


def test_training_again_gives_the_same_bits(tmp_path):
    frame = labelled(400)
    a, b = train(tmp_path, frame), train(tmp_path, frame)
    assert a.chosen == b.chosen
    assert a.verdict.text == b.verdict.text
    for one, other in zip(a.candidates, b.candidates, strict=True):
        np.testing.assert_array_equal(one.logodds, other.logodds)
        assert repr(one.metrics) == repr(other.metrics)  # NaN does not equal itself


# -- chosen before the newest window -----------------------------------------------------------


def test_the_newest_window_only_reports(tmp_path):
    # A field that says much until the newest window, where it says the opposite.
    frame = labelled(800)
    rng = np.random.default_rng(0)
    told = (frame["outcome"] == "won").to_numpy() ^ (rng.random(len(frame)) < 0.15)
    told[int(0.8 * len(frame)) :] ^= True
    frame["newsletter"] = np.where(told, "yes", "no")
    trained = train(tmp_path, frame)
    on_test = {c.kind: c.metrics["roc_auc"].value for c in trained.candidates if c.eligible}
    assert trained.chosen not in ("matrix", "criteria_scorecard")
    assert trained[trained.chosen].auc_calibrate > 0.85
    assert on_test[trained.chosen] < 0.5 < on_test["criteria_scorecard"]
    assert max(on_test, key=on_test.get) in ("matrix", "criteria_scorecard")


def test_turning_the_newest_outcomes_round_changes_neither_choice_nor_scorer(tmp_path):
    frame = labelled(400)
    a, b = train(tmp_path, frame), train(tmp_path, turned_round(frame, "test"))
    assert a.chosen == b.chosen
    assert a.policy == b.policy
    lead = a.evaluated.example
    assert a.evaluated.score(lead) == b.evaluated.score(lead)
    assert a.blocks[:-1] == b.blocks[:-1]
    assert a.blocks[-1].promised == b.blocks[-1].promised
    # What is registered has learned from the newest leads, too.
    assert a.scorer.parts.reference.wins != b.scorer.parts.reference.wins


# -- who is not eligible -----------------------------------------------------------------------


def test_a_slope_that_is_negative_on_the_calibration_window_makes_ineligible(tmp_path):
    frame = turned_round(labelled(800), "single")
    trained = train(tmp_path, frame, plan=SINGLE)
    turned = trained["criteria_scorecard"]
    assert turned.calibration.slope < 0
    assert not turned.eligible
    assert turned.reason.startswith("calibration failed: the slope may be zero or negative")
    assert turned.tiers is None
    assert np.isnan(turned.metrics["brier"].value)
    assert turned.metrics["roc_auc"].value > 0.5  # ranking is still reported
    assert trained.chosen == "matrix"
    assert trained.policy is None
    assert trained.scorer.score_max == 110


def test_with_few_outcomes_a_model_that_ranks_them_backwards_is_ineligible_too(tmp_path):
    # Under 50 wins the slope is fixed at 1, so it cannot show that every reason would flip.
    trained = train(tmp_path, turned_round(labelled(300), "single"), plan=SINGLE)
    turned = trained["criteria_scorecard"]
    assert turned.calibration.method == "intercept_only"
    assert turned.auc_calibrate < 0.5
    assert not turned.eligible
    assert turned.reason.startswith("calibration failed: wins rank no higher than losses in")
    assert trained.chosen == "matrix"


@pytest.mark.parametrize(
    ("wins", "method", "eligible"),
    [
        (9, "none", False),
        (10, "intercept_only", True),
        (49, "intercept_only", True),
        (50, "platt", True),
    ],
)
def test_few_wins_in_the_calibration_window(tmp_path, wins, method, eligible):
    frame = with_wins(labelled(800), "calibrate", wins)
    trained = train(tmp_path, frame)
    assert trained.base_rate["calibrate"] == wins / 320
    for candidate in trained.candidates[1:3]:
        assert candidate.calibration.wins == wins
        assert candidate.calibration.method == method
        assert candidate.eligible is eligible
        if not eligible:
            assert candidate.reason == (
                "no probability: 9 wins and 311 losses in the blocks before the newest window, 10 "
                "of each needed"
            )
            assert candidate.probability(trained.windows.test) is None
    if not eligible:
        assert trained.chosen == "matrix"


def test_a_matrix_without_hot_leads_gives_way_to_capacity(tmp_path):
    matrix = copy.deepcopy(MATRIX)
    for name, word in (("budget", {"at_least": 1e12}), ("authority", {"one_of": ["nobody"]})):
        matrix["criteria"][name]["rules"][0] |= {"full": word}
        matrix["criteria"][name]["rules"][0].pop("partial")
    trained = train(tmp_path, labelled(800), matrix=matrix)
    assert trained["matrix"].tiers["hot"] < 5
    assert trained.chosen != "matrix"
    assert trained.policy.method == "capacity"
    assert "hot leads needed" in trained.policy.notes[0]


def test_an_unmapped_matrix_leaves_the_scorecard_of_the_fields(tmp_path):
    trained = train(tmp_path, labelled(800), matrix={"criteria": {}})
    kinds = {rung.kind: rung for rung in trained.rungs}
    assert kinds["criteria_scorecard"].reason == "no criterion of the matrix has a rule"
    assert not trained["matrix"].eligible  # every total is 0
    assert trained.chosen not in ("matrix", "criteria_scorecard")
    assert trained.policy.method == "capacity"
    assert trained.policy.notes[0].endswith("the matrix has 0 of the 4 criteria needed")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_signal_the_matrix_stays(tmp_path, seed):
    trained = train(tmp_path, labelled(400, seed=seed, signal=0.0))
    assert trained.chosen == "matrix"
    assert trained.policy is None
    assert not trained["criteria_scorecard"].eligible
    answer = trained.scorer.score(trained.scorer.example)
    assert answer["score"] == answer["matrix"]["total"]


def test_probabilities_that_are_much_alike_give_a_policy_that_says_so(tmp_path):
    # Enough for a slope above zero, too little to tell hot, warm and cold apart.
    trained = train(tmp_path, labelled(3_000, seed=2, signal=0.25), matrix={"criteria": {}})
    assert trained.chosen not in ("matrix", "criteria_scorecard")
    assert trained[trained.chosen].auc_calibrate > 0.5
    assert "of the leads are hot or warm, more than 60%" in trained.policy.notes[-1]


# -- a policy in force -------------------------------------------------------------------------


def test_a_policy_in_force_is_kept(tmp_path):
    policy = Policy("fixed", -1.0, 0.25, {}, {"hot": 40, "warm": 60}, 400, version=4)
    trained = train(tmp_path, labelled(800), policy=policy)
    assert trained.policy == policy
    assert trained.scorer.model["policy"] == "4"


def test_more_hot_leads_than_the_policy_promised_raise_an_alarm(tmp_path):
    policy = Policy("fixed", -1.5, -1.0, {}, {"hot": 4, "warm": 60}, 400, version=4)
    trained = train(tmp_path, labelled(800), policy=policy)
    (warning,) = [text for text in trained.warnings if "hot share of the policy" in text]
    assert "(1.0%)" in warning
    assert "more hot leads than sales was promised" in warning


# -- little data, no order, one class ----------------------------------------------------------


@pytest.mark.parametrize("wins", [29, 30, 149, 150])
def test_the_wins_before_the_newest_window_decide_the_rungs(tmp_path, wins):
    trained = train(tmp_path, with_wins(labelled(600), "earlier", wins))
    assert trained.snapshot.label[trained.windows.fit].sum() == wins
    kinds = [candidate.kind for candidate in trained.candidates]
    assert kinds == [rung.kind for rung in trained.rungs if rung.allowed]
    assert ("blend" in kinds, "odoo" in kinds) == (wins >= 30, wins >= 150)
    assert tuple(r.kind for r in trained.rungs) == candidate_kinds()
    assert all(r.reason for r in trained.rungs if not r.allowed)
    if wins == 29:
        assert trained.chosen == "matrix"
        assert trained.rungs[1].reason == "needs 30 wins in training, found 29"


@pytest.mark.parametrize(
    ("outcome", "found"), [("lost", "0 won and 60 lost"), ("won", "60 won and 0 lost")]
)
def test_one_class_only_is_refused(tmp_path, outcome, found):
    frame = labelled(60)
    frame["outcome"] = outcome
    with pytest.raises(TrainingRefused, match=rf"won and leads that were lost\. Found: {found} in"):
        train(tmp_path, frame)


def test_open_leads_alone_are_refused(tmp_path):
    frame = labelled(60)
    frame["outcome"] = ""
    with pytest.raises(TrainingRefused, match="Found: 0 won and 0 lost in outcome"):
        train(tmp_path, frame)


def test_one_class_in_the_training_window_is_refused(tmp_path):
    with pytest.raises(TrainingRefused, match="What is learned from must hold"):
        train(tmp_path, with_wins(labelled(100), "earlier", 0))


@pytest.mark.parametrize("window", ["calibrate", "test"])
def test_one_class_in_a_later_window_is_survived(tmp_path, window):
    trained = train(tmp_path, with_wins(labelled(300), window, 0))
    if window == "calibrate":
        assert trained.chosen == "matrix"
        assert np.isnan(trained["criteria_scorecard"].auc_calibrate)
    else:
        assert np.isnan(trained["matrix"].metrics["roc_auc"].value)
    trained.scorer.score(trained.scorer.example)


def test_a_split_without_order_is_random_and_says_so_loudly(tmp_path):
    schema = small_schema(order={"by": "none"})
    trained = train(tmp_path, labelled(400), schema=schema)
    assert trained.windows.random
    assert "random" in trained.warnings[0]
    assert "random" in trained.verdict.text
    assert trained.scorer.card["trained_until"] is None


def test_progress_is_told_from_0_to_1(tmp_path):
    told = []
    snapshot = make_snapshot(tmp_path, labelled(300), BY_ROW)
    compare(
        snapshot,
        BY_ROW,
        small_matrix(BY_ROW),
        replicates=5,
        progress=lambda what, share: told.append((what, share)),
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1 < 0.8 <= shares[-1] <= 1
    assert "fit criteria_scorecard" in [what for what, _ in told]


# -- leads seen at several ages ----------------------------------------------------------------

AGED = aged_schema(account=True)
AGED_RULES = {
    "criteria": {
        "budget": {
            "rules": [{"field": "size", "full": {"at_least": 11}, "partial": {"at_least": 10}}]
        }
    }
}


def aged(leads=700, *, won=None, **options):
    rng = np.random.default_rng(6)
    accounts = np.array([f"A{i}" for i in rng.integers(0, leads, leads)], dtype=object)
    return aged_snapshot(
        leads=leads,
        apart_days=0.25,
        ages=(0.0, 1.0, 7.0),
        won=rng.integers(0, 2, leads) if won is None else won,
        account=accounts,
        closed_after_days=1.5 + rng.exponential(20, leads),
        **options,
    )


def train_aged(snapshot, **options):
    return compare(snapshot, AGED, Matrix.read(AGED_RULES, AGED), replicates=5, **options)


@pytest.fixture(scope="module")
def ages():
    return train_aged(aged(), slice_by=["language"])


def watched_fits(monkeypatch):
    """Return a list that will hold what every estimator is fitted on."""
    fitted = []

    def watched(rung, columns):
        estimator = make_estimator(rung, columns)
        fit = estimator.fit

        def noted(*given, **named):
            fitted.append((given, named))
            return fit(*given, **named)

        estimator.fit = noted
        return estimator

    monkeypatch.setattr("scoring_ml.evaluation.rolling_origin.make_estimator", watched)
    return fitted


def test_candidates_learn_from_every_age_and_a_lead_weighs_one(monkeypatch):
    fitted = watched_fits(monkeypatch)
    trained = train_aged(aged(300))
    last = trained.windows.fit
    assert len(last) > len(trained.windows.learned_leads)
    learned = [*(origin.fit for origin in trained.windows.origins), trained.windows.mature]
    assert {len(y) for (_, y), _ in fitted} == {len(rows) for rows in learned}
    for (X, y), named in fitted:
        rows = next(rows for rows in learned if len(rows) == len(y))
        if len(rows) == len(last):
            assert X.tolist() == trained.X[rows].tolist()
        assert y.tolist() == trained.snapshot.label[rows].tolist()
        assert named["lead"].tolist() == trained.snapshot.lead[rows].tolist()
        whole = np.bincount(named["lead"], named["weight"])
        assert whole[np.unique(named["lead"])] == pytest.approx(1.0)


def test_a_flat_file_is_fitted_without_weights(monkeypatch, tmp_path):
    fitted = watched_fits(monkeypatch)
    trained = train(tmp_path, labelled(150))
    assert fitted
    nothing = {"weight": None, "lead": None, "average": None}
    assert all(named == nothing for _, named in fitted)
    assert trained.slices == ()


def test_everything_is_counted_in_leads_at_the_headline_age(ages):
    windows, label = ages.windows, ages.snapshot.label
    for name in ("train", "calibrate", "test"):
        assert len(np.unique(ages.snapshot.lead[windows[name]])) == len(windows[name])
        assert ages.base_rate[name] == label[windows[name]].mean()
        assert ages.drift.base_rates[name].leads == len(windows[name])
    assert ages.comparison.leads == len(windows.test)
    assert ages.evaluated.parts.reference.leads == len(windows.learned_leads)
    assert ages.scorer.parts.reference.leads == len(windows.leads)
    assert ages.scorer.card["rows"]["train"] == len(windows.train)
    assert ages.scorer.card["rows"]["fit"] == len(windows.fit)
    learned = ages[ages.chosen].calibration
    # The schema has no age of a lead, so that only the headline age is calibrated.
    known = np.concatenate(known_blocks(windows, len(windows.blocks)))
    assert learned.wins + learned.losses == len(known)


def test_rungs_are_allowed_by_leads_and_not_by_rows():
    # Fewer than 30 wins in train, each seen at up to three ages: more rows that are won.
    won = np.zeros(300, dtype=int)
    won[::7] = 1
    trained = train_aged(aged(300, won=won))
    wins = int(trained.snapshot.label[trained.windows.learned_leads].sum())
    assert trained.snapshot.label[trained.windows.fit].sum() > 30 > wins
    assert [rung.kind for rung in trained.rungs if rung.allowed] == ["matrix", "constant"]
    assert trained.rungs[1].reason == f"needs 30 wins in training, found {wins}"


def test_rows_that_no_window_holds_are_counted_and_name_leads_once(ages):
    windows = ages.windows
    held = len(windows.mature) + len(windows.open)
    assert held + sum(item.count for item in ages.unused) == len(ages.snapshot)
    for item in ages.unused:
        assert len(set(item.first_ids)) == len(item.first_ids) <= 3


def test_slices_are_of_the_chosen_and_the_matrix(ages):
    names = [part.name for part in ages.slices]
    assert names[:4] == ["age_0d", "age_1d", "age_7d", "new_accounts"]
    assert sorted(names[4:]) == ["language_en", "language_fa", "language_ru"]
    headline = ages.slices[1]
    for kind in {ages.chosen, "matrix"}:
        metric = ages[kind].metrics["roc_auc"]
        assert headline.judged[kind].roc_auc == metric
    assert ages.chosen != "matrix"
    assert "These leads are judged as they were seen after 1 day" in ages.verdict.text
    assert "of accounts that it had not learned from" in ages.verdict.text


def test_what_comes_after_training_changes_no_model():
    """Turn every test outcome, and change every row that nothing may be learned from."""
    snapshot = aged(400)
    before = train_aged(snapshot)
    windows = before.windows
    unseen = np.ones(len(snapshot), dtype=bool)
    known = np.concatenate([windows.fit, *(origin.known for origin in windows.origins)])
    unseen[known] = False
    label = np.where(unseen, 1.0 - snapshot.label, snapshot.label)
    frame = snapshot.frame.copy()
    frame.loc[unseen, "visits"] += 3.0
    frame.loc[unseen, "size"] -= 5.0
    after = train_aged(replace(snapshot, label=label, frame=frame))
    assert after.chosen == before.chosen
    assert after.policy == before.policy
    for candidate in before.candidates:
        rows = windows.origins[-1].known
        assert after[candidate.kind].logodds[rows].tolist() == candidate.logodds[rows].tolist()
        assert after[candidate.kind].calibration == candidate.calibration


def test_a_gap_shorter_than_the_horizon_is_told():
    schema = aged_schema(mature_after_days=None, gap_days=2.0, account=True)
    trained = compare(aged(300), schema, Matrix.read(AGED_RULES, schema), replicates=5)
    assert "The windows lie 2 days apart, less than it takes" in trained.verdict.text
    assert trained.warnings[0].startswith("The windows lie 2 days apart")
