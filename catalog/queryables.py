"""What a search may ask of items: names, types and values, for pgSTAC to index and clients to offer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog.constants import SOURCES
from catalog.extension import schema
from catalog.landuse import LCCS_CLASSES, SMOD_CLASSES

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

LISTED: Final = (
    "constellation",
    "gsd",
    "processing:level",
    "worldstrat:source",
    "worldstrat:ipcc",
    "worldstrat:lccs",
    "worldstrat:smod",
    "worldstrat:split",
)
"""Properties whose values a collection's summaries list."""
RANGED: Final = (
    "eo:cloud_cover",
    "worldstrat:cloud_cover",
    "worldstrat:data_cover",
    "worldstrat:delta",
    "worldstrat:revisit",
)
"""Properties whose least and greatest value a collection's summaries give."""
_TELLING: Final = "worldstrat:source"
"""What every image of a place has: a collection whose summaries lack it has none."""
_TITLES: Final[dict[str, Mapping[int, str]]] = {"worldstrat:lccs": LCCS_CLASSES, "worldstrat:smod": SMOD_CLASSES}
"""What codes mean."""

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


def narrowed(properties: Mapping[str, Any], collections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return queryables with the values and ranges that the items of collections really have.

    A property that no item has is left out. Where no collection has items that could tell, all stay as they are.

    Args:
        properties: JSON schema by name.
        collections: their extents and summaries, as `catalog.upkeep` writes them.
    """
    telling = [collection for collection in collections if _TELLING in collection["summaries"]]
    if not telling:
        return dict(properties)
    found = {name: _found(name, [collection["summaries"] for collection in telling]) for name in (*LISTED, *RANGED)}
    kept = {name: field | found.get(name, {}) for name, field in properties.items() if found.get(name, True)}
    if "datetime" in kept:
        kept["datetime"] = kept["datetime"] | _period(telling)
    return kept


def _found(name: str, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a property is in these collections, as members of its schema."""
    told = [summary[name] for summary in summaries if name in summary]
    if not told:
        return {}
    if name in RANGED:
        return {"minimum": min(one["minimum"] for one in told), "maximum": max(one["maximum"] for one in told)}
    values = sorted({value for one in told for value in one})
    titles = _TITLES.get(name, {})
    named = [{"const": value, "title": titles[value]} for value in values if value in titles]
    # Few clients read titles, and all of them read `enum`; a value without a title would match nothing in `oneOf`.
    return {"enum": values} | ({"oneOf": named} if named and len(named) == len(values) else {})


def _period(collections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    starts, ends = zip(*(one["extent"]["temporal"]["interval"][0] for one in collections), strict=True)
    first, last = min(starts), max(ends)
    return {
        "description": f"When the image was taken: from {first[:10]} to {last[:10]}.",
        # JSON Schema has no range of dates; these two are what validators that know one call it.
        "formatMinimum": first,
        "formatMaximum": last,
    }
