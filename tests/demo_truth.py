"""True effects of the demo's fields on the log-odds, by what is known of them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.demo.activities import FADES
from scoring_ml.demo.effects import (
    ACTIVITY_RATES,
    BUYER_RATIO,
    FADES_DAYS,
    HURRIED,
    RESPONSE_FIELD,
    TRUE_EFFECTS,
    Attributes,
)
from scoring_ml.demo.funnel import evidence_of, hurry_evidence
from scoring_ml.demo.world import World

LONGEST_WINDOW_DAYS: Final = 30
"""Of crm.yaml; the main field of a kind of activity bears it in its name."""

NO_EFFECT: Final = (
    "country",
    "medium",
    "newsletter",
    "preferred_contact_hour",
    "web_visit_30d",
    "email_open_30d",
    "created_hour",
    "created_weekday",
)
"""Fields without any effect of their own. Hour, weekday and country tell a little about how fast
sales answers, and only by that about the chance; the country also tells about the language."""


def true_effects(
    world: World, lead: NDArray[np.int64], as_of: Moments
) -> dict[str, NDArray[np.float64]]:
    """Return the true log-odds that each field adds, by what is known of it.

    Parameters
    ----------
    lead : array of int, shape (m,)
    as_of : array of int64, shape (m,)
        A fact counts if it was known before.

    Returns
    -------
    dict of field name to array, shape (m,)
        Of every field that has an effect; 0 where nothing is known. Kinds of activities are
        named as their longest count and hold what tells them from others; ``engagement`` holds
        what they have in common: that the lead is lively, and how long after its creation. That
        urgent leads are still waiting counts for the urgency.
    """
    attributes = known_attributes(world, lead, as_of)
    effects = effects_by_field(attributes)
    recorded = world.recorded_at[lead] < as_of[:, None]
    entered = np.where(recorded, world.paths.entered_at[lead], NEVER)
    hurried = HURRIED.holds(attributes)
    effects[HURRIED.field] = effects[HURRIED.field] + hurry_evidence(entered, as_of, hurried)
    begin, end = world.events_before(as_of, lead)
    row = np.repeat(np.arange(len(lead)), end - begin)
    # The first event of each row stands where the events of the rows before it end.
    event = np.arange(len(row)) + (begin - np.cumsum(end - begin) + (end - begin))[row]
    known = world.activities.known_at[event] < as_of[row]
    row, event = row[known], event[known]
    kind = world.activities.kind[event]
    for item in ACTIVITY_RATES:
        if item.own_ratio == 1.0:
            continue
        times = np.bincount(row[kind == KINDS.index(item.kind)], minlength=len(lead))
        name = f"{item.kind}_{LONGEST_WINDOW_DAYS}d"
        effects[name] = np.log(item.own_ratio) * times
    created = world.people.created_at[world.activities.lead[event]]
    age = np.maximum(world.activities.occurred_at[event] - created, 0) / DAY / FADES_DAYS
    alive = np.where(FADES[kind], np.log(BUYER_RATIO) + age, 0.0)
    added = np.bincount(row, weights=alive, minlength=len(lead))
    effects["engagement"] = added.astype(np.float64)
    effects["stage"] = evidence_of(world.recorded_at[lead], as_of)
    return effects


def known_attributes(
    world: World, lead: NDArray[np.int64], as_of: Moments
) -> dict[str, NDArray[Any]]:
    """Return the attributes of leads as known before a moment, shape (m,) each."""
    values = {name: value[lead] for name, value in world.form.items()}
    values |= {name: answer.known(lead, as_of) for name, answer in world.answers.items()}
    hours = world.people.true[RESPONSE_FIELD][lead]
    answered = world.people.created_at[lead] + (hours * (DAY / 24)).astype(np.int64)
    done = (answered < as_of) & (answered < world.paths.closed_at[lead])
    return values | {RESPONSE_FIELD: np.where(done, hours, np.nan)}


def effects_by_field(attributes: Attributes) -> dict[str, NDArray[np.float64]]:
    """Log-odds that each attribute adds, shape (n,) each; an interaction is both fields' by half.

    Only effects whose fields are all among the attributes.
    """
    effects: dict[str, NDArray[np.float64]] = {}
    for effect in TRUE_EFFECTS:
        fields = (effect.field, *((effect.only.field,) if effect.only else ()))
        if all(field in attributes for field in fields):
            for field in fields:
                part = effect.added(attributes) / len(fields)
                effects[field] = effects.get(field, 0.0) + part
    return effects
