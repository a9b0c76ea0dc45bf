"""Reading a body strictly."""

from __future__ import annotations

import math

import pytest

from scoring_ml.data.values.limits import RepeatedNames
from serving.body import parse
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
    assert isinstance(lead, RepeatedNames)
    assert (lead, lead.names) == ({"a": 4, "b": 2}, ("a",))
    assert type(parse(b'{"a": 1, "b": 2}')) is dict
