"""The OpenAPI document is one of version 3.0, and tells the errors of every endpoint."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft4Validator
from schemathesis.specs.openapi.definitions import OPENAPI_30

from server.oas30 import to_version_3_0


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/openapi.json").raise_for_status().json()
    return found


def test_the_document_is_valid_by_the_schema_of_openapi_3_0(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.0.")
    assert [error.message[:200] for error in Draft4Validator(OPENAPI_30).iter_errors(document)] == []


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_endpoint_is_described_and_tells_its_errors(document: dict[str, Any]) -> None:
    operations = _operations(document)
    assert len(operations) > 80
    for method, path, operation in operations:
        where = f"{method} {path}"
        assert operation.get("summary"), where
        assert operation.get("description"), where
        assert "422" not in operation["responses"], where
        if operation.get("parameters"):
            assert "400" in operation["responses"], where
        if "{" in path:
            assert "404" in operation["responses"], where
        if "requestBody" in operation:
            assert {"400", "413"} <= operation["responses"].keys(), where


def test_what_an_error_looks_like_is_what_the_document_says(document: dict[str, Any], http: httpx.Client) -> None:
    for address in ("/stac/search?limit=many", "/stac/collections/none", "/assets/none"):
        answer = http.get(address)
        assert 400 <= answer.status_code < 500
        assert answer.json().keys() == set(document["components"]["schemas"]["Error"]["required"])


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ({"anyOf": [{"$ref": "#/a"}, {"type": "null"}]}, {"allOf": [{"$ref": "#/a"}], "nullable": True}),
        ({"const": "Feature"}, {"enum": ["Feature"]}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"prefixItems": [{"type": "number"}, {"type": "number"}]}, {"items": {"type": "number"}}),
        ({"properties": {"const": {"type": "string"}}}, {"properties": {"const": {"type": "string"}}}),
        ({"examples": [1, 2]}, {"example": 1}),
        ({"default": {"const": 1}}, {"default": {"const": 1}}),
    ],
)
def test_words_of_3_1_become_those_of_3_0(newer: dict[str, Any], older: dict[str, Any]) -> None:
    converted = to_version_3_0({"components": {"schemas": {"Thing": newer}}})

    assert converted["components"]["schemas"]["Thing"] == older
