"""crm.yaml: which file and column of a CRM's export is which fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scoring_ml.data.schema import Column

AGES_DAYS: Final = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0)
HEADLINE_AGE_DAYS: Final = 1.0
HORIZONS_DAYS: Final = (30.0, 60.0, 90.0, 180.0, 365.0)

FIELD_SOURCES: Final = ("leads", "contacts", "field_changes")
FIELD_KNOWN: Final = ("set_at_creation", "history", "unknown", "after_outcome")
"""``history``: only what ``field_changes`` (or a contact's ``known_at``) proves. A field of the
leads' own table without it is usable only if somebody declares it ``set_at_creation``."""


@dataclass(frozen=True)
class Join:
    """Columns of another file, put beside a table's rows.

    Parameters
    ----------
    file : str
    on : mapping of str to str
        This table's column -> the other file's column; the other file has each key once.
    """

    file: str
    on: Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """One file behind a table; several are put one below the other.

    Parameters
    ----------
    file : str
        Name in the export's folder, ``.csv``, ``.csv.gz`` or ``.parquet``.
    columns : mapping of contract column to file column
        What is not named bears the contract's own name, if the file has it.
    constants : mapping of contract column to value
    words : mapping of contract column to (mapping of the CRM's word to ours)
        Compared without regard to case and outer space.
    join : tuple of Join
    """

    file: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    join: tuple[Join, ...] = ()


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


@dataclass(frozen=True)
class CrmMapping:
    """What crm.yaml says.

    Parameters
    ----------
    dataset : str
    timezone : str
        IANA zone of moments written without one.
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.
    extracted_at : int or None
        In microseconds since 1970, UTC; the newest moment of any fact if None.
    missing : tuple of str
        Words that mean "not known" in every column.
    tables : mapping of table name to tuple of Source
    fields : tuple of MappedField
    stages : tuple of str
        Stages in the funnel's order, without the two ends.
    stages_won, stages_lost : tuple of str
        Stages that end a lead.
    hand_over : str or None
    after_hand_over : bool
    horizon_days : float or None
        Days in which a lead must be won; found from the data if None.
    recording_lag_days : float or None
        How late wins are recorded; found from the data if None.
    gap_days : float or None
        Days between windows; horizon plus lag if None. Less is possible for a short export and
        is told loudly.
    ages_days : tuple of float
        Ages at which leads are seen, rising.
    headline_age_days : float
        One of them.
    windows_days : tuple of int
    half_life_days : float
    free_mail, disposable_mail : tuple of str
    most_left_out : float
        Share of a table's rows, 0-1, that may be left out before the contract counts as broken.
    """

    dataset: str
    tables: Mapping[str, tuple[Source, ...]]
    fields: tuple[MappedField, ...]
    timezone: str = "UTC"
    day_first: bool = True
    extracted_at: int | None = None
    missing: tuple[str, ...] = ("",)
    stages: tuple[str, ...] = ()
    stages_won: tuple[str, ...] = ()
    stages_lost: tuple[str, ...] = ()
    hand_over: str | None = None
    after_hand_over: bool = False
    horizon_days: float | None = None
    recording_lag_days: float | None = None
    gap_days: float | None = None
    ages_days: tuple[float, ...] = AGES_DAYS
    headline_age_days: float = HEADLINE_AGE_DAYS
    windows_days: tuple[int, ...] = (7, 30)
    half_life_days: float = 7.0
    free_mail: tuple[str, ...] = ()
    disposable_mail: tuple[str, ...] = ()
    most_left_out: float = 0.10
