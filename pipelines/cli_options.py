"""Options that commands share, and the one way in which they show a result."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from scoring_ml.settings import Home, Settings

HomeDir = Annotated[
    Path | None,
    typer.Option("--home", help="Folder that holds everything; SCORING_HOME, else .scoring."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Result(Protocol):
    """The result of a command that prints text or one JSON document."""

    def render(self) -> str:
        """Return it as text for a terminal."""

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON document."""


def home_given(given: Path | None) -> Home:
    """Return the home that was named, else that of the settings."""
    return Home(given if given is not None else Settings().home)


def show(content: str | dict[str, Any]) -> None:
    """Print a text, or a document as JSON."""
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, indent=1)
    print(content.rstrip("\n"), flush=True)


def warn(text: str) -> None:
    """Print to the error stream."""
    print(text, file=sys.stderr)


def show_result(result: Result, as_json: bool) -> None:
    """Print a result in the form that was asked for."""
    show(result.to_json() if as_json else result.render())
