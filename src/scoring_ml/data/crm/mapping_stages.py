"""The stages of crm.yaml: the funnel's order, its two ends, and where sales takes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.data.schema import Place, words_of
from scoring_ml.data.values.vocabulary import tidy

_KEYS: Final = ("order", "won", "lost", "hand_over", "after_hand_over")


@dataclass(frozen=True)
class Funnel:
    """The stages of a lead.

    Parameters
    ----------
    order : tuple of str
        Without the two ends.
    won, lost : tuple of str
        Stages that end a lead.
    hand_over : str or None
        One of ``order``.
    after_hand_over : bool
    """

    order: tuple[str, ...] = ()
    won: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    hand_over: str | None = None
    after_hand_over: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All stages, the ends last."""
        return (*self.order, *self.won, *self.lost)

    @classmethod
    def parse(cls, content: Any, where: Place) -> Funnel:
        """Read the stages.

        Raises
        ------
        SchemaError
            If a stage has no name or is named twice, or the hand-over is none of them.
        """
        where.check_keys(content, _KEYS, "stages")
        order, won, lost = (words_of(content.get(key, ())) for key in ("order", "won", "lost"))
        names = [tidy(name).casefold() for name in (*order, *won, *lost)]
        twice = sorted({name for name in names if names.count(name) > 1 or not name})
        if twice:
            raise where.error("Every stage must be named once", f"{twice[0]!r} twice or empty")
        hand_over = content.get("hand_over")
        return cls(
            order,
            won,
            lost,
            None if hand_over is None else where.choice(hand_over, order, "stages.hand_over"),
            where.flag(content.get("after_hand_over", False), "stages.after_hand_over"),
        )

    def dump(self) -> dict[str, Any]:
        """Undo :meth:`parse`."""
        return {
            "order": list(self.order),
            "won": list(self.won),
            "lost": list(self.lost),
            "hand_over": self.hand_over,
            "after_hand_over": self.after_hand_over,
        }
