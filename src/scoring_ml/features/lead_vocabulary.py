"""The words of a request for kinds, directions, stages and touches, as the mapping reads them.

A company's words are the same in its export and in a request, so the same translation holds. What
an export leaves out of the count, because its mapping says so, is left out of a request, too.
Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from scoring_ml.data.crm.activity_kinds import DIRECTIONS, KIND_PLACES, KINDS
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import History
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.vocabulary import Words, folded

NOT_COUNTED: Final = -1
"""A word that the mapping gives no meaning; a type below it is of no kind that is known."""

NO_DIRECTION: Final = -1
"""Nothing says who did it."""

WordReader = Callable[[Any], int]
"""From a word, or what stands in its place, to a number; raises ``InvalidValue``."""

_T = TypeVar("_T")


def kind_reader(history: History) -> WordReader:
    """Return what reads a type: a place in :data:`KINDS`, or :data:`NOT_COUNTED`.

    Types of no kind that is known get numbers below it, a different one for each.
    """
    # What is no kind of ours cannot be meant.
    meanings = {
        w: kind for w, kind in history.kind_words.items() if not kind or kind in KIND_PLACES
    }
    words = _words(tuple(meanings.items()), history.missing, KINDS)
    unknown: dict[str, int] = {}

    def read(raw: Any) -> int:
        if not isinstance(raw, str) or not raw.strip():
            raise InvalidValue("kind")
        word = words.read(raw)
        if word is None:
            return NOT_COUNTED
        place = KIND_PLACES.get(folded(word))
        if place is None:
            return unknown.setdefault(word, NOT_COUNTED - 1 - len(unknown))
        return place

    return _refuse_unclear(read, history, "type", KINDS)


def direction_reader(history: History) -> WordReader:
    """Return what reads a direction: 1 for the lead, 0 for us, or :data:`NO_DIRECTION`."""
    words = _words(tuple(history.direction_words.items()), history.missing, tuple(DIRECTIONS))

    def read(raw: Any) -> int:
        if raw is None:
            return NO_DIRECTION
        if not isinstance(raw, str):
            raise InvalidValue("direction")
        word = words.read(raw)
        if word is None:
            return NO_DIRECTION
        by_lead = DIRECTIONS.get(folded(word))
        if by_lead is None:
            raise InvalidValue("direction")
        return int(by_lead)

    return _refuse_unclear(read, history, "direction", tuple(DIRECTIONS))


def stage_reader(history: History) -> WordReader:
    """Return what reads a stage: its place in ``history.stages``, or :data:`NOT_COUNTED`."""
    stages = history.stages
    places = _stage_places(stages)
    words = _words(tuple(history.stage_words.items()), history.missing, tuple(places))

    def read(raw: Any) -> int:
        if not isinstance(raw, str) or not raw.strip():
            raise InvalidValue("stage", stages=stages)
        word = words.read(raw)
        if word is None:
            return NOT_COUNTED
        place = places.get(folded(word))
        if place is not None:
            return place
        like = nearest(raw[:200], stages)
        if like is None:
            raise InvalidValue("stage", stages=stages)
        raise InvalidValue("stage_like", stages=stages, like=like)

    return _refuse_unclear(read, history, "stage", tuple(places))


def touch_reader(history: History, touch: str) -> Callable[[str], str | None]:
    """Return what reads the name of a campaign (or channel); ``None`` where there is none.

    Parameters
    ----------
    history : History
    touch : {"campaign", "channel"}
    """
    words = _words(tuple(_meanings(history, touch).items()), history.missing, ())
    return _refuse_unclear(words.read, history, touch, ())


def _meanings(history: History, column: str) -> Mapping[str, str]:
    return {
        "type": history.kind_words,
        "direction": history.direction_words,
        "stage": history.stage_words,
        "campaign": history.campaign_words,
        "channel": history.channel_words,
    }[column]


def _refuse_unclear(
    read: Callable[[Any], _T], history: History, column: str, ours: tuple[str, ...]
) -> Callable[[Any], _T]:
    """Return a reader that refuses words to which the export's files give different meanings."""
    unclear = history.unclear_words.get(column)
    if not unclear:
        return read
    # Unclear words stand for themselves, and nothing else that the mapping names does.
    named = dict.fromkeys(_meanings(history, column), "")
    unclear_words = Words(named | {word: word for word in unclear}, history.missing, ours)

    def checked(raw: Any) -> _T:
        instead = unclear.get(unclear_words.read(raw) or "") if isinstance(raw, str) else None
        if instead:
            raise InvalidValue("unclear_instead", instead=tuple(instead.split(" or ")))
        if instead is not None:
            raise InvalidValue("unclear")
        return read(raw)

    return checked


@lru_cache(maxsize=64)
def _words(
    meanings: tuple[tuple[str, str], ...], missing: tuple[str, ...], ours: tuple[str, ...]
) -> Words:
    return Words(dict(meanings), missing, frozenset(ours))


@lru_cache(maxsize=16)
def _stage_places(stages: tuple[str, ...]) -> dict[str, int]:
    return {folded(name): place for place, name in enumerate(stages)}
