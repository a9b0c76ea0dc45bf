"""The families of computed features, each declared once, its main column first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scoring_ml.data.history import History
from scoring_ml.data.schema import Column
from scoring_ml.features.feature import ACTIVITIES, CREATED_AT, FIELDS, STAGES, Feature

_SAYS_LITTLE: Final = frozenset({"email_open"})
"""Kinds of which more need not be better: mail programs open mails by themselves."""

_TOUCH_CRITERIA: Final = {"campaign": "campaign", "channel": "source"}

_activity_feature = partial(
    Feature, criterion="engagement", known="activity", needs=frozenset({ACTIVITIES})
)


def windows(history: History) -> tuple[int, ...]:
    """Return the windows in days, each once, the largest first."""
    return tuple(sorted(set(history.windows_days), reverse=True))


def by_kind(history: History) -> list[Feature]:
    """Return what leads did, kind by kind: how often, how long ago, how much of it."""
    features = []
    largest, *smaller = windows(history)
    for kind in history.kinds:
        up, down = (None, None) if kind in _SAYS_LITTLE else ("increasing", "decreasing")
        main = f"{kind}_{largest}d"
        feature = partial(_activity_feature, kind=kind)
        member = partial(feature, part_of=main)
        features += [
            feature(main, "count", days=largest, monotone=up),
            *(member(f"{kind}_{days}d", "count", days=days, monotone=up) for days in smaller),
            member(f"days_since_{kind}", "days_since", unit="days", monotone=down),
        ]
        if kind in history.amounts:
            name = f"{kind}_amount_{largest}d"
            features.append(member(name, "amount", days=largest, monotone=up))
    return features


def by_the_lead(history: History) -> list[Feature]:
    """Return what leads did, all kinds together."""
    if not history.kinds:
        return []
    largest = max(history.windows_days)
    more = partial(_activity_feature, monotone="increasing")
    member = partial(more, part_of="engagement")
    return [
        more("engagement", "engagement", days=history.half_life_days),
        *(member(f"activities_{days}d", "activities", days=days) for days in windows(history)),
        member(f"activity_kinds_{largest}d", "activity_kinds", days=largest),
        member(f"active_days_{largest}d", "active_days", days=largest, unit="days"),
        member("days_since_activity", "days_since_activity", unit="days", monotone="decreasing"),
    ]


def stages(history: History) -> list[Feature]:
    """Return where leads stand in the funnel."""
    if not history.stages:
        return []
    feature = partial(Feature, known="stage", needs=frozenset({STAGES}))
    return [
        feature("stage", "stage", type="category"),
        feature("days_in_stage", "days_in_stage", unit="days", part_of="stage"),
        feature("stage_steps_back", "stage_steps_back", part_of="stage"),
    ]


def touches(history: History, fields: Sequence[Column]) -> list[Feature]:
    """Return the campaign and the channel of the first and the last touch."""
    features = []
    for touch in history.touches:
        criterion = _TOUCH_CRITERIA[touch]
        main = next((field.name for field in fields if field.criterion == criterion), None)
        first, last = f"first_touch_{touch}", f"last_touch_{touch}"
        feature = partial(_activity_feature, type="category", criterion=criterion)
        features += [
            feature(first, first, part_of=main),
            feature(last, last, part_of=main or first),
        ]
    return features


def response(history: History) -> list[Feature]:
    """Return what sales did; nothing unless leads are scored after the hand-over."""
    if not history.after_hand_over or history.hand_over not in (None, *history.stages):
        return []  # without its stage nothing tells when sales took over
    needs = frozenset({ACTIVITIES} if history.hand_over is None else {ACTIVITIES, STAGES})
    main = "hours_to_first_response"
    feature = partial(Feature, known="hand_over", after_hand_over=True)
    member = partial(feature, key="sales_activities", needs=needs, part_of=main)
    return [
        feature(main, main, needs=needs | {CREATED_AT}, unit="hours"),
        *(member(f"sales_activities_{days}d", days=days) for days in windows(history)),
    ]


def contact(fields: Sequence[Column]) -> list[Feature]:
    """Return the kind of address in each e-mail field."""
    feature = partial(
        Feature, key="email_kind", type="category", known="contact", needs=frozenset({FIELDS})
    )
    # The family's own criterion, so that its points stand in one place.
    return [
        feature(f"{field.name}_kind", criterion=field.criterion, part_of=field.name, field=field)
        for field in fields
        if field.type == "email"
    ]


def creation() -> list[Feature]:
    """Return when leads were created, and how old they are."""
    feature = partial(Feature, known="creation", needs=frozenset({CREATED_AT}))
    return [
        feature("created_hour", "created_hour"),
        feature("created_weekday", "created_weekday", type="category"),
        feature("age_days", "age_days", unit="days"),
    ]


def completeness(fields: Sequence[Column]) -> list[Feature]:
    """Return how much of what could be asked is known; nothing where nothing can be."""
    if not any(field.askable for field in fields):
        return []
    return [Feature("completeness", "completeness", known="fields", needs=frozenset({FIELDS}))]
