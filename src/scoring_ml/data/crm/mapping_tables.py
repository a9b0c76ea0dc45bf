"""The tables of crm.yaml: which files, columns and words are which facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.contracts import CONTRACTS
from scoring_ml.data.crm.mapping_stages import Funnel
from scoring_ml.data.crm.mapping_values import texts
from scoring_ml.data.schema import Place, words_of

_SOURCE_KEYS: Final = ("file", "columns", "constants", "words", "only", "join")
_OUTCOMES: Final = ("won", "lost", "open")
_DIRECTIONS: Final = ("inbound", "outbound")


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


def parse_tables(content: Any, stages: Funnel, where: Place) -> dict[str, tuple[Source, ...]]:
    """Return the sources of every table; ``stages`` are what words may be translated to.

    Raises
    ------
    SchemaError
        Naming the place, and the nearest allowed word.
    """
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


def dump_tables(tables: Mapping[str, tuple[Source, ...]]) -> dict[str, Any]:
    """Undo :func:`parse_tables`."""
    return {name: [_dump(source) for source in sources] for name, sources in tables.items()}


def _dump(source: Source) -> dict[str, Any]:
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


def _source(content: Any, table: str, at: str, stages: Funnel, where: Place) -> Source:
    where.check_keys(content, _SOURCE_KEYS, at)
    where.require(content, ("file",), at)
    names = CONTRACTS[table].names
    columns = texts(content.get("columns"), f"{at}.columns", where)
    constants = texts(content.get("constants"), f"{at}.constants", where)
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
    on = texts(content["on"], f"{at}.on", where)
    if not on:
        raise where.error(f"{at}.on must map a column to a column of the other file", "nothing")
    return Join(_file(content["file"], f"{at}.file", where), on)


def _dictionaries(
    content: Any, table: str, at: str, stages: Funnel, where: Place
) -> dict[str, dict[str, str]]:
    """Words of a source; the right-hand side must be words of ours."""
    where.check_keys(content, CONTRACTS[table].names, f"{at}.words")
    ours: dict[str, tuple[str, ...]] = {}
    if table == "activities":
        ours = {"type": KINDS, "direction": _DIRECTIONS}
    elif table == "stages":
        ours = {"stage": stages.names}
    elif table == "deals":
        ours = {"outcome": _OUTCOMES}
    found = {}
    for column, words in content.items():
        place = f"{at}.words.{column}"
        found[str(column)] = texts(words, place, where)
        for word, meaning in found[str(column)].items():
            if column in ours and meaning:
                where.choice(meaning, ours[column], f"{place}.{word}")
    return found


def _file(name: Any, at: str, where: Place) -> str:
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts:
        raise where.error(f"{at} must lie in the export's folder", str(name))
    return str(name)
