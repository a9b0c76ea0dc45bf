"""Promote, roll back, change the policy: what is served, in force and called champion agrees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.promotion import promote, rollback, set_policy
from pipelines.promotion_gate import objections
from pipelines.switch import finish_switch
from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.scoring import champion as champion_module
from scoring_ml.scoring import saving
from scoring_ml.scoring.champion import load_champion, read_champion
from scoring_ml.scoring.policies import policy_history, policy_in_force, propose
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import CHAMPION, DatasetFacts, Registry, Store, log_training
from tests.small_world import World

DATASET = "small world"
STEPS = {
    "name": "pipelines.switch.name_champion",
    "policy": "pipelines.switch.put_in_force",
    "alias": "scoring_ml.tracking.registry.Registry.promote",
}


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def trained(world: World, empty_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home with a training, nothing promoted; to be copied."""
    home = Home(shutil.copytree(empty_home.root, tmp_path_factory.mktemp("trained") / "home"))
    policy = propose(home, DATASET, world.policy)
    scorer = Scorer(replace(world.scorer("boosted").parts, policy=policy))
    chosen = replace(
        world.trained,
        candidates=(world.trained["matrix"], world.trained["boosted"]),
        chosen="boosted",
        evaluated=scorer,
        policy=policy,
        scorer=scorer,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scoring_ml.tracking.plots.draw_candidate", lambda *given: None)
        patch.setattr("scoring_ml.tracking.overlay.draw_training", lambda *given: None)
        logged = log_training(Store(home), chosen, dataset=DatasetFacts(DATASET, "ab" * 32, 1_500))
    write_scored_rows(home.runs / logged.run_id, chosen, logged.scorer)
    return home


@pytest.fixture
def home(trained: Home, tmp_path: Path) -> Home:
    """Return a copy, to be changed."""
    return Home(shutil.copytree(trained.root, tmp_path / "home"))


@pytest.fixture
def unrehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the trial in a process of its own, which takes seconds."""
    for module in ("scoring_ml.scoring.champion", "pipelines.promotion"):
        monkeypatch.setattr(f"{module}.rehearse", lambda folder, version: None)


def agreed(home: Home) -> str:
    """Return the served version, which policy in force, alias and files agree on."""
    served = read_champion(home).version
    scorer = load_champion(home)
    assert scorer.version == served
    assert policy_in_force(home, DATASET) == scorer.parts.policy
    assert Registry(Store(home)).alias(CHAMPION) == served
    assert not home.switch_file.exists()
    return served


def test_each_version_is_loaded_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    real: Callable[[Path], Scorer] = saving.load_scorer

    def load(folder: Path) -> Scorer:
        scorer = real(folder)
        loaded.append(scorer.version)
        return scorer

    monkeypatch.setattr(saving, "load_scorer", load)
    monkeypatch.setattr(champion_module, "load_scorer", load)
    assert promote("1", home=home).previous is None
    assert loaded == ["1"]
    loaded.clear()
    assert set_policy("capacity", home=home, options={"hot_share": 0.05}).version == "2"
    assert loaded == ["1"], "the new one is made in this process"
    loaded.clear()
    promote("1", home=home, force=True, reason="a test")
    assert sorted(loaded) == ["1", "2"]
    loaded.clear()
    rollback(home=home)
    assert sorted(loaded) == ["1", "2"]
    assert agreed(home) == "2"


def test_a_policy_is_not_in_force_before_its_version_was_rehearsed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote("1", home=home)
    before = home.champion_file.read_bytes()
    monkeypatch.setattr(champion_module, "REHEARSAL_SECONDS", 0.01)
    with pytest.raises(IntegrityError, match=r"must load and score its example lead .*version 2"):
        set_policy("capacity", home=home)
    assert agreed(home) == "1"
    assert home.champion_file.read_bytes() == before
    assert len(policy_history(home, DATASET)) == 2, "proposed, and not in force"
    assert not (home.serving / "2").exists()
    monkeypatch.undo()
    assert set_policy("capacity", home=home).version == "3"
    assert agreed(home) == "3"


@pytest.mark.usefixtures("unrehearsed")
def test_a_policy_that_was_not_proposed_here_changes_nothing(home: Home) -> None:
    shutil.rmtree(home.policies)
    with pytest.raises(IntegrityError, match="must have been proposed in this home"):
        promote("1", home=home)
    assert not home.champion_file.exists()
    assert not home.switch_file.exists()
    assert Registry(Store(home)).alias(CHAMPION) is None


@pytest.mark.usefixtures("unrehearsed")
@pytest.mark.parametrize(("step", "served"), [("name", "1"), ("policy", "2"), ("alias", "2")])
def test_the_next_command_finishes_what_a_dead_one_left(home: Home, step: str, served: str) -> None:
    def die(*given: object, **options: object) -> None:
        raise Died("in between")

    promote("1", home=home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STEPS[step], die)
        with pytest.raises(Died, match="in between"):
            set_policy("capacity", home=home)
    assert read_champion(home).version == served
    assert home.switch_file.exists()
    with pytest.raises(InputError, match="must be registered"):
        promote("99", home=home)  # any command will do
    assert agreed(home) == served
    promote("1", home=home, force=True, reason="a test")
    assert agreed(home) == "1"


@pytest.mark.usefixtures("unrehearsed")
def test_a_rollback_and_a_reason_survive_a_death(home: Home) -> None:
    def die(*given: object, **options: object) -> None:
        raise Died("in between")

    promote("1", home=home)
    set_policy("capacity", home=home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STEPS["alias"], die)
        with pytest.raises(Died, match="in between"):
            rollback(home=home)
    finish_switch(home)
    assert agreed(home) == "1"
    assert Registry(Store(home)).previous_champion() is None, "the rollback is not a way back"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STEPS["policy"], die)
        with pytest.raises(Died, match="in between"):
            promote("2", home=home, force=True, reason="the board asked for it")
    finish_switch(home)
    assert agreed(home) == "2"
    tags = Store(home).client.get_model_version("lead-scorer", "2").tags
    assert tags["promoted_because"] == "the board asked for it"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "1"}', "5"])
def test_a_switch_that_no_command_wrote_is_refused(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    home.serving.mkdir()
    home.switch_file.write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"switch\.json must hold a switch"):
        finish_switch(home)


@pytest.mark.usefixtures("unrehearsed")
def test_another_version_takes_the_place_of_a_damaged_one(home: Home) -> None:
    promote("1", home=home)
    set_policy("capacity", home=home)
    (home.serving / "2" / "scorer.json").write_text("{}", encoding="utf-8")
    result = rollback(home=home)
    assert "must be as they were written" in result.notes[0]
    assert (agreed(home), result.moves) == ("1", None)
    home.champion_file.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="what is served cannot be compared with"):
        promote("1", home=home)
    promote("1", home=home, force=True, reason="a test")
    assert agreed(home) == "1"


@pytest.mark.usefixtures("unrehearsed")
def test_a_change_of_policy_is_told_in_lines(home: Home) -> None:
    promote("1", home=home)
    result = set_policy("fixed", home=home, options={"p_warm": 0.3, "p_hot": 0.6})
    assert result.policy is not None
    hot, leads = result.policy.resulting["hot"], result.policy.leads
    lines = result.render().splitlines()
    assert lines[:3] == [
        "Version 2 is served now (before: version 1).",
        f"Policy 2 by fixed, on {leads:,} leads:",
        f"  hot  from 60.0%: {hot:,} leads ({result.policy.wanted['hot']:,} wanted)",
    ]
    assert lines[3].startswith("  warm from ")
    assert "{" not in result.render()
    json.dumps(result.to_json(), allow_nan=False)


def test_another_data_set_speaks_against_a_version_that_knows_none_of_the_leads(
    world: World, home: Home
) -> None:
    new = world.scorer("boosted")
    card = new.parts.card | {"dataset": "another", "version": "7"}
    served = Scorer(replace(new.parts, card=card))
    against = objections(new, home, served=served, leads=None)
    assert [text for text in against if "version 7 on another: another data set" in text]
    same = objections(new, home, served=new, leads=None)
    assert not [text for text in same if "another data set" in text]
