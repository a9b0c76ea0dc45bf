"""The stages of crm.yaml: the funnel's order, its two ends, and where sales takes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scoring_ml.data.section import Fault, Section, choose
from scoring_ml.data.section_values import Flag, Word, Words
from scoring_ml.data.values.vocabulary import tidy


@dataclass(frozen=True)
class Funnel(Section):
    """The stages of a lead.

    Parameters
    ----------
    order : tuple of str
        Stages in the funnel's order, without the two ends.
    won, lost : tuple of str
        Stages that end a lead.
    hand_over : str or None
        The stage of ``order`` at which sales takes over.
    after_hand_over : bool
        Whether leads are scored after the hand-over, so that the response of sales counts.
    """

    order: Words = ()
    won: Words = ()
    lost: Words = ()
    hand_over: Word | None = None
    after_hand_over: Flag = False

    WHOLE: ClassVar = True

    @property
    def names(self) -> tuple[str, ...]:
        """All stages, the ends last."""
        return (*self.order, *self.won, *self.lost)

    def check(self) -> None:
        """Refuse a stage without a name or named twice, and a hand-over that is none of them."""
        names = [tidy(name).casefold() for name in self.names]
        twice = sorted({name for name in names if names.count(name) > 1 or not name})
        if twice:
            raise Fault("Every stage must be named once", f"{twice[0]!r} twice or empty")
        if self.hand_over is not None:
            choose(self.hand_over, self.order, "stages.hand_over")
