"""The model card in Markdown, from its facts alone; the words stand in ``card.md.j2``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

FIELDS_OF_DRIFT: Final = 8
"""Most moved fields that the card lists even if none has moved."""


def card_text(facts: Mapping[str, Any]) -> str:
    """Return the card.

    Parameters
    ----------
    facts : mapping
        From :func:`scoring_ml.tracking.card.card_facts`.
    """
    return _template().render(facts)


def figure(metric: Mapping[str, float | None]) -> str:
    """Return a metric with its interval.

    >>> figure({"value": 0.8934, "low": 0.8771, "high": 0.9074})
    '0.893 (0.877 to 0.907)'
    >>> figure({"value": 42.25, "low": None, "high": None}), figure({"value": None})
    ('42.2', 'n/a')
    """
    value, low, high = (metric.get(part) for part in ("value", "low", "high"))
    if value is None:
        return "n/a"
    digits = 3 if abs(value) < 10 else 1
    # + 0.0 turns -0.0 into 0.0.
    if low is None or high is None:
        return f"{value + 0.0:.{digits}f}"
    return f"{value + 0.0:.{digits}f} ({low + 0.0:.{digits}f} to {high + 0.0:.{digits}f})"


def summary_text(row: Mapping[str, Any]) -> str:
    """Return a candidate in one line."""
    metrics = row["metrics"]
    return (
        f"Newest window: ROC AUC {figure(metrics['roc_auc'])}, "
        f"Brier {figure(metrics['brier'])}, "
        f"calibration slope {figure(metrics['calibration_slope'])}, "
        f"lift among the top 10 % {figure(metrics['lift_10'])}."
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "cell": _cell,
        "plain": _plain,
        "percent": _percent,
        "tiers": _tiers,
        "whole": "{:,}".format,
    }
    environment.globals |= {"figure": figure, "fields_of_drift": FIELDS_OF_DRIFT}
    return environment.get_template("card.md.j2")


def _tiers(tiers: Mapping[str, int] | None) -> str:
    if tiers is None:
        return "n/a"
    return " / ".join(f"{tiers[name]:,}" for name in ("hot", "warm", "cold"))


def _cell(text: object) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: object) -> str:
    """Return a text on one line; a field may bear any name."""
    return " ".join(str(text).split()).replace("<", "&lt;")


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"
