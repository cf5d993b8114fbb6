"""Who asks: one FastAPI application with the STAC API, tiles, assets and the page."""
