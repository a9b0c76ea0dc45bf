"""The gate before a promotion: two versions on the same leads, and what speaks against the new."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from scoring_ml.errors import InputError, IntegrityError
from scoring_ml.evaluation.intervals import Predictions, bootstrap_metrics
from scoring_ml.evaluation.scored_rows import rescored
from scoring_ml.scoring.policies import policy_in_force
from scoring_ml.scoring.policy import hot_share_alarm
from scoring_ml.scoring.scale import TIERS
from scoring_ml.scoring.scored_run import read_scored
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.statistics.interval import Interval


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
    ``new`` hold ``score``, ``tier`` and ``unrounded``.
    """

    rows: pd.DataFrame
    old: pd.DataFrame
    new: pd.DataFrame

    @property
    def moves(self) -> Moves:
        """The leads by old and new tier."""
        counted = Counter(zip(self.old["tier"], self.new["tier"], strict=True))
        return Moves({pair: counted[pair] for pair in product(TIERS, TIERS)}, len(self.old))

    def auc_lost(self) -> Interval | None:
        """Return how much better the old version ranks the test window, with its interval."""
        test = (self.rows["window"] == "test").to_numpy()
        won = self.rows["won"].to_numpy()[test]
        if len(np.unique(won)) < 2:
            return None
        predictions = {
            name: Predictions(table["unrounded"].to_numpy()[test])
            for name, table in (("old", self.old), ("new", self.new))
        }
        groups = self.rows["account"].to_numpy()[test] if "account" in self.rows else None
        judged = bootstrap_metrics(won, predictions, groups=groups, replicates=200, seed=7)
        return judged.differences["old", "new"]["roc_auc"]


def same_leads(home: Home, run_id: str, *, old: Scorer | None, new: Scorer) -> SameLeads | None:
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
    return SameLeads(run.rows, before, after)


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
    if leads is None:
        if served is None or served.parts.card.get("dataset") == dataset:
            against.append(
                "the leads of its training are not there, so that nothing can be compared"
            )
        return against
    test = (leads.rows["window"] == "test").to_numpy()
    if policy is not None and test.any():
        times = hot_share_alarm(leads.new["score"].to_numpy()[test], policy)
        if times is not None:
            against.append(
                f"its hot share on the newest leads is {times:.1f} times the policy's "
                f"({policy.hot_share:.1%}), more than sales was promised"
            )
    lost = None if served is None else leads.auc_lost()
    if served is not None and lost is not None and lost.low > 0:
        against.append(
            f"version {served.version} ranks the newest leads better: AUC {lost.value:.3f} higher "
            f"(95 % interval {lost.low:.3f} to {lost.high:.3f})"
        )
    return against
