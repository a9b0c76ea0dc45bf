"""Every feature of one lead, computed a second time in plain Python.

It shares no code with :mod:`scoring_ml.features.compute` and says each feature as its sentence in
the catalogue says it. It is slow on purpose; what it must be is obvious.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from scoring_ml.data.history import History
from scoring_ml.data.schema import Column, Schema
from scoring_ml.features.contact_kinds import email_kind_of
from scoring_ml.features.creation_features import WEEKDAYS
from scoring_ml.features.feature import Feature

_SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60 * _SECOND


@dataclass(frozen=True)
class OneActivity:
    """One activity, in words."""

    kind: str
    by_lead: bool
    occurred_at: int
    known_at: int
    amount: float
    touch: Mapping[str, str | None]


@dataclass(frozen=True)
class OneStage:
    """One stage that a lead entered."""

    name: str
    entered_at: int
    known_at: int


class NaiveFeatures:
    """Every feature of one lead, from the facts that count, as its sentence says it."""

    def __init__(
        self,
        created_at: int,
        as_of: int,
        activities: Sequence[OneActivity],
        stages: Sequence[OneStage],
        schema: Schema,
        values: Mapping[str, list[Any]],
    ) -> None:
        self.created_at = created_at
        self.as_of = as_of
        self.mine = [activity for activity in activities if activity.by_lead]
        self.ours = [activity for activity in activities if not activity.by_lead]
        self.both = activities
        self.schema = schema
        self.values = values
        self.order = {} if schema.history is None else _places(schema.history)
        self.stages = sorted(
            (stage for stage in stages if stage.name in self.order),
            key=lambda stage: (stage.entered_at, stage.known_at, self.order[stage.name]),
        )

    def feature(self, feature: Feature, history: History) -> list[Any]:
        """Return what a feature may be."""
        if feature.key == "email_kind" and feature.field is not None:
            kind = email_kind_of(history.free_mail, history.disposable_mail)
            texts = self.values.get(feature.field.name, [None])
            return [None if text is None else kind(text) for text in texts]
        if feature.key == "completeness":
            return [*self._completeness()]
        if feature.after_hand_over and history.hand_over is not None:
            due = self.order[history.hand_over]
            if not any(self.order[stage.name] >= due for stage in self.stages):
                return [math.nan]
        counted = {"count": 0, "amount": 0, "activities": 0, "activity_kinds": 0, "active_days": 0}
        counted |= {"sales_activities": 0, "engagement": max(history.windows_days)}
        if feature.key in counted:
            days = counted[feature.key] or feature.days or 0
            if max(self.created_at, self.as_of - days * _DAY) < history.activities_since:
                return [math.nan]
        compute: Callable[[Feature, History], Any] = getattr(self, f"_{feature.key}")
        return [compute(feature, history)]

    def _last(self, days: float | None, among: Sequence[OneActivity]) -> list[OneActivity]:
        start = self.as_of - round((days or 0) * _DAY)
        return [activity for activity in among if start <= activity.occurred_at]

    def _count(self, feature: Feature, history: History) -> float:
        among = [activity for activity in self.mine if activity.kind == feature.kind]
        return float(len(self._last(feature.days, among)))

    def _days_since(self, feature: Feature, history: History) -> float:
        moments = [activity.occurred_at for activity in self.mine if activity.kind == feature.kind]
        return (self.as_of - max(moments)) / _DAY if moments else math.nan

    def _amount(self, feature: Feature, history: History) -> float:
        return math.fsum(
            # Kept to a thousandth or so, and to a thousand million.
            round(min(activity.amount, 1e9) * 1024) / 1024
            for activity in self._last(feature.days, self.mine)
            if activity.kind == feature.kind and activity.amount > 0
        )

    def _engagement(self, feature: Feature, history: History) -> float:
        hour = 3600 * _SECOND
        return math.fsum(
            0.5 ** ((self.as_of - activity.occurred_at) // hour / (24 * history.half_life_days))
            for activity in self.mine
        )

    def _activities(self, feature: Feature, history: History) -> float:
        return float(len(self._last(feature.days, self.mine)))

    def _activity_kinds(self, feature: Feature, history: History) -> float:
        return float(len({activity.kind for activity in self._last(feature.days, self.mine)}))

    def _active_days(self, feature: Feature, history: History) -> float:
        inside = self._last(feature.days, self.mine)
        return float(len({_clock(activity.occurred_at, "UTC").date() for activity in inside}))

    def _days_since_activity(self, feature: Feature, history: History) -> float:
        moments = [activity.occurred_at for activity in self.mine]
        return (self.as_of - max(moments)) / _DAY if moments else math.nan

    def _stage(self, feature: Feature, history: History) -> str | None:
        return self.stages[-1].name if self.stages else None

    def _days_in_stage(self, feature: Feature, history: History) -> float:
        if not self.stages:
            return math.nan
        runs = [list(run) for _, run in groupby(self.stages, key=lambda stage: stage.name)]
        return (self.as_of - runs[-1][0].entered_at) / _DAY

    def _stage_steps_back(self, feature: Feature, history: History) -> float:
        places = [self.order[stage.name] for stage in self.stages]
        return float(sum(later < place for place, later in pairwise(places)))

    def _first_touch_campaign(self, feature: Feature, history: History) -> str | None:
        return self._touch("campaign", min)

    def _last_touch_campaign(self, feature: Feature, history: History) -> str | None:
        return self._touch("campaign", max)

    def _first_touch_channel(self, feature: Feature, history: History) -> str | None:
        return self._touch("channel", min)

    def _last_touch_channel(self, feature: Feature, history: History) -> str | None:
        return self._touch("channel", max)

    def _touch(self, name: str, extreme: Callable[[list[int]], int]) -> str | None:
        named = [(item.occurred_at, word) for item in self.both if (word := item.touch[name])]
        if not named:
            return None
        moment = extreme([occurred_at for occurred_at, _ in named])
        return min(word for occurred_at, word in named if occurred_at == moment)

    def _hours_to_first_response(self, feature: Feature, history: History) -> float:
        answers = [
            activity.occurred_at - self.created_at
            for activity in self.ours
            if activity.kind in ("outbound_call", "outbound_message")
            and activity.occurred_at >= self.created_at
        ]
        return min(answers) / (3600 * _SECOND) if answers else math.nan

    def _sales_activities(self, feature: Feature, history: History) -> float:
        return float(len(self._last(feature.days, self.ours)))

    def _created_hour(self, feature: Feature, history: History) -> float:
        return float(_clock(self.created_at, history.timezone).hour)

    def _created_weekday(self, feature: Feature, history: History) -> str:
        return WEEKDAYS[_clock(self.created_at, history.timezone).weekday()]

    def _age_days(self, feature: Feature, history: History) -> float:
        return (self.as_of - self.created_at) / _DAY

    def _completeness(self) -> list[float]:
        asked: list[Column] = [c for c in self.schema.used if c.askable and not c.is_feature]
        # A field with several values that are equally new may count as known or as not known.
        found = [
            [not _is_missing(value) for value in self.values.get(c.name, [None])] for c in asked
        ]
        least, most = sum(map(all, found)), sum(map(any, found))
        return [known / len(asked) for known in range(least, most + 1)]


def _places(history: History) -> dict[str, int]:
    return {name: place for place, name in enumerate(history.stages)}


def _clock(moment: int, timezone: str) -> datetime:
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    return utc.astimezone(ZoneInfo(timezone))


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)
