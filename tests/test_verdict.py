"""The verdict: what it says for which evidence, and that it claims nothing more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scoring_ml.evaluation.drift import DriftReport, FieldDrift, base_rate, drift_report
from scoring_ml.evaluation.intervals import (
    Comparison,
    Predictions,
    bootstrap_metrics,
)
from scoring_ml.evaluation.slices import Judged, Slice
from scoring_ml.evaluation.time_split import split_windows
from scoring_ml.evaluation.verdict import (
    Evidence,
    warning_text,
    write_verdict,
)
from scoring_ml.evaluation.windows import NAMES, WindowWarning
from scoring_ml.statistics.interval import Interval
from scoring_ml.statistics.proportions import expected_wins
from scoring_ml.statistics.ranking import roc_auc
from scoring_ml.texts import Catalogue
from scoring_ml.texts.sentences import tell
from tests.single_metrics import calibration_line

ENGLISH = Catalogue.load("en")
BANK = Path(__file__).parents[1] / ".." / "shared" / "data" / "bank-additional-full.csv"
NAN = float("nan")
UNKNOWN = Interval(NAN, NAN, NAN)

QUIET = DriftReport(
    {"train": base_rate(300, 1000), "calibrate": base_rate(90, 300), "test": base_rate(93, 312)},
    {"train": 0.9, "calibrate": 0.9},
    False,
    (),
)
METRICS = {
    "boosted": {
        "roc_auc": Interval(0.7461, 0.7102, 0.7791),
        "wins_per_100": Interval(41.2, 36.0, 46.0),
        "lift_10": Interval(2.4, 1.9, 2.9),
        "calibration_slope": Interval(1.02, 0.91, 1.14),
        "calibration_intercept": Interval(-0.05, -0.2, 0.1),
    },
    "scorecard": {"roc_auc": Interval(0.74, 0.70, 0.775)},
    "matrix": {
        "roc_auc": Interval(0.66, 0.61, 0.70),
        "wins_per_100": Interval(29.8, 25.0, 34.0),
    },
}
GAPS = {
    ("boosted", "matrix"): {"wins_per_100": Interval(11.4, 6.1, 16.9)},
    ("scorecard", "boosted"): {"roc_auc": Interval(-0.006, -0.02, 0.008)},
    ("matrix", "boosted"): {"roc_auc": Interval(-0.086, -0.12, -0.05)},
    ("boosted", "scorecard"): {"roc_auc": Interval(0.006, -0.008, 0.02)},
}


def evidence(*, metrics=None, gaps=None, wins=703, leads=2400, **changes):
    merged = {kind: dict(found) for kind, found in METRICS.items()}
    for (kind, name), interval in (metrics or {}).items():
        merged[kind][name] = interval
    differences = GAPS | (gaps or {})
    given = {
        "chosen": "boosted",
        "comparison": Comparison(merged, differences, leads, wins, 400),
        "handed_over": 312,
        "matrix_mapped": True,
        "drift": QUIET,
        "expected_wins": Interval(690.4, 640.2, 740.7),
        "random_split": False,
        "final_labels": False,
    }
    return Evidence(**given | changes)


def told(**changes):
    return write_verdict(evidence(**changes), catalogue=ENGLISH)


def keys(verdict):
    return [key.removeprefix("verdict.") for key, _ in verdict.sentences]


def test_whole_verdict_word_for_word():
    assert told().text == (
        "Judged on the 2,400 newest leads, of which 703 won. "
        "Handing sales as many leads as the matrix does (312 leads), the boosted model would have "
        "given 41.2 wins per 100 leads against 29.8: 11.4 more (95 % interval 6.1 to 16.9). "
        "The boosted model puts a win above a loss with a chance of 0.746 (AUC; 95 % interval 0.71 "
        "to 0.779). "
        "No other candidate ranked them better, but next is the scorecard with an AUC of 0.74, and "
        "the distance of 0.006 could be chance (95 % interval -0.008 to 0.02). "
        "The model was chosen by how candidates ranked the blocks of leads before these; these "
        "newest leads only report. "
        "Its probabilities promised 690 wins (640 to 741); there were 703, in line with them. "
        "Nothing speaks against their spread: calibration slope 1.02 (95 % interval 0.91 to 1.14; "
        "1 is right), intercept -0.05."
    )


def volume(low, high, value=None):
    middle = (low + high) / 2 if value is None else value
    return {("boosted", "matrix"): {"wins_per_100": Interval(middle, low, high)}}


@pytest.mark.parametrize(
    ("low", "high", "key"),
    [
        (0.1, 5.0, "volume_more"),
        (0.0, 5.0, "volume_chance"),  # an interval that ends at 0 holds it
        (-1.0, 5.0, "volume_chance"),
        (-5.0, 0.0, "volume_chance"),
        (-5.0, -0.1, "volume_fewer"),
        (NAN, NAN, "volume_unknown"),
    ],
)
def test_volume_claim_needs_an_interval_without_zero(low, high, key):
    verdict = told(gaps=volume(low, high, 2.0 if np.isnan(low) else None))
    assert keys(verdict)[1] == key
    claims = "more (95" in verdict.text or "fewer (95" in verdict.text
    assert claims is (key in ("volume_more", "volume_fewer"))


def test_fewer_wins_turn_the_interval_around():
    text = told(gaps=volume(-9.0, -3.0)).text
    assert "The matrix did better" in text
    assert "6.0 fewer (95 % interval 3.0 to 9.0)" in text


def test_matrix_without_rules_is_not_compared():
    verdict = told(matrix_mapped=False, handed_over=0)
    assert keys(verdict)[1:3] == ["matrix_unmapped", "lift"]
    assert "wins per 100 leads" not in verdict.text
    # A matrix without rules is no rival either.
    best = next(params for key, params in verdict.sentences if key == "verdict.first_chance")
    assert best["best"] == "scorecard"


def test_matrix_that_hands_over_nobody():
    verdict = told(handed_over=0)
    assert keys(verdict)[1:3] == ["hands_over_nobody", "lift"]
    assert "no equal volume to compare at" in verdict.text
    unclear = told(handed_over=0, metrics={("boosted", "lift_10"): Interval(1.4, 0.9, 2.0)})
    assert keys(unclear)[2] == "lift_unclear"


def test_matrix_that_stays():
    gaps = {("boosted", "matrix"): {"roc_auc": Interval(0.086, 0.05, 0.12)}}
    verdict = told(chosen="matrix", expected_wins=None, gaps=gaps)
    assert keys(verdict)[1:3] == ["matrix_chosen", "matrix_rate"]
    assert "better" in keys(verdict)
    assert keys(verdict)[-1] == "no_probability"
    assert "The boosted model would have ranked them better: AUC 0.746, 0.086 above" in verdict.text


@pytest.mark.parametrize(
    ("interval", "key"),
    [
        (Interval(0.6, 0.51, 0.7), None),
        (Interval(0.6, 0.5, 0.7), "auc_chance"),
        (Interval(0.52, 0.45, 0.6), "auc_chance"),
        (Interval(0.4, 0.3, 0.49), "auc_backwards"),
    ],
)
def test_ranking_by_chance_is_called_so(interval, key):
    found = set(keys(told(metrics={("boosted", "roc_auc"): interval})))
    assert found & {"auc_chance", "auc_backwards"} == ({key} if key else set())


@pytest.mark.parametrize(
    ("auc", "gap", "key"),
    [
        (0.78, Interval(0.034, 0.01, 0.06), "better"),
        (0.75, Interval(0.004, -0.01, 0.02), "better_chance"),
        (0.70, Interval(-0.046, -0.07, -0.02), "first"),
        (0.74, Interval(-0.006, -0.02, 0.01), "first_chance"),
        (0.7461, Interval(0.0, 0.0, 0.0), "first_chance"),
        (0.74, Interval(-0.006, NAN, NAN), "gap_unknown"),
    ],
)
def test_distance_from_the_best_candidate(auc, gap, key):
    verdict = told(
        metrics={("scorecard", "roc_auc"): Interval(auc, 0.7, 0.8)},
        gaps={("scorecard", "boosted"): {"roc_auc": gap}},
    )
    assert key in keys(verdict)
    assert "chosen_before" in keys(verdict)


def test_no_rival_no_distance():
    alone = Comparison({"boosted": METRICS["boosted"]}, {}, 2400, 703, 400)
    verdict = write_verdict(replace(evidence(), comparison=alone), catalogue=ENGLISH)
    assert "chosen_before" not in keys(verdict)
    assert "matrix_unmapped" in keys(verdict)


@pytest.mark.parametrize(
    ("wins", "expected", "key"),
    [
        (703, Interval(690, 640, 740), "wins_held"),
        (740, Interval(690, 640, 740), "wins_held"),
        (741, Interval(690, 640, 740), "wins_near"),
        (759, Interval(690, 640, 740), "wins_near"),
        (760, Interval(690, 640, 740), "wins_more"),
        (500, Interval(690, 640, 740), "wins_fewer"),
        (703, None, "no_probability"),
    ],
)
def test_promised_and_actual_wins(wins, expected, key):
    assert key in keys(told(wins=wins, expected_wins=expected))


@pytest.mark.parametrize(
    ("slope", "key"),
    [
        (Interval(1.0, 0.9, 1.1), "slope_held"),
        (Interval(1.1, 1.02, 1.2), "slope_near"),
        (Interval(0.9, 0.82, 0.98), "slope_near"),
        (Interval(0.7, 0.6, 0.8), "slope_too_far_apart"),
        (Interval(1.4, 1.2, 1.6), "slope_too_close"),
        (Interval(1.1, 0.4, 1.9), "slope_wide"),
        (Interval(1.1, 0.6, 2.1), "slope_wide"),
        (Interval(0.7, 0.0, 1.4), "slope_flat"),
        (Interval(-0.5, -0.9, -0.1), "slope_backwards"),
        (UNKNOWN, "slope_unknown"),
    ],
)
def test_slope_is_judged_and_not_assumed(slope, key):
    verdict = told(metrics={("boosted", "calibration_slope"): slope})
    assert [k for k in keys(verdict) if k.startswith("slope")] == [key]


def drift(moved_fields=0, *, base_rate_moved=False):
    fields = [FieldDrift(f"f{i}", 1.0, 0, 0, 0, moved=i < moved_fields) for i in range(9)]
    rates = {
        "train": base_rate(30, 1000),
        "calibrate": base_rate(100, 1000),
        "test": base_rate(460, 1000),
    }
    return DriftReport(rates, {}, base_rate_moved, tuple(fields))


def test_drift_is_named_where_there_is_any():
    assert not {"base_rate_moved", "fields_moved"} & set(keys(told(drift=drift())))
    text = told(drift=drift(base_rate_moved=True)).text
    assert (
        "3.0% among the oldest leads, 10.0% in the blocks after them, 46.0% among the newest"
        in text
    )
    one = told(drift=drift(1), titles={"f0": "Number of visits"}).text
    assert "1 field looks different in the newest window than in the train window: Number of" in one
    assert "5 fields look different" in told(drift=drift(5)).text
    assert "f0, f1, f2, f3, f4 and 2 more." in told(drift=drift(7)).text


def test_random_split_comes_first_and_loud():
    verdict = told(random_split=True, warnings=[WindowWarning("random_split")])
    assert verdict.text.startswith("CAUTION: nothing puts these leads in order of time")
    assert keys(verdict)[:2] == ["random_split", "judged_on_random"]
    assert "windows.random_split" not in keys(verdict)
    assert "newest leads" not in verdict.text
    assert "CAUTION" not in told().text


def test_final_labels_are_said():
    assert "final_labels" in keys(told(final_labels=True))
    assert "final_labels" not in keys(told())


@pytest.mark.parametrize("wins", [0, 12])
def test_window_of_one_class_judges_nothing(wins):
    verdict = told(wins=wins, leads=12, drift=drift(1, base_rate_moved=True))
    assert keys(verdict) == ["nothing_to_judge", "base_rate_moved", "fields_moved"]


def test_warnings_about_windows_are_told_in_words():
    warning = WindowWarning("few_outcomes", {"window": "calibrate", "wins": 3, "lost": 9})
    text = "The middle leads hold only 3 wins and 9 losses; intervals on them are wide."
    assert warning_text(warning, ENGLISH) == text
    assert told(warnings=[warning]).text.endswith(text)


def test_sentences_can_be_told_again():
    verdict = told()
    assert tell(verdict.sentences, ENGLISH) == verdict.text


def test_unknown_kind_goes_by_its_own_name():
    gap = {("scorecard", "boosted"): {"roc_auc": Interval(0.02, 0.01, 0.03)}}
    better = {("scorecard", "roc_auc"): Interval(0.77, 0.7, 0.8)}
    named = told(metrics=better, gaps=gap)
    params = dict(named.sentences[3][1]) | {"best": "forest"}
    assert tell([("verdict.better", params)], ENGLISH).startswith("Forest would have")


def test_no_number_is_shown_with_more_than_three_digits_after_the_point():
    verdict = told(
        metrics={("boosted", "roc_auc"): Interval(2 / 3, 0.61111111, 0.71111111)},
        gaps=volume(1 / 3, 20 / 3)
        | {("matrix", "boosted"): {"roc_auc": Interval(-0.1, -1, -0.01)}},
        drift=drift(1, base_rate_moved=True),
    )
    for word in verdict.text.replace("(", " ").split():
        digits = word.rstrip(".,;:%)").partition(".")[2]
        assert len(digits) <= 3, word


def part(name, *, days=None, auc=0.7, leads=100, wins=30, promised=(30.0, 22.0, 38.0)):
    by = "account" if days is None else "age"
    judged = Judged(Interval(auc, auc - 0.05, auc + 0.05), Interval(*promised), 0.3)
    return Slice(name, by, days, days == 1.0, leads, wins, {"boosted": judged})


CREATED, HEADLINE = part("age_0d", days=0.0, auc=0.701), part("age_1d", days=1.0, auc=0.746)
WEEK = part("age_7d", days=7.0, auc=0.7894)


def test_other_ages_are_told_beside_the_headline():
    verdict = told(slices=[CREATED, HEADLINE, WEEK])
    assert keys(verdict)[-1] == "ages"
    assert verdict.text.endswith(
        "These leads are judged as they were seen after 1 day; seen at other ages, the boosted "
        "model ranks them with an AUC of 0.701 at creation, 0.789 after 7 days."
    )


def test_an_age_of_one_class_is_not_ranked():
    verdict = told(slices=[part("age_0d", days=0.0, auc=NAN, wins=0), HEADLINE, WEEK])
    assert "at creation" not in verdict.text.split("with an AUC of 0.789")[0]
    assert "ages" not in keys(told(slices=[HEADLINE]))


@pytest.mark.parametrize(
    ("wins", "promised", "is_off"),
    [
        (50, (30.0, 22.0, 38.0), True),
        (15, (30.0, 22.0, 38.0), True),
        (38, (30.0, 22.0, 38.0), False),  # chance reaches so far
        (1080, (1000.0, 950.0, 1050.0), False),  # beyond chance, but within a tenth
        (30, (NAN, NAN, NAN), False),  # no probabilities
    ],
)
def test_ages_whose_probabilities_do_not_hold_are_named(wins, promised, is_off):
    late = part("age_30d", days=30.0, leads=2000, wins=wins, promised=promised)
    verdict = told(slices=[HEADLINE, late])
    assert ("ages_off" in keys(verdict)) is is_off
    said = f"after 30 days they promise {promised[0]:,.0f} wins"
    assert (said in verdict.text) is is_off


def test_new_accounts_are_a_second_result():
    verdict = told(slices=[HEADLINE, part("new_accounts", leads=812, auc=0.7)])
    assert verdict.text.endswith(
        "812 of them are of accounts that it had not learned from; there its AUC is 0.7 (95 % "
        "interval 0.65 to 0.75)."
    )
    few = told(slices=[part("new_accounts", leads=12, wins=0, auc=NAN)])
    assert keys(few)[-1] == "new_accounts_unknown"
    assert keys(told(slices=[part("new_accounts", leads=0, wins=0)]))[-1] == "no_new_accounts"
    # The whole window is of new accounts: the headline has said it.
    assert not [
        key for key in keys(told(slices=[part("new_accounts", leads=2400)])) if "new" in key
    ]


def test_no_message_is_missing_and_none_is_idle():
    package = Path(__file__).parents[1] / "src" / "scoring_ml"
    sources = ("verdict.py", "time_split.py", "lead_windows.py")
    text = (package / "texts" / "sentences.py").read_text(encoding="utf-8")
    text += "".join((package / "evaluation" / name).read_text("utf-8") for name in sources)
    for key in ENGLISH.keys:
        room, _, name = key.partition(".")
        if room in ("verdict", "windows") and "." not in name:
            said = f'"{name}"' in text or f"{room}.{name}" in text
            said = said or key in ("windows.empty_window", "windows.large_gap")  # of kept runs
            assert said or f'"{name.removeprefix("slope_")}"' in text, key


@pytest.mark.skipif(not BANK.exists(), reason="the bank data are not here")
def test_bank_data_are_judged_honestly():
    data = pd.read_csv(BANK, sep=";").drop(columns="duration")
    won = (data.pop("y") == "yes").to_numpy(dtype=float)
    position = np.arange(won.size, dtype=float)
    windows = split_windows(
        by="row",
        position=position,
        as_of=None,
        label=won,
        mature_after_days=None,
        gap_days=None,
    )
    for name in data:
        data[name] = data[name].astype(object if data[name].dtype.kind == "O" else float)
    numbers = data.select_dtypes("number")
    coded = pd.get_dummies(data.drop(columns=numbers.columns), dtype=float)
    X = np.column_stack([numbers.to_numpy(), coded.to_numpy()])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(X[windows.train], won[windows.train])
    logodds = model.decision_function(X)
    intercept, slope = calibration_line(logodds[windows.calibrate], won[windows.calibrate])
    z = intercept + slope * logodds[windows.test]
    p = 1 / (1 + np.exp(-z))
    euribor = -data["euribor3m"].to_numpy()[windows.test]
    matrix = np.where(data["poutcome"] == "success", 80.0, 20.0)[windows.test]
    candidates = {
        "scorecard": Predictions(z, p),
        "odoo": Predictions(euribor),
        "matrix": Predictions(matrix),
    }
    handed_over = int((matrix >= 70).sum())
    y = won[windows.test]
    verdict = write_verdict(
        Evidence(
            chosen="scorecard",
            comparison=bootstrap_metrics(
                y, candidates, volumes={"wins_per_100": handed_over}, replicates=60, seed=0
            ),
            handed_over=handed_over,
            matrix_mapped=True,
            drift=drift_report(
                {name: data.iloc[windows[name]] for name in ("train", "test")},
                {name: won[windows[name]] for name in NAMES},
            ),
            expected_wins=expected_wins(p),
            random_split=windows.random,
            final_labels=windows.final_labels,
            warnings=windows.warnings,
        ),
        catalogue=ENGLISH,
    )
    found = keys(verdict)
    assert "base_rate_moved" in found
    assert "4.3% among the oldest leads, 8.5% in the blocks after them, 30.8%" in verdict.text
    assert "many_fields_moved" in found
    assert "euribor3m" in verdict.text
    assert "wins_more" in found
    assert "final_labels" in found
    assert "chosen_before" in found
    best = max(candidates, key=lambda kind: roc_auc(candidates[kind].logodds, y))
    assert best != "scorecard"
    assert "better" in found
    assert "volume_more" not in found
