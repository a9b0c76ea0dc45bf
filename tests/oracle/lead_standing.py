"""The standing of a lead, won, lost or open, from its facts, in plain words.

A deal is what its newest fact says. The lead's own history are the stages that no deal entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

OWN: Final = "(the lead itself)"
_RANK: Final = {"open": 0, "lost": 1, "won": 2}


@dataclass(frozen=True)
class OneSaying:
    """What a row says of one deal, or of the lead itself."""

    deal: str
    says: str
    at: int
    known_at: int


def standing(sayings: Sequence[OneSaying], moment: int, *, as_known: bool = True) -> str:
    """Return "won", "lost" or "open" from what was known before a moment, or had happened."""
    seen = sorted(
        (fact for fact in sayings if (fact.known_at if as_known else fact.at) < moment),
        key=lambda fact: (fact.at, fact.known_at, _RANK[fact.says]),
    )
    newest = {fact.deal: (place, fact.says) for place, fact in enumerate(seen)}
    own_place, own_says = newest.pop(OWN, (-1, "open"))
    left_a_win = own_says != "won" and any(f.deal == OWN and f.says == "won" for f in seen)
    for place, says in newest.values():
        taken_back = len(newest) == 1 and left_a_win and own_place > place
        if says == "won" and not taken_back:
            return "won"
    last_loss = max((place for place, says in newest.values() if says == "lost"), default=-1)
    if own_says == "won" and own_place > last_loss:
        return "won"
    if any(says == "open" for _, says in newest.values()):
        return "open"
    if last_loss > own_place or own_says == "lost":
        return "lost"
    return "open"


def is_won_between(sayings: Sequence[OneSaying], start: int, end: int) -> bool:
    """Tell whether a win lies in ``[start, end)`` that was not taken back before its end."""

    def won(moment: int) -> bool:
        return standing(sayings, moment, as_known=False) == "won"

    inside = sorted({fact.at for fact in sayings if start <= fact.at < end})
    begins = [at for at in inside if won(at + 1) and not won(at)]
    return bool(begins) and all(won(at + 1) for at in inside if at >= begins[-1])
