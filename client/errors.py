"""What may go wrong between a script and a server."""

from catalog.errors import WorldStratError


class ServerError(WorldStratError):
    """The server does not answer, or refuses."""


class QueryError(WorldStratError):
    """What is asked for makes no search."""


class DownloadError(WorldStratError):
    """A file could not be downloaded as the catalog names it."""
