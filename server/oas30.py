"""OpenAPI 3.1 to 3.0: pydantic's schemas in the words of the older version."""

from typing import Any

VERSION = "3.0.3"

_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_NOT_IN_3_0 = ("propertyNames", "contentMediaType", "$comment", "exemples")
"""Words that are left out; the last one is morecantile's."""
_LITERAL = ("default", "example", "examples", "enum", "const")
"""Keywords whose values are data, no schemas."""


def to_version_3_0(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of OpenAPI 3.1 as one of 3.0.

    Where 3.0 has no word for a restriction it becomes a wider one: a list of fixed parts is a list of any of them.
    """
    converted: dict[str, Any] = _convert(document)
    return converted | {"openapi": VERSION}


def _convert(node: Any) -> Any:
    if isinstance(node, list):
        return [_convert(part) for part in node]
    if not isinstance(node, dict):
        return node
    converted = {key: value if key in _LITERAL else _convert_value(key, value) for key, value in node.items()}
    return _rewrite(converted)


def _convert_value(key: str, value: Any) -> Any:
    # Names of properties are no keywords: one may be called `const`.
    if key in {"properties", "schemas"} and isinstance(value, dict):
        return {name: _convert(part) for name, part in value.items()}
    return _convert(value)


def _rewrite(schema: dict[str, Any]) -> dict[str, Any]:
    for word in _NOT_IN_3_0:
        schema.pop(word, None)
    if isinstance(schema.get("const"), str | int | float | bool):
        schema["enum"] = [schema.pop("const")]
    if isinstance(schema.get("prefixItems"), list):
        schema["items"] = _any_of(schema.pop("prefixItems"))
    for exclusive, bound in _BOUNDS.items():
        if isinstance(schema.get(exclusive), int | float) and not isinstance(schema[exclusive], bool):
            schema[bound], schema[exclusive] = schema[exclusive], True
    if isinstance(schema.get("examples"), list):
        schema["example"] = schema.pop("examples")[0]
    return _nullable(schema)


def _any_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = [part for index, part in enumerate(parts) if part not in parts[:index]]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that says `nullable` where 3.1 has a type of its own for null."""
    if schema.get("type") == "null":
        return {**schema, "type": "string", "nullable": True, "enum": [None]}
    parts = schema.get("anyOf")
    if not isinstance(parts, list) or not any(_is_null(part) for part in parts):
        return schema
    rest = [part for part in parts if not _is_null(part)]
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(rest) == 1 and "$ref" not in rest[0]:
        return {**rest[0], **others, "nullable": True}
    if len(rest) == 1:
        return {**others, "allOf": rest, "nullable": True}
    return {
        **others,
        "anyOf": [{**part, "nullable": True} if "$ref" not in part else part for part in rest],
        "nullable": True,
    }


def _is_null(part: Any) -> bool:
    return isinstance(part, dict) and part.get("enum") == [None]
