"""What a part of a stack is: it starts, stops and says how it is."""

from dataclasses import dataclass
from typing import Protocol

HEALTHY, UNHEALTHY, STOPPED = "healthy", "unhealthy", "stopped"


@dataclass(frozen=True)
class State:
    """How a service is."""

    name: str
    """Name of the service."""
    state: str
    """`healthy` (it answers), `unhealthy` (it runs or should run, but does not answer) or `stopped`."""
    address: str
    """Where it answers."""
    detail: str = ""
    """Why it is not healthy, or what it is."""


class Service(Protocol):
    """One part of a stack."""

    name: str
    """Name in lists and messages."""
    daemons: tuple[str, ...]
    """Names of its processes in the record; empty where it is not ours."""

    def start(self) -> None:
        """Start what does not run yet; return when it is healthy."""

    def stop(self) -> None:
        """Stop what the record says runs."""

    def state(self) -> State:
        """Say how it is, by asking it."""

    def env(self) -> dict[str, str]:
        """Return its lines of `stack.env`."""
