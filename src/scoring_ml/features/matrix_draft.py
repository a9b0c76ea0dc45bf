"""A draft of the hand-built matrix from the fields that look like its six questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring_ml.data.drafting.look import folded_word
from scoring_ml.data.schema import CRITERIA, Column, Schema
from scoring_ml.data.yaml_file import line_text, packaged, reviewed_text
from scoring_ml.texts import Catalogue

_SHOWN_VALUES: Final = 8
_SHARES: Final = {"full": 0.8, "partial": 0.5}
"""Share of the leads that lie below the step of a number."""

_DAYS: Final = {"full": 30, "partial": 90}
"""What a timeline in days must be at most."""


def draft_matrix(schema: Schema, frame: pd.DataFrame) -> str:
    """Return ``matrix.yaml`` with the points of ``models/matrix.yaml`` and proposed rules.

    Only columns that the schema uses get a rule; what a rule rests on stands above it.
    """
    text = reviewed_text("matrix.yaml")
    for criterion in CRITERIA:
        lines = list(_rules(criterion, schema, frame))
        if not lines:
            continue
        head, block, rest = re.split(rf"(  {criterion}:.*?\n)(?=    rules: \[\])", text, flags=re.S)
        several = sum(line.startswith("      - field") for line in lines) > 1
        rules = "    combine: best\n" * several
        named = any(line.startswith("      - ") for line in lines)
        rules += "    rules:\n" if named else "    rules: []\n"
        text = head + block + rules + "\n".join(lines) + rest.removeprefix("    rules: []")
    return text


def _rules(criterion: str, schema: Schema, frame: pd.DataFrame) -> Iterator[str]:
    for column in schema.columns:
        steps = _words()["activities"].get(column.name) if column.is_feature else None
        if column.criterion != criterion or (column.is_feature and steps is None):
            continue
        if not column.use:
            yield f"      # {_text('unused', field=column.name)}"
            continue
        values = frame[column.name].dropna()
        if steps:
            levels = {level: {"at_least": step} for level, step in steps.items()}
        else:
            levels = _levels(column, values)
        if not levels or not len(values):
            continue
        yield f"      # {_reason(column, values)}"
        yield f"      - field: {line_text(column.name)}"
        for level, condition in levels.items():
            yield f"        {level}: {line_text(condition)}"


def _levels(column: Column, values: pd.Series[Any]) -> dict[str, dict[str, Any]]:
    if column.type == "boolean":
        return {"full": {"is": True}}
    if column.type == "number":
        if column.criterion == "timeline":
            return {level: {"at_most": days} for level, days in _DAYS.items()}
        numbers = values.to_numpy(dtype=float)
        steps = {level: _rounded(np.quantile(numbers, q)) for level, q in _SHARES.items()}
        if steps["full"] <= steps["partial"]:
            return {"partial": {"filled": True}}
        return {level: {"at_least": step} for level, step in steps.items()}
    if column.type != "category":
        return {"partial": {"filled": True}}
    levels: dict[str, dict[str, Any]] = {}
    for value in sorted(set(map(str, values))):
        word = folded_word(value)
        for level in ("full", "partial"):
            if re.search(rf"(?<!\w)(?:{_words()[column.criterion][level]})", word):
                levels.setdefault(level, {"one_of": []})["one_of"].append(value)
                break
    return {k: levels[k] for k in _SHARES if k in levels} or {"partial": {"filled": True}}


def _rounded(value: float) -> float | int:
    """Return a number in two digits."""
    short = float(f"{value:.2g}")
    return int(short) if short.is_integer() else short


def _reason(column: Column, values: pd.Series[Any]) -> str:
    if column.is_feature:
        return _text("activity")
    if column.type == "category":
        common = Counter(map(str, values)).most_common(_SHOWN_VALUES)
        return _text("words", values=", ".join(repr(value[:40]) for value, _ in common))
    return _text("number" if column.type == "number" else "other", field=column.name)


def _words() -> Mapping[str, Any]:
    return packaged("scoring_ml.features", "matrix_words.yaml")


def _text(key: str, **params: Any) -> str:
    return Catalogue.load("en").text(f"draft.matrix.{key}", **params)
