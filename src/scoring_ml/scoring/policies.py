"""The policies of a home folder: one file per data set, one of its versions in force."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from scoring_ml.errors import IntegrityError
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.saving import write_json
from scoring_ml.settings import Home


def policy_in_force(home: Home, dataset: str) -> Policy | None:
    """Return the policy in force for a data set, or None if there has been none."""
    kept = policy_history(home, dataset)
    return kept[-1] if kept else None


def policy_history(home: Home, dataset: str) -> tuple[Policy, ...]:
    """Return all policies of a data set, oldest first; the last one is in force.

    Raises
    ------
    IntegrityError
        If the file is not what this module writes.
    """
    path = _path(home, dataset)
    if not path.exists():
        return ()
    try:
        content = json.loads(path.read_bytes())
        return tuple(Policy.restore(item) for item in content["policies"])
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(
            "The file of policies must be as it was written",
            found=f"something else in policies/{path.name}",
            do="Restore it from a copy, or remove it to begin with a new policy",
        ) from None


def next_policy(home: Home, dataset: str, policy: Policy) -> Policy:
    """Return a newly fitted policy with the version and moment that it will have in force."""
    kept = policy_history(home, dataset)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return replace(policy, version=len(kept) + 1, created_at=moment)


def put_in_force(home: Home, dataset: str, policy: Policy) -> None:
    """Put a policy in force; putting the one in force again does nothing."""
    kept = policy_history(home, dataset)
    if kept and kept[-1] == policy:
        return
    home.policies.mkdir(parents=True, exist_ok=True)
    content = {"dataset": dataset, "policies": [item.dump() for item in (*kept, policy)]}
    write_json(_path(home, dataset), content)


def _path(home: Home, dataset: str) -> Path:
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in dataset)[:60]
    return home.policies / f"{plain}-{sha256(dataset.encode()).hexdigest()[:8]}.json"
