"""The activities and stages that a request tells of one lead, as the facts of an export.

A list is read as the rows of an export with the same columns are. What stands in a request counts
as known; what is dated at or after the moment of scoring is left out with a warning, since a batch
would not have seen it either. What an export mends silently, a request has to say right: a moment
that is no moment is refused. Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import BY_LEAD, DIRECTIONS, KINDS, THE_OTHER_WAY
from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.crm.ordering import Places, after_creation, bits, in_order
from scoring_ml.data.schema import History
from scoring_ml.data.values.moments import Moments
from scoring_ml.errors import LeadError
from scoring_ml.features.asof import known
from scoring_ml.features.lead_entries import MOST_FACTS, Entries, Wrong
from scoring_ml.features.lead_moments import read_column, utc_micros
from scoring_ml.features.lead_vocabulary import (
    NOT_COUNTED,
    NOT_TOLD,
    PLACES,
    direction_reader,
    kind_reader,
    stage_reader,
    touch_reader,
)
from scoring_ml.texts import Catalogue

__all__ = ["ACTIVITY_KEYS", "DIRECTIONS", "MOST_FACTS", "STAGE_KEYS", "LeadHistory", "read_history"]

ACTIVITY_KEYS: Final = (
    "type",
    "occurred_at",
    "known_at",
    "amount",
    "direction",
    "campaign",
    "channel",
    "activity_id",
)
STAGE_KEYS: Final = ("stage", "entered_at", "known_at")

_OTHER_WAY: Final = np.array(
    [PLACES[THE_OTHER_WAY.get(kind, kind)] for kind in KINDS], dtype=np.int16
)


@dataclass(frozen=True)
class LeadHistory:
    """What a request tells of one lead.

    Parameters
    ----------
    activities, stages : Activities or None, Stages or None
        Facts of lead 0; ``None`` if the request does not tell, or the model does not ask.
    created_at : int or None
        Microseconds since 1970, UTC.
    warnings : tuple of str
        What was left out or not understood, in words without values.
    """

    activities: Activities | None
    stages: Stages | None
    created_at: int | None
    warnings: tuple[str, ...] = ()


def read_history(
    lead: Mapping[str, Any],
    history: History,
    *,
    as_of: datetime,
    texts: Catalogue | None = None,
) -> LeadHistory:
    """Read ``created_at``, ``activities`` and ``stages`` of a request.

    Parameters
    ----------
    lead : mapping of str to object
        As JSON gives it; other names are passed over.
    history : History
        Whose words are understood.
    as_of : datetime
        When the lead is seen; in UTC if it has no zone.
    texts : Catalogue or None
        The language of the warnings; English if None.

    Raises
    ------
    LeadError
        Naming every wrong entry, as in ``activities[3].occurred_at``.
    """
    texts = texts or Catalogue.load()
    now = utc_micros(as_of)
    wrong: Wrong = []
    warnings: list[str] = []
    created = _created_at(lead.get("created_at"), history, wrong)
    if created is not None and not _before(created, now):
        created = None
        warnings.append(texts.text("history.future_creation", field="created_at"))
    activities = stages = None
    if lead.get("activities") is not None:
        activities, more = _activities(lead["activities"], history, now, texts, wrong)
        warnings += more
    if lead.get("stages") is not None and history.stages:
        stages, more = _stages(lead["stages"], history, created, now, texts, wrong)
        warnings += more
    if wrong:
        raise LeadError(wrong)
    return LeadHistory(activities, stages, created, tuple(warnings))


def _before(moment: int, now: int) -> bool:
    return bool(known(np.array([moment]), np.array([now]))[0])


def _created_at(raw: Any, history: History, wrong: Wrong) -> int | None:
    read = read_column(
        [raw], history.timezone, day_first=history.day_first, missing=("", *history.missing)
    )
    wrong += [("created_at", what) for what in read.wrong.values()]
    return int(read.values[0]) if read.told[0] else None


def _entries(name: str, entries: Any, keys: tuple[str, ...], history: History) -> Entries:
    return Entries(name, entries, keys, day_first=history.day_first, missing=history.missing)


def _activities(
    entries: Any, history: History, now: int, texts: Catalogue, wrong: Wrong
) -> tuple[Activities | None, list[str]]:
    told = _entries("activities", entries, ACTIVITY_KEYS, history)
    kind = np.array(told.words("type", kind_reader(history), 0), dtype=np.int16)
    strange = kind < NOT_COUNTED
    word = np.where(strange, kind, 0)
    by_lead = kind < len(BY_LEAD)
    if "direction" in told.keys:
        said = np.array(told.words("direction", direction_reader(history), NOT_TOLD))
        other = (kind >= 0) & (said >= 0) & (by_lead != (said == 1))
        kind[other] = _OTHER_WAY[kind[other]]
        by_lead = np.where(said < 0, by_lead, said == 1)
    kind[strange] = np.where(by_lead[strange], PLACES["other_inbound"], PLACES["other_outbound"])
    occurred = told.moments("occurred_at", history.timezone)
    recorded = told.recorded(occurred, now, history.timezone)
    amount = told.amounts("amount")
    campaign, campaigns = told.names("campaign", touch_reader(history, "campaign"))
    channel, channels = told.names("channel", touch_reader(history, "channel"))
    ids = told.ids("activity_id") if "activity_id" in told.keys else None
    if told.wrong:
        wrong += told.sorted_wrong()
        return None, []
    # What the mapping leaves out of an export is left out here, too.
    counted = kind != NOT_COUNTED
    past = known(occurred, np.full(len(occurred), now)) | ~counted
    rows = np.flatnonzero(past & counted)
    facts = (kind, word, by_lead, bits(amount), campaign, channel, ids)
    repeats = _repeats(rows, [occurred, recorded], [item for item in facts if item is not None])
    if ids is None and len(repeats):
        # A day without a time tells too little to call two entries one.
        repeats = repeats[~told.whole_days("occurred_at")[repeats]]
    counted[repeats] = strange[repeats] = False
    rows = np.flatnonzero(past & counted)
    rows = rows[np.argsort(occurred[rows], kind="stable")]
    warnings = []
    if n := int(np.count_nonzero(strange & past)):
        warnings.append(texts.text("history.unknown_kinds", n=n))
    if n := len(repeats):
        warnings.append(texts.text("history.repeated_activities", n=n))
    if n := int(np.count_nonzero(~past)):
        warnings.append(texts.text("history.future_activities", n=n))
    found = Activities(
        lead=np.zeros(len(rows), dtype=np.int64),
        kind=kind[rows],
        by_lead=by_lead[rows],
        occurred_at=occurred[rows],
        known_at=recorded[rows],
        amount=amount[rows],
        campaign=None if campaign is None else campaign[rows],
        channel=None if channel is None else channel[rows],
        campaigns=campaigns,
        channels=channels,
    )
    return found, warnings


def _repeats(rows: Places, moments: Sequence[Moments], rest: Sequence[NDArray[Any]]) -> Places:
    """Return which of some entries say what an earlier one says; an export has such rows once."""
    happened = np.sort(moments[0][rows])
    if not (happened[1:] == happened[:-1]).any():
        return rows[:0]
    order, again = in_order([item[rows] for item in moments], [item[rows] for item in rest])
    return rows[order[again]]


def _stages(
    entries: Any,
    history: History,
    created: int | None,
    now: int,
    texts: Catalogue,
    wrong: Wrong,
) -> tuple[Stages | None, list[str]]:
    told = _entries("stages", entries, STAGE_KEYS, history)
    stage = np.array(told.words("stage", stage_reader(history), 0), dtype=np.int16)
    entered = told.moments("entered_at", history.timezone)
    recorded = told.recorded(entered, now, history.timezone)
    if told.wrong:
        wrong += told.sorted_wrong()
        return None, []
    counted = stage != NOT_COUNTED
    early = np.zeros(len(entered), dtype=bool)
    if created is not None:
        entered, early = after_creation(entered, np.full(len(entered), created))
        recorded = np.maximum(recorded, entered)
    past = known(entered, np.full(len(entered), now))
    rows = np.flatnonzero(counted & past & ~early)
    rows = rows[np.lexsort((recorded[rows], entered[rows]))]
    warnings = []
    if n := int(np.count_nonzero(counted & ~past)):
        warnings.append(texts.text("history.future_stages", n=n))
    if n := int(np.count_nonzero(counted & early)):
        warnings.append(texts.text("history.early_stages", n=n))
    found = Stages(
        lead=np.zeros(len(rows), dtype=np.int64),
        stage=stage[rows],
        entered_at=entered[rows],
        known_at=recorded[rows],
        names=history.stages,
    )
    return found, warnings
