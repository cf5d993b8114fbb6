"""What can go wrong while a sample is written."""

from catalog.errors import WorldStratError


class SampleError(WorldStratError):
    """The sample cannot be written; the message names the folder or value and the remedy."""
