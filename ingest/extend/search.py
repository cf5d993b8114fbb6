"""A STAC API as the source of revisits: the items that cover an AOI, one a day."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Any, Final
from urllib.parse import urljoin

import shapely
from pyproj import Geod
from pystac import Link
from pystac.errors import STACError, STACTypeError
from pystac_client import Client
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import DoesNotConformTo
from requests import Response
from shapely.errors import ShapelyError
from shapely.geometry import box, mapping, shape
from urllib3 import Retry

from catalog.metadata import Bounds
from ingest.extend.addresses import Reach
from ingest.extend.errors import ExtendError, RevisitError
from ingest.extend.rank import Candidate

Modifier = Callable[[dict[str, Any]], object]
"""What changes an item in place before its rasters are read: signs its hrefs, say."""

COVERAGE: Final = 0.999
"""Share of an AOI that an image has to cover, as the authors had it."""
MAX_ITEMS: Final = 10_000
"""Most items of one AOI: ten years of a place at high latitudes have 5,000."""
_PAGE: Final = 100
_CONNECT_RETRIES: Final = 2
_RETRIES: Final = 5
_TIMEOUT: Final = (10.0, 60.0)
_LOGIN: Final = re.compile(r"://[^/]*@")
_WGS84: Final = Geod(ellps="WGS84")
# Everything that pystac-client makes of an answer which is no STAC.
_ANSWER_ERRORS: Final = (
    APIError,
    ClientTypeError,
    DoesNotConformTo,
    KeyError,
    NotImplementedError,
    RevisitError,
    STACError,
    STACTypeError,
    ValueError,
)


class BoundedIO(StacApiIO):
    """Follows the links and redirects of an API as far as its hrefs are followed, and opens no file."""

    def __init__(self, reach: Reach, retry: Retry | None) -> None:
        super().__init__(max_retries=retry, timeout=_TIMEOUT)
        self._reach = reach
        self.session.hooks["response"].append(self._check_redirect)

    def request(self, href: str, *args: Any, **options: Any) -> str:
        """Ask for a text.

        Raises:
            RevisitError: it lies where no honest API leads.
        """
        self._reach.check_link(href)
        return super().request(href, *args, **options)

    def read_text(self, source: Any, *args: Any, **options: Any) -> str:
        """Return the text of a link; a path would be opened as a file by the base class."""
        if not isinstance(source, Link):
            self._reach.check_link(str(source))
        return super().read_text(source, *args, **options)

    def _check_redirect(self, response: Response, **_: object) -> None:
        if response.is_redirect:
            self._reach.check_link(urljoin(response.url, response.headers["location"]))


class StacSource:
    """One collection of a STAC API."""

    def __init__(self, url: str, collection: str) -> None:
        """Connect, and find the collection.

        Raises:
            ExtendError: there is no STAC API at the address, or it has no such collection.
        """
        if not url.startswith(("https://", "http://")):
            raise ExtendError(f"--stac is {url!r}; give the https:// address of a STAC API.")
        self.url = _bare(url)
        """Its address as messages, reports and tables have it: without password and key."""
        self.collection = collection
        self.reach = Reach.of(url)
        """How far its hrefs are followed."""
        self._client = self._open(url)

    def candidates(self, bounds: Bounds, since: date, until: date) -> list[Candidate]:
        """Return the images of an AOI between two days, both included: those that cover it, the best of each day.

        Raises:
            RevisitError: the API refuses, breaks off, or has too many.
        """
        area = box(*bounds)
        try:
            found = self._client.search(
                collections=[self.collection],
                intersects=mapping(area),
                datetime=f"{since}T00:00:00Z/{until}T23:59:59Z",
                limit=_PAGE,
                max_items=MAX_ITEMS,
            )
            items = list(found.items_as_dicts())
        except _ANSWER_ERRORS as error:
            raise RevisitError(f"{self.url} cannot be searched: {_short(error)}. Try again later.") from error
        if len(items) == MAX_ITEMS:
            raise RevisitError(f"{self.url} has {MAX_ITEMS} images or more of it; narrow --since and --until")
        return self._best_of_days(item for item in items if _is_item(item) and _covers(item, area))

    def _best_of_days(self, items: Iterable[Mapping[str, Any]]) -> list[Candidate]:
        """Return one candidate a day: neighbouring granules and older processings of an image are the same picture."""
        best: dict[date, Mapping[str, Any]] = {}
        for item in sorted(items, key=_processing):
            day = _day(item)
            if day is not None:
                best[day] = item
        return [Candidate(item, self._address(item), day, _cloud_cover(item)) for day, item in best.items()]

    def _address(self, item: Mapping[str, Any]) -> str:
        """Return where an item is."""
        links = item.get("links")
        known = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
        own = next((link.get("href") for link in known if link.get("rel") == "self"), None)
        if isinstance(own, str) and own:
            return own
        return f"{self.url.rstrip('/')}/collections/{self.collection}/items/{item['id']}"

    def _open(self, url: str) -> Client:
        retry = Retry(
            total=_RETRIES,
            connect=_CONNECT_RETRIES,
            backoff_factor=0.5,
            status_forcelist=(429, 502, 503, 504),
            allowed_methods=None,
        )
        try:
            client = Client.open(url, stac_io=BoundedIO(self.reach, retry))
            if not client.conforms_to("ITEM_SEARCH"):
                raise ExtendError(f"{self.url} is a catalog without a search; give the address of a STAC API.")
            known = {collection.id for collection in client.get_collections()}
        except _ANSWER_ERRORS as error:
            raise ExtendError(
                f"{self.url} is no STAC API that answers: {_short(error)}. Give the address of its landing page."
            ) from error
        if self.collection not in known:
            raise ExtendError(f"{self.url} has no collection {self.collection!r}; it has {_listed(known)}.")
        return client


def load_modifier(name: str | None) -> Modifier:
    """Return the function that signs items, by its name `module:function`; nothing is signed without one.

    Raises:
        ExtendError: there is no such module or function.
    """
    if name is None:
        return lambda _: None
    module, _, attribute = name.partition(":")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ExtendError(
            f"--modifier {name!r} cannot be imported: {error}. Give module:function of an installed package, "
            "`planetary_computer:sign_inplace` of `pip install planetary-computer`, say."
        ) from error
    if not callable(function):
        raise ExtendError(f"--modifier {name!r} is no function.")
    return function  # type: ignore[no-any-return]


def _is_item(item: Mapping[str, Any]) -> bool:
    """Tell whether an answer has the parts of an item that are read here."""
    assets = item.get("assets")
    return (
        isinstance(item.get("id"), str)
        and isinstance(item.get("properties"), dict)
        and isinstance(assets, dict)
        and all(isinstance(asset, dict) for asset in assets.values())
    )


def _covers(item: Mapping[str, Any], area: shapely.Polygon) -> bool:
    """Tell whether an item's footprint covers an AOI."""
    try:
        footprint = shapely.make_valid(shape(item["geometry"]))
        common = footprint.intersection(area)
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError):
        return False
    return _size(common) >= COVERAGE * _size(area)


def _size(geometry: shapely.Geometry) -> float:
    return abs(_WGS84.geometry_area_perimeter(geometry)[0])


def _day(item: Mapping[str, Any]) -> date | None:
    try:
        return datetime.fromisoformat(item["properties"]["datetime"]).astimezone(UTC).date()
    except (KeyError, TypeError, ValueError):
        return None


def _cloud_cover(item: Mapping[str, Any]) -> float | None:
    value = item["properties"].get("eo:cloud_cover")
    return float(value) if isinstance(value, int | float) else None


def _processing(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what orders the versions of one image: the newest processing last."""
    properties = item["properties"]
    return str(properties.get("s2:processing_baseline", "")), str(properties.get("created", "")), item["id"]


def _bare(url: str) -> str:
    """Return an address without a login and without a query."""
    return _LOGIN.sub("://", url.partition("?")[0])


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _listed(known: Iterable[str]) -> str:
    names = sorted(known)
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") if names else "none"  # noqa: PLR2004
