"""The activities of a CRM export: what leads did and what was done to them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import (
    DIRECTIONS,
    KIND_PLACES,
    KINDS,
    PLANNABLE,
    RESULTS,
    is_automatic,
    kind_and_side,
    sent_by_lead,
    was_held,
)
from scoring_ml.data.crm.cells import Coded
from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.facts import Activities
from scoring_ml.data.crm.ids import coded_ids
from scoring_ml.data.crm.lead_index import LeadIndex
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.ordering import Places, bits, in_order
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.texts import Catalogue

_SIDES: Final = {word: int(by_lead) for word, by_lead in DIRECTIONS.items()}


def read_activities(
    table: Table, mapping: CrmMapping, index: LeadIndex
) -> tuple[Activities, RowFates]:
    """Read what leads did and what was done to them."""
    fates = RowFates(table)
    types = table.words("type", KINDS)
    directions = table.words("direction", _SIDES)
    kind, by_lead, unknown, aside = _kinds(types, directions, mapping.own_domains)
    fates.drop("not_counted", types.ignored)
    results = table.words("result", RESULTS)
    known_results = {word: was_held(word) for word in results.words}
    held, unknown_result = results.translated(
        {folded(word): int(held) for word, held in known_results.items() if held is not None},
        np.int8,
    )
    fates.drop("not_held", held == 0, note=results.named((held == 0) & fates.alive))
    subjects = table.words("subject")
    automatic = np.array([*map(is_automatic, subjects.words), False], dtype=bool)
    fates.drop("not_held", automatic[subjects.codes])
    fates.drop("no_type", types.codes < 0)
    lead = index.find(fates)
    read = fates.usable_moment("occurred_at", constant="type")
    known, recorded = fates.known_moment(read.values)
    to_come = read.values > index.extracted_at
    on_record = np.where(
        recorded.missing, can_be_planned(kind), recorded.values <= index.extracted_at
    )
    fates.drop("planned", to_come & on_record)
    fates.drop("future", to_come | (known > index.extracted_at))
    amount, wrong = table.numbers("amount")
    wrong |= amount < 0
    amount[wrong] = np.nan
    touches = {name: table.words(name) for name in ("campaign", "channel") if table.has(name)}
    rows = fates.rows
    # Different words of no kind that is known are different things.
    word = np.where(unknown, types.codes, -1)
    rest: list[NDArray[Any]] = [kind[rows], word[rows], by_lead[rows], bits(amount[rows])]
    rest += [coded.codes[rows] for coded in touches.values()]
    if table.has("activity_id"):
        rest.append(coded_ids(table.ids("activity_id"))[0][rows])
    order, repeats = in_order([lead[rows], read.values[rows], known[rows]], rest)
    if not table.has("activity_id"):
        # A day without a time tells too little to call two rows one.
        repeats &= ~read.whole_day[rows[order]]
    fates.drop_rows("repeated_row", rows[order[repeats]])
    fates.note_known_before(recorded, read.values)
    fates.note_clocks(read, recorded)
    fates.mended("negative_amount", wrong)
    fates.mended("unknown_type", unknown, note=types.named(unknown & fates.alive))
    fates.mended("unknown_direction", aside, note=directions.named(aside & fates.alive))
    fates.mended("unknown_result", unknown_result, note=results.named(unknown_result & fates.alive))
    rows = rows[order[~repeats]]
    _note_ours_alone(fates, rows, by_lead)
    codes = {name: coded.codes[rows] for name, coded in touches.items()}
    words = {name: coded.words for name, coded in touches.items()}
    found = Activities(
        lead=lead[rows],
        kind=kind[rows],
        by_lead=by_lead[rows],
        occurred_at=read.values[rows],
        known_at=known[rows],
        amount=amount[rows],
        campaign=codes.get("campaign"),
        channel=codes.get("channel"),
        campaigns=words.get("campaign", ()),
        channels=words.get("channel", ()),
    )
    return found, fates


def can_be_planned(kind: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Tell which kinds a CRM also holds before they happen."""
    return np.isin(kind, [KIND_PLACES[name] for name in PLANNABLE])


def _note_ours_alone(fates: RowFates, rows: Places, by_lead: NDArray[np.bool_]) -> None:
    """Tell of files of which no activity is the lead's: most features count what leads do."""
    end = 0
    for part in fates.table.opened:
        mine = rows[(rows >= end) & (rows < end + part.rows)]
        end += part.rows
        if len(mine) and not by_lead[mine].any() and "direction" not in part.source.constants:
            params = {"n": len(mine), "file": part.source.file}
            fates.notes.append(Catalogue.load().text("export.ours_alone", **params))


def _kinds(
    types: Coded, directions: Coded, own_domains: Collection[str]
) -> tuple[NDArray[np.int16], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Each row's kind, whether the lead did it, and where type or direction is none of ours."""
    codes = {kind: at for at, kind in enumerate(KINDS)}
    kind, unknown = types.translated(codes, np.int16)
    senders = {word: sent_by_lead(word, own_domains) for word in directions.words}
    sides = {folded(word): int(lead) for word, lead in senders.items() if lead is not None}
    side, aside = directions.translated(_SIDES | sides, np.int8)
    kind[unknown | (kind < 0)] = codes["other_inbound"]
    # One entry for each side (not told, outbound, inbound) and kind.
    pairs = [
        [kind_and_side(name, direction) for name in KINDS] for direction in (None, False, True)
    ]
    kinds = np.array([[codes[name] for name, _ in row] for row in pairs], dtype=np.int16)
    by_lead = np.array([[by_lead for _, by_lead in row] for row in pairs], dtype=bool)
    return kinds[side + 1, kind], by_lead[side + 1, kind], unknown, aside
