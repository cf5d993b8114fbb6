"""Items against their schemas: compiled once a process, and without a network."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft7, Draft7Validator, Registry, ValidationError
from pystac.validation.local_validator import get_local_schema_cache

from catalog import extension
from catalog.errors import InvalidItemError, SettingsError

CORE_URI = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
"""The item schema of the STAC core, which pystac brings along."""
INDEX = "index.json"
"""The file of a folder of schemas that maps their identifiers to paths."""


class ItemValidator:
    """Checks items against the core, our own schema and, where their schemas are at hand, all extensions."""

    def __init__(self, schemas: Path | None = None) -> None:
        given = _given(schemas) if schemas else {}
        self._complete = schemas is not None
        self._documents = given | get_local_schema_cache() | {extension.SCHEMA_URI: extension.schema()}
        # What a schema refers to and nobody has given fits nothing: it is never fetched, and never passed over.
        self._registry = Registry(list(self._documents.items()), draft=Draft7, retriever=lambda _: False)
        self._validators: dict[str, Draft7Validator] = {}

    def check(self, item: Mapping[str, Any]) -> None:
        """Check one item, as JSON would hold it.

        Raises:
            InvalidItemError: it breaks a schema, or one of its schemas is not in the given folder.
        """
        for uri in (CORE_URI, *item["stac_extensions"]):
            if uri in self._documents:
                self._check(item, uri)
            elif self._complete:
                raise InvalidItemError(f"{item['id']}: the folder of schemas has no {uri}.")

    def _check(self, item: Mapping[str, Any], uri: str) -> None:
        if uri not in self._validators:
            self._validators[uri] = Draft7Validator(self._documents[uri], registry=self._registry)
        error = next(iter(self._validators[uri].iter_errors(item)), None)
        if error is not None:
            cause = _deepest(error)
            where = "/".join(str(part) for part in cause.instance_path) or "the item"
            raise InvalidItemError(f"{item['id']} breaks {uri} at {where}: {cause.message[:300]}")


@cache
def item_validator(schemas: Path | None) -> ItemValidator:
    """Return this process's validator for a folder of schemas, compiled at the first calls."""
    return ItemValidator(schemas)


def _deepest(error: ValidationError) -> ValidationError:
    """Return the error furthest down: an item fits none of two schemas because of one field somewhere below."""
    branches: list[list[ValidationError]] = getattr(error.kind, "context", [])
    causes = [_deepest(cause) for branch in branches for cause in branch]
    return max(causes, key=lambda cause: len(cause.instance_path), default=error)


def _given(schemas: Path) -> dict[str, Any]:
    """Read the schemas that a folder's index lists."""
    try:
        index: dict[str, str] = json.loads((schemas / INDEX).read_text("utf-8"))
        return {uri: json.loads((schemas / path).read_text("utf-8")) for uri, path in index.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError(f"{schemas} is no folder of schemas with an {INDEX}: {error}.") from error
