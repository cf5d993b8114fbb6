"""A catalog upgraded, and changed files ingested, while clients read it: each answer is an old or a new one."""

import hashlib
import math
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypgstac import migrate as pypgstac_migrate
from rich.console import Console

from catalog import revisions
from catalog.connection import connect
from catalog.constants import COLLECTION_L2A
from catalog.extension import SCHEMA_URI
from catalog.fingerprint import item_hash
from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.pgstac import installed_version, wanted_version
from infra.ports import free_port
from infra.record import Record, write_env
from infra.stores import store_env
from infra.upgrade import upgrade
from infra.web_server import WebServer
from ingest.options import Options
from ingest.prune import Options as PruneOptions
from ingest.prune import prune
from ingest.run import ingest

QUIET = Console(quiet=True)
OLD_URI = "https://worldstrat.github.io/stac/v0.9.0/schema.json"
READERS = 3
ZOOM = 14
_FUNCTION = re.compile(
    r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (?:(?!\bAS\s+\$)[^;])*?\bAS\s+(\$\w*\$).*?\1[^;]*;",
    re.DOTALL | re.MULTILINE,
)


@pytest.fixture
def options(dataset: Path, database: DatabaseSettings, file_store: StoreSettings, tmp_path: Path) -> Options:
    """One place, ingested, whose items follow an older version of the extension."""
    src = tmp_path / "dataset"
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    for table in dataset.glob("*.csv"):
        src.mkdir(exist_ok=True)
        shutil.copy(table, src)
    for folder in ("hr_dataset", "lr_dataset"):
        shutil.copytree(dataset / folder / first, src / folder / first)
    options = Options(src, database, file_store, workers=1, only=(first,))
    assert ingest(options, QUIET).failures == []
    with closing(connect(database)) as connection:
        connection.execute("UPDATE items SET content = replace(content::text, %s, %s)::jsonb", (SCHEMA_URI, OLD_URI))
    return options


@pytest.fixture
def server(options: Options, tmp_path: Path) -> Iterator[str]:
    """The address of a server of that catalog, a process of its own."""
    record = Record(tmp_path / "server")
    record.data.mkdir()
    write_env(record.data, {**database_env(options.database), **store_env(options.store)})
    web = WebServer(record, free_port())
    web.choose_port()
    web.start()
    yield web.url
    web.stop()


@pytest.fixture
def next_pgstac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pgSTAC after the installed one: every function is replaced, the table of items and an index are changed."""
    installed = Path(pypgstac_migrate.migrations_dir)
    here = wanted_version()
    major, minor, patch = here.split(".")
    later = f"{major}.{minor}.{int(patch) + 1}"
    folder = Path(shutil.copytree(installed, tmp_path / "migrations"))
    functions = "\n".join(found[0] for found in _FUNCTION.finditer((installed / f"pgstac.{here}.sql").read_text()))
    assert functions.count("CREATE OR REPLACE") > 100
    (folder / f"pgstac.{here}-{later}.sql").write_text(
        f"BEGIN;\nSET SEARCH_PATH TO pgstac, public;\nSET client_min_messages TO warning;\n{functions}\n"
        "ALTER TABLE items ADD COLUMN later int;\nCREATE INDEX ON items (later);\n"
        f"SELECT set_version('{later}');\nCOMMIT;\n"
    )
    monkeypatch.setattr(pypgstac_migrate, "migrations_dir", str(folder))
    for module in ("infra.pgstac", "infra.upgrade"):
        monkeypatch.setattr(f"{module}.wanted_version", lambda: later)
    return later


@dataclass(eq=False)
class Reader(threading.Thread):
    """A client that searches, and looks at the images that it finds, until it is told to stop."""

    url: str
    items: int
    stopped: threading.Event
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Item, its hash, the hash of its tile."""
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.stopped.is_set():
                try:
                    self._look(client)
                except Exception as error:  # noqa: BLE001 - told by the test
                    self.wrong.append(repr(error))

    def _look(self, client: httpx.Client) -> None:
        for item in self._get(client, "/stac/search?limit=100").json()["features"]:
            if item["collection"] != COLLECTION_L2A:
                continue
            asset = item["assets"]["data"]
            pixels = self._get(client, asset["href"]).content
            if asset["file:checksum"] != f"1220{hashlib.sha256(pixels).hexdigest()}":
                self.wrong.append(f"{item['id']}: the asset's bytes are not those that its item tells of")
            tile = self._get(client, tile_of(item)).content
            self.seen.append((item["id"], shown(item), hashlib.sha256(tile).hexdigest()))

    def _get(self, client: httpx.Client, url: str) -> httpx.Response:
        answer = client.get(url)
        if answer.status_code != 200:
            raise AssertionError(f"{url}: {answer.status_code} {answer.text[:300]}")
        if "features" in answer.text[:200] and answer.json()["numberMatched"] != self.items:
            raise AssertionError(f"{answer.json()['numberMatched']} items")
        return answer


def tile_of(item: dict[str, Any]) -> str:
    """The address of the tile in the middle of an item."""
    west, south, east, north = item["bbox"]
    latitude = math.radians((south + north) / 2)
    x = int(((west + east) / 2 + 180) / 360 * 2**ZOOM)
    y = int((1 - math.asinh(math.tan(latitude)) / math.pi) / 2 * 2**ZOOM)
    path = f"/raster/collections/{item['collection']}/items/{item['id']}/tiles/WebMercatorQuad"
    return f"{path}/{ZOOM}/{x}/{y}.png?render=true-color"


def shown(item: dict[str, Any]) -> str:
    """The hash of an item as it is answered, without what follows other items."""
    return item_hash({**item, "links": []})


@contextmanager
def reading(url: str, items: int) -> Iterator[list[Reader]]:
    stopped = threading.Event()
    readers = [Reader(url, items, stopped) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield readers
    finally:
        stopped.set()
        for reader in readers:
            reader.join()


def states(url: str) -> dict[str, tuple[str, str, str]]:
    """Each item as it is now: its hash, its tile's hash, the address of its image."""
    found = {}
    with httpx.Client(base_url=url, timeout=30) as client:
        for item in client.get("/stac/search?limit=100").json()["features"]:
            if item["collection"] == COLLECTION_L2A:
                tile = client.get(tile_of(item)).content
                found[item["id"]] = (shown(item), hashlib.sha256(tile).hexdigest(), item["assets"]["data"]["href"])
    return found


def wait_until_all_saw(readers: list[Reader], phase: dict[str, tuple[str, str, str]]) -> None:
    """Wait until each reader has seen each item as it is in a phase, or met an error."""
    wanted = {(item, content) for item, (content, _, _) in phase.items()}
    deadline = time.monotonic() + 60
    while not all(reader.wrong or wanted <= {look[:2] for look in reader.seen} for reader in readers):
        assert time.monotonic() < deadline, "a reader does not get there"
        time.sleep(0.05)


def swap_revisits(src: Path) -> None:
    """Make the image of each revisit that of the other."""
    one, two = sorted(src.rglob("*-[12]-L2A_data.tiff"))
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)


def test_readers_see_old_or_new_items_while_pgstac_is_migrated_items_rewritten_and_changed_files_ingested(
    options: Options, server: str, next_pgstac: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(revisions.REVISIONS, OLD_URI, (SCHEMA_URI, lambda item: item))
    old = states(server)
    with reading(server, 5) as readers:
        wait_until_all_saw(readers, old)
        done = upgrade(options.database, QUIET)
        upgraded = states(server)
        swap_revisits(Path(str(options.src)))
        assert ingest(options, QUIET).failures == []
        new = states(server)
        wait_until_all_saw(readers, new)

    assert (done.pgstac, installed_version(options.database)) == (next_pgstac, next_pgstac)
    assert (done.items.found, done.items.rewritten) == (5, 5)
    assert [wrong for reader in readers for wrong in reader.wrong] == []
    phases = (old, upgraded, new)
    for item in old:
        assert len({phase[item][0] for phase in phases}) == 3
        tiles = {old[item][1] for item in old}
        for reader in readers:
            looks = [(content, tile) for name, content, tile in reader.seen if name == item]
            order = [[phase[item][0] for phase in phases].index(content) for content, _ in looks]
            assert order == sorted(order), "nobody sees an item of before again"
            assert {tile for _, tile in looks} <= tiles

    # What readers hold in their hands stays until it is pruned.
    with httpx.Client(base_url=server, timeout=30) as client:
        assert {client.get(phase[2]).status_code for phase in old.values()} == {200}
        prune(PruneOptions(options.database, options.store, timedelta(seconds=-60), force=True), QUIET)
        assert {client.get(phase[2]).status_code for phase in old.values()} == {404}
        assert {client.get(phase[2]).status_code for phase in new.values()} == {200}
