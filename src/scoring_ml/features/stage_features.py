"""Features of stages: the stage a lead is in, for how long, and how often it went back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Stages
from scoring_ml.data.history import History
from scoring_ml.data.values.moments import DAY, Bools, Moments
from scoring_ml.features.asof import known


def stage_features(
    stages: Stages, as_of: Moments, history: History
) -> tuple[dict[str, NDArray[Any]], Bools]:
    """Return where leads stand in the funnel, as known then.

    Parameters
    ----------
    stages : Stages
        In any order; a stage that the history does not name is passed over.
    as_of : array of int64, shape (n,)

    Returns
    -------
    features : dict of str to array, shape (n,)
        ``stage``: the one entered last; of several entered at once the one recorded last, then
        the one furthest in the funnel. ``days_in_stage``, since the first of the rows that tell
        it one after the other. ``stage_steps_back``: how often a stage
        was followed by an earlier one.
    handed_over : array of bool, shape (n,)
        Whether the stage of the hand-over or a later one was ever entered.
    """
    n = len(as_of)
    places = {name: place for place, name in enumerate(history.stages)}
    place = np.array([places.get(name, -1) for name in stages.names], dtype=np.int64)[stages.stage]
    at = as_of[stages.lead]
    seen = np.flatnonzero(known(stages.known_at, at) & known(stages.entered_at, at) & (place >= 0))
    lead, place, entered = stages.lead[seen], place[seen], stages.entered_at[seen]
    order = np.lexsort((place, stages.known_at[seen], entered, lead))
    lead, place, entered = lead[order], place[order], entered[order]
    same = lead[1:] == lead[:-1]
    back = np.bincount(lead[1:][same & (place[1:] < place[:-1])], minlength=n)
    # A row for each change of a deal, or version of a record, tells the same stage again.
    enters = np.append(True, ~same | (place[1:] != place[:-1]))[: len(lead)]
    since = entered[np.maximum.accumulate(np.where(enters, np.arange(len(lead)), 0))]
    newest = np.full(n, -1, dtype=np.int64)
    # Of several assignments to one place the last one holds.
    newest[lead] = np.arange(len(lead))
    stage = np.full(n, None, dtype=object)
    days = np.full(n, np.nan)
    placed = newest >= 0
    newest = newest[placed]
    stage[placed] = np.array(history.stages, dtype=object)[place[newest]]
    days[placed] = (as_of[placed] - since[newest]) / DAY
    handed = np.zeros(n, dtype=bool)
    if history.hand_over in places:
        handed[lead[place >= places[history.hand_over]]] = True
    steps_back = back.astype(np.float64)
    return {"stage": stage, "days_in_stage": days, "stage_steps_back": steps_back}, handed
