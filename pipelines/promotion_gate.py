"""The gate before a promotion: two versions on the same leads, and what speaks against the new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.evaluation.intervals import Predictions, bootstrap_metrics
from scoring_ml.evaluation.scored_rows import rescored, score_columns
from scoring_ml.scoring.policies import policy_in_force
from scoring_ml.scoring.policy import hot_share_alarm
from scoring_ml.scoring.scale import TIERS
from scoring_ml.scoring.scored_run import read_scored
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.statistics.interval import Interval
from scoring_ml.tracking import Registry

MOVES_SHOWN: Final = 10
"""Open leads whose score changes most that a promotion names."""


@dataclass(frozen=True)
class Moves:
    """How many of the same leads change tier: counts by old and new tier, of all leads."""

    counts: dict[tuple[str, str], int]
    leads: int

    @property
    def moved(self) -> int:
        """Leads whose tier changes."""
        return sum(count for (old, new), count in self.counts.items() if old != new)

    def table(self) -> str:
        """Return the moves as a plain text table, old tiers down and new tiers across."""
        lines = ["from \\ to " + "".join(f"{name:>8}" for name in TIERS)]
        for old in TIERS:
            cells = "".join(f"{self.counts[old, new]:>8,}" for new in TIERS)
            lines.append(f"{old:<10}{cells}")
        lines.append(f"{self.moved:,} of {self.leads:,} leads change tier")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        pairs = [
            {"from": old, "to": new, "leads": count} for (old, new), count in self.counts.items()
        ]
        return {"leads": self.leads, "moved": self.moved, "moves": pairs}


@dataclass(frozen=True)
class SameLeads:
    """The newest leads of a training, scored by two versions; equal where nothing is served yet.

    ``rows`` hold ``window``, ``won`` and, where the schema has one, ``account``; ``old`` and
    ``new`` hold ``score``, ``tier`` and ``unrounded``. ``evaluated`` is the new version as its
    training judged it: what is registered has learned from the newest window. ``unseen`` are
    the leads of that window that the old version did not learn from; ``facts`` are the run's.
    """

    rows: pd.DataFrame
    old: pd.DataFrame
    new: pd.DataFrame
    evaluated: pd.DataFrame
    unseen: NDArray[np.bool_]
    facts: Mapping[str, Any]

    @property
    def moves(self) -> Moves:
        """The leads by old and new tier."""
        counted = Counter(zip(self.old["tier"], self.new["tier"], strict=True))
        return Moves({pair: counted[pair] for pair in product(TIERS, TIERS)}, len(self.old))

    def auc_lost(self) -> Interval | None:
        """Return how much better the old version ranks newest leads that neither learned from."""
        test = self.unseen
        won = self.rows["won"].to_numpy()[test]
        if len(np.unique(won)) < 2:
            return None
        predictions = {
            name: Predictions(table["unrounded"].to_numpy()[test])
            for name, table in (("old", self.old), ("new", self.evaluated))
        }
        groups = self.rows["account"].to_numpy()[test] if "account" in self.rows else None
        judged = bootstrap_metrics(won, predictions, groups=groups, replicates=200, seed=7)
        return judged.differences["old", "new"]["roc_auc"]

    @property
    def largest_moves(self) -> list[dict[str, Any]]:
        """The ten open leads whose score changes most, in points."""
        open_rows = np.flatnonzero((self.rows["window"] != "test").to_numpy())
        old, new = (table["score"].to_numpy()[open_rows] for table in (self.old, self.new))
        first = np.argsort(-np.abs(new - old), kind="stable")[:MOVES_SHOWN]
        ids = self.rows["lead_id"].to_numpy()[open_rows]
        return [
            {"lead_id": str(ids[i]), "from": int(old[i]), "to": int(new[i])}
            for i in first
            if old[i] != new[i]
        ]

    @property
    def missed(self) -> dict[str, int]:
        """Newest leads that won below the hot line, and hot ones that lost, by the new version."""
        test = (self.rows["window"] == "test").to_numpy()
        won = self.rows["won"].to_numpy()[test]
        hot = (self.evaluated["tier"] == "hot").to_numpy()[test]
        return {
            "wins_below_hot": int(np.sum((won == 1.0) & ~hot)),
            "hot_but_lost": int(np.sum((won == 0.0) & hot)),
        }


def same_leads(
    home: Home, run_id: str, *, old: Scorer | None, new: Scorer, registry: Registry
) -> SameLeads | None:
    """Score a training's newest leads with what is served and with a new version.

    Returns
    -------
    SameLeads or None
        None where a version knows none of them.
    """
    try:
        run = read_scored(home.runs / run_id)
    except (InputError, IntegrityError):
        return None
    after = rescored(run, new)
    before = after if old is None else rescored(run, old)
    if before is None or after is None:
        return None
    evaluated, test = after, (run.rows["window"] == "test").to_numpy()
    policy = new.parts.policy
    if policy is not None and _of_training(new, run_id, registry):
        unrounded = policy.scale.unrounded(run.rows["logodds"].to_numpy())
        evaluated = score_columns(unrounded, new.score_max)
    unseen = test if old is None else test & _later(run.rows, old)
    return SameLeads(run.rows, before, after, evaluated, unseen, run.facts)


def _of_training(scorer: Scorer, run_id: str, registry: Registry) -> bool:
    return registry.has(scorer.version) and registry.training_of(scorer.version) == run_id


def _later(rows: pd.DataFrame, scorer: Scorer) -> NDArray[np.bool_]:
    """Tell which leads came after all that a version learned from; none where nobody knows."""
    until = scorer.parts.card.get("trained_until")
    if not isinstance(until, str):
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows["as_of"].to_numpy() > np.datetime64(until, "us"))


def objections(
    new: Scorer, home: Home, *, served: Scorer | None, leads: SameLeads | None
) -> list[str]:
    """Return what speaks against serving a version, judged on the leads of its training."""
    against = []
    policy, dataset = new.parts.policy, str(new.parts.card["dataset"])
    in_force = policy_in_force(home, dataset)
    if policy is not None and in_force is not None and policy.version != in_force.version:
        against.append(
            f"it was made for policy {policy.version} and policy {in_force.version} is in force; "
            "a 70 would change its meaning"
        )
    if new.parts.estimator.answers_total and not new.encoder.matrix.mapped:
        against.append("it is the hand-built matrix without any rule: every lead would be cold")
    against += _other_data(new, served, dataset)
    if leads is None:
        if served is None or served.parts.card.get("dataset") == dataset:
            against.append(
                "the leads of its training are not there, so that nothing can be compared"
            )
        return against
    test = (leads.rows["window"] == "test").to_numpy()
    if policy is not None and test.any():
        times = hot_share_alarm(leads.evaluated["score"].to_numpy()[test], policy)
        if times is not None:
            against.append(
                f"its hot share on the newest leads is {times:.1f} times the policy's "
                f"({policy.hot_share:.1%}), more than sales was promised"
            )
    against += _from_evaluation(new, served, leads.facts)
    lost = None if served is None else leads.auc_lost()
    if served is not None and lost is not None and lost.low > 0:
        against.append(
            f"version {served.version} ranks newest leads that neither has learned from better: "
            f"AUC {lost.value:.3f} higher "
            f"(95 % interval {lost.low:.3f} to {lost.high:.3f})"
        )
    return against


def _other_data(new: Scorer, served: Scorer | None, dataset: str) -> list[str]:
    """Return how the data of a version differ from those of what is served."""
    if served is None:
        return []
    other = served.parts.card.get("dataset")
    if other != dataset:
        return [
            f"it was trained on {dataset}, and version {served.version} on {other}: another data "
            "set, so that nothing is comparable"
        ]
    fields = {column.name for column in new.encoder.schema.used}
    lacking = [c.name for c in served.encoder.schema.used if c.name not in fields]
    if not lacking:
        return []
    return [
        f"it lacks {len(lacking)} field(s) that version {served.version} uses, such as "
        f"{', '.join(lacking[:3])}"
    ]


def _from_evaluation(new: Scorer, served: Scorer | None, facts: Mapping[str, Any]) -> list[str]:
    """Return what the evaluation of its training says against a version."""
    against = []
    rivals = {"matrix": "the hand-built matrix"}
    if served is not None:
        rivals |= {served.kind: f"the kind that is served ({served.kind}), fitted again,"}
    for kind, name in rivals.items():
        gap = facts.get("rivals", {}).get(kind)
        if kind != new.kind and gap and gap["low"] is not None and gap["low"] > 0:
            against.append(
                f"{name} ranks the newest leads better: AUC {gap['value']:.3f} higher (95 % "
                f"interval {gap['low']:.3f} to {gap['high']:.3f})"
            )
    sentences = dict(facts["verdict"])
    broken = sentences.get("verdict.promises_broken", {}).get("broken", ())
    if any(block["newest"] for block in broken):
        against.append("its promise of wins was broken by the newest leads")
    if "verdict.ages_off" in sentences:
        against.append(
            "its probabilities are off at some ages of a lead, beyond chance and a tenth"
        )
    for part in facts.get("slices", ()):
        high = part["roc_auc"]["high"]
        if high is not None and high < 0.5:
            against.append(f"it ranks {part['name']} backwards: AUC at most {high:.3f}")
    allowed = new.parts.card.get("allowed")
    if allowed:
        against.append(f"it uses fields that the leak audit refuses: {', '.join(allowed)}")
    return against
