"""A collection's snapshot through the server, read as clients read it."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pystac
import pytest
import rustac
from rustac.store import HTTPStore

from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.keys import PARQUET_MEDIA_TYPE
from catalog.objects import ObjectStore
from catalog.pgstac import CatalogWriter, connect
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.snapshot import ASSET, write_snapshot
from catalog.stored import StoredItems
from server.settings import ServerSettings

Json = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """A server whose collections have snapshots."""

    http: httpx.Client
    asset: Json

    @property
    def url(self) -> str:
        return str(self.asset["href"])


@pytest.fixture
def moved(ingested: Any, file_store: StoreSettings, database: DatabaseSettings) -> DatabaseSettings:
    """The ingested dataset in a store and a database of its own."""
    shutil.copytree(Path(ingested.store.url.removeprefix("file://")), file_store.url[7:], dirs_exist_ok=True)
    with closing(connect(ingested.database)) as connection:
        items = list(StoredItems(connection).every())
    for item in items:
        for asset in item["assets"].values():
            asset["href"] = asset["href"].replace(ingested.store.url, file_store.url)
    with CatalogWriter(database) as writer:
        writer.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
        writer.load_items(items)
        writer.update_collections()
    return database


@pytest.fixture
def served(moved: DatabaseSettings, file_store: StoreSettings, serve: Any) -> Served:
    with closing(connect(moved)) as connection:
        for collection_id in COLLECTION_L2A, COLLECTION_SPOT:
            write_snapshot(connection, ObjectStore.open(file_store), collection_id)
    http = serve(ServerSettings(database=moved, store=file_store))
    collection = http.get(f"/stac/collections/{COLLECTION_L2A}").raise_for_status().json()
    return Served(http, collection["assets"][ASSET])


def test_a_client_reads_the_snapshot_by_ranges_and_follows_what_it_names(served: Served) -> None:
    tail = served.http.get(served.url, headers={"Range": "bytes=-4"})
    assert (tail.status_code, tail.content) == (206, b"PAR1")
    assert tail.headers["content-type"] == served.asset["type"] == PARQUET_MEDIA_TYPE
    assert "immutable" in tail.headers["cache-control"]
    assert served.asset["file:size"] == int(served.http.head(served.url).headers["content-length"])

    folder, _, file = served.url.rpartition("/")
    remote = HTTPStore.from_url(folder, client_options={"allow_http": True})
    rows = rustac.read_sync(file, store=remote, set_self_link=False)["features"]
    published = {item["id"]: item for item in served.http.get("/stac/search?limit=100").json()["features"]}
    assert {row["id"] for row in rows} == {
        item["id"] for item in published.values() if item["collection"] == COLLECTION_L2A
    }
    for row in rows:
        item = pystac.Item.from_dict(row)
        item.set_self_href(served.url)
        expected = published[item.id]
        hrefs = {name: asset.get_absolute_href() for name, asset in item.assets.items()}
        assert hrefs == {name: asset["href"] for name, asset in expected["assets"].items()}
        assert item.geometry == expected["geometry"]
        related = [urljoin(served.url, link["href"]) for link in row["links"] if link["rel"] == "related"]
        assert related == [link["href"] for link in expected["links"] if link["rel"] == "related"]
    assert served.http.get(next(iter(hrefs.values())), headers={"Range": "bytes=0-3"}).status_code == 206


def test_the_collections_that_the_server_lists_name_their_snapshots(served: Served) -> None:
    listed = served.http.get("/stac/collections").raise_for_status().json()["collections"]
    named = {collection["id"]: collection.get("assets", {}).get(ASSET, {}).get("href") for collection in listed}
    assert named[COLLECTION_L2A] == served.url
    assert named[COLLECTION_SPOT].endswith("/items.parquet")
    assert str(served.http.base_url) in named[COLLECTION_SPOT]
