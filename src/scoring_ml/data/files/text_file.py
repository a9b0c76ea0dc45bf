"""The bytes of a data file, and the text in them: no other formats, the right encoding."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Final

from charset_normalizer import from_bytes

from scoring_ml.errors import FileFormatError

EXPORT_AS_CSV: Final = "Export it again as CSV in UTF-8"
"""What to do with a file that cannot be read."""


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped.

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
            "The data file must have a header and rows",
            found=f"{path.name} is empty",
            do=EXPORT_AS_CSV,
        )
    return data


_MAGIC: Final = (
    (b"PK\x03\x04", "an Excel workbook or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
)


def refuse_other_formats(name: str, data: bytes) -> None:
    """Refuse what is neither CSV nor Parquet.

    Raises
    ------
    FileFormatError
        With what it seems to be.
    """
    what = next((what for magic, what in _MAGIC if data.startswith(magic)), None)
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
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


def decode(name: str, data: bytes) -> tuple[str, str]:
    """Return the text of a file, and the encoding it is in.

    Raises
    ------
    FileFormatError
        If it is damaged, in two encodings, or binary.
    """
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
            do=EXPORT_AS_CSV,
        ) from None
    _refuse_nul(name, text)
    return text


def _refuse_nul(name: str, text: str) -> None:
    where = text.find("\0")
    if where >= 0:
        raise FileFormatError(
            "A text file must not hold NUL bytes",
            found=f"{name} has one in line {_line_of(text, where)}, so it is binary or damaged",
            do=EXPORT_AS_CSV,
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
            do=EXPORT_AS_CSV,
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
