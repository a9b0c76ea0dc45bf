"""True effects in the demo's world: what adds to the log-odds of a win, by ``world.yaml``.

``docs/demo-data.md`` tells the same in words, and why. The tables are used to make the leads, so
nothing else can be true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.yaml_file import packaged

WORLD: Final = packaged("scoring_ml.demo", "world.yaml")
"""The tables of the demo's world, by name."""

INTERCEPT: Final = -5.1
"""Log-odds of a lead to which no effect applies."""

HORIZON_DAYS: Final = 60.0
"""A lead counts as won if it is won within so many days of the moment at which it is seen."""

ATTRIBUTE_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(levels) for name, levels in WORLD["levels"].items()
}

Attributes = Mapping[str, NDArray[Any]]
"""Attributes of leads: whole numbers for categories (place in :data:`ATTRIBUTE_LEVELS`, -1 for
none), ``float64`` for numbers (NaN for none)."""


@dataclass(frozen=True)
class Requirement:
    """What must hold of another attribute for an effect to count.

    Parameters
    ----------
    field : str
        The attribute; one that is not known holds nothing.
    one_of : sequence of str
        For a category: the levels that will do.
    at_least, at_most : float
        For a number.
    """

    field: str
    one_of: Sequence[str] = ()
    at_least: float = -np.inf
    at_most: float = np.inf

    def holds(self, attributes: Attributes) -> NDArray[np.bool_]:
        """Tell for which leads it holds, shape (n,)."""
        value = attributes[self.field]
        if not self.one_of:
            return np.asarray((value >= self.at_least) & (value <= self.at_most))
        levels = ATTRIBUTE_LEVELS[self.field]
        return np.isin(value, [levels.index(level) for level in self.one_of])


@dataclass(frozen=True)
class Effect:
    """The true effect of one attribute on the log-odds of a win.

    Parameters
    ----------
    logodds : float
        What is added: once for a level, else per step.
    level : str or None
        The level that has the effect; ``None`` for a number that counts in doublings, from ``low``
        on and no further than ``high``.
    only : Requirement or None
        For an interaction: what must hold beside it.
    """

    field: str
    logodds: float
    level: str | None = None
    low: float = 1.0
    high: float = 1.0
    only: Requirement | None = None

    def added(self, attributes: Attributes) -> NDArray[np.float64]:
        """Log-odds added to each lead, shape (n,); an attribute not known adds nothing."""
        value = attributes[self.field]
        if self.level is None:
            doublings = np.log2(np.clip(value, self.low, self.high) / self.low)
            added = np.nan_to_num(self.logodds * doublings, nan=0.0)
        else:
            holds = value == ATTRIBUTE_LEVELS[self.field].index(self.level)
            added = np.where(holds, self.logodds, 0.0)
        return added if self.only is None else np.where(self.only.holds(attributes), added, 0.0)


def _effect(only: Mapping[str, Any] | None = None, **item: Any) -> Effect:
    return Effect(**item, only=None if only is None else Requirement(**only))


RESPONSE_FIELD: Final = "hours_to_first_response"

TRUE_EFFECTS: Final = tuple(_effect(**item) for item in WORLD["effects"])


def true_logodds(attributes: Attributes) -> NDArray[np.float64]:
    """Log-odds of a win from leads' attributes alone, each of shape (n,), by :data:`TRUE_EFFECTS`.

    It takes every attribute that has an effect; one that is not known adds nothing.
    """
    parts = [effect.added(attributes) for effect in TRUE_EFFECTS]
    total: NDArray[np.float64] = INTERCEPT + np.sum(parts, axis=0)
    return total


@dataclass(frozen=True)
class ActivityRate:
    """How often leads do one kind of activity, by whether they will buy.

    Parameters
    ----------
    a_day, before : float
        Times a day after creation, for a lead of average activity that will not buy, before its
        interest fades; and before creation, when nobody knows the visitor.
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

ACTIVITY_RATES: Final = tuple(ActivityRate(**item) for item in WORLD["activities"])

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
    """A branch of the funnel, from one of :data:`STATES` to another.

    ``buyer`` and ``other`` are the chances that a lead that will buy, and one that will not, goes
    this way when it leaves ``origin``. What is left of the others is lost.
    """

    origin: str
    to: str
    buyer: float
    other: float

    @property
    def logodds(self) -> float:
        """Log-likelihood ratio of the step."""
        return float(np.log(self.buyer / self.other))


STAY_DAYS: Final[Mapping[str, float]] = WORLD["stay_days"]

STATES: Final = tuple(STAY_DAYS)
"""Where an open lead can be, in the order in which it can get there."""

HURRIED: Final = Requirement(**WORLD["hurried"])
HURRY: Final[float] = WORLD["hurry"]
"""Leads that will buy and are :data:`HURRIED` leave every state so many times as fast."""

FUNNEL_STEPS: Final = tuple(FunnelStep(**item) for item in WORLD["steps"])
