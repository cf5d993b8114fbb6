"""The private PostgreSQL cluster."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from catalog.settings import DatabaseSettings
from infra.errors import MissingProgramError
from infra.pgstac import installed_version, prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.postgres_programs import find_programs, server_account
from infra.process import is_alive


@pytest.fixture
def cluster(services_folder: Path, request: pytest.FixtureRequest) -> PostgresCluster:
    folder = services_folder / request.node.name
    return PostgresCluster(folder, log=folder / "postgres.log", port=free_port(), durable=False)


def test_a_fresh_database_has_pgstac_and_is_empty(database: DatabaseSettings) -> None:
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("select count(*) from pgstac.items").fetchone() == (0,)
    assert installed_version(database) == prepare(database)


def test_every_test_has_its_own_database(database: DatabaseSettings) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute("""select pgstac.create_collection('{"id": "only-here"}')""")
        assert connection.execute("select count(*) from pgstac.collections").fetchone() == (1,)


def test_it_listens_on_loopback_only_and_asks_for_the_password(postgres: PostgresCluster) -> None:
    with psycopg.connect(postgres.settings.dsn) as connection:
        shown = connection.execute(
            "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )
        assert shown.fetchone() == ("127.0.0.1", "")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            postgres.settings.model_copy(update={"password": postgres.settings.password.__class__("no")}).dsn
        )


def test_data_survives_kill_9_and_a_lock_file_with_a_strangers_pid(cluster: PostgresCluster) -> None:
    daemon = cluster.start()
    with psycopg.connect(cluster.settings.dsn, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")
        connection.execute("checkpoint")
    os.kill(daemon.pid, signal.SIGKILL)
    lock_file = cluster.data / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    daemon = cluster.start()
    with psycopg.connect(cluster.settings.dsn) as connection:
        assert connection.execute("select n from kept").fetchone() == (7,)
    cluster.stop(daemon)
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    daemon = cluster.start()

    assert cluster.answers()
    cluster.stop(daemon)
    assert not is_alive(daemon)


def test_it_starts_below_a_folder_that_the_servers_user_may_not_enter(
    services_folder: Path, request: pytest.FixtureRequest
) -> None:
    if server_account() is None:
        pytest.skip("only root's server runs as another user")
    closed = services_folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = PostgresCluster(closed / "stack", log=closed / "log", port=free_port(), durable=False)
    daemon = cluster.start()
    request.addfinalizer(lambda: cluster.stop(daemon))
    assert cluster.answers()
    assert cluster.running() == daemon


def test_a_second_start_takes_over_the_running_server(cluster: PostgresCluster) -> None:
    daemon = cluster.start()
    again = PostgresCluster(cluster.folder, log=cluster.log, port=free_port(), durable=False)
    assert again.start() == daemon
    assert again.port == cluster.port
    cluster.stop(daemon)
    assert again.running() is None


def test_data_of_a_version_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(MissingProgramError, match="apt-get install postgresql-9-postgis-3"):
        find_programs(9)
