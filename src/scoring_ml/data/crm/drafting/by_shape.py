"""The tables of an unknown CRM, told by the ids that files share and by what columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from scoring_ml.data.crm.drafting.completion import MOST_STAGES, draft_text, kind_of
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import FolderFile, fold_name, shapes
from scoring_ml.data.draft import choose_order
from scoring_ml.data.drafting.look import ID_NAME, folded_word
from scoring_ml.data.drafting.outcomes import outcome_meanings

_MOST_KINDS: Final = 100
_MOST_FOREIGN: Final = 0.3
"""Share of the ids of a column that the file that it points to need not have."""


def draft_by_shape(opened: Sequence[FolderFile]) -> CrmDraft | None:
    """Draft the mapping of an unknown CRM; ``None`` if no file looks like leads."""
    return _Shape(opened).draft()


class _Shape:
    """Files, their keys, and which columns of other files point to them."""

    def __init__(self, opened: Sequence[FolderFile]) -> None:
        self.opened = opened
        self.keys = {file.name: key for file in opened if (key := _key(file)) is not None}
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
        joined = {join["file"] for join in joins}
        for file in self.opened:
            self._add_table(draft, file, leads, joined)
        return draft

    def _add_table(
        self, draft: CrmDraft, file: FolderFile, leads: FolderFile, joined: set[str]
    ) -> None:
        path = self._path(file, leads)
        for table, roles in shapes()["tables"].items():
            if table == "spend" if path is not None else table != "spend":
                continue
            if file is leads and table != "deals":
                continue
            columns = _columns(file, roles, {*(path or ("",))[:1], self.keys.get(file.name, "")})
            constants = {}
            if columns is None and table == "activities":
                kind = kind_of(file.stem)
                rest = {name: role for name, role in roles.items() if name != "type"}
                columns = _columns(file, rest, {self.keys.get(file.name, "")}) if kind else None
                constants = {"type": kind}
            if columns is None:
                continue
            column, joins = path or ("", [])
            source: dict[str, Any] = {"file": file.name}
            source["columns"] = ({"lead_id": column} if column else {}) | columns
            if table == "deals" and file is not leads and file.name in self.keys:
                source["columns"]["deal_id"] = self.keys[file.name]
            source |= ({"constants": constants} if constants else {}) | (
                {"join": joins} if joins else {}
            )
            sources = draft.tables.setdefault(table, [])
            place = ("tables", table, len(sources))
            draft.reasons[place] = draft_text("shape", what=", ".join(map(repr, columns.values())))
            sources.append(source)
            return
        if file is not leads and file.name not in joined:
            key = "shape_nothing" if path else "shape_alone"
            draft.unmapped[file.name] = draft_text(key, leads=leads.name)

    def _path(self, file: FolderFile, leads: FolderFile) -> tuple[str, list[dict[str, Any]]] | None:
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
        mine, address = _email(file), _email(leads)
        if mine is None or address is None:
            return None
        return f"{leads.stem}.{key}", [{"file": leads.name, "on": {mine: address}}]

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
            share = pc.mean(pc.is_in(mine, value_set=ids).cast(pa.float64())).as_py()
            if share >= 1 - _MOST_FOREIGN and (named or len(mine) > 10):
                found.append((named, share, column))
        return max(found)[2] if found else None


def _named(name: str, role: str) -> bool:
    return re.search(rf"(?<!\w)(?:{shapes()[role]})", folded_word(name)) is not None


def _email(file: FolderFile) -> str | None:
    return next((n for n, d in file.drafts.items() if d.column.type == "email"), None)


def _key(file: FolderFile) -> str | None:
    """Return the column that names each row, once."""
    stem = re.sub(r"s$", "", fold_name(file.stem.split("_")[-1]))
    found = [
        (fold_name(name) in ("id", f"{stem}id", stem, "recordid"), -at, name)
        for at, (name, drafted) in enumerate(file.drafts.items())
        if drafted.column.type not in ("date", "boolean", "email", "phone")
        and (
            drafted.look.named(ID_NAME)
            or drafted.column.type == "id"
            or fold_name(name)[-2:] == "id"
        )
        and len(file.ids(name)) == file.table.num_rows > 1
    ]
    return max(found)[2] if found else None


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
        return {"won", "lost"} <= meanings and len(words) <= MOST_STAGES
    return True
