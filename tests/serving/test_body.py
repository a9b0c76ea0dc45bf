"""Reading a body strictly."""

from __future__ import annotations

import math

import pytest

from serving.body import MAX_FACTS, MAX_NAMES, MAX_TEXT, MAX_WRONG, Repeated, parse, problems
from serving.refusals import Refusal


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "syntax"),
        (b"{", "syntax"),
        (b"{'a': 1}", "syntax"),
        (b'{"a": 1} x', "syntax"),
        (b'{"a": 01}', "syntax"),
        (b'{"a": "\x00"}', "syntax"),
        (b'{"a": "\xff"}', "utf8"),
        ('{"a": 1}'.encode("utf-16"), "utf8"),
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deep"),
    ],
)
def test_what_is_not_json_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Refusal, match="not_json") as caught:
        parse(body)
    assert caught.value.reason == reason


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_left_for_the_lead_to_refuse(literal: str) -> None:
    assert not math.isfinite(parse(f'{{"a": {literal}}}'.encode())["a"])


def test_an_integer_of_300_digits_is_still_one() -> None:
    assert parse(b"[" + b"9" * 300 + b"]") == [int("9" * 300)]


def test_repeated_names_are_remembered_once_each() -> None:
    lead = parse(b'{"a": 1, "b": 2, "a": 3, "a": 4}')
    assert isinstance(lead, Repeated)
    assert (lead, lead.names) == ({"a": 4, "b": 2}, ("a",))
    assert type(parse(b'{"a": 1, "b": 2}')) is dict


def test_a_good_lead_has_no_problems() -> None:
    lead = {"lead_id": 7, "name": "Иван", "budget": None, "ok": True, "x": 1.5}
    assert problems(lead, used={"name"}, lang="en") == {}


@pytest.mark.parametrize(
    ("lead", "field", "message"),
    [
        ({"a": []}, "a", "single value"),
        ({"a": {"b": 1}}, "a", "single value"),
        ({"a": "x" * (MAX_TEXT + 1)}, "a", "at most 1,000 characters"),
        ({"a": "half \ud800"}, "a", "Unicode"),
        ({"half \udfff": 1}, "half \udfff", "Unicode"),
        ({"activities": []}, "activities", "reserved"),
        ({"stages": None}, "stages", "reserved"),
        ({"lead_id": True}, "lead_id", "whole number"),
        ({"lead_id": 1.5}, "lead_id", "whole number"),
        (Repeated([("a", 1), ("a", 1)]), "a", "more than once"),
        ({str(i): 1 for i in range(MAX_NAMES + 1)}, "", "at most 1,000 fields"),
    ],
)
def test_each_problem_is_named_with_its_field(
    lead: dict[str, object], field: str, message: str
) -> None:
    found = problems(lead, used={"a"}, lang="en")
    assert list(found) == [field]
    assert message in found[field]


VISIT = {"type": "web_visit", "occurred_at": "2026-03-01"}


def test_a_list_is_looked_at_entry_by_entry() -> None:
    lead = {
        "activities": [VISIT, 3, VISIT | {"type": "x" * (MAX_TEXT + 1)}, VISIT | {"amount": {}}],
        "stages": [Repeated([("stage", "a"), ("stage", "b")]), {"half \udfff": 1}],
    }
    found = problems(lead, used=set(), lang="en", lists=("activities", "stages"))
    assert {name: message.split(";")[0] for name, message in found.items()} == {
        "activities[1]": "must be an object of names and values",
        "activities[2].type": "must hold at most 1,000 characters",
        "activities[3].amount": "must be a single value, not a list or an object",
        "stages[0].stage": "stands more than once",
        "stages[1]": "must be Unicode text",
    }


def test_a_list_has_a_largest_size_and_an_end_of_messages() -> None:
    lists = ("activities",)
    assert problems({"activities": [VISIT] * MAX_FACTS}, used=(), lang="en", lists=lists) == {}
    more = {"activities": [VISIT] * (MAX_FACTS + 1)}
    found = problems(more, used=(), lang="en", lists=lists)
    assert found == {"activities": "must hold at most 1,000 entries; send the newest ones"}
    found = problems({"activities": [1] * MAX_FACTS}, used=(), lang="en", lists=lists)
    assert len(found) == MAX_WRONG


@pytest.mark.parametrize("value", [None, []])
def test_a_list_may_be_empty_or_not_known(value: object) -> None:
    assert problems({"stages": value}, used=(), lang="en", lists=("stages",)) == {}


@pytest.mark.parametrize("value", ["", "x", 1, {"a": 1}, False])
def test_anything_else_is_no_list(value: object) -> None:
    found = problems({"stages": value}, used=(), lang="en", lists=("stages",))
    assert found == {"stages": "must be a list of objects; leave it out when it is not known"}


def test_a_list_that_is_not_looked_at_may_hold_anything() -> None:
    lead = {"stages": [{"a": ["\ud800"]}], "activities": "x" * 10**6}
    assert problems(lead, used=(), lang="en", unread=("stages", "activities")) == {}


def test_at_the_limits_there_is_no_problem() -> None:
    assert problems({"a": "x" * MAX_TEXT}, used={"a"}, lang="en") == {}
    assert problems({str(i): 1 for i in range(MAX_NAMES)}, used=set(), lang="en") == {}


def test_a_long_note_in_a_field_that_is_not_used_does_no_harm() -> None:
    assert problems({"notes": "x" * 100_000}, used={"a"}, lang="en") == {}
