"""Draw the layers of the notebook "Use it from QGIS" in QGIS itself, without a window.

Beside a running `make demo`, with Debian's package `python3-qgis`, from the repository's folder:

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 docs/notebooks/qgis_pictures.py

One picture comes of it, docs/images/qgis-layers.webp: a WMTS layer, a layer of XYZ tiles and a COG read by its address.
Qt writes WebP with the package `qt5-image-formats-plugins`.
"""

import json
import os
from urllib.parse import quote
from urllib.request import urlopen

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QRect, QSize, Qt
from qgis.PyQt.QtGui import QImage, QPainter

SERVER = os.environ.get("WORLDSTRAT_URL", "http://127.0.0.1:8000").removesuffix("/stac")
RASTER = f"{SERVER}/raster/collections"
PICTURE = "docs/images/qgis-layers.webp"
SIDE, TITLE = 360, 24


def find(collection: str, condition: str) -> dict:
    """Return the first item that a search finds."""
    search = f"{SERVER}/stac/search?collections={collection}&limit=1&filter={quote(condition)}"
    with urlopen(search) as answer:  # noqa: S310 - the demo's address
        return json.load(answer)["features"][0]


def tiles_of(item: dict) -> str:
    """Return the address below which an item is drawn."""
    return f"{RASTER}/{item['collection']}/items/{item['id']}"


def open_layers(spot: dict, revisit: dict) -> dict[str, QgsRasterLayer]:
    """Open an image by each of the three doors."""
    document = quote(f"{tiles_of(spot)}/WMTSCapabilities.xml", safe=":/")
    layer = f"layers={spot['id']}_WebMercatorQuad_true-color&tileMatrixSet=WebMercatorQuad"
    wmts = f"crs=EPSG:3857&format=image/png&{layer}&styles=default&url={document}"
    address = f"{tiles_of(revisit)}/sr/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?index=NDVI"
    xyz = f"type=xyz&url={quote(address, safe=':/?={}')}&zmin=10&zmax=18"
    cog = QgsRasterLayer(f"/vsicurl/{revisit['assets']['data']['href']}", "cog", "gdal")
    renderer = cog.renderer().clone()
    renderer.setRedBand(8)
    renderer.setGreenBand(4)
    renderer.setBlueBand(3)
    cog.setRenderer(renderer)
    cog.setContrastEnhancement(1)  # stretched from the least to the greatest
    return {
        "WMTS: SPOT, true colour": QgsRasterLayer(wmts, "wmts", "wms"),
        "XYZ: NDVI at 2.5 m, synthetic": QgsRasterLayer(xyz, "xyz", "wms"),
        "COG: Sentinel-2, B08, B04, B03": cog,
    }


def draw(layer: QgsRasterLayer, bbox: list[float]) -> QImage:
    """Draw a layer within a box in degrees."""
    if not layer.isValid():
        raise SystemExit(f"QGIS cannot open {layer.source()}: {layer.error().message()}")
    mercator = QgsCoordinateReferenceSystem("EPSG:3857")
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    to_map = QgsCoordinateTransform(degrees, mercator, QgsProject.instance())
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(mercator)
    settings.setExtent(to_map.transformBoundingBox(QgsRectangle(*bbox)))
    settings.setOutputSize(QSize(SIDE, SIDE))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def main() -> None:
    """Draw the three beside each other."""
    application = QgsApplication([], False)
    application.initQgis()
    spot = find("worldstrat-spot", "\"worldstrat:source\" = 'UNHCR'")
    place = f"\"worldstrat:aoi\" = '{spot['properties']['worldstrat:aoi']}'"
    revisit = find("worldstrat-sentinel-2-l2a", f'{place} AND "worldstrat:revisit" = 1')
    layers = open_layers(spot, revisit)
    picture = QImage(len(layers) * (SIDE + 8) - 8, SIDE + TITLE, QImage.Format_RGB32)
    picture.fill(Qt.white)
    painter = QPainter(picture)
    for column, (title, layer) in enumerate(layers.items()):
        left = column * (SIDE + 8)
        painter.drawText(QRect(left, 0, SIDE, TITLE), Qt.AlignCenter, title)
        painter.drawImage(left, TITLE, draw(layer, spot["bbox"]))
    painter.end()
    if not picture.save(PICTURE, quality=82):
        raise SystemExit("Qt has no WebP: apt-get install qt5-image-formats-plugins")


if __name__ == "__main__":
    main()
