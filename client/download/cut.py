"""A crop that the server cut out of an asset: a file that says what it holds, and an asset that says so too."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from client.download.manifest import Written
from client.errors import DownloadError

_OF_BANDS: Final = ("eo:bands", "raster:bands", "bands")


def finish_cut(asset: Mapping[str, Any], content: bytes, bands: Sequence[str]) -> bytes:
    """Return a crop as a GeoTIFF with the names, the scale and the no-data value of its bands.

    Args:
        asset: the asset that it was cut out of.
        content: the crop, a GeoTIFF of stored numbers.
        bands: names of its bands.

    Raises:
        DownloadError: it is no raster of these bands.
    """
    told = _of_bands(asset, "raster:bands", bands)
    try:
        with MemoryFile(content) as memory, memory.open() as src:
            pixels, profile = src.read(range(1, len(bands) + 1)), src.profile
    except (RasterioError, IndexError) as error:
        raise DownloadError(f"the server cut out nothing that can be read: {error}") from error
    profile |= {"count": len(bands), "compress": "deflate", "nodata": told[0].get("nodata") if told else None}
    with MemoryFile() as memory:
        with memory.open(**profile) as dst:
            dst.write(pixels)
            dst.descriptions = tuple(bands)
            if told and all("scale" in band for band in told):
                dst.scales = tuple(band["scale"] for band in told)
        return bytes(memory.getbuffer())


def describe_cut(asset: Mapping[str, Any], content: bytes, written: Written, bands: Sequence[str]) -> dict[str, Any]:
    """Return the asset with the bands, the grid, the size and the checksum of a finished crop."""
    with MemoryFile(content) as memory, memory.open() as src:
        grid = {
            "proj:shape": [src.height, src.width],
            "proj:transform": list(src.transform)[:6],
            "proj:bbox": list(src.bounds),
        }
    made = {**asset, **grid, "file:size": written.size, "file:checksum": f"1220{written.sha256}"}
    made.pop("file:header_size", None)
    for field in _OF_BANDS:
        if field in asset:
            # Statistics are of the whole raster.
            made[field] = [
                {name: value for name, value in band.items() if name != "statistics"}
                for band in _of_bands(asset, field, bands)
            ]
    return made


def _of_bands(asset: Mapping[str, Any], field: str, bands: Sequence[str]) -> list[dict[str, Any]]:
    """Return what a list of the asset says of some bands; it lists them in the order of the raster."""
    known = [band.get("name") for band in asset.get("eo:bands") or asset.get("bands") or ()]
    listed = asset.get(field) or ()
    return [listed[known.index(name)] for name in bands] if len(listed) == len(known) else []
