"""The JSON Schemas of docs/schemas: as generated, and true of every file that people review."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from scoring_ml.data.names import nearest
from tests.write_schemas import FOLDER, ROOT, SECTIONS

REVIEWED = sorted(path for path in (ROOT / "models").rglob("*.yaml") if path.stem in SECTIONS)


class AllText(yaml.SafeLoader):
    """YAML as editors read it (1.2): yes and dates are text."""


AllText.yaml_implicit_resolvers = {
    sign: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp",)
        and not (tag == "tag:yaml.org,2002:bool" and sign in "yYnNoO")
    ]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_json(value):
    """Return what an editor sees: names are text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def errors(name, content):
    form = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return list(jsonschema.Draft202012Validator(form).iter_errors(as_json(content)))


@pytest.mark.parametrize("name", SECTIONS)
def test_a_schema_is_the_one_that_the_code_generates(name):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == SECTIONS[name].json_schema(), "run python -m tests.write_schemas"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", REVIEWED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_reviewed_file_fits_its_schema_and_names_it(path):
    text = path.read_text(encoding="utf-8")
    assert errors(path.stem, yaml.load(text, Loader=AllText)) == []
    reference = text.partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / reference).resolve() == FOLDER / f"{path.stem}.json"


@pytest.mark.parametrize("path", REVIEWED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_written_back_fits_as_well(path):
    section = SECTIONS[path.stem]
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    context = None
    if path.stem == "matrix":
        if not any((criterion or {}).get("rules") for criterion in content["criteria"].values()):
            assert section.read(content, source=path.name).mapped == ()
        return
    read = section.read(content, source=path.name, context=context)
    assert errors(path.stem, read.dump()) == []
    assert section.read(read.dump(), source=path.name) == read


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("schema", {"colums": {}}),
        ("schema", {"columns": {"age": {"type": "nummer"}}}),
        ("schema", {"columns": {"age": {"type": "number", "name": "x"}}}),
        ("schema", {"columns": {"age": {"type": "number", "labels": {"de": "Alter"}}}}),
        ("schema", {"gap_days": -1}),
        ("schema", {"version": 2}),
        ("crm", {"tables": {"leads": {"fille": "x.csv"}}}),
        ("crm", {"fields": {"x": {"type": "number", "known": "at_creation"}}}),
        ("crm", {"fields": {"x": {"type": "number", "audit": []}}}),
        ("matrix", {"criteria": {"budget": {"rules": [{"field": "x", "full": {"atleast": 1}}]}}}),
        ("policy", {"method": "magic"}),
        ("boosted", {"rounds": {"most": 0, "patience": 1}}),
        ("scorecard", {"bins": "eight"}),
    ],
)
def test_an_editor_sees_the_mistake(name, change):
    example = next(path for path in REVIEWED if path.stem == name)
    content = yaml.load(example.read_text(encoding="utf-8"), Loader=AllText)
    assert errors(name, content | change) != []


def test_every_key_is_described():
    for name in ("schema", "crm", "matrix"):
        form = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        for part in (form, *form.get("$defs", {}).values()):
            bare = [
                key
                for key, value in part.get("properties", {}).items()
                if "description" not in value and part["title"] not in ("Target", "Matrix")
            ]
            assert bare == [], (name, part["title"], nearest(bare[0], bare) if bare else "")
