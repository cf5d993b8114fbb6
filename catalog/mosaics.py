"""Mosaics by name: many items as one map, stored with the collection whose images lie on top."""

from typing import Any

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT

FIELD = "worldstrat:mosaics"
"""Field of a collection that holds its mosaics by name."""

CLEAREST_FIRST = "+worldstrat:cloud_cover,+worldstrat:revisit"
"""Fewest clouds in the place, then closest to the SPOT image in time: revisits are ranked by that."""

Mosaic = dict[str, Any]

_MOSAICS: dict[str, dict[str, Mosaic]] = {
    COLLECTION_SPOT: {
        "best": {
            "title": "The best image of each place",
            "description": "SPOT at 1.5 m where there is one, above the clearest Sentinel-2 revisit at 10 m.",
            "collections": [COLLECTION_SPOT, COLLECTION_L2A],
            "sortby": f"+gsd,{CLEAREST_FIRST}",
            "render": "true-color",
        },
    },
    COLLECTION_L2A: {
        "clearest": {
            "title": "The clearest Sentinel-2 revisit of each place",
            "description": "True colour; of equally clear revisits the one closest to the SPOT image in time.",
            "collections": [COLLECTION_L2A],
            "sortby": CLEAREST_FIRST,
            "render": "true-color",
        },
        "false-color": {
            "title": "The clearest Sentinel-2 revisit of each place, vegetation in red",
            "description": "Near infrared, red and green.",
            "collections": [COLLECTION_L2A],
            "sortby": CLEAREST_FIRST,
            "render": "false-color",
        },
        "ndvi": {
            "title": "NDVI of the clearest Sentinel-2 revisit of each place",
            "description": "How green the vegetation is.",
            "collections": [COLLECTION_L2A],
            "sortby": CLEAREST_FIRST,
            "render": "ndvi",
        },
    },
}


def mosaics(collection_id: str) -> dict[str, Mosaic]:
    """Return the mosaics that are stored with a collection, by name.

    Each names the `collections` that it shows, the order of their items (`sortby`, what comes first lies on top), the
    `render` of these collections that paints them, and optionally a CQL2 JSON `filter`.
    """
    return {name: dict(mosaic) for name, mosaic in _MOSAICS.get(collection_id, {}).items()}
