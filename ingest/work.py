"""The function that ingests one AOI in a worker process, wherever that runs."""

import os
import time
from dataclasses import replace
from functools import cache
from typing import Final

import rasterio

from catalog.memory import LARGEST_THRESHOLD, tune_malloc
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from ingest.aoi import ingest_aoi
from ingest.cog import GDAL_OPTIONS
from ingest.task import Ingested, Task
from ingest.validate import item_validator

_MOST_KEPT: Final = 256 << 20


def work(task: Task) -> Ingested:
    """Ingest one AOI in this process.

    Raises:
        ObjectStoreError: the store is full, absent, or refuses.
    """
    began = time.perf_counter()
    _keep_memory()
    with _gdal():
        ingested = ingest_aoi(task.aoi, task.files, _open(task.store), item_validator(task.schemas))
    return replace(ingested, seconds=round(time.perf_counter() - began, 3))


def _gdal() -> rasterio.Env:
    # GDAL reads memory only, but with keys in the environment rasterio would build a boto3 session at every open.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)
    return rasterio.Env(**GDAL_OPTIONS)


@cache
def _keep_memory() -> None:
    """Let this process use the memory of one raster for the next."""
    tune_malloc(largest_kept=LARGEST_THRESHOLD, most_kept=_MOST_KEPT)


@cache
def _open(settings: StoreSettings) -> ObjectStore:
    """Return this process's store, connected once."""
    return ObjectStore.open(settings)
