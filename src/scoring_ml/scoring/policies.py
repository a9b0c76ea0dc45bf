"""The policies of a home folder: one file per data set, at most one of its policies in force."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from scoring_ml.errors import IntegrityError
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.saving import write_json
from scoring_ml.settings import Home

VERSION: Final = 1
"""Of the form of the file; one without it has this one."""


def policy_in_force(home: Home, dataset: str) -> Policy | None:
    """Return the policy in force for a data set, or None before the first learned champion."""
    in_force, kept = _read(home, dataset)
    return None if in_force is None else kept[in_force - 1]


def policy_history(home: Home, dataset: str) -> tuple[Policy, ...]:
    """Return all policies of a data set, proposed or in force at some time, oldest first.

    Raises
    ------
    IntegrityError
        If the file is not what this module writes.
    """
    return _read(home, dataset)[1]


def propose(home: Home, dataset: str, policy: Policy) -> Policy:
    """Keep a newly fitted policy and return it with its version; it is not yet in force."""
    in_force, kept = _read(home, dataset)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    numbered = replace(policy, version=len(kept) + 1, created_at=moment)
    _write(home, dataset, in_force, (*kept, numbered))
    return numbered


def put_in_force(home: Home, dataset: str, version: int) -> None:
    """Put a proposed policy in force, in place of the one before.

    Raises
    ------
    IntegrityError
        As :func:`check_proposed` does.
    """
    check_proposed(home, dataset, version)
    in_force, kept = _read(home, dataset)
    if in_force != version:
        _write(home, dataset, version, kept)


def check_proposed(home: Home, dataset: str, version: int) -> None:
    """Check that a policy can be put in force.

    Raises
    ------
    IntegrityError
        If it was never proposed here.
    """
    proposed = len(policy_history(home, dataset))
    if not 1 <= version <= proposed:
        raise IntegrityError(
            "A policy must have been proposed in this home",
            found=f"policy {version} of {proposed}",
            do="Train again in this home",
        )


def _read(home: Home, dataset: str) -> tuple[int | None, tuple[Policy, ...]]:
    path = _path(home, dataset)
    if not path.exists():
        return None, ()
    try:
        content = json.loads(path.read_bytes())
        kept = tuple(Policy.restore(item) for item in content["policies"])
        in_force = content["in_force"]
        known = content.get("version", 1) == VERSION
        if not known or in_force not in (None, *range(1, len(kept) + 1)):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IntegrityError(
            "The file of policies must be as it was written",
            found=f"something else in policies/{path.name}",
            do="Restore it from a copy, or remove it to begin with a new policy",
        ) from None
    return in_force, kept


def _write(home: Home, dataset: str, in_force: int | None, kept: tuple[Policy, ...]) -> None:
    home.policies.mkdir(parents=True, exist_ok=True)
    policies = [item.dump() for item in kept]
    content = {"version": VERSION, "dataset": dataset, "in_force": in_force, "policies": policies}
    write_json(_path(home, dataset), content)


def _path(home: Home, dataset: str) -> Path:
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in dataset)[:60]
    return home.policies / f"{plain}-{sha256(dataset.encode()).hexdigest()[:8]}.json"
