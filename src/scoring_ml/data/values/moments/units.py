"""Units of time: microseconds since 1970 in UTC, and the range of moments that are accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]
"""Microseconds since 1970-01-01 00:00 UTC."""

Bools = NDArray[np.bool_]

NEVER: Final = int(np.iinfo(np.int64).max)
"""A moment that has not come: an open deal closes then."""

DAY: Final = 86_400_000_000
"""Microseconds of a day."""

EARLIEST: Final = datetime(1900, 1, 1)
"""First moment that is accepted."""

LATEST: Final = datetime(2200, 1, 1)
"""End of the moments that are accepted; itself it is not."""

_EPOCH: Final = datetime(1970, 1, 1)


def utc_micros(moment: datetime) -> int:
    """Return microseconds since 1970 of a moment, in UTC if it has no zone.

    >>> utc_micros(datetime(1970, 1, 2, 3, 30))
    99000000000
    """
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - _EPOCH) // timedelta(microseconds=1)
