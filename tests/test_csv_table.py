"""Both ways to read a CSV file, line by line in Arrow and record by record, say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring_ml.data.files import csv_table
from scoring_ml.data.files.data_file import read_table
from scoring_ml.errors import FileFormatError


def found(path: Path, columns: set[str] | None) -> Any:
    try:
        file = read_table(path, columns, needs_rows=False)
    except FileFormatError as error:
        return str(error)
    return file.table.to_pydict(), file.facts


def both(path: Path, columns: set[str] | None = None) -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        fast = found(path, columns)
        patch.setattr(csv_table, "_PIECE", 8)
        pieces = found(path, columns)
        patch.setattr(csv_table, "_by_line", lambda *_: None)
        patch.setattr(csv_table, "_PIECE", 1 << 20)
        slow = found(path, columns)
        assert pieces == slow
        return [fast, slow]


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.lists(
        st.sampled_from(["a", "ж", "1,5", ",", ";", '"', "\n", "\r\n", "\r", " ", '","', "7", ""]),
        max_size=40,
    ),
    columns=st.sampled_from([None, {"a"}, {"b", "c"}]),
)
def test_any_text(tmp_path: Path, body: list[str], columns: set[str] | None) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("".join(["a,b,c\n1,2,3\n", *body]).encode())
    fast, slow = both(path, columns)
    assert fast == slow


@pytest.mark.parametrize(
    "text",
    [
        "\n\na,b\n1,2\n",
        "sep=;\na;b\n1;2\n",
        "a,b\n1,2\n\n3,4\n,\n",
        "a,b\n1,2\n,\n3,4\n\n\n",
        "a,a,b\n1,2,3\n",
        "a,b,\n1,2,\n",
        '"a\nx",b\n1,2\n',
        'a,b\n"1\n2",3\n4,"5\n6"\n',
        'a,b\n5" pipe,2\n3,4\n',
        "a,b\r\n1,2\r\n",
        "a,b\r1,2\r",
        "\ufeffa,b\n1,2",
        "a,c\n,1\n,\n2,\n",
        "only\nx\n\ny\n",
    ],
)
def test_odd_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8", newline="")
    for columns in (None, {"a", "b", "a\nx"}):
        fast, slow = both(tmp_path / "x.csv", columns)
        assert fast == slow
        assert fast[1].rows


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for text in ("a;b\n", "\ufeffa;b", "a;b\r\n\r\n"):
        path.write_text(text, encoding="utf-8", newline="")
        table, facts = found(path, {"b"})
        assert table == {"b": []}
        assert facts.columns == ("a", "b")
