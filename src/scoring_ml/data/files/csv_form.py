"""The form of a CSV file: its separator, where its header stands, its records, column names."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.data.files.text_file import EXPORT_AS_CSV, TextFile
from scoring_ml.data.values.vocabulary import visible
from scoring_ml.errors import FileFormatError

SEPARATORS: Final = (",", ";", "\t", "|")
RARE_SEPARATORS: Final = (":", "^")
"""Tried only if none of :data:`SEPARATORS` parts the header."""

_SAMPLE_LINES: Final = 300
_MOST_ABOVE: Final = 30
_HEAD_BYTES: Final = 1_000_000
_NO_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True)
class CsvForm:
    """Where the rows of a CSV file begin, and what parts their cells.

    Parameters
    ----------
    skips_spaces : bool
        Whether spaces between a separator and a cell say nothing.
    lines : int
        Lines above the first row: those of the header, and all above them.
    start : int
        Place of the first row in the text, in bytes of UTF-8.
    """

    names: tuple[str, ...]
    separator: str | None
    skips_spaces: bool
    lines: int
    start: int
    named: tuple[bool, ...]
    notes: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """How :mod:`csv` reads the lines."""
        return _options(self.separator, self.skips_spaces)


def _options(separator: str | None, skips_spaces: bool) -> dict[str, Any]:
    return {"delimiter": separator or _NO_SEPARATOR, "skipinitialspace": skips_spaces}


def csv_form(text: TextFile) -> CsvForm:
    """Find the header of a CSV file, below empty lines and a line such as ``sep=;``.

    Raises
    ------
    FileFormatError
        If the text has none, or its cells are parted by something else than a known separator.
    """
    name = text.name
    head = bytes(text.data[:_HEAD_BYTES]).decode("utf-8", errors="ignore")
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", head)
    first = _next_filled(lines, 0)
    separator: str | None = None
    if first < len(lines) and (named := re.fullmatch(r'"?sep=(.)"?', lines[first].strip("\r\n"))):
        separator, first = named[1], _next_filled(lines, first + 1)
    if first == len(lines):
        raise FileFormatError(
            "The data file must have a header and rows", found=f"{name} is empty", do=EXPORT_AS_CSV
        )
    sample = lines[first : first + _SAMPLE_LINES]
    if separator is None:
        separator = find_separator(name, sample)
    above = header_place(name, sample, separator) if separator is not None else 0
    title = lines[first].strip(' \t\r\n"#;,|')
    first += above
    passed = f"{above} line(s) above the header are passed over, the first of them {title[:60]!r}"
    notes = [passed] if above else []
    sign = separator or _NO_SEPARATOR
    skips = f'{sign} "' in lines[first] and f'{sign}"' not in lines[first]
    if skips:
        notes.append("Spaces between a separator and a cell are passed over")
    share, _, _ = _fit(lines[first : first + _SAMPLE_LINES], sign)
    if separator is not None and share < 1:
        notes.append(
            f"The separator {separator!r} parts {share:.0%} of the first lines as the header"
        )
    _, header, taken = next(records(name, lines[first:], _options(separator, skips), first))
    names, renamed = column_names(header)
    start = sum(len(line.encode("utf-8")) for line in lines[: first + taken])
    has_name = tuple(bool(cell.strip()) for cell in header)
    return CsvForm(
        tuple(names), separator, skips, first + taken, start, has_name, (*notes, *renamed)
    )


def _next_filled(lines: Sequence[str], at: int) -> int:
    return next((n for n in range(at, len(lines)) if lines[n].strip("\r\n\ufeff ")), len(lines))


def header_place(name: str, lines: Sequence[str], separator: str) -> int:
    """Return how many lines of titles and comments stand above the header.

    Such a line fills no more than half as many cells as the rows of the table below it, from
    the first one on, and the header is filled and holds no numbers.

    Raises
    ------
    FileFormatError
        If the header takes two lines.
    """
    rows = [
        (line, [cell.strip() for cell in row])
        for line, row, _ in _sampled(lines, separator)
        if any(cell.strip() for cell in row)
    ]
    counts = Counter(_extent(row) for _, row in rows if _extent(row) > 1)
    width = max(counts, key=lambda width: (counts[width], width), default=0)
    first = rows[0][1] if rows else []
    parted = any(not line.strip() for line in lines[1:_MOST_ABOVE])
    if width < 2 or not _is_title(first, width, alone=width < 3 and not parted):
        return 0
    for at, (line, row) in enumerate(rows):
        if at > _MOST_ABOVE or not _is_title(row, width):
            fit = sum(len(other) == len(row) for _, other in rows[at:])
            return line - 1 if _is_header(row, width) and fit * 2 > len(rows) - at else 0
        if sum(map(bool, row)) > 1 and _extent(row) > sum(map(bool, row)) and len(row) >= width:
            below = rows[at + 1][1] if at + 1 < len(rows) else []
            if _is_header(below, width):
                raise FileFormatError(
                    "The header must be one line, with one name per column",
                    found=f"{name} begins with {', '.join(filter(None, row))[:60]!r} over a second "
                    "line of names",
                    do="Remove the first of the two lines",
                )
    return 0


def _sampled(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str], int]]:
    try:
        yield from records("", lines, _options(separator, skips_spaces=False), 0)
    except FileFormatError:
        return  # told, with its line, when the rows are read


def _extent(row: Sequence[str]) -> int:
    """Return the number of cells up to the last that is filled."""
    return max((at for at, cell in enumerate(row, start=1) if cell), default=0)


def _is_title(row: Sequence[str], width: int, *, alone: bool = False) -> bool:
    filled = sum(map(bool, row))
    comment = row[0].startswith("#") and _extent(row) < width
    return not alone and (filled * 2 <= width or comment)


def _is_header(row: Sequence[str], width: int) -> bool:
    filled = [cell for cell in row if cell]
    return (
        len(filled) * 5 >= width * 4
        and len(set(filled)) == len(filled)
        and not any(re.fullmatch(r"[\W\d_]+|\S+@\S+", cell) for cell in filled)
    )


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
        if found[best] > (0.0, True, 0):
            return best
    one = [line.strip("\r\n") for line in lines if line.strip()]
    like = _other_separator(one)
    if like is not None:
        raise FileFormatError(
            "Cells must be separated by a comma, semicolon, tab or |",
            found=f"{name} seems to use {like}",
            do=EXPORT_AS_CSV,
        )
    return None


def _fit(lines: Sequence[str], sign: str) -> tuple[float, bool, int]:
    """How well a separator parts a sample.

    Share of rows as wide as the header, whether that stands in the first line, and the width.
    """
    # The last record of a sample may be cut off in the middle.
    above = header_place("", lines, sign)
    try:
        rows = [row for row in csv.reader(lines[above:], delimiter=sign) if row]
    except csv.Error:
        return 0.0, False, 0
    width = len(rows[0])
    if width < 2:
        return 0.0, False, 0
    body = rows[1:-1] or rows[1:] or rows
    share = sum(len(row) == width for row in body) / len(body)
    return max(round(share, 1), 0.01), above == 0, width


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


def records(
    name: str,
    lines: Iterable[str],
    options: dict[str, Any],
    above: int,
    *,
    total: int = -1,
    width: int = 0,
) -> Iterator[tuple[int, list[str], int]]:
    """Yield each record with the line it starts in and its number of lines.

    Parameters
    ----------
    total : int
        Lines of the file; -1 if they are not counted.
    width : int
        Cells of a row; those of the first record if 0.

    Raises
    ------
    FileFormatError
        If a quotation mark is never closed.
    """
    taken: list[str] = []
    reader = csv.reader(_noted(lines, taken), **options)
    start = above
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise open_quote(name, start + 1, total) from None
        end = start + len(taken)
        width = width or len(row)
        if (end - start > 1 or end == total) and swallows_rows(taken, width, options):
            raise open_quote(name, start + 1, total)
        if row:
            yield start + 1, row, end - start
        start = end
        taken.clear()


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def open_quote(name: str, line: int, total: int) -> FileFormatError:
    """Return the error that a quotation mark in a line is never closed."""
    where = f"line {line}" if total < 0 else f"line {line} of {total}"
    return FileFormatError(
        "Every quotation mark that opens a cell must be closed",
        found=f"{name} opens one in {where} that swallows the lines after it",
        do="Close it there, or write a quotation mark inside a cell twice",
    )


def swallows_rows(lines: Sequence[str], width: int, options: dict[str, Any]) -> bool:
    """Tell whether one record of several lines is really several rows behind an open quote."""
    fault = ""
    try:
        list(csv.reader(lines, strict=True, **options))
    except csv.Error as error:
        fault = str(error)
    if "unexpected end" in fault:
        return True
    if len(lines) < 2:
        return False
    widths = [len(next(csv.reader([line], **options), ())) for line in lines[1:]]
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
    stripped = [visible(cell) for cell in header]
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
