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

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KIND_PLACES, KINDS, THE_OTHER_WAY
from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.crm.ordering import Places, after_creation, bits, in_order
from scoring_ml.data.history import History
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.limits import check_value
from scoring_ml.data.values.moments import Moments, utc_micros
from scoring_ml.errors import LeadError
from scoring_ml.features.asof import known
from scoring_ml.features.lead_entries import EntryColumns, read_cells
from scoring_ml.features.lead_vocabulary import (
    NOTHING,
    direction_reader,
    kind_reader,
    result_reader,
    stage_reader,
    subject_reader,
    touch_reader,
)
from scoring_ml.texts import Catalogue

Problems = list[tuple[str, InvalidValue]]
"""Places in a request, each with what is wrong there."""

ACTIVITY_KEYS: Final = (
    "type",
    "occurred_at",
    "known_at",
    "amount",
    "direction",
    "result",
    "subject",
    "campaign",
    "channel",
    "activity_id",
)
STAGE_KEYS: Final = ("stage", "entered_at", "known_at")

_OTHER_WAY: Final = np.array(
    [KIND_PLACES[THE_OTHER_WAY.get(kind, kind)] for kind in KINDS], dtype=np.int16
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
    """

    activities: Activities | None
    stages: Stages | None
    created_at: int | None
    warnings: tuple[str, ...] = ()


def read_history(
    lead: Mapping[str, Any], history: History, *, as_of: datetime, texts: Catalogue | None = None
) -> LeadHistory:
    """Read ``created_at``, ``activities`` and ``stages`` of a request.

    Parameters
    ----------
    lead : mapping of str to object
        As JSON gives it; other names are passed over.
    as_of : datetime
        When the lead is seen; in UTC if it has no zone.

    Raises
    ------
    LeadError
        Naming every wrong entry, as in ``activities[3].occurred_at``.
    """
    texts = texts or Catalogue.load()
    now = utc_micros(as_of)
    problems: Problems = []
    warnings: list[str] = []
    created = _created_at(lead.get("created_at"), history, problems)
    if created is not None and not known(created, now):
        created = None
        warnings.append(texts.text("history.future_creation"))
    activities = stages = None
    if lead.get("activities") is not None:
        activities, more = _activities(lead["activities"], history, now, texts, problems)
        warnings += more
    if lead.get("stages") is not None and history.stages:
        stages, more = _stages(lead["stages"], history, created, now, texts, problems)
        warnings += more
    if problems:
        raise LeadError([(name, error.text(texts)) for name, error in problems])
    return LeadHistory(activities, stages, created, tuple(warnings))


def _created_at(raw: Any, history: History, problems: Problems) -> int | None:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    try:
        check_value(raw)
    except InvalidValue as error:
        problems.append(("created_at", error))
        return None
    read, errors = read_cells([raw], history, "leads.created_at")
    problems += [("created_at", error) for _, error in errors]
    return int(read.values[0]) if read.usable[0] else None


def _activities(
    raw: Any, history: History, now: int, texts: Catalogue, problems: Problems
) -> tuple[Activities | None, list[str]]:
    entries = EntryColumns("activities", raw, ACTIVITY_KEYS, history)
    kind = np.array(entries.words("type", kind_reader(history)), dtype=np.int16)
    if "result" in entries:
        kind[np.array(entries.words("result", result_reader(history))) == 0] = NOTHING
    if "subject" in entries:
        kind[np.array(entries.words("subject", subject_reader)) == 0] = NOTHING
    unknown = kind < NOTHING
    word = np.where(unknown, kind, 0)
    by_lead = kind < len(BY_LEAD)
    if "direction" in entries:
        direction = np.array(entries.words("direction", direction_reader(history)))
        given = direction != NOTHING
        other = (kind >= 0) & given & (by_lead != (direction == 1))
        kind[other] = _OTHER_WAY[kind[other]]
        by_lead = np.where(given, direction == 1, by_lead)
    kind[unknown] = np.where(
        by_lead[unknown], KIND_PLACES["other_inbound"], KIND_PLACES["other_outbound"]
    )
    moments = entries.moments("occurred_at")
    occurred = moments.values
    recorded = entries.recorded(occurred, now)
    amount = entries.amounts("amount")
    campaign, campaigns = entries.touches("campaign", touch_reader(history, "campaign"))
    channel, channels = entries.touches("channel", touch_reader(history, "channel"))
    ids = entries.ids("activity_id")
    if entries.wrong:
        problems += entries.problems()
        return None, []
    # What the mapping leaves out of an export is left out here, too.
    counted = kind != NOTHING
    past = known(occurred, now) | ~counted
    rows = np.flatnonzero(past & counted)
    facts = (kind, word, by_lead, bits(amount), campaign, channel, ids)
    repeats = _repeats(rows, [occurred, recorded], [item for item in facts if item is not None])
    if ids is None and len(repeats):
        # A day without a time tells too little to call two entries one.
        repeats = repeats[~moments.whole_day[repeats]]
    counted[repeats] = unknown[repeats] = False
    rows = np.flatnonzero(past & counted)
    rows = rows[np.argsort(occurred[rows], kind="stable")]
    warnings = _counted(
        texts,
        unknown_kinds=np.count_nonzero(unknown & past),
        repeated_activities=len(repeats),
        future_activities=np.count_nonzero(~past),
    )
    facts_of_lead = Activities(
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
    return facts_of_lead, warnings


def _counted(texts: Catalogue, **counts: Any) -> list[str]:
    """Return a warning for each count that is not 0, by its key in the catalogue."""
    return [texts.text(f"history.{key}", n=int(n)) for key, n in counts.items() if n]


def _repeats(rows: Places, moments: Sequence[Moments], rest: Sequence[NDArray[Any]]) -> Places:
    """Return which of some entries say what an earlier one says; an export has such rows once."""
    happened = np.sort(moments[0][rows])
    if not (happened[1:] == happened[:-1]).any():
        return rows[:0]
    order, repeated = in_order([item[rows] for item in moments], [item[rows] for item in rest])
    return rows[order[repeated]]


def _stages(
    raw: Any, history: History, created: int | None, now: int, texts: Catalogue, problems: Problems
) -> tuple[Stages | None, list[str]]:
    entries = EntryColumns("stages", raw, STAGE_KEYS, history)
    stage = np.array(entries.words("stage", stage_reader(history)), dtype=np.int16)
    entered = entries.moments("entered_at").values
    recorded = entries.recorded(entered, now)
    if entries.wrong:
        problems += entries.problems()
        return None, []
    counted = stage != NOTHING
    early = np.zeros(len(entered), dtype=bool)
    if created is not None:
        entered, early = after_creation(entered, np.full(len(entered), created))
        recorded = np.maximum(recorded, entered)
    past = known(entered, now)
    rows = np.flatnonzero(counted & past & ~early)
    rows = rows[np.lexsort((stage[rows], recorded[rows], entered[rows]))]
    warnings = _counted(
        texts,
        future_stages=np.count_nonzero(counted & ~past),
        early_stages=np.count_nonzero(counted & early),
    )
    facts_of_lead = Stages(
        lead=np.zeros(len(rows), dtype=np.int64),
        stage=stage[rows],
        entered_at=entered[rows],
        known_at=recorded[rows],
        names=history.stages,
    )
    return facts_of_lead, warnings
