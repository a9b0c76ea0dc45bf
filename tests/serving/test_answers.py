"""Every kind of answer is exactly what its model says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ValidationError

from scoring_ml.data.schema import CRITERIA
from scoring_ml.scoring.scorer import Scorer
from serving.answers import (
    AnswerJson,
    BatchItemJson,
    ErrorJson,
    ExplanationJson,
    ModelJson,
    answer_schemas,
)
from serving.api import ParsedRequest, Reply
from serving.pages import card
from serving.refusals import STATUS, Refusal, dump
from serving.watcher import ChampionWatcher, PendingError
from tests.serving.conftest import RealServer
from tests.serving.small_champion import EXAMPLE
from tests.small_crm import make_crm

AS_OF = datetime(2026, 11, 22, 9, 30)
REQUEST = ParsedRequest(content=None, lang="en", request_id="r-1", received_at=AS_OF)


def strictly(model: type[BaseModel], text: str | bytes) -> Any:
    """Read JSON that may hold no other type and no other name than the model's."""
    return model.model_validate_json(text, strict=True, extra="forbid")


@pytest.mark.parametrize(
    "lead", [EXAMPLE, {}, {"industry": "Rocketry", "notes": "x", "lead_id": 7, "budget": "1e9"}]
)
def test_what_a_real_server_answers(server: RealServer, lead: dict[str, Any]) -> None:
    answer = strictly(AnswerJson, server.client.post("/score", json=lead).content)
    explanation = strictly(ExplanationJson, server.client.post("/explain", json=lead).content)
    assert explanation.score == answer.score
    assert {*answer.matrix.criteria} == {*CRITERIA}
    items = server.client.post("/score_batch", json=[lead, {"lead_id": 7, "x": 1}, {"x": 1}, 3])
    for item in items.json():
        strictly(BatchItemJson, json.dumps(item))
    ModelJson.model_validate_json(server.client.get("/model").content, strict=True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/score", "{", 400),
        ("GET", "/nothing", None, 404),
        ("GET", "/score", None, 405),
        ("POST", "/explain", '{"budgte": 1, "decides": "perhaps"}', 422),
        ("POST", "/score_batch", "[]", 422),
    ],
)
def test_what_a_real_server_refuses(
    server: RealServer, method: str, path: str, body: str | None, status: int
) -> None:
    answer: httpx.Response = server.client.request(method, path, content=body)
    assert answer.status_code == status
    strictly(ErrorJson, answer.content)


def test_every_refusal_has_the_one_shape() -> None:
    for code in STATUS:
        reasons = {"not_json": "syntax", "invalid_lead": "fields", "invalid_batch": "type"}
        reason = reasons.get(code, "type" if code == "unsupported_media_type" else "")
        refusal = Refusal(code, reason, [("a", "b")], params={"allow": "GET", "most": 7})
        read = strictly(ErrorJson, dump(refusal.body("en", "r-1")))
        assert (read.error.code, read.error.fields[0].message) == (code, "b")


def test_the_card_of_a_worker_whose_next_champion_is_broken(champion: ChampionWatcher) -> None:
    for version, code in (("2", "integrity"), (None, "unreadable")):
        champion.pending_error = PendingError(version, code, AS_OF)
        reply: Reply = card(champion, REQUEST)
        read = ModelJson.model_validate_json(dump(reply.body), strict=True)
        assert read.pending_error is not None
        assert (read.pending_error.code, read.pending_error.version) == (code, version)


def test_answers_without_a_policy_or_a_probability() -> None:
    parts = make_crm(kinds=("matrix",)).scorers["matrix"].parts
    calibration = replace(parts.calibration, problem="too few outcomes")
    for scorer in (Scorer(parts), Scorer(replace(parts, calibration=calibration))):
        answer = scorer.explain({"industry": "Software"}, as_of=AS_OF)
        answer |= {"scored_at": "2026-11-22T09:30:00Z", "request_id": "r-1"}
        read = strictly(ExplanationJson, dump(answer))
        assert read.model.policy is None
    assert read.probability is None


@pytest.mark.parametrize(
    "change",
    [{"score": "74"}, {"score": 7.5}, {"tier": "tepid"}, {"more": 1}, {"model": None}],
)
def test_another_shape_is_not_an_answer(server: RealServer, change: dict[str, Any]) -> None:
    answer = server.client.post("/score", json=EXAMPLE).json()
    (name,) = change
    with pytest.raises(ValidationError, match=f"1 validation error for AnswerJson\n{name}"):
        strictly(AnswerJson, json.dumps(answer | change))


def test_published_names_are_those_of_before() -> None:
    names = {
        "Answer", "AskNext", "BatchItem", "Contribution", "Error", "ErrorDetail", "Explanation",
        "FieldError", "LeadError", "Matrix", "Model", "ModelName", "Observed", "PendingError",
        "Serving",
    }  # fmt: skip
    schemas = answer_schemas()
    assert set(schemas) == names
    assert schemas["Contribution"]["required"] == [
        "field", "criterion", "label", "value", "points", "text",
    ]  # fmt: skip
    assert schemas["LeadError"]["required"] == ["error", "request_id"]
    assert "default" not in json.dumps(schemas)
