"""The state of leads, given some of their facts: won, open or lost. The rule lives here alone.

A deal is what the newest of its rows and stages says, and so is the lead's own stage history, that
is the stages of no named deal. Of these,

1. a won deal wins; a lead's own history wins if nothing newer in it, and no deal lost since, says
   otherwise. Only where a lead has but one deal does its own history take that deal's win back: by
   leaving the winning stage after the deal was closed;
2. else an open deal keeps the lead open;
3. else the newest of the lost deals and of the lead's own history decides: after a loss the lead is
   closed until it enters a stage again (recycled).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import LOST, MERGED_LEADS, OPEN, WON, Deals, Export
from scoring_ml.data.values.moments import NEVER, Bools, Moments

_Ints = NDArray[np.int64]

_OWN: Final = -1


@dataclass(frozen=True)
class Wins:
    """Every win of the leads, by lead, then by moment.

    Parameters
    ----------
    lead : array of int64, shape (w,)
    at : array of int64, shape (w,)
    until : array of int64, shape (w,)
        When it was taken back; :data:`NEVER` for a win that stands.
    """

    lead: _Ints
    at: Moments
    until: Moments


class LeadStates:
    """Facts that decide what leads are, in order of lead, deal and moment.

    Parameters
    ----------
    lead : array of int64, shape (m,)
    deal : array of int64, shape (m,)
        Tells deals apart; -1 for the lead's own stage history.
    at, known_at : array of int64, shape (m,)
        When it happened, and became known.
    state : array of int8, shape (m,)
        :data:`WON`, :data:`LOST` or :data:`OPEN`. Of facts of one moment a win counts, then a loss.
    """

    def __init__(
        self, leads: int, lead: _Ints, deal: _Ints, at: Moments, known_at: Moments, state: _Ints
    ) -> None:
        order = np.lexsort((state, known_at, at, deal, lead))
        self.leads = leads
        self.lead, self.deal, self.at = lead[order], deal[order], at[order]
        self.known_at, self.state = known_at[order], state[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(self.lead) != 0) | (np.diff(self.deal) != 0)
        self._track = np.cumsum(new) - 1
        # Several deals of a lead are compared by moment.
        self._age = np.empty(len(order), dtype=np.int64)
        self._by_age = np.lexsort((self.state, self.known_at, self.at, self.lead))
        self._age[self._by_age] = np.arange(len(order))

    def given(self, seen: Bools) -> tuple[Bools, Bools]:
        """Tell which leads are won, and which are closed, given only some facts.

        Parameters
        ----------
        seen : array of bool, shape (m,)

        Returns
        -------
        won, closed : array of bool, shape (leads,)
        """
        facts = np.flatnonzero(seen)
        own_facts = facts[self.deal[facts] == _OWN]
        # In order, and of several assignments to one place the last one holds.
        newest = np.full(self._track[-1] + 1 if len(self._track) else 0, -1, dtype=np.int64)
        newest[self._track[facts]] = facts
        facts = newest[newest >= 0]
        lead, state, own = self.lead[facts], self.state[facts], self.deal[facts] == _OWN
        undone_at = self._undone_at(own_facts, facts[own])
        alone = np.bincount(lead[~own], minlength=self.leads) == 1
        undone = alone[lead] & (undone_at[lead] > self._age[facts])
        won = np.zeros(self.leads, dtype=bool)
        won[lead[~own & (state == WON) & ~undone]] = True
        has_open = np.zeros(self.leads, dtype=bool)
        has_open[lead[~own & (state == OPEN)]] = True
        last = np.full(self.leads, -1, dtype=np.int64)
        deciding = facts[own | (state == LOST)]
        np.maximum.at(last, self.lead[deciding], self._age[deciding])
        newest_state = np.append(self.state[self._by_age], OPEN)[last]
        won |= newest_state == WON
        return won, won | (~has_open & (newest_state == LOST))

    def contradicted(self) -> _Ints:
        """Return the leads whose deals and own stage history tell different ends."""
        newest = np.append(np.diff(self._track) > 0, True)[: len(self._track)]
        own = self.deal == _OWN

        def leads(which: Bools) -> _Ints:
            return np.unique(self.lead[newest & which])

        won, own_won = (leads(is_own & (self.state == WON)) for is_own in (~own, own))
        lost, own_lost = (leads(is_own & (self.state == LOST)) for is_own in (~own, own))
        undone = np.setdiff1d(np.intersect1d(own_won, lost), won)
        return np.union1d(undone, np.intersect1d(own_lost, won)).astype(np.int64)

    def _undone_at(self, own: _Ints, newest: _Ints) -> _Ints:
        """Return, where a lead's own history was won and is no more, the age of its newest fact."""
        undone = np.full(self.leads, -1, dtype=np.int64)
        was_won = np.zeros(self.leads, dtype=bool)
        was_won[self.lead[own[self.state[own] == WON]]] = True
        back = newest[was_won[self.lead[newest]] & (self.state[newest] != WON)]
        undone[self.lead[back]] = self._age[back]
        return undone

    def wins(self) -> Wins:
        """Find every win, and when it was taken back: what was true, whenever it became known."""
        first = np.full(self.leads, NEVER, dtype=np.int64)
        winning = self.state == WON
        np.minimum.at(first, self.lead[winning], self.at[winning])
        due = self._by_age[(self.at >= first[self.lead])[self._by_age]]
        lead, at = self.lead[due], self.at[due]
        other = np.append(True, (lead[1:] != lead[:-1]) | (at[1:] != at[:-1]))[: len(due)]
        lead, at = lead[other], at[other]
        starts = np.flatnonzero(np.diff(lead, prepend=-1))
        step = np.arange(len(lead)) - np.repeat(starts, np.diff(np.append(starts, len(lead))))
        won = np.zeros(len(lead), dtype=bool)
        # Most leads have one moment; the few others are looked at moment after moment.
        for number in range(int(step.max(initial=-1)) + 1):
            now = np.flatnonzero(step == number)
            part = self._of(lead[now])
            won[now], _ = part.given(part.at <= at[now][part.lead])
        begins = won & ~(np.append(False, won[:-1]) & (step > 0))
        ends = np.append(lead[1:] == lead[:-1], False) & won & ~np.append(won[1:], False)
        until = np.full(len(lead), NEVER, dtype=np.int64)
        until[ends] = at[np.flatnonzero(ends) + 1]
        # A win that is told again is one: it lasts until the end of its run.
        runs = np.cumsum(begins)
        last = np.full(len(lead) + 1, NEVER, dtype=np.int64)
        np.minimum.at(last, runs[won], until[won])
        return Wins(lead[begins], at[begins], last[runs[begins]])

    def _of(self, leads: _Ints) -> LeadStates:
        """Return the facts of some leads, each once, numbered anew."""
        number = np.full(self.leads, -1, dtype=np.int64)
        number[leads] = np.arange(len(leads))
        rows = np.flatnonzero(number[self.lead] >= 0)
        facts = (self.deal, self.at, self.known_at, self.state)
        return LeadStates(len(leads), number[self.lead[rows]], *(item[rows] for item in facts))


def lead_states(export: Export, won: Sequence[str], lost: Sequence[str]) -> LeadStates:
    """Gather what deals and stages say of each lead.

    A deal is open from ``opened_at`` until it closes. An open one that tells no moment is known at
    the export.

    Parameters
    ----------
    won, lost : sequence of str
        Stages that end a lead.
    """
    none = np.zeros(0, dtype=np.int64)
    # Lead, deal, moment, when it was known, what it says.
    parts: list[tuple[_Ints, ...]] = [(none,) * 5]
    if export.deals is not None:
        parts += _deal_facts(export.deals, export.extracted_at)
    stages = export.stages
    if stages is not None:
        names = np.array(stages.names, dtype=object)
        says = np.full(len(names), OPEN, dtype=np.int64)
        says[np.isin(names, won)] = WON
        says[np.isin(names, lost)] = LOST
        deal = np.full(len(stages), _OWN, dtype=np.int64)
        # Names of deals that no deal bears are of another table.
        if stages.deal is not None:
            ids = () if export.deals is None else export.deals.ids
            number = _numbers(stages.deals, ids)
            if not ids:
                number[[*(name != MERGED_LEADS for name in stages.deals), False]] = _OWN
            deal = number[stages.deal]
        moments = (stages.entered_at, stages.known_at)
        parts.append((stages.lead, deal, *moments, says[stages.stage]))
    return LeadStates(
        len(export.leads), *(np.concatenate(column) for column in zip(*parts, strict=True))
    )


def _deal_facts(deals: Deals, extracted_at: int) -> list[tuple[_Ints, ...]]:
    own = np.arange(len(deals), dtype=np.int64)
    # Deals that bear no id are numbered behind all that do, stages of unknown deals behind them.
    deal = len(deals.ids) + own if deals.deal is None else deals.deal
    deal = np.where(deal < 0, len(deals.ids) + own, deal)
    closed = deals.outcome != OPEN
    state = deals.outcome.astype(np.int64)
    dated = ~closed & (deals.known_at != NEVER)
    parts = [(deals.lead, deal, deals.closed_at, deals.known_at, state, closed)]
    parts.append((deals.lead, deal, deals.known_at, deals.known_at, state, dated))
    opening = np.full(len(deals), NEVER) if deals.opened_at is None else deals.opened_at
    opened = np.minimum(opening, deals.closed_at)
    is_open = np.full(len(deals), OPEN)
    parts.append((deals.lead, deal, opened, opened, is_open, opening != NEVER))
    # What tells no moment is no newer state of a deal that has another row.
    silent = ~closed & ~dated & (opening == NEVER)
    key = deals.lead * (deal.max(initial=0) + 1) + deal
    silent &= ~np.isin(key, key[~silent])
    last = np.full(len(deals), extracted_at - 1)
    parts.append((deals.lead, deal, last, last, is_open, silent))
    return [tuple(item[which] for item in part) for *part, which in parts]


def _numbers(names: Sequence[str], ids: Sequence[str]) -> _Ints:
    """Return the deals' numbers for the names of stages, and last the lead's own."""
    place = pc.index_in(pa.array(names, pa.large_string()), pa.array(ids, pa.large_string()))
    found = np.asarray(place.fill_null(-1)).astype(np.int64)
    unknown = np.flatnonzero(found < 0)
    found[unknown] = 2**40 + unknown
    return np.append(found, _OWN)
