"""Features of activities: how often, how recently and how variously leads acted, as known then.

A feature is computed by the function that its key has in :data:`OVER_ALL` or :data:`IN_WINDOW`.
Everything is a count, a largest moment or a sum of whole numbers, so that neither the order of
rows nor the size of a batch can change a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import KIND_PLACES, KINDS
from scoring_ml.data.crm.facts import Activities
from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.features.asof import known, within
from scoring_ml.features.feature import Feature

MOST_AMOUNT: Final = 1e9
"""Larger amounts of one activity count as this."""

FIRST_RESPONSE: Final = ("outbound_call", "outbound_message")
"""What a person of ours does to answer a lead."""

_K: Final = len(KINDS)
_HOUR: Final = 3_600_000_000
_BEFORE_ALL: Final = int(np.iinfo(np.int64).min)

# Sums of whole numbers below 2**53 are exact in float64: two million activities of a lead, or a
# thousand amounts of a thousand million.
_ONE: Final = 2.0**32
_AMOUNT_ONE: Final = 2.0**10

Numbers = dict[str, NDArray[Any]]
ByKey = Mapping[str, Sequence[Feature]]


def seen_activities(activities: Activities, as_of: Moments) -> NDArray[np.int64]:
    """Return the places of the activities that were known and had happened."""
    at = as_of[activities.lead]
    return np.flatnonzero(known(activities.known_at, at) & known(activities.occurred_at, at))


@dataclass(frozen=True)
class LeadActivities:
    """What leads did, as known as of a moment, perhaps in one window alone.

    Parameters
    ----------
    as_of : array of int64, shape (n,)
        When each lead is seen.
    lead : array of int, shape (m,)
        Which lead each activity is of, 0..n-1.
    kind : array of int, shape (m,)
        Places in :data:`~scoring_ml.data.crm.activity_kinds.KINDS`.
    occurred_at : array of int64, shape (m,)
    amount : array of float, shape (m,)
        NaN where none is told.
    """

    as_of: Moments
    lead: NDArray[np.int64]
    kind: NDArray[Any]
    occurred_at: Moments
    amount: NDArray[np.float64]

    def within(self, days: float) -> LeadActivities:
        """Return the activities of the last ``days`` days before each lead is seen."""
        rows = np.flatnonzero(within(self.occurred_at, self.as_of[self.lead], days))
        if len(rows) == len(self.lead):
            return self
        columns: Any = (self.lead, self.kind, self.occurred_at, self.amount)
        return LeadActivities(self.as_of, *(column[rows] for column in columns))

    @cached_property
    def cell(self) -> NDArray[np.int64]:
        """Lead and kind of each activity as one number, shape (m,)."""
        return np.asarray(self.lead * _K + self.kind)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """How many activities of each kind each lead has, shape (kinds, n)."""
        counts = np.bincount(self.cell, minlength=len(self.as_of) * _K).reshape(-1, _K)
        # One row a kind, so that each feature lies in one piece.
        return np.ascontiguousarray(counts.T, dtype=np.float64)

    @cached_property
    def amounts(self) -> NDArray[np.float64]:
        """Sums of the amounts of each kind, shape (n, kinds); what is not told is nothing."""
        # Whole numbers of about a thousandth; NaN is not above zero.
        units = np.where(self.amount > 0, np.minimum(self.amount, MOST_AMOUNT), 0.0) * _AMOUNT_ONE
        sums = np.bincount(self.cell, weights=np.rint(units), minlength=len(self.as_of) * _K)
        return np.asarray(sums.reshape(-1, _K) / _AMOUNT_ONE)

    @cached_property
    def newest(self) -> NDArray[np.int64]:
        """Moment of the newest activity of each kind, shape (kinds, n)."""
        newest = np.full(len(self.as_of) * _K, _BEFORE_ALL)
        np.maximum.at(newest, self.cell, self.occurred_at)
        return newest.reshape(-1, _K).T

    def days_before(self, moments: Moments) -> NDArray[np.float64]:
        """Return the days from moments to when each lead is seen; NaN for no moment."""
        never = moments == _BEFORE_ALL
        days = (self.as_of - np.where(never, 0, moments)) / DAY
        days[never] = np.nan
        return np.asarray(days)


def _place(feature: Feature) -> int:
    return KIND_PLACES[str(feature.kind)]


def _engagement(done: LeadActivities, feature: Feature) -> NDArray[np.float64]:
    hours = (done.as_of[done.lead] - done.occurred_at) // _HOUR
    table = decay_table(float(feature.days or 0.0))
    weights = table[np.minimum(hours, len(table) - 1)]
    return np.bincount(done.lead, weights=weights, minlength=len(done.as_of)) / _ONE


def _active_days(done: LeadActivities, feature: Feature) -> NDArray[np.float64]:
    n = len(done.as_of)
    if len(done.lead) == 0:
        return np.zeros(n)
    day = done.occurred_at // DAY
    first = int(day.min())
    span = int(day.max()) - first + 1
    # Pairs of lead and day as one number each; sorted, equal ones are neighbours.
    pairs = np.sort(done.lead * span + (day - first))
    new = np.concatenate(([True], pairs[1:] != pairs[:-1]))
    return np.bincount(pairs[new] // span, minlength=n).astype(np.float64)


Compute = Callable[[LeadActivities, Feature], NDArray[np.float64]]

OVER_ALL: Final[dict[str, Compute]] = {
    "days_since": lambda done, feature: done.days_before(done.newest[_place(feature)]),
    "days_since_activity": lambda done, feature: done.days_before(done.newest.max(axis=0)),
    "engagement": _engagement,
}
"""By key: features of all activities that were known."""

IN_WINDOW: Final[dict[str, Compute]] = {
    "count": lambda done, feature: done.counts[_place(feature)],
    "amount": lambda done, feature: done.amounts[:, _place(feature)],
    "activities": lambda done, feature: done.counts.sum(axis=0),
    "activity_kinds": lambda done, feature: np.count_nonzero(done.counts, axis=0).astype(float),
    "active_days": _active_days,
}
"""By key: features of the activities in the last ``feature.days`` days."""

COUNTED: Final = ("engagement", *IN_WINDOW, "sales_activities")
"""Keys of features that are 0 where there is no activity."""


def lead_features(
    activities: Activities, seen: NDArray[np.int64], as_of: Moments, features: ByKey
) -> Numbers:
    """Return the features of what leads did.

    Parameters
    ----------
    activities : Activities
        In any order.
    as_of : array of int64, shape (n,)
    features : mapping of key to sequence of Feature
        Those that are wanted; keys of other features are passed over.
    """
    rows = seen[activities.by_lead[seen]]
    columns: Any = (activities.lead, activities.kind, activities.occurred_at, activities.amount)
    done = LeadActivities(as_of, *(column[rows] for column in columns))
    numbers: Numbers = {}
    for key, compute in OVER_ALL.items():
        for feature in features.get(key, ()):
            numbers[feature.name] = compute(done, feature)
    windowed: dict[float, list[Feature]] = {}
    for key in IN_WINDOW:
        for feature in features.get(key, ()):
            windowed.setdefault(float(feature.days or 0.0), []).append(feature)
    for days in sorted(windowed, reverse=True):
        # Every smaller window lies in this one.
        done = done.within(days)
        for feature in windowed[days]:
            numbers[feature.name] = IN_WINDOW[feature.key](done, feature)
    return numbers


def sales_features(
    activities: Activities,
    seen: NDArray[np.int64],
    as_of: Moments,
    created_at: Moments,
    handed_over: NDArray[np.bool_],
    features: ByKey,
) -> Numbers:
    """Return the features of what we did; NaN before the hand-over.

    Parameters
    ----------
    created_at : array of int64, shape (n,)
    handed_over : array of bool, shape (n,)
    """
    n = len(as_of)
    rows = seen[~activities.by_lead[seen]]
    lead, occurred = activities.lead[rows], activities.occurred_at[rows]
    numbers: Numbers = {}
    for feature in features.get("hours_to_first_response", ()):
        answers = _ANSWERS[activities.kind[rows]]
        answers &= ~known(occurred, created_at[lead])
        first = np.full(n, NEVER)
        np.minimum.at(first, lead[answers], occurred[answers])
        answered = handed_over & (first != NEVER)
        hours = np.full(n, np.nan)
        hours[answered] = (first[answered] - created_at[answered]) / _HOUR
        numbers[feature.name] = hours
    for feature in features.get("sales_activities", ()):
        inside = within(occurred, as_of[lead], float(feature.days or 0))
        counts = np.bincount(lead[inside], minlength=n)
        numbers[feature.name] = np.where(handed_over, counts, np.nan)
    return numbers


@lru_cache(maxsize=16)
def decay_table(half_life_days: float) -> NDArray[np.float64]:
    """Return what an activity weighs after each whole hour, as whole numbers of ``2**-32``.

    >>> decay_table(1.0)[[0, 24, 48]] / 2**32
    array([1.  , 0.5 , 0.25])
    """
    # After 33 half-lives nothing is left, and the last entry stands for all that is older.
    hours = np.arange(int(np.ceil(33 * 24 * half_life_days)) + 2)
    table = np.rint(_ONE * np.exp2(-hours / (24.0 * half_life_days)))
    table.flags.writeable = False
    return np.asarray(table)


_ANSWERS: Final = np.array([kind in FIRST_RESPONSE for kind in KINDS])
