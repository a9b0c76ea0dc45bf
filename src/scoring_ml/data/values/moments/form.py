"""The form in which a column writes its dates, as schema.yaml and crm.yaml state it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Final, Self
from zoneinfo import available_timezones

from pydantic import PlainValidator, WithJsonSchema

from scoring_ml.data.section import Fault, Section
from scoring_ml.data.section_values import Flag, OneOf, Words, texts

CALENDARS: Final = ("gregorian", "jalali")

EPOCHS: Final = ("seconds", "milliseconds", "microseconds", "excel")
"""What a number counts: a Unix time since 1970, or days of a spreadsheet since 1900."""

OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")


def _zones(value: Any) -> dict[str, str]:
    zones = texts(value)
    for name, zone in zones.items():
        if not OFFSET.fullmatch(zone) and zone not in available_timezones():
            raise Fault(
                f"{{at}}.{name} must be an offset, such as +05:30, or a zone, such as Asia/Kolkata",
                zone,
            )
    return zones


@dataclass(frozen=True, kw_only=True)
class DateForm(Section):
    """How dates and moments are written.

    Parameters
    ----------
    day_first : bool or None
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April. Undecided if None:
        crm.yaml then asks the whole column, and without evidence the day is first.
    calendar : {"gregorian", "jalali"} or None
        ``jalali``: years from 1300 to 1499, and years of two digits, are of the Persian calendar.
        Undecided if None: crm.yaml then asks the whole column.
    epoch : {"seconds", "milliseconds", "microseconds", "excel"} or None
        What numbers count; ``excel`` counts days since 1900. If None, a Unix time is told by
        its 10, 13 or 16 digits.
    zones : mapping of str to str
        Meanings of names of zones such as IST, as an offset or an IANA zone.
    """

    day_first: Flag | None = None
    calendar: Annotated[str, OneOf(CALENDARS)] | None = None
    epoch: Annotated[str, OneOf(EPOCHS)] | None = None
    zones: Annotated[
        Mapping[str, str],
        PlainValidator(_zones),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    ] = field(default_factory=dict, hash=False)

    @property
    def date_form(self) -> DateForm:
        """The form alone."""
        return DateForm(**self.date_keys)

    @property
    def date_keys(self) -> dict[str, Any]:
        """The keys of the form, for another section that has them."""
        return {item.name: getattr(self, item.name) for item in fields(DateForm)}

    def completed_by(self, other: DateForm) -> Self:
        """Return the section with what is undecided in it taken from another."""
        stated = {name: value for name, value in self.date_keys.items() if value not in (None, {})}
        return replace(self, **(other.date_keys | stated))


@dataclass(frozen=True, kw_only=True)
class ColumnDates(DateForm):
    """How one column writes its dates and moments.

    Parameters
    ----------
    missing : tuple of str
        Words of the column that mean "not known", such as 0000-00-00.
    """

    missing: Words = ()
