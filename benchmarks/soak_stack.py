"""The stack that is soaked: PostgreSQL, an S3 server with a proxy before it, a sample in both, and the web server."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import psycopg
from rich.console import Console
from soak_proxy import LOOPBACK, Proxy
from soak_server import WebServer, descendants

from catalog.fingerprint import catalog_hash
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.radosgw import BUCKET, Radosgw
from ingest.run import Options, ingest
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings
from ingest.verify import Checks, verify

if TYPE_CHECKING:
    from infra.process import Daemon

AOIS, REVISITS = 6, 2
"""Size of the sample that is built where no dataset is given."""
SMALL_CACHES = {
    "WORLDSTRAT_RASTER_CACHE_BYTES": "4000000",
    "WORLDSTRAT_RASTER_DECODED_BYTES": "24000000",
    "WORLDSTRAT_RASTER_TILE_BYTES": "4000000",
    "WORLDSTRAT_RASTER_COMPOSITE_BYTES": "4000000",
    "WORLDSTRAT_SR_CACHE_BYTES": "40000000",
    "WORLDSTRAT_SR_KEEP": "true",
    "WORLDSTRAT_LIMIT_SEARCHES": "100",
}
"""Caches that are full after a minute: the store is asked all the time, and memory has no reason to grow. Rates count
for strangers alone: programs on this machine are not counted."""


class Database:
    """A private PostgreSQL that can be taken away."""

    def __init__(self, cluster: PostgresCluster) -> None:
        """Take a cluster, which need not run."""
        self.cluster = cluster
        self._daemon: Daemon | None = None

    def start(self) -> None:
        """Start it."""
        self._daemon = self.cluster.start()

    def stop(self) -> None:
        """Stop it the fast way."""
        if daemon := self._daemon or self.cluster.running():
            self.cluster.stop(daemon)
        self._daemon = None

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have it stopped for the time of a block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it stand still for the time of a block: connections stay, nothing answers."""
        pids = [] if self._daemon is None else [self._daemon.pid, *descendants(self._daemon.pid)]
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids, signal.SIGCONT)


@dataclass(frozen=True)
class Stack:
    """What is soaked."""

    database: Database
    """PostgreSQL."""
    store: StoreSettings
    """The store itself, not by the proxy."""
    proxy: Proxy
    """What the server reaches it by."""
    server: WebServer
    """The web server."""
    dataset: Path
    """What was ingested."""
    spare: str
    """Name of the AOI that may be ingested again: nobody asks for its items."""

    @classmethod
    def of(cls, database: Database, store: StoreSettings, proxy: Proxy, server: WebServer, dataset: Path) -> Self:
        """Return the stack of these parts; the last AOI by name is the spare one."""
        spare = max(place.name for place in (dataset / "hr_dataset").iterdir())
        return cls(database, store, proxy, server, dataset, spare)

    @property
    def objects(self) -> ObjectStore:
        """The store itself."""
        return ObjectStore.open(self.store)

    def fingerprint(self) -> str:
        """Return the hash of the whole catalog."""
        with psycopg.connect(self.database.cluster.settings.dsn) as connection:
            return catalog_hash(connection)

    def damaged(self) -> list[str]:
        """Return what is wrong with catalog and objects, by every byte of them."""
        found = verify(Checks(self.database.cluster.settings, self.store), Console(quiet=True))
        return [f"{kind}: {count}" for kind, count in found.counts.items()]


def proxied(store: StoreSettings, proxy: Proxy) -> StoreSettings:
    """Return a store as it is reached by a proxy."""
    return store.model_copy(update={"endpoint_url": f"http://{LOOPBACK}:{proxy.port}"})


@contextmanager
def running(dataset: Path | None, workers: int) -> Iterator[Stack]:
    """Start everything in a folder of its own; all of it ends, and the folder goes, with the context.

    Args:
        dataset: folder in the published layout; a small sample is built where none is given.
        workers: processes of the web server.
    """
    with TemporaryDirectory(prefix="worldstrat-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as a user of its own
        if dataset is None:
            dataset = folder / "sample"
            build_sample(dataset, SampleSettings(aois=AOIS, revisits=REVISITS))
        database = Database(PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port()))
        stack.callback(database.stop)
        database.start()
        prepare(database.cluster.settings)
        radosgw = Radosgw(folder / "ceph", logs=folder / "ceph-logs", mon_port=free_port(), rgw_port=free_port())
        daemons = radosgw.start({})
        stack.callback(radosgw.stop, daemons)
        radosgw.create_bucket(BUCKET)
        store = radosgw.settings()
        report = ingest(Options(dataset, database.cluster.settings, store, workers=2), Console(quiet=True))
        if report.failures:
            sys.exit(f"The dataset was not ingested: {report.failures}")
        proxy = stack.enter_context(Proxy(radosgw.cluster.rgw_port))
        server = WebServer(
            folder, database.cluster.settings, proxied(store, proxy), workers=workers, given=SMALL_CACHES
        )
        stack.callback(server.stop)
        server.start()
        yield Stack.of(database, store, proxy, server, dataset)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # a backend whose client went away meanwhile
