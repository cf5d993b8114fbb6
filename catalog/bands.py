"""Bands, and the rasters (products) of the published dataset that carry them."""

from dataclasses import dataclass
from typing import Any, Literal

from catalog.constants import REFLECTANCE_SCALE, Level

Kind = Literal["reflectance", "mask", "angle"]
"""What the numbers are: it decides the stored type, the nodata and the resampling of overviews."""


@dataclass(frozen=True)
class Band:
    """One band of a raster."""

    name: str
    """Name, unique within its raster: `B04`, `red`, `scl`."""
    description: str
    """The band in words."""
    common_name: str | None = None
    """Common name of the eo extension, where there is one."""
    center_wavelength: float | None = None
    """Micrometres."""
    full_width_half_max: float | None = None
    """Micrometres."""
    gsd: float | None = None
    """Native ground sampling distance in metres; published rasters are resampled to one grid."""


@dataclass(frozen=True)
class Product:
    """One kind of raster of the published dataset: one file there, one asset here."""

    key: str
    """Key of the asset."""
    suffix: str
    """What the published file's name ends in, before `.tiff`."""
    title: str
    """Title of the asset."""
    kind: Kind
    """What the numbers are."""
    bands: tuple[Band, ...]
    """Bands in file order."""
    roles: tuple[str, ...]
    """Roles of the asset."""
    nodata: int | None = None
    """Stored value that means "no data here"; None where every value is one."""
    unit: str | None = None
    """Unit of the numbers after scaling."""
    gsd: float = 10.0
    """Ground sampling distance in metres."""
    classes: tuple[dict[str, Any], ...] = ()
    """Classes of a mask, as the classification extension lists them."""

    @property
    def scale(self) -> float | None:
        """Unit of one stored number, None where numbers are stored as they are."""
        return REFLECTANCE_SCALE if self.kind == "reflectance" else None


SENTINEL2_BANDS = (
    Band("B01", "Coastal aerosol", "coastal", 0.443, 0.027, 60),
    Band("B02", "Blue", "blue", 0.490, 0.098, 10),
    Band("B03", "Green", "green", 0.560, 0.045, 10),
    Band("B04", "Red", "red", 0.665, 0.038, 10),
    Band("B05", "Red edge 1", "rededge071", 0.704, 0.019, 20),
    Band("B06", "Red edge 2", "rededge075", 0.740, 0.018, 20),
    Band("B07", "Red edge 3", "rededge078", 0.783, 0.028, 20),
    Band("B08", "Near infrared", "nir", 0.842, 0.145, 10),
    Band("B8A", "Near infrared, narrow", "nir08", 0.865, 0.033, 20),
    Band("B09", "Water vapour", "nir09", 0.945, 0.026, 60),
    Band("B10", "Cirrus", "cirrus", 1.3735, 0.075, 60),
    Band("B11", "Short-wave infrared 1.6 micrometres", "swir16", 1.610, 0.143, 20),
    Band("B12", "Short-wave infrared 2.2 micrometres", "swir22", 2.190, 0.242, 20),
)
SPOT_BANDS = (
    Band("red", "Red", "red", 0.659, 0.069, 6),
    Band("green", "Green", "green", 0.557, 0.059, 6),
    Band("blue", "Blue", "blue", 0.487, 0.065, 6),
    Band("nir", "Near infrared", "nir", 0.813, 0.120, 6),
)
PAN_BAND = Band("pan", "Panchromatic", "pan", gsd=1.5)

_SCL = (
    ("no_data", "No data", "000000"),
    ("saturated_or_defective", "Saturated or defective", "FF0004"),
    ("dark_area", "Dark area pixels", "868686"),
    ("cloud_shadow", "Cloud shadows", "774C0B"),
    ("vegetation", "Vegetation", "10D32D"),
    ("bare_soil", "Bare soils", "FFFF53"),
    ("water", "Water", "0000FF"),
    ("unclassified", "Clouds of low probability, or unclassified", "818181"),
    ("cloud_medium", "Clouds of medium probability", "C0C0C0"),
    ("cloud_high", "Clouds of high probability", "F2F2F2"),
    ("cirrus", "Cirrus", "BBC5EC"),
    ("snow", "Snow or ice", "53FFFA"),
)
SCL_CLASSES = tuple(
    {"value": value, "name": name, "description": text, "color_hint": color}
    for value, (name, text, color) in enumerate(_SCL)
)
CLOUD_CLASSES = (
    {"value": 0, "name": "clear", "description": "Clear", "color_hint": "000000"},
    {"value": 1, "name": "cloud", "description": "Cloud", "color_hint": "FFFFFF"},
    {"value": 255, "name": "no_data", "description": "No data", "nodata": True},
)
DATA_MASK_CLASSES = (
    {"value": 0, "name": "no_data", "description": "No data", "color_hint": "000000"},
    {"value": 1, "name": "data", "description": "Data", "color_hint": "FFFFFF"},
)
NO_DATA_IN_CLOUD_MASK = 255
"""CLM and CLP say 255 where nothing was seen."""


def _mask(key: str, suffix: str, title: str, *roles: str, **options: Any) -> Product:
    return Product(key, suffix, title, "mask", (Band(key, title),), ("data-mask", *roles), **options)


def _angle(key: str, suffix: str, title: str) -> Product:
    return Product(key, suffix, title, "angle", (Band(key, title),), ("metadata", key), unit="degree")


# Angle roles are those of the view extension's best practices: sun-azimuth, sun-zenith, sat-azimuth, sat-zenith.
_ANCILLARY = (
    _mask("scl", "SCL", "Scene classification", "land-water", "cloud", "cloud-shadow", classes=SCL_CLASSES),
    _mask("clm", "CLM", "Cloud mask", "cloud", nodata=NO_DATA_IN_CLOUD_MASK, classes=CLOUD_CLASSES),
    _mask("clp", "CLP", "Cloud probability, 0 to 254", "cloud", nodata=NO_DATA_IN_CLOUD_MASK),
    _mask("data-mask", "dataMask", "Data mask", classes=DATA_MASK_CLASSES),
    _angle("sun-azimuth", "sunAzimuthAngles", "Sun azimuth"),
    _angle("sun-zenith", "sunZenithAngles", "Sun zenith"),
    _angle("view-azimuth", "viewAzimuthMean", "Viewing azimuth, mean of the bands"),
    _angle("view-zenith", "viewZenithMean", "Viewing zenith, mean of the bands"),
)


def _reflectance(level: Level) -> Product:
    bands = tuple(band for band in SENTINEL2_BANDS if level == "L1C" or band.name != "B10")
    where = "Surface" if level == "L2A" else "Top-of-atmosphere"
    title = f"{where} reflectance, {len(bands)} bands"
    return Product("data", f"{level}_data", title, "reflectance", bands, ("data", "reflectance"), nodata=0, unit="1")


SENTINEL2_PRODUCTS: dict[Level, tuple[Product, ...]] = {
    "L2A": (_reflectance("L2A"), *_ANCILLARY),
    "L1C": (_reflectance("L1C"), *_ANCILLARY),
}
"""Products of a Sentinel-2 revisit; the first, `data`, is the one an item can't be without."""


def _spot(key: str, title: str, bands: tuple[Band, ...], gsd: float) -> Product:
    return Product(key, key, title, "reflectance", bands, ("data", "reflectance"), unit="1", gsd=gsd)


SPOT_PRODUCTS = (
    _spot("ps", "Pansharpened reflectance, 4 bands at 1.5 m", SPOT_BANDS, 1.5),
    _spot("pan", "Panchromatic reflectance at 1.5 m", (PAN_BAND,), 1.5),
    _spot("rgbn", "Native multispectral reflectance, 4 bands at 6 m", SPOT_BANDS, 6.0),
)
