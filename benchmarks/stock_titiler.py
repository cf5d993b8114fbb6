"""titiler as its documentation has it, over the files of one folder: the peer of the benchmark."""

import os
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory

GDAL_SETTINGS = {
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}
"""What titiler's page on performance advises, in the environment of the process."""
FOLDER = "BENCHMARK_FOLDER"
"""Name of the environment variable that holds the only folder to be read."""


def local_path(url: Annotated[str, Query(description="Path of a file.")]) -> str:
    """Return a path below the folder."""
    if not Path(url).resolve().is_relative_to(Path(os.environ[FOLDER]).resolve()):
        raise HTTPException(status_code=403)
    return url


app = FastAPI()
app.include_router(TilerFactory(path_dependency=local_path, add_viewer=False).router)
add_exception_handlers(app, DEFAULT_STATUS_CODES)
