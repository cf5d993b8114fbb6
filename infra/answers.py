"""Does an HTTP server of this machine answer, and how."""

import http.client
from contextlib import closing

from infra.ports import LOOPBACK


def status_of(port: int, path: str = "/", *, host: str = LOOPBACK, timeout: float = 5.0) -> int | None:
    """Return the status of a GET request, or None when nothing answers."""
    with closing(http.client.HTTPConnection(host, port, timeout=timeout)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return None
        return response.status
