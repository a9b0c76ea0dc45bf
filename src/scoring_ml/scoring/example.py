"""A made-up lead that can be posted as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from scoring_ml.data.history import History
from scoring_ml.data.schema import Schema
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.lead import LEAD_ID, alias
from scoring_ml.scoring.reference import Reference

_OF_TYPE: Final = {
    "email": "somebody@company.example",
    "phone": "+442079460000",
    "date": "2026-01-15T09:30:00Z",
    "boolean": True,
}
SEEN: Final = datetime(2026, 1, 15)
"""The day on which the made-up history is seen; :func:`moved_to` puts another in its place."""

_CREATED: Final = timedelta(days=-2, hours=9, minutes=30)
_VISITED: Final = (
    timedelta(days=-6, hours=14, minutes=5),
    timedelta(days=-2, hours=9, minutes=12),
    timedelta(days=-1, hours=16, minutes=40),
)
_MOST_KINDS: Final = 4


def example_lead(encoder: Encoder, reference: Reference) -> dict[str, Any]:
    """Make up a lead from likely answers; no row of the data is copied.

    Returns
    -------
    dict
        Names as in a request, JSON-ready values; fields never filled in training are left out.
        Where features are computed from a history, one is made up that ends before :data:`SEEN`.
    """
    schema = encoder.schema
    example: dict[str, Any] = {LEAD_ID: "example-1"}
    if schema.history is not None:
        example[str(schema.order.column)] = _moment(_CREATED)
    for column in schema.used:
        if column.is_feature:
            continue
        answers = reference.fields[column.name].answers
        if column.type in _OF_TYPE:
            example[alias(column.name)] = _OF_TYPE[column.type]
        elif answers:
            likely = 0 if column.worded else len(answers) // 2
            example[alias(column.name)] = answers[likely]
    if schema.history is not None and schema.history.kinds:
        example["activities"] = _activities(schema.history, _touches(encoder))
    if schema.history is not None and schema.history.stages:
        example["stages"] = _stages(schema.history, encoder.levels.get("stage", ()))
    return example


def moved_to(example: Mapping[str, Any], schema: Schema, now: datetime) -> dict[str, Any]:
    """Return an example whose history has just happened, so that its activities count.

    Parameters
    ----------
    example : mapping
        As :func:`example_lead` made it.
    now : datetime
        In UTC, without a zone. Everything lies before the beginning of this day.
    """
    moved = dict(example)
    if schema.history is None:
        return moved
    shift = datetime(now.year, now.month, now.day) - SEEN

    def move(entry: dict[str, Any], name: str) -> dict[str, Any]:
        moment = datetime.fromisoformat(entry[name]).replace(tzinfo=None) + shift
        return entry | {name: f"{moment.isoformat()}Z"}

    created = str(schema.order.column)
    if isinstance(moved.get(created), str):
        moved = move(moved, created)
    for name, moment in (("activities", "occurred_at"), ("stages", "entered_at")):
        if name in moved:
            moved[name] = [move(entry, moment) for entry in moved[name]]
    return moved


def _activities(history: History, touches: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a visit or the like for each of the first kinds, the first of them three times."""
    first, *others = history.kinds[:_MOST_KINDS]
    done = [(first, after) for after in _VISITED]
    for place, kind in enumerate(others, start=1):
        done.append((kind, _VISITED[-1] + timedelta(minutes=10 * place)))
    entries = [
        {"type": kind, "occurred_at": _moment(after)}
        | ({"amount": 3} if kind in history.amounts else {})
        for kind, after in done
    ]
    entries[0] |= touches
    if history.after_hand_over:
        call = _CREATED + timedelta(hours=2)
        entries.append({"type": "outbound_call", "occurred_at": _moment(call)})
    return entries


def _stages(history: History, likely: Iterable[str]) -> list[dict[str, Any]]:
    """Return the first stage, entered at creation, and the likeliest other a day later."""
    first = history.stages[0]
    others = [stage for stage in likely if stage in history.stages and stage != first]
    entered = [first, *others[:1]]
    return [
        {"stage": stage, "entered_at": _moment(_CREATED + timedelta(days=place, minutes=1))}
        for place, stage in enumerate(entered)
    ]


def _touches(encoder: Encoder) -> dict[str, str]:
    """Return a campaign and a channel as training knew them best."""
    history = encoder.schema.history
    levels = {
        touch: encoder.levels.get(f"first_touch_{touch}")
        for touch in (() if history is None else history.touches)
    }
    return {touch: words[0] for touch, words in levels.items() if words}


def _moment(after: timedelta) -> str:
    return f"{(SEEN + after).isoformat()}Z"
