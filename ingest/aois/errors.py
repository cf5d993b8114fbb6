"""What may go wrong while AOIs are drawn."""

from catalog.errors import WorldStratError


class SampleAoisError(WorldStratError):
    """A raster cannot be read, or there is nothing to draw from."""
