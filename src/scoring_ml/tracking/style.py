"""Style of all plots, and texts made safe to draw."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from scoring_ml.texts import Catalogue
from scoring_ml.tracking.curves import Curves

TIER_COLOURS: Final = {"hot": "#d1495b", "warm": "#edae49", "cold": "#8fb3c9"}

DPI: Final = 110
_STYLE: Final = Path(__file__).with_name("plots.mplstyle")

NO_CURVE: Final = "Not defined here:\nthe window holds one outcome only"
NO_PROBABILITY: Final = "No probability:\nthe candidate could not be calibrated"


@contextmanager
def plot_style() -> Iterator[None]:
    """Use the house's look while the block draws and saves."""
    import matplotlib

    # Characters that the font lacks show as boxes; that is no reason to stop a training.
    with warnings.catch_warnings(), matplotlib.rc_context(fname=str(_STYLE)):
        warnings.filterwarnings("ignore", message="Glyph")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def new_figure(width: float, height: float) -> Any:
    """Return a figure that belongs to no window and to no global list."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, without the moment or the program in its metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DPI)
    # Drawn once; savefig would draw everything a first time to find the layout.
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})


def short(text: str, most: int = 34) -> str:
    r"""Return a text on one line, without control characters, not longer than ``most``.

    >>> short("How did you\nhear about X Education?", 20)
    'How did you hear ab…'
    """
    clean = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") else letter
        for letter in text
    )
    line = " ".join(clean.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def kind_title(kind: str) -> str:
    """Return a kind's name for people, beginning with a capital."""
    catalogue, key = Catalogue.load("en"), f"verdict.kinds.{kind}"
    name = catalogue.text(key) if key in catalogue else kind
    return name[:1].upper() + name[1:]


def label_axes(axes: Any, title: str, x: str, y: str, *, y_is_share: bool = True) -> None:
    """Name axes of which x, and mostly y, is a share from 0 to 1, shown in per cent."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(percent)
    if y_is_share:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(percent)


def percent(value: float, _place: int | None = None) -> str:
    """Return a share as matplotlib's axes show it.

    >>> percent(0.2)
    '20%'
    """
    return f"{value:.0%}"


def say(axes: Any, text: str) -> None:
    """Write why nothing is drawn."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="#555555")


def precision_line(
    axes: Any, found: Curves, colour: str, label: str, *, width: float = 1.5
) -> None:
    """Draw precision over recall as the steps whose area is the PR AUC."""
    axes.plot(
        found.captured,
        found.precision,
        drawstyle="steps-pre",
        color=colour,
        label=label,
        linewidth=width,
    )
