"""Items against their schemas: compiled once a process, and without a network."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.protocols import Validator
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from catalog import extension
from catalog.errors import InvalidItemError, SettingsError

CORE_URI = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
"""The item schema of the STAC core, which pystac brings along."""
INDEX = "index.json"
"""The file of a folder of schemas that maps their identifiers to paths."""


class ItemValidator:
    """Checks items against the core, our own schema and, where their schemas are at hand, all extensions."""

    def __init__(self, schemas: Path | None = None) -> None:
        documents = _documents(schemas)
        registry: Registry[Any] = Registry().with_resources(
            (uri, Resource.from_contents(document, default_specification=DRAFT7)) for uri, document in documents.items()
        )
        self._complete = schemas is not None
        self._validators: dict[str, Validator] = {
            uri: Draft7Validator(documents[uri], registry=registry)
            for uri in documents
            if uri == CORE_URI or uri.endswith("/schema.json")
        }

    def check(self, item: Mapping[str, Any]) -> None:
        """Check one item, as JSON would hold it.

        Raises:
            InvalidItemError: it breaks a schema, or one of its schemas is not in the given folder.
        """
        for uri in (CORE_URI, *item["stac_extensions"]):
            validator = self._validators.get(uri)
            if validator is not None:
                _check(item, uri, validator)
            elif self._complete:
                raise InvalidItemError(f"{item['id']}: the folder of schemas has no {uri}.")


@cache
def item_validator(schemas: Path | None) -> ItemValidator:
    """Return this process's validator for a folder of schemas, compiled at the first call."""
    return ItemValidator(schemas)


def _check(item: Mapping[str, Any], uri: str, validator: Validator) -> None:
    error = next(iter(validator.iter_errors(item)), None)
    if error is not None:
        deepest = max(error.context or [error], key=lambda cause: len(cause.absolute_path))
        where = "/".join(str(part) for part in deepest.absolute_path) or "the item"
        raise InvalidItemError(f"{item['id']} breaks {uri} at {where}: {deepest.message[:300]}")


def _documents(schemas: Path | None) -> dict[str, Any]:
    """Return all known schemas by identifier."""
    own = {extension.SCHEMA_URI: extension.schema()}
    return (_given(schemas) if schemas else {}) | get_local_schema_cache() | own


def _given(schemas: Path) -> dict[str, Any]:
    """Read the schemas that a folder's index lists."""
    try:
        index: dict[str, str] = json.loads((schemas / INDEX).read_text("utf-8"))
        return {uri: json.loads((schemas / path).read_text("utf-8")) for uri, path in index.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError(f"{schemas} is no folder of schemas with an {INDEX}: {error}.") from error
