"""Answers of the demo's leads: given on the form, in a talk with sales, or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.moments import NEVER, Moments
from scoring_ml.demo.calendar import SECOND_US, whole_seconds
from scoring_ml.demo.effects import ATTRIBUTE_LEVELS, RESPONSE_FIELD, WORLD
from scoring_ml.demo.funnel import Paths
from scoring_ml.demo.people import NO_CODE, People, round_budget, round_timeline

LEARNED: Final = (
    "role", "budget_amount", "need_urgency", "timeline_days", "current_solution",
)  # fmt: skip
"""Answers of the form's second page, or given later; their history is in ``field_changes``."""

SKIPPED_PAGE_TWO: Final[Mapping[str, float]] = WORLD["skipped_page_two"]

LEFT_EMPTY: Final[Mapping[str, float]] = WORLD["left_empty"]

ANSWERED_IN_TALK: Final = (0.4, 0.3)
"""Chance that a missing answer is given in the first and in the second talk."""

CORRECTED: Final[Mapping[str, float]] = {"budget_amount": 0.15, "timeline_days": 0.1}
"""Share of answers that are half or twice the truth at first, to be corrected later."""

_TALK_DAYS: Final = (4.0, 6.0)
_CORRECTION_DAYS: Final = 10.0


@dataclass(frozen=True)
class RecordedAnswer:
    """The recorded values of one attribute, each array of shape (n,).

    ``first`` and ``second``, which replaces it, are ``int8`` places in ATTRIBUTE_LEVELS or
    ``float64``; ``..._at`` is when the lead gave it, NEVER if it did not, ``..._known_at`` when
    that was in the CRM.
    """

    first: NDArray[Any]
    first_at: Moments
    first_known_at: Moments
    second: NDArray[Any]
    second_at: Moments
    second_known_at: Moments

    def known(self, lead: NDArray[np.int64], as_of: Moments) -> NDArray[Any]:
        """Return the newest value known before a moment, nothing where there is none."""
        nothing: Any = NO_CODE if self.first.dtype.kind == "i" else np.nan
        value = np.where(self.first_known_at[lead] < as_of, self.first[lead], nothing)
        later = self.second_known_at[lead] < as_of
        return np.where(later, self.second[lead], value)


def draw_talks(people: People, paths: Paths, rng: np.random.Generator) -> Moments:
    """Draw when sales talks to each lead, shape (n, talks); NEVER after its end."""
    moments = people.created_at + whole_seconds(people.true[RESPONSE_FIELD] / 24.0)
    talks = []
    for days in _TALK_DAYS:
        moments = moments + whole_seconds(rng.exponential(days, len(moments))) + SECOND_US
        talks.append(np.where(moments < paths.closed_at, moments, NEVER))
    return np.column_stack(talks)


def draw_answers(
    people: People, paths: Paths, talks_at: Moments, rng: np.random.Generator
) -> dict[str, RecordedAnswer]:
    """Draw when each of LEARNED is answered and what is recorded first."""
    n = len(people.created_at)
    shares = np.array([SKIPPED_PAGE_TWO[name] for name in ATTRIBUTE_LEVELS["source"]])
    skipped = rng.random(n) < shares[people.true["source"]]
    answers = {}
    for name in LEARNED:
        true = people.true[name]
        on_form = ~skipped & (rng.random(n) >= LEFT_EMPTY[name])
        at = np.where(on_form, people.created_at, NEVER)
        for talk, chance in zip(talks_at.T, ANSWERED_IN_TALK, strict=True):
            answered = (at == NEVER) & (rng.random(n) < chance)
            at = np.where(answered, talk, at)
        first, second_at = true, np.full(n, NEVER)
        if name in CORRECTED:
            first = _first_answer(name, true, rng)
            later = at + whole_seconds(rng.exponential(_CORRECTION_DAYS, n)) + SECOND_US
            wrong = (first != true) & (at != NEVER) & (later < paths.closed_at)
            second_at = np.where(wrong, later, NEVER)
        answers[name] = RecordedAnswer(
            first=first,
            first_at=at,
            first_known_at=np.where(on_form, at, _recorded_at(at, rng)),
            second=true,
            second_at=second_at,
            second_known_at=_recorded_at(second_at, rng),
        )
    return answers


def draw_form(people: People, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return the attributes known at creation, from form and web site; nothing where left empty."""
    form: dict[str, NDArray[Any]] = {}
    n = len(people.created_at)
    for name, values in people.true.items():
        if name in LEARNED or name == RESPONSE_FIELD:
            continue
        if name in LEFT_EMPTY:
            nothing: Any = NO_CODE if values.dtype.kind == "i" else np.nan
            left = rng.random(n) < LEFT_EMPTY[name]
            values = np.where(left, nothing, values).astype(values.dtype)
        form[name] = values
    return form


def _first_answer(
    name: str, true: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    n = len(true)
    wrong = rng.random(n) < CORRECTED[name]
    other = true * np.where(rng.random(n) < 0.5, 0.5, 2.0)
    rounded = round_budget(other) if name == "budget_amount" else round_timeline(other)
    return np.where(wrong, rounded, true)


def _recorded_at(at: Moments, rng: np.random.Generator) -> Moments:
    """Return when sales recorded an answer: mostly within the hour."""
    lag = whole_seconds(np.minimum(rng.exponential(0.05, len(at)), 1.0))
    return np.where(at == NEVER, NEVER, at + np.where(at == NEVER, 0, lag))
