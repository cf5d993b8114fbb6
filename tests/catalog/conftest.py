"""An AOI and the facts of its rasters, as ingest would hand them over."""

from datetime import date

import pytest

from catalog.asset import BandStatistics, ImageFacts, RasterFacts, Stored
from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.metadata import Aoi, Revisit

CHECKSUM = "1220" + "ab" * 32
BOUNDS = (13.0, 11.0, 13.016, 11.016)
MEANS = {"clm": 0.25, "data-mask": 1.0, "sun-zenith": 30.0, "sun-azimuth": 120.0, "view-zenith": 5.0}
DTYPES = {"reflectance": "uint16", "mask": "uint8", "angle": "float32"}


def raster(product: Product, side: int) -> RasterFacts:
    mean = MEANS.get(product.key, 0.5)
    statistics = BandStatistics(0.0, 2 * mean, mean, 0.1, 100.0)
    step = 0.016 / side
    return RasterFacts(
        product=product,
        stored=Stored(f"s3://bucket/{product.key}.tif", 1000, CHECKSUM, f"x/{product.suffix}.tiff", CHECKSUM, 512),
        dtype=DTYPES[product.kind],
        shape=(side, side),
        transform=(step, 0.0, BOUNDS[0], 0.0, -step, BOUNDS[3]),
        nodata=product.nodata,
        scale=product.scale,
        statistics=(statistics,) * len(product.bands),
    )


@pytest.fixture
def rasters() -> dict[str, list[RasterFacts]]:
    """All rasters of an image, by its kind."""
    return {
        "L2A": [raster(product, 160) for product in SENTINEL2_PRODUCTS["L2A"]],
        "L1C": [raster(product, 160) for product in SENTINEL2_PRODUCTS["L1C"]],
        "SPOT": [raster(product, 263 if product.key == "rgbn" else 1054) for product in SPOT_PRODUCTS],
    }


@pytest.fixture
def aoi() -> Aoi:
    revisits = tuple(Revisit(n, date(2019, 12, n), date(2019, 11, 30), n, 1.5) for n in (1, 2))
    return Aoi(
        "Amnesty POI-1-1-1", "Amnesty", BOUNDS, 13.008, 11.008, 2.5, 190, "Urban areas", "Settlement", 30,
        "Urban: Centre", ("train",), "DS_SPOT7_1", revisits,
    )  # fmt: skip


@pytest.fixture
def thumbnail() -> ImageFacts:
    return ImageFacts("thumbnail", Stored("s3://bucket/t.png", 10, CHECKSUM, "x/rgb.png", CHECKSUM), (256, 256))
