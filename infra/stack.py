"""The local stack: database, object store and web server of one data folder."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from infra import record as records
from infra.databases import ExternalDatabase, PrivateDatabase, database_named_elsewhere
from infra.errors import FolderError, ServiceError
from infra.ports import LOOPBACK
from infra.process import adopt, is_alive, stop
from infra.service import HEALTHY, STOPPED, Service, State
from infra.signals import undisturbed
from infra.stores import ExternalStore, FileStore, PrivateS3, kept_in, store_named_elsewhere
from infra.web_server import WebServer

_LEAST_SPACE = 300 * 1024**2
_STOP_TIMEOUT = 120.0

Report = Callable[[State, float], None]
"""Told of each service that became healthy, and after how many seconds."""


class Stack:
    """One stack, as the record of its data folder describes it.

    Args:
        data: the data folder.
        port: port of the web server that the caller asked for.
        host: address that the web server shall listen on.
    """

    def __init__(self, data: Path, *, port: int | None = None, host: str = LOOPBACK) -> None:
        self.record = records.load(data.absolute())
        self.server = WebServer(self.record, port, host)

    def backends(self) -> list[Service]:
        """Database and object store, in the order in which they start."""
        record = self.record
        database: Service = PrivateDatabase(record) if record.database == "private" else ExternalDatabase(record)
        stores: dict[str, Callable[[records.Record], Service]] = {
            "files": FileStore,
            "s3": PrivateS3,
            "external": ExternalStore,
        }
        return [database, stores[record.store](record)]

    def services(self) -> list[Service]:
        """All services in the order in which they start."""
        return [*self.backends(), *([self.server] if self.record.server else [])]

    def states(self) -> list[State]:
        """Ask every service how it is."""
        return [service.state() for service in self.services()]

    def choose(self, *, s3: bool, server: bool) -> None:
        """Settle what the stack is made of: what the environment names, else its own.

        Raises:
            FolderError: the objects of this folder are already kept in another way.
        """
        record = self.record
        record.server = server
        record.database = "external" if database_named_elsewhere(record) else "private"
        if store_named_elsewhere(record):
            record.store = "external"
            return
        known = kept_in(record)
        if known == "files" and s3:
            raise FolderError(
                f"{record.data} keeps its objects in files, and its catalog points there: "
                "choose another --data for a stack with --s3."
            )
        record.store = known or ("s3" if s3 else "files")

    def start(self, report: Report) -> None:
        """Start what does not run, stop what is no longer part; when it fails, stop what this call started.

        Raises:
            WorldStratError: a service did not start; the message says which and why.
        """
        self._check_space()
        known = self.record.daemons
        before = {daemon for daemon in known.values() if is_alive(daemon)}
        try:
            self._start_all(report)
        except BaseException:
            with undisturbed():
                for service in reversed(self.services()):
                    if service.daemons and before.isdisjoint(known[name] for name in service.daemons if name in known):
                        service.stop()
                self.record.save()
            raise

    def stop(self) -> list[str]:
        """Stop every process of ours, also of an earlier choice; return the names of the services that ran."""
        return self._stop(self._private())

    def dead(self) -> list[str]:
        """Return the names of the processes that ended by themselves."""
        return [name for name, daemon in self.record.daemons.items() if not is_alive(daemon)]

    def supervise(self) -> None:
        """Write down that this process is in charge of the stack."""
        self.record.supervisor = adopt(os.getpid())
        self.record.save()

    def release(self) -> None:
        """Write down that nobody is in charge any more."""
        self.record.supervisor = None
        self.record.save()

    def dismiss_supervisor(self) -> list[str]:
        """Ask the command in charge, if any, to stop the stack; return what ran in its charge, once it has ended."""
        supervisor = self.record.supervisor
        if supervisor is None or not is_alive(supervisor):
            return []
        stop(supervisor, timeout=_STOP_TIMEOUT)
        return [service.name for service in self.services() if service.daemons]

    def _start_all(self, report: Report) -> None:
        env: dict[str, str] = {}
        if self.record.server:
            self.server.choose_port()
            env |= self.server.env()
        for service in self.backends():
            self._start_one(service, report)
            env |= service.env()
        if records.write_env(self.record.data, env):
            self.server.stop()  # one that runs knows only the old addresses of the others
        parts = {name for service in self.services() for name in service.daemons}
        self._stop([service for service in self._private() if parts.isdisjoint(service.daemons)])
        if self.record.server:
            self._start_one(self.server, report)

    def _private(self) -> list[Service]:
        """All services that can have processes of ours, in the order in which they stop."""
        return [self.server, PrivateS3(self.record), PrivateDatabase(self.record)]

    def _stop(self, services: list[Service]) -> list[str]:
        stopped = []
        with undisturbed():
            for service in services:
                if service.state().state != STOPPED:
                    stopped.append(service.name)
                service.stop()
                self.record.save()
        return stopped

    def _start_one(self, service: Service, report: Report) -> None:
        begin = time.monotonic()
        service.start()
        self.record.save()
        state = service.state()
        if state.state != HEALTHY:
            raise ServiceError(f"The {state.name} started but is {state.state}: {state.detail}")
        report(state, time.monotonic() - begin)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.record.data).free
        if free < _LEAST_SPACE:
            raise FolderError(
                f"Only {free // 1024**2} MB are free on the disk of {self.record.data}; a stack needs "
                f"{_LEAST_SPACE // 1024**2} MB to start. Free some, or choose another --data."
            )
