"""A table of a CRM export in the contract's columns, from one file or several."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.crm.cells import Coded, coded_words, id_texts
from scoring_ml.data.crm.column_dates import Seen, TableDates
from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.crm.contract.readings import Reading
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.tables import MAY_LACK, Join, Source
from scoring_ml.data.files.arrow_cells import one_array
from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.names import nearest
from scoring_ml.data.row_report import FIRST_IDS
from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import Bools, ReadMoments, local_days
from scoring_ml.data.values.moments.form import ColumnDates
from scoring_ml.data.values.numbers import spellings
from scoring_ml.data.values.typed import read_columns
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.errors import FileFormatError, InputError

Reader = Callable[[Source | Join, set[str]], DataFile]
"""From a file that the mapping names, and the columns that are wanted of it."""

BESIDE: Final = "."
"""Between the stem of a joined file and its column, where the bare name is taken."""


@dataclass(frozen=True)
class SourceColumns:
    """One source: its file's columns beside those of its joins.

    Parameters
    ----------
    columns : mapping of name to pyarrow ChunkedArray, shape (rows,)
        Those that the mapping names or may name.
    aside : SourceColumns or None
        Of leads: those rows.
    hits : tuple of array of int8, shape (rows,)
        Of each join: 1 where the other file has the row's key, 0 where it has not, -1 without one.
    """

    source: Source
    columns: Mapping[str, Any]
    names: tuple[str, ...]
    own: frozenset[str]
    rows: int
    not_selected: int = 0
    aside: SourceColumns | None = None
    hits: tuple[NDArray[np.int8], ...] = ()
    ragged: int = 0
    first_ragged: tuple[str, ...] = ()
    repeated_keys: int = 0
    notes: tuple[str, ...] = ()

    def find(self, name: str) -> Any | None:
        """Return a column of the contract, or ``None`` if the source has none."""
        if name in self.source.constants:
            word = pa.scalar(self.source.constants[name], pa.string())
            return pa.chunked_array([pa.repeat(word, self.rows).dictionary_encode()])
        named = self.source.columns.get(name)
        if named is not None:
            return self.columns.get(named)
        # Only a file's own column may be taken by its name alone: a joined file has others.
        return self.columns[name] if name in self.own else None

    def dated(self, name: str) -> tuple[str, ColumnDates, list[Any]]:
        """Return the file, what it states of a moment, and the columns that may have it."""
        own = self.find(name)
        others = (self.columns[other] for other in self.source.instead.get(name, ()))
        cells = [pa.nulls(self.rows) if own is None else own, *others]
        return self.source.file, self.source.dates.get(name, ColumnDates()), cells


def open_source(
    read: Reader, table: str, source: Source, fields: Sequence[str]
) -> list[SourceColumns]:
    """Read the columns of a source that are needed, with its joins.

    A file of states comes once for each of its ``fields``, as the changes of that field.

    Parameters
    ----------
    fields : sequence of str
        File columns that mapped fields are taken from.

    Raises
    ------
    InputError
        If a file or a column that the mapping names is missing.
    """
    choices = (*source.only, *source.without)
    wanted = {*contracts()[table].names, *source.columns.values(), *choices, *fields}
    wanted |= {*source.fields, *(named for _, named in source.named_columns)}
    wanted |= {name for join in source.join for name in join.on}
    raw = read(source, wanted)
    columns = {name: raw.table.column(name) for name in raw.table.column_names if name in wanted}
    own = frozenset(columns)
    names = list(raw.facts.columns)
    repeated, notes = 0, _file_notes(raw)
    hits: list[NDArray[np.int8]] = []
    for join in source.join:
        beside, other, repeats, hit = _joined(read, source, join, columns, wanted)
        hits.append(hit)
        repeated += repeats
        stem = Path(join.file).name.split(".")[0]
        names += [f"{stem}{BESIDE}{name}" for name in other.facts.columns]
        notes += _file_notes(other)
        columns |= beside
    opened = SourceColumns(
        source,
        columns,
        tuple(names),
        own,
        raw.table.num_rows,
        ragged=len(raw.facts.ragged),
        first_ragged=tuple(f"line {line}" for line in raw.facts.ragged[:FIRST_IDS]),
        repeated_keys=repeated,
        notes=notes,
        hits=tuple(hits),
    )
    chosen = _select(opened, table) if choices else opened
    parts = [_changes_of(chosen, name) for name in source.fields] or [chosen]
    for at, part in enumerate(parts):
        _require(part, table)
        if at:  # what was found in the file itself is counted once
            parts[at] = replace(part, not_selected=0, ragged=0, repeated_keys=0, notes=())
    return parts


def read_source(folder: Path, source: Source | Join, wanted: set[str]) -> DataFile:
    """Read those of some columns that a file of the folder has.

    Raises
    ------
    FileFormatError
        If there is no such file, or it cannot be read.
    """
    file = source.file
    if not (folder / file).is_file():
        raise FileFormatError(
            "Every file that crm.yaml names must be in the export's folder",
            found=f"no file {file} in {folder}",
            do="Export it, or correct crm.yaml",
        )
    return read_table(folder / file, wanted, needs_rows=False, encoding=source.encoding)


def _file_notes(file: DataFile) -> tuple[str, ...]:
    """Tell what had to be guessed to read a file."""
    asks = (suspicion.text for suspicion in file.facts.findings)
    return (*(f"{file.facts.name}: {note}" for note in file.facts.notes), *asks)


def missing_column(source: Source, name: str, names: Sequence[str], why: str) -> InputError:
    """Return the error that a file lacks a column that crm.yaml names."""
    like = nearest(name, names)
    return InputError(
        "Every column that crm.yaml names must be in its file",
        found=f"no column {name!r} in {source.file} ({why})",
        do=f"Did you mean {like!r}? Correct crm.yaml" if like else "Correct crm.yaml",
    )


def _require(opened: SourceColumns, table: str) -> None:
    source = opened.source
    for name, named in source.named_columns:
        if named not in opened.columns and name not in MAY_LACK:
            raise missing_column(source, named, opened.names, f"{name} of {table}")
    for name in contracts()[table].required_names:
        if opened.find(name) is None:
            raise missing_column(source, name, opened.names, f"{table} requires it")


def _changes_of(opened: SourceColumns, name: str) -> SourceColumns:
    columns = {**opened.source.columns, "value": name}
    constants = {**opened.source.constants, "field": name}
    return replace(opened, source=replace(opened.source, columns=columns, constants=constants))


def _select(opened: SourceColumns, table: str) -> SourceColumns:
    keep = np.ones(opened.rows, dtype=bool)
    for key in ("only", "without"):
        for name, words in getattr(opened.source, key).items():
            if name not in opened.columns:
                if key == "without":
                    continue  # a note tells it
                raise missing_column(opened.source, name, opened.names, f"{key} of {table}")
            keep &= _is_one_of(opened.columns[name], words) == (key == "only")
    chosen = replace(_rows_of(opened, keep), not_selected=int((~keep).sum()))
    return replace(chosen, aside=_rows_of(opened, ~keep)) if table == "leads" else chosen


def _is_one_of(column: Any, words: Sequence[str]) -> Bools:
    """Tell which cells are one of some words; an empty word stands for an empty cell."""
    coded = coded_words([column], [{}])
    wanted = {spelled: 0 for word in words for spelled in spellings(folded(word))}
    found = coded.translated(wanted, np.int8)[0] == 0
    return np.asarray(found | (coded.codes < 0) if "" in wanted else found)


def _rows_of(opened: SourceColumns, keep: Bools) -> SourceColumns:
    mask = pa.array(keep)
    columns = {name: column.filter(mask) for name, column in opened.columns.items()}
    hits = tuple(hit[keep] for hit in opened.hits)
    return replace(opened, columns=columns, rows=int(keep.sum()), hits=hits)


def _joined(
    read: Reader, source: Source, join: Join, columns: Mapping[str, Any], wanted: set[str]
) -> tuple[dict[str, Any], DataFile, int, NDArray[np.int8]]:
    """Columns of a joined file in the order of the source's rows, the file, repeats, hits."""
    stem = Path(join.file).name.split(".")[0]
    bare = {name.removeprefix(f"{stem}{BESIDE}") for name in wanted}
    raw = read(join, {*bare, *join.on.values()})
    for name in join.on:
        if name not in columns:
            raise missing_column(source, name, tuple(columns), f"join with {join.file}")
    for name in join.on.values():
        if name not in raw.table.column_names:
            raise missing_column(Source(join.file), name, raw.facts.columns, "key of a join")
    left = _keys([columns[name] for name in join.on])
    right = _keys([raw.table.column(name) for name in join.on.values()])
    # The first of several rows with the same key is found.
    place = pc.index_in(left, value_set=right, skip_nulls=True)
    known = pc.drop_null(right)
    repeated = len(known) - len(pc.unique(known))
    found: dict[str, Any] = {}
    for name in raw.table.column_names:
        beside = raw.table.column(name).combine_chunks().take(place)
        found[f"{stem}{BESIDE}{name}"] = beside
        if name not in columns:
            found[name] = beside
    hits = np.where(left.is_valid(), np.asarray(place.is_valid()), -1).astype(np.int8)
    return found, raw, repeated, hits


def _keys(columns: Sequence[Any]) -> Any:
    """One text for the key columns of each row; null where one of them is empty."""
    texts = [id_texts(column) for column in columns]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*texts, "\x1f")


class Table:
    """The sources of one table, one below the other."""

    def __init__(self, name: str, mapping: CrmMapping, opened: Sequence[SourceColumns]) -> None:
        self.name = name
        self.opened = tuple(opened)
        self.rows = sum(part.rows for part in opened)
        self._mapping = mapping
        self._moments: dict[str, ReadMoments] = {}
        self._ids: dict[str, Any] = {}
        self.dates = TableDates(name, mapping)
        self.readings: list[Reading] = []

    @property
    def aside(self) -> Table | None:
        """The rows of leads that were not selected; None if there are none."""
        parts = [part.aside for part in self.opened if part.aside is not None]
        return Table(self.name, self._mapping, parts) if parts else None

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files, each once."""
        return tuple(dict.fromkeys(part.source.file for part in self.opened))

    def has(self, name: str) -> bool:
        """Tell whether any source has a column of the contract."""
        return any(part.find(name) is not None for part in self.opened)

    def is_constant(self, name: str) -> Bools:
        """Tell for each row whether a column is a constant of its whole file."""
        return self._of_files(lambda source: name in source.constants)

    @property
    def is_state(self) -> Bools:
        """Tell for each row whether its file holds states rather than changes, shape (rows,)."""
        return self._of_files(lambda source: bool(source.fields))

    def _of_files(self, holds: Callable[[Source], bool]) -> Bools:
        return np.concatenate([np.full(part.rows, holds(part.source)) for part in self.opened])

    def look_at_dates(self, seen: Seen) -> None:
        """See what each column of moments shows, before any is read: one may help another."""
        self.dates.seen = seen
        for name in filter(self.has, contracts()[self.name].moment_names):
            self.dates.look_at(name, [part.dated(name) for part in self.opened])

    def moments(self, name: str) -> ReadMoments:
        """Return a column of moments, shape (rows,); missing where a source has none."""
        if name not in self._moments:
            parts = [part.dated(name) for part in self.opened]
            self._moments[name] = self.dates.read(name, parts)
        return self._moments[name]

    def unread(self, name: str, wrong: Bools) -> str:
        """Describe the first cells of a column of moments that cannot be read."""
        ends = np.cumsum([part.rows for part in self.opened])
        cells = []
        for row in np.flatnonzero(wrong)[:FIRST_IDS].tolist():
            at = int(np.searchsorted(ends, row, side="right"))
            cells.append(self._raw(name)[at][row - int(ends[at])].as_py())
        return self.dates.unread(name, cells)

    def days(self, name: str) -> NDArray[np.datetime64]:
        """Return a column of days on the calendar of the export's zone, shape (rows,)."""
        return local_days(self.moments(name).values, self._mapping.timezone)

    def ids(self, name: str) -> Any:
        """Return a column of ids as Arrow text, shape (rows,); null where there is none."""
        if name not in self._ids:
            texts = [id_texts(column, self._mapping.missing) for column in self._raw(name)]
            if len(texts) > 1:
                texts = [text.cast(pa.large_string()) for text in texts]
            self._ids[name] = texts[0] if len(texts) == 1 else pa.concat_arrays(texts)
        return self._ids[name]

    def words(self, name: str, vocabulary: Collection[str] = ()) -> Coded:
        """Return a column of words, translated as each source says, unless they are ours."""
        return coded_words(
            self._raw(name),
            [part.source.words.get(name, {}) for part in self.opened],
            self._mapping.missing,
            vocabulary,
        )

    def numbers(self, name: str) -> tuple[NDArray[np.float64], Bools]:
        """Return a column of numbers, NaN where there is none, and where one cannot be read.

        The whole column decides whether a point or a comma parts decimals: the point, unless
        the comma leaves fewer cells unread.
        """
        raw, column = self._raw(name), Column(name=name, type="number")
        found = read_columns(raw, column, self._mapping.missing)
        if not found[1].any():
            return found
        other = read_columns(raw, replace(column, decimal=","), self._mapping.missing)
        return min(found, other, key=lambda each: int(each[1].sum()))

    def field(self, column: Column, named: str) -> tuple[NDArray[Any], Bools]:
        """Return typed values of a field's own column, and where one cannot be read.

        Raises
        ------
        InputError
            If no source has the column.
        """
        found = []
        for name in filter(None, (named, column.currency_of)):
            if not any(name in part.columns for part in self.opened):
                first = self.opened[0]
                raise missing_column(first.source, name, first.names, f"field {column.name}")
            found.append([part.columns.get(name, pa.nulls(part.rows)) for part in self.opened])
        return self._typed(found[0], column, *found[1:])

    def values(self, name: str, rows: NDArray[np.int64], column: Column) -> Any:
        """Return typed values of some rows of a column of the contract, and where one is wrong."""
        raw = self._raw(name)
        bounds = np.cumsum([0, *map(len, raw)])
        which = np.searchsorted(bounds, rows, side="right") - 1
        mine = [np.flatnonzero(which == at) for at in range(len(raw))]
        cells = [
            one_array(part).take(pa.array(rows[own] - start))
            for part, own, start in zip(raw, mine, bounds, strict=False)
        ]
        found, unread = self._typed(cells, column)
        order = np.argsort(np.concatenate(mine), kind="stable")
        return found[order], unread[order]

    def _typed(
        self, raw: Sequence[Any], column: Column, currencies: Sequence[Any] = ()
    ) -> tuple[NDArray[Any], Bools]:
        column = self.dates.dated(column, raw)
        values, wrong = read_columns(raw, column, self._mapping.missing, currencies)
        self.readings.append(Reading.of(raw, column, values, wrong))
        return values, wrong

    def _raw(self, name: str) -> list[Any]:
        found = [(part, part.find(name)) for part in self.opened]
        return [pa.nulls(part.rows) if column is None else column for part, column in found]
