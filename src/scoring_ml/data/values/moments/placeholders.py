"""Dates that stand where no date is known, such as 0000-00-00 and 9999-12-31."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.moments.cell import plain_date
from scoring_ml.data.values.moments.column import ReadMoments
from scoring_ml.data.values.moments.form import DateForm
from scoring_ml.data.values.moments.units import DAY, Moments, utc_micros

_NO_YEAR: Final = r"0000|0001|1899|2[2-9]\d\d|[3-9]\d{3}"
_NO_DATE: Final = re.compile(
    rf"-0001-.*|0{{1,2}}[-/.]0{{1,2}}[-/.]\d{{2,4}}\b.*|\d{{4}}[-/.]00[-/.]00\b.*"
    rf"|(?:{_NO_YEAR})[-/.]\d\d?[-/.]\d\d?\b.*|\d\d?[-/.]\d\d?[-/.](?:{_NO_YEAR})\b.*"
    rf"|1900[-/.]0?1[-/.]0?[01]\b.*|0?1[-/.]0?1[-/.]1900\b.*"
)
_UNIX_ZERO: Final = utc_micros(datetime(1970, 1, 1))
_HEAP: Final = 3
_FAR: Final = 3650 * DAY


def placeholder_texts(
    texts: Sequence[str],
    rows: NDArray[np.int64],
    read: ReadMoments,
    form: DateForm,
    beside: Moments | None = None,
) -> tuple[str, ...]:
    """Return the texts of a column that mean that no date is known.

    Those of years that cannot be are; 1900-01-01 is; and 1970-01-01 is where it heaps up: where
    it has more than three times the rows of the busiest other day, or lies more than ten years
    from every other one.

    Parameters
    ----------
    rows : array of int, shape (n,)
        In how many rows each stands.
    read : ReadMoments, shape (n,)
        The texts as read.
    beside : array of int64, or None
        Moments of the column's other rows, if these are not all texts.
    """
    never = [bool(_NO_DATE.fullmatch(plain_date(text))) for text in texts]
    found = np.array(never, dtype=bool)
    if form.epoch is not None:
        found |= np.array([_is_zero(text) for text in texts], dtype=bool)
    usable = read.usable & ~found
    zero = usable & (read.values >= _UNIX_ZERO - DAY) & (read.values < _UNIX_ZERO + 2 * DAY)
    others = usable & ~zero
    alone = np.zeros(0, dtype=np.int64) if beside is None else beside
    values = np.concatenate([read.values[others], alone]) // DAY
    if zero.any() and len(values):
        weights = np.concatenate([rows[others], np.ones(len(alone))])
        days, place = np.unique(values, return_inverse=True)
        busiest = np.bincount(place, weights).max()
        near = np.abs(days * DAY - _UNIX_ZERO).min()
        if rows[zero].sum() > _HEAP * busiest or near > _FAR:
            found |= zero
    return tuple(text for text, known in zip(texts, found, strict=True) if known)


def _is_zero(text: str) -> bool:
    return re.fullmatch(r"-?0+(?:[.,]0*)?|-1", plain_date(text)) is not None
