"""Numbers with their 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Z_95: Final = 1.959963984540054
"""97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; any of the three may be NaN.

    Parameters
    ----------
    value : float
        The estimate on the data themselves.
    low, high : float
        Ends of the interval, both included.
    """

    value: float
    low: float
    high: float

    def excludes(self, number: float) -> bool:
        """Whether the interval is known and leaves the number out.

        >>> Interval(2.0, 1.0, 3.0).excludes(0.0), Interval(2.0, -1.0, 3.0).excludes(0.0)
        (True, False)
        >>> Interval(2.0, float("nan"), float("nan")).excludes(0.0)
        False
        """
        return bool(self.low > number or self.high < number)
