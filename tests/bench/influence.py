"""Do the points rank the demo's fields as the truth does?

Both sides are taken on the same snapshots, the newest leads at the headline age, and both are
counted from their mean over these: the true effects are differences from the average lead, while
points count from the average training row, which is of another age.

Ranked are the fields that have both. A true effect may have no points, since no field of the model
stands for it: ``hours_to_first_response`` is known only after the hand-over to sales, and the demo
scores before it, so its feature is left out. Such effects are named, not ranked; for the model
they are noise, as they are for the best reachable AUC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from scoring_ml.demo.files import seed_of
from scoring_ml.demo.world import make_world
from scoring_ml.evaluation.trained import Trained
from tests.demo_truth import NO_EFFECT, true_effects


@dataclass(frozen=True)
class Influence:
    """Mean absolute points and mean absolute true log-odds by field.

    Parameters
    ----------
    points : mapping of field to float
        Of every explained field, centred.
    effects : mapping of field to float
        True log-odds of the fields with an effect that have points, centred.
    without_points : tuple of str
        True effects of which the model has no field.
    spearman : float
        Between the two, over the fields of ``effects`` that do have one.
    spearman_as_shown : float
        The same with points as they are shown, from the average training row.
    median_real : float
        Median points of the fields with an effect.
    worst_without : tuple of (str, float)
        The field without effect that has most points.
    """

    points: dict[str, float]
    effects: dict[str, float]
    without_points: tuple[str, ...]
    spearman: float
    spearman_as_shown: float
    median_real: float
    worst_without: tuple[str, float]


def influence(trained: Trained, *, leads: int, seed: int) -> Influence:
    """Hold the chosen model's points against the truth of the demo it was trained on."""
    world = make_world(leads, seed_of("world", leads=leads, seed=seed))
    rows = trained.windows.test
    snapshot = trained.snapshot
    as_of = snapshot.as_of[rows].astype("datetime64[us]").astype(np.int64)
    truth = true_effects(world, snapshot.lead[rows], as_of)
    model = trained.scorer.rows
    shown = model.field_points(model.scores(trained.X[rows]))
    names = [name for name, _ in trained.scorer.explained_fields]
    centred = shown - shown.mean(axis=0)
    points = dict(zip(names, np.abs(centred).mean(axis=0).tolist(), strict=True))
    raw = dict(zip(names, np.abs(shown).mean(axis=0).tolist(), strict=True))
    effects = {
        name: float(np.abs(values - values.mean()).mean())
        for name, values in truth.items()
        if name in points
    }
    real = [name for name in effects if name not in NO_EFFECT]
    without = max((points[name], name) for name in NO_EFFECT if name in points)
    return Influence(
        points=points,
        effects=effects,
        without_points=tuple(sorted(set(truth) - set(points) - set(NO_EFFECT))),
        spearman=_rank(points, effects, real),
        spearman_as_shown=_rank(raw, effects, real),
        median_real=float(np.median([points[name] for name in real])),
        worst_without=(without[1], without[0]),
    )


def _rank(points: dict[str, float], effects: dict[str, float], names: list[str]) -> float:
    one, other = [points[name] for name in names], [effects[name] for name in names]
    return float(spearmanr(one, other).statistic)
