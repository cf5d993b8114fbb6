"""GDAL as QGIS uses it: WMTS by its document, XYZ by its template."""

from typing import Any

import httpx
import numpy as np
import rasterio
from rasterio.windows import Window

from catalog.constants import COLLECTION_SPOT

XYZ = """<GDAL_WMS>
  <Service name="TMS"><ServerUrl>{url}</ServerUrl></Service>
  <DataWindow>
    <UpperLeftX>-20037508.34</UpperLeftX><UpperLeftY>20037508.34</UpperLeftY>
    <LowerRightX>20037508.34</LowerRightX><LowerRightY>-20037508.34</LowerRightY>
    <TileLevel>18</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY><YOrigin>top</YOrigin>
  </DataWindow>
  <Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>
</GDAL_WMS>"""


def test_gdal_opens_the_wmts_document_and_reads_a_tile(http: httpx.Client, spot: Any) -> None:
    document = f"WMTS:{http.base_url}{spot.url}/WMTSCapabilities.xml"
    layer = f"{spot.item}_WebMercatorQuad_true-color"
    with rasterio.open(document) as src:
        assert any(name.endswith(f"layer={layer}") for name in src.subdatasets)
    z, x, y = map(int, spot.middle().split("/"))
    with rasterio.open(f"{document},layer={layer},tilematrix={z}") as src:
        assert src.crs.to_epsg() == 3857
        size = 2 * 20037508.342789244 / 2**z
        left, top = -20037508.342789244 + x * size, 20037508.342789244 - y * size
        column, row = (round(value) for value in ~src.transform * (left, top))
        pixels = src.read(window=Window(column, row, 256, 256))
    expected = spot.picture(http, f"tiles/WebMercatorQuad/{z}/{x}/{y}.png", render="true-color")
    np.testing.assert_array_equal(np.moveaxis(pixels, 0, -1)[..., :3], expected[..., :3])


def test_gdal_opens_the_wmts_document_of_a_collection(http: httpx.Client) -> None:
    assert http.get(f"/raster/collections/{COLLECTION_SPOT}/WMTSCapabilities.xml").status_code == 200
    with rasterio.open(f"WMTS:{http.base_url}/raster/collections/{COLLECTION_SPOT}/WMTSCapabilities.xml") as src:
        assert any("true-color" in name for name in src.subdatasets)


def test_gdal_reads_the_xyz_template_that_qgis_would_take(http: httpx.Client, spot: Any) -> None:
    template = f"{http.base_url}{spot.url}/tiles/WebMercatorQuad/${{z}}/${{x}}/${{y}}.png?render=ndvi"
    z, x, y = map(int, spot.middle().split("/"))
    with rasterio.open(XYZ.format(url=template)) as src:
        factor = 2 ** (18 - z)
        window = Window(x * 256 * factor, y * 256 * factor, 256 * factor, 256 * factor)
        pixels = src.read(window=window, out_shape=(4, 256, 256))
    expected = spot.picture(http, f"tiles/WebMercatorQuad/{z}/{x}/{y}.png", render="ndvi")
    np.testing.assert_array_equal(np.moveaxis(pixels, 0, -1), expected)
