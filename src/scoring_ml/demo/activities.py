"""Activities of the demo's leads and of its sales team, and their likelihood ratios.

What leads do is a Poisson process whose rate differs by who will buy. Its likelihood ratio is
closed form: each event counts with the logarithm of the ratio of the rates, and the time in which
nothing happened with the difference of the rates' integrals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.crm.facts import Activities
from scoring_ml.data.values.moments import DAY, NEVER, Moments
from scoring_ml.demo.calendar import (
    BUSIEST,
    EXTRACTED_AT,
    SECOND_US,
    busy_at,
    busy_days,
    fading_busy_days,
    whole_seconds,
)
from scoring_ml.demo.effects import (
    ACTIVITY_RATES,
    ATTRIBUTE_LEVELS,
    FADES_DAYS,
    OPENS_A_DAY,
    RESPONSE_FIELD,
    RUSH,
    RUSH_DAYS,
    STATES,
)
from scoring_ml.demo.funnel import Paths
from scoring_ml.demo.people import NO_CODE, People

_RATIO: Final = np.array([item.ratio for item in ACTIVITY_RATES])
_A_DAY: Final = np.array([item.a_day for item in ACTIVITY_RATES])
_BEFORE: Final = np.array([item.before for item in ACTIVITY_RATES])
_KIND: Final = np.array([KINDS.index(item.kind) for item in ACTIVITY_RATES])
_BOTH_FADE_DAYS: Final = 1.0 / (1.0 / RUSH_DAYS + 1.0 / FADES_DAYS)
_CHUNK: Final = 100_000
_SENT_A_DAY: Final = 0.15
_OWN_CHANNEL: Final = 0.7

LOG_RATIO: Final = np.zeros(len(KINDS))
"""Log-likelihood ratio of an event of each of KINDS, beside what its time adds."""
LOG_RATIO[_KIND] = np.log(_RATIO)

FADES: Final = np.isin(np.arange(len(KINDS)), _KIND)
"""Whether the time since creation counts for each of KINDS."""


@dataclass(frozen=True)
class _Events:
    """Events in no order; ``lead`` counts from the first lead of all."""

    lead: NDArray[np.int64]
    kind: NDArray[np.int16]
    at: Moments


def draw_activities(
    people: People,
    paths: Paths,
    buyer: NDArray[np.bool_],
    talks_at: Moments,
    rng: np.random.Generator,
) -> Activities:
    """Draw everything that happens until a lead is closed or the export is made.

    They are ordered by lead, then moment, then ``known_at``; also what becomes known after the
    export. ``talks_at``, shape (n, talks), is when sales talks to a lead; NEVER for no talk.
    """
    n = len(people.created_at)
    end = np.minimum(paths.closed_at, EXTRACTED_AT.astype(np.int64))
    parts: list[Activities] = []
    for first in range(0, n, _CHUNK):
        lead = np.arange(first, min(first + _CHUNK, n))
        drawn = [
            *_lead_events(people, buyer, end, lead, rng),
            *_sales_events(people, paths, talks_at, end, lead, rng),
        ]
        parts.append(_complete(people, drawn, rng))
    return Activities(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("lead", "kind", "by_lead", "occurred_at", "known_at", "amount",
                         "campaign", "channel")
        },
        campaigns=ATTRIBUTE_LEVELS["campaign"],
        channels=ATTRIBUTE_LEVELS["source"],
    )  # fmt: skip


def _lead_events(
    people: People,
    buyer: NDArray[np.bool_],
    end: Moments,
    lead: NDArray[np.int64],
    rng: np.random.Generator,
) -> Iterator[_Events]:
    level, created = people.level, people.created_at
    open_days = (end - created) / DAY
    for buys in (True, False):
        who = lead[buyer[lead] == buys]
        before, after = (_BEFORE * _RATIO, _A_DAY * _RATIO) if buys else (_BEFORE, _A_DAY)
        fades, rush_fades = (np.inf, RUSH_DAYS) if buys else (FADES_DAYS, _BOTH_FADE_DAYS)
        past = _times(rng, who, before.sum() * level[who], people.before_days[who], np.inf)
        yield _kinds(rng, *past, before, created, past=True)
        for rate, theta in ((1.0, fades), (RUSH, rush_fades)):
            drawn = _times(rng, who, rate * after.sum() * level[who], open_days[who], theta)
            yield _kinds(rng, *drawn, after, created)
    opened = _times(rng, lead, np.full(len(lead), OPENS_A_DAY), open_days[lead], np.inf)
    yield _thinned(rng, *opened, created, np.int16(KINDS.index("email_open")))


def _times(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    rate: NDArray[np.float64],
    length: NDArray[np.float64],
    theta: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw leads and days in [0, length) at the rate of the busiest hour, fading by theta."""
    reach = -np.expm1(-length / theta)
    whole = length if np.isinf(theta) else theta * reach
    count = rng.poisson(BUSIEST * rate * whole)
    lead = np.repeat(who, count)
    share = rng.random(len(lead))
    if np.isinf(theta):
        return lead, share * np.repeat(length, count)
    return lead, -theta * np.log1p(-share * np.repeat(reach, count))


def _kinds(
    rng: np.random.Generator,
    lead: NDArray[np.int64],
    days: NDArray[np.float64],
    weights: NDArray[np.float64],
    created: Moments,
    *,
    past: bool = False,
) -> _Events:
    limits = np.cumsum(weights)[:-1] / weights.sum()
    kind = _KIND[np.searchsorted(limits, rng.random(len(lead)), side="right")].astype(np.int16)
    return _thinned(rng, lead, -days if past else days, created, kind)


def _thinned(
    rng: np.random.Generator,
    lead: NDArray[np.int64],
    days: NDArray[np.float64],
    created: Moments,
    kind: NDArray[np.int16] | np.int16,
) -> _Events:
    """Keep as many events as the hour is busy; moments become whole seconds."""
    at = created[lead] + whole_seconds(days)
    kept = rng.random(len(lead)) * BUSIEST < busy_at(at / DAY)
    return _Events(lead[kept], np.broadcast_to(kind, lead.shape)[kept], at[kept])


def _sales_events(
    people: People,
    paths: Paths,
    talks_at: Moments,
    end: Moments,
    lead: NDArray[np.int64],
    rng: np.random.Generator,
) -> Iterator[_Events]:
    created = people.created_at[lead]
    response = created + whole_seconds(people.true[RESPONSE_FIELD][lead] / 24.0)
    call, message, sent = (
        KINDS.index(name) for name in ("outbound_call", "outbound_message", "email_sent")
    )
    how = np.where(rng.random(len(lead)) < 0.7, call, message)
    yield _before_end(lead, how, response, end)
    for talk in talks_at[lead].T:
        yield _before_end(lead, call, talk, end)
    for name in ("sql", "proposal"):
        entered = paths.entered_at[lead, STATES.index(name)]
        some = entered != NEVER
        after = np.maximum(entered[some], response[some])
        later = after + whole_seconds(rng.exponential(1.0, int(some.sum())))
        yield _before_end(lead[some], call, later, end)
    # A mail to the list goes out whatever the hour.
    length = (end[lead] - created) / DAY
    count = rng.poisson(_SENT_A_DAY * length)
    days = rng.random(int(count.sum())) * np.repeat(length, count)
    yield _before_end(
        np.repeat(lead, count), sent, np.repeat(created, count) + whole_seconds(days), end
    )


def _before_end(
    lead: NDArray[np.int64], kind: NDArray[Any] | int, at: Moments, end: Moments
) -> _Events:
    kept = at < end[lead]
    return _Events(lead[kept], np.broadcast_to(kind, lead.shape)[kept].astype(np.int16), at[kept])


def _complete(people: People, parts: list[_Events], rng: np.random.Generator) -> Activities:
    lead = np.concatenate([part.lead for part in parts])
    kind = np.concatenate([part.kind for part in parts])
    at = np.concatenate([part.at for part in parts])
    lead, kind, at = _without_repeats(lead, kind, at)
    known = _known_at(people, lead, kind, at, rng)
    order = np.lexsort((kind, known, at, lead))
    lead, kind, at, known = lead[order], kind[order], at[order], known[order]
    m = len(lead)
    visit = kind == KINDS.index("web_visit")
    pages = np.full(m, np.nan)
    pages[visit] = 1.0 + rng.poisson(2.5, int(visit.sum()))
    # Most visits come the way the lead came; the others find the site by themselves.
    own = visit & (rng.random(m) < _OWN_CHANNEL)
    campaign = np.where(own, people.true["campaign"][lead], NO_CODE).astype(np.int32)
    channel = np.where(own, people.true["source"][lead], np.where(visit, 0, NO_CODE))
    return Activities(
        lead=lead,
        kind=kind,
        by_lead=kind < len(BY_LEAD),
        occurred_at=at,
        known_at=known,
        amount=pages,
        campaign=campaign,
        channel=channel.astype(np.int32),
    )


def _without_repeats(
    lead: NDArray[np.int64], kind: NDArray[np.int16], at: Moments
) -> tuple[NDArray[np.int64], NDArray[np.int16], Moments]:
    """Leave out repeats of an activity within one second: nobody could tell them apart.

    That is one event in some millions, so the likelihood need not know of it.
    """
    order = np.lexsort((kind, at, lead))
    lead, kind, at = lead[order], kind[order], at[order]
    repeated = (np.diff(lead) == 0) & (np.diff(at) == 0) & (np.diff(kind) == 0)
    kept = np.concatenate([[True], ~repeated]) if len(lead) else np.zeros(0, dtype=bool)
    return lead[kept], kind[kept], at[kept]


def _known_at(
    people: People,
    lead: NDArray[np.int64],
    kind: NDArray[np.int16],
    at: Moments,
    rng: np.random.Generator,
) -> Moments:
    """Return when an activity got into the CRM.

    Visits before creation are known once the form says who it was. The guests of a webinar are
    imported the day after; one call in ten is written down late.
    """
    share = rng.random(len(at))
    minutes = share * 10.0
    webinar = kind == KINDS.index("webinar")
    minutes = np.where(webinar, 360.0 + share * 1440.0, minutes)
    calls = np.isin(kind, [KINDS.index("outbound_call"), KINDS.index("outbound_message")])
    late = np.where(share < 0.9, share * 30.0, 60.0 + (share - 0.9) * 13_800.0)
    minutes = np.where(calls, late, minutes)
    known = at + (minutes * 60).astype(np.int64) * SECOND_US
    created = people.created_at[lead]
    return np.where(at < created, created, known)


def log_likelihood_ratios(created_at: Moments, activities: Activities) -> NDArray[np.float64]:
    """Return the log-likelihood ratio of each event, shape (m,)."""
    age = (activities.occurred_at - created_at[activities.lead]) / DAY
    fades = np.where(FADES[activities.kind], np.maximum(age, 0.0) / FADES_DAYS, 0.0)
    return np.asarray(LOG_RATIO[activities.kind] + fades)


def silence_evidence(
    people: People, lead: NDArray[np.int64], as_of: Moments
) -> NDArray[np.float64]:
    """Return the evidence of time without events against a purchase, shape (m,).

    The integral of the rate of those who will buy less that of the others, up to a moment after
    creation.
    """
    created = people.created_at[lead] / DAY
    now = as_of / DAY
    before = busy_days(created - people.before_days[lead], created)
    buyers = busy_days(created, now) + RUSH * fading_busy_days(created, now, RUSH_DAYS)
    others = fading_busy_days(created, now, FADES_DAYS)
    others += RUSH * fading_busy_days(created, now, _BOTH_FADE_DAYS)
    total = float(_BEFORE @ (_RATIO - 1.0)) * before
    total += float(_A_DAY @ _RATIO) * buyers - float(_A_DAY.sum()) * others
    return people.level[lead] * total
