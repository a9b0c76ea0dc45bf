"""What is true about winning in the demo's world: one table of effects, added up in log-odds.

``docs/demo-data.md`` tells the same in words, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

INTERCEPT: Final = -5.9
"""Log-odds of a lead to which no effect applies."""

LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "country": ("United States", "United Kingdom", "Canada", "Iran", "Afghanistan", "Russia",
                "Kazakhstan"),
    "language": ("en", "fa", "ru"),
    "source": ("Organic search", "Paid search", "Social", "Webinar", "Event", "Referral",
               "Outbound list"),
    "campaign": ("Brand search", "Comparison search", "Tablet giveaway", "Founder stories",
                 "Live product tour", "London expo", "نمایشگاه تهران", "Выставка в Москве",
                 "Spring outbound"),
    "utm[medium]": ("organic", "cpc", "social", "email", "offline", "referral"),
    "industry": ("Software", "Finance", "Logistics", "Manufacturing", "Healthcare", "Retail",
                 "Education", "Other"),
    "role": ("Owner or director", "Head of department", "Specialist", "Private person"),
    "need_urgency": ("must be solved now", "this year", "just looking"),
    "current_solution": ("Spreadsheets", "Nothing yet", "Competitor", "Own system"),
    "email": ("valid", "invalid"),
    "phone": ("valid", "invalid"),
}  # fmt: skip
"""Every level of every category; e-mail and phone count by whether they can work."""


@dataclass(frozen=True)
class Effect:
    """What one attribute truly adds to the log-odds of a win.

    Parameters
    ----------
    field : str
        The attribute.
    logodds : float
        What is added: once for a level, else per step.
    level : str or float or None
        The level that has the effect (``1.0`` for yes); ``None`` for a number that counts in
        steps.
    step : {"doubling", "unit"}
        For a number: what one step is, counted from ``low``.
    low, high : float
        For a number: it counts as ``low`` below and as ``high`` above.
    other, other_level : str
        For an interaction: the second attribute, and the level that it must have or the number
        that it must reach.
    """

    field: str
    logodds: float
    level: str | float | None = None
    step: str = "unit"
    low: float = 0.0
    high: float = 0.0
    other: str | None = None
    other_level: str | float | None = None

    def added(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Log-odds added to each lead, shape (n,); an attribute not known adds nothing."""
        value = values[self.field]
        if self.level is None:
            number = np.clip(value.astype(np.float64), self.low, self.high)
            steps = np.log2(number / self.low) if self.step == "doubling" else number - self.low
            return np.nan_to_num(self.logodds * steps, nan=0.0)
        holds = value == self.level
        if self.other is not None:
            second = values[self.other]
            reached = isinstance(self.other_level, float)
            holds = holds & (
                (second >= self.other_level) if reached else second == self.other_level
            )
        return np.where(holds, self.logodds, 0.0)


TRUE_EFFECTS: Final = (
    Effect("industry", 0.9, "Software"),
    Effect("industry", 0.9, "Finance"),
    Effect("industry", 0.4, "Logistics"),
    Effect("industry", -0.6, "Education"),
    Effect("industry", -0.6, "Other"),
    Effect("role", 1.2, "Owner or director"),
    Effect("role", 0.8, "Head of department"),
    Effect("role", -1.2, "Private person"),
    Effect("budget_amount", 0.35, step="doubling", low=2000.0, high=64000.0),
    Effect("need_urgency", 1.6, "must be solved now"),
    Effect("need_urgency", 0.7, "this year"),
    Effect("timeline_days", -0.3, step="doubling", low=14.0, high=224.0),
    Effect("current_solution", 0.3, "Spreadsheets"),
    Effect("pages_viewed", 0.4, step="doubling", low=1.0, high=32.0),
    Effect("downloads", 0.2, step="unit", low=0.0, high=3.0),
    Effect("demo_requested", 1.4, 1.0),
    Effect("webinar_attended", 0.5, 1.0),
    Effect("email", -0.8, "invalid"),
    Effect("phone", 0.8, "valid"),
    Effect("phone", -0.6, "invalid"),
    Effect("source", 0.9, "Referral"),
    Effect("source", -0.6, "Outbound list"),
    Effect("campaign", -0.5, "Tablet giveaway"),
    Effect("demo_requested", 0.4, 1.0, other="role", other_level="Owner or director"),
    Effect("need_urgency", 0.4, "must be solved now", other="budget_amount", other_level=16000.0),
)
"""All that is true about winning; whatever is not here has no effect of its own."""


def true_logodds(attributes: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Log-odds of a win, by :data:`TRUE_EFFECTS`.

    Parameters
    ----------
    attributes : mapping of str to array of shape (n,)
        Text for categories, numbers else (yes is 1.0); ``None`` or NaN where not known.

    Returns
    -------
    array of shape (n,)
        The true log-odds if every attribute is there; else the part that follows from those
        that are.
    """
    parts = [effect.added(attributes) for effect in TRUE_EFFECTS]
    total: NDArray[np.float64] = INTERCEPT + np.sum(parts, axis=0)
    return total
