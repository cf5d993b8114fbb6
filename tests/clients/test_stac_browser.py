"""STAC Browser, as npm has it, in a real browser and on another origin, finds its way through the catalog."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).parent / "stac_browser"
PATIENCE = 60_000
pytestmark = pytest.mark.slow  # it is built first, of 420 MB of packages; `make test-stac-browser`


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing of each request."""


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    """The address of STAC Browser, which goes on with that of a catalog."""
    subprocess.run([str(FOLDER / "build.sh")], check=True, capture_output=True, timeout=1500)
    handler = partial(Quiet, directory=str(FOLDER / "build/dist"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/#/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(live_server: str) -> Iterator[Page]:
    """A page of a headless Chromium; nothing of the server may fail on it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a chromium on PATH (Debian: apt-get install chromium)")
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE)
        page.route("https://tile.openstreetmap.org/**", lambda route: route.fulfill(status=204))  # its map below ours
        page.on("pageerror", lambda error: wrong.append(str(error)))
        # A tile beside the image is a 404, which a picture shows as nothing; so does every client of tiles.
        page.on(
            "response",
            lambda answer: (
                answer.status >= 400
                and answer.url.startswith(live_server)
                and "/tiles/" not in answer.url
                and wrong.append(f"{answer.status} {answer.url}")
            ),
        )
        page.on("console", lambda said: "CORS" in said.text and wrong.append(said.text))
        yield page
        browser.close()
    assert wrong == []


def external(home: str, server: str, path: str = "", before: str = "") -> str:
    return f"{home}{before}external/{server.replace('://', ':/')}/stac{path}"


def test_catalogue_and_collection_open(home: str, page: Page, live_server: str) -> None:
    page.goto(external(home, live_server))
    expect(page.get_by_role("heading", name="WorldStrat", exact=True).first).to_be_visible()
    page.get_by_role("link", name="WorldStrat: SPOT 6/7 at 1.5 m").click()
    expect(page.get_by_role("heading", name="WorldStrat: SPOT 6/7 at 1.5 m")).to_be_visible()
    expect(page.get_by_role("link", name="Landcover-8379: SPOT 6/7")).to_be_visible()


def test_an_item_opens_with_its_map_thumbnail_and_assets(
    home: str, page: Page, live_server: str, tmp_path: Path
) -> None:
    tiles: list[int] = []
    page.on("response", lambda answer: "/tiles/" in answer.url and tiles.append(answer.status))
    page.goto(external(home, live_server, "/collections/worldstrat-spot/items/Landcover-8379_SPOT"))
    expect(page.get_by_role("heading", name="Landcover-8379: SPOT 6/7")).to_be_visible()
    with page.expect_response(lambda answer: "/tiles/" in answer.url and answer.status == 200):
        pass
    page.wait_for_timeout(4000)  # the map fades its tiles in
    picture = tmp_path / "item.png"
    page.screenshot(path=picture, timeout=PATIENCE)

    assert 200 in tiles
    with Image.open(picture) as image:
        middle = np.asarray(image.convert("RGB"))[270:400, 150:280].reshape(-1, 3)
    assert len(np.unique(middle, axis=0)) > 200, "the map shows the image"

    page.get_by_text("Thumbnails", exact=True).click()
    shown = page.locator("img[src*='_overview.png'], img[src*='_thumbnail.png']").first
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") > 100

    page.get_by_text("Panchromatic reflectance at 1.5 m").first.click()
    href = page.locator("a[href*='_pan.tif']").first.get_attribute("href")
    assert href is not None
    assert httpx.get(href, headers={"Range": "bytes=0-3"}).content[:2] in {b"II", b"MM"}


def test_a_search_finds_items_and_opens_one(home: str, page: Page, live_server: str) -> None:
    page.goto(external(home, live_server, before="search/"))
    page.get_by_role("tab", name="Search for Items").click()
    with page.expect_response(lambda answer: "/stac/search" in answer.url) as found:
        page.get_by_role("button", name="Submit").last.click()
    assert found.value.ok
    expect(page.get_by_role("link", name="Landcover-8379: SPOT 6/7")).to_be_visible()
