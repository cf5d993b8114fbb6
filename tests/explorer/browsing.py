"""A page of the explorer as tests see it: what it shows, what it asked for, what it complained of."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import ConsoleMessage, Page, Request

# Small, since every pixel is drawn by the processor.
DESKTOP = {"width": 1000, "height": 680}
PHONE = {"width": 390, "height": 844}
# Every map that there is has what it wants to draw.
DRAWN = (
    "() => [worldstrat.map, worldstrat.over].every("
    "(map) => !map || (map.loaded() && !map.isMoving() && map.areTilesLoaded()))"
)
# A software WebGL reports that reading its pixels is slow: true, and of no interest.
EXPECTED_MESSAGES = ("GL Driver Message",)


@dataclass
class Visit:
    """A page, and what it asked for and complained of."""

    page: Page
    home: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("request", self._requested)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in {"data", "blob"}:
            self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in EXPECTED_MESSAGES):
            self.complaints.append(message.text)

    @property
    def hosts(self) -> set[str]:
        """The hosts that the page asked for anything."""
        return {"://".join(urlsplit(url)[:2]) for url in self.requests}

    def go(self, hash_: str = "") -> Page:
        self.page.goto(f"{self.home}/{hash_}")
        self.page.wait_for_selector("body[data-places]:not(.loading)")
        self.page.wait_for_function("() => window.worldstrat !== undefined")
        return self.page

    def wait_until_drawn(self) -> None:
        self.page.wait_for_selector("#panel:not([hidden])")
        # A line without width: nothing is "visible" about it.
        self.page.wait_for_selector("#swipe:not([hidden])", state="attached")
        self.page.wait_for_function("() => worldstrat.over?.getLayer('picture') !== undefined")
        self.page.wait_for_function(DRAWN)

    def wait_until_counted(self, places: int) -> None:
        self.page.wait_for_selector(f"body[data-places='{places}']:not(.counting)")

    def pixels_within(self, bbox: list[float]) -> NDArray[np.uint8]:
        """Return what the screen shows inside a bounding box: (row, column, RGB)."""
        corners = [[bbox[0], bbox[3]], [bbox[2], bbox[1]]]
        (left, top), (right, bottom) = self.page.evaluate(
            "(corners) => corners.map((at) => { const { x, y } = worldstrat.map.project(at); return [x, y]; })", corners
        )
        clip = {"x": left + 4, "y": top + 4, "width": right - left - 8, "height": bottom - top - 8}
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB"))

    def click_at(self, lon: float, lat: float) -> None:
        """Click where the map shows a position."""
        x, y = self.page.evaluate("(at) => { const { x, y } = worldstrat.map.project(at); return [x, y]; }", [lon, lat])
        self.page.mouse.click(x, y)


Visitor = Callable[..., Visit]


def assert_imagery(pixels: NDArray[np.uint8]) -> None:
    """Assert that an image of the ground is shown: many colours that vary, not one flat fill."""
    assert min(pixels.shape[:2]) > 150
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    assert pixels.std(axis=(0, 1)).min() > 8
    # Grey would have its three channels alike.
    assert np.ptp(pixels.astype(int), axis=2).mean() > 5


def slug_of(item: dict[str, object]) -> str:
    """Return the name that addresses give the place of a SPOT item."""
    return str(item["id"]).removesuffix("_SPOT")
