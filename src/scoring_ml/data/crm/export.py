"""The reading of a CRM export: a folder of tables becomes typed facts with their moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring_ml.data.crm.activities import read_activities
from scoring_ml.data.crm.column_dates import Seen
from scoring_ml.data.crm.contract.contracts import contracts
from scoring_ml.data.crm.contract.coverage import (
    join_notes,
    selection_notes,
    unmapped_files,
    use_notes,
)
from scoring_ml.data.crm.contract.readings import breaches
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.contract.row_fates import RowFates
from scoring_ml.data.crm.events import read_deals, read_spend, read_stages
from scoring_ml.data.crm.facts import Export, Leads
from scoring_ml.data.crm.lead_index import LeadIndex, read_merges
from scoring_ml.data.crm.leads import read_changes, read_contacts, read_leads
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.crm.mapping.fields import MappedField
from scoring_ml.data.crm.open_deals import with_open_deals
from scoring_ml.data.crm.recording import recorded_moments
from scoring_ml.data.crm.tables import Table, open_source, read_source
from scoring_ml.data.row_report import SET_ASIDE, RowReport
from scoring_ml.data.schema import FEATURE_TYPES
from scoring_ml.data.values.moments import DAY
from scoring_ml.data.values.moments.form import ColumnDates
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.texts import Catalogue

T = TypeVar("T")

_SILENT_DAYS = 14
_UNKNOWN_WORDS = ("unknown_stage", "unknown_outcome")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_export(
    folder: Path,
    mapping: CrmMapping,
    *,
    needs_outcomes: bool = True,
    now: datetime | None = None,
    as_of: int | None = None,
) -> tuple[Export, ExportReport]:
    """Read a CRM export as its mapping says.

    Parameters
    ----------
    needs_outcomes : bool
        Whether the contract demands ``deals`` or a winning stage. Leads that are only to be
        scored need none.
    now : datetime or None
        With a zone; the clock's time if None. Without ``extracted_at`` in the mapping, the newest
        moment of any fact that is not later than now counts as the moment of the export.
    as_of : int or None
        Microseconds since 1970: read it as if it had been made at that earlier moment.

    Returns
    -------
    report : ExportReport
        What was found. Check ``broken`` (or call ``raise_if_broken``) before the export is used.
    """
    return _Reading(folder, mapping, now or datetime.now(UTC), as_of).read(needs_outcomes)


class _Reading:
    """The state of one reading: what is open, found and broken so far."""

    def __init__(self, folder: Path, mapping: CrmMapping, now: datetime, as_of: int | None) -> None:
        self.as_of = as_of
        self.folder = folder
        self.mapping = mapping
        self.now = (now - _EPOCH) // timedelta(microseconds=1)
        self.tables: dict[str, Table] = {}
        self.reports: list[RowReport] = []
        self.broken: list[str] = []
        self.notes: list[str] = []
        self.extracted_at = 0
        self.dates: dict[str, ColumnDates] = {}
        self.seen: Seen = {}

    def read(self, needs_outcomes: bool) -> tuple[Export, ExportReport]:
        mapping = self.mapping
        for name in contracts():
            if name in mapping.tables:
                self._open(name)
        if needs_outcomes and "deals" not in mapping.tables and not mapping.stages.won:
            self._break("no_outcome")
        self.notes += unmapped_files(self.folder, mapping)
        self._check_contacts()
        self.extracted_at = self._seen_at(self._extracted_at())
        fields = self._used("leads")
        links = self._take("merges", lambda table: read_merges(table, self.extracted_at))
        index = self._take("leads", lambda t: read_leads(t, fields, self.extracted_at, links))
        if index is None:
            return self._nothing(), self._report()
        if len(index.leads) == 0:
            self._break("no_lead", read=str(self.reports[-1].read))
        return self._facts(index), self._report()

    def _facts(self, index: LeadIndex) -> Export:
        fields = [item for item in self.mapping.fields if item.column.type in FEATURE_TYPES]
        carried = self._used("contacts")
        contacts = self._take("contacts", lambda t: read_contacts(t, carried, index)) or {}
        changes = self._take("field_changes", lambda t: read_changes(t, fields, index))
        histories, logged = changes or ({}, {})
        activities = self._take("activities", lambda t: read_activities(t, self.mapping, index))
        stages = self._take("stages", lambda t: read_stages(t, self.mapping, index))
        deals = self._take(
            "deals", lambda t: read_deals(t, self.mapping, index, stages, self.as_of)
        )
        spend = self._take("spend", lambda t: read_spend(t, index.extracted_at))
        self._note_unsure(index, [part.unsure for part in (stages, deals) if part is not None])
        for name, history in histories.items():
            if not len(history):
                self.notes.append(f"No row of field_changes is about the field {name}")
        return Export(
            index.leads,
            contacts | histories,
            activities,
            stages,
            deals,
            spend,
            self.extracted_at,
            logged,
            self.dates,
        )

    def _note_unsure(self, index: LeadIndex, unsure: list[NDArray[np.int64]]) -> None:
        leads = np.unique(np.concatenate(unsure)) if unsure else np.zeros(0, dtype=np.int64)
        if len(leads):
            first = ", ".join(str(name)[:60] for name in index.leads.ids[leads[:3]])
            self._note("unsure", n=len(leads), first=first)

    def _open(self, name: str) -> None:
        items = [item for item in self.mapping.fields if item.source == name]
        fields = [item.named for item in items]
        fields += [item.column.currency_of for item in items if item.column.currency_of]
        sources = self.mapping.tables[name]
        if name == "deals":
            sources = with_open_deals(sources)
        try:
            opened = []
            for source in sources:
                source = source.in_encoding(self.mapping.encoding)
                opened += open_source(partial(read_source, self.folder), name, source, fields)
        except InputError as error:
            # Without their column, no merge is told.
            (self.notes if name == "merges" else self.broken).append(f"{name}: {error}")
        except (pa.ArrowException, OverflowError):
            self._odd(name, [source.file for source in self.mapping.tables[name]])
        else:
            self.tables[name] = Table(name, self.mapping, opened)
            self.tables[name].look_at_dates(self.seen)
            self.notes += [note for part in opened for note in part.notes]
            self.notes += selection_notes(name, opened, fields)
            self.notes += join_notes(name, opened)

    def _used(self, table: str) -> list[MappedField]:
        """Return the fields that are taken from a table's own columns."""
        found = []
        for item in self.mapping.fields:
            if item.source != table or item.column.type not in FEATURE_TYPES:
                continue
            opened = self.tables[table].opened if table in self.tables else ()
            if opened and not item.column.use and not any(item.named in o.columns for o in opened):
                self.notes.append(f"The field {item.column.name} is not used, and not in {table}")
                continue
            found.append(item)
        return found

    def _check_contacts(self) -> None:
        table = self.tables.get("contacts")
        if table is None:
            return
        if not table.has("lead_id") and not (
            table.has("contact_id")
            and "leads" in self.tables
            and self.tables["leads"].has("contact_id")
        ):
            self._break("contacts", files=", ".join(table.files))
            del self.tables["contacts"]
        untold = [
            i.column.name for i in self._used("contacts") if i.column.known == "before_scoring"
        ]
        if untold and not table.has("known_at"):
            self._break("contacts_known_at", name=untold[0], files=", ".join(table.files))

    def _extracted_at(self) -> int:
        """Return the mapping's moment of the export, else the newest one that is not to come."""
        declared = self.mapping.extracted_at
        if declared is not None and declared > self.now:
            raise SchemaError(
                "extracted_at must be a moment in the past: nothing later can be in an export",
                found=f"{_text_of(declared)} in crm.yaml",
                do="Write when the export was made, or leave it out",
            )
        newest = 0
        for table in self.tables.values():
            for moments in recorded_moments(table, self.mapping):
                newest = max(newest, int(moments[moments <= self.now].max(initial=0)))
        if declared is None:
            self._note_newest(newest)
            return newest
        if declared - newest > _SILENT_DAYS * DAY:
            days, at = (declared - newest) // DAY, _text_of(declared)
            self._note("silent", newest=_text_of(newest), days=days, declared=at)
        return declared

    def _seen_at(self, made: int) -> int:
        if self.as_of is None:
            return made
        if self.as_of > made:
            raise InputError(
                "--as-of must not lie after the export was made: nobody knows what came then",
                found=f"an export of {_text_of(made)}",
                do="Give an earlier moment, or leave --as-of out",
            )
        return self.as_of

    def _note_newest(self, newest: int) -> None:
        """Tell which moment stands for that of the export, and how many activities lie after it."""
        later = np.zeros(0, dtype=np.int64)
        if "activities" in self.tables:
            read = self.tables["activities"].moments("occurred_at")
            later = read.values[read.usable & (read.values > newest)]
        self._note("extracted_at", newest=_text_of(newest))
        if len(later):
            last, note = _text_of(int(later.max())), self.notes.pop()
            self._note("later", note=note, n=len(later), last=last)

    def _note(self, key: str, **params: Any) -> None:
        self.notes.append(Catalogue.load().text(f"export.{key}", **params))

    def _take(self, name: str, read: Callable[[Table], tuple[T, RowFates]]) -> T | None:
        """Read one table, keep what was found, and let go of its columns."""
        table = self.tables.pop(name, None)
        if table is None:
            return None
        try:
            facts, fates = read(table)
        except InputError as error:
            self.broken.append(f"{name}: {error}")
            return None
        except (pa.ArrowException, OverflowError):
            self._odd(name, table.files)
            return None
        report = fates.report()
        if self.as_of is not None:
            report = _without_later(report)
        self.reports.append(report)
        self.notes += [*fates.notes, *use_notes(fates), *table.dates.notes]
        self.dates |= table.dates.decided
        for fault in table.dates.faults:
            self._break("dates", fault=fault)
        self._judge(report)
        self.broken += breaches(table.readings, self.mapping.most_left_out)
        return facts

    def _judge(self, report: RowReport) -> None:
        left, most = sum(report.left_out.values()), self.mapping.most_left_out
        params = {"table": report.name, "read": str(report.read)}
        for defect in _UNKNOWN_WORDS:
            count = report.left_out.get(defect, 0)
            if 2 * count > report.read - sum(report.set_aside.values()):
                note = next(item.note for item in report.fates if item.defect == defect)
                self._break("words", **params, count=str(count), note=note)
                return
        if report.used == 0 and "no_lead" in report.set_aside:
            self._break("nameless", **params, files=", ".join(report.files))
        if report.share_left_out > most:
            reasons = ", ".join(f"{count} {name}" for name, count in report.left_out.items())
            self._break("left_out", **params, most=most, left=str(left), reasons=reasons)

    def _odd(self, name: str, files: Sequence[str]) -> None:
        self._break("types", table=name, files=", ".join(files))

    def _break(self, key: str, **params: Any) -> None:
        self.broken.append(Catalogue.load().text(f"export.broken.{key}", **params))

    def _report(self) -> ExportReport:
        return ExportReport(
            tuple(self.reports), tuple(self.broken), self.extracted_at, tuple(self.notes)
        )

    def _nothing(self) -> Export:
        leads = Leads(np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64), None, {})
        return Export(leads, {}, None, None, None, None, self.extracted_at)


def _without_later(report: RowReport) -> RowReport:
    """Set aside the rows, and those of leads, that came after an export's earlier moment."""
    later = ("future", "orphan")
    fates = (replace(x, fate=SET_ASIDE) if x.defect in later else x for x in report.fates)
    return replace(report, fates=tuple(fates))


def _text_of(moment: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).isoformat()
