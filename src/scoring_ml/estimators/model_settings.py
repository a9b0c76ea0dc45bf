"""The settings of the learned models, as people review them in ``models/*.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from scoring_ml.data.section import Section
from scoring_ml.data.section_values import Count, Positive


@dataclass(frozen=True)
class Rounds(Section):
    """Most trees, and how many without a better log loss are enough."""

    most: Count
    patience: Count


@dataclass(frozen=True)
class BoostedSettings(Section):
    """What ``boosted.yaml`` says: LightGBM's parameters by its own names.

    Parameters
    ----------
    common : mapping of str to object
        Parameters of every set.
    rounds : Rounds
        The number of trees.
    sets : mapping of str to mapping
        Sets of which one is chosen; with few wins only the shallow one may be used.
    """

    common: Mapping[str, Any]
    rounds: Rounds
    sets: Mapping[Literal["shallow", "deeper"], Mapping[str, Any]]
    version: Literal[1] = 1

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
    version: Literal[1] = 1

    TITLE: ClassVar = "the scorecard"
