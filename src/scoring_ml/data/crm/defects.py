"""The defects of a row of a CRM export, and the fate of each.

Nothing else decides whether a row is used; the documentation is made from these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from scoring_ml.data.row_report import FIRST_IDS, LEFT_OUT, MENDED, SET_ASIDE, RowFate


@dataclass(frozen=True)
class Defect:
    """Something that can be wrong with a row, and what becomes of it.

    Parameters
    ----------
    name : str
    what : str
        What is wrong, for people.
    fate : str
        One of :data:`scoring_ml.data.row_report.FATES`.
    then : str
        What exactly happens.
    """

    name: str
    what: str
    fate: str
    then: str

    def rows(
        self, table: str, count: int, first_ids: Sequence[str] = (), note: str = ""
    ) -> RowFate:
        """Return rows of a table that have the defect."""
        first = tuple(first_ids[:FIRST_IDS])
        return RowFate(self.what, count, first, self.fate, self.name, table, note)


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
                "planned",
                "an activity that was recorded before the export was made, for a moment after it",
                SET_ASIDE,
                "not used: it has not happened yet",
            ),
            Defect(
                "not_held",
                "an activity that did not come about: a no-show, a failed call, a bounce",
                SET_ASIDE,
                "not used",
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
                "lead_set_aside",
                "of a lead that is set aside by `only` or `without`",
                SET_ASIDE,
                "not used",
            ),
            Defect(
                "merged_lead",
                "a lead that became part of another one",
                SET_ASIDE,
                "it is no lead of its own: what belongs to it is the other lead's from the merge "
                "on",
            ),
            Defect("no_merge", "a row of merges that names no merged lead", SET_ASIDE, "not used"),
            Defect(
                "merged_loss",
                "a stage that ended a lead which became part of another one",
                SET_ASIDE,
                "not used: whether the lead that stayed goes on is told by its own stages and by "
                "deals",
            ),
            Defect(
                "endless_merge",
                "a lead that became part of one that is not in the export, or of itself in a "
                "circle",
                LEFT_OUT,
                "left out",
            ),
            Defect(
                "repeated_row",
                "a row that equals an earlier one in every column of the contract",
                SET_ASIDE,
                "the first one stays; activities whose moment is a day without a time stay all, "
                "unless `activity_id` tells them apart",
            ),
            Defect(
                "same_value",
                "a state of a record in which the field has the value that it had",
                SET_ASIDE,
                "it is no change",
            ),
            Defect(
                "same_stage",
                "the stage that the lead is in already, such as a row for each change of a deal",
                SET_ASIDE,
                "it is not entered again: the first row stays",
            ),
            Defect(
                "not_selected",
                "`only` or `without` says that the row is no fact of this table",
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
                "void_id",
                "a company or a person whose id is 0, -1 or zeros alone",
                MENDED,
                "counts as none",
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
                "unknown_result",
                "a result that is neither held nor not held",
                MENDED,
                "counts as held",
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
