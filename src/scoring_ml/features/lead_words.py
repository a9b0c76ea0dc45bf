"""The words of a request for kinds, directions, stages and touches, as the mapping reads them.

A company's words are the same in its export and in a request, so the same translation holds. What
an export leaves out of the count, because its mapping says so, is left out of a request, too.
Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from scoring_ml.data.kinds import DIRECTIONS, KINDS
from scoring_ml.data.schema import History, nearest
from scoring_ml.data.words import Words, folded
from scoring_ml.features.lead_moments import LONGEST_WORD

NOT_COUNTED: Final = -1
"""A word that the mapping gives no meaning; a type below it is of no kind that is known."""

NOT_TOLD: Final = -1
"""No direction."""

PLACES: Final[Mapping[str, int]] = {kind: place for place, kind in enumerate(KINDS)}
"""Kind -> its place in :data:`KINDS`."""

Reader = Callable[[Any], int]


def kind_reader(history: History) -> Reader:
    """Return what reads a type: a place in :data:`KINDS`, or :data:`NOT_COUNTED`.

    Types of no kind that is known get numbers below it, a different one for each.
    """
    # What is no kind of ours cannot be meant.
    ours = {w: kind for w, kind in history.kind_words.items() if not kind or kind in PLACES}
    words = _words(tuple(ours.items()), history.missing, KINDS)
    strange: dict[str, int] = {}
    return partial(_kind, words=words, strange=strange)


def direction_reader(history: History) -> Reader:
    """Return what reads a direction: 1 for the lead, 0 for us, or :data:`NOT_TOLD`."""
    meanings = tuple(history.direction_words.items())
    return partial(_direction, words=_words(meanings, history.missing, tuple(DIRECTIONS)))


def stage_reader(history: History) -> Reader:
    """Return what reads a stage: its place in ``history.stages``, or :data:`NOT_COUNTED`."""
    places = _stage_places(history.stages)
    words = _words(tuple(history.stage_words.items()), history.missing, tuple(places))
    return partial(_stage, words=words, places=places, stages=history.stages)


def touch_words(history: History, touch: str) -> Words:
    """Return how campaigns (or channels) are named.

    Parameters
    ----------
    history : History
    touch : {"campaign", "channel"}
    """
    meanings = {"campaign": history.campaign_words, "channel": history.channel_words}[touch]
    return _words(tuple(meanings.items()), history.missing, ())


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
