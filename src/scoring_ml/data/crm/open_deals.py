"""The open deals of a file of which crm.yaml maps only the won and the lost ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scoring_ml.data.crm.mapping.tables import Source


def with_open_deals(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Add the rest of each file of which one source takes the won deals and another the lost ones.

    What the two have in common under ``only`` tells whether a row is such a deal at all; what they
    do not, what became of it. A deal that neither takes is open.
    """
    files: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        files.setdefault((source.file, str(source.join)), []).append(source)
    return (*sources, *(rest for group in files.values() for rest in _rest(group)))


def _rest(group: Sequence[Source]) -> list[Source]:
    if {source.constants.get("outcome") for source in group} != {"won", "lost"}:
        return []
    first = group[0]
    shared = [
        name
        for name in first.only
        if all(source.only.get(name) == first.only[name] for source in group)
    ]
    own = [
        {name: words for name, words in source.only.items() if name not in shared}
        for source in group
    ]
    if any(len(words) != 1 for words in own):
        return []  # what became of a deal is told by several columns together
    without = {name: list(words) for name, words in first.without.items()}
    for each in own:
        for name, words in each.items():
            without.setdefault(name, []).extend(words)
    return [
        replace(
            first,
            constants={**first.constants, "outcome": "open"},
            only={name: first.only[name] for name in shared},
            without={name: tuple(words) for name, words in without.items()},
        )
    ]
