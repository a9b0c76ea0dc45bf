"""How often, how recently and how variously leads acted, as known as of a moment.

Everything is a count, a largest moment or a sum of whole numbers, so that neither the order of
rows nor the size of a batch can change a bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.facts import DAY, NEVER, Activities, Moments
from scoring_ml.features.asof import known, within
from scoring_ml.features.catalogue import Feature

MOST_AMOUNT: Final = 1e9
"""Larger amounts of one activity count as this."""

FIRST_RESPONSE: Final = ("outbound_call", "outbound_message")
"""What a person of ours does to answer a lead."""

PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}

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


def lead_features(
    activities: Activities,
    seen: NDArray[np.int64],
    as_of: Moments,
    features: ByKey,
) -> Numbers:
    """Return the features of what leads did.

    Parameters
    ----------
    activities : Activities
        In any order.
    seen : array of int
        As :func:`seen_activities` gives them.
    as_of : array of int64, shape (n,)
    features : mapping of text key to sequence of Feature
        Those that are wanted.
    """
    n = len(as_of)
    rows = seen[activities.by_lead[seen]]
    lead, occurred = activities.lead[rows], activities.occurred_at[rows]
    at = as_of[lead]
    cell = lead * _K + activities.kind[rows]
    found: Numbers = {}

    if "days_since" in features or "days_since_activity" in features:
        found |= _recency(cell, occurred, as_of, features)
    for feature in features.get("engagement", ()):
        hours = (at - occurred) // _HOUR
        table = decay_table(float(feature.days or 0.0))
        weights = table[np.minimum(hours, len(table) - 1)]
        found[feature.name] = np.bincount(lead, weights=weights, minlength=n) / _ONE

    for days in _windows(features):
        inside = np.flatnonzero(within(occurred, at, days))
        if len(inside) < len(rows):
            # Every smaller window lies in this one.
            rows, lead, cell = rows[inside], lead[inside], cell[inside]
            occurred, at = occurred[inside], at[inside]
        if features.keys() & _COUNTED:
            counts = np.bincount(cell, minlength=n * _K).reshape(n, _K)
            found |= _counts(counts, days, features)
        for feature in features.get("active_days", ()):
            if feature.days == days:
                found[feature.name] = _active_days(lead, occurred, n)
        amounts = [feature for feature in features.get("amount", ()) if feature.days == days]
        if amounts:
            units = _amount_units(activities.amount[rows])
            sums = np.bincount(cell, weights=units, minlength=n * _K).reshape(n, _K)
            for feature in amounts:
                found[feature.name] = sums[:, PLACES[str(feature.kind)]] / _AMOUNT_ONE
    return found


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
    activities, seen, as_of, features
        As in :func:`lead_features`.
    created_at : array of int64, shape (n,)
    handed_over : array of bool, shape (n,)
    """
    n = len(as_of)
    rows = seen[~activities.by_lead[seen]]
    lead, occurred = activities.lead[rows], activities.occurred_at[rows]
    found: Numbers = {}
    for feature in features.get("hours_to_first_response", ()):
        answers = _ANSWERS[activities.kind[rows]]
        answers &= ~known(occurred, created_at[lead])
        first = np.full(n, NEVER)
        np.minimum.at(first, lead[answers], occurred[answers])
        there = handed_over & (first != NEVER)
        hours = np.full(n, np.nan)
        hours[there] = (first[there] - created_at[there]) / _HOUR
        found[feature.name] = hours
    for feature in features.get("sales_activities", ()):
        inside = within(occurred, as_of[lead], float(feature.days or 0))
        counts = np.bincount(lead[inside], minlength=n)
        found[feature.name] = np.where(handed_over, counts, np.nan)
    return found


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
_COUNTED: Final = frozenset({"count", "activities", "activity_kinds"})
_WINDOWED: Final = ("count", "amount", "activities", "activity_kinds", "active_days")


def _windows(features: ByKey) -> list[float]:
    days = {feature.days for key in _WINDOWED for feature in features.get(key, ())}
    return sorted((item for item in days if item is not None), reverse=True)


def _recency(
    cell: NDArray[np.int64], occurred: Moments, as_of: Moments, features: ByKey
) -> Numbers:
    newest = np.full(len(as_of) * _K, _BEFORE_ALL)
    np.maximum.at(newest, cell, occurred)
    last = newest.reshape(len(as_of), _K)
    found: Numbers = {}
    wanted = features.get("days_since", ())
    if wanted:
        found |= _days_since(
            last[:, [PLACES[str(feature.kind)] for feature in wanted]].T, as_of, wanted
        )
    for feature in features.get("days_since_activity", ()):
        found |= _days_since(last.max(axis=1)[None, :], as_of, (feature,))
    return found


def _days_since(last: Moments, as_of: Moments, wanted: Sequence[Feature]) -> Numbers:
    never = last == _BEFORE_ALL
    days = (as_of - np.where(never, 0, last)) / DAY
    days[never] = np.nan
    return {feature.name: row for feature, row in zip(wanted, days, strict=True)}


def _counts(counts: NDArray[np.int64], days: float, features: ByKey) -> Numbers:
    found: Numbers = {}
    # One row a kind, so that each feature lies in one piece.
    by_kind = np.ascontiguousarray(counts.T, dtype=np.float64)
    for feature in features.get("count", ()):
        if feature.days == days:
            found[feature.name] = by_kind[PLACES[str(feature.kind)]]
    for feature in features.get("activities", ()):
        if feature.days == days:
            found[feature.name] = by_kind.sum(axis=0)
    for feature in features.get("activity_kinds", ()):
        if feature.days == days:
            found[feature.name] = np.count_nonzero(by_kind, axis=0).astype(np.float64)
    return found


def _active_days(lead: NDArray[np.int64], occurred: Moments, n: int) -> NDArray[np.float64]:
    if len(lead) == 0:
        return np.zeros(n)
    day = occurred // DAY
    first = int(day.min())
    span = int(day.max()) - first + 1
    # Pairs of lead and day as one number each; sorted, equal ones are neighbours.
    pairs = np.sort(lead * span + (day - first))
    new = np.concatenate(([True], pairs[1:] != pairs[:-1]))
    return np.bincount(pairs[new] // span, minlength=n).astype(np.float64)


def _amount_units(amount: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return amounts as whole numbers of about a thousandth; what is not told is nothing."""
    # NaN is not above zero.
    units = np.where(amount > 0, np.minimum(amount, MOST_AMOUNT), 0.0) * _AMOUNT_ONE
    return np.asarray(np.rint(units))
