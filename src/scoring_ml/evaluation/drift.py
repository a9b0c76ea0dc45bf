"""Drift: how far the newest leads differ from those that were learned from.

Two questions. *Base rate*: does the newest window hold another share of wins? A two-sided exact
test says whether the difference is more than chance, and a least relative change whether it
matters. *Fields*: has the distribution of a field moved between the train and the test window?
The population stability index answers,

    PSI = sum over bins of (p - q) * ln(p / q),

with p and q a bin's share of the train and the test window (each count raised by a half, so that
an empty bin stays finite). Numbers fall into tenths of the train window, categories into their
values, what is missing into a bin of its own, and so does a number that fills a tenth by itself.

Two samples from one distribution have a PSI too: about ``(bins - 1) * (1/n1 + 1/n2)``, and it is
distributed as ``(1/n1 + 1/n2)`` times chi-squared with ``bins - 1`` degrees of freedom
(Yurdakul 2018, "Statistical properties of the population stability index"). A field counts as
moved only if its PSI is above the threshold *and* above what noise alone reaches once in a
thousand fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from scoring_ml.statistics.proportions import same_share, wilson
from scoring_ml.statistics.samples import Floats

PSI_MOVED: Final = 0.25
"""PSI from which a field has moved; 0.1 to 0.25 is the usual "keep an eye on it"."""

NOISE_LEVEL: Final = 0.001
"""Chance that noise alone reaches the limit that a PSI must pass."""

BASE_RATE_LEVEL: Final = 0.01
"""p-value below which two shares of wins differ by more than chance."""

BASE_RATE_CHANGE: Final = 0.1
"""Least relative change of the share of wins that counts as moved."""

_BINS: Final = 10
_FEW_VALUES: Final = 10
_MOST_CATEGORIES: Final = 20
_LEAST_CATEGORY_SHARE: Final = 0.01


@dataclass(frozen=True)
class BaseRate:
    """Share of wins in a window, with Wilson's 95 % interval; NaN without leads."""

    leads: int
    wins: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class FieldDrift:
    """How far one field has moved between the train and the test window.

    Parameters
    ----------
    psi : float
        Population stability index; 0 where nothing moved.
    limit : float
        PSI that two samples of one distribution pass once in a thousand times.
    missing_before, missing_after : float
        Share of missing values (0-1) in train and in test.
    """

    name: str
    psi: float
    limit: float
    missing_before: float
    missing_after: float
    moved: bool


@dataclass(frozen=True)
class DriftReport:
    """What has moved.

    Parameters
    ----------
    base_rates : mapping of str to BaseRate
        By window, oldest first.
    base_rate_p : mapping of str to float
        Earlier window -> p-value of "the same share of wins as in the test window".
    base_rate_moved : bool
        Whether the test window differs from an earlier one, by more than chance and by enough
        to matter.
    fields : tuple of FieldDrift
        Falling PSI.
    """

    base_rates: Mapping[str, BaseRate]
    base_rate_p: Mapping[str, float]
    base_rate_moved: bool
    fields: tuple[FieldDrift, ...]

    @property
    def fields_moved(self) -> tuple[str, ...]:
        """Names of the fields that moved, falling PSI."""
        return tuple(field.name for field in self.fields if field.moved)


def drift_report(
    frames: Mapping[str, pd.DataFrame], labels: Mapping[str, ArrayLike]
) -> DriftReport:
    """Compare the newest window with those before it.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``train`` and ``test``, typed: float64 for numbers and booleans, object for categories
        and contacts, datetime64 for dates. Of a date only the missing share is compared: that
        time goes on is no drift.
    labels : mapping of str to array
        By window, oldest first, ``test`` among them: 1 won, 0 lost.
    """
    base_rates = {}
    for name, label in labels.items():
        values = np.asarray(label, dtype=np.float64)
        base_rates[name] = base_rate(int(values.sum()), values.size)
    newest = base_rates["test"]
    p_values = {
        name: same_share((earlier.wins, earlier.leads), (newest.wins, newest.leads))
        for name, earlier in base_rates.items()
        if name != "test"
    }
    moved = any(
        p < BASE_RATE_LEVEL
        and abs(newest.share - base_rates[name].share) > BASE_RATE_CHANGE * base_rates[name].share
        for name, p in p_values.items()
    )
    before, after = frames["train"], frames["test"]
    fields = [field_drift(str(name), before[name], after[name]) for name in before.columns]
    fields.sort(key=lambda field: (-field.psi, field.name))
    return DriftReport(base_rates, p_values, moved, tuple(fields))


def base_rate(wins: int, leads: int) -> BaseRate:
    """Return the share of wins with Wilson's 95 % interval.

    >>> rate = base_rate(2, 10)
    >>> rate.share, round(rate.low, 3), round(rate.high, 3)
    (0.2, 0.057, 0.51)
    """
    share = wilson(wins, leads)
    return BaseRate(leads, wins, share.value, share.low, share.high)


def field_drift(name: str, before: pd.Series, after: pd.Series) -> FieldDrift:
    """Compare one field in two windows; see :class:`FieldDrift`.

    With an empty window everything but the missing shares is NaN and nothing has moved.
    """
    missing = float(before.isna().mean()), float(after.isna().mean())
    nan = float("nan")
    if before.size == 0 or after.size == 0:
        return FieldDrift(name, nan, nan, *missing, moved=False)
    bins_before, bins_after = _bins(before, after)
    size = int(max(bins_before.max(), bins_after.max())) + 1
    counts = np.stack([np.bincount(bins, minlength=size) for bins in (bins_before, bins_after)])
    counts = counts[:, counts.sum(axis=0) > 0]
    degrees = counts.shape[1] - 1
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    psi = float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum()) if degrees else 0.0
    scale = 1 / before.size + 1 / after.size
    limit = float(chi2.ppf(1 - NOISE_LEVEL, degrees)) * scale if degrees else 0.0
    moved = degrees > 0 and psi > max(PSI_MOVED, limit)
    return FieldDrift(name, psi, limit, *missing, moved=moved)


def _bins(before: pd.Series, after: pd.Series) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return bin numbers of both windows: 0 missing, the rest drawn from the train window."""
    kind = before.dtype.kind
    if kind == "M":
        parts = [part.notna().to_numpy().astype(np.intp) for part in (before, after)]
        return parts[0], parts[1]
    if kind == "f":
        known = before.to_numpy()[np.isfinite(before.to_numpy())]
        values, counts = np.unique(known, return_counts=True)
        if values.size > _FEW_VALUES:
            # A value that fills a tenth by itself (999 for "never") would hide the others.
            common = values[counts >= known.size / _BINS]
            rest = known[~np.isin(known, common)]
            tenths = max(2, _BINS - common.size)
            edges = np.unique(np.quantile(rest, np.arange(1, tenths) / tenths))
            number_bins = [_number_bins(part.to_numpy(), common, edges) for part in (before, after)]
            return number_bins[0], number_bins[1]
    # A value is a bin if it has 1 % of the train window; the rest share one. So an e-mail
    # address, different for every lead, is compared by what is missing only.
    shares = before.value_counts(normalize=True, dropna=True)
    kept = shares[shares >= _LEAST_CATEGORY_SHARE].index[:_MOST_CATEGORIES]
    places = [pd.Index(kept).get_indexer(part) for part in (before, after)]
    coded = [
        np.where(part.isna(), 0, np.where(place < 0, 1, place + 2)).astype(np.intp)
        for part, place in zip((before, after), places, strict=True)
    ]
    return coded[0], coded[1]


def _number_bins(values: Floats, common: Floats, edges: Floats) -> NDArray[np.intp]:
    bins = 1 + common.size + np.searchsorted(edges, values, side="left")
    for number, value in enumerate(common, start=1):
        bins[values == value] = number
    bins[np.isnan(values)] = 0
    return np.asarray(bins, dtype=np.intp)
