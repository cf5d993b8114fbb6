"""What a mixed load asks, what the right answers are, and what an answer is worth."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
import morecantile

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.objects import multihash

TMS = morecantile.tms.get("WebMercatorQuad")
TIMES_ASKED = 2
"""How often each answer is learnt: it has to be the same each time."""
_ZOOMS = {COLLECTION_SPOT: 16, COLLECTION_L2A: 14}


class Verdict(StrEnum):
    """What an answer is worth."""

    RIGHT = "right"
    """200, and the undisturbed answer byte by byte."""
    WRONG = "wrong"
    """200 with another body, or an error that blames the caller."""
    CLEAR = "clear error"
    """502, 503 or 504 with Retry-After and a JSON body, or 429 likewise."""
    UNCLEAR = "unclear error"
    """Any other error of the server."""
    CUT = "cut off"
    """The connection ended before the answer did."""
    HUNG = "hung"
    """No answer in time."""


@dataclass(frozen=True)
class Question:
    """One request whose answer never changes."""

    kind: str
    """What it stands for: a name in tables."""
    path: str
    """Path and query."""
    body: str | None = None
    """JSON that is posted; None for GET."""
    cold: bool = False
    """It is asked with another parameter each time, that no finished tile may answer it."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers."""

    def request(self, base: str, number: int) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.build_request` for the `number`-th time it is asked."""
        path = f"{self.path}{'&' if '?' in self.path else '?'}asked={number}" if self.cold else self.path
        given: dict[str, Any] = {"url": base + path, "headers": dict(self.headers)}
        if self.body is None:
            return given | {"method": "GET"}
        headers = given["headers"] | {"content-type": "application/json"}
        return given | {"method": "POST", "content": self.body, "headers": headers}


@dataclass(frozen=True)
class Expected:
    """The undisturbed answer."""

    status: int
    digest: str
    """SHA-256 of the body."""
    size: int


class Oracle:
    """Knows the right answer of every question."""

    def __init__(self, expected: Mapping[Question, Expected]) -> None:
        """Create it of what is right."""
        self._expected = dict(expected)

    @property
    def questions(self) -> list[Question]:
        """All questions."""
        return list(self._expected)

    @classmethod
    def learn(cls, client: httpx.Client, questions: Sequence[Question]) -> "Oracle":
        """Ask an undisturbed server.

        Raises:
            ValueError: an answer is an error, or not the same each time.
        """
        expected: dict[Question, Expected] = {}
        for number in range(TIMES_ASKED):
            for question in questions:
                answer = client.send(client.build_request(**question.request("", number)))
                told = Expected(answer.status_code, digest(answer.content), len(answer.content))
                if answer.status_code not in {200, 206} or not answer.content:
                    raise ValueError(f"{question.path} answers {answer.status_code}: {answer.text[:300]}")
                if expected.setdefault(question, told) != told:
                    raise ValueError(f"{question.path} does not always answer the same")
        return cls(expected)

    def judge(self, question: Question, status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
        """Return what an answer is worth."""
        expected = self._expected[question]
        if status < httpx.codes.BAD_REQUEST:
            same = status == expected.status and len(body) == expected.size and digest(body) == expected.digest
            return Verdict.RIGHT if same else Verdict.WRONG
        if status in {429, 502, 503, 504}:
            return Verdict.CLEAR if is_clear(headers, body) else Verdict.UNCLEAR
        return Verdict.UNCLEAR if status >= httpx.codes.INTERNAL_SERVER_ERROR else Verdict.WRONG


def is_clear(headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether an error says when to come back, and in JSON what is wrong."""
    if not headers.get("retry-after", "").isdigit():
        return False
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and bool(told.get("code")) and bool(told.get("description"))


def digest(body: bytes) -> str:
    """Return the SHA-256 of an answer."""
    return hashlib.sha256(body).hexdigest()


def list_questions(client: httpx.Client, *, without: str = "") -> list[Question]:
    """Return questions about every AOI of a catalog but one, whose items may be replaced meanwhile.

    Args:
        client: of the server.
        without: that AOI; none unless given.
    """
    found = client.get("/stac/search?limit=1000").raise_for_status().json()["features"]
    items = [item for item in found if item["properties"]["worldstrat:aoi"] != without]
    questions = [question for item in items for question in _item_questions(item)]
    ids = sorted(item["id"] for item in items)
    clear = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 50]}
    all_of_them = {"ids": ids, "sortby": [{"field": "id", "direction": "desc"}]}
    return [
        *questions,
        Question("search", f"/stac/search?limit=50&ids={','.join(ids[:20])}"),
        Question("search", "/stac/search", json.dumps(all_of_them | {"limit": 25})),
        Question("search", "/stac/search", json.dumps(all_of_them | {"filter-lang": "cql2-json", "filter": clear})),
    ]


def check_assets(client: httpx.Client, items: Sequence[Mapping[str, Any]]) -> None:
    """Make sure that an undisturbed server gives the objects that items tell of.

    Raises:
        ValueError: one is another.
    """
    for item in items:
        for asset in item["assets"].values():
            if "file:checksum" in asset and multihash(client.get(asset["href"]).content) != asset["file:checksum"]:
                raise ValueError(f"{asset['href']} is not what its item tells")


def _item_questions(item: Mapping[str, Any]) -> Iterator[Question]:
    collection, name = item["collection"], item["id"]
    yield Question("item", f"/stac/collections/{collection}/items/{name}")
    if collection not in _ZOOMS:
        return
    west, south, east, north = item["bbox"]
    tile = TMS.tile((west + east) / 2, (south + north) / 2, _ZOOMS[collection])
    place = f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png"
    base = f"/raster/collections/{collection}/items/{name}"
    asset = item["assets"]["ps" if collection == COLLECTION_SPOT else "data"]["href"]
    key = asset[asset.index("/assets/") :]
    yield Question("tile, warm", f"{base}/{place}")
    yield Question("tile, cold", f"{base}/{place}", cold=True)
    yield Question("NDVI", f"{base}/{place}?index=NDVI&rescale=-1,1", cold=True)
    yield Question("statistics", f"{base}/statistics", cold=True)
    yield Question("asset", key)
    yield Question("mosaic", f"/raster/mosaics/best/{place}", cold=True)
    if collection == COLLECTION_SPOT:
        # Of these alone: where the store holds other bytes than were put there, no range of them can tell.
        yield Question("range of an asset", key, headers=(("range", "bytes=0-16383"),))
    else:
        yield Question("super-resolved", f"{base}/sr/{place}?bands=red,green,blue&rescale=0,0.3", cold=True)
