"""Leads as they are shown, sliced and left unscored: keys that schema.yaml and crm.yaml share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from scoring_ml.data.section import Fault, Section, choose
from scoring_ml.data.section_values import Word, Words


def _crm_url(value: Any) -> str:
    fits = isinstance(value, str) and re.fullmatch(r"https?://[^\s{}]+", value.replace("{id}", "0"))
    if not fits or "{id}" not in value:
        raise Fault("{at} must be a web address with {id} in it", value)
    return str(value)


@dataclass(frozen=True)
class NotScored(Section):
    """Leads that are never scored, such as partners and staff.

    Parameters
    ----------
    column : str
        A field of the lead.
    values : tuple of str
        Its values, in any case, of which one is enough.
    reason : str
        Why they are not scored.
    """

    column: Word
    values: Words
    reason: Word = ""

    def check(self) -> None:
        """Refuse a rule that leaves no lead out."""
        if not self.values:
            raise Fault("{at}.values must list at least one value", "an empty list")


@dataclass(frozen=True, kw_only=True)
class LeadUse(Section):
    """How leads are shown, sliced and left unscored.

    Parameters
    ----------
    shown : tuple of str
        Fields that tell a person which lead it is, for pages; never logged.
    crm_url : str or None
        Web address of a lead in the CRM, with ``{id}`` for its id.
    slices : tuple of str
        Fields by which results are sliced.
    not_scored : tuple of NotScored
        Which leads are never scored.
    """

    shown: Words = ()
    crm_url: Annotated[str, PlainValidator(_crm_url), WithJsonSchema({"type": "string"})] | None = (
        None
    )
    slices: Words = ()
    not_scored: tuple[NotScored, ...] = ()

    def check_use(self, personal: Mapping[str, bool], ids: tuple[str | None, ...] = ()) -> None:
        """Refuse names that are no fields, and slices by what must not be shown.

        Parameters
        ----------
        personal : mapping of str to bool
            Each field, and whether its values are personal.
        ids : tuple of str or None
            What else a page may show.
        """
        names = tuple(personal)
        for number, name in enumerate(self.shown):
            choose(name, (*names, *filter(None, ids)), f"shown[{number}]")
        for number, name in enumerate(self.slices):
            if personal[choose(name, names, f"slices[{number}]")]:
                raise Fault(f"slices[{number}] must be no personal field", name)
        for number, rule in enumerate(self.not_scored):
            choose(rule.column, names, f"not_scored[{number}].column")
