"""The web server of a stack: `worldstrat serve` as a process of its own."""

import signal
import sys
import time
from http import HTTPStatus
from secrets import token_hex

from catalog.settings import SIGNING_SECRET, load_signing_secret
from infra.answers import status_of
from infra.errors import PortTakenError, ServiceError
from infra.ports import LOOPBACK, is_free, reachable
from infra.process import Daemon, is_alive, last_words, spawn, stop
from infra.record import Record
from infra.service import HEALTHY, STOPPED, UNHEALTHY, State

FIRST_PORT = 8000
_NEIGHBOURS = 100
_START_TIMEOUT = 90.0
_RECOVERY_TIMEOUT = 8.0


class WebServer:
    """The web server on one port.

    Args:
        record: what is known of the stack.
        wanted: port that the caller asked for; None for the last one, or the first free one from 8000.
        host: address to listen on; 127.0.0.1 unless others shall reach it.
    """

    name = "server"
    daemons: tuple[str, ...] = ("server",)

    def __init__(self, record: Record, wanted: int | None = None, host: str = LOOPBACK) -> None:
        self._record = record
        self._wanted = wanted
        self._host = host
        self._log = record.logs / "server.log"

    @property
    def url(self) -> str:
        """Address of the server's page."""
        host = reachable(self._record.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._record.ports.get('server', FIRST_PORT)}"

    def choose_port(self) -> None:
        """Settle the port before anything is started or written.

        Raises:
            PortTakenError: something else listens on the wanted port.
        """
        ports, host = self._record.ports, reachable(self._host)
        if self._running() and self._wanted in {None, ports["server"]}:
            return
        if self._wanted is None:
            first = ports.get("server", FIRST_PORT)
            free = [port for port in range(first, min(first + _NEIGHBOURS, 2**16)) if is_free(port, host)]
            if not free:
                raise PortTakenError(f"No port from {first} on is free on {host}. Choose one with --port.")
            self.stop()
            ports["server"] = free[0]
        else:
            if not is_free(self._wanted, host):
                raise PortTakenError(
                    f"Port {self._wanted} of {host} is taken by another program. Choose another with --port."
                )
            self.stop()
            ports["server"] = self._wanted

    def start(self) -> None:
        """Start the server, or keep the one that runs when it listens where it should and is ready."""
        running = self._running()
        if running and self._record.host == self._host and self._ready_within(running, _RECOVERY_TIMEOUT):
            return
        self.stop()
        self._record.host = self._host
        command = [sys.executable, "-m", "infra.cli", "serve", "--data", str(self._record.data)]
        command += ["--host", self._host, "--port", str(self._record.ports["server"])]
        offset = self._log.stat().st_size if self._log.exists() else 0
        daemon = spawn(command, log=self._log)
        self._record.daemons["server"] = daemon
        if not (self._listens(daemon, offset) and self._ready_within(daemon, _START_TIMEOUT)):
            words = last_words(self._log, offset)
            raise ServiceError(f"The web server did not become ready ({self._log}):\n{words}")

    def stop(self) -> None:
        """Stop the server: it first finishes the requests that it has begun."""
        running = self._running()
        if running:
            stop(running, ask=signal.SIGTERM, timeout=15)
        self._record.daemons.pop("server", None)

    def state(self) -> State:
        """Ask `/readyz`."""
        if self._running() is None:
            return State(self.name, STOPPED, self.url)
        status = self._status()
        if status == HTTPStatus.OK:
            return State(self.name, HEALTHY, self.url)
        detail = "no answer" if status is None else f"/readyz answers {status}"
        return State(self.name, UNHEALTHY, self.url, detail)

    def env(self) -> dict[str, str]:
        """Return WORLDSTRAT_URL, and the secret that the server signs with: the same one for as long as the folder."""
        known = load_signing_secret(self._record.data)
        return {"WORLDSTRAT_URL": self.url, SIGNING_SECRET: known.get_secret_value() if known else token_hex(32)}

    def _running(self) -> Daemon | None:
        daemon = self._record.daemons.get("server")
        return daemon if daemon and is_alive(daemon) else None

    def _listens(self, daemon: Daemon, offset: int) -> bool:
        """Wait until the server's log says that it listens: an answer alone may come from a stranger on its port."""
        while is_alive(daemon):
            if b"running on http" in self._log.read_bytes()[offset:]:
                return True
            time.sleep(0.1)
        return False

    def _ready_within(self, daemon: Daemon, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and is_alive(daemon):
            if self._status() == HTTPStatus.OK:
                return is_alive(daemon)
            time.sleep(0.1)
        return False

    def _status(self) -> int | None:
        return status_of(self._record.ports["server"], "/readyz", host=reachable(self._record.host))
