"""crm.yaml: which file and column of a CRM's export is which fact.

A mapping is a YAML file that people read and review. This module reads and writes the whole of
it; its tables, stages and fields have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from scoring_ml.data.crm.mapping_fields import (
    FIELD_KNOWN,
    FIELD_SOURCES,
    RESERVED,
    MappedField,
    dump_fields,
    parse_fields,
)
from scoring_ml.data.crm.mapping_stages import Funnel
from scoring_ml.data.crm.mapping_tables import Join, Source, dump_tables, parse_tables
from scoring_ml.data.crm.mapping_values import (
    extraction_moment,
    reasons,
    rising,
    zone_name,
)
from scoring_ml.data.schema import Place, read_yaml, words_of
from scoring_ml.data.values.vocabulary import ANY_WORD

__all__ = [
    "AGES_DAYS",
    "ANY_WORD",
    "FIELD_KNOWN",
    "FIELD_SOURCES",
    "HEADLINE_AGE_DAYS",
    "HORIZONS_DAYS",
    "MAPPING_NAME",
    "RESERVED",
    "CrmMapping",
    "Join",
    "MappedField",
    "Source",
    "dump_mapping",
    "load_mapping",
    "mapping_text",
    "parse_mapping",
]

MAPPING_NAME: Final = "crm.yaml"
"""Name of the file in an export's folder."""

AGES_DAYS: Final = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0)
HEADLINE_AGE_DAYS: Final = 1.0
HORIZONS_DAYS: Final = (30.0, 60.0, 90.0, 180.0, 365.0)


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
    without : tuple of str
        Computed features that models must not see.
    allowed : mapping of str to str
        Computed feature -> written reason for using it though the leak audit refuses it.
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
    without: tuple[str, ...] = ()
    allowed: Mapping[str, str] = field(default_factory=dict)
    most_left_out: float = 0.10

    @property
    def funnel(self) -> Funnel:
        """The stages as one thing."""
        return Funnel(
            self.stages,
            self.stages_won,
            self.stages_lost,
            self.hand_over,
            self.after_hand_over,
        )


def load_mapping(path: Path) -> CrmMapping:
    """Read a mapping file.

    Raises
    ------
    SchemaError
        If the file is missing, is not YAML, or says something that cannot be.
    """
    return parse_mapping(read_yaml(path, what="mapping"), source=path.name)


def parse_mapping(content: Mapping[str, Any], *, source: str = MAPPING_NAME) -> CrmMapping:
    """Build a mapping from what its file holds.

    Raises
    ------
    SchemaError
        Naming the file, the place in it and the nearest allowed word.
    """
    where = Place(source)
    where.check_keys(content, _KEYS, "the mapping")
    where.require(content, ("dataset", "tables"), "the mapping")
    if content.get("version", 1) != 1:
        raise where.error("version must be 1", str(content["version"]))
    timezone = zone_name(content.get("timezone", "UTC"), where)
    day_first = where.flag(content.get("day_first", True), "day_first")
    stages = Funnel.parse(content.get("stages") or {}, where)
    features = content.get("features") or {}
    where.check_keys(features, _FEATURE_KEYS, "features")
    ages = rising(content.get("ages_days", AGES_DAYS), "ages_days", where)
    headline = where.number(content.get("headline_age_days", _headline(ages)), "headline_age_days")
    if headline not in ages:
        raise where.error("headline_age_days must be one of ages_days", f"{headline:g}")
    windows = rising(features.get("windows_days", (7, 30)), "features.windows_days", where)
    if any(days != int(days) or days < 1 for days in windows):
        raise where.error("features.windows_days must be whole days, 1 or more", f"{windows}")
    half_life = where.number(features.get("half_life_days", 7), "features.half_life_days")
    if not half_life > 0:
        raise where.error("features.half_life_days must be above 0", f"{half_life:g}")
    most = where.number(content.get("most_left_out", 0.1), "most_left_out")
    if not 0 <= most <= 1:
        raise where.error("most_left_out must be a share from 0 to 1", f"{most:g}")
    horizon = where.days(content.get("horizon_days"), "horizon_days")
    if horizon == 0:
        raise where.error("horizon_days must be above 0", "0")
    tables = parse_tables(content["tables"], stages, where)
    return CrmMapping(
        dataset=str(content["dataset"]),
        tables=tables,
        fields=parse_fields(content.get("fields") or {}, tables, day_first=day_first, where=where),
        timezone=timezone,
        day_first=day_first,
        extracted_at=extraction_moment(
            content.get("extracted_at"), timezone=timezone, day_first=day_first, where=where
        ),
        missing=("", *(word for word in words_of(content.get("missing", ())) if word)),
        stages=stages.order,
        stages_won=stages.won,
        stages_lost=stages.lost,
        hand_over=stages.hand_over,
        after_hand_over=stages.after_hand_over,
        horizon_days=horizon,
        recording_lag_days=where.days(content.get("recording_lag_days"), "recording_lag_days"),
        gap_days=where.days(content.get("gap_days"), "gap_days"),
        ages_days=ages,
        headline_age_days=headline,
        windows_days=tuple(int(days) for days in windows),
        half_life_days=half_life,
        free_mail=words_of(features.get("free_mail", ())),
        disposable_mail=words_of(features.get("disposable_mail", ())),
        without=words_of(features.get("without", ())),
        allowed=reasons(features.get("allow") or {}, where),
        most_left_out=most,
    )


def dump_mapping(mapping: CrmMapping) -> dict[str, Any]:
    """Return what a mapping file holds; :func:`parse_mapping` undoes it."""
    content: dict[str, Any] = {
        "version": 1,
        "dataset": mapping.dataset,
        "timezone": mapping.timezone,
        "day_first": mapping.day_first,
    }
    if mapping.extracted_at is not None:
        moment = _EPOCH + timedelta(microseconds=mapping.extracted_at)
        content["extracted_at"] = moment.isoformat()
    content["missing"] = [word for word in mapping.missing if word]
    content["tables"] = dump_tables(mapping.tables)
    content["fields"] = dump_fields(mapping.fields)
    content["stages"] = mapping.funnel.dump()
    for key in ("horizon_days", "recording_lag_days", "gap_days"):
        if getattr(mapping, key) is not None:
            content[key] = getattr(mapping, key)
    content["ages_days"] = list(mapping.ages_days)
    content["headline_age_days"] = mapping.headline_age_days
    content["features"] = {
        "windows_days": list(mapping.windows_days),
        "half_life_days": mapping.half_life_days,
        "free_mail": list(mapping.free_mail),
        "disposable_mail": list(mapping.disposable_mail),
    }
    if mapping.without:
        content["features"]["without"] = list(mapping.without)
    if mapping.allowed:
        content["features"]["allow"] = dict(mapping.allowed)
    content["most_left_out"] = mapping.most_left_out
    return content


def mapping_text(mapping: CrmMapping) -> str:
    """Return the mapping as the text of a YAML file."""
    content = dump_mapping(mapping)
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS: Final = (
    "version",
    "dataset",
    "timezone",
    "day_first",
    "extracted_at",
    "missing",
    "tables",
    "fields",
    "stages",
    "horizon_days",
    "recording_lag_days",
    "gap_days",
    "ages_days",
    "headline_age_days",
    "features",
    "most_left_out",
)
_FEATURE_KEYS: Final = (
    "windows_days",
    "half_life_days",
    "free_mail",
    "disposable_mail",
    "without",
    "allow",
)


def _headline(ages: tuple[float, ...]) -> float:
    return HEADLINE_AGE_DAYS if HEADLINE_AGE_DAYS in ages else ages[0]
