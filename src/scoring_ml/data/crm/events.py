"""The events of a CRM export: stages and deals of its leads, and what it cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.cells import Coded
from scoring_ml.data.crm.contract.coverage import note_lost_wins
from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.facts import LOST, MERGED_LEADS, OPEN, WON, Deals, Stages
from scoring_ml.data.crm.ids import coded_ids
from scoring_ml.data.crm.lead_index import LeadIndex
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.ordering import Places, after_creation, bits, in_order
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import NEVER, Moments
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.texts import Catalogue


def read_stages(table: Table, mapping: CrmMapping, index: LeadIndex) -> tuple[Stages, RowFates]:
    """Read every stage that leads entered; the ends come after the funnel's own stages."""
    names = mapping.stages.names
    fates = RowFates(table)
    codes = {folded(name): at for at, name in enumerate(names)}
    words = table.words("stage", codes)
    stage, _ = words.translated(codes, np.int16)
    constant = table.is_constant("stage") & table.moments("entered_at").missing
    fates.drop("not_happened", constant)
    fates.drop("not_counted", words.ignored)
    fates.drop("unknown_stage", stage < 0, note=words.named((stage < 0) & fates.alive))
    lead = index.find(fates)
    is_won = np.append(np.isin(names, mapping.stages.won), False)[stage]
    note_lost_wins(fates, is_won)
    read = fates.usable_moment("entered_at")
    known, recorded = fates.known_moment(read.values)
    fates.drop("future", np.maximum(read.values, known) > index.extracted_at)
    ours_alone = fates.alive.copy()
    entered, known = _after_creation(fates, index, lead, read.values, known)
    deal, deals = coded_ids(table.ids("deal_id"))
    is_lost = np.append(np.isin(names, mapping.stages.lost), False)[stage]
    is_end = is_won | is_lost
    if fates.since is not None:
        # A merged lead's course does not go on: its win stands, and its loss is not the other's.
        course = (fates.since > 0) & (deal < 0)
        fates.drop("merged_loss", course & is_lost)
        if (course & is_won & fates.alive).any():
            deal, deals = np.where(course & is_won, len(deals), deal), (*deals, MERGED_LEADS)
    to_come = read.usable & (np.maximum(read.values, recorded.values) > index.extracted_at)
    known_end = is_end & ~(constant | words.ignored | to_come)
    known_end &= ~fates.dropped("merged_loss")
    unsure = _unsure(fates, lead, known_end, is_won, ours_alone)
    rows = fates.rows
    order, repeats = in_order([lead[rows], entered[rows], known[rows]], [stage[rows], deal[rows]])
    fates.drop_rows("repeated_row", rows[order[repeats]])
    fates.mended("before_creation", entered > read.values)
    fates.note_known_before(recorded, read.values)
    fates.note_clocks(read, recorded)
    rows = rows[order[~repeats]]
    found = Stages(
        lead[rows],
        stage[rows],
        entered[rows],
        known[rows],
        names,
        unsure,
        deal[rows] if deals else None,
        deals,
    )
    return found, fates


def read_deals(
    table: Table,
    mapping: CrmMapping,
    index: LeadIndex,
    stages: Stages | None = None,
    as_of: int | None = None,
) -> tuple[Deals, RowFates]:
    """Read what became of leads.

    Where a lost deal tells no moment, ``stages`` that tell an end of its lead do. A deal that was
    opened before ``as_of`` and closed after it was open then.
    """
    fates = RowFates(table)
    outcome, unknown, words = read_outcomes(table, mapping)
    fates.drop("unknown_outcome", unknown, note=words.named(unknown))
    closed = outcome != OPEN
    lead = index.find(fates)
    note_lost_wins(fates, outcome == WON)
    read = fates.table.moments("closed_at")
    recorded = fates.table.moments("known_at")
    wrong = closed & read.wrong
    fates.drop("unreadable_moment", wrong, note=fates.table.unread("closed_at", wrong))
    fates.drop("unreadable_moment", closed & recorded.wrong)
    undated = closed & read.missing & recorded.missing
    fates.drop(
        "no_moment",
        undated,
        note="closed_at may be taken from other columns: see instead in docs/data.md",
    )
    moment = np.where(read.missing, recorded.values, read.values)
    known = np.where(recorded.missing, moment, np.maximum(recorded.values, moment))
    if fates.since is not None:
        known = np.maximum(known, fates.since)
    ended = _ended_by_stage(stages, mapping)
    settled = undated & (outcome == LOST) & np.isin(lead, ended) & (lead >= 0)
    if settled.any():
        fates.notes.append(Catalogue.load().text("export.settled_by_stages", n=int(settled.sum())))
    opening = table.moments("opened_at")
    if as_of is not None:
        still_open = closed & (known > as_of) & opening.usable & (opening.values <= as_of)
        outcome, closed = np.where(still_open, OPEN, outcome), closed & ~still_open
    fates.drop("future", closed & (known > index.extracted_at))
    ours_alone = fates.alive.copy()
    at, known_at = _after_creation(fates, index, lead, moment, known, only=closed)
    # What lies after the export has not happened, whatever its word may mean.
    to_come = (read.usable & (read.values > index.extracted_at)) | (
        recorded.usable & (recorded.values > index.extracted_at)
    )
    ending = (closed | unknown) & ~(to_come | settled)
    unsure = _unsure(fates, lead, ending, outcome == WON, ours_alone)
    # When an open deal will close is only planned; when it was recorded shows a state of it.
    dated = recorded.usable & ~closed & (recorded.values <= index.extracted_at)
    created = np.append(index.leads.created_at, 0)[lead]
    if fates.since is not None:
        created = np.maximum(created, fates.since)
    shown = np.where(dated, np.maximum(recorded.values, created), NEVER)
    at, known_at = np.where(closed, at, NEVER), np.where(closed, known_at, shown)
    fates.mended("wrong_value", opening.wrong, note="opened_at")
    opened = np.where(
        opening.usable & (opening.values <= index.extracted_at),
        np.maximum(opening.values, created),
        NEVER,
    )
    deal, ids = coded_ids(table.ids("deal_id"))
    amount, wrong = table.numbers("amount")
    wrong |= amount < 0
    amount[wrong] = np.nan
    reasons = table.words("loss_reason")
    rows = fates.rows
    currencies = table.words("currency")
    named = np.unique(currencies.codes[rows[~np.isnan(amount[rows])]])
    if (named >= 0).sum() > 1:
        fates.notes.append(
            "deals: amounts are in several currencies "
            f"({currencies.named(fates.alive & ~np.isnan(amount))}), so they are not added up"
        )
    rest: list[NDArray[Any]] = [outcome[rows], bits(amount[rows]), reasons.codes[rows]]
    rest += [opened[rows], deal[rows]]
    order, repeats = in_order([lead[rows], at[rows], known_at[rows]], rest)
    fates.drop_rows("repeated_row", rows[order[repeats]])
    fates.mended("before_creation", closed & (at > moment))
    fates.mended("known_before", closed & ~recorded.missing & (recorded.values < moment))
    for defect, which in (
        ("skipped_hour", read.skipped | recorded.skipped),
        ("doubled_hour", read.twice | recorded.twice),
    ):
        fates.mended(defect, which & closed)
    fates.mended("negative_amount", wrong)
    rows = rows[order[~repeats]]
    texts = np.array([*reasons.words, None], dtype=object)
    found = Deals(
        lead[rows],
        outcome[rows],
        at[rows],
        known_at[rows],
        amount[rows],
        texts[reasons.codes[rows]],
        unsure,
        opened[rows] if table.has("opened_at") else None,
        deal[rows] if ids else None,
        ids,
    )
    return found, fates


def _ended_by_stage(stages: Stages | None, mapping: CrmMapping) -> NDArray[np.int64]:
    if stages is None:
        return np.zeros(0, dtype=np.int64)
    ends = np.isin(stages.names, (*mapping.stages.won, *mapping.stages.lost))
    return np.unique(stages.lead[ends[stages.stage]])


def read_outcomes(
    table: Table, mapping: CrmMapping
) -> tuple[NDArray[np.int8], NDArray[np.bool_], Coded]:
    """Outcome of each row, where a word is none of ours, and the words; none at all is open."""
    # A deal's stage tells its outcome as well; our own words come last, so they count.
    codes = {folded(name): OPEN + 1 for name in mapping.stages.order}
    codes |= {folded(name): WON + 1 for name in mapping.stages.won}
    codes |= {folded(name): LOST + 1 for name in mapping.stages.lost}
    codes |= {"open": OPEN + 1, "won": WON + 1, "lost": LOST + 1}
    words = table.words("outcome", codes)
    number, unknown = words.translated(codes, np.int8)
    return np.where(number < 0, OPEN, number - 1).astype(np.int8), unknown, words


def read_spend(table: Table, extracted_at: int) -> tuple[pd.DataFrame, RowFates]:
    """Read what marketing cost, in the order of the file."""
    fates = RowFates(table, None)
    campaigns, channels = table.words("campaign"), table.words("channel")
    fates.drop("no_campaign", campaigns.codes < 0)
    read = fates.usable_moment("day")
    known, recorded = fates.known_moment(read.values)
    fates.drop("future", known > extracted_at)
    cost, wrong = table.numbers("cost")
    fates.drop("wrong_cost", wrong | np.isnan(cost) | (cost < 0))
    fates.note_known_before(recorded, read.values)
    fates.note_clocks(recorded)
    rows = fates.rows
    day = table.days("day")[rows].astype("datetime64[us]")
    found = pd.DataFrame(
        {
            "campaign": pd.Series(_texts(campaigns, rows), dtype=object),
            "channel": pd.Series(_texts(channels, rows), dtype=object),
            "day": pd.Series(day),
            "cost": pd.Series(cost[rows], dtype=np.float64),
        }
    )
    return found, fates


def _texts(coded: Coded, rows: Places) -> NDArray[Any]:
    return np.array([*coded.words, None], dtype=object)[coded.codes[rows]]


def _after_creation(
    fates: RowFates,
    index: LeadIndex,
    lead: Places,
    moment: Moments,
    known: Moments,
    *,
    only: NDArray[np.bool_] | None = None,
) -> tuple[Moments, Moments]:
    """Raise moments to the lead's creation; take out those long before it."""
    created = np.zeros(len(lead), dtype=np.int64)
    if len(index.leads):
        created = np.where(lead >= 0, index.leads.created_at[lead], 0)
    raised, early = after_creation(moment, created)
    early &= lead >= 0
    if fates.since is not None:
        early &= fates.since == 0  # of its merged leads, not of another one
    fates.drop("long_before_creation", early if only is None else early & only)
    return raised, np.maximum(known, raised)


def _unsure(
    fates: RowFates,
    lead: Places,
    ending: NDArray[np.bool_],
    won: NDArray[np.bool_],
    before: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return the leads of whom an end is told that cannot be used, each once.

    A win that can be used settles what became of a lead. An end long before the lead is another
    lead's wherever this one has an end of its own.

    Parameters
    ----------
    lead : array of int64, shape (rows,)
    ending, won : array of bool, shape (rows,)
        Rows that may end their lead, and those that win it.
    before : array of bool, shape (rows,)
        Rows that were in use before those long before the creation were taken out.
    """
    out = ending & ~fates.alive & (lead >= 0)
    in_use = ending & fates.alive
    untold = np.setdiff1d(lead[out & ~before], lead[in_use & won])
    early = np.setdiff1d(lead[out & before], lead[in_use])
    return np.union1d(untold, early).astype(np.int64)
