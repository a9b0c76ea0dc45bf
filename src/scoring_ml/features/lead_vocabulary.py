"""The words of a request for kinds, directions, stages and touches, as the mapping reads them.

A company's words are the same in its export and in a request, so the same translation holds. What
an export leaves out of the count, because its mapping says so, is left out of a request, too.
Messages never quote a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from scoring_ml.data.crm.activity_kinds import (
    DIRECTIONS,
    KIND_PLACES,
    RESULTS,
    is_automatic,
    sent_by_lead,
    was_held,
)
from scoring_ml.data.history import History
from scoring_ml.data.names import nearest
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.limits import MAX_NAME
from scoring_ml.data.values.vocabulary import Vocabulary, folded

NOTHING: Final = -1
"""No word, or one that the mapping gives no meaning; a type below it is of no known kind."""

WordReader = Callable[[Any], int]
"""From a word, or what stands in its place, to a number; raises ``InvalidValue``."""

_T = TypeVar("_T")


def kind_reader(history: History) -> WordReader:
    """Return what reads a type: a place among the kinds, or :data:`NOTHING`.

    Types of no kind that is known get numbers below it, a different one for each.
    """
    unknown: dict[str, int] = {}

    def other(_: Any, word: str | None) -> int:
        if word is None:
            raise InvalidValue("kind")
        return unknown.setdefault(word, NOTHING - 1 - len(unknown))

    return _reader(history, "type", KIND_PLACES, other)


def direction_reader(history: History) -> WordReader:
    """Return what reads a direction: 1 for the lead, 0 for us, or :data:`NOTHING`."""

    def other(_: Any, word: str | None) -> int:
        by_lead = None if word is None else sent_by_lead(word, history.own_domains)
        if by_lead is None:
            raise InvalidValue("direction")
        return int(by_lead)

    return _reader(history, "direction", DIRECTIONS, other, optional=True)


def result_reader(history: History) -> WordReader:
    """Return what reads a result: 0 for what did not come about, else 1 or :data:`NOTHING`."""

    def other(_: Any, word: str | None) -> int:
        if word is None:
            raise InvalidValue("result")
        return int(was_held(word) is not False)

    return _reader(history, "result", RESULTS, other, optional=True)


def subject_reader(raw: Any) -> int:
    """Read a subject: 0 for what nobody wrote or attended, else :data:`NOTHING`."""
    if raw is not None and not isinstance(raw, str):
        raise InvalidValue("text")
    return 0 if raw and is_automatic(raw) else NOTHING


def stage_reader(history: History) -> WordReader:
    """Return what reads a stage: its place in ``history.stages``, or :data:`NOTHING`."""
    stages = history.stages

    def other(raw: Any, word: str | None) -> int:
        like = None if word is None else nearest(raw[:MAX_NAME], stages)
        if like is None:
            raise InvalidValue("stage", stages=stages)
        raise InvalidValue("stage_like", stages=stages, like=like)

    places = {folded(name): place for place, name in enumerate(stages)}
    return _reader(history, "stage", places, other)


def touch_reader(history: History, touch: str) -> Callable[[str], str | None]:
    """Return what reads the name of a campaign (or channel); ``None`` where there is none."""
    words = _words(tuple(_meanings(history, touch).items()), history.missing, ())
    return _refuse_unclear(words.read, history, touch, ())


def _reader(
    history: History,
    column: str,
    places: Mapping[str, int],
    other: Callable[[Any, str | None], int],
    *,
    optional: bool = False,
) -> WordReader:
    """Return what reads a column of words that have places; ``other`` reads all that have none."""
    words = _words(tuple(_meanings(history, column).items()), history.missing, tuple(places))

    def read(raw: Any) -> int:
        if raw is None and optional:
            return NOTHING
        if not isinstance(raw, str) or not (optional or raw.strip()):
            return other(raw, None)
        word = words.read(raw)
        if word is None:
            return NOTHING
        place = places.get(folded(word))
        return other(raw, word) if place is None else int(place)

    return _refuse_unclear(read, history, column, tuple(places))


def _meanings(history: History, column: str) -> Mapping[str, str]:
    words = getattr(history, f"{'kind' if column == 'type' else column}_words")
    # What is no kind of ours cannot be meant.
    return {w: m for w, m in words.items() if column != "type" or not m or m in KIND_PLACES}


def _refuse_unclear(
    read: Callable[[Any], _T], history: History, column: str, own: tuple[str, ...]
) -> Callable[[Any], _T]:
    """Return a reader that refuses words to which the export's files give different meanings."""
    unclear = history.unclear_words.get(column)
    if not unclear:
        return read
    # Unclear words stand for themselves, and nothing else that the mapping names does.
    named = dict.fromkeys(_meanings(history, column), "")
    unclear_words = Vocabulary(named | {word: word for word in unclear}, history.missing, own)

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
    meanings: tuple[tuple[str, str], ...], missing: tuple[str, ...], own: tuple[str, ...]
) -> Vocabulary:
    return Vocabulary(dict(meanings), missing, frozenset(own))
