"""The contract of a CRM export: its tables, their columns, and what becomes of every defect.

Nothing else decides whether a row is used. :mod:`scoring_ml.data.crm.export` reads as these tables
say, and the documentation is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

LEFT_OUT: Final = "left out"
SET_ASIDE: Final = "set aside"
MENDED: Final = "mended"
BROKEN: Final = "broken"

FATES: Final = MappingProxyType(
    {
        LEFT_OUT: "the row is not used, and counts towards `most_left_out`",
        SET_ASIDE: "the row is not used; nothing is lost by that, so it does not count",
        MENDED: "the row is used, with the change that is named",
        BROKEN: "the export cannot be used: exit 2",
    }
)
"""What can become of a row, or of a whole export."""


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


@dataclass(frozen=True)
class Defect:
    """Something that can be wrong with a row, and what becomes of it.

    Parameters
    ----------
    name : str
    what : str
        What is wrong, for people.
    fate : str
        One of :data:`FATES`.
    then : str
        What exactly happens.
    """

    name: str
    what: str
    fate: str
    then: str


_Column = ContractColumn
_LEAD = _Column("lead_id", "which lead it is about", required=True)
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
                ),
                required=True,
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
                        "also `outgoing`, `out`)",
                        default="as the kind says",
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
                    _Column("amount", "worth of the deal", default="not told"),
                    _Column("loss_reason", "why it was lost", default="none"),
                    _Column("deal_id", "tells rows apart that are otherwise equal", default="none"),
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


DEFECTS: Final[Mapping[str, Defect]] = MappingProxyType(
    {
        defect.name: defect
        for defect in (
            Defect("ragged_line", "a line with too many or too few cells", LEFT_OUT, "left out"),
            Defect("no_id", "a lead or a person without an id", LEFT_OUT, "left out"),
            Defect(
                "no_moment",
                "a required moment is empty",
                LEFT_OUT,
                "left out; if it tells the end of a lead, its lead is neither won nor lost nor "
                "open",
            ),
            Defect(
                "unreadable_moment",
                "a moment that cannot be read, or lies outside 1900 to 2200",
                LEFT_OUT,
                "left out: a wrong guess could make a fact known too early; if it tells the end of "
                "a lead, its lead is neither won nor lost nor open",
            ),
            Defect(
                "future",
                "happened or became known after the export was made",
                LEFT_OUT,
                "left out, so that nothing after the export counts",
            ),
            Defect(
                "repeated_lead",
                "a second row for the same `lead_id`",
                LEFT_OUT,
                "the row with the earliest `created_at` stays, of equal ones the greatest by its "
                "text",
            ),
            Defect(
                "orphan", "names a lead that is not among the leads in use", LEFT_OUT, "left out"
            ),
            Defect(
                "repeated_row",
                "a row that equals an earlier one in every column of the contract",
                SET_ASIDE,
                "the first one stays; activities whose moment is a day without a time stay all, "
                "unless `activity_id` tells them apart",
            ),
            Defect(
                "not_selected",
                "`only` says that the row is no fact of this table",
                SET_ASIDE,
                "not used",
            ),
            Defect(
                "not_counted",
                "a type or a stage that `words` translates to nothing",
                SET_ASIDE,
                "not used",
            ),
            Defect(
                "not_happened",
                "no moment, where the type or the stage is a constant of the whole file",
                SET_ASIDE,
                "the lead has not done it, or has not entered the stage",
            ),
            Defect(
                "other_field",
                "the change of a field that crm.yaml does not map",
                SET_ASIDE,
                "not used",
            ),
            Defect(
                "no_lead",
                "a fact that names no lead, such as a deal that began without one",
                SET_ASIDE,
                "not used; if no row of a table names a lead, the contract is broken",
            ),
            Defect(
                "unlinked_contact",
                "a person whom no lead names",
                SET_ASIDE,
                "not used",
            ),
            Defect(
                "late_lead",
                "a lead known later than created",
                MENDED,
                "it counts as created when it was known",
            ),
            Defect(
                "known_before",
                "known before it happened",
                MENDED,
                "`known_at` is raised to the moment of the fact",
            ),
            Defect(
                "before_creation",
                "a stage or a closing up to a day before the lead's creation (clocks that differ, "
                "dates without a time)",
                MENDED,
                "its moments are raised to the lead's creation; activities before the creation "
                "are real and stay as they are",
            ),
            Defect(
                "long_before_creation",
                "a stage or a closing more than a day before the lead's creation",
                LEFT_OUT,
                "left out: it belongs to another lead of the same person; a lead without another "
                "end is neither won nor lost nor open",
            ),
            Defect(
                "skipped_hour",
                "a local time that does not exist, because clocks were put forward",
                MENDED,
                "moved to the moment at which they were",
            ),
            Defect(
                "doubled_hour",
                "a local time that exists twice, because clocks were put back",
                MENDED,
                "taken for the later of the two, so that nothing is known too early",
            ),
            Defect("unknown_stage", "a stage that crm.yaml does not name", LEFT_OUT, "left out"),
            Defect(
                "unknown_outcome",
                "an outcome that is neither won, lost nor open",
                LEFT_OUT,
                "left out; its lead is neither won nor lost nor open, unless another deal won it",
            ),
            Defect("no_type", "an activity without a type", LEFT_OUT, "left out"),
            Defect(
                "unknown_type",
                "an activity of a type that is no kind and that `words` does not translate",
                MENDED,
                "counts as `other_inbound`, or as `other_outbound` if `direction` says so",
            ),
            Defect(
                "unknown_direction",
                "a direction that is neither inbound nor outbound",
                MENDED,
                "the kind says who did it",
            ),
            Defect(
                "wrong_value",
                "a value that is not of the field's type",
                MENDED,
                "counts as not known",
            ),
            Defect(
                "contradicting_row",
                "rows that tell different values of one lead or field at one moment",
                MENDED,
                "the greatest value counts (words by their text), whatever the order of the rows; "
                "a value counts rather than none",
            ),
            Defect(
                "untimed_contact",
                "contact details without `known_at`, where a field is declared as history",
                MENDED,
                "that field is not taken from the row; fields set at creation are",
            ),
            Defect(
                "negative_amount",
                "an amount below 0, or that is no number",
                MENDED,
                "counts as not told",
            ),
            Defect("wrong_cost", "a cost below 0, or that is no number", LEFT_OUT, "left out"),
            Defect("no_campaign", "no campaign is named", LEFT_OUT, "left out"),
            Defect(
                "repeated_key",
                "a joined file with several rows for a key",
                MENDED,
                "the first row is used; the others are not looked at",
            ),
        )
    }
)
"""Everything that can be wrong with a row, and what then happens."""


BREAKS: Final = (
    "a file, a required table or a required column is missing",
    "neither `deals` nor a winning stage is mapped",
    "more than `most_left_out` of a table's rows are left out (rows set aside do not count)",
    "most stages or outcomes are words that crm.yaml does not know",
    "a table has rows, but none of them names a lead",
    "no lead can be used",
)
"""What breaks the contract of an export: exit 2."""


def contracts_markdown() -> str:
    """Return the tables, their columns and the fate of every defect as Markdown."""
    lines: list[str] = []
    for table in CONTRACTS.values():
        need = " (required)" if table.required else ""
        lines += [f"**{table.name}**{need}: {table.what}.", ""]
        lines += ["| column | what it holds | if it is not there |", "|---|---|---|"]
        for column in table.columns:
            absent = "**required**" if column.required else column.default or "-"
            lines.append(f"| `{column.name}` | {column.what} | {absent} |")
        lines.append("")
    lines += ["What is wrong with a row decides what becomes of it:", ""]
    lines += ["| defect | what is wrong | fate | what happens |", "|---|---|---|---|"]
    lines += [
        f"| `{defect.name}` | {defect.what} | {defect.fate} | {defect.then} |"
        for defect in DEFECTS.values()
    ]
    lines.append("")
    lines += [f"- *{fate}*: {meaning}" for fate, meaning in FATES.items()]
    lines += ["", "The contract is broken, and the command ends with exit 2, if", ""]
    lines += [f"- {item};" for item in BREAKS[:-1]]
    lines += [f"- {BREAKS[-1]}.", ""]
    return "\n".join(lines)
