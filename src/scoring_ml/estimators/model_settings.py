"""The settings of the learned models, as people review them in ``models/*.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, WithJsonSchema

from scoring_ml.data.section import Fault, Section, names_and_values
from scoring_ml.data.section_values import Count, Positive, Version, number


def _parameters(value: Any) -> dict[str, Any]:
    for name, item in names_and_values(value).items():
        if not isinstance(item, (bool, str)):
            try:
                number(item)
            except Fault as fault:
                raise fault.at(name) from None
    return dict(value)


Parameters = Annotated[
    Mapping[str, Any],
    PlainValidator(_parameters),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": ["number", "boolean", "string"]}}
    ),
]
"""What LightGBM is told, by its own names."""


@dataclass(frozen=True)
class Rounds(Section):
    """Number of trees.

    Parameters
    ----------
    most : int
    patience : int
        Trees without a better log loss after which no more are tried.
    """

    most: Count
    patience: Count


@dataclass(frozen=True)
class ParameterSets(Section):
    """Sets of parameters, one of which is chosen; with few wins only the shallow one."""

    shallow: Parameters
    deeper: Parameters


@dataclass(frozen=True)
class BoostedSettings(Section):
    """What ``boosted.yaml`` says."""

    common: Parameters
    rounds: Rounds
    sets: ParameterSets
    version: Version = 1

    TITLE: ClassVar = "the boosted model"


@dataclass(frozen=True)
class ScorecardSettings(Section):
    """What ``scorecard.yaml`` says.

    Parameters
    ----------
    bins : int
        Most bins of a number, cut at training quantiles.
    penalties : tuple of float
        Inverse strengths of the ridge penalty, one of which is chosen.
    """

    bins: Count
    penalties: tuple[Positive, ...]
    version: Version = 1

    TITLE: ClassVar = "the scorecard"
