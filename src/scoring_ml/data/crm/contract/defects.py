"""The defects of a row of a CRM export, and the fate of each.

Nothing else decides whether a row is used; the documentation is made from these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from scoring_ml.data.row_report import FIRST_IDS, RowFate
from scoring_ml.data.yaml_file import packaged


@dataclass(frozen=True)
class Defect:
    """Something that can be wrong with a row, and what becomes of it.

    Parameters
    ----------
    fate : str
        One of :data:`scoring_ml.data.row_report.FATES`.
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


@cache
def defects() -> Mapping[str, Defect]:
    """Return what can be wrong with a row, by name: ``defects.yaml`` beside this file."""
    content = packaged("scoring_ml.data.crm.contract", "defects.yaml").items()
    return MappingProxyType({name: Defect(name, **spec) for name, spec in content})
