"""Rules for the facts of exports and of requests alike: their order, repeats, early moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.values.moments import DAY, Bools, Moments

Places = NDArray[np.int64]


def in_order(keys: Sequence[Moments], rest: Sequence[NDArray[Any]] = ()) -> tuple[Places, Bools]:
    """Return the order by some keys, ties by the rest, and which rows repeat the one before.

    Parameters
    ----------
    keys : sequence of array of int64, shape (m,)
        The most important first.
    rest : sequence of array of int, shape (m,)
        Everything else that a row says. With it, the order does not depend on the file's, but
        for rows that are equal.

    Returns
    -------
    order : array of int64, shape (m,)
        Equal rows stay in the order in which they came.
    repeats : array of bool, shape (m,)
        In that order: equal to the row before in all keys and all of the rest.
    """
    order = _sorted(keys)
    repeats = np.zeros(len(order), dtype=bool)
    if len(order) < 2 or not rest:
        return order, repeats
    tied = np.ones(len(order) - 1, dtype=bool)
    for key in keys:
        tied &= _same_as_next(key, order)
    group = np.flatnonzero(np.append(tied, False) | np.insert(tied, 0, False))
    mine = order[group]
    columns = [*reversed(rest), *reversed(keys)]
    order[group] = mine[np.lexsort([column[mine] for column in columns])]
    repeats[1:] = tied
    for column in rest:
        repeats[1:] &= _same_as_next(column, order)
    return order, repeats


def settled(keys: Sequence[Moments], values: NDArray[Any]) -> tuple[Places, Bools]:
    """Return the order by some keys, then by value, and which rows contradict the one before.

    Of several values at one moment the greatest comes last, and so counts, however the rows are
    ordered in their file. Nothing is less than any value.

    Parameters
    ----------
    keys : sequence of array of int64, shape (m,)
    values : array, shape (m,)
        Numbers, dates or words, as :class:`scoring_ml.data.crm.facts.FieldHistory` holds them.

    Returns
    -------
    order : array of int64, shape (m,)
    contradicts : array of bool, shape (m,)
        In that order: equal to the row before in all keys, with another value.
    """
    order, _ = in_order(keys)
    tied = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        tied &= _same_as_next(key, order)
    if not tied.any():
        return order, np.zeros(len(order), dtype=bool)
    ranks = np.full(len(values), -1, dtype=np.int64)
    group = order[np.append(tied, False) | np.insert(tied, 0, False)]
    present = group[~pd.isna(values[group])]
    ranks[present] = np.unique(values[present], return_inverse=True)[1]
    order, repeats = in_order(keys, [ranks])
    return order, np.insert(tied, 0, False) & ~repeats


def unchanged(lead: Places, state: NDArray[Any], known: Moments) -> Bools:
    """Tell which rows say of a lead what the row before said, and was known by then.

    Parameters
    ----------
    lead, state, known : array of int, shape (m,)
        By lead, then by moment.

    >>> unchanged(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8]), np.array([1, 2, 3, 4]))
    array([False,  True, False, False])
    """
    same = np.zeros(len(lead), dtype=bool)
    same[1:] = (lead[1:] == lead[:-1]) & (state[1:] == state[:-1]) & (known[1:] >= known[:-1])
    return same


def _same_as_next(column: NDArray[Any], order: Places) -> Bools:
    found = column[order]
    return np.asarray(found[1:] == found[:-1])


def _sorted(keys: Sequence[Moments]) -> Places:
    """Return a stable order by several keys."""
    # Files are often in order already, at least by one of the keys.
    order: Places = np.arange(len(keys[0]), dtype=np.int64)
    for key in reversed(keys):
        found = key[order]
        if np.any(found[1:] < found[:-1]):
            order = order[np.argsort(found, kind="stable")]
    return order


def bits(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return numbers so that NaN equals NaN, and 0 equals -0."""
    plain = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
    return plain.view(np.int64)


def after_creation(moment: Moments, created: Moments) -> tuple[Moments, Bools]:
    """Return moments raised to the lead's creation, and which lie more than a day before it.

    Clocks differ, and dates come without a time; what is older belongs to another lead.

    Parameters
    ----------
    moment, created : array of int64, shape (m,)
    """
    return np.maximum(moment, created), created - moment > DAY
