"""Rendering of a report: templates, bars, and a page put in place whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scoring_ml.data.files.writing import whole_file
from scoring_ml.errors import InputError
from scoring_ml.reports.queue import FieldPoints, QueuedLead
from scoring_ml.scoring.scored_run import ScoredField
from scoring_ml.scoring.wording import shown_number, title, value_text
from scoring_ml.texts import Catalogue

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ChartBar:
    """A bar on an axis, in percent of the axis's length from its start.

    Parameters
    ----------
    x, width : float
        0-100; measured from the left whatever the language's direction.
    """

    x: float
    width: float


@dataclass(frozen=True)
class WaterfallStep:
    """One step of a waterfall: a name of a part, its points times ten, and its bar."""

    part: str
    tenths: int
    bar: ChartBar
    kind: str


@dataclass(frozen=True)
class Axis:
    """A straight axis from ``low`` to ``high``, mirrored for right-to-left languages."""

    low: float
    high: float
    mirrored: bool = False

    def bar(self, start: float, end: float) -> ChartBar:
        """Return the bar between two values, in either order.

        >>> Axis(0, 200).bar(150, 100)
        ChartBar(x=50.0, width=25.0)
        >>> Axis(0, 200, mirrored=True).bar(150, 100)
        ChartBar(x=25.0, width=25.0)
        """
        length = self.high - self.low
        if not length > 0:
            return ChartBar(0.0, 0.0)
        first, last = sorted((start, end))
        x = (self.high - last if self.mirrored else first - self.low) / length
        return ChartBar(round(100 * x, 2), round(100 * (last - first) / length, 2))


def waterfall(
    lead: QueuedLead, *, score_max: int, mirrored: bool = False
) -> tuple[WaterfallStep, ...]:
    """Return the steps from base to score, each beginning where the one before it ended.

    Parts that add exactly nothing are left out. The axis reaches from 0 to ``score_max`` at least,
    further where a step does; it is mirrored for right-to-left languages.
    """
    parts = [("base", lead.base, "base")]
    parts += [(group.name, group.tenths, "") for group in lead.groups]
    parts += [("rounding", lead.rounding, ""), ("limit", lead.limit, "")]
    ends, at = [0], 0
    for _, points, _ in parts:
        at += points
        ends.append(at)
    axis = Axis(min(ends), max(*ends, 10 * score_max), mirrored)
    steps = []
    for (part, points, kind), start, end in zip(parts, ends[:-1], ends[1:], strict=True):
        if points or part == "base":
            kind = kind or ("up" if points > 0 else "down")
            steps.append(WaterfallStep(part, points, axis.bar(start, end), kind))
    steps.append(WaterfallStep("score", at, axis.bar(0, at), "score"))
    return tuple(steps)


def label(field: ScoredField, catalogue: Catalogue) -> str:
    """Return a field's name for people."""
    if field.column is None:
        return catalogue.text(f"criteria.{field.criterion}")
    return title(field.column, field.feature, catalogue)


def answer(item: FieldPoints, catalogue: Catalogue) -> str:
    """Return a field's answer as a reader says it, with its unit."""
    column, feature, value = item.field.column, item.field.feature, item.value
    if column is None:
        return catalogue.text(f"levels.{item.field.criterion}.{value or 'unknown'}")
    if value is None:
        return catalogue.text("words.unknown")
    if column.type in ("email", "phone"):
        return catalogue.text(f"words.{value}")
    if column.type == "date":
        return catalogue.date(value)
    text = value_text(column, value)
    if column.type == "boolean":
        return catalogue.text(f"words.{text}")
    if column.type == "number":
        unit = column.unit if feature is None else feature.unit_text(catalogue)
        number = catalogue.number(shown_number(column, value))
        return f"{number} {unit}" if unit else number
    word = f"feature_values.{feature.key if feature else ''}.{text}"
    return catalogue.text(word) if word in catalogue else column.value_in(text, catalogue.lang)


def render(template: str, catalogue: Catalogue, **numbers: Any) -> str:
    """Return a page: a file of ``templates`` filled with numbers, every text escaped.

    The catalogue gives the texts, the numbers' form and the direction of the page.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            t=catalogue.text,
            known=catalogue.__contains__,
            number=catalogue.number,
            signed=catalogue.signed,
            percent=catalogue.percent,
            date=catalogue.date,
            answer=lambda item: answer(item, catalogue),
            label=lambda field: label(field, catalogue),
            lang=catalogue.lang,
            direction=catalogue.direction,
            **numbers,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_pages(out: Path, pages: Iterable[tuple[str, str]]) -> list[Path]:
    """Write pages into a folder, each put in place whole, and return their paths.

    Parameters
    ----------
    out : Path
        Folder; made if it is not there.
    pages : iterable of (str, str)
        File name and text.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "Reports must go to a folder that can be made",
            found=f"{out.name}: {error.strerror}",
            do="Name another with --out",
        ) from None
    written = []
    for name, text in pages:
        with whole_file(out / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
        written.append(out / name)
    return written
