"""A progress bar on standard error, for work that takes longer than a moment."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

AFTER_SECONDS: Final = 1.0
"""Work that is done sooner shows no bar."""


class ProgressBar:
    """Shows how much of the work is done, once it has taken a second.

    On a terminal it is one moving line; elsewhere a line is written when the step changes, so
    that a log stays readable.
    """

    def __init__(self, title: str) -> None:
        self._display = _Display(title)
        self._start, self._end = 0.0, 1.0

    def __call__(self, step: str, share: float) -> None:
        """Show the step at work, and which share (0-1) of what this bar stands for is done."""
        self._display.show(step, self._place(share))

    def part(self, start: float, end: float) -> ProgressBar:
        """Return a bar that stands for a part of this one, from ``start`` to ``end`` (0-1)."""
        part = copy.copy(self)
        part._start, part._end = self._place(start), self._place(end)
        return part

    def counted(self, step: str, start: float, end: float) -> Callable[[int, int], None]:
        """Return a function of (done, all) that fills the bar from ``start`` to ``end``."""
        part = self.part(start, end)
        return lambda done, whole: part(step, done / whole if whole else 1.0)

    def close(self) -> None:
        """Remove the bar."""
        self._display.close()

    def _place(self, share: float) -> float:
        return self._start + (self._end - self._start) * share


class _Display:
    """The line or lines on standard error."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._step = ""

    def show(self, step: str, share: float) -> None:
        if time.monotonic() - self._begun < AFTER_SECONDS:
            return
        if not self._console.is_terminal:
            if step != self._step:
                self._step = step
                self._console.print(f"{self._title}: {step} ({share:.0%})", highlight=False)
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(self._title, total=1.0)
            self._bar.start()
        self._bar.update(self._task, completed=share, description=f"{self._title}: {step}")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
