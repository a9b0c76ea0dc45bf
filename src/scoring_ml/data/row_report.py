"""Rows by their fate, for both doors: how many are used, left out, set aside or mended, and why."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

LEFT_OUT: Final = "left out"
SET_ASIDE: Final = "set aside"
MENDED: Final = "mended"
BROKEN: Final = "broken"

FATES: Final = MappingProxyType(
    {
        LEFT_OUT: "the row is not used, and counts towards `most_left_out`",
        SET_ASIDE: "the row is not used, as crm.yaml or the row itself says, so it does not count",
        MENDED: "the row is used, with the change that is named",
        BROKEN: "the export cannot be used: exit 2",
    }
)
"""What can become of a row, or of a whole export."""

FIRST_IDS: Final = 3
"""How many rows a :class:`RowFate` names."""


@dataclass(frozen=True)
class RowFate:
    """Rows that share a fate, for one reason.

    Parameters
    ----------
    reason : str
        In words, without a personal value.
    count : int
        Rows (of a value that cannot be read: cells).
    first_ids : tuple of str
        At most three: ids of leads, or lines of the file.
    fate : str
        :data:`LEFT_OUT`, :data:`SET_ASIDE` or :data:`MENDED`.
    defect : str
        Of a table of a CRM export: a name of :data:`scoring_ml.data.crm.contract.defects.defects`.
    note : str
        Words that tell more, never personal ones: names of stages, types, fields.
    """

    reason: str
    count: int
    first_ids: tuple[str, ...] = ()
    fate: str = LEFT_OUT
    defect: str = ""
    table: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values: the reason, and the rows."""
        return {"reason": self.reason, "count": self.count, "first_ids": list(self.first_ids)}


@dataclass(frozen=True)
class RowReport:
    """Rows of one table by their fate: ``read = used + all left out + all set aside``.

    Parameters
    ----------
    fates : tuple of RowFate
        Each row that is not used once, under the first defect that was found.
    """

    name: str
    files: tuple[str, ...]
    read: int
    used: int
    fates: tuple[RowFate, ...] = ()

    @property
    def left_out(self) -> dict[str, int]:
        """Rows that are left out, by defect."""
        return self._counts(LEFT_OUT)

    @property
    def set_aside(self) -> dict[str, int]:
        """Rows that are set aside, by defect."""
        return self._counts(SET_ASIDE)

    @property
    def share_left_out(self) -> float:
        """Share of the rows, without those set aside, that are left out; NaN without rows."""
        rows = self.read - sum(self.set_aside.values())
        return sum(self.left_out.values()) / rows if rows else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "table": self.name,
            "files": list(self.files),
            "read": self.read,
            "used": self.used,
            "left_out": self.left_out,
            "set_aside": self.set_aside,
        }

    def _counts(self, fate: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for item in self.fates:
            if item.fate == fate:
                counts[item.defect] = counts.get(item.defect, 0) + item.count
        return counts
