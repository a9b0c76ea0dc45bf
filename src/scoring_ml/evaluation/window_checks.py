"""Proof that no window saw what came after it, from the windows alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring_ml.errors import ScoringError
from scoring_ml.evaluation.windows import Floats, OrderBy, Times, Windows


def check_windows(
    windows: Windows,
    *,
    by: OrderBy,
    position: Floats,
    as_of: Times | None,
    label: Floats,
    mature_after_days: float | None,
    gap_days: float | None,
    extracted_at: np.datetime64 | None = None,
) -> None:
    """Prove from the result that no window saw what came after it.

    Written apart from :func:`~scoring_ml.evaluation.windows.split_windows`, and from its inputs
    only: it walks over the rows, never over cuts.

    Raises
    ------
    ScoringError
        If a row is in two places or in none, a label in a window is open or not final, or a
        label was not known before the first ``as_of`` of a later window.
    """
    places = [windows.train, windows.calibrate, windows.test, windows.open]
    counted = np.bincount(
        np.concatenate([*places, *windows.unused.values()]).astype(np.intp), minlength=label.size
    )
    must_hold("Every lead must be in exactly one place", counted != 1)
    held = np.concatenate(places[:3])
    must_hold("Every lead in a window must be won or lost", ~np.isin(label[held], (0.0, 1.0)))
    asked = [days for days in (mature_after_days, gap_days) if days is not None]
    days = max(asked, default=windows.gap_days)
    span = np.timedelta64(round(days * 86_400 * 1_000_000), "us")
    if as_of is not None and mature_after_days is not None:
        end = as_of[~np.isnat(as_of)].max() if extracted_at is None else extracted_at
        age = np.timedelta64(round(mature_after_days * 86_400 * 1_000_000), "us")
        must_hold("Every label in a window must be final", end - as_of[held] < age)
    if by == "none":
        return
    for i, earlier in enumerate(places[:2]):
        for later in places[i + 1 : 3]:
            if not (earlier.size and later.size):
                continue
            if as_of is None:
                late = ~(position[earlier] < position[later].min())
                must_hold("Every lead of a window must come before the next window", late)
            else:
                late = ~(as_of[later].min() - as_of[earlier] >= span)
                must_hold("Every label must be known before the next window begins", late)
                must_hold("No moment may be split", np.isin(as_of[earlier], as_of[later]))


def must_hold(must: str, broken: NDArray[np.bool_]) -> None:
    """Raise if a rule that the windows must keep is broken anywhere.

    Raises
    ------
    ScoringError
        With the rule and the number of places.
    """
    if broken.any():
        raise ScoringError(
            f"{must}. Found: {int(broken.sum())} that do not. "
            "Please report this: the windows are wrong, and nothing was trained on them."
        )
