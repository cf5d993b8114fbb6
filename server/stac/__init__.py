"""The STAC API over pgSTAC, and the assets that its answers point at."""

import logging

# stac-fastapi builds settings of its own when imported, and warns that they lack the title that we pass later.
logging.getLogger("stac_fastapi.types.config").setLevel(logging.ERROR)
