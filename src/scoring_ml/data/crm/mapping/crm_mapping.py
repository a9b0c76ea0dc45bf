"""crm.yaml: which file and column of a CRM's export is which fact.

A mapping is a YAML file that people read and review. This module states the whole of it; its
tables, stages and fields have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from scoring_ml.data.crm.mapping.fields import MappedField
from scoring_ml.data.crm.mapping.stages import Funnel
from scoring_ml.data.crm.mapping.tables import Tables, check_tables
from scoring_ml.data.lead_use import LeadUse
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import PERSONAL_TYPES
from scoring_ml.data.section import ByName, Fault, Section
from scoring_ml.data.section_values import (
    Days,
    Encoding,
    MissingWords,
    Number,
    Positive,
    Reason,
    Share,
    Word,
    Words,
)
from scoring_ml.data.values.moments import DateForm, moment_of

MAPPING_NAME: Final = "crm.yaml"
"""Name of the file in an export's folder."""

AGES_DAYS: Final = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0)
HEADLINE_AGE_DAYS: Final = 1.0
HORIZONS_DAYS: Final = (30.0, 60.0, 90.0, 180.0, 365.0)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DAYS: Final = 36_500


def _zone(value: Any) -> str:
    if value not in available_timezones():
        like = nearest(str(value), available_timezones())
        raise Fault(
            "{at} must be the name of a zone, such as Asia/Tehran",
            value,
            f"Write {like}" if like else "Choose one",
        )
    return str(value)


def _moment(value: Any, info: ValidationInfo) -> int:
    try:
        form = DateForm(day_first=info.data.get("day_first"), calendar=info.data.get("calendar"))
        return moment_of(value, form, timezone=info.data.get("timezone", "UTC"))
    except ValueError:
        raise Fault("{at} must be a moment, such as 2026-11-01T00:00:00Z", value) from None


def _rising(days: tuple[Any, ...]) -> tuple[Any, ...]:
    if not days or list(days) != sorted(set(days)):
        raise Fault("{at} must rise from one number to the next", list(days))
    return days


Ages = Annotated[
    tuple[Annotated[float, Field(strict=True, ge=0, le=_MOST_DAYS)], ...], AfterValidator(_rising)
]
WindowsDays = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1, le=_MOST_DAYS)], ...], AfterValidator(_rising)
]


@dataclass(frozen=True)
class FeatureSettings(Section):
    """What crm.yaml says of features.

    Parameters
    ----------
    windows_days : tuple of int
        Activities are counted in ``[as_of - w, as_of)`` for each, rising.
    half_life_days : float
        After so many days an activity counts half in ``engagement``.
    free_mail, disposable_mail : tuple of str
        Domains beside the well-known ones.
    without : tuple of str
        Features that models must not see.
    allow : mapping of str to str
        Feature -> written reason for using it though the leak audit refuses it.
    """

    windows_days: WindowsDays = (7, 30)
    half_life_days: Positive = 7.0
    free_mail: Words = ()
    disposable_mail: Words = ()
    without: Words = ()
    allow: Mapping[str, Reason] = field(default_factory=dict)

    ALWAYS: ClassVar = ("windows_days", "half_life_days", "free_mail", "disposable_mail")


@dataclass(frozen=True, kw_only=True)
class CrmMapping(LeadUse, DateForm):
    """What crm.yaml says.

    Parameters
    ----------
    version : int
        Of the form of the file; 1.
    dataset : str
        Name of the data set; the MLflow experiment bears it.
    encoding : str or None
        What the text of the files is in, if it is not in Unicode; found out if None.
    timezone : str
        IANA zone of moments written without one.
    extracted_at : int or None
        In microseconds since 1970, UTC; the newest moment of any fact if None.
    missing : tuple of str
        Words that mean "not known" in every column.
    tables : mapping of table name to tuple of Source
        Which file and column is which fact.
    fields : tuple of MappedField
        Attributes of a lead.
    stages : Funnel
        The funnel, its ends, and where sales takes over.
    own_domains : tuple of str
        E-mail domains of one's own staff.
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
    features : FeatureSettings
        How features are made.
    most_left_out : float
        Share of a table's rows, 0-1, that may be left out before the contract counts as broken.
    """

    version: Literal[1] = 1
    dataset: Word
    encoding: Encoding | None = None
    timezone: Annotated[str, PlainValidator(_zone), WithJsonSchema({"type": "string"})] = "UTC"
    extracted_at: (
        Annotated[int, PlainValidator(_moment), WithJsonSchema({"type": ["string", "number"]})]
        | None
    ) = None
    missing: MissingWords = ("",)
    tables: Tables
    fields: Annotated[tuple[MappedField, ...], ByName(MappedField)] = ()
    stages: Funnel = field(default_factory=Funnel)
    own_domains: Words = ()
    horizon_days: Days | None = None
    recording_lag_days: Days | None = None
    gap_days: Days | None = None
    ages_days: Ages = AGES_DAYS
    headline_age_days: Number = HEADLINE_AGE_DAYS
    features: FeatureSettings = field(default_factory=FeatureSettings)
    most_left_out: Share = 0.10

    TITLE: ClassVar = "the mapping"
    FILE: ClassVar = MAPPING_NAME
    ALWAYS: ClassVar = (
        "version",
        "timezone",
        "missing",
        "fields",
        "stages",
        "ages_days",
        "headline_age_days",
        "features",
        "most_left_out",
    )

    @classmethod
    def complete(cls, content: dict[str, Any], context: Any) -> None:
        """Take the first age for the headline where leads are not seen at the usual one."""
        ages = content.get("ages_days")
        if isinstance(ages, list) and ages and HEADLINE_AGE_DAYS not in ages:
            content.setdefault("headline_age_days", ages[0])

    def check(self) -> None:
        """Refuse parts that do not fit one another."""
        check_tables(self.tables, self.stages.names)
        for item in self.fields:
            if item.source not in self.tables:
                raise Fault(
                    f"fields.{item.column.name}.from must name one of tables",
                    f"from: {item.source}, and no such table",
                    f"Map {item.source} under tables, or take the field from another one",
                )
        if self.headline_age_days not in self.ages_days:
            raise Fault("headline_age_days must be one of ages_days", f"{self.headline_age_days:g}")
        if self.horizon_days == 0:
            raise Fault("horizon_days must be above 0", "0")
        columns = (item.column for item in self.fields)
        self.check_use({column.name: column.type in PERSONAL_TYPES for column in columns})

    def recorded_since(self, table: str) -> int:
        """Return the moment from which all facts of a table were recorded; 0 if none is given."""
        given = [source.recorded_since for source in self.tables.get(table, ())]
        return max((moment_of(text, timezone=self.timezone) for text in given if text), default=0)

    def dump(self) -> dict[str, Any]:
        """Return what a mapping file holds."""
        content = super().dump() | {
            "missing": [word for word in self.missing if word],
            "fields": {item.column.name: item.dump() for item in self.fields},
        }
        if self.extracted_at is not None:
            moment = _EPOCH + timedelta(microseconds=self.extracted_at)
            content["extracted_at"] = moment.isoformat()
        return content
