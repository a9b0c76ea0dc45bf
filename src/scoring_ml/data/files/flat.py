"""A flat file as it stands: one row per lead, every cell as exact text, nothing interpreted.

CSV in any common separator and encoding, and Parquet. What cannot be read is refused with the
line that is wrong; rows that cannot be used are counted by reason, with their first lines.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from charset_normalizer import from_bytes

from scoring_ml.errors import FileFormatError, InputError

SEPARATORS: Final = (",", ";", "\t", "|")
RARE_SEPARATORS: Final = (":", "^")
"""Tried only if none of :data:`SEPARATORS` parts the header."""

FIRST_LINES: Final = 3
"""How many line numbers a :class:`BadRows` lists."""

_SAMPLE_LINES: Final = 300
_NO_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True)
class BadRows:
    """Rows that were left out, for one reason.

    Parameters
    ----------
    reason : str
    count : int
        How many rows.
    first_lines : tuple of int
        The first three line numbers in the file, from 1 (the header).
    """

    reason: str
    count: int
    first_lines: tuple[int, ...]


@dataclass(frozen=True)
class FileFacts:
    """What was found out about a file while reading it.

    Parameters
    ----------
    name : str
        File name without folders.
    format : {"csv", "parquet"}
    separator : str or None
        ``None`` for Parquet and for a file of one column.
    encoding : str or None
        ``None`` for Parquet.
    rows : int
        Rows of the frame; left-out rows are not among them.
    bad_rows : tuple of BadRows
    notes : tuple of str
        What a person should know, such as a column that had to be renamed.
    """

    name: str
    format: str
    separator: str | None
    encoding: str | None
    rows: int
    bad_rows: tuple[BadRows, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flat:
    """A flat file that has been read.

    Parameters
    ----------
    frame : DataFrame
        Object columns. From CSV: ``str``, exactly as written, an empty cell is ``""``, and
        ``None`` where a row ends before a column that is mostly empty anyway (spreadsheets
        leave such cells out). From Parquet: Python scalars or ``None``; moments are UTC
        without a zone.
    facts : FileFacts
    """

    frame: pd.DataFrame
    facts: FileFacts


def read_flat(path: Path) -> Flat:
    """Read a CSV (perhaps gzipped) or Parquet file.

    Blank column names become ``Unnamed: <index from 0>``; a second ``x`` becomes ``x.1``.

    Raises
    ------
    FileFormatError
        If the file cannot be read as a table with at least one row; names the line where it can.
    """
    data = _read_bytes(path)
    if data[:4] == b"PAR1":
        return _read_parquet(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise FileFormatError(
            "A .parquet file must hold Parquet data",
            found=f"{path.name} holds something else",
            do="Export it again, or name a CSV file .csv",
        )
    _refuse_other_formats(path.name, data)
    text, encoding = _decode(path.name, data)
    return _parse_csv(path.name, text, encoding)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV or Parquet file whole or not at all.

    The file is written under another name in the same folder, then renamed.

    Raises
    ------
    InputError
        If the name ends in neither ``.csv`` nor ``.parquet``, or cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise InputError(
            "The name of an output file must end in .csv or .parquet",
            found=path.name,
            do="Give another name",
        )
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        if ending == ".csv":
            frame.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
        else:
            frame.to_parquet(part, index=False)
        part.replace(path)
    except OSError as error:
        raise InputError(
            "The output file must be writable",
            found=f"{path}: {error.strerror or type(error).__name__}",
            do="Make its folder, or choose another place",
        ) from None
    finally:
        part.unlink(missing_ok=True)


def cell_text(cell: Any) -> str:
    """Write a cell of a :class:`Flat` as text, as a CSV file would hold it.

    >>> cell_text(None), cell_text(True), cell_text(2.0), cell_text(2.5), cell_text(" x")
    ('', 'true', '2', '2.5', ' x')
    """
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _read_bytes(path: Path) -> bytes:
    if not path.exists():
        raise FileFormatError(
            "The data file must exist", found=f"no file {path}", do="Give its right name"
        )
    if not path.is_file():
        raise FileFormatError(
            "The data must be one file, CSV or Parquet",
            found=f"{path} is a folder" if path.is_dir() else f"{path} is no regular file",
            do="Name the file in it",
        )
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, ValueError) as error:
        raise FileFormatError(
            "The data file must be readable",
            found=f"{path.name}: {getattr(error, 'strerror', None) or type(error).__name__}",
            do="Check its rights, or copy it again",
        ) from None
    if not data.strip():
        raise FileFormatError(
            "The data file must have a header and rows", found=f"{path.name} is empty", do=_EXPORT
        )
    return data


_EXPORT: Final = "Export it again as CSV in UTF-8"
_MAGIC: Final = (
    (b"PK\x03\x04", "an Excel workbook or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
)


def _refuse_other_formats(name: str, data: bytes) -> None:
    what = next((what for magic, what in _MAGIC if data.startswith(magic)), None)
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<table", b"<?xml")):
        what = "a web page or XML"
    if what is not None:
        raise FileFormatError(
            "The data must be CSV or Parquet", found=f"{name} is {what}", do=_EXPORT
        )


_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def _decode(name: str, data: bytes) -> tuple[str, str]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_as(name, data[len(mark) :], encoding), encoding
    if (unmarked := _unmarked_utf_16(data)) is not None:
        return _decode_as(name, data, unmarked), unmarked
    try:
        return _decode_as(name, data, "utf-8"), "utf-8"
    except _NotUtf8:
        return _decode_old(name, data)


def _unmarked_utf_16(data: bytes) -> str | None:
    # In UTF-16 every plain sign has a zero byte, always on the same side.
    head = data[:4000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) <= len(head) / 20 or min(even, odd) * 20 >= max(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    lines = data.decode(encoding, "replace").count("\n")
    return encoding if lines * 2 > data.count(b"\n") else None


class _NotUtf8(Exception):
    pass


def _decode_as(name: str, data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise _NotUtf8 from None
        raise FileFormatError(
            f"A file that is marked as {encoding} must be {encoding}",
            found=f"{name} breaks off or is damaged near byte {error.start}",
            do=_EXPORT,
        ) from None
    _refuse_nul(name, text)
    return text


def _refuse_nul(name: str, text: str) -> None:
    where = text.find("\0")
    if where >= 0:
        raise FileFormatError(
            "A text file must not hold NUL bytes",
            found=f"{name} has one in line {_line_of(text, where)}, so it is binary or damaged",
            do=_EXPORT,
        )


def _decode_old(name: str, data: bytes) -> tuple[str, str]:
    """Decode text of one byte a sign, and refuse UTF-8 with a few damaged places."""
    loose = data.decode("utf-8", errors="replace")
    damaged = loose.count("\ufffd")
    good = sum(not sign.isascii() for sign in loose) - damaged
    if good > 10 * damaged:
        raise FileFormatError(
            "A file must be in one encoding",
            found=f"{name} is UTF-8 but for {damaged} place(s), the first in line "
            f"{_line_of(loose, loose.find(chr(0xFFFD)))}",
            do=_EXPORT,
        )
    telling = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(telling)[:200_000]
    likely = [found.encoding for found in from_bytes(sample, cp_isolation=list(_OLD))]
    # latin-1 knows every byte, so the last resort always reads; the facts say what was used.
    for encoding in (*likely, "cp1252", "latin_1"):
        if _mixes_scripts(sample, encoding):
            continue
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        _refuse_nul(name, text)
        return text, encoding
    raise AssertionError("unreachable: latin-1 decodes everything")  # pragma: no cover


_OLD: Final = ("cp1251", "cp1252", "cp1256")


def _mixes_scripts(sample: bytes, encoding: str) -> bool:
    """Tell whether most words with a foreign letter have Latin letters too, as in ``Besanзon``."""
    words = [
        word
        for word in re.findall(r"\w+", sample.decode(encoding, "replace"))
        if max(word) > "\u036f"
    ]
    return sum(re.search("[a-zA-Z]", word) is not None for word in words) * 2 > len(words)


def _line_of(text: str, position: int) -> int:
    return len(re.findall(r"\r\n|\r|\n", text[:position])) + 1


def _parse_csv(name: str, text: str, encoding: str) -> Flat:
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    separator: str | None = None
    if first < len(lines) and (said := re.fullmatch(r'"?sep=(.)"?', lines[first].strip("\r\n"))):
        separator, first = said[1], first + 1
    while first < len(lines) and not lines[first].strip("\r\n"):
        first += 1
    if first == len(lines):
        raise FileFormatError(
            "The data file must have a header and rows", found=f"{name} is empty", do=_EXPORT
        )
    if separator is None:
        separator = find_separator(name, lines[first : first + _SAMPLE_LINES])
    records = _records(name, lines, first, separator or _NO_SEPARATOR)
    _, header = next(records)
    names, notes = column_names(header)
    rows, bad = _sort_out(name, header, records)
    columns = list(zip(*rows, strict=True))
    frame = pd.DataFrame(
        {key: pd.Series(cells, dtype=object) for key, cells in zip(names, columns, strict=True)}
    )
    return Flat(frame, FileFacts(name, "csv", separator, encoding, len(rows), bad, notes))


def find_separator(name: str, lines: Sequence[str]) -> str | None:
    """Return the sign that parts the cells of a sample; ``None`` for a single column.

    Raises
    ------
    FileFormatError
        If the cells are parted by something else.
    """
    for candidates in (SEPARATORS, RARE_SEPARATORS):
        found = {sign: _fit(lines, sign) for sign in candidates}
        best = max(candidates, key=lambda sign: found[sign])
        if found[best] > (0.0, 0):
            return best
    one = [line.strip("\r\n") for line in lines if line.strip()]
    like = _other_separator(one)
    if like is not None:
        raise FileFormatError(
            "Cells must be separated by a comma, semicolon, tab or |",
            found=f"{name} seems to use {like}",
            do=_EXPORT,
        )
    for sign in SEPARATORS:
        widths = [len(row) for row in csv.reader(one[1:], delimiter=sign)]
        if len(widths) > 1 and min(widths) == max(widths) > 2:
            raise FileFormatError(
                "The first line must be the header, with one name per column",
                found=f"{name} has 1 name in line 1 and {widths[0]} cells in the lines below",
                do="Remove the lines above the header",
            )
    return None


def _fit(lines: Sequence[str], sign: str) -> tuple[float, int]:
    """How well a separator parts a sample: share of rows as wide as the header, and the width."""
    try:
        # The last record of a sample may be cut off in the middle.
        rows = [row for row in csv.reader(lines, delimiter=sign) if row]
    except csv.Error:
        return 0.0, 0
    width = len(rows[0])
    if width < 2:
        return 0.0, 0
    body = rows[1:-1] or rows[1:] or rows
    share = sum(len(row) == width for row in body) / len(body)
    return max(round(share, 1), 0.01), width


def _other_separator(lines: Sequence[str]) -> str | None:
    """Return a sign that stands equally often in every line, if there is one."""
    if len(lines) < 2:
        return None
    for sign in dict.fromkeys(re.sub(r"[\w\s\"'().?-]", "", lines[0])):
        counts = {line.count(sign) for line in lines}
        if len(counts) == 1:
            return f"the sign {sign!r}"
    if len({len(re.findall(r"\S+", line)) for line in lines}) == 1 and re.search(
        r"\S {2,}\S", lines[0]
    ):
        return "spaces (fixed width)"
    return None


def _records(
    name: str, lines: Sequence[str], first: int, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of the line it starts in; refuse unclosed quotes."""
    skip = f'{separator} "' in lines[first] and f'{separator}"' not in lines[first]
    form: dict[str, Any] = {"delimiter": separator, "skipinitialspace": skip}
    reader = csv.reader(lines[first:], **form)
    start, width = first, 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise _unclosed(name, start + 1, lines) from None
        end = first + reader.line_num
        if end - start > 1 or end == len(lines):
            width = width or len(row)
            if swallows_rows(lines[start:end], width, form):
                raise _unclosed(name, start + 1, lines)
        if row:
            width = width or len(row)
            yield start + 1, row
        start = end


def _unclosed(name: str, line: int, lines: Sequence[str]) -> FileFormatError:
    return FileFormatError(
        "Every quotation mark that opens a cell must be closed",
        found=f"{name} opens one in line {line} of {len(lines)} that swallows the lines after it",
        do="Close it there, or write a quotation mark inside a cell twice",
    )


def swallows_rows(lines: Sequence[str], width: int, form: dict[str, Any]) -> bool:
    """Tell whether one record of several lines is really several rows behind an open quote."""
    fault = ""
    try:
        list(csv.reader(lines, strict=True, **form))
    except csv.Error as error:
        fault = str(error)
    if "unexpected end" in fault:
        return True
    if len(lines) < 2:
        return False
    widths = [len(next(csv.reader([line], **form), ())) for line in lines[1:]]
    if fault and widths[-1] == width:
        return True
    inner = widths[:-1]
    # Text with line breaks has a row's number of separators by chance, but not line after line.
    enough = 1 if width > 4 else 3 if width > 2 else 20
    return len(inner) >= enough and sum(w == width for w in inner) * 2 >= len(inner)


def column_names(header: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return a name of its own for each column, and what was changed for that."""
    names: list[str] = []
    notes: list[str] = []
    stripped = [cell.strip() for cell in header]
    taken = set(stripped)
    seen: set[str] = set()
    for index, cell in enumerate(stripped):
        wanted = cell or f"Unnamed: {index}"
        name, number = wanted, 0
        while name in seen or (name != cell and name in taken):
            number += 1
            name = f"{wanted}.{number}"
        if cell and name != cell:
            notes.append(f"Column {index + 1} is a second {cell!r}; it is read as {name!r}")
        seen.add(name)
        names.append(name)
    return names, tuple(notes)


def _sort_out(
    name: str, header: Sequence[str], records: Iterator[tuple[int, list[str]]]
) -> tuple[list[list[str | None]], tuple[BadRows, ...]]:
    """Part usable rows from bad ones, keeping the order of the file."""
    width = len(header)
    rows: list[list[str | None]] = []
    short: list[tuple[int, int]] = []
    bad: dict[str, list[int]] = {"too many cells": [], "too few cells": [], "no cell filled": []}
    for line, row in records:
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if not any(row):
            bad["no cell filled"].append(line)
        elif len(row) > width:
            bad["too many cells"].append(line)
        else:
            if len(row) < width:
                short.append((len(rows), line))
            rows.append(list(row))
    mended = _mend(header, rows, [at for at, _ in short])
    lost = [(at, line) for at, line in short if at not in mended]
    bad["too few cells"] = [line for _, line in lost]
    drop = {at for at, _ in lost}
    rows = [row for at, row in enumerate(rows) if at not in drop]
    found = tuple(
        BadRows(reason, len(lines), tuple(lines[:FIRST_LINES]))
        for reason, lines in bad.items()
        if lines
    )
    if not rows:
        raise FileFormatError(
            "The data file must have at least one row under its header, with a cell per name",
            found=f"{name} has a header of {width} name(s) and "
            + (", ".join(f"{b.count} row(s) with {b.reason}" for b in found) or "no rows"),
            do=_EXPORT,
        )
    return rows, found


def _mend(header: Sequence[str], rows: list[list[str | None]], short: Sequence[int]) -> set[int]:
    """Fill up rows that end before columns which are mostly empty anyway, or have no name.

    Spreadsheets leave out the separators of empty cells at the end of a row. A row that ends
    before a column that is mostly filled has been cut, and stays short.
    """
    if not short:
        return set()
    width = len(header)
    whole = [row for row in rows if len(row) == width]
    ends = width
    while ends > 0 and (
        sum(not row[ends - 1] for row in whole) * 2 > len(whole)
        if whole
        else not header[ends - 1].strip()
    ):
        ends -= 1
    mended = {at for at in short if len(rows[at]) >= max(ends, 1)}
    for at in mended:
        rows[at].extend([None] * (width - len(rows[at])))
    return mended


def _read_parquet(path: Path) -> Flat:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        raise FileFormatError(
            "The Parquet file must be whole",
            found=f"{path.name} is damaged or breaks off",
            do="Export it again",
        ) from None
    # pandas writes a row index as a column of this name; it says nothing about the lead.
    keep = [i for i, n in enumerate(table.column_names) if not re.fullmatch(_INDEX, n)]
    if table.num_rows == 0 or not keep:
        raise FileFormatError(
            "The data file must have at least one row",
            found=f"{path.name} has {table.num_rows} rows and {len(keep)} columns",
            do="Export it again",
        )
    names, notes = column_names([table.column_names[i] for i in keep])
    frame = pd.DataFrame(
        {
            name: pd.Series(plain_cells(table.column(index)), dtype=object)
            for name, index in zip(names, keep, strict=True)
        }
    )
    facts = FileFacts(path.name, "parquet", None, None, table.num_rows, (), notes)
    return Flat(frame, facts)


_INDEX: Final = r"__index_level_\d+__"


def plain_cells(column: Any) -> list[Any]:
    """Return the cells of an Arrow column as Python scalars, not known as ``None``."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        # Arrow holds moments with a zone in UTC, so dropping the zone keeps UTC.
        column = column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    if pa.types.is_decimal(kind):
        return [None if cell is None else float(cell) for cell in column.to_pylist()]
    return [_plain(cell) for cell in column.to_pylist()]


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, bytes):
        return cell.decode("utf-8", errors="replace")
    if isinstance(cell, (list, dict, tuple)):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return cell
