"""The mappings of ``models/examples`` as templates, fitted to a folder by names of columns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import yaml
from rapidfuzz.fuzz import ratio
from scipy.optimize import linear_sum_assignment

from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.crm.drafting.draft import CrmDraft
from scoring_ml.data.crm.drafting.folder import FolderFile, fold_name, shapes
from scoring_ml.data.crm.mapping.crm_mapping import MAPPING_NAME, CrmMapping

_LEAST_SHARE: Final = 0.5
"""Share of the columns that a template's file must have, by weight."""

_LEAST_WEIGHT: Final = 2.0
"""Weight of the columns that an example must share with a folder to be its CRM's."""

_LIKE_NAME: Final = 75
_OF_THE_EXAMPLE: Final = ("version", "dataset", "timezone", "tables", "fields", "extracted_at")
_KEYS: Final = ("file", "only", "without", "columns", "constants", "words", "join")


@dataclass(frozen=True)
class Template:
    """One example, its tables in the form that :meth:`CrmMapping.dump` gives them.

    Parameters
    ----------
    spares : sequence of mapping
        Sources for folders that lack a file or a column of it: ``spares.yaml`` beside the example.
    needed, other : mapping of file name to set of str
        Folded names of columns that the file must have; those that it, or a file joined to it,
        may have.
    """

    title: str
    content: Mapping[str, Any]
    spares: Sequence[Mapping[str, Any]]
    needed: Mapping[str, set[str]]
    other: Mapping[str, set[str]]

    @property
    def names(self) -> set[str]:
        """Every column of it, folded."""
        return set().union(*self.needed.values(), *self.other.values())


@cache
def templates() -> tuple[Template, ...]:
    """Return the examples that are mappings of a CRM."""
    found = []
    for folder in sorted((files("models") / "examples").iterdir(), key=lambda path: path.name):
        path, readme = folder / MAPPING_NAME, folder / "README.md"
        if path.is_file() and readme.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            content["tables"] = CrmMapping.read(content).dump()["tables"]
            title = readme.read_text(encoding="utf-8").split("\n")[0].lstrip("# ").split(":")[0]
            beside = folder / "spares.yaml"
            spares = yaml.safe_load(beside.read_text(encoding="utf-8")) if beside.is_file() else []
            for spare in spares:
                spare["choices"] = [
                    CrmMapping.read(
                        content | {"tables": content["tables"] | {spare["table"]: choice}}
                    ).dump()["tables"][spare["table"]]
                    for choice in spare["choices"]
                ]
            found.append(Template(title, content, spares, *_columns_of(content, spares)))
    return tuple(found)


def _columns_of(
    content: Mapping[str, Any], spares: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    needed: dict[str, set[str]] = defaultdict(set)
    other: dict[str, set[str]] = defaultdict(set)
    more = [(spare["table"], choice) for spare in spares for choice in spare["choices"]]
    for table, sources in (*content["tables"].items(), *more):
        fields = [
            str(item.get("column", name))
            for name, item in content.get("fields", {}).items()
            if item.get("from", "leads") == table != "field_changes"
        ]
        for source in sources:
            joins = source.get("join", ())
            columns, own = source.get("columns", {}), source["file"]
            for join in joins:
                needed[own] |= set(map(fold_name, join["on"]))
                needed[join["file"]] |= set(map(fold_name, join["on"].values()))
            stems = {join["file"].split(".")[0]: join["file"] for join in joins}
            required = [
                columns.get(name, name)
                for name in contracts()[table].required_names
                if name not in source.get("constants", ())
            ]
            for name in (*required, *source.get("only", ()), *columns.values(), *fields):
                stem, _, rest = name.partition(".")
                if rest and stem in stems:
                    needed[stems[stem]].add(fold_name(rest))
                elif name in required and table != "merges" and (not joins or table == "leads"):
                    needed[own].add(fold_name(name))
                else:
                    for file in (own, *stems.values()):
                        other[file].add(fold_name(name))
    return needed, other


@dataclass
class _Fit:
    """A template on its way to the files of a folder."""

    template: Template
    match: Mapping[str, FolderFile]
    draft: CrmDraft
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    finders: dict[str, list[Callable[[str], str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def adapt(self) -> None:
        for table, sources in self.template.content["tables"].items():
            adapted = [self._source(table, source) for source in sources]
            if any(adapted):
                self.draft.tables[table] = [source for source in adapted if source]
        for spare in self.template.spares:
            self._add_spare(**spare)
        for name, item in self.template.content.get("fields", {}).items():
            found = self._field(name, dict(item))
            if found is not None:
                self.draft.content["fields"][name] = found

    def _add_spare(
        self, table: str, instead_of: str, why: str, choices: Sequence[Sequence[Mapping[str, Any]]]
    ) -> None:
        """Add the first choice that fits, where no source of a table is of the example's file."""
        usual, sources = self.match.get(instead_of), self.draft.tables.get(table, [])
        if usual is not None and any(source["file"] == usual.name for source in sources):
            return
        for choice in choices:
            adapted = [found for source in choice if (found := self._source(table, source))]
            if len(adapted) == len(choice):
                self.draft.reasons["tables", table, len(sources)] = why
                self.draft.tables[table] = [*sources, *adapted]
                return

    def _source(self, table: str, source: Mapping[str, Any]) -> dict[str, Any] | None:
        own = self.match.get(source["file"])
        if own is None:
            return None
        beside: dict[str, FolderFile] = {}
        joins = []
        for join in source.get("join", ()):
            other = self.match.get(join["file"])
            on = {own.find(left): other and other.find(key) for left, key in join["on"].items()}
            if other is not None and None not in (*on, *on.values()):
                beside[join["file"].split(".")[0]] = other
                joins.append({"file": other.name, "on": on})
        finder = self._finder(own, beside)
        adapted = dict(source) | {"file": own.name, "join": joins, "columns": {}, "only": {}}
        for name in contracts()[table].names:
            wanted = source.get("columns", {}).get(name)
            required = name in contracts()[table].required_names
            if name in source.get("constants", ()) or not (wanted or required):
                continue
            found = finder(wanted or name)
            if found is not None:
                adapted["columns"][name] = found
            elif required:
                if table != "merges":  # few exports tell them
                    self._leave_out(own, f"no column {wanted or name!r} for {table}.{name}")
                return None
        for name, words in source.get("only", {}).items():
            found = finder(name)
            if found is None:
                self._leave_out(own, f"no column {name!r}, by which {table} are selected")
                return None
            adapted["only"][found] = words
        chosen = {finder(name): words for name, words in source.get("without", {}).items()}
        adapted["without"] = {name: words for name, words in chosen.items() if name}
        adapted["words"] = {
            name: self._words(own, name, adapted["columns"].get(name, name), words)
            for name, words in source.get("words", {}).items()
        }
        self.finders[table].append(finder)
        for file in (own, *beside.values()):
            self.used[file.name].add(table)
        known = {key: place for place, key in enumerate(_KEYS)}
        keys = sorted(adapted, key=lambda key: known.get(key, len(known)))
        return {key: adapted[key] for key in keys if adapted[key] not in ({}, [])}

    def _finder(
        self, own: FolderFile, beside: Mapping[str, FolderFile]
    ) -> Callable[[str], str | None]:
        def find(name: str) -> str | None:
            stem, _, rest = name.partition(".")
            if rest and stem in beside:
                found = beside[stem].find(rest)
                return found and f"{beside[stem].stem}.{found}"
            found = own.find(name)
            for other in () if found else beside.values():
                found = other.find(name)
                if found:
                    return f"{other.stem}.{found}" if found in own.columns else found
            return found

        return find

    def _words(
        self, file: FolderFile, name: str, column: str, words: Mapping[str, str]
    ) -> dict[str, str]:
        """Leave out ids of stages that are another account's."""
        if name != "stage" or column not in file.columns:
            return dict(words)
        present, order = file.words(column), self.template.content["stages"].get("order", ())
        return {
            word: meaning
            for word, meaning in words.items()
            if word in present or meaning not in order or not word.isdigit()
        }

    def _field(self, name: str, item: dict[str, Any]) -> dict[str, Any] | None:
        table, named = item.get("from", "leads"), str(item.get("column", name))
        if table == "field_changes":
            words = {fold_name(word): word for word in changed_fields(self.draft, self.match)}
            if fold_name(named) in words:
                return {**item, "column": words[fold_name(named)]}
            # Without its history only the newest value is there.
            item = {key: value for key, value in item.items() if key not in ("from", "askable")}
            item |= {"known": "unknown", "reason": "the folder holds no changes of it"}
            table = "leads"
        found = next(filter(None, (find(named) for find in self.finders[table])), None)
        return None if found is None else {**item, "column": found}

    def _leave_out(self, file: FolderFile, why: str) -> None:
        self.draft.unmapped[file.name] = f"{why}, which the example of {self.draft.system} needs"


def changed_fields(draft: CrmDraft, match: Mapping[str, FolderFile]) -> Iterable[str]:
    """Yield the names of the fields of which the folder holds changes."""
    files_by_name = {file.name: file for file in match.values()}
    for source in draft.tables.get("field_changes", ()):
        column = source.get("columns", {}).get("field", "field")
        file = files_by_name[source["file"]]
        if column in file.columns:
            yield from file.words(column)


def best_template(opened: Sequence[FolderFile]) -> CrmDraft | None:
    """Return the example that the folder's columns fit best, fitted; ``None`` if none does.

    It must find the leads, and a table that tells what became of them.
    """
    rarity = Counter(name for template in templates() for name in template.names)
    plain = set(shapes()["plain"])
    weights = {name: 0.1 if name in plain else 1 / count for name, count in rarity.items()}
    best: tuple[float, _Fit] | None = None
    for template in templates():
        content = {
            "version": 1,
            "dataset": "",
            "timezone": template.content.get("timezone", "UTC"),
            "tables": {},
            "fields": {},
            **{k: v for k, v in template.content.items() if k not in _OF_THE_EXAMPLE},
        }
        match = _assign(template, opened, weights)
        fit = _Fit(template, match, CrmDraft(template.title, content))
        fit.adapt()
        present = {
            name
            for at, file in match.items()
            if file.name in fit.used
            for name in template.needed[at] | template.other.get(at, set())
            if file.find_folded(name)
        }
        weight = sum(weights[name] for name in present)
        ends = fit.draft.tables.keys() & {"deals", "stages"}
        enough = weight >= max(_LEAST_WEIGHT, best[0] if best else 0.0)
        if "leads" in fit.draft.tables and ends and enough:
            best = weight, fit
    if best is None:
        return None
    fit = best[1]
    for file in opened:
        if file.name in fit.used:
            fit.draft.unmapped.pop(file.name, None)
        else:
            why = f"the example of {fit.draft.system} needs nothing of it"
            fit.draft.unmapped.setdefault(file.name, why)
    return fit.draft


def _assign(
    template: Template, opened: Sequence[FolderFile], weights: Mapping[str, float]
) -> dict[str, FolderFile]:
    """Give each file of a template the file of the folder that has most of its columns."""

    def weight(names: Iterable[str]) -> float:
        return sum(weights[name] for name in names)

    names = list(template.needed)
    scores = np.zeros((len(names), len(opened)))
    for row, name in enumerate(names):
        needed = template.needed[name]
        for column, file in enumerate(opened):
            hit = weight(item for item in needed if file.find_folded(item))
            like = ratio(fold_name(name.split(".")[0]), fold_name(file.stem))
            bonus = like / 100 if like >= _LIKE_NAME else 0.0
            if hit >= _LEAST_SHARE * weight(needed) or (hit and bonus):
                rest = template.other.get(name, ())
                more = weight(item for item in rest if file.find_folded(item))
                scores[row, column] = hit + bonus + 0.2 * more
    pairs = zip(*linear_sum_assignment(scores, maximize=True), strict=True)
    return {names[row]: opened[column] for row, column in pairs if scores[row, column]}
