"""Free TCP ports on 127.0.0.1."""

import random
import socket

from infra.errors import PortTakenError

LOOPBACK = "127.0.0.1"
# Below the range from which Linux and macOS hand out ports for outgoing connections (32768 and 49152),
# so that a port which a stack remembers is still free at its next start.
_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
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
