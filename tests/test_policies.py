"""Policies on disk: numbered when proposed, one in force, and none believed that was changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scoring_ml.errors import IntegrityError
from scoring_ml.scoring.policies import policy_history, policy_in_force, propose, put_in_force
from scoring_ml.scoring.policy import Policy
from scoring_ml.settings import Home

POLICY = Policy("capacity", -1.0, 0.5, {"hot": 7}, {"hot": 8, "warm": 3}, 100, ("a note",))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_nothing_is_in_force_before_a_first_proposal(home):
    assert policy_in_force(home, "d") is None
    assert policy_history(home, "d") == ()
    assert not home.root.exists()  # asking writes nothing


def test_a_proposal_gets_the_next_number_and_is_not_in_force(home):
    first, second = propose(home, "d", POLICY), propose(home, "d", replace(POLICY, logit_hot=0.7))
    assert (first.version, second.version) == (1, 2)
    assert first.created_at is not None
    assert policy_in_force(home, "d") is None
    assert policy_history(home, "d") == (first, second)


def test_putting_in_force_takes_the_place_of_the_one_before_and_can_go_back(home):
    first, second = propose(home, "d", POLICY), propose(home, "d", replace(POLICY, logit_hot=0.7))
    for policy in (first, second, second, first):
        put_in_force(home, "d", policy.version)
        assert policy_in_force(home, "d") == policy
    assert policy_history(home, "d") == (first, second)


def test_a_later_proposal_leaves_the_one_in_force(home):
    first = propose(home, "d", POLICY)
    put_in_force(home, "d", first.version)
    propose(home, "d", POLICY)
    assert policy_in_force(home, "d") == first


@pytest.mark.parametrize("version", [0, 2])
def test_only_what_was_proposed_here_can_be_put_in_force(home, version):
    propose(home, "d", POLICY)
    with pytest.raises(IntegrityError, match=f"proposed in this home. Found: policy {version} of"):
        put_in_force(home, "d", version)


def test_every_data_set_has_its_own_file_whatever_its_name(home):
    for name in ("d", "D", "../d", "دیتا", "", "x" * 300):
        put_in_force(home, name, propose(home, name, POLICY).version)
        assert policy_in_force(home, name).version == 1
    assert len(list(home.policies.iterdir())) == 6
    assert all(path.parent == home.policies for path in home.policies.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"policies": []}',
        '{"in_force": 1, "policies": []}',
        '{"in_force": 0, "policies": [GOOD]}',
        '{"in_force": -1, "policies": [GOOD]}',
        '{"in_force": 2, "policies": [GOOD]}',
        '{"in_force": "1", "policies": [GOOD]}',
        '{"in_force": null, "policies": ["text"]}',
        '{"in_force": null, "policies": [{"method": "fixed"}]}',
        '{"in_force": null, "policies": 5}',
    ],
)
def test_a_changed_file_is_refused(home, text):
    propose(home, "d", POLICY)
    (path,) = home.policies.iterdir()
    path.write_text(text.replace("GOOD", json.dumps(POLICY.dump())), encoding="utf-8")
    with pytest.raises(IntegrityError, match=rf"as it was written\. Found: .*policies/{path.name}"):
        policy_in_force(home, "d")


def test_no_half_written_file_is_left_behind(home):
    propose(home, "d", POLICY)
    propose(home, "d", POLICY)
    assert len(list(home.policies.iterdir())) == 1
