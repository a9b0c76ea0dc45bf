"""The features of one lead: from its fields and its history, with the code of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import FEATURE_TYPES, Column, Schema
from scoring_ml.data.values.moments import NEVER
from scoring_ml.data.values.typed import Typed
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.compute import compute_features
from scoring_ml.features.feature import ACTIVITIES, CREATED_AT, STAGES
from scoring_ml.features.lead_history import LeadHistory

SOURCES: Final = (ACTIVITIES, STAGES, CREATED_AT)
"""What a lead may carry beside its fields, for features to be computed from."""


class LeadFeatures:
    """The features of a schema, for one lead at a time.

    Attributes
    ----------
    by_source : dict of str to tuple of Column
        The features in use that are computed from each of :data:`SOURCES`, if any.
    lists, history_names : tuple of str
        The lists among these sources; names in a request of all of them.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._columns = tuple(column for column in schema.used if column.is_feature)
        self._fields = tuple(
            column
            for column in schema.used
            if not column.is_feature and column.type in FEATURE_TYPES
        )
        features = schema_features(schema)
        self.by_source = {
            source: columns
            for source in SOURCES
            if (columns := tuple(c for c in self._columns if source in features[c.name].needs))
        }
        self.lists: tuple[str, ...] = tuple(
            name for name in (ACTIVITIES, STAGES) if name in self.by_source
        )
        created = schema.order.column
        dated = CREATED_AT in self.by_source and created is not None
        self.history_names = (str(created), *self.lists) if dated else self.lists

    def unsent(self, lead: Mapping[str, Any]) -> tuple[str, ...]:
        """Return which of :data:`SOURCES` are needed and not in a request."""
        names = {source: source for source in self.by_source}
        if CREATED_AT in names:
            names[CREATED_AT] = str(self._schema.order.column)
        return tuple(source for source, name in names.items() if lead.get(name) in (None, ""))

    def values(
        self, typed: Mapping[str, Typed], history: LeadHistory, as_of: datetime
    ) -> dict[str, Typed]:
        """Compute the features in use of one lead: the bits of its row in a batch, by column.

        Parameters
        ----------
        typed : mapping of column name to typed value
            The lead's fields.
        as_of : datetime
            In UTC, without a zone.
        """
        created = NEVER if history.created_at is None else history.created_at
        features = compute_features(
            self._schema,
            {column.name: _array(column, typed.get(column.name)) for column in self._fields},
            created_at=np.array([created], dtype=np.int64),
            as_of=np.array([as_of], dtype="datetime64[us]").astype(np.int64),
            activities=history.activities,
            stages=history.stages,
        )
        return {column.name: features[column.name][0] for column in self._columns}


def _array(column: Column, value: Typed) -> NDArray[Any]:
    if column.type in ("number", "boolean"):
        return np.array([np.nan if value is None else value], dtype=np.float64)
    if column.type == "date":
        return np.array([value], dtype="datetime64[us]")
    array = np.empty(1, dtype=object)
    array[0] = value
    return array
