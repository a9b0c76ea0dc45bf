"""Words for a field and its value, in an answer or a report."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring_ml.data.schema import Column
from scoring_ml.features.contact_stand_ins import VALIDITY_WORDS
from scoring_ml.features.criteria import contact_valid, is_missing
from scoring_ml.features.feature import Feature
from scoring_ml.texts import Catalogue


def title(column: Column, feature: Feature | None, texts: Catalogue) -> str:
    """Return a column's name for people in their language."""
    return column.title_in(texts.lang) if feature is None else feature.label(texts)


def display_value(column: Column, value: Any) -> str | None:
    """Return a typed value as a report or an answer may show it; contact details only as a word."""
    if is_missing(value):
        return None
    if column.type in ("email", "phone"):
        return VALIDITY_WORDS[contact_valid(value, column)]
    return value_text(column, value)


def value_text(column: Column, value: Any) -> str:
    """Return a typed value that is known and no contact detail as plain text.

    >>> value_text(Column("newsletter", "boolean"), 0.0)
    'no'
    """
    if column.type == "boolean":
        return "yes" if value == 1.0 else "no"
    if column.type == "number":
        return f"{shown_number(column, value):.15g}"
    if column.type == "date":
        moment = np.datetime64(value, "us")
        # The last microsecond of a day stands for a date without a time.
        whole_day = moment + np.timedelta64(1, "us") == moment.astype("datetime64[D]") + 1
        return str(moment.astype("datetime64[D]" if whole_day else "datetime64[s]"))
    return str(value)


def shown_number(column: Column, value: float) -> float:
    """Return a number as it is shown: that of a feature has at most two decimals.

    >>> shown_number(Column("age_days", "number", is_feature=True), 1.23456)
    1.23
    """
    return round(float(value), 2) if column.is_feature else float(value)


def sentence(
    column: Column, value: Any, *, feature: Feature | None, unseen: bool, texts: Catalogue
) -> str:
    """Return the sentence about a field's typed value; ``unseen`` of a category new to training."""
    label = title(column, feature, texts)
    if is_missing(value):
        return texts.text(
            f"reasons.{'missing' if feature is None else 'computed_missing'}", label=label
        )
    shown = display_value(column, value)
    if column.type in ("email", "phone"):
        return texts.text(f"reasons.{shown}", label=label)
    if column.type == "boolean":
        return texts.text(f"reasons.boolean_{shown}", label=label)
    if column.type == "date":
        return texts.text("reasons.date", label=label, value=value)
    if unseen:
        return texts.text("reasons.other", label=label)
    number, unit = column.type == "number", column.unit
    given: Any = shown_number(column, value) if number else shown
    key = "number" if number else "category"
    if feature is not None:
        key, unit = "computed", feature.unit_text(texts)
        word = f"feature_values.{feature.key}.{given}"
        given = texts.text(word) if word in texts else given
    elif not number:
        given = column.value_in(given, texts.lang)
    unit = f" {unit}" if unit else ""
    return texts.text(f"reasons.{key}", label=label, value=given, unit=unit)
