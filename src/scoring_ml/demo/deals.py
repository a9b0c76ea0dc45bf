"""Deals of the demo, reasons of lost ones, and the spend of its campaigns."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import LOST, WON, Deals
from scoring_ml.demo.calendar import EXTRACTED_AT, calendar, season, whole_seconds
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS, WORLD
from scoring_ml.demo.funnel import Paths
from scoring_ml.demo.people import People, code

COST_A_LEAD: Final[dict[str, float]] = {
    name: campaign["cost_a_lead"] for name, campaign in WORLD["campaigns"].items()
}

_MOST_RECORDING_LAG_DAYS: Final = 2.0


def draw_deals(
    people: People, paths: Paths, buyer: NDArray[np.bool_], rng: np.random.Generator
) -> Deals:
    """Draw the deal of each lead that is closed, and known to be, before the export."""
    n = len(buyer)
    share = rng.random(n)
    # Half are closed in the CRM the same hour, the others within two days.
    lag = np.where(share < 0.5, share / 12.0, (share - 0.5) * 2 * _MOST_RECORDING_LAG_DAYS)
    known = paths.closed_at + whole_seconds(lag)
    amount = _amounts(people, rng)
    reason = _reasons(people, rng)
    lead = np.flatnonzero(known <= EXTRACTED_AT.astype(np.int64))
    won = buyer[lead]
    texts = np.array([*WORLD["loss_reasons"], None], dtype=object)
    return Deals(
        lead=lead,
        outcome=np.where(won, WON, LOST).astype(np.int8),
        closed_at=paths.closed_at[lead],
        known_at=known[lead],
        amount=np.where(won, amount[lead], np.nan),
        loss_reason=texts[np.where(won, -1, reason[lead])],
    )


def _amounts(people: People, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw what a deal brings a year: mostly half the budget, more for large companies."""
    budget, size = people.true["budget_amount"], people.true["employees"]
    noise = np.exp(0.3 * rng.standard_normal(len(budget)))
    raw = 0.5 * np.minimum(budget, 120_000.0) * (size / 60.0) ** 0.1 * noise
    return np.asarray(np.maximum(np.round(raw, -2), 600.0))


def _reasons(people: People, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw why a lead is lost, by what it lacks."""
    true = people.true
    dead_mail = true["email"] == code("email", "invalid")
    unreachable = dead_mail.astype(np.int64) + (true["phone"] != code("phone", "valid"))
    weights = np.column_stack(
        [
            np.take((0.1, 0.5, 4.0), unreachable),
            np.where(true["role"] == code("role", "Private person"), 4.0, 0.0),
            np.where(true["budget_amount"] < 6000.0, 2.5, 0.4),
            np.where(true["timeline_days"] >= 90.0, 2.0, 0.3),
            np.where(true["current_solution"] == code("current_solution", "Competitor"), 1.5, 0.5),
            np.where(true["need_urgency"] == code("need_urgency", "just looking"), 2.0, 0.2),
            np.full(len(true["role"]), 0.6),
        ]
    )
    limits = np.cumsum(weights, axis=1)
    place = (rng.random(len(weights)) * limits[:, -1])[:, None] >= limits
    return np.asarray(place[:, :-1].sum(axis=1))


def draw_spend(people: People, rng: np.random.Generator) -> pd.DataFrame:
    """Draw what each campaign costs each day, by how many leads it brings in that time of year.

    Returns
    -------
    DataFrame
        ``campaign``, ``channel``, ``day`` (datetime64), ``cost`` (USD); a row a day.
    """
    days = calendar()
    share = np.linspace(0.0, 1.0, len(days))
    weekend = np.where((days.astype(np.int64) + 3) % 7 >= 5, 0.35, 1.0)
    names = ATTRIBUTE_LEVELS["campaign"]
    totals = np.bincount(people.true["campaign"] + 1, minlength=len(names) + 1)[1:]
    costs = []
    for name, total in zip(names, totals, strict=True):
        trend = np.select(
            [name == "Tablet giveaway", name == "Founder stories"],
            [0.45 + 0.3 * share, 0.55 - 0.3 * share],
            1.0,
        )
        weight = weekend * season(days) * trend
        noise = np.exp(0.15 * rng.standard_normal(len(days)))
        costs.append(COST_A_LEAD[name] * total * weight / weight.sum() * noise)
    channels = [WORLD["campaigns"][name]["channel"] for name in names]
    return pd.DataFrame(
        {
            "campaign": pd.Series(np.repeat(names, len(days)), dtype=object),
            "channel": pd.Series(np.repeat(channels, len(days)), dtype=object),
            "day": np.tile(days.astype("M8[us]"), len(names)),
            "cost": np.round(np.concatenate(costs), 2),
        }
    )
