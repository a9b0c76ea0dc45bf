"""The header of a large CSV file, and quotation marks in it that are never closed."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from scoring_ml.data.files.flat import column_names, find_separator, swallows_rows
from scoring_ml.errors import FileFormatError

_SAMPLE_LINES: Final = 300
_NO_SEPARATOR: Final = "\x1f"
_BLOCK: Final = 1 << 24


@dataclass(frozen=True)
class Head:
    """Where the rows of a file begin.

    Parameters
    ----------
    names : tuple of str
        Of the columns, each once.
    separator : str
    lines : int
        Lines above the first row: empty ones, and those of the header.
    """

    names: tuple[str, ...]
    separator: str
    lines: int


def head_of(name: str, text: str) -> Head:
    """Find the header at the beginning of a file's text.

    Raises
    ------
    FileFormatError
        If there is none, or cells are not separated in a way that is known.
    """
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    separator: str | None = None
    if first < len(lines) and (said := re.fullmatch(r'"?sep=(.)"?', lines[first].strip("\r\n"))):
        separator, first = said[1], first + 1
    if first == len(lines):
        raise FileFormatError(
            "The data file must have a header and rows",
            found=f"{name} is empty",
            do="Export it again",
        )
    if separator is None:
        sample = lines[first : first + _SAMPLE_LINES]
        separator = find_separator(name, sample) or _NO_SEPARATOR
    if f'{separator} "' in lines[first] and f'{separator}"' not in lines[first]:
        raise FileFormatError(
            "In a large CSV file no space may stand between a separator and a quotation mark",
            found=f"{name} has one in line {first + 1}",
            do="Export it again without these spaces, or as Parquet",
        )
    reader = csv.reader(lines[first:], delimiter=separator)
    names, _ = column_names(next(reader))
    return Head(tuple(names), separator, first + reader.line_num)


def refuse_open_quotes(path: Path, head: Head, *, rows: int) -> None:
    """Refuse a file in which a quotation mark is not closed and swallows the lines after it.

    Only files in which some row takes more than one line are read again for that.

    Parameters
    ----------
    path : Path
    head : Head
    rows : int
        Rows that were found; -1 if that is not known.

    Raises
    ------
    FileFormatError
        With the line in which the mark stands.
    """
    lines, last = _count(path)
    form: dict[str, Any] = {"delimiter": head.separator}
    if lines - head.lines == rows and not swallows_rows([last], len(head.names), form):
        return
    with _open(path) as stream:
        for _ in range(head.lines):
            stream.readline()
        taken: list[str] = []
        start = head.lines
        reader = csv.reader(_kept(stream, taken), **form)
        while True:
            try:
                row = next(reader, None)
            except (csv.Error, ValueError):
                raise _open_quote(path, start) from None
            if row is None:
                return
            is_last = start + len(taken) >= lines
            if (len(taken) > 1 or is_last) and swallows_rows(taken, len(head.names), form):
                raise _open_quote(path, start)
            start += len(taken)
            taken.clear()


def _kept(stream: TextIO, taken: list[str]) -> Iterator[str]:
    for line in stream:
        taken.append(line)
        yield line


def _open_quote(path: Path, start: int) -> FileFormatError:
    return FileFormatError(
        "Every quotation mark that opens a cell must be closed",
        found=f"{path.name} opens one in about line {start + 1} that swallows the lines after it",
        do="Close it there, or write a quotation mark inside a cell twice",
    )


def _open(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _count(path: Path) -> tuple[int, str]:
    """Count the lines of a file, and return the last one that is not empty."""
    feeds = returns = both = 0
    end = ""
    with _open(path) as stream:
        while block := stream.read(_BLOCK):
            both += block.count("\r\n") + (end.endswith("\r") and block.startswith("\n"))
            feeds += block.count("\n")
            returns += block.count("\r")
            end = (end + block)[-1_000_000:]
    lines = feeds + returns - both + (not end.endswith(("\n", "\r")))
    return lines, (re.split(r"[\r\n]+", end.rstrip("\r\n")) or [""])[-1]
