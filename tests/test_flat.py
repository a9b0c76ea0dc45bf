"""Reading a flat file: same cells back whatever the dialect, and a clear word on odd files."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring_ml.data.files.arrow_cells import cell_text
from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.files.writing import write_table
from scoring_ml.errors import FileFormatError, InputError
from tests.data_files import frame_of

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def put(folder: Path, content: str | bytes, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path) -> list[list[str | None]]:
    return frame_of(read_table(path)).to_numpy(dtype=object).tolist()


def as_csv(rows: list[list[str]], **form: object) -> str:
    out = io.StringIO()
    csv.writer(out, **form).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


words = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], include_characters='\n,;"|\t', max_codepoint=0xFFFF
    ),
    max_size=12,
)


@quick
@given(
    body=st.lists(
        st.tuples(st.sampled_from(["a", "b7", "ж"]), words, words, words), min_size=1, max_size=8
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    lineterminator=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_the_same_cells_come_back_from_every_dialect(
    tmp_path: Path, body, delimiter: str, lineterminator: str, quoting: int, encoding: str
) -> None:
    rows = [["first", "second column", "третий", "Unnamed: 37"], *map(list, body)]
    text = as_csv(rows, delimiter=delimiter, lineterminator=lineterminator, quoting=quoting)
    flat = read_table(put(tmp_path, text.encode(encoding)))
    assert list(frame_of(flat).columns) == rows[0]
    assert frame_of(flat).to_numpy(dtype=object).tolist() == rows[1:]
    assert flat.facts.separator == delimiter
    assert flat.facts.rows == len(body)
    assert flat.facts.bad_lines == {}


ONE_BYTE = {
    "cp1251": [["имя", "город", "статус"], ["Анна", "Москва", "новый"], ["Пётр", "Омск", "отказ"]],
    "cp1252": [
        ["nom", "ville", "état"],
        ["José", "Besançon", "réglé"],
        ["Zoë", "Orléans", "naïve"],
    ],
    "cp1256": [["اسم", "مدينة", "حالة"], ["علي", "تهران", "موفق"], ["رضا", "شيراز", "ناموفق"]],
}


@pytest.mark.parametrize("encoding", ONE_BYTE)
def test_text_of_one_byte_a_sign_is_recognised(tmp_path: Path, encoding: str) -> None:
    rows = ONE_BYTE[encoding]
    flat = read_table(put(tmp_path, as_csv(rows, delimiter=";").encode(encoding)))
    assert flat.facts.encoding == encoding
    assert [list(frame_of(flat).columns), *frame_of(flat).to_numpy(dtype=object).tolist()] == rows


def test_a_foreign_sign_far_down_is_decoded_too(tmp_path: Path) -> None:
    body = "a,b\n" + "1,2\n" * 50_000 + "1,Besançon\n"
    assert cells(put(tmp_path, body.encode("cp1252")))[-1] == ["1", "Besançon"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised(tmp_path: Path, encoding: str) -> None:
    flat = read_table(put(tmp_path, "имя;n\nАнна;1\nОлег;2\n".encode(encoding)))
    assert flat.facts.encoding == encoding
    assert frame_of(flat).to_numpy(dtype=object).tolist() == [["Анна", "1"], ["Олег", "2"]]


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("a,b\r1,2\r3,4\r", ["a", "b"], [["1", "2"], ["3", "4"]]),
        ("sep=;\r\na;b\r\n1,5;2\r\n", ["a", "b"], [["1,5", "2"]]),
        ("sep=^\na^b\n1^2\n", ["a", "b"], [["1", "2"]]),
        ("a:b\n1:2\n3:4\n", ["a", "b"], [["1", "2"], ["3", "4"]]),
        (
            "a;b;c\n1,5;2,5;3,5\n2,5;3,5;4,5\n",
            ["a", "b", "c"],
            [["1,5", "2,5", "3,5"], ["2,5", "3,5", "4,5"]],
        ),
        ("name, age;b\nx;1\ny;2\n", ["name, age", "b"], [["x", "1"], ["y", "2"]]),
        ("\n\na,b\n\n1,2\n\n", ["a", "b"], [["1", "2"]]),
        ("a,b,\n1,2,\n", ["a", "b", "Unnamed: 2"], [["1", "2", ""]]),
        ("a,b,\n1,2\n", ["a", "b", "Unnamed: 2"], [["1", "2", None]]),
        ("a,b\n1,2,,\n3,4,\n", ["a", "b"], [["1", "2"], ["3", "4"]]),
        (' a , "b c"\n1, "x, y"\n', ["a", "b c"], [["1", "x, y"]]),
        ('a,b\n1,"say ""hi"""\n', ["a", "b"], [["1", 'say "hi"']]),
        ('a,b\n1,"one\ntwo\n\nthree"\n2,x\n', ["a", "b"], [["1", "one\ntwo\n\nthree"], ["2", "x"]]),
        ("a,b\n 1 ,\u00a0x\n", ["a", "b"], [[" 1 ", "\u00a0x"]]),
        ("only\nx\ny\n", ["only"], [["x"], ["y"]]),
        ('[x],{y},بودجه,"q""q"\n1,2,3,4\n', ["[x]", "{y}", "بودجه", 'q"q'], [["1", "2", "3", "4"]]),
    ],
)
def test_odd_but_good_files(tmp_path: Path, text: str, columns: list[str], rows: list) -> None:
    flat = read_table(put(tmp_path, text))
    assert list(frame_of(flat).columns) == columns
    assert frame_of(flat).to_numpy(dtype=object).tolist() == rows
    assert flat.facts.bad_lines == {}


BODY = "lead;city;won;sum\n1;Oslo;1;5,5\n2;Rome;0;6,5\n3;Bonn;1;7,5\n"


@pytest.mark.parametrize(
    ("above", "title", "lines"),
    [
        ("Leads report\nGenerated on Jan 5, 2026 by CRM\n\n", "Leads report", 3),
        ("Leads; all\n", "Leads; all", 1),
        ("Leads report, May 2026, all regions, all owners\n", "Leads report, May 2026", 1),
        ('"Leads; report"\n\n', "Leads; report", 2),
        ("Leads;;;\n;;;\n", "Leads", 2),
        ("# exported 2026-01-05\n#\n", "exported 2026-01-05", 2),
        ("# exported;by;Anna\n", "exported;by;Anna", 1),
        ("From;2026-01-01\nTo;2026-02-01\n\n", "From;2026-01-01", 3),
        ("2026-01-01 - 2026-02-01\n", "2026-01-01 - 2026-02-01", 1),
    ],
)
def test_lines_above_the_header_are_passed_over_and_named(
    tmp_path: Path, above: str, title: str, lines: int
) -> None:
    for ending in ("\n", "\r\n", "\r"):
        flat = read_table(put(tmp_path, (above + BODY + "4;x\n").replace("\n", ending)))
        assert flat.facts.columns == ("lead", "city", "won", "sum")
        assert flat.facts.rows == 3
        assert flat.facts.bad_lines == {"too few cells": (lines + 5,)}
        note = f"{lines} line(s) above the header are passed over, the first of them '{title}"
        assert flat.facts.notes[0].startswith(note)
    packed = read_table(put(tmp_path, gzip.compress((above + BODY).encode("cp1252")), "x.csv.gz"))
    assert packed.facts.rows == 3


def test_a_report_with_remarks_above_and_below(tmp_path: Path) -> None:
    text = """"Leads with status"
"As of 2026-01-05 12:00:00 Eastern Standard Time/EST"
"Filtered By"
"   Show: All leads"

"Lead ID","First Name","Status","Created Date"
"00Q1","Anna","Open","1/5/2026"
"00Q2","Oleg","Closed","1/6/2026"
"00Q3","Sara","Closed","1/6/2026"
"00Q4","Omid","Open","1/7/2026"

"Grand Totals (4 records)"

"Copyright (c) 2000-2026 CRM, inc. All rights reserved."
"Confidential Information - Do Not Distribute"
"""
    facts = read_table(put(tmp_path, text)).facts
    assert facts.columns == ("Lead ID", "First Name", "Status", "Created Date")
    assert facts.rows == 4
    assert facts.bad_lines == {"a total or a remark below the table": (12, 14, 15)}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("notes\nhello, you\nhello, all\nbye, all\n", ["notes"]),
        ("#,name,city\n1,A,B\n2,C,D\n", ["#", "name", "city"]),
        ("notes\nplain\na, b, c\nplain\nplain\n", ["notes"]),
        (",a,b\n0,1,2\n1,3,4\n", ["Unnamed: 0", "a", "b"]),
        ("a,b\n1,2\n", ["a", "b"]),
        ("comment;x\nhello, a, b;1\nhello, c, d;2\n", ["comment", "x"]),
    ],
)
def test_a_header_is_no_title(tmp_path: Path, text: str, columns: list[str]) -> None:
    facts = read_table(put(tmp_path, text)).facts
    assert (list(facts.columns), facts.notes) == (columns, ())


@pytest.mark.parametrize(
    ("below", "lines"),
    [
        ("Grand total;;;19,5\n", (5,)),
        ("\nTotal;3\n\nCopyright 2026 A; B\n", (6, 8)),
        ('"Итого";;;\n', (5,)),
    ],
)
def test_totals_and_remarks_below_the_rows_are_left_out(
    tmp_path: Path, below: str, lines: tuple[int, ...]
) -> None:
    for ending in ("\n", "\r\n"):
        flat = read_table(put(tmp_path, (BODY + below).replace("\n", ending)), {"sum"})
        assert flat.table["sum"].to_pylist() == ["5,5", "6,5", "7,5"]
        assert flat.facts.bad_lines == {"a total or a remark below the table": lines}


def test_a_total_among_the_rows_is_a_row(tmp_path: Path) -> None:
    assert read_table(put(tmp_path, BODY + "total;1;2;3\n")).facts.rows == 4
    assert read_table(put(tmp_path, BODY.replace("1;Oslo;1;5,5", "total;;;"))).facts.rows == 3


def test_guesses_are_named(tmp_path: Path) -> None:
    flat = read_table(put(tmp_path, "a,b,c\n1,2,\n3,4,\n5,6\n7,8,\n9,9,\n"))
    assert flat.facts.notes == (
        "The separator ',' parts 80% of the first lines as the header",
        "1 row(s) end before the last columns, which are mostly empty",
    )
    flat = read_table(put(tmp_path, 'a, "b"\n1, "2"\n'))
    assert flat.facts.notes == ("Spaces between a separator and a cell are passed over",)


def test_signs_of_a_header_that_nobody_sees_are_dropped(tmp_path: Path) -> None:
    flat = read_table(put(tmp_path, "lead\u00a0source,won\u200b,\u200esum,a\u00adb\n1,2,3,4\n"))
    assert flat.facts.columns == ("lead source", "won", "sum", "ab")


def test_names_are_made_unique_and_the_facts_say_so(tmp_path: Path) -> None:
    flat = read_table(put(tmp_path, "x,x,x.1, ,x,Unnamed: 3\n1,2,3,4,5,6\n"))
    assert list(frame_of(flat).columns) == ["x", "x.2", "x.1", "Unnamed: 3.1", "x.3", "Unnamed: 3"]
    assert flat.facts.notes == (
        "Column 2 is a second 'x'; it is read as 'x.2'",
        "Column 5 is a second 'x'; it is read as 'x.3'",
    )
    assert list(frame_of(read_table(put(tmp_path, "x,x\n1,2\n"))).columns) == ["x", "x.1"]


def test_rows_that_do_not_fit_are_counted_with_their_lines(tmp_path: Path) -> None:
    text = 'a,b,c\n1,2,3\n1,2\n"x\ny",2,3\n1,2,3,4\n,,\n1\n7,8,9\n1,2,3,4\n1,2\n1,2\n'
    flat = read_table(put(tmp_path, text))
    assert frame_of(flat).to_numpy(dtype=object).tolist() == [
        ["1", "2", "3"],
        ["x\ny", "2", "3"],
        ["7", "8", "9"],
    ]
    assert flat.facts.rows == 3
    assert flat.facts.bad_lines == {
        "too many cells": (6, 10),
        "too few cells": (3, 8, 11, 12),
        "no cell filled": (7,),
    }


def test_a_row_that_ends_before_mostly_empty_columns_is_kept(tmp_path: Path) -> None:
    flat = read_table(put(tmp_path, "a,b,c,d\n1,2,,\n3,4,,\n5,6,x,\n7,8\n9\n"))
    assert frame_of(flat).to_numpy(dtype=object).tolist()[-1] == ["7", "8", None, None]
    assert flat.facts.bad_lines == {"too few cells": (6,)}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "leads.csv is empty"),
        (b" \n\n", "leads.csv is empty"),
        (b"\xef\xbb\xbf\n", "leads.csv is empty"),
        (b"sep=;\n", "leads.csv is empty"),
        (b"a,b\n", r"header of 2 name\(s\) and no rows"),
        (b"a,b\n1,2,3\n1,2,4\n", r"2 row\(s\) with too many cells"),
        (b"PK\x03\x04....", "Excel workbook .*Export it again as CSV"),
        (b"\xd0\xcf\x11\xe0....", "old Excel workbook"),
        (b"<html><table>", "web page"),
        (b"a,b\n1,\x002\n", "NUL bytes.*in line 2"),
        (bytes(range(256)) * 20, "NUL bytes.*in line 1"),
        ("a,b\nж,ж\nжж,жжжжжжж\n1,".encode() + b"\xff\n", "UTF-8 but for 1 place.*line 4"),
        (b"\xff\xfea\x00,\x00b", "must be utf-16-le"),
        (b'a,b\n1,2\n3,"open\n4,5\n6,7\n', "opens one in line 3 of 5"),
        (b'a,b,c\n1,"open,2\n3,x,4\n5,"y",6\n7,8,9\n', "opens one in line 2 of 5"),
        (b'a,b\n1,"' + b"x\n" * 200_000, "opens one in line 2 of"),
        (b"a~b~c\n1~2~3\n4~5~6\n", "seems to use the sign '~'"),
        (b"name   age\nAnna    31\nOleg    40\n", "seems to use spaces"),
        (b"Lead,,,Deal,,\nid,name,city,won,sum,at\n1,A,B,1,2,3\n", "begins with 'Lead, Deal'"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        read_table(put(tmp_path, content))


def test_places_that_hold_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="must exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(FileFormatError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(FileFormatError, match="must hold Parquet"):
        read_table(put(tmp_path, "a,b\n1,2\n", "leads.parquet"))
    with pytest.raises(FileFormatError, match="damaged"):
        read_table(put(tmp_path, b"PAR1xxxxPAR1", "leads.parquet"))
    with pytest.raises(FileFormatError, match="readable"):
        read_table(put(tmp_path, gzip.compress(b"a,b\n1,2\n")[:-9], "leads.csv.gz"))


@pytest.mark.parametrize("line", [2, 700, 1_999])
def test_an_unclosed_quote_is_named_by_its_line(tmp_path: Path, line: int) -> None:
    rows = [f'{n},"text {n}",x,y,z' for n in range(2, 2_001)]
    rows[line - 2] = rows[line - 2].replace('",', ",")
    with pytest.raises(FileFormatError, match=f"in line {line} of 2000"):
        read_table(put(tmp_path, "a,b,c,d,e\n" + "\n".join(rows) + "\n"))


def test_gzip_is_read(tmp_path: Path) -> None:
    assert cells(put(tmp_path, gzip.compress(b"a,b\n1,2\n"), "leads.csv.gz")) == [["1", "2"]]


def test_parquet_cells_are_plain_scalars(tmp_path: Path) -> None:
    zone = pa.timestamp("ns", tz="Asia/Tehran")
    moment = dt.datetime(2026, 11, 22, 6, 0)
    aware = moment.replace(tzinfo=dt.UTC)
    table = pa.table(
        {
            "text": pa.array(["a", None]).dictionary_encode(),
            "number": pa.array([1.5, float("nan")]),
            "whole": pa.array([7, None], pa.int16()),
            "flag": pa.array([True, None]),
            "price": pa.array([Decimal("2.50"), None]),
            "at": pa.array([aware, None], zone),
            "naive": pa.array([moment, None], pa.timestamp("ns")),
            "day": pa.array([moment.date(), None]),
            "took": pa.array([dt.timedelta(seconds=90), None]),
            "list": pa.array([["x", "ж"], None]),
            "__index_level_0__": pa.array([0, 1]),
        }
    )
    path = tmp_path / "leads.parquet"
    pq.write_table(table, path)
    flat = read_table(path)
    assert frame_of(flat).dtypes.eq(object).all()
    first, second = frame_of(flat).to_numpy(dtype=object).tolist()
    assert first == ["a", 1.5, 7, True, 2.5, moment, moment, moment.date(), 90.0, '["x", "ж"]']
    assert [type(cell) for cell in first[:5]] == [str, float, int, bool, float]
    assert second == [None] * 10
    assert (flat.facts.format, flat.facts.rows, flat.facts.separator) == ("parquet", 2, None)


def test_empty_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.parquet"
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    with pytest.raises(FileFormatError, match=r"header of 1 name.* and no rows"):
        read_table(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame({"id": ["1", 'ж,"\n'], "score": ["74", ""]})
    path = tmp_path / f"out.{ending}"
    write_table(frame, path)
    write_table(frame, path)
    assert cells(path) == [["1", "74"], ['ж,"\n', ""]]
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_writing_refuses_other_endings_and_missing_folders(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match=r"must end in \.csv or \.parquet"):
        write_table(frame, tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="must be writable"):
        write_table(frame, tmp_path / "none" / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write_table(pd.DataFrame({"a": ["old"]}), path)
    with pytest.raises(pa.ArrowException, match="object"):
        write_table(pd.DataFrame({"a": [object(), np.float64(1)]}), path)
    assert cells(path) == [["old"]]
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_cells_as_text() -> None:
    day = dt.date(2026, 11, 22)
    given_and_text = [
        (None, ""),
        ("x", "x"),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (0.1, "0.1"),
        (day, "2026-11-22"),
    ]
    assert [cell_text(cell) for cell, _ in given_and_text] == [text for _, text in given_and_text]


@pytest.mark.parametrize(
    ("name", "separator", "shape"),
    [("x-education-leads.csv", ",", (9240, 38)), ("bank-additional-full.csv", ";", (41188, 21))],
)
def test_real_files(name: str, separator: str, shape: tuple[int, int]) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    flat = read_table(DATA / name)
    assert frame_of(flat).shape == shape
    assert (flat.facts.separator, flat.facts.encoding, flat.facts.bad_lines) == (
        separator,
        "utf-8",
        {},
    )
    assert not frame_of(flat).isna().any().any()
