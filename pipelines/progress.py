"""A progress bar on standard error, for work that takes longer than a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

AFTER_SECONDS: Final = 1.0
"""Work that is done sooner shows no bar."""


class Bar:
    """Shows how much of the work is done, once it has taken a second.

    On a terminal it is one moving line; elsewhere a line is written when the work changes, so
    that a log stays readable.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._what = ""

    def __call__(self, what: str, share: float) -> None:
        """Tell what is being done and which share of the whole is done, 0-1."""
        if time.monotonic() - self._begun < AFTER_SECONDS:
            return
        if not self._console.is_terminal:
            if what != self._what:
                self._what = what
                self._console.print(f"{self._title}: {what} ({share:.0%})", highlight=False)
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
        self._bar.update(self._task, completed=share, description=f"{self._title}: {what}")

    def counted(self, what: str, start: float, end: float) -> CountedStep:
        """Return a step that is told counts, filling the bar from ``start`` to ``end``."""
        return CountedStep(self, what, start, end)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


class CountedStep:
    """One step of the work, told how many of how many are done."""

    def __init__(self, bar: Bar, what: str, start: float, end: float) -> None:
        self._bar, self._what, self._start, self._end = bar, what, start, end

    def __call__(self, done: int, whole: int) -> None:
        """Tell how many are done."""
        share = done / whole if whole else 1.0
        self._bar(self._what, self._start + (self._end - self._start) * share)

    def share(self, what: str, share: float) -> None:
        """Tell what is being done and which share of this step is done, 0-1."""
        self._bar(what, self._start + (self._end - self._start) * share)


@contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    """Show a progress bar while the block runs."""
    bar = Bar(title)
    try:
        yield bar
    finally:
        bar.close()
