"""A private catalog of many items for a benchmark, with our server and stock stac-fastapi-pgstac over it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from many_items import load
from rich.console import Console
from stack import Server, serving, stop_cluster

from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import DATABASE, PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from ingest.run import Options, ingest
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings

STOCK_SETTINGS = {
    # Hydration in Python: with items of this size three times as fast as pgSTAC's own.
    "USE_API_HYDRATE": "TRUE",
    # Counts as ours has them; pgSTAC keeps them for a day, and estimates those that would take long.
    "SERVER_SETTINGS": '{"pgstac.context": "auto"}',
    "DB_MIN_CONN_SIZE": "1",
}
"""What the documentation of stac-fastapi-pgstac and pgSTAC advises."""


OURS = ("server.app:create_app_from_environment", "/healthz")
STOCK = ("stac_fastapi.pgstac.app:create_app", "/_mgmt/ping")
"""Programs, and a path where each answers as soon as it runs."""


@dataclass(frozen=True)
class SearchStack:
    """What is measured."""

    ours: Server
    forgetful: Server
    """Ours without memory of items."""
    stock: Server
    postmaster: int
    items: int

    def database_ms(self) -> float:
        """CPU time so far of the processes that PostgreSQL has now, in milliseconds."""
        return sum(map(_cpu_ms, _children(self.postmaster)))


@contextmanager
def running(folder: Path, sizes: tuple[int, ...]) -> Iterator[list[SearchStack]]:
    """Serve catalogs of so many items; what `folder` already holds of them is used again."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    cluster = PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port(), durable=False)
    store = StoreSettings(url=(folder / "objects").as_uri())
    with ExitStack() as stack:
        stack.callback(stop_cluster, cluster)
        daemon = cluster.start()
        _ingest_sample(folder, cluster, store)
        catalogs = [_create(cluster, size) for size in sizes]
        stacks = []
        for size, (settings, items) in zip(sizes, catalogs, strict=True):
            data = _describe(folder / f"data-{size}", settings, store)

            def start(name: str, program: tuple[str, str], environment: dict[str, str], size: int = size) -> Server:
                app, path = program
                return stack.enter_context(serving(f"{name}-{size}", ("--factory", app), environment, folder, path))

            stacks.append(
                SearchStack(
                    start("ours", OURS, data),
                    start("forgetful", OURS, data | {"WORLDSTRAT_SEARCH_CACHE_BYTES": "0"}),
                    start("stock", STOCK, STOCK_SETTINGS | database_env(settings)),
                    daemon.pid,
                    items,
                )
            )
        yield stacks


def _describe(data: Path, settings: DatabaseSettings, store: StoreSettings) -> dict[str, str]:
    """Write the settings of a catalog where our server reads them."""
    data.mkdir(exist_ok=True)
    write_env(Record(data).data, {**database_env(settings), **store_env(store)})
    return {"WORLDSTRAT_DATA": str(data)}


def _ingest_sample(folder: Path, cluster: PostgresCluster, store: StoreSettings) -> None:
    """Make the few real items that the others are made of, once."""
    if (folder / "sample.done").exists():
        return
    prepare(cluster.settings)
    if not (folder / "sample").exists():
        build_sample(folder / "sample", SampleSettings(aois=4, revisits=2))
    report = ingest(Options(folder / "sample", cluster.settings, store, workers=2), Console(quiet=True))
    if report.failures:
        raise SystemExit(f"The sample was not ingested: {report.failures}")
    (folder / "sample.done").touch()


def _create(cluster: PostgresCluster, size: int) -> tuple[DatabaseSettings, int]:
    settings = cluster.settings_for(f"items_{size}")
    with psycopg.connect(cluster.settings_for("postgres").dsn, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (settings.database,)).fetchone():
            connection.execute(f"CREATE DATABASE {settings.database} TEMPLATE {DATABASE}")
    start = time.monotonic()
    items = load(settings, size)
    print(f"{items} items, loaded in {time.monotonic() - start:.0f} s", flush=True)
    return settings, items


def _cpu_ms(pid: int) -> float:
    try:
        return Server("postgres", pid, "").cpu_ms()
    except OSError:  # it ended
        return 0.0


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
