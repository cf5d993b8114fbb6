"""Named ways to look at an item: the render extension, in physical units."""

from collections.abc import Sequence
from typing import Any

from catalog.bands import SCL_CLASSES, SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT

Render = dict[str, Any]

REFLECTANCE_RANGE = [0.0, 0.3]
"""Reflectance from black to white that suits visible light over most land."""
NIR_RANGE = [0.0, 0.5]
"""The same for the brighter near infrared."""
NDVI_RANGE = [-0.2, 0.9]
"""From water and bare ground to dense forest."""


def renders(collection_id: str) -> dict[str, Render]:
    """Return the renders of a collection by name; the first, `true-color`, is the default."""
    found = _RENDERS[collection_id]
    return {name: dict(render) for name, render in found.items()}


def _composite(product: Product, title: str, names: Sequence[str], ranges: Sequence[list[float]]) -> Render:
    """A picture of bands by common name; `bidx` says the same to clients that count bands."""
    common = [band.common_name for band in product.bands]
    indexes = [common.index(name) + 1 for name in names]
    return {
        "title": title,
        "assets": [product.key],
        "bands": list(names),
        "bidx": indexes,
        "rescale": [list(pair) for pair in ranges],
    }


def _optical(product: Product) -> dict[str, Render]:
    visible = [REFLECTANCE_RANGE] * 3
    return {
        "true-color": _composite(product, "True colour", ("red", "green", "blue"), visible),
        "false-color": _composite(
            product, "False colour: vegetation in red", ("nir", "red", "green"), [NIR_RANGE, *visible[1:]]
        ),
        "ndvi": {
            "title": "NDVI: how green the vegetation is",
            "assets": [product.key],
            "expression": "(nir-red)/(nir+red)",
            "rescale": [NDVI_RANGE],
            "colormap_name": "rdylgn",
        },
    }


def _sentinel2(product: Product) -> dict[str, Render]:
    swir = _composite(
        product,
        "Short-wave infrared: bare soil and burns",
        ("swir22", "nir", "red"),
        [NIR_RANGE, NIR_RANGE, [0.0, 0.3]],
    )
    return _optical(product) | {"swir": swir}


def _color(entry: dict[str, Any]) -> list[int]:
    return [*bytes.fromhex(entry["color_hint"]), 0 if entry["name"] == "no_data" else 255]


_SCL: Render = {
    "title": "Scene classification",
    "assets": ["scl"],
    "bands": ["scl"],
    "colormap": {str(entry["value"]): _color(entry) for entry in SCL_CLASSES},
    "resampling": "nearest",
}
_PAN: Render = {
    "title": "Panchromatic, 1.5 m",
    "assets": ["pan"],
    "bands": ["pan"],
    "rescale": [REFLECTANCE_RANGE],
    "colormap_name": "gray",
}
_RENDERS: dict[str, dict[str, Render]] = {
    COLLECTION_L2A: _sentinel2(SENTINEL2_PRODUCTS["L2A"][0]) | {"scl": _SCL},
    COLLECTION_L1C: _sentinel2(SENTINEL2_PRODUCTS["L1C"][0]),
    COLLECTION_SPOT: _optical(SPOT_PRODUCTS[0]) | {"pan": _PAN},
}
