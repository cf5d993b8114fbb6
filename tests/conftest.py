"""Fixtures of every room: a real PostgreSQL with pgSTAC, real stores, a real dataset, a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pystac.validation import RegisteredValidator
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rich.console import Console

from catalog.extension import SCHEMA_URI, schema
from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import DATABASE, PostgresCluster
from infra.radosgw import Radosgw
from infra.record import Record, write_env
from infra.signals import interruptible
from infra.stores import store_env
from infra.web_server import WebServer

ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@pytest.fixture(scope="session", autouse=True)
def _no_services_of_the_caller() -> None:
    """Tests use their own services, whatever the caller's environment names."""
    for name in [name for name in os.environ if name.startswith(("PG", "AWS_", "WORLDSTRAT_"))]:
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _services_stop_also_when_pytest_is_told_to_end() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, by way of the fixtures' ends; by default it would leave servers behind."""
    with interruptible():
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared/` beside the checkout: schemas and a builder of larger datasets."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder `shared` beside the checkout")
    return folder


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    """A folder that the user `postgres` may enter, unlike pytest's own temporary folders."""
    folder = Path(tempfile.mkdtemp(prefix="worldstrat-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(services_folder: Path) -> Iterator[PostgresCluster]:
    """A private cluster whose database `worldstrat` is the pgSTAC template of the others."""
    folder = services_folder / "postgres"
    cluster = PostgresCluster(folder, log=services_folder / "postgres.log", port=free_port(), durable=False)
    daemon = cluster.start()
    try:
        prepare(cluster.settings)
        yield cluster
    finally:
        cluster.stop(daemon)


@contextmanager
def fresh_database(cluster: PostgresCluster) -> Iterator[DatabaseSettings]:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(cluster.settings_for("postgres").dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template {DATABASE}")
        try:
            yield cluster.settings_for(name)
        finally:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def database(postgres: PostgresCluster) -> Iterator[DatabaseSettings]:
    """A fresh, empty pgSTAC database."""
    with fresh_database(postgres) as settings:
        yield settings


@pytest.fixture(scope="module")
def module_database(postgres: PostgresCluster) -> Iterator[DatabaseSettings]:
    """An empty pgSTAC database that the tests of one file share."""
    with fresh_database(postgres) as settings:
        yield settings


@pytest.fixture
def file_store(tmp_path: Path) -> StoreSettings:
    """An empty store of files."""
    folder = tmp_path / "objects"
    folder.mkdir()
    return StoreSettings(url=folder.as_uri())


@pytest.fixture(scope="session")
def radosgw(services_folder: Path) -> Iterator[Radosgw]:
    """A real S3 server."""
    if shutil.which("radosgw") is None:
        pytest.skip("needs ceph-mon, ceph-osd and radosgw")
    server = Radosgw(
        services_folder / "ceph", logs=services_folder / "ceph-logs", mon_port=free_port(), rgw_port=free_port()
    )
    daemons = server.start({})
    try:
        yield server
    finally:
        server.stop(daemons)


@pytest.fixture
def s3_store(radosgw: Radosgw) -> StoreSettings:
    """An empty bucket of the S3 server."""
    bucket = f"test-{uuid4().hex[:12]}"
    radosgw.create_bucket(bucket)
    return radosgw.settings(bucket)


@pytest.fixture(scope="session")
def open_schemas(shared: Path) -> None:
    """Let pystac validate extensions without a network: their published schemas, and our own."""
    validator = JsonSchemaSTACValidator()
    for uri, path in json.loads((shared / "schemas/index.json").read_text()).items():
        validator.schema_cache[uri] = json.loads((shared / "schemas" / path).read_text())
    validator.schema_cache[SCHEMA_URI] = schema()
    RegisteredValidator.set_validator(validator)


@dataclass(frozen=True)
class IngestedSample:
    """A small dataset, and where it went."""

    dataset: Path
    database: DatabaseSettings
    store: StoreSettings


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset in the published layout: one AOI of each source, two revisits each."""
    from ingest.sample.build import build_sample  # noqa: PLC0415 - only tests that use it need it
    from ingest.sample.settings import SampleSettings  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("dataset") / "sample"
    build_sample(folder, SampleSettings(aois=4, revisits=2))
    return folder


@pytest.fixture(scope="session")
def ingested(
    postgres: PostgresCluster, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IngestedSample]:
    """That dataset in a database and a store of files of its own."""
    from ingest.run import Options, ingest  # noqa: PLC0415 - only tests that use it need it

    store = StoreSettings(url=tmp_path_factory.mktemp("objects").as_uri())
    with fresh_database(postgres) as settings:
        report = ingest(Options(dataset, settings, store, workers=2), Console(quiet=True))
        assert report.failures == []
        yield IngestedSample(dataset, settings, store)


@pytest.fixture(scope="session")
def live_server(ingested: IngestedSample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `worldstrat serve` over the ingested dataset, a process of its own."""
    record = Record(tmp_path_factory.mktemp("live-server"))
    write_env(record.data, {**database_env(ingested.database), **store_env(ingested.store)})
    server = WebServer(record)
    server.choose_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLDSTRAT_ACCESS_REGISTER", "open")
        server.start()
    yield server.url
    server.stop()


@dataclass(frozen=True)
class DemoStack:
    """A stack as `worldstrat up` makes it, and the dataset in its catalog."""

    data: Path
    sample: Path
    url: str


@pytest.fixture(scope="session")
def demo_stack(services_folder: Path) -> Iterator[DemoStack]:
    """A stack of its own, by the commands of its operator: eight places with two revisits each, 40 images."""
    from ingest.sample.build import build_sample  # noqa: PLC0415 - only tests that use it need it
    from ingest.sample.settings import SampleSettings  # noqa: PLC0415

    folder = services_folder / "demo"
    folder.mkdir()
    data, sample, port = folder / "worldstrat", folder / "sample", free_port()
    build_sample(sample, SampleSettings(aois=8, revisits=2))

    def worldstrat(*arguments: str) -> None:
        command = [sys.executable, "-m", "infra.cli", *arguments, "--data", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        worldstrat("up", "--detach", "--port", str(port))
        worldstrat("ingest", str(sample), "--workers", "2")
        yield DemoStack(data, sample, f"http://127.0.0.1:{port}")
    finally:
        worldstrat("down")


@pytest.fixture(scope="session")
def alone() -> list[str]:
    """The command prefix that leaves a process alone with its loopback."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip, to keep Ray off the network")
    if subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a user make a network namespace")
    return ALONE


@contextmanager
def reachable_by_socket(database: DatabaseSettings) -> Iterator[Path]:
    """Yield a folder with a unix socket that leads to a database: unlike a port any namespace can reach it."""
    with tempfile.TemporaryDirectory(prefix="ws-") as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/.s.PGSQL.{database.port}")
        listener.listen()
        threading.Thread(target=_serve, args=(listener, database), daemon=True).start()
        yield Path(folder)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _environment(database: DatabaseSettings, folder: Path, store: StoreSettings) -> dict[str, str]:
    return os.environ | {
        "PGHOST": str(folder),
        "PGPORT": str(database.port),
        "PGUSER": database.user,
        "PGPASSWORD": database.password.get_secret_value(),
        "PGDATABASE": database.database,
        "WORLDSTRAT_STORE": store.url,
    }


@pytest.fixture
def environment(database: DatabaseSettings, file_store: StoreSettings) -> Iterator[dict[str, str]]:
    """What a command in another network namespace needs to reach an empty database and store."""
    with reachable_by_socket(database) as folder:
        yield _environment(database, folder, file_store)


@pytest.fixture(scope="session")
def ingested_environment(ingested: IngestedSample) -> Iterator[dict[str, str]]:
    """What it needs to reach the ingested dataset."""
    with reachable_by_socket(ingested.database) as folder:
        yield _environment(ingested.database, folder, ingested.store)


def _serve(listener: socket.socket, database: DatabaseSettings) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection((database.host, database.port))
        for source, target in ((caller, server), (server, caller)):
            threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    # A side that hangs up in the middle is the other side's affair.
    with closing(target), suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        # Closing alone would tell nobody: another thread is reading there.
        target.shutdown(socket.SHUT_RDWR)
