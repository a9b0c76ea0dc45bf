"""Local time and the calendar of a zone, column-wise."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.values.moments.units import Bools, Moments


def local_to_utc(local: Moments, timezone: str) -> tuple[Moments, Bools, Bools]:
    """Turn local times into moments.

    Parameters
    ----------
    local : array of int64, shape (n,)
        Microseconds from 1970-01-01 00:00 on the local clock.

    Returns
    -------
    values : array of int64, shape (n,)
    skipped, twice : array of bool, shape (n,)
        Times that do not exist there, and times that exist twice.
    """
    none = np.zeros(len(local), dtype=bool)
    if timezone == "UTC" or len(local) == 0:
        return local, none, none
    clock = pa.array(local, pa.timestamp("us"))
    late = pc.assume_timezone(clock, timezone, ambiguous="latest", nonexistent="latest")
    early = pc.assume_timezone(clock, timezone, ambiguous="earliest", nonexistent="earliest")
    values = np.array(late.cast(pa.int64()))
    # A skipped hour differs by Arrow's smallest unit, a doubled one by an hour or so.
    differs = np.flatnonzero(values != np.asarray(early.cast(pa.int64())))
    skipped, twice = none.copy(), none.copy()
    back = np.asarray(pc.local_timestamp(late.take(pa.array(differs))).cast(pa.int64()))
    skipped[differs] = back != local[differs]
    twice[differs] = back == local[differs]
    return values, skipped, twice


def local_days(moments: Moments, timezone: str) -> NDArray[np.datetime64]:
    """Return the day, on the calendar of a zone, on which each moment lies."""
    clock = pc.local_timestamp(pa.array(moments, pa.timestamp("us", tz=timezone)))
    return np.asarray(clock).astype("datetime64[D]")
