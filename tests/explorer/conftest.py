"""A real browser, drawing with a software WebGL, in front of the real server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from catalog.settings import StoreSettings
from infra.databases import database_env
from infra.postgres import PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from tests.conftest import fresh_database
from tests.explorer.browsing import DESKTOP, Visit, Visitor

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


PREFIX = "/at/a/prefix"
# What belongs to one connection and not to the answer.
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}


@pytest.fixture(scope="session")
def page_built() -> None:
    """The page as its sources are now, in the server's static files."""
    subprocess.run([str(REPOSITORY / "explorer/build.sh")], check=True, capture_output=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, closed with its module: while Playwright runs, no other test can have an event loop."""
    found = [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
    if not found:
        pytest.skip("needs a chromium on PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=list(CHROMIUM_OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser: Browser, live_server: str, page_built: None) -> Iterator[Visitor]:  # noqa: ARG001
    """Open pages of a given size; in the end none may have asked another host or complained."""
    visits: list[Visit] = []

    def open_page(viewport: dict[str, int] = DESKTOP, home: str = live_server, **context: Any) -> Visit:
        page = browser.new_page(viewport=viewport, reduced_motion="reduce", **context)
        page.set_default_timeout(15_000)
        visit = Visit(page, home.rstrip("/"))
        visit.listen()
        visits.append(visit)
        return visit

    yield open_page
    for visit in visits:
        visit.page.close()
        address = urlsplit(visit.home)
        assert visit.hosts <= {f"{address.scheme}://{address.netloc}"}
        assert visit.complaints == []


@pytest.fixture(scope="session")
def places(live_server: str) -> list[dict[str, Any]]:
    """The SPOT items of the catalog: one for each place."""
    answer = httpx.get(f"{live_server}/stac/search", params={"collections": "worldstrat-spot", "limit": 1000})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["features"]
    assert items
    return items


@pytest.fixture(scope="module")
def camps_server(postgres: PostgresCluster, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the same dataset, in which the refugee settlement is in the test split."""
    folder, data = tmp_path_factory.mktemp("camps") / "dataset", tmp_path_factory.mktemp("camps-data")
    shutil.copytree(dataset, folder, copy_function=os.link)
    table = folder / "stratified_train_val_test_split.csv"
    listed = table.read_text()
    table.unlink()  # the file itself is the other dataset's too
    table.write_text(f"{listed}99,UNHCR-NERs009627,Grassland,11,UNHCR,UNHCR/Grassland/11,test\n")
    (data / "objects").mkdir()
    with fresh_database(postgres) as database:
        store = StoreSettings(url=(data / "objects").as_uri())
        record = Record(data)
        write_env(data, {**database_env(database), **store_env(store)})
        command = [sys.executable, "-m", "infra.cli", "ingest", str(folder), "--data", str(data), "--workers", "2"]
        subprocess.run(command, check=True, capture_output=True)
        server = WebServer(record)
        server.choose_port()
        server.start()
        yield server.url.rstrip("/")
        server.stop()


@pytest.fixture
def proxy(live_server: str) -> Iterator[str]:
    """The address of a proxy that serves the same below a prefix, which it takes off and tells in a header."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            headers |= {"X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Prefix": PREFIX}
            answer = httpx.get(live_server.rstrip("/") + self.path.removeprefix(PREFIX), headers=headers, timeout=60)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing of each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
    server.shutdown()
    thread.join()
    server.server_close()
