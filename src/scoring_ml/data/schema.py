"""What a flat file means: id, order, target, and when each column is known.

A schema is a YAML file that people read and review. This module holds its form as frozen
value objects, reads and writes it, and refuses what cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml
from rapidfuzz.process import extractOne

from scoring_ml.errors import SchemaError

TYPES: Final = ("number", "boolean", "category", "date", "email", "phone", "text", "id")
"""What a column's values are. ``text`` and ``id`` are never used as features."""

FEATURE_TYPES: Final = ("number", "boolean", "category", "date", "email", "phone")
"""Types that can be turned into numbers for a model."""

PERSONAL_TYPES: Final = ("email", "phone", "text", "id")
"""Types whose values are never shown in a report, a log or a plot."""

KNOWN: Final = ("at_creation", "before_scoring", "unknown", "after_outcome")
"""When a column's value is known, from the first moment of a lead to after its end."""

CRITERIA: Final = (
    "industry_fit",
    "budget",
    "need_urgency",
    "authority",
    "timeline",
    "engagement",
)
"""The six criteria of the hand-built matrix."""

GROUPS: Final = (*CRITERIA, "reachability", "source", "campaign", "other")
"""Where a field's points are shown: the six criteria and four more."""

GRADES: Final = ("refuse", "ask", "note")
"""Grades of the leak audit, worst first."""

ORDERS: Final = ("time", "number", "row", "none")
"""What puts the rows of a file in order of time."""


@dataclass(frozen=True)
class Suspicion:
    """One finding of the leak audit about one column.

    Parameters
    ----------
    grade : {"refuse", "ask", "note"}
    probe : str
        Name of the probe, such as ``single_field_auc``.
    value : float
        The number behind the finding, in the probe's own unit.
    text : str
        The finding in a sentence, with the number.
    """

    grade: str
    probe: str
    value: float
    text: str


@dataclass(frozen=True)
class Column:
    """One column of a flat file.

    Parameters
    ----------
    name : str
        Name in the file's header.
    type : str
        One of :data:`TYPES`.
    known : str
        One of :data:`KNOWN`: when the value is known.
    reason : str
        Why ``known`` says what it says.
    use : bool
        Whether models may see the column.
    allow : str or None
        Written reason for using a column of grade ``refuse``; shown on the model card.
    criterion : str
        One of :data:`GROUPS`.
    monotone : {"increasing", "decreasing"} or None
        Direction in which the chance of a win must not fall.
    missing : tuple of str
        Words that mean "not known" in this column, beside the schema's.
    decimal : {".", ","}
        Decimal sign of numbers written as text.
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.
    unit : str or None
        Unit of a number, for people.
    label : str or None
        Name for people; ``name`` if not given.
    askable : bool
        Whether a salesperson could ask the lead for it.
    region : str or None
        Country code (ISO 3166, two letters) for phone numbers without a country.
    audit : tuple of Suspicion
        What the leak audit found when the schema was drafted.
    derived : bool
        Whether the feature catalogue computes it, so that nobody sends it.
    part_of : str or None
        The field that it is summed back to when points are shown; its own name if None.
    """

    name: str
    type: str
    known: str = "at_creation"
    reason: str = ""
    use: bool = True
    allow: str | None = None
    criterion: str = "other"
    monotone: str | None = None
    missing: tuple[str, ...] = ()
    decimal: str = "."
    day_first: bool = True
    unit: str | None = None
    label: str | None = None
    askable: bool = False
    region: str | None = None
    audit: tuple[Suspicion, ...] = ()
    derived: bool = False
    part_of: str | None = None

    @property
    def title(self) -> str:
        """Name for people."""
        return self.label or self.name


@dataclass(frozen=True)
class Target:
    """Which column holds the outcome, and which of its values mean won, lost and open.

    An empty cell is open as well: scored, never trained on.
    """

    column: str
    won: tuple[str, ...]
    lost: tuple[str, ...]
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """What puts rows in order of time.

    Parameters
    ----------
    by : {"time", "number", "row", "none"}
        A date column, a rising number, the order of the rows, or nothing at all.
    column : str or None
        The column, for ``time`` and ``number``.
    ascending : bool
        Whether the newest lead has the largest value (or the last row).
    day_first : bool
        How an ambiguous date is read: ``True`` for 3/4/2026 as 3 April.
    reason : str
        Why this order is believed.
    """

    by: str
    column: str | None = None
    ascending: bool = True
    day_first: bool = True
    reason: str = ""


@dataclass(frozen=True)
class History:
    """How features are made from a lead's activities, stages and contact details.

    Parameters
    ----------
    kinds : tuple of str
        Kinds of activities that leads did in training, of
        :data:`scoring_ml.data.crm.activity_kinds.BY_LEAD`; empty without activities.
    stages : tuple of str
        Stages in the funnel's order; empty without stage history.
    windows_days : tuple of int
        Activities are counted in ``[as_of - w, as_of)`` for each, rising.
    half_life_days : float
        After so many days an activity counts half in ``engagement``.
    amounts : tuple of str
        Kinds whose ``amount`` is summed, too.
    touches : tuple of str
        Of ``campaign`` and ``channel``: what activities tell of the first and the last touch.
    hand_over : str or None
        The stage at which sales takes over.
    after_hand_over : bool
        Whether leads are scored after the hand-over, so that the response of sales counts.
    timezone : str
        Zone (IANA) of hours and weekdays, and of moments written without one.
    day_first : bool
        How an ambiguous date in a request is read: ``True`` for 3/4/2026 as 3 April.
    free_mail, disposable_mail : tuple of str
        Domains beside the well-known ones.
    kind_words, stage_words : mapping of str to str
        The CRM's own words, in lower case, for kinds and stages; ``*`` for all that are not
        named, an empty meaning for what does not count.
    direction_words, campaign_words, channel_words : mapping of str to str
        Likewise; an empty meaning for what says nothing.
    missing : tuple of str
        Words for "not known" in a lead's lists.
    unclear_words : mapping of str to mapping of str to str
        Column of a list -> words to which the export's files give different meanings -> what to
        write in a request instead. They are in none of the mappings above.
    """

    kinds: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    windows_days: tuple[int, ...] = (7, 30)
    half_life_days: float = 7.0
    amounts: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    hand_over: str | None = None
    after_hand_over: bool = False
    timezone: str = "UTC"
    day_first: bool = True
    free_mail: tuple[str, ...] = ()
    disposable_mail: tuple[str, ...] = ()
    kind_words: Mapping[str, str] = field(default_factory=dict)
    stage_words: Mapping[str, str] = field(default_factory=dict)
    direction_words: Mapping[str, str] = field(default_factory=dict)
    campaign_words: Mapping[str, str] = field(default_factory=dict)
    channel_words: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ("",)
    unclear_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        """Return JSON-ready values; :meth:`restore` undoes it."""
        return {
            key: list(value)
            if isinstance(value, tuple)
            else dict(value)
            if isinstance(value, Mapping)
            else value
            for key, value in vars(self).items()
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any]) -> History:
        """Undo :meth:`dump`."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in content.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Schema:
    """What a flat file means.

    Parameters
    ----------
    dataset : str
        Name of the data set; the MLflow experiment bears it.
    target : Target
    order : Order
    columns : tuple of Column
        Every column but id, account, target and order, in the file's order.
    id : str or None
        Column that names a lead; ``None`` for the row number.
    account : str or None
        Column that groups leads of one customer; intervals resample whole accounts.
    mature_after_days : float or None
        Age in days at which an outcome is final; needs ``order.by`` = ``time``.
    gap_days : float or None
        Days left out between windows; ``mature_after_days`` or one day if not given.
    missing : tuple of str
        Words that mean "not known" in every column.
    history : History or None
        How the derived columns are made; ``None`` for a flat file.
    """

    dataset: str
    target: Target
    order: Order
    columns: tuple[Column, ...]
    id: str | None = None
    account: str | None = None
    mature_after_days: float | None = None
    gap_days: float | None = None
    missing: tuple[str, ...] = ("",)
    version: int = field(default=1)
    history: History | None = None

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        KeyError
            If the schema has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that models may see."""
        return tuple(column for column in self.columns if column.use)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns that may stand in a request, used or not."""
        return tuple(column.name for column in self.columns)

    def with_columns(self, columns: Iterable[Column]) -> Schema:
        """Return the same schema with other columns."""
        return replace(self, columns=tuple(columns))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like the given one, or ``None`` if none is alike.

    >>> nearest("budjet", ["budget", "timeline"])
    'budget'
    >>> nearest("zzz", ["budget", "timeline"]) is None
    True
    """
    found = extractOne(
        name, list(names), processor=lambda text: str(text).casefold(), score_cutoff=60
    )
    return None if found is None else str(found[0])


def load_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises
    ------
    SchemaError
        If the file is missing, is not YAML, or says something that cannot be.
    """
    return parse_schema(read_yaml(path, what="schema"), source=path.name)


class _KeyTwice(yaml.constructor.ConstructorError):
    """A key stands twice in one mapping; YAML alone would keep the last."""


class _EachKeyOnce(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name != "<<" and name in seen:
                raise _KeyTwice(None, None, name, key.start_mark)
            if isinstance(name, str):
                seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, *, what: str) -> Mapping[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    SchemaError
        If there is no such file, or it holds no mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_EachKeyOnce)
    except FileNotFoundError:
        raise SchemaError(
            f"The {what} file must exist", found=f"no file {path}", do="Give its right name"
        ) from None
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML lets the errors of dates, numbers and depth through as they are.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        if isinstance(error, _KeyTwice):
            raise SchemaError(
                f"Every name may stand once in its place of the {what} file",
                found=f"{error.problem} a second time{where} of {path.name}",
                do="Remove one of the two",
            ) from None
        raise SchemaError(
            f"The {what} file must be YAML in UTF-8",
            found=f"{path.name} cannot be read{where}",
            do="Correct that line",
        ) from None
    if not isinstance(content, Mapping):
        raise SchemaError(
            f"The {what} file must hold a mapping of names to values",
            found=f"{path.name} holds {type(content).__name__}",
            do="See models/examples for the form",
        )
    return content


def parse_schema(content: Mapping[str, Any], *, source: str = "schema.yaml") -> Schema:
    """Build a schema from the mapping that its file holds.

    Raises
    ------
    SchemaError
        Naming the file, the place in it and the nearest allowed word.
    """
    where = Place(source)
    where.check_keys(content, _SCHEMA_KEYS, "the schema")
    where.require(content, ("dataset", "target", "order", "columns"), "the schema")
    target = content["target"]
    where.check_keys(target, ("column", "won", "lost", "open"), "target")
    where.require(target, ("column", "won"), "target")
    order = content["order"]
    where.check_keys(order, ("by", "column", "ascending", "day_first", "reason"), "order")
    by = where.choice(order.get("by", "row"), ORDERS, "order.by")
    if by in ("time", "number") and not order.get("column"):
        raise where.error(f"order.column must name a column when order.by is {by}", "none")
    mature = where.days(content.get("mature_after_days"), "mature_after_days")
    if mature is not None and by != "time":
        raise where.error("mature_after_days needs order.by: time", f"order.by: {by}")
    if not isinstance(content["columns"], Mapping):
        raise where.error("columns must map names to what is known of them", "something else")
    for name in content["columns"]:
        if name is None or isinstance(name, bool):
            raise where.error("A column name must be text", f"{name}", "Write it in quotes")
    columns = tuple(
        parse_column(str(name), spec or {}, where) for name, spec in content["columns"].items()
    )
    if any(column.name == str(target["column"]) for column in columns):
        raise where.error(
            "The target must not be one of the columns", str(target["column"]), "Remove it there"
        )
    won, lost = words_of(target["won"]), words_of(target.get("lost", ()))
    open_words = words_of(target.get("open", ()))
    if not won:
        raise where.error("target.won must list the values that mean won", "an empty list")
    for role in ("id", "account"):
        if content.get(role) is not None and content[role] == target["column"]:
            raise where.error(f"{role} must not be the target", str(content[role]))
    if order.get("column") is not None and order["column"] == target["column"]:
        raise where.error("order.column must not be the target", str(order["column"]))
    computed = [column.name for column in columns if column.derived]
    if computed and content.get("history") is None:
        raise where.error(
            "A derived column needs a history that it is computed from",
            f"{computed[0]} without one",
            "Remove derived, or name the columns of a flat file only",
        )
    both = sorted(set(won) & set(lost))
    if both:
        raise where.error("A value of the target must mean won or lost", f"both: {both[0]}")
    return Schema(
        dataset=str(content["dataset"]),
        target=Target(str(target["column"]), won, lost, open_words),
        order=Order(
            by=by,
            column=None if order.get("column") is None else str(order["column"]),
            ascending=where.flag(order.get("ascending", True), "order.ascending"),
            day_first=where.flag(order.get("day_first", True), "order.day_first"),
            reason=str(order.get("reason", "")),
        ),
        columns=columns,
        id=None if content.get("id") is None else str(content["id"]),
        account=None if content.get("account") is None else str(content["account"]),
        mature_after_days=mature,
        gap_days=where.days(content.get("gap_days"), "gap_days"),
        missing=("", *(word for word in words_of(content.get("missing", ())) if word)),
        history=None if content.get("history") is None else History.restore(content["history"]),
    )


def dump_schema(schema: Schema) -> dict[str, Any]:
    """Return the mapping that a schema file holds; :func:`parse_schema` undoes it."""
    content: dict[str, Any] = {"version": schema.version, "dataset": schema.dataset}
    content["id"] = schema.id
    if schema.account is not None:
        content["account"] = schema.account
    content["target"] = {
        "column": schema.target.column,
        "won": list(schema.target.won),
        "lost": list(schema.target.lost),
    }
    if schema.target.open:
        content["target"]["open"] = list(schema.target.open)
    order: dict[str, Any] = {"by": schema.order.by}
    if schema.order.column is not None:
        order["column"] = schema.order.column
    if not schema.order.day_first:
        order["day_first"] = False
    content["order"] = order | {
        "ascending": schema.order.ascending,
        "reason": schema.order.reason,
    }
    for key in ("mature_after_days", "gap_days"):
        if getattr(schema, key) is not None:
            content[key] = getattr(schema, key)
    content["missing"] = [word for word in schema.missing if word]
    if schema.history is not None:
        content["history"] = schema.history.dump()
    content["columns"] = {column.name: dump_column(column) for column in schema.columns}
    return content


def schema_text(schema: Schema) -> str:
    """Return the schema as the text of a YAML file."""
    content = dump_schema(schema)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)
    if "\x85" in text:
        # PyYAML writes this line break so that it reads as spaces, unless it is escaped.
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=96)
    return text


_SCHEMA_KEYS: Final = (
    "version",
    "dataset",
    "id",
    "account",
    "target",
    "order",
    "mature_after_days",
    "gap_days",
    "missing",
    "history",
    "columns",
)
_DEFAULTS: Final = Column(name="", type="")
COLUMN_KEYS: Final = (
    "type",
    "known",
    "reason",
    "use",
    "allow",
    "criterion",
    "monotone",
    "missing",
    "decimal",
    "day_first",
    "unit",
    "label",
    "askable",
    "region",
    "audit",
    "derived",
    "part_of",
)
"""What a settings file may say of a column."""


def parse_column(
    name: str, spec: Mapping[str, Any], where: Place, *, at: str | None = None
) -> Column:
    """Build a column from what a settings file says of it.

    Parameters
    ----------
    name : str
    spec : mapping
        With keys of :data:`COLUMN_KEYS`.
    where : Place
    at : str or None
        The place in the file that messages name; ``columns.<name>`` if None.

    Raises
    ------
    SchemaError
        If it says something that cannot be.
    """
    at = f"columns.{name}" if at is None else at
    where.check_keys(spec, COLUMN_KEYS, at)
    where.require(spec, ("type",), at)
    kind = where.choice(spec["type"], TYPES, f"{at}.type")
    use = where.flag(spec.get("use", kind in FEATURE_TYPES), f"{at}.use")
    if use and kind not in FEATURE_TYPES:
        raise where.error(
            f"{at}.use must be false for type {kind}", "use: true", "Give another type or use"
        )
    monotone = spec.get("monotone")
    if monotone is not None:
        where.choice(monotone, ("increasing", "decreasing"), f"{at}.monotone")
        if kind not in ("number", "boolean", "date"):
            raise where.error(f"{at}.monotone needs a number, boolean or date", f"type {kind}")
    allow = spec.get("allow")
    if allow is not None and not (isinstance(allow, str) and allow.strip()):
        raise where.error(f"{at}.allow must hold a written reason", "no text")
    audit = []
    findings = spec.get("audit") or ()
    if not isinstance(findings, (list, tuple)):
        raise where.error(f"{at}.audit must be a list", type(findings).__name__)
    for item in findings:
        where.check_keys(item, ("grade", "probe", "value", "text"), f"{at}.audit")
        where.choice(item.get("grade"), GRADES, f"{at}.audit.grade")
        audit.append(
            Suspicion(
                grade=str(item["grade"]),
                probe=str(item.get("probe", "")),
                value=where.number(item.get("value", float("nan")), f"{at}.audit.value"),
                text=str(item.get("text", "")),
            )
        )
    return Column(
        name=name,
        type=kind,
        known=where.choice(spec.get("known", "at_creation"), KNOWN, f"{at}.known"),
        reason=str(spec.get("reason", "")),
        use=use,
        allow=None if allow is None else str(allow),
        criterion=where.choice(spec.get("criterion", "other"), GROUPS, f"{at}.criterion"),
        monotone=monotone,
        missing=words_of(spec.get("missing", ())),
        decimal=where.choice(spec.get("decimal", "."), (".", ","), f"{at}.decimal"),
        day_first=where.flag(spec.get("day_first", True), f"{at}.day_first"),
        unit=None if spec.get("unit") is None else str(spec["unit"]),
        label=None if spec.get("label") is None else str(spec["label"]),
        askable=where.flag(spec.get("askable", False), f"{at}.askable"),
        region=None if spec.get("region") is None else str(spec["region"]),
        audit=tuple(audit),
        derived=where.flag(spec.get("derived", False), f"{at}.derived"),
        part_of=None if spec.get("part_of") is None else str(spec["part_of"]),
    )


def dump_column(column: Column) -> dict[str, Any]:
    """Return what a settings file says of a column; :func:`parse_column` undoes it."""
    content: dict[str, Any] = {
        "type": column.type,
        "known": column.known,
        "reason": column.reason,
        "use": column.use,
        "criterion": column.criterion,
    }
    for key in COLUMN_KEYS:
        value = getattr(column, key)
        if key in content or key == "audit" or value == getattr(_DEFAULTS, key):
            continue
        content[key] = list(value) if isinstance(value, tuple) else value
    if column.audit:
        content["audit"] = [
            {"grade": item.grade, "probe": item.probe, "value": item.value, "text": item.text}
            for item in column.audit
        ]
    return content


def words_of(value: Any) -> tuple[str, ...]:
    """Return the words of a YAML list; YAML's own booleans and numbers are written back as text."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(
        {True: "yes", False: "no"}[item] if isinstance(item, bool) else str(item)
        for item in items
        if item is not None
    )


class Place:
    """A settings file, for messages that name it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def error(self, must: str, found: str, do: str = "Correct the file") -> SchemaError:
        """Return the error that says what must hold, naming the file."""
        return SchemaError(must, found=f"{found} in {self.source}", do=do)

    def check_keys(self, content: Any, allowed: Iterable[str], at: str) -> None:
        """Refuse what is no mapping, or has a key that is not allowed."""
        if not isinstance(content, Mapping):
            raise self.error(f"{at} must hold names and values", type(content).__name__)
        allowed = tuple(allowed)
        for key in content:
            if key not in allowed:
                like = nearest(str(key), allowed)
                raise self.error(
                    f"{at} may hold only {', '.join(allowed)}",
                    str(key),
                    f"Write {like}" if like else "Remove it",
                )

    def require(self, content: Mapping[str, Any], keys: Iterable[str], at: str) -> None:
        """Refuse a mapping that lacks a key."""
        for key in keys:
            if content.get(key) is None:
                raise self.error(f"{at} must have {key}", "none")

    def choice(self, value: Any, allowed: tuple[str, ...], at: str) -> str:
        """Return one of the allowed words."""
        if value not in allowed:
            like = nearest(str(value), allowed)
            raise self.error(
                f"{at} must be one of {', '.join(allowed)}",
                str(value),
                f"Write {like}" if like else "Choose one of them",
            )
        return str(value)

    def flag(self, value: Any, at: str) -> bool:
        """Return true or false."""
        # A quoted "no" would be true for Python.
        if not isinstance(value, bool):
            raise self.error(f"{at} must be true or false", str(value))
        return value

    def number(self, value: Any, at: str) -> float:
        """Return a number."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"{at} must be a number", str(value))
        return float(value)

    def days(self, value: Any, at: str) -> float | None:
        """Return a number of days, 0 or more, or ``None`` where nothing is said."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e5:
            raise self.error(f"{at} must be a number of days, 0 or more", str(value))
        return float(value)
