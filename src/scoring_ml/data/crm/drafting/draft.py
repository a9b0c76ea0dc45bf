"""A draft of crm.yaml: what it says, why, and what only a person can decide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring_ml.data.yaml_file import line_text

Place = tuple[str | int, ...]
"""Keys from the top of crm.yaml to a line of it."""


@dataclass
class CrmDraft:
    """A draft while it is made.

    Parameters
    ----------
    system : str
        Name of the CRM; empty where the tables were told by their shape.
    reasons : dict of place to str
        Written above the line of that place.
    """

    system: str
    content: dict[str, Any]
    reasons: dict[Place, str] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    unmapped: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The sources of each table."""
        tables: dict[str, list[dict[str, Any]]] = self.content["tables"]
        return tables

    def text(self) -> str:
        """Return crm.yaml, each reason above its line."""
        return "\n".join(self._lines(self.content, (), "")) + "\n"

    def _lines(self, content: Mapping[str, Any], place: Place, indent: str) -> Iterator[str]:
        for key, value in content.items():
            at = (*place, key)
            yield from self._comment(at, indent)
            name = line_text(key)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield f"{indent}{name}:"
                for number, item in enumerate(value):
                    yield from self._comment((*at, number), f"{indent}  ")
                    lines = self._lines(item, (*at, number), f"{indent}    ")
                    yield from (
                        f"{indent}  - {line.lstrip()}" if first else line
                        for line, first in _first_key(lines)
                    )
            elif isinstance(value, Mapping) and (len(place) < 1 or len(str(value)) > 70):
                yield f"{indent}{name}:" if value else f"{indent}{name}: {{}}"
                yield from self._lines(value, at, f"{indent}  ")
            else:
                yield f"{indent}{name}: {line_text(value)}"

    def _comment(self, place: Place, indent: str) -> Iterator[str]:
        lines = textwrap.wrap(self.reasons.get(place, ""), 96 - len(indent))
        yield from (f"{indent}# {line}" for line in lines)


def _first_key(lines: Iterator[str]) -> Iterator[tuple[str, bool]]:
    """Tell which line is the first that is no comment."""
    waiting = True
    for line in lines:
        first = waiting and not line.lstrip().startswith("#")
        waiting = waiting and not first
        yield line, first
