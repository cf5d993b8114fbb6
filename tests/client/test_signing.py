"""Signing against a server that redirects to a real S3 store, and against one that streams."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import numpy as np
import pystac
import pytest
from pystac_client import Client
from rich.console import Console

from catalog.constants import COLLECTION_SPOT
from client.dataset import Samples
from client.errors import ServerError
from client.query import Query
from client.samples import draw
from client.signing import Signer, sign, sign_inplace
from client.xarray_opener import open_place
from infra.databases import database_env
from infra.radosgw import Radosgw
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from ingest.run import Options, ingest

FOREIGN = "https://elsewhere.example/data/scene.tif"


@pytest.fixture(scope="module")
def redirecting(
    module_database: Any, dataset: Path, radosgw: Radosgw, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server whose assets lie in S3, and which sends clients there."""
    bucket = f"signed-{uuid4().hex[:12]}"
    radosgw.create_bucket(bucket)
    store = radosgw.settings(bucket)
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    report = ingest(Options(dataset, module_database, store, only=(first,)), Console(quiet=True))
    assert report.failures == []
    record = Record(tmp_path_factory.mktemp("redirecting"))
    write_env(record.data, {**database_env(module_database), **store_env(store)})
    server = WebServer(record)
    server.choose_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLDSTRAT_ASSETS_REDIRECT", "1")
        environment.setenv("WORLDSTRAT_ASSET_URL_SECONDS", "4")
        server.start()
    yield server.url
    server.stop()


def spot(url: str, modifier: Callable[[Any], Any] | None = None) -> pystac.Item:
    client = Client.open(f"{url}/stac", modifier=modifier)
    return next(client.search(collections=[COLLECTION_SPOT]).items())


def test_signed_hrefs_lead_to_the_bytes_that_the_item_names(redirecting: str) -> None:
    item = spot(redirecting)
    signed = sign(item)
    for key, asset in signed.assets.items():
        assert "X-Amz-Signature" in asset.href, key
        content = httpx.get(asset.href).raise_for_status().content
        assert len(content) == asset.extra_fields["file:size"]
        assert asset.extra_fields["alternate"]["server"]["href"] == item.assets[key].href
    assert all(asset.href.startswith(redirecting) for asset in item.assets.values()), "sign() changes no original"


def test_a_modifier_signs_what_a_search_finds(redirecting: str) -> None:
    assert all("X-Amz-Signature" in asset.href for asset in spot(redirecting, sign_inplace).assets.values())


def test_gdal_reads_signed_addresses_and_samples_follow_redirects(redirecting: str, tmp_path: Path) -> None:
    [place] = draw(Query(leaks=True), url=f"{redirecting}/stac", frames=1).places
    opened = open_place(place.name, url=f"{redirecting}/stac", bands=("B04",), frames=1)
    with closing(Samples([place], tmp_path, frames=1)) as samples:
        np.testing.assert_array_equal(np.nan_to_num(opened.B04.values[0]), samples[0]["lr"][0, 3])


def test_every_kind_of_thing_is_signed(redirecting: str) -> None:
    item = spot(redirecting)
    document = item.to_dict(include_self_link=False, transform_hrefs=False)
    asset = document["assets"]["ps"]
    found: list[str] = [
        sign(asset["href"]),
        sign(asset)["href"],
        sign(item.assets["ps"]).href,
        sign(document)["assets"]["ps"]["href"],
        sign({"type": "FeatureCollection", "features": [document]})["features"][0]["assets"]["ps"]["href"],
        sign(pystac.ItemCollection([item])).items[0].assets["ps"].href,
    ]
    assert all("X-Amz-Signature" in href for href in found)
    with pytest.raises(TypeError, match="sign\\(\\) returns a signed one"):
        sign_inplace(asset["href"])


def test_an_address_is_kept_until_shortly_before_it_expires_and_then_signed_again(redirecting: str) -> None:
    signer, item = Signer(), spot(redirecting)
    own = item.assets["ps"].href
    assert signer.href(own) == signer.href(own)
    first = signer.sign(item)
    old = first.assets["ps"].href
    time.sleep(5.2)
    assert httpx.get(old).status_code == 403, "it has expired"
    assert httpx.get(signer.sign_inplace(first).assets["ps"].href).status_code == 200
    assert first.assets["ps"].href != old


def test_a_server_that_streams_and_foreign_hrefs_are_left_alone(live_server: str) -> None:
    item = spot(live_server)
    item.add_asset("foreign", pystac.Asset(FOREIGN))
    signed = sign(item)
    assert {key: asset.to_dict() for key, asset in signed.assets.items()} == {
        key: asset.to_dict() for key, asset in item.assets.items()
    }
    for href in (FOREIGN, "s3://bucket/key.tif", "./local.tif", f"{live_server}/assets/none/such.tif", ""):
        assert sign(href) == href


def test_a_lost_object_ends_no_search_and_a_dead_server_is_told(live_server: str) -> None:
    item = spot(live_server)
    lost = item.assets["ps"].href.replace("_ps.tif", "_xx.tif")
    item.assets["ps"].href = lost
    assert Signer().sign(item).assets["ps"].href == lost
    with pytest.raises(ServerError, match=r"_xx\.tif cannot be signed: the server does not answer"):
        Signer().href(lost.replace(live_server, "http://127.0.0.1:9"))
    with counting(status=503) as hrefs, pytest.raises(ServerError, match="the server answered 503"):
        Signer().href(hrefs[0])


class Counting(BaseHTTPRequestHandler):
    """Counts the requests, and redirects each to a signature of its own."""

    asked: ClassVar[list[str]] = []
    status: ClassVar[int] = 307

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        begin = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signature = f"X-Amz-Date={begin}&X-Amz-Expires=3600&X-Amz-Signature={len(self.asked)}"
        self.send_header("Location", f"http://store.example{self.path}?{signature}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def counting(*, status: int) -> Iterator[list[str]]:
    Counting.asked.clear()
    Counting.status = status
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield [
            f"http://127.0.0.1:{server.server_address[1]}/assets/{COLLECTION_SPOT}/P/0123456789ab/P_{n}.tif"
            for n in range(20)
        ]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_threads_share_what_is_signed() -> None:
    signer = Signer()
    with counting(status=307) as hrefs, ThreadPoolExecutor(8) as pool:
        once = dict(zip(hrefs, pool.map(signer.href, hrefs), strict=True))
        assert sorted(Counting.asked) == sorted(href[href.index("/assets") :] for href in hrefs)
        again = list(pool.map(signer.href, hrefs * 10))
        assert again == [once[href] for href in hrefs] * 10
        assert len(Counting.asked) == len(hrefs)


def test_a_server_that_streams_is_asked_once() -> None:
    with counting(status=206) as hrefs:
        thing = {"assets": {str(n): {"href": href} for n, href in enumerate(hrefs)}}
        assert Signer().sign(thing) == thing
        assert len(Counting.asked) == 1
