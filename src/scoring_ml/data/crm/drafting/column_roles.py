"""The columns of a file that may be those of a table of the contract, by their names and cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from scoring_ml.data.crm.drafting.completion import MEANINGS, MOST_STAGES, kind_of
from scoring_ml.data.crm.drafting.folder import FolderFile, shapes
from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.drafting.outcomes import outcome_meanings
from scoring_ml.data.names import has_word

_MOST_KINDS: Final = 100


def table_variants(file: FolderFile, table: str) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield the columns that a table needs, and what is the same in every row instead."""
    roles = dict(shapes()["tables"][table])
    kind = kind_of(file.stem) if table == "activities" else ""
    if not kind:
        yield roles, {}
        if table == "stages" and has_word(folded_word(file.stem), f".*({roles['stage'][0]})"):
            yield roles | {"stage": ["(new )?value$|to$|name$", "words"]}, {}
        return
    # What the file is called says more than a type that is none, such as incoming and outgoing.
    yield roles | {"type": [roles["type"][0], "kind"]}, {}
    yield {name: role for name, role in roles.items() if name != "type"}, {"type": kind}


def role_columns(
    file: FolderFile, roles: Mapping[str, Sequence[str]], used: set[str]
) -> dict[str, str] | None:
    """Give each column of a contract the file's column that it may be; None if one is missing."""
    columns: dict[str, str] = {}
    for role, (pattern, kind, *maybe) in roles.items():
        free = [
            (name, drafted)
            for name, drafted in file.drafts.items()
            if name not in (*used, *columns.values()) and drafted.look.named(pattern)
            and _holds(file, name, drafted.column.type, kind)
        ]  # fmt: skip
        free.sort(key=lambda item: item[1].look.named(shapes()["recorded"]) and kind == "date")
        if free:
            columns[role] = free[0][0]
        elif not maybe:
            return None
        if kind == "date" and len(free) > 1 and free[-1][1].look.named(shapes()["recorded"]):
            # The moments at which a warehouse fetched the rows are few, and tell nothing of them.
            first, last = (len(free[at][1].look.counts) for at in (0, -1))
            if last > first / 10:
                columns["known_at"] = free[-1][0]
    return columns


def _holds(file: FolderFile, name: str, kind: str, wanted: str) -> bool:
    if wanted in ("date", "number"):
        return kind == wanted
    if wanted == "any":
        return True
    words = file.words(name)
    if wanted in MEANINGS:
        found = [MEANINGS[wanted](word) is not None for word in list(words)[:_MOST_KINDS]]
        few = kind in ("category", "text") and len(words) <= MOST_STAGES
        return few and sum(found) > len(found) / 2
    if kind not in ("category", "boolean", "number", "text") or len(words) > _MOST_KINDS:
        return False
    if wanted == "outcome":
        meanings = set(outcome_meanings(list(words)).values())
        whole = {"won", "lost"} <= meanings or ("won" in meanings and "other" not in meanings)
        return whole and len(words) <= MOST_STAGES
    return True
