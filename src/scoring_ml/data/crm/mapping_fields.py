"""The fields of crm.yaml: attributes of a lead, where they come from and when they are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scoring_ml.data.schema import COLUMN_KEYS, Column, Place, dump_column, parse_column

RESERVED: Final = ("lead_id", "created_at", "account_id", "outcome", "activities", "stages")
"""Names that no field may have: a request uses them for something else."""

FIELD_SOURCES: Final = ("leads", "contacts", "field_changes")
FIELD_KNOWN: Final = ("set_at_creation", "history", "unknown", "after_outcome")
"""``history``: only what ``field_changes`` (or a contact's ``known_at``) proves. A field of the
leads' own table without it is usable only if somebody declares it ``set_at_creation``."""

_FIELD_KEYS: Final = (
    "from",
    "column",
    *(key for key in COLUMN_KEYS if key not in ("audit", "derived", "part_of")),
)
_KNOWN: Final = {
    "set_at_creation": "at_creation",
    "history": "before_scoring",
    "unknown": "unknown",
    "after_outcome": "after_outcome",
}
_REASONS: Final = {
    "set_at_creation": "declared to be set when the lead is created and never changed",
    "history": "the export tells when each value became known",
    "unknown": "the export holds only the newest value, and nobody has declared that it is set "
    "when the lead is created",
    "after_outcome": "declared to be known only after the outcome",
}


@dataclass(frozen=True)
class MappedField:
    """One attribute of a lead.

    Parameters
    ----------
    column : Column
        As in a flat schema; its name is ours. ``known`` is ``at_creation`` for
        ``set_at_creation``, ``before_scoring`` for ``history``, else ``unknown`` (not used) or
        ``after_outcome``.
    source : {"leads", "contacts", "field_changes"}
    named : str
        The file's column, or the field's name in ``field_changes``.
    """

    column: Column
    source: str
    named: str


def parse_fields(
    content: Any, tables: Collection[str], *, day_first: bool, where: Place
) -> tuple[MappedField, ...]:
    """Return the fields; each must come from one of the tables.

    Raises
    ------
    SchemaError
        Naming the place, and the nearest allowed word.
    """
    if not isinstance(content, Mapping):
        raise where.error("fields must map names to what is known of them", type(content).__name__)
    found = []
    for name, spec in content.items():
        if not isinstance(name, str):
            raise where.error("A field's name must be text", f"{name}", "Write it in quotes")
        if name in RESERVED:
            raise where.error("A field must not have a reserved name", name, "Give it another name")
        found.append(_field(name, spec or {}, day_first, where))
    for item in found:
        if item.source not in tables:
            raise where.error(
                f"fields.{item.column.name}.from must name one of tables",
                f"from: {item.source}, and no such table",
                f"Map {item.source} under tables, or take the field from another one",
            )
    return tuple(found)


def dump_fields(fields: tuple[MappedField, ...]) -> dict[str, Any]:
    """Undo :func:`parse_fields`."""
    return {item.column.name: _dump(item) for item in fields}


def _dump(item: MappedField) -> dict[str, Any]:
    known = {ours: theirs for theirs, ours in _KNOWN.items()}
    content = dump_column(item.column)
    content["known"] = known[item.column.known]
    # A default that differs from the schema's own must be said.
    content["day_first"] = item.column.day_first
    return {"from": item.source, "column": item.named} | content


def _field(name: str, spec: Any, day_first: bool, where: Place) -> MappedField:
    at = f"fields.{name}"
    where.check_keys(spec, _FIELD_KEYS, at)
    source = where.choice(spec.get("from", "leads"), FIELD_SOURCES, f"{at}.from")
    default = "history" if source == "field_changes" else "unknown"
    known = where.choice(spec.get("known", default), FIELD_KNOWN, f"{at}.known")
    if known == "history" and source == "leads":
        raise where.error(
            f"{at}.known: history needs from: field_changes or contacts",
            "from: leads",
            "Map the field's changes, or declare it set_at_creation if it never changes",
        )
    if known == "set_at_creation" and source == "field_changes":
        raise where.error(
            f"{at}.known must not be set_at_creation with from: field_changes",
            known,
            "Write history, or take the field from the leads' table",
        )
    blind = known in ("unknown", "after_outcome")
    if blind and spec.get("use"):
        raise where.error(
            f"{at}.use must be false for known: {known}",
            "use: true",
            "Declare it set_at_creation if that is true, or map its changes",
        )
    said = {key: value for key, value in spec.items() if key not in ("from", "column")}
    said["known"] = _KNOWN[known]
    said.setdefault("day_first", day_first)
    said.setdefault("reason", _REASONS[known])
    if blind:
        said["use"] = False
    column = parse_column(name, said, where, at=at)
    return MappedField(column, source, str(spec.get("column", name)))
