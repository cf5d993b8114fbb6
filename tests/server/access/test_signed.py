"""Signed addresses and accepted terms."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import psycopg
import pystac
import pytest
import rasterio

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import SettingsError
from client import signing
from infra.databases import database_env
from infra.ports import free_port
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from server.access.door import Door
from server.access.settings import AccessSettings


@pytest.fixture(scope="module")
def hrefs(served: httpx.Client, reader: dict[str, str]) -> list[str]:
    """Addresses of private assets: all of one item, then one of another."""
    found = served.get(f"/stac/collections/{COLLECTION_SPOT}/items", params={"limit": 2}, headers=reader).json()
    first, second = ([asset["href"] for asset in item["assets"].values()] for item in found["features"])
    return [*first, second[0]]


def sign(client: httpx.Client, href: str, headers: dict[str, str]) -> httpx.Response:
    return client.get("/access/sign", params={"href": href}, headers=headers)


def test_a_signed_address_opens_one_asset_for_anybody(
    served: httpx.Client, hrefs: list[str], reader: dict[str, str]
) -> None:
    answer = sign(served, hrefs[0], reader).raise_for_status()
    told = answer.json()
    assert answer.headers["cache-control"].startswith("private")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["msft:expiry"])
    assert served.get(hrefs[0]).status_code == 404
    opened = served.get(told["href"])
    assert (opened.status_code, opened.content) == (200, served.get(hrefs[0], headers=reader).content)
    assert "private" in opened.headers["cache-control"]
    assert served.head(told["href"]).status_code == 200
    query = told["href"].partition("?")[2]
    for other in (hrefs[1], hrefs[-1], "/assets/worldstrat-spot/a/b.tif"):
        refused = served.get(f"{other}?{query}")
        assert (refused.status_code, refused.json()["code"]) == (403, "SignatureError")
    for path in (f"/stac/collections/{COLLECTION_SPOT}", f"/raster/collections/{COLLECTION_SPOT}/info"):
        assert served.get(f"{path}?{query}").status_code == 404, "it opens assets, nothing else"


def test_a_token_opens_a_collection_and_no_other(
    served: httpx.Client, hrefs: list[str], reader: dict[str, str]
) -> None:
    token = served.get(f"/access/token/{COLLECTION_SPOT}", headers=reader).json()["token"]
    for href in hrefs:
        assert served.get(f"{href}?{token}").status_code == 200
    other = hrefs[0].replace(COLLECTION_SPOT, COLLECTION_L2A)
    assert served.get(f"{other}?{token}").status_code == 403


def test_a_signature_that_was_changed_or_has_expired_opens_nothing(
    served: httpx.Client, hrefs: list[str], reader: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    href = sign(served, hrefs[0], reader).json()["href"]
    later = re.sub(r"ws-expires=(\d+)", lambda found: f"ws-expires={int(found[1]) + 1}", href)
    wider = re.sub(r"ws-prefix=[^&]+", "ws-prefix=worldstrat-spot%2F", href)
    for changed in (
        later,
        wider,
        href[:-1],
        re.sub(r"ws-expires=\d+", "ws-expires=x", href),
        f"{hrefs[0]}?ws-signature=",
    ):
        assert served.get(changed).status_code == 403, changed
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    expired = served.get(href)
    assert expired.status_code == 403
    assert "has expired" in expired.json()["description"]


def test_only_addresses_of_this_server_and_its_store_are_signed(
    served: httpx.Client, hrefs: list[str], reader: dict[str, str], catalog: Any
) -> None:
    key = hrefs[0].partition("/assets/")[2]
    own = sign(served, f"{catalog.store.url}/{key}", reader)
    assert own.json()["href"].startswith(f"{hrefs[0]}?")
    for foreign in (
        f"https://elsewhere.example/assets/{key}",
        hrefs[0].replace("/assets/", "/assets/../"),
        f"{served.base_url}/assets/worldstrat-spot/../../etc/passwd.tif",
        "file:///etc/passwd",
        f"//{served.base_url.netloc.decode()}/assets/{key}",
        "",
    ):
        assert sign(served, foreign, reader).status_code == 404, foreign


def test_who_does_not_see_a_collection_gets_no_signature_for_it_and_learns_nothing(
    served: httpx.Client, hrefs: list[str], writer: dict[str, str]
) -> None:
    absent = hrefs[0].replace(COLLECTION_SPOT, "worldstrat-super-resolved")
    for headers in ({}, writer):
        answers = [sign(served, href, headers) for href in (hrefs[0], absent)]
        answers += [served.get(f"/access/token/{name}", headers=headers) for name in (COLLECTION_SPOT, "no-collection")]
        assert [answer.status_code for answer in answers] == [404] * 4
        names = rf"{COLLECTION_SPOT}|worldstrat-super-resolved|no-collection"
        assert len({re.sub(names, "*", answer.text) for answer in answers}) == 1


def test_a_server_without_a_secret_says_that_it_signs_nothing(public: httpx.Client) -> None:
    answer = public.get(f"/access/token/{COLLECTION_SPOT}")
    assert answer.status_code == 404
    assert "WORLDSTRAT_SIGNING_SECRET" in answer.json()["description"]
    assert public.get("/assets/worldstrat-spot/a/b.tif?ws-signature=x").status_code == 403


@pytest.fixture(scope="module")
def private_process(
    catalog: Any, tmp_path_factory: pytest.TempPathFactory, make_key: Callable[..., str]
) -> Iterator[tuple[str, str]]:
    """The address of a server with private SPOT, and a key: a process, for GDAL cannot read from a thread of ours."""
    record = Record(tmp_path_factory.mktemp("private"))
    secret = {"WORLDSTRAT_SIGNING_SECRET": "one that stack.env holds, as `worldstrat up` makes it"}
    write_env(record.data, {**database_env(catalog.database), **store_env(catalog.store), **secret})
    server = WebServer(record, free_port())  # signers remember an address: it is no other server's
    server.choose_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLDSTRAT_PRIVATE_COLLECTIONS", COLLECTION_SPOT)
        server.start()
    yield server.url, make_key("read")
    server.stop()


def test_gdal_reads_private_pixels_by_addresses_that_the_client_signs(
    private_process: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, key = private_process
    monkeypatch.setenv("WORLDSTRAT_API_KEY", key)
    monkeypatch.setenv("WORLDSTRAT_URL", f"{url}/stac")
    shown = {"Authorization": f"Bearer {key}"}
    document = httpx.get(f"{url}/stac/collections/{COLLECTION_SPOT}/items?limit=1", headers=shown).json()["features"][0]
    item = pystac.Item.from_dict(document, preserve_dict=True)
    signed = signing.sign(item)
    href = signed.assets["ps"].href
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with rasterio.open(href) as src:
            part = src.read(1, window=((0, 32), (0, 32)))
            assert src.count == 4
        with pytest.raises(rasterio.errors.RasterioIOError):
            rasterio.open(item.assets["ps"].href)
    with (
        rasterio.io.MemoryFile(httpx.get(item.assets["ps"].href, headers=shown).content) as memory,
        memory.open() as src,
    ):
        np.testing.assert_array_equal(part, src.read(1, window=((0, 32), (0, 32))))


@pytest.mark.usefixtures("open_schemas")
def test_private_collections_and_items_say_how_they_are_opened(served: httpx.Client, reader: dict[str, str]) -> None:
    collection = served.get(f"/stac/collections/{COLLECTION_SPOT}", headers=reader).json()
    item = served.get(f"/stac/collections/{COLLECTION_SPOT}/items?limit=1", headers=reader).json()["features"][0]
    landing = served.get("/stac", headers=reader).json()
    for thing in (collection, item, landing):
        assert any("authentication/v1.1.0" in uri for uri in thing["stac_extensions"])
        thing["stac_extensions"] = [uri for uri in thing["stac_extensions"] if "127.0.0.1" not in uri]
        pystac.validation.validate_dict(thing)
    schemes = item["properties"]["auth:schemes"]
    assert schemes == collection["auth:schemes"] == landing["auth:schemes"]
    for asset in item["assets"].values():
        assert set(asset["auth:refs"]) == schemes.keys()
    other = served.get(f"/stac/collections/{COLLECTION_L2A}/items?limit=1", headers=reader).json()["features"][0]
    assert "auth:" not in str(other)


@pytest.fixture(scope="module")
def bound(catalog: Any, serve_longer: Any) -> httpx.Client:
    """A client of a server that gives SPOT's assets to those who accepted the terms."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLDSTRAT_TERMS_COLLECTIONS", COLLECTION_SPOT)
        return serve_longer(catalog.settings(signing_secret="s" * 32))


def assets(client: httpx.Client, collection: str) -> list[str]:
    found = client.get(f"/stac/collections/{collection}/items", params={"limit": 1}).json()["features"][0]
    return [asset["href"] for asset in found["assets"].values()]


def test_assets_are_given_to_who_accepted_the_terms_once(bound: httpx.Client) -> None:
    href = assets(bound, COLLECTION_SPOT)[0]
    refused = bound.get(href)
    assert (refused.status_code, refused.json()["code"]) == (403, "TermsError")
    assert 'rel="terms-of-service"' in refused.headers["link"]
    assert sign(bound, href, {}).status_code == 403
    assert bound.get(assets(bound, COLLECTION_L2A)[0]).status_code == 200
    [terms] = bound.get("/access/terms").json()["terms"]
    assert (terms["collection"], terms["license"]) == (COLLECTION_SPOT, "CC-BY-NC-4.0")
    accepted = bound.post("/access/terms")
    assert accepted.status_code == 201
    bound.cookies.clear()
    token = accepted.json()["token"]
    shown = {"Worldstrat-Terms": token}
    opened = bound.get(href, headers=shown)
    assert opened.status_code == 200
    assert "license" in opened.headers["link"]
    assert "private" in opened.headers["cache-control"]
    for wrong in (token[:-1], f"9{token}", "x", "1.x", ""):
        assert bound.get(href, headers={"Worldstrat-Terms": wrong}).status_code == 403
    assert bound.get(sign(bound, href, shown).json()["href"]).status_code == 200
    bound.cookies.set("worldstrat_terms", token)
    assert bound.get(href).status_code == 200
    bound.cookies.clear()


def test_the_holder_of_a_key_accepts_once_for_all_places(
    bound: httpx.Client, reader: dict[str, str], catalog: Any
) -> None:
    href = assets(bound, COLLECTION_SPOT)[0]
    assert bound.get(href, headers=reader).status_code == 403
    accepted = bound.post("/access/terms", headers=reader)
    assert "token" not in accepted.json()
    assert bound.get(href, headers=reader).status_code == 200
    assert bound.get(href).status_code == 403
    with psycopg.connect(catalog.database.dsn) as connection:
        connection.execute("DELETE FROM worldstrat.accepted_terms WHERE subject = %s", (accepted.json()["by"],))


def test_terms_without_a_secret_end_the_start() -> None:
    with pytest.raises(SettingsError, match="WORLDSTRAT_SIGNING_SECRET"):
        Door(AccessSettings(terms_collections=(COLLECTION_SPOT,)), None)
