"""Moments: columns read as single texts are, zones, changes of clocks, Unix times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from scoring_ml.data.history import History
from scoring_ml.data.schema import Column
from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.moments import (
    DateForm,
    form_evidence,
    local_days,
    local_to_utc,
    moment_of,
    placeholder_texts,
    read_clock,
    read_moments,
    utc_micros,
)
from scoring_ml.data.values.moments.form import ColumnDates
from scoring_ml.data.values.moments.machine_forms import read_machine_forms
from scoring_ml.data.values.typed import read_columns, reader
from scoring_ml.features.lead_entries import read_cells

EPOCH = datetime(1970, 1, 1)


def micro(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone is UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) // timedelta(microseconds=1)


def utc(*parts: int) -> int:
    return micro(datetime(*parts))


# Pieces of which most of the texts are moments, and the rest nearly so.
DAYS = st.one_of(
    st.dates(date(1898, 1, 1), date(2201, 1, 1)).flatmap(
        lambda day: st.sampled_from(
            [
                day.isoformat(),
                f"{day:%Y/%m/%d}",
                f"{day:%d.%m.%Y}",
                f"{day:%m/%d/%Y}",
                f"{day:%d %m %Y}",
                f"{day:%Y%m%d}",
                f"{day.day}.{day.month}.{day.year}",
                f"{day:%d}-{day:%b}-{day.year}",
            ]
        )
    ),
    st.sampled_from(["2026-02-30", "2026-13-01", "31.04.2026", "2026-1-1", "1900-01-01"]),
)
CLOCKS = st.sampled_from(
    [
        "",
        " 09:30",
        "T09:30",
        "t09:30:05",
        " 9:30",
        " 09:30:05",
        "T23:59:59.999",
        " 23:59:59.123456",
        " 23:59:59.1234567",
        " 24:00",
        " 09:60",
        " 09:30:60",
        " 09:30 pm",
        "T09",
        " 00:00:00,5",
    ]
)
ZONES = st.sampled_from(
    ["", "Z", "z", " UTC", "+03:30", "-0800", "+03", "+23:59", "+24:00", "+00:61", " +03:30"]
)
TEXTS = st.builds("".join, st.tuples(DAYS, CLOCKS, ZONES))


@settings(max_examples=600, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8), day_first=st.booleans())
@example(texts=["1900-01-01 00:00:00+03:30"], day_first=True)
@example(texts=["2199-12-31T23:59:59-03:30"], day_first=True)
@example(texts=["2026-11-22T09:30:00+00:61"], day_first=True)
def test_a_column_is_read_as_each_of_its_texts_alone(texts: list[str], day_first: bool) -> None:
    form = DateForm(day_first=day_first)
    read = read_moments(pa.array(texts), form)
    for at, text in enumerate(texts):
        try:
            expected = read_clock(text, form).reading
        except ValueError:
            assert read.wrong[at], text
            assert read.values[at] == 0
        else:
            assert not read.wrong[at], text
            assert read.values[at] == expected, text
            assert read.whole_day[at] == (":" not in text)
    assert not read.missing.any()


def test_the_fast_way_takes_the_forms_that_machines_write() -> None:
    texts = [
        "2026-11-22",
        "22.11.2026",
        "2026-11-22 09:30",
        "2026-11-22T09:30:05",
        "2026-11-22 09:30:05.123456",
        "2026-11-22T09:30:05Z",
        "2026-11-22T09:30:05.123Z",
        "2026-11-22T09:30:05+03:30",
        "2026-11-22T09:30:05.123456+03:30",
    ]
    assert read_machine_forms(pa.array(texts), DateForm()).done.all()
    others = ["22 Nov 2026", "2026-11-22 9:30", "2026-11-22T09:30:05+0330", "2026-11-31", "", "x"]
    assert not read_machine_forms(pa.array(others), DateForm()).done.any()


@settings(max_examples=300, deadline=None)
@given(
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)),
    zone=st.sampled_from(
        ["Europe/Berlin", "Asia/Tehran", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
    ),
)
@example(moment=datetime(2025, 3, 30, 2, 30), zone="Europe/Berlin")
@example(moment=datetime(2025, 10, 26, 2, 30), zone="Europe/Berlin")
@example(moment=datetime(2021, 3, 22, 0, 30), zone="Asia/Tehran")
@example(moment=datetime(2021, 9, 21, 23, 30), zone="Asia/Tehran")
def test_local_time_agrees_with_the_zones_of_python(moment: datetime, zone: str) -> None:
    """PEP 495: the two folds differ where a local time exists twice or not at all."""
    tz = ZoneInfo(zone)
    early, late = (moment.replace(tzinfo=tz, fold=fold) for fold in (0, 1))
    values, skipped, twice = local_to_utc(np.array([micro(moment)]), zone)
    if early.utcoffset() == late.utcoffset():
        assert values[0] == micro(early)
        assert not skipped[0]
        assert not twice[0]
        return
    back = late.astimezone(UTC).astimezone(tz).replace(tzinfo=None)
    assert skipped[0] == (back != moment)
    assert twice[0] == (back == moment)
    if twice[0]:
        assert values[0] == micro(late)
    else:
        # The first moment after the gap lies between the two readings.
        assert micro(late) <= values[0] <= micro(early)
        after = datetime.fromtimestamp(values[0] / 1e6, tz)
        before = datetime.fromtimestamp(values[0] / 1e6 - 1, tz)
        assert after.utcoffset() > before.utcoffset()


@pytest.mark.parametrize(
    ("text", "expected", "skipped", "twice"),
    [
        # Clocks go from 02:00 to 03:00, which is 01:00 UTC.
        ("2025-03-30 01:59:59", utc(2025, 3, 30, 0, 59, 59), False, False),
        ("2025-03-30 02:00:00", utc(2025, 3, 30, 1), True, False),
        ("2025-03-30 02:59:59", utc(2025, 3, 30, 1), True, False),
        ("2025-03-30 03:00:00", utc(2025, 3, 30, 1), False, False),
        # Clocks go from 03:00 back to 02:00: the later of the two counts.
        ("2025-10-26 01:59:59", utc(2025, 10, 25, 23, 59, 59), False, False),
        ("2025-10-26 02:00:00", utc(2025, 10, 26, 1), False, True),
        ("2025-10-26 02:59:59", utc(2025, 10, 26, 1, 59, 59), False, True),
        ("2025-10-26 03:00:00", utc(2025, 10, 26, 2), False, False),
        # A moment with its own offset keeps it, whatever the zone's clocks do.
        ("2025-10-26 02:30:00+02:00", utc(2025, 10, 26, 0, 30), False, False),
        ("2025-03-30T02:30:00Z", utc(2025, 3, 30, 2, 30), False, False),
    ],
)
def test_changes_of_clocks_in_berlin(text: str, expected: int, skipped: bool, twice: bool) -> None:
    read = read_moments(pa.array([text]), timezone="Europe/Berlin")
    assert (read.values[0], read.skipped[0], read.twice[0]) == (expected, skipped, twice)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", utc(2026, 3, 4, 23, 59, 59, 999_999)),
        ("Asia/Tehran", utc(2026, 3, 4, 20, 29, 59, 999_999)),
        ("America/New_York", utc(2026, 3, 5, 4, 59, 59, 999_999)),
    ],
)
def test_a_date_is_known_at_the_end_of_that_day_there(zone: str, expected: int) -> None:
    for column in (pa.array(["2026-03-04"]), pa.array([date(2026, 3, 4)])):
        read = read_moments(column, timezone=zone)
        assert read.values[0] == expected
        assert read.whole_day[0]


def test_every_type_of_column_says_the_same() -> None:
    moments = [datetime(2026, 3, 4, 5, 6, 7), None, datetime(2001, 9, 9, 1, 46, 40)]
    expected = [0 if moment is None else micro(moment) for moment in moments]
    seconds = pa.array([None if moment is None else micro(moment) // 10**6 for moment in moments])
    columns = {
        "text": pa.array([None if m is None else m.isoformat() for m in moments]),
        "large": pa.array([None if m is None else f"{m}" for m in moments], pa.large_string()),
        "empty": pa.array(["" if m is None else f" {m} " for m in moments]),
        "s": pa.array(moments, pa.timestamp("s")),
        "ms": pa.array(moments, pa.timestamp("ms", "UTC")),
        "us": pa.array(moments, pa.timestamp("us", "Asia/Tehran")),  # its zone is for show
        "ns": pa.array(moments, pa.timestamp("ns")),
        "seconds": seconds,
        "milliseconds": pa.array([None if s is None else s * 1000 for s in seconds.to_pylist()]),
        "float": seconds.cast(pa.float64()),
        "microseconds as text": pa.array(
            [None if s is None else str(s * 10**6) for s in seconds.to_pylist()]
        ),
        "persian": pa.array([None, None, "۲۰۰۱-۰۹-۰۹ ۰۱:۴۶:۴۰"]),
    }
    columns["dictionary"] = columns["text"].dictionary_encode()
    columns["dictionary with nulls"] = pa.DictionaryArray.from_arrays(
        pa.array([0, None, 1], pa.int8()), pa.array([str(moments[0]), str(moments[2])])
    )
    for name, column in columns.items():
        read = read_moments(column)
        at = [2] if name == "persian" else [0, 1, 2]
        assert read.values[at].tolist() == [expected[place] for place in at], name
        assert read.missing[1], name
        assert not read.wrong.any(), name
        both = pa.chunked_array([column[:1], column[1:]])
        assert read_moments(both).values.tolist() == read.values.tolist(), name


def test_what_is_no_moment_is_wrong_and_what_is_not_known_is_missing() -> None:
    texts = ["n/a", " N/A ", "", None, "soon", "2026-02-29", "123", "99999999999", "1899-12-31"]
    read = read_moments(pa.array(texts), missing=("", "n/a"))
    assert read.missing.tolist() == [True] * 4 + [False] * 5
    assert read.wrong.tolist() == [False] * 4 + [True] * 5
    assert read.usable.tolist() == [False] * 9
    for column in (
        pa.array([-1.5e9, -1.0, np.inf, 5.0]),
        pa.array([True, False]),
        pa.array([datetime(1899, 1, 1), datetime(2200, 1, 1)], pa.timestamp("ms")),
        pa.array([2**62], pa.timestamp("s")),
    ):
        assert read_moments(column).wrong.all()
    assert read_moments(pa.nulls(2)).missing.all()
    assert len(read_moments(pa.chunked_array([], pa.string()))) == 0


def test_slices_are_read_where_they_lie() -> None:
    texts = pa.array(["x", "2026-01-01", "2026-01-02", "2026-01-03 10:00"])
    whole, part = read_moments(texts), read_moments(texts[2:])
    assert part.values.tolist() == whole.values[2:].tolist()
    assert whole.take(np.array([3, 1])).values.tolist() == whole.values[[3, 1]].tolist()


def test_one_moment() -> None:
    assert moment_of("2026-11-01T00:00:00Z", timezone="Asia/Tehran") == utc(2026, 11, 1)
    assert moment_of(datetime(2026, 11, 1, 3, 30), timezone="Asia/Tehran") == utc(2026, 11, 1)
    assert moment_of(date(2026, 11, 1)) == utc(2026, 11, 2) - 1
    for wrong in ("soon", 5, None):
        with pytest.raises(ValueError, match="must be a moment"):
            moment_of(wrong)


def test_days_on_the_calendar_of_a_zone() -> None:
    moments = np.array([utc(2026, 3, 4, 20, 29), utc(2026, 3, 4, 20, 31)])
    assert local_days(moments, "Asia/Tehran").astype(str).tolist() == ["2026-03-04", "2026-03-05"]


FORMS = {
    "2025-01-02 16:00": {},
    "20250102T160000": {},
    "20250102160000": {},
    "Thu, 02 Jan 2025 16:00:00 GMT": {},
    "Thu Jan 02 2025 19:30:00 GMT+0330 (Iran Standard Time)": {},
    "Thu Jan  2 11:00:00 EST 2025": {},
    "2025-01-02 11:00:00 EST": {},
    "2025-01-02 19:00:00 МСК": {},
    "2025-01-02T17:00:00+01:00[Europe/Paris]": {},
    "2025-01-02T17:00:00[Europe/Paris]": {},
    "\u200e1/2/2025, 4:00:00\u202fPM": {"day_first": False},
    "2/1/2025 4:00 p.m.": {"day_first": True},
    "January 2nd, 2025 at 4:00 PM": {},
    "2 янв. 2025 г., 16:00": {},
    "2 января 2025, 16:00": {},
    "2 ژانویه 2025 16:00": {},
    "۱۳ دی ۱۴۰۳ ساعت ۱۶:۰۰": {},
    "پنج‌شنبه ۱۳ دی ۱۴۰۳ ۴:۰۰ ب.ظ": {},
    "۱۴۰۳/۱۰/۱۳ ۱۶:۰۰": {"calendar": "jalali"},
    "13/10/1403 16:00": {"calendar": "jalali"},
    "03/10/13 16:00": {"calendar": "jalali"},
    "14031013160000": {"calendar": "jalali"},
    "16:00 02.01.2025": {},
    "04:00 PM, 1/2/2025": {"day_first": False},
    "۱۶:۰۰:۰۰ ۱۴۰۳/۱۰/۱۳": {"calendar": "jalali"},
    "'2025-01-02 16:00": {},
    '"2025-01-02 16:00"': {},
    "16:00 Jan 2, 2025": {},
    "4:00 PM, Thu, 2 Jan 2025": {},
    "16:00 UTC 2.1.2025": {},
    "16:00 on January 2nd, 2025": {},
    "Thu 02/01/2025 16:00": {},
    "чт, 02.01.2025 16:00": {},
    "2/1/2025 4:00 p.\u00a0m.": {},
    "02-JAN-25 04.00.00.000000 PM": {},
    "2.1.2025 16.00": {},
    "2025.01.02. 16:00": {},
    "2025. 1. 2. 16:00": {},
    "2025年1月2日 16:00": {},
    "2025-01-02 19:30:00 +0330 +0330": {},
    "2025-01-02 16:00:00 +0000 UTC": {},
    "/Date(1735833600000+0330)/": {},
    "2 Ocak 2025 16:00": {},
    "2. Januar 2025 16:00": {},
    "2 de enero de 2025 16:00": {},
    "2 janvier 2025 16h00": {},
    "1.7358336E+12": {"epoch": "milliseconds"},
    "1735833600": {},
    "1735833600.0": {},
    "1735833600000": {"epoch": "milliseconds"},
    "1735833600000000": {},
    "45659,6666666667": {"epoch": "excel"},
    "2025-W01-4 16:00": {},
    "2025-01-02 21:30 IST": {"zones": {"IST": "+05:30"}},
    "2025-01-02 21:30 ist": {"zones": {"IST": "Asia/Kolkata"}},
}
"""Ways to write one moment, and what a column states of them."""


@pytest.mark.parametrize("text", FORMS)
def test_a_moment_is_the_same_in_a_file_an_export_and_a_request(text: str) -> None:
    form = DateForm(**FORMS[text])
    expected = utc(2025, 1, 2, 16)
    missing = ("", "n/a")
    cells = [text, "n/a", text] * 5
    column = Column("at", "date", **FORMS[text])
    values, wrong = read_columns([pa.array(cells)], column, missing)
    assert not wrong.any()
    assert values[[0, 2]].astype(np.int64).tolist() == [expected] * 2
    assert np.isnat(values[1])
    assert utc_micros(reader(column, missing)(text)) == expected
    read = read_moments(pa.array(cells).dictionary_encode(), form, missing=missing)
    assert read.values[[0, 2]].tolist() == [expected] * 2
    history = History(missing=missing, dates={"activities.occurred_at": ColumnDates(**FORMS[text])})
    found, errors = read_cells(cells, history, "activities.occurred_at")
    assert (found.values.tolist(), errors) == (read.values.tolist(), [])
    if text.isdigit() and len(text) != 14:
        assert read_moments(pa.array([int(text)]), form).values[0] == expected
        assert read_cells([int(text)], history, "activities.occurred_at")[0].values[0] == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2025-01-02 16:00 CST", "zone_unclear"),
        ("2025-01-02 16:00 QQT", "zone"),
        ("1403/10/13", "date_exists"),
        ("1404/12/30", "date_exists"),
        ("2 дек 1403", "date_exists"),
        ("2 due 2025", "date"),
        ("-1735833600", "date"),
    ],
)
def test_what_is_no_moment_has_a_reason(text: str, reason: str) -> None:
    calendar = "jalali" if text.startswith("1404") else None
    with pytest.raises(InvalidValue, match="must") as caught:
        read_clock(text, DateForm(calendar=calendar))
    assert caught.value.reason in (reason, "date_range")


def test_every_day_of_the_persian_calendar_is_the_library_s() -> None:
    day, last = JalaliDate(1300, 1, 1), JalaliDate(1499, 12, 29)
    days = [day + timedelta(days=n) for n in range(0, (last - day).days, 3)]
    texts = [f"{d.year}/{d.month:02}/{d.day:02}" for d in days]
    read = read_moments(pa.array(texts), DateForm(calendar="jalali"))
    expected = [micro(datetime.combine(d.to_gregorian(), datetime.max.time())) for d in days]
    assert read.values.tolist() == expected
    assert read.whole_day.all()
    leap = [year for year in range(1300, 1499) if JalaliDate.is_leap(year)]
    ends = pa.array([f"{year}-12-30" for year in range(1300, 1499)] * 1)
    usable = read_moments(ends, DateForm(calendar="jalali")).usable
    assert [1300 + at for at in np.flatnonzero(usable).tolist()] == leap


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["3/4/2025", "12/31/2025", "5/6/2025"], {"day_first": False}),
        (["3/4/2025", "31/12/2025"], {"day_first": True}),
        (["2025-01-31", "2025-12-31 10:00"], {}),
        (["2/28/2025", "1/31/2025"], {"day_first": False}),
        (["1403/10/13", "1403/12/30"], {"calendar": "jalali"}),
        (["۱۴۰۳/۱۰/۱۳"], {"calendar": "jalali"}),
        (["10:15:00 1403/10/13"], {"calendar": "jalali"}),
        (["۱۰:۱۵ ب.ظ ۱۴۰۳/۱۰/۱۳"], {"calendar": "jalali"}),
        (["9:30 12/31/2025", "9:30 3/4/2025"], {"day_first": False}),
        (["Wednesday, 12/31/2025", "Tue 3/4/2025"], {"day_first": False}),
        (["31. 12. 2025", "3. 4. 2025"], {"day_first": True}),
        (["1.735E+12", "1.7358336E+12"], {"epoch": "milliseconds"}),
        (["'1735833600"], {"epoch": "seconds"}),
        (["13/10/1403"], {"calendar": "jalali", "day_first": True}),
        (["45829.79", "45830", "45831,5"], {"epoch": "excel"}),
        (["1735833600", "1741100829.0"], {"epoch": "seconds"}),
        (["1735833600000"], {"epoch": "milliseconds"}),
        (["1735833600000000"], {"epoch": "microseconds"}),
        (["n/a", "soon"], {}),
    ],
)
def test_the_form_is_what_the_whole_column_shows(cells: list[str], form: dict[str, Any]) -> None:
    column = pa.array([*cells, None])
    for same in (column, column.dictionary_encode(), pa.chunked_array([column, column])):
        evidence = form_evidence(same, DateForm())
        assert evidence.form == DateForm(**form)
        assert (evidence.contradictions, evidence.unsure) == ((), ())


def test_a_column_that_contradicts_itself_or_shows_nothing_is_named() -> None:
    both = form_evidence(pa.array(["31/12/2025", "3/4/2025", "12/31/2025"] * 2), DateForm())
    assert both.contradictions == (
        "the day is first in 2 row(s), the first 31/12/2025 on line 2, and the month in "
        "2 row(s), the first 12/31/2025 on line 4",
    )
    calendars = form_evidence(pa.array(["1403/10/13", "2025-01-02"]), DateForm())
    assert calendars.form.calendar == "jalali"
    assert "of the Gregorian one in 1 row(s), the first 2025-01-02 on line 3" in str(
        calendars.contradictions
    )
    none = form_evidence(pa.array(["3/4/2025", "5/6/2025"]), DateForm())
    assert "no date shows whether the day or the month is first" in none.unsure[0]
    assert none.unsure[0].endswith("read with the day first")
    assert none.form.day_first is True
    stated = form_evidence(pa.array(["3/4/2025", "5/6/2025"]), DateForm(day_first=False))
    assert (stated.unsure, stated.form.day_first) == ((), False)


def test_dates_that_stand_for_none() -> None:
    rows = np.array([30, 5, 1, 4, 2, 1, 1])
    texts = ["1970-01-01", "0000-00-00", "9999-12-31", "2025-01-02", "2025-01-03", "soon"]
    texts.append("31.12.2999")
    read = read_moments(pa.array(texts))
    found = placeholder_texts(texts, rows, read, DateForm())
    assert found == ("1970-01-01", "0000-00-00", "9999-12-31", "31.12.2999")
    born = ["1970-01-01", "1969-12-30", "1970-01-03"]
    read = read_moments(pa.array(born))
    assert placeholder_texts(born, np.array([3, 2, 1]), read, DateForm()) == ()
    zero = ["0", "1735833600"]
    form = DateForm(epoch="seconds")
    assert placeholder_texts(zero, np.ones(2, int), read_moments(pa.array(zero), form), form) == (
        "0",
    )
