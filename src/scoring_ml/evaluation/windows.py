"""Windows of leads in order of time, and what is known at each cut-off between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Times = NDArray[np.datetime64]

NAMES: Final = ("train", "calibrate", "test")
"""The windows, oldest first; ``calibrate`` is all blocks."""

NO_PLACE: Final = "no place in the order"


@dataclass(frozen=True)
class Plan:
    """How leads are cut.

    Parameters
    ----------
    train, calibrate, test : float
        Shares of the leads in order of time.
    blocks : int
        Most blocks of the window ``calibrate``.
    rolling : bool
        Whether candidates are fitted again before each block and the test window; else once,
        before the first block.
    """

    train: float = 0.4
    calibrate: float = 0.4
    test: float = 0.2
    blocks: int = 4
    rolling: bool = True


ROLLING: Final = Plan()
SINGLE: Final = Plan(0.6, 0.2, 0.2, blocks=1, rolling=False)
"""One split: fitted once on the oldest 60 %."""


@dataclass(frozen=True)
class WindowWarning:
    """Something about the windows that a reader of any later number must know.

    Parameters
    ----------
    code : str
        ``random_split``, ``one_class``, ``few_outcomes``, ``no_gap``, ``short_gap``,
        ``uneven_windows`` or ``immature_leads``; the text is in the message catalogue under
        ``windows.<code>``.
    params : mapping
        Names and numbers that the text shows.
    """

    code: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class ForecastOrigin:
    """What is known at a cut-off, and what is predicted from there.

    Parameters
    ----------
    fit : array of int
        Rows of known label that are learned from, oldest lead first.
    known : array of int
        Rows predicted at earlier cut-offs whose label is known at this one: what calibration and
        choice may rest on.
    predicted : array of int
        Rows of the next block, at every age at or after the cut-off.
    """

    fit: Rows
    known: Rows
    predicted: Rows


@dataclass(frozen=True)
class Windows:
    """Row numbers of each window; every row of the input is in exactly one place.

    Parameters
    ----------
    train : array of int
        The oldest leads, each once, oldest first: only learned from.
    blocks : tuple of array of int
        Leads that are predicted and later learned from, each once.
    test : array of int
        The newest leads, each once: they only report.
    open : array of int
        Rows without a final outcome: scored, never trained on.
    unused : mapping of str to array of int
        Reason -> rows of known outcome that no window may hold.
    boundaries : mapping of str to (first, last)
        Smallest and largest position (``as_of`` where there are dates) in each window; no entry
        for a random split.
    origins : tuple of ForecastOrigin
        One before each block, then one before the test window.
    mature : array of int
        Every row that may be learned from: those of all windows, at every age, oldest lead first.
    random : bool
        Whether the split is random.
    gap_days : float
        Days until a label counts as known; 0 without dates.
    final_labels : bool
        Whether labels are taken as final without a check of age.
    immature : array of int
        Those of ``open`` that bear a label which is not final yet.
    rolling : bool
        Whether candidates are fitted again at each origin.
    warnings : tuple of WindowWarning
    ages : mapping of float to array of int
        Age in days -> rows of the test window's leads at that age, by which slices are judged;
        empty where each row is a lead.
    """

    train: Rows
    blocks: tuple[Rows, ...]
    test: Rows
    open: Rows
    unused: Mapping[str, Rows]
    boundaries: Mapping[str, tuple[float | np.datetime64, float | np.datetime64]]
    origins: tuple[ForecastOrigin, ...]
    mature: Rows
    random: bool
    gap_days: float
    final_labels: bool
    immature: Rows
    rolling: bool = True
    warnings: tuple[WindowWarning, ...] = ()
    ages: Mapping[float, Rows] = field(default_factory=dict)

    @property
    def calibrate(self) -> Rows:
        """The leads of all blocks, each once."""
        return np.concatenate(self.blocks)

    @property
    def fit(self) -> Rows:
        """Rows that the candidates learn from which the test window judges."""
        return self.origins[-1].fit

    @property
    def learned_leads(self) -> Rows:
        """The leads of :attr:`fit`, each once."""
        earlier = np.concatenate([self.train, *self.blocks])
        return np.asarray(earlier[np.isin(earlier, self.fit)])

    @property
    def leads(self) -> Rows:
        """The leads of all windows, each once, oldest first."""
        return np.concatenate([self.train, *self.blocks, self.test])

    def __getitem__(self, name: str) -> Rows:
        """Return the rows of the window of that name.

        Raises
        ------
        KeyError
            If ``name`` is not ``train``, ``calibrate``, ``test`` or ``open``.
        """
        rows = {"train": self.train, "calibrate": self.calibrate, "test": self.test}
        return (rows | {"open": self.open})[name]
