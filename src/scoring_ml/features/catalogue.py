"""The feature catalogue: every feature that is computed, declared once.

A feature has a name, a unit, a criterion, a moment from which it is known, and texts for people.
Features come in families: the points of all members are shown with the family's main column, so
that a person sees one line "Website visits" and not five. :mod:`scoring_ml.features.compute`
computes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoring_ml.data.history import History
from scoring_ml.data.schema import Column, Schema
from scoring_ml.errors import SchemaError
from scoring_ml.features.catalogue_families import (
    by_kind,
    by_the_lead,
    completeness,
    contact,
    creation,
    response,
    stages,
    touches,
)
from scoring_ml.features.feature import Feature
from scoring_ml.texts import Catalogue


def catalogue(history: History, fields: Sequence[Column]) -> tuple[Feature, ...]:
    """Return every feature of a history, the main column of a family first.

    Parameters
    ----------
    fields : sequence of Column
        The schema's fields. Features among them are passed over, and those that are not
        used count neither as contact details nor for completeness.
    """
    fields = tuple(field for field in fields if field.use and not field.is_feature)
    return (
        *by_kind(history),
        *by_the_lead(history),
        *stages(history),
        *touches(history, fields),
        *response(history),
        *contact(fields),
        *creation(),
        *completeness(fields),
    )


def feature_columns(history: History, fields: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns that a schema gets for every feature of a history.

    Raises
    ------
    SchemaError
        If a field bears the name of a feature.
    """
    english = Catalogue.load()
    features = catalogue(history, fields)
    taken = {field.name for field in fields if not field.is_feature}
    both = [feature.name for feature in features if feature.name in taken]
    if both:
        raise SchemaError(
            "A field must not bear the name of a computed feature",
            found=f"{len(both)} that do: {', '.join(both[:3])}",
            do="Give the field another name",
        )
    return tuple(
        Column(
            name=feature.name,
            type=feature.type,
            known="before_scoring",
            reason=feature.when(english),
            criterion=feature.criterion,
            monotone=feature.monotone,
            unit=feature.unit_text(english),
            label=feature.label(english),
            is_feature=True,
            part_of=feature.part_of,
        )
        for feature in features
    )


def schema_features(schema: Schema) -> dict[str, Feature]:
    """Return the features of a schema, by name; none for a flat file."""
    if schema.history is None:
        return {}
    names = {column.name for column in schema.columns if column.is_feature}
    return {
        feature.name: feature
        for feature in catalogue(schema.history, schema.columns)
        if feature.name in names
    }
