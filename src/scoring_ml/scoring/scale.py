"""The scale: the number that people see for calibrated log-odds, and its tier.

``score = 49.5 + 20 * (logit p - logit p_warm) / (logit p_hot - logit p_warm)``, rounded half up
and clipped to 0-100. The tier is read from the integer shown, so hot means exactly
``p >= p_hot`` and warm ``p_warm <= p < p_hot``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HOT: Final = 70
WARM: Final = 50
SCORE_MAX: Final = 100
TIERS: Final = ("hot", "warm", "cold")

_AT_WARM: Final = WARM - 0.5
_AT_HOT: Final = HOT - 0.5
_BETWEEN: Final = float(HOT - WARM)


@dataclass(frozen=True)
class Scale:
    """The two anchors that give the score its meaning.

    Parameters
    ----------
    logit_warm, logit_hot : float
        Log-odds at which warm and hot begin; ``logit_warm < logit_hot``.
    """

    logit_warm: float
    logit_hot: float

    def __post_init__(self) -> None:
        if not self.logit_warm < self.logit_hot:
            raise ValueError(
                f"logit_warm must lie below logit_hot. Got {self.logit_warm} and {self.logit_hot}."
            )

    @property
    def points_per_logodds(self) -> float:
        """Points that one unit of log-odds is worth."""
        return _BETWEEN / (self.logit_hot - self.logit_warm)

    def unrounded(self, logodds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores before rounding and clipping, shape of ``logodds``.

        At 49.5 and 69.5 or above exactly where ``logodds`` is at its anchor or above, whatever
        the last bit of the arithmetic says.
        """
        width = self.logit_hot - self.logit_warm
        found = np.asarray(_AT_WARM + _BETWEEN * ((logodds - self.logit_warm) / width))
        for anchor, at in ((self.logit_warm, _AT_WARM), (self.logit_hot, _AT_HOT)):
            just_below = np.minimum(found, np.nextafter(at, -np.inf))
            found = np.where(logodds >= anchor, np.maximum(found, at), just_below)
        return found


def round_half_up(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest whole numbers, halves upwards.

    >>> round_half_up(np.array([49.49, 49.5, 69.5])).tolist()
    [49, 50, 70]
    """
    bounded = np.clip(values, -1e15, 1e15)
    floor = np.floor(bounded)
    return np.asarray(floor + (bounded - floor >= 0.5)).astype(np.int64)


def tiers(scores: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the tiers of scores as shown, same shape.

    >>> tiers(np.array([0, 49, 50, 69, 70, 100])).tolist()
    ['cold', 'cold', 'warm', 'warm', 'hot', 'hot']
    """
    return np.where(scores >= HOT, "hot", np.where(scores >= WARM, "warm", "cold")).astype(object)
