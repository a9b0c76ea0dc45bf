"""The one error shape and what is written."""

from __future__ import annotations

import json

import pytest

from scoring_ml.texts import Catalogue
from serving.refusals import MAX_FIELDS_SHOWN, STATUS, Refusal, dump, from_status


def test_every_code_has_a_message_and_every_message_a_code() -> None:
    keys = [key for key in Catalogue.load("en").keys if key.startswith("serving.errors.")]
    assert {key.split(".")[2] for key in keys} == set(STATUS)


def test_the_shape() -> None:
    refusal = Refusal("invalid_lead", "fields", fields=[("budget", "must be a number")])
    assert refusal.status == 422
    assert refusal.body("en", "r-1") == {
        "error": {
            "code": "invalid_lead",
            "message": (
                "Every field of a lead must be known and hold a value of its type. "
                "1 field is wrong. Correct the field named here."
            ),
            "fields": [{"field": "budget", "message": "must be a number"}],
        },
        "request_id": "r-1",
    }


def test_long_names_and_long_lists_are_cut() -> None:
    fields = [("n" * 5_000, "is not a known field")] * 500
    error = Refusal("invalid_lead", "fields", fields=fields).error("en")
    assert len(error["fields"]) == MAX_FIELDS_SHOWN
    assert len(error["fields"][0]["field"]) == 200
    assert "500 fields are wrong" in error["message"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "not_found"), (429, "too_many_requests"), (504, "timeout"), (418, "internal_error")],
)
def test_errors_of_the_layers_below_get_our_code(status: int, code: str) -> None:
    assert from_status(status).code == code


def test_json_is_utf8_and_never_nan() -> None:
    assert dump({"a": "Ж"}) == '{"a":"Ж"}'.encode()
    assert json.loads(dump("\ud800")) == "\ud800"
    with pytest.raises(ValueError, match="JSON compliant"):
        dump(float("nan"))
