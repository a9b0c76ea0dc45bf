"""The Scorer: one lead equals a batch, points add up, and the tier is what the policy says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from scoring_ml.data.values.typed import read_columns
from scoring_ml.errors import InputError, LeadError
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.scorer import Parts, Scorer
from scoring_ml.scoring.wording import display_value
from scoring_ml.texts import Catalogue
from tests.small_world import SCORED

LEARNED = SCORED[1:]
AS_OF = datetime(2026, 2, 1, 12)


@pytest.fixture(scope="module")
def later(world):
    """Rows of the newest window and the open leads, as a file and as a frame."""
    rows = np.concatenate([world.trained.windows.test[::3], world.trained.windows.open[::4]])
    part = world.snapshot.take(rows)
    return [(world.lead(row), world.as_of(row)) for row in rows], part


def warning_texts(scorer, codes):
    """Return the sentences of an answer for the codes of a row."""
    texts = Catalogue.load("en")
    titles = {alias(column.name): column.title for column in scorer.encoder.schema.used}
    found = []
    for item in codes.split("; ") if codes else ():
        code, _, names = item.partition(": ")
        fields = [titles[name] for name in names.split(", ")] if names else []
        if code == "unseen_category":
            found += [texts.text(f"warnings.{code}", field=field) for field in fields]
        elif fields:
            joined = texts.text("verdict.comma").join(fields)
            found.append(texts.text(f"warnings.{code}", n=len(fields), fields=joined))
        else:
            found.append(texts.text(f"warnings.{code}"))
    return found


def parts_of(answer):
    return [round(10 * c["points"]) for c in answer["contributions"]]


@pytest.mark.parametrize("kind", SCORED)
def test_one_lead_equals_its_row_of_a_batch(world, later, kind):
    leads, part = later
    scorer = world.scorer(kind)
    batch = scorer.score_frame(part.frame, part.as_of, explain=True)
    quick = scorer.score_frame(part.frame, part.as_of)
    for row, (lead, as_of) in enumerate(leads):
        one = scorer.explain(lead, as_of=as_of)
        their = batch.iloc[row]
        assert one["score"] == their["score"] == quick["score"].iloc[row]
        assert one["probability"] == their["probability"] == quick["probability"].iloc[row]
        assert (one["tier"], one["action"]) == (their["tier"], their["action"])
        assert one["matrix"]["total"] == their["matrix_total"]
        assert one["matrix"]["tier"] == their["matrix_tier"]
        for criterion, points in one["matrix"]["criteria"].items():
            assert points == their[f"matrix/{criterion}"]
            known = criterion not in one["matrix"]["unknown"]
            assert known == their[f"matrix_known/{criterion}"]
        assert one["completeness"] == their["completeness"]
        assert one["warnings"] == warning_texts(scorer, their["warnings"])
        assert one["ask_next"] == their["ask_next"][:5]
        for name in ("base_points", "rounding_points", "limit_points"):
            assert one[name] == their[name]
        points = {c["field"]: c["points"] for c in one["contributions"]}
        assert points == {
            alias(name): their[f"points/{name}"] for name, _ in scorer.explained_fields
        }


ODD = {
    "industry": ["Mars", "other", "missing", ""],
    "budget": [0, -1e9, 1e15, "۱۲٬۰۰۰", None],
    "timeline days": ["-1", 0, 1e6],
    "contract_ends": ["1900-01-01", "2199-12-31", ""],
    "phone": ["", "12", "۰۲۰ ۷۹۴۶ ۰۰۰۰"],
}


@pytest.mark.parametrize("kind", SCORED)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_any_mixture_of_answers_adds_up_and_scores_as_in_a_batch(world, kind, seed):
    rng = np.random.default_rng(seed)
    lead = {}
    for name, cell in world.lead(0).items():
        draw = rng.random()
        if draw < 0.5:
            lead[name] = world.lead(rng.integers(len(world.snapshot)))[name]
        elif draw < 0.75:
            odd = ODD.get(name, [cell])
            lead[name] = odd[rng.integers(len(odd))]
    scorer = world.scorer(kind)
    one = scorer.explain(lead, as_of=AS_OF)
    ends = [round(10 * one[f"{n}_points"]) for n in ("base", "rounding", "limit")]
    assert sum(ends) + sum(parts_of(one)) == 10 * one["score"]
    frame = pd.DataFrame(
        {
            column.name: read_columns(
                [pa.array([lead.get(alias(column.name))])], column, ("", "n/a")
            )[0]
            for column in world.schema.used
        }
    )
    batch = scorer.score_frame(frame, np.array([AS_OF], "datetime64[us]"), explain=True).iloc[0]
    assert (one["score"], one["probability"]) == (batch["score"], batch["probability"])
    assert one["warnings"] == warning_texts(scorer, batch["warnings"])
    points = {c["field"]: c["points"] for c in one["contributions"]}
    assert points == {alias(name): batch[f"points/{name}"] for name, _ in scorer.explained_fields}


def test_codes_name_the_fields_that_they_are_about(world):
    typed = {
        "industry": ["Mars", "Software", "Mars"],
        "source": [None, "search", None],
        "campaign": ["spring", "spring", "winter"],
        "pages": [3.0, 3.0, np.nan],
    }
    as_of = np.array(["2026-02-01", "2026-02-01", "NaT"], dtype="datetime64[us]")
    found = world.scorer("scorecard").score_frame(pd.DataFrame(typed), as_of)["warnings"]
    always = "stages_column, newsletter"
    mailed = f"always_known: email, source, {always}"
    assert found.tolist() == [
        f"unseen_category: industry; {mailed}",
        f"always_known: email, {always}",
        f"no_moment: created; unseen_category: industry, campaign; {mailed}",
    ]
    matrix = world.scorer("matrix").score_frame(pd.DataFrame(typed), as_of)["warnings"]
    assert matrix.iloc[0].startswith("unseen_category: industry")
    assert "always_known" not in "".join(matrix)


@pytest.mark.parametrize("kind", SCORED)
def test_points_add_up_to_the_score_in_both_answers(world, later, kind):
    scorer = world.scorer(kind)
    for lead, as_of in later[0]:
        full = scorer.explain(lead, as_of=as_of)
        ends = [round(10 * full[f"{n}_points"]) for n in ("base", "rounding", "limit")]
        assert sum(ends) + sum(parts_of(full)) == 10 * full["score"]
        short = scorer.score(lead, as_of=as_of)
        reasons = sum(round(10 * reason["points"]) for reason in short["reasons"])
        ends = [round(10 * short[f"{n}_points"]) for n in ("base", "other", "limit")]
        assert sum(ends) + reasons == 10 * short["score"]
        assert short == {name: full[name] for name in short}


@pytest.mark.parametrize("kind", SCORED)
def test_reasons_are_the_five_largest_of_both_signs(world, later, kind):
    scorer = world.scorer(kind)
    signs = set()
    for lead, as_of in later[0][:40]:
        full = scorer.explain(lead, as_of=as_of)
        sizes = [abs(points) for points in parts_of(full)]
        assert sizes == sorted(sizes, reverse=True)
        assert len(full["contributions"]) == len(scorer.explained_fields)
        wanted = [c for c in full["contributions"][:5] if c["points"]]
        assert full["reasons"] == wanted
        signs |= {np.sign(reason["points"]) for reason in full["reasons"]}
    assert signs == ({1.0} if kind == "matrix" else {1.0, -1.0})


@pytest.mark.parametrize("kind", LEARNED)
def test_hot_means_p_hot_and_warm_means_p_warm(world, kind):
    scorer, snapshot = world.scorer(kind), world.snapshot
    found = scorer.score_frame(snapshot.frame, snapshot.as_of)
    z = found["logodds"].to_numpy()
    X = scorer.encoder.encode(snapshot.frame, snapshot.as_of)
    assert z.tolist() == scorer.rows.scores(X).logodds.tolist()
    assert found["probability"].tolist() == expit(z).tolist()
    wanted = np.where(
        z >= world.policy.logit_hot, "hot", np.where(z >= world.policy.logit_warm, "warm", "cold")
    )
    assert found["tier"].tolist() == wanted.tolist()
    assert (found["score"] >= 70).tolist() == (found["tier"] == "hot").tolist()
    order = np.argsort(z, kind="stable")
    assert np.all(np.diff(found["score"].to_numpy()[order]) >= 0)


def test_row_order_and_company_change_no_bit(world):
    scorer, snapshot = world.scorer("boosted"), world.snapshot
    whole = scorer.score_frame(snapshot.frame, snapshot.as_of)
    order = np.random.default_rng(0).permutation(len(snapshot))
    mixed = scorer.score_frame(snapshot.frame.iloc[order], snapshot.as_of[order])
    assert mixed["probability"].tolist() == whole["probability"].to_numpy()[order].tolist()
    few = scorer.score_frame(snapshot.frame.iloc[:7], snapshot.as_of[:7], explain=True)
    assert few["probability"].tolist() == whole["probability"].tolist()[:7]


def test_many_leads_are_explained_in_parts_with_the_same_result(world, later, monkeypatch):
    _, part = later
    scorer = world.scorer("boosted")
    whole = scorer.score_frame(part.frame, part.as_of, explain=True)
    monkeypatch.setattr("scoring_ml.scoring.scorer.EXPLAIN_AT_ONCE", 17)
    told = []
    parts = scorer.score_frame(
        part.frame, part.as_of, explain=True, progress=lambda *given: told.append(given)
    )
    assert parts.to_dict() == whole.to_dict()
    assert told == [(min(at + 17, len(part)), len(part)) for at in range(0, len(part), 17)]


def test_a_matrix_champion_answers_its_total(world, later):
    scorer = world.scorer("matrix")
    assert scorer.score_max == 110
    assert scorer.card["score_max"] == 110
    full = {"industry": "Software", "budget": 20_000, "urgency": "now", "role": "director"}
    answer = scorer.score(full | {"timeline days": 30, "pages": 10, "demo": True})
    assert (answer["score"], answer["score_max"], answer["tier"]) == (110, 110, "hot")
    assert answer["base_points"] == answer["limit_points"] == answer["other_points"] - 10.0 == 0.0
    assert answer["model"]["policy"] is None
    assert 0 < answer["probability"] < 1
    for lead, as_of in later[0][:60]:
        full = scorer.explain(lead, as_of=as_of)
        assert full["score"] == full["matrix"]["total"]
        assert (full["base_points"], full["rounding_points"], full["limit_points"]) == (0, 0, 0)
        by_group = {}
        for item in full["contributions"]:
            by_group[item["criterion"]] = by_group.get(item["criterion"], 0) + item["points"]
        assert {k: v for k, v in by_group.items() if k in full["matrix"]["criteria"]} == (
            full["matrix"]["criteria"]
        )


def test_the_matrix_stands_beside_every_answer(world):
    answer = world.scorer("boosted").score({"industry": "Retail", "budget": 5_000, "pages": 20})
    assert answer["matrix"]["total"] == 10 + 10 + 10
    assert answer["matrix"]["max"] == 110
    assert answer["matrix"]["tier"] == "cold"
    assert answer["matrix"]["unknown"] == ["need_urgency", "authority", "timeline"]
    mean = world.scorer("boosted").parts.reference.matrix_mean
    assert answer["matrix"]["against_mean"]["budget"] == round(10 - mean["budget"], 1)
    assert answer["matrix"]["against_mean"]["authority"] == round(0 - mean["authority"], 1)


def test_clipped_leads_say_what_clipping_took(world):
    scorer = world.scorer("scorecard")
    good = {"industry": "Software", "budget": 9e6, "urgency": "now", "role": "director"}
    good |= {"timeline days": 1, "pages": 99, "demo": "yes", "source": "referral"}
    good |= {"phone": "+44 20 7946 0000", "email": "a@example.com", "campaign": "spring"}
    answer = scorer.explain(good, as_of=AS_OF)
    assert answer["score"] == 100
    assert answer["limit_points"] < 0
    assert answer["ask_next"] == [] or answer["ask_next"][0]["could_add"] > 0


def test_the_example_can_be_posted_as_it_is(world):
    for kind in SCORED:
        scorer = world.scorer(kind)
        example = json.loads(json.dumps(scorer.example))
        answer = scorer.explain(example, as_of=AS_OF)
        assert answer["lead_id"] == example["lead_id"]
        assert answer["warnings"] == []
        assert answer["ignored_fields"] == []
        json.dumps(answer, allow_nan=False)
        shown = {c["field"]: c["value"] for c in answer["contributions"]}
        assert (shown["email"], shown["phone"]) == ("valid", "valid")
    assert {field.name for field in scorer.fields if field.column.use} == set(example) - {"lead_id"}
    for field in scorer.fields:
        assert field.example == example.get(field.name)


def test_an_unseen_category_counts_as_other_and_is_named(world):
    scorer = world.scorer("scorecard")
    answer = scorer.explain(scorer.example | {"industry": "Space travel"})
    (warning,) = answer["warnings"]
    assert "industry" in warning
    assert "other" in warning
    assert "Space" not in warning
    text = next(c["text"] for c in answer["contributions"] if c["field"] == "industry")
    assert text == "industry is an answer not seen in training"
    assert scorer.score(scorer.example | {"industry": "Other"})["warnings"] == []
    assert scorer.score(scorer.example | {"industry": "SOFTWARE "})["warnings"] == []
    assert scorer.score(scorer.example | {"industry": "n/a"})["warnings"] == []


@pytest.mark.parametrize("kind", ["scorecard", "criteria_scorecard", "odoo", "boosted"])
def test_a_field_that_was_always_known_is_not_held_against_a_lead_without_it(world, kind):
    """No answer must not count as the number 0, nor as none of the levels."""
    scorer = world.scorer(kind)
    reference = scorer.parts.reference.fields
    columns = {column.name: column for column in scorer.encoder.schema.used}
    always = [name for name, field in reference.items() if field.observed[-1].leads == 0]
    assert always, "the small world has such fields"
    for field in always:
        name = alias(field)
        lead = {key: value for key, value in scorer.example.items() if key != name}
        answer = scorer.explain(lead)
        assert any(columns[field].title in warning for warning in answer["warnings"])
        points = {c["field"]: c["points"] for c in answer["contributions"]}
        if kind == "boosted" and columns[field].type in ("number", "category", "boolean"):
            # As the typical answer: between what the least and the most liked answers give.
            answers = [lead | {name: value} for value in reference[field].answers]
            explained = [scorer.explain(other)["contributions"] for other in answers]
            found = [c["points"] for parts in explained for c in parts if c["field"] == name]
            assert min(found) <= points[name] <= max(found)
        elif kind in ("scorecard", "odoo"):
            fields = [rule.column.name for c in scorer.encoder.matrix.criteria for rule in c.rules]
            if field not in fields:
                assert points[name] == 0.0


def test_contact_details_never_come_back(world):
    answer = world.scorer("boosted").explain(
        {"email": "anna.secret@example.com", "phone": "+44 20 7946 0123"}
    )
    text = json.dumps(answer)
    assert "secret" not in text
    assert "0123" not in text
    shown = {c["field"]: c["value"] for c in answer["contributions"]}
    assert (shown["email"], shown["phone"]) == ("valid", "valid")


def test_sentences_for_every_type_of_value(world):
    scorer = world.scorer("boosted")
    lead = {
        "industry": "Finance",
        "budget": "12,500",
        "demo": "no",
        "email": "nobody",
        "contract_ends": "2026-05-01",
        "newsletter": True,
    }
    answer = scorer.explain(lead, as_of=AS_OF)
    texts = {c["field"]: c["text"] for c in answer["contributions"]}
    values = {c["field"]: c["value"] for c in answer["contributions"]}
    assert texts["industry"] == "industry is Finance"
    assert texts["budget"] == "Budget is 12,500 EUR"
    assert texts["demo"] == "demo: no"
    assert texts["newsletter"] == "newsletter: yes"
    assert texts["email"] == "email is not valid"
    assert texts["role"] == "role is not known"
    assert texts["contract_ends"].startswith("contract_ends is ")
    assert values["contract_ends"] == "2026-05-01"
    assert values["budget"] == "12500"
    assert values["role"] is None
    engagement = texts["matrix:engagement"]
    assert engagement == "Has not engaged"


def test_an_observed_rate_is_that_of_leads_with_the_same_answer(world):
    scorer, trained = world.scorer("boosted"), world.trained
    answer = scorer.explain({"source": "referral"})
    said = next(c["observed"] for c in answer["contributions"] if c["field"] == "source")
    rows = trained.windows.learned_leads
    of = (trained.snapshot.frame["source"].iloc[rows] == "referral").to_numpy()
    won = trained.snapshot.label[rows][of]
    assert said == {"leads": int(of.sum()), "won_share": round(float(won.mean()), 4)}
    rare = scorer.explain({"industry": "Mining"})  # at most three of them
    item = next(c for c in rare["contributions"] if c["field"] == "industry")
    assert "observed" not in item


def test_a_moment_with_a_zone_is_the_same_moment(world):
    scorer = world.scorer("boosted")
    lead = {"contract_ends": "2026-03-01T00:00:00Z"}
    east = timezone(timedelta(hours=3, minutes=30))
    here = scorer.explain(lead, as_of=AS_OF)
    assert scorer.explain(lead, as_of=AS_OF.replace(tzinfo=UTC)) == here
    assert scorer.explain(lead, as_of=AS_OF.replace(tzinfo=UTC).astimezone(east)) == here
    scorer.score(lead)  # now, if no moment is given


def test_an_answer_says_which_model_and_policy(world):
    answer = world.scorer("boosted").score({})
    assert answer["model"] == {
        "name": "lead-scorer",
        "version": "0",
        "kind": "boosted",
        "policy": "3",
    }
    card = world.scorer("boosted").card
    assert card["kind"] == "boosted"
    assert card["score_max"] == 100
    assert card["dataset"] == "small world"
    assert card["policy"]["version"] == 3
    json.dumps(card, allow_nan=False)


def test_without_a_probability_points_and_tier_are_still_given(world):
    from scoring_ml.estimators.calibration import fit_calibration

    parts = world.scorer("matrix").parts
    few = fit_calibration(np.zeros(5), np.ones(5))
    scorer = Scorer(Parts(**{**vars(parts), "calibration": few}))
    answer = scorer.score(scorer.example)
    assert answer["probability"] is None
    assert answer["score"] > 0
    (warning,) = answer["warnings"]
    assert "probability" in warning
    json.dumps(answer, allow_nan=False)
    assert np.isnan(scorer.score_frame(world.snapshot.frame.iloc[:3], None)["probability"]).all()


def test_wrong_leads_and_languages_are_refused(world):
    scorer = world.scorer("boosted")
    with pytest.raises(LeadError, match="wrong field"):
        scorer.explain({"budgett": 1})
    with pytest.raises(InputError, match="xx"):
        scorer.score({}, lang="xx")


def test_names_of_other_versions_are_accepted_and_ignored(world):
    scorer = Scorer(world.scorer("boosted").parts, also_accepted=["a column of version 1"])
    answer = scorer.score({"a column of version 1": "1;2", "hand score": 5})
    assert answer["ignored_fields"] == ["a column of version 1", "hand score"]
    assert "a column of version 1" in scorer.accepted_names


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("budget", 12500.0, "12500"),
        ("budget", 0.1, "0.1"),
        ("budget", float("nan"), None),
        ("demo", 1.0, "yes"),
        ("demo", 0.0, "no"),
        ("email", "a@example.com", "valid"),
        ("phone", "12", "invalid"),
        ("contract_ends", datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        ("contract_ends", np.datetime64("2026-01-02T03:04:05.6", "us"), "2026-01-02T03:04:05"),
        ("contract_ends", datetime(2026, 1, 2, 23, 59, 59, 999_999), "2026-01-02"),
        ("contract_ends", np.datetime64("NaT", "us"), None),
        ("industry", "Software", "Software"),
        ("industry", None, None),
    ],
)
def test_values_as_people_see_them(world, name, value, shown):
    assert display_value(world.schema[name], value) == shown
