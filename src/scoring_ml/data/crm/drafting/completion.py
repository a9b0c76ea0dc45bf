"""The rest of a draft of crm.yaml: words of stages and outcomes, other fields, open questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.column_dates import Seen
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import FolderFile, fold_name, shapes
from scoring_ml.data.crm.drafting.templates import changed_fields
from scoring_ml.data.crm.ids import spelt_out
from scoring_ml.data.crm.lead_index import places
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.fields import RESERVED
from scoring_ml.data.crm.mapping.tables import Join, Source
from scoring_ml.data.crm.tables import Table, open_source
from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.drafting.outcomes import outcome_meanings
from scoring_ml.data.files.data_file import DataFile
from scoring_ml.data.names import has_word
from scoring_ml.data.schema import FEATURE_TYPES, Column
from scoring_ml.data.values.moments import DAY
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.texts import Catalogue

_Files = Mapping[str, FolderFile]

_ATTRIBUTES: Final = tuple(kind for kind in FEATURE_TYPES if kind != "date")
MOST_STAGES: Final = 40
"""A column of more different words than this is not one of stages."""


def complete(draft: CrmDraft, opened: Sequence[FolderFile]) -> None:
    """Add what the data alone can tell to a draft, and the questions that are left."""
    files = {file.name: file for file in opened}
    _leave_out_deleted(draft, files)
    _add_fields(draft, files)
    _add_dates(draft, files)
    draft.reasons[("fields",)] = draft_text("fields")
    _add_stages(draft, files)
    _add_outcomes(draft, files)
    _add_kinds(draft, files)
    draft.reasons[("timezone",)] = draft_text("timezone")
    draft.reasons[("tables",)] = draft_text("extracted_at")
    for table, sources in draft.tables.items():
        for number, source in enumerate(sources):
            file = files[source["file"]]
            what = draft.reasons.get(("tables", table, number), "")
            if draft.system and not what:
                what = draft_text("template_source", system=draft.system, table=table)
            text = draft_text("source", file=file.name, rows=file.table.num_rows, what=what)
            draft.reasons["tables", table, number] = text
    _ask(draft, files)


def draft_text(key: str, /, **params: Any) -> str:
    """Return a sentence of a draft."""
    return Catalogue.load("en").text(f"draft.{key}", **params)


def _leave_out_deleted(draft: CrmDraft, files: _Files) -> None:
    """Set the rows aside that a flag of their file says are deleted."""
    for source in (source for sources in draft.tables.values() for source in sources):
        for name, drafted in files[source["file"]].drafts.items():
            chosen = {*source.get("only", ()), *source.get("without", ())}
            flag = drafted.column.type == "boolean" and name not in chosen
            if flag and drafted.look.named(shapes()["deleted"]):
                source.setdefault("without", {})[name] = ["true"]


def _add_fields(draft: CrmDraft, files: _Files) -> None:
    """Draft the columns of the leads' own files that no line names yet."""
    fields = draft.content["fields"]
    # An example says itself of which fields it wants the history.
    changes = () if draft.system else [*changed_fields(draft, files)]
    used = {str(item.get("column", name)) for name, item in fields.items()}
    for sources in draft.tables.values():
        for source in sources:
            chosen = (*source.get("only", ()), *source.get("without", ()))
            used |= {*source.get("columns", {}).values(), *chosen}
            used |= {left for join in source.get("join", ()) for left in join["on"]}
    for source in draft.tables["leads"]:
        file = files[source["file"]]
        beside = [files[join["file"]] for join in source.get("join", ())]
        for part in (file, *beside):
            for name, drafted in part.drafts.items():
                column = drafted.column
                named = name if part is file else f"{part.stem}.{name}"
                keys = {key for join in source.get("join", ()) for key in join["on"].values()}
                if {named, name} & used or (part is not file and name in keys):
                    continue
                if column.type not in _ATTRIBUTES or not drafted.look.counts:
                    continue
                used.add(named)
                key = re.sub(r"\W+", "_", named.casefold()).strip("_") or "field"
                while key in fields or key in RESERVED:
                    key += "_"
                fields[key] = _drafted_field(column, named)
                if changed := {fold_name(word): word for word in changes}.get(fold_name(name)):
                    history = {"from": "field_changes", "column": changed}
                    fields[key] = {"type": column.type, "criterion": column.criterion} | history
                if column.currency_of and part is not file:
                    fields[key]["currency_of"] = f"{part.stem}.{column.currency_of}"
                for finding in column.audit:
                    if finding.grade == "ask" or column.currency_of:
                        draft.questions.append(f"fields.{key}: {finding.text}")


def _drafted_field(column: Column, named: str) -> dict[str, Any]:
    by_form = column.criterion in ("source", "campaign") and "." not in named
    decided = ("use", "allow", "audit", "askable", "type")
    rest = {key: value for key, value in column.dump().items() if key not in decided}
    known = "set_at_creation" if by_form else "unknown"
    reason = draft_text("by_form" if by_form else "newest_value")
    return {"type": column.type, "column": named} | rest | {"known": known, "reason": reason}


def _add_dates(draft: CrmDraft, files: _Files) -> None:
    """Write down how each column writes its dates, as its cells show; ask where none does."""
    seen: Seen = {}
    opened = [
        (source, _table(draft, files, name, [source]))
        for name, sources in draft.tables.items()
        for source in sources
    ]
    for _, table in opened:
        table.look_at_dates(seen)
    for source, table in opened:
        for column in table.dates.looked:
            table.moments(column)
        forms: dict[str, Any] = {}
        for key, dates in table.dates.decided.items():
            open_day = key in table.dates.unsure
            form = (replace(dates, day_first=None) if open_day else dates).dump()
            forms |= {key.rpartition(".")[2]: form} if form else {}
        if forms:
            source["dates"] = forms
        for key, text in table.dates.unsure.items():
            draft.questions.append(draft_text("ask_day_first", column=key, why=text))


def _add_stages(draft: CrmDraft, files: _Files) -> None:
    """Propose an order of the stages: that of the days, after creation, at which leads enter."""
    if "stages" not in draft.tables:
        return
    stages = draft.content.setdefault("stages", {})
    names = [*stages.get("order", []), *stages.get("won", []), *stages.get("lost", [])]
    leads, table = _tables(draft, files, "leads"), _tables(draft, files, "stages")
    coded = table.words("stage", frozenset(map(folded, names)))
    at = places(table.ids("lead_id"), spelt_out(leads.ids("lead_id")))
    entered, created = table.moments("entered_at").values, leads.moments("created_at").values
    days = (entered - created[at]) / DAY
    usable = (at >= 0) & (coded.codes >= 0) & (entered > 0)
    typical = {
        word: float(np.median(days[usable & (coded.codes == code)]))
        for code, word in enumerate(coded.words)
        if (usable & (coded.codes == code)).any()
    }
    new = [word for word in typical if folded(word) not in set(map(folded, names))]
    if not new or len(new) > MOST_STAGES:
        return
    meanings = outcome_meanings(new, beside_deals="deals" in draft.tables)
    for kind in ("won", "lost"):
        ends = [word for word in new if meanings[word] == kind]
        stages[kind] = [*stages.get(kind, []), *ends]
    order = list(stages.get("order", []))
    for word in sorted(new, key=typical.__getitem__):
        if meanings[word] not in ("won", "lost"):
            later = [at for at, name in enumerate(order) if typical.get(name, -1) > typical[word]]
            order.insert(later[0] if later else len(order), word)
    draft.content["stages"] = {"order": order} | stages | {"order": order}
    shown = ", ".join(f"{word!r} ({typical[word]:.1f} days)" for word in new)
    draft.reasons[("stages", "order")] = draft_text("stage_order", words=shown)
    draft.questions.append(draft_text("ask_stages", order=", ".join(order)))


def _add_outcomes(draft: CrmDraft, files: _Files) -> None:
    """Translate words of outcomes that are usual ones."""
    if "deals" not in draft.tables:
        return
    stages = draft.content.get("stages", {})
    names = (name for kind in ("order", "won", "lost") for name in stages.get(kind, ()))
    known_words = {"won", "lost", "open", *map(folded, names)}
    for number, source in enumerate(draft.tables["deals"]):
        words = source.get("words", {}).get("outcome", {})
        if "outcome" in source.get("constants", ()) or "*" in words:
            continue
        table = _table(draft, files, "deals", [source])
        coded = table.words("outcome", frozenset(known_words))
        new = [word for word in coded.words if folded(word) not in known_words][:MOST_STAGES]
        meanings = outcome_meanings(coded.words)
        known = {word: meanings[word] for word in new if meanings[word] != "other"}
        if known:
            source.setdefault("words", {})["outcome"] = {**words, **known}
        unknown = [word for word in new if word not in known]
        if unknown:
            shown = ", ".join(map(repr, unknown))
            draft.reasons[("tables", "deals", number)] = draft_text("outcomes", words=shown)
            draft.questions.append(draft_text("ask_outcomes", words=shown, file=source["file"]))


def _tables(draft: CrmDraft, files: _Files, name: str) -> Table:
    return _table(draft, files, name, draft.tables[name])


def _table(draft: CrmDraft, files: _Files, name: str, sources: Sequence[Any]) -> Table:
    content = {"version": 1, "dataset": "x", "tables": {**draft.tables, name: [*sources]}}
    keys = ("timezone", "day_first", "missing", "stages")
    content |= {key: draft.content[key] for key in keys if key in draft.content}
    mapping = CrmMapping.read(content)

    def read(part: Source | Join, wanted: set[str]) -> DataFile:
        file = files[part.file].file
        kept = [column for column in file.table.column_names if column in wanted]
        return replace(file, table=file.table.select(kept))

    opened = [open_source(read, name, source, ()) for source in mapping.tables[name]]
    return Table(name, mapping, [part for parts in opened for part in parts])


def _add_kinds(draft: CrmDraft, files: _Files) -> None:
    """Say of every type of activity what kind it is, or that it is not counted."""
    for number, source in enumerate(draft.tables.get("activities", ())):
        for role in ("direction", "result"):
            if role in source.get("columns", ()) and role not in source.get("words", ()):
                coded = _table(draft, files, "activities", [source]).words(role, frozenset())
                if known := {word: of for word in coded.words if (of := MEANINGS[role](word))}:
                    source.setdefault("words", {})[role] = known
        words = source.get("words", {}).get("type", {})
        if "type" in source.get("constants", ()) or "*" in words:
            continue
        coded = _table(draft, files, "activities", [source]).words("type", frozenset(KINDS))
        new = [word for word in coded.words if word not in KINDS]
        if len(new) > MOST_STAGES:
            source.setdefault("words", {})["type"] = {**words, "*": ""}
            draft.questions.append(draft_text("ask_many_kinds", file=source["file"], n=len(new)))
            continue
        meanings = {word: kind_of(word) for word in new}
        if new:
            kinds = {word: kind or "" for word, kind in meanings.items()}
            source.setdefault("words", {})["type"] = {**words, **kinds}
            draft.reasons[("tables", "activities", number, "words")] = draft_text("kinds")
        unknown = [repr(word) for word, kind in meanings.items() if kind is None]
        if unknown:
            shown = ", ".join(unknown)
            draft.questions.append(
                draft_text("ask_unknown_kinds", file=source["file"], words=shown)
            )


def kind_of(word: str) -> str | None:
    """Return the kind of activity that a word tells; empty for none that counts.

    >>> kind_of("Outgoing call"), kind_of("No-show"), kind_of("qwerty")
    ('outbound_call', '', None)
    """
    return _first("kind", word)


def _ask(draft: CrmDraft, files: _Files) -> None:
    """List what only a person can decide."""
    ask = draft.questions.append
    if "deals" not in draft.tables and not draft.content.get("stages", {}).get("won"):
        ask(draft_text("ask_no_outcome"))
    kinds: dict[str, set[str]] = {}
    for source in draft.tables.get("activities", ()):
        found = {*source.get("words", {}).get("type", {}).values()}
        found |= {source.get("constants", {}).get("type", "")}
        kinds.setdefault(source["file"], set()).update(found - {""})
    if kinds:
        shown = (f"{file} is {', '.join(sorted(each)) or '?'}" for file, each in kinds.items())
        ask(draft_text("ask_kinds", kinds="; ".join(shown)))
    lead = draft.tables["leads"][0]
    created = lead.get("columns", {}).get("created_at", "created_at")
    moments = files[lead["file"]].words(created) if created in files[lead["file"]].columns else {}
    if not all(re.search(r"(Z|[+-]\d\d:?\d\d|\d{9,})$", text) for text in list(moments)[:1000]):
        ask(draft_text("ask_timezone", zone=draft.content["timezone"]))
    for name, item in draft.content["fields"].items():
        table = draft.tables[item.get("from", "leads")]
        column = str(item.get("column", name))
        if item["type"] == "phone" and "region" not in item:
            cells = [cell for source in table for cell in _cells(files, source, column)]
            if not cells or sum(cell.lstrip()[:1] == "+" for cell in cells) < 0.9 * len(cells):
                ask(draft_text("ask_region", field=name))
    unknown = [n for n, item in draft.content["fields"].items() if item.get("known") == "unknown"]
    if unknown:
        ask(draft_text("ask_known", fields=", ".join(unknown)))
    ask(draft_text("ask_extracted_at"))


def _cells(files: _Files, source: Mapping[str, Any], column: str) -> list[str]:
    names = (source["file"], *(join["file"] for join in source.get("join", ())))
    bare = column.rpartition(".")[2]
    found = (files[name] for name in names if bare in files[name].columns)
    return [cell for file in found for cell in file.words(bare)]


def _first(of: str, word: str) -> str | None:
    title = folded_word(word)
    return next(
        (meaning for pattern, meaning in shapes()[f"{of}s"] if has_word(title, pattern)), None
    )


MEANINGS: Final[Mapping[str, Callable[[str], str | None]]] = {
    of: partial(_first, of) for of in ("kind", "direction", "result")
}
"""What a word of a column of the activities means, by its patterns; None for any other word."""
