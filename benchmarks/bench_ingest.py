"""Ingest beside the ordinary script and beside the floor: docs/benchmarks-ingest.md.

Each side takes the same published files, in turns, into a new folder and a new database. `--aois` and `--rounds` make
it shorter, `--src` takes a dataset that is there.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import click
import psycopg
from ingest_page import Dataset, Result, write_ingest_page
from stack import stop_cluster
from tree import Spent, run_command

from catalog.collection import create_collections
from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import DATABASE, PostgresCluster
from infra.record import write_env
from infra.signals import interruptible
from infra.stores import store_env
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/benchmarks-ingest.md"
_ORDERS = (("ours", "ordinary", "floor"), ("floor", "ordinary", "ours"))


@dataclass(frozen=True)
class Target:
    """A new store and a new database."""

    folder: Path
    database: DatabaseSettings

    @property
    def objects(self) -> Path:
        """Where objects go."""
        return self.folder / "objects"

    def stored(self) -> int:
        """Bytes of all objects."""
        return sum(path.stat().st_size for path in self.objects.rglob("*") if path.is_file())

    def items(self) -> int:
        """Items in the catalog."""
        with psycopg.connect(self.database.dsn) as connection:
            row = connection.execute("SELECT count(*) FROM pgstac.items").fetchone()
        return int(row[0]) if row else 0


class Bench:
    """The three sides on one dataset."""

    def __init__(self, src: Path, folder: Path, cluster: PostgresCluster, postmaster: int, workers: int) -> None:
        self._src, self._folder, self._cluster, self._workers = src, folder, cluster, workers
        self._postmaster = postmaster
        self._numbers = count()
        self.results = {name: Result() for name in ("ours", "again", "ordinary", "floor")}

    def run_round(self, order: tuple[str, ...]) -> None:
        """Let each side do all of it once."""
        for name in order:
            with self._target(name) as target:
                getattr(self, f"_run_{name}")(target)

    def _run_ours(self, target: Target) -> None:
        data = target.folder / "data"
        data.mkdir()
        store = StoreSettings(url=target.objects.as_uri())
        write_env(data, {**database_env(target.database), **store_env(store)})
        worldstrat = str(Path(sys.executable).with_name("worldstrat"))
        command = [worldstrat, "ingest", str(self._src), "--data", str(data), "--workers", str(self._workers), "--json"]
        for name in ("ours", "again"):
            self._note(name, self._run(command, name), target)
            report = (self._folder / f"{name}.log").read_text().splitlines()[-1]
            self.results[name].own.append(json.loads(report)["seconds"])

    def _run_ordinary(self, target: Target) -> None:
        collections = target.folder / "collections.ndjson"
        documents = [collection.to_dict(include_self_link=False) for collection in create_collections()]
        collections.write_text("".join(json.dumps(document) + "\n" for document in documents))
        command = [sys.executable, str(HERE / "ordinary_ingest.py"), str(self._src), str(target.objects)]
        command += ["--workers", str(self._workers), "--collections", str(collections)]
        self._note("ordinary", self._run(command, "ordinary", database_env(target.database)), target)

    def _run_floor(self, target: Target) -> None:
        target.objects.mkdir()
        command = [sys.executable, str(HERE / "floor_ingest.py"), str(self._src), "--workers", str(self._workers)]
        self._note("floor", self._run(command, "floor"), target)

    def _run(self, command: list[str], name: str, environment: dict[str, str] | None = None) -> Spent:
        return run_command(command, environment or {}, self._postmaster, self._folder / f"{name}.log")

    def _note(self, name: str, spent: Spent, target: Target) -> None:
        self.results[name].add(spent, target.items(), target.stored())
        print(f"{name:9s} {spent.wall:7.2f} s, CPU {spent.cpu:6.1f} + {spent.database_cpu:4.1f} s", flush=True)

    @contextmanager
    def _target(self, name: str) -> Iterator[Target]:
        """Make a folder and a database, and remove them afterwards."""
        database = self._cluster.settings_for(f"{name}_{next(self._numbers)}")
        folder = self._folder / database.database
        folder.mkdir()
        with psycopg.connect(self._cluster.settings_for("postgres").dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database.database} TEMPLATE {DATABASE}")
            try:
                yield Target(folder, database)
            finally:
                connection.execute(f"DROP DATABASE {database.database} WITH (FORCE)")
                shutil.rmtree(folder)


@click.command()
@click.option("--src", type=click.Path(path_type=Path), help="A dataset; else a sample is made.")
@click.option("--aois", default=40, show_default=True, help="AOIs of the sample.")
@click.option("--revisits", default=16, show_default=True, help="Revisits of each, at both levels: 16 are published.")
@click.option("--rounds", default=4, show_default=True, help="How often each side does all of it.")
@click.option("--workers", default=2, show_default=True, help="Processes of each side.")
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, show_default=True, help="Where results go.")
def main(  # noqa: PLR0917 - click passes every option by its name
    src: Path | None, aois: int, revisits: int, rounds: int, workers: int, page: Path
) -> None:
    """Measure and write the page."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="worldstrat-bench-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        if src is None:
            src = folder / "sample"
            build_sample(src, SampleSettings(aois=aois, revisits=revisits))
        cluster = PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port())
        stack.callback(stop_cluster, cluster)
        postmaster = cluster.start().pid
        prepare(cluster.settings)
        bench = Bench(src.resolve(), folder, cluster, postmaster, workers)
        for number in range(rounds):
            bench.run_round(_ORDERS[number % 2])
        write_ingest_page(page, Dataset.of(src), bench.results, workers)
    print(f"Written to {page}")


if __name__ == "__main__":
    with interruptible():
        main()
