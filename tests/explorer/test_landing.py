"""The landing page as people meet it: in a browser, with a mouse, a keyboard or a phone."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

# Small, since every pixel is drawn by the processor.
DESKTOP = {"width": 1000, "height": 680}
PHONE = {"width": 390, "height": 844}
DRAWN = "() => worldstrat.map.loaded() && !worldstrat.map.isMoving() && worldstrat.map.areTilesLoaded()"
# A software WebGL reports that reading its pixels is slow: true, and of no interest.
EXPECTED_MESSAGES = ("GL Driver Message",)


@dataclass
class Visit:
    """A page, and what it asked for and complained of."""

    page: Page
    home: str
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("request", self._requested)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"}:
            self.hosts.add(f"{address.scheme}://{address.netloc}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in EXPECTED_MESSAGES):
            self.complaints.append(message.text)

    def go(self, hash_: str = "") -> Page:
        self.page.goto(f"{self.home}/{hash_}")
        self.page.wait_for_selector("body[data-places]:not(.loading)")
        return self.page

    def wait_until_drawn(self) -> None:
        self.page.wait_for_selector("#panel:not([hidden]) .revisit")
        self.page.wait_for_function("() => worldstrat.map.getLayer('above') !== undefined")
        self.page.wait_for_function(DRAWN)

    def pixels_within(self, bbox: list[float]) -> NDArray[np.uint8]:
        """Return what the screen shows inside a bounding box: (row, column, RGB)."""
        corners = [[bbox[0], bbox[3]], [bbox[2], bbox[1]]]
        (left, top), (right, bottom) = self.page.evaluate(
            "(corners) => corners.map((at) => { const { x, y } = worldstrat.map.project(at); return [x, y]; })", corners
        )
        clip = {"x": left + 4, "y": top + 4, "width": right - left - 8, "height": bottom - top - 8}
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB"))


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(browser: Browser, live_server: str, page_built: None) -> Iterator[Visitor]:  # noqa: ARG001
    """Open pages of a given size; in the end none may have asked another host or complained."""
    visits: list[Visit] = []

    def open_page(viewport: dict[str, int] = DESKTOP, home: str = live_server) -> Visit:
        visit = Visit(browser.new_page(viewport=viewport, reduced_motion="reduce"), home.rstrip("/"))
        visit.listen()
        visits.append(visit)
        return visit

    yield open_page
    for visit in visits:
        visit.page.close()
        address = urlsplit(visit.home)
        assert visit.hosts <= {f"{address.scheme}://{address.netloc}"}
        assert visit.complaints == []


@pytest.fixture(scope="session")
def places(live_server: str) -> list[dict[str, Any]]:
    """The SPOT items of the catalog: one for each place."""
    answer = httpx.get(f"{live_server}/stac/search", params={"collections": "worldstrat-spot", "limit": 1000})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["features"]
    assert items
    return items


def assert_imagery(pixels: NDArray[np.uint8]) -> None:
    """Assert that an image of the ground is shown: many colours that vary, not one flat fill."""
    assert min(pixels.shape[:2]) > 200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    assert pixels.std(axis=(0, 1)).min() > 8
    # Grey would have its three channels alike.
    assert np.ptp(pixels.astype(int), axis=2).mean() > 5


def test_the_map_shows_all_places_of_the_catalog(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    page = visitor().go()

    page.wait_for_function(DRAWN)
    shown = page.evaluate(
        """() => {
          const counts = new Map();
          for (const { id, properties } of worldstrat.map.querySourceFeatures('places'))
            counts.set(properties.cluster_id ?? properties.slug, properties.point_count ?? 1);
          return [...counts.values()].reduce((a, b) => a + b, 0);
        }"""
    )
    legend = [int(text.replace(",", "")) for text in page.locator(".legend-count").all_inner_texts()]

    assert shown == len(places)
    assert sum(legend) == len(places)


def test_a_click_on_a_place_shows_its_imagery(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor()
    page = visit.go()
    place = places[0]
    west, south, east, north = place["bbox"]
    page.evaluate("(center) => worldstrat.map.jumpTo({ center, zoom: 12 })", [(west + east) / 2, (south + north) / 2])
    page.wait_for_function(DRAWN)

    page.mouse.click(DESKTOP["width"] / 2, DESKTOP["height"] / 2)
    visit.wait_until_drawn()

    assert page.locator("#panel h2").inner_text() == place["properties"]["worldstrat:aoi"]
    assert f"aoi={place['id'].removesuffix('_SPOT')}" in page.url
    assert_imagery(visit.pixels_within(place["bbox"]))


def test_another_layer_and_another_revisit_change_the_picture_and_the_address(
    visitor: Visitor, places: list[dict[str, Any]]
) -> None:
    visit = visitor()
    slug = places[0]["id"].removesuffix("_SPOT")
    page = visit.go(f"#aoi={slug}&revisit=2&layer=sentinel2.true-color")
    visit.wait_until_drawn()
    true_color = visit.pixels_within(places[0]["bbox"])
    assert_imagery(true_color)
    assert page.locator("input[name=revisit]:checked").get_attribute("value") == "2"

    page.locator("input[name=revisit][value='1']").check(force=True)
    page.locator("input[value='sentinel2.ndvi']").check(force=True)
    page.wait_for_function(f"() => worldstrat.map.getSource('above')?.tiles?.[0].includes('{slug}_L2A_01')")
    visit.wait_until_drawn()

    assert "revisit=1" in page.url
    assert "layer=sentinel2.ndvi" in page.url
    ndvi = visit.pixels_within(places[0]["bbox"])
    assert np.abs(ndvi.astype(int) - true_color).mean() > 20


def test_a_place_is_found_and_left_by_keyboard(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    page = visitor().go()
    place = places[-1]["properties"]["worldstrat:aoi"]

    page.get_by_role("combobox").focus()
    page.keyboard.type(place)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel .revisit")
    assert page.locator("#panel h2").inner_text() == place

    page.keyboard.press("Escape")
    page.wait_for_selector("#panel", state="hidden")
    assert "aoi=" not in page.url


def test_a_phone_needs_no_horizontal_scrolling(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor(PHONE)
    page = visit.go(f"#aoi={places[0]['id'].removesuffix('_SPOT')}")
    visit.wait_until_drawn()

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    outside = page.evaluate(
        "(width) => [...document.querySelectorAll('#bar, #panel, #panel *')]"
        ".filter((element) => element.getBoundingClientRect().right > width + 1)"
        ".map((element) => element.outerHTML)",
        PHONE["width"],
    )
    assert outside == []
    assert_imagery(visit.pixels_within(places[0]["bbox"]))


def test_the_page_works_behind_a_prefix(visitor: Visitor, proxy: str, places: list[dict[str, Any]]) -> None:
    visit = visitor(home=proxy)
    page = visit.go(f"#aoi={places[0]['id'].removesuffix('_SPOT')}")
    visit.wait_until_drawn()

    assert_imagery(visit.pixels_within(places[0]["bbox"]))
    assert page.get_by_label("Address of the tiles", exact=False).first.input_value().startswith(f"{proxy}/raster/")


def test_a_server_that_fails_is_said_to_and_asked_again_on_demand(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.route("**/stac/search?*", lambda route: route.fulfill(status=503, body="{}"))
    visit.page.goto(visit.home)
    notice = visit.page.get_by_role("alert")
    notice.get_by_text("The places could not be loaded.").wait_for()
    assert "503" in notice.inner_text()
    visit.complaints.clear()  # the browser's own word on the 503

    visit.page.unroute("**/stac/search?*")
    notice.get_by_role("button", name="Try again").click()
    visit.page.wait_for_selector("body[data-places]:not(.loading)")
    assert notice.is_hidden()


def test_an_empty_catalog_says_how_to_fill_it(visitor: Visitor) -> None:
    visit = visitor()
    empty = {"type": "FeatureCollection", "features": [], "links": []}
    visit.page.route("**/stac/search?*", lambda route: route.fulfill(json=empty))

    page = visit.go()

    page.get_by_role("alert").get_by_text("worldstrat ingest").wait_for()
