"""Files of older formats that are kept in tests/kept: today's code reads them and scores the same.

A folder bears the version of the formats in it. It was written by the code of its time and is
never written again; a change of a format adds a folder.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Schema
from scoring_ml.errors import IntegrityError, SchemaError
from scoring_ml.features.criteria import Matrix
from scoring_ml.scoring.policies import policy_history, policy_in_force
from scoring_ml.scoring.saving import load_scorer, save_scorer
from scoring_ml.settings import Home
from scoring_ml.texts import Catalogue
from scoring_ml.texts.sentences import tell

KEPT = sorted((Path(__file__).parent / "kept").iterdir())
WESTERN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(params=KEPT, ids=lambda folder: folder.name)
def kept(request):
    return request.param


def test_reviewed_files_mean_what_they_meant(kept):
    meant = json.loads((kept / "read.json").read_text(encoding="utf-8"))
    schema = Schema.load(kept / "schema.yaml")
    assert schema.dump() == meant["schema"]
    # The day came first where nothing was stated; today the column decides, and says so.
    mapping = CrmMapping.load(kept / "crm.yaml")
    assert replace(mapping, day_first=True).dump() | {"fields": {}} == meant["crm"] | {"fields": {}}
    for name, item in mapping.dump()["fields"].items():
        assert item | {"day_first": True} == meant["crm"]["fields"][name]
    assert Matrix.load(kept / "matrix.yaml", schema).dump() == meant["matrix"]


def test_a_scorer_answers_as_it_did(kept):
    scorer = load_scorer(kept / "scorer")
    for case in json.loads((kept / "answers.json").read_text(encoding="utf-8")):
        answer = scorer.score(case["lead"], as_of=AS_OF)
        assert {key: answer[key] for key in case["answer"]} == case["answer"]


def test_a_scorer_is_saved_as_it_was(kept, tmp_path):
    scorer = load_scorer(kept / "scorer")
    save_scorer(scorer, tmp_path / "again")
    assert load_scorer(tmp_path / "again").card == scorer.card


def test_policies_are_in_force_as_they_were(kept, tmp_path):
    shutil.copytree(kept / "policies", tmp_path / "policies")
    home = Home(tmp_path)
    first, second = policy_history(home, "small")
    assert policy_in_force(home, "small") == second
    assert (first.method, first.notes, first.version) == ("match_matrix", ("p_warm lowered",), 1)
    assert (second.logit_warm, second.logit_hot) == (-0.25, 1.5)
    assert second.hot_share == 50 / 900


@pytest.mark.parametrize("lang", ["en", "fa", "ru"])
def test_what_trainings_said_before_there_were_blocks_is_still_told(lang):
    old = [
        ("windows.empty_window", {"window": "calibrate"}),
        ("windows.large_gap", {"window": "train", "taken": 41, "leads": 97}),
        ("windows.uneven_windows", {"train": 60, "calibrate": 30, "test": 10}),
        ("verdict.chosen_before", {}),
    ]
    catalogue = Catalogue.load(lang)
    for sentence in old:
        text = tell([sentence], catalogue).translate(WESTERN)
        for value in sentence[1].values():
            shown = catalogue.text(f"windows.names.{value}") if isinstance(value, str) else value
            assert str(shown) in text


def test_a_format_of_the_future_is_refused(tmp_path):
    with pytest.raises(SchemaError, match=r"version must be 1\. Found: 2 in schema"):
        Schema.read({"version": 2})
    shutil.copytree(KEPT[0] / "policies", tmp_path / "policies")
    path = next((tmp_path / "policies").iterdir())
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"version": 2}), encoding="utf-8"
    )
    with pytest.raises(IntegrityError, match="policies must be as it was written"):
        policy_history(Home(tmp_path), "small")
