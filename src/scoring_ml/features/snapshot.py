"""The snapshot of a flat file: one row per lead as of a moment, oldest first.

Rows that cannot be used are counted and listed by reason, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.files.arrow_cells import distinct_cells
from scoring_ml.data.files.data_file import DataFile
from scoring_ml.data.names import nearest
from scoring_ml.data.row_report import FIRST_IDS, RowFate
from scoring_ml.data.schema import Column, Schema
from scoring_ml.data.values.numbers import currency_rows, parse_number
from scoring_ml.data.values.typed import read_columns
from scoring_ml.data.values.vocabulary import folded, tidy
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.features.asof import AGE_ZERO


@dataclass(frozen=True)
class Snapshot:
    """Leads as of a moment, oldest first.

    Parameters
    ----------
    frame : DataFrame, shape (n, columns)
        Typed values of every column of the schema that has a feature type.
    ids : array of str, shape (n,)
    label : array of float, shape (n,)
        1.0 won, 0.0 lost, NaN open.
    position : array of float, shape (n,)
        Rises with time; equal where the order cannot tell.
    as_of : array of datetime64[us], shape (n,), or None
        The moment at which each lead is seen; ``None`` where the file has no dates.
    account : array of str or None, shape (n,), or None
        An entry is None where a lead's account is not known.
    row : array of int, shape (n,)
        Row number in the file, from 1, not counting the header.
    problem : array of str, shape (n,), or None
        When scoring: why a row cannot be scored, or "". Such rows stay, so that none is lost.
    lead : array of int, shape (n,), or None
        From a CRM export: which lead a row is of. ``None`` where each row is a lead.
    age_days : array of float, shape (n,), or None
        From a CRM export: the age at which a lead is seen; NaN for "now", the open leads.
    headline_age_days : float or None
        The age at which leads are compared, once each.
    extracted_at : datetime64[us] or None
        When the data was written; the newest ``as_of`` if None.
    """

    frame: pd.DataFrame
    ids: NDArray[Any]
    label: NDArray[np.float64]
    position: NDArray[np.float64]
    as_of: NDArray[np.datetime64] | None
    account: NDArray[Any] | None
    row: NDArray[np.int64]
    unused: tuple[RowFate, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    problem: NDArray[Any] | None = None
    lead: NDArray[np.int64] | None = None
    age_days: NDArray[np.float64] | None = None
    headline_age_days: float | None = None
    extracted_at: np.datetime64 | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[Any]) -> Snapshot:
        """Return the snapshot of some rows, by mask or index."""
        arrays: dict[str, Any] = {
            name: item[rows] for name, item in vars(self).items() if isinstance(item, np.ndarray)
        }
        return replace(self, frame=self.frame.iloc[rows].reset_index(drop=True), **arrays)


def typed_frame(columns: Mapping[str, NDArray[Any]], n: int) -> pd.DataFrame:
    """Return typed columns of n rows side by side, words as the objects that they share."""
    # Left alone, pandas makes a copy of each row's text.
    series = {name: pd.Series(item, dtype=item.dtype, copy=False) for name, item in columns.items()}
    return pd.DataFrame(series, index=pd.RangeIndex(n), copy=False)


def build_snapshot(
    file: DataFile, schema: Schema, *, for_training: bool = True, as_of: datetime | None = None
) -> Snapshot:
    """Read a flat file's rows as its schema says.

    Parameters
    ----------
    for_training : bool
        Whether the target is read and rows that cannot be used are left out. A file to be scored
        needs neither target nor order, and all its rows stay, in the file's order.
    as_of : datetime or None
        When scoring: the moment at which the leads are seen; the schema's order column if None.

    Raises
    ------
    InputError
        If a column that the schema needs is not in the file, or no row can be used.
    """
    cells = named_columns(file, schema)
    _check_columns(tuple(cells), schema, for_training=for_training)
    n = file.table.num_rows
    unused: list[RowFate] = [
        RowFate(reason, len(lines), tuple(f"line {line}" for line in lines[:FIRST_IDS]))
        for reason, lines in file.facts.bad_lines.items()
    ]
    row = np.arange(1, n + 1)
    ids = _texts(cells[schema.id]) if schema.id in cells else row.astype(str).astype(object)
    keep = np.ones(n, dtype=bool)
    problem = np.full(n, "", dtype=object)

    def drop(reason: str, wrong: NDArray[np.bool_]) -> None:
        wrong = wrong & keep
        if not for_training:
            problem[wrong] = [f"{text}; {reason}" if text else reason for text in problem[wrong]]
        elif wrong.any():
            first = tuple(map(str, ids[wrong][:FIRST_IDS]))
            unused.append(RowFate(reason, int(wrong.sum()), first))
            keep[wrong] = False

    label = np.full(n, np.nan)
    position = np.arange(n, dtype=float)
    moments: NDArray[np.datetime64] | None = None
    if for_training:
        if schema.id is not None:
            drop(f"no id in {schema.id}", np.array([not text for text in ids]))
        label, unknown = _labels(cells[schema.target.column], schema)
        drop(f"{schema.target.column} is neither won, lost nor open as the schema says", unknown)
        position, moments, unreadable = _order(cells, n, schema)
        drop(f"{schema.order.column} does not say when the lead came", unreadable)
    elif as_of is not None:
        moments = np.full(n, np.datetime64(as_of, "us"))
    elif schema.order.by == "time" and schema.order.column in cells:
        _, moments, _ = _order(cells, n, schema)
    typed: dict[str, Any] = {}
    for column in schema.columns:
        if column.type in ("text", "id") or column.name not in cells:
            continue
        if for_training and column.use:
            _check_currency(cells[column.name], column)
        beside = [cells[column.currency_of]] if column.currency_of in cells else []
        values, wrong = read_columns([cells[column.name]], column, schema.missing, beside)
        typed[column.name] = values
        if column.use:
            drop(f"{column.name} holds a value that is no {column.type}", wrong)
    if for_training and schema.id is not None:
        label, repeated = _one_row_a_lead(ids, label, position, keep)
        drop(f"repeats the id of an earlier row ({schema.id})", repeated)
    if for_training and not keep.any():
        raise InputError(
            "At least one row must be usable",
            found="; ".join(f"{item.count} rows: {item.reason}" for item in unused) or "no rows",
            do="Correct the file or the schema",
        )
    table = typed_frame(typed, n)
    warnings = tuple(
        f"{column.name} is not in the file and counts as missing"
        for column in schema.used
        if column.name not in cells
    )
    order = np.flatnonzero(keep)
    if for_training and moments is not None:
        future = int(np.sum(moments[keep] > np.datetime64(datetime.now(UTC).replace(tzinfo=None))))
        if future:
            warnings += (
                f"{future} leads are dated after today in {schema.order.column}; the newest date "
                "decides which outcomes are final",
            )
    if for_training:
        order = order[np.argsort(position[order], kind="stable")]
    whole = Snapshot(
        frame=table,
        ids=ids,
        label=label,
        position=position,
        as_of=moments,
        account=_accounts(cells[schema.account]) if schema.account in cells else None,
        row=row,
        unused=tuple(unused),
        warnings=warnings,
        problem=None if for_training else problem,
    )
    return whole.take(order)


def named_columns(file: DataFile, schema: Schema) -> dict[str, Any]:
    """Return a file's columns by name, also by the schema's name where that is spelt otherwise."""
    cells = dict(zip(file.table.column_names, file.table.columns, strict=True))
    spelt: dict[str, list[str]] = {}
    for name in cells:
        spelt.setdefault(folded(name), []).append(name)
    roles = (schema.id, schema.account, schema.target.column, schema.order.column)
    for name in (*roles, *schema.names, *(column.currency_of for column in schema.columns)):
        if name is not None and name not in cells and len(spelt.get(folded(name), ())) == 1:
            cells[name] = cells[spelt[folded(name)][0]]
    return cells


def _one_row_a_lead(
    ids: NDArray[Any],
    label: NDArray[np.float64],
    position: NDArray[np.float64],
    keep: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Let the earliest row of an id stand for its lead, so that no lead is in two windows.

    Returns
    -------
    label : array of float, shape (n,)
        Of each lead: won if one of its rows is, else open if one of them is.
    repeated : array of bool, shape (n,)
        The rows of an id but for the earliest, or the first in the file of several earliest.
    """
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(position[rows], kind="stable")]
    found = pd.DataFrame({"id": ids[rows], "rank": np.nan_to_num(label[rows], nan=0.5)})
    best = found.groupby("id", sort=False)["rank"].transform("max").to_numpy()
    label, repeated = label.copy(), np.zeros(len(ids), dtype=bool)
    label[rows] = np.where(best == 0.5, np.nan, best)
    repeated[rows] = found["id"].duplicated().to_numpy()
    return label, repeated


def _check_currency(cells: Any, column: Column) -> None:
    if column.type != "number" or column.currency or pa.types.is_primitive(cells.type):
        return
    rows = currency_rows(*distinct_cells(cells), column.decimal)
    if len(rows) > 1:
        raise InputError(
            f"The amounts of {column.name} must be in one currency",
            found=", ".join(f"{code} ({number:,} rows)" for code, number in rows.items()),
            do="Write its currency and the rates of the others in the schema, or use: false",
        )


def _texts(column: Any) -> NDArray[Any]:
    codes, cells = distinct_cells(column)
    texts = [tidy(str(cell)) if cell is not None else "" for cell in cells]
    return np.array([*texts, ""], dtype=object)[codes]


def _accounts(column: Any) -> NDArray[Any]:
    texts = _texts(column)
    texts[texts == ""] = None
    return texts


def _check_columns(names: Sequence[str], schema: Schema, *, for_training: bool) -> None:
    needed: list[str | None] = [schema.id, schema.account] if for_training else []
    if for_training:
        needed += [schema.target.column, schema.order.column]
        needed += [column.name for column in schema.used]
        needed += [column.currency_of for column in schema.used]
    absent = [name for name in needed if name is not None and name not in names]
    if absent:
        like = nearest(absent[0], names)
        raise InputError(
            "The file must have every column that the schema names",
            found=f"no column {', '.join(repr(name) for name in absent[:3])}"
            + (f" and {len(absent) - 3} more" if len(absent) > 3 else ""),
            do=f"Did you mean {like!r}? Correct the schema" if like else "Correct the schema",
        )
    known = any(column.name in names for column in schema.used)
    if not for_training and schema.used and not known:
        raise InputError(
            "A file to be scored must have columns that the model knows",
            found=f"none of {len(schema.used)}",
            do="Give the file with the same header as in training",
        )


def _labels(raw: Any, schema: Schema) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    won, lost = _outcome_words(schema.target.won), _outcome_words(schema.target.lost)
    still_open = _outcome_words((*schema.missing, *schema.target.open))
    if won & lost:
        raise SchemaError(
            "A value of the target must mean won or lost",
            found=f"{sorted(won & lost)[0]!r} among both, case and the forms of a number apart",
            do="Correct target.won and target.lost in the schema",
        )
    outcome: dict[str, float] = dict.fromkeys(won, 1.0)
    outcome.update(dict.fromkeys(lost, 0.0))
    codes, cells = distinct_cells(raw)
    texts = [_outcome_word("" if cell is None else str(cell)) for cell in (*cells, None)]
    label = np.array([outcome.get(text, np.nan) for text in texts])
    unknown = np.array([text not in outcome and text not in still_open for text in texts])
    return label[codes], unknown[codes]


def _outcome_words(words: Sequence[str]) -> set[str]:
    return {_outcome_word(word) for word in words}


def _outcome_word(word: str) -> str:
    """Fold case and the forms of a number, so that 1 and 1.0, Yes and TRUE mean the same.

    YAML takes an unquoted ``yes`` and an unquoted ``true`` for one and the same.
    """
    text = tidy(word).casefold()
    text = {"true": "yes", "false": "no"}.get(text, text)
    try:
        value = parse_number(text)
    except ValueError:
        return text
    return str(int(value)) if value == int(value) else repr(value)


def _order(
    cells: Mapping[str, Any], n: int, schema: Schema
) -> tuple[NDArray[np.float64], NDArray[np.datetime64] | None, NDArray[np.bool_]]:
    order = schema.order
    sign = 1.0 if order.ascending else -1.0
    if order.by in ("row", "none"):
        return sign * np.arange(n, dtype=float), None, np.zeros(n, dtype=bool)
    kind = "date" if order.by == "time" else "number"
    column = Column(str(order.column), kind, missing=order.missing, **order.date_keys)
    values, wrong = read_columns([cells[str(order.column)]], column, schema.missing)
    if kind == "number":
        return sign * values, None, wrong | np.isnan(values)
    created = (values + np.timedelta64(AGE_ZERO, "us")).astype("datetime64[us]")
    missing = np.isnat(created)
    position = created.astype("int64").astype(float)
    return position, created, wrong | missing
