"""crm.yaml: which file and column of a CRM's export is which fact.

A mapping is a YAML file that people read and review. This module holds its form as frozen
value objects, reads and writes it, and refuses what cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Final
from zoneinfo import available_timezones

import yaml

from scoring_ml.data.contracts import CONTRACTS
from scoring_ml.data.kinds import KINDS
from scoring_ml.data.moments import moment_of
from scoring_ml.data.schema import (
    COLUMN_KEYS,
    Column,
    Place,
    dump_column,
    nearest,
    parse_column,
    read_yaml,
    words_of,
)
from scoring_ml.data.values import tidy

MAPPING_NAME: Final = "crm.yaml"
"""Name of the file in an export's folder."""

RESERVED: Final = ("lead_id", "created_at", "account_id", "outcome", "activities", "stages")
"""Names that no field may have: a request uses them for something else."""

ANY_WORD: Final = "*"
"""Among a source's words: every word that is neither named nor ours already."""

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
        Compared without regard to case and outer space; ``*`` stands for every other word, and an
        empty word of ours means "not told".
    only : mapping of file column to tuple of str
        Rows whose cell is none of these words are no facts of this table, such as the changes of
        other fields in a log that also holds the stages.
    join : tuple of Join
    """

    file: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
    timezone = _zone(content.get("timezone", "UTC"), where)
    day_first = where.flag(content.get("day_first", True), "day_first")
    stages = _Funnel.parse(content.get("stages") or {}, where)
    features = content.get("features") or {}
    where.check_keys(features, _FEATURE_KEYS, "features")
    ages = _numbers(content.get("ages_days", AGES_DAYS), "ages_days", where)
    headline = where.number(content.get("headline_age_days", _headline(ages)), "headline_age_days")
    if headline not in ages:
        raise where.error("headline_age_days must be one of ages_days", f"{headline:g}")
    windows = _numbers(features.get("windows_days", (7, 30)), "features.windows_days", where)
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
    tables = _tables(content["tables"], stages, where)
    fields = _fields(content.get("fields") or {}, day_first, where)
    for item in fields:
        if item.source not in tables:
            raise where.error(
                f"fields.{item.column.name}.from must name one of tables",
                f"from: {item.source}, and no such table",
                f"Map {item.source} under tables, or take the field from another one",
            )
    return CrmMapping(
        dataset=str(content["dataset"]),
        tables=tables,
        fields=fields,
        timezone=timezone,
        day_first=day_first,
        extracted_at=_moment(content.get("extracted_at"), timezone, day_first, where),
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
        allowed=_reasons(features.get("allow") or {}, where),
        most_left_out=most,
    )


def _reasons(content: Any, where: Place) -> dict[str, str]:
    """Return written reasons by the feature that they allow."""
    if not isinstance(content, Mapping):
        raise where.error(
            "features.allow must map a feature to a written reason", type(content).__name__
        )
    for name, reason in content.items():
        if not (isinstance(reason, str) and reason.strip()):
            raise where.error(f"features.allow.{name} must hold a written reason", "no text")
    return {str(name): str(reason) for name, reason in content.items()}


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
    content["tables"] = {
        name: [_dump_source(source) for source in sources]
        for name, sources in mapping.tables.items()
    }
    content["fields"] = {item.column.name: _dump_field(item) for item in mapping.fields}
    content["stages"] = {
        "order": list(mapping.stages),
        "won": list(mapping.stages_won),
        "lost": list(mapping.stages_lost),
        "hand_over": mapping.hand_over,
        "after_hand_over": mapping.after_hand_over,
    }
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
_SOURCE_KEYS: Final = ("file", "columns", "constants", "words", "only", "join")
_STAGE_KEYS: Final = ("order", "won", "lost", "hand_over", "after_hand_over")
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
_OUTCOMES: Final = ("won", "lost", "open")
_DIRECTIONS: Final = ("inbound", "outbound")


@dataclass(frozen=True)
class _Funnel:
    order: tuple[str, ...]
    won: tuple[str, ...]
    lost: tuple[str, ...]
    hand_over: str | None
    after_hand_over: bool

    @classmethod
    def parse(cls, content: Any, where: Place) -> _Funnel:
        where.check_keys(content, _STAGE_KEYS, "stages")
        order, won, lost = (words_of(content.get(key, ())) for key in ("order", "won", "lost"))
        names = [tidy(name).casefold() for name in (*order, *won, *lost)]
        twice = sorted({name for name in names if names.count(name) > 1 or not name})
        if twice:
            raise where.error("Every stage must be named once", f"{twice[0]!r} twice or empty")
        hand_over = content.get("hand_over")
        return cls(
            order,
            won,
            lost,
            None if hand_over is None else where.choice(hand_over, order, "stages.hand_over"),
            where.flag(content.get("after_hand_over", False), "stages.after_hand_over"),
        )


def _tables(content: Any, stages: _Funnel, where: Place) -> dict[str, tuple[Source, ...]]:
    where.check_keys(content, CONTRACTS, "tables")
    where.require(content, ("leads",), "tables")
    tables = {}
    for name, sources in content.items():
        several = isinstance(sources, list)
        items = sources if several else [sources]
        if not items:
            raise where.error(f"tables.{name} must name a file", "an empty list")
        tables[str(name)] = tuple(
            _source(
                item,
                str(name),
                f"tables.{name}[{at}]" if several else f"tables.{name}",
                stages,
                where,
            )
            for at, item in enumerate(items)
        )
    return tables


def _source(content: Any, table: str, at: str, stages: _Funnel, where: Place) -> Source:
    where.check_keys(content, _SOURCE_KEYS, at)
    where.require(content, ("file",), at)
    names = CONTRACTS[table].names
    columns = _texts(content.get("columns"), f"{at}.columns", where)
    constants = _texts(content.get("constants"), f"{at}.constants", where)
    where.check_keys(columns, names, f"{at}.columns")
    where.check_keys(constants, names, f"{at}.constants")
    for name in constants:
        if name in columns:
            raise where.error(f"{at}: a column must have one origin", f"{name} twice")
    joins = content.get("join") or ()
    if not isinstance(joins, (list, tuple)):
        raise where.error(f"{at}.join must be a list", type(joins).__name__)
    only = content.get("only") or {}
    where.check_keys(only, only, f"{at}.only")
    return Source(
        file=_file(content["file"], f"{at}.file", where),
        columns=columns,
        constants=constants,
        words=_dictionaries(content.get("words") or {}, table, at, stages, where),
        only={str(name): words_of(words) for name, words in only.items()},
        join=tuple(_join(item, f"{at}.join[{place}]", where) for place, item in enumerate(joins)),
    )


def _join(content: Any, at: str, where: Place) -> Join:
    if isinstance(content, Mapping):
        # YAML takes an unquoted ``on`` for true.
        content = {"on" if key is True else key: value for key, value in content.items()}
    where.check_keys(content, ("file", "on"), at)
    where.require(content, ("file", "on"), at)
    on = _texts(content["on"], f"{at}.on", where)
    if not on:
        raise where.error(f"{at}.on must map a column to a column of the other file", "nothing")
    return Join(_file(content["file"], f"{at}.file", where), on)


def _dictionaries(
    content: Any, table: str, at: str, stages: _Funnel, where: Place
) -> dict[str, dict[str, str]]:
    """Words of a source; the right-hand side must be words of ours."""
    where.check_keys(content, CONTRACTS[table].names, f"{at}.words")
    ours: dict[str, tuple[str, ...]] = {}
    if table == "activities":
        ours = {"type": KINDS, "direction": _DIRECTIONS}
    elif table == "stages":
        ours = {"stage": (*stages.order, *stages.won, *stages.lost)}
    elif table == "deals":
        ours = {"outcome": _OUTCOMES}
    found = {}
    for column, words in content.items():
        place = f"{at}.words.{column}"
        found[str(column)] = _texts(words, place, where)
        for word, meaning in found[str(column)].items():
            if column in ours and meaning:
                where.choice(meaning, ours[column], f"{place}.{word}")
    return found


def _fields(content: Any, day_first: bool, where: Place) -> tuple[MappedField, ...]:
    if not isinstance(content, Mapping):
        raise where.error("fields must map names to what is known of them", type(content).__name__)
    found = []
    for name, spec in content.items():
        if not isinstance(name, str):
            raise where.error("A field's name must be text", f"{name}", "Write it in quotes")
        if name in RESERVED:
            raise where.error("A field must not have a reserved name", name, "Give it another name")
        found.append(_field(name, spec or {}, day_first, where))
    return tuple(found)


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


def _zone(name: Any, where: Place) -> str:
    if name not in available_timezones():
        like = nearest(str(name), available_timezones())
        raise where.error(
            "timezone must be the name of a zone, such as Asia/Tehran",
            str(name),
            f"Write {like}" if like else "Choose one",
        )
    return str(name)


def _moment(raw: Any, timezone: str, day_first: bool, where: Place) -> int | None:
    if raw is None:
        return None
    try:
        return moment_of(raw, timezone=timezone, day_first=day_first)
    except ValueError:
        raise where.error(
            "extracted_at must be a moment, such as 2026-11-01T00:00:00Z", str(raw)
        ) from None


def _headline(ages: tuple[float, ...]) -> float:
    return HEADLINE_AGE_DAYS if HEADLINE_AGE_DAYS in ages else ages[0]


def _numbers(raw: Any, at: str, where: Place) -> tuple[float, ...]:
    if not isinstance(raw, (list, tuple)) or not raw:
        raise where.error(f"{at} must be a list of numbers", str(raw))
    numbers = tuple(where.number(item, at) for item in raw)
    if any(number < 0 for number in numbers) or list(numbers) != sorted(set(numbers)):
        raise where.error(f"{at} must rise from 0 or more", str(list(raw)))
    return numbers


def _texts(content: Any, at: str, where: Place) -> dict[str, str]:
    """Return a mapping of text to text; YAML's own yes and no are ambiguous as names."""
    content = content or {}
    where.check_keys(content, content, at)
    for key, value in content.items():
        if isinstance(key, bool) or isinstance(value, bool):
            raise where.error(f"{at} must hold text", f"{key}: {value}", "Write it in quotes")
        if value is None or isinstance(value, (Mapping, list)):
            raise where.error(f"{at}.{key} must be text", type(value).__name__)
    return {str(key): str(value) for key, value in content.items()}


def _file(name: Any, at: str, where: Place) -> str:
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts:
        raise where.error(f"{at} must lie in the export's folder", str(name))
    return str(name)


def _dump_source(source: Source) -> dict[str, Any]:
    content: dict[str, Any] = {"file": source.file}
    if source.columns:
        content["columns"] = dict(source.columns)
    if source.constants:
        content["constants"] = dict(source.constants)
    if source.words:
        content["words"] = {name: dict(words) for name, words in source.words.items()}
    if source.only:
        content["only"] = {name: list(words) for name, words in source.only.items()}
    if source.join:
        content["join"] = [{"file": join.file, "on": dict(join.on)} for join in source.join]
    return content


def _dump_field(item: MappedField) -> dict[str, Any]:
    known = {ours: theirs for theirs, ours in _KNOWN.items()}
    content = dump_column(item.column)
    content["known"] = known[item.column.known]
    # A default that differs from the schema's own must be said.
    content["day_first"] = item.column.day_first
    return {"from": item.source, "column": item.named} | content
