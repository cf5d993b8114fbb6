"""Super-resolved items as files with STAC items, stored by who has the token, and models of the catalog at work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pystac
import pytest
from rasterio.io import MemoryFile
from rich.console import Console
from rio_cogeo.cogeo import cog_validate

from catalog.objects import ObjectStore, multihash
from catalog.settings import StoreSettings
from infra.postgres import DATABASE, PostgresCluster
from ingest.run import Options, ingest
from server.settings import ServerSettings
from superres.model import default_model
from superres.registry import add_model

TOKEN = "a-token-of-the-operator"
L2A = "worldstrat-sentinel-2-l2a"


@pytest.fixture(scope="module")
def own(postgres: PostgresCluster, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerSettings]:
    """One place in a catalog that may be written to."""
    name = f"sr_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template {DATABASE}")
        settings = ServerSettings(
            database=postgres.settings_for(name), store=StoreSettings(url=tmp_path_factory.mktemp("sr").as_uri())
        )
        first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
        report = ingest(Options(dataset, settings.database, settings.store, only=(first,)), Console(quiet=True))
        assert report.failures == []
        yield settings
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def client(own: ServerSettings, serve: Any, monkeypatch: pytest.MonkeyPatch) -> httpx.Client:
    """A client of a server that lets those with the token write."""
    monkeypatch.setenv("WORLDSTRAT_SR_WRITE_TOKEN", TOKEN)
    return serve(own)


@pytest.fixture
def address(client: httpx.Client) -> str:
    """Super-resolution of one of its items."""
    found = client.get(f"/stac/collections/{L2A}/items", params={"limit": 1}).json()["features"][0]
    return f"/raster/collections/{L2A}/items/{found['id']}/sr"


def search(client: httpx.Client, collection: str) -> list[dict[str, Any]]:
    return client.post("/stac/search", json={"collections": [collection]}).json()["features"]


def test_the_file_is_a_valid_cog_that_says_what_it_is(client: httpx.Client, address: str) -> None:
    answer = client.get(f"{address}/cog")
    assert answer.headers["content-disposition"].startswith("attachment")
    with MemoryFile(answer.content) as memory:
        assert cog_validate(memory.name, strict=True, quiet=True) == (True, [], [])
        with memory.open() as src:
            assert (src.dtypes, src.scales, src.nodata) == (("uint16",) * 4, (0.0001,) * 4, 0)
            assert src.descriptions == ("B02", "B03", "B04", "B08")
            assert src.tags()["WORLDSTRAT_SYNTHETIC"] == "true"


def test_the_item_tells_the_hash_of_the_file_and_stays_the_same(client: httpx.Client, address: str) -> None:
    first, again = (client.get(f"{address}/item") for _ in range(2))
    asset = first.json()["assets"]["sr"]
    assert asset["file:checksum"] == multihash(httpx.get(asset["href"], timeout=60).content)
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]


def test_the_links_of_the_item_lead_to_its_original(client: httpx.Client, address: str) -> None:
    item = client.get(f"{address}/item").json()
    (origin,) = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert httpx.get(origin).json()["id"] == address.split("/")[-2]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_nothing_is_stored_without_the_token(client: httpx.Client, address: str, headers: dict[str, str]) -> None:
    before = search(client, "worldstrat-super-resolved")
    assert client.post(f"{address}/cog", headers=headers).status_code == 401
    assert search(client, "worldstrat-super-resolved") == before


def test_nothing_is_stored_where_the_operator_set_no_token(own: ServerSettings, serve: Any) -> None:
    client = serve(own)
    found = search(client, L2A)[0]["id"]
    answer = client.post(
        f"/raster/collections/{L2A}/items/{found}/sr/cog", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 401


@pytest.mark.usefixtures("open_schemas")
def test_what_is_stored_is_found_valid_and_shown_like_any_item(client: httpx.Client, address: str) -> None:
    file = client.get(f"{address}/cog").content
    answer = client.post(f"{address}/cog", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 201, answer.text
    (found,) = search(client, "worldstrat-super-resolved")
    assert httpx.get(answer.headers["location"]).json()["id"] == found["id"]
    stored = httpx.get(found["assets"]["sr"]["href"])
    assert (stored.status_code, stored.content == file) == (200, True), stored.text[:200]
    assert found["properties"]["processing:level"] == "L4"
    assert found["properties"]["datetime"] == search(client, L2A)[0]["properties"]["datetime"]
    served = pystac.Item.from_dict(found, preserve_dict=True)
    served.stac_extensions = [uri for uri in served.stac_extensions if "127.0.0.1" not in uri]
    served.validate()
    raster = f"/raster/collections/worldstrat-super-resolved/items/{found['id']}"
    for render in ("true-color", "ndvi"):
        picture = client.get(f"{raster}/preview.png", params={"render": render})
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def test_a_model_of_the_catalog_is_taken_by_its_id_until_its_file_is_changed(
    own: ServerSettings, serve: Any, client: httpx.Client, address: str
) -> None:
    known, store = default_model(), ObjectStore.open(own.store)
    other = known.__class__(known.spec.model_copy(update={"id": "another"}), known.onnx, known.weights)
    item = add_model(other, own.database, store)
    answer = client.get(f"{address}/preview.png", params={"model": "another"})
    assert (answer.status_code, answer.headers["worldstrat-model"]) == (200, "another")
    served = client.get(f"/stac/collections/sr-models/items/{item['id']}").json()["assets"]
    assert httpx.get(served["model"]["href"]).content == known.onnx
    assert "# " in httpx.get(served["card"]["href"]).text
    key = store.key(item["assets"]["model"]["href"])
    assert key
    store.put(key, b"poison", "application/octet-stream")
    refused = serve(own).get(f"{address}/preview.png", params={"model": "another"})
    assert refused.status_code == 400
    assert "somebody changed it" in refused.json()["description"]


def test_the_counters_tell_what_was_computed(client: httpx.Client, address: str) -> None:
    def counted() -> dict[str, float]:
        lines = [line.split() for line in client.get("/metrics").text.splitlines() if line.startswith("worldstrat_sr_")]
        return {line[0]: float(line[1]) for line in lines}

    before = counted()
    for _ in range(2):
        assert client.get(f"{address}/preview.tif", params={"clouds": "keep"}).status_code == 200
    after = counted()
    assert after["worldstrat_sr_items_computed_total"] == before["worldstrat_sr_items_computed_total"] + 1
    assert after["worldstrat_sr_item_requests_total"] >= before["worldstrat_sr_item_requests_total"] + 2
