"""Typed values: one reading, whatever script, spelling or door a value comes by."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.schema import Column
from scoring_ml.data.values.moments import DateForm, read_clock
from scoring_ml.data.values.numbers import (
    FALSE_WORDS,
    TRUE_WORDS,
    parse_amount,
    parse_boolean,
    parse_number,
    plain_digits,
)
from scoring_ml.data.values.typed import read_columns, reader
from scoring_ml.data.values.vocabulary import tidy, visible

quick = settings(max_examples=150, deadline=None, derandomize=True)
SCRIPTS = ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９"]
EAST = timezone(timedelta(hours=3))
END_OF_DAY = timedelta(days=1, microseconds=-1)


def parse_date(text: str, **form: Any) -> datetime:
    """Read a date as the only reader of a cell does."""
    return datetime(1970, 1, 1) + timedelta(microseconds=read_clock(text, DateForm(**form)).reading)


def in_script(text: str, digits: str) -> str:
    return text.translate(str.maketrans("0123456789", digits))


@quick
@given(number=st.floats(allow_nan=False, allow_infinity=False), digits=st.sampled_from(SCRIPTS))
def test_a_number_reads_the_same_in_any_script(number: float, digits: str) -> None:
    assert parse_number(in_script(repr(number), digits)) == number


@quick
@given(
    cents=st.integers(-(10**12), 10**12),
    decimal=st.sampled_from([".", ","]),
    digits=st.sampled_from(SCRIPTS),
)
def test_thousands_separators_change_nothing(cents: int, decimal: str, digits: str) -> None:
    plain = f"{cents / 100:,.2f}"
    for separator in (" ", "'", "\u00a0", "\u202f", "." if decimal == "," else ","):
        swap = {",": separator, ".": decimal}
        text = "".join(swap.get(sign, sign) for sign in plain)
        assert parse_number(in_script(text, digits), decimal=decimal) == round(cents / 100, 2)


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234", ".", 1234.0),
        ("1,234", ",", 1.234),
        ("1.234", ".", 1.234),
        ("1.234", ",", 1234.0),
        ("1.234,5", ",", 1234.5),
        ("1,234,567.5", ".", 1234567.5),
        ("۱۲٫۵", ".", 12.5),
        ("۱٬۲۳۴٫۵", ".", 1234.5),
        ("−5", ".", -5.0),
        ("$ 12", ".", 12.0),
        ("12 ₽", ".", 12.0),
        ("45%", ".", 45.0),
        (" +.5 ", ".", 0.5),
        ("1e3", ".", 1000.0),
        ("007", ".", 7.0),
    ],
)
def test_numbers(text: str, decimal: str, value: float) -> None:
    assert parse_number(text, decimal=decimal) == value


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("$2.6k", 2600, "USD"),
        ("US$ 5", 5, "USD"),
        ("$ 2560 CAD", 2560, "CAD"),
        ("USD 2,560.00", 2560, "USD"),
        ("2560|USD", 2560, "USD"),
        ("2 560 руб.", 2560, "RUB"),
        ("15 т.р.", 15_000, "RUB"),
        ("1.1 тыс. ₽", 1100, "RUB"),
        ("2.3 млрд", 2.3e9, None),
        ("۲۵۰ هزار تومان", 250_000, "IRT"),
        ("۲ هزار میلیارد تومان", 2e12, "IRT"),
        ("1500 ريال", 1500, "IRR"),
        ("1500 ﷼", 1500, "IRR"),
        ("۲۵۰،۰۰۰", 250_000, None),
        ("₹1,23,456.78", 123_456.78, "INR"),
        ("Rs.500", 500, "INR"),
        ("1.5 lakh", 150_000, None),
        ("1'234.50", 1234.5, None),
        ("CHF 1’234.50", 1234.5, "CHF"),
        ("2560,-", 2560, None),
        ("1\u2009234 zł", 1234, "PLN"),
        ("5 Kč", 5, "CZK"),
        ("₴5", 5, "UAH"),
        ("5 ₸", 5, "KZT"),
        ("₺5", 5, "TRY"),
        ("(440)", -440, None),
        ("($440.00)", -440, "USD"),
        ("-$440", -440, "USD"),
        ("$-440", -440, "USD"),
        ("440-", -440, None),
        ('="2560"', 2560, None),
        ("'2560", 2560, None),
        ("%45", 45, None),
        ("45 درصد", 45, None),
        ("1e5k", 1e8, None),
    ],
)
def test_amounts(text: str, value: float, currency: str | None) -> None:
    found = parse_amount(text)
    assert (found.value, found.currency) == (value, currency)
    assert found.percent == any(sign in text for sign in ("%", "درصد"))
    assert parse_amount(f"\u200e{text}\u00a0") == found


@pytest.mark.parametrize(
    "text",
    ["10-50", "50+", "<10", "R1", "1st", "3D", "5kg", "12:30", "1/31", "TOP 10", "k5", "$", "(5",
     "5)", "(-5)", "- 5 -", "++5", "5 EUR USD", "5 % USD", "2025-01-02", "9.3q",
     "+98 912 345 6789"],
)  # fmt: skip
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        parse_amount(text)


def test_amounts_in_another_currency_need_a_rate() -> None:
    column = Column("x", "number", currency="USD", rates={"EUR": 1.25})
    read = reader(column, ())
    assert (read("10 USD"), read("10"), read(10), read("10 EUR")) == (10.0, 10.0, 10.0, 12.5)
    with pytest.raises(ValueError, match="amount in USD, or in a currency for which a rate"):
        read("10 GBP")


def test_a_percent_sign_means_hundredths_where_the_column_says_so() -> None:
    assert reader(Column("x", "number"), ())("45%") == 45.0
    read = reader(Column("x", "number", hundredths=True), ())
    assert (read("45%"), read("0.45"), read(0.45)) == (0.45, 0.45, 0.45)


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "abc", "1.2.3", "1,2,3", "12,34,5", "1 2", "0x10", "1_000", "nan", "inf",
     "1e999", "½", "٫", "1-2"],
)  # fmt: skip
def test_what_is_no_number(text: str, decimal: str) -> None:
    with pytest.raises(ValueError, match=r"must be a (finite )?number"):
        parse_number(text, decimal=decimal)


def test_a_decimal_comma_is_no_number_unless_declared() -> None:
    assert parse_number("12,5", decimal=",") == 12.5
    with pytest.raises(ValueError, match="must be a number"):
        parse_number("12,5")


def test_digits_in_words_are_kept_in_place() -> None:
    assert plain_digits("A۱۲ ٣") == "A12 3"
    assert plain_digits("½²") == "½²"


@pytest.mark.parametrize("word", sorted(TRUE_WORDS | FALSE_WORDS))
def test_yes_and_no(word: str) -> None:
    assert parse_boolean(word) == parse_boolean(f" {word.upper()} ") == float(word in TRUE_WORDS)


def test_yes_and_no_exclude_each_other() -> None:
    assert not TRUE_WORDS & FALSE_WORDS
    assert (parse_boolean("۱"), parse_boolean("٠")) == (1.0, 0.0)
    for text in ("", "2", "maybe", "yes no"):
        with pytest.raises(ValueError, match="must be yes or no"):
            parse_boolean(text)


MOMENT = datetime(2026, 11, 5, 9, 30)
DAY = datetime(2026, 11, 5) + END_OF_DAY


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-05", DAY),
        ("2026/11/5", DAY),
        ("5.11.2026", DAY),
        ("05-11-26", DAY),
        ("20261105", DAY),
        ("5 Nov 2026", DAY),
        ("Nov 5, 2026", DAY),
        ("5-Nov-2026", DAY),
        ("۲۰۲۶/۱۱/۰۵", DAY),
        ("2026-11-05T09:30:00", MOMENT),
        ("2026-11-05 09:30", MOMENT),
        ("2026-11-05T09:30:00Z", MOMENT),
        ("2026-11-05T13:00:00+03:30", MOMENT),
        ("2026-11-04T23:30:00-1000", MOMENT),
        ("05.11.2026 9:30", MOMENT),
        ("5/11/2026 9:30 am", MOMENT),
        ("5/11/2026, 09:30:00.000", MOMENT),
        ("November 5, 2026 09:30", MOMENT),
        ("5/11/2026 12:00 am", datetime(2026, 11, 5)),
        ("5/11/2026 12:00 pm", datetime(2026, 11, 5, 12)),
        ("2026-11-05T09:30:00.1234567", MOMENT + timedelta(microseconds=123456)),
        ("29.02.2024", datetime(2024, 2, 29) + END_OF_DAY),
        ("1900-01-01", datetime(1900, 1, 1) + END_OF_DAY),
        ("2199-12-31", datetime(2199, 12, 31) + END_OF_DAY),
    ],
)
def test_dates(text: str, moment: datetime) -> None:
    assert parse_date(text) == moment


def test_an_ambiguous_date_follows_day_first_and_a_plain_one_does_not() -> None:
    assert parse_date("3/4/2026", day_first=True).month == 4
    assert parse_date("3/4/2026", day_first=False).month == 3
    for day_first in (True, False):
        assert parse_date("31/1/2026", day_first=day_first).day == 31
        assert parse_date("1/31/2026", day_first=day_first).day == 31
        assert parse_date("2026-03-04", day_first=day_first).month == 3


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026", "2026-11", "30.02.2026", "29.02.2025", "2026-13-40", "13/13/2026",
     "1899-12-31",
     "2200-01-01", "2026-11-05 25:00", "2026-11-05 9:61", "5/11/2026 13:00 pm", "2026-11-05 x",
     "2026-11-05T09:30:00+99:00", "5 Foo 2026", "20261305", "1.5", "12:30"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="must be a date"):
        parse_date(text)


@quick
@given(
    moment=st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)),
    minutes=st.integers(-14 * 60, 14 * 60),
    digits=st.sampled_from(SCRIPTS),
)
def test_a_moment_reads_the_same_in_any_zone_and_script(
    moment: datetime, minutes: int, digits: str
) -> None:
    zoned = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_date(in_script(zoned.isoformat(), digits)) == moment


def test_words_are_folded() -> None:
    assert tidy(" a\u00a0 b\n") == "a b"
    assert tidy("ﬁｘ") == "fix"


@pytest.mark.parametrize(
    "sign", "\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\u00ad\ufe0f"
)
def test_signs_that_nobody_sees_change_no_value(sign: str) -> None:
    for text in ("Web form", "1403", "2025-01-02", "یاس"):
        for at in range(len(text) + 1):
            assert visible(text[:at] + sign + text[at:]) == text
    assert parse_number(f"{sign}2560{sign}") == 2560.0
    assert parse_date(f"{sign}2025-01-02 16:00{sign}") == datetime(2025, 1, 2, 16)
    assert parse_boolean(f"yes{sign}") == 1.0


@pytest.mark.parametrize("space", "\u00a0\u202f\u2009\u3000")
def test_spaces_of_every_width_are_one(space: str) -> None:
    assert visible(f"{space}lead{space} source{space}") == "lead source"


def test_joiners_stay_only_inside_words() -> None:
    inside = "می\u200cخواهد"
    assert visible(f"{inside}\u200c") == visible(f"\u200c{inside}") == inside
    assert visible(f"{inside}\u200c \u200cکتاب") == f"{inside} کتاب"
    assert visible("می\u200c\u200cخواهد") == inside
    assert visible("lead\u200csource") == "leadsource"


def test_arabic_and_persian_letters_and_digits_are_one() -> None:
    assert tidy("مشتري كليدي ٤٥") == tidy("مشتری کلیدی ۴۵") == "مشتری کلیدی 45"
    assert tidy("تهرانى") == tidy("تهرانی")
    assert tidy("مـشـتـری") == "مشتری"


def col(kind: str, **more: Any) -> Column:
    return Column("x", kind, **more)


@pytest.mark.parametrize(
    ("column", "raw", "value"),
    [
        (col("number"), "1,5", "wrong"),
        (col("number", decimal=","), "1,5", 1.5),
        (col("number"), 5, 5.0),
        (col("number"), True, "wrong"),
        (col("number"), " n/A ", None),
        (col("number"), None, None),
        (col("number"), math.inf, "wrong"),
        (col("number"), math.nan, "wrong"),
        (col("number"), 10**400, "wrong"),
        (col("number"), ["1"], "wrong"),
        (col("number", missing=("999",)), "999.0", None),
        (col("number", missing=("999",)), 999, None),
        (col("number", missing=("999",)), "998", 998.0),
        (col("number", missing=("0",)), 0, None),
        (col("number", missing=("0",)), "0.0", None),
        (col("number", missing=("99,9",), decimal=","), 99.9, None),
        (col("boolean"), "بله", 1.0),
        (col("boolean"), False, 0.0),
        (col("boolean"), 0.0, 0.0),
        (col("boolean"), 2, "wrong"),
        (col("boolean"), "maybe", "wrong"),
        (col("boolean"), "N/A", None),
        (col("date"), "3/4/2026", datetime(2026, 4, 3) + END_OF_DAY),
        (col("date", day_first=False), "3/4/2026", datetime(2026, 3, 4) + END_OF_DAY),
        (col("date"), date(2026, 3, 4), datetime(2026, 3, 4) + END_OF_DAY),
        (col("date"), datetime(2026, 3, 4, 5), datetime(2026, 3, 4, 5)),
        (col("date"), datetime(2026, 3, 4, 5, tzinfo=EAST), datetime(2026, 3, 4, 2)),
        (col("date"), datetime.min.replace(tzinfo=EAST), "wrong"),
        (col("date"), 20260304, datetime(2026, 3, 4) + END_OF_DAY),
        (col("date"), 1772582400, datetime(2026, 3, 4)),
        (col("date", epoch="excel"), 46085.5, datetime(2026, 3, 4, 12)),
        (col("date", calendar="jalali"), "1404/12/13", datetime(2026, 3, 4) + END_OF_DAY),
        (col("date"), 2026, "wrong"),
        (col("date"), "n/a", None),
        (col("category"), "  A  b ", "A b"),
        (col("category"), 5.0, "5"),
        (col("category"), 5.5, "5.5"),
        (col("category"), True, "true"),
        (col("category"), math.inf, "wrong"),
        (col("category"), {}, "wrong"),
        (col("category"), "SELECT", None),
        (col("email"), " a@x.com ", "a@x.com"),
    ],
)  # fmt: skip
def test_reading_one_value(column: Column, raw: Any, value: Any) -> None:
    read = reader(column, ("", "n/a", "Select"))
    if value == "wrong":
        with pytest.raises(ValueError, match="must"):
            read(raw)
    elif value is None and column.type in ("number", "boolean"):
        found = read(raw)
        assert isinstance(found, float)
        assert math.isnan(found)
    else:
        found = read(raw)
        assert found == value
        assert type(found) is type(value)


@quick
@given(
    text=st.text(max_size=20),
    kind=st.sampled_from(["number", "boolean", "date"]),
)
def test_no_refusal_quotes_the_value(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"^must be") as refusal:
        reader(col(kind), ("",))(f"secret{text}secret")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("decimal", [".", ","])
def test_many_numbers_read_at_once_as_each_of_them_alone(decimal: str) -> None:
    rng = np.random.default_rng(3)
    cells = [repr(float(value)) for value in rng.lognormal(5, 4, 700)]
    cells += [f"{value:.3f}" for value in rng.normal(0, 900, 700)]
    cells += [
        "-9",
        "007",
        "1,5",
        "$5",
        "1e3",
        "",
        "x",
        "1,234",
        "1.234",
        "9" * 400,
        "n/a",
        " 7",
        "0",
    ]
    column = Column("x", "number", decimal=decimal, missing=("-9",))
    read = reader(column, ("n/a", ""))
    values, wrong = read_columns([pa.chunked_array([cells])], column, ("n/a", ""))
    for cell, value, is_wrong in zip(cells, values, wrong, strict=True):
        if is_wrong:
            with pytest.raises(ValueError, match="must be a"):
                read(cell)
        else:
            np.testing.assert_array_equal(value, read(cell), err_msg=cell)
