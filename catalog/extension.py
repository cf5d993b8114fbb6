"""Our own STAC extension, and the versions of the others that items and collections follow."""

import json
from importlib.resources import files
from typing import Any

from catalog.metadata import Aoi, Revisit

SCHEMA_URI = "https://worldstrat.github.io/stac/v1.0.0/schema.json"
"""Identifier of the `worldstrat` extension."""

_EXTENSIONS = "https://stac-extensions.github.io"
# eo and raster in v1.1: what pystac, odc-stac and rio-tiler read today (see docs/decisions).
EO_URI = f"{_EXTENSIONS}/eo/v1.1.0/schema.json"
RASTER_URI = f"{_EXTENSIONS}/raster/v1.1.0/schema.json"
PROJECTION_URI = f"{_EXTENSIONS}/projection/v2.0.0/schema.json"
FILE_URI = f"{_EXTENSIONS}/file/v2.1.0/schema.json"
VIEW_URI = f"{_EXTENSIONS}/view/v1.1.0/schema.json"
CLASSIFICATION_URI = f"{_EXTENSIONS}/classification/v1.1.0/schema.json"
PROCESSING_URI = f"{_EXTENSIONS}/processing/v1.2.0/schema.json"
ML_AOI_URI = f"{_EXTENSIONS}/ml-aoi/v0.2.0/schema.json"
RENDER_URI = f"{_EXTENSIONS}/render/v2.0.0/schema.json"
TABLE_URI = f"{_EXTENSIONS}/table/v1.2.0/schema.json"
SCIENTIFIC_URI = f"{_EXTENSIONS}/scientific/v1.0.0/schema.json"

ML_AOI_SPLITS = {"train": "train", "val": "validate", "test": "test"}
"""The published splits in the words of the ml-aoi extension."""


def schema() -> dict[str, Any]:
    """Return the JSON schema of the `worldstrat` extension."""
    loaded: dict[str, Any] = json.loads(files("catalog").joinpath("schema/worldstrat.json").read_text("utf-8"))
    return loaded


def aoi_properties(aoi: Aoi) -> dict[str, Any]:
    """Return what every item of an AOI says of the place: source, land use, split."""
    properties: dict[str, Any] = {
        "worldstrat:aoi": aoi.name,
        "worldstrat:source": aoi.source,
        "worldstrat:lccs": aoi.lccs,
        "worldstrat:lccs_label": aoi.lccs_label,
        "worldstrat:ipcc": aoi.ipcc,
        "worldstrat:smod": aoi.smod,
        "worldstrat:smod_label": aoi.smod_label,
        "worldstrat:split": aoi.split,
        "worldstrat:split_conflict": len(aoi.splits) > 1,
        "worldstrat:spot_date": aoi.spot_date.isoformat() if aoi.spot_date else None,
    }
    if len(aoi.splits) > 1:
        properties["worldstrat:splits"] = list(aoi.splits)
    if aoi.product_id:
        properties["worldstrat:product_id"] = aoi.product_id
    if aoi.split in ML_AOI_SPLITS:
        properties["ml-aoi:split"] = ML_AOI_SPLITS[aoi.split]
    return properties


def revisit_properties(revisit: Revisit) -> dict[str, Any]:
    """Return what a Sentinel-2 item says of its revisit: rank and days from the SPOT image."""
    return {"worldstrat:revisit": revisit.n, "worldstrat:delta": revisit.delta}
