"""The encoder: one lead equals a batch to the bit, and nothing depends on its company."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.schema import Schema
from scoring_ml.data.values.typed import read_columns, reader
from scoring_ml.features.criteria import Matrix, unmapped_matrix
from scoring_ml.features.encoder import LEVEL_CODES, MAX_LEVELS, Encoder, field_of

quick = settings(max_examples=100, deadline=None, derandomize=True)
NAN = float("nan")
NOON = datetime(2026, 3, 1, 12)


def schema_of(columns, *, by="time"):
    order = {"by": "time", "column": "came"} if by == "time" else {"by": by}
    target = {"column": "y", "won": ["1"]}
    return Schema.read(
        {
            "dataset": "d",
            "target": target,
            "order": order,
            "missing": ["n/a", "-9"],
            "columns": columns,
        }
    )


SCHEMA = schema_of(
    {
        "size": {"type": "number", "monotone": "increasing"},
        "agreed": {"type": "boolean"},
        "trade": {"type": "category"},
        "born": {"type": "date", "monotone": "increasing"},
        "mail": {"type": "email"},
        "phone": {"type": "phone", "region": "GB"},
    }
)
MATRIX = Matrix.read(
    {
        "criteria": {
            "industry_fit": {"rules": [{"field": "trade", "full": {"one_of": ["Sea", "دریا"]}}]},
            "budget": {
                "rules": [
                    {"field": "size", "full": {"above": 10}, "partial": {"above": 1}},
                    {"field": "agreed", "partial": {"is": True}},
                ]
            },
            "authority": {
                "combine": "worst",
                "rules": [
                    {"field": "mail", "full": {"valid": True}},
                    {"field": "phone", "full": {"valid": True}},
                ],
            },
            "timeline": {"rules": [{"field": "born", "full": {"filled": True}}]},
        }
    },
    SCHEMA,
)
LEVELS = {"trade": ("Sea", "Land", "Other", "missing", "دریا")}
ENCODER = Encoder(SCHEMA, MATRIX, LEVELS)

MESSY = {
    "size": st.one_of(
        st.none(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(-(10**12), 10**12),
        st.sampled_from(["", "n/a", "-9", -9, "12", "۱۲٫۵", "１２", " 1,234.5 ", "1e3", -0.0]),
    ),
    "agreed": st.sampled_from([None, "", "yes", "NO", "да", "خیر", True, False, 1, 0.0, "n/a"]),
    "trade": st.one_of(
        st.none(),
        st.sampled_from(["Sea", " sea ", "LAND", "other", "Missing", "دریا", "n/a", "", 7, True]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    ),
    "born": st.one_of(
        st.none(),
        st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)).map(lambda d: d.isoformat()),
        st.sampled_from(["", "2026-03-01", "۱/۳/۲۰۲۶", "2026-03-01T12:00:00.000001+03:30"]),
    ),
    "mail": st.sampled_from([None, "", "a@example.com", "a@localhost", "nobody"]),
    "phone": st.sampled_from([None, "", "020 7946 0000", "+442079460000", "۰۲۰ ۷۹۴۶ ۰۰۰۰", "12"]),
}
LEADS = st.lists(st.fixed_dictionaries(MESSY), min_size=1, max_size=6)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))


def table(leads, schema=SCHEMA):
    return pd.DataFrame(
        {
            column.name: read_columns(
                [pa.array([lead[column.name]], from_pandas=True) for lead in leads],
                column,
                schema.missing,
            )[0]
            for column in schema.used
        }
    )


def typed(lead, schema=SCHEMA):
    return {c.name: reader(c, schema.missing)(lead[c.name]) for c in schema.used}


def at(moments):
    return np.array(moments, dtype="datetime64[us]")


def same_bits(a, b):
    return np.array_equal(np.where(np.isnan(a), 0, 1), np.where(np.isnan(b), 0, 1)) and (
        np.nan_to_num(a).tobytes() == np.nan_to_num(b).tobytes()
    )


@quick
@given(leads=LEADS, data=st.data())
def test_one_lead_equals_its_row_of_a_batch_to_the_bit(leads, data):
    moments = data.draw(st.lists(MOMENTS, min_size=len(leads), max_size=len(leads)))
    X = ENCODER.encode(table(leads), at(moments))
    for row, lead, moment in zip(X, leads, moments, strict=True):
        x, levels = ENCODER.encode_one(typed(lead), moment)
        assert same_bits(row, x)
        for criterion, level in levels.items():
            code = ENCODER.criterion_codes_of(x[None, :], criterion)[0]
            assert LEVEL_CODES[code] == level


@quick
@given(leads=LEADS, seed=st.integers(0, 99))
def test_neither_row_order_nor_column_order_nor_company_changes_a_row(leads, seed):
    frame = table(leads)
    moments = at([NOON] * len(leads))
    X = ENCODER.encode(frame, moments)
    order = np.random.default_rng(seed).permutation(len(leads))
    assert same_bits(ENCODER.encode(frame.iloc[order], moments), X[order])
    assert same_bits(ENCODER.encode(frame[list(frame.columns)[::-1]], moments), X)
    assert same_bits(ENCODER.encode(frame.iloc[:1], moments[:1]), X[:1])


def encode(**values):
    return ENCODER.encode_one(values, NOON)[0]


def place_of(name):
    """Where the one column of a field that is no category stands."""
    return next(i for i, c in enumerate(ENCODER.columns) if (c.field, c.role) == (name, "value"))


TRADE = slice(2, 2 + len(LEVELS["trade"]) + 2)
"""The columns of ``trade``: its levels, then other and missing."""


def test_a_seen_category_an_unseen_one_and_a_missing_one_have_their_own_columns():
    roles = [(column.role, column.level) for column in ENCODER.columns[TRADE]]
    # Two levels really bear the names of the two columns that follow them.
    assert roles == [
        ("level", "sea"),
        ("level", "land"),
        ("level", "other"),
        ("level", "missing"),
        ("level", "دریا"),
        ("other", None),
        ("missing", None),
    ]
    slots = {"Sea": 0, "LAND ": 1, "other": 2, "Missing": 3, "دریا": 4, "spaceship": 5, None: 6}
    for value, slot in slots.items():
        assert np.flatnonzero(encode(trade=value)[TRADE]).tolist() == [slot], value


def test_only_a_category_without_a_column_is_unseen():
    unseen = {v: ENCODER.is_unseen(SCHEMA["trade"], v) for v in ("Sea", "OTHER", "missing", "x")}
    assert unseen == {"Sea": False, "OTHER": False, "missing": False, "x": True}
    assert not ENCODER.is_unseen(SCHEMA["trade"], None)
    assert not ENCODER.is_unseen(SCHEMA["size"], 5.0)


def test_writing_a_category_again_leaves_nothing_of_the_one_before():
    x = encode(trade=None)
    for value in ("other", "spaceship", "Sea", None, "missing", "Sea"):
        ENCODER.set_field(x, SCHEMA["trade"], value, None)
        assert same_bits(x[TRADE], encode(trade=value)[TRADE])


def test_dates_are_days_before_the_moment_at_which_the_lead_is_seen():
    place = place_of("born")
    assert encode(born=NOON)[place] == 0.0
    assert encode(born=NOON - timedelta(days=10, hours=12))[place] == 10.5
    assert encode(born=NOON + timedelta(days=2))[place] == -2.0
    assert encode(born=NOON - timedelta(microseconds=1))[place] == 1 / 86_400_000_000
    assert np.isnan(encode(born=None)[place])
    assert np.isnan(ENCODER.encode_one({"born": NOON}, None)[0][place])
    assert ENCODER.columns[place].monotone == -1  # the chance rises with the date, not the days


def test_dates_say_nothing_where_the_order_is_not_one_of_time():
    # A model trained without moments never saw a date; a request that has one must not differ.
    schema = schema_of({"born": {"type": "date"}}, by="row")
    encoder = Encoder(schema, unmapped_matrix(), {})
    frame = pd.DataFrame({"born": at([NOON])})
    one = encoder.encode_one({"born": NOON}, NOON)[0]
    assert same_bits(one, encoder.encode(frame, None)[0])
    assert same_bits(one, encoder.encode(frame, at([NOON]))[0])
    assert np.isnan(one[0])


def test_contact_details_become_valid_or_not():
    mail, phone = place_of("mail"), place_of("phone")
    assert encode(mail="a@example.com", phone="020 7946 0000")[[mail, phone]].tolist() == [1, 1]
    assert encode(mail="a@localhost", phone="12")[[mail, phone]].tolist() == [0, 0]
    assert np.isnan(encode()[[mail, phone]]).all()


def test_a_column_that_is_not_there_counts_as_missing():
    whole = table([dict.fromkeys(MESSY)])
    assert same_bits(ENCODER.encode(pd.DataFrame(index=[0]), at([NOON])), encode()[None, :])
    assert same_bits(ENCODER.encode(whole, at([NOON])), encode()[None, :])


def test_criteria_stand_beside_the_fields_with_points_and_levels():
    x, levels = ENCODER.encode_one(
        {"trade": "sea", "size": 5.0, "agreed": 1.0, "mail": "nobody", "phone": None}, NOON
    )
    assert levels == {
        "industry_fit": "full",
        "budget": "partial",
        "need_urgency": "unknown",
        "authority": "none",
        "timeline": "unknown",
        "engagement": "unknown",
    }
    shown = {
        (column.criterion, column.role, column.level): x[index]
        for index, column in enumerate(ENCODER.columns)
        if column.role.startswith("criterion")
    }
    assert shown["industry_fit", "criterion_points", "industry_fit"] == 20
    assert shown["industry_fit", "criterion_level", "full"] == 1
    assert shown["budget", "criterion_points", "budget"] == 10
    assert shown["budget", "criterion_level", "partial"] == 1
    assert shown["authority", "criterion_level", "unknown"] == 0
    assert shown["need_urgency", "criterion_level", "unknown"] == 1
    assert sum(shown.values()) == 20 + 1 + 10 + 1 + 0 + 3


def test_one_field_behind_a_criterion_bears_its_points_and_several_do_not():
    owner = {c.criterion: c.field for c in ENCODER.columns if c.role == "criterion_points"}
    assert owner["industry_fit"] == "trade"
    assert owner["budget"] == "matrix:budget"
    assert owner["need_urgency"] == "matrix:need_urgency"


def fit(words, column="trade"):
    schema = schema_of({column: {"type": "category"}})
    frame = pd.DataFrame({column: pd.Series(words, dtype=object)})
    return Encoder.fit(frame, schema, unmapped_matrix()).levels[column]


def test_levels_are_those_seen_often_enough_most_frequent_first():
    assert fit(["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["d"] * 4 + [None] * 50) == ("c", "a", "b")
    words = ["often"] * 2_000 + ["seven"] * 7 + ["six"] * 6 + [None] * 1_487
    assert len(words) == 3_500  # 0.2 % are 7
    assert fit(words) == ("often", "seven")


def test_spellings_of_a_level_are_counted_together_and_the_most_frequent_is_shown():
    assert fit(["google"] * 3 + ["Google"] * 4 + ["GOOGLE "] * 1 + ["x"] * 5) == ("Google", "x")


def test_no_more_than_forty_levels_have_a_column():
    words = [f"w{i:03d}" for i in range(60) for _ in range(60 - i if i < 50 else 5)]
    found = fit(words)
    assert len(found) == MAX_LEVELS == 40
    assert found[0] == "w000"
    assert "w040" not in found


def test_the_encoder_comes_back_the_same_from_json():
    kept = json.loads(
        json.dumps(
            {
                "schema": SCHEMA.dump(),
                "matrix": MATRIX.dump(),
                "levels": ENCODER.levels,
            }
        )
    )
    schema = Schema.read(kept["schema"])
    again = Encoder(schema, Matrix.read(kept["matrix"], schema), kept["levels"])
    assert again.columns == ENCODER.columns
    lead = {"size": 3.5, "trade": "other", "born": NOON - timedelta(days=3), "mail": "nobody"}
    assert same_bits(again.encode_one(lead, NOON)[0], ENCODER.encode_one(lead, NOON)[0])


@pytest.mark.parametrize("role", ["value", "level", "other", "missing"])
def test_every_role_of_a_field_has_the_fields_own_group(role):
    schema = schema_of({"a": {"type": "number", "criterion": "budget"}, "b": {"type": "category"}})
    encoder = Encoder(schema, unmapped_matrix(), {"b": ("x",)})
    groups = {c.criterion for c in encoder.columns if c.role == role}
    assert groups == {"budget" if role == "value" else "other"}


FAMILY = schema_of(
    {
        "visits 7d": {"type": "number", "part_of": "visits", "criterion": "other"},
        "visits": {"type": "number", "criterion": "engagement"},
        "first": {"type": "category", "part_of": "campaign", "criterion": "source"},
        "campaign": {"type": "category", "criterion": "campaign"},
        "last": {"type": "category", "part_of": "first", "criterion": "source"},
        "left out": {"type": "number", "use": False},
        "alone": {"type": "number", "part_of": "left out", "criterion": "budget"},
        "strange": {"type": "number", "part_of": "nothing"},
    }
)
FAMILY_MATRIX = Matrix.read(
    {"criteria": {"engagement": {"rules": [{"field": "visits 7d", "full": {"above": 2}}]}}}, FAMILY
)
FAMILY_LEVELS = {"first": ("a", "b"), "campaign": ("b", "c"), "last": ("a",)}


def test_a_family_is_summed_back_to_its_main_column_and_group():
    encoder = Encoder(FAMILY, FAMILY_MATRIX, FAMILY_LEVELS)
    owners = {column.column: (column.field, column.criterion) for column in encoder.columns}
    assert {name: owners[name] for name in (*FAMILY.names[:5], *FAMILY.names[6:])} == {
        "visits 7d": ("visits", "engagement"),
        "visits": ("visits", "engagement"),
        "first": ("campaign", "campaign"),
        "campaign": ("campaign", "campaign"),
        "last": ("campaign", "campaign"),
        "alone": ("alone", "budget"),
        "strange": ("strange", "other"),
    }
    # One field of the family answers the criterion, so its points are the family's.
    (points,) = [
        column
        for column in encoder.columns
        if (column.role, column.criterion) == ("criterion_points", "engagement")
    ]
    assert (points.field, points.column) == ("visits", "visits")


def test_members_of_a_family_are_encoded_apart():
    encoder = Encoder(FAMILY, FAMILY_MATRIX, FAMILY_LEVELS)
    lead = {"visits 7d": 1.0, "visits": 4.0, "first": "b", "campaign": "c", "last": None}
    x, _ = encoder.encode_one(lead, None)
    said = {
        (column.column, column.level or column.role): x[i]
        for i, column in enumerate(encoder.columns)
        if not column.role.startswith("criterion")
    }
    assert (said["visits 7d", "value"], said["visits", "value"]) == (1.0, 4.0)
    set_levels = {key for key, value in said.items() if value == 1.0} - {("visits 7d", "value")}
    assert set_levels == {("first", "b"), ("campaign", "c"), ("last", "missing")}
    assert encoder.is_unseen(FAMILY["last"], "b")
    assert not encoder.is_unseen(FAMILY["first"], "b")
    frame = pd.DataFrame({name: [value] for name, value in lead.items()})
    assert same_bits(encoder.encode(frame.astype({"last": object}), None)[0], x)


def test_a_circle_of_families_ends():
    schema = schema_of(
        {"a": {"type": "number", "part_of": "b"}, "b": {"type": "number", "part_of": "a"}}
    )
    assert {field_of(column, schema) for column in schema.columns} <= {"a", "b"}
