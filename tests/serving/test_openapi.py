"""The description says what the service does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from serving.gate import ROUTES
from serving.openapi import document
from serving.refusals import STATUS
from tests.serving.small_champion import EXAMPLE, SCHEMA


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.json() == client.get("/docs.json").json()
    found: dict[str, Any] = answer.json()
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def check(described: dict[str, Any], name: str, value: Any) -> None:
    schema = {
        "$ref": f"#/components/schemas/{name}",
        "components": described["components"],
    }
    Draft202012Validator(schema).validate(value)


def test_the_document_is_openapi(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(described["info"])
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    for _, _, operation in operations(described):
        for status, response in operation["responses"].items():
            assert status.isdigit()
            assert "description" in response or "$ref" in response
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        found: Any = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_every_path_and_method_is_described(described: dict[str, Any]) -> None:
    paths = {(path, method.upper()) for path, method, _ in operations(described)}
    assert paths == {(path, methods[0]) for path, methods in ROUTES.items()}


def test_every_error_is_described(described: dict[str, Any]) -> None:
    errors = {str(status) for status in STATUS.values()} - {"401", "403"}
    post = described["paths"]["/score"]["post"]["responses"]
    assert set(post) == errors | {"200"}


def test_the_champions_fields_are_described(described: dict[str, Any]) -> None:
    lead = described["components"]["schemas"]["Lead"]
    assert set(lead["properties"]) == {"lead_id", "crm_number", "won", *SCHEMA["columns"]}
    budget = lead["properties"]["budget"]
    assert (budget["x-unit"], budget["examples"]) == ("EUR", [8000])
    assert "number" in budget["type"]
    industry = lead["properties"]["industry"]
    assert set(industry["examples"]) == {"Software", "Finance", "Retail", "Farming"}
    assert "enum" not in industry
    assert lead["additionalProperties"] is False
    assert lead["example"] == EXAMPLE


def test_requests_that_are_accepted_are_valid(described: dict[str, Any]) -> None:
    check(described, "Lead", EXAMPLE)
    check(described, "Lead", {"budget": "8,000", "decides": 1, "industry": "Rocketry"})


def test_real_answers_are_valid(described: dict[str, Any], client: TestClient) -> None:
    for lead in (EXAMPLE, {}, {"industry": "Rocketry", "notes": "x"}):
        check(described, "Answer", client.post("/score", json=lead).json())
        check(described, "Explanation", client.post("/explain", json=lead).json())
    check(described, "Model", client.get("/model").json())
    for item in client.post("/score_batch", json=[EXAMPLE, {"x": 1}, 3]).json():
        check(described, "BatchItem", item)
    check(described, "Error", client.get("/nothing").json())
    check(described, "Error", client.post("/score", json={"x": 1}).json())


def test_every_field_of_an_answer_is_described(
    described: dict[str, Any], client: TestClient
) -> None:
    schemas = described["components"]["schemas"]
    answer = client.post("/explain", json=EXAMPLE).json()
    assert set(answer) == set(schemas["Explanation"]["properties"])
    assert set(answer["matrix"]) == set(schemas["Matrix"]["properties"])
    for item in answer["contributions"]:
        assert set(item) <= set(schemas["Contribution"]["properties"])


def test_without_a_champion_a_lead_is_any_flat_object() -> None:
    lead = document(None, max_batch=7)["components"]["schemas"]["Lead"]
    assert lead["additionalProperties"] is True
