"""The STAC API over pgSTAC, and the assets that its answers point at."""
