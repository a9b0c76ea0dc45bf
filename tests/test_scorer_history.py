"""A Scorer with a history: online equals a batch to the bit, and later facts change nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.errors import LeadError
from scoring_ml.features.catalogue import schema_features
from scoring_ml.scoring.example import SEEN, moved_to
from scoring_ml.scoring.lead import alias
from scoring_ml.scoring.reference import field_slice
from scoring_ml.scoring.saving import load_scorer, save_scorer
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.texts import Catalogue
from tests.small_crm import CAMPAIGNS, HISTORY, crm_schema, make_crm, request

KINDS = ("matrix", "scorecard", "boosted")
SECRET = "anna.secret"


@pytest.fixture(scope="module")
def crm():
    return make_crm()


def batch(crm, kind, rows=None):
    rows = np.arange(len(crm.frame)) if rows is None else rows
    frame = crm.frame.iloc[rows].reset_index(drop=True)
    moments = crm.as_of[rows].astype("datetime64[us]")
    return crm.scorers[kind].score_frame(frame, moments, explain=True)


def without(answer, *names):
    return {name: value for name, value in answer.items() if name not in names}


@pytest.mark.parametrize("kind", KINDS)
def test_one_lead_with_its_history_equals_its_row_of_a_batch(crm, kind):
    scorer, rows = crm.scorers[kind], np.arange(0, len(crm.frame), 15)
    whole = batch(crm, kind, rows)
    scores = set()
    for place, row in enumerate(rows):
        one = scorer.explain(request(crm, row), as_of=crm.moment(row))
        their = whole.iloc[place]
        assert (one["score"], one["tier"]) == (their["score"], their["tier"])
        assert one["probability"] == their["probability"]
        assert one["completeness"] == their["completeness"]
        assert one["ask_next"] == their["ask_next"][:5]
        assert one["matrix"]["total"] == their["matrix_total"]
        for name in ("base_points", "rounding_points", "limit_points"):
            assert one[name] == their[name]
        points = {c["field"]: c["points"] for c in one["contributions"]}
        assert points == {
            alias(name): their[f"points/{name}"] for name, _ in scorer.explained_fields
        }
        ends = [round(10 * one[f"{n}_points"]) for n in ("base", "rounding", "limit")]
        assert sum(ends) + sum(round(10 * p) for p in points.values()) == 10 * one["score"]
        scores.add(one["score"])
    assert len(scores) > 3


def test_the_encoded_lead_has_the_bits_of_the_batch(crm):
    scorer = crm.scorers["scorecard"]
    X = crm.encoder.encode(crm.frame, crm.as_of.astype("datetime64[us]"))
    for row in range(0, len(X), 29):
        moment = crm.moment(row)
        read = scorer._reader.read(request(crm, row), as_of=moment, texts=Catalogue.load("en"))
        features = scorer._features.values(read.typed, read.history, moment)
        x, _ = crm.encoder.encode_one(read.typed | features, moment)
        assert x.tobytes() == X[row].tobytes()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(row=st.integers(0, 599), seed=st.integers(0, 10**6))
def test_the_order_of_the_lists_changes_nothing(crm, row, seed):
    lead, as_of = request(crm, row), crm.moment(row)
    rng = np.random.default_rng(seed)
    other = lead | {
        name: [lead[name][i] for i in rng.permutation(len(lead[name]))]
        for name in ("activities", "stages")
    }
    scorer = crm.scorers["boosted"]
    assert scorer.explain(other, as_of=as_of) == scorer.explain(lead, as_of=as_of)


@pytest.mark.parametrize(
    ("name", "moment", "entry"),
    [
        ("activities", "occurred_at", {"type": "demo_request"}),
        ("stages", "entered_at", {"stage": "sql"}),
    ],
)
@pytest.mark.parametrize("after", [timedelta(0), timedelta(microseconds=1), timedelta(days=9)])
def test_a_fact_dated_at_scoring_or_later_changes_nothing_but_a_warning(
    crm, name, moment, entry, after
):
    scorer = crm.scorers["boosted"]
    for row in (3, 77, 400):
        lead, as_of = request(crm, row), crm.moment(row)
        before = scorer.explain(lead, as_of=as_of)
        later = lead | {name: [*lead[name], entry | {moment: f"{(as_of + after).isoformat()}Z"}]}
        found = scorer.explain(later, as_of=as_of)
        assert without(found, "warnings") == without(before, "warnings")
        more = [warning for warning in found["warnings"] if warning not in before["warnings"]]
        assert len(more) == 1
        assert name in more[0]


def test_a_fact_just_before_scoring_counts(crm):
    scorer, as_of = crm.scorers["matrix"], crm.moment(0)
    lead = {"activities": []}
    assert scorer.score(lead, as_of=as_of)["matrix"]["criteria"]["engagement"] == 0
    moment = f"{(as_of - timedelta(microseconds=1)).isoformat()}Z"
    visit = {"type": "Page View", "occurred_at": moment}
    # As in an export, two visits are two if anything tells them apart.
    lead = {"activities": [visit | {"activity_id": name} for name in ("v1", "v2")]}
    assert scorer.score(lead, as_of=as_of)["matrix"]["criteria"]["engagement"] == 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_lead_without_its_lists_is_welcome_and_told_so_once(crm, kind):
    scorer, as_of = crm.scorers[kind], crm.moment(9)
    lead = request(crm, 9) | {"budget": 5_000, "industry": "Retail", "email": "a@gmail.com"}
    whole = scorer.score(lead, as_of=as_of)
    bare = scorer.score(without(lead, "activities", "stages"), as_of=as_of)
    assert whole["completeness"] == 1.0
    assert bare["completeness"] == 0.6  # three askable fields of five things
    nulls = lead | {"activities": None, "stages": None}
    assert scorer.score(nulls, as_of=as_of) == bare
    told = [warning for warning in bare["warnings"] if "were sent" in warning]
    assert told == (
        []
        if kind == "matrix"
        else [
            "No activities were sent: their points count as those of a typical lead",
            "No stages were sent: their points count as those of a typical lead",
        ]
    )
    assert not any("typical answer" in warning for warning in bare["warnings"])


def test_an_empty_list_says_that_nothing_happened(crm):
    scorer, as_of = crm.scorers["scorecard"], crm.moment(9)
    lead = without(request(crm, 9), "activities", "stages")
    nothing = scorer.explain(lead | {"activities": [], "stages": []}, as_of=as_of)
    unknown = scorer.explain(lead, as_of=as_of)
    assert nothing["completeness"] == unknown["completeness"] + 0.4
    visits = {
        name: next(c for c in answer["contributions"] if c["field"] == "web_visit_30d")
        for name, answer in (("nothing", nothing), ("unknown", unknown))
    }
    assert visits["nothing"]["value"] == "0"
    assert visits["unknown"]["value"] is None
    assert visits["unknown"]["text"].endswith(": not known")
    assert "observed" not in visits["unknown"]
    assert visits["nothing"]["points"] < visits["unknown"]["points"]
    assert not any("were sent" in warning for warning in nothing["warnings"])


def test_what_was_not_sent_counts_as_the_typical_lead_and_not_as_never(crm):
    """A lead without lists scores between the idle and the busy ones, wherever it was missing."""
    for kind in ("scorecard", "boosted"):
        scorer = crm.scorers[kind]
        as_of = crm.moment(9)
        lead = without(request(crm, 9), "activities", "stages")
        unknown = scorer.score(lead, as_of=as_of)["probability"]
        none = scorer.score(lead | {"activities": [], "stages": []}, as_of=as_of)["probability"]
        busy = [
            {"type": kind_, "occurred_at": f"{(as_of - timedelta(hours=i)).isoformat()}Z"}
            for i in range(1, 8)
            for kind_ in ("web_visit", "demo_request", "download")
        ]
        stages = [{"stage": "sql", "entered_at": f"{(as_of - timedelta(days=1)).isoformat()}Z"}]
        much = scorer.score(lead | {"activities": busy, "stages": stages}, as_of=as_of)
        assert none < unknown < much["probability"]


def test_a_batch_without_activities_scores_as_a_lead_without_them(crm):
    features = schema_features(crm.schema).values()
    gone = [feature.name for feature in features if "activities" in feature.needs]
    frame = crm.frame.iloc[:20].drop(columns=gone)
    for kind in KINDS:
        scorer = crm.scorers[kind]
        whole = scorer.score_frame(frame, crm.as_of[:20].astype("datetime64[us]"), explain=True)
        for row in range(20):
            lead = without(request(crm, row), "activities")
            one = scorer.explain(lead, as_of=crm.moment(row))
            assert one["score"] == whole["score"].iloc[row]
            assert one["completeness"] == whole["completeness"].iloc[row]
            points = {c["field"]: c["points"] for c in one["contributions"]}
            for name, _ in scorer.explained_fields:
                assert points[alias(name)] == whole[f"points/{name}"].iloc[row]


def test_without_the_moment_of_creation_what_needs_it_is_missing(crm):
    scorer, as_of = crm.scorers["scorecard"], crm.moment(5)
    answer = scorer.explain(without(request(crm, 5), "created_at"), as_of=as_of)
    values = {c["field"]: c["value"] for c in answer["contributions"]}
    assert (values["created_hour"], values["created_weekday"], values["age_days"]) == (None,) * 3
    (told,) = [warning for warning in answer["warnings"] if "creation" in warning]
    assert told == (
        "The moment of creation was not sent: its points count as those of a typical lead"
    )
    whole = scorer.explain(request(crm, 5), as_of=as_of)
    assert whole["completeness"] == answer["completeness"]


def test_a_moment_of_creation_in_the_future_is_told_once(crm):
    scorer, as_of = crm.scorers["scorecard"], crm.moment(5)
    lead = request(crm, 5) | {"created_at": f"{as_of.isoformat()}Z"}
    warnings = scorer.score(lead, as_of=as_of)["warnings"]
    assert [warning for warning in warnings if "creat" in warning] == [
        "The moment of creation is dated at or after the moment of scoring and counts as not known"
    ]


def test_what_stands_in_is_the_likeliest_value_of_training_and_only_where_all_is_missing(crm):
    scorer = crm.scorers["boosted"]
    X = crm.encoder.encode(crm.frame, crm.as_of.astype("datetime64[us]"))
    needs = {f.name: f.needs for f in schema_features(crm.schema).values()}
    bare = X.copy()
    for column in crm.schema.used:
        at = field_slice(crm.encoder, column.name)
        if "stages" in needs.get(column.name, ()):
            bare[::2, at] = 0.0 if column.type == "category" else np.nan
            if column.type == "category":
                bare[::2, at.stop - 1] = 1.0
    before = bare.copy()
    absent = scorer.rows._sources.absent(bare)
    assert absent["stages"].tolist() == [row % 2 == 0 for row in range(len(X))]
    assert not absent["activities"].any()
    assert not absent["created_at"].any()
    found = scorer.rows._sources.stand_in(bare, absent)
    assert np.array_equal(bare, before, equal_nan=True)
    assert np.array_equal(found[1::2], X[1::2], equal_nan=True)
    stage = field_slice(crm.encoder, "stage")
    likeliest = crm.frame["stage"].value_counts(dropna=False).idxmax()
    levels = [*crm.encoder.levels["stage"], "other", None]
    assert {levels[i] for i in found[::2, stage].argmax(axis=1)} == {likeliest}
    days = field_slice(crm.encoder, "days_in_stage").start
    answers = scorer.parts.reference.fields["days_in_stage"].answers
    assert set(found[::2, days]) == {answers[len(answers) // 2]}
    # A count was never missing in training: the estimator has its own typical value.
    back = field_slice(crm.encoder, "stage_steps_back").start
    assert np.isnan(found[::2, back]).all()


def test_nothing_stands_in_where_never_and_not_sent_look_the_same():
    """Were "in no stage" taken for "not sent", leads would be scored unlike in training."""
    unused = {name: {"use": False} for name in ("days_in_stage", "stage_steps_back")}
    crm = make_crm(crm_schema(**unused), leads=300, kinds=("scorecard",))
    scorer = crm.scorers["scorecard"]
    assert scorer.lists == ("activities", "stages")
    X = crm.encoder.encode(crm.frame, crm.as_of.astype("datetime64[us]"))
    absent = scorer.rows._sources.absent(X)
    assert absent["stages"].any()
    assert scorer.rows._sources.stand_in(X, absent) is not X
    assert np.array_equal(scorer.rows._sources.stand_in(X, absent), X, equal_nan=True)


def test_computed_numbers_are_shown_with_two_decimals_and_others_as_they_are(crm):
    answer = crm.scorers["scorecard"].explain(
        request(crm, 4) | {"budget": 1234.5678}, as_of=crm.moment(4)
    )
    lines = {c["field"]: c for c in answer["contributions"]}
    age = crm.frame["age_days"].iloc[4]
    assert lines["age_days"]["value"] == f"{round(age, 2):.15g}"
    assert lines["age_days"]["text"] == f"Age of the lead in days: {round(age, 2):.15g} days"
    assert lines["budget"]["value"] == "1234.5678"


def test_a_family_is_one_line_with_the_value_of_its_main_column(crm):
    scorer, row = crm.scorers["scorecard"], 21
    answer = scorer.explain(request(crm, row), as_of=crm.moment(row))
    lines = {c["field"]: c for c in answer["contributions"]}
    assert len(lines) == len(answer["contributions"]) == len(scorer.explained_fields)
    assert set(lines) & {"web_visit_7d", "days_since_web_visit", "email_kind"} == set()
    visits = lines["web_visit_30d"]
    assert float(visits["value"]) == crm.frame["web_visit_30d"].iloc[row]
    assert visits["text"] == f"Website visits in the last 30 days: {visits['value']}"
    assert visits["criterion"] == "engagement"
    # A campaign of a touch is told with the field that holds the campaign.
    assert lines["utm"]["criterion"] == "campaign"
    assert "first_touch_campaign" not in lines
    X = crm.encoder.encode(crm.frame.iloc[[row]], crm.as_of[[row]].astype("datetime64[us]"))
    values, _ = scorer.parts.estimator.contributions(X)
    members = {"web_visit_30d", "web_visit_7d", "days_since_web_visit", "web_visit_amount_30d"}
    whole = sum(
        float(values[0, i])
        for i, column in enumerate(crm.encoder.columns)
        if column.column in members
    )
    place = [name for name, _ in scorer.explained_fields].index("web_visit_30d")
    slope = scorer.parts.calibration.slope * scorer.parts.policy.scale.points_per_logodds
    assert scorer.rows.field_points(scorer.rows.scores(X))[0, place] == pytest.approx(
        whole * slope, abs=1e-9
    )


def test_the_promised_gain_counts_the_rise_in_completeness_and_the_kind_of_address(crm):
    """What is asked next really brings what was promised when it is answered."""
    said = {"email": {0.0: "nowhere", 1.0: "b@gmail.com"}}
    for kind in KINDS:
        scorer, promised = crm.scorers[kind], 0
        likely = _likely_address(scorer)
        for row in range(0, 120, 3):
            lead, as_of = request(crm, row), crm.moment(row)
            before = scorer.explain(lead, as_of=as_of)
            for ask in before["ask_next"]:
                name = ask["field"]
                answers = scorer.parts.reference.fields[name].answers
                words = said["email"] | {1.0: likely} if name == "email" else {}
                gains = []
                for answer in answers:
                    other = scorer.explain(lead | {name: words.get(answer, answer)}, as_of=as_of)
                    gains.append(_exact(scorer, other) - _exact(scorer, before))
                assert ask["could_add"] == pytest.approx(max(gains), abs=0.11)
                promised += 1
        assert promised > 5


def _likely_address(scorer):
    leads = {o.value: o.leads for o in scorer.parts.reference.fields["email_kind"].observed}
    return "b@gmail.com" if leads.get("free", 0) > leads.get("company", 0) else "a@example.org"


def _exact(scorer, answer):
    whole = answer["score"] - answer["rounding_points"] - answer["limit_points"]
    return np.clip(whole, 0, scorer.score_max)


def test_lists_and_features_are_never_asked_for(crm):
    askable = {field.name for field in crm.scorers["boosted"].fields if field.column.askable}
    assert askable == {"industry", "budget", "email"}
    for row in range(0, 100, 7):
        lead = without(request(crm, row), "activities", "stages", "created_at")
        asked = crm.scorers["boosted"].score(lead, as_of=crm.moment(row))["ask_next"]
        assert {item["field"] for item in asked} <= askable


@pytest.mark.parametrize("name", ["web_visit_30d", "stage", "completeness", "email_kind"])
def test_a_feature_is_refused_as_a_field(crm, name):
    with pytest.raises(LeadError, match="must be known") as caught:
        crm.scorers["boosted"].score({name: 3})
    assert dict(caught.value.fields) == {
        name: "is computed from the lead's activities, stages and fields; leave it out"
    }


def test_every_wrong_part_is_named_at_once_and_none_quoted(crm):
    lead = {
        "budget": SECRET,
        "created_at": SECRET,
        "activities": [
            {"type": "web_visit", "occurred_at": "2026-01-05T09:00:00Z"},
            {"type": "web_visit", "occurred_at": SECRET},
            {"type": "web_visit", "occured_at": "2026-01-05T09:00:00Z"},
        ],
        "stages": [{"stage": SECRET, "entered_at": "2026-01-05T09:00:00Z"}],
    }
    with pytest.raises(LeadError, match="must be known") as caught:
        crm.scorers["boosted"].score(lead, as_of=crm.moment(0))
    named = [name for name, _ in caught.value.fields]
    assert "budget" in named
    assert "created_at" in named
    assert "activities[1].occurred_at" in named
    assert any(name.startswith("activities[2]") for name in named)
    assert any(name.startswith("stages[0]") for name in named)
    assert not any(name.startswith("activities[0]") for name in named)
    assert SECRET not in str(caught.value.fields)
    assert SECRET not in str(caught.value)


def test_a_list_that_no_column_in_use_needs_is_ignored(crm):
    unused = {name: {"use": False} for name in ("stage", "days_in_stage", "stage_steps_back")}
    scorer = make_crm(crm_schema(**unused), leads=300, kinds=("scorecard",)).scorers["scorecard"]
    assert scorer.lists == ("activities",)
    answer = scorer.score({"stages": [{"what": "ever"}], "created_at": "2026-01-05T09:00:00Z"})
    assert answer["ignored_fields"] == ["stages"]
    assert not any("stages" in warning for warning in answer["warnings"])


def test_the_example_has_just_happened_and_scores_as_it_is(crm):
    scorer = crm.scorers["scorecard"]
    example = json.loads(json.dumps(scorer.example))
    answer = scorer.explain(example)
    assert answer["completeness"] == 1.0
    assert answer["warnings"] == []
    values = {c["field"]: c["value"] for c in answer["contributions"]}
    assert values["web_visit_30d"] == "3"
    likely = next(stage for stage in crm.encoder.levels["stage"] if stage != "lead")
    assert values["stage"] == likely
    assert [entry["stage"] for entry in example["stages"]] == ["lead", likely]
    assert example["activities"][0]["campaign"] in CAMPAIGNS
    assert scorer.card["example"] == example
    for now in (datetime(2028, 2, 29), datetime(2031, 12, 31, 23, 59, 59)):
        moved = moved_to(scorer.parts.card["example"], crm.schema, now)
        then = scorer.explain(moved, as_of=now)
        assert {c["field"]: c["value"] for c in then["contributions"]}["web_visit_30d"] == "3"
        assert then["warnings"] == []
    assert moved_to(scorer.parts.card["example"], crm.schema, SEEN) == scorer.parts.card["example"]


def test_the_card_says_what_of_the_history_is_used(crm):
    history = crm.scorers["boosted"].card["history"]
    assert history["lists"] == ["activities", "stages"]
    assert history["kinds"] == list(HISTORY.kinds)
    assert (history["stages"], history["windows_days"]) == (["lead", "mql", "sql"], [7, 30])
    json.dumps(crm.scorers["boosted"].card, allow_nan=False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_scorer_answers_the_same(crm, kind, tmp_path):
    scorer = crm.scorers[kind]
    save_scorer(scorer, tmp_path / "1")
    other = load_scorer(tmp_path / "1")
    for row in (0, 50, 311):
        lead, as_of = request(crm, row), crm.moment(row)
        assert other.explain(lead, as_of=as_of) == scorer.explain(lead, as_of=as_of)


def test_a_flat_model_goes_on_refusing_lists_unless_another_version_takes_them(world):
    scorer = world.scorer("scorecard")
    with pytest.raises(LeadError, match="must be known"):
        scorer.score({"activities": []})
    also = Scorer(scorer.parts, also_accepted=("activities", "stages", "created_at"))
    answer = also.score({"activities": [{"type": "x"}], "stages": []})
    assert set(answer["ignored_fields"]) == {"activities", "stages"}
    assert also.lists == ()
    assert also.history is None
