"""The settings of the learned models, as people review them in ``models/*.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from scoring_ml.data.section import Section
from scoring_ml.data.section_values import Count, Positive


@dataclass(frozen=True)
class Rounds(Section):
    """Most trees, how many without a better loss are enough, and how many where none can tell."""

    usual: Count
    most: Count
    patience: Count


@dataclass(frozen=True)
class BoostedSettings(Section):
    """What ``boosted.yaml`` says: LightGBM's parameters by its own names.

    Parameters
    ----------
    common : mapping of str to object
        Parameters of every set.
    seeds : tuple of int
        One model each, whose mean counts.
    rounds : Rounds
        The number of trees.
    sets : mapping of str to mapping
        Sets of which one is chosen; with few wins only the shallow one may be used.
    large_from : int
        Least leads for the set ``large``.
    tuning : mapping of str to mapping
        Changes tried on the chosen set, by name; kept if they save ``least_gain`` of the loss.
    most_work : float
        Numbers of the training matrix times trees, after which nothing is tuned.
    """

    common: Mapping[str, Any]
    seeds: tuple[Count, ...]
    rounds: Rounds
    sets: Mapping[Literal["shallow", "deeper", "large"], Mapping[str, Any]]
    large_from: Count
    tuning: Mapping[str, Mapping[str, Any]]
    least_gain: Positive
    most_work: Positive
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
