"""All candidates over one another on the newest window, and their metrics side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from scoring_ml.evaluation.trained import Trained
from scoring_ml.statistics.interval import Interval
from scoring_ml.tracking.curves import newest_curves, reliability
from scoring_ml.tracking.plots import FOLDER
from scoring_ml.tracking.style import (
    NO_CURVE,
    kind_title,
    label_axes,
    new_figure,
    plot_style,
    precision_line,
    save,
    say,
)

_SHOWN: Final = {
    "roc_auc": "ROC AUC (more is better)",
    "pr_auc": "PR AUC (more is better)",
    "lift_10": "Lift, top 10 % (more is better)",
    "brier": "Brier score (less is better)",
    "calibration_slope": "Calibration slope (1 is right)",
    "ece": "Calibration error, ECE (less is better)",
}


def draw_training(trained: Trained, folder: Path) -> None:
    """Draw all candidates over one another, and their metrics side by side."""
    with plot_style():
        _comparison(trained, folder / FOLDER / "comparison.png")
        _intervals(trained, folder / FOLDER / "intervals.png")


def _comparison(trained: Trained, path: Path) -> None:
    figure = new_figure(11, 9)
    (roc, pr), (gains, lower) = figure.subplots(2, 2)
    label_axes(roc, "ROC curve", "Share of lost leads handed over", "Share of wins found")
    label_axes(pr, "Precision and recall", "Share of wins found", "Share won among them")
    label_axes(gains, "Wins found", "Share of leads handed over", "Share of wins found")
    label_axes(lower, "Promised and actual wins", "Probability promised", "Share that was won")
    for axes in (roc, gains, lower):
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--")
    drawn = False
    for candidate in trained.candidates:
        found, colour = newest_curves(trained, candidate), candidate.estimator.colour
        chosen = candidate.kind == trained.chosen
        width = 2.4 if chosen else 1.3
        look: dict[str, Any] = {"color": colour, "linewidth": width}
        label = f"{kind_title(candidate.kind)}{' (chosen)' if chosen else ''}"
        if found is not None:
            roc.plot(found.false_alarms, found.captured, label=label, **look)
            precision_line(pr, found, colour, label, width=width)
            gains.plot(found.handed_over, found.captured, **look)
            if not drawn:
                pr.axhline(found.base_rate, color="#bbbbbb", linestyle="--")
            drawn = True
        probability = candidate.probability(trained.windows.test)
        if probability is not None:
            bins = reliability(probability, trained.snapshot.label[trained.windows.test])
            lower.plot(
                [item.promised for item in bins],
                [item.found.share for item in bins],
                marker="o",
                markersize=4,
                **look,
            )
    if drawn:
        handles, labels = roc.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10)
    else:
        for axes in (roc, pr, gains):
            say(axes, NO_CURVE)
    save(figure, path)


def _intervals(trained: Trained, path: Path) -> None:
    candidates = list(reversed(trained.candidates))
    figure = new_figure(11, 1.8 + 0.75 * len(candidates))
    grid = figure.subplots(2, 3, sharey=True)
    figure.suptitle("The newest window, with 95 % intervals", x=0.01, ha="left", fontsize=12)
    for axes, (name, title) in zip(grid.ravel(), _SHOWN.items(), strict=True):
        axes.set_title(title, fontsize=10)
        axes.grid(axis="y", visible=False)
        for place, candidate in enumerate(candidates):
            _whisker(axes, place, candidate.metrics[name], candidate.estimator.colour)
        if name == "calibration_slope":
            axes.axvline(1, color="#bbbbbb", linestyle="--")
        labels = [
            f"{kind_title(item.kind)}{' *' if item.kind == trained.chosen else ''}"
            for item in candidates
        ]
        axes.set_yticks(range(len(candidates)), labels)
        axes.set_ylim(-0.6, len(candidates) - 0.4)
        axes.margins(x=0.12)
    save(figure, path)


def _whisker(axes: Any, place: int, metric: Interval, colour: str) -> None:
    if np.isnan(metric.value):
        axes.annotate("n/a", (0.02, place), xycoords=("axes fraction", "data"), va="center")
        return
    if not np.isnan([metric.low, metric.high]).any():
        axes.plot([metric.low, metric.high], [place, place], color=colour, linewidth=2)
    axes.plot(metric.value, place, "o", color=colour)
    text = f"{metric.value:.3f}" if abs(metric.value) < 10 else f"{metric.value:.1f}"
    axes.annotate(
        text,
        (metric.value, place),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=8,
    )
