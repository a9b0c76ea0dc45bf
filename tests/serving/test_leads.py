"""The service as a class, without HTTP."""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime
from typing import Any

import pytest

from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from serving import leads
from serving.api import ParsedRequest, Reply
from serving.pages import card
from serving.service import LeadScorer
from serving.watcher import ChampionWatcher
from tests.serving.small_champion import EXAMPLE

AS_OF = datetime(2026, 11, 22, 9, 30)


def request(content: Any) -> ParsedRequest:
    return ParsedRequest(content=content, lang="en", request_id="r-1", received_at=AS_OF)


@pytest.fixture
def service(served_home: Home, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SCORING_HOME", str(served_home.root))
    service = LeadScorer.inner()
    service.champion.refresh()
    return service


def test_the_class_scores_explains_and_scores_many(service: Any, scorer: Scorer) -> None:
    stamped = {"scored_at": "2026-11-22T09:30:00Z", "request_id": "r-1"}
    score = asyncio.run(service.score(request(EXAMPLE)))
    assert (score.status, score.body) == (200, scorer.score(EXAMPLE, as_of=AS_OF) | stamped)
    explained = asyncio.run(service.explain(request(EXAMPLE)))
    assert explained.body == scorer.explain(EXAMPLE, as_of=AS_OF) | stamped
    assert service.score_batch(request([EXAMPLE])).body == [score.body]


def test_it_is_ready_when_a_champion_is_loaded(service: Any) -> None:
    assert service.__is_ready__()
    service.champion.served = None
    assert not service.__is_ready__()


def test_without_a_champion_every_answer_is_503(tmp_path: Any) -> None:
    none = ChampionWatcher(Home(tmp_path))
    replies = [
        leads.one(none, request(EXAMPLE), explain=False),
        leads.one(none, request(EXAMPLE), explain=True),
        leads.many(none, request([EXAMPLE]), most=10),
        card(none, request(None)),
    ]
    assert [(reply.status, reply.code) for reply in replies] == [(503, "no_champion")] * 4


def test_a_promoted_version_that_does_not_load_is_told_from_none(tmp_path: Any) -> None:
    home = Home(tmp_path)
    home.serving.mkdir()
    home.champion_file.write_text("{", encoding="utf-8")
    champion = ChampionWatcher(home)
    champion.refresh()
    reply: Reply = card(champion, request(None))
    assert (reply.status, reply.code) == (503, "no_champion_pending")


def test_the_endpoints_are_documented() -> None:
    for name, method in LeadScorer.apis.items():
        assert inspect.getdoc(method.func), name
        assert method.route == f"/{name}"
