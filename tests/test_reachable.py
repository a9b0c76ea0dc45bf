"""How good any model could be: estimated from generated leads, never from outcomes."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.demo.effects import RESPONSE_FIELD, true_logodds
from scoring_ml.demo.export import typed_export
from scoring_ml.demo.files import seed_of
from scoring_ml.demo.reachable import best_reachable, known_logodds
from scoring_ml.demo.world import make_world
from scoring_ml.errors import InputError
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from tests.bench.demo_truth import expected_auc
from tests.demo_truth import known_attributes
from tests.flat_leads import EXAMPLE

LEADS, SEED = 4_000, 9


@pytest.fixture(scope="module")
def demo():
    world = make_world(LEADS, seed_of("world", leads=LEADS, seed=SEED))
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    at_two_ages = replace(mapping, ages_days=(1.0, 7.0))
    snapshot, schema, _ = build_crm_snapshot(typed_export(world), at_two_ages)
    mature = snapshot.take((snapshot.age_days == 1.0) & ~np.isnan(snapshot.label))
    return world, mapping, schema, snapshot, mature


@pytest.fixture(scope="module")
def found(demo):
    _, mapping, schema, _, mature = demo
    return best_reachable(mature, schema, mapping, leads=LEADS, seed=SEED, factor=4)


def test_what_is_known_ranks_worse_than_the_truth_and_better_than_any_field(demo, found):
    world, _, _, _, mature = demo
    as_of = mature.as_of.astype("datetime64[us]").astype(np.int64)
    truth = roc_auc_score(mature.label, world.truth(as_of, mature.lead))
    urgent = (mature.frame["need_urgency"] == "must be solved now").astype(float)
    alone = roc_auc_score(mature.label, urgent)
    assert alone + 0.05 < found.auc < truth - 0.005
    assert 0.5 < found.r2 < 1.0
    assert found.snapshots == pytest.approx(4 * LEADS, rel=0.1)


def test_the_expectation_is_calibrated_on_leads_that_it_never_saw(demo, found):
    *_, mature = demo
    wins, expected = mature.label.sum(), found.expected.sum()
    assert abs(wins - expected) < 4 * np.sqrt(np.sum(found.expected * (1 - found.expected)))
    assert len(found.expected) == len(mature)


def test_the_same_seed_gives_the_same_estimate(demo, monkeypatch):
    _, mapping, schema, _, mature = demo
    monkeypatch.setattr("scoring_ml.demo.reachable.HELD_OUT", 500)
    first, second, other = (
        best_reachable(mature, schema, mapping, leads=500, seed=seed, factor=1).auc
        for seed in (SEED, SEED, SEED + 1)
    )
    assert first == second != other


def test_leads_of_several_ages_or_of_one_class_are_refused(demo):
    _, mapping, schema, snapshot, mature = demo
    given = {"leads": LEADS, "seed": SEED, "factor": 1}
    with pytest.raises(InputError, match="at 3 ages"):
        best_reachable(snapshot, schema, mapping, **given)
    lost = mature.take(mature.label == 0.0)
    with pytest.raises(InputError, match="both must occur"):
        best_reachable(lost, schema, mapping, **given)
    with pytest.raises(InputError, match="factor must be 1 or more"):
        best_reachable(mature, schema, mapping, **(given | {"factor": 0}))


def test_the_expected_auc_is_that_of_leads_tossed_by_their_chances():
    rng = np.random.default_rng(4)
    chance, score = rng.random(300), rng.integers(0, 20, 300).astype(float)
    score = score + 10 * chance
    sure = (chance > 0.5).astype(float)
    assert expected_auc(score, sure) == pytest.approx(roc_auc_score(sure, score))
    tossed = np.tile(chance, 400)
    won = rng.random(len(tossed)) < tossed
    found = roc_auc_score(won, np.tile(score, 400))
    assert expected_auc(score, chance) == pytest.approx(found, abs=0.004)


def test_what_is_known_adds_to_the_log_odds_what_the_truth_says(demo):
    world, _, schema, snapshot, _ = demo
    seen = snapshot.take(snapshot.age_days == 7.0)
    known = known_attributes(world, seen.lead, seen.as_of.astype("M8[us]").astype(np.int64))
    known[RESPONSE_FIELD] = np.full(len(seen), np.nan)  # the demo's schema leaves it out
    values = {name: seen.frame[name].to_numpy() for name in seen.frame}
    added = known_logodds(values, schema)
    np.testing.assert_allclose(added, true_logodds(known), rtol=0, atol=1e-12)
    assert len(np.unique(added)) > 1_000
