"""The service in process, from bytes to bytes, through BentoML."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from scoring_ml.scoring.scorer import Scorer
from tests.serving.small_champion import EXAMPLE

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def moment(answer: dict[str, Any]) -> datetime:
    assert MOMENT.fullmatch(answer["scored_at"])
    return datetime.strptime(answer["scored_at"], "%Y-%m-%dT%H:%M:%SZ")


def test_a_lead_gets_what_the_scorer_says(client: TestClient, scorer: Scorer) -> None:
    answer = client.post("/score", json=EXAMPLE).json()
    told = scorer.score(EXAMPLE, as_of=moment(answer))
    assert {name: answer[name] for name in told} == told
    assert set(answer) - set(told) == {"scored_at", "request_id"}
    assert answer["lead_id"] == "L-1042"


def test_an_empty_lead_is_a_lead(client: TestClient) -> None:
    answer = client.post("/score", json={}).json()
    assert answer["completeness"] == 0.0
    assert answer["lead_id"] is None
    assert len(answer["ask_next"]) > 0


def test_an_explanation_adds_up_to_the_score(client: TestClient, scorer: Scorer) -> None:
    answer = client.post("/explain", json=EXAMPLE).json()
    points = [item["points"] for item in answer["contributions"]]
    whole = answer["base_points"] + answer["rounding_points"] + answer["limit_points"]
    assert round((whole + sum(points)) * 10) == 10 * answer["score"]
    assert len(points) == len(scorer.explained_fields)
    reasons = answer["base_points"] + answer["other_points"] + answer["limit_points"]
    reasons += sum(item["points"] for item in answer["reasons"])
    assert round(reasons * 10) == 10 * answer["score"]


def test_known_but_unused_fields_come_back_by_name(client: TestClient) -> None:
    answer = client.post("/score", json={"notes": "x" * 50_000, "crm_number": "77"}).json()
    assert sorted(answer["ignored_fields"]) == ["crm_number", "notes"]


def test_missing_has_many_forms_and_digits_many_scripts(client: TestClient) -> None:
    def score(**lead: Any) -> Any:
        return client.post("/score", json=lead).json()["probability"]

    assert score(budget=None) == score(budget="") == score()
    assert score(budget="۸۰۰۰") == score(budget="8,000") == score(budget=8000)


def test_an_unseen_category_is_scored_and_named(client: TestClient) -> None:
    answer = client.post("/score", json={"industry": "Rocketry"}).json()
    assert any("industry" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ('{"budgte": 1}', "budgte", "did you mean budget"),
        ('{"budget": "a lot"}', "budget", "must be a number"),
        ('{"budget": NaN}', "budget", "NaN"),
        ('{"budget": Infinity}', "budget", "finite"),
        ('{"budget": 1e999}', "budget", "finite"),
        ('{"budget": ' + "9" * 5000 + "}", "budget", "finite"),
        ('{"industry": ' + "9" * 5000 + "}", "industry", "must be text"),
        ('{"industry": ' + "9" * 300 + "1}", "industry", "must be text"),
        ('{"budget": [1]}', "budget", "single value"),
        ('{"budget": {"amount": 1}}', "budget", "single value"),
        ('{"notes": {"deep": 1}}', "notes", "single value"),
        ('{"decides": "perhaps"}', "decides", "yes or no"),
        ('{"decides": 2}', "decides", "yes or no"),
        ('{"first_visit": "2300-01-01"}', "first_visit", "between 1900 and 2200"),
        ('{"first_visit": "1899-12-31"}', "first_visit", "between 1900 and 2200"),
        ('{"first_visit": "2026-02-30"}', "first_visit", "exists"),
        ('{"first_visit": 202611}', "first_visit", "10, 13 or 16 digits"),
        ('{"lead_id": 1.5}', "lead_id", "whole number"),
        ('{"activities": []}', "activities", "reserved"),
        ('{"stages": "x"}', "stages", "reserved"),
        ('{"budget": 1, "budget": 2}', "budget", "more than once"),
        ('{"industry": "\\ud800"}', "industry", "Unicode"),
    ],
)
def test_what_is_wrong_is_named_field_by_field(
    client: TestClient, refused: Any, body: str, field: str, message: str
) -> None:
    for path in ("/score", "/explain"):
        error = refused(client.post(path, content=body), 422, "invalid_lead")
        assert [item["field"] for item in error["fields"]] == [field]
        assert message in error["fields"][0]["message"]
    item = client.post("/score_batch", content=f"[{body}, {{}}]").json()[0]
    assert item["error"] == error


def test_all_wrong_fields_are_named_at_once(client: TestClient, refused: Any) -> None:
    lead = {"budget": "a lot", "decides": [], "colour": 1, "stages": 1}
    error = refused(client.post("/score", json=lead), 422, "invalid_lead")
    assert sorted(item["field"] for item in error["fields"]) == sorted(lead)
    assert "4 fields are wrong" in error["message"]


@pytest.mark.parametrize("body", ["[]", '"lead"', "null", "1", "[{}]", "true"])
def test_a_lead_is_an_object(client: TestClient, refused: Any, body: str) -> None:
    error = refused(client.post("/score", content=body), 422, "invalid_lead")
    assert "flat JSON object" in error["message"]


@pytest.mark.parametrize("path", ["/score", "/score_batch", "/explain"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 10_000, b'{"a":' * 10_000])
def test_what_is_not_json_is_400(client: TestClient, refused: Any, path: str, body: bytes) -> None:
    refused(client.post(path, content=body), 400, "not_json")


def test_ten_thousand_brackets_that_close_are_a_clear_4xx(client: TestClient) -> None:
    answer = client.post("/score", content=b"[" * 10_000 + b"]" * 10_000)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["code"] in ("not_json", "invalid_lead")


def test_a_batch_answers_in_order_each_by_itself(client: TestClient) -> None:
    leads = [EXAMPLE, {"lead_id": "bad", "budgte": 1}, 5, {}, {"lead_id": 7, "budget": {}}]
    items = client.post("/score_batch", json=leads).json()
    assert [item.get("lead_id") for item in items] == ["L-1042", "bad", None, None, 7]
    assert ["error" in item for item in items] == [False, True, True, False, True]
    assert "lead_id" not in items[2]
    assert {item["request_id"] for item in items} == {items[0]["request_id"]}


def test_a_batch_and_single_leads_agree_to_the_bit(client: TestClient) -> None:
    leads = [{**EXAMPLE, "budget": 10 * i, "first_visit": None} for i in range(50)]
    items = client.post("/score_batch", json=leads).json()
    for lead, item in zip(leads, items, strict=True):
        single = client.post("/score", json=lead).json()
        for name in ("scored_at", "request_id"):
            del single[name], item[name]
        assert single == item


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "0 leads were found"),
        ("{}", "list"),
        ("null", "list"),
        ('"x"', "list"),
        ("7", "list"),
    ],
)
def test_an_invalid_list_is_422(client: TestClient, refused: Any, body: str, message: str) -> None:
    error = refused(client.post("/score_batch", content=body), 422, "invalid_batch")
    assert message in error["message"]


def test_a_thousand_leads_pass_and_one_more_does_not(client: TestClient, refused: Any) -> None:
    assert len(client.post("/score_batch", json=[{}] * 1000).json()) == 1000
    error = refused(client.post("/score_batch", json=[{}] * 1001), 422, "invalid_batch")
    assert "1,001 leads were found" in error["message"]


def test_a_body_over_the_limit_is_413(client: TestClient, refused: Any) -> None:
    refused(client.post("/score", content=b" " * 4_000_001), 413, "too_large")
    refused(client.post("/score", content=iter([b" " * 1_000_000] * 10)), 413, "too_large")


def test_the_card_has_an_example_that_can_be_posted_as_it_is(client: TestClient) -> None:
    card = client.get("/model").json()
    assert card["model"] == {
        "name": "lead-scorer", "version": "1", "kind": "scorecard", "policy": "1",
    }  # fmt: skip
    assert (card["score_max"], card["pending_error"]) == (100, None)
    assert client.post("/score", json=card["example"]).status_code == 200


def test_the_first_page_loads_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in re.sub(r"curl http://\S+", "", page.text)
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Version 1 is scoring leads" in page.text


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/schema.json", "/static_content/index.css", "/assets/x", "/healthz", "/docs"]
)
def test_what_bentoml_would_serve_beside_is_not_reachable(
    client: TestClient, refused: Any, path: str
) -> None:
    refused(client.get(path), 404, "not_found")


def test_a_fault_of_ours_is_500_without_internals(
    client: TestClient, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Scorer, lead: Any, **options: Any) -> Any:
        if "decides" in lead:
            raise RuntimeError("secret 4111")
        return {"lead_id": None}

    monkeypatch.setattr(Scorer, "score", broken)
    error = refused(client.post("/score", json={"decides": 1}), 500, "internal_error")
    assert "secret" not in json.dumps(error)
    items = client.post("/score_batch", json=[{"decides": 1}, {}]).json()
    assert items[0]["error"]["code"] == "internal_error"
    assert "error" not in items[1]


def test_the_language_is_told(client: TestClient) -> None:
    answer = client.post("/score", json={}, headers={"Accept-Language": "de, en;q=0.5"})
    assert answer.headers["content-language"] == "en"


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NAMES = st.sampled_from([*EXAMPLE, "notes", "crm_number", "activities"]) | st.text()
LEADS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS) | st.dictionaries(NAMES, SCALARS))


def is_clear(answer: Any) -> None:
    body = json.loads(answer.content)
    if answer.status_code == 200:
        return
    assert 400 <= answer.status_code < 500
    assert set(body) == {"error", "request_id"}
    assert set(body["error"]) == {"code", "message", "fields"}


@pytest.mark.parametrize("path", ["/score", "/score_batch", "/explain"])
@FUZZ
@given(body=st.binary(max_size=200))
def test_any_bytes_get_a_clear_answer(client: TestClient, path: str, body: bytes) -> None:
    is_clear(client.post(path, content=body))


@FUZZ
@given(lead=LEADS)
def test_any_json_object_gets_a_clear_answer(client: TestClient, lead: dict[str, Any]) -> None:
    body = json.dumps(lead)
    single = client.post("/explain", content=body)
    is_clear(single)
    items = json.loads(client.post("/score_batch", content=f"[{body}]").content)
    assert ("error" in items[0]) == (single.status_code == 422)
    assert items[0].get("error", {}).get("code") != "internal_error"
