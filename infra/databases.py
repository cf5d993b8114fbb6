"""The database of a stack: its own, or one that the environment names."""

import os

import psycopg

from catalog.settings import DatabaseSettings, load_database
from infra.pgstac import installed_version, prepare
from infra.ports import LOOPBACK, free_port
from infra.postgres import PostgresCluster
from infra.record import Record
from infra.service import HEALTHY, STOPPED, UNHEALTHY, State


class PrivateDatabase:
    """The stack's own PostgreSQL cluster, with pgSTAC."""

    name = "database"
    daemons: tuple[str, ...] = ("postgres",)

    def __init__(self, record: Record) -> None:
        self._record = record

    def _cluster(self) -> PostgresCluster:
        record = self._record
        port = record.ports.get("postgres", 0)
        return PostgresCluster(record.data / "postgres", log=record.logs / "postgres.log", port=port)

    def start(self) -> None:
        """Start the cluster and bring pgSTAC up to date."""
        cluster = self._cluster()
        if cluster.running() is None:
            cluster.port = free_port(cluster.port or None)
        self._record.daemons["postgres"] = cluster.start()
        self._record.ports["postgres"] = cluster.port
        prepare(cluster.settings)

    def stop(self) -> None:
        """Stop the server that runs on this data, also one that the record does not know."""
        cluster = self._cluster()
        daemon = cluster.running() or self._record.daemons.get("postgres")
        if daemon:
            cluster.stop(daemon)
        self._record.daemons.pop("postgres", None)

    def state(self) -> State:
        """Ask for the version of pgSTAC."""
        cluster = self._cluster()
        address = f"127.0.0.1:{cluster.port}"
        if cluster.running() is None:
            return State(self.name, STOPPED, address)
        return _database_state(self.name, cluster.settings, address)

    def env(self) -> dict[str, str]:
        """Return PG*."""
        return database_env(self._cluster().settings)


class ExternalDatabase:
    """A database that PG* named; pgSTAC is brought up to date in it."""

    name = "database"
    daemons: tuple[str, ...] = ()

    def __init__(self, record: Record) -> None:
        self._record = record

    def start(self) -> None:
        """Bring pgSTAC up to date."""
        prepare(load_database(self._record.data))

    def stop(self) -> None:
        """Leave it alone: it is not ours."""

    def state(self) -> State:
        """Ask for the version of pgSTAC."""
        settings = load_database(self._record.data)
        return _database_state(self.name, settings, f"{settings.host}:{settings.port}/{settings.database}")

    def env(self) -> dict[str, str]:
        """Return PG*, so that other commands need only `--data`."""
        return database_env(load_database(self._record.data))


def _database_state(name: str, settings: DatabaseSettings, address: str) -> State:
    try:
        version = installed_version(settings)
    except psycopg.Error as error:
        return State(name, UNHEALTHY, address, " ".join(str(error).split()))
    if version is None:
        return State(name, UNHEALTHY, address, "pgSTAC is not installed in it")
    return State(name, HEALTHY, address, f"pgSTAC {version}")


def database_named_elsewhere(record: Record) -> bool:
    """Whether the environment names a database, and another than this folder's own: `stack.env` may be sourced."""
    own = (LOOPBACK, str(record.ports.get("postgres")))
    return "PGHOST" in os.environ and (os.environ["PGHOST"], os.environ.get("PGPORT")) != own


def database_env(settings: DatabaseSettings) -> dict[str, str]:
    """Return the lines of `stack.env` that name this database."""
    return {
        "PGHOST": settings.host,
        "PGPORT": str(settings.port),
        "PGUSER": settings.user,
        "PGPASSWORD": settings.password.get_secret_value(),
        "PGDATABASE": settings.database,
    }
