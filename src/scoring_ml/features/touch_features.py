"""Features of touches: the campaign and the channel of a lead's first and last touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Activities
from scoring_ml.data.values.moments import NEVER

_BEFORE_ALL: Final = int(np.iinfo(np.int64).min)


def touch_features(
    activities: Activities, seen: NDArray[np.int64], touches: Iterable[str], n: int
) -> dict[str, NDArray[Any]]:
    """Return ``first_touch_*`` and ``last_touch_*``.

    Of touches at one moment the first by name counts, so that the order of rows and the codes
    of names cannot decide.
    """
    features: dict[str, NDArray[Any]] = {}
    for touch in touches:
        codes: NDArray[np.int32] | None = getattr(activities, touch)
        words: tuple[str, ...] = getattr(activities, f"{touch}s") if codes is not None else ()
        names = np.array([*sorted(words), None], dtype=object)
        places = {word: place for place, word in enumerate(names)}
        ranks = np.array([places[word] for word in words], dtype=np.int64)
        rows = seen[:0] if codes is None or not words else seen[codes[seen] >= 0]
        lead, at = activities.lead[rows], activities.occurred_at[rows]
        rank = ranks[:0] if codes is None else ranks[codes[rows]]
        for which, nearer, start in (
            ("first", np.minimum, NEVER),
            ("last", np.maximum, _BEFORE_ALL),
        ):
            moment = np.full(n, start)
            nearer.at(moment, lead, at)
            among = at == moment[lead]
            lowest = np.full(n, len(words), dtype=np.int64)
            np.minimum.at(lowest, lead[among], rank[among])
            features[f"{which}_touch_{touch}"] = names[lowest]
    return features
