"""Drift: base rates with Wilson's interval, PSI by hand, and silence where only noise speaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from scoring_ml.evaluation.drift import base_rate, drift_report, field_drift


def frame(rng, n, *, shift=0.0, share=0.3):
    level = rng.choice(["ads", "fair", "web"], size=n, p=[share, 0.2, 0.8 - share])
    return pd.DataFrame(
        {
            "visits": rng.normal(size=n) + shift,
            "asked": (rng.random(n) < 0.4).astype(float),
            "source": pd.Series(level, dtype=object),
            "born": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
            "mail": pd.Series([f"{i}-{n}@example.org" for i in range(n)], dtype=object),
        }
    )


def labels(train, calibrate, test):
    made = {}
    for name, (wins, leads) in {"train": train, "calibrate": calibrate, "test": test}.items():
        made[name] = (np.arange(leads) < wins).astype(float)
    return made


STEADY = labels((300, 1000), (100, 333), (100, 333))


@pytest.mark.parametrize(("wins", "leads"), [(0, 10), (10, 10), (3, 10), (412, 8238), (1, 2)])
def test_wilson_against_statsmodels(wins, leads):
    found = base_rate(wins, leads)
    expected = proportion_confint(wins, leads, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)
    assert found.share == wins / leads


def test_base_rate_of_nothing_is_not_zero():
    assert np.isnan([base_rate(0, 0).share, base_rate(0, 0).low, base_rate(0, 0).high]).all()


def test_psi_by_hand():
    # Counts 60/40 and 30/70, each raised by a half: shares 60.5/101, 40.5/101 and so on.
    before = pd.Series(["a"] * 60 + ["b"] * 40, dtype=object)
    after = pd.Series(["a"] * 30 + ["b"] * 70, dtype=object)
    p, q = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    found = field_drift("x", before, after)
    assert found.psi == pytest.approx(float(((p - q) * np.log(p / q)).sum()))
    assert found.limit == pytest.approx(10.828 * 0.02, rel=1e-4)  # chi-squared, 1 degree, 0.1 %
    assert found.moved


def test_psi_is_the_same_in_both_directions_and_in_any_order():
    rng = np.random.default_rng(0)
    before, after = frame(rng, 400)["source"], frame(rng, 300, share=0.5)["source"]
    there = field_drift("x", before, after)
    back = field_drift("x", after, before)
    assert there.psi == pytest.approx(back.psi)
    assert field_drift("x", before[::-1], after[::-1]).psi == pytest.approx(there.psi)


def test_identical_windows_have_no_drift():
    data = frame(np.random.default_rng(1), 200)
    report = drift_report({"train": data, "test": data}, STEADY)
    assert [field.psi for field in report.fields] == pytest.approx([0.0] * 5)
    assert report.fields_moved == ()
    assert not report.base_rate_moved


def test_moved_fields_are_named_worst_first():
    rng = np.random.default_rng(2)
    before, after = frame(rng, 2000), frame(rng, 600, shift=2.0, share=0.7)
    report = drift_report({"train": before, "test": after}, STEADY)
    assert report.fields_moved == ("visits", "source")
    psi = [field.psi for field in report.fields]
    assert psi == sorted(psi, reverse=True)


def test_missing_answers_are_a_bin_of_their_own():
    rng = np.random.default_rng(3)
    before, after = frame(rng, 1000), frame(rng, 1000)
    for name in ("visits", "source", "born", "mail"):
        after.loc[:500, name] = None
    report = drift_report({"train": before, "test": after}, STEADY)
    assert set(report.fields_moved) == {"visits", "source", "born", "mail"}
    for field in report.fields:
        if field.moved:
            assert (field.missing_before, field.missing_after) == (0.0, 0.501)


def test_time_going_on_and_new_addresses_are_no_drift():
    rng = np.random.default_rng(4)
    before, after = frame(rng, 500), frame(rng, 200)
    after["born"] += pd.Timedelta(days=400)
    report = drift_report({"train": before, "test": after}, STEADY)
    found = {field.name: field.psi for field in report.fields}
    assert found["born"] == found["mail"] == 0.0


def test_common_number_does_not_hide_the_others():
    # 999 stands for "never" in 96 % of the train window, but in 60 % of the test window.
    rng = np.random.default_rng(5)
    before = pd.Series(np.where(rng.random(2000) < 0.96, 999.0, rng.integers(0, 30, 2000)))
    after = pd.Series(np.where(rng.random(800) < 0.60, 999.0, rng.integers(0, 30, 800)))
    assert field_drift("days since contact", before, after).moved


def test_value_that_came_up_only_later_is_seen():
    for dtype, old, new in ((object, "a", "b"), (float, 1.0, 2.0)):
        before = pd.Series([old] * 300, dtype=dtype)
        after = pd.Series([old] * 50 + [new] * 50, dtype=dtype)
        assert field_drift("x", before, after).moved


@pytest.mark.parametrize(("n1", "n2"), [(30, 10), (60, 20), (600, 200)])
def test_noise_of_small_windows_is_not_called_drift(n1, n2):
    rng = np.random.default_rng(6)
    fields = [
        field
        for _ in range(150)
        for field in drift_report({"train": frame(rng, n1), "test": frame(rng, n2)}, STEADY).fields
    ]
    # Once in a thousand is promised; 750 fields.
    assert sum(field.moved for field in fields) <= 3
    if n2 == 10:
        # The threshold alone would have cried wolf.
        assert sum(field.psi > 0.25 for field in fields) > 50


@pytest.mark.parametrize(
    ("train", "calibrate", "test", "moved"),
    [
        ((30, 1000), (30, 300), (138, 300), True),  # 3 %, 10 %, 46 %
        ((300, 1000), (90, 300), (92, 300), False),  # hardly another share
        ((3, 10), (1, 3), (2, 3), False),  # too few to tell
        ((300, 1000), (30, 300), (90, 300), True),  # only the calibration window differs
        ((30000, 100000), (6000, 20000), (6300, 20000), False),  # clear, but a twentieth
        ((0, 100), (0, 100), (40, 100), True),
        ((10, 100), (0, 0), (10, 100), False),
    ],
)
def test_base_rate_moves_by_more_than_chance_and_enough_to_matter(train, calibrate, test, moved):
    data = pd.DataFrame({"x": [1.0, 2.0]})
    report = drift_report({"train": data, "test": data}, labels(train, calibrate, test))
    assert report.base_rate_moved is moved


@pytest.mark.parametrize("kind", [float, object])
def test_all_missing_and_empty(kind):
    nothing = pd.Series([None] * 20, dtype=kind)
    found = field_drift("x", nothing, nothing)
    assert (found.psi, found.moved, found.missing_after) == (0.0, False, 1.0)
    empty = field_drift("x", nothing, nothing[:0])
    assert np.isnan(empty.psi)
    assert not empty.moved
