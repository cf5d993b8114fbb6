"""A private stack for a benchmark: PostgreSQL, a folder of COGs, and five servers of one process each."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from async_tiles import make_copies
from rich.console import Console
from stock_titiler import FOLDER, GDAL_SETTINGS

from catalog.settings import StoreSettings
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from ingest.run import Options, ingest
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings

_READY_SECONDS = 60.0
_ALL_CPU_TIME = 2  # clock_getcpuclockid(3): Linux makes the clock of a process of its pid and this


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    pid: int
    url: str

    def cpu_ms(self) -> float:
        """CPU time so far of the process, in milliseconds; it starts no others."""
        return time.clock_gettime((~self.pid << 3) | _ALL_CPU_TIME) * 1000


@dataclass(frozen=True)
class Stack:
    """What is measured."""

    ours: Server
    """This server, without memory for finished tiles."""
    keeping: Server
    """This server as it comes: it keeps finished tiles."""
    titiler: Server
    """Stock titiler over the same files."""
    pgstac: Server
    """Stock titiler-pgstac over the same database and files."""
    asynchronous: Server
    """A server that reads through async-geotiff, over copies with bands interleaved by pixel."""
    objects: Path
    copies: Path
    """Folder of these copies, laid out as the objects."""


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """Ingest a small sample in `folder` and serve it five times; everything ends with the context."""
    objects, record = folder / "objects", Record(folder / "data")
    record.data.mkdir()
    cluster = PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port(), durable=False)
    store = StoreSettings(url=objects.as_uri())
    with ExitStack() as stack:
        stack.callback(stop_cluster, cluster)
        cluster.start()
        prepare(cluster.settings)
        build_sample(folder / "sample", SampleSettings(aois=4, revisits=2))
        report = ingest(Options(folder / "sample", cluster.settings, store, workers=2), Console(quiet=True))
        if report.failures:
            sys.exit(f"The sample was not ingested: {report.failures}")
        write_env(record.data, {**database_env(cluster.settings), **store_env(store)})
        data = {"WORLDSTRAT_DATA": str(record.data)}
        factory = ("--factory", "server.app:create_app_from_environment")
        bare = data | {"WORLDSTRAT_RASTER_TILE_BYTES": "0"}
        ours = stack.enter_context(serving("ours", factory, bare, folder, "/healthz"))
        keeping = stack.enter_context(serving("keeping", factory, data, folder, "/healthz"))
        peer = {**GDAL_SETTINGS, FOLDER: str(objects)}
        here = ("--app-dir", str(Path(__file__).parent), "stock_titiler:app")
        titiler = stack.enter_context(serving("titiler", here, peer, folder, "/openapi.json"))
        # Its settings read PG* in small letters too; its items stay in memory for five minutes, as its page advises.
        database = GDAL_SETTINGS | database_env(cluster.settings)
        pgstac = stack.enter_context(serving("pgstac", ("titiler.pgstac.main:app",), database, folder, "/api"))
        copies = folder / "copies"
        make_copies(objects, copies)
        own = ("--app-dir", str(Path(__file__).parent), "async_tiles:app")
        asynchronous = stack.enter_context(serving("async", own, {FOLDER: str(copies)}, folder, "/openapi.json"))
        yield Stack(ours, keeping, titiler, pgstac, asynchronous, objects, copies)


def stop_cluster(cluster: PostgresCluster) -> None:
    """Stop the server also where its start was interrupted."""
    if daemon := cluster.running():
        cluster.stop(daemon)


@contextmanager
def serving(
    name: str, arguments: tuple[str, ...], environment: dict[str, str], folder: Path, path: str
) -> Iterator[Server]:
    """Run uvicorn with these arguments until the context ends; its output goes to a log in `folder`."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "uvicorn", *arguments, "--port", str(port), "--no-access-log"]
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PG", "AWS_", "WORLDSTRAT_", "GDAL_"))
    }
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, env=kept | environment, stdout=log, stderr=log)
    try:
        _wait(process, url + path, folder / f"{name}.log")
        yield Server(name, process.pid, url)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"A server did not start:\n{log.read_text()[-2000:]}")
