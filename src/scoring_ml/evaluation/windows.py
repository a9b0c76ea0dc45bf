"""Train, calibrate, test: three windows that follow one another in time.

Leads are put in order, the newest 20 % become the test window, and the rest is cut so that train
and calibrate stand at 3 to 1. Three rules keep the future out:

* leads of one moment are never split over two windows: a cut lies between two distinct moments;
* where leads have dates, every label used in a window is known before the next window's first
  ``as_of``: a lead needs ``as_of + gap <= first as_of of the next window``, else it is left out
  ("gap between windows"). The gap is the age at which an outcome is final, or a day;
* a lead too young for its outcome to be final is neither won nor lost: it is open, scored and
  never trained on, whatever its label says today.

Only where nothing puts the leads in order is the split random (stratified, seeded), and then a
warning says what that does to every number after it. :func:`check_windows` proves from the
result alone, by other means, that nothing leaked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring_ml.errors import TrainingRefused
from scoring_ml.statistics.proportions import FEW_OUTCOMES
from scoring_ml.statistics.samples import Floats

OrderBy = Literal["time", "number", "row", "none"]
Rows = NDArray[np.intp]
Times = NDArray[np.datetime64]
Params = dict[str, str | int | float]
Cuts = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

NAMES: Final = ("train", "calibrate", "test")
"""The windows, oldest first."""

GAP: Final = "gap between windows"
NO_PLACE: Final = "no place in the order"

DEFAULT_GAP_DAYS: Final = 1.0
"""Days between windows where neither a gap nor a final age is given."""

_DAY: Final = 86_400_000_000.0  # microseconds


@dataclass(frozen=True)
class WindowWarning:
    """Something about the windows that a reader of any later number must know.

    Parameters
    ----------
    code : str
        ``random_split``, ``one_class``, ``empty_window``, ``few_outcomes``, ``large_gap``,
        ``no_gap``, ``short_gap``, ``uneven_windows`` or ``immature_leads``; the text is in the
        message catalogue under ``windows.<code>``.
    params : mapping
        Names and numbers that the text shows.
    """

    code: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Windows:
    """Row numbers of each window; every row of the input is in exactly one place.

    Parameters
    ----------
    train, calibrate, test : array of int
        Rows of known, final outcome, each in falling age (oldest first).
    open : array of int
        Rows without a final outcome: scored, never trained on.
    unused : mapping of str to array of int
        Reason -> rows of known outcome that no window may hold.
    boundaries : mapping of str to (first, last)
        Smallest and largest position (``as_of`` where there are dates) in each window that is
        not empty; no entry for a random split.
    random : bool
        Whether the split is random.
    gap_days : float
        Days between windows; 0 without dates.
    final_labels : bool
        Whether labels are taken as final without a check of age.
    immature : array of int
        Those of ``open`` that bear a label which is not final yet.
    warnings : tuple of WindowWarning
    every_age : array of int or None
        Where leads are seen at several ages: the rows of the train window's leads that are
        learned from. ``None`` where each row is a lead.
    ages : mapping of float to array of int
        Age in days -> rows of the test window's leads at that age, by which slices are judged;
        empty where each row is a lead.
    """

    train: Rows
    calibrate: Rows
    test: Rows
    open: Rows
    unused: Mapping[str, Rows]
    boundaries: Mapping[str, tuple[float | np.datetime64, float | np.datetime64]]
    random: bool
    gap_days: float
    final_labels: bool
    immature: Rows
    warnings: tuple[WindowWarning, ...] = ()
    every_age: Rows | None = None
    ages: Mapping[float, Rows] = field(default_factory=dict)

    @property
    def fit(self) -> Rows:
        """Rows that estimators learn from: those of ``train``, at every age where there are any."""
        return self.train if self.every_age is None else self.every_age

    def __getitem__(self, name: str) -> Rows:
        """Return the rows of the window of that name.

        Raises
        ------
        KeyError
            If ``name`` is not ``train``, ``calibrate``, ``test`` or ``open``.
        """
        rows = {"train": self.train, "calibrate": self.calibrate, "test": self.test}
        return (rows | {"open": self.open})[name]


def split_windows(
    *,
    by: OrderBy,
    position: Floats,
    as_of: Times | None,
    label: Floats,
    mature_after_days: float | None,
    gap_days: float | None,
    extracted_at: np.datetime64 | None = None,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
) -> Windows:
    """Cut leads into windows by time.

    Parameters
    ----------
    by : {"time", "number", "row", "none"}
        What puts the leads in order; ``none`` for nothing at all.
    position : array of shape (n,)
        Order key, rising from old to new; NaN for a lead without a place. Ignored where
        ``as_of`` is given (dates are then the order) and for ``none``.
    as_of : datetime64 array of shape (n,) or None
        Moment at which each lead is looked at; NaT where unknown. Needed for ``time``.
    label : array of shape (n,)
        1 won, 0 lost, NaN open.
    mature_after_days : float or None
        Age in days at which an outcome is final; needs ``as_of``.
    gap_days : float or None
        Days between windows. The larger of this and ``mature_after_days`` holds; without both,
        :data:`DEFAULT_GAP_DAYS`. No gap without dates.
    extracted_at : datetime64, optional
        When the file was written; the newest ``as_of`` if not given.
    shares : (float, float, float)
        Train, calibrate, test, as shares of the leads that the windows hold.
    seed : int
        For a random split only.

    Returns
    -------
    Windows

    Raises
    ------
    TrainingRefused
        If no outcome is known, if the order has too few distinct moments for three windows, if
        the gap asked for leaves a window empty, or if the train window holds one class only.
    ValueError
        If ``by`` is ``time``, or ``mature_after_days`` is given, without ``as_of``.
    """
    if as_of is None and (by == "time" or mature_after_days is not None):
        raise ValueError("as_of must be given where leads are ordered by time or must mature.")
    keys = position.astype(np.float64) if as_of is None else _microseconds(as_of)
    labelled = ~np.isnan(label)
    immature = np.zeros(label.size, dtype=bool)
    if as_of is not None and mature_after_days is not None and not np.isnan(keys).all():
        extracted = np.nanmax(keys) if extracted_at is None else _microseconds(extracted_at)
        immature = labelled & (keys + round(_DAY * mature_after_days) > extracted)
    placed = np.ones(label.size, dtype=bool) if by == "none" else ~np.isnan(keys)
    usable = np.flatnonzero(labelled & ~immature & placed)
    if usable.size == 0:
        raise TrainingRefused(
            "Some leads must have a known, final outcome",
            found=f"none among {label.size} leads ({int(immature.sum())} are too young)",
            do="Give leads that are won or lost, or a smaller mature_after_days",
        )
    lost = labelled & ~immature & ~placed
    unused = {NO_PLACE: np.flatnonzero(lost)} if lost.any() else {}
    warnings: list[WindowWarning] = []
    if mature_after_days is not None and immature.any():
        count = int(immature.sum())
        warnings.append(
            WindowWarning("immature_leads", {"leads": count, "days": mature_after_days})
        )
    boundaries = {}
    gap_used = 0.0
    if by == "none":
        parts = _random_parts(label[usable], shares, seed)
        rows = {name: usable[part] for name, part in zip(NAMES, parts, strict=True)}
        warnings.append(WindowWarning("random_split"))
    else:
        usable = usable[np.argsort(keys[usable], kind="stable")]
        cuts, gap_used = _cuts_with_gap(
            keys[usable], mature_after_days, gap_days, shares, dated=as_of is not None
        )
        if as_of is not None and gap_used == 0 and gap_days is None:
            warnings.append(WindowWarning("no_gap", {"days": DEFAULT_GAP_DAYS}))
        rows = {name: usable[slice(*cut)] for name, cut in zip(NAMES, cuts, strict=True)}
        left_out = np.ones(usable.size, dtype=bool)
        for first, last in cuts:
            left_out[first:last] = False
        if left_out.any():
            unused[GAP] = np.sort(usable[left_out])
        warnings += _gap_warnings(cuts) + _uneven(cuts, shares)
        shown = position if as_of is None else as_of
        boundaries = {
            name: (shown[part[0]], shown[part[-1]]) for name, part in rows.items() if part.size
        }
    warnings += _outcome_warnings({name: label[part] for name, part in rows.items()})
    return Windows(
        train=rows["train"],
        calibrate=rows["calibrate"],
        test=rows["test"],
        open=np.flatnonzero(~labelled | immature),
        unused=unused,
        boundaries=boundaries,
        random=by == "none",
        gap_days=gap_used,
        final_labels=mature_after_days is None,
        immature=np.flatnonzero(immature),
        warnings=tuple(warnings),
    )


def _microseconds(when: Times | np.datetime64) -> Floats:
    """Return microseconds since 1970, exact from 1685 to 2255; NaN for an unknown moment."""
    moments = np.asarray(when, dtype="datetime64[us]")
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))


def _cuts_with_gap(
    keys: Floats,
    mature_after_days: float | None,
    gap_days: float | None,
    shares: tuple[float, float, float],
    *,
    dated: bool,
) -> tuple[Cuts, float]:
    """Return the cuts, and the days of the gap between them."""
    wanted = [days for days in (mature_after_days, gap_days) if days is not None]
    gap = max(wanted, default=DEFAULT_GAP_DAYS) if dated else 0.0
    cuts = _cuts(keys, round(_DAY * gap) if dated else None, shares)
    if cuts is None and not wanted:
        # Nobody asked for the day: a file of a few hours is cut without it, and says so.
        gap = 0.0
        cuts = _cuts(keys, None, shares)
    if cuts is None:
        raise TrainingRefused(
            "Leads of known outcome must span more than two gaps between windows",
            found=f"a gap of {gap:g} days, which takes all leads of a window",
            do="Give older leads, or a smaller mature_after_days or gap_days",
        )
    return cuts, gap


def _cuts(keys: Floats, gap: float | None, shares: tuple[float, float, float]) -> Cuts | None:
    """Return where each window begins and ends among rows in order.

    ``None`` if the gap leaves train or calibrate empty wherever the cut is made.
    """
    n = keys.size
    starts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    if starts.size < 2:
        raise TrainingRefused(
            "Leads must lie at three distinct moments or more, to be cut into three windows",
            found=f"{starts.size + 1} distinct among {n} leads of known outcome",
            do="Order by something finer, or set order.by to none for a random split",
        )
    # The newest window first: the later windows decide what the earlier ones may know.
    candidates = starts[1:]
    test = int(candidates[np.argmin(np.abs(candidates - (1 - shares[2]) * n))])
    begins = starts[starts < test]
    if gap is None:
        calibrate_end, train_ends = test, begins
    else:
        calibrate_end = int(np.searchsorted(keys, keys[test] - gap, side="right"))
        train_ends = np.searchsorted(keys, keys[begins] - gap, side="right")
        calibrate_end = min(calibrate_end, test)
    train_ends = np.minimum(train_ends, begins)
    # What a gap takes comes off both sides, so the shares are those of what is left: the cut is
    # the one that leaves the smaller of the two windows largest, each against its share.
    calibrated = np.maximum(calibrate_end - begins, 0)
    left = np.minimum(train_ends / shares[0], calibrated / shares[1])
    best = int(np.argmax(left))
    if left[best] == 0:
        return None
    return (0, int(train_ends[best])), (int(begins[best]), calibrate_end), (test, n)


def _random_parts(
    label: Floats, shares: tuple[float, float, float], seed: int
) -> tuple[Rows, Rows, Rows]:
    rng = np.random.default_rng(seed)
    parts: tuple[list[Rows], list[Rows], list[Rows]] = ([], [], [])
    for value in (0.0, 1.0):
        mixed = rng.permutation(np.flatnonzero(label == value))
        ends = np.round(np.cumsum(shares)[:2] * mixed.size).astype(int)
        for part, rows in zip(parts, np.split(mixed, ends), strict=True):
            part.append(rows)
    train, calibrate, test = (np.sort(np.concatenate(part)) for part in parts)
    return train, calibrate, test


def _gap_warnings(cuts: Cuts) -> list[WindowWarning]:
    found = []
    for name, (first, last), (following, _) in zip(NAMES, cuts[:2], cuts[1:], strict=False):
        taken = following - last
        if taken > 0.5 * (following - first):
            params: Params = {"window": name, "taken": taken, "leads": following - first}
            found.append(WindowWarning("large_gap", params))
    return found


def _uneven(cuts: Cuts, shares: tuple[float, float, float]) -> list[WindowWarning]:
    sizes = np.array([last - first for first, last in cuts])
    got = sizes / sizes.sum()
    if np.abs(got - shares).max() <= 0.1:
        return []
    return [WindowWarning("uneven_windows", dict(zip(NAMES, map(int, sizes), strict=True)))]


def _outcome_warnings(labels: Mapping[str, Floats]) -> list[WindowWarning]:
    found = []
    for name, label in labels.items():
        wins = int(label.sum())
        lost = label.size - wins
        params: Params = {"window": name, "wins": wins, "lost": lost}
        if name == "train" and min(wins, lost) == 0:
            raise TrainingRefused(
                "The train window must hold leads that were won and leads that were lost",
                found=f"{wins} won and {lost} lost among its {label.size} leads",
                do="Give more leads, or check which values of the target mean won and lost",
            )
        if label.size == 0:
            found.append(WindowWarning("empty_window", {"window": name}))
        elif min(wins, lost) == 0:
            found.append(WindowWarning("one_class", params))
        elif min(wins, lost) < FEW_OUTCOMES:
            found.append(WindowWarning("few_outcomes", params))
    return found
