"""Plots of influence: fields by their mean effect, and SHAP values lead by lead."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Schema
from scoring_ml.evaluation.candidate import Candidate
from scoring_ml.evaluation.trained import Trained
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.texts import Catalogue
from scoring_ml.tracking.style import new_figure, save, short

MOST_SHOWN: Final = 15
MOST_EXPLAINED: Final = 500
"""Leads of the newest window that are explained, evenly spread over it."""


def draw_fields(
    trained: Trained, candidate: Candidate, scorer: Scorer | None, title: str, path: Path
) -> None:
    """Draw the mean size of each field's effect, in points where there is a scale."""
    X = trained.X[_some_rows(trained)]
    sizes: dict[str, float] = {}
    if scorer is not None:
        unit = "points"
        points = scorer.rows.field_points(scorer.rows.scores(X)) if len(X) else np.zeros((1, 0))
        points = np.abs(points).mean(axis=0)
        for (name, _), size in zip(scorer.explained_fields, points, strict=False):
            sizes[name] = float(size)
    else:
        unit = "log-odds"
        values, _ = candidate.estimator.contributions(X)
        sums: dict[str, NDArray[np.float64]] = {}
        for index, column in enumerate(trained.encoder.columns):
            sums[column.field] = sums.get(column.field, 0.0) + values[:, index]
        sizes = {name: float(np.abs(total).mean()) for name, total in sums.items() if len(X)}
    largest = sorted(
        ((name, size) for name, size in sizes.items() if size > 0), key=lambda item: -item[1]
    )
    shown = largest[:MOST_SHOWN][::-1]
    figure = new_figure(8, 1.4 + 0.3 * max(4, len(shown)))
    axes = figure.subplots()
    axes.set_title(f"{title}: how much each field moves the score")
    axes.set_xlabel(f"Mean size of its effect, {unit}, among the newest leads")
    axes.grid(axis="y", visible=False)
    if shown:
        bars = axes.barh(
            range(len(shown)), [size for _, size in shown], color=candidate.estimator.colour
        )
        axes.bar_label(
            bars,
            fmt=lambda size: f"{size:.1f}" if size >= 1 else f"{size:.2f}",
            padding=3,
            fontsize=8,
        )
        axes.set_yticks(range(len(shown)), [field_title(name, trained.schema) for name, _ in shown])
        axes.margins(x=0.1)
    else:
        axes.text(0.5, 0.5, "No field moves it", transform=axes.transAxes, ha="center")
        axes.set_yticks([])
    rest = len(largest) - len(shown)
    if rest:
        axes.annotate(
            f"and {rest} more with less", (0.99, 0.02), xycoords="axes fraction", ha="right"
        )
    save(figure, path)


def draw_beeswarm(trained: Trained, candidate: Candidate, title: str, path: Path) -> None:
    """Draw SHAP values of the encoded columns with most effect, a dot per lead.

    The values are LightGBM's own TreeSHAP; the drawing is the shap package's.
    """
    import matplotlib
    import matplotlib.pyplot as plt

    rows = _some_rows(trained)
    X = trained.X[rows]
    if len(X) == 0:
        return
    values, base = candidate.estimator.contributions(X)
    seen = np.flatnonzero(np.abs(values).sum(axis=0) > 0)
    strongest = seen[np.argsort(-np.abs(values[:, seen]).mean(axis=0), kind="stable")]
    shown = strongest[:MOST_SHOWN]
    if len(shown) == 0:
        return
    names = [column_title(trained.encoder.columns[i], trained) for i in shown]
    interactive = matplotlib.is_interactive()
    plt.ioff()
    figure = plt.figure(figsize=(9, 1.8 + 0.36 * len(shown)))
    try:
        axes = figure.add_subplot()
        # What shap calls of matplotlib and numpy is old; that is between them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import shap

            explanation = shap.Explanation(
                values=values[:, shown],
                base_values=np.full(len(X), base),
                data=X[:, shown],
                feature_names=names,
            )
            shap.plots.beeswarm(
                explanation, max_display=len(shown), ax=axes, plot_size=None, show=False
            )
        figure.suptitle(
            f"{title}: SHAP values of {len(X):,} of the newest leads",
            x=0.01,
            ha="left",
            fontsize=11,
            fontweight="bold",
        )
        axes.set_xlabel("Effect on the log-odds of a win, before calibration")
        axes.tick_params(labelsize=9)
        axes.xaxis.label.set_size(10)
        for other in figure.axes:
            if other is not axes:
                # The colour bar: what blue and red mean.
                other.tick_params(labelsize=9)
                other.set_ylabel("Value of the field", size=9, labelpad=-12)
        figure.tight_layout()
        save(figure, path)
    finally:
        plt.close(figure)
        if interactive:
            plt.ion()


def field_title(name: str, schema: Schema) -> str:
    """Return a field's name for people; of a criterion that several fields answer, its own."""
    if name.startswith("matrix:"):
        return short(_criterion(name.removeprefix("matrix:")))
    return short(schema[name].title)


def column_title(column: EncodedColumn, trained: Trained) -> str:
    """Return what an encoded column means: the field, and the level it stands for."""
    name = field_title(column.column, trained.schema)
    if column.role == "level":
        folded = str(column.level)
        written = trained.encoder.levels.get(column.column, ())
        level = next((item for item in written if item.casefold() == folded), folded)
        return f"{short(name, 26)} = {short(level, 24)}"
    if column.role in ("other", "missing"):
        return f"{short(name, 30)}: {column.role}"
    if column.role.startswith("criterion"):
        return f"{short(_criterion(column.criterion), 26)}: {column.level}"
    return name


def _criterion(name: str) -> str:
    texts, key = Catalogue.load("en"), f"criteria.{name}"
    return texts.text(key) if key in texts else name


def _some_rows(trained: Trained) -> NDArray[np.intp]:
    rows = trained.windows.test
    if len(rows) <= MOST_EXPLAINED:
        return rows
    evenly = np.linspace(0, len(rows) - 1, MOST_EXPLAINED).round().astype(np.intp)
    return np.asarray(rows[evenly])
