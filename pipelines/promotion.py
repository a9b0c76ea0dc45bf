"""Promote, roll back, change the policy: each with a report before anything is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring_ml.errors import InputError, NothingServed, ScoringError
from scoring_ml.evaluation.intervals import Predictions, bootstrap_metrics
from scoring_ml.evaluation.scored_rows import CALIBRATION_ROWS, ROWS, rescored
from scoring_ml.scoring.champion import export_champion, load_champion, read_champion
from scoring_ml.scoring.policies import policy_in_force, propose, put_in_force
from scoring_ml.scoring.policy import (
    NoPolicy,
    fit_policy,
    hot_share_alarm,
    policy_settings,
)
from scoring_ml.scoring.saving import json_ready, load_scorer
from scoring_ml.scoring.scale import TIERS
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.statistics.metrics import Interval
from scoring_ml.tracking import Tracker

NEW: Final = "new"


@dataclass(frozen=True)
class Moves:
    """How many of the same leads change tier.

    Parameters
    ----------
    counts : dict of (from tier, to tier) to int
    leads : int
    """

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
class Promotion:
    """What a promotion, a rollback or a change of policy did.

    Parameters
    ----------
    version : str
        Being served now.
    previous : str or None
        Served before.
    moves : Moves or None
        Tier changes of the same leads; ``None`` where there was nothing to compare with.
    objections : tuple of str
        What spoke against it and was overruled with a written reason.
    notes : tuple of str
    policy : dict or None
        The policy in force after a change of policy.
    """

    version: str
    previous: str | None
    moves: Moves | None
    objections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    policy: dict[str, Any] | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        return dict(
            json_ready(
                {
                    "version": self.version,
                    "previous": self.previous,
                    "tier_changes": None if self.moves is None else self.moves.to_json(),
                    "objections": list(self.objections),
                    "notes": list(self.notes),
                    "policy": self.policy,
                }
            )
        )


def promote(
    version: str, *, home: Home, force: bool = False, reason: str | None = None
) -> Promotion:
    """Make a registered version the champion and serve it.

    The gate objects when the champion ranks the newest leads clearly better, when the hot share
    leaves the policy, or when the version was fitted for another policy. Only ``force`` with a
    written reason overrules it; a version that cannot be loaded is never served.

    Raises
    ------
    InputError
        If there is no such version, the gate objects, or ``force`` lacks a reason.
    IntegrityError
        If the version's files are not what was logged.
    """
    if force and not (reason or "").strip():
        raise InputError(
            "--force needs a written reason",
            found="none",
            do='Give --reason "...", which is kept with the version',
        )
    tracker = Tracker(home)
    known = {str(item["version"]): item for item in tracker.versions()}
    if version not in known:
        raise InputError(
            "The version must be registered",
            found=f"{version} among {', '.join(known) or 'none'}",
            do="Run scoring-ml train, or name one of them",
        )
    served = _served(home)
    folder = tracker.scorer_folder(version)
    scorer = load_scorer(folder)
    both = _both(home, str(known[version]["run_id"]), old=served, new=scorer)
    objections = _objections(scorer, home, served, both)
    previous = None if served is None else served.version
    moves = None if both is None or served is None else both.moves
    notes = []
    if served is not None and both is None:
        notes.append(f"Tier changes cannot be told: version {previous} knows other leads.")
    if objections and not force:
        report = "" if moves is None else f"\n{moves.table()}\n"
        raise InputError(
            f"Version {version} must pass the gate before it is served",
            found="; ".join(objections) + report,
            do='Train again, or overrule with --force --reason "..."',
        )
    _serve(scorer, folder, version, home, tracker, reason=reason if force else None)
    return Promotion(version, previous, moves, tuple(objections), tuple(notes))


def rollback(*, home: Home) -> Promotion:
    """Serve the version that was champion before.

    Raises
    ------
    InputError
        If there was none before.
    """
    tracker = Tracker(home)
    version = tracker.previous_champion()
    if version is None:
        raise InputError(
            "There must have been a champion before this one",
            found="none",
            do="Promote another version with scoring-ml promote",
        )
    served = _served(home)
    folder = tracker.scorer_folder(version)
    scorer = load_scorer(folder)
    moves = None
    previous = None if served is None else served.version
    if served is not None:
        # On the newest leads that either version was tested on: those of the one being left.
        runs = {str(item["version"]): str(item["run_id"]) for item in tracker.versions()}
        both = _both(home, runs.get(served.version, ""), old=served, new=scorer)
        moves = None if both is None else both.moves
    _serve(scorer, folder, version, home, tracker, back=True)
    return Promotion(version, previous, moves)


def set_policy(
    method: str, *, home: Home, options: Mapping[str, float | None] | None = None
) -> Promotion:
    """Fit another policy on the champion's calibration window and serve it as a new version.

    Parameters
    ----------
    method : str
        ``match_matrix``, ``capacity``, ``economics`` or ``fixed``.
    home : Home
    options : mapping or None
        Values of that method in place of those in ``models/policy.yaml``.

    Raises
    ------
    InputError
        If no learned model is served, or the method cannot be applied.
    """
    tracker = Tracker(home)
    served = read_champion(home).version
    folder = tracker.scorer_folder(served)
    scorer = load_scorer(folder)
    if scorer.parts.policy is None:
        raise InputError(
            "A policy needs a learned champion",
            found="the hand-built matrix, which answers its plain total",
            do="Promote a learned version first",
        )
    run_id = next(
        str(item["run_id"]) for item in tracker.versions() if str(item["version"]) == served
    )
    window = _read(home.runs / run_id / CALIBRATION_ROWS)
    settings = policy_settings()
    settings[method] = dict(settings.get(method) or {}) | {
        name: value for name, value in (options or {}).items() if value is not None
    }
    found = fit_policy(
        window["logodds"].to_numpy(),
        matrix_total=window["matrix_total"].to_numpy(),
        mapped_criteria=len(scorer.encoder.matrix.mapped),
        weeks=_weeks(window),
        method=method,
        settings=settings,
    )
    if isinstance(found, NoPolicy):
        raise InputError(
            f"A policy by {method} must leave the score a meaning",
            found=found.reason,
            do="Choose other values or another method",
        )
    dataset = str(scorer.parts.card["dataset"])
    fitted_on = {
        "dataset": dataset,
        "kind": scorer.kind,
        "window": "calibrate",
        "leads": len(window),
        "version": served,
    }
    policy = propose(home, dataset, replace(found, fitted_on=fitted_on))
    changed = Scorer(replace(scorer.parts, policy=policy))
    both = _both(home, run_id, old=scorer, new=changed)
    moves = None if both is None else both.moves
    version, new_folder = tracker.register_again(changed, source_version=served)
    put_in_force(home, dataset, policy)
    export_champion(home, new_folder, version)
    tracker.promote(version)
    return Promotion(version, served, moves, notes=policy.notes, policy=policy.dump())


def _serve(
    scorer: Scorer,
    folder: Path,
    version: str,
    home: Home,
    tracker: Tracker,
    *,
    reason: str | None = None,
    back: bool = False,
) -> None:
    export_champion(home, folder, version)
    policy = scorer.parts.policy
    if policy is not None:
        put_in_force(home, str(scorer.parts.card["dataset"]), policy)
    tracker.promote(version, reason=reason, back=back)


def served_version(home: Home) -> str | None:
    """Return the version that is served, or None."""
    try:
        return read_champion(home).version
    except NothingServed:
        return None


def _served(home: Home) -> Scorer | None:
    try:
        return load_champion(home)
    except NothingServed:
        return None


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ScoringError(
            f"The rows of the training run must be there. Found: no {path.name} in "
            f"runs/{path.parent.name}. Train again."
        )
    return pd.read_parquet(path)


@dataclass(frozen=True)
class _Both:
    """The newest leads of a training, scored by two versions.

    Parameters
    ----------
    rows : DataFrame
        ``window``, ``won`` and, where the schema has one, ``account``.
    old, new : DataFrame
        ``score``, ``tier`` and ``logodds`` of the same leads; ``old`` equals ``new`` where
        nothing is served yet.
    """

    rows: pd.DataFrame
    old: pd.DataFrame
    new: pd.DataFrame

    @property
    def moves(self) -> Moves:
        old, new = self.old["tier"].to_numpy(), self.new["tier"].to_numpy()
        counts = {
            (before, after): int(np.sum((old == before) & (new == after)))
            for before in TIERS
            for after in TIERS
        }
        return Moves(counts, len(old))

    def auc_lost(self) -> Interval | None:
        """Return how much better the old version ranks the test window, with its interval."""
        test = (self.rows["window"] == "test").to_numpy()
        won = self.rows["won"].to_numpy()[test]
        if len(np.unique(won)) < 2:
            return None
        predictions = {
            name: Predictions(table["logodds"].to_numpy()[test])
            for name, table in (("old", self.old), ("new", self.new))
        }
        groups = self.rows["account"].to_numpy()[test] if "account" in self.rows else None
        found = bootstrap_metrics(won, predictions, groups=groups, replicates=200, seed=7)
        return found.differences["old", "new"]["roc_auc"]


def _both(home: Home, run_id: str, *, old: Scorer | None, new: Scorer) -> _Both | None:
    """Score a training's newest leads with two versions; None where one knows none of them."""
    folder = home.runs / run_id
    if not run_id or not (folder / ROWS).is_file():
        return None
    rows = pd.read_parquet(folder / ROWS)
    theirs, ours = rescored(folder, old or new), rescored(folder, new)
    return None if theirs is None or ours is None else _Both(rows, theirs, ours)


def _objections(scorer: Scorer, home: Home, served: Scorer | None, both: _Both | None) -> list[str]:
    found = []
    policy = scorer.parts.policy
    in_force = policy_in_force(home, str(scorer.parts.card["dataset"]))
    if policy is not None and in_force is not None and policy.version != in_force.version:
        found.append(
            f"it was made for policy {policy.version} and policy {in_force.version} is in force; "
            "a 70 would change its meaning"
        )
    if scorer.kind == "matrix" and not scorer.encoder.matrix.mapped:
        found.append("it is the hand-built matrix without any rule: every lead would be cold")
    if both is None:
        if served is None or served.parts.card.get("dataset") == scorer.parts.card.get("dataset"):
            found.append("the leads of its training are not there, so that nothing can be compared")
        return found
    test = (both.rows["window"] == "test").to_numpy()
    if policy is not None and test.any():
        times = hot_share_alarm(both.new["score"].to_numpy()[test], policy)
        if times is not None:
            found.append(
                f"its hot share on the newest leads is {times:.1f} times the policy's "
                f"({policy.hot_share:.1%}), more than sales was promised"
            )
    lost = None if served is None else both.auc_lost()
    if served is not None and lost is not None and lost.low > 0:
        found.append(
            f"version {served.version} ranks the newest leads better: AUC {lost.value:.3f} higher "
            f"(95 % interval {lost.low:.3f} to {lost.high:.3f})"
        )
    return found


def _weeks(window: pd.DataFrame) -> float | None:
    if "as_of" not in window or len(window) == 0:
        return None
    span = window["as_of"].max() - window["as_of"].min()
    return float(span / pd.Timedelta(days=7))
