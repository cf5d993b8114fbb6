"""Starting a stack and staying with it: what `up` and `demo` have in common."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra import record as records
from infra.errors import FolderError, ServiceError
from infra.ports import LOOPBACK
from infra.signals import interruptible
from infra.stack import Report, Stack

_WATCH = 0.5


@dataclass(frozen=True)
class Wish:
    """What the caller asks of a stack."""

    data: Path
    """The data folder; made when it is missing."""
    port: int | None = None
    """Port of the web server; None for the last one, or the first free one from 8000."""
    host: str = LOOPBACK
    """Address that the web server listens on; the other services never leave 127.0.0.1."""
    s3: bool = False
    """Keep objects in a private radosgw rather than in files."""
    server: bool = True
    """Start the web server too."""


def start_detached(wish: Wish, report: Report) -> Stack:
    """Start a stack, or what of it does not run, and leave it running.

    Raises:
        InfraError: another command holds the folder, or a service did not start.
    """
    with _in_charge(wish) as stack:
        stack.start(report)
        return stack


@contextmanager
def foreground(wish: Wish, report: Report) -> Iterator[Stack]:
    """Run a stack for the time of a `with` block, which Ctrl-C ends without an error.

    Raises:
        InfraError: another command holds the folder, or a service did not start.
    """
    with _in_charge(wish) as stack:
        stack.start(report)
        try:
            yield stack
        except KeyboardInterrupt:
            pass  # this is how it is meant to end
        finally:
            stack.stop()


def watch(stack: Stack) -> None:
    """Stay until Ctrl-C.

    Raises:
        KeyboardInterrupt: it was pressed, or the process was asked to end.
        ServiceError: a service ended by itself.
    """
    while not (dead := stack.dead()):
        time.sleep(_WATCH)
    raise ServiceError(f"Stopped by itself: {', '.join(dead)}. Its log is in {stack.record.logs}.")


@contextmanager
def _in_charge(wish: Wish) -> Iterator[Stack]:
    data = wish.data.absolute()
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = records.locked(data)
    except OSError as error:
        raise FolderError(f"{data} cannot be a data folder: {error.strerror}.") from error
    with lock, interruptible():
        stack = Stack(data, port=wish.port, host=wish.host)
        stack.choose(s3=wish.s3, server=wish.server)
        stack.supervise()
        try:
            yield stack
        finally:
            stack.release()
