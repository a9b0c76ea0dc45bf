"""The model that tells old leads from new: chance on equal halves, sure of a planted date."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from scoring_ml.data.schema import Column
from scoring_ml.evaluation.audit.adversarial import (
    LEAST_ROWS,
    adversarial,
    age_days,
    newer_half,
    seen_values,
)

N = 2000


@pytest.fixture
def columns():
    rng = np.random.default_rng(1)
    words = np.array(list("abcde"), dtype=object)[rng.integers(0, 5, N)]
    words[rng.random(N) < 0.2] = None
    return {
        "number": rng.normal(size=N),
        "count": np.where(rng.random(N) < 0.3, np.nan, rng.poisson(2.0, N)),
        "word": words,
    }


def look(columns, *, position=None, as_of=None, types=None, **options):
    frame = pd.DataFrame(columns)
    kinds = {"f": "number", "M": "date"}
    described = [
        Column(name, (types or {}).get(name, kinds.get(frame[name].dtype.kind, "category")))
        for name in columns
    ]
    position = np.arange(len(frame), dtype=float) if position is None else position
    return adversarial(frame, described, position, as_of=as_of, **options)


def moments(n=N):
    return np.datetime64("2025-01-01", "us") + np.arange(n) * np.timedelta64(6, "h")


class TestHalves:
    @pytest.mark.parametrize(
        ("position", "newer"),
        [
            ([1, 2, 3, 4], [0, 0, 1, 1]),
            ([4, 3, 2, 1], [1, 1, 0, 0]),
            ([1, 2, 3], [0, 1, 1]),
            ([1, 1, 1, 2], [0, 0, 0, 1]),
            ([1, 2, 2, 2, 2, 3], [0, 1, 1, 1, 1, 1]),
            ([7, 7], [0, 0]),
            ([], []),
        ],
    )
    def test_rows_of_one_position_stand_together(self, position, newer):
        found = newer_half(np.array(position, dtype=float))
        assert found.astype(int).tolist() == newer


class TestAdversarial:
    def test_equal_halves_are_not_told_apart(self, columns):
        told = look(columns)
        assert told.low <= 0.5 <= told.high
        assert told.low < told.auc < told.high
        assert {name for name, _ in told.fields} == set(columns)

    def test_the_interval_holds_one_half_nearly_always(self):
        rng = np.random.default_rng(2)
        held = 0
        for seed in range(12):
            told = look({"x": rng.normal(size=300), "y": rng.normal(size=300)}, seed=seed)
            held += told.low <= 0.5 <= told.high
        assert held >= 10

    def test_a_number_that_moved_reaches_the_auc_of_its_two_normals(self, columns):
        rng = np.random.default_rng(3)
        shift = 1.0
        columns["moved"] = rng.normal(size=N) + shift * (np.arange(N) >= N // 2)
        told = look(columns)
        expected = norm.cdf(shift / np.sqrt(2))
        assert told.fields[0][0] == "moved"
        assert told.fields[0][1] == pytest.approx(expected, abs=0.03)
        assert told.low - 0.02 < expected < told.high + 0.05

    def test_what_only_two_fields_together_tell_is_told_by_the_model(self):
        rng = np.random.default_rng(4)
        newer = np.where(np.arange(N) >= N // 2, 1.0, -1.0)
        first = rng.choice([-1.0, 1.0], N)
        told = look({"first": first, "second": first * newer, "noise": rng.normal(size=N)})
        assert told.auc > 0.95
        assert max(auc for _, auc in told.fields) < 0.55

    def test_words_that_come_and_go(self, columns):
        columns["word"] = np.where(np.arange(N) < N // 2, "old", "new").astype(object)
        told = look(columns)
        assert told.fields[0] == ("word", 1.0)
        assert told.high == 1.0
        assert 0.99 < told.low < 1.0

    def test_dates_count_by_their_age_alone(self, columns):
        rng = np.random.default_rng(5)
        columns["met"] = moments() - rng.integers(1, 400, N) * np.timedelta64(1, "D")
        told = look(columns, as_of=moments())
        assert dict(told.fields)["met"] < 0.55
        assert "met" not in dict(look(columns).fields)

    def test_of_contact_details_only_their_presence_counts(self, columns):
        mails = np.array([f"anna{index}@example.org" for index in range(N)], dtype=object)
        mails[: N // 2] = None
        columns["mail"] = mails
        told = look(columns, types={"mail": "email"})
        assert told.fields[0] == ("mail", 1.0)
        assert seen_values(pd.Series(mails), Column("mail", "email"), None).sum() == N // 2

    def test_the_order_of_the_rows_says_nothing(self, columns):
        columns["number"] = columns["number"] + np.arange(N) / N
        shuffled = np.random.default_rng(6).permutation(N)
        position = np.arange(N, dtype=float)
        there = look(columns)
        back = look(
            {name: values[shuffled] for name, values in columns.items()},
            position=position[shuffled],
        )
        assert there == back
        assert there == look(columns, position=position**3)

    def test_large_tables_are_thinned_out(self, columns):
        columns["number"] = columns["number"] + (np.arange(N) >= N // 2)
        told = look(columns, most_rows=400)
        assert told.low < look(columns).auc < told.high

    def test_too_little_to_learn_from(self, columns):
        few = {name: values[: LEAST_ROWS - 1] for name, values in columns.items()}
        assert look(few) is None
        assert look({name: values[:LEAST_ROWS] for name, values in columns.items()}) is not None
        assert look(columns, position=np.ones(N)) is None
        assert look(columns, position=(np.arange(N) > 1990).astype(float)) is None
        assert look({"day": moments()}) is None
        assert adversarial(pd.DataFrame({}, index=range(N)), (), np.arange(N, dtype=float)) is None


def test_ages_are_days_and_missing_stays_missing():
    as_of = np.array(["2026-01-03T12:00", "2026-01-03"], dtype="datetime64[us]")
    dates = np.array(["2026-01-01", "NaT"], dtype="datetime64[us]")
    assert age_days(dates, as_of).tolist()[0] == 2.5
    assert np.isnan(age_days(dates, as_of)[1])


def test_the_slow_library_is_imported_only_when_a_model_is_learned():
    code = (
        "import sys; import scoring_ml.evaluation.audit.adversarial; "
        "print('sklearn.ensemble' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
