"""A web server under test: `worldstrat serve` with its workers, and what its processes hold of the memory."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.ports import LOOPBACK, free_port
from infra.stores import store_env

READY_SECONDS = 300.0
_STOP_SECONDS = 20.0
_OTHERS = ("PG", "AWS_", "WORLDSTRAT_", "GDAL_")


class WebServer:
    """The server and its worker processes."""

    def __init__(
        self,
        folder: Path,
        database: DatabaseSettings,
        store: StoreSettings,
        *,
        workers: int = 1,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """Create it.

        Args:
            folder: for its log.
            database: of the catalog.
            store: of the objects.
            workers: its processes.
            given: further environment, which wins.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
        self.environment = kept | database_env(database) | store_env(store) | dict(given or {})
        self.workers = workers
        self.log = folder / "server.log"
        self.port = free_port()
        self.prefix: tuple[str, ...] = ()
        """Command that the server is started by, such as `unshare` and its options."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Its first process: that of the only worker, or the one that watches over them."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [*self.prefix, sys.executable, "-m", "infra.cli", "serve", "--port", str(self.port)]
        command += ["--workers", str(self.workers), "--data", str(self.log.parent)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> float:
        """Wait until `/readyz` answers 200; return after how many seconds."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"The server ended:\n{self.log.read_text(errors='replace')[-2000:]}")
            if self.readiness() == httpx.codes.OK:
                return time.monotonic() - begun
            time.sleep(0.1)
        raise RuntimeError(f"The server was not ready within {seconds:g} s:\n{self.log.read_text()[-2000:]}")

    def readiness(self) -> int | None:
        """Return the status of `/readyz`, None where nobody answers."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code
        except httpx.TransportError:
            return None

    def worker_pids(self) -> list[int]:
        """Return the processes that answer requests, the oldest first."""
        if self.workers == 1:
            return [self.pid]
        return sorted((pid for pid in descendants(self.pid) if "spawn_main" in command_of(pid)), key=_birth)

    def kill_worker(self) -> int:
        """Kill the youngest worker without a word, as the kernel does where memory is short; return its process id."""
        pid = self.worker_pids()[-1]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> None:
        """Stop it, by force where it does not end by itself."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_STOP_SECONDS)
        finally:
            # Its workers too, should the first process have died before them: the session is theirs alone.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def command_of(pid: int) -> str:
    """Return the command line of a process, empty where it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, 0 where it ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _birth(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
