"""Servers of a small catalog, each in a thread."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from catalog.settings import DatabaseSettings, StoreSettings
from infra.postgres import DATABASE, PostgresCluster
from infra.radosgw import Radosgw
from ingest.run import Options, ingest
from server.app import create_app
from server.settings import ServerSettings


@dataclass(frozen=True)
class Catalog:
    """An ingested dataset."""

    dataset: Path
    database: DatabaseSettings
    store: StoreSettings
    aois: int = 4
    revisits: int = 2

    @property
    def items(self) -> int:
        return self.aois * (1 + 2 * self.revisits)

    def settings(self, **given: Any) -> ServerSettings:
        return ServerSettings(database=self.database, store=self.store, **given)


@pytest.fixture(scope="session")
def catalog(ingested: Any) -> Catalog:
    """The small dataset in pgSTAC and in a store of files."""
    return Catalog(ingested.dataset, ingested.database, ingested.store)


@pytest.fixture(scope="session")
def s3_catalog(postgres: PostgresCluster, dataset: Path, radosgw: Radosgw) -> Catalog:
    """One place of it in an S3 store."""
    database, bucket = f"s3_{uuid4().hex[:12]}", f"served-{uuid4().hex[:12]}"
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as connection:
        connection.execute(f"create database {database} template {DATABASE}")
    radosgw.create_bucket(bucket)
    catalog = Catalog(dataset, postgres.settings_for(database), radosgw.settings(bucket), aois=1)
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    report = ingest(Options(dataset, catalog.database, catalog.store, only=(first,)), Console(quiet=True))
    assert report.failures == []
    return catalog


@contextmanager
def running(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve in a thread; yield a client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(timeout=20)


@pytest.fixture(scope="session")
def http(live_server: str) -> Iterator[httpx.Client]:
    """A client of the server of the small dataset.

    That server is another process: GDAL keeps Python's global lock while it opens a file, so that one in a thread
    could never answer it.
    """
    with httpx.Client(base_url=live_server, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def s3_http(s3_catalog: Catalog) -> Iterator[httpx.Client]:
    """A client of a server whose assets lie in S3."""
    with running(create_app(s3_catalog.settings())) as client:
        yield client


@pytest.fixture(scope="session")
def behind_a_proxy(catalog: Catalog) -> Iterator[httpx.Client]:
    """A client of a server that a proxy publishes below `/api/v1`."""
    with running(create_app(catalog.settings(root_path="/api/v1"))) as client:
        yield client


Serve = Callable[[ServerSettings | FastAPI], httpx.Client]


def _starting() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(what: ServerSettings | FastAPI) -> httpx.Client:
            return stack.enter_context(running(what if isinstance(what, FastAPI) else create_app(what)))

        yield start


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers of other settings; they stop with the test."""
    yield from _starting()


@pytest.fixture(scope="module")
def serve_longer() -> Iterator[Serve]:
    """Start servers that stop with the module."""
    yield from _starting()


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the tests that have one."""
    return "asyncio"
