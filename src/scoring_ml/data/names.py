"""Names of columns: the most like a given one, the words of one."""

from __future__ import annotations

import re
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


def parted_name(name: str) -> str:
    """Return a name in lower case, parted into words.

    >>> parted_name("daysTo_close")
    'days to close'
    """
    parted = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])", " ", name)
    return " ".join(re.sub(r"[_\-./:\u200c]+", " ", parted).casefold().split())


def has_word(text: str, pattern: str) -> bool:
    """Tell whether a word of a text begins with a pattern."""
    return re.search(rf"(?<!\w)(?:{pattern})", text) is not None
