"""The demo's CRM export as tables of texts and moments, written as Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.facts import WON
from scoring_ml.data.files.writing import whole_file
from scoring_ml.data.values.moments import Moments
from scoring_ml.demo.contact_details import budget_places, budget_texts
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS
from scoring_ml.demo.export import (
    CONTACT_FIELDS,
    EXTRACTED,
    LAST_CALLS,
    LEAD_WORDS,
    account_ids,
    answer_rows,
    known_activities,
    lead_ids,
    stage_rows,
    touches_total,
)
from scoring_ml.demo.funnel import FUNNEL_STAGES, STAGE_OF_STATE
from scoring_ml.demo.world import World

_ROWS_AT_ONCE: Final = 1_000_000
_LEAVES_NA: Final = 5
"""Every fifth lead's empty answers were written as n/a by somebody."""

Columns = dict[str, pa.Array]


def write_tables(world: World, folder: Path) -> None:
    """Write every table of a world's export, each at once, to a folder that exists."""
    ids = pa.array(lead_ids(np.arange(len(world))))
    tables: dict[str, Callable[[World, pa.Array], Iterator[pa.Table]]] = {
        "leads": _leads,
        "contacts": _contacts,
        "field_changes": _field_changes,
        "activities": _activities,
        "stages": _stages,
        "deals": _deals,
        "spend": _spend,
    }
    for name, parts in tables.items():
        write_parquet(folder / f"{name}.parquet", parts(world, ids))


def write_parquet(path: Path, parts: Iterator[pa.Table]) -> None:
    """Write tables of one form one below the other; an older file is replaced at the end."""
    first = next(parts)
    with (
        whole_file(path) as unfinished,
        pq.ParquetWriter(unfinished, first.schema, compression="zstd") as writer,
    ):
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)


def moments(values: Moments) -> pa.Array:
    """Return moments as Arrow timestamps in UTC."""
    return pa.array(values).cast(pa.timestamp("us", tz="UTC"))


def _words(pool: Sequence[str], places: NDArray[Any]) -> pa.Array:
    """Return texts of a pool, null where the place is -1; the file holds only those in use."""
    times = np.bincount(places.astype(np.int64) + 1, minlength=len(pool) + 1)[1:]
    used = np.flatnonzero(times)
    among = np.full(len(pool) + 1, -1, dtype=np.int32)
    among[used] = np.arange(len(used))
    indices = pa.array(among[places], mask=places < 0)
    texts = pa.array([pool[place] for place in used.tolist()], type=pa.string())
    return pa.DictionaryArray.from_arrays(indices, texts)


def _answers(pool: Sequence[str], places: NDArray[Any]) -> pa.Array:
    """As :func:`_words`, but every fifth lead's gap was filled with n/a."""
    gap = (places < 0) & (np.arange(len(places)) % _LEAVES_NA == 0)
    return _words((*pool, "n/a"), np.where(gap, len(pool), places))


def _number_texts(values: NDArray[np.float64]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct whole numbers as texts, and each value's place; -1 for none."""
    known = ~np.isnan(values)
    distinct, places = np.unique(values[known], return_inverse=True)
    texts = np.full(len(values), -1, dtype=np.int64)
    texts[known] = places
    return [f"{value:.0f}" for value in distinct.tolist()], texts


def _by_lead(ids: pa.Array, lead: NDArray[np.int64], columns: Columns) -> Iterator[pa.Table]:
    """Yield rows in parts, so that the ids of ten million rows are never there at once."""
    for start in range(0, max(len(lead), 1), _ROWS_AT_ONCE):
        part = {"lead_id": ids.take(pa.array(lead[start : start + _ROWS_AT_ONCE]))}
        yield pa.table(
            part | {name: values.slice(start, _ROWS_AT_ONCE) for name, values in columns.items()}
        )


def _leads(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    form = world.form
    columns: Columns = {
        "lead_id": ids,
        "created_at": moments(world.people.created_at),
        "account_id": pa.array(account_ids(world)).dictionary_encode(),
        "contact_name": _words(
            world.contact_details.pools["contact_name"],
            world.contact_details.places["contact_name"],
        ),
    }
    columns |= {name: _answers(ATTRIBUTE_LEVELS[name], form[name]) for name in LEAD_WORDS}
    columns["employees"] = _answers(*_number_texts(form["employees"]))
    columns["newsletter"] = _words(("no", "yes"), form["newsletter"].astype(np.int64))
    hours = form["preferred_contact_hour"]
    columns["preferred_contact_hour"] = _words(*_number_texts(hours))
    # As CRMs do, the table shows what an answer says on the day of the export.
    for name, answer in world.answers.items():
        everyone = np.arange(len(world))
        newest = answer.known(everyone, np.full(len(world), EXTRACTED + 1))
        columns[name] = _answers(*_answer_texts(world, name, newest, everyone))
    columns["touches_total"] = pa.array(touches_total(world))
    columns["last_call_result"] = _words(LAST_CALLS, world.last_call)
    yield pa.table(columns)


def _answer_texts(
    world: World, name: str, values: NDArray[Any], lead: NDArray[np.int64]
) -> tuple[Sequence[str], NDArray[Any]]:
    if name in ATTRIBUTE_LEVELS:
        return ATTRIBUTE_LEVELS[name], values
    if name == "budget_amount":
        return budget_texts(), budget_places(values, world.contact_details.budget_form[lead])
    return _number_texts(values)


def _contacts(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    columns: Columns = {"lead_id": ids}
    for name in CONTACT_FIELDS:
        columns[name] = _words(
            world.contact_details.pools[name], world.contact_details.places[name]
        )
    columns["known_at"] = moments(world.people.created_at)
    yield pa.table(columns)


def _field_changes(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    pool: list[str] = []
    leads, names, places, changed, known = [], [], [], [], []
    for place, (name, answer) in enumerate(world.answers.items()):
        lead, value, changed_at, known_at = answer_rows(answer)
        texts, place_of = _answer_texts(world, name, value, lead)
        leads.append(lead)
        names.append(np.full(len(lead), place))
        places.append(place_of.astype(np.int64) + len(pool))
        changed.append(changed_at)
        known.append(known_at)
        pool += texts
    moment = np.concatenate(changed)
    lead = np.concatenate(leads)
    order = np.lexsort((np.concatenate(names), moment, lead))
    return _by_lead(
        ids,
        lead[order],
        {
            "field": _words(tuple(world.answers), np.concatenate(names)[order]),
            "value": _words(pool, np.concatenate(places)[order]),
            "changed_at": moments(moment[order]),
            "known_at": moments(np.concatenate(known)[order]),
        },
    )


def _activities(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    acts = known_activities(world)
    columns: Columns = {
        "type": _words(KINDS, acts.kind),
        "occurred_at": moments(acts.occurred_at),
        "known_at": moments(acts.known_at),
        "amount": pa.array(acts.amount, mask=np.isnan(acts.amount)),
    }
    if acts.campaign is not None and acts.channel is not None:
        columns["campaign"] = _words(acts.campaigns, acts.campaign)
        columns["channel"] = _words(acts.channels, acts.channel)
    return _by_lead(ids, acts.lead, columns)


def _stages(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    lead, state, entered, known = stage_rows(world)
    columns = {
        "stage": _words(FUNNEL_STAGES, np.take(STAGE_OF_STATE, state)),
        "entered_at": moments(entered),
        "known_at": moments(known),
    }
    return _by_lead(ids, lead, columns)


def _deals(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    deals = world.deals
    columns = {
        "outcome": _words(("lost", "won"), (deals.outcome == WON).astype(np.int64)),
        "closed_at": moments(deals.closed_at),
        "known_at": moments(deals.known_at),
        "amount": pa.array(deals.amount, mask=np.isnan(deals.amount)),
        "loss_reason": pa.array(deals.loss_reason, type=pa.string()).dictionary_encode(),
    }
    return _by_lead(ids, deals.lead, columns)


def _spend(world: World, ids: pa.Array) -> Iterator[pa.Table]:
    spend = world.spend
    days = spend["day"].to_numpy().astype("M8[D]")
    yield pa.table(
        {
            "campaign": pa.array(spend["campaign"].tolist()).dictionary_encode(),
            "channel": pa.array(spend["channel"].tolist()).dictionary_encode(),
            "day": pa.array(days),
            "cost": pa.array(spend["cost"].to_numpy()),
        }
    )
