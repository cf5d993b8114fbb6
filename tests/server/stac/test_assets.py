"""Assets by HTTP: whole, by range, from files and from S3 alike."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import numpy as np
import pytest
import rasterio

from catalog.constants import COG_MEDIA_TYPE, COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import ObjectNotFoundError
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from server.stac.assets import check_key


@pytest.fixture(params=["files", "s3"])
def reached(request: pytest.FixtureRequest) -> tuple[httpx.Client, bytes, str]:
    """A client, the bytes of a SPOT image, and its path, of each kind of store."""
    catalog = request.getfixturevalue("catalog" if request.param == "files" else "s3_catalog")
    client = request.getfixturevalue("http" if request.param == "files" else "s3_http")
    path = _spot_path(client)
    return client, ObjectStore.open(catalog.store).get(unquote(path.removeprefix("/assets/"))), path


def _spot_path(client: httpx.Client) -> str:
    (item,) = client.get("/stac/search", params={"collections": COLLECTION_SPOT, "limit": 1}).json()["features"]
    return urlsplit(item["assets"]["ps"]["href"]).path


def test_an_asset_comes_whole_and_by_any_range(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, stored, path = reached
    size = len(stored)

    whole = client.get(path)
    assert whole.status_code == 200
    assert whole.content == stored
    assert whole.headers["content-type"] == COG_MEDIA_TYPE
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, start, stop in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-100", 100, 101),
        (f"bytes={size - 10}-", size - 10, size),
        (f"bytes={size - 10}-{size + 500}", size - 10, size),
        ("bytes=-16", size - 16, size),
        (f"bytes=-{size + 500}", 0, size),
    ):
        part = client.get(path, headers={"range": asked})
        assert part.status_code == 206, asked
        assert part.content == stored[start:stop]
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert part.headers["content-length"] == str(stop - start)
        assert part.headers["etag"] == whole.headers["etag"]


def test_a_range_beyond_the_end_says_how_long_the_asset_is(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, stored, path = reached

    for asked in (f"bytes={len(stored)}-", f"bytes={len(stored) + 5}-{len(stored) + 9}", "bytes=-0"):
        answer = client.get(path, headers={"range": asked})
        assert answer.status_code == 416, asked
        assert answer.headers["content-range"] == f"bytes */{len(stored)}"


def test_no_number_of_a_header_is_too_large(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, stored, path = reached

    for headers, status in (
        ({"range": "bytes=99999999999999999999999-"}, 416),
        ({"range": "bytes=99999999999999999999998-99999999999999999999999"}, 416),
        ({"range": f"bytes={2**64}-"}, 416),
        ({"range": "bytes=0-9999999999999999999999"}, 206),
        ({"range": f"bytes=0-{2**64 - 1}"}, 206),
        ({"range": "bytes=-99999999999999999999"}, 206),
        ({"range": f"bytes={'9' * 5000}-"}, 200),
        ({"if-modified-since": "Mon, 01 Jan 2020 00:00:00 +99999999999999999999"}, 200),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, headers
        if status == 416:
            assert answer.headers["content-range"] == f"bytes */{len(stored)}"
        else:
            assert answer.content == stored
    odd = {"range": "bytes=0-9", "if-range": "Mon, 01 Jan 2020 00:00:00 +99999999999999999999"}
    assert client.get(path, headers=odd).status_code == 200


def test_head_describes_without_a_body(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, stored, path = reached

    head = client.head(path, headers={"range": "bytes=0-9"})

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(stored))
    assert {"etag", "last-modified"} <= head.headers.keys()


def test_a_good_copy_is_not_sent_again(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, _, path = reached
    known = client.head(path).headers

    for condition in ({"if-none-match": known["etag"]}, {"if-modified-since": known["last-modified"]}):
        answer = client.get(path, headers=condition)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == known["etag"]
    assert client.get(path, headers={"if-none-match": '"other"', "range": "bytes=0-1"}).status_code == 206


def test_an_asset_may_be_kept_for_ever_since_its_key_holds_its_hash(
    reached: tuple[httpx.Client, bytes, str],
) -> None:
    client, stored, path = reached

    assert client.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert path.split("/")[-2] == hashlib.sha256(stored).hexdigest()[:12]


def test_an_asset_of_an_older_ingest_is_served_and_asked_after(serve: Any, catalog: Any) -> None:
    key = f"{COLLECTION_SPOT}/old/old_SPOT_ps.tif"
    store = ObjectStore.open(catalog.store)
    store.put(key, b"II*\0", COG_MEDIA_TYPE)
    try:
        answer = serve(catalog.settings()).get(f"/assets/{key}")
    finally:
        store.delete(key)

    assert (answer.status_code, answer.content) == (200, b"II*\0")
    assert answer.headers["cache-control"] == "public, max-age=60, must-revalidate"


def test_a_range_of_another_version_becomes_the_whole(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, stored, path = reached
    etag = client.head(path).headers["etag"]

    assert client.get(path, headers={"range": "bytes=0-9", "if-range": etag}).content == stored[:10]
    answer = client.get(path, headers={"range": "bytes=0-9", "if-range": '"older"'})
    assert (answer.status_code, answer.content) == (200, stored)


def test_an_asset_that_is_not_there_is_404(reached: tuple[httpx.Client, bytes, str]) -> None:
    client, _, path = reached

    for missing in (path.replace("_ps.tif", "_px.tif"), f"/assets/{COLLECTION_SPOT}/nowhere/x.png"):
        for method in ("GET", "HEAD"):
            assert client.request(method, missing).status_code == 404


def test_assets_are_never_compressed_and_open_to_other_pages(http: httpx.Client) -> None:
    path = _spot_path(http)

    answer = http.get(path, headers={"accept-encoding": "br, gzip", "origin": "https://a.org", "range": "bytes=0-4999"})

    assert answer.status_code == 206
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == "5000"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"Content-Range", "ETag"} <= set(answer.headers["access-control-expose-headers"].split(", "))


BAD_KEYS = [
    "",
    "x",
    "../../../etc/passwd",
    f"{COLLECTION_SPOT}/../../etc/passwd.tif",
    f"{COLLECTION_SPOT}/..",
    f"{COLLECTION_SPOT}/a/../b.tif",
    f"{COLLECTION_SPOT}/../{COLLECTION_SPOT}/b.tif",
    f"{COLLECTION_SPOT}/a/.hidden.tif",
    f"{COLLECTION_SPOT}/.a/b.tif",
    f"{COLLECTION_SPOT}//b.tif",
    f"/{COLLECTION_SPOT}/b.tif",
    f"{COLLECTION_SPOT}/a/b\0.tif",
    f"{COLLECTION_SPOT}/a/b\\..\\c.tif",
    f"{COLLECTION_SPOT}/a/b.txt",
    f"{COLLECTION_SPOT}/a/b",
    f"{COLLECTION_SPOT}/a/b/c.tif",
    f"{COLLECTION_SPOT}/a/0123456789a/c.tif",
    f"{COLLECTION_SPOT}/a/0123456789AB/c.tif",
    f"{COLLECTION_SPOT}/a/0123456789ab/..",
    f"{COLLECTION_SPOT}/a/0123456789ab/b/c.tif",
    "other-collection/a/b.tif",
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_the_catalog_could_not_name_never_reaches_the_store(key: str) -> None:
    with pytest.raises(ObjectNotFoundError):
        check_key(key)


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fstack.env", "%00"])
def test_no_path_leads_out_of_the_store(live_server: str, name: str) -> None:
    # httpx and curl would tidy the path up before they send it.
    host, port = urlsplit(live_server).hostname, urlsplit(live_server).port
    script = (
        "import http.client, sys; c = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2])); "
        "c.request('GET', sys.argv[3]); print(c.getresponse().status)"
    )
    for path in (f"/assets/{name}", f"/assets/{COLLECTION_SPOT}/{name}", f"/assets/{COLLECTION_SPOT}/a/{name}.tif"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(host), str(port), path], capture_output=True, check=True
        )
        assert done.stdout.strip() == b"404"


def test_a_store_that_is_gone_is_503(serve: Any, catalog: Any) -> None:
    keys = {"access_key_id": "k", "secret_access_key": "s"}
    dead = StoreSettings(url="s3://bucket", endpoint_url="http://127.0.0.1:9", **keys)
    client = serve(catalog.settings().model_copy(update={"store": dead}))

    answer = client.get(f"/assets/{COLLECTION_SPOT}/a/b.tif")

    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "127.0.0.1:9" not in answer.text


def test_gdal_reads_an_href_by_ranges_from_another_process(live_server: str, http: httpx.Client) -> None:
    done = subprocess.run(
        ["gdalinfo", "-json", f"/vsicurl/{live_server}{_spot_path(http)}"], capture_output=True, check=True
    )

    info = json.loads(done.stdout)
    assert [band["description"] for band in info["bands"]] == ["red", "green", "blue", "nir"]
    assert 'ID["EPSG",4326]' in info["coordinateSystem"]["wkt"]


def test_an_href_holds_the_pixels_of_the_published_file(http: httpx.Client, catalog: Any) -> None:
    source = min(Path(catalog.dataset).glob("lr_dataset/*/L2A/*-1-L2A_data.tiff"))
    item_id = source.parents[1].name.replace(" ", "-") + "_L2A_01"
    item = http.get(f"/stac/collections/{COLLECTION_L2A}/items/{item_id}").raise_for_status().json()

    with rasterio.open(source) as published, rasterio.open(item["assets"]["data"]["href"]) as served:
        assert served.bounds == pytest.approx(published.bounds)
        for index, scale in enumerate(served.scales, start=1):
            pixels = served.read(index) * np.float32(scale)
            np.testing.assert_allclose(pixels, published.read(index), atol=1e-6)


def test_a_client_can_be_sent_to_a_signed_url_of_the_store(serve: Any, s3_catalog: Any) -> None:
    client = serve(s3_catalog.settings(assets_redirect=True, asset_url_seconds=60))
    path = _spot_path(client)

    answer = client.get(path)

    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "private, max-age=30"
    target = answer.headers["location"]
    assert "X-Amz-Signature" in target
    assert httpx.get(target, headers={"range": "bytes=0-3"}).content in {b"II*\0", b"II+\0"}
    head = client.head(path)
    assert httpx.head(head.headers["location"]).status_code == 200
