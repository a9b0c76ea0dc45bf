"""Promote, roll back, change the policy: each with a report before anything is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.promotion_gate import Moves, SameLeads, objections, same_leads
from pipelines.switch import finish_switch, switch_to, under_policy
from scoring_ml.errors import InputError, IntegrityError, NothingServed, ScoringError
from scoring_ml.evaluation.choice import weeks_of
from scoring_ml.evaluation.scored_rows import CALIBRATION_ROWS
from scoring_ml.scoring.champion import load_champion, load_rehearsed, read_champion, rehearse
from scoring_ml.scoring.policy import NoPolicy, Policy, fit_policy
from scoring_ml.scoring.policy_settings import policy_settings
from scoring_ml.scoring.saving import json_ready
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import Registry, Store


@dataclass(frozen=True)
class Promotion:
    """What a promotion, a rollback or a change of policy did; ``version`` is served now.

    Parameters
    ----------
    moves : Moves or None
        Tier changes of the same leads; ``None`` where there was nothing to compare with.
    leads : SameLeads or None
        The leads of a promotion's training, scored by both versions.
    objections : tuple of str
        What spoke against it and was overruled with a written reason.
    policy : Policy or None
        The policy in force after a change of policy.
    """

    version: str
    previous: str | None
    moves: Moves | None
    objections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    policy: Policy | None = None
    leads: SameLeads | None = None

    def render(self) -> str:
        """Return the result as text for a terminal."""
        before = "" if self.previous is None else f" (before: version {self.previous})"
        lines = [f"Version {self.version} is served now{before}."]
        if self.policy is not None:
            policy = self.policy
            lines.append(f"Policy {policy.version} by {policy.method}, on {policy.leads:,} leads:")
            for tier, anchor in (("hot", policy.p_hot), ("warm", policy.p_warm)):
                wanted, resulting = policy.wanted[tier], policy.resulting[tier]
                lines.append(
                    f"  {tier:<4} from {anchor:.1%}: {resulting:,} leads ({wanted:,} wanted)"
                )
        lines += [f"overruled: {text}" for text in self.objections]
        lines += [f"note: {text}" for text in self.notes]
        if self.moves is not None:
            lines.append(self.moves.table())
        if self.leads is not None:
            missed = self.leads.missed
            lines.append(
                f"Among the newest leads {missed['wins_below_hot']:,} won below the hot line, and "
                f"{missed['hot_but_lost']:,} hot ones lost."
            )
            moves = self.leads.largest_moves if self.previous is not None else []
            lines += [f"  {m['lead_id']}: {m['from']} -> {m['to']}" for m in moves]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON document."""
        document = {
            "version": self.version,
            "previous": self.previous,
            "tier_changes": None if self.moves is None else self.moves.to_json(),
            "missed": None if self.leads is None else self.leads.missed,
            "largest_moves": [] if self.leads is None else self.leads.largest_moves,
            "objections": list(self.objections),
            "notes": list(self.notes),
            "policy": None if self.policy is None else self.policy.dump(),
        }
        return dict(json_ready(document))


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
    finish_switch(home)
    registry = Registry(Store(home))
    folder = registry.scorer_folder(version)
    scorer = load_rehearsed(folder, version)
    served, damage = _served(home)
    leads = same_leads(
        home, registry.training_of(version), old=served, new=scorer, registry=registry
    )
    against = [*damage, *objections(scorer, home, served=served, leads=leads)]
    previous = None if served is None else served.version
    moves = None if leads is None or served is None else leads.moves
    notes = []
    if served is not None and leads is None:
        notes.append(f"Tier changes cannot be told: version {previous} knows other leads.")
    if against and not force:
        report = "" if moves is None else f"\n{moves.table()}\n"
        raise InputError(
            f"Version {version} must pass the gate before it is served",
            found="; ".join(against) + report,
            do='Train again, or overrule with --force --reason "..."',
        )
    switch_to(scorer, folder, home=home, reason=reason if force else None)
    return Promotion(version, previous, moves, tuple(against), tuple(notes), leads=leads)


def rollback(*, home: Home) -> Promotion:
    """Serve the version that was champion before.

    Raises
    ------
    InputError
        If there was none before.
    IntegrityError
        If that version's files are not what was logged.
    """
    finish_switch(home)
    registry = Registry(Store(home))
    version = registry.previous_champion()
    if version is None:
        raise InputError(
            "There must have been a champion before this one",
            found="none",
            do="Promote another version with scoring-ml promote",
        )
    folder = registry.scorer_folder(version)
    scorer = load_rehearsed(folder, version)
    served, damage = _served(home)
    leads = None
    if served is not None and registry.has(served.version):
        # On the newest leads that either version was tested on: those of the one being left.
        run_id = registry.training_of(served.version)
        leads = same_leads(home, run_id, old=served, new=scorer, registry=registry)
    switch_to(scorer, folder, home=home, back=True)
    previous = None if served is None else served.version
    moves = None if leads is None else leads.moves
    return Promotion(version, previous, moves, notes=tuple(damage))


def set_policy(
    method: str, *, home: Home, options: Mapping[str, float | None] | None = None
) -> Promotion:
    """Fit another policy on the champion's blocks and serve it as a new version.

    Options take the place of the method's values in ``models/policy.yaml``.

    Raises
    ------
    InputError
        If no learned model is served, or the method cannot be applied.
    """
    finish_switch(home)
    scorer = load_champion(home)
    if scorer.parts.policy is None:
        raise InputError(
            "A policy needs a learned champion",
            found="the hand-built matrix, which answers its plain total",
            do="Promote a learned version first",
        )
    registry = Registry(Store(home))
    run_id = registry.training_of(scorer.version)
    fitted = _fitted_policy(scorer, _calibration_rows(home, run_id), method, options or {})
    changed = under_policy(scorer, fitted, home, version=scorer.version)
    leads = same_leads(home, run_id, old=scorer, new=changed, registry=registry)
    registered = registry.register_again(changed, source_version=scorer.version)
    folder = registry.scorer_folder(registered.version)
    rehearse(folder, registered.version)
    switch_to(registered, folder, home=home)
    moves = None if leads is None else leads.moves
    policy = changed.parts.policy
    return Promotion(registered.version, scorer.version, moves, notes=fitted.notes, policy=policy)


def _fitted_policy(
    scorer: Scorer, window: pd.DataFrame, method: str, options: Mapping[str, float | None]
) -> Policy:
    given = {name: value for name, value in options.items() if value is not None}
    settings = policy_settings()
    settings = settings.with_options(method, given) if given else settings
    policy = fit_policy(
        window["logodds"].to_numpy(),
        matrix_total=window["matrix_total"].to_numpy(),
        mapped_criteria=len(scorer.encoder.matrix.mapped),
        weeks=weeks_of(window["as_of"].to_numpy() if "as_of" in window else None),
        method=method,
        settings=settings,
    )
    if isinstance(policy, NoPolicy):
        raise InputError(
            f"A policy by {method} must leave the score a meaning",
            found=policy.reason,
            do="Choose other values or another method",
        )
    return policy


def served_version(home: Home) -> str | None:
    """Return the version that is served, or None."""
    try:
        return read_champion(home).version
    except NothingServed:
        return None


def _served(home: Home) -> tuple[Scorer | None, list[str]]:
    """Return what is served, and why it cannot be compared with."""
    try:
        return load_champion(home), []
    except NothingServed:
        return None, []
    except IntegrityError as error:
        # Another version must still be able to take its place.
        return None, [f"what is served cannot be compared with ({error})"]


def _calibration_rows(home: Home, run_id: str) -> pd.DataFrame:
    path = home.runs / run_id / CALIBRATION_ROWS
    if not path.is_file():
        raise ScoringError(
            f"The rows of the training run must be there. Found: no {path.name} in "
            f"runs/{run_id}. Train again."
        )
    return pd.read_parquet(path)
