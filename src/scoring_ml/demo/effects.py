"""True effects in the demo's world: tables of what adds to the log-odds of a win.

``docs/demo-data.md`` tells the same in words, and why. The tables are used to make the leads, so
nothing else can be true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

INTERCEPT: Final = -4.2
"""Log-odds of a lead to which no effect applies."""

HORIZON_DAYS: Final = 60.0
"""A lead counts as won if it is won within so many days of the moment at which it is seen."""

ATTRIBUTE_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "country": ("United States", "United Kingdom", "Canada", "Iran", "Afghanistan", "Russia",
                "Kazakhstan"),
    "language": ("en", "fa", "ru"),
    "source": ("Organic search", "Paid search", "Social", "Webinar", "Event", "Referral",
               "Outbound list"),
    "campaign": ("Brand search", "Comparison search", "Tablet giveaway", "Founder stories",
                 "Live product tour", "London expo", "نمایشگاه تهران", "Выставка в Москве",
                 "Spring outbound"),
    "medium": ("organic", "cpc", "social", "email", "offline"),
    "industry": ("Software", "Finance", "Logistics", "Manufacturing", "Healthcare", "Retail",
                 "Education", "Other"),
    "role": ("Owner or director", "Head of department", "Specialist", "Private person"),
    "need_urgency": ("must be solved now", "this year", "just looking"),
    "current_solution": ("Spreadsheets", "Nothing yet", "Competitor", "Own system"),
    "email": ("valid", "invalid"),
    "phone": ("valid", "invalid"),
}  # fmt: skip
"""Every level of every category; e-mail and phone count by whether they can work."""

Attributes = Mapping[str, NDArray[Any]]
"""Attributes of leads: whole numbers for categories (place in :data:`ATTRIBUTE_LEVELS`, -1 for
none), ``float64`` for numbers (NaN for none)."""


@dataclass(frozen=True)
class Effect:
    """The true effect of one attribute on the log-odds of a win.

    Parameters
    ----------
    field : str
        The attribute.
    logodds : float
        What is added: once for a level, else per step.
    level : str or None
        The level that has the effect; ``None`` for a number that counts in doublings.
    low, high : float
        For a number: doublings count from ``low`` on, and no further than ``high``.
    other : str or None
        For an interaction: a number that must be known, too.
    other_least : float
        What it must reach.
    """

    field: str
    logodds: float
    level: str | None = None
    low: float = 1.0
    high: float = 1.0
    other: str | None = None
    other_least: float = 0.0

    def added(self, attributes: Attributes) -> NDArray[np.float64]:
        """Log-odds added to each lead, shape (n,); an attribute not known adds nothing."""
        value = attributes[self.field]
        if self.level is None:
            doublings = np.log2(np.clip(value, self.low, self.high) / self.low)
            return np.nan_to_num(self.logodds * doublings, nan=0.0)
        holds = value == ATTRIBUTE_LEVELS[self.field].index(self.level)
        if self.other is not None:
            holds = holds & (attributes[self.other] >= self.other_least)
        return np.where(holds, self.logodds, 0.0)


RESPONSE_FIELD: Final = "hours_to_first_response"

TRUE_EFFECTS: Final = (
    Effect("industry", 0.9, "Software"),
    Effect("industry", 0.9, "Finance"),
    Effect("industry", 0.4, "Logistics"),
    Effect("industry", -0.6, "Education"),
    Effect("industry", -0.6, "Other"),
    Effect("role", 1.2, "Owner or director"),
    Effect("role", 0.8, "Head of department"),
    Effect("role", -0.6, "Private person"),
    Effect("budget_amount", 0.35, low=2000.0, high=64000.0),
    Effect("need_urgency", 1.8, "must be solved now"),
    Effect("need_urgency", 0.8, "this year"),
    Effect("timeline_days", -0.3, low=14.0, high=224.0),
    Effect("current_solution", 0.7, "Spreadsheets"),
    Effect("email", -1.2, "invalid"),
    Effect("phone", 0.8, "valid"),
    Effect("phone", -0.8, "invalid"),
    Effect("source", 1.2, "Referral"),
    Effect("source", -0.9, "Outbound list"),
    Effect("campaign", -0.7, "Tablet giveaway"),
    Effect(RESPONSE_FIELD, -0.14, low=0.25, high=64.0),
    Effect("need_urgency", 0.4, "must be solved now", other="budget_amount", other_least=16000.0),
)
"""All that is true about winning at the moment of creation; the evidence of what a lead does
afterwards, and of the stages it reaches, is added to it."""


def true_logodds(attributes: Attributes) -> NDArray[np.float64]:
    """Log-odds of a win from a lead's attributes alone, by :data:`TRUE_EFFECTS`.

    Parameters
    ----------
    attributes : mapping of str to array of shape (n,)
        Every attribute that has an effect.

    Returns
    -------
    array of shape (n,)
        The true log-odds if every attribute is there; else the part that follows from those
        that are.
    """
    parts = [effect.added(attributes) for effect in TRUE_EFFECTS]
    total: NDArray[np.float64] = INTERCEPT + np.sum(parts, axis=0)
    return total


@dataclass(frozen=True)
class ActivityRate:
    """How often leads do one kind of activity, by whether they will buy.

    Parameters
    ----------
    kind : str
        Of :data:`scoring_ml.data.crm.activity_kinds.BY_LEAD`.
    a_day : float
        Times a day after creation, for a lead of average activity that will not buy, before its
        interest fades.
    before : float
        Times a day before creation, when nobody knows the visitor.
    own_ratio : float
        How many times as often those do it who will buy, beside :data:`BUYER_RATIO`.
    """

    kind: str
    a_day: float
    before: float
    own_ratio: float

    @property
    def ratio(self) -> float:
        """How many times as often those do it who will buy."""
        return BUYER_RATIO * self.own_ratio


BUYER_RATIO: Final = 1.25
"""Those who will buy do everything so many times as often, whatever it is."""

ACTIVITY_RATES: Final = (
    ActivityRate("web_visit", 0.08, 0.12, 1.0),
    ActivityRate("download", 0.028, 0.025, 1.5),
    ActivityRate("email_click", 0.028, 0.0, 1.2),
    ActivityRate("webinar", 0.012, 0.0, 1.7),
    ActivityRate("demo_request", 0.016, 0.0, 2.8),
    ActivityRate("chat", 0.017, 0.0, 1.3),
)
"""Activities of leads of their own accord. Each event is worth the logarithm of its ratio; a visit
tells no more than that the lead does something at all."""

FADES_DAYS: Final = 15.0
"""The interest of leads that will not buy fades as ``exp(-age / 15 days)``; that of the others
does not. So an event at age t is worth a further ``t / 15`` days."""

RUSH: Final = 20.0
RUSH_DAYS: Final = 0.25
"""Right after creation leads do everything more often, ``1 + 20 exp(-age / 6 hours)`` times,
whether they will buy or not."""

BEFORE_DAYS: Final = 21.0
"""Visits before creation reach back at most so far."""

OPENS_A_DAY: Final = 0.12
"""E-mails opened a day, mostly by privacy robots: the same for all leads, so worth nothing."""


@dataclass(frozen=True)
class FunnelStep:
    """A branch of the funnel.

    Parameters
    ----------
    origin, to : str
        States of :data:`STATES`.
    buyer, other : float
        Chance that a lead that will buy, and one that will not, goes this way when it leaves
        ``origin``. What is left of the others is lost.
    """

    origin: str
    to: str
    buyer: float
    other: float

    @property
    def logodds(self) -> float:
        """Log-likelihood ratio of the step."""
        return float(np.log(self.buyer / self.other))


STATES: Final = ("lead", "mql", "sql", "recycled", "sql_again", "proposal")
"""Where an open lead can be; ``sql_again`` is the stage ``sql`` after a lead was recycled."""

STAY_DAYS: Final[Mapping[str, float]] = {
    "lead": 4.0, "mql": 5.0, "sql": 7.0, "recycled": 12.0, "sql_again": 7.0, "proposal": 9.0,
}  # fmt: skip
"""Mean days in a state, exponential, the same for all leads: waiting itself tells nothing."""

FUNNEL_STEPS: Final = (
    FunnelStep("lead", "mql", 1.0, 0.45),
    FunnelStep("mql", "sql", 1.0, 0.5),
    FunnelStep("sql", "proposal", 0.85, 0.4),
    FunnelStep("sql", "recycled", 0.15, 0.25),
    FunnelStep("recycled", "sql_again", 1.0, 0.4),
    FunnelStep("sql_again", "proposal", 1.0, 0.5),
)
"""From ``proposal`` a lead that will buy is won and any other is lost."""
