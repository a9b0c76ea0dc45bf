"""Probabilities that go by the age of a lead: one lead and a batch, points, and a warning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring_ml.estimators.calibration import Calibration
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.row_scorer import AGE_FIELD, age_column
from scoring_ml.scoring.saving import load_scorer, save_scorer
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.texts import Catalogue
from tests.small_crm import SmallCrm, make_crm, request

AGES = (0.0, 1.0, 7.0)
ADDED = (0.3, 0.0, -0.8)
LEARNED = ("scorecard", "boosted")


@pytest.fixture(scope="module")
def crm() -> SmallCrm:
    return make_crm()


def by_age(scorer: Scorer) -> Scorer:
    """Return a Scorer whose calibration knows what an age adds."""
    calibration = replace(scorer.parts.calibration, ages=AGES, age_logodds=ADDED)
    return Scorer(replace(scorer.parts, calibration=calibration))


def ages_of(crm: SmallCrm) -> np.ndarray:
    return np.asarray((crm.as_of - crm.created_at) / 86_400e6)


def rows_at(crm: SmallCrm) -> list[int]:
    """Return leads younger than the headline age, between the ages, and older than the last."""
    ages = ages_of(crm)
    groups = (ages < 1, (ages > 1) & (ages < 7), ages > 7)
    rows = [np.flatnonzero(group)[:4].tolist() for group in groups]
    assert all(rows)
    return [row for group in rows for row in group]


def test_what_an_age_adds_is_linear_in_log_age_and_constant_outside() -> None:
    line = Calibration(1.0, -2.0, 0.8, 1.2, 90, 90, "platt", ages=AGES, age_logodds=ADDED)
    halfway = np.expm1(0.5 * (np.log1p(1.0) + np.log1p(7.0)))
    days = np.array([0.0, 1.0, halfway, 7.0, 900.0, np.nan])
    assert line.age_effect(days) == pytest.approx([0.3, 0.0, -0.4, -0.8, -0.8, 0.0], abs=1e-12)
    z = np.zeros(6)
    assert line.logodds(z, days) == pytest.approx(-2.0 + line.age_effect(days), abs=0)
    assert line.logodds(z).tolist() == [-2.0] * 6
    assert Calibration.restore(line.dump()) == line


@pytest.mark.parametrize("kind", LEARNED)
def test_a_lead_of_any_age_has_the_bits_of_its_row_of_a_batch(crm: SmallCrm, kind: str) -> None:
    scorer, rows = by_age(crm.scorers[kind]), rows_at(crm)
    frame = crm.frame.iloc[rows].reset_index(drop=True)
    batch = scorer.score_frame(frame, crm.as_of[rows].astype("datetime64[us]"), explain=True)
    for place, row in enumerate(rows):
        one, their = scorer.explain(request(crm, row), as_of=crm.moment(row)), batch.iloc[place]
        assert (one["score"], one["tier"]) == (their["score"], their["tier"])
        assert one["probability"] == their["probability"]
        points = {item["field"]: item["points"] for item in one["contributions"]}
        assert points == {
            alias(name): their[f"points/{name}"] for name, _ in scorer.explained_fields
        }
        ends = [one[f"{name}_points"] for name in ("base", "rounding", "limit")]
        assert round(10 * (sum(ends) + sum(points.values()))) == 10 * one["score"]


@pytest.mark.parametrize("kind", LEARNED)
def test_what_an_age_adds_stands_in_the_points_of_the_age_alone(crm: SmallCrm, kind: str) -> None:
    plain, aged, rows = crm.scorers[kind], by_age(crm.scorers[kind]), rows_at(crm)
    frame, moments = crm.frame.iloc[rows], crm.as_of[rows].astype("datetime64[us]")
    without, given = (scorer.scores(frame, moments) for scorer in (plain, aged))
    added = aged.parts.calibration.age_effect(ages_of(crm)[rows])
    assert len(np.unique(added)) > 3
    assert given.logodds - without.logodds == pytest.approx(added, abs=1e-12)
    policy = aged.parts.policy
    assert policy is not None
    moved = aged.rows.field_points(given) - plain.rows.field_points(without)
    place = age_column(crm.encoder)
    assert place is not None
    field = crm.encoder.columns[place].field
    own = [name for name, _ in aged.explained_fields].index(field)
    assert moved[:, own] == pytest.approx(added * policy.scale.points_per_logodds, abs=1e-9)
    assert np.abs(np.delete(moved, own, axis=1)).max() < 1e-9


def test_a_lead_beyond_the_last_age_is_scored_as_the_last_age_and_warned_of(
    crm: SmallCrm,
) -> None:
    scorer, rows = by_age(crm.scorers["scorecard"]), rows_at(crm)
    old = ages_of(crm)[rows] > AGES[-1]
    frame = crm.frame.iloc[rows].reset_index(drop=True)
    batch = scorer.score_frame(frame, crm.as_of[rows].astype("datetime64[us]"))
    assert [("beyond_age" in codes.split("; ")) for codes in batch["warnings"]] == old.tolist()
    for language in ("en", "fa", "ru"):
        text = Catalogue.load(language).text("warnings.beyond_age", n=0, fields="")
        for row, beyond in zip(rows, old, strict=True):
            answer = scorer.score(request(crm, row), as_of=crm.moment(row), lang=language)
            assert (text in answer["warnings"]) is bool(beyond)
    plain = crm.scorers["scorecard"].score_frame(frame, crm.as_of[rows].astype("datetime64[us]"))
    assert not any("beyond_age" in codes for codes in plain["warnings"])


def test_the_last_age_itself_is_not_beyond_it(crm: SmallCrm) -> None:
    scorer = by_age(crm.scorers["scorecard"])
    frame = crm.frame.iloc[[0, 0, 0]].reset_index(drop=True)
    frame[AGE_FIELD] = [7.0, np.nextafter(7.0, 8.0), np.nan]
    X = crm.encoder.encode(frame, np.repeat(crm.as_of[:1], 3).astype("datetime64[us]"))
    found = scorer._answers.row_warnings.found(X, {}, None)
    (beyond,) = [mask for code, _, mask in found if code == "beyond_age"]
    assert beyond.tolist() == [False, True, False]


def test_a_saved_scorer_knows_what_an_age_adds(crm: SmallCrm, tmp_path) -> None:
    scorer, row = by_age(crm.scorers["boosted"]), rows_at(crm)[-1]
    save_scorer(scorer, tmp_path / "scorer")
    again = load_scorer(tmp_path / "scorer")
    assert again.parts.calibration == scorer.parts.calibration
    given = (request(crm, row), crm.moment(row))
    assert again.explain(given[0], as_of=given[1]) == scorer.explain(given[0], as_of=given[1])
