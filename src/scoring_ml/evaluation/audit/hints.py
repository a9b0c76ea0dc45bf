"""Hints of names and words: what was written up to the end of a lead often says so."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.names import has_word, parted_name
from scoring_ml.data.yaml_file import packaged


def hints_at(kind: str, name: str) -> bool:
    """Tell whether a word of a column's name begins with a hint of one kind.

    The kinds are ``ending`` of a lead, ``work`` on it, and the ``period`` of the row.

    >>> hints_at("ending", "daysToClose"), hints_at("work", "Количество звонков")
    (True, True)
    >>> hints_at("ending", "closet_size"), hints_at("period", "utm_campaign")
    (False, True)
    """
    return has_word(parted_name(name), _pattern(kind))


def says_end(value: Any) -> bool:
    """Tell whether a value is in the words of an end, such as "closed, wrong number"."""
    return has_word(folded_word(str(value)), _pattern("words"))


@lru_cache(maxsize=8)
def _pattern(kind: str) -> str:
    return "|".join(packaged("scoring_ml.evaluation.audit", "hints.yaml")[kind])
