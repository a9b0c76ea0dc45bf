"""The kinds of activities that features are made of, whatever a CRM calls them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

from scoring_ml.data.values.vocabulary import folded
from scoring_ml.data.yaml_file import packaged

BY_LEAD: Final = (
    "web_visit",
    "form",
    "download",
    "email_open",
    "email_click",
    "email_reply",
    "webinar",
    "event",
    "chat",
    "demo_request",
    "trial",
    "inbound_call",
    "meeting",
    "other_inbound",
)
"""What a lead does; ``amount`` of a web visit counts its pages, of a trial or a call minutes."""

BY_US: Final = ("email_sent", "outbound_call", "outbound_message", "other_outbound")
"""What marketing and sales do. The first call or message by a person is the first response."""

KINDS: Final = (*BY_LEAD, *BY_US)

KIND_PLACES: Final[Mapping[str, int]] = {kind: place for place, kind in enumerate(KINDS)}
"""Kind -> its place in :data:`KINDS`."""

_TWO_WAYS: Final = {
    "inbound_call": "outbound_call",
    "email_reply": "email_sent",
    "chat": "outbound_message",
    "other_inbound": "other_outbound",
}
THE_OTHER_WAY: Final = _TWO_WAYS | {other: kind for kind, other in _TWO_WAYS.items()}
"""What an activity is if ``direction`` says that the other side did it."""


DIRECTIONS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("inbound", "incoming", "in"), True),
    **dict.fromkeys(("outbound", "outgoing", "out"), False),
}
"""Words for who did it: true for the lead."""


PLANNABLE: Final = (
    "webinar",
    "event",
    "inbound_call",
    "meeting",
    "other_inbound",
    "outbound_call",
    "other_outbound",
)
"""Kinds that a CRM also holds before they happen."""

RESULTS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(
        ("held", "completed", "connected", "answered", "sent", "done", "scheduled"), True
    ),
    **dict.fromkeys(("not_held", "no_show", "noshow", "canceled", "cancelled"), False),
    **dict.fromkeys(("rescheduled", "failed", "busy", "missed", "no_answer", "bounce"), False),
    **dict.fromkeys(("wrong_number", "left_voicemail", "bounced", "not_started"), False),
    **dict.fromkeys(("deferred", "queued", "ringing", "dropped", "undelivered"), False),
    **dict.fromkeys(("rejected", "declined", "auto_reply", "out_of_office"), False),
}
"""Words for how an activity went: false for what did not come about."""


def was_held(word: str) -> bool | None:
    """Tell whether an activity came about, from its result; ``None`` for a word that is no result.

    >>> was_held("No Show"), was_held("COMPLETED"), was_held("maybe")
    (False, True, None)
    """
    return RESULTS.get("_".join(word.casefold().replace("-", " ").split()))


def is_automatic(subject: str) -> bool:
    """Tell whether a subject is that of an automatic reply, a bounce or a meeting called off.

    >>> [is_automatic(text) for text in ("Automatic reply: offer", "Автоответ", "Offer")]
    [True, True, False]
    """
    return _automatic().match(folded(subject)) is not None


@cache
def _automatic() -> re.Pattern[str]:
    words = packaged("scoring_ml.data.crm", "automatic.yaml")
    return re.compile(f"{words['before']}(?:{'|'.join(words['begins'])})(?!\\w)")


def sent_by_lead(address: str, own_domains: Collection[str]) -> bool | None:
    """Tell whether an e-mail address is the lead's; ``None`` where that cannot be told.

    >>> [sent_by_lead(text, ["ours.com"]) for text in ("Ann <a@ours.com>", "b@theirs.org", "in")]
    [False, True, None]
    """
    domain = address.rpartition("@")[2].strip(" >").casefold()
    if "@" not in address or not own_domains:
        return None
    own = [name.casefold().lstrip("@") for name in own_domains]
    return not any(domain == name or domain.endswith(f".{name}") for name in own)


def kind_and_side(kind: str, inbound: bool | None) -> tuple[str, bool]:
    """Return an activity's kind and whether the lead did it, given its direction.

    Parameters
    ----------
    inbound : bool or None
        ``None`` where no direction is told: the kind decides.

    >>> kind_and_side("outbound_call", True), kind_and_side("meeting", False)
    (('inbound_call', True), ('meeting', False))
    """
    by_lead = kind in BY_LEAD
    if inbound is None or inbound == by_lead:
        return kind, by_lead
    return THE_OTHER_WAY.get(kind, kind), inbound
