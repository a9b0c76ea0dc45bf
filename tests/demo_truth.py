"""The fields of the demo that have no effect of their own; its effects stand in the product."""

from __future__ import annotations

from typing import Final

NO_EFFECT: Final = (
    "country",
    "language",
    "medium",
    "employees",
    "newsletter",
    "preferred_contact_hour",
    "web_visit_30d",
    "email_open_30d",
    "created_hour",
    "created_weekday",
)
"""Fields without any effect of their own. Hour, weekday and country tell a little about how fast
sales answers, and only by that about the chance."""
