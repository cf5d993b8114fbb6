"""How the commands that start and stop things take Ctrl-C and its relatives."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and on a closed terminal too, so that all three end alike."""
    with _handled(_interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore all three: an impatient second Ctrl-C must not leave half a stack running."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: signal.Handlers | Callable[[int, FrameType | None], NoReturn]) -> Iterator[None]:
    known = {number: signal.signal(number, handler) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, previous in known.items():
            signal.signal(number, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
