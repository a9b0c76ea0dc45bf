"""Words and codes of an outcome: which of a column's values mean won, lost and open."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.values.numbers import parse_boolean, parse_number
from scoring_ml.data.values.vocabulary import MISSING_WORDS
from scoring_ml.data.yaml_file import packaged

OUTCOMES: Final = ("won", "lost", "open")


def outcome_meanings(texts: Collection[str], *, beside_deals: bool = False) -> dict[str, str]:
    """Return ``won``, ``lost``, ``open`` or ``other`` for each value of a column.

    Codes such as 142 and 143 mean something only if both stand there. Where deals tell what became
    of a lead, one that is converted is not won yet.

    >>> outcome_meanings(["142", "143", "3001"])
    {'142': 'won', '143': 'lost', '3001': 'open'}
    >>> outcome_meanings(["Closed - Converted", "Junk Lead", "Working", "gold"])
    {'Closed - Converted': 'won', 'Junk Lead': 'lost', 'Working': 'open', 'gold': 'other'}
    """
    codes = {text: _code(text) for text in texts if text.casefold() not in MISSING_WORDS}
    meanings = _by_codes(set(codes.values()))
    found = {
        text: "open" if text not in codes else meanings.get(codes[text]) or _by_words(text)
        for text in texts
    }
    if beside_deals:
        converted = "|".join(_vocabulary()["converted"])
        found |= {t: "open" for t, k in found.items() if k == "won" and re.search(converted, t)}
    return found


def _code(text: str) -> str:
    """Return a whole number in its shortest form, anything else folded."""
    try:
        value = parse_number(text)
    except ValueError:
        return folded_word(text)
    return f"{value:.0f}" if value.is_integer() else f"{value!r}"


def _by_codes(codes: set[str]) -> Mapping[str, str]:
    for entry in _vocabulary()["codes"]:
        meaning = {str(code): kind for kind in OUTCOMES for code in entry.get(kind, ())}
        here = {meaning[code] for code in codes if code in meaning}
        rest = [code for code in codes if code not in meaning]
        if {"won", "lost"} <= here and (
            not rest or ("other" in entry and all(re.fullmatch(r"[\d.]+", code) for code in rest))
        ):
            return meaning | dict.fromkeys(rest, "open")
    return {}


def _by_words(text: str) -> str:
    try:
        return {1.0: "won", 0.0: "lost"}[parse_boolean(text)]
    except ValueError:
        word = folded_word(text)
    for kind in OUTCOMES:
        if any(re.fullmatch(pattern, word) for pattern in _vocabulary()[kind]):
            return kind
    return "other"


def _vocabulary() -> Mapping[str, Any]:
    return packaged("scoring_ml.data.drafting", "outcomes.yaml")
