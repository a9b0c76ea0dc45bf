"""Answers to requests: one lead, a list of leads, one lead explained."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from scoring_ml.data.values.limits import MAX_TEXT
from scoring_ml.errors import LeadError
from scoring_ml.scoring.lead import LEAD_ID, is_id
from serving.api import ParsedRequest, Reply, rfc3339
from serving.logs import kind_and_place
from serving.refusals import Refusal
from serving.watcher import ChampionWatcher, ServedModel

logger = logging.getLogger(__name__)


def one(champion: ChampionWatcher, request: ParsedRequest, *, explain: bool) -> Reply:
    """Score one lead, perhaps with every contribution.

    Returns
    -------
    Reply
        200 with the answer; 422 if the lead is wrong; 503 if no champion is served; 500.
    """
    served = champion.served
    if served is None:
        return Reply.refuse(Refusal("no_champion"), request)
    try:
        answer = _answer(served, request.content, request, explain=explain)
    except Refusal as refusal:
        return Reply.refuse(refusal, request)
    return Reply.done(answer)


def many(champion: ChampionWatcher, request: ParsedRequest, *, most: int) -> Reply:
    """Score a list of leads with one model, each answered or refused by itself.

    Returns
    -------
    Reply
        200 with a list in the request's order, each item an answer or an error; 422 if the
        content is no list, or an empty one, or too long; 503 if no champion is served.
    """
    served = champion.served
    leads = request.content
    if not isinstance(leads, list) or not 1 <= len(leads) <= most:
        reason, count = ("length", len(leads)) if isinstance(leads, list) else ("type", 0)
        params = {"most": most, "n": count}
        return Reply.refuse(Refusal("invalid_batch", reason, params=params), request)
    if served is None:
        return Reply.refuse(Refusal("no_champion"), request)
    answers = []
    for lead in leads:
        try:
            answers.append(_answer(served, lead, request, explain=False))
        except Refusal as refusal:
            answers.append(_lead_id(lead) | refusal.body(request.lang, request.request_id))
    return Reply.done(answers)


def _answer(
    served: ServedModel, lead: Any, request: ParsedRequest, *, explain: bool
) -> dict[str, Any]:
    if not isinstance(lead, Mapping):
        raise Refusal("invalid_lead", "not_object")
    score = served.scorer.explain if explain else served.scorer.score
    try:
        answer = score(lead, as_of=request.received_at, lang=request.lang)
    except LeadError as error:
        raise Refusal("invalid_lead", "fields", fields=error.fields) from None
    except Exception as error:  # noqa: BLE001 - a fault of ours must not take a batch with it
        # The message may hold a value of the lead: say only what broke and where.
        logger.error(
            "a lead could not be scored: %s, request %s", kind_and_place(error), request.request_id
        )
        raise Refusal("internal_error") from None
    return answer | {"scored_at": rfc3339(request.received_at), "request_id": request.request_id}


def _lead_id(lead: Any) -> dict[str, Any]:
    """Return ``lead_id`` as it was sent, if it can be one."""
    raw = lead.get(LEAD_ID) if isinstance(lead, Mapping) else None
    return {LEAD_ID: raw} if raw is not None and is_id(raw) and len(str(raw)) <= MAX_TEXT else {}
