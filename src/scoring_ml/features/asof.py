"""Knowledge as of a moment: the one place where times are compared.

A fact is known if ``known_at < as_of``, strictly. Features look at ``[as_of - w, as_of)``. A lead
is won if its deal is closed in ``[as_of, as_of + horizon)``. A lead of age 0 is seen one second
after its creation, so that what its form carried is known.

All moments are whole microseconds since 1970 in UTC, as ``int64``.
The tests prove by other means that nothing later gets through.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import FieldHistory
from scoring_ml.data.values.moments import DAY, NEVER, Bools, Moments

AGE_ZERO: Final = 1_000_000
"""Microseconds after creation at which a lead of age 0 is seen."""


def seen_at(created_at: Moments, age_days: float) -> Moments:
    """Return the moment at which leads of an age are seen.

    >>> seen_at(np.array([0]), 0.0), seen_at(np.array([0]), 1.0)
    (array([1000000]), array([86400000000]))
    """
    return np.asarray(created_at + (AGE_ZERO if age_days == 0 else round(age_days * DAY)))


def known(known_at: Moments | int, as_of: Moments | int) -> Bools:
    """Tell which facts are known: before the moment, strictly.

    >>> known(np.array([4, 5, 6]), np.array([5, 5, 5]))
    array([ True, False, False])
    """
    return np.asarray(known_at < as_of)


def within(occurred_at: Moments, as_of: Moments, days: float) -> Bools:
    """Tell which facts lie in ``[as_of - days, as_of)``.

    >>> within(np.array([0, 1, DAY, DAY + 1]), np.full(4, DAY + 1), 1)
    array([False,  True,  True, False])
    """
    return np.asarray((occurred_at >= as_of - round(days * DAY)) & (occurred_at < as_of))


def unrecorded(since: int, created_at: Moments, as_of: Moments, days: float) -> Bools:
    """Tell which leads, and whose last days, began before facts were recorded.

    >>> unrecorded(DAY, np.array([0, 0, DAY]), 2 * DAY + np.array([-1, 0, -1]), 1)
    array([ True, False, False])
    """
    born = np.where(created_at == NEVER, since, created_at)
    return known(born, since) & known(as_of - round(days * DAY), since)


def latest(history: FieldHistory, as_of: Moments) -> NDArray[Any]:
    """Return each lead's newest known value of a field; NaN, NaT or None where there is none.

    Of the known changes the one with the latest ``changed_at`` counts, then with the latest
    ``known_at``.

    Parameters
    ----------
    as_of : array of int64, shape (n,)
    """
    place = np.full(len(as_of), -1, dtype=np.int64)
    seen = np.flatnonzero(
        known(history.known_at, as_of[history.lead]) & (history.changed_at < as_of[history.lead])
    )
    # Rows are sorted, and of several assignments to one place the last one holds.
    place[history.lead[seen]] = seen
    nothing = {"f": np.nan, "M": np.datetime64("NaT")}.get(history.value.dtype.kind)
    if len(history) == 0:
        return np.full(len(place), nothing, dtype=history.value.dtype)
    values = np.asarray(history.value[place])
    values[place < 0] = nothing
    return values


def is_won(
    won_at: Moments, as_of: Moments, horizon_days: float, until: Moments | int = NEVER
) -> Bools:
    """Tell which wins fall in ``[as_of, as_of + horizon)`` and are not taken back before its end.

    A win at :data:`NEVER` is none.

    >>> is_won(np.full(2, 5), np.zeros(2, dtype=np.int64), 1, np.array([DAY - 1, DAY]))
    array([False,  True])
    """
    end = as_of + round(horizon_days * DAY)
    return np.asarray((won_at != NEVER) & (won_at >= as_of) & (won_at < end) & (until >= end))


def is_mature(as_of: Moments, *, horizon_days: float, lag_days: float, extracted_at: int) -> Bools:
    """Tell of which leads the outcome is final: horizon and recording lag lie in the export."""
    return np.asarray(as_of + round((horizon_days + lag_days) * DAY) <= extracted_at)
