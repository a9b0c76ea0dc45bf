"""Do the ladder's models rank the demo's leads as well as what is known of them allows?

Each candidate is fitted as the one that is registered is: on every mature lead of the demo, at
every age, each lead weighing 1. It then ranks 200,000 leads that it never saw, at the headline
age, and is judged by the AUC that their true chances lead one to expect: there is no noise of the
toss in it. The best reachable is the expectation of the true chance given what is known
(:mod:`scoring_ml.demo.reachable`), ranking the same leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.demo.export import typed_export
from scoring_ml.demo.files import seed_of
from scoring_ml.demo.reachable import best_reachable
from scoring_ml.demo.world import make_world
from scoring_ml.estimators.ladder import allowed_rungs, estimator_class, make_estimator
from scoring_ml.estimators.protocol import Estimator, TrainingCounts
from scoring_ml.evaluation.lead_windows import lead_weights
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from scoring_ml.features.encoder import Encoder
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.statistics.ranking import Ranked, ranking_metrics
from tests.flat_leads import EXAMPLE

LEADS = 16_000
FRESH = 200_000

Row = tuple[str, str, str]


def expected_auc(score: NDArray[np.float64], chance: NDArray[np.float64]) -> float:
    """Return the AUC to be expected of a ranking of leads that are won by their chances.

    Each lead counts as a win by its chance, and as a loss by the rest of it.
    """
    won = np.repeat([1.0, 0.0], len(score))
    weights = np.concatenate([chance, 1.0 - chance])[None, :]
    ranked = Ranked(np.concatenate([score, score]), won)
    return float(ranking_metrics(ranked, weights)["roc_auc"][0])


def demo_truth(seed: int, *, leads: int = LEADS, fresh: int = FRESH) -> Iterator[Row]:
    """Yield the expected AUC of every kind that the demo's leads allow, beside the best."""
    mapping = CrmMapping.load(EXAMPLE / "crm.yaml")
    world = make_world(leads, seed_of("world", leads=leads, seed=seed))
    snapshot, schema, _ = build_crm_snapshot(typed_export(world), mapping)
    matrix = Matrix.load(EXAMPLE / "matrix.yaml", schema)
    judged, chance = _fresh_leads(mapping, leads=leads, seed=seed, fresh=fresh)
    found = best_reachable(judged, schema, mapping, leads=leads, seed=seed)
    best = expected_auc(found.expected, chance)
    name = f"demo, seed {seed}"
    how = f"{len(chance):,} fresh leads seen after {mapping.headline_age_days:g} day(s)"
    yield f"{name}: expected AUC of the truth", f"{expected_auc(chance, chance):.4f}", how
    yield f"{name}: best reachable", f"{best:.4f}", f"{found.snapshots:,} generated snapshots"

    assert snapshot.lead is not None
    assert snapshot.age_days is not None
    rows = np.flatnonzero(~np.isnan(snapshot.label) & ~np.isnan(snapshot.age_days))
    rows = rows[np.lexsort((snapshot.age_days[rows], snapshot.lead[rows]))]
    learned = snapshot.take(rows)
    lead, y = learned.lead, learned.label
    head = learned.age_days == mapping.headline_age_days
    encoder = Encoder.fit(learned.frame, schema, matrix, lead)
    X = encoder.encode(learned.frame, learned.as_of)
    fresh_X = encoder.encode(judged.frame, judged.as_of)
    wins = int(y[head].sum())
    rungs = allowed_rungs(
        TrainingCounts(
            wins=wins,
            losses=int(head.sum()) - wins,
            mapped_criteria=len(matrix.mapped),
            used_fields=len(schema.used),
        )
    )
    how = f"{int(head.sum()):,} mature leads, {wins:,} wins"
    fitted: dict[str, Estimator] = {}
    for rung in rungs:
        if not rung.allowed:
            continue
        kind = estimator_class(rung.kind)
        members = [fitted[name] for name in getattr(kind, "combines", ()) if name in fitted]
        if members:
            estimator = kind.of(members)
        else:
            estimator = make_estimator(rung, encoder.columns)
            estimator.fit(X, y, weight=lead_weights(lead), lead=lead, average=head)
        fitted[rung.kind] = estimator
        auc = expected_auc(estimator.logodds(fresh_X), chance)
        yield f"{name}: {rung.kind}", f"{auc:.4f}, {auc / best:.4f} of the best", how


def _fresh_leads(
    mapping: CrmMapping, *, leads: int, seed: int, fresh: int
) -> tuple[Snapshot, NDArray[np.float64]]:
    """Return leads that nobody learned from, at the headline age, and their true chances."""
    world = make_world(fresh, seed_of("held_out", leads=leads, seed=seed))
    once = replace(mapping, ages_days=(mapping.headline_age_days,))
    snapshot, _, _ = build_crm_snapshot(typed_export(world), once)
    judged = snapshot.take((snapshot.age_days == once.ages_days[0]) & ~np.isnan(snapshot.label))
    assert judged.as_of is not None
    assert judged.lead is not None
    return judged, world.truth(judged.as_of.astype("M8[us]").astype(np.int64), judged.lead)
