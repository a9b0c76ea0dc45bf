"""The fields of crm.yaml: attributes of a lead, where they come from and when they are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from scoring_ml.data.schema import Column
from scoring_ml.data.section import Fault, Section, choose, unknown_key
from scoring_ml.data.values.moments import DateForm

RESERVED: Final = ("lead_id", "created_at", "account_id", "outcome", "activities", "stages")
"""Names that no field may have: a request uses them for something else."""

FIELD_SOURCES: Final = ("leads", "contacts", "field_changes")
FIELD_KNOWN: Final = ("set_at_creation", "history", "unknown", "after_outcome")
"""``history``: only what ``field_changes`` (or a contact's ``known_at``) proves. A field of the
leads' own table without it is usable only if somebody declares it ``set_at_creation``."""

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
_NOT_OF_A_FIELD: Final = ("audit", "derived", "part_of")


@dataclass(frozen=True)
class MappedField(Section):
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

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """Return the keys that a file may hold."""
        return (
            "from",
            "column",
            *(key for key in Column.key_names() if key not in _NOT_OF_A_FIELD),
        )

    def dump(self) -> dict[str, Any]:
        """Return what a file says of the field."""
        known = {in_column: in_file for in_file, in_column in _KNOWN.items()}
        content = self.column.dump()
        content["known"] = known[self.column.known]
        return {"from": self.source, "column": self.named} | content

    @classmethod
    def _read(
        cls,
        content: Any,
        validate: core_schema.ValidatorFunctionWrapHandler,
        info: core_schema.ValidationInfo,
    ) -> MappedField:
        spec = {key: value for key, value in content.items() if value is not None}
        name = spec["name"]
        if name in RESERVED:
            raise Fault("A field must not have a reserved name", name, "Give it another name")
        for key in spec:
            if key not in (*cls.key_names(), "name"):
                raise unknown_key(key, cls.key_names())
        source = choose(spec.pop("from", "leads"), FIELD_SOURCES, "{at}.from")
        default = "history" if source == "field_changes" else "unknown"
        known = choose(spec.get("known", default), FIELD_KNOWN, "{at}.known")
        if known == "history" and source == "leads":
            raise Fault(
                "{at}.known: history needs from: field_changes or contacts",
                "from: leads",
                "Map the field's changes, or declare it set_at_creation if it never changes",
            )
        if known == "set_at_creation" and source == "field_changes":
            raise Fault(
                "{at}.known must not be set_at_creation with from: field_changes",
                known,
                "Write history, or take the field from the leads' table",
            )
        if spec.get("currency_of") and source == "field_changes":
            raise Fault("{at}.currency_of must not stand with from: field_changes", source)
        blind = known in ("unknown", "after_outcome")
        if blind and spec.get("use"):
            raise Fault(
                f"{{at}}.use must be false for known: {known}",
                "use: true",
                "Declare it set_at_creation if that is true, or map its changes",
            )
        named = str(spec.pop("column", name))
        # What the whole file says of dates holds for its fields.
        dates = {key: info.data.get(key) for key in DateForm.key_names()}
        stated = {key: value for key, value in dates.items() if value is not None}
        defaults = {"reason": _REASONS[known]} | stated
        decided = {"known": _KNOWN[known]} | ({"use": False} if blind else {})
        return cls(validate(defaults | spec | decided), source, named)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_wrap_validator_function(
            cls._read, handler.generate_schema(Column)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        form = dict(handler.resolve_ref_schema(handler(schema)))
        keys = form["properties"] | {
            "from": {"type": "string", "enum": list(FIELD_SOURCES), "default": "leads"},
            "column": {"type": ["string", "number"]},
            "known": {"type": "string", "enum": list(FIELD_KNOWN)},
        }
        return form | {"properties": {key: keys[key] for key in cls.key_names()}, "title": "Field"}
