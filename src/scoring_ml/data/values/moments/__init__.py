"""Moments: whole microseconds since 1970 in UTC, however a file or a request writes them.

A single text is read in :mod:`~scoring_ml.data.values.moments.cell` alone. The forms that
machines write are also read column-wise, to the same bits: an export has millions of them.

A moment that has its own zone keeps it. A moment without one is local time of the given zone:

* a date without a time is known at the end of that day *there*;
* a local time that does not exist, because clocks were put forward, is moved to the moment at
  which they were;
* a local time that exists twice, because clocks were put back, is the later of the two: a fact
  must never count as known too early.
"""

from scoring_ml.data.values.moments.cell import Clock, read_clock, unread_reason
from scoring_ml.data.values.moments.column import (
    ReadMoments,
    completed_moments,
    joined_moments,
    moment_of,
    read_moments,
)
from scoring_ml.data.values.moments.evidence import FormEvidence, agreed_day_first, form_evidence
from scoring_ml.data.values.moments.form import DateForm
from scoring_ml.data.values.moments.placeholders import placeholder_texts
from scoring_ml.data.values.moments.units import (
    DAY,
    EARLIEST,
    LATEST,
    NEVER,
    Bools,
    Moments,
    utc_micros,
)
from scoring_ml.data.values.moments.zones import local_days, local_to_utc

__all__ = [
    "DAY",
    "EARLIEST",
    "LATEST",
    "NEVER",
    "Bools",
    "Clock",
    "DateForm",
    "FormEvidence",
    "Moments",
    "ReadMoments",
    "agreed_day_first",
    "completed_moments",
    "form_evidence",
    "joined_moments",
    "local_days",
    "local_to_utc",
    "moment_of",
    "placeholder_texts",
    "read_clock",
    "read_moments",
    "unread_reason",
    "utc_micros",
]
