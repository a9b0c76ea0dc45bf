"""From a file's rows to one row per lead: order, labels, and what happens to unusable rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring_ml.data.files.data_file import read_table
from scoring_ml.data.row_report import RowFate
from scoring_ml.data.schema import Schema
from scoring_ml.errors import InputError
from scoring_ml.features.snapshot import build_snapshot, typed_frame
from tests.data_files import data_file
from tests.small_world import draw_rows, make_snapshot, small_schema

COLUMNS = {"size": {"type": "number"}, "agreed": {"type": "boolean"}, "trade": {"type": "category"}}
CSV = """id,came,size,agreed,trade,note,y
a,2026-01-03,3,yes,Sea,x,won
b,2026-01-01,1,no,,x,lost
c,2026-01-02,2,,n/a,x,
"""


def schema_of(**changes):
    content = {
        "dataset": "d",
        "id": "id",
        "target": {"column": "y", "won": ["won"], "lost": ["lost"]},
        "order": {"by": "time", "column": "came"},
        "missing": ["n/a"],
        "columns": COLUMNS | {"note": {"type": "text"}},
    }
    return Schema.read(content | changes)


def flat_of(**columns):
    return data_file(columns)


def flat_csv(tmp_path, text=CSV):
    path = tmp_path / "leads.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


def labels(values, **changes):
    target = {"column": "y", "won": changes.pop("won"), "lost": changes.pop("lost", [])} | changes
    schema = schema_of(id=None, target=target, order={"by": "row"}, columns={"n": {"type": "id"}})
    snapshot = build_snapshot(flat_of(y=values, n=["1"] * len(values)), schema)
    return dict(zip(snapshot.row.tolist(), snapshot.label.tolist(), strict=True)), snapshot.unused


def test_rows_come_oldest_first_with_typed_values(tmp_path):
    snapshot = build_snapshot(flat_csv(tmp_path), schema_of())
    assert snapshot.ids.tolist() == ["b", "c", "a"]
    assert snapshot.row.tolist() == [2, 3, 1]
    assert snapshot.label[[0, 2]].tolist() == [0.0, 1.0]
    assert np.isnan(snapshot.label[1])
    assert snapshot.frame["size"].tolist() == [1.0, 2.0, 3.0]
    assert snapshot.frame["agreed"].tolist()[0::2] == [0.0, 1.0]
    assert np.isnan(snapshot.frame["agreed"][1])
    assert snapshot.frame["trade"].isna().tolist() == [True, True, False]
    assert "note" not in snapshot.frame
    assert snapshot.unused == ()
    assert np.all(np.diff(snapshot.position) > 0)


def test_a_lead_is_seen_one_second_after_its_creation_and_a_bare_date_at_the_end_of_its_day():
    schema = schema_of(id=None, columns={"n": {"type": "number"}})
    flat = flat_of(came=["2026-01-01", "2026-01-01 10:00"], y=["won", "lost"], n=["1", "2"])
    snapshot = build_snapshot(flat, schema)
    assert snapshot.as_of.astype(str).tolist() == [
        "2026-01-01T10:00:01.000000",
        "2026-01-02T00:00:00.999999",
    ]


def test_equal_moments_keep_the_order_of_the_file():
    schema = schema_of(columns={"n": {"type": "number"}})
    flat = flat_of(
        id=list("abcd"), came=["2026-01-02"] * 2 + ["2026-01-01"] * 2, y=["won"] * 4, n=["1"] * 4
    )
    assert build_snapshot(flat, schema).ids.tolist() == ["c", "d", "a", "b"]


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ({"by": "row"}, ["a", "b", "c"]),
        ({"by": "row", "ascending": False}, ["c", "b", "a"]),
        ({"by": "number", "column": "size"}, ["b", "c", "a"]),
        ({"by": "number", "column": "size", "ascending": False}, ["a", "c", "b"]),
        ({"by": "none"}, ["a", "b", "c"]),
    ],
)
def test_order_by_row_by_number_and_backwards(tmp_path, order, wanted):
    snapshot = build_snapshot(flat_csv(tmp_path), schema_of(order=order))
    assert snapshot.ids.tolist() == wanted
    assert snapshot.as_of is None
    assert np.all(np.diff(snapshot.position) > 0)


def test_unusable_rows_are_counted_by_reason_with_their_first_ids():
    flat = flat_of(
        id=["a", "", "a", "d", "e", "f", "g", "h", "i"],
        came=["2026-01-01"] * 4 + ["", "someday"] + ["2026-01-01"] * 3,
        size=["1"] * 6 + ["many", "1", "1"],
        agreed=["yes"] * 7 + ["maybe", "no"],
        trade=[""] * 9,
        note=[""] * 9,
        y=["won", "won", "lost", "perhaps", "won", "won", "won", "lost", "lost"],
    )
    flat = replace(flat, facts=replace(flat.facts, bad_lines={"odd": (4, 7)}))
    snapshot = build_snapshot(flat, schema_of())
    assert snapshot.ids.tolist() == ["a", "i"]
    assert snapshot.unused == (
        RowFate("odd", 2, ("line 4", "line 7")),
        RowFate("no id in id", 1, ("",)),
        RowFate("y is neither won, lost nor open as the schema says", 1, ("d",)),
        RowFate("came does not say when the lead came", 2, ("e", "f")),
        RowFate("size holds a value that is no number", 1, ("g",)),
        RowFate("agreed holds a value that is no boolean", 1, ("h",)),
        RowFate("repeats the id of an earlier row (id)", 1, ("a",)),
    )
    assert sum(item.count for item in snapshot.unused) + len(snapshot) == 9 + 2


def test_a_wrong_value_in_a_column_that_is_not_used_costs_no_row():
    columns = {"size": {"type": "number", "use": False}, "n": {"type": "number"}}
    flat = flat_of(id=["a"], came=["2026-01-01"], y=["won"], size=["many"], n=["1"])
    snapshot = build_snapshot(flat, schema_of(columns=columns))
    assert len(snapshot) == 1
    assert snapshot.unused == ()


@pytest.mark.parametrize(
    ("won", "lost", "values", "wanted"),
    [
        (["1"], ["0"], ["1", "0", "1.0", " 0 ", 1, 0.0, "۱"], [1, 0, 1, 0, 1, 0, 1]),
        (["yes"], ["no"], ["Yes", "NO ", "true", True, False], [1, 0, 1, 1, 0]),
        ([True], [False], ["yes", "TRUE", "no", True, False], [1, 1, 0, 1, 0]),
        (["Closed Won"], ["Lost"], ["closed  won", "LOST"], [1, 0]),
        (["won", "paid"], ["lost"], ["won", "paid", "lost"], [1, 1, 0]),
    ],
)
def test_outcome_words_mean_what_a_person_means(won, lost, values, wanted):
    found, unused = labels(values, won=won, lost=lost)
    assert list(found.values()) == wanted
    assert unused == ()


def test_open_leads_are_kept_and_any_other_word_is_unusable():
    found, unused = labels(["won", "", "n/a", "lost", "hm", None], won=["won"], lost=["lost"])
    assert [row for row, label in found.items() if np.isnan(label)] == [2, 3, 6]
    assert [(item.count, item.first_ids) for item in unused] == [(1, ("5",))]


def test_accounts_that_are_not_known_are_not_one_account():
    schema = schema_of(account="firm", order={"by": "row"}, columns={"n": {"type": "number"}})
    flat = flat_of(
        id=list("abcd"), firm=["X", "", None, " X "], y=["won"] * 4, n=["1"] * 4, came=[""] * 4
    )
    assert build_snapshot(flat, schema).account.tolist() == ["X", None, None, "X"]


def test_parquet_scalars_read_like_text():
    schema = schema_of(columns=COLUMNS)
    snapshot = build_snapshot(
        flat_of(
            id=[1, 2],
            came=[datetime(2026, 1, 1, 9), datetime(2026, 1, 2, 9)],
            size=[1, float("nan")],
            agreed=[True, None],
            trade=["Sea", None],
            y=["won", "lost"],
        ),
        schema,
    )
    assert snapshot.ids.tolist() == ["1", "2"]
    assert snapshot.frame["size"][0] == 1.0
    assert np.isnan(snapshot.frame["size"][1])
    assert snapshot.frame["agreed"][0] == 1.0


def test_a_file_to_be_scored_keeps_all_rows_in_its_order_and_says_what_is_wrong():
    flat = flat_of(
        id=["b", "", "b"],
        came=["2026-01-02", "never", "2026-01-01"],
        size=["many", "2", "3"],
        agreed=["maybe", "", "no"],
    )
    snapshot = build_snapshot(flat, schema_of(), for_training=False)
    assert snapshot.ids.tolist() == ["b", "", "b"]
    assert np.isnan(snapshot.label).all()
    assert snapshot.problem.tolist() == [
        "size holds a value that is no number; agreed holds a value that is no boolean",
        "",
        "",
    ]
    assert np.isnat(snapshot.as_of).tolist() == [False, True, False]
    assert snapshot.unused == ()
    assert snapshot.warnings == ("trade is not in the file and counts as missing",)


def test_a_file_can_be_scored_as_of_a_given_moment():
    flat = flat_of(size=["1", "2"])
    moment = datetime(2026, 5, 1)
    snapshot = build_snapshot(flat, schema_of(), for_training=False, as_of=moment)
    assert snapshot.as_of.tolist() == [moment, moment]
    assert snapshot.ids.tolist() == ["1", "2"]
    assert build_snapshot(flat, schema_of(), for_training=False).as_of is None


def test_a_column_that_the_schema_needs_must_be_in_the_file(tmp_path):
    schema = schema_of(columns=COLUMNS | {"trad": {"type": "category"}})
    with pytest.raises(InputError, match=r"no column 'trad'\. Did you mean 'trade'\?"):
        build_snapshot(flat_csv(tmp_path), schema)
    many = {f"zz{i}": {"type": "number"} for i in range(5)}
    with pytest.raises(InputError, match=r"no column 'zz0', 'zz1', 'zz2' and 2 more"):
        build_snapshot(flat_csv(tmp_path), schema_of(columns=COLUMNS | many))
    with pytest.raises(InputError, match=r"no column 'number'"):
        build_snapshot(flat_csv(tmp_path), schema_of(id="number"))


def test_a_file_without_any_known_column_cannot_be_scored():
    with pytest.raises(InputError, match=r"columns that the model knows\. Found: none of 3"):
        build_snapshot(flat_of(other=["1"]), schema_of(), for_training=False)


def test_a_file_without_a_usable_row_is_refused_and_says_why():
    empty = {name: ["", ""] for name in ("came", "size", "agreed", "trade", "note")}
    flat = flat_of(id=["a", "b"], y=["won", "?"], **empty)
    wanted = r"Found: 1 rows: y is neither won.*; 1 rows: came does not say when"
    with pytest.raises(InputError, match=wanted):
        build_snapshot(flat, schema_of())


def test_no_reason_quotes_a_cell():
    flat = flat_of(
        id=["a", "b"],
        came=["2026-01-01"] * 2,
        size=["anna@example.com", "1"],
        agreed=["", ""],
        trade=["", ""],
        note=["", ""],
        y=["won", "won"],
    )
    assert "anna" not in str(build_snapshot(flat, schema_of()).unused)


def test_some_rows_of_a_snapshot_by_index_and_by_mask(tmp_path):
    snapshot = build_snapshot(flat_csv(tmp_path), schema_of())
    for rows in (np.array([2, 0]), np.array([True, False, True])):
        part = snapshot.take(rows)
        assert part.ids.tolist() == snapshot.ids[rows].tolist()
        assert part.frame["size"].tolist() == snapshot.frame["size"].to_numpy()[rows].tolist()
        assert list(part.frame.index) == [0, 1]
        assert part.as_of.tolist() == snapshot.as_of[rows].tolist()
        assert len(part) == 2


def test_a_column_is_found_under_another_spelling_of_its_name(tmp_path: Path) -> None:
    rows = draw_rows(60)
    expected = make_snapshot(tmp_path, rows, small_schema())
    spelt = rows.rename(
        columns={"industry": "Industry\u200b", "timeline days": "timeline\u00a0days"}
    )
    found = make_snapshot(tmp_path, spelt, small_schema())
    pd.testing.assert_frame_equal(found.frame, expected.frame)


def test_the_earliest_row_of_an_id_stands_for_its_lead() -> None:
    rows = [
        ("a", "2026-01-05", "1", "won"),
        ("b", "2026-01-01", "2", "lost"),
        ("a", "2026-01-03", "3", "lost"),
        ("b", "2026-01-01", "4", ""),
        ("c", "2026-01-02", "5", "lost"),
        ("c", "2026-01-09", "6", "lost"),
    ]
    names = ("id", "came", "size", "y")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    snapshot = build_snapshot(flat_of(**columns), schema_of(columns={"size": {"type": "number"}}))
    assert snapshot.ids.tolist() == ["b", "c", "a"]
    assert snapshot.frame["size"].tolist() == [2, 5, 3]
    np.testing.assert_array_equal(snapshot.label, [np.nan, 0, 1])
    assert [(fate.reason, fate.count) for fate in snapshot.unused] == [
        ("repeats the id of an earlier row (id)", 3)
    ]


def test_words_of_typed_rows_are_the_objects_that_rows_share() -> None:
    word = "".join(["go", "ogle"])
    frame = typed_frame({"source": np.array([word, None, word], dtype=object)}, 3)
    assert frame["source"].dtype == object
    assert [cell is word for cell in frame["source"].to_numpy()] == [True, False, True]
    assert frame["source"].to_numpy()[1] is None
