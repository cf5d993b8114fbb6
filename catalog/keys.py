"""Keys of objects, `{collection}/{place}/{hash}/{file}`: other bytes have another key, so nothing is overwritten."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Self

from catalog.constants import COG_MEDIA_TYPE, COLLECTION_MODELS, COLLECTION_SR, COLLECTIONS, PNG_MEDIA_TYPE
from catalog.objects import SHA2_256

PARQUET_MEDIA_TYPE: Final = "application/vnd.apache.parquet"
_IMAGES: Final = {".tif": COG_MEDIA_TYPE, ".png": PNG_MEDIA_TYPE, ".parquet": PARQUET_MEDIA_TYPE}
_MODELS: Final = {
    ".onnx": "application/octet-stream",
    ".safetensors": "application/octet-stream",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": PARQUET_MEDIA_TYPE,
}
MEDIA_TYPES: Final = _IMAGES | _MODELS
"""What the catalog stores, by suffix of the key."""
STORED: Final = dict.fromkeys((*COLLECTIONS, COLLECTION_SR), _IMAGES) | {COLLECTION_MODELS: _MODELS}
"""The same for each collection that has objects."""

HASH_LENGTH: Final = 12
"""Hexadecimal digits of an object's hash in its key: 48 bits tell the few versions of one file apart."""
_HASH: Final = re.compile(rf"[0-9a-f]{{{HASH_LENGTH}}}")
_SEGMENT: Final = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*")
_OLD, _NEW = 3, 4


@dataclass(frozen=True)
class ObjectKey:
    """A key that the catalog could have written."""

    collection: str
    """Id of the collection."""
    place: str
    """AOI, original or model that the object belongs to."""
    hash: str | None
    """First digits of the object's SHA-256; None in the keys of before 2026-11-23, which could be overwritten."""
    file: str
    """Name of the file."""

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Return the parts of a key, None where the catalog could not have written it."""
        segments = key.split("/")
        if (
            len(segments) not in {_OLD, _NEW}
            or PurePosixPath(key).suffix not in STORED.get(segments[0], ())
            or not all(_SEGMENT.fullmatch(segment) for segment in segments)
            or (len(segments) == _NEW and not _HASH.fullmatch(segments[2]))
        ):
            return None
        return cls(segments[0], segments[1], segments[2] if len(segments) == _NEW else None, segments[-1])


def object_key(folder: str, checksum: str, file: str) -> str:
    """Return the key of an object.

    Args:
        folder: `{collection}/{place}`.
        checksum: multihash of the object.
        file: name of the file.
    """
    return f"{folder}/{checksum.removeprefix(SHA2_256)[:HASH_LENGTH]}/{file}"
