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
    lines.append("* chosen within the blocks before; figures are of the newest window")
    return "\n".join(lines)


def blocks_text(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the blocks of ``train --json``: what was chosen and promised, and what came."""
    titles = ("block", "leads", "wins", "promised", "chosen before", "AUC", "best", "regret")
    rows = [titles]
    for block in blocks:
        promised = block["promised"]
        wins = (
            "" if promised["value"] is None else _promise(promised, broken=block["kept"] is False)
        )
        chosen, auc = block["chosen"], block["aucs"].get(block["chosen"])
        shown = [_number({"value": number}) for number in (auc, block["best"], block["regret"])]
        name = "newest" if block["newest"] else str(block["block"])
        rows.append((name, f"{block['leads']:,}", f"{block['wins']:,}", wins, chosen, *shown))
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _promise(promised: Mapping[str, Any], *, broken: bool) -> str:
    if promised["value"] is None:
        return ""
    text = f"{promised['value']:.0f} ({promised['low']:.0f} to {promised['high']:.0f})"
    return f"{text} broken" if broken else text


def _number(metric: Mapping[str, Any]) -> str:
    value = metric.get("value")
    return "n/a" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _span(metric: Mapping[str, Any]) -> str:
    low, high = metric.get("low"), metric.get("high")
    if low is None or high is None:
        return ""
    return f"{low:.3f}-{high:.3f}" if abs(high) < 10 else f"{low:.1f}-{high:.1f}"
