"""Features computed from facts: the same code for one lead online and a million in a batch.

What is computed is declared in :mod:`scoring_ml.features.catalogue`; what was known when is
decided in :mod:`scoring_ml.features.asof`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import Activities, Stages
from scoring_ml.data.schema import Schema
from scoring_ml.data.values.moments import Moments
from scoring_ml.data.values.typed import missing_values
from scoring_ml.errors import SchemaError
from scoring_ml.features.activity_features import (
    COUNTED,
    lead_features,
    sales_features,
    seen_activities,
)
from scoring_ml.features.asof import unrecorded
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.contact_kinds import email_kinds
from scoring_ml.features.creation_features import creation_features
from scoring_ml.features.feature import Feature
from scoring_ml.features.stage_features import stage_features
from scoring_ml.features.touch_features import touch_features


def compute_features(
    schema: Schema,
    values: Mapping[str, NDArray[Any]],
    *,
    created_at: Moments,
    as_of: Moments,
    activities: Activities | None,
    stages: Stages | None,
) -> dict[str, NDArray[Any]]:
    """Compute every feature of a schema.

    Neither the order of facts nor facts that were not known before ``as_of`` change a bit, and a
    lead alone gets the bits that it gets in a batch.

    Parameters
    ----------
    values : mapping of field name to array, shape (n,)
        Typed values; a field that is absent is not known.
    created_at : array of int64, shape (n,)
        ``NEVER`` where it is not known.
    as_of : array of int64, shape (n,)
        When each lead is seen.
    activities, stages : Activities or None, Stages or None
        Their ``lead`` lies in 0..n-1, their rows in any order. With ``None`` what needs them is
        not known; with none of them at all, counts are 0.

    Returns
    -------
    dict of column name to array, shape (n,)
        ``float64`` (NaN for not known) or objects (``str`` or None).

    Raises
    ------
    SchemaError
        If a feature is not in the catalogue of the schema's history.
    """
    columns, by_key = _features(_Same(schema))
    n, history = len(as_of), schema.history
    if history is None:
        return {}
    found: dict[str, NDArray[Any]] = {}
    handed_over = np.ones(n, dtype=bool) if history.hand_over is None else None
    if stages is not None and history.stages:
        found, entered = stage_features(stages, as_of, history)
        handed_over = entered if handed_over is None else handed_over
    if activities is not None:
        seen = seen_activities(activities, as_of)
        found |= lead_features(activities, seen, as_of, by_key)
        found |= touch_features(activities, seen, history.touches, n)
        if handed_over is not None:
            found |= sales_features(activities, seen, as_of, created_at, handed_over, by_key)
        for feature in (item for key in COUNTED for item in by_key.get(key, ())):
            days = history.windows_days[-1] if feature.key == "engagement" else feature.days or 0.0
            untold = unrecorded(history.activities_since, created_at, as_of, days)
            if untold.any():  # what was not recorded is not known to be nothing
                found[feature.name] = np.where(untold, np.nan, found[feature.name])
    for feature in by_key.get("email_kind", ()):
        if feature.field is not None and feature.field.name in values:
            found[feature.name] = email_kinds(values[feature.field.name], history)
    found |= creation_features(created_at, as_of, history.timezone)
    if "completeness" in by_key:
        askable = [column.name for column in schema.used if column.askable]
        known = [pd.notna(values[name]) for name in askable if name in values]
        found["completeness"] = sum(known, np.zeros(n)) / len(askable)
    return {
        name: found[name] if name in found else missing_values(kind, n) for name, kind in columns
    }


class _Same:
    """A schema, equal to nothing but itself: comparing all its columns would cost too much."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema


@lru_cache(maxsize=16)
def _features(same: _Same) -> tuple[list[tuple[str, str]], dict[str, list[Feature]]]:
    """Return name and type of every feature of a schema, and its features by their key."""
    features = schema_features(same.schema)
    columns = [(c.name, c.type) for c in same.schema.columns if c.is_feature]
    unknown = [name for name, _ in columns if name not in features]
    if unknown:
        raise SchemaError(
            "A feature must be one that the schema's history gives",
            found=f"{len(unknown)} that are none: {', '.join(unknown[:3])}",
            do="Remove them from the schema, or write it anew from the mapping",
        )
    by_key: dict[str, list[Feature]] = {}
    for feature in features.values():
        by_key.setdefault(feature.key, []).append(feature)
    return columns, by_key
