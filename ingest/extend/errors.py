"""What may go wrong while AOIs are added: the errors that end a run, and those that refuse one AOI."""

from catalog.errors import WorldStratError


class ExtendError(WorldStratError):
    """The list of AOIs cannot be read, or the catalog cannot be asked."""


class RevisitError(WorldStratError):
    """One AOI has no revisits, or one of them cannot be read; other AOIs go on."""
