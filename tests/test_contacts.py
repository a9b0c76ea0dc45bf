"""Contact details judged from their form alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.schema import Schema
from scoring_ml.data.values.contacts import like_emails, like_phones, valid_email, valid_phone
from scoring_ml.features.contact_stand_ins import without_contacts
from scoring_ml.features.criteria import Matrix, unmapped_matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.wording import display_value, sentence
from scoring_ml.texts import Catalogue


@pytest.mark.parametrize(
    "text",
    ["anna@example.com", " a.b+c@mail.example.org ", "почта@пример.рф", "x@xn--e1afmkfd.xn--p1ai"],
)
def test_addresses_that_could_work(text: str) -> None:
    assert valid_email(text)


@pytest.mark.parametrize(
    "text",
    ["", "none", "test@test", "a@localhost", "a@x.invalid", "a@x.test", "@x.com", "a@", "a b@x.com",
     "a@@x.com", "a@x..com", "a@x.com,b@x.com", "Anna <a@x.com>", "a" * 400 + "@x.com",
     "a@" + "x." * 200],
)  # fmt: skip
def test_addresses_that_cannot_work(text: str) -> None:
    assert not valid_email(text)


@pytest.mark.parametrize(
    ("text", "region", "valid"),
    [
        ("+7 495 123-45-67", None, True),
        ("007 495 123-45-67", None, True),
        ("+٧ ٤٩٥ ١٢٣ ٤٥ ٦٧", None, True),
        ("\u200e+98 912 345 6789\u200f", None, True),
        ("0912 345 6789", "IR", True),
        ("۰۹۱۲۳۴۵۶۷۸۹", "ir", True),
        ("+7 495 123-45-67", "IR", True),
        ("8 (495) 123-45-67", "RU", True),
        ("0912 345 6789", None, None),
        ("0912 345 6789", "", None),
        ("(415) 555-0101", None, None),
        ("912345", None, False),
        ("0912 345 6789", "US", False),
        ("0912 345 6789", "nowhere", False),
        ("12345", "IR", False),
        ("+7", None, False),
        ("", None, False),
        ("call me", "US", False),
        ("+999 12345678", None, False),
    ],
)
def test_phones(text: str, region: str | None, valid: bool | None) -> None:
    assert valid_phone(text, region) is valid


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text(max_size=300), region=st.none() | st.text(max_size=3))
def test_no_text_raises(text: str, region: str | None) -> None:
    assert valid_email(text) in (True, False)
    assert valid_phone(text, region) in (True, False, None)


@pytest.mark.parametrize("value", [None, 5, 1.5, True, ["a@example.com"], {"a": 1}])
def test_what_is_no_text_is_no_contact(value: object) -> None:
    assert not valid_email(value)  # type: ignore[arg-type]
    assert not valid_phone(value, "US")  # type: ignore[arg-type]


def test_columns_of_contacts_are_recognised() -> None:
    assert like_emails({"a@x.com": 5, "none": 5})
    assert not like_emails({"a@x.com": 4, "none": 5})
    assert like_phones({"+7 495 123-45-67": 9, "none": 1})
    assert not like_phones({"+7 495 123-45-67": 8, "none": 2})
    assert like_phones({"4951234567": 1}, named=True)
    assert not like_phones({"4951234567": 1})
    assert not like_phones({"0000012345": 1})


def test_a_phone_that_nobody_can_judge_is_neither_valid_nor_invalid() -> None:
    """In a batch and alone, for models, the matrix and people."""
    schema = Schema.read(
        {
            "dataset": "d",
            "target": {"column": "y", "won": ["1"]},
            "order": {"by": "row"},
            "columns": {"phone": {"type": "phone"}},
        }
    )
    column = schema["phone"]
    frame = pd.DataFrame({"phone": ["(415) 555-0101", "+14155550101", "12345", None]})
    encoder = Encoder.fit(frame, schema, unmapped_matrix())
    place = [item.field for item in encoder.columns].index("phone")
    together = encoder.encode(frame, None)[:, place]
    np.testing.assert_array_equal(together, [np.nan, float(valid_phone("+14155550101")), 0, np.nan])
    alone = [encoder.encode_one({"phone": cell}, None)[0][place] for cell in frame["phone"]]
    np.testing.assert_array_equal(alone, together)
    for wanted in (True, False):
        rules = {"authority": {"rules": [{"field": "phone", "full": {"valid": wanted}}]}}
        matrix = Matrix.read({"criteria": rules}, schema)
        assert matrix.levels({"phone": "(415) 555-0101"})["authority"] == "none"
    assert display_value(column, "(415) 555-0101") == "unjudged"
    words = sentence(
        column, "(415) 555-0101", feature=None, unseen=False, texts=Catalogue.load("en")
    )
    assert words == "phone is given, but cannot be judged without a country code"


@pytest.mark.parametrize("region", [None, "US"])
def test_made_up_contacts_have_the_features_of_the_real_ones(region: str | None) -> None:
    """For models and for the matrix; nothing of a real one is left."""
    schema = Schema.read(
        {
            "dataset": "d",
            "target": {"column": "y", "won": ["1"]},
            "order": {"by": "row"},
            "columns": {"phone": {"type": "phone", "region": region}, "mail": {"type": "email"}},
        }
    )
    frame = pd.DataFrame(
        {
            "phone": ["(415) 555-0101", "+14155550101", "12345", None, "+98 912 345 6789"],
            "mail": ["anna@example.com", None, "anna@localhost", "x", "b@x.example.org"],
        },
        dtype=object,
    )
    rules = [
        {"field": "phone", "full": {"valid": True}},
        {"field": "mail", "full": {"valid": False}},
    ]
    matrix = Matrix.read({"criteria": {"authority": {"rules": rules}}}, schema)
    encoder = Encoder.fit(frame, schema, matrix)
    made_up = without_contacts(frame, schema.used)
    np.testing.assert_array_equal(encoder.encode(made_up, None), encoder.encode(frame, None))
    for name in frame:
        real, others = frame[name], made_up[name]
        assert (real.isna() == others.isna()).all()
        assert not set(real.dropna()) & set(others.dropna())
        assert [display_value(schema[name], cell) for cell in real] == [
            display_value(schema[name], cell) for cell in others
        ]
