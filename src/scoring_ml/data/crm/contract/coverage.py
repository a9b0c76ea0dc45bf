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
from scoring_ml.texts import Catalogue

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
            params = {"table": table, "words": words, "n": part.not_selected, "file": file}
            yield Catalogue.load().text("export.selects_none", **params)
        optional = [part.source.columns.get(name) for name in MAY_LACK]
        for column in (*part.source.without, *filter(None, optional)):
            if column not in part.columns:
                yield Catalogue.load().text(
                    "export.no_column", table=table, file=file, column=column
                )
    for name in fields:
        without = [part.source.file for part in opened if name not in part.columns]
        if without and len(without) < len(opened):
            files = ", ".join(without)
            yield Catalogue.load().text("export.field_missing", table=table, files=files, name=name)


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
            params = {"table": table, "keys": keys, "file": file, "found": found, "other": other}
            yield Catalogue.load().text("export.join", **params, pairs=pairs)


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
        params = {"table": name, "file": file, "why": why, "named": named, "most": most}
        if most and not any(used for _, used, _ in parts):
            yield Catalogue.load().text("export.no_row", **params)
        elif named < _LITTLE * most:
            yield Catalogue.load().text("export.few_named", **params)


def note_lost_wins(fates: RowFates, won: Bools) -> None:
    """Tell how many wins name a lead that is not there: its own lead may count as not won."""
    lost = won & fates.dropped("orphan")
    if lost.any():
        n, share = int(lost.sum()), float(lost.sum() / (won & (fates.alive | lost)).sum())
        params = {"table": fates.table.name, "n": n, "share": share}
        fates.notes.append(Catalogue.load().text("export.lost_wins", **params))


def unmapped_files(folder: Path, mapping: CrmMapping) -> Iterator[str]:
    """Tell of tables in the folder that crm.yaml does not name."""
    sources = [source for part in mapping.tables.values() for source in part]
    named = {name for source in sources for name in (source.file, *(j.file for j in source.join))}
    left = sorted(_table_files(folder) - {Path(name).as_posix() for name in named})
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        yield Catalogue.load().text("export.unmapped", files=", ".join(left[:_SHOWN]) + more)


def _table_files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.glob("*")
        if path.name.endswith(_TABLES) and not path.name.startswith(".")
    }
