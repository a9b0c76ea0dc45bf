"""Rolling origin: leads are only learned from, then predicted block by block, oldest first.

Leads are put in order. The oldest 40 % are only learned from; the next 40 % are four blocks, each
predicted by what was fitted on leads known before it; the newest 20 % only report. Three rules keep
the future out:

* leads of one moment are never split over two windows: a cut lies between two distinct moments;
* where leads have dates, what is fitted, calibrated or chosen at a cut-off rests on labels that
  were known then: a lead needs ``as_of + gap <= cut-off``. The gap is the age at which an outcome
  is final, or a day. A lead that is too new for one cut-off is learned from at the next;
* a lead too young for its outcome to be final is neither won nor lost: it is open, scored and
  never trained on, whatever its label says today.

Only where nothing puts the leads in order is the split random (stratified, seeded), and then a
warning says what that does to every number after it.
:mod:`scoring_ml.evaluation.window_checks` proves from the result alone, by other means, that
nothing leaked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from scoring_ml.errors import TrainingRefused
from scoring_ml.evaluation.windows import (
    NO_PLACE,
    ROLLING,
    ForecastOrigin,
    Plan,
    Rows,
    Times,
    Windows,
    WindowWarning,
)
from scoring_ml.statistics.proportions import FEW_OUTCOMES
from scoring_ml.statistics.samples import Floats

OrderBy = Literal["time", "number", "row", "none"]
Params = dict[str, str | int | float]

DEFAULT_GAP_DAYS: Final = 1.0
"""Days between windows where neither a gap nor a final age is given."""

_DAY: Final = 86_400_000_000.0  # microseconds


def split_windows(
    *,
    by: OrderBy,
    position: Floats,
    as_of: Times | None,
    label: Floats,
    mature_after_days: float | None,
    gap_days: float | None,
    extracted_at: np.datetime64 | None = None,
    plan: Plan = ROLLING,
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
        Days until a label counts as known. The larger of this and ``mature_after_days`` holds;
        without both, :data:`DEFAULT_GAP_DAYS`. No gap without dates.
    extracted_at : datetime64, optional
        When the file was written; the newest ``as_of`` if not given.
    plan : Plan
    seed : int
        For a random split only.

    Returns
    -------
    Windows

    Raises
    ------
    TrainingRefused
        If no outcome is known, if the order has too few distinct moments for three windows, if
        the gap asked for leaves nothing to learn from, or if that holds one class only.
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
    if by == "none":
        keys = _random_order(label, seed)
    usable = np.flatnonzero(labelled & ~immature & ~np.isnan(keys))
    if usable.size == 0:
        raise TrainingRefused(
            "Some leads must have a known, final outcome",
            found=f"none among {label.size} leads ({int(immature.sum())} are too young)",
            do="Give leads that are won or lost, or a smaller mature_after_days",
        )
    lost = labelled & ~immature & np.isnan(keys)
    warnings: list[WindowWarning] = []
    if mature_after_days is not None and immature.any():
        count = int(immature.sum())
        warnings.append(
            WindowWarning("immature_leads", {"leads": count, "days": mature_after_days})
        )
    usable = usable[np.argsort(keys[usable], kind="stable")]
    ordered, won = keys[usable], label[usable]
    dated = as_of is not None and by != "none"
    begins, gap = _begins_with_gap(ordered, won, mature_after_days, gap_days, plan, dated=dated)
    known = [_known_before(ordered, begin, gap) for begin in begins]
    if dated and gap == 0 and gap_days is None:
        warnings.append(WindowWarning("no_gap", {"days": DEFAULT_GAP_DAYS}))
    if by == "none":
        warnings.append(WindowWarning("random_split"))
    ends = [*begins[1:], usable.size]
    parts = [usable[begin:end] for begin, end in zip(begins, ends, strict=True)]
    first = begins[0]
    origins = tuple(
        ForecastOrigin(
            fit=usable[: known[place if plan.rolling else 0]],
            known=usable[first : max(first, known[place])],
            predicted=part,
        )
        for place, part in enumerate(parts)
    )
    train, blocks, test = usable[:first], tuple(parts[:-1]), parts[-1]
    rows = {"train": train, "calibrate": np.concatenate(blocks), "test": test}
    warnings += _uneven(rows, plan) + _outcome_warnings(label, rows, origins)
    shown = position if as_of is None else as_of
    return Windows(
        train=train,
        blocks=blocks,
        test=test,
        open=np.flatnonzero(~labelled | immature),
        unused={NO_PLACE: np.flatnonzero(lost)} if lost.any() else {},
        boundaries={}
        if by == "none"
        else {name: (shown[part[0]], shown[part[-1]]) for name, part in rows.items()},
        origins=origins,
        mature=usable,
        random=by == "none",
        gap_days=gap / _DAY,
        final_labels=mature_after_days is None,
        immature=np.flatnonzero(immature),
        rolling=plan.rolling,
        warnings=tuple(warnings),
    )


def _microseconds(when: Times | np.datetime64) -> Floats:
    """Return microseconds since 1970, exact from 1685 to 2255; NaN for an unknown moment."""
    moments = np.asarray(when, dtype="datetime64[us]")
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))


def _random_order(label: Floats, seed: int) -> Floats:
    """Return random places in an order that holds wins evenly."""
    rng = np.random.default_rng(seed)
    keys = np.full(label.size, np.nan)
    for value in (0.0, 1.0):
        rows = np.flatnonzero(label == value)
        keys[rows] = (rng.permutation(rows.size) + rng.uniform(size=rows.size)) / max(1, rows.size)
    return keys


def _begins_with_gap(
    keys: Floats,
    won: Floats,
    mature_after_days: float | None,
    gap_days: float | None,
    plan: Plan,
    *,
    dated: bool,
) -> tuple[list[int], float]:
    """Return where each block and the test window begin, and the gap in microseconds."""
    wanted = [days for days in (mature_after_days, gap_days) if days is not None]
    gap = float(round(_DAY * max(wanted, default=DEFAULT_GAP_DAYS))) if dated else 0.0
    begins = _begins(keys, won, gap, plan)
    if begins is None and not wanted:
        # Nobody asked for the day: a file of a few hours is cut without it, and says so.
        gap = 0.0
        begins = _begins(keys, won, gap, plan)
    if begins is None:
        raise TrainingRefused(
            "Leads of known outcome must span more than two gaps between windows",
            found=f"a gap of {gap / _DAY:g} days, which takes all leads of a window",
            do="Give older leads, or a smaller mature_after_days or gap_days",
        )
    return begins, gap


def _begins(keys: Floats, won: Floats, gap: float, plan: Plan) -> list[int] | None:
    """Return where blocks and test window begin among rows in order.

    ``None`` if wherever the first block begins, nothing is known before it or nothing of it
    before the test window.
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
    test = int(candidates[np.argmin(np.abs(candidates - (1 - plan.test) * n))])
    firsts = starts[starts < test]
    # What a gap takes comes off both sides: the first block begins where the smaller of what is
    # known before it and of what is known of blocks at the end is largest, against their shares.
    before = np.minimum(np.searchsorted(keys, keys[firsts] - gap, side="right"), firsts)
    after = np.maximum(_known_before(keys, test, gap) - firsts, 0)
    left = np.minimum(before / plan.train, after / plan.calibrate)
    best = int(np.argmax(left))
    if left[best] == 0:
        return None
    first = int(firsts[best])
    wins = int(won[first:test].sum())
    blocks = max(1, min(plan.blocks, min(wins, test - first - wins) // FEW_OUTCOMES))
    inner = starts[(starts > first) & (starts < test)]
    wanted = first + (test - first) * np.arange(1, blocks) / blocks
    near = [int(inner[np.argmin(np.abs(inner - place))]) for place in wanted] if inner.size else []
    return sorted({first, *near, test})


def _known_before(keys: Floats, begin: int, gap: float) -> int:
    """Return how many rows in order are known when the window that begins at a row begins."""
    return min(int(np.searchsorted(keys, keys[begin] - gap, side="right")), begin)


def _uneven(rows: Mapping[str, Rows], plan: Plan) -> list[WindowWarning]:
    """Warn where the test window is far from its share, which only a coarse order does."""
    sizes = {name: len(part) for name, part in rows.items()}
    if abs(sizes["test"] / sum(sizes.values()) - plan.test) <= 0.1:
        return []
    return [WindowWarning("uneven_windows", sizes)]


def _outcome_warnings(
    label: Floats, rows: Mapping[str, Rows], origins: tuple[ForecastOrigin, ...]
) -> list[WindowWarning]:
    found = []
    learned = label[origins[-1].fit]
    wins, lost = int(learned.sum()), int(len(learned) - learned.sum())
    if min(wins, lost) == 0:
        raise TrainingRefused(
            "What is learned from must hold leads that were won and leads that were lost",
            found=f"{wins} won and {lost} lost among {len(learned)} leads that were known before "
            "the newest window",
            do="Give more leads, or check which values of the target mean won and lost",
        )
    for name, part in rows.items():
        wins = int(label[part].sum())
        lost = len(part) - wins
        if min(wins, lost) == 0:
            found.append(WindowWarning("one_class", {"window": name, "wins": wins, "lost": lost}))
        elif min(wins, lost) < FEW_OUTCOMES:
            params: Params = {"window": name, "wins": wins, "lost": lost}
            found.append(WindowWarning("few_outcomes", params))
    return found
