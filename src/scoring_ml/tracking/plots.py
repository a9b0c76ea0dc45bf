"""Plots of one candidate on the newest window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.drift import base_rate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.scoring.scale import TIERS, tiers
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.statistics.ranking import TOP_PERCENT
from scoring_ml.statistics.samples import Floats
from scoring_ml.tracking.curves import newest_curves, reliability
from scoring_ml.tracking.influence import draw_beeswarm, draw_fields
from scoring_ml.tracking.points_table import points_table, table_csv, table_html
from scoring_ml.tracking.style import (
    NO_CURVE,
    NO_PROBABILITY,
    TIER_COLOURS,
    kind_title,
    label_axes,
    new_figure,
    percent,
    plot_style,
    precision_line,
    save,
    say,
)

FOLDER: Final = "plots"
SLICES: Final = 10
"""Equal parts into which the newest window is cut, oldest to newest."""


def draw_candidate(
    trained: Trained, candidate: Candidate, scorer: Scorer | None, folder: Path
) -> None:
    """Draw everything about one candidate.

    Parameters
    ----------
    scorer : Scorer or None
        The candidate as it would score; without it there are no tiers.
    folder : Path
        Plots go into ``plots/``, the scorecard's table beside it.
    """
    plots, title = folder / FOLDER, kind_title(candidate.kind)
    with plot_style():
        _ranking(trained, candidate, title, plots / "ranking.png")
        _reliability(trained, candidate, title, plots / "reliability.png")
        _gains(trained, candidate, title, plots / "gains.png")
        scores = candidate.scores(trained.windows.test, trained.policy)
        if scores is not None:
            _tiers(trained, tiers(scores), title, plots / "tiers.png")
        draw_fields(trained, candidate, scorer, title, plots / "fields.png")
        if candidate.estimator.shap_values:
            draw_beeswarm(trained, candidate, title, plots / "shap_summary.png")
    table = points_table(trained, candidate)
    if table:
        (folder / "points_table.csv").write_text(table_csv(table), encoding="utf-8")
        (folder / "points_table.html").write_text(table_html(table, title), encoding="utf-8")


def _ranking(trained: Trained, candidate: Candidate, title: str, path: Path) -> None:
    figure = new_figure(10, 4.6)
    roc, pr = figure.subplots(1, 2)
    found, colour = newest_curves(trained, candidate), candidate.estimator.colour
    label_axes(roc, f"{title}: ROC curve", "Share of lost leads handed over", "Share of wins found")
    label_axes(pr, f"{title}: precision and recall", "Share of wins found", "Share won among them")
    if found is None:
        say(roc, NO_CURVE)
        say(pr, NO_CURVE)
    else:
        roc.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", label="chance")
        roc.plot(found.false_alarms, found.captured, color=colour, label=_auc(candidate, "roc_auc"))
        pr.axhline(found.base_rate, color="#bbbbbb", linestyle="--", label="all leads")
        precision_line(pr, found, colour, _auc(candidate, "pr_auc"))
        roc.legend(loc="lower right")
        pr.legend(loc="best")
    save(figure, path)


def _reliability(trained: Trained, candidate: Candidate, title: str, path: Path) -> None:
    figure = new_figure(6.4, 6.4)
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    label_axes(upper, f"{title}: promised and actual wins", "", "Share that was won")
    label_axes(lower, "", "Probability that was promised", "Leads", y_is_share=False)
    rows = trained.windows.test
    probability = candidate.probability(rows)
    if probability is None:
        say(upper, NO_PROBABILITY)
    else:
        won, colour = trained.snapshot.label[rows], candidate.estimator.colour
        upper.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", label="promise kept")
        bins = reliability(probability, won)
        shares = np.array([item.found.share for item in bins])
        reach = [
            np.clip(shares - [item.found.low for item in bins], 0, None),
            np.clip([item.found.high for item in bins] - shares, 0, None),
        ]
        upper.errorbar(
            [item.promised for item in bins],
            shares,
            yerr=reach,
            fmt="o-",
            color=colour,
            capsize=3,
            label="tenths of the leads, 95 % intervals",
        )
        upper.legend(loc="upper left")
        lower.hist(
            [probability[won == 0], probability[won == 1]],
            bins=np.linspace(0, 1, 41).tolist(),
            stacked=True,
            color=["#bcc6d0", colour],
            label=["lost", "won"],
        )
        lower.legend(loc="upper right")
    save(figure, path)


def _gains(trained: Trained, candidate: Candidate, title: str, path: Path) -> None:
    figure = new_figure(10, 4.6)
    gains, lift = figure.subplots(1, 2)
    found, colour = newest_curves(trained, candidate), candidate.estimator.colour
    handed, times = "Share of leads handed over", "Times as many wins as at random"
    label_axes(gains, f"{title}: wins found", handed, "Share of wins found")
    label_axes(lift, f"{title}: lift", handed, times, y_is_share=False)
    if found is None:
        say(gains, NO_CURVE)
        say(lift, NO_CURVE)
    else:
        gains.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", label="at random")
        best = [0, found.base_rate, 1]
        gains.plot(best, [0, 1, 1], color="#bbbbbb", linestyle=":", label="perfect order")
        gains.plot(found.handed_over, found.captured, color=colour, label=title)
        _points(gains, candidate, "captured", colour)
        gains.legend(loc="lower right")
        lift.axhline(1, color="#bbbbbb", linestyle="--", label="at random")
        # Among very few leads the lift is noise.
        shown = found.handed_over >= 0.01
        lift.plot(found.handed_over[shown], found.lift[shown], color=colour, label=title)
        _points(lift, candidate, "lift", colour)
        lift.set_ylim(bottom=0)
        lift.legend(loc="upper right")
    save(figure, path)


def _tiers(trained: Trained, shown: NDArray[Any], title: str, path: Path) -> None:
    rows = trained.windows.test
    won = trained.snapshot.label[rows]
    figure = new_figure(10, 4.6)
    volumes, kept = figure.subplots(1, 2, width_ratios=[3, 2])
    count = min(SLICES, max(1, len(rows)))
    parts = np.array_split(np.arange(len(rows)), count)
    base = np.zeros(count)
    for name in TIERS:
        height = np.array([np.sum(shown[part] == name) for part in parts], dtype=float)
        label = f"{name}: {int(height.sum()):,} leads"
        volumes.bar(
            range(count), height, bottom=base, color=TIER_COLOURS[name], width=0.85, label=label
        )
        base += height
    volumes.set_title(f"{title}: tiers over the newest window")
    volumes.set_xticks(range(count), _slice_names(trained, parts))
    volumes.set_xlabel("Leads, oldest to newest, in equal parts")
    volumes.set_ylabel("Leads")
    volumes.grid(axis="x", visible=False)
    figure.legend(
        *volumes.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=9
    )
    _tier_wins(kept, shown, won)
    save(figure, path)


def _tier_wins(axes: Any, shown: NDArray[Any], won: Floats) -> None:
    axes.set_title("What became of them")
    axes.set_ylabel("Share that was won, 95 % interval")
    axes.grid(axis="x", visible=False)
    for place, name in enumerate(TIERS):
        outcome = won[shown == name]
        rate = base_rate(int(outcome.sum()), len(outcome))
        if rate.leads == 0:
            axes.annotate("no leads", (place, 0.02), ha="center")
            continue
        axes.bar(place, rate.share, color=TIER_COLOURS[name], width=0.7)
        reach = [[rate.share - rate.low], [rate.high - rate.share]]
        axes.errorbar(place, rate.share, yerr=reach, color="#444444", capsize=4)
        axes.annotate(f"{rate.share:.0%}", (place, rate.high + 0.015), ha="center")
    if len(won):
        label = f"all leads: {won.mean():.0%}"
        axes.axhline(float(won.mean()), color="#777777", linestyle="--", label=label)
        axes.legend(loc="upper right")
    axes.set_xticks(range(len(TIERS)), list(TIERS))
    axes.set_xlim(-0.6, len(TIERS) - 0.4)
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(percent)


def _points(axes: Any, candidate: Candidate, name: str, colour: str) -> None:
    """Mark the reported shares with their intervals."""
    for top in TOP_PERCENT:
        metric = candidate.metrics[f"{name}_{top}"]
        if np.isnan([metric.value, metric.low, metric.high]).any():
            continue
        # A percentile interval of a bootstrap need not hold its own estimate.
        reach = [[max(0, metric.value - metric.low)], [max(0, metric.high - metric.value)]]
        axes.errorbar(top / 100, metric.value, yerr=reach, fmt="o", color=colour, capsize=3)


def _auc(candidate: Candidate, name: str) -> str:
    metric = candidate.metrics[name]
    reach = "" if np.isnan(metric.low) else f" ({metric.low:.3f} to {metric.high:.3f})"
    return f"area {metric.value:.3f}{reach}"


def _slice_names(trained: Trained, parts: Sequence[NDArray[Any]]) -> list[str]:
    """Return a name per slice: the day it begins with, or its number."""
    as_of = trained.snapshot.as_of
    if as_of is None or len(trained.windows.test) == 0:
        return [str(index + 1) for index in range(len(parts))]
    rows = trained.windows.test
    days = [str(as_of[rows[part[0]]].astype("datetime64[D]")) for part in parts if len(part)]
    return [f"{day[-5:]}\n{day[:-6]}" for day in days]
