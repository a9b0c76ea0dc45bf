"""The demo's export: the facts of its world that the CRM knows, as they are read from files."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Activities, Export, FieldHistory, Leads, Stages
from scoring_ml.data.values.moments import Moments
from scoring_ml.data.values.vocabulary import tidy
from scoring_ml.demo.answers import RecordedAnswer
from scoring_ml.demo.calendar import EXTRACTED_AT
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS
from scoring_ml.demo.funnel import FUNNEL_STAGES, STAGE_OF_STATE
from scoring_ml.demo.world import World

LAST_CALLS: Final = (
    "agreed terms", "asked for the contract", "not interested", "no answer", "chose another",
)  # fmt: skip

EXTRACTED: Final = int(EXTRACTED_AT.astype(np.int64))
LEAD_WORDS: Final = ("country", "language", "source", "campaign", "medium", "industry")
LEAD_NUMBERS: Final = ("employees", "preferred_contact_hour", "newsletter")
CONTACT_FIELDS: Final = ("email", "phone")


def lead_ids(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Return ids of leads by their place, rising as texts, too."""
    return np.array([f"L-{number:07d}" for number in (numbers + 1).tolist()], dtype=object)


def account_ids(world: World) -> NDArray[Any]:
    """Return the account of each lead, shape (n,); None for a private person."""
    account = world.people.account
    names = [f"A-{number:07d}" for number in range(1, int(account.max()) + 2)]
    return np.array([*names, None], dtype=object)[account]


def typed_export(world: World) -> Export:
    """Return the facts of a world that are known at the export."""
    created = world.people.created_at
    everyone = np.arange(len(world))
    values: dict[str, NDArray[Any]] = {
        name: _texts(ATTRIBUTE_LEVELS[name], world.form[name]) for name in LEAD_WORDS
    }
    values |= {name: world.form[name] for name in LEAD_NUMBERS}
    values["touches_total"] = touches_total(world).astype(np.float64)
    values["last_call_result"] = _texts(LAST_CALLS, world.last_call)
    histories = {}
    for name in CONTACT_FIELDS:
        written = world.contact_details.texts(name)
        texts = np.array([None if text is None else tidy(text) for text in written], dtype=object)
        histories[name] = FieldHistory(everyone, texts, created, created)
    for name, answer in world.answers.items():
        lead, value, changed, known = answer_rows(answer)
        typed = _texts(ATTRIBUTE_LEVELS[name], value) if name in ATTRIBUTE_LEVELS else value
        histories[name] = FieldHistory(lead, typed, changed, known)
    lead, state, entered, known = stage_rows(world)
    stage = np.take(STAGE_OF_STATE, state).astype(np.int16)
    return Export(
        leads=Leads(lead_ids(everyone), created, account_ids(world), values),
        histories=histories,
        activities=known_activities(world),
        stages=Stages(lead, stage, entered, known, FUNNEL_STAGES),
        deals=world.deals,
        spend=world.spend,
        extracted_at=EXTRACTED,
    )


def _texts(levels: tuple[str, ...], places: NDArray[Any]) -> NDArray[Any]:
    texts: NDArray[Any] = np.array([*levels, None], dtype=object)[places]
    return texts


def answer_rows(answer: RecordedAnswer) -> tuple[NDArray[np.int64], NDArray[Any], Moments, Moments]:
    """Return one attribute's changes known at the export, by lead, then moment.

    Returns
    -------
    lead, value, changed_at, known_at : arrays, shape (m,)
    """
    first = np.flatnonzero(answer.first_known_at <= EXTRACTED)
    second = np.flatnonzero(answer.second_known_at <= EXTRACTED)
    lead = np.concatenate([first, second])
    value = np.concatenate([answer.first[first], answer.second[second]])
    changed = np.concatenate([answer.first_at[first], answer.second_at[second]])
    known = np.concatenate([answer.first_known_at[first], answer.second_known_at[second]])
    order = np.lexsort((known, changed, lead))
    return lead[order], value[order], changed[order], known[order]


def stage_rows(world: World) -> tuple[NDArray[np.int64], NDArray[np.int64], Moments, Moments]:
    """Return entries of states known at the export, by lead, then moment.

    Returns
    -------
    lead, state, entered_at, known_at : arrays, shape (m,)
    """
    # States stand in the order in which a lead can enter them, so rows come out in order.
    lead, state = np.nonzero(world.recorded_at <= EXTRACTED)
    entered = world.paths.entered_at[lead, state]
    return lead, state, entered, world.recorded_at[lead, state]


def known_activities(world: World) -> Activities:
    """Return the activities known at the export."""
    acts = world.activities
    known = acts.known_at <= EXTRACTED
    campaign, campaigns = _in_order(acts.campaign, acts.campaigns, known)
    channel, channels = _in_order(acts.channel, acts.channels, known)
    return Activities(
        lead=acts.lead[known],
        kind=acts.kind[known],
        by_lead=acts.by_lead[known],
        occurred_at=acts.occurred_at[known],
        known_at=acts.known_at[known],
        amount=acts.amount[known],
        campaign=campaign,
        channel=channel,
        campaigns=campaigns,
        channels=channels,
    )


def _in_order(
    codes: NDArray[np.int32] | None, words: tuple[str, ...], rows: NDArray[np.bool_]
) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """Return some rows' codes with the words that occur among them, in the alphabet's order."""
    if codes is None:
        return None, ()
    some = codes[rows]
    times = np.bincount(some + 1, minlength=len(words) + 1)[1:]
    present = tuple(sorted(word for word, count in zip(words, times, strict=True) if count))
    places = [present.index(word) if word in present else -1 for word in words]
    return np.array([*places, -1], dtype=np.int32)[some], present


def touches_total(world: World) -> NDArray[np.int64]:
    """Return how many activities of each lead the export has, shape (n,): a count that goes on."""
    return np.bincount(known_activities(world).lead, minlength=len(world))
