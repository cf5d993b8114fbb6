"""The reader of super-resolved items: every image knows what it was made by, and a GeoTIFF of it says so."""

from typing import Any

import rasterio
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import PointOutsideBounds
from rio_tiler.io import BaseReader
from rio_tiler.models import ImageData, PointData
from titiler.core.resources.enums import ImageType

from server.raster.display import render_image
from server.raster.reader import ItemReader
from server.sr.product import tags
from server.sr.source import UpscaledSource

_KEY = "worldstrat:provenance"
_GEOTIFF = "image/tiff"


class UpscaledReader(ItemReader):
    """Reads a super-resolved item like any other."""

    input: UpscaledSource

    def part(self, *args: Any, **options: Any) -> ImageData:
        """Return what lies in a box, labelled."""
        return self._label(super().part(*args, **options))

    def feature(self, *args: Any, **options: Any) -> ImageData:
        """Return what lies in a geometry, labelled."""
        return self._label(super().feature(*args, **options))

    def preview(self, **options: Any) -> ImageData:
        """Return the whole item, labelled."""
        return self._label(super().preview(**options))

    def tile(self, *args: Any, **options: Any) -> ImageData:
        """Return a tile, labelled."""
        return self._label(super().tile(*args, **options))

    def point(self, lon: float, lat: float, coord_crs: CRS = WGS84_CRS, **options: Any) -> PointData:
        """Return the values of the pixel in which a point lies.

        Raises:
            PointOutsideBounds: it lies outside, which is told before anything is computed.
        """
        west, south, east, north = self.bounds
        if coord_crs == WGS84_CRS and not (west <= lon <= east and south <= lat <= north):
            raise PointOutsideBounds(f"The point {lon}, {lat} lies outside {self.input.record.id!r}.")
        return super().point(lon, lat, coord_crs, **options)

    def _label(self, image: ImageData) -> ImageData:
        image.metadata = {**(image.metadata or {}), _KEY: tags(self.input.record, self.input.recipe)}
        return image


def list_upscaled_renders(src: BaseReader) -> dict[str, dict[str, Any]]:
    """Return the query of each stored render: by the same model, in the same way."""
    source: UpscaledSource = src.input
    return {name: {**source.asked, "render": name} for name in source.record.renders}


def render_labelled(image: ImageData, *, output_format: ImageType | None = None, **options: Any) -> tuple[bytes, str]:
    """Encode an image as `render_image` does; a GeoTIFF gets the provenance of its pixels as tags."""
    content, media_type = render_image(image, output_format=output_format, **options)
    told = (image.metadata or {}).get(_KEY)
    if not told or not media_type.startswith(_GEOTIFF):
        return content, media_type
    with MemoryFile() as memory:  # a file made of given bytes could not grow
        memory.write(content)
        with rasterio.open(memory.name, "r+") as dataset:
            dataset.update_tags(**told)
        return bytes(memory.getbuffer()), media_type
