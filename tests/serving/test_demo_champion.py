"""The champion that the pipelines really make: served, described, the same numbers."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scoring_ml.settings import Home
from serving import leads
from serving.api import ParsedRequest, Reply
from serving.openapi import document
from serving.pages import card
from serving.refusals import dump
from serving.watcher import ChampionWatcher

AS_OF = datetime.now(UTC).replace(tzinfo=None)
"""The example of a model with a history has just happened."""


@pytest.fixture(scope="module")
def promoted(demo_home: Home, tmp_path_factory: pytest.TempPathFactory) -> ChampionWatcher:
    home = Home(tmp_path_factory.mktemp("copy"))
    shutil.copytree(demo_home.serving, home.serving)
    champion = ChampionWatcher(home)
    assert champion.refresh(), champion.pending_error
    return champion


def ask(content: object) -> ParsedRequest:
    return ParsedRequest(content=content, lang="en", request_id="r-1", received_at=AS_OF)


def test_its_example_can_be_posted_and_its_answers_are_as_described(
    promoted: ChampionWatcher,
) -> None:
    assert promoted.served is not None
    shown: Reply = card(promoted, ask(None))
    example = shown.body["example"]
    assert len(example) > 5
    described = document(promoted.served.scorer, max_batch=1000)
    answers = {
        "Model": shown,
        "Answer": leads.one(promoted, ask(example), explain=False),
        "Explanation": leads.one(promoted, ask(example), explain=True),
    }
    for name, reply in answers.items():
        assert reply.status == 200, (name, reply.body)
        assert dump(reply.body)
        schema = {
            "$ref": f"#/components/schemas/{name}",
            "components": described["components"],
        }
        Draft202012Validator(schema).validate(reply.body)
    assert answers["Answer"].body["warnings"] == []
    assert answers["Answer"].body["ignored_fields"] == []


def test_each_field_of_its_example_alone_is_a_lead(promoted: ChampionWatcher) -> None:
    assert promoted.served is not None
    example = promoted.served.scorer.example
    partial = [{name: value} for name, value in example.items()]
    items = leads.many(promoted, ask(partial), most=1000).body
    assert [item for item in items if "error" in item] == []


def test_files_that_were_changed_are_not_served(promoted: ChampionWatcher, tmp_path: Path) -> None:
    assert promoted.served is not None
    home = Home(tmp_path)
    shutil.copytree(promoted._home.serving, home.serving)
    changed = next(
        path
        for path in sorted((home.serving / promoted.served.version).iterdir())
        if path.name != "manifest.json"
    )
    changed.write_bytes(changed.read_bytes() + b" ")
    other = ChampionWatcher(home)
    assert not other.refresh()
    assert other.pending_error is not None
    assert other.pending_error.code == "integrity"
