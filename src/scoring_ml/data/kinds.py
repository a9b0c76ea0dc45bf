"""The kinds of activities that features are made of, whatever a CRM calls them."""

from __future__ import annotations

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
