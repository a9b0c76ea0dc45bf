"""The words of a request for kinds, directions, stages and touches, as the mapping reads them.

A company's words are the same in its export and in a request, so the same translation holds. What
an export leaves out of the count, because its mapping says so, is left out of a request, too.
Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from scoring_ml.data.crm.activity_kinds import DIRECTIONS, KINDS
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import History
from scoring_ml.data.values.vocabulary import Words, folded
from scoring_ml.features.lead_moments import LONGEST_WORD

NOT_COUNTED: Final = -1
"""A word that the mapping gives no meaning; a type below it is of no kind that is known."""

NOT_TOLD: Final = -1
"""No direction."""

PLACES: Final[Mapping[str, int]] = {kind: place for place, kind in enumerate(KINDS)}
"""Kind -> its place in :data:`KINDS`."""

Reader = Callable[[Any], int]
T = TypeVar("T")


def kind_reader(history: History) -> Reader:
    """Return what reads a type: a place in :data:`KINDS`, or :data:`NOT_COUNTED`.

    Types of no kind that is known get numbers below it, a different one for each.
    """
    # What is no kind of ours cannot be meant.
    ours = {w: kind for w, kind in history.kind_words.items() if not kind or kind in PLACES}
    words = _words(tuple(ours.items()), history.missing, KINDS)
    strange: dict[str, int] = {}
    return _sure(partial(_kind, words=words, strange=strange), history, "type", KINDS)


def direction_reader(history: History) -> Reader:
    """Return what reads a direction: 1 for the lead, 0 for us, or :data:`NOT_TOLD`."""
    ours = tuple(DIRECTIONS)
    words = _words(tuple(history.direction_words.items()), history.missing, ours)
    return _sure(partial(_direction, words=words), history, "direction", ours)


def stage_reader(history: History) -> Reader:
    """Return what reads a stage: its place in ``history.stages``, or :data:`NOT_COUNTED`."""
    places = _stage_places(history.stages)
    words = _words(tuple(history.stage_words.items()), history.missing, tuple(places))
    read = partial(_stage, words=words, places=places, stages=history.stages)
    return _sure(read, history, "stage", tuple(places))


def touch_reader(history: History, touch: str) -> Callable[[str], str | None]:
    """Return what reads the name of a campaign (or channel); ``None`` where none is told.

    Parameters
    ----------
    history : History
    touch : {"campaign", "channel"}
    """
    words = _words(tuple(_meanings(history, touch).items()), history.missing, ())
    return _sure(words.read, history, touch, ())


def _meanings(history: History, column: str) -> Mapping[str, str]:
    return {
        "type": history.kind_words,
        "direction": history.direction_words,
        "stage": history.stage_words,
        "campaign": history.campaign_words,
        "channel": history.channel_words,
    }[column]


def _sure(
    read: Callable[[Any], T], history: History, column: str, ours: tuple[str, ...]
) -> Callable[[Any], T]:
    """Return a reader that refuses words to which the export's files give different meanings."""
    unclear = history.unclear_words.get(column)
    if not unclear:
        return read
    # Unclear words stand for themselves, and nothing else that the mapping names does.
    named = dict.fromkeys(_meanings(history, column), "")
    doubts = Words(named | {word: word for word in unclear}, history.missing, frozenset(ours))

    def checked(raw: Any) -> T:
        if isinstance(raw, str) and len(raw) <= LONGEST_WORD:
            instead = unclear.get(doubts.read(raw) or "")
            if instead is not None:
                must = "must be a word that means the same in every file of the export"
                raise ValueError(f"{must}; write {instead}" if instead else must)
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


def _kind(raw: Any, *, words: Words, strange: dict[str, int]) -> int:
    if not isinstance(raw, str) or not raw.strip() or len(raw) > LONGEST_WORD:
        raise ValueError("must be a word, such as web_visit")
    word = words.read(raw)
    if word is None:
        return NOT_COUNTED
    place = PLACES.get(folded(word))
    return strange.setdefault(word, NOT_COUNTED - 1 - len(strange)) if place is None else place


def _direction(raw: Any, *, words: Words) -> int:
    if raw is None:
        return NOT_TOLD
    if not isinstance(raw, str) or len(raw) > LONGEST_WORD:
        raise ValueError("must be inbound or outbound")
    word = words.read(raw)
    if word is None:
        return NOT_TOLD
    said = DIRECTIONS.get(folded(word))
    if said is None:
        raise ValueError("must be inbound or outbound")
    return int(said)


def _stage(raw: Any, *, words: Words, places: Mapping[str, int], stages: tuple[str, ...]) -> int:
    must = f"must be one of {', '.join(stages)}"
    if not isinstance(raw, str) or not raw.strip() or len(raw) > LONGEST_WORD:
        raise ValueError(must)
    word = words.read(raw)
    if word is None:
        return NOT_COUNTED
    place = places.get(folded(word))
    if place is None:
        like = nearest(raw[:200], stages)
        raise ValueError(f"{must}; did you mean {like}?" if like else must)
    return place
