"""The bytes of a data file, and the text in them: no other formats, the right encoding."""

from __future__ import annotations

import codecs
import gzip
import mmap
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from scoring_ml.data.files.code_pages import CodePage, find_code_page
from scoring_ml.data.section_values import is_encoding
from scoring_ml.errors import FileFormatError

EXPORT_AS_CSV: Final = "Export it again as CSV in UTF-8"
"""What to do with a file that cannot be read."""

BLOCK: Final = 1 << 24
"""Bytes that are looked at in one go."""


@dataclass(frozen=True)
class TextFile:
    """The text of a file.

    Parameters
    ----------
    data : memoryview of bytes
        In UTF-8, without a mark.
    guess : CodePage or None
        How the encoding was found, if it is an old one that nobody has named.
    """

    name: str
    data: memoryview
    encoding: str
    guess: CodePage | None = None
    notes: tuple[str, ...] = ()

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, one block after the other."""
        for start in range(0, len(self.data), BLOCK):
            yield bytes(self.data[start : start + BLOCK])


def map_file(path: Path) -> Any:
    """Return the bytes of a file, mapped into memory and unpacked if it is gzipped.

    Raises
    ------
    FileFormatError
        If it is missing, no file, unreadable or empty.
    """
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
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            data = _mapped(file)
        if packed:
            with gzip.open(path) as stream, tempfile.TemporaryFile() as unpacked:
                shutil.copyfileobj(stream, unpacked, BLOCK)
                data = _mapped(unpacked)
    except (OSError, EOFError, ValueError) as error:
        raise FileFormatError(
            "The data file must be readable",
            found=f"{path.name}: {getattr(error, 'strerror', None) or type(error).__name__}",
            do="Check its rights, or copy it again",
        ) from None
    if re.search(rb"[^ \t\r\n\x0b\x0c]", data) is None:
        raise FileFormatError(
            "The data file must have a header and rows",
            found=f"{path.name} is empty",
            do=EXPORT_AS_CSV,
        )
    return data


def _mapped(file: Any) -> Any:
    file.flush()
    # An empty file cannot be mapped.
    if file.seek(0, 2) == 0:
        return b""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


_MAGIC: Final = (
    (b"PK\x03\x04", "an Excel workbook or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
)


def _refuse_other_formats(name: str, head: bytes) -> None:
    what = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<table", b"<?xml")):
        what = "a web page or XML"
    if what is not None:
        raise FileFormatError(
            "The data must be CSV or Parquet", found=f"{name} is {what}", do=EXPORT_AS_CSV
        )


_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def read_text(name: str, data: Any, encoding: str | None = None) -> TextFile:
    """Return the text of a file.

    Parameters
    ----------
    encoding : str or None
        What the text is in, if it is not Unicode; found out if None.

    Raises
    ------
    FileFormatError
        If it is no text, damaged, in two encodings or not in the one that is named.
    """
    if encoding is not None and not is_encoding(encoding):
        raise FileFormatError(
            "An encoding must be one that is known",
            found=encoding,
            do="Write utf-8, cp1251, koi8-r or another one's name",
        )
    head = bytes(data[:4_000])
    _refuse_other_formats(name, head[:200])
    mark, unicode = next((pair for pair in _BOMS if head.startswith(pair[0])), (b"", "utf-8"))
    if encoding is not None and _codec(encoding).startswith(("utf-16", "utf-32")):
        return _text(name, data, unicode if mark else encoding, len(mark))
    unicode = _unmarked_utf_16(head) or unicode
    wrong = None if unicode != "utf-8" else _first_wrong(data, "utf-8", len(mark))
    if wrong is None:
        text = _text(name, data, unicode, len(mark))
        unlike = encoding is not None and not _codec(encoding).startswith("utf-8")
        if unlike and re.search(rb"[\x80-\xff]", data) is not None:
            note = f"The file is {text.encoding}, and is not read as the {encoding} of encoding"
            return replace(text, notes=(note,))
        return text
    if encoding is not None:
        wrong = _first_wrong(data, encoding, len(mark))
        if wrong is not None:
            raise FileFormatError(
                "A file must be in the encoding that is named for it",
                found=f"line {_line_of(data, wrong)} of {name} is not {encoding}",
                do="Correct encoding, or leave it out and have it found out",
            )
        return _text(name, data, encoding, len(mark))
    _refuse_damaged(name, data, wrong)
    page = find_code_page(b"\n".join(_telling_lines(data)))
    if page is None or _first_wrong(data, page.name, len(mark)) is not None:
        raise FileFormatError(
            "A file must be in an encoding that can be found out",
            found=f"line {_line_of(data, wrong)} of {name} is no UTF-8, and no old code page that "
            "is tried reads the whole file",
            do="Name it under encoding in the settings, or export the file again in UTF-8",
        )
    return replace(_text(name, data, page.name, len(mark)), guess=page)


def _codec(encoding: str) -> str:
    return codecs.lookup(encoding).name


def _unmarked_utf_16(head: bytes) -> str | None:
    # In UTF-16 every plain sign has a zero byte, always on the same side.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) <= len(head) / 20 or min(even, odd) * 20 >= max(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    lines = head.decode(encoding, "replace").count("\n")
    return encoding if lines * 2 > head.count(b"\n") else None


def _decoded(data: Any, encoding: str, start: int = 0) -> Iterator[str]:
    """Yield the text block by block; a ``UnicodeDecodeError`` tells the place in the file."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for at in range(start, len(data), BLOCK):
        kept = len(decoder.getstate()[0])
        end = min(at + BLOCK, len(data))
        try:
            yield decoder.decode(data[at:end], final=end == len(data))
        except UnicodeDecodeError as error:
            where = at - kept + error.start
            raise UnicodeDecodeError(encoding, b"", where, where + 1, error.reason) from None


def _first_wrong(data: Any, encoding: str, start: int) -> int | None:
    """Return the first place at which bytes are not in an encoding."""
    try:
        for _ in _decoded(data, encoding, start):
            pass
    except UnicodeDecodeError as error:
        return error.start
    return None


def _text(name: str, data: Any, encoding: str, start: int) -> TextFile:
    """Return the text behind a mark, written anew if it is not in UTF-8."""
    if encoding == "utf-8":
        text = TextFile(name, memoryview(data)[start:], encoding)
    else:
        try:
            with tempfile.TemporaryFile() as file:
                for block in _decoded(data, encoding, start):
                    file.write(block.encode("utf-8"))
                text = TextFile(name, memoryview(_mapped(file)), encoding)
        except UnicodeError as error:
            raise FileFormatError(
                f"A file that is marked or named as {encoding} must be {encoding}",
                found=f"{name} breaks off or is damaged near byte {getattr(error, 'start', 0)}",
                do=EXPORT_AS_CSV,
            ) from None
    where = 0
    for piece in text.blocks():
        if b"\0" in piece:
            where += piece.index(b"\0")
            raise FileFormatError(
                "A text file must not hold NUL bytes",
                found=f"{name} has one in line {_line_of(text.data, where)}, so it is binary or "
                "damaged",
                do=EXPORT_AS_CSV,
            )
        where += len(piece)
    return text


def _line_of(data: Any, where: int) -> int:
    ends = sum(
        len(re.findall(rb"\r\n|\r|\n", bytes(data[start : min(start + BLOCK, where)])))
        for start in range(0, where, BLOCK)
    )
    return ends + 1


def _refuse_damaged(name: str, data: Any, wrong: int) -> None:
    """Refuse UTF-8 with a few damaged places."""
    loose = b"\n".join(_telling_lines(data)).decode("utf-8", errors="replace")
    damaged = loose.count("\ufffd")
    good = sum(not sign.isascii() for sign in loose) - damaged
    if good > 10 * damaged:
        raise FileFormatError(
            "A file must be in one encoding",
            found=f"{name} is UTF-8 but for {damaged} place(s), the first in line "
            f"{_line_of(data, wrong)}",
            do=EXPORT_AS_CSV,
        )


def _telling_lines(data: Any, most: int = 400_000, parts: int = 64) -> Iterator[bytes]:
    """Yield lines that hold more than ASCII, from all over the file."""
    step = max(len(data) // parts + 1, most)
    for start in range(0, len(data), step):
        end = taken = start
        while taken - start < most * step // max(len(data), step):
            found = re.compile(rb"[\x80-\xff]").search(data, end, start + step)
            if found is None:
                break
            near = max(0, found.start() - 10_000)
            begin = max(data.rfind(end_of, near, found.start()) for end_of in (b"\n", b"\r"))
            stop = re.compile(rb"[\r\n]").search(data, found.end())
            end = stop.start() if stop else len(data)
            yield data[max(begin + 1, end - 10_000) : end]
            taken += end - begin
