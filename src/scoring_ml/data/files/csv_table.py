"""Rows of a CSV file as an Arrow table of text; lines that do not fit are named.

Arrow reads a file in which each line is a row as wide as the header. Any other is read in pieces,
and in those in which a line is no row the lines are looked at one by one, which says the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from scoring_ml.data.files.csv_form import CsvForm, csv_form, records, swallows_rows
from scoring_ml.data.files.text_file import BLOCK, TextFile

_PIECE: Final = 1 << 20
_MOST_BELOW: Final = 20
_LONGEST_LINE: Final = 10_000
_BELOW: Final = re.compile(
    r"(grand |sub)?totals?\b|sum\b|(number of )?(rows|records)\b|copyright|©|\(c\)|confidential|"
    r"(report )?generated\b|(общий )?итого?\b|всего\b|сумма\b|جمع|مجموع",
    re.IGNORECASE,
)
"""Begins a line below the last row of a report."""

BadLines = dict[str, tuple[int, ...]]


def read_csv(
    text: TextFile, columns: Collection[str] | None
) -> tuple[CsvForm, Any, BadLines, tuple[str, ...]]:
    """Read some columns of a CSV text.

    Returns
    -------
    form : CsvForm
    table : pyarrow.Table
        Text, exactly as written.
    bad : dict of reason to tuple of int
        Lines that are left out.
    notes : tuple of str

    Raises
    ------
    FileFormatError
        If its header cannot be found, or a quotation mark is never closed.
    """
    form = csv_form(text)
    wanted = [at for at, name in enumerate(form.names) if columns is None or name in columns]
    end, below = _last_row(text, form)
    text = replace(text, data=text.data[:end])
    table, bad, short = _by_line(text, form, wanted or [0]) or _by_row(text, form, wanted or [0])
    notes = form.notes
    if below:
        bad["a total or a remark below the table"] = below
    if short:
        notes += (f"{short} row(s) end before the last columns, which are mostly empty",)
    return form, table, bad, notes


def _last_row(text: TextFile, form: CsvForm) -> tuple[int, tuple[int, ...]]:
    """Return where the rows end, and the lines of totals and remarks below them."""
    count, end, _ = _lines(text, form.start)
    below: list[int] = []
    width = len(form.names)
    while count and width > 2 and len(below) < _MOST_BELOW:
        tail = bytes(text.data[max(form.start, end - _LONGEST_LINE) : end])
        line = re.split(rb"[\r\n]", tail)[-1]
        cells = line.decode("utf-8", errors="ignore").split(form.options["delimiter"])
        filled = [cell.strip(' "') for cell in cells if cell.strip(' "')]
        if filled and not (len(filled) * 2 <= width and _BELOW.match(filled[0])):
            break
        if filled:
            below.append(form.lines + count)
        end -= len(line)
        rest = bytes(text.data[max(form.start, end - 2) : end])
        end -= 2 if rest == b"\r\n" else len(rest[-1:])
        count -= 1
    return (end, tuple(reversed(below))) if below else (len(text.data), ())


def _by_line(
    text: TextFile, form: CsvForm, wanted: Sequence[int]
) -> tuple[Any, BadLines, int] | None:
    """Read a file in which each line is a row; ``None`` if one is not."""
    lines, end, last = _lines(text, form.start)
    if not lines or form.skips_spaces or swallows_rows([last], len(form.names), form.options):
        return None

    def options(columns: Sequence[int]) -> dict[str, Any]:
        return {
            "input_file": pa.BufferReader(pa.py_buffer(text.data[form.start : end])),
            "read_options": pacsv.ReadOptions(column_names=list(form.names), block_size=BLOCK),
            "parse_options": pacsv.ParseOptions(
                delimiter=form.options["delimiter"], newlines_in_values=True
            ),
            "convert_options": pacsv.ConvertOptions(
                column_types=dict.fromkeys(form.names, pa.string()),
                include_columns=[form.names[at] for at in columns],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        }

    try:
        table = pacsv.read_csv(**options(wanted))
        if table.num_rows != lines:
            return None
        blank = _blank(table)
        if blank.any() and len(wanted) < len(form.names):
            # Whether such a row has a cell in another column takes a second look.
            with pacsv.open_csv(**options(range(len(form.names)))) as reader:
                blank = np.concatenate([_blank(batch) for batch in reader])
    except pa.ArrowException:
        return None
    if not blank.any():
        return table, {}, 0
    bad = np.flatnonzero(blank) + form.lines + 1
    return table.filter(pa.array(~blank)), {"no cell filled": tuple(bad.tolist())}, 0


def _blank(table: Any) -> NDArray[np.bool_]:
    """Tell which rows have no cell filled in any column."""
    found = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        found &= np.asarray(pc.equal(pc.binary_length(column), 0))
    return found


def _lines(text: TextFile, start: int) -> tuple[int, int, str]:
    """Return the number of lines below a header, the place where they end, and the last one.

    Empty lines at the end are not among them.
    """
    end = len(text.data)
    while end > start and text.data[end - 1] in b"\r\n":
        end -= 1
    if end == start:
        return 0, end, ""
    feeds = returns = both = 0
    before = b""
    for at in range(start, end, BLOCK):
        block = bytes(text.data[at : min(at + BLOCK, end)])
        both += block.count(b"\r\n") + (before.endswith(b"\r") and block.startswith(b"\n"))
        feeds += block.count(b"\n")
        returns += block.count(b"\r")
        before = block
    tail = bytes(text.data[max(start, end - 1_000_000) : end])
    last = re.split(rb"[\r\n]", tail)[-1].decode("utf-8", errors="ignore")
    return feeds + returns - both + 1, end, last


def _by_row(text: TextFile, form: CsvForm, wanted: Sequence[int]) -> tuple[Any, BadLines, int]:
    """Read any file, record by record."""
    width = len(form.names)
    names = [form.names[at] for at in wanted]
    bad: dict[str, list[int]] = {"too many cells": [], "too few cells": [], "no cell filled": []}
    short: list[tuple[int, int, int]] = []
    empty = np.zeros(width, dtype=np.int64)
    tables: list[Any] = []
    rows = 0
    for piece in _pieces(text, form, bad):
        if isinstance(piece, pa.Table):
            empty += [pc.sum(pc.equal(pc.binary_length(c), 0)).as_py() or 0 for c in piece.columns]
            tables.append(piece.select(names))
            rows += piece.num_rows
            continue
        whole = [row for _, row in piece if len(row) == width]
        short += [
            (rows + at, line, len(row)) for at, (line, row) in enumerate(piece) if len(row) < width
        ]
        empty += [column.count("") for column in zip(*whole, strict=True)] if whole else 0
        filled = ([*row, *[None] * (width - len(row))] for _, row in piece)
        cells = list(zip(*filled, strict=True))
        tables.append(pa.table([pa.array(cells[at], pa.string()) for at in wanted], names))
        rows += len(piece)
    ends = _last_filled(form, empty, rows - len(short))
    cut = [(at, line) for at, line, length in short if length < max(ends, 1)]
    bad["too few cells"] = [line for _, line in cut]
    none = pa.table([pa.array([], pa.string())] * len(names), names)
    table = pa.concat_tables(tables) if tables else none
    if cut:
        keep = np.ones(rows, dtype=bool)
        keep[[at for at, _ in cut]] = False
        table = table.filter(pa.array(keep))
    found = {reason: tuple(lines) for reason, lines in bad.items() if lines}
    return table, found, len(short) - len(cut)


def _pieces(text: TextFile, form: CsvForm, bad: dict[str, list[int]]) -> Iterator[Any]:
    """Yield the rows that are not too wide or empty, and note the lines of the others.

    They come as Arrow tables of all columns, and where a line is no row as lists of rows with
    their lines.
    """
    width = len(form.names)
    count, end, _ = _lines(text, form.start)
    at, line = form.start, form.lines
    while at < end:
        found = re.compile(rb"\r\n|\r|\n").search(text.data, min(at + _PIECE, end))
        part = text.data[at : found.end() if found else end]
        above = replace(form, start=0, lines=line)
        read = _by_line(replace(text, data=part), above, range(width))
        if read is not None:
            bad["no cell filled"] += read[1].get("no cell filled", ())
            yield read[0]
            at += len(part)
            line += _line_ends(bytes(part))
            continue
        rows: list[tuple[int, list[str]]] = []
        taken: list[int] = []
        used = 0
        lines = _lines_from(text.data[at:end], taken)
        total = form.lines + count
        for first, row, number in records(
            text.name, lines, form.options, line, total=total, width=width
        ):
            line = first - 1 + number
            if len(row) > width and not any(row[width:]):
                row = row[:width]
            if not any(row):
                bad["no cell filled"].append(first)
            elif len(row) > width:
                bad["too many cells"].append(first)
            else:
                rows.append((first, row))
            used += sum(taken)
            taken.clear()
            if used >= len(part):
                break
        at += used + sum(taken)
        if rows:
            yield rows


def _lines_from(data: memoryview, taken: list[int]) -> Iterator[str]:
    """Yield lines of text with their ends, and note the bytes of each."""
    raw = pa.BufferReader(pa.py_buffer(data))
    with io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
        for line in stream:
            taken.append(len(line.encode("utf-8")))
            yield line


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _last_filled(form: CsvForm, empty: NDArray[np.int64], rows: int) -> int:
    """Return the number of columns up to the last that is mostly filled, or has a name.

    Spreadsheets leave out the separators of empty cells at the end of a row. A row that ends
    before a column that is mostly filled has been cut. Without a whole row the names decide.
    """
    filled = empty * 2 <= rows if rows else np.array(form.named)
    return int(np.flatnonzero(filled)[-1]) + 1 if filled.any() else 0
