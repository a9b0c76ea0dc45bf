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


def windows(history: History) -> tuple[int, ...]:
    """Return the windows in days, each once, the largest first."""
    return tuple(sorted(set(history.windows_days), reverse=True))


def count_name(kind: str, days: int) -> str:
    """Return the name of a kind's count in a window, such as ``web_visit_30d``."""
    return f"{kind}_{days}d"


def recency_name(kind: str) -> str:
    """Return the name of the days since a kind's last activity."""
    return f"days_since_{kind}"


def amount_name(kind: str, days: int) -> str:
    """Return the name of a kind's amounts, added up in a window."""
    return f"{kind}_amount_{days}d"


def email_kind_name(field: str) -> str:
    """Return the name of the kind of address in an e-mail field.

    >>> email_kind_name("email"), email_kind_name("work_mail")
    ('email_kind', 'work_mail_kind')
    """
    return f"{field}_kind"


_activity_feature = partial(
    Feature,
    type="number",
    criterion="engagement",
    known="activity",
    needs=frozenset({ACTIVITIES}),
)


def by_kind(history: History) -> list[Feature]:
    """Return what leads did, kind by kind: how often, how long ago, how much of it."""
    features = []
    largest = max(history.windows_days)
    for kind in history.kinds:
        main = count_name(kind, largest)
        up = None if kind in _SAYS_LITTLE else "increasing"
        down = None if up is None else "decreasing"
        feature = partial(_activity_feature, kind=kind)
        for days in windows(history):
            part_of = None if days == largest else main
            features.append(
                feature(count_name(kind, days), "count", days=days, monotone=up, part_of=part_of)
            )
        features.append(
            feature(recency_name(kind), "days_since", unit="days", monotone=down, part_of=main)
        )
        if kind in history.amounts:
            name = amount_name(kind, largest)
            features.append(feature(name, "amount", days=largest, monotone=up, part_of=main))
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
        *(member(count_name("activities", d), "activities", days=d) for d in windows(history)),
        member(count_name("activity_kinds", largest), "activity_kinds", days=largest),
        member(count_name("active_days", largest), "active_days", days=largest, unit="days"),
        member("days_since_activity", "days_since_activity", unit="days", monotone="decreasing"),
    ]


def stages(history: History) -> list[Feature]:
    """Return where leads stand in the funnel."""
    if not history.stages:
        return []

    def feature(name: str, type_: str, unit: str | None = None) -> Feature:
        return Feature(
            name=name,
            key=name,
            type=type_,
            criterion="other",
            known="stage",
            needs=frozenset({STAGES}),
            unit=unit,
            part_of=None if name == "stage" else "stage",
        )

    return [
        feature("stage", "category"),
        feature("days_in_stage", "number", "days"),
        feature("stage_steps_back", "number"),
    ]


def touches(history: History, fields: Sequence[Column]) -> list[Feature]:
    """Return the campaign and the channel of the first and the last touch."""
    features = []
    for touch in history.touches:
        criterion = _TOUCH_CRITERIA[touch]
        main = next((field.name for field in fields if field.criterion == criterion), None)
        first = f"first_touch_{touch}"
        for name in (first, f"last_touch_{touch}"):
            features.append(
                Feature(
                    name=name,
                    key=name,
                    type="category",
                    criterion=criterion,
                    known="activity",
                    needs=frozenset({ACTIVITIES}),
                    part_of=main or (None if name == first else first),
                )
            )
    return features


def response(history: History) -> list[Feature]:
    """Return what sales did; nothing unless leads are scored after the hand-over."""
    if not history.after_hand_over or history.hand_over not in (None, *history.stages):
        return []  # without its stage nothing tells when sales took over
    needs = {ACTIVITIES} if history.hand_over is None else {ACTIVITIES, STAGES}
    main = "hours_to_first_response"

    def feature(name: str, key: str, **more: object) -> Feature:
        return Feature(
            name=name,
            key=key,
            type="number",
            criterion="other",
            known="hand_over",
            needs=frozenset(needs | ({CREATED_AT} if name == main else set())),
            part_of=None if name == main else main,
            after_hand_over=True,
            **more,  # type: ignore[arg-type]
        )

    return [
        feature(main, main, unit="hours"),
        *(
            feature(count_name("sales_activities", days), "sales_activities", days=days)
            for days in windows(history)
        ),
    ]


def contact(fields: Sequence[Column]) -> list[Feature]:
    """Return the kind of address in each e-mail field."""
    return [
        Feature(
            name=email_kind_name(field.name),
            key="email_kind",
            type="category",
            # The family's own criterion, so that its points stand in one place.
            criterion=field.criterion,
            known="contact",
            needs=frozenset({FIELDS}),
            part_of=field.name,
            field=field,
        )
        for field in fields
        if field.type == "email"
    ]


def creation() -> list[Feature]:
    """Return when leads were created, and how old they are."""
    return [
        Feature(
            name=name,
            key=name,
            type=type_,
            criterion="other",
            known="creation",
            needs=frozenset({CREATED_AT}),
            unit=unit,
        )
        for name, type_, unit in (
            ("created_hour", "number", None),
            ("created_weekday", "category", None),
            ("age_days", "number", "days"),
        )
    ]


def completeness(fields: Sequence[Column]) -> list[Feature]:
    """Return how much of what could be asked is known; nothing where nothing can be."""
    if not any(field.askable for field in fields):
        return []
    return [
        Feature(
            name="completeness",
            key="completeness",
            type="number",
            criterion="other",
            known="fields",
            needs=frozenset({FIELDS}),
        )
    ]
