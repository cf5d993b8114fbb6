"""docs/clients.md, word for word: every example is run against a server, with its address in place of the page's."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/clients.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"


def examples(language: str, server: str) -> dict[str, str]:
    """Return the examples in a language, by the headings that they stand under."""
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
            if name == language:
                title = section.split("\n")[0]
                found[title if title not in found else f"{title} again"] = text.replace(ADDRESS, server)
    return found


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


PRINTED = {
    "pystac-client": r"2 images\n(\d{4}-\d\d-\d\d UNHCR-\S+ \w.* http\S+_data.tif\n){2}",
    "odc-stac": r"\{'latitude': 1\d\d, 'longitude': 1\d\d, 'time': 2\} 0\.\d+",
    "rio-tiler": r"\['ps', 'pan', 'rgbn'\] \(115\.\d+.*\)\n\(4, 256, 256\) [1-9]\d+",
    "stac-asset": r"\{'pan': '.*_pan\.tif', 'rgbn': '.*_rgbn\.tif'\}",
    "GDAL": r"4 \(1054, 1054\) [1-9]\d*\.\d+",
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_python_example_prints_what_there_is(live_server: str, name: str, tmp_path: Path) -> None:
    # Deprecations within these packages are no failures of the example.
    printed = run(sys.executable, "-W", "ignore", "-c", examples("python", live_server)[name], cwd=tmp_path)

    assert re.match(PRINTED[name], printed), printed


def test_stackstac_still_cannot_run_beside_new_pandas(live_server: str) -> None:
    """When this fails, the page should say otherwise."""
    example = examples("python", live_server)["odc-stac"]
    example = example[: example.index("pixels =")].replace("odc.stac", "stackstac")
    example += "stackstac.stack(list(items), assets=['scl'], epsg=4326, rescale=False)"
    command = [sys.executable, "-W", "ignore", "-c", example]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)

    assert re.search(r"infer_datetime_format|can_cast", done.stderr), done.stderr


def test_gdal_describes_an_asset_and_a_wmts_document(live_server: str) -> None:
    if not all(shutil.which(program) for program in ("gdalinfo", "curl", "jq")):
        pytest.skip("needs gdalinfo, curl and jq (Debian: apt-get install gdal-bin curl jq)")
    asset, document = examples("sh", live_server).values()

    described = run("sh", "-ec", asset)
    assert "Size is 1054, 1054" in described
    assert "INTERLEAVE=BAND" in described
    assert "layer=Landcover-8379_SPOT_WebMercatorQuad_true-color" in run("sh", "-ec", document)


def test_the_addresses_for_qgis_answer(live_server: str) -> None:
    document, tiles = examples("", live_server).values()

    assert "Capabilities" in httpx.get(document.strip(), timeout=60).raise_for_status().text
    answer = httpx.get(tiles.strip().format(z=0, x=0, y=0), timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) in {(200, "image/png"), (404, "application/json")}


RENDER = """
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem as Crs, QgsCoordinateTransform as Transform
from qgis.core import QgsMapRendererParallelJob as Job, QgsMapSettings, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

application = QgsApplication([], False)
application.initQgis()
{example}
settings = QgsMapSettings()
settings.setLayers([layer])
settings.setDestinationCrs(Crs("EPSG:3857"))
settings.setBackgroundColor(QColor(255, 0, 255))
box = QgsRectangle(115.5935, 23.0940, 115.6065, 23.1060)
settings.setExtent(Transform(Crs("EPSG:4326"), Crs("EPSG:3857"), QgsProject.instance()).transformBoundingBox(box))
settings.setOutputSize(QSize(512, 512))
job = Job(settings)
job.start()
job.waitForFinished()
assert job.renderedImage().save("{picture}")
application.exitQgis()
"""


@pytest.mark.slow
def test_qgis_draws_the_tiles(live_server: str, tmp_path: Path) -> None:
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False).returncode:
        pytest.skip("needs QGIS (Debian: apt-get install python3-qgis)")
    picture = tmp_path / "qgis.png"
    (example,) = examples("pyqgis", live_server).values()

    run("env", "QT_QPA_PLATFORM=offscreen", python, "-c", RENDER.format(example=example, picture=picture))

    assert_drawn(picture, (255, 0, 255))


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a chromium on PATH (Debian: apt-get install chromium)")
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser.new_page(viewport={"width": 820, "height": 620})
        browser.close()


@contextmanager
def site(example: str) -> Iterator[str]:
    """Serve a page beside the npm packages of the explorer."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(example.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing of each request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(ROOT / "explorer"))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["MapLibre GL", "Leaflet"])
def test_a_web_page_draws_the_tiles(live_server: str, page: Page, tmp_path: Path, name: str) -> None:
    picture = tmp_path / "map.png"
    with site(examples("html", live_server)[name]) as address:
        page.goto(address)
        page.wait_for_function("document.title === 'drawn'", timeout=60_000)
        page.wait_for_timeout(500)  # Leaflet fades its tiles in
        page.screenshot(path=picture)

    assert_drawn(picture, (255, 255, 255))


def assert_drawn(picture: Path, background: tuple[int, int, int]) -> None:
    """Tell that much of the middle is imagery: many colours, little background."""
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width, _ = pixels.shape
    middle = pixels[height // 3 : -height // 3, width // 3 : -width // 3].reshape(-1, 3)
    assert len(np.unique(middle, axis=0)) > 200
    empty = np.equal(middle, background).all(axis=-1)
    assert empty.mean() < 0.05
