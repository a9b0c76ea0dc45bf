"""Parts of a Markdown page: tables, figures with their intervals, and texts made safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


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


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(_cell(head) for head in heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|")


def plain(text: str) -> str:
    """Return a text on one line; a field may bear any name."""
    return " ".join(str(text).split()).replace("<", "&lt;")


def percent(share: float | None) -> str:
    """Return a share in per cent with one decimal."""
    return "n/a" if share is None else f"{share:.1%}"
