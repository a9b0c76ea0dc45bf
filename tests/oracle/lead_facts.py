"""The facts of leads, lead by lead and in words.

Gathered in plain Python from the export's columns; nothing is left out or judged here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.facts import WON, Activities, Export, Stages
from scoring_ml.data.values.moments import NEVER
from tests.oracle.naive_features import OneActivity, OneStage


@dataclass(frozen=True)
class OneClose:
    """One closing of a deal."""

    won: bool
    closed_at: int
    known_at: int


@dataclass
class LeadFacts:
    """All that an export knows of one lead, early and late."""

    created_at: int
    activities: list[OneActivity] = field(default_factory=list)
    stages: list[OneStage] = field(default_factory=list)
    closes: list[OneClose] = field(default_factory=list)
    changes: dict[str, list[tuple[int, int, Any]]] = field(default_factory=dict)


def gather_facts(export: Export) -> dict[int, LeadFacts]:
    """Put the facts of all leads together, lead by lead."""
    facts = {lead: LeadFacts(int(at)) for lead, at in enumerate(export.leads.created_at)}
    if export.activities is not None:
        for lead, activity in _activities(export.activities):
            facts[lead].activities.append(activity)
    if export.stages is not None:
        for lead, stage in _stages(export.stages):
            facts[lead].stages.append(stage)
    if export.deals is not None:
        deals = export.deals
        for row in range(len(deals.lead)):
            if int(deals.closed_at[row]) != NEVER:
                close = OneClose(
                    int(deals.outcome[row]) == WON,
                    int(deals.closed_at[row]),
                    int(deals.known_at[row]),
                )
                facts[int(deals.lead[row])].closes.append(close)
    for name, history in export.histories.items():
        changes: dict[int, list[tuple[int, int, Any]]] = defaultdict(list)
        for row in range(len(history)):
            change = (int(history.changed_at[row]), int(history.known_at[row]), history.value[row])
            changes[int(history.lead[row])].append(change)
        for lead, of_lead in facts.items():
            of_lead.changes[name] = changes[lead]
    return facts


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
