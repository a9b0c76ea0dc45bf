"""Promote, roll back, change the policy: each with a report before anything is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring_ml.errors import InputError, NothingServed, ScoringError
from scoring_ml.evaluation.delong import auc_difference
from scoring_ml.evaluation.scored_rows import CALIBRATION_ROWS, ROWS
from scoring_ml.scoring.champion import export_champion, read_champion
from scoring_ml.scoring.policies import policy_in_force, propose, put_in_force
from scoring_ml.scoring.policy import (
    NoPolicy,
    fit_policy,
    hot_share_alarm,
    policy_settings,
)
from scoring_ml.scoring.saving import json_ready, load_scorer
from scoring_ml.scoring.scale import SCORE_MAX, TIERS, round_half_up, tiers
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
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
    previous = _served(home)
    folder = tracker.scorer_folder(version)
    scorer = load_scorer(folder)
    run_id = str(known[version]["run_id"])
    rows = _scored_rows(home, run_id)
    moves, notes = _moves_against(previous, rows)
    objections = _objections(scorer, home, rows, previous)
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
    previous = _served(home)
    folder = tracker.scorer_folder(version)
    scorer = load_scorer(folder)
    moves = None
    if previous is not None:
        # The version served until now was compared with this one when it was trained.
        runs = {str(item["version"]): str(item["run_id"]) for item in tracker.versions()}
        forward, _ = _moves_against(version, _scored_rows(home, runs.get(previous, "")))
        if forward is not None:
            back = {(new, old): count for (old, new), count in forward.counts.items()}
            moves = Moves(back, forward.leads)
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
    rows = _scored_rows(home, run_id)
    moves = None
    if rows is not None and "logodds" in rows:
        logodds = rows["logodds"].to_numpy()
        new = np.clip(round_half_up(policy.scale.unrounded(logodds)), 0, SCORE_MAX)
        moves = _count_moves(rows["tier"].to_numpy(), tiers(new))
    version, new_folder = tracker.register_again(
        Scorer(replace(scorer.parts, policy=policy)), source_version=served
    )
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


def _served(home: Home) -> str | None:
    try:
        return read_champion(home).version
    except NothingServed:
        return None


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ScoringError(
            f"The rows of the training run must be there. Found: no {path.name} in "
            f"runs/{path.parent.name}. Train again."
        )
    return pd.read_parquet(path)


def _scored_rows(home: Home, run_id: str) -> pd.DataFrame | None:
    path = home.runs / run_id / ROWS
    return pd.read_parquet(path) if run_id and path.is_file() else None


def _moves_against(
    version: str | None, rows: pd.DataFrame | None
) -> tuple[Moves | None, list[str]]:
    """Return tier changes against a version, if the rows were scored by it too."""
    if version is None or rows is None:
        return None, []
    if "champion_tier" not in rows:
        return None, [
            f"Tier changes cannot be told: version {version} does not score this data set."
        ]
    return _count_moves(rows["champion_tier"].to_numpy(), rows["tier"].to_numpy()), []


def _count_moves(old: Any, new: Any) -> Moves:
    counts = {
        (before, after): int(np.sum((old == before) & (new == after)))
        for before in TIERS
        for after in TIERS
    }
    return Moves(counts, len(old))


def _objections(
    scorer: Scorer, home: Home, rows: pd.DataFrame | None, served: str | None
) -> list[str]:
    found = []
    policy = scorer.parts.policy
    in_force = policy_in_force(home, str(scorer.parts.card["dataset"]))
    if policy is not None and in_force is not None and policy.version != in_force.version:
        found.append(
            f"it was made for policy {policy.version} and policy {in_force.version} is in force; "
            "a 70 would change its meaning"
        )
    if rows is None:
        return found
    test = rows[rows["window"] == "test"]
    if policy is not None and len(test):
        times = hot_share_alarm(test["score"].to_numpy(), policy)
        if times is not None:
            found.append(
                f"its hot share on the newest leads is {times:.1f} times the policy's "
                f"({policy.hot_share:.1%}), more than sales was promised"
            )
    if served is not None and "champion_score" in test and test["won"].nunique() == 2:
        gap = auc_difference(
            test["champion_score"].to_numpy(dtype=float),
            test["score"].to_numpy(dtype=float),
            test["won"].to_numpy(),
        )
        if gap.low > 0:
            found.append(
                f"version {served} ranks the newest leads better: AUC {gap.value:.3f} higher "
                f"(95 % interval {gap.low:.3f} to {gap.high:.3f})"
            )
    return found


def _weeks(window: pd.DataFrame) -> float | None:
    if "as_of" not in window or len(window) == 0:
        return None
    span = window["as_of"].max() - window["as_of"].min()
    return float(span / pd.Timedelta(days=7))
