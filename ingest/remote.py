"""A published dataset as objects below a prefix of a bucket."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from pydantic import ValidationError

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from catalog.settings import StoreSettings
from ingest.blobs import BucketBlob, bucket
from ingest.errors import SourceError
from ingest.listing import Listing, Member
from ingest.names import parse_path
from ingest.source import Entry, Origin

SCHEME: Final = "s3://"
_OWN: Final = "WORLDSTRAT_SOURCE_"
"""Prefix of variables that are meant for the source where the objects go to another service."""
_VARIABLES: Final = ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION")


@dataclass(frozen=True, slots=True)
class ObjectOrigin:
    """An object of a bucket."""

    blob: BucketBlob
    """The object."""

    @property
    def place(self) -> str:
        """Its address."""
        return self.blob.place

    def read(self) -> bytes:
        """Return all bytes; ObjectStoreError where they cannot be had."""
        return bucket(self.blob.store).get(self.blob.key)


class BucketPart:
    """The published layout below a prefix of a bucket."""

    failures: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    def __init__(self, address: BucketBlob) -> None:
        self.place = address.place.rstrip("/")
        self._settings = address.store
        self._prefix = address.key.strip("/")
        self._listing = Listing()
        self.tables: dict[str, Origin] = {}
        self._listing.fill(self._members())
        self.holds_images = bool(self._listing.aois())
        if not self.tables and not self.holds_images:
            raise SourceError(f"{self.place} holds no objects in the published layout: is the prefix right?")

    def aois(self) -> list[str]:
        """Return the names of the AOIs that there are objects of."""
        return self._listing.aois()

    def entries(self, aoi: str) -> Iterator[Entry]:
        """Yield the objects of an AOI."""
        for member in self._listing.members(aoi):
            origin = ObjectOrigin(BucketBlob(self._settings, member.path))
            yield Entry(member.name, member.level, member.size, member.version, origin)

    def _members(self) -> Iterator[Member]:
        for meta in chain.from_iterable(bucket(self._settings).pages(self._prefix)):
            path = meta.key.removeprefix(self._prefix).lstrip("/")
            if path in {METADATA_CSV, SPLIT_CSV}:
                self.tables[path] = ObjectOrigin(BucketBlob(self._settings, meta.key))
                continue
            parsed = parse_path(path)
            if parsed is not None:
                aoi, level, name = parsed
                yield Member(aoi, name, level, meta.key, size=meta.size, version=meta.etag or "")


def parse_address(address: str) -> BucketBlob:
    """Return bucket and key of `s3://bucket/key`; how it is reached comes from the environment.

    `WORLDSTRAT_SOURCE_ENDPOINT_URL`, `_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY` and `_REGION` go before `AWS_...`.

    Raises:
        SourceError: it is no such address.
    """
    name, _, key = address.removeprefix(SCHEME).partition("/")
    given: dict[str, Any] = {
        f"AWS_{variable}": os.environ[_OWN + variable] for variable in _VARIABLES if _OWN + variable in os.environ
    }
    try:
        return BucketBlob(StoreSettings(WORLDSTRAT_STORE=f"{SCHEME}{name}", **given), key)
    except ValidationError as error:
        raise SourceError(f"{address} is no address of the form s3://bucket/prefix.") from error
