"""The activities and stages that a request tells of one lead, as the facts of an export.

What stands in a request counts as known; what is dated at or after the moment of scoring is left
out with a warning, since a batch would not have seen it either. Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np

from scoring_ml.data.facts import Activities, Stages
from scoring_ml.data.kinds import BY_LEAD, KINDS, THE_OTHER_WAY
from scoring_ml.data.mapping import ANY_WORD
from scoring_ml.data.schema import History, nearest
from scoring_ml.data.values import tidy
from scoring_ml.errors import LeadError
from scoring_ml.features.asof import known
from scoring_ml.features.lead_entries import (
    LONGEST_WORD,
    MOST_FACTS,
    Entries,
    Wrong,
    read_moment,
    utc_micros,
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
)
STAGE_KEYS: Final = ("stage", "entered_at", "known_at")

DIRECTIONS: Final[Mapping[str, bool]] = {
    "inbound": True,
    "incoming": True,
    "in": True,
    "outbound": False,
    "outgoing": False,
    "out": False,
}
"""Words for who did it: true for the lead."""

_PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}
_UNKNOWN_KIND: Final = -1
_NOT_COUNTED: Final = -2
_OTHER_WAY: Final = np.array(
    [_PLACES[THE_OTHER_WAY.get(kind, kind)] for kind in KINDS], dtype=np.int16
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
        stages, more = _stages(lead["stages"], history, now, texts, wrong)
        warnings += more
    if wrong:
        raise LeadError(wrong)
    return LeadHistory(activities, stages, created, tuple(warnings))


def _before(moment: int, now: int) -> bool:
    return bool(known(np.array([moment]), np.array([now]))[0])


def _created_at(raw: Any, history: History, wrong: Wrong) -> int | None:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    try:
        return read_moment(raw, history.timezone, day_first=history.day_first)
    except ValueError as error:
        wrong.append(("created_at", str(error)))
        return None


def _activities(
    entries: Any, history: History, now: int, texts: Catalogue, wrong: Wrong
) -> tuple[Activities | None, list[str]]:
    told = Entries("activities", entries, ACTIVITY_KEYS, day_first=history.day_first)
    kinds = _kind_table(tuple(history.kind_words.items()))
    kind = np.array(told.words("type", lambda raw: _kind(raw, kinds), 0), dtype=np.int16)
    strange = kind == _UNKNOWN_KIND
    by_lead = kind < len(BY_LEAD)
    if "direction" in told.keys:
        said = np.array(told.words("direction", _direction, -1))
        other = (kind >= 0) & (said >= 0) & (by_lead != (said == 1))
        kind[other] = _OTHER_WAY[kind[other]]
        by_lead = np.where(said < 0, by_lead, said == 1)
    kind[strange] = np.where(by_lead[strange], _PLACES["other_inbound"], _PLACES["other_outbound"])
    occurred = told.moments("occurred_at", history.timezone)
    recorded = told.recorded(occurred, now, history.timezone)
    amount = told.amounts("amount")
    campaign, campaigns = told.names("campaign")
    channel, channels = told.names("channel")
    if told.wrong:
        wrong += told.sorted_wrong()
        return None, []
    # What the mapping leaves out of an export is left out here, too.
    counted = kind != _NOT_COUNTED
    past = known(occurred, np.full(len(occurred), now)) | ~counted
    rows = np.flatnonzero(past & counted)
    rows = rows[np.argsort(occurred[rows], kind="stable")]
    warnings = []
    if n := int(np.count_nonzero(strange & past)):
        warnings.append(texts.text("history.unknown_kinds", n=n))
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


def _stages(
    entries: Any, history: History, now: int, texts: Catalogue, wrong: Wrong
) -> tuple[Stages | None, list[str]]:
    told = Entries("stages", entries, STAGE_KEYS, day_first=history.day_first)
    places = _stage_table(history.stages, tuple(history.stage_words.items()))
    read = partial(_stage, places=places, stages=history.stages)
    stage = np.array(told.words("stage", read, 0), dtype=np.int16)
    entered = told.moments("entered_at", history.timezone)
    recorded = told.recorded(entered, now, history.timezone)
    if told.wrong:
        wrong += told.sorted_wrong()
        return None, []
    past = known(entered, np.full(len(entered), now))
    rows = np.flatnonzero(past)
    rows = rows[np.lexsort((recorded[rows], entered[rows]))]
    warnings = []
    if n := len(past) - len(rows):
        warnings.append(texts.text("history.future_stages", n=n))
    found = Stages(
        lead=np.zeros(len(rows), dtype=np.int64),
        stage=stage[rows],
        entered_at=entered[rows],
        known_at=recorded[rows],
        names=history.stages,
    )
    return found, warnings


def _kind(raw: Any, kinds: Mapping[str, int]) -> int:
    if not isinstance(raw, str) or not raw.strip() or len(raw) > LONGEST_WORD:
        raise ValueError("must be a word, such as web_visit")
    return kinds.get(_fold(raw), kinds.get(ANY_WORD, _UNKNOWN_KIND))


def _direction(raw: Any) -> int:
    if raw is None:
        return -1
    said = DIRECTIONS.get(_fold(raw[:LONGEST_WORD])) if isinstance(raw, str) else None
    if said is None:
        raise ValueError("must be inbound or outbound")
    return int(said)


def _stage(raw: Any, *, places: Mapping[str, int], stages: tuple[str, ...]) -> int:
    must = f"must be one of {', '.join(stages)}"
    if not isinstance(raw, str) or len(raw) > LONGEST_WORD:
        raise ValueError(must)
    place = places.get(_fold(raw))
    if place is None:
        like = nearest(raw[:200], stages)
        raise ValueError(f"{must}; did you mean {like}?" if like else must)
    return place


def _fold(word: str) -> str:
    return tidy(word).casefold()


@lru_cache(maxsize=16)
def _kind_table(words: tuple[tuple[str, str], ...]) -> dict[str, int]:
    # The company's own words come last, so that they hold where they differ from ours.
    own = {
        _fold(word): _PLACES[kind] if kind else _NOT_COUNTED
        for word, kind in words
        if not kind or kind in _PLACES
    }
    return {**_PLACES, **own}


@lru_cache(maxsize=16)
def _stage_table(stages: tuple[str, ...], words: tuple[tuple[str, str], ...]) -> dict[str, int]:
    places = {name: place for place, name in enumerate(stages)}
    own = {_fold(word): places[name] for word, name in words if name in places}
    return {**{_fold(name): place for name, place in places.items()}, **own}
