"""Daemons of the stack: started in their own session, recognised later by pid and birth, stopped for sure."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from infra.errors import MissingProgramError, ServiceError

_POLL = 0.05
_LAST_LINES = 3

# Our own children by pid. The handles are kept because only a parent can reap a child: without that a
# stopped daemon would stay visible as a zombie for as long as a foreground `up` lives.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Daemon:
    """A running process that we started, now or in an earlier command."""

    pid: int
    """Process id; also the id of its session and process group."""
    birth: str
    """When it was born, as the system tells it: a pid alone may be given to a stranger later."""


@dataclass(frozen=True)
class Account:
    """The system user that a daemon runs as."""

    uid: int
    """User id."""
    gid: int
    """Id of the user's own group."""


def birth_of(pid: int) -> str | None:
    """Return a token that only this very process has, or None when it is gone (or a zombie)."""
    try:
        # The command's name stands in parentheses and may hold anything, so count from its end.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self").exists() else _birth_by_ps(pid)
    return None if fields[0] in "ZX" else f"{_boot_id()}-{fields[19]}"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def _birth_by_ps(pid: int) -> str | None:
    """Ask `ps`, where there is no /proc (macOS)."""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def works_in(pid: int, folder: Path) -> bool:
    """Whether the process has made `folder` its working directory, as PostgreSQL does with its data."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        if Path("/proc/self").exists():
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(folder) in shown.stdout


def adopt(pid: int) -> Daemon | None:
    """Return the running process of this pid as a daemon, or None when there is none."""
    birth = birth_of(pid)
    return Daemon(pid, birth) if birth else None


def spawn(command: list[str], *, log: Path, account: Account | None = None, pass_fds: tuple[int, ...] = ()) -> Daemon:
    """Start a daemon in its own session, so that a Ctrl-C meant for us does not reach it.

    Args:
        command: program and arguments.
        log: file that its standard output and error are appended to.
        account: user to run as; None for the caller.
        pass_fds: open file descriptors that it inherits.

    Raises:
        MissingProgramError: there is no such program.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                pass_fds=pass_fds,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except FileNotFoundError as error:
            raise MissingProgramError(f"{command[0]} is not installed.") from error
    _children[child.pid] = child
    return Daemon(child.pid, birth_of(child.pid) or "")


def is_alive(daemon: Daemon) -> bool:
    """Whether that very process still runs; reaps it when it was our child and has ended."""
    child = _children.get(daemon.pid)
    if child is not None and child.poll() is not None:
        del _children[daemon.pid]
        return False
    return birth_of(daemon.pid) == daemon.birth


def stop(daemon: Daemon, *, ask: signal.Signals = signal.SIGTERM, timeout: float = 20.0) -> None:
    """Ask the process to end, wait, and kill its whole group when it does not."""
    if is_alive(daemon):
        _signal(daemon.pid, ask)
        if not wait_until_gone(daemon, timeout):
            _signal(-daemon.pid, signal.SIGKILL)
            wait_until_gone(daemon, timeout)


def wait_until_gone(daemon: Daemon, timeout: float) -> bool:
    """Wait for the process to end by itself; False when it still runs after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while is_alive(daemon):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _signal(target: int, number: signal.Signals) -> None:
    try:
        os.kill(target, number)
    except ProcessLookupError:
        pass  # it ended in the meantime, which is what we want
    except PermissionError as error:
        raise ServiceError(
            f"Process {abs(target)} belongs to another user: stop the stack as the one who started it."
        ) from error


def last_words(log: Path, offset: int = 0) -> str:
    """Return the last lines of a log that say something went wrong, for an error message.

    Args:
        log: the file.
        offset: byte from which it is of interest.
    """
    try:
        lines = log.read_bytes()[offset:].decode(errors="replace").splitlines()[-60:]
    except OSError:
        return ""
    lines = [line.strip() for line in lines if line.strip()]
    bad = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "Error", "error"))]
    return "\n".join((bad or lines)[-_LAST_LINES:])
