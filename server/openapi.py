"""The OpenAPI document: the errors that every endpoint may answer, and version 3.0.

FastAPI writes 3.1, and says that what is wrong with a request is answered 422. The STAC API promises 3.0 (OGC's class
`oas30`), and wants 400.
"""

from typing import Any

from fastapi import FastAPI

from server.access.described import describe_security
from server.limits.costs import cost_of
from server.oas30 import to_version_3_0
from server.stac.formats import describe_formats

Operation = dict[str, Any]

ERROR_SCHEMA = {
    "title": "Error",
    "type": "object",
    "required": ["code", "description"],
    "properties": {
        "code": {"type": "string", "description": "What kind of error it is, for programs."},
        "description": {"type": "string", "description": "What is wrong and what would be right, for people."},
    },
}
ERRORS = {
    "400": "A parameter, or the body, has no meaning or asks for more than the server gives.",
    "401": "A token is needed.",
    "403": "Nobody may do this here, or not with this token.",
    "404": "There is nothing of this name, or nothing at this place.",
    "413": "The body is too long.",
    "429": "The client asks too often; `Retry-After` says when to try again.",
    "502": "The catalog names an object that the store does not hold.",
    "503": "The database or the object store does not answer, or is too busy; `Retry-After` says when to try again.",
    "504": "The database took too long: narrow the search.",
}
NOT_MODIFIED = {"description": "The client's copy, named by `If-None-Match`, is still good."}
SAID_NOWHERE_ELSE = {
    "/stac/_mgmt/health": "Tell what stac-fastapi knows of the server; `/readyz` asks database and store."
}
"""Descriptions of endpoints that come without one."""
NOTHING_THERE = {"description": "No item of the mosaic lies there."}
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
_CATALOG = ("/stac/", "/raster/collections/", "/raster/searches/", "/raster/mosaics")
"""Beginnings of the paths that ask the database."""
_MOSAICS = ("/raster/collections/", "/raster/searches/{search_id}/", "/raster/mosaics/")
_ITEM = "/raster/collections/{collection_id}/items/{item_id}/"


class DocumentedApi(FastAPI):
    """A FastAPI application whose document is true of its errors."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            describe_formats(document)
            describe_security(document)
            _describe_errors(document)
            self.openapi_schema = to_version_3_0(document)
        return self.openapi_schema


def _describe_errors(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas["Error"] = ERROR_SCHEMA
    components["responses"] = {status: _error(description) for status, description in ERRORS.items()}
    for path, methods in document["paths"].items():
        chosen = any(each["name"] == "fields" for each in methods.get("get", {}).get("parameters", ()))
        for method, operation in methods.items():
            _describe_operation(path, method, operation)
            if chosen:
                _loosen(operation["responses"])


def _describe_operation(path: str, method: str, operation: Operation) -> None:
    if "parameters" in operation:
        # titiler's document of WMTS names one parameter twice.
        operation["parameters"] = list({(each["in"], each["name"]): each for each in operation["parameters"]}.values())
    if path in SAID_NOWHERE_ELSE:
        operation.setdefault("description", SAID_NOWHERE_ELSE[path])
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    for status in _statuses(path, operation):
        responses.setdefault(status, {"$ref": f"#/components/responses/{status}"})
    if path.startswith(_ITEM) and method == "get":
        responses.setdefault("304", NOT_MODIFIED)
    if path.startswith(_MOSAICS) and not path.startswith(_ITEM):
        responses.setdefault("204", NOTHING_THERE)
    for status, response in responses.items():
        if status >= "400" and "$ref" not in response:
            response.setdefault("content", _error("")["content"])


def _loosen(responses: dict[str, Any]) -> None:
    """Let an answer lack what its schema requires: `fields` may have taken it away."""
    for content in responses.get("200", {}).get("content", {}).values():
        if schema := content.get("schema"):
            whole = {**schema, "description": "What there is where `fields` leaves all."}
            content["schema"] = {"anyOf": [whole, {"type": "object", "description": "A part of it."}]}


def _statuses(path: str, operation: Operation) -> list[str]:
    """Return the errors that an operation may answer, by what it takes and whom it asks."""
    found = []
    if operation.get("parameters") or "requestBody" in operation:
        found.append("400")
    if "{" in path:
        found.append("404")
    if "requestBody" in operation:
        found.append("413")
    if "security" in operation:
        found += ["401", "403"]
    if path.startswith(_CATALOG):
        found += ["503", "504"]
    if cost_of({"method": "GET", "path": path}).rate:
        found.append("429")
    if path.startswith(_ITEM):
        found.append("502")
    return found


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
