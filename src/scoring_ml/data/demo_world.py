"""The demo's world: leads as they truly are, and what of it anybody recorded.

Everything is drawn at once as arrays, so that a quarter of a million leads take a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.demo_effects import LEVELS, true_logodds

STARTED_AT: Final = np.datetime64("2024-11-01T00:00:00")
EXTRACTED_AT: Final = np.datetime64("2026-11-01T00:00:00")
"""Moment of the export; what became of a lead after it is not in the file."""


@dataclass(frozen=True)
class World:
    """Leads as they truly are, and what of it was recorded.

    Parameters
    ----------
    true : mapping of str to array of shape (n,)
        Every attribute, answered or not; text for categories, float64 else (yes is 1.0).
    known : mapping of str to array of shape (n,)
        The same with ``None`` or NaN where nobody answered, beside fields without any effect.
    probability : array of shape (n,)
        True probability of a win, in (0, 1).
    created : array of shape (n,)
        Moments in UTC, rising, whole seconds.
    """

    true: Mapping[str, NDArray[Any]]
    known: Mapping[str, NDArray[Any]]
    probability: NDArray[np.float64]
    created: NDArray[np.datetime64]


# By source, in the order of LEVELS: share of leads, and share that left out the second page of
# the form. Cold contacts answer less.
_SOURCE_SHARE: Final = (0.24, 0.24, 0.22, 0.08, 0.08, 0.08, 0.06)
SKIPPED_PAGE_TWO: Final[Mapping[str, float]] = dict(
    zip(LEVELS["source"], (0.25, 0.30, 0.45, 0.20, 0.35, 0.15, 0.50), strict=True)
)
"""Share of leads, by source, that left the whole second page of the form empty."""

LEFT_EMPTY: Final[Mapping[str, float]] = {
    "budget_amount": 0.30,
    "need_urgency": 0.15,
    "timeline_days": 0.20,
    "role": 0.12,
    "current_solution": 0.15,
    "employees": 0.12,
    "industry": 0.05,
}
"""Share of leads that left this one answer empty, whatever the source."""

PAGE_TWO: Final = ("budget_amount", "need_urgency", "timeline_days", "role", "current_solution")
"""Answers on the second page of the form; an empty page comes on top of an empty answer."""

_FA = ("Iran", "Afghanistan")
_RU = ("Russia", "Kazakhstan")
_COUNTRY_SHARE: Final = (0.2, 0.1, 0.08, 0.27, 0.04, 0.23, 0.08)
_UTC_OFFSET_MINUTES: Final = (-300, 0, -300, 210, 270, 180, 300)
_INDUSTRY_SHARE: Final = (0.18, 0.11, 0.1, 0.17, 0.1, 0.15, 0.1, 0.09)
_TIMELINES: Final = (7, 14, 21, 30, 45, 60, 90, 120, 180, 365)


def draw_world(leads: int, seed: np.random.SeedSequence) -> World:
    """Draw leads and what is known of them, oldest first.

    Parameters
    ----------
    leads : int
        How many, 1 or more.
    seed : SeedSequence
        The same seed and number give the same bits.
    """
    rng = np.random.default_rng(seed)
    true: dict[str, NDArray[Any]] = {}
    country = rng.choice(len(_COUNTRY_SHARE), size=leads, p=_COUNTRY_SHARE)
    created = _draw_created(rng, country)
    order = np.argsort(created, kind="stable")
    country, created = country[order], created[order]
    true["country"] = _levels("country", country)
    market = np.select([np.isin(true["country"], _FA), np.isin(true["country"], _RU)], [1, 2], 0)
    # Some write in English wherever they are.
    true["language"] = _levels("language", np.where(rng.random(leads) < 0.08, 0, market))
    _draw_origin(rng, true, market, created)
    # How much a lead wants it shows in what it says and in what it does; it counts only by these.
    intent = rng.standard_normal(leads) + np.select(
        [true["source"] == "Referral", true["campaign"] == "Tablet giveaway"], [0.5, -0.6], 0.0
    )
    _draw_company(rng, true)
    _draw_need(rng, true, intent)
    _draw_behaviour(rng, true, intent)
    giveaway = true["campaign"] == "Tablet giveaway"
    outbound = true["source"] == "Outbound list"
    bad = rng.random(leads) < np.select([giveaway, outbound], [0.2, 0.12], 0.04)
    true["email"] = _levels("email", bad.astype(np.int64))
    bad = rng.random(leads) < np.select([giveaway, outbound], [0.4, 0.25], 0.08)
    true["phone"] = _levels("phone", bad.astype(np.int64))
    given = rng.random(leads) < np.where(true["source"] == "Outbound list", 0.95, 0.72)
    true["phone"][~given] = None
    probability = 1.0 / (1.0 + np.exp(-true_logodds(true)))
    return World(true, _forget(rng, true), probability, created)


def _levels(field: str, codes: NDArray[np.integer[Any]]) -> NDArray[Any]:
    words: NDArray[Any] = np.array(LEVELS[field], dtype=object)[codes]
    return words


def _draw_created(rng: np.random.Generator, country: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Moments with seasons, weekends and office hours, in UTC."""
    # The last day is left out: an evening in Toronto is already the next day in UTC.
    days = np.arange(STARTED_AT.astype("M8[D]"), EXTRACTED_AT.astype("M8[D]"))[:-1]
    weekday = (days.astype(np.int64) + 3) % 7
    in_year = (days - days.astype("M8[Y]").astype("M8[D]")).astype(np.int64) / 365.25
    weight = np.where(weekday >= 5, 0.35, 1.0) * (1.0 + 0.15 * np.cos(4 * np.pi * (in_year - 0.2)))
    weight *= np.where((in_year < 0.02) | (in_year > 0.97), 0.5, 1.0)
    day = rng.choice(len(days), size=len(country), p=weight / weight.sum())
    # In Iran Friday is the day of rest and Saturday a working day.
    rest = (weekday[day] == 4) & (country == LEVELS["country"].index("Iran"))
    day = np.minimum(day + (rest & (rng.random(len(country)) < 0.8)), len(days) - 1)
    office = rng.random(len(country)) < 0.75
    hours = np.where(
        office,
        np.clip(rng.normal(13.0, 2.5, len(country)), 8.0, 19.0),
        rng.uniform(6.0, 24.0, len(country)),
    )
    seconds = (hours * 3600).astype(np.int64) - 60 * np.take(_UTC_OFFSET_MINUTES, country)
    created = days[day].astype("M8[s]") + seconds.astype("m8[s]")
    in_time: NDArray[np.datetime64] = np.maximum(created, STARTED_AT)
    return in_time


def _draw_origin(
    rng: np.random.Generator,
    true: dict[str, NDArray[Any]],
    market: NDArray[np.int64],
    created: NDArray[np.datetime64],
) -> None:
    """Source, campaign and medium; the giveaway grows from a tenth to a sixth of all leads."""
    leads = len(market)
    source = rng.choice(len(_SOURCE_SHARE), size=leads, p=_SOURCE_SHARE)
    true["source"] = _levels("source", source)
    age = (created - STARTED_AT) / (EXTRACTED_AT - STARTED_AT)
    first = rng.random(leads) < np.where(true["source"] == "Social", 0.45 + 0.3 * age, 0.55)
    # Position in LEVELS of a source's first campaign; an event is the one of its market.
    start = np.take([-1, 0, 2, 4, 5, -1, 8], source)
    two = np.isin(true["source"], ("Paid search", "Social"))
    shift = np.where(two, ~first, np.where(true["source"] == "Event", market, 0))
    true["campaign"] = np.array([*LEVELS["campaign"], None], dtype=object)[
        np.where(start < 0, -1, start + shift)
    ]
    true["utm[medium]"] = _levels("utm[medium]", np.take([0, 1, 2, 3, 4, 5, 3], source))


def _draw_company(rng: np.random.Generator, true: dict[str, NDArray[Any]]) -> None:
    leads = len(true["source"])
    industry = rng.choice(len(_INDUSTRY_SHARE), size=leads, p=_INDUSTRY_SHARE)
    true["industry"] = _levels("industry", industry)
    shares = np.where(
        (true["campaign"] == "Tablet giveaway")[:, None],
        (0.06, 0.1, 0.34, 0.5),
        np.where(
            (true["source"] == "Referral")[:, None],
            (0.35, 0.35, 0.28, 0.02),
            (0.22, 0.28, 0.4, 0.1),
        ),
    )
    role = (rng.random(leads)[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    true["role"] = _levels("role", role)
    private = true["role"] == "Private person"
    size = np.exp(np.where(private, 1.5, 4.1) + 1.4 * rng.standard_normal(leads))
    true["employees"] = np.round(np.clip(size, 1, 20_000))
    budget = np.exp(
        9.0 + 0.35 * np.log(true["employees"] / 60.0) + 0.8 * rng.standard_normal(leads)
    )
    true["budget_amount"] = np.clip(
        np.where(budget < 20_000, 500 * np.round(budget / 500), 5_000 * np.round(budget / 5_000)),
        500,
        500_000,
    )


def _draw_need(
    rng: np.random.Generator, true: dict[str, NDArray[Any]], intent: NDArray[np.float64]
) -> None:
    leads = len(intent)
    need = 0.8 * intent + 0.6 * rng.standard_normal(leads)
    true["need_urgency"] = _levels("need_urgency", (need < 0.85).astype(int) + (need < -0.1))
    days = np.exp(4.2 - 0.5 * need + 0.6 * rng.standard_normal(leads))
    middles = np.sqrt(np.multiply(_TIMELINES[1:], _TIMELINES[:-1]))
    true["timeline_days"] = np.array(_TIMELINES, dtype=np.float64)[np.searchsorted(middles, days)]
    true["current_solution"] = _levels(
        "current_solution", rng.choice(4, size=leads, p=(0.35, 0.2, 0.25, 0.2))
    )


def _draw_behaviour(
    rng: np.random.Generator, true: dict[str, NDArray[Any]], intent: NDArray[np.float64]
) -> None:
    leads = len(intent)
    pages = rng.poisson(np.exp(1.2 + 0.45 * intent + 0.6 * rng.standard_normal(leads)))
    true["pages_viewed"] = np.minimum(1.0 + pages, 150.0)
    minutes = true["pages_viewed"] * rng.gamma(2.0, 0.6, leads)
    true["minutes_on_site"] = np.round(minutes, 1)
    true["downloads"] = np.minimum(rng.poisson(0.6 * np.exp(0.4 * intent)), 9).astype(np.float64)
    wants = rng.random(leads) < 1.0 / (1.0 + np.exp(1.4 - intent))
    true["demo_requested"] = wants.astype(np.float64)
    came = np.where(true["source"] == "Webinar", 0.7, 0.12)
    true["webinar_attended"] = (rng.random(leads) < came).astype(np.float64)
    true["newsletter"] = (rng.random(leads) < 0.4).astype(np.float64)
    true["preferred_contact_hour"] = rng.integers(8, 20, leads).astype(np.float64)


def _forget(rng: np.random.Generator, true: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Leave out the answers that nobody gave."""
    leads = len(true["source"])
    by_source = np.array([SKIPPED_PAGE_TWO[name] for name in LEVELS["source"]])
    codes = pd.Categorical(true["source"], categories=LEVELS["source"]).codes
    skipped = rng.random(leads) < by_source[codes]
    known = dict(true)
    for name, share in LEFT_EMPTY.items():
        gone = rng.random(leads) < share
        known[name] = _without(true[name], gone | skipped if name in PAGE_TWO else gone)
    known["utm[medium]"] = _without(true["utm[medium]"], rng.random(leads) < 0.12)
    hour = true["preferred_contact_hour"]
    known["preferred_contact_hour"] = _without(hour, rng.random(leads) < 0.5)
    return known


def _without(values: NDArray[Any], gone: NDArray[np.bool_]) -> NDArray[Any]:
    left = values.copy()
    left[gone] = None if values.dtype == object else np.nan
    return left
