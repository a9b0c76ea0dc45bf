"""The notes on files, joins and wins of which a reading makes little or no use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.tables import MAY_LACK
from scoring_ml.data.crm.tables import SourceColumns
from scoring_ml.data.values.moments import Bools

_LITTLE: Final = 0.5
_TABLES: Final = (".csv", ".csv.gz", ".tsv", ".parquet", ".xlsx")
_OF_NO_LEAD: Final = ("no_lead", "orphan")
_SHOWN: Final = 5


def selection_notes(
    table: str, opened: Sequence[SourceColumns], fields: Sequence[str]
) -> Iterator[str]:
    """Tell of files that give nothing, or less than the other files of their table."""
    for part in opened:
        file = part.source.file
        if part.not_selected and not part.rows:
            words = "; ".join(
                f"{name}: {', '.join(words)}"
                for choices in (part.source.only, part.source.without)
                for name, words in choices.items()
            )
            yield (
                f"{table}: only or without ({words}) selects none of the {part.not_selected:,} "
                f"rows of {file}; check its words"
            )
        optional = [part.source.columns.get(name) for name in MAY_LACK]
        for column in (*part.source.without, *filter(None, optional)):
            if column not in part.columns:
                yield f"{table}: {file} has no column {column}, so it tells nothing"
    for name in fields:
        without = [part.source.file for part in opened if name not in part.columns]
        if without and len(without) < len(opened):
            yield (
                f"{table}: {', '.join(without)} has no column {name}, so the field counts as "
                "missing in its rows"
            )


def join_notes(table: str, opened: Iterable[SourceColumns]) -> Iterator[str]:
    """Tell of joins that find few of their keys; sources of one file share its rows."""
    pooled: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for part in opened:
        for join, hits in zip(part.source.join, part.hits, strict=True):
            pair = ", ".join(f"{key} = {other_key}" for key, other_key in join.on.items())
            counts = pair, int((hits >= 0).sum()), int((hits > 0).sum())
            pooled.setdefault((part.source.file, join.file), []).append(counts)
    for (file, other), counts_of in pooled.items():
        keys, found = max(keys for _, keys, _ in counts_of), sum(hit for _, _, hit in counts_of)
        if found < _LITTLE * keys:
            pairs = "; ".join(pair for pair, _, _ in counts_of)
            yield (
                f"{table}: of {keys:,} rows of {file} that have a key, {found:,} find a row of "
                f"{other} ({pairs}). Check that the two columns hold the same ids"
            )


def use_notes(fates: RowFates) -> Iterator[str]:
    """Tell of files of which no row is used, or of whose rows few name a lead in use."""
    name, start = fates.table.name, 0
    rows: dict[str, list[tuple[int, int, int]]] = {}
    reasons: dict[str, dict[str, int]] = {}
    for part in fates.table.opened:
        mine = slice(start, start + part.rows)
        start += part.rows
        counts = fates.reasons(mine)
        known = reasons.setdefault(part.source.file, {})
        for defect, count in counts.items():
            known[defect] = known.get(defect, 0) + count
        nameless = sum(counts.get(defect, 0) for defect in _OF_NO_LEAD)
        used = int(fates.alive[mine].sum())
        rows.setdefault(part.source.file, []).append((part.rows, used, part.rows - nameless))
    for file, parts in rows.items():
        most = max(count for count, _, _ in parts)
        named = sum(count for _, _, count in parts)
        why = ", ".join(f"{count:,} {defect}" for defect, count in reasons[file].items())
        if reasons[file].keys() == {"no_merge"}:
            continue  # nothing was merged
        if most and not any(used for _, used, _ in parts):
            yield f"{name}: no row of {file} is used ({why}). Map it otherwise, or not at all"
        elif named < _LITTLE * most:
            yield (
                f"{name}: {named:,} of {most:,} rows of {file} name a lead in use ({why}). Check "
                "lead_id and the join"
            )


def note_lost_wins(fates: RowFates, won: Bools) -> None:
    """Tell how many wins name a lead that is not there: its own lead may count as not won."""
    lost = won & fates.dropped("orphan")
    if lost.any():
        share = lost.sum() / (won & (fates.alive | lost)).sum()
        fates.notes.append(
            f"{fates.table.name}: {lost.sum():,} wins, {share:.1%} of all, name a lead that is not "
            "in the export, as if it had been merged into another one or deleted. If that lead is "
            "there under another id, it counts as not won. Tell which by merged_into of leads or "
            "by the table merges, or export the missing leads too"
        )


def unmapped_files(folder: Path, mapping: CrmMapping) -> Iterator[str]:
    """Tell of tables in the folder that crm.yaml does not name."""
    sources = [source for part in mapping.tables.values() for source in part]
    named = {name for source in sources for name in (source.file, *(j.file for j in source.join))}
    left = sorted(_table_files(folder) - {Path(name).as_posix() for name in named})
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        yield (
            f"crm.yaml does not use {', '.join(left[:_SHOWN])}{more}: map what it tells of leads "
            "under tables, or join it to a table"
        )


def _table_files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.glob("*")
        if path.name.endswith(_TABLES) and not path.name.startswith(".")
    }
