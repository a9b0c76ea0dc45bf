"""The candidates as a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SHOWN: Final = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_slope": "slope",
    "ece": "ECE",
    "lift_10": "lift 10 %",
    "captured_20": "wins in 20 %",
    "wins_per_100": "wins per 100",
}


def candidates_text(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Return the candidates of ``train --json``, each figure with its 95 % interval below."""
    width = 16
    lines = [" " * 20 + "".join(f"{title:>{width}}" for title in SHOWN.values())]
    for item in candidates:
        metrics = item["metrics"]
        mark = "*" if item.get("chosen") else " "
        shown = [metrics.get(name) or {} for name in SHOWN]
        values = "".join(f"{_number(metric):>{width}}" for metric in shown)
        spans = "".join(f"{_span(metric):>{width}}" for metric in shown)
        lines += [f"{mark} {item['kind']:<18}{values}", f"{'':<20}{spans}".rstrip()]
        if item.get("reason"):
            lines.append(f"    {item['reason']}")
    lines.append("* chosen on the calibration window; figures are of the newest window")
    return "\n".join(lines)


def _number(metric: Mapping[str, Any]) -> str:
    value = metric.get("value")
    return "n/a" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _span(metric: Mapping[str, Any]) -> str:
    low, high = metric.get("low"), metric.get("high")
    if low is None or high is None:
        return ""
    return f"{low:.3f}-{high:.3f}" if abs(high) < 10 else f"{low:.1f}-{high:.1f}"
