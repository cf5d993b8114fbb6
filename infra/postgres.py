"""A private PostgreSQL cluster: its own folder, its own port of 127.0.0.1, its own password."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pydantic import SecretStr

from catalog.settings import DatabaseSettings
from infra.errors import ServiceError
from infra.ports import LOOPBACK
from infra.postgres_programs import find_programs, reachable, server_account
from infra.process import Daemon, adopt, is_alive, last_words, spawn, stop, works_in

OWNER = "worldstrat"
DATABASE = "worldstrat"
_START_TIMEOUT = 300.0  # seconds; a crash recovery of a large catalog takes its time
_ORPHAN_TRIES = 20
# For a machine of two cores and a few GB that also runs the web server. jit costs more than it gives on
# pgSTAC's many small plans; the disk is taken to be an SSD.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %d ",
}
# A test's data need not outlive the machine.
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresCluster:
    """The files and the server of one cluster.

    Args:
        folder: where its data and its password are kept.
        log: file of the server's messages.
        port: TCP port of 127.0.0.1.
        durable: False trades safety against a crash of the machine for speed.
    """

    def __init__(self, folder: Path, *, log: Path, port: int, durable: bool = True) -> None:
        self.folder = folder
        self.log = log
        self.port = port
        self.durable = durable

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "data"

    @property
    def settings(self) -> DatabaseSettings:
        """How to connect to the stack's database as its owner."""
        return self.settings_for(DATABASE)

    def settings_for(self, database: str) -> DatabaseSettings:
        """Return how to connect to a database of this cluster as its owner."""
        return DatabaseSettings(
            host=LOOPBACK, port=self.port, user=OWNER, password=SecretStr(self._password()), database=database
        )

    def start(self) -> Daemon:
        """Start the server, creating cluster and database when they are missing; return when it answers.

        Raises:
            InfraError: it is not installed, or did not start; the message has its last words.
        """
        self._initialise()
        running = self.running()
        if running is None or not self._wait(running):
            # Whoever this file speaks of is gone; its pid may belong to a stranger by now,
            # for whose sake PostgreSQL would refuse to start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            running = self._launch()
        self._ensure_database()
        return running

    def running(self) -> Daemon | None:
        """Return the server that runs on this data now, whoever started it, or None."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        daemon = adopt(int(lines[0]))
        if daemon is None or not works_in(daemon.pid, self.data):
            return None
        self.port = int(lines[3])
        return daemon

    def answers(self) -> bool:
        """Whether the server accepts connections and answers a query."""
        return self._refusal() is None

    @staticmethod
    def stop(daemon: Daemon) -> None:
        """Stop the server the fast way: open transactions are rolled back, data is written out."""
        stop(daemon, ask=signal.SIGINT, timeout=60)

    def _password(self) -> str:
        return (self.folder / "password").read_text()

    def _programs(self) -> Path:
        written_by = self.data / "PG_VERSION"
        return find_programs(int(written_by.read_text()) if written_by.exists() else None)

    def _initialise(self) -> None:
        if self.data.exists():
            return
        programs, account = self._programs(), server_account()
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / "data.new"  # renamed when complete: an interrupted initdb leaves nothing half done
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        given = fresh.with_name("password.new")
        try:
            shutil.copy(password, given)
            given.chmod(0o600)
            if account:
                os.chown(fresh, account.uid, account.gid)
                os.chown(given, account.uid, account.gid)
            self._initdb(programs, fresh, given)
        finally:
            given.unlink(missing_ok=True)
        fresh.rename(self.data)

    def _initdb(self, programs: Path, fresh: Path, password: Path) -> None:
        account = server_account()
        with _inherited(fresh) as (path, descriptors), password.open() as given:
            command = [str(programs / "initdb"), "-D", path, "-U", OWNER, "--encoding=UTF8", "--no-locale"]
            command += ["--auth=scram-sha-256", f"--pwfile=/dev/fd/{given.fileno()}"]
            command += [] if self.durable else ["--no-sync"]
            made = subprocess.run(
                command,
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                pass_fds=(*descriptors, given.fileno()),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        if made.returncode != 0:
            raise ServiceError(f"PostgreSQL could not make a cluster in {self.folder}: {made.stderr.strip()}")

    def _launch(self) -> Daemon:
        """Start the server; try again while children of a killed one still hold its shared memory."""
        for _ in range(_ORPHAN_TRIES):
            daemon = self._spawn()
            if self._wait(daemon):
                return daemon
            if "still in use" not in last_words(self.log):
                break
            time.sleep(0.5)
        raise ServiceError(f"PostgreSQL did not start ({self.log}):\n{last_words(self.log)}")

    def _spawn(self) -> Daemon:
        settings = {**_SETTINGS, "port": str(self.port), **({} if self.durable else _UNSAFE)}
        with _inherited(self.data) as (path, descriptors):
            command = [str(self._programs() / "postgres"), "-D", path]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            return spawn(command, log=self.log, account=server_account(), pass_fds=descriptors)

    def _wait(self, daemon: Daemon) -> bool:
        """Wait until the server answers; False when it ended instead."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self.answers():
                return True
            if not is_alive(daemon):
                return False
            time.sleep(0.1)
        self.stop(daemon)
        raise ServiceError(f"PostgreSQL did not answer within {_START_TIMEOUT:.0f} s ({self.log}): {self._refusal()}")

    def _refusal(self) -> str | None:
        try:
            with psycopg.connect(self.settings_for("postgres").dsn, connect_timeout=3) as connection:
                connection.execute("select 1")
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _ensure_database(self) -> None:
        with psycopg.connect(self.settings_for("postgres").dsn, autocommit=True) as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f'create database "{DATABASE}"')


@contextmanager
def _inherited(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield a path by which the server's user reaches the folder, and what it must inherit for that."""
    path, descriptor = reachable(folder, server_account())
    try:
        yield path, (descriptor,) if descriptor is not None else ()
    finally:
        if descriptor is not None:
            os.close(descriptor)
