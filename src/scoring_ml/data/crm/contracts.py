"""The contract of a CRM export: its tables and their columns.

:mod:`scoring_ml.data.crm.export` reads as these tables say, and the documentation is made from
them. What becomes of a row that does not fit stands in :mod:`scoring_ml.data.crm.defects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ContractColumn:
    """One column of a table.

    Parameters
    ----------
    name : str
    what : str
    required : bool
    default : str
        What holds where the file has no such column, or the cell is empty.
    """

    name: str
    what: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class TableContract:
    """One table of an export.

    Parameters
    ----------
    name : str
    what : str
    columns : tuple of ContractColumn
    required : bool
    """

    name: str
    what: str
    columns: tuple[ContractColumn, ...]
    required: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """Names of the columns that every source of the table must have."""
        return tuple(column.name for column in self.columns if column.required)


_Column = ContractColumn
_LEAD = _Column("lead_id", "which lead it is about", required=True)
_AT_EXPORT = "just before the export"
_TYPES = "one of the kinds, or a word that `words` translates"

CONTRACTS: Final[Mapping[str, TableContract]] = MappingProxyType(
    {
        table.name: table
        for table in (
            TableContract(
                "leads",
                "one row a lead",
                (
                    _Column("lead_id", "names the lead, once", required=True),
                    _Column("created_at", "when the lead came", required=True),
                    _Column(
                        "known_at",
                        "when the CRM first had it; a later moment than `created_at` takes its "
                        "place, because nobody could see the lead before",
                        default="`created_at`",
                    ),
                    _Column("account_id", "the company it belongs to", default="none"),
                    _Column("contact_id", "the person, a row of `contacts`", default="none"),
                    _Column("owner", "who works on it", default="not told"),
                    _Column("merged_into", "the lead that it became a part of", default="none"),
                    _Column("merged_at", "when that was done", default=_AT_EXPORT),
                ),
                required=True,
            ),
            TableContract(
                "merges",
                "which leads became part of which other one, where the leads do not tell it "
                "themselves",
                (
                    _Column("lead_id", "the lead that was merged away, or several", required=True),
                    _Column("merged_into", "the lead that stayed", required=True),
                    _Column("merged_at", "when that was done", default=_AT_EXPORT),
                ),
            ),
            TableContract(
                "contacts",
                "details of people: mapped fields such as e-mail and phone; a row for each change "
                "if changes are kept",
                (
                    _Column("lead_id", "whose details they are; this or `contact_id` is required"),
                    _Column("contact_id", "the person that `leads` names"),
                    _Column(
                        "known_at",
                        "when the details were known; fields with `known: history` need it, and "
                        "of those set at creation a person's first row counts from the creation on",
                        default="the lead's creation",
                    ),
                ),
            ),
            TableContract(
                "field_changes",
                "every value that a field got, the first one too unless `old_value` tells it",
                (
                    _LEAD,
                    _Column("field", "the CRM's name of the field", required=True),
                    _Column("value", "the new value", default="taken away"),
                    _Column(
                        "old_value",
                        "the value before; that of the first change of a field counts as known "
                        "since the lead's creation",
                        default="not told",
                    ),
                    _Column("changed_at", "when it got the value", required=True),
                    _Column("known_at", "when that was recorded", default="`changed_at`"),
                ),
            ),
            TableContract(
                "activities",
                "what leads did and what was done to them",
                (
                    _LEAD,
                    _Column("type", f"what was done: {_TYPES}", required=True),
                    _Column("occurred_at", "when it happened", required=True),
                    _Column("known_at", "when it was recorded", default="`occurred_at`"),
                    _Column(
                        "direction",
                        "`inbound` (the lead did it; also `incoming`, `in`) or `outbound` (we did; "
                        "also `outgoing`, `out`); or the sender's address, told by `own_domains`",
                        default="as the kind says",
                    ),
                    _Column(
                        "result",
                        "`held`, or `not_held` for what did not come about (also `no_show`, "
                        "`canceled`, `failed`, `missed`, `no_answer`, `bounced` and their kind)",
                        default="held",
                    ),
                    _Column("amount", "pages of a visit, minutes of a call", default="not told"),
                    _Column("campaign", "the campaign it belongs to", default="none"),
                    _Column("channel", "the channel it came by", default="none"),
                    _Column(
                        "activity_id",
                        "tells rows apart that are otherwise equal",
                        default="none",
                    ),
                ),
            ),
            TableContract(
                "stages",
                "every stage that a lead entered",
                (
                    _LEAD,
                    _Column("stage", "a stage that crm.yaml names", required=True),
                    _Column("entered_at", "when it was entered", required=True),
                    _Column("known_at", "when that was recorded", default="`entered_at`"),
                    _Column(
                        "deal_id",
                        "the deal that entered it, if `deals` names its deals, too",
                        default="the lead itself",
                    ),
                ),
            ),
            TableContract(
                "deals",
                "what became of leads",
                (
                    _LEAD,
                    _Column(
                        "outcome",
                        "`won`, `lost` or `open`, a stage, or a word that `words` translates; "
                        "empty for open",
                        required=True,
                    ),
                    _Column("closed_at", "when it was won or lost", default="`known_at`"),
                    _Column("known_at", "when that was recorded", default="`closed_at`"),
                    _Column(
                        "opened_at",
                        "when the deal was created: from then until it closes it keeps its lead "
                        "open",
                        default="`known_at`; of a deal that is still open, the export",
                    ),
                    _Column("amount", "worth of the deal", default="not told"),
                    _Column("loss_reason", "why it was lost", default="none"),
                    _Column(
                        "deal_id",
                        "which deal it is; of several rows of one the newest says what it is",
                        default="each row is a deal",
                    ),
                ),
            ),
            TableContract(
                "spend",
                "what marketing cost",
                (
                    _Column("campaign", "the campaign", required=True),
                    _Column("day", "the day", required=True),
                    _Column("cost", "money spent on that day, 0 or more", required=True),
                    _Column("channel", "the channel", default="none"),
                    _Column("known_at", "when that was known", default="the end of the day"),
                ),
            ),
        )
    }
)
"""The tables of an export. Without ``deals``, a stage that wins must be named in crm.yaml."""
