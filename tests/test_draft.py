"""A drafted schema: types, missing words, id, order and target guessed from the values."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.draft import draft_schema
from scoring_ml.data.draft_column import ASSUMED
from scoring_ml.data.drafting.look import look_at
from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.schema import Column, Order, Schema
from scoring_ml.data.values.moments import moment_of
from scoring_ml.data.values.typed import reader
from scoring_ml.errors import InputError
from tests.data_files import data_file, frame_of

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
ROWS = 60


def turns(*values: Any, rows: int = ROWS) -> list[Any]:
    return [values[row % len(values)] for row in range(rows)]


def draft(**columns: list[Any]) -> Schema:
    return draft_schema(data_file({**columns, "won": turns("1", "0")}), target="won")


def column(cells: list[Any], name: str = "x") -> Column:
    return draft(**{name: cells})[name]


def every_cell_reads(file: DataFile, schema: Schema) -> None:
    for item in schema.columns:
        if any(finding.grade == "ask" for finding in item.audit):
            continue
        read = reader(item, schema.missing)
        for cell in set(frame_of(file)[item.name]):
            read(cell)


names = [
    f"{first} {last}" for first in ("Anna", "Oleg", "Sara") for last in map(chr, range(65, 85))
]
stories = [
    f"Wants to know whether the course number {row} can be paid in parts" for row in range(60)
]
numbers = [f"+7 495 {row:03d}-45-67" for row in range(60)]


# "last" keeps a date from becoming the order, which is no column of the schema.
@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", turns("1", "2", "3.5", ""), "number"),
        ("x", turns("12,5", "7", "3,25"), "number"),
        ("x", turns("1.234,5", "7"), "number"),
        ("x", turns("۱۲", "۳٫۵"), "number"),
        ("x", turns("$1,200", "$900"), "number"),
        ("x", turns(1, 2.5, None), "number"),
        ("x", turns("0", "1", ""), "boolean"),
        ("x", turns("yes", "No", "n/a"), "boolean"),
        ("x", turns("да", "нет"), "boolean"),
        ("x", turns("بله", "خیر"), "boolean"),
        ("x", turns(True, False, None), "boolean"),
        ("x", turns("yes", "no", "unknown"), "boolean"),
        ("last x", turns("2026-11-22", "2026-01-02 10:00"), "date"),
        ("last x", turns("22.11.2026", "1.2.2026"), "date"),
        ("last x", turns("20261122", "20250131"), "date"),
        ("last x", turns(dt.datetime(2026, 11, 22), dt.datetime(2025, 1, 1)), "date"),
        ("x", turns("a@x.com", "b@y.org", "none"), "email"),
        ("x", turns(*numbers[:9], "call me"), "phone"),
        ("Phone", turns("4951234567", "4957654321"), "phone"),
        ("x", turns("4951234567", "4957654321"), "number"),
        ("x", turns("01234", "99999"), "category"),
        ("x", turns("A", "B", "C"), "category"),
        ("x", turns("yes", "no", "maybe"), "category"),
        ("x", [f"a{row:04x}" for row in range(59)] + [""], "id"),
        ("x", names, "text"),
        ("First name", turns("Anna", "Oleg", "Sara"), "text"),
        ("Campaign name", turns("May", "June", "July"), "category"),
        ("x", stories, "text"),
    ],
)
def test_types(name: str, cells: list[Any], kind: str) -> None:
    found = column(cells, name)
    assert found.type == kind
    assert found.use == (kind not in ("id", "text"))
    assert found.known == "at_creation"
    assert found.reason.endswith(ASSUMED)


@pytest.mark.parametrize(
    ("cells", "decimal", "says"),
    [
        (turns("1.5", "2"), ".", None),
        (turns("1,5", "2"), ",", "decimal comma"),
        (turns("1,234", "2"), ".", "ambiguous: 1,234 is read as 1234"),
        (turns("1,234", "1,234,567"), ".", None),
        (turns("1,234", "2.5"), ".", None),
        (turns("0,003 млн", "1,972 млн"), ",", "decimal comma"),
        (turns("1.234,5", "2"), ",", "decimal comma"),
    ],
)
def test_the_decimal_sign(cells: list[str], decimal: str, says: str | None) -> None:
    found = column(cells)
    assert (found.type, found.decimal) == ("number", decimal)
    assert found.reason.startswith(says or ASSUMED)


@pytest.mark.parametrize(
    ("cells", "day_first", "says"),
    [
        (turns("3/4/2026", "31/1/2026"), True, None),
        (turns("3/4/2026", "1/31/2026"), False, "month first"),
        (
            turns("3/4/2026", "5/6/2026"),
            True,
            "no date shows whether",
        ),
        (turns("31/1/2026", "2/28/2026"), True, "the day is first in"),
        (turns("1.735E+12", "1.736E+12"), None, "a spreadsheet has shortened"),
        (turns("4/4/2026", "2026-01-31"), None, None),
    ],
)
def test_day_or_month_first(cells: list[str], day_first: bool | None, says: str | None) -> None:
    found = column(cells, "last seen")
    assert (found.type, found.day_first) == ("date", day_first)
    assert (says or ASSUMED) in " ".join([found.reason, *(item.text for item in found.audit)])
    assert found.use == (says in (None, "month first"))
    order = draft(created=cells).order
    assert (order.by, order.column, order.day_first) == ("time", "created", day_first)
    assert (says or "creation") in " ".join([order.reason, *(item.text for item in order.audit)])


def test_columns_without_anything_to_say_are_unused() -> None:
    for cells, says in ((turns("", "n/a"), "no row has a value"), (turns("No"), "same value")):
        found = column(cells)
        assert not found.use
        assert says in found.reason
    assert column(turns("Yes", "")).use


def test_missing_words_are_those_that_occur() -> None:
    assert draft(x=turns("A", "B")).missing == ("",)
    assert draft(x=turns("A", "N/A", "N/A", "n/a"), y=turns("5", "6", "-")).missing == (
        "",
        "N/A",
        "-",
    )


def test_a_placeholder_in_three_columns_is_missing_everywhere() -> None:
    cells = turns("Select", "A", "B")
    assert draft(a=cells, b=cells, c=cells).missing == ("", "Select")
    assert draft(a=cells, b=cells).missing == ("",)
    assert draft(a=cells, b=cells)["a"].missing == ()
    # "Other" is an answer, however often it occurs.
    other = turns("Other", "A", "B")
    assert draft(a=other, b=other, c=other).missing == ("",)


def test_a_word_that_says_unknown_is_missing_in_its_column() -> None:
    for word in ("unknown", "Not specified", "не указано", "نامشخص", "-- not set --"):
        found = column(turns("A", "B", word))
        assert found.missing == (word,)
        assert "read as not known" in found.reason


def test_an_odd_word_among_numbers_is_missing() -> None:
    found = column([*turns("1", "2", "7", rows=57), "tbd", "tbd", "ask"])
    assert (found.type, set(found.missing)) == ("number", {"tbd", "ask"})
    assert "2 odd word(s)" in found.reason
    assert "tbd" not in found.reason


def asked(found: Column) -> str:
    """Return what is asked about a drafted column, which is left out until it is decided."""
    assert (found.use, found.known) == (False, "unknown")
    (finding,) = (item for item in found.audit if item.grade == "ask")
    assert finding.probe == "reading"
    return finding.text


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([*turns("1", "2", "7", rows=50), *turns("tbd", rows=10)], "83 % of x reads as a number"),
        ([*turns("1", "2", "7", rows=56), *["9.3q"] * 4], "'9.3q' on line 58 does not"),
        ([*turns("1", "2", "3", rows=50), *["4+"] * 10], "'4+' on line 52 does not"),
        ([*["no idea"] * 20, *turns("1", "2", rows=40)], "66 % of x reads as a number; 'no idea'"),
        ([*turns("1", "2", rows=50), *["jane@example.org"] * 10], "a text on line 52 does not"),
    ],
)
def test_what_is_almost_a_number_is_asked_about(cells: list[str], says: str) -> None:
    found = column(cells)
    assert found.type == "number"
    assert says in asked(found)


def test_a_rare_cell_that_is_almost_a_number_is_missing_and_noted() -> None:
    found = column([*turns("1", "2", "7", rows=199), "12..5"])
    assert (found.type, found.use, found.missing) == ("number", True, ("12..5",))
    assert [item.grade for item in found.audit] == ["note"]
    assert "99 % of x reads as a number; '12..5' on line 201 does not" in found.audit[0].text


def test_fewer_numbers_than_words_are_categories() -> None:
    found = column([*turns("1", "2", rows=30), *turns("few", "many", rows=30)])
    assert (found.type, found.use, found.audit) == ("category", True, ())


@pytest.mark.parametrize(
    ("cells", "currency"),
    [
        (turns("$2.6k", "$12k", "$900"), "USD"),
        (turns("USD 2,560.00", "USD 12.00"), "USD"),
        (turns("2560|EUR", "12|EUR", ""), "EUR"),
        (turns("۲۵۰ هزار تومان", "۲ میلیون تومان"), "IRT"),
        (turns("(440)", "2,014"), None),
    ],
)
def test_amounts_keep_their_currency(cells: list[str], currency: str | None) -> None:
    found = column(cells)
    assert (found.type, found.use, found.currency) == ("number", True, currency)


def test_amounts_without_a_currency_are_taken_to_be_in_that_of_the_others() -> None:
    found = column(turns("$1,200", "900"))
    assert found.currency == "USD"
    assert "without a currency are taken to be in USD" in found.reason


def test_amounts_of_several_currencies_are_asked_about() -> None:
    found = column(turns("10 USD", "12 USD", "9 EUR"))
    assert (found.type, found.currency) == ("number", "USD")
    assert "USD (40 rows), EUR (20 rows)" in asked(found)


def test_a_percent_sign_beside_shares_means_hundredths() -> None:
    found = column(turns("45%", "0.13", "0.6", "7%"))
    assert (found.type, found.use, found.hundredths) == ("number", True, True)
    assert "45% is read as 0.45" in found.audit[0].text
    for cells in (turns("45%", "7%"), turns("45%", "13")):
        found = column(cells)
        assert (found.use, found.hundredths) == (True, False)
    assert "write hundredths" in asked(column(turns("0.5%", "0.7")))


def test_a_point_before_three_digits_everywhere_is_asked_about() -> None:
    assert "1.234" in asked(column(turns("1.234", "12", "7.500")))
    for other in ("0.125", "1.2", "2560", "1,234"):
        assert column(turns("1.234", "12", other)).use


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (turns("0", "3", "6", "12", "27", "999"), ("999",)),
        (turns(0, 3, 6, 12, 27, 999.0), ("999",)),
        (turns("0", "3", "6", "12", "27", "99"), ("99",)),
        (turns("0", "3", "6", "12", "98", "99"), ()),
        (turns("0", "3", "6", "12", "27", "1000"), ()),
        ([*turns("0", "3", "6", "12", "27", rows=56), *turns("999", rows=4)], ()),
        (turns(*map(str, range(10)), "-1"), ("-1",)),
        (turns(*map(str, range(-2, 10))), ()),
        (turns("0", "1", "2", "-1"), ()),
    ],
)
def test_numbers_that_stand_for_nothing_need_evidence(
    cells: list[Any], missing: tuple[str, ...]
) -> None:
    found = column(cells)
    assert (found.type, found.missing) == ("number", missing)
    assert ("far outside" in found.reason) == bool(missing)


def test_the_id_is_unique_and_best_by_its_name() -> None:
    tokens = [f"t{row:03d}" for row in range(ROWS)]
    schema = draft(token=tokens, lead_id=[f"L-{row}" for row in range(ROWS)], code=tokens)
    assert schema.id == "lead_id"
    assert [(c.name, c.type, c.use) for c in schema.columns] == [
        ("token", "id", False),
        ("code", "id", False),
    ]
    assert draft(part_id=[*tokens[:-1], tokens[0]]).id is None


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("contact", turns("cellular", "telephone", "unknown"), "category"),
        ("Contact", turns("Phone Call", "In Person", "Web Form"), "category"),
        ("contact", turns("Jane Roe", "Max Muster", "Ana Diaz"), "text"),
        ("contact", names, "text"),
        ("Customer", turns("new", "returning"), "category"),
        ("customer name", turns("Jane Roe", "Max Muster"), "text"),
        ("owner", turns("Jane Roe", "Max Muster", "Ana Diaz"), "category"),
        ("Ответственный", turns("Анна Ким", "Олег Ли"), "category"),
        ("نام", turns("مریم", "علی"), "text"),
        ("owner_id", turns("17", "23", "4071"), "category"),
        ("source id", turns(3.0, 5.0), "category"),
        ("sessionid", [str(1000 + row // 2) for row in range(ROWS)], "id"),
        ("visitor_uuid", [f"c{row // 3}" for row in range(ROWS)], "id"),
        ("number of employees", [str(row // 2) for row in range(ROWS)], "number"),
    ],
)
def test_people_and_ids_are_told_from_answers(name: str, cells: list[Any], kind: str) -> None:
    found = column(cells, name)
    assert (found.type, found.use) == (kind, kind in ("category", "number"))


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("company_id", True),
        ("Customer", True),
        ("شناسه مشتری", True),
        ("Код клиента", True),
        ("campaign_id", False),
        ("customer type", False),
    ],
)
def test_an_id_that_several_leads_share_is_proposed_as_their_account(
    name: str, account: bool
) -> None:
    cells = [f"C{row // 2}" for row in range(ROWS)]
    schema = draft(**{name: cells, "x": turns("A", "B")})
    assert (schema.account == name) == account
    assert (name in schema.names) == (not account)
    assert draft(**{name: turns("A", "B"), "x": turns("A", "B", "C")}).account is None
    assert draft(**{name: [f"C{row}" for row in range(ROWS)]}).account is None


def test_dates_give_the_order_before_numbers() -> None:
    days = [f"2026-{1 + row // 28:02d}-{1 + row % 28:02d}" for row in range(ROWS)]
    late = [f"2027-{1 + row // 28:02d}-{1 + row % 28:02d}" for row in range(ROWS)]
    schema = draft(
        closed_date=days,
        start=days,
        created_at=late,
        submitted=days,
        number=list(map(str, range(ROWS))),
    )
    assert (schema.order.by, schema.order.column) == ("time", "submitted")
    assert "likeliest of 3" in schema.order.reason
    assert "submitted" not in schema.names
    fuller = draft(created_at=late, submitted=["", *days[1:]])
    assert fuller.order.column == "created_at"
    assert "1 rows have none" in draft(submitted=["", *days[1:]]).order.reason
    assert draft(closed_date=days).order.by == "row"


@pytest.mark.parametrize(
    ("cells", "by", "says"),
    [
        ([str(9000 - 7 * row) for row in range(ROWS)], "number", "falls"),
        ([str(100 + 7 * row) for row in range(ROWS)], "number", "rises"),
        ([100 + 7 * row for row in range(ROWS)], "number", "rises"),
        ([str(1 + row * 7 % 61) for row in range(ROWS)], "number", "dense"),
        ([str(row * 7 % 61 * 1000) for row in range(ROWS)], "row", "nobody has confirmed"),
        ([*map(str, range(ROWS - 1)), "0"], "row", "nobody has confirmed"),
        ([f"{row}.5" for row in range(ROWS)], "row", "nobody has confirmed"),
    ],
)
def test_else_a_unique_number_or_the_rows(cells: list[Any], by: str, says: str) -> None:
    order = draft(**{"Lead No": cells}).order
    assert order.by == by
    assert says in order.reason
    assert order.ascending
    assert order.column == ("Lead No" if by == "number" else None)


@pytest.mark.parametrize(
    ("cells", "won", "lost"),
    [
        (turns("1", "0", ""), ("1",), ("0",)),
        (turns("1.0", "0.0"), ("1.0",), ("0.0",)),
        (turns(1.0, 0.0, None), ("1",), ("0",)),
        (turns(True, False), ("true",), ("false",)),
        (turns("Yes", "No", "n/a"), ("Yes",), ("No",)),
        (turns("WON", "won", "Lost", "Open"), ("WON", "won"), ("Lost",)),
        (turns("Closed Won", "Closed-Lost", "In progress"), ("Closed Won",), ("Closed-Lost",)),
        (turns("converted", "not converted"), ("converted",), ("not converted",)),
        (turns("да", "нет"), ("да",), ("нет",)),
        (turns("Успешная сделка", "Проигранная"), ("Успешная сделка",), ("Проигранная",)),
        (turns("بله", "خیر"), ("بله",), ("خیر",)),
        (turns("قرارداد بسته‌شده", "ازدست‌رفته"), ("قرارداد بسته‌شده",), ("ازدست‌رفته",)),
        (turns("۱", "۰"), ("1",), ("0",)),
    ],
)
def test_outcomes_are_recognised(
    cells: list[Any], won: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    target = draft_schema(data_file({"x": turns("A", "B"), "y": cells}), target="y").target
    assert (target.column, target.won, target.lost) == ("y", won, lost)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (turns("1"), r"'1' \(60 rows\)"),
        (turns("1", ""), r"'1' \(30 rows\)"),
        (turns("", "n/a"), "has .*n/a"),
        (turns(""), "no value"),
        (turns("1", "0", "2"), r"'2' \(20 rows\)"),
        (turns("gold", "iron"), "'gold'"),
        (turns("143", "7001"), "'7001'"),
        (turns("S", "F", "gold"), "'gold'"),
        (turns("won", "lost", "fulfilled"), "'fulfilled'"),
        (list(map(str, range(ROWS))), "60 different values"),
        (turns("a@x.com", "b@x.com"), "2 different values"),
    ],
)
def test_outcomes_that_cannot_be_recognised_are_refused(cells: list[Any], says: str) -> None:
    with pytest.raises(InputError, match=f"both won and lost.*{says}.*--won WORD"):
        draft_schema(data_file({"x": turns("A", "B"), "y": cells}), target="y")


def test_a_target_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no column 'Convertd' in leads\.csv\. Write 'Converted'"):
        draft_schema(data_file({"Converted": ["1", "0"]}), target="Convertd")


def test_words_of_the_target_can_be_given() -> None:
    file = data_file({"x": turns("A", "B"), "y": turns("gold", "iron", "mud")})
    target = draft_schema(file, target="y", won=["Gold"], lost=["iron"]).target
    assert (target.won, target.lost) == (("gold",), ("iron",))
    with pytest.raises(InputError, match="both won and lost"):
        draft_schema(file, target="y", won=["gold"])
    target = draft_schema(file, target="y", won=["gold"], lost=["iron"], still_open=["MUD"]).target
    assert target.open == ("mud",)


@pytest.mark.parametrize(
    ("name", "criterion", "askable"),
    [
        ("Budget", "budget", True),
        ("monthlyBudget", "budget", True),
        ("Бюджет", "budget", True),
        ("بودجه", "budget", True),
        ("job_title", "authority", True),
        ("Decision role", "authority", True),
        ("ЛПР", "authority", True),
        ("تصمیم‌گیر بودن", "authority", True),
        ("زمان تصمیم", "timeline", True),
        ("When will you buy?", "timeline", True),
        ("Срок решения", "timeline", True),
        ("Industry", "industry_fit", True),
        ("Page views", "engagement", False),
        ("time_spent", "engagement", False),
        ("Lead source", "source", False),
        ("utm_medium", "campaign", False),
        ("Срочность потребности", "need_urgency", True),
        ("Do not call", "reachability", False),
        ("Do you own a house", "other", True),
        ("marriage", "other", False),
        ("Unnamed: 37", "other", False),
    ],
)
def test_criteria_are_guessed_from_words_of_the_name(
    name: str, criterion: str, askable: bool
) -> None:
    found = column(turns("A", "B"), name)
    assert (found.criterion, found.askable) == (criterion, askable)


def test_a_number_of_campaigns_is_not_a_campaign() -> None:
    assert column(turns("1", "2", "3"), "campaign").criterion == "other"


def test_the_data_set_is_named_for_its_file() -> None:
    file = data_file({"won": ["1", "0"]}, "My leads.v2.CSV.gz")
    assert draft_schema(file, target="won").dataset == "My leads.v2"
    assert draft_schema(file, target="won", dataset="d").dataset == "d"


cell = st.one_of(
    st.sampled_from(
        [
            "",
            "n/a",
            "unknown",
            "Select",
            "yes",
            "no",
            "1",
            "0",
            "-1",
            "999",
            "1,5",
            "1.234",
            "a@x.com",
        ]
    ),
    st.sampled_from(
        ["3/4/2026", "31/1/2026", "1/31/2026", "20261122", "+7 495 123-45-67", "۱۲", "خیر"]
    ),
    st.integers(-9999, 9999).map(str),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), pool=st.lists(cell, min_size=1, max_size=6), rows=st.integers(2, 30))
def test_every_draft_reads_its_own_file_and_survives_yaml(
    data: st.DataObject, pool: list[str], rows: int
) -> None:
    cells = data.draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows))
    file = data_file({"x": cells, "y": pool[:1] * rows, "won": turns("won", "lost", rows=rows)})
    schema = draft_schema(file, target="won")
    every_cell_reads(file, schema)
    assert Schema.read(schema.dump()) == schema
    named = {c.name for c in schema.columns} | {schema.id, schema.order.column, "won"}
    assert named - {None} == {"x", "y", "won"}


def test_a_file_of_two_rows_is_drafted() -> None:
    assert draft_schema(data_file({"id": ["1", "2"], "won": ["1", "0"]}), target="won").id == "id"


@pytest.fixture(params=["x-education-leads.csv", "bank-additional-full.csv"])
def real(request: pytest.FixtureRequest) -> tuple[DataFile, Schema]:
    path = DATA / request.param
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    file = read_table(path)
    target = "Converted" if "Converted" in file.facts.columns else "y"
    return file, draft_schema(file, target=target)


def test_real_files(real: tuple[DataFile, Schema]) -> None:
    file, schema = real
    every_cell_reads(file, schema)
    if schema.dataset == "x-education-leads":
        assert schema.missing == ("", "Select")
        assert (schema.order.by, schema.order.column, schema.order.ascending) == (
            "number",
            "Lead Number",
            True,
        )
        assert schema.id == "Prospect ID"
        assert not schema["Unnamed: 37"].use
        assert not schema["Magazine"].use
        assert (schema.target.won, schema.target.lost) == (("1",), ("0",))
        assert schema["TotalVisits"].type == "number"
    else:
        assert schema.missing == ("", "unknown")
        assert (schema.order.by, schema.id) == ("row", None)
        assert schema["pdays"].missing == ("999",)
        assert schema["age"].missing == ()
        assert schema["housing"].type == "boolean"
        assert (schema.target.won, schema.target.lost) == (("yes",), ("no",))


def test_dates_of_a_file_read_as_the_draft_says() -> None:
    cells = turns("3/4/2026 10:00", "1/31/2026 9:00")
    schema = draft(submitted=cells)
    assert moment_of(cells[0], schema.order) == moment_of(dt.datetime(2026, 3, 4, 10))


def doubts(order: Order) -> str:
    return "; ".join(item.text for item in order.audit if item.grade == "ask")


def test_an_order_of_rows_is_asked_about() -> None:
    order = draft(x=turns("A", "B")).order
    assert order.by == "row"
    assert "no column gives an order of time" in doubts(order)
    unread = draft(created_at=turns("week 3 of spring", "week 4 of spring", "later")).order
    assert unread.by == "row"
    assert "created_at looks like the moment of creation and cannot be read" in doubts(unread)
    numbers = [str(at) for at in range(60)]
    counted = draft(created_at=turns("week 3", "week 4"), number=numbers).order
    assert counted.by == "number"
    assert "created_at looks like" in doubts(counted)
    assert doubts(draft(created_at=turns("2026-03-04", "2026-03-05")).order) == ""


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (turns("1403/10/13", "1403/10/14"), {"calendar": "jalali"}),
        (turns("45829.79", "45830"), {"epoch": "excel"}),
        (turns("1735833600000", "1735833700000"), {"epoch": "milliseconds"}),
        (turns("Thu, 02 Jan 2025 16:00:00 GMT", "Fri, 03 Jan 2025 16:00:00 GMT"), {}),
        (turns("2025-01-02 16:00:00 EST", "2025-01-03 16:00:00 EST"), {}),
        (turns("\u200e31/01/2025", "\u200e01/02/2025"), {"day_first": True}),
    ],
)
def test_the_draft_states_the_form_of_dates(cells: list[str], keys: dict[str, Any]) -> None:
    order = draft(created_at=cells).order
    assert (order.by, order.column) == ("time", "created_at")
    assert {name: value for name, value in order.date_keys.items() if value} == keys
    found = column(cells, "last seen")
    assert found.type == "date"
    assert found.use
    assert {name: value for name, value in found.date_keys.items() if value} == keys


def test_numbers_are_dates_by_their_name_or_size() -> None:
    assert column(turns("45829.79", "45830"), "budget").type == "number"
    assert column(turns("1735833600", "1735833700"), "x").type == "number"
    assert column(turns("1735833600", "1735833700"), "last seen on").type == "date"
    assert column(turns("1735833600000", "1735833700000"), "last x").type == "date"


def test_what_is_almost_a_date_is_asked_about() -> None:
    cells = [f"2026-03-{day:02}" for day in range(1, 29)] * 2 + ["soon", "later", "x", "y"]
    found = column(cells, "last seen")
    assert (found.type, found.use, found.known) == ("date", False, "unknown")
    assert "93 % of last seen reads as a date; 'soon' on line 58 does not" in found.audit[0].text
    zone = column(turns("2025-01-02 16:00 CST", "2025-01-03 16:00 CST"), "last seen")
    assert (zone.type, zone.use) == ("date", False)
    assert "the zone CST has several meanings" in zone.audit[0].text


def test_placeholders_are_missing_in_the_draft() -> None:
    found = column(turns("0000-00-00", "2026-03-04", "0000-00-00", "2026-03-05"), "demo date")
    assert (found.type, found.use, found.missing) == ("date", True, ("0000-00-00",))
    assert [item.grade for item in found.audit] == ["note"]
    order = draft(created_at=[*turns("2026-03-04", "2026-03-05")[:50], *["1970-01-01"] * 10]).order
    assert (order.by, order.missing) == ("time", ("1970-01-01",))


@pytest.mark.parametrize(
    ("cells", "x_means", "asked"),
    [
        (turns("x", "", ""), 1.0, False),
        (turns("X", ""), 1.0, False),
        (turns("х", "", ""), 1.0, False),  # the Cyrillic letter
        (turns("x", "no"), 1.0, False),
        (turns("✓", "x"), 0.0, False),
        (turns("yes", "x"), 0.0, False),
        (turns("yes", "x", ""), 0.0, True),
        (turns("yes", "no", "x"), 0.0, True),
    ],
)
def test_a_lone_x_is_a_tick(cells: list[str], x_means: float, asked: bool) -> None:
    found = column(cells)
    cross = next(cell for cell in cells if cell.casefold() in "xх" and cell)
    assert (found.type, reader(found, ("",))(cross)) == ("boolean", x_means)
    assert (not found.use) == asked
    assert [item.grade for item in found.audit] == ["ask"] * asked


@pytest.mark.parametrize(
    ("name", "cells", "asked"),
    [
        ("budget", turns("3m", "1m", "2m"), False),
        ("size", turns("3m", "500k", "2.5m"), False),
        ("size", turns("$3m", "$1m"), False),
        ("size", turns("3m", "6m", "12m"), True),
        ("timeline", turns("3m", "500k"), True),
        ("budget", [*turns("3m", "6m")[:48], *["1 year"] * 12], True),
        ("срок", turns("3м", "6м"), False),  # no millions: words as before
    ],
)
def test_months_may_be_meant_by_m(name: str, cells: list[str], asked: bool) -> None:
    found = column(cells, name)
    asks = [item.text for item in found.audit if "may count months" in item.text]
    assert bool(asks) == asked
    if asked:
        assert "is read as millions" in asks[0]
        assert (found.type, found.use) == ("number", False)


def test_values_that_differ_in_case_alone_are_noted() -> None:
    found = column(turns("Email", "email", "Email", "Web"))
    assert (found.type, found.use) == ("category", True)
    (note,) = found.audit
    assert note.grade == "note"
    assert "'Email' (30 rows) and 'email' (15 rows)" in note.text
    assert column(turns("Email", "Web")).audit == ()


@pytest.mark.parametrize(
    ("cells", "grade"),
    [
        (turns("12 pcs", "40 pcs", "7 pcs"), "note"),
        ([f"{number} pcs" for number in range(1, ROWS + 1)], "ask"),
        (turns("00:03:25", "00:10:05"), "note"),
        ([f"[{day:02}/Jan/2025:10:00:00]" for day in range(1, 31)] * 2, "ask"),
        (turns("~2500", "> 5000", "700+", "<1000"), "note"),
        (turns("1.234,50", "1,234.50"), "note"),
        (turns("1-10", "11-50", "51-200"), None),
        (turns("Web", "Phone"), None),
        (turns("01234", "90210"), None),
    ],
)
def test_words_that_look_like_something_else_are_told(cells: list[str], grade: str | None) -> None:
    found = column(cells, "last x")
    assert [item.grade for item in found.audit] == ([grade] if grade else [])
    if grade:
        assert "are read as words, so that their order is lost" in found.audit[0].text


def test_one_column_s_proof_of_the_month_helps_the_others_of_its_file() -> None:
    proof, open_day = turns("12/31/2025", "01/02/2025"), turns("3/4/2025", "5/6/2025")
    found = draft(created_at=proof, **{"last seen": open_day})["last seen"]
    assert (found.day_first, found.use, found.audit) == (False, True, ())
    assert "month first, as created_at shows (30 row(s), the first 12/31/2025" in found.reason
    assert not draft(created_at=turns("2025-01-02"), **{"last seen": open_day})["last seen"].use
    both = draft(a=turns("31/12/2025", "1/2/2025"), b=proof, **{"last seen": open_day})
    assert not both["last seen"].use, "columns that differ prove nothing of a third"


def test_a_finding_names_the_line_of_the_file(tmp_path: Path) -> None:
    rows = [f"{row};{row * 37};{row % 2}" for row in range(40)]
    rows[20] = "20;9.3x;0"
    rows.insert(10, ";;")
    text = "\n".join(["Leads report", "", "lead;budget;won", *rows]) + "\n"
    (tmp_path / "leads.csv").write_text(text, encoding="utf-8")
    schema_lines = text.splitlines()
    look = look_at("budget", *_column(tmp_path / "leads.csv", "budget"))
    assert look.line("9.3x") == schema_lines.index("20;9.3x;0") + 1


def _column(path: Path, name: str) -> tuple[Any, Any]:
    file = read_table(path)
    return file.table.column(name), file.facts.line_of


@pytest.mark.parametrize(("name", "chosen"), [("Lead ID", True), ("id", True), ("part", False)])
def test_an_id_that_repeats_in_a_few_rows_is_the_id(name: str, chosen: bool) -> None:
    ids = [f"L-{row % 50}" for row in range(ROWS)]
    deals = [f"D-{row}" for row in range(ROWS)]
    assert draft(**{name: ids}).id == (name if chosen else None)
    if name == "Lead ID":
        assert draft(**{"deal id": deals, name: ids}).id == name
    assert draft(**{name: [f"L-{row % 20}" for row in range(ROWS)]}).id is None
