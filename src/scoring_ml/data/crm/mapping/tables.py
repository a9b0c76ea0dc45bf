"""The tables of crm.yaml: which files, columns and words are which facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import core_schema

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.section import Fault, Section, choose, names_and_values, unknown_key
from scoring_ml.data.section_values import Encoding, Texts, Words, texts
from scoring_ml.data.values.moments import moment_of
from scoring_ml.data.values.moments.form import ColumnDates

MAY_LACK: Final = (
    *("owner", "merged_into", "merged_at", "opened_at", "result", "subject", "currency"),
)
"""Columns of the contract that a file may lack though crm.yaml names them: a note then."""

_OUTCOMES: Final = ("won", "lost", "open")
_DIRECTIONS: Final = ("inbound", "outbound")
_RESULTS: Final = ("held", "not_held")


def _file_name(value: Any) -> str:
    path = PurePosixPath(str(value))
    if path.is_absolute() or ".." in path.parts:
        raise Fault("{at} must lie in the export's folder", value)
    return str(value)


def _key_columns(value: Any) -> dict[str, str]:
    columns = texts(value)
    if not columns:
        raise Fault("{at} must map a column to a column of the other file", "nothing")
    return columns


FileName = Annotated[str, PlainValidator(_file_name), WithJsonSchema({"type": "string"})]


def _moment(value: Any) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value)
    try:
        moment_of(text)
    except ValueError:
        raise Fault("{at} must be a moment, such as 2026-11-01", value) from None
    return text


Moment = Annotated[str, PlainValidator(_moment), WithJsonSchema({"type": "string"})]


@dataclass(frozen=True)
class Join(Section):
    """Columns of another file, put beside a table's rows.

    Parameters
    ----------
    on : mapping of str to str
        This table's column -> the other file's column; the other file has each key once.
    encoding : str or None
        That of the file; the mapping's if None.
    """

    file: FileName
    on: Annotated[Texts, PlainValidator(_key_columns)]
    encoding: Encoding | None = None


def _joins(value: Any) -> Any:
    """Mend a join's ``on``, which YAML 1.1 takes for true if it is not quoted."""
    if not isinstance(value, (list, tuple)):
        raise Fault("{at} must be a list", type(value).__name__)
    return [
        {"on" if key is True else key: item for key, item in join.items()}
        if isinstance(join, Mapping)
        else join
        for join in value
    ]


@dataclass(frozen=True)
class Source(Section):
    """One file behind a table; several are put one below the other.

    Parameters
    ----------
    file : str
        Name in the export's folder, ``.csv``, ``.csv.gz`` or ``.parquet``.
    columns : mapping of contract column to file column
        What is not named bears the contract's own name, if the file has it.
    words : mapping of contract column to (mapping of the CRM's word to ours)
        Compared without regard to case and outer space; ``*`` stands for every other word, and an
        empty word of ours means "not told".
    only : mapping of file column to tuple of str
        Rows whose cell is none of these words are no facts of this table, such as the changes of
        other fields in a log that also holds the stages.
    without : mapping of file column to tuple of str
        Rows whose cell is one of these words are no facts, such as those that were deleted. In
        both, a yes or a no is meant however it is written, and an empty word is an empty cell.
    fields : tuple of str
        Of ``field_changes``: file columns of which each row tells the state since ``changed_at``,
        such as the versions of a record. Each is a field; a value that stays is no change.
    dates : mapping of contract column to ColumnDates
        How a column of this file writes its dates, where it differs from the whole export.
    encoding : str or None
        That of the file; the mapping's if None.
    instead : mapping of contract column to tuple of str
        Moments alone: file columns that are read where its own is empty, the best first.
    recorded_since : str or None
        Of ``activities``, ``deals`` and ``stages``: the moment from which they were recorded.
    """

    file: FileName
    columns: Texts = field(default_factory=dict)
    constants: Texts = field(default_factory=dict)
    words: Mapping[str, Texts] = field(default_factory=dict)
    only: Mapping[str, Words] = field(default_factory=dict)
    without: Mapping[str, Words] = field(default_factory=dict)
    join: Annotated[tuple[Join, ...], BeforeValidator(_joins)] = ()
    fields: Words = ()
    dates: Mapping[str, ColumnDates] = field(default_factory=dict)
    instead: Mapping[str, Words] = field(default_factory=dict)
    recorded_since: Moment | None = None
    encoding: Encoding | None = None

    def in_encoding(self, encoding: str | None) -> Source:
        """Return the source with that encoding wherever it names none itself."""
        joins = tuple(replace(join, encoding=join.encoding or encoding) for join in self.join)
        return replace(self, encoding=self.encoding or encoding, join=joins)

    @property
    def named_columns(self) -> list[tuple[str, str]]:
        """Contract columns with the file's columns that are named for them."""
        others = [(name, each) for name, names in self.instead.items() for each in names]
        return [*self.columns.items(), *others]

    def check(self) -> None:
        """Refuse a column of two origins, and other columns for what is no moment."""
        for name in self.instead:
            if not name.endswith("_at"):
                raise Fault("{at}.instead may name moments alone", name)
        for name in self.constants:
            if name in self.columns:
                raise Fault("{at}: a column must have one origin", f"{name} twice")


def _tables(value: Any) -> dict[str, Any]:
    """Give each table a list of sources."""
    tables = {}
    for name, sources in names_and_values(value).items():
        if name not in contracts():
            raise unknown_key(name, tuple(contracts()))
        tables[name] = sources if isinstance(sources, list) else [sources]
        if not tables[name]:
            raise Fault(f"{{at}}.{name} must name a file", "an empty list")
    if tables.get("leads") in (None, [None]):
        raise Fault("{at} must have leads")
    return tables


class _TablesForm:
    """The JSON Schema of the tables: one file or several for each."""

    @staticmethod
    def __get_pydantic_json_schema__(
        schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)["additionalProperties"] | {"minItems": 1}
        one_or_several = {"anyOf": [several["items"], several]}
        return {
            "type": "object",
            "properties": dict.fromkeys(contracts(), one_or_several),
            "required": ["leads"],
            "additionalProperties": False,
        }


Tables = Annotated[Mapping[str, tuple[Source, ...]], BeforeValidator(_tables), _TablesForm]


def check_tables(tables: Mapping[str, tuple[Source, ...]], stages: tuple[str, ...]) -> None:
    """Hold the sources of every table against its contract.

    Parameters
    ----------
    stages : tuple of str
        What words of a stage may be translated to.

    Raises
    ------
    Fault
        Naming the place, and the nearest allowed word.
    """
    meanings: dict[str, dict[str, tuple[str, ...]]] = {
        "activities": {"type": KINDS, "direction": _DIRECTIONS, "result": _RESULTS},
        "stages": {"stage": stages},
        "deals": {"outcome": _OUTCOMES},
    }
    for table, sources in tables.items():
        names = contracts()[table].names
        for number, source in enumerate(sources):
            at = f"tables.{table}" + (f"[{number}]" if len(sources) > 1 else "")
            if source.fields and table != "field_changes":
                raise Fault(f"{at}.fields is for field_changes alone", ", ".join(source.fields))
            if source.recorded_since and table not in ("activities", "deals", "stages"):
                raise Fault(f"{at}.recorded_since is for activities, deals and stages", table)
            for key in ("columns", "constants", "words", "dates", "instead"):
                for name in getattr(source, key):
                    if name not in names:
                        raise unknown_key(name, tuple(names), f"{at}.{key}")
            for column, allowed in meanings.get(table, {}).items():
                for word, meaning in source.words.get(column, {}).items():
                    if meaning:
                        choose(meaning, allowed, f"{at}.words.{column}.{word}")
