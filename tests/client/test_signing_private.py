"""Private collections with an API key: signed addresses in the planetary-computer style, and what reads them."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import odc.stac
import psycopg
import pystac
import pytest
import stac_asset.blocking
from click.testing import CliRunner
from pydantic import SecretStr
from pystac_client import Client

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from client.dataset import Samples
from client.errors import ServerError
from client.key import api_key, headers_for
from client.query import Query
from client.samples import draw
from client.signing import MARGIN, Signer, sign, sign_inplace
from client.xarray_opener import open_place
from infra.cli import main
from infra.databases import database_env
from infra.ports import free_port
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from server.access import tables
from server.access.signatures import Signatures
from tests.conftest import IngestedSample

SECONDS = 600
"""For which an address is signed."""
SECRET = "a secret of the tests, of more than 32 characters"


@pytest.fixture(scope="module")
def private(ingested: IngestedSample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that shows nothing but L1C to those without a key."""
    record = Record(tmp_path_factory.mktemp("private"))
    write_env(record.data, {**database_env(ingested.database), **store_env(ingested.store)})
    server = WebServer(record, free_port())  # signers remember an address: it is no other server's
    server.choose_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLDSTRAT_PRIVATE_COLLECTIONS", f"{COLLECTION_SPOT}, {COLLECTION_L2A}")
        environment.setenv("WORLDSTRAT_SIGNING_SECRET", SECRET)
        environment.setenv("WORLDSTRAT_SIGNED_SECONDS", str(SECONDS))
        server.start()
    yield f"{server.url}/stac"
    server.stop()


@pytest.fixture(scope="module")
def key(ingested: IngestedSample) -> Iterator[str]:
    with psycopg.connect(ingested.database.dsn, autocommit=True) as connection:
        yield tables.add_key(connection, "signing test", frozenset({"read"}), None)
        tables.remove_key(connection, "signing test")


@pytest.fixture
def holder(private: str, key: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the server for whoever has a key in the environment."""
    monkeypatch.setenv("WORLDSTRAT_API_KEY", key)
    monkeypatch.setenv("WORLDSTRAT_URL", private)
    return private


def spot(url: str, modifier: Callable[[Any], Any] | None = None) -> pystac.Item:
    client = Client.open(url, headers=headers_for(url), modifier=modifier)
    return next(client.search(collections=[COLLECTION_SPOT]).items())


def test_without_a_key_there_is_nothing_to_sign(private: str) -> None:
    assert list(Client.open(private).search(collections=[COLLECTION_SPOT]).items()) == []


def test_a_modifier_signs_what_anybody_can_read_then(holder: str) -> None:
    item = spot(holder, sign_inplace)
    for key, asset in item.assets.items():
        assert "ws-signature=" in asset.href, key
        content = httpx.get(asset.href).raise_for_status().content
        assert asset.extra_fields["file:checksum"] == f"1220{hashlib.sha256(content).hexdigest()}"
        own = asset.extra_fields["alternate"]["server"]["href"]
        assert httpx.get(own).status_code == 404, "unsigned it is as if it were not there"


def test_a_collection_is_asked_for_once(holder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    get = httpx.Client.get
    monkeypatch.setattr(httpx.Client, "get", lambda self, url, **more: (asked.append(url), get(self, url, **more))[1])
    signer = Signer()
    client = Client.open(holder, headers=headers_for(holder), modifier=signer.sign_inplace)
    items = list(client.search(collections=[COLLECTION_L2A]).items())
    assert len(items) == 8
    assert all("ws-signature=" in asset.href for item in items for asset in item.assets.values())
    assert {url.rpartition("/")[2] for url in asked} == {COLLECTION_L2A}
    assert len(asked) <= 8, "threads that begin together may each ask"


def test_what_has_expired_is_signed_again(holder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, item = Signer(), spot(holder)
    over = Signatures(SecretStr(SECRET)).query(f"{COLLECTION_SPOT}/", int(time.time()) - 1)
    expired = f"{item.assets['pan'].href}?{urlencode(over)}"
    assert httpx.head(expired).status_code == 403
    assert httpx.head(signer.href(expired)).status_code == 200

    first = signer.sign(item).assets["pan"].href
    assert signer.sign(item).assets["pan"].href == first
    time.sleep(1.1)  # two signatures of one second are the same
    later = time.monotonic() + SECONDS - MARGIN
    monkeypatch.setattr("client.signing.time.monotonic", lambda: later)
    again = signer.sign(item).assets["pan"].href
    assert again != first
    assert httpx.head(again).status_code == 200


def test_stac_asset_downloads_signed_assets(holder: str, tmp_path: Path) -> None:
    config = stac_asset.Config(include=["ps", "pan"])
    item = stac_asset.blocking.download_item(spot(holder, sign_inplace), str(tmp_path), config=config)
    assert set(item.assets) == {"ps", "pan"}
    for asset in item.assets.values():
        content = (tmp_path / asset.href).read_bytes()
        assert asset.extra_fields["file:checksum"] == f"1220{hashlib.sha256(content).hexdigest()}"
    assert {path.suffix for path in tmp_path.iterdir()} <= {".tif", ".json"}


def test_odc_stac_and_the_openers_read_what_is_private(holder: str, tmp_path: Path) -> None:
    [place] = draw(Query(leaks=True, limit=1), url=holder, frames=1).places
    opened = open_place(place.name, url=holder, bands=("B04",), frames=1)
    items = [pystac.Item.from_dict(dict(revisit)) for revisit in place.revisits]
    loaded = odc.stac.load(items, bands=["B04"], patch_url=sign)
    with closing(Samples([place], tmp_path, frames=1)) as samples:
        red = samples[0]["lr"][0, 3]
    np.testing.assert_array_equal(np.nan_to_num(opened.B04.values[0]), red)
    assert loaded.B04.shape[1:] == red.shape


def test_commands_show_the_key_of_the_environment(holder: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(main, [*arguments, "--json"], env={"WORLDSTRAT_URL": holder})
        assert done.exit_code == 0, done.output
        return done.stdout

    assert len(run("search", "--collection", "spot").splitlines()) == 4
    assert json.loads(run("stats", "--collection", "spot"))["collection_frequency"] == {COLLECTION_SPOT: 4}
    assert json.loads(run("download", str(tmp_path), "--collection", "spot", "--limit", "1"))["failures"] == []


def test_the_key_is_shown_to_its_own_server_alone(holder: str, key: str) -> None:
    assert api_key(f"{holder}/collections") == key
    for other in (
        holder.replace("127.0.0.1", "127.0.0.2"),
        "http://127.0.0.1:9/stac",
        holder.replace("http", "https", 1),
    ):
        assert api_key(other) is None
        assert headers_for(other) == {}


def test_a_key_that_is_not_good_is_told(holder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = spot(holder)
    monkeypatch.setenv("WORLDSTRAT_API_KEY", "wsk_0123456789abcdef_" + "x" * 43)
    with pytest.raises(ServerError, match=r"cannot be signed: the server answered 401.*API key"):
        Signer().sign(item)
