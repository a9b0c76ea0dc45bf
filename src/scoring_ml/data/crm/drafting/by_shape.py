"""The tables of an unknown CRM, told by the ids that files share and by what columns hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from scoring_ml.data.crm.drafting.completion import MOST_STAGES, draft_text, kind_of
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import FolderFile, fold_name, shapes
from scoring_ml.data.draft import choose_order
from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.drafting.outcomes import outcome_meanings

_Path = tuple[str, list[dict[str, Any]]]
"""The column that names the lead of a row, and the files to join for it."""

_MOST_KINDS: Final = 100
_LEAST_KNOWN: Final = 0.7
"""Share of the ids of a column that the file that it points to must have."""


def draft_by_shape(opened: Sequence[FolderFile]) -> CrmDraft | None:
    """Draft the mapping of an unknown CRM; ``None`` if no file looks like leads."""
    return _Shape(opened).draft()


def add_by_shape(draft: CrmDraft, opened: Sequence[FolderFile]) -> None:
    """Add activities and spend that a template does not know to its draft."""
    source = draft.tables["leads"][0]
    shape = _Shape(opened, (source["file"], source.get("columns", {}).get("lead_id", "lead_id")))
    leads = next(file for file in opened if file.name == source["file"])
    for file in (leads, *(file for file in opened if file.name in draft.unmapped)):
        if not shape.add_merges(draft, file, leads) and file is not leads:
            shape.add_table(draft, file, leads, ("activities", "spend"))


class _Shape:
    """Files, their keys, and which columns of other files point to them."""

    def __init__(self, opened: Sequence[FolderFile], *known: tuple[str, str]) -> None:
        self.opened = opened
        self.keys = {file.name: key for file in opened if (key := _key(file)) is not None}
        self.keys |= dict(known)
        self.links: dict[str, dict[str, str]] = {file.name: {} for file in opened}
        for file in opened:
            for other in opened:
                column = self._pointer(file, other) if other.name in self.keys else None
                if column is not None and file is not other:
                    self.links[file.name][other.name] = column

    def draft(self) -> CrmDraft | None:
        born = {
            file.name: order.column
            for file in self.opened
            if file.name in self.keys and (order := choose_order(file.drafts)).by == "time"
        }
        leads = max((f for f in self.opened if f.name in born), key=self._like_leads, default=None)
        if leads is None:
            return None
        key, created = self.keys[leads.name], str(born[leads.name])
        count = sum(leads.name in links for links in self.links.values())
        draft = CrmDraft("", {"version": 1, "dataset": "", "timezone": "UTC", "tables": {}})
        draft.content |= {"fields": {}, "stages": {"order": []}}
        columns = {"lead_id": key, "created_at": created}
        joins: list[dict[str, Any]] = []
        draft.tables["leads"] = [{"file": leads.name, "columns": columns}]
        draft.reasons["tables", "leads", 0] = draft_text(
            "shape_leads", key=key, at=created, n=count
        )
        for other, column in self.links[leads.name].items():
            if other not in born or not self._is_person(other):
                columns.setdefault("account_id", column)
            else:
                columns.setdefault("contact_id", column)
            joins.append({"file": other, "on": {column: self.keys[other]}})
        if joins:
            draft.tables["leads"][0]["join"] = joins
        for file in self.opened:
            merges = self.add_merges(draft, file, leads)
            if not merges and not self.add_table(draft, file, leads, tuple(shapes()["tables"])):
                joined = any(join["file"] == file.name for join in joins)
                if file is not leads and not joined:
                    why = "shape_nothing" if self._path(file, leads) else "shape_alone"
                    draft.unmapped[file.name] = draft_text(why, leads=leads.name)
        return draft

    def add_table(
        self, draft: CrmDraft, file: FolderFile, leads: FolderFile, tables: Sequence[str]
    ) -> bool:
        """Add a file to the first of some tables whose columns it has; tell whether it is one."""
        path = self._path(file, leads)
        used = {self.keys.get(file.name, ""), path[0] if path else ""}
        for table in tables:
            if (table == "spend") == (path is not None):
                continue
            last = table == "activities" and "deals" in tables
            if last and path and self._add_ends(draft, file, path):
                return True
            if file is leads and table != "deals":
                continue
            for roles, constants in _variants(file, table):
                columns = _columns(file, roles, used)
                if columns is not None:
                    key = self.keys.get(file.name)
                    if table == "deals" and key and not (path and path[0] == key):
                        columns["deal_id"] = key
                    source: dict[str, Any] = {
                        "columns": ({"lead_id": path[0]} if path else {}) | columns
                    }
                    source |= {"constants": constants} | {"join": path[1] if path else []}
                    self._add(draft, table, file, source)
                    return True
        return False

    def add_merges(self, draft: CrmDraft, file: FolderFile, leads: FolderFile) -> bool:
        """Add what a file of merges, or the leads themselves, tell of leads that were merged."""
        lead, words = draft.tables["leads"][0].setdefault("columns", {}), shapes()["merges"]
        own, ids = file is leads, leads.ids(self.keys[leads.name])
        named = f"{file.stem} {' '.join(file.columns)}"
        done = "merges" in draft.tables or "merged_into" in lead
        if done or not re.search(words["merged"], folded_word(named)):
            return False
        used = set(lead.values()) if own else set()
        columns = _columns(file, words["of_leads" if own else "of_file"], used)
        if columns is None or not _share(file.ids(columns["merged_into"]), ids) >= _LEAST_KNOWN:
            return False
        if own:
            lead |= columns
        else:
            self._add(draft, "merges", file, {"columns": columns})
        return not own

    def _add_ends(self, draft: CrmDraft, file: FolderFile, path: _Path) -> bool:
        """Add the moments at which leads ended, each a column of a file with a row a lead."""
        if "." not in path[0] and len(file.ids(path[0])) < file.table.num_rows:
            return False
        before = len(draft.tables.get("stages", ()))
        for stage, pattern in shapes()["ends"].items():
            columns = _columns(file, {"entered_at": [pattern, "date"]}, {path[0]})
            if columns is not None:
                source = {"columns": {"lead_id": path[0]} | columns, "constants": {"stage": stage}}
                self._add(draft, "stages", file, source | {"join": path[1]})
                named = draft.content["stages"].get(stage, ())
                draft.content["stages"][stage] = list(dict.fromkeys([*named, stage]))
        return len(draft.tables.get("stages", ())) > before

    def _add(self, draft: CrmDraft, table: str, file: FolderFile, source: dict[str, Any]) -> None:
        sources = draft.tables.setdefault(table, [])
        shown = [name for role, name in source["columns"].items() if role != "lead_id"]
        what = draft_text("shape", what=", ".join(map(repr, shown)))
        draft.reasons["tables", table, len(sources)] = what
        sources.append({"file": file.name} | {key: each for key, each in source.items() if each})
        draft.unmapped.pop(file.name, None)

    def _path(self, file: FolderFile, leads: FolderFile) -> _Path | None:
        """Return the column that names a row's lead, and the files to join for it."""
        links, key = self.links[file.name], self.keys[leads.name]
        if file is leads:
            return key, []
        if leads.name in links:
            return links[leads.name], []
        for name, column in links.items():
            other = next(each for each in self.opened if each.name == name)
            on = {column: self.keys[name]}
            if leads.name in self.links[name]:
                named = f"{other.stem}.{self.links[name][leads.name]}"
                return named, [{"file": name, "on": on}]
            if name in self.links[leads.name] and self._is_person(name):
                back = {column: self.links[leads.name][name]}
                return f"{leads.stem}.{key}", [{"file": leads.name, "on": back}]
        found = [
            (_share(file.ids(mine), other.ids(address)), mine, other, address)
            for other in (leads, *(f for f in self.opened if f.name in self.links[leads.name]))
            for address in _emails(other)
            for mine in _emails(file)
        ]
        share, mine, other, address = max(
            found, key=lambda item: item[0], default=(0, "", file, "")
        )
        if not share:
            return None
        joins = [{"file": other.name, "on": {mine: address}}]
        if other is not leads:
            on = {f"{other.stem}.{self.keys[other.name]}": self.links[leads.name][other.name]}
            joins.append({"file": leads.name, "on": on})
        return f"{leads.stem}.{key}", joins

    def _like_leads(self, file: FolderFile) -> float:
        name = f"{file.stem} {self.keys[file.name]}"
        into = sum(file.name in links for links in self.links.values())
        return into + 3 * _named(name, "leads") - 4 * _named(name, "no_leads")

    def _is_person(self, name: str) -> bool:
        return not _named(name, "no_leads")

    def _pointer(self, file: FolderFile, other: FolderFile) -> str | None:
        """Return the column whose ids are those of another file."""
        ids = other.ids(self.keys[other.name])
        stem = re.sub(r"(ies|s)$", "", fold_name(other.stem.split("_")[-1]))
        key = fold_name(self.keys[other.name])
        found = []
        for column, drafted in file.drafts.items():
            name = fold_name(column)
            named = (len(stem) > 2 and stem in name) or (key != "id" and name == key)
            kind = drafted.column.type
            if kind in ("date", "boolean") or (column == self.keys.get(file.name) and not named):
                continue
            mine = file.ids(column)
            plain = bool(len(mine)) and pc.all(pc.utf8_is_digit(mine)).as_py()
            if len(mine) < 2 or (plain and not named) or (kind == "number" and not plain):
                continue
            share = _share(mine, ids)
            if share >= _LEAST_KNOWN and (named or len(mine) > 10):
                found.append((named, share, column))
        return max(found)[2] if found else None


def _named(name: str, role: str) -> bool:
    return re.search(rf"(?<!\w)(?:{shapes()[role]})", folded_word(name)) is not None


def _emails(file: FolderFile) -> list[str]:
    return [name for name, drafted in file.drafts.items() if drafted.column.type == "email"]


def _share(ids: Any, among: Any) -> float:
    """Return the share of some ids that are among others, 0-1; 0 of none."""
    found = pc.mean(pc.is_in(ids, value_set=among).cast(pa.float64())).as_py()
    return float(found or 0.0)


def _key(file: FolderFile) -> str | None:
    """Return the column that names each row, once."""
    stem = re.sub(r"s$", "", fold_name(file.stem.split("_")[-1]))
    found = [
        (fold_name(name) in ("id", f"{stem}id", stem, "recordid"), -at, name)
        for at, (name, drafted) in enumerate(file.drafts.items())
        if drafted.column.type not in ("date", "boolean", "email", "phone")
        and (
            drafted.look.names("id") or drafted.column.type == "id" or fold_name(name)[-2:] == "id"
        )
        and len(file.ids(name)) == file.table.num_rows > 1
    ]
    return max(found)[2] if found else None


def _variants(file: FolderFile, table: str) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield the columns that a table needs, and what is the same in every row instead."""
    roles = dict(shapes()["tables"][table])
    yield roles, {}
    kind = kind_of(file.stem) if table == "activities" else ""
    if kind:
        yield {name: role for name, role in roles.items() if name != "type"}, {"type": kind}


def _columns(
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
            columns["known_at"] = free[-1][0]
    return columns


def _holds(file: FolderFile, name: str, kind: str, wanted: str) -> bool:
    if wanted in ("date", "number"):
        return kind == wanted
    if wanted == "any":
        return True
    words = file.words(name)
    if kind not in ("category", "boolean", "number", "text") or len(words) > _MOST_KINDS:
        return False
    if wanted == "outcome":
        meanings = set(outcome_meanings(list(words)).values())
        whole = {"won", "lost"} <= meanings or ("won" in meanings and "other" not in meanings)
        return whole and len(words) <= MOST_STAGES
    return True
