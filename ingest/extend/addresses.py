"""Which addresses of strangers are read: those of the open internet, none that lead into the operator's own network.

The operator names the STAC API; the hrefs in its items are whoever's. One such as `http://169.254.169.254/` would
have this machine ask its cloud for passwords, `file:///` and `http://localhost/` would ask the machine itself.
"""

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

from ingest.extend.errors import RevisitError

LONGEST: Final = 8192
"""Characters of an address; signatures make some thousand."""

_PORTS: Final = {"https": 443, "http": 80}
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_ODD: Final = re.compile(r"[\s\\\x00-\x1f\x7f]")

_TRANSLATED: Final = ip_network("64:ff9b::/96")
_CLOUD: Final = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
"""Where clouds answer their own machines, beside 169.254.169.254."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Reach:
    """How far the hrefs of one API may lead."""

    host: str = ""
    """Host of the API, which the operator trusts."""
    inside: bool = False
    """Into networks that are not the internet, and to this machine: where the API itself lies there."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the reach of the API at an address that the operator gave."""
        host = urlsplit(url).hostname or ""
        return cls(host, any(_is_inside(address) for address in _addresses(host)))

    def check_link(self, href: str) -> None:
        """Refuse an address that the API leads its client to: of its own host any, of another as `check` does."""
        if not href.startswith(tuple(f"{scheme}://" for scheme in _PORTS)) or urlsplit(href).hostname != self.host:
            self.check(href)

    def check(self, href: str) -> None:
        """Refuse an address that leads elsewhere than an honest one would.

        Raises:
            RevisitError: it is no https:// or s3:// address, or its host is not on the internet.
        """
        shown = re.sub(r"\?.*", "", href[:200])
        if len(href) > LONGEST or _ODD.search(href):
            raise RevisitError(f"{shown!r} is no address that is read: it has {len(href)} characters, or odd ones")
        try:
            parts = urlsplit(href)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise RevisitError(f"{shown!r} is no address: {error}") from error
        if href.startswith("s3://") and _BUCKET.fullmatch(href[len("s3://") :].partition("/")[0]):
            return
        if parts.scheme not in _PORTS or not host or port == 0:
            raise RevisitError(f"{shown} is neither an https:// nor an s3:// address")
        if "@" in parts.netloc:
            raise RevisitError(f"the address at {host} has a login of its own, which none needs")
        for address in _addresses(host):
            if _is_nowhere(address) or (_is_inside(address) and not self.inside):
                raise RevisitError(
                    f"{shown} leads to {address}, which is not on the internet; it is not read, since whoever wrote "
                    "the item would have this machine ask its own network"
                )


@lru_cache(maxsize=1024)
def _addresses(host: str) -> tuple[Address, ...]:
    """Return the addresses of a host, none where it has none: then it cannot be read either."""
    try:
        # As curl reads it: also `2130706433` and `0x7f.1` are 127.0.0.1.
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(_plain(str(entry[4][0])) for entry in found))


def _plain(text: str) -> Address:
    """Return an address; one of IPv4 within one of IPv6 as what it means."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
    return address


def _is_nowhere(address: Address) -> bool:
    """Tell whether no file can lie there: the cloud's own addresses, and those of many or no machines."""
    reserved = address.is_reserved and not address.is_loopback
    return reserved or address.is_link_local or address.is_multicast or address.is_unspecified or address in _CLOUD


def _is_inside(address: Address) -> bool:
    return not address.is_global
