"""The demo's world: leads as they truly are, what was recorded of them, and their true chances.

Whether a lead will buy is tossed once, by its attributes. Everything that it does afterwards
depends on that toss in a way whose likelihood is closed form, so the chance of a win given
everything that has happened up to a moment is exact, without simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Activities, Deals
from scoring_ml.data.values.moments import NEVER, Moments
from scoring_ml.demo.activities import draw_activities, log_likelihood_ratios, silence_evidence
from scoring_ml.demo.answers import RecordedAnswer, draw_answers, draw_form, draw_talks
from scoring_ml.demo.calendar import EXTRACTED_AT, SECOND_US, whole_seconds
from scoring_ml.demo.contact_details import ContactDetails, draw_contact_details
from scoring_ml.demo.deals import draw_deals, draw_spend
from scoring_ml.demo.effects import HURRIED, true_logodds
from scoring_ml.demo.funnel import Paths, draw_paths, evidence_of, hurry_evidence, won_in_time
from scoring_ml.demo.people import People, draw_people
from scoring_ml.errors import InputError


@dataclass(frozen=True)
class World:
    """Leads as they truly are, and everything that happens to them.

    Made by :func:`make_world`. Moments are microseconds since 1970 in UTC.

    Parameters
    ----------
    people : People
        Leads as they are created, oldest first.
    logodds : array of float, shape (n,)
        True log-odds of a win at creation.
    buyer : array of bool, shape (n,)
        Whether the lead will be won, whenever that is.
    recorded_at : array of int64, shape (n, states)
        When the CRM knew of each state that a lead entered; NEVER if it did not.
    answers : mapping of str to RecordedAnswer
    form : mapping of str to array, shape (n,)
        What was known at creation.
    activities : Activities
        Up to the export; also what is known only after it.
    last_call : array of int8, shape (n,)
        Place in :data:`scoring_ml.demo.export.LAST_CALLS`, -1 for none.
    """

    people: People
    logodds: NDArray[np.float64]
    buyer: NDArray[np.bool_]
    paths: Paths
    recorded_at: Moments
    answers: Mapping[str, RecordedAnswer]
    form: Mapping[str, NDArray[Any]]
    contact_details: ContactDetails
    activities: Activities
    deals: Deals
    spend: pd.DataFrame
    last_call: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.buyer)

    @property
    def hurried(self) -> NDArray[np.bool_]:
        """Which leads hurry if they will buy, shape (n,)."""
        return HURRIED.holds(self.people.true)

    def truly_open(self, as_of: Moments, lead: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which leads are neither won nor lost before a moment, shape (m,)."""
        return np.asarray(self.paths.closed_at[lead] >= as_of)

    def truth(self, as_of: Moments, lead: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the true chance that leads are won within the horizon of a moment, shape (m,).

        Given everything that has truly happened before the moment, whether anybody knew of it; 0
        for a lead that is closed by then. Moments lie after the lead's creation and not after the
        export; ``lead`` is its place, from 0.
        """
        logodds = self.evidence(as_of, lead)
        in_time = won_in_time(self.paths.state(lead, as_of), self.hurried[lead])
        chance = in_time / (1.0 + np.exp(-logodds))
        return np.where(self.truly_open(as_of, lead), chance, 0.0)

    def evidence(self, as_of: Moments, lead: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the true log-odds that leads will be won some day, shape (m,).

        The sum of attributes, activities and path, for leads that are truly open.

        Raises
        ------
        InputError
            If a moment is not after the lead's creation, or after the export.
        """
        outside = (as_of <= self.people.created_at[lead]) | (as_of > EXTRACTED_AT.astype(np.int64))
        if outside.any():
            raise InputError(
                "The truth is known after a lead's creation and up to the export",
                found=f"{int(outside.sum())} moments that are not",
                do="Ask for moments between the two",
            )
        acts = self.activities
        total = np.concatenate(
            [[0.0], np.cumsum(log_likelihood_ratios(self.people.created_at, acts))]
        )
        begin, end = self.events_before(as_of, lead)
        events = total[end] - total[begin]
        quiet = silence_evidence(self.people, lead, as_of)
        entered = self.paths.entered_at[lead]
        path = evidence_of(entered, as_of) + hurry_evidence(entered, as_of, self.hurried[lead])
        return np.asarray(self.logodds[lead] + events - quiet + path)

    def events_before(
        self, as_of: Moments, lead: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of each lead's first activity and of its first one not before."""
        acts = self.activities
        begin = np.searchsorted(acts.lead, lead)
        # Events lie on whole seconds, so lead and second fit into one number that rises.
        origin = int(acts.occurred_at.min()) if len(acts) else 0
        width = int(np.max(as_of, initial=0) - origin) // SECOND_US + 2
        width = max(width, int(np.max(acts.occurred_at, initial=origin) - origin) // SECOND_US + 2)
        key = acts.lead * width + (acts.occurred_at - origin) // SECOND_US
        second = np.clip(-((origin - as_of) // SECOND_US), 0, width - 1)
        return begin, np.searchsorted(key, lead * width + second)


def make_world(leads: int, seed_sequence: np.random.SeedSequence) -> World:
    """Make a world; the same number of leads and seed give the same bits.

    Parameters
    ----------
    leads : int
        1 or more.
    seed_sequence : SeedSequence
        See :func:`scoring_ml.demo.files.seed_of`.
    """
    # A generator for each step, so that a change of one leaves the others as they are.
    draws = [np.random.default_rng(item) for item in seed_sequence.spawn(9)]
    people = draw_people(leads, draws[0])
    logodds = true_logodds(people.true)
    buyer = draws[1].random(leads) < 1.0 / (1.0 + np.exp(-logodds))
    paths = draw_paths(people.created_at, buyer, HURRIED.holds(people.true), draws[2])
    talks_at = draw_talks(people, paths, draws[3])
    answers = draw_answers(people, paths, talks_at, draws[4])
    form = draw_form(people, draws[4])
    activities = draw_activities(people, paths, buyer, talks_at, draws[5])
    deals = draw_deals(people, paths, buyer, draws[6])
    return World(
        people=people,
        logodds=logodds,
        buyer=buyer,
        paths=paths,
        recorded_at=_recorded(paths, draws[7]),
        answers=answers,
        form=form,
        contact_details=draw_contact_details(people, form, draws[8]),
        activities=activities,
        deals=deals,
        spend=draw_spend(people, draws[6]),
        last_call=_last_calls(deals, leads, draws[6]),
    )


def _recorded(paths: Paths, rng: np.random.Generator) -> Moments:
    """Draw when each entry of a stage was recorded: mostly the same hour, some days later."""
    shape = paths.entered_at.shape
    share = rng.random(shape)
    days = np.select(
        [share < 0.7, share < 0.95], [share / 0.7 / 24.0, (share - 0.7) * 4.0], (share - 0.7) * 10.0
    )
    lag = whole_seconds(days)
    lag[:, 0] = 0
    never = paths.entered_at == NEVER
    return np.where(never, NEVER, np.where(never, 0, paths.entered_at) + lag)


def _last_calls(deals: Deals, leads: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Draw what sales wrote down after the end: two ways to say won, three to say lost."""
    m = len(deals)
    result = np.where(deals.outcome == 1, rng.integers(0, 2, m), rng.integers(2, 5, m))
    calls = np.full(leads, -1, dtype=np.int8)
    calls[deals.lead] = np.where(rng.random(m) < 0.9, result, -1)
    return calls
