"""The tables of an unknown CRM, told by the ids that files share and by what columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from scoring_ml.data.crm.drafting.column_roles import role_columns, table_variants
from scoring_ml.data.crm.drafting.completion import draft_text, kind_of
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import FolderFile, fold_name, shapes
from scoring_ml.data.draft import choose_order
from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.drafting.outcomes import outcome_meanings
from scoring_ml.data.names import has_word, parted_name

_Path = tuple[str, list[dict[str, Any]], str]
"""The column that names the lead of a row, the files to join for it, and the file of the source:
one of pairs, to which the file itself is joined, where that tells the leads of each row."""

_LEAST_KNOWN: Final = 0.7
"""Share of the ids of a column that the file that it points to must have."""
_MOST_OF_PAIRS: Final = 6
"""Columns of a file that says which rows of two others belong together."""
_CONTACTS: Final = ("outbound_call", "inbound_call", "email_sent", "email_reply", "meeting", "chat")
"""A file that is called so holds activities, also where each has a status."""


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
        self.versions = {file.name: found for file in opened if (found := _versions(file))}
        newest = [file.only(self.versions.get(file.name, ("", {}))[1]) for file in opened]
        keys = {file.name: _key(file, only) for file, only in zip(opened, newest, strict=True)}
        self.keys = {name: key for name, key in keys.items() if key is not None}
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
        # Of other files with versions no row can be joined: their key stands in several.
        for links in self.links.values():
            for name in (self.versions.keys() & links.keys()) - {leads.name}:
                del links[name]
        key, created = self.keys[leads.name], str(born[leads.name])
        count = sum(leads.name in links for links in self.links.values())
        draft = CrmDraft("", {"version": 1, "dataset": "", "timezone": "UTC", "tables": {}})
        draft.content |= {"fields": {}, "stages": {"order": []}}
        columns = {"lead_id": key, "created_at": created}
        lead: dict[str, Any] = {"file": leads.name, "columns": columns}
        draft.tables["leads"] = [lead]
        draft.reasons["tables", "leads", 0] = draft_text(
            "shape_leads", key=key, at=created, n=count
        )
        for other, column in self.links[leads.name].items():
            person = other in born and self._is_person(other)
            columns.setdefault("contact_id" if person else "account_id", column)
            lead.setdefault("join", []).append({"file": other, "on": {column: self.keys[other]}})
        if leads.name in self.versions:
            self._add_versions(draft, leads)
        for file in self.opened:
            merges = self.add_merges(draft, file, leads)
            if not merges and not self.add_table(draft, file, leads, tuple(shapes()["tables"])):
                why = "shape_nothing" if self._path(file, leads) else "shape_alone"
                draft.unmapped[file.name] = draft_text(why, leads=leads.name)
        for table, sources in draft.tables.items():
            for part in [part for each in sources for part in (each, *each.get("join", ()))]:
                draft.unmapped.pop(part["file"], None)
                for stage in draft.tables.get("stages", ()) if table == "deals" else ():
                    named = self.links[stage["file"]].get(part["file"])
                    if named and part["file"] != leads.name:
                        stage["columns"].setdefault("deal_id", named)
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
            if table == "stages" and _is_of_activities(file, used):
                continue
            last = table == "activities" and "deals" in tables
            if last and path and self._add_ends(draft, file, path):
                return True
            if file is leads and table != "deals":
                continue
            for roles, constants in table_variants(file, table):
                columns = role_columns(file, roles, used)
                if columns is not None:
                    key = self.keys.get(file.name)
                    if table == "deals" and key and not (path and path[0] == key):
                        columns["deal_id"] = key
                    if path and path[2] != file.name:
                        columns = {role: f"{file.stem}.{name}" for role, name in columns.items()}
                    lost = self._lost(draft, file, columns) if table == "deals" else {}
                    self._add(draft, table, file, path, columns, constants=constants, without=lost)
                    if lost:
                        columns.pop("outcome")
                        constants = {"outcome": "lost"}
                        self._add(draft, table, file, path, columns, constants=constants, only=lost)
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
        columns = role_columns(file, words["of_leads" if own else "of_file"], used)
        if columns is None or not _share(file.ids(columns["merged_into"]), ids) >= _LEAST_KNOWN:
            return False
        if own:
            lead |= columns
        else:
            self._add(draft, "merges", file, None, columns)
        return not own

    def _add_ends(self, draft: CrmDraft, file: FolderFile, path: _Path) -> bool:
        """Add the moments at which leads ended, each a column of a file with a row a lead."""
        own = "." not in path[0]
        if path[2] != file.name or (own and len(file.ids(path[0])) < file.table.num_rows):
            return False
        before = len(draft.tables.get("stages", ()))
        for stage, pattern in shapes()["ends"].items():
            columns = role_columns(file, {"entered_at": [pattern, "date"]}, {path[0]})
            if columns is not None:
                self._add(draft, "stages", file, path, columns, constants={"stage": stage})
                named = draft.content["stages"].get(stage, ())
                draft.content["stages"][stage] = list(dict.fromkeys([*named, stage]))
        return len(draft.tables.get("stages", ())) > before

    def _add(
        self, draft: CrmDraft, table: str, file: FolderFile, path: _Path | None,
        columns: Mapping[str, str], **more: Any,
    ) -> None:  # fmt: skip
        sources = draft.tables.setdefault(table, [])
        what = draft_text("shape", what=", ".join(map(repr, columns.values())))
        draft.reasons["tables", table, len(sources)] = what
        lead, joins, name = path or ("", [], file.name)
        columns = ({"lead_id": lead} if path else {}) | {**columns}
        source = {"file": name, "columns": columns} | more | {"join": joins}
        sources.append({key: each for key, each in source.items() if each})
        draft.unmapped.pop(file.name, None)

    def _lost(
        self, draft: CrmDraft, file: FolderFile, columns: Mapping[str, str]
    ) -> dict[str, list[str]]:
        """Return the flag of lost deals, where no word of the outcome means lost; ask for one."""
        outcome = columns["outcome"].removeprefix(f"{file.stem}.")
        if "lost" in outcome_meanings(list(file.words(outcome))).values():
            return {}
        for word, pattern in shapes()["lost_if"].items():
            for name, drafted in file.drafts.items():
                if drafted.column.type == "boolean" and drafted.look.named(pattern):
                    return {name: [word]}
        draft.questions.append(draft_text("ask_no_lost", file=file.name, column=outcome))
        return {}

    def _add_versions(self, draft: CrmDraft, leads: FolderFile) -> None:
        """Take the leads from the newest version of each, their changes and stages from all."""
        since, only = self.versions[leads.name]
        key, stage = self.keys[leads.name], shapes()["tables"]["stages"]["stage"][0]
        draft.tables["leads"][0]["only"] = only
        changing = [
            name
            for name, drafted in leads.drafts.items()
            if drafted.column.type in ("category", "number", "boolean", "multiselect")
            and name not in only
            and leads.changes(name, key)
        ]
        path: _Path = (key, [], leads.name)
        for name in changing:
            drafted = leads.drafts[name]
            if drafted.look.named(stage) and drafted.column.type == "category":
                self._add(draft, "stages", leads, path, {"stage": name, "entered_at": since})
            else:
                field = {"type": drafted.column.type, "from": "field_changes", "column": name}
                draft.content["fields"][folded_word(name).replace(" ", "_")] = field
        if changing:
            since_then = {"changed_at": since}
            self._add(draft, "field_changes", leads, path, since_then, fields=changing)

    def _path(self, file: FolderFile, leads: FolderFile) -> _Path | None:
        """Return the column that names a row's lead, and the files to join for it."""
        links, key, own = self.links[file.name], self.keys[leads.name], file.name
        if file is leads:
            return key, [], own
        if leads.name in links:
            return links[leads.name], [], own
        back = (f"{leads.stem}.{key}", leads.name)
        pairs = [(name, to) for name, to in self.links.items() if leads.name in to and name != own]
        for name, to in pairs:
            if own in to and len(self._file(name).columns) <= _MOST_OF_PAIRS:
                return to[leads.name], [{"file": own, "on": {to[own]: self.keys[own]}}], name
        for linked, column in links.items():
            for name, to in pairs:
                # By the id that both name; of several leads of a row the first counts.
                key_there = self.keys.get(name) if name == linked else to.get(linked)
                if key_there is not None:
                    named = f"{self._file(name).stem}.{to[leads.name]}"
                    return named, [{"file": name, "on": {column: key_there}}], own
            if linked in self.links[leads.name] and self._is_person(linked):
                on = {column: self.links[leads.name][linked]}
                return back[0], [{"file": back[1], "on": on}], own
        if own in self.links[leads.name] and self._is_person(own):
            on = {self.keys[own]: self.links[leads.name][own]}
            return back[0], [{"file": back[1], "on": on}], own
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
        return back[0], joins, own

    def _file(self, name: str) -> FolderFile:
        return next(file for file in self.opened if file.name == name)

    def _like_leads(self, file: FolderFile) -> float:
        name = f"{file.stem} {self.keys[file.name]}"
        into = sum(file.name in links for links in self.links.values())
        return into + 3 * _named(name, "leads") - 4 * _named(name, "no_leads")

    def _is_person(self, name: str) -> bool:
        return not _named(name, "no_leads")

    def _pointer(self, file: FolderFile, other: FolderFile) -> str | None:
        """Return the column whose ids are those of another file."""
        ids = other.ids(self.keys[other.name])
        roots = _roots(other.stem)
        key = fold_name(self.keys[other.name])
        found = []
        for column, drafted in file.drafts.items():
            name = fold_name(column)
            named = any(root in name for root in roots) or (key != "id" and name == key)
            kind = drafted.column.type
            if kind in ("date", "boolean") or (column == self.keys.get(file.name) and not named):
                continue
            mine = file.ids(column)
            plain = bool(len(mine)) and pc.all(pc.utf8_is_digit(mine)).as_py()
            if len(mine) < 2 or (kind == "number" and not plain):
                continue
            share = _share(mine, ids)
            # Numbers that happen to be among the ids are no ids; long ones do not happen to be.
            if plain and not named and (share < 0.9 or pc.min(pc.utf8_length(mine)).as_py() < 5):
                continue
            if share >= _LEAST_KNOWN and (named or len(mine) > 10):
                found.append((named, share, column))
        return max(found)[2] if found else None


def _roots(stem: str) -> list[str]:
    """Return the words of a file's name as their other forms begin, such as kontak of Kontakte."""
    words = [fold_name(word) for word in parted_name(stem).split() if len(word) > 2]
    words = [word for word in words if word.isalpha()]
    return [re.sub(r"(ies|s)$", "", word)[: max(4, len(word) - 3)] for word in words]


def _is_of_activities(file: FolderFile, used: set[str]) -> bool:
    """Tell whether a file's statuses are those of activities, by its name or by their words."""
    found = [role_columns(file, roles, used) for roles, _ in table_variants(file, "activities")]
    return kind_of(file.stem) in _CONTACTS or any(each and "result" in each for each in found)


def _versions(file: FolderFile) -> tuple[str, dict[str, list[str]]] | None:
    """Return the column since when each version of a row holds, and what tells the newest ones."""
    since, until, newest = (
        next((name for name in file.columns if has_word(parted_name(name), pattern)), "")
        for pattern in shapes()["versions"].values()
    )
    if not since or not until:
        return None
    last = max(file.words(until), default="")
    ends = last if last.startswith("9999") else ""
    return since, {newest: ["true"]} if newest else {until: [ends]}


def _named(name: str, role: str) -> bool:
    return re.search(rf"(?<!\w)(?:{shapes()[role]})", folded_word(name)) is not None


def _emails(file: FolderFile) -> list[str]:
    return [name for name, drafted in file.drafts.items() if drafted.column.type == "email"]


def _share(ids: Any, among: Any) -> float:
    """Return the share of some ids that are among others, 0-1; 0 of none."""
    found = pc.mean(pc.is_in(ids, value_set=among).cast(pa.float64())).as_py()
    return float(found or 0.0)


def _key(file: FolderFile, newest: FolderFile) -> str | None:
    """Return the column that names each row, once; of versions, each of the newest."""
    stem = re.sub(r"s$", "", fold_name(file.stem.split("_")[-1]))
    found = [
        (
            len(file.ids(name)) < file.table.num_rows,
            fold_name(name) in ("id", f"{stem}id", stem, "recordid"),
            -at,
            name,
        )
        for at, (name, drafted) in enumerate(file.drafts.items())
        if drafted.column.type not in ("date", "boolean", "email", "phone")
        and (
            drafted.look.names("id") or drafted.column.type == "id" or fold_name(name)[-2:] == "id"
        )
        and len(newest.ids(name)) == newest.table.num_rows > 1
    ]
    return max(found)[3] if found else None
