"""The verdict on a comparison, in sentences that salespeople and data scientists both read.

The verdict is a list of message codes with their numbers; the words stand in the message
catalogue under ``verdict`` and ``windows``, so that the same verdict can be told in another
language later. Nothing is claimed that an interval does not support: where an interval holds
"no difference", the sentence says that the difference could be chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from scoring_ml.evaluation.choice import BlockReport
from scoring_ml.evaluation.drift import DriftReport
from scoring_ml.evaluation.intervals import Comparison
from scoring_ml.evaluation.slices import BY_ACCOUNT, BY_AGE, Slice
from scoring_ml.evaluation.windows import WindowWarning
from scoring_ml.statistics.interval import Interval
from scoring_ml.texts import Catalogue
from scoring_ml.texts.sentences import Sentence, tell

VOLUME_METRIC: Final = "wins_per_100"
"""Metric of the comparison at the matrix's own volume."""

SLOPE_NEAR: Final = (0.8, 1.25)
"""Calibration slopes that are near enough to 1 for daily use."""

SLOPE_JUDGED: Final = (0.5, 2.0)
"""An interval that reaches beyond these is too wide to judge the slope by."""

WINS_NEAR: Final = 0.1
"""Relative distance of expected from actual wins that is near enough for daily use."""

FIELDS_NAMED: Final = 5
"""Most moved fields that the verdict names."""


@dataclass(frozen=True)
class Evidence:
    """All that the verdict rests on; every number is of the test window.

    Parameters
    ----------
    chosen : str
        Kind of the chosen candidate. It was chosen on the blocks before.
    comparison : Comparison
        Metrics and paired differences of all candidates, with ``wins_per_100`` at the matrix's
        own volume.
    handed_over : int
        Leads to which the matrix gives 70 points or more.
    matrix_mapped : bool
        Whether the matrix has a rule for any criterion.
    drift : DriftReport
    expected_wins : Interval or None
        Of the chosen candidate, from :func:`~scoring_ml.statistics.proportions.expected_wins`;
        ``None`` without probabilities.
    random_split : bool
        Whether nothing put the leads in order of time.
    order_doubted : bool
        Whether something speaks against the order of time.
    final_labels : bool
        Whether outcomes were taken as final without a check of age.
    warnings : sequence of WindowWarning
    titles : mapping of str to str
        Field name -> name for people; a field without one goes by its own name.
    baseline : str
        Kind of the hand-built matrix.
    calibration_problem : str or None
        Why the chosen candidate has no probability, as in
        :class:`~scoring_ml.estimators.calibration.Calibration`.
    slices : sequence of Slice
        The chosen candidate at other ages and on new accounts; empty where each row is a lead.
    blocks : sequence of BlockReport
        What was promised block by block, and what came.
    fitted_again : int
        Leads on which what is registered was fitted again; 0 where it was not.
    """

    chosen: str
    comparison: Comparison
    handed_over: int
    matrix_mapped: bool
    drift: DriftReport
    expected_wins: Interval | None
    random_split: bool
    final_labels: bool
    order_doubted: bool = False
    warnings: Sequence[WindowWarning] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    baseline: str = "matrix"
    calibration_problem: str | None = None
    slices: Sequence[Slice] = ()
    blocks: Sequence[BlockReport] = ()
    fitted_again: int = 0


@dataclass(frozen=True)
class Verdict:
    """The verdict as text, and as what the text was made from.

    Parameters
    ----------
    text : str
        One paragraph.
    sentences : tuple of (str, mapping)
        Key in the message catalogue and its parameters; free of language.
    """

    text: str
    sentences: tuple[Sentence, ...]


def write_verdict(evidence: Evidence, *, catalogue: Catalogue) -> Verdict:
    """Say what the newest window shows, and what it does not.

    In this order: a random split, or an order in doubt; promises that were broken; what the
    chosen model adds over the matrix at equal volume; how it ranks, and how far it is from the
    best candidate; whether its probabilities held; how it does at other ages and on new accounts;
    drift; labels that may still change; warnings about the windows.
    """
    sentences = tuple(_sentences(evidence))
    return Verdict(tell(sentences, catalogue), sentences)


def warning_text(warning: WindowWarning, catalogue: Catalogue) -> str:
    """Return a warning about the windows in the catalogue's language."""
    return tell([(f"windows.{warning.code}", warning.params)], catalogue)


def _sentences(evidence: Evidence) -> Iterator[Sentence]:
    if evidence.random_split:
        yield "verdict.random_split", {}
    elif evidence.order_doubted:
        yield "verdict.order_doubted", {}
    yield from _broken_promises(evidence)
    wins, leads = evidence.comparison.wins, evidence.comparison.leads
    if not 0 < wins < leads:
        yield "verdict.nothing_to_judge", {"n": leads, "wins": wins}
    else:
        judged = "judged_on_random" if evidence.random_split else "judged_on"
        yield f"verdict.{judged}", {"n": leads, "wins": wins}
        yield from _volume(evidence)
        yield from _ranking(evidence)
        yield from _best(evidence)
        yield from _calibration(evidence)
        yield from _ages(evidence)
        yield from _new_accounts(evidence)
    yield from _drift(evidence)
    if evidence.final_labels:
        yield "verdict.final_labels", {}
    for warning in evidence.warnings:
        # A random split has been named first, and louder.
        if warning.code != "random_split":
            yield f"windows.{warning.code}", dict(warning.params)


def _broken_promises(evidence: Evidence) -> Iterator[Sentence]:
    broken = tuple(
        {"number": block.number, "newest": block.newest, "wins": block.wins}
        | {"expected": round(block.promised.value)}
        | {"low": round(block.promised.low), "high": round(block.promised.high)}
        for block in evidence.blocks
        if block.kept is False
    )
    if broken:
        yield "verdict.promises_broken", {"broken": broken}


def _volume(evidence: Evidence) -> Iterator[Sentence]:
    comparison, chosen, matrix = evidence.comparison, evidence.chosen, evidence.baseline
    metrics = comparison.metrics[chosen]
    if chosen == matrix:
        yield "verdict.matrix_chosen", {}
        if not evidence.matrix_mapped:
            yield "verdict.matrix_without_rules", {}
        if evidence.matrix_mapped and evidence.handed_over:
            rate = metrics[VOLUME_METRIC]
            yield (
                "verdict.matrix_rate",
                {"n": evidence.handed_over, "rate": rate.value} | _ends(rate, 1),
            )
    elif not evidence.matrix_mapped or matrix not in comparison.metrics:
        yield "verdict.matrix_unmapped", {"kind": chosen}
        yield from _lift(chosen, metrics["lift_10"])
    elif evidence.handed_over == 0:
        yield "verdict.hands_over_nobody", {}
        yield from _lift(chosen, metrics["lift_10"])
    else:
        model, hand = metrics[VOLUME_METRIC], comparison.metrics[matrix][VOLUME_METRIC]
        gap = comparison.differences[chosen, matrix][VOLUME_METRIC]
        params = {
            "n": evidence.handed_over,
            "kind": chosen,
            "model": model.value,
            "matrix": hand.value,
            "gap": abs(gap.value),
        }
        if not _known(gap):
            yield "verdict.volume_unknown", params
        elif not gap.excludes(0.0):
            yield "verdict.volume_chance", params | _ends(gap, 1)
        elif gap.value > 0:
            yield "verdict.volume_more", params | _ends(gap, 1)
        else:
            yield "verdict.volume_fewer", params | _ends(Interval(0.0, -gap.high, -gap.low), 1)


def _lift(kind: str, lift: Interval) -> Iterator[Sentence]:
    key = "verdict.lift" if lift.low > 1 else "verdict.lift_unclear"
    yield key, {"kind": kind, "lift": lift.value} | _ends(lift, 1)


def _ranking(evidence: Evidence) -> Iterator[Sentence]:
    comparison = evidence.comparison
    auc = comparison.metrics[evidence.chosen]["roc_auc"]
    params = {"kind": evidence.chosen, "auc": round(auc.value, 3)}
    if not _known(auc):
        yield "verdict.auc_unknown", params
        return
    yield "verdict.auc", params | _ends(auc, 3)
    if not auc.low > 0.5:
        yield "verdict.auc_backwards" if auc.high < 0.5 else "verdict.auc_chance", {}


def _best(evidence: Evidence) -> Iterator[Sentence]:
    comparison, chosen = evidence.comparison, evidence.chosen
    others = {
        kind: metrics["roc_auc"].value
        for kind, metrics in comparison.metrics.items()
        if kind != chosen
        and not np.isnan(metrics["roc_auc"].value)
        and (evidence.matrix_mapped or kind != evidence.baseline)
    }
    own = comparison.metrics[chosen]["roc_auc"].value
    if not others or np.isnan(own):
        return
    best = max(others, key=lambda kind: others[kind])
    gap = comparison.differences[best, chosen]["roc_auc"]
    params = {"kind": chosen, "best": best, "auc": round(others[best], 3)}
    if gap.value > 0:
        clear = "better" if gap.low > 0 else "better_chance"
        params |= {"gap": round(gap.value, 3)} | _ends(gap, 3)
    else:
        clear = "first" if gap.high < 0 else "first_chance"
        # From -0.0 to 0: a tie is a gap of nothing.
        params |= {"gap": round(abs(gap.value), 3)}
        params |= _ends(Interval(0.0, -gap.high, -gap.low), 3)
    yield f"verdict.{clear}" if _known(gap) else "verdict.gap_unknown", params
    if evidence.matrix_mapped and chosen != evidence.baseline:
        matrix = comparison.metrics[evidence.baseline]["roc_auc"].value
        if own < matrix:
            yield "verdict.below_matrix", {"kind": chosen, "matrix": round(matrix, 3)}
    yield "verdict.chosen_random" if evidence.random_split else "verdict.chosen_before", {}
    if evidence.fitted_again:
        yield "verdict.fitted_again", {"kind": chosen, "n": evidence.fitted_again}


def _calibration(evidence: Evidence) -> Iterator[Sentence]:
    expected, actual = evidence.expected_wins, evidence.comparison.wins
    if expected is None or np.isnan(expected.value):
        failed = evidence.calibration_problem == "slope_reaches_zero"
        key = "calibration_failed" if failed else "no_probability"
        yield f"verdict.{key}", {"kind": evidence.chosen}
        return
    params: dict[str, Any] = {"n": actual, "expected": round(expected.value)}
    params |= {"low": round(expected.low), "high": round(expected.high)}
    if expected.low <= actual <= expected.high:
        yield "verdict.wins_held", params
    elif abs(actual - expected.value) <= WINS_NEAR * expected.value:
        yield "verdict.wins_near", params
    else:
        yield "verdict.wins_more" if actual > expected.value else "verdict.wins_fewer", params
    metrics = evidence.comparison.metrics[evidence.chosen]
    slope, intercept = metrics["calibration_slope"], metrics["calibration_intercept"]
    params = {"slope": round(slope.value, 2), "intercept": round(intercept.value, 2)}
    yield f"verdict.slope_{_slope(slope)}", params | _ends(slope, 2)


def _slope(slope: Interval) -> str:
    if not _known(slope):
        return "unknown"
    if slope.low <= 0:
        return "backwards" if slope.high < 0 else "flat"
    off = slope.excludes(1.0)
    if off and not SLOPE_NEAR[0] <= slope.value <= SLOPE_NEAR[1]:
        return "too_far_apart" if slope.value < 1 else "too_close"
    if slope.low < SLOPE_JUDGED[0] or slope.high > SLOPE_JUDGED[1]:
        return "wide"
    return "near" if off else "held"


def _ages(evidence: Evidence) -> Iterator[Sentence]:
    at_ages = [part for part in evidence.slices if part.by == BY_AGE]
    headline = next((part for part in at_ages if part.headline), None)
    others = [part for part in at_ages if not part.headline]
    if headline is None:
        return
    ranked = tuple(
        {"days": part.value, "auc": round(part.judged[evidence.chosen].roc_auc.value, 3)}
        for part in others
        if not np.isnan(part.judged[evidence.chosen].roc_auc.value)
    )
    if ranked:
        params = {"kind": evidence.chosen, "headline": headline.value, "ages": ranked}
        yield "verdict.ages", params
    off = tuple(found for part in others if (found := _off(part, evidence.chosen)))
    if off:
        yield "verdict.ages_off", {"ages_off": off}


def _off(part: Slice, kind: str) -> dict[str, Any] | None:
    """Return what probabilities promised, if wins were off by more than chance and a tenth."""
    promised = part.judged[kind].promised
    near = abs(part.wins - promised.value) <= WINS_NEAR * promised.value
    if near or not (part.wins < promised.low or part.wins > promised.high):
        return None
    return {
        "days": part.value,
        "wins": part.wins,
        "expected": round(promised.value),
        "low": round(promised.low),
        "high": round(promised.high),
    }


def _new_accounts(evidence: Evidence) -> Iterator[Sentence]:
    part = next((part for part in evidence.slices if part.by == BY_ACCOUNT), None)
    if part is None or part.leads == evidence.comparison.leads:
        return
    auc = part.judged[evidence.chosen].roc_auc
    params = {"n": part.leads, "wins": part.wins}
    if part.leads == 0:
        yield "verdict.no_new_accounts", {}
    elif _known(auc):
        yield "verdict.new_accounts", params | {"auc": round(auc.value, 3)} | _ends(auc, 3)
    else:
        yield "verdict.new_accounts_unknown", params


def _drift(evidence: Evidence) -> Iterator[Sentence]:
    drift = evidence.drift
    if drift.base_rate_moved:
        newest = drift.base_rates["test"]
        earlier = {name: rate.share for name, rate in drift.base_rates.items() if name != "test"}
        params = earlier | {"test": newest.share, "low": newest.low, "high": newest.high}
        yield "verdict.base_rate_moved", params
    moved = drift.fields_moved
    if moved:
        named = tuple(evidence.titles.get(name, name) for name in moved[:FIELDS_NAMED])
        more = len(moved) - len(named)
        found: dict[str, Any] = {"n": len(moved), "fields": named}
        if more:
            yield "verdict.many_fields_moved", found | {"more": more}
        else:
            yield "verdict.fields_moved", found


def _known(interval: Interval) -> bool:
    return not np.isnan([interval.value, interval.low, interval.high]).any()


def _ends(interval: Interval, digits: int) -> dict[str, float]:
    # + 0.0 turns -0.0 into 0.0.
    low, high = round(interval.low, digits) + 0.0, round(interval.high, digits) + 0.0
    return {"low": low, "high": high}
