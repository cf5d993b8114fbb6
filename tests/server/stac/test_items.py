"""Items as the STAC API hands them out: valid, and with links and assets that lead somewhere."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import odc.stac
import pystac
import pystac_client
import pytest
import rasterio

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT, COLLECTIONS
from catalog.extension import SCHEMA_URI
from server.stac.hrefs import ALTERNATE_ASSETS
from server.stac.links import WEB_MAP_LINKS


@pytest.fixture
def stac(live_server: str) -> pystac_client.Client:
    return pystac_client.Client.open(f"{live_server}/stac")


@pytest.mark.usefixtures("open_schemas")
def test_every_item_is_valid_with_all_its_extensions(stac: pystac_client.Client, catalog: Any) -> None:
    items = list(stac.search(limit=100).items())

    assert len(items) == catalog.items
    for item in items:
        assert WEB_MAP_LINKS in item.stac_extensions
        item.validate()


def test_what_is_null_stays_null(http: httpx.Client) -> None:
    """Two splits claim one place of the sample, none another: both say `null`, and a search can ask for that."""
    condition = {"op": "isNull", "args": [{"property": "worldstrat:split"}]}

    found = http.post("/stac/search", json={"filter": condition}).json()["features"]

    assert found
    assert all(item["properties"]["worldstrat:split"] is None for item in found)


@pytest.mark.usefixtures("open_schemas")
def test_every_collection_is_valid_with_all_its_extensions(stac: pystac_client.Client) -> None:
    for collection in stac.get_collections():
        assert WEB_MAP_LINKS in collection.stac_extensions
        collection.validate()


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")  # inside odc-geo
@pytest.mark.usefixtures("open_schemas")
def test_an_item_is_valid_for_someone_who_knows_only_this_server(stac: pystac_client.Client, live_server: str) -> None:
    # What the published schemas of other extensions say is at hand; ours has to come from the address in the item.
    item = next(stac.search(limit=1).items())
    (own,) = [uri for uri in item.stac_extensions if uri.startswith(live_server)]

    schema = httpx.get(own).raise_for_status().json()
    assert schema["$id"] == SCHEMA_URI
    item.validate()
    item.properties["worldstrat:split"] = "no such split"
    with pytest.raises(pystac.STACValidationError):
        item.validate()


def test_odc_stac_loads_the_pixels_of_the_source(stac: pystac_client.Client, catalog: Any) -> None:
    item = next(stac.search(collections=[COLLECTION_L2A], ids=[_slug(catalog) + "_L2A_01"]).items())

    loaded = odc.stac.load([item], bands=["red", "nir"])

    with rasterio.open(_source(catalog)) as source:
        red, nir = source.read([4, 8])
        assert loaded.odc.geobox.shape == source.shape
    for band, expected in (("red", red), ("nir", nir)):
        pixels = loaded[band].isel(time=0).values
        scale = 0.0001 if np.issubdtype(pixels.dtype, np.integer) else 1.0
        np.testing.assert_allclose(pixels * scale, expected, atol=1e-6)


def _slug(catalog: Any) -> str:
    return _source(catalog).parents[1].name.replace(" ", "-")


def _source(catalog: Any) -> Path:
    return min(Path(catalog.dataset).glob("lr_dataset/*/L2A/*-1-L2A_data.tiff"))


def test_no_answer_tells_where_the_files_lie(http: httpx.Client, catalog: Any) -> None:
    folder = urlsplit(catalog.store.url).path

    for path in ("/stac/search?limit=1000", "/stac/collections", f"/stac/collections/{COLLECTION_SPOT}/items"):
        text = http.get(path).raise_for_status().text
        assert "file://" not in text
        assert folder not in text


def test_a_file_has_no_alternate(http: httpx.Client) -> None:
    (item,) = http.get("/stac/search", params={"limit": 1}).json()["features"]

    assert ALTERNATE_ASSETS not in item["stac_extensions"]
    assert not any("alternate" in asset for asset in item["assets"].values())


@pytest.mark.usefixtures("open_schemas")
def test_an_object_of_s3_has_its_canonical_href_as_an_alternate(s3_http: httpx.Client, s3_catalog: Any) -> None:
    answer = s3_http.get("/stac/search", params={"collections": COLLECTION_SPOT}).raise_for_status().json()

    item = pystac.Item.from_dict(answer["features"][0])
    item.validate()
    assert ALTERNATE_ASSETS in item.stac_extensions
    for asset in item.assets.values():
        canonical = asset.extra_fields["alternate"]["s3"]["href"]
        assert canonical.startswith(s3_catalog.store.url)
        assert (
            asset.href
            == f"{str(s3_http.base_url).rstrip('/')}/assets/{canonical.removeprefix(s3_catalog.store.url + '/')}"
        )


def test_every_link_and_asset_leads_somewhere(http: httpx.Client) -> None:
    """From the landing page over collections and one item of each, every address of this server answers."""
    pages = ["/", "/stac", "/stac/collections"]
    pages += [f"/stac/collections/{collection}" for collection in COLLECTIONS]
    pages += [f"/stac/collections/{collection}/items?limit=1" for collection in COLLECTIONS]
    seen: dict[str, str] = {}
    for page in pages:
        _collect(http.get(page).raise_for_status().json(), page, seen)

    own = {href: page for href, page in seen.items() if href.startswith(str(http.base_url).rstrip("/"))}
    assert len(own) > 40
    broken = {href: page for href, page in own.items() if http.get(href, follow_redirects=False).status_code != 200}
    assert broken == {}
    foreign = {urlsplit(href).netloc for href in seen.keys() - own.keys()}
    assert not any(host.startswith(("localhost", "127.0.0.1")) for host in foreign)


def _collect(document: Any, page: str, seen: dict[str, str]) -> None:
    """Note every href of a document; `next` links by POST and templates are no addresses to get."""
    if isinstance(document, list):
        for part in document:
            _collect(part, page, seen)
    elif isinstance(document, dict):
        href = document.get("href")
        if isinstance(href, str) and document.get("method", "GET") == "GET" and "{" not in href:
            seen.setdefault(href, page)
        for part in document.values():
            _collect(part, page, seen)


def test_the_layer_that_an_item_names_is_in_its_wmts_document(http: httpx.Client) -> None:
    (item,) = http.get("/stac/search", params={"limit": 1, "collections": COLLECTION_SPOT}).json()["features"]
    link = next(link for link in item["links"] if link["rel"] == "wmts")

    document = http.get(link["href"]).raise_for_status().text

    assert f"<ows:Identifier>{link['wmts:layer']}</ows:Identifier>" in document


def test_related_images_are_linked_by_addresses_of_this_server(http: httpx.Client, catalog: Any) -> None:
    (item,) = http.get("/stac/search", params={"limit": 1, "collections": COLLECTION_SPOT}).json()["features"]

    related = [link["href"] for link in item["links"] if link["rel"] == "related"]

    assert len(related) == 2 * catalog.revisits
    assert http.get(related[0]).json()["properties"]["worldstrat:aoi"] == item["properties"]["worldstrat:aoi"]
