"""The contract of a CRM export: its tables and their columns.

:mod:`scoring_ml.data.crm.export` reads as these tables say, and the documentation is made from
them. What becomes of a row that does not fit stands in :mod:`scoring_ml.data.crm.contract.defects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from scoring_ml.data.yaml_file import packaged


@dataclass(frozen=True)
class ContractColumn:
    """One column of a table.

    Parameters
    ----------
    default : str
        What holds where the file has no such column, or the cell is empty.
    """

    name: str
    what: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class TableContract:
    """One table of an export."""

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

    @property
    def moment_names(self) -> tuple[str, ...]:
        """Names of the columns of moments and days."""
        return tuple(name for name in self.names if name == "day" or name.endswith("_at"))


@cache
def contracts() -> Mapping[str, TableContract]:
    """Return the tables of an export by name: ``contracts.yaml`` beside this file."""
    found = {}
    for name, spec in packaged("scoring_ml.data.crm.contract", "contracts.yaml").items():
        columns = tuple(ContractColumn(key, **column) for key, column in spec["columns"].items())
        found[name] = TableContract(name, **spec | {"columns": columns})
    return MappingProxyType(found)
