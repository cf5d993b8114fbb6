"""The function that ingests one AOI in a worker process, wherever that runs."""

import os
import time
from dataclasses import replace
from functools import cache

import rasterio

from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from ingest.aoi import ingest_aoi
from ingest.cog import GDAL_OPTIONS
from ingest.task import Ingested, Task
from ingest.validate import item_validator


def work(task: Task) -> Ingested:
    """Ingest one AOI in this process.

    Raises:
        ObjectStoreError: the store is full, absent, or refuses.
    """
    began = time.perf_counter()
    with _gdal():
        ingested = ingest_aoi(task.aoi, task.files, _open(task.store), item_validator(task.schemas))
    return replace(ingested, seconds=round(time.perf_counter() - began, 3))


def _gdal() -> rasterio.Env:
    # GDAL reads memory only, but with keys in the environment rasterio would build a boto3 session at every open.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)
    return rasterio.Env(**GDAL_OPTIONS)


@cache
def _open(settings: StoreSettings) -> ObjectStore:
    """Return this process's store, connected once."""
    return ObjectStore.open(settings)
