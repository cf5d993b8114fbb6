"""Who asks: the address of a client behind proxies, and the name by which its requests are counted."""

from collections.abc import Container, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

FORWARDING = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})
"""Headers by which a proxy shows: a request that has one of them came from further away than its connection."""


def client_address(headers: Mapping[str, str], peer: str, trusted: Container[str]) -> str:
    """Return the address of a client: the last one told that is none of our proxies.

    Each proxy appends the address that it sees. What a client writes into the header itself stands before those, and
    is not looked at.

    Args:
        headers: of the request.
        peer: the address of the connection, one of our proxies.
        trusted: addresses of our proxies; `*` among them for all.
    """
    found = peer
    for told in reversed(_told(headers)):
        address = _read(told)
        if address is None:
            break
        found = address
        if found not in trusted and "*" not in trusted:
            break
    return found


def is_local(scope: Scope) -> bool:
    """Tell whether a request comes from a program on this machine, and by no proxy: from the operator's own."""
    client = scope.get("client")
    if client is None or _name(client[0]) not in _LOOPBACK:
        return False
    return all(name not in FORWARDING for name, _ in scope["headers"])


def counted_name(scope: Scope) -> str:
    """Return the name by which a client is counted and logged: its identity where it has shown one, else its address.

    Of IPv6 it is the network: every household has a whole one.
    """
    known = scope.get("state", {}).get("client_id")
    if known:
        return f"id:{known}"
    client = scope.get("client")
    return _name(client[0]) if client else "unknown"


_LOOPBACK = frozenset({"127.0.0.1", "::/64"})


@lru_cache(maxsize=65_536)
def _name(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:100]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))


def _told(headers: Mapping[str, str]) -> list[str]:
    """Return the addresses that proxies told, the client's own claims first.

    `X-Forwarded-For` wins: most proxies set that alone, and would pass on a `Forwarded` that a client made up.
    """
    usual = headers.get("x-forwarded-for")
    if usual is not None:
        return usual.split(",")
    pairs = [pair.strip() for hop in headers.get("forwarded", "").split(",") for pair in hop.split(";")]
    return [pair[4:].strip('"') for pair in pairs if pair.lower().startswith("for=")]


def _read(told: str) -> str | None:
    """Return an address as proxies write it, with or without a port; None where it is none."""
    text = told.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
