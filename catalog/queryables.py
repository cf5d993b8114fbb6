"""What a search may ask of items: names, types and values, for pgSTAC to index and clients to offer."""

from typing import Any

from catalog.constants import SOURCES
from catalog.extension import schema

INDEXED = (
    "worldstrat:aoi",
    "worldstrat:source",
    "worldstrat:ipcc",
    "worldstrat:lccs",
    "worldstrat:smod",
    "worldstrat:split",
    "worldstrat:revisit",
    "worldstrat:delta",
    "worldstrat:cloud_cover",
    "eo:cloud_cover",
)
"""Properties that most searches filter or sort by."""

COUNTED = (
    "datetime",
    "worldstrat:aoi",
    "worldstrat:source",
    "worldstrat:ipcc",
    "worldstrat:lccs",
    "worldstrat:smod",
    "worldstrat:split",
    "worldstrat:revisit",
    "worldstrat:cloud_cover",
    "eo:cloud_cover",
)
"""Properties that counts and samples read of every item."""
COUNTED_KEY = "counted:1"
"""Where pgSTAC's private column holds them. Raise the number with any change of `COUNTED`: what an older version stored
then counts no more, and the item itself is read."""

_OTHER = {
    "eo:cloud_cover": {
        "title": "Cloud cover of the product",
        "description": "Per cent of clouds in the whole Sentinel-2 product, not in the place.",
        "type": "number",
        "minimum": 0,
        "maximum": 100,
    },
    "gsd": {"title": "Ground sampling distance in metres", "type": "number", "exclusiveMinimum": 0},
    "constellation": {"title": "Constellation", "type": "string", "enum": ["sentinel-2", "spot"]},
    "processing:level": {"title": "Processing level", "type": "string", "enum": ["L1C", "L2A", "L4"]},
}


def queryables() -> dict[str, Any]:
    """Return the JSON schema of everything a search may ask, our extension's fields first."""
    fields = schema()["definitions"]["fields"]["properties"]
    own = {name: _queryable(field) for name, field in fields.items() if field.get("type") != "array"}
    own["worldstrat:source"]["enum"] = list(SOURCES)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": own | _OTHER}


def _queryable(field: dict[str, Any]) -> dict[str, Any]:
    """A field of the schema as a queryable: one type, no null among the values."""
    values = [value for value in field.get("enum", []) if value is not None]
    kind = field.get("type", "integer" if values and isinstance(values[0], int) else "string")
    single = kind[0] if isinstance(kind, list) else kind
    return field | {"type": single} | ({"enum": values} if values else {})
