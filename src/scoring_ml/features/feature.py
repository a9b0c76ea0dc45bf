"""A computed feature: what people and models have to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scoring_ml.data.schema import Column
from scoring_ml.texts import Catalogue

ACTIVITIES: Final = "activities"
STAGES: Final = "stages"
CREATED_AT: Final = "created_at"
FIELDS: Final = "fields"


@dataclass(frozen=True)
class Feature:
    """One computed feature.

    Parameters
    ----------
    key : str
        Its texts stand at ``features.<key>`` in the message catalogues.
    known : str
        From when on it is known; its sentence stands at ``known_when.<known>``.
    needs : frozenset of str
        Of :data:`ACTIVITIES`, :data:`STAGES`, :data:`CREATED_AT` and :data:`FIELDS`: what it is
        computed from. Without them it is missing.
    unit : str or None
        Its word stands at ``feature_units.<unit>``.
    monotone : {"increasing", "decreasing"} or None
        Direction in which the chance of a win must not fall.
    part_of : str or None
        Main column of its family; ``None`` for the main column itself.
    after_hand_over : bool
        Whether it is known only after sales took the lead over.
    days : float or None
        Its window or half-life.
    """

    name: str
    key: str
    known: str
    needs: frozenset[str]
    type: str = "number"
    criterion: str = "other"
    unit: str | None = None
    monotone: str | None = None
    part_of: str | None = None
    after_hand_over: bool = False
    kind: str | None = None
    days: float | None = None
    field: Column | None = None

    def label(self, texts: Catalogue) -> str:
        """Return its name for people."""
        return self._text("label", texts)

    def what(self, texts: Catalogue) -> str:
        """Return what it is, in a sentence."""
        return self._text("what", texts)

    def when(self, texts: Catalogue) -> str:
        """Return from when on it is known, in a sentence."""
        return texts.text(f"known_when.{self.known}")

    def unit_text(self, texts: Catalogue) -> str | None:
        """Return its unit in words."""
        return None if self.unit is None else texts.text(f"feature_units.{self.unit}")

    def _text(self, part: str, texts: Catalogue) -> str:
        kind = None if self.kind is None else texts.text(f"kinds.{self.kind}")
        field = None if self.field is None else self.field.title
        return texts.text(f"features.{self.key}.{part}", kind=kind, n=self.days, field=field)
