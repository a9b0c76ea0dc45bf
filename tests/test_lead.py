"""One lead as a request carries it: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import math
from datetime import datetime

import pytest

from scoring_ml.data.schema import Schema
from scoring_ml.data.values.limits import MAX_FIELDS, MAX_TEXT, RepeatedNames
from scoring_ml.data.values.moments import moment_of
from scoring_ml.errors import LeadError
from scoring_ml.scoring.lead import LeadReader, alias, lead_fields
from tests.small_crm import crm_schema
from tests.small_world import SCHEMA, small_schema

READER = LeadReader(small_schema(), also_accepted=("old field",))
AS_OF = datetime(2026, 3, 2)
SECRET = "anna.secret@example.com"
RESERVED = "is reserved for the history of a lead, of which this model uses none; leave it out"


def refused(lead):
    with pytest.raises(LeadError, match="Every field of a lead must be known") as caught:
        READER.read(lead, as_of=AS_OF)
    return dict(caught.value.fields)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("budget", 5000, 5000.0),
        ("budget", "5,000.5", 5000.5),
        ("budget", "۵۰۰۰", 5000.0),
        ("budget", "५०००", 5000.0),
        ("budget", "５０００", 5000.0),
        ("budget", "٥٠٠٠٫٥", 5000.5),
        ("budget", " 5000 € ", 5000.0),
        ("demo", True, 1.0),
        ("demo", "نه", 0.0),
        ("demo", "да", 1.0),
        ("demo", 0, 0.0),
        ("industry", "  Software ", "Software"),
        ("industry", 7, "7"),
        ("industry", False, "false"),
        ("contract_ends", "2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8)),
        ("contract_ends", "۲۰۲۶-۰۳-۰۱ 10:00", datetime(2026, 3, 1, 10)),
        ("email", "someone@example.com", "someone@example.com"),
    ],
)
def test_values_in_any_common_form_are_read(name, raw, value):
    assert READER.read({name: raw}, as_of=AS_OF).typed == {name: value}


@pytest.mark.parametrize("raw", [None, "", "  ", "n/a", "N/A"])
@pytest.mark.parametrize("name", ["budget", "demo", "industry", "contract_ends", "email"])
def test_null_and_empty_and_the_schemas_words_are_missing(name, raw):
    (value,) = READER.read({name: raw}, as_of=AS_OF).typed.values()
    assert value is None or math.isnan(value)


@pytest.mark.parametrize("raw", [-1, -1.0, "-1", "-1.0", "−1"])
def test_a_columns_own_missing_number_is_missing_there_alone(raw):
    typed = READER.read({"timeline days": raw, "budget": raw}, as_of=AS_OF).typed
    assert math.isnan(typed["timeline days"])
    assert typed["budget"] == -1.0


def test_an_empty_lead_is_welcome():
    lead = READER.read({}, as_of=AS_OF)
    assert (lead.lead_id, lead.typed, lead.ignored) == (None, {}, ())


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("budget", "a lot", "must be a number"),
        ("budget", True, "must be a number"),
        ("budget", "1;2", "must be a number"),
        ("budget", float("nan"), "must not be NaN; leave the field out when it is not known"),
        ("budget", float("inf"), "must be a finite number"),
        ("budget", "1e999", "must be a finite number"),
        ("budget", 10**400, "must be a finite number"),
        ("demo", -(10**400), "must be yes or no (true or false, 1 or 0)"),
        ("industry", float("inf"), "must be text"),
        ("industry", float("nan"), "must not be NaN; leave the field out when it is not known"),
        ("demo", "perhaps", "must be yes or no (true or false, 1 or 0)"),
        ("demo", 2, "must be yes or no (true or false, 1 or 0)"),
        ("demo", 0.5, "must be yes or no (true or false, 1 or 0)"),
        ("contract_ends", "soon", "must be a date, such as 2026-11-22"),
        ("contract_ends", "2026-02-30", "must be a date that exists, such as 2026-11-22"),
        ("contract_ends", "1899-12-31", "must be a date between 1900 and 2200"),
        ("contract_ends", "2200-01-01 00:00", "must be a date between 1900 and 2200"),
        (
            "contract_ends",
            2026,
            "must be a moment, such as 2026-11-22T09:30:00Z, "
            "or a whole Unix time of 10, 13 or 16 digits",
        ),
        ("budget", [1], "must be a single value, not a list or an object"),
        ("budget", {"a": 1}, "must be a single value, not a list or an object"),
        ("industry", ["Software"], "must be a single value, not a list or an object"),
        ("industry", "x" * 1_001, "must hold at most 1,000 characters"),
        ("email", b"bytes", "must be a single value, not a list or an object"),
        ("lead_id", 1.5, "must be text or a whole number"),
        ("lead_id", True, "must be text or a whole number"),
        ("lead_id", ["L-1"], "must be text or a whole number"),
        ("activities", [], RESERVED),
        ("stages", 3, RESERVED),
        ("hand score", [1], "must be a single value, not a list or an object"),
        ("notes", {"a": 1}, "must be a single value, not a list or an object"),
        ("notes", "half \ud800", "must be Unicode text; half a surrogate pair is not"),
        ("industry", "half \ud800", "must be Unicode text; half a surrogate pair is not"),
        ("half \udfff", 1, "must be Unicode text; half a surrogate pair is not"),
        ("lead_id", "\ud800", "must be Unicode text; half a surrogate pair is not"),
        ("budgett", 5, "is not a known field; did you mean budget?"),
        ("Timeline_days", 5, "is not a known field; did you mean timeline days?"),
        ("leadid", "x", "is not a known field; did you mean lead_id?"),
        ("qqqq", 5, "is not a known field"),
        ("", 5, "is not a known field"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(name, raw, message):
    assert refused({name: raw}) == {name: message}


def test_a_long_text_is_welcome_up_to_its_limit():
    assert len(READER.read({"industry": "x" * MAX_TEXT}, as_of=AS_OF).typed["industry"]) == MAX_TEXT


def test_an_id_of_thousands_of_digits_is_refused():
    for name in ("lead_id", "Lead No"):
        assert refused({name: 10**5_000}) == {name: "must be text or a whole number"}


def test_a_name_that_stands_twice_is_refused_whatever_it_holds():
    lead = RepeatedNames([("budget", "x"), ("demo", 1), ("budget", 5)])
    assert refused(lead) == {"budget": "stands more than once; give it once"}


def test_a_lead_has_a_largest_number_of_fields():
    assert refused({str(i): 1 for i in range(MAX_FIELDS + 1)}) == {
        "": "a lead must have at most 1,000 fields"
    }
    assert len(refused({str(i): 1 for i in range(MAX_FIELDS)})) == MAX_FIELDS


def test_all_wrong_fields_are_named_at_once():
    lead = {"budget": "x", "industry": "Software", "budgett": 1, "demo": "perhaps"}
    assert list(refused(lead)) == ["budget", "budgett", "demo"]


@pytest.mark.parametrize(
    "lead",
    [
        {"budget": SECRET},
        {"demo": SECRET},
        {"contract_ends": SECRET},
        {"budget": [SECRET]},
        {"unknown thing": SECRET},
        {"stages": SECRET},
        {"lead_id": {"x": SECRET}},
        {"industry": SECRET * 1_000},
    ],
)
def test_no_message_quotes_the_refused_value(lead):
    with pytest.raises(LeadError, match="wrong field") as caught:
        READER.read(lead, as_of=AS_OF)
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.fields)
    assert caught.value.__cause__ is None


def test_a_column_of_a_reserved_name_has_an_alias():
    assert (alias("stages"), alias("activities"), alias("budget")) == (
        "stages_column",
        "activities_column",
        "budget",
    )
    assert READER.read({"stages_column": 3}, as_of=AS_OF).typed == {"stages": 3.0}


def test_known_names_that_the_model_does_not_use_are_ignored_whatever_they_hold():
    lead = {
        "hand score": "no number",
        "notes": "long " * 20_000,
        "old field": True,
        "outcome": "won",
        "created": "yesterday",
        "budget": 1,
    }
    read = READER.read(lead, as_of=AS_OF)
    assert set(read.ignored) == set(lead) - {"budget"}
    assert read.typed == {"budget": 1.0}


def test_every_name_is_accepted_that_the_reader_names():
    assert set(READER.names) == {alias(name) for name in small_schema().names} | {
        "Lead No",
        "created",
        "outcome",
        "old field",
    }
    for name in READER.names:
        READER.read({name: None}, as_of=AS_OF)


@pytest.mark.parametrize(
    ("lead", "lead_id"),
    [
        ({"lead_id": "L-1"}, "L-1"),
        ({"lead_id": 17}, "17"),
        ({"lead_id": None}, None),
        ({"Lead No": "N-9"}, "N-9"),
        ({"Lead No": "N-9", "lead_id": "L-1"}, "L-1"),
        ({"lead_id": "L-1", "Lead No": "N-9"}, "L-1"),
        ({"lead_id": "x" * 500}, "x" * 200),
    ],
)
def test_the_leads_own_name_is_kept(lead, lead_id):
    assert READER.read(lead, as_of=AS_OF).lead_id == lead_id


def test_an_id_column_called_lead_id_is_the_reserved_name():
    reader = LeadReader(Schema.read(SCHEMA | {"id": "lead_id"}))
    assert reader.read({"lead_id": "L-1"}, as_of=AS_OF).lead_id == "L-1"


def test_fields_for_people_put_those_in_use_first():
    fields = lead_fields(small_schema(), {"industry": ("Software",)}, {"budget": 5.0})
    by_name = {field.name: field for field in fields}
    assert "notes" not in by_name  # free text is never a field of a lead
    assert fields[-1].name == "hand score"
    assert [field.column.use for field in fields] == [True] * 14 + [False]
    budget = by_name["budget"].column
    assert (budget.type, budget.title, budget.unit) == ("number", "Budget", "EUR")
    assert (budget.criterion, budget.askable) == ("budget", True)
    assert by_name["budget"].example == 5.0
    assert by_name["industry"].levels == ("Software",)
    assert "stages_column" in by_name


CRM = crm_schema()


def test_a_history_adds_the_creation_moment_and_the_lists():
    reader = LeadReader(CRM, of_history=("created_at", "activities", "stages"))
    assert set(reader.names) == {
        *("industry", "budget", "email", "utm", "created_at", "activities", "stages"),
        *("account_id", "outcome"),
    }
    lead = {"created_at": "2026-01-01T00:00:00Z", "activities": [], "stages": None, "budget": 5}
    read = reader.read(lead, as_of=AS_OF)
    assert (read.typed, read.ignored) == ({"budget": 5.0}, ())
    assert read.history is not None
    assert read.history.created_at == moment_of("2026-01-01T00:00:00Z")
    assert (len(read.history.activities), read.history.stages) == (0, None)


def test_wrong_fields_and_wrong_parts_of_the_history_are_named_together():
    reader = LeadReader(CRM, of_history=("created_at", "activities"))
    lead = {"budget": "x", "created_at": "soon", "activities": [{"occurred_at": "2026-01-01"}]}
    with pytest.raises(LeadError, match="3 wrong") as caught:
        reader.read(lead, as_of=AS_OF)
    assert [name for name, _ in caught.value.fields] == [
        "budget",
        "created_at",
        "activities[0].type",
    ]


def test_what_nothing_in_use_is_computed_from_is_ignored():
    read = LeadReader(CRM, of_history=("activities",)).read(
        {"stages": [{"any": 1}], "created_at": 3}, as_of=AS_OF
    )
    assert read.ignored == ("stages", "created_at")


@pytest.mark.parametrize("name", ["web_visit_30d", "engagement", "stage", "completeness"])
def test_features_are_no_fields(name):
    assert name not in LeadReader(CRM).names
    with pytest.raises(LeadError, match="wrong field") as caught:
        LeadReader(CRM).read({name: 1}, as_of=AS_OF)
    assert caught.value.fields == (
        (name, "is computed from the lead's activities, stages and fields; leave it out"),
    )


def test_a_column_of_an_older_version_that_is_computed_now_is_ignored():
    reader = LeadReader(CRM, also_accepted=("web_visit_30d", "lead_id"))
    read = reader.read({"web_visit_30d": 4, "lead_id": "L-1"}, as_of=AS_OF)
    assert (read.ignored, read.typed, read.lead_id) == (("web_visit_30d",), {}, "L-1")


def test_fields_for_people_have_the_creation_moment_and_no_feature():
    fields = {field.name: field for field in lead_fields(CRM, {}, {"created_at": "2026-01-01"})}
    assert list(fields) == ["created_at", "industry", "budget", "email", "utm"]
    created = fields["created_at"]
    assert (created.column.type, created.column.use) == ("date", True)
    assert not created.column.askable
    assert created.example == "2026-01-01"


@pytest.mark.parametrize(
    "name",
    [
        "lead\u00a0source",
        "lead source",
        "lead  source\u200b",
        "Lead Source",
        "Where from",
        "Источник",
    ],
)
def test_a_field_can_be_sent_under_a_name_that_people_see(name):
    labels = {"label": "Where from", "labels": {"ru": "Источник"}}
    columns = {"lead\u00a0source": {"type": "category", **labels}, "budget": {"type": "number"}}
    reader = LeadReader(small_schema(columns=columns))
    assert reader.read({name: "x"}, as_of=AS_OF).typed == {"lead\u00a0source": "x"}
    with pytest.raises(LeadError, match="1 wrong field") as caught:
        reader.read({name + "\u200b": "x", "lead\u00a0source": "y"}, as_of=AS_OF)
    assert caught.value.fields[0][1] == "stands more than once; give it once"


def test_a_name_that_two_fields_could_bear_means_neither():
    columns = {"a": {"type": "number", "label": "Size"}, "b": {"type": "number", "label": "size"}}
    reader = LeadReader(small_schema(columns=columns))
    with pytest.raises(LeadError, match="wrong field\\(s\\): size"):
        reader.read({"size": 1}, as_of=AS_OF)
    # A field's own name comes before another one's label.
    columns["size"] = {"type": "number"}
    reader = LeadReader(small_schema(columns=columns))
    assert reader.read({"Size": 1}, as_of=AS_OF).typed == {"size": 1.0}
