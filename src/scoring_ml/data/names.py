"""The name most like a given one, for messages about a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.process import extractOne


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like the given one, or ``None`` if none is alike.

    >>> nearest("budjet", ["budget", "timeline"])
    'budget'
    >>> nearest("zzz", ["budget", "timeline"]) is None
    True
    """
    match = extractOne(
        name, list(names), processor=lambda text: str(text).casefold(), score_cutoff=60
    )
    return None if match is None else str(match[0])
