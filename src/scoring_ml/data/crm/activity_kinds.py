"""The kinds of activities that features are made of, whatever a CRM calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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

THE_OTHER_WAY: Final = {
    "inbound_call": "outbound_call",
    "email_reply": "email_sent",
    "chat": "outbound_message",
    "other_inbound": "other_outbound",
    "outbound_call": "inbound_call",
    "email_sent": "email_reply",
    "outbound_message": "chat",
    "other_outbound": "other_inbound",
}
"""What an activity is if ``direction`` says that the other side did it."""


DIRECTIONS: Final[Mapping[str, bool]] = {
    "inbound": True,
    "incoming": True,
    "in": True,
    "outbound": False,
    "outgoing": False,
    "out": False,
}
"""Words for who did it: true for the lead."""


def kind_and_side(kind: str, inbound: bool | None) -> tuple[str, bool]:
    """Return an activity's kind and whether the lead did it, given its direction.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    inbound : bool or None
        ``None`` where no direction is told: the kind decides.

    >>> kind_and_side("outbound_call", True), kind_and_side("meeting", False)
    (('inbound_call', True), ('meeting', False))
    """
    by_lead = kind in BY_LEAD
    if inbound is None or inbound == by_lead:
        return kind, by_lead
    return THE_OTHER_WAY.get(kind, kind), inbound
