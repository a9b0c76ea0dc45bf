"""Features of touches: the campaign and the channel of a lead's first and last touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Activities
from scoring_ml.data.values.moments import NEVER, Moments

_BEFORE_ALL: Final = int(np.iinfo(np.int64).min)


def touch_features(
    activities: Activities, seen: NDArray[np.int64], touches: Iterable[str], n: int
) -> dict[str, NDArray[Any]]:
    """Return ``first_touch_*`` and ``last_touch_*``.

    Of touches at one moment the first by name counts, so that the order of rows and the codes
    of names cannot decide.

    Parameters
    ----------
    seen : array of int
        The activities that count.
    touches : iterable of {"campaign", "channel"}
    n : int
        Number of leads.
    """
    found: dict[str, NDArray[Any]] = {}
    for touch in touches:
        codes: NDArray[np.int32] | None = getattr(activities, touch)
        words: tuple[str, ...] = getattr(activities, f"{touch}s")
        if codes is None or not words:
            found[f"first_touch_{touch}"] = np.full(n, None, dtype=object)
            found[f"last_touch_{touch}"] = np.full(n, None, dtype=object)
            continue
        rows = seen[codes[seen] >= 0]
        by_name = sorted(range(len(words)), key=words.__getitem__)
        rank = np.empty(len(words), dtype=np.int64)
        rank[by_name] = np.arange(len(words))
        names = np.array([*(words[code] for code in by_name), None], dtype=object)
        lead, at, ranks = activities.lead[rows], activities.occurred_at[rows], rank[codes[rows]]
        first, last = np.full(n, NEVER), np.full(n, _BEFORE_ALL)
        np.minimum.at(first, lead, at)
        np.maximum.at(last, lead, at)
        found[f"first_touch_{touch}"] = names[
            _lowest(lead, ranks, at == first[lead], n, len(words))
        ]
        found[f"last_touch_{touch}"] = names[_lowest(lead, ranks, at == last[lead], n, len(words))]
    return found


def _lowest(
    lead: NDArray[np.int64],
    ranks: NDArray[np.int64],
    among: NDArray[np.bool_],
    n: int,
    nothing: int,
) -> Moments:
    lowest = np.full(n, nothing, dtype=np.int64)
    np.minimum.at(lowest, lead[among], ranks[among])
    return lowest
