"""A server of the small dataset for attackers alone, a canary that nobody may ask, and what may never be told."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from catalog.constants import COLLECTION_L2A
from infra.databases import database_env
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from tests.conftest import IngestedSample
from tests.security.attacks import Known


@dataclass
class Canary:
    """A listener on the loopback that counts who comes."""

    url: str
    visits: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """The server under attack."""

    url: str
    folder: Path
    secret: str
    """Text of a file beside the store, which no answer may hold."""
    ingested: IngestedSample

    @property
    def log(self) -> str:
        """All that the server has written."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.rglob("*.log")))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What tells of the machine, the database or the code."""
        database = self.ingested.database
        return (
            self.secret,
            "Traceback (most recent call last)",
            "site-packages",
            str(self.folder),
            self.ingested.store.url.removeprefix("file://"),
            str(Path(__file__).resolve().parents[2]),
            database.dsn,
            f"dbname={database.database}",
            f"{database.host}:{database.port}",
            "root:x:0:0",
            "PGPASSWORD",
        )


@pytest.fixture(scope="session")
def canary() -> Iterator[Canary]:
    """A listener that notes what it is asked and answers nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Canary(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def listen() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(1)
                found.visits.append(caller.recv(1000))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield found
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


@pytest.fixture(scope="session")
def target(ingested: IngestedSample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The address of `worldstrat serve`, a process of its own, and where it writes."""
    folder = tmp_path_factory.mktemp("attacked")
    secret = f"secret-{uuid4().hex}"
    beside = Path(ingested.store.url.removeprefix("file://")).parent / "secret.tif"
    beside.write_text(secret)
    record = Record(folder)
    write_env(folder, {**database_env(ingested.database), **store_env(ingested.store)})
    server = WebServer(record)
    server.choose_port()
    server.start()
    yield Target(server.url.rstrip("/"), folder, secret, ingested)
    server.stop()
    beside.unlink()


@pytest.fixture(scope="session")
def document(target: Target) -> dict[str, Any]:
    """The server's OpenAPI document."""
    found: dict[str, Any] = httpx.get(f"{target.url}/openapi.json", timeout=60).raise_for_status().json()
    return found


@pytest.fixture(scope="session")
def known(target: Target, canary: Canary) -> Known:
    """What exists in the catalog: one item, its place, its object."""
    query: dict[str, Any] = {"collections": COLLECTION_L2A, "limit": 1}
    found = httpx.get(f"{target.url}/stac/search", params=query, timeout=60).raise_for_status().json()
    (item,) = found["features"]
    west, south, east, north = item["bbox"]
    asset = next(each["href"] for each in item["assets"].values())
    values = {
        "collection_id": COLLECTION_L2A,
        "item_id": item["id"],
        "aoi": item["properties"]["worldstrat:aoi"],
        "name": "best",
        "key": asset.split("/assets/")[1],
        "tileMatrixSetId": "WebMercatorQuad",
        "colorMapId": "viridis",
        "format": "png",
        "z": 0,
        "x": 0,
        "y": 0,
        "width": 8,
        "height": 8,
        "minx": west,
        "miny": south,
        "maxx": east,
        "maxy": north,
        "lon": (west + east) / 2,
        "lat": (south + north) / 2,
    }
    return Known(values, canary.url)
