"""All of a collection in one file of the store, exactly: what a catalog is rebuilt from where its database is lost."""

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson
import psycopg

from catalog.connection import frozen
from catalog.errors import TranscriptError
from catalog.fingerprint import CatalogSum
from catalog.keys import HASH_LENGTH
from catalog.objects import PIECE, ObjectStore
from catalog.stored import StoredItems

FOLDER: Final = "catalog"
"""Folder of the store that holds transcripts: beside those of collections, so that no server publishes them."""
KEPT: Final = 2
"""Transcripts of a collection that stay: the newest, and the one before it."""
_FORMAT: Final = 1
_SUFFIX: Final = ".ndjson.gz"
_MEDIA_TYPE: Final = "application/gzip"
_MOMENT: Final = "%Y%m%dT%H%M%S.%fZ"
_LEVEL: Final = 3
"""Of gzip: a third of the time of the usual one, for a few more bytes."""
_BITE: Final = 65_536
"""Compressed bytes that are unpacked at once."""
_GZIP: Final = 31
"""What zlib calls gzip's format."""

Document = dict[str, Any]
Notes = Callable[[psycopg.Connection[Any], str], Iterable[Document]]
"""Gives what others than pgSTAC know of a collection: lines of their own, that come back as they were."""
Line = tuple[str, Document]
"""`opening`, `item`, `note` or `end`, and what it holds."""


@dataclass(frozen=True)
class Transcript:
    """A transcript that is in the store."""

    collection: str
    """Id of the collection."""
    key: str
    """Where it lies."""
    moment: datetime
    """The moment of which it tells."""

    @classmethod
    def parse(cls, key: str) -> "Transcript | None":
        """Return the transcript that lies under a key, None for other objects."""
        folder, _, rest = key.partition("/")
        collection, _, file = rest.partition("/")
        if folder != FOLDER or not file.endswith(_SUFFIX):
            return None
        try:
            moment = datetime.strptime(file.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(unquote(collection), key, moment)


def write_transcript(
    connection: psycopg.Connection[Any], store: ObjectStore, collection_id: str, software: str, notes: Notes
) -> Transcript:
    """Put all of a collection, as it is at one moment, as one file into the store; older ones but the last are removed.

    Args:
        connection: to the catalog.
        store: where the objects of the items are.
        collection_id: of a collection that there is.
        software: version of who writes.
        notes: what to write beside the items.

    Raises:
        ObjectStoreError: the store refused.
        psycopg.Error: the database failed.
    """
    with tempfile.TemporaryFile() as file:
        with frozen(connection) as moment:
            opening = _opening(connection, store, collection_id, software)
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
                for line in _lines(connection, collection_id, opening, notes):
                    packed.write(orjson.dumps(line) + b"\n")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:HASH_LENGTH]
        key = f"{_folder(collection_id)}/{moment.astimezone(UTC):{_MOMENT}}-{digest}{_SUFFIX}"
        file.seek(0)
        store.put_pieces(key, iter(lambda: file.read(PIECE), b""), _MEDIA_TYPE)
    for old in sorted(_found(store, collection_id), key=_moment)[:-KEPT]:
        store.delete(old.key)
    return Transcript(collection_id, key, moment)


def newest_transcripts(store: ObjectStore) -> dict[str, Transcript]:
    """Return the newest transcript of each collection that there is one of, by the collection's id.

    Raises:
        ObjectStoreError: the store does not answer.
    """
    return {transcript.collection: transcript for transcript in sorted(_found(store), key=_moment)}


def read_transcript(store: ObjectStore, transcript: Transcript) -> Iterator[Line]:
    """Yield the lines of a transcript: the opening, items, notes, the end; hrefs name the store as it is called now.

    Nothing that was read may be kept before the end came, which is held against all before it.

    Raises:
        TranscriptError: it is not whole, or its items are not those of which it tells.
        ObjectStoreError: the store does not answer, or no longer has it.
    """
    total, notes, last, before = CatalogSum(), 0, None, ""
    for text in _unpacked(store, transcript):
        ((kind, document),) = orjson.loads(text).items()
        last = (kind, document)
        if kind == "opening":
            _check_format(transcript, document)
            before = f"{document['store']}/"
            document["collection"] = _here(document["collection"], before, store)
        elif kind == "item":
            total.add(document)
            document = _here(document, before, store)
        elif kind == "note":
            notes += 1
        if kind != "end":
            yield kind, document
    found = {"items": total.items, "hash": total.hexdigest(), "notes": notes}
    if last != ("end", found):
        raise TranscriptError(f"{store.href(transcript.key)} is not whole: read were {found}, its end says {last}.")
    yield "end", found


def _opening(connection: psycopg.Connection[Any], store: ObjectStore, collection_id: str, software: str) -> Document:
    row = connection.execute("SELECT content FROM pgstac.collections WHERE id = %s", (collection_id,)).fetchone()
    if row is None:
        raise TranscriptError(f"The catalog has no collection {collection_id}.")
    return {"format": _FORMAT, "software": software, "store": store.url, "collection": row[0]}


def _lines(
    connection: psycopg.Connection[Any], collection_id: str, opening: Document, notes: Notes
) -> Iterator[Document]:
    yield {"opening": opening}
    total, count = CatalogSum(), 0
    for item in StoredItems(connection).every([collection_id]):
        total.add(item)
        yield {"item": item}
    for note in notes(connection, collection_id):
        count += 1
        yield {"note": note}
    yield {"end": {"items": total.items, "hash": total.hexdigest(), "notes": count}}


def _folder(collection_id: str) -> str:
    return f"{FOLDER}/{quote(collection_id, safe='')}"


def _found(store: ObjectStore, collection_id: str | None = None) -> Iterator[Transcript]:
    for meta in store.list(FOLDER if collection_id is None else _folder(collection_id)):
        if (transcript := Transcript.parse(meta.key)) is not None:
            yield transcript


def _moment(transcript: Transcript) -> datetime:
    return transcript.moment


def _unpacked(store: ObjectStore, transcript: Transcript) -> Iterator[bytes]:
    unpacker, rest = zlib.decompressobj(wbits=_GZIP), b""
    try:
        for piece in store.pieces(transcript.key):
            for start in range(0, len(piece), _BITE):
                *lines, rest = (rest + unpacker.decompress(piece[start : start + _BITE])).split(b"\n")
                yield from lines
    except zlib.error as error:
        raise TranscriptError(f"{store.href(transcript.key)} is damaged: {error}.") from error


def _check_format(transcript: Transcript, opening: Document) -> None:
    if opening.get("format") != _FORMAT:
        raise TranscriptError(
            f"{transcript.key} is of format {opening.get('format')}, and this version reads {_FORMAT}: use a later one."
        )


def _here(document: Document, before: str, store: ObjectStore) -> Document:
    """Return an item, or a collection, whose objects lie in the store as it is called now."""
    now = store.href("")
    if before == now or not document.get("assets"):
        return document
    assets = {
        name: asset | {"href": now + asset["href"].removeprefix(before)}
        if str(asset.get("href", "")).startswith(before)
        else asset
        for name, asset in document["assets"].items()
    }
    return document | {"assets": assets}
