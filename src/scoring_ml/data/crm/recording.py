"""The moments at which facts of a CRM export were recorded, as far as its tables tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from scoring_ml.data.crm.activities import can_be_planned
from scoring_ml.data.crm.activity_kinds import KIND_PLACES, KINDS
from scoring_ml.data.crm.events import read_outcomes
from scoring_ml.data.crm.facts import OPEN
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.tables import Table
from scoring_ml.data.values.moments import Moments

_RECORDED: Final = {
    "leads": ("created_at", "known_at"),
    "field_changes": ("changed_at", "known_at"),
    "activities": ("occurred_at", "known_at"),
    "stages": ("entered_at", "known_at"),
    "deals": ("opened_at", "closed_at", "known_at"),
}


def recorded_moments(table: Table, mapping: CrmMapping) -> Iterator[Moments]:
    """Yield the moments at which something was entered, which shows how far an export reaches.

    What may be only planned is none of them: an activity that does not tell when it was entered, if
    it is of a kind that is planned; the closing of an open deal; a day of spend.
    """
    for name in _RECORDED.get(table.name, ()):
        read = table.moments(name)
        usable = read.usable
        if table.name == "activities" and name == "occurred_at":
            kinds, _ = table.words("type", KINDS).translated(KIND_PLACES, np.int16)
            usable &= table.moments("known_at").missing & (kinds >= 0) & ~can_be_planned(kinds)
        if table.name == "deals" and name != "opened_at":
            usable &= read_outcomes(table, mapping)[0] != OPEN
        yield read.values[usable]
