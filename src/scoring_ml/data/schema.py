"""The schema of a flat file: id, order, target, and when each column is known.

A schema is a YAML file that people read and review. This module states its form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic.json_schema import SkipJsonSchema

from scoring_ml.data.history import History
from scoring_ml.data.lead_use import LeadUse
from scoring_ml.data.section import ByName, Fault, Section
from scoring_ml.data.section_values import (
    Code,
    Days,
    Encoding,
    Flag,
    Labels,
    MissingWords,
    OneOf,
    Positive,
    Reason,
    Separator,
    TidyWord,
    Word,
    Words,
)
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.moments.form import DateForm

FEATURE_TYPES: Final = ("number", "boolean", "category", "multiselect", "date", "email", "phone")
"""Types that can be turned into numbers for a model."""

TYPES: Final = (*FEATURE_TYPES, "text", "id")
"""What a column's values are. ``text`` and ``id`` are never used as features."""

PERSONAL_TYPES: Final = ("email", "phone", "text", "id")
"""Types whose values are never shown in a report, a log or a plot."""

KNOWN: Final = ("at_creation", "before_scoring", "unknown", "after_outcome")
"""When a column's value is known, from the first moment of a lead to after its end."""

CRITERIA: Final = ("industry_fit", "budget", "need_urgency", "authority", "timeline", "engagement")
"""The six criteria of the hand-built matrix."""

GROUPS: Final = (*CRITERIA, "reachability", "source", "campaign", "other")
"""Where a field's points are shown: the six criteria and four more."""

ORDERS: Final = ("time", "number", "row", "none")
"""What puts the rows of a file in order of time."""


@dataclass(frozen=True)
class Column(DateForm):
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
    criterion : str
        One of :data:`GROUPS`.
    allow : str or None
        Written reason for using a column of grade ``refuse``; shown on the model card.
    monotone : {"increasing", "decreasing"} or None
        Direction in which the chance of a win must not fall.
    missing : tuple of str
        Words that mean "not known" in this column, beside the schema's.
    decimal : {".", ","}
        Decimal sign of numbers written as text.
    yes_words : tuple of str
        Words that mean yes in this column, whatever they mean elsewhere, such as a lone x.
    separator : str or None
        What parts the values of a multiselect, whose order does not count; ``;`` if None.
    hundredths : bool
        Whether a percent sign means hundredths, so that 45% is 0.45.
    currency : str or None
        ISO 4217 code of the currency of amounts; those in none are taken to be in it.
    rates : mapping of str to float
        What one unit of another currency is worth in it, above 0.
    currency_of : str or None
        Column of the file that names the currency of each amount; empty for ``currency``.
    unit : str or None
        Unit of a number, for people.
    label : str or None
        Name for people; ``name`` if not given.
    labels : mapping of language to str
        The same in the languages of :data:`scoring_ml.data.section_values.LANGUAGES`.
    values : mapping of value to (mapping of language to str)
        Names for people of a category's values.
    askable : bool
        Whether a salesperson could ask the lead for it.
    region : str or None
        Country code (ISO 3166, two letters) for phone numbers without a country.
    is_feature : bool
        Whether the feature catalogue computes it, so that nobody sends it; ``derived`` in a file.
    part_of : str or None
        The field that it is summed back to when points are shown; its own name if None.
    audit : tuple of Suspicion
        What the leak audit found when the schema was drafted.
    """

    name: Annotated[str, SkipJsonSchema()]
    type: Annotated[str, OneOf(TYPES)]
    known: Annotated[str, OneOf(KNOWN)] = "at_creation"
    reason: Word = ""
    use: Flag = True
    criterion: Annotated[str, OneOf(GROUPS)] = "other"
    allow: Reason | None = None
    monotone: Annotated[str, OneOf(("increasing", "decreasing"))] | None = None
    missing: Words = ()
    decimal: Annotated[str, OneOf((".", ","))] = "."
    yes_words: Words = ()
    separator: Separator | None = None
    hundredths: Flag = False
    currency: Code | None = None
    rates: Mapping[Code, Positive] = field(default_factory=dict, hash=False)
    currency_of: Word | None = None
    unit: Word | None = None
    label: Word | None = None
    labels: Labels = field(default_factory=dict, hash=False)
    values: Mapping[TidyWord, Labels] = field(default_factory=dict, hash=False)
    askable: Flag = False
    region: Word | None = None
    is_feature: Flag = field(default=False, metadata={"alias": "derived"})
    part_of: Word | None = None
    audit: tuple[Suspicion, ...] = ()

    UNWRITTEN: ClassVar = ("name",)
    ALWAYS: ClassVar = ("type", "known", "reason", "use", "criterion")

    @property
    def title(self) -> str:
        """Name for people."""
        return self.label or self.name

    def title_in(self, language: str) -> str:
        """Return the name for people who read a language."""
        return self.labels.get(language, self.title)

    @property
    def worded(self) -> bool:
        """Whether its values are words, of which each that is frequent has a flag of its own."""
        return self.type in ("category", "multiselect")

    @property
    def between(self) -> str:
        """What stands between the values of a multiselect as it is read."""
        return f"{self.separator or ';'} "

    def members(self, value: str) -> list[str]:
        """Return the single values of a typed value: of a multiselect there may be several."""
        if self.type != "multiselect":
            return [value]
        return value.split(self.between)

    def value_in(self, value: str, language: str) -> str:
        """Return a category's value, or those of a multiselect, for people who read a language."""
        words = (self.values.get(word, {}).get(language, word) for word in self.members(value))
        return self.between.join(words)

    @classmethod
    def complete(cls, content: dict[str, Any], context: Any) -> None:
        """Leave columns unused that cannot be turned into numbers."""
        content.setdefault("use", content.get("type") in FEATURE_TYPES)

    def check(self) -> None:
        """Refuse uses that the type does not allow."""
        if self.use and self.type not in FEATURE_TYPES:
            raise Fault(
                f"{{at}}.use must be false for type {self.type}",
                "use: true",
                "Give another type or use",
            )
        if self.monotone and self.type not in ("number", "boolean", "date"):
            raise Fault("{at}.monotone needs a number, boolean or date", f"type {self.type}")
        if (self.currency or self.hundredths) and self.type != "number":
            raise Fault("{at}.currency and hundredths need a number", f"type {self.type}")
        if self.yes_words and self.type != "boolean":
            raise Fault("{at}.yes_words needs a boolean", f"type {self.type}")
        if (self.rates or self.currency_of) and self.currency is None:
            raise Fault("{at}.rates and currency_of need {at}.currency", "no currency", "Write it")
        if self.values and not self.worded:
            raise Fault("{at}.values needs a category", f"type {self.type}")


@dataclass(frozen=True)
class Target(Section):
    """Which column holds the outcome, and which of its values mean won, lost and open.

    An empty cell is open as well: scored, never trained on.
    """

    column: Word
    won: Words
    lost: Words = ()
    open: Words = ()

    ALWAYS: ClassVar = ("lost",)

    def check(self) -> None:
        """Refuse a target without a won value, or with one that means two things."""
        if not self.won:
            raise Fault("{at}.won must list the values that mean won", "an empty list")
        both = sorted(set(self.won) & set(self.lost))
        if both:
            raise Fault("A value of the target must mean won or lost", f"both: {both[0]}")


@dataclass(frozen=True)
class Order(DateForm):
    """What puts rows in order of time.

    Parameters
    ----------
    by : {"time", "number", "row", "none"}
        A date column, a rising number, the order of the rows, or nothing at all.
    column : str or None
        The column, for ``time`` and ``number``.
    ascending : bool
        Whether the newest lead has the largest value (or the last row).
    reason : str
        Why this order is believed.
    missing : tuple of str
        Words of the column that mean "not known", beside the schema's.
    audit : tuple of Suspicion
        What speaks against the order, as seen when the schema was drafted.
    """

    by: Annotated[str, OneOf(ORDERS)] = "row"
    column: Word | None = None
    ascending: Flag = True
    reason: Word = ""
    missing: Words = ()
    audit: tuple[Suspicion, ...] = ()

    ALWAYS: ClassVar = ("by", "ascending", "reason")

    def check(self) -> None:
        """Refuse an order by a column that is not named."""
        if self.by in ("time", "number") and not self.column:
            raise Fault(f"{{at}}.column must name a column when {{at}}.by is {self.by}")


@dataclass(frozen=True, kw_only=True)
class Schema(LeadUse):
    """What a flat file means.

    Parameters
    ----------
    version : int
        Of the form of the file; 1.
    dataset : str
        Name of the data set; the MLflow experiment bears it.
    encoding : str or None
        What the file's text is in, if it is not in Unicode; found out if None.
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
        How the features are made; ``None`` for a flat file.
    columns : tuple of Column
        Every column but id, account, target and order, in the file's order.
    """

    version: Literal[1] = 1
    dataset: Word
    encoding: Encoding | None = None
    id: Word | None = None
    account: Word | None = None
    target: Target
    order: Order
    mature_after_days: Days | None = None
    gap_days: Days | None = None
    missing: MissingWords = ("",)
    history: History | None = None
    columns: Annotated[tuple[Column, ...], ByName(Column)]

    TITLE: ClassVar = "the schema"
    FILE: ClassVar = "schema.yaml"
    ALWAYS: ClassVar = ("version", "id", "missing")

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name; a ``KeyError`` if there is none."""
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

    def check(self) -> None:
        """Refuse roles that one column cannot have at once."""
        if self.mature_after_days is not None and self.order.by != "time":
            raise Fault("mature_after_days needs order.by: time", f"order.by: {self.order.by}")
        if self.target.column in self.names:
            raise Fault(
                "The target must not be one of the columns", self.target.column, "Remove it there"
            )
        roles = {"id": self.id, "account": self.account, "order.column": self.order.column}
        for role, name in roles.items():
            if name == self.target.column:
                raise Fault(f"{role} must not be the target", name)
        features = [column.name for column in self.columns if column.is_feature]
        if features and self.history is None:
            raise Fault(
                "A feature needs a history that it is computed from",
                f"{features[0]} without one",
                "Remove derived, or name the columns of a flat file only",
            )
        personal = {column.name: column.type in PERSONAL_TYPES for column in self.columns}
        self.check_use(personal, (self.id, self.account))

    def dump(self) -> dict[str, Any]:
        """Return the mapping that a schema file holds."""
        return super().dump() | {
            "missing": [word for word in self.missing if word],
            "columns": {column.name: column.dump() for column in self.columns},
        }
