"""The gate for a lead of a request: its names and their values.

A lead is checked here alone, whether it comes through the service or is scored in process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scoring_ml.data.names import nearest
from scoring_ml.data.schema import FEATURE_TYPES, Column, Schema
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.limits import (
    MAX_FIELDS,
    MAX_ID,
    MAX_NAME,
    RepeatedNames,
    check_unicode,
    check_value,
)
from scoring_ml.data.values.typed import Typed, reader
from scoring_ml.data.values.vocabulary import folded
from scoring_ml.errors import LeadError
from scoring_ml.features.lead_history import LeadHistory, read_history
from scoring_ml.texts import Catalogue

LEAD_ID: Final = "lead_id"
LISTS: Final = ("activities", "stages")
"""Names under which a lead carries its history: lists of entries, not single values."""

_RESERVED: Final = (LEAD_ID, *LISTS)
"""Names with a meaning of their own; a column of that name gets an alias."""


@dataclass(frozen=True)
class LeadField:
    """One field that a lead may carry, by its name in a request: the column's, or its alias.

    Parameters
    ----------
    example : float, str, bool or None
        A value that can be posted as it is.
    levels : tuple of str
        Categories seen in training.
    """

    name: str
    column: Column
    example: Any
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Lead:
    """One lead, read.

    Parameters
    ----------
    typed : dict of column name to typed value
        Only fields that the model uses.
    ignored : tuple of str
        Known names that this model does not use.
    history : LeadHistory or None
        What the lead did and which stages it entered, where the model has a history.
    """

    lead_id: str | None
    typed: dict[str, Typed]
    ignored: tuple[str, ...]
    history: LeadHistory | None = None


class LeadReader:
    """Reads leads as requests carry them.

    Parameters
    ----------
    also_accepted : iterable of str
        Names of other registered versions, so that a promotion never breaks yesterday's request.
    of_history : iterable of str
        Names of the lead's history that the model's features are computed from: of
        :data:`LISTS` and the creation moment.
    """

    def __init__(
        self, schema: Schema, also_accepted: Iterable[str] = (), *, of_history: Iterable[str] = ()
    ) -> None:
        self._columns: dict[str, tuple[Column, Callable[..., Typed]]] = {
            alias(column.name): (column, reader(column, schema.missing))
            for column in schema.used
            if not column.is_feature
        }
        beside = (column.currency_of for column, _ in self._columns.values())
        self._currencies = {alias(name) for name in beside if name}
        self._history = schema.history
        self._created = schema.order.column
        self._of_history = tuple(of_history)
        self._features = {alias(column.name) for column in schema.columns if column.is_feature}
        own = {schema.account, schema.order.column, schema.target.column, *schema.names}
        own |= set() if schema.id == LEAD_ID else {schema.id}
        self._ignored = {alias(name) for name in own if name} - self._features
        if schema.history is not None:
            # A history that no feature in use is computed from does no harm.
            self._ignored |= set(LISTS)
        self._ignored |= {*also_accepted, *self._currencies}
        self._ignored -= {*self._columns, *self._of_history, LEAD_ID}
        self._id_column = None if schema.id is None else alias(schema.id)
        self._spelt = _spellings(self.names, schema)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that may stand in a request, used or not, without ``lead_id``."""
        return (*self._columns, *self._of_history, *sorted(self._ignored))

    def read(
        self, lead: Mapping[str, Any], *, as_of: datetime, texts: Catalogue | None = None
    ) -> Lead:
        """Read one lead.

        Parameters
        ----------
        as_of : datetime
            The moment at which the lead is seen, in UTC, without a zone.
        texts : Catalogue or None
            The language of warnings and of what is wrong; English if None.

        Raises
        ------
        LeadError
            Naming every wrong field; no message quotes a value.
        """
        texts = texts or Catalogue.load()
        if len(lead) > MAX_FIELDS:
            many = InvalidValue("too_many_fields", most=MAX_FIELDS)
            raise LeadError([("", many.text(texts))])
        repeated = lead.names if isinstance(lead, RepeatedNames) else ()
        wrong = {name: InvalidValue("repeated") for name in repeated}
        values: dict[str, Typed] = {}
        ignored: list[str] = []
        sent: dict[str, Any] = {}
        read_names: set[str] = set()
        lead_id: str | None = None
        codes = {self._named(name): raw for name, raw in lead.items()} if self._currencies else {}
        for sent_as, raw in lead.items():
            if sent_as in wrong:
                continue
            name = self._named(sent_as)
            try:
                if name != sent_as and (name in lead or name in read_names):
                    raise InvalidValue("repeated")
                read_names.add(name)
                if name in self._columns:
                    column, read = self._columns[name]
                    check_value(raw, several=column.type == "multiselect")
                    values[column.name] = read(raw, codes.get(alias(column.currency_of or "")))
                elif name == LEAD_ID:
                    lead_id = _id(raw)
                elif name in self._of_history:
                    sent["created_at" if name == self._created else name] = raw
                elif name in self._ignored:
                    _check_ignored(name, raw)
                    ignored += [] if name in self._currencies else [sent_as]
                    if name == self._id_column and lead_id is None and isinstance(raw, (str, int)):
                        lead_id = _cut_id(raw)
                else:
                    raise self._unknown(str(name))
            except InvalidValue as error:
                wrong[sent_as] = error
        fields = [(str(name), error.text(texts)) for name, error in wrong.items()]
        past: LeadHistory | None = None
        if self._history is not None:
            try:
                past = read_history(sent, self._history, as_of=as_of, texts=texts)
            except LeadError as error:
                fields += error.fields
        if fields:
            raise LeadError(fields)
        return Lead(lead_id, values, tuple(ignored), past)

    def _named(self, name: str) -> str:
        """Return the field that a name means: its own, or one that people see."""
        if name in self._columns or name in self._ignored or len(name) > MAX_NAME:
            return name
        return self._spelt.get(folded(name), name)

    def _unknown(self, name: str) -> InvalidValue:
        check_unicode(name)
        if name in _RESERVED:
            return InvalidValue("reserved")
        if name in self._features:
            return InvalidValue("computed")
        like = nearest(name[:MAX_NAME], (*self.names, LEAD_ID))
        return InvalidValue("unknown_like", like=like) if like else InvalidValue("unknown")


def _spellings(names: Iterable[str], schema: Schema) -> dict[str, str]:
    """Return the field of each spelling of its name and labels that means no other."""
    called: dict[str, set[str]] = {}
    for name in names:
        called.setdefault(folded(name), set()).add(name)
    labels: dict[str, set[str]] = {}
    for column in schema.columns:
        if not column.is_feature:
            for label in (column.title, *column.labels.values()):
                labels.setdefault(folded(label), set()).add(alias(column.name))
    reserved = {LEAD_ID, *LISTS}
    every = {key: found for key, found in labels.items() if key not in reserved} | called
    return {key: min(found) for key, found in every.items() if len(found) == 1}


def is_id(raw: Any) -> bool:
    """Tell whether a value can be a ``lead_id``: a text, a whole number or nothing."""
    return raw is None or (isinstance(raw, (str, int)) and not isinstance(raw, bool))


def alias(name: str) -> str:
    """Return the name of a column in requests: its own, unless that is reserved.

    >>> alias("budget"), alias("stages")
    ('budget', 'stages_column')
    """
    return f"{name}_column" if name in _RESERVED else name


def lead_fields(
    schema: Schema, levels: Mapping[str, tuple[str, ...]], example: Mapping[str, Any]
) -> tuple[LeadField, ...]:
    """Return the fields that a lead may carry, those that the model uses first.

    With a history the moment of creation is one of them; features are none.
    """
    columns = sorted(schema.columns, key=lambda column: not column.use)
    if schema.history is not None and schema.order.column is not None:
        name = schema.order.column
        created = Column(name, "date", label="Created at", reason="when the lead was created")
        columns.insert(0, created)
    return tuple(
        LeadField(
            alias(column.name),
            column,
            example.get(alias(column.name)),
            tuple(levels.get(column.name, ())),
        )
        for column in columns
        if column.type in FEATURE_TYPES and not column.is_feature
    )


def _id(raw: Any) -> str | None:
    if not is_id(raw):
        raise InvalidValue("id")
    if isinstance(raw, str):
        check_unicode(raw)
    return None if raw is None else _cut_id(raw)


def _cut_id(raw: str | int) -> str:
    try:
        return str(raw)[:MAX_ID]
    except ValueError:  # thousands of digits
        raise InvalidValue("id") from None


def _check_ignored(name: str, raw: Any) -> None:
    """Check that a value that is not looked at is a single one in Unicode; a list may be any."""
    if name not in LISTS:
        if isinstance(raw, (dict, list)):
            raise InvalidValue("nested")
        if isinstance(raw, str):
            check_unicode(raw)
