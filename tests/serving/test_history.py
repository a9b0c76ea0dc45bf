"""Leads that carry their activities and stages: accepted, described, refused part by part."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.values.limits import MAX_FACTS
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from serving import leads
from serving.api import ParsedRequest, Reply
from serving.body import parse
from serving.lead_schema import entry_schemas
from serving.openapi import document
from serving.pages import card
from serving.refusals import dump
from serving.watcher import ChampionWatcher
from tests.serving.conftest import watching
from tests.small_crm import HISTORY, SmallCrm, make_crm, request

SECRET = "anna.secret@example.com"
VISIT = {"type": "web_visit", "occurred_at": "2026-03-01T10:00:00Z"}
STAGE = {"stage": "mql", "entered_at": "2026-03-01T10:00:00Z"}
AS_OF = datetime(2026, 3, 2)


@pytest.fixture(scope="module")
def crm() -> SmallCrm:
    return make_crm(kinds=("scorecard",))


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, crm: SmallCrm) -> ChampionWatcher:
    return watching(Home(tmp_path_factory.mktemp("home")), crm.scorers["scorecard"])


def ask(content: Any, as_of: datetime = AS_OF) -> ParsedRequest:
    return ParsedRequest(content=content, lang="en", request_id="r-1", received_at=as_of)


def refused(champion: ChampionWatcher, lead: Any) -> dict[str, str]:
    reply: Reply = leads.one(champion, ask(lead), explain=False)
    assert (reply.status, reply.code) == (422, "invalid_lead"), reply.body
    in_batch = leads.many(champion, ask([lead, {}]), most=10).body
    assert in_batch[0]["error"] == reply.body["error"]
    assert "error" not in in_batch[1]
    assert SECRET not in dump(reply.body).decode()
    return {item["field"]: item["message"] for item in reply.body["error"]["fields"]}


def test_a_lead_with_its_history_gets_what_the_scorer_says(
    champion: ChampionWatcher, crm: SmallCrm
) -> None:
    scorer = crm.scorers["scorecard"]
    stamped = {"request_id": "r-1"}
    for row in (0, 7, 42):
        lead, as_of = json.loads(json.dumps(request(crm, row))), crm.moment(row)
        for explain, answer_of in ((False, scorer.score), (True, scorer.explain)):
            reply: Reply = leads.one(champion, ask(lead, as_of), explain=explain)
            answer = {k: v for k, v in reply.body.items() if k != "scored_at"}
            assert answer == answer_of(lead, as_of=as_of) | stamped
        (item,) = leads.many(champion, ask([lead], as_of), most=5).body
        assert item["score"] == scorer.score(lead, as_of=as_of)["score"]


@pytest.mark.parametrize(
    ("lead", "named"),
    [
        ({"activities": SECRET}, {"activities": "must be a list"}),
        ({"stages": {"a": SECRET}}, {"stages": "must be a list"}),
        ({"activities": [VISIT, SECRET]}, {"activities[1]": "must be an object"}),
        ({"activities": [[VISIT]]}, {"activities[0]": "must be an object"}),
        (
            {"activities": [VISIT, VISIT | {"occurred_at": SECRET}]},
            {"activities[1].occurred_at": "must be a"},
        ),
        (
            {"activities": [VISIT | {"amount": [SECRET]}]},
            {"activities[0].amount": "single value"},
        ),
        (
            {"activities": [VISIT | {"type": {"a": SECRET}}]},
            {"activities[0].type": "single value"},
        ),
        (
            {"activities": [VISIT | {"campaign": SECRET * 100}]},
            {"activities[0].campaign": "at most 1,000 characters"},
        ),
        (
            {"activities": [VISIT | {"campaign": "\ud800"}]},
            {"activities[0].campaign": "Unicode"},
        ),
        ({"activities": [VISIT | {"\ud800": 1}]}, {"activities[0]": "Unicode"}),
        (
            {"activities": [VISIT] * (MAX_FACTS + 1)},
            {"activities": "at most 1,000 entries"},
        ),
        ({"stages": [STAGE] * (MAX_FACTS + 1)}, {"stages": "at most 1,000 entries"}),
        (
            {"stages": [STAGE | {"stage": SECRET}]},
            {"stages[0].stage": "must be one of lead, mql, sql"},
        ),
        ({"stages": [STAGE | {"entered_at": 5}]}, {"stages[0].entered_at": "must be a"}),
        (
            {"activities": [{"typ": "web_visit", "occurred_at": VISIT["occurred_at"]}]},
            {"activities[0].typ": "did you mean type", "activities[0].type": "must be"},
        ),
        ({"created_at": [SECRET]}, {"created_at": "single value"}),
        ({"web_visit_30d": 3}, {"web_visit_30d": "computed"}),
        (
            {"budget": SECRET, "activities": [VISIT | {"known_at": SECRET}]},
            {"budget": "must be a number", "activities[0].known_at": "must be a"},
        ),
        (
            {"industry": [1], "activities": [SECRET], "stages": [STAGE | {"entered_at": SECRET}]},
            {
                "industry": "single value",
                "activities[0]": "must be an object",
                "stages[0].entered_at": "must be a",
            },
        ),
    ],
)
def test_what_is_wrong_in_a_list_is_named_part_by_part(
    champion: ChampionWatcher, lead: dict[str, Any], named: dict[str, str]
) -> None:
    found = refused(champion, lead)
    assert set(found) == set(named)
    for name, message in named.items():
        assert message in found[name]


def test_a_name_given_twice_inside_an_entry_is_refused(champion: ChampionWatcher) -> None:
    entry = '{"type": "web_visit", "type": "download", "occurred_at": "2026-03-01T10:00:00Z"}'
    found = refused(champion, parse(f'{{"activities": [{entry}]}}'.encode()))
    assert found == {"activities[0].type": "stands more than once; give it once"}


def test_the_longest_lists_are_welcome(champion: ChampionWatcher) -> None:
    lead = {"activities": [VISIT] * MAX_FACTS, "stages": [STAGE] * MAX_FACTS}
    reply: Reply = leads.one(champion, ask(lead), explain=False)
    assert reply.status == 200


def test_many_wrong_entries_do_not_make_an_endless_answer(champion: ChampionWatcher) -> None:
    found = refused(champion, {"activities": [SECRET] * MAX_FACTS})
    assert 1 <= len(found) <= 101


def test_a_refused_value_is_in_no_log(
    champion: ChampionWatcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for lead in (
        {"activities": [VISIT | {"occurred_at": SECRET}]},
        {"stages": [STAGE | {"stage": SECRET}]},
        {"activities": [{SECRET: 1}]},
        {"created_at": SECRET},
    ):
        leads.one(champion, ask(lead), explain=True)
    assert "secret" not in caplog.text


def test_a_flat_champion_refuses_lists_until_another_version_took_them(
    tmp_path: Any, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    champion = watching(home, scorer)
    assert "reserved" in refused(champion, {"activities": [VISIT]})["activities"]
    also = Scorer(scorer.parts, also_accepted=("activities", "stages", "created_at"))
    monkeypatch.setattr("serving.watcher.load_scorer", lambda folder: also)
    champion = ChampionWatcher(home)
    assert champion.refresh()
    reply: Reply = leads.one(
        champion, ask({"activities": [{"x": [1]}], "stages": 3}), explain=False
    )
    assert reply.status == 200
    assert sorted(reply.body["ignored_fields"]) == ["activities", "stages"]


@pytest.fixture(scope="module")
def described(crm: SmallCrm) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        json.dumps(document(crm.scorers["scorecard"], max_batch=10), allow_nan=False)
    )
    return found


def check(described: dict[str, Any], name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    Draft202012Validator(schema).validate(value)


def test_the_lists_are_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    lead = schemas["Lead"]
    names = {"lead_id", "created_at", "activities", "stages", "account_id", "outcome"}
    assert set(lead["properties"]) == names | {"industry", "budget", "email", "utm"}
    assert lead["properties"]["activities"]["maxItems"] == MAX_FACTS
    kinds = schemas["Activity"]["properties"]["type"]["anyOf"][0]["enum"]
    assert set(kinds) == {*KINDS, "page view", "content_download"}
    assert kinds[:4] == list(HISTORY.kinds)
    assert schemas["Stage"]["properties"]["stage"]["enum"] == ["lead", "mql", "sql", "new"]
    assert "Europe/Berlin" in schemas["Activity"]["properties"]["occurred_at"]["description"]


def test_words_of_every_sort_are_described() -> None:
    """``*`` is no word that anybody would send, but where it stands every word is one."""
    stages = dict(HISTORY.stage_words) | {"won": "", "*": ""}
    history = replace(HISTORY, kind_words={"note": "", "*": "other_inbound"}, stage_words=stages)
    schemas = entry_schemas(history, ("activities", "stages"))
    words = schemas["Activity"]["properties"]["type"]["anyOf"][0]["enum"]
    assert set(words) == {*KINDS, "note"}
    stage = schemas["Stage"]["properties"]["stage"]
    assert stage["anyOf"][0]["enum"] == ["lead", "mql", "sql", "new", "won"]
    for word in ("won", "Anything"):
        Draft202012Validator(stage).validate(word)
    assert not Draft202012Validator(stage).is_valid(3)


def test_the_example_is_as_described_and_can_be_posted(
    described: dict[str, Any], champion: ChampionWatcher
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    shown: Reply = card(champion, ask(None, now))
    example = json.loads(dump(shown.body))["example"]
    assert {"created_at", "activities", "stages"} <= set(example)
    check(described, "Lead", example)
    check(described, "Model", json.loads(dump(shown.body)))
    for path in ("/score", "/explain"):
        check(
            described,
            "Lead",
            described["paths"][path]["post"]["requestBody"]["content"]["application/json"][
                "example"
            ],
        )
    reply: Reply = leads.one(champion, ask(example, now), explain=True)
    assert reply.status == 200
    check(described, "Explanation", json.loads(dump(reply.body)))
    assert reply.body["warnings"] == []
    assert reply.body["completeness"] == 1.0


@pytest.mark.parametrize(
    "lead",
    [
        {"activities": None, "stages": None},
        {"activities": [], "stages": []},
        {"activities": [VISIT | {"type": "Something of ours"}]},
        {"activities": [VISIT | {"amount": "3", "direction": "inbound", "known_at": None}]},
        {"activities": [VISIT | {"activity_id": name} for name in ("v1", 2, None)]},
        {"stages": [{"stage": "new", "entered_at": "2026-02-01"}]},
    ],
)
def test_what_is_accepted_is_valid(
    described: dict[str, Any], champion: ChampionWatcher, lead: dict[str, Any]
) -> None:
    check(described, "Lead", lead)
    reply: Reply = leads.one(champion, ask(lead), explain=False)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize(
    "lead",
    [
        {"activities": [{"occurred_at": "2026-03-01T10:00:00Z"}]},
        {"activities": [{"type": "web_visit"}]},
        {"activities": [VISIT | {"colour": "red"}]},
        {"activities": VISIT},
        {"stages": [{"stage": "nowhere", "entered_at": "2026-03-01"}]},
        {"stages": [{"stage": "mql"}]},
    ],
)
def test_what_is_refused_is_not_valid(
    described: dict[str, Any], champion: ChampionWatcher, lead: dict[str, Any]
) -> None:
    schema = {"$ref": "#/components/schemas/Lead", "components": described["components"]}
    assert not Draft202012Validator(schema).is_valid(lead)
    assert refused(champion, lead)


def test_the_card_says_which_kinds_stages_and_windows_are_used(champion: ChampionWatcher) -> None:
    shown: Reply = card(champion, ask(None))
    history = shown.body["history"]
    assert history["kinds"] == list(HISTORY.kinds)
    assert (history["stages"], history["windows_days"]) == (["lead", "mql", "sql"], [7, 30])
    assert history["lists"] == ["activities", "stages"]


def test_a_fact_at_the_moment_of_receipt_is_too_late_and_one_before_is_not(
    champion: ChampionWatcher,
) -> None:
    for moment, visits in ((AS_OF, "0"), (AS_OF - timedelta(microseconds=1), "1")):
        lead = {"activities": [VISIT | {"occurred_at": f"{moment.isoformat()}Z"}]}
        reply: Reply = leads.one(champion, ask(lead), explain=True)
        values = {item["field"]: item["value"] for item in reply.body["contributions"]}
        assert values["web_visit_30d"] == visits
