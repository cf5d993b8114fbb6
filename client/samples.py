"""Places to train and to test on: drawn by the server, each SPOT image with its best revisits."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

import httpx
from pystac_client import Client

from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS, MAX_REVISIT
from client.errors import QueryError, ServerError
from client.key import URL, headers_for
from client.options import open_client
from client.query import Query, answering

Balance = Literal["source", "ipcc", "smod", "lccs", "split"]
"""Property of places over whose values a draw can be balanced."""
Item = Mapping[str, Any]

MOST_PLACES: Final = 5000
"""Most places of one draw."""
FRAMES: Final = 8
"""Revisits of a place unless told otherwise: as many as the authors trained with."""
_AT_ONCE: Final = 50
_TIMEOUT: Final = httpx.Timeout(120, connect=10)


@dataclass(frozen=True)
class Place:
    """One place: its SPOT image, and revisits of Sentinel-2, the best first. Items are JSON, as the server gave it."""

    spot: Item
    """The SPOT item."""
    revisits: tuple[Item, ...]
    """Items of revisits by rank: close in time to the SPOT image and clear."""

    @property
    def name(self) -> str:
        """Name of the place as published."""
        return str(self.spot["properties"]["worldstrat:aoi"])

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the place: why it was chosen, its classes and split, the items and their days."""
        told = self.spot["properties"]
        classes = {name: told.get(f"worldstrat:{name}") for name in ("aoi", "source", "ipcc", "lccs", "smod", "split")}
        return classes | {
            "spot": self.spot["id"],
            "spot_date": told.get("worldstrat:spot_date"),
            "revisits": [item["id"] for item in self.revisits],
            "deltas": [item["properties"].get("worldstrat:delta") for item in self.revisits],
        }


@dataclass(frozen=True)
class Draw:
    """What was drawn."""

    places: tuple[Place, ...]
    """Places in the order of the draw."""
    dropped: tuple[str, ...] = ()
    """Names of places that were drawn, but have no revisit that fulfils the conditions."""


def draw(query: Query, *, url: str = URL, frames: int = FRAMES, seed: int = 0, balance: Balance | None = None) -> Draw:
    """Draw places, the same ones in the same order whenever the seed and the catalog are the same.

    Places that the published table lists in several splits, or in none, take no part unless `query.leaks`. Conditions
    on clouds, delta and rank are on revisits, all others on places; `query.limit` counts places.

    Args:
        query: which places and revisits; its collections name the level, L2A or L1C.
        url: address of the STAC API.
        frames: most revisits of a place.
        seed: number that decides the draw.
        balance: property of which each value gives equally many places, as long as it has some.

    Raises:
        QueryError: the query makes no draw.
        ServerError: the server does not answer, or refuses.
    """
    if not 1 <= frames <= MAX_REVISIT:
        raise QueryError(f"A place has 1 to {MAX_REVISIT} revisits, not {frames}.")
    collection = _level(query)
    spots = _draw_spots(query, url, seed, balance)
    client = open_client(url)
    found: dict[str, list[Item]] = defaultdict(list)
    with answering(url):
        for item in _find_revisits(client, query, collection, [_aoi(spot) for spot in spots]):
            found[_aoi(item)].append(item)
    places = [Place(spot, tuple(sorted(found[_aoi(spot)], key=_rank)[:frames])) for spot in spots]
    return Draw(
        tuple(place for place in places if place.revisits),
        tuple(place.name for place in places if not place.revisits),
    )


def _level(query: Query) -> str:
    """Return the one collection of revisits that a query asks for."""
    named = [collection for collection in LEVEL_COLLECTIONS.values() if collection in query.collections]
    if len(named) != 1:
        raise QueryError(f"Samples are of one level: the query names {len(named)} of {', '.join(LEVEL_COLLECTIONS)}.")
    return named[0]


def _draw_spots(query: Query, url: str, seed: int, balance: Balance | None) -> Sequence[Item]:
    """Return the SPOT items of a draw, by the endpoint of the server."""
    condition = replace(query, max_cloud=None, max_delta=None, max_revisit=None).filter()
    body = {
        "collections": [COLLECTION_SPOT],
        "filter": condition,
        "filter-lang": "cql2-json" if condition else None,
        "bbox": query.bbox,
        "datetime": query.datetime,
        "limit": query.limit or MOST_PLACES,
        "seed": seed,
        "balance": balance,
        "leaks": "include" if query.leaks else "exclude",
    }
    answer = _post(f"{url.rstrip('/')}/sample", {name: value for name, value in body.items() if value is not None})
    told = answer["sample"]
    if query.limit is None and told["available"] > told["drawn"]:
        raise QueryError(
            f"{told['available']} places match, of {MOST_PLACES} at most: narrow the query, or set a limit."
        )
    return list(answer["features"])


def _post(url: str, body: Mapping[str, Any]) -> Any:
    try:
        answer = httpx.post(url, json=body, headers=headers_for(url), timeout=_TIMEOUT)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise ServerError(f"{url} refused: {error.response.text[:300]}") from error
    except httpx.HTTPError as error:
        raise ServerError(f"{url} does not answer ({type(error).__name__}). Is it a /stac address?") from error
    return answer.json()


def _find_revisits(client: Client, query: Query, collection: str, names: Sequence[str]) -> Iterator[Item]:
    """Yield the revisits of places that fulfil a query's conditions on revisits, some places a search."""
    waiting = iter(names)
    while some := tuple(islice(waiting, _AT_ONCE)):
        asked = Query(
            collections=(collection,),
            aois=some,
            max_cloud=query.max_cloud,
            max_delta=query.max_delta,
            max_revisit=query.max_revisit,
        )
        yield from asked.search(client).items_as_dicts()


def _aoi(item: Item) -> str:
    return str(item["properties"]["worldstrat:aoi"])


def _rank(item: Item) -> tuple[int, str]:
    return item["properties"].get("worldstrat:revisit") or MAX_REVISIT, item["id"]
