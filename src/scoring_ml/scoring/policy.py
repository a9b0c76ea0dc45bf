"""The policy: two probabilities, p_warm and p_hot, that give the score its meaning.

They are fitted once, on the blocks of the first learned champion, and stay in force for
every later candidate. That is why a 70 stays a 70.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from scoring_ml.errors import InputError, SchemaError
from scoring_ml.scoring.policy_settings import METHODS, Limits, PolicySettings, policy_settings
from scoring_ml.scoring.scale import HOT, WARM, Scale


@dataclass(frozen=True)
class Policy:
    """Two anchors in log-odds, where they came from, and the volumes they gave.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    wanted, resulting : dict
        Leads of the window that were to be hot and warm, and that are.
    leads : int
        Leads in the window on which the policy was fitted.
    notes : tuple of str
        Why another method was taken, or p_warm lowered.
    version : int
        0 while proposed; from 1 once in force.
    """

    method: str
    logit_warm: float
    logit_hot: float
    wanted: dict[str, int]
    resulting: dict[str, int]
    leads: int
    notes: tuple[str, ...] = ()
    version: int = 0
    created_at: str | None = None
    fitted_on: dict[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> Scale:
        """The scale that these anchors define."""
        return Scale(self.logit_warm, self.logit_hot)

    @property
    def p_warm(self) -> float:
        """Probability at which warm begins."""
        return float(expit(self.logit_warm))

    @property
    def p_hot(self) -> float:
        """Probability at which hot begins."""
        return float(expit(self.logit_hot))

    @property
    def hot_share(self) -> float:
        """Share of hot leads in the window on which the policy was fitted, 0-1."""
        return self.resulting["hot"] / self.leads if self.leads else float("nan")

    def dump(self) -> dict[str, Any]:
        """Return JSON-ready values, with the two probabilities for people."""
        return asdict(self) | {
            "notes": list(self.notes),
            "p_warm": self.p_warm,
            "p_hot": self.p_hot,
            "hot_share": self.hot_share,
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any]) -> Policy:
        """Undo :meth:`dump`."""
        known = {key: content[key] for key in cls.__dataclass_fields__ if key in content}
        return cls(**(known | {"notes": tuple(content.get("notes", ()))}))


@dataclass(frozen=True)
class NoPolicy:
    """Why no policy can be fitted for a candidate: it tells no two leads apart."""

    reason: str


def fit_policy(
    logodds: NDArray[np.float64],
    *,
    matrix_total: NDArray[np.float64],
    mapped_criteria: int,
    weeks: float | None = None,
    method: str | None = None,
    settings: PolicySettings | None = None,
) -> Policy | NoPolicy:
    """Fit the two anchors on a window.

    Parameters
    ----------
    logodds, matrix_total : array of float, shape (n,)
        Calibrated log-odds of the candidate in its known blocks, and the matrix's plain
        totals.
    mapped_criteria : int
        Criteria of the matrix that have a rule.
    weeks : float or None
        Length of the window in weeks, for capacity in leads a week.
    method, settings : str or None, PolicySettings or None
        One of :data:`METHODS`, and what ``models/policy.yaml`` says, unless given.

    Raises
    ------
    SchemaError
        If the settings lack what the method needs.
    """
    settings = settings or policy_settings()
    method = method or settings.method
    if method not in METHODS:
        raise InputError(
            f"A policy's method must be one of {', '.join(METHODS)}",
            found=str(method),
            do="Choose one of them",
        )
    values = np.unique(logodds)
    if len(values) < 2:
        return NoPolicy("every lead has the same probability")
    notes: list[str] = []
    wanted = _volumes(matrix_total, WARM, HOT)
    if method == "match_matrix":
        why = _why_not_match(wanted, len(logodds), mapped_criteria, settings)
        if why:
            notes.append(f"capacity instead of match_matrix: {why}")
            method = "capacity"
    if method in ("economics", "fixed"):
        warm, hot = _given_anchors(method, settings)
        wanted = _volumes(logodds, warm, hot)
    else:
        if method == "capacity":
            wanted = _capacity(len(logodds), weeks, settings)
        hot = _cut(logodds, wanted["hot"])
        warm = _cut(logodds, wanted["hot"] + wanted["warm"])
    lowered = _lower_warm(logodds, values, warm, hot, settings.limits)
    if lowered < warm:
        notes.append(
            f"p_warm lowered from {expit(warm):.4f} to {expit(lowered):.4f} so that the score "
            "neither jumps nor saturates"
        )
    resulting = _volumes(logodds, lowered, hot)
    share = (resulting["hot"] + resulting["warm"]) / len(logodds)
    most = settings.limits.most_hot_and_warm
    if share > most:
        notes.append(
            f"{share:.0%} of the leads are hot or warm, more than {most:.0%}: where so many win, "
            "or probabilities are so alike, the tiers tell little apart"
        )
    return Policy(method, lowered, hot, wanted, resulting, len(logodds), tuple(notes))


def hot_share_alarm(scores: NDArray[np.int64], policy: Policy) -> float | None:
    """Return how many times the policy's hot share these scores show, if beyond the alarm."""
    limit = policy_settings().limits.alarm_hot_share
    if not policy.hot_share > 0 or len(scores) == 0:
        return None
    times = float(np.mean(scores >= HOT)) / policy.hot_share
    return times if times > limit else None


def _why_not_match(
    volumes: dict[str, int], n: int, mapped: int, settings: PolicySettings
) -> str | None:
    rules = settings.match_matrix
    for count, least, what in (
        (mapped, rules.least_criteria, "criteria"),
        (volumes["hot"], rules.least_hot, "hot leads"),
        (volumes["warm"], rules.least_warm, "warm leads"),
    ):
        if count < least:
            return f"the matrix has {count} of the {least} {what} needed"
    share, (low, high) = volumes["hot"] / n, rules.hot_share
    if not low <= share <= high:
        return f"the matrix calls {share:.1%} of the leads hot, outside {low:.0%}-{high:.0%}"
    return None


def _capacity(n: int, weeks: float | None, settings: PolicySettings) -> dict[str, int]:
    rules = vars(settings.capacity)
    wanted = {}
    for name in ("hot", "warm"):
        per_week = rules[f"{name}_per_week"]
        if per_week is None:
            wanted[name] = max(1, round(rules[f"{name}_share"] * n))
        elif weeks is None or not weeks > 0:
            raise SchemaError(
                f"capacity.{name}_per_week needs data with dates",
                found="none",
                do=f"Give capacity.{name}_share instead",
            )
        else:
            wanted[name] = max(1, round(per_week * weeks))
    return wanted


def _given_anchors(method: str, settings: PolicySettings) -> tuple[float, float]:
    rules = vars(getattr(settings, method))
    missing = [name for name, value in rules.items() if value is None]
    if missing:
        raise SchemaError(
            f"A policy by {method} needs {', '.join(rules)}",
            found=f"no {missing[0]}",
            do="Give it in the policy's settings",
        )
    if method == "economics":
        p_warm = rules["cost_of_first_call"] / rules["margin_per_win"]
        p_hot = rules["cost_of_sales_process"] / rules["margin_per_win"]
    else:
        p_warm, p_hot = rules["p_warm"], rules["p_hot"]
    if not 0 < p_warm < p_hot < 1:
        raise SchemaError(
            "p_warm and p_hot must rise between 0 and 1",
            found=f"p_warm {p_warm:.4g}, p_hot {p_hot:.4g}",
            do="Correct the policy's settings",
        )
    return float(logit(p_warm)), float(logit(p_hot))


def _cut(logodds: NDArray[np.float64], wanted: int) -> float:
    """Return the anchor, midway between neighbouring distinct values, nearest in volume."""
    values, counts = np.unique(logodds, return_counts=True)
    above = np.cumsum(counts[::-1])[::-1][1:]  # leads at or above values[1:]
    nearest = int(np.argmin(np.abs(above - wanted)))
    return float(0.5 * (values[nearest] + values[nearest + 1]))


def _lower_warm(
    logodds: NDArray[np.float64],
    values: NDArray[np.float64],
    warm: float,
    hot: float,
    limits: Limits,
) -> float:
    """Lower p_warm until the anchors are far enough apart and few leads show 0 or 100."""
    least = limits.least_logodds_apart
    # Width at or below which a lead shows 100 (score >= 99.5) or 0 (score < 0.5).
    distance = logodds - hot
    critical = np.where(distance > 0, distance * 20 / 30, -distance * 20 / 69)
    allowed = int(np.floor(limits.most_saturated * len(logodds)))
    widest = np.sort(critical)[::-1]
    needed = float(widest[allowed]) if allowed < len(widest) else 0.0
    width = max(hot - warm, least, needed * (1 + 1e-9) + 1e-12)
    if width == hot - warm:
        return warm
    target = hot - width
    middles = 0.5 * (values[1:] + values[:-1])
    below = middles[middles <= target]
    return float(below[-1]) if len(below) else float(target)


def _volumes(logodds: NDArray[np.float64], warm: float, hot: float) -> dict[str, int]:
    return {
        "hot": int(np.sum(logodds >= hot)),
        "warm": int(np.sum((logodds >= warm) & (logodds < hot))),
    }
