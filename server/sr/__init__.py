"""Super-resolution of an item on its own grid, behind the endpoints that every other raster has."""
