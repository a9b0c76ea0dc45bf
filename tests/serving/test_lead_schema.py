"""The schema of a lead accepts exactly what the server accepts, as far as JSON Schema can say.

It cannot say which text is a number, a date or a word that counts, nor which 8 digits are a day,
so that what is valid may be refused; nor that 1.0 is no whole number. Words are listed in one
spelling, though case does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from serving import leads
from serving.api import ParsedRequest, Reply
from serving.openapi import document
from tests.serving.conftest import watching
from tests.small_crm import HISTORY, crm_schema, make_crm

AS_OF = datetime(2026, 3, 2)
VISIT = {"type": "web_visit", "occurred_at": "2026-03-01T10:00:00Z"}
STAGE = {"stage": "mql", "entered_at": "2026-03-01T10:00:00Z"}
MOMENT = 1_772_359_200  # 2026-03-01T10:00:00Z, in seconds

FLAT_FIELDS = (
    "lead_id", "crm_number", "industry", "budget", "decides", "first_visit", "email", "phone",
    "notes", "never_known",
)  # fmt: skip
"""Fields of every type, used and not used."""
CRM_FIELDS = (
    "lead_id", "created_at", "account_id", "activities", "stages",
    "activities.type", "activities.occurred_at", "activities.known_at", "activities.direction",
    "activities.result", "activities.amount", "activities.campaign", "activities.channel",
    "activities.activity_id",
    "activities.never_known", "stages.stage", "stages.entered_at", "stages.known_at",
)  # fmt: skip
DATES = ("first_visit", "created_at", *(name for name in CRM_FIELDS if name.endswith("_at")))
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 0.0, 1.5, -0.5, 10**15, 1e39,
    [], {}, [None], [{}], {"a": 1},
    "", " ", "1", "yes", "Software", "2026-03-01", "inbound", "mql", "web_visit", "n/a",
    "x" * 1_000, "x" * 1_001, "x" * 20_000,
    *(MOMENT * unit for unit in (1, 10, 1_000, 10_000, 1_000_000, 10_000_000)),
    float(MOMENT), MOMENT + 0.5, -MOMENT,
    999_999_999, 1_000_000_000, 7_258_118_399, 7_258_118_400, 9_999_999_999,
    999_999_999_999, 1_000_000_000_000, 7_258_118_399_999, 7_258_118_400_000,
    999_999_999_999_999, 1_000_000_000_000_000, 7_258_118_399_999_999, 7_258_118_400_000_000,
)  # fmt: skip
"""Values of every JSON type, with the bounds of Unix times of 10, 13 and 16 digits."""
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(-1e39, 1e39) | st.text()
)
NESTED = st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)

Compare = Callable[[str, Any], bool]


def lead_with(place: str, value: Any) -> dict[str, Any]:
    name, _, part = place.partition(".")
    entry = {"activities": VISIT, "stages": STAGE}.get(name, {})
    return {name: [entry | {part: value}] if part else value}


def comparison(scorer: Scorer, home: Home) -> Compare:
    """Return the check that the schema and the server say the same of a value in a place."""
    champion = watching(home, scorer)
    components = document(scorer, max_batch=10)["components"]
    schema = {"$ref": "#/components/schemas/Lead", "components": components}
    validator = Draft202012Validator(schema)

    def compare(place: str, value: Any) -> bool:
        lead = lead_with(place, value)
        request = ParsedRequest(content=lead, lang="en", request_id="r-1", received_at=AS_OF)
        reply: Reply = leads.one(champion, request, explain=False)
        assert reply.status in (200, 422)
        accepted, valid = reply.status == 200, validator.is_valid(lead)
        text = isinstance(value, str) and len(value) <= 1_000
        whole = place.endswith("_id") and isinstance(value, float) and value.is_integer()
        digits = isinstance(value, int) and len(str(value)) in (8, 12, 14)
        if text or whole or (digits and place in DATES):
            assert valid or not accepted, (place, value)
        else:
            assert accepted == valid, (place, value, reply.body)
        return accepted

    return compare


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Compare:
    return comparison(scorer, Home(tmp_path_factory.mktemp("flat")))


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    history = replace(HISTORY, missing=("", "n/a", "-1"))
    made = make_crm(crm_schema(history), kinds=("scorecard",)).scorers["scorecard"]
    return comparison(made, Home(tmp_path_factory.mktemp("crm")))


@pytest.mark.parametrize("field", FLAT_FIELDS)
def test_a_field_accepts_what_its_schema_accepts(flat: Compare, field: str) -> None:
    for value in VALUES:
        flat(field, value)


@pytest.mark.parametrize("place", CRM_FIELDS)
def test_a_part_of_the_history_accepts_what_its_schema_accepts(crm: Compare, place: str) -> None:
    for value in VALUES:
        crm(place, value)


FUZZ = settings(max_examples=400, deadline=None, derandomize=True)


@FUZZ
@given(field=st.sampled_from(FLAT_FIELDS), value=SCALARS | NESTED)
def test_any_value_is_judged_alike_in_a_field(flat: Compare, field: str, value: Any) -> None:
    flat(field, value)


@FUZZ
@given(place=st.sampled_from(CRM_FIELDS), value=SCALARS | NESTED)
def test_any_value_is_judged_alike_in_a_history(crm: Compare, place: str, value: Any) -> None:
    crm(place, value)


@pytest.mark.parametrize(
    ("place", "value", "accepted"),
    [
        ("created_at", MOMENT, True),
        ("created_at", MOMENT * 10, False),
        ("created_at", -1, True),  # the export's own word for "not known"
        ("account_id", 4.5, True),
        ("account_id", [], False),
        ("activities.known_at", MOMENT * 1_000, True),
        ("activities.amount", -1, True),
        ("activities.amount", -0.5, False),
        ("activities.campaign", 77, True),
        ("activities.campaign", True, False),
    ],
)
def test_what_is_accepted_in_a_history(
    crm: Compare, place: str, value: Any, accepted: bool
) -> None:
    assert crm(place, value) == accepted


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("phone", 49_30_901820, True),
        ("phone", True, True),
        ("budget", "8,000", True),
        ("budget", True, False),
        ("decides", 1.0, True),
        ("decides", 2, False),
        ("first_visit", MOMENT, True),
        ("first_visit", MOMENT + 0.5, True),
        ("first_visit", 20_260_301, True),
        ("first_visit", MOMENT * 10, False),
        ("notes", 5, True),
        ("notes", {}, False),
        ("industry", False, True),
    ],
)
def test_what_is_accepted_in_a_field(flat: Compare, field: str, value: Any, accepted: bool) -> None:
    assert flat(field, value) == accepted
