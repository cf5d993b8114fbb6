"""Names and facts of the dataset that every room shares."""

from typing import Final, Literal

Level = Literal["L2A", "L1C"]
"""Processing level of a Sentinel-2 raster: bottom or top of atmosphere."""

COLLECTION_L2A: Final = "worldstrat-sentinel-2-l2a"
COLLECTION_L1C: Final = "worldstrat-sentinel-2-l1c"
COLLECTION_SPOT: Final = "worldstrat-spot"
COLLECTIONS: Final = (COLLECTION_L2A, COLLECTION_L1C, COLLECTION_SPOT)
COLLECTION_SR: Final = "worldstrat-super-resolved"
"""What a model made of images, and somebody stored."""
COLLECTION_MODELS: Final = "sr-models"
"""The models."""
LEVEL_COLLECTIONS: Final[dict[Level, str]] = {"L2A": COLLECTION_L2A, "L1C": COLLECTION_L1C}

SOURCES: Final = ("Landcover", "UNHCR", "ASMSpotter", "Amnesty")
"""Why an AOI was chosen: stratified sampling, refugee settlements, illegal mines, places Amnesty watches."""

MAX_REVISIT: Final = 16
"""Revisits are ranked 1..16, the best (closest in time, least clouds) first."""

REFLECTANCE_SCALE: Final = 0.0001
"""Reflectance of one stored unit."""

CRS: Final = "EPSG:4326"
"""Every published raster lies on longitude and latitude."""

COG_MEDIA_TYPE: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
PNG_MEDIA_TYPE: Final = "image/png"

DOI: Final = "10.5281/zenodo.6810792"
CITATION: Final = (
    "Cornebise, J., Oršolić, I. & Kalaitzis, F. (2022). Open High-Resolution Satellite Imagery: The WorldStrat "
    "Dataset - With Application to Super-Resolution. NeurIPS 2022 Datasets and Benchmarks."
)


def slug(aoi: str) -> str:
    """Return the name of an AOI as ids and keys write it: spaces become hyphens."""
    return aoi.replace(" ", "-")
