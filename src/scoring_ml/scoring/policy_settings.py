"""The settings of a policy, as people review them in ``models/policy.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from scoring_ml.data.section import Section
from scoring_ml.data.section_values import Count, Number, OneOf, Positive, Share, Word
from scoring_ml.data.yaml_file import reviewed

METHODS: Final = ("match_matrix", "capacity", "economics", "fixed")


@dataclass(frozen=True)
class MatchMatrix(Section):
    """As many hot and warm leads as the matrix has, if it has these at least."""

    least_criteria: Count
    least_hot: Count
    least_warm: Count
    hot_share: tuple[Share, Share]


@dataclass(frozen=True)
class Capacity(Section):
    """Shares of all leads, or leads a week that sales can call; a week needs dates."""

    hot_share: Positive
    warm_share: Positive
    hot_per_week: Positive | None = None
    warm_per_week: Positive | None = None


@dataclass(frozen=True)
class Economics(Section):
    """What contact costs and a win brings, in one currency."""

    cost_of_first_call: Positive | None = None
    cost_of_sales_process: Positive | None = None
    margin_per_win: Positive | None = None


@dataclass(frozen=True)
class Fixed(Section):
    """Two given probabilities."""

    p_warm: Positive | None = None
    p_hot: Positive | None = None


@dataclass(frozen=True)
class Limits(Section):
    """What every policy must keep.

    Parameters
    ----------
    least_logodds_apart : float
        Distance of the two anchors.
    most_saturated : float
        Share of leads that may show 0 or 100.
    most_hot_and_warm : float
        Share beyond which the policy notes that the tiers tell little apart.
    alarm_hot_share : float
        Times the policy's own hot share from which an alarm is raised.
    """

    least_logodds_apart: Number
    most_saturated: Share
    most_hot_and_warm: Share
    alarm_hot_share: Positive


@dataclass(frozen=True)
class TierAction(Section):
    """What is done with the leads of a tier, and who does it."""

    action: Word
    owner: Word


@dataclass(frozen=True)
class TierActions(Section):
    """The action of each tier."""

    hot: TierAction
    warm: TierAction
    cold: TierAction


@dataclass(frozen=True)
class PolicySettings(Section):
    """What ``policy.yaml`` says; each method has settings of its own."""

    method: Annotated[str, OneOf(METHODS)]
    match_matrix: MatchMatrix
    capacity: Capacity
    economics: Economics
    fixed: Fixed
    limits: Limits
    actions: TierActions
    version: Literal[1] = 1

    TITLE: ClassVar = "the policy"

    def with_options(self, method: str, options: Mapping[str, object]) -> PolicySettings:
        """Return the settings with other values of one method, checked."""
        content = self.dump()
        content[method] = {**content.get(method, {}), **options}
        return PolicySettings.read(content, source="the policy's settings")


def policy_settings() -> PolicySettings:
    """Return what ``models/policy.yaml`` says."""
    return PolicySettings.read(reviewed("policy.yaml"), source="models/policy.yaml")
