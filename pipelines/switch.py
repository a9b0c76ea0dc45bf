"""The switch of the served version, in steps that a command which died can leave to the next.

Three places tell which version is served: ``champion.json`` (read by the workers), the policy in
force (by the next training) and the alias ``champion`` (by people, in MLflow). No write changes
all three, so the switch is written down before the first of them, in ``switch.json``:

1. A child process has loaded the version; its folder is complete; nothing names it yet.
2. ``switch.json`` says version, policy and reason.
3. ``champion.json`` names the version. From here on the switch holds.
4. The version's policy comes into force.
5. The alias moves, and with it the way back.
6. ``switch.json`` goes.

A process that dies before 3 has changed nothing that anybody reads. What one that died later has
left undone, the next ``train``, ``promote``, ``rollback`` or ``policy set`` does first; each step
can be done twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scoring_ml.errors import IntegrityError, NothingServed
from scoring_ml.scoring.champion import (
    Champion,
    accept_fields,
    export_version,
    name_champion,
    read_champion,
)
from scoring_ml.scoring.policies import check_proposed, propose, put_in_force
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.saving import write_json
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from scoring_ml.tracking import Registry, Store


@dataclass(frozen=True)
class Switch:
    """A switch that is under way, as ``switch.json`` holds it.

    ``version`` and ``sha256`` are those of ``champion.json``; without ``policy``, its number, the
    policy in force stays. ``reason`` is why an objection was overruled; ``back`` goes to an earlier
    champion.
    """

    version: str
    sha256: str
    dataset: str
    policy: int | None
    reason: str | None
    back: bool


def switch_to(
    scorer: Scorer, folder: Path, *, home: Home, reason: str | None = None, back: bool = False
) -> None:
    """Serve a version that a child process has loaded from its folder.

    Its policy comes into force and the alias moves, as :meth:`Registry.promote` says.

    Raises
    ------
    IntegrityError
        If the files are not what their manifest says, or the policy was not proposed in this
        home. What was served before is then served on.
    """
    dataset, policy = str(scorer.parts.card["dataset"]), scorer.parts.policy
    number = None if policy is None else policy.version
    if number is not None:
        check_proposed(home, dataset, number)
    accept_fields(home, scorer.accepted_names)
    champion = export_version(home, folder, scorer.version)
    switch = Switch(champion.version, champion.sha256, dataset, number, reason, back)
    write_json(home.switch_file, asdict(switch))
    name_champion(home, champion)
    _finish(switch, home)


def under_policy(scorer: Scorer, policy: Policy, home: Home, **origin: str) -> Scorer:
    """Return a Scorer under a newly fitted policy, which comes into force when it is promoted.

    Parameters
    ----------
    origin
        More of what the policy was fitted on than its blocks.
    """
    dataset = str(scorer.parts.card["dataset"])
    window = {"window": "calibrate", "leads": policy.leads}
    fitted_on = {"dataset": dataset, "kind": scorer.kind, **window, **origin}
    proposed = propose(home, dataset, replace(policy, fitted_on=fitted_on))
    return Scorer(replace(scorer.parts, policy=proposed))


def finish_switch(home: Home) -> None:
    """Finish the switch that a command which died has left, if it had come to hold.

    Raises
    ------
    IntegrityError
        If ``switch.json`` is not what this module writes.
    """
    try:
        switch = Switch(**json.loads(home.switch_file.read_bytes()))
    except FileNotFoundError:
        return
    except (ValueError, TypeError):
        raise IntegrityError(
            "switch.json must hold a switch of the served version",
            found="something else",
            do="Remove it and promote a version again",
        ) from None
    try:
        holds = read_champion(home) == Champion(switch.version, switch.sha256)
    except (NothingServed, IntegrityError):
        holds = False
    if holds:
        _finish(switch, home)
    else:
        home.switch_file.unlink(missing_ok=True)


def _finish(switch: Switch, home: Home) -> None:
    if switch.policy is not None:
        put_in_force(home, switch.dataset, switch.policy)
    registry = Registry(Store(home))
    registry.promote(switch.version, reason=switch.reason, back=switch.back)
    home.switch_file.unlink(missing_ok=True)
