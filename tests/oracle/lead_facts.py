"""The facts of leads, lead by lead and in words.

Gathered in plain Python from the export's columns; nothing is left out or judged here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.facts import LOST, MERGED_LEADS, OPEN, WON, Activities, Export, Stages
from scoring_ml.data.values.moments import NEVER
from tests.oracle.lead_standing import OWN, OneSaying
from tests.oracle.naive_features import OneActivity, OneStage


@dataclass
class LeadFacts:
    """All that an export knows of one lead, early and late."""

    created_at: int
    activities: list[OneActivity] = field(default_factory=list)
    stages: list[OneStage] = field(default_factory=list)
    sayings: list[OneSaying] = field(default_factory=list)
    changes: dict[str, list[tuple[int, int, Any]]] = field(default_factory=dict)


def gather_facts(
    export: Export, won_stages: Collection[str] = (), lost_stages: Collection[str] = ()
) -> dict[int, LeadFacts]:
    """Put the facts of all leads together, lead by lead."""
    facts = {lead: LeadFacts(int(at)) for lead, at in enumerate(export.leads.created_at)}
    if export.activities is not None:
        for lead, activity in _activities(export.activities):
            facts[lead].activities.append(activity)
    if export.stages is not None:
        for row, (lead, stage) in enumerate(_stages(export.stages)):
            facts[lead].stages.append(stage)
            code = -1 if export.stages.deal is None else int(export.stages.deal[row])
            merged = code >= 0 and export.stages.deals[code] == MERGED_LEADS
            code = code if merged or getattr(export.deals, "ids", ()) else -1
            deal = OWN if code < 0 else f"deal {export.stages.deals[code]}"
            says = {**dict.fromkeys(lost_stages, "lost"), **dict.fromkeys(won_stages, "won")}
            facts[lead].sayings.append(
                OneSaying(deal, says.get(stage.name, "open"), stage.entered_at, stage.known_at)
            )
    if export.deals is not None:
        for lead, of_lead in facts.items():
            of_lead.sayings += _deal_sayings(export, lead)
    for name, history in export.histories.items():
        changes: dict[int, list[tuple[int, int, Any]]] = defaultdict(list)
        for row in range(len(history)):
            change = (int(history.changed_at[row]), int(history.known_at[row]), history.value[row])
            changes[int(history.lead[row])].append(change)
        for lead, of_lead in facts.items():
            of_lead.changes[name] = changes[lead]
    return facts


def _deal_sayings(export: Export, lead: int) -> list[OneSaying]:
    """What the deals of a lead say: their openings, their closings, and that they are open."""
    deals = export.deals
    assert deals is not None
    found: list[OneSaying] = []
    silent: list[str] = []
    for row in np.flatnonzero(deals.lead == lead).tolist():
        code = -1 if deals.deal is None else int(deals.deal[row])
        name = f"row {row}" if code < 0 else f"deal {deals.ids[code]}"
        says = {WON: "won", LOST: "lost", OPEN: "open"}[int(deals.outcome[row])]
        at, known_at = int(deals.closed_at[row]), int(deals.known_at[row])
        opened = NEVER if deals.opened_at is None else int(deals.opened_at[row])
        if opened != NEVER:
            opened = min(opened, at)
            found.append(OneSaying(name, "open", opened, opened))
        if says != "open":
            found.append(OneSaying(name, says, at, known_at))
        elif known_at != NEVER:
            found.append(OneSaying(name, says, known_at, known_at))
        elif opened == NEVER:
            silent.append(name)
    last = export.extracted_at - 1
    timed = {saying.deal for saying in found}
    return found + [OneSaying(name, "open", last, last) for name in silent if name not in timed]


def _activities(activities: Activities) -> list[tuple[int, OneActivity]]:
    def word(codes: Any, words: Sequence[str], row: int) -> str | None:
        return None if codes is None or codes[row] < 0 else words[codes[row]]

    return [
        (
            int(activities.lead[row]),
            OneActivity(
                kind=KINDS[activities.kind[row]],
                by_lead=bool(activities.by_lead[row]),
                occurred_at=int(activities.occurred_at[row]),
                known_at=int(activities.known_at[row]),
                amount=float(activities.amount[row]),
                touch={
                    "campaign": word(activities.campaign, activities.campaigns, row),
                    "channel": word(activities.channel, activities.channels, row),
                },
            ),
        )
        for row in range(len(activities))
    ]


def _stages(stages: Stages) -> list[tuple[int, OneStage]]:
    return [
        (
            int(stages.lead[row]),
            OneStage(
                stages.names[stages.stage[row]],
                int(stages.entered_at[row]),
                int(stages.known_at[row]),
            ),
        )
        for row in range(len(stages))
    ]
