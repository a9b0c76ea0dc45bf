"""schema.yaml: what is written is read back, and what cannot be is refused by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import (
    FEATURE_TYPES,
    GROUPS,
    KNOWN,
    TYPES,
    Column,
    Order,
    Schema,
    Target,
)
from scoring_ml.data.suspicion import GRADES, Suspicion
from scoring_ml.data.yaml_file import read_yaml
from scoring_ml.errors import SchemaError

texts = st.text(
    st.characters(exclude_categories=["Cs"], max_codepoint=0x1FFFF), min_size=1, max_size=15
)
some = st.none() | texts.filter(str.strip)
words = st.lists(texts, max_size=3).map(tuple)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(TYPES))
    way = st.sampled_from([None, "increasing", "decreasing"])
    findings = st.builds(
        Suspicion, st.sampled_from(GRADES), texts, st.floats(allow_nan=False), texts
    )
    return Column(
        name=name,
        type=kind,
        known=draw(st.sampled_from(KNOWN)),
        reason=draw(texts),
        use=draw(st.booleans()) and kind in FEATURE_TYPES,
        allow=draw(some),
        criterion=draw(st.sampled_from(GROUPS)),
        monotone=draw(way) if kind in ("number", "boolean", "date") else None,
        missing=draw(words),
        decimal=draw(st.sampled_from([".", ","])),
        day_first=draw(st.booleans()),
        unit=draw(some),
        label=draw(some),
        askable=draw(st.booleans()),
        region=draw(some),
        audit=tuple(draw(st.lists(findings, max_size=2))),
    )


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(texts, min_size=2, max_size=6, unique=True))
    outcomes = draw(st.lists(texts, min_size=2, max_size=4, unique=True))
    by = draw(st.sampled_from(["time", "number", "row", "none"]))
    days = st.none() | st.floats(0, 1000)
    return Schema(
        dataset=draw(texts),
        target=Target(names[0], (outcomes[0],), tuple(outcomes[1:])),
        order=Order(
            by,
            column=names[1] if by in ("time", "number") else None,
            ascending=draw(st.booleans()),
            day_first=draw(st.booleans()),
            reason=draw(texts),
        ),
        columns=tuple(draw(columns(name)) for name in names[1:]),
        id=draw(st.none() | texts),
        account=draw(st.none() | texts),
        mature_after_days=draw(days) if by == "time" else None,
        gap_days=draw(days),
        missing=("", *draw(words)),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(schema=schemas())
def test_what_is_written_is_read_back(schema: Schema) -> None:
    assert Schema.read(schema.dump()) == schema
    assert Schema.read(yaml.safe_load(schema.yaml())) == schema


def small(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "dataset": "d",
        "target": {"column": "won", "won": ["1"], "lost": ["0"]},
        "order": {"by": "row"},
        "columns": {"age": {"type": "number"}},
    }
    content.update(changes)
    return content


def one(**spec: Any) -> dict[str, Any]:
    return small(columns={"age": {"type": "number", **spec}})


def test_the_smallest_schema() -> None:
    schema = Schema.read(small())
    assert schema.missing == ("",)
    assert schema.id is None
    assert schema["age"] == Column("age", "number")
    assert schema["age"].title == "age"
    assert schema.names == ("age",)
    with pytest.raises(KeyError, match="size"):
        schema["size"]


def test_text_and_ids_are_unused_unless_said() -> None:
    schema = Schema.read(
        small(columns={"a": {"type": "text"}, "b": {"type": "id"}, "c": {"type": "email"}})
    )
    assert [column.name for column in schema.used] == ["c"]


def test_words_that_yaml_takes_for_something_else_come_back_as_text() -> None:
    content = yaml.safe_load(
        "target: {column: won, won: [yes, 1], lost: [no, 0, null]}\nmissing: 999"
    )
    schema = Schema.read(small(**content))
    assert schema.target == Target("won", ("yes", "1"), ("no", "0"))
    assert schema.missing == ("", "999")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (small(columns=None), "must have columns"),
        (small(columns=["a"]), "columns must map"),
        (small(columns={"age": None}), r"columns\.age must have type"),
        (small(columns={"age": 5}), r"columns\.age must hold names and values"),
        (small(columns={"won": {"type": "boolean"}}), "target must not be one of the columns"),
        (small(columns={True: {"type": "boolean"}}), "A name in columns must be text.*quotes"),
        (small(colums={}), "Found: colums in schema.yaml. Write columns"),
        (small(target=None), "must have target"),
        (small(target="won"), "target must hold names and values"),
        (small(target={"column": "won", "won": []}), r"target\.won must list"),
        (small(target={"column": "won", "won": ["1"], "lost": ["1"]}), "both: 1"),
        (small(order={"by": "tme"}), r"order\.by must be one of time, .*Write time"),
        (small(order={"by": "time"}), r"order\.column must name a column"),
        (small(order={"by": "row", "ascending": "no"}), r"order\.ascending must be true or false"),
        (small(mature_after_days=5), "mature_after_days needs order.by: time"),
        (small(gap_days=-1), "gap_days must be a number, 0 or more"),
        (small(gap_days=True), "gap_days must be a number"),
        (one(type="numbr"), r"columns\.age\.type must be .*Write number"),
        (one(type="text", use=True), "use must be false for type text"),
        (one(use="false"), r"columns\.age\.use must be true or false"),
        (one(known="later"), r"columns\.age\.known must be one of"),
        (one(monotone="up"), r"columns\.age\.monotone must be one of"),
        (one(type="category", monotone="increasing"), "monotone needs a number"),
        (one(allow=" "), "allow must hold a written reason"),
        (one(criterion="bugdet"), "Write budget"),
        (one(decimal=";"), r"columns\.age\.decimal must be one of"),
        (one(audit=[{"grade": "bad"}]), r"columns\.age\.audit\[0\]\.grade must be one of refuse"),
        (one(audit=[{"grade": "ask", "value": "x"}]), r"audit\[0\]\.value must be a number"),
        (one(tpye="x"), "Write type"),
        (one(labels={"de": "Alter"}), r"columns\.age\.labels\.de must be one of en, fa, ru"),
        (one(labels="Alter"), r"columns\.age\.labels must be a mapping"),
        (one(values={"1": {"fa": "یک"}}), r"columns\.age\.values needs a category"),
        (small(shown=["agee"]), r"shown\[0\] must be one of age\. Found: agee .* Write age"),
        (small(slices=["nobody"]), r"slices\[0\] must be one of age"),
        (
            small(columns={"name": {"type": "text"}}, slices=["name"]),
            r"slices\[0\] must be no personal field\. Found: name",
        ),
        (small(crm_url="https://crm.example/leads"), r"crm_url must be .*with \{id\} in it"),
        (small(crm_url="ftp://crm.example/{id}"), "crm_url must be a web address"),
        (small(crm_url="https://crm.example/{id}/{name}"), "crm_url must be a web address"),
        (
            small(not_scored=[{"column": "kind", "values": ["x"]}]),
            r"not_scored\[0\]\.column must be",
        ),
        (small(not_scored=[{"column": "age", "values": []}]), r"not_scored\[0\]\.values must list"),
        (small(not_scored=[{"values": ["x"]}]), r"not_scored\[0\] must have column"),
        (small(version=2), r"version must be 1\. Found: 2"),
    ],
)
def test_what_cannot_be_is_refused(content: dict[str, Any], says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        Schema.read(content)


def test_an_empty_audit_is_none() -> None:
    assert Schema.read(one(audit=None))["age"].audit == ()


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    with pytest.raises(SchemaError, match="must exist"):
        Schema.load(path)
    path.write_text("a: [1\nb: 2", encoding="utf-8")
    with pytest.raises(
        SchemaError, match=r"must be YAML in UTF-8.*schema\.yaml cannot be read at line 2"
    ):
        Schema.load(path)
    path.write_bytes(b"a: \xff")
    with pytest.raises(SchemaError, match="must be YAML in UTF-8"):
        Schema.load(path)
    path.write_text("- a", encoding="utf-8")
    with pytest.raises(SchemaError, match="holds list"):
        read_yaml(path, what="schema")
    path.write_text(Schema.read(small(dataset="دادهٔ لید")).yaml(), encoding="utf-8")
    assert Schema.load(path).dataset == "دادهٔ لید"


def test_the_nearest_name() -> None:
    assert nearest("Budjet", ["budget", "timeline"]) == "budget"
    assert nearest("x", []) is None


def test_a_name_that_stands_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("dataset: a\ntarget: {column: y, won: [1], column: z}\n", encoding="utf-8")
    with pytest.raises(SchemaError, match=r"stand once.*column a second time at line 2 of schema"):
        Schema.load(path)


def test_a_feature_needs_a_history():
    content = Schema.read(MINIMAL_FOR_HISTORY).dump()
    content["columns"]["pages"]["derived"] = True
    with pytest.raises(SchemaError, match=r"feature needs a history.*pages without one"):
        Schema.read(content)


MINIMAL_FOR_HISTORY = {
    "dataset": "x",
    "target": {"column": "y", "won": ["1"], "lost": ["0"]},
    "order": {"by": "row"},
    "columns": {"pages": {"type": "number"}},
}


def test_labels_and_values_are_words_in_the_readers_language() -> None:
    spec = {
        "type": "category",
        "label": "Answer",
        "labels": {"fa": "پاسخ"},
        "values": {True: {"ru": "да"}, 7: {"fa": "هفت"}},
    }
    column = Schema.read(small(columns={"answer": spec}))["answer"]
    assert [column.title_in(language) for language in ("en", "fa", "ru")] == [
        "Answer",
        "پاسخ",
        "Answer",
    ]
    assert (column.value_in("yes", "ru"), column.value_in("7", "fa")) == ("да", "هفت")
    assert (column.value_in("yes", "fa"), column.value_in("no", "ru")) == ("yes", "no")


def test_how_leads_are_shown_sliced_and_left_unscored_is_kept() -> None:
    use = {
        "shown": ["name", "ref"],
        "crm_url": "https://crm.example.com/leads/{id}?tab=1",
        "slices": ["kind"],
        "not_scored": [{"column": "kind", "values": ["Staff", "Partner"], "reason": "ours"}],
    }
    columns = {"name": {"type": "text"}, "kind": {"type": "category"}}
    schema = Schema.read(small(id="ref", columns=columns, **use))
    assert {key: schema.dump()[key] for key in use} == use
    assert Schema.read(yaml.safe_load(schema.yaml())) == schema
    tables = {"leads": {"file": "leads.csv"}}
    fields = {name: {"type": spec["type"], "from": "leads"} for name, spec in columns.items()}
    content = {"dataset": "d", "tables": tables, "fields": fields, **use, "shown": ["name"]}
    mapping = CrmMapping.read(content)
    assert CrmMapping.read(mapping.dump()) == mapping
    assert (mapping.crm_url, mapping.slices) == (schema.crm_url, schema.slices)
    assert mapping.not_scored == schema.not_scored
