"""Free TCP ports of this machine."""

import random
import socket

from infra.errors import PortTakenError

LOOPBACK = "127.0.0.1"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what a server may be told, not what one is
# Below the range from which Linux and macOS hand out ports for outgoing connections (32768 and 49152),
# so that a port which a stack remembers is still free at its next start.
_RANGE = range(20_000, 32_000)
_TRIES = 200


def reachable(host: str) -> str:
    """Return the address at which a server that listens on `host` is asked from this machine."""
    return LOOPBACK if host in _EVERYWHERE else host


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on this port of an address of this machine now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(remembered: int | None = None) -> int:
    """Return the remembered port when it is free, else a free one.

    It is drawn at random: two stacks that start in the same moment then do not draw the same.

    Raises:
        PortTakenError: none was found.
    """
    if remembered is not None and is_free(remembered):
        return remembered
    random_source = random.SystemRandom()
    for _ in range(_TRIES):
        port = random_source.choice(_RANGE)
        if is_free(port):
            return port
    raise PortTakenError(f"No free port was found between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}.")
