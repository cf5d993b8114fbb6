"""What may go wrong with a published dataset: the errors that end a run, and those that refuse one file."""

from catalog.errors import WorldStratError


class SourceError(WorldStratError):
    """The folder is not a published WorldStrat dataset."""


class RasterError(WorldStratError):
    """One published raster is not what it should be; the others of its AOI are not touched by that."""


class UnreadError(RasterError):
    """A published file was there and could not be read: nothing is known of its contents, and it is tried again."""


class WorkerError(WorldStratError):
    """The pool or the cluster cannot be started, or was lost."""


class StateError(WorldStratError):
    """What is known of the AOIs cannot be read or written."""


class FetchError(WorldStratError):
    """A published file cannot be downloaded, or is not the published one."""


class ExportError(WorldStratError):
    """A static catalog cannot be written as it was asked for."""
