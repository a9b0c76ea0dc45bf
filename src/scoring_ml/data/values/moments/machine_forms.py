"""The forms in which machines write moments, read column-wise from the bytes of all texts.

Nothing is read here that :func:`~scoring_ml.data.values.moments.cell.read_clock` would read
otherwise; every other form is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.values.moments.calendars import days_of
from scoring_ml.data.values.moments.form import DateForm
from scoring_ml.data.values.moments.units import DAY, Bools, Moments


@dataclass(frozen=True)
class MachineClocks:
    """Clock readings of texts, each array of shape (n,).

    Parameters
    ----------
    reading : array of int64
        Microseconds from 1970-01-01 00:00 on the clock that the text means, or in UTC.
    """

    reading: Moments
    is_local: Bools
    whole_day: Bools
    done: Bools


def read_machine_forms(texts: Any, form: DateForm) -> MachineClocks:
    """Read ``2026-11-22`` and ``22.11.2026``, alone or with ``09:30[:05[.123[456]]]`` and a zone.

    Parameters
    ----------
    texts : pyarrow Array of text, shape (n,)
    """
    n = len(texts)
    size, start, signs = _bytes_of(texts)
    read = MachineClocks(*(np.zeros(n, dtype=kind) for kind in (np.int64, bool, bool, bool)))
    for length in np.flatnonzero(np.bincount(np.minimum(size, _LONGEST + 1))).tolist():
        if length not in _TIME_FORMS:
            continue
        rows = np.flatnonzero(size == length)
        # Every window of that length, so that a text is the one at its first place.
        shape = (len(signs) - length + 1, length)
        windows = np.ndarray(shape, np.uint8, signs, strides=(1, 1))
        for day_form in ("YYYY-MM-DD", "dd_mm_YYYY"):
            signs_form = day_form + _TIME_FORMS[length]
            good, reading = _read_form(windows[start[rows]], signs_form, form)
            here = rows[good]
            read.reading[here] = reading[good]
            read.is_local[here] = "Z" not in signs_form and "+" not in signs_form
            read.whole_day[here] = length == 10
            read.done[here] = True
            rows = rows[~good]
            if len(rows) == 0:
                break
    return read


_TIME_FORMS: Final = {
    len(form) + 10: form
    for form in (
        "",
        "Thh:ii",
        *(
            f"Thh:ii:ss{fraction}{zone}"
            for fraction in ("", ".fff", ".ffffff")
            for zone in ("", "Z", "+oo:pp")
        ),
    )
}
"""Length of a text -> the form of what stands behind its date: each length has one."""

_LONGEST: Final = max(_TIME_FORMS)

_SIGNS: Final = {"-": "-./", "_": "-./ ", "T": " Tt", ":": ":", ".": ".", "Z": "Zz", "+": "+-"}
"""Sign of a form -> signs that may stand there; every letter but T and Z stands for a digit."""

_MICROSECONDS: Final = np.array(
    [3_600_000_000, 60_000_000, 1_000_000, 1, 3_600_000_000, 60_000_000], dtype=np.int64
)
_MOST: Final = np.array([23, 59, 59, 999_999, 23, 59])


def _read_form(
    signs: NDArray[np.uint8], form: str, dates: DateForm
) -> tuple[Bools, NDArray[np.int64]]:
    """Return which texts have a form, and their readings; ``signs`` has shape (n, length)."""
    allowed, weights = _plan(form)
    good = np.asarray((_CLASSES.take(signs) & allowed).all(axis=1))
    if not good.any():
        return good, np.zeros(len(good), dtype=np.int64)
    # Digits times their weights; float32 holds the whole numbers up to 16,777,216 exactly.
    numbers = (weights @ (signs - np.uint8(0x30)).astype(np.float32).T).astype(np.int64)
    year, month, day = numbers[:3]
    if form.startswith("d"):
        if dates.day_first is False:
            month, day = day, month
        swapped = (month > 12) & (day <= 12)
        month, day = np.where(swapped, day, month), np.where(swapped, month, day)
    days, exists = days_of(year, month, day, jalali=dates.calendar == "jalali")
    good &= exists
    reading = days * DAY
    if len(form) == 10:
        return good, reading + DAY - 1
    clock = numbers[3:]
    good &= (clock <= _MOST[:, None]).all(axis=0)
    reading += _MICROSECONDS[:4] @ clock[:4]
    if "+" in form:
        offset = _MICROSECONDS[4:] @ clock[4:]
        reading -= np.where(signs[:, form.index("+")] == 0x2D, -offset, offset)
    return good, reading


@lru_cache(maxsize=32)
def _plan(form: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the classes of signs allowed in each place, and the weights of digits in numbers."""
    names = list(_SIGNS)
    allowed = np.array(
        [1 << names.index(sign) if sign in _SIGNS else _DIGIT for sign in form], dtype=np.uint8
    )
    weights = np.zeros((9, len(form)), dtype=np.float32)
    for row, letter in enumerate(("Y", "Mm", "Dd", "h", "i", "s", "f", "o", "p")):
        places = [at for at, sign in enumerate(form) if sign in letter]
        scale = 10 ** (6 - len(places)) if letter == "f" else 1
        for power, at in enumerate(reversed(places)):
            weights[row, at] = scale * 10**power
    return allowed, weights


def _classes() -> NDArray[np.uint8]:
    """Return for each byte a set of bits: to which of the signs of a form it is allowed."""
    classes = np.zeros(256, dtype=np.uint8)
    for bit, signs in enumerate(_SIGNS.values()):
        classes[[ord(sign) for sign in signs]] |= np.uint8(1 << bit)
    classes[ord("0") : ord("9") + 1] = _DIGIT
    return classes


_DIGIT: Final = 1 << 7
_CLASSES: Final = _classes()


def _bytes_of(texts: Any) -> tuple[Moments, Moments, NDArray[np.uint8]]:
    """Length and first place of each text, and the bytes of all."""
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    signs = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
    return np.diff(ends), ends[:-1], signs
