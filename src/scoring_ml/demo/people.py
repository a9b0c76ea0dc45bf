"""The demo's leads as they truly are when they are created, whether anybody knows it or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.moments import DAY, Moments
from scoring_ml.demo.calendar import EXTRACTED_AT, SECOND_US, STARTED_AT, calendar, season
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS, BEFORE_DAYS, RESPONSE_FIELD

NO_CODE: Final = -1
"""Place of a category without a level, and account of a private person."""

LEADS_AN_ACCOUNT: Final = 1.6


@dataclass(frozen=True)
class People:
    """Leads, oldest first.

    Parameters
    ----------
    created_at : array of int64, shape (n,)
        Whole seconds, in microseconds since 1970 in UTC.
    account : array of int64, shape (n,)
        Number of the company; -1 for a private person.
    true : mapping of str to array, shape (n,)
        Every attribute, answered or not: ``int8`` places in ATTRIBUTE_LEVELS, else ``float64``.
    level : array of float, shape (n,)
        How active a lead is whatever it wants; 1 on average, independent of the outcome.
    before_days : array of float, shape (n,)
        How long before its creation a lead began to look at the web site.
    """

    created_at: Moments
    account: NDArray[np.int64]
    true: Mapping[str, NDArray[Any]]
    level: NDArray[np.float64]
    before_days: NDArray[np.float64]


def code(field: str, level: str) -> int:
    """Return the place of a level."""
    return ATTRIBUTE_LEVELS[field].index(level)


# By source, in the order of ATTRIBUTE_LEVELS.
_SOURCE_SHARE: Final = (0.24, 0.24, 0.22, 0.08, 0.08, 0.08, 0.06)
_COUNTRY_SHARE: Final = (0.2, 0.1, 0.08, 0.27, 0.04, 0.23, 0.08)
_MARKET: Final = (0, 0, 0, 1, 1, 2, 2)
_UTC_OFFSET_MINUTES: Final = (-300, 0, -300, 210, 270, 180, 300)
_INDUSTRY_SHARE: Final = (0.18, 0.11, 0.1, 0.17, 0.1, 0.15, 0.1, 0.09)
_TIMELINES: Final = (7, 14, 21, 30, 45, 60, 90, 120, 180, 365)
_IRAN: Final = 3


def draw_people(leads: int, rng: np.random.Generator) -> People:
    """Draw leads, 1 or more, oldest first."""
    companies = max(1, round(leads / LEADS_AN_ACCOUNT))
    account = rng.integers(0, companies, leads)
    country = _chosen(rng, companies, _COUNTRY_SHARE)[account]
    industry = _chosen(rng, companies, _INDUSTRY_SHARE)[account]
    created, local_hour, free_day = _draw_created(rng, country)
    order = np.argsort(created, kind="stable")
    created, local_hour, free_day = created[order], local_hour[order], free_day[order]
    account, country, industry = account[order], country[order], industry[order]
    size = rng.standard_normal(companies)[account]
    market = np.take(_MARKET, country)
    # Some write in English wherever they are.
    language = np.where(rng.random(leads) < 0.08, 0, market)
    source, campaign = _draw_origin(rng, market, created)
    giveaway = campaign == code("campaign", "Tablet giveaway")
    outbound = source == code("source", "Outbound list")
    referral = source == code("source", "Referral")
    role = _draw_role(rng, giveaway, referral)
    private = role == code("role", "Private person")
    employees = np.round(np.clip(np.exp(np.where(private, 3.2, 4.1) + 1.4 * size), 1, 20_000))
    # How much a lead wants it shows in what it says; it counts only by that.
    intent = rng.standard_normal(leads) + np.select([referral, giveaway], [0.4, -0.4], 0.0)
    urgency, timeline = _draw_need(rng, intent)
    bad_mail = rng.random(leads) < np.select([giveaway, outbound], [0.2, 0.12], 0.05)
    bad_phone = rng.random(leads) < np.select([giveaway, outbound], [0.35, 0.25], 0.1)
    given = rng.random(leads) < np.where(outbound, 0.95, 0.72)
    true: dict[str, NDArray[Any]] = {
        "country": country,
        "language": language,
        "source": source,
        "campaign": campaign,
        "medium": np.take((0, 1, 2, 3, 4, 0, 3), source),
        "industry": industry,
        "role": role,
        "need_urgency": urgency,
        "current_solution": _chosen(rng, leads, (0.35, 0.2, 0.25, 0.2)),
        "email": bad_mail,
        "phone": np.where(given, bad_phone, NO_CODE),
    }
    true = {name: values.astype(np.int8) for name, values in true.items()}
    true |= {
        "employees": employees,
        "budget_amount": _draw_budget(rng, employees),
        "timeline_days": timeline,
        "newsletter": (rng.random(leads) < 0.4).astype(np.float64),
        "preferred_contact_hour": rng.integers(8, 20, leads).astype(np.float64),
        RESPONSE_FIELD: _draw_response(rng, created, local_hour, free_day, market),
    }
    return People(
        created_at=created,
        account=np.where(private, NO_CODE, account),
        true=true,
        level=rng.gamma(12.0, 1.0 / 12.0, leads),
        before_days=rng.uniform(0.5, 1.0, leads) * BEFORE_DAYS,
    )


def _chosen(rng: np.random.Generator, size: int, shares: tuple[float, ...]) -> NDArray[np.int64]:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(size), side="right")


def _draw_created(
    rng: np.random.Generator, country: NDArray[np.int64]
) -> tuple[Moments, NDArray[np.float64], NDArray[np.bool_]]:
    """Draw moments with seasons, weekends and office hours; with hour and day of rest there."""
    leads = len(country)
    # The last day is left out: an evening in Toronto is already the next day in UTC.
    days = calendar()[:-1]
    weekday = (days.astype(np.int64) + 3) % 7
    weight = np.where(weekday >= 5, 0.35, 1.0) * season(days)
    day = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random(leads), side="right")
    # In Iran Friday is the day of rest and Saturday a working day.
    iran = country == _IRAN
    moved = iran & (weekday[day] == 4) & (rng.random(leads) < 0.8)
    day = np.minimum(day + moved, len(days) - 1)
    office = rng.random(leads) < 0.75
    hours = np.where(
        office, np.clip(rng.normal(13.0, 2.5, leads), 8.0, 19.0), rng.uniform(6.0, 24.0, leads)
    )
    seconds = (hours * 3600).astype(np.int64) - 60 * np.take(_UTC_OFFSET_MINUTES, country)
    created = days[day].astype("M8[us]").astype(np.int64) + seconds * SECOND_US
    free_day = np.where(iran, weekday[day] == 4, weekday[day] >= 5)
    return np.maximum(created, STARTED_AT.astype(np.int64)), hours, free_day


def _draw_origin(
    rng: np.random.Generator, market: NDArray[np.int64], created: Moments
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw source and campaign; the giveaway grows from a tenth to a sixth of all leads."""
    leads = len(market)
    source = _chosen(rng, leads, _SOURCE_SHARE)
    begun, ended = STARTED_AT.astype(np.int64), EXTRACTED_AT.astype(np.int64)
    age = (created - begun) / (ended - begun)
    social = source == code("source", "Social")
    first = rng.random(leads) < np.where(social, 0.45 + 0.3 * age, 0.55)
    # Place of a source's first campaign in ATTRIBUTE_LEVELS; an event is the one of its market.
    start = np.take((-1, 0, 2, 4, 5, -1, 8), source)
    two = social | (source == code("source", "Paid search"))
    event = source == code("source", "Event")
    shift = np.where(two, ~first, np.where(event, market, 0))
    return source, np.where(start < 0, NO_CODE, start + shift)


def _draw_role(
    rng: np.random.Generator, giveaway: NDArray[np.bool_], referral: NDArray[np.bool_]
) -> NDArray[np.int64]:
    shares = np.array([(0.22, 0.28, 0.4, 0.1), (0.06, 0.1, 0.34, 0.5), (0.35, 0.35, 0.28, 0.02)])
    group = np.select([giveaway, referral], [1, 2], 0)
    limits = np.cumsum(shares, axis=1)[:, :-1][group]
    return np.asarray((rng.random(len(giveaway))[:, None] > limits).sum(axis=1))


def _draw_budget(rng: np.random.Generator, employees: NDArray[np.float64]) -> NDArray[np.float64]:
    noise = 0.9 * rng.standard_normal(len(employees))
    return round_budget(np.exp(9.0 + 0.15 * np.log(employees / 60.0) + noise))


def round_budget(amount: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round as people do who tell a budget: to 500, from 20,000 on to 5,000."""
    coarse = np.where(amount < 20_000, 500.0, 5_000.0)
    return np.clip(coarse * np.round(amount / coarse), 500, 500_000)


def _draw_need(
    rng: np.random.Generator, intent: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    leads = len(intent)
    need = 0.8 * intent + 0.6 * rng.standard_normal(leads)
    urgency = (need < 0.8).astype(np.int64) + (need < -0.1)
    days = np.exp(4.1 - 0.45 * need + 0.8 * rng.standard_normal(leads))
    return urgency, round_timeline(days)


def round_timeline(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to one of the answers that people give."""
    middles = np.sqrt(np.multiply(_TIMELINES[1:], _TIMELINES[:-1]))
    return np.take(np.array(_TIMELINES, dtype=np.float64), np.searchsorted(middles, days))


def _draw_response(
    rng: np.random.Generator,
    created: Moments,
    local_hour: NDArray[np.float64],
    free_day: NDArray[np.bool_],
    market: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Draw the hours until a person answers: by market, hour, day of rest and the team's load."""
    week = (created // (7 * DAY)) - STARTED_AT.astype(np.int64) // (7 * DAY)
    load = rng.standard_normal(int(week.max()) + 1)[week]
    night = (local_hour < 8.0) | (local_hour > 18.0)
    doublings = (
        1.4
        + np.take((0.0, 0.5, 0.2), market)
        + 1.0 * night
        + 2.0 * free_day
        + 0.5 * load
        + 1.7 * rng.standard_normal(len(created))
    )
    return np.asarray(np.clip(np.exp2(doublings), 0.05, 240.0))
