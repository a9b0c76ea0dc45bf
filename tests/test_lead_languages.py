"""What is wrong with a lead is told in one language: the reader's."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.limits import MAX_FACTS, MAX_FIELDS, MAX_TEXT, RepeatedNames
from scoring_ml.errors import LeadError
from scoring_ml.features.lead_history import read_history
from scoring_ml.scoring.lead import LeadReader
from scoring_ml.texts import Catalogue
from tests.small_crm import HISTORY, crm_schema
from tests.small_world import small_schema

SECRET = "anna.secret@example.com"
VISIT = {"type": "web_visit", "occurred_at": "2026-03-01"}
STAGE = {"stage": "mql", "entered_at": "2026-03-01"}
UNCLEAR = replace(
    HISTORY,
    unclear_words={"type": {"call": "inbound_call or outbound_call"}, "channel": {"ads": ""}},
)
FLAT = LeadReader(small_schema())
CRM = LeadReader(
    replace(crm_schema(), history=UNCLEAR), of_history=("created_at", "activities", "stages")
)


def with_history(**lead: Any) -> tuple[LeadReader, dict[str, Any]]:
    return CRM, lead


def flat(lead: Any) -> tuple[LeadReader, Any]:
    return FLAT, lead


def in_dollars(**lead: Any) -> tuple[LeadReader, dict[str, Any]]:
    schema = small_schema()
    columns = [replace(c, currency="USD") if c.type == "number" else c for c in schema.columns]
    return LeadReader(schema.with_columns(columns)), lead


LONG = "x" * (MAX_TEXT + 1)
BAD = [
    flat({"budget": "a lot", "demo": "perhaps", "industry": math.inf, "contract_ends": "soon"}),
    flat({"budget": math.inf, "demo": math.nan, "industry": [1], "contract_ends": 2026}),
    flat({"contract_ends": "2026-01-01 10:00 qq"}),
    flat({"contract_ends": "2026-01-01 10:00 CST"}),
    flat({"contract_ends": "2026-02-30", "industry": LONG, "lead_id": 1.5}),
    flat(
        {"contract_ends": "1899-12-31", "industry": "\ud800", "activities": [], "budgett": SECRET}
    ),
    flat({"qqqqqq": SECRET, "\ud800": 1, "notes": {"a": SECRET}}),
    flat({str(number): 1 for number in range(MAX_FIELDS + 1)}),
    in_dollars(budget="5 EUR"),
    flat(RepeatedNames([("budget", 1), ("budget", 2)])),
    with_history(web_visit_30d=1, activities=SECRET, stages={"a": SECRET}, created_at=[SECRET]),
    with_history(activities=[VISIT] * (MAX_FACTS + 1), stages=[SECRET], created_at=2026),
    with_history(
        activities=[
            SECRET,
            VISIT | {"typ": SECRET},
            VISIT | {"zzzzzz": SECRET},
            VISIT | {"occurred_at": SECRET},
            VISIT | {"occurred_at": None},
            VISIT | {"known_at": True},
            VISIT | {"type": 3},
            VISIT | {"type": "call"},
            VISIT | {"channel": "ads"},
            VISIT | {"direction": SECRET},
            VISIT | {"result": False},
            VISIT | {"amount": SECRET},
            VISIT | {"campaign": True, "activity_id": 1.5},
            RepeatedNames([("type", "web_visit"), ("type", "form")]),
        ],
        stages=[STAGE | {"stage": SECRET}, STAGE | {"stage": "mqll"}, STAGE | {"stage": 3}],
    ),
]
"""Requests that are wrong in every way that there is, several ways at a time."""


def refused(reader: LeadReader, lead: Any, lang: str) -> tuple[tuple[str, str], ...]:
    with pytest.raises(LeadError, match="must be known") as caught:
        reader.read(lead, as_of=datetime(2026, 3, 2), texts=Catalogue.load(lang))
    return caught.value.fields


OUR_WORDS = {
    "fa": r"\u2068[^\u2069]*\u2069|\u2066[^\u2069]*\u2069",
    "ru": r"web_visit|inbound(?:_call)?|outbound(?:_call)?|budget|type|mql|USD|\d[\d:TZ-]+|{names}",
}
"""What is to be written as it stands: between marks in Persian, plain in Russian."""


@pytest.mark.parametrize(("reader", "lead"), BAD)
@pytest.mark.parametrize("lang", ["fa", "ru"])
def test_all_messages_of_a_refusal_are_in_one_language(
    reader: LeadReader, lead: Any, lang: str
) -> None:
    own, foreign = {
        "fa": ("[\u0600-\u06ff]", "[A-Za-zА-я]"),
        "ru": ("[а-яё]", "[A-Za-z\u0600-\u06ff]"),
    }[lang]
    english, told = refused(reader, lead, "en"), refused(reader, lead, lang)
    assert [name for name, _ in told] == [name for name, _ in english]
    listed = r"(?:[a-z_]+, )+[a-z_]+"  # the stages, the names of an entry
    for name, message in told:
        rest = re.sub(OUR_WORDS[lang].replace("{names}", listed), "", message)
        assert re.search(own, rest), name
        assert not re.search(foreign, rest), (name, message)
        assert "secret" not in message


def test_every_message_is_reached_and_every_reason_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons: set[str] = set()

    def text(error: InvalidValue, texts: Catalogue) -> str:
        reasons.add(error.reason)
        return known(error, texts)

    known = InvalidValue.text
    monkeypatch.setattr(InvalidValue, "text", text)
    for reader, lead in BAD:
        refused(reader, lead, "en")
    keys = {key.removeprefix("lead.") for key in Catalogue.load().keys if key.startswith("lead.")}
    assert sorted(keys - reasons) == ["or"]
    assert reasons <= keys


def test_a_choice_of_words_is_told_in_the_reader_s_language() -> None:
    error = InvalidValue("unclear_instead", instead=("meeting", "chat"))
    assert str(error).endswith("; write meeting or chat")
    assert error.text(Catalogue.load("ru")).endswith("; напишите meeting или chat")
    assert "meeting یا chat" in error.text(Catalogue.load("fa"))


@pytest.mark.parametrize("lang", ["fa", "ru"])
def test_warnings_name_no_list_in_english(lang: str) -> None:
    texts = Catalogue.load(lang)
    late = "2026-03-02T00:00:00Z"
    lead = {
        "created_at": late,
        "activities": [VISIT | {"occurred_at": late}, VISIT | {"type": "yoga"}],
        "stages": [STAGE | {"entered_at": late}],
    }
    read = read_history(lead, UNCLEAR, as_of=datetime(2026, 3, 2), texts=texts)
    assert len(read.warnings) == 4
    assert not re.search("[A-Za-z]", "".join(read.warnings))
