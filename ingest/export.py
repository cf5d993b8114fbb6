"""A catalog as files: items place by place, then tables and collections, and the root last."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import orjson
from rich.console import Console

from catalog.extension import TABLE_URI
from catalog.geoparquet import write_geoparquet
from catalog.keys import PARQUET_MEDIA_TYPE
from catalog.objects import ObjectStore
from catalog.progress import StepProgress
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.snapshot import ASSET, with_asset
from ingest.errors import ExportError
from ingest.export_assets import Mode, Placing, placing, write_whole
from ingest.export_layout import (
    COLLECTION,
    ROOT,
    TABLE,
    Json,
    Key,
    Place,
    collection_document,
    item_document,
    place_document,
    plain,
    root_document,
    table_row,
)
from ingest.export_read import Moment, Reader

MARK: Final = ".worldstrat-export"
"""File that tells a folder of ours, which may be written again, from one that is not."""
_AHEAD: Final = 4
"""Places that wait for each worker."""


@dataclass(frozen=True)
class ExportOptions:
    """What is asked for."""

    out: Path
    """Folder of the static catalog."""
    database: DatabaseSettings
    """Where items are."""
    store: StoreSettings
    """Where objects are."""
    collections: tuple[str, ...] = ()
    """Ids of the collections; all where none are given."""
    filter: str | None = None
    """Condition in CQL2, text or JSON."""
    assets: Mode = "none"
    """What becomes of the objects."""
    asset_url: str | None = None
    """Address under which the store is published."""
    workers: int = 4
    """Places that are written at once."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    items: int
    """Items."""
    places: int
    """Places, each counted once for each collection."""
    collections: int
    """Collections."""
    asset_bytes: int
    """Bytes of objects that were copied; those that were there already do not count."""
    seconds: float
    """How long it took."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def export(options: ExportOptions, console: Console) -> Exported:
    """Write a static catalog; the same command goes on where another was interrupted.

    Until all is written there is no root document, so that half a catalog is never taken for a whole one.

    Raises:
        ExportError: the folder is not ours, or the options make no sense.
        ObjectStoreError: an object lacks, or is not what its item tells.
        DatabaseError: the database does not answer.
    """
    started = time.monotonic()
    store = ObjectStore.open(options.store)
    place_asset = placing(options.assets, store, options.asset_url)
    with Moment.of(options.database) as moment:
        if options.filter is not None:
            moment.only(options.filter)
        found = [(content, moment.places(content["id"])) for content in moment.collections(options.collections)]
        chosen = [(content, places) for content, places in found if places]
        if not chosen:
            raise ExportError("Nothing to export: the catalog has no such items.")
        work = _Work(options.out, place_asset, chosen)
        check_paths(work.titles, work.places)
        before = _prepare(options.out, work.titles)
        size = _write_places(work, moment, options.workers, console)
        for content, places in chosen:
            _write_collection(work, moment, content, places)
    write_whole(options.out / ROOT, _json(root_document([content for content, _ in chosen])))
    work.remove_others(before)
    items, places_ = sum(len(one.ids) for one in work.places), len(work.places)
    return Exported(items, places_, len(chosen), size, round(time.monotonic() - started, 3))


class _Work:
    """What is written, and where."""

    def __init__(self, out: Path, assets: Placing, chosen: Sequence[tuple[Json, Sequence[Place]]]) -> None:
        self.out = out
        self._assets = assets
        self.titles = {content["id"]: str(content.get("title", content["id"])) for content, _ in chosen}
        self.places = [place for _, places in chosen for place in places]
        self._paths = {
            (place.collection, item_id): place.path(item_id) for place in self.places for item_id in place.ids
        }
        self._files: set[Path] = set()

    def write_place(self, place: Place, items: Sequence[Json]) -> int:
        """Write the items of a place, and its catalog where there are several; return the bytes of objects."""
        folder, title, size = self.out / place.folder, self.titles[place.collection], 0
        folder.mkdir(parents=True, exist_ok=True)
        for item in items:
            for asset in item["assets"].values():
                asset["href"], written = self._assets.place(asset, folder)
                size += written
                if asset["href"].startswith("./"):
                    self._files.add(folder / asset["href"].removeprefix("./"))
            self.write(place.path(item["id"]), item_document(item, place, title, self._path_of))
        if not place.is_alone:
            self.write(f"{place.folder}/{ROOT}", place_document(place, title, items))
        return size

    def write(self, path: str, document: Mapping[str, Any]) -> None:
        """Write a document that is not there yet as it should be."""
        file, data = self.out / path, _json(document)
        self._files.add(file)
        if not (file.is_file() and file.read_bytes() == data):
            write_whole(file, data)

    def rows(self, places: Sequence[Place]) -> Iterator[Json]:
        """Yield the items of a collection as its table has them."""
        for place in places:
            for item_id in place.ids:
                yield table_row(orjson.loads((self.out / place.path(item_id)).read_bytes()), place.folder)

    def write_table(self, collection_id: str, places: Sequence[Place]) -> Json:
        """Write the table of a collection; return the asset that names it."""
        path = self.out / collection_id / TABLE
        part = path.with_name(f".{TABLE}.part")
        table = write_geoparquet(part, lambda: self.rows(places))
        part.replace(path)
        self._files.add(path)
        return {
            "href": f"./{TABLE}",
            "type": PARQUET_MEDIA_TYPE,
            "title": "All items as GeoParquet",
            "roles": ["collection-mirror", "metadata"],
            "table:row_count": 0 if table is None else table.rows,
            "table:primary_geometry": "geometry",
        }

    def remove_others(self, before: Iterable[str]) -> None:
        """Remove what earlier exports left: they wrote the folders `before`."""
        for name in before:
            folder = self.out / name
            if folder.is_symlink():  # whoever put it there has other files where it leads
                continue
            for path in sorted([folder, *folder.rglob("*")], reverse=True):
                if path.is_dir() and not path.is_symlink():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path not in self._files:
                    path.unlink(missing_ok=True)

    def _path_of(self, key: Key) -> str | None:
        return self._paths.get(key)


def check_paths(collections: Iterable[str], places: Iterable[Place]) -> None:
    """Make sure that every document has a path of its own, below the folder of its collection.

    Raises:
        ExportError: one has not.
    """
    for one in collections:
        if one != plain(one):
            raise ExportError(f"The collection {one!r} cannot be a folder: name the others by --collection.")
    taken: set[str] = set()
    for place in places:
        paths = [place.folder, f"{place.folder}/{ROOT}", *map(place.path, place.ids)]
        for path in paths:
            if path in taken:
                raise ExportError(f"Two things of {place.collection}, one of them in {place.aoi!r}, would be {path}.")
            taken.add(path)


def _prepare(out: Path, collections: Iterable[str]) -> list[str]:
    """Make the folder, and from now on no whole catalog; return the names of all folders that are ours in it."""
    mark = out / MARK
    if out.is_dir() and any(out.iterdir()) and not mark.exists():
        raise ExportError(f"{out} is neither empty nor a static catalog that was written here: choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    names = sorted({*collections, *(_read_mark(mark) if mark.exists() else ())})
    write_whole(mark, orjson.dumps(names))
    (out / ROOT).unlink(missing_ok=True)
    return names


def _read_mark(mark: Path) -> list[str]:
    """Return the names of the folders that earlier exports wrote: they are cleared, so nothing else may be named.

    Raises:
        ExportError: something else is.
    """
    try:
        names = orjson.loads(mark.read_bytes())
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name == plain(name) for name in names):
        raise ExportError(f"{mark} is not as an export leaves it: choose another folder.")
    return names


def _write_places(work: _Work, moment: Moment, workers: int, console: Console) -> int:
    """Write all places, some at a time, each worker with a connection of its own; return the bytes of objects."""
    size = 0
    with ExitStack() as stack:
        readers: SimpleQueue[Reader] = SimpleQueue()
        for _ in range(workers):
            readers.put(stack.enter_context(moment.reader()))
        pool = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="export"))
        progress = stack.enter_context(StepProgress(console, "Exporting places", len(work.places)))

        def write(place: Place) -> int:
            reader = readers.get()
            try:
                return work.write_place(place, reader.items(place))
            finally:
                readers.put(reader)

        for done, written in enumerate(_bounded(pool, write, work.places, workers * _AHEAD), 1):
            size += written
            progress.at(done)
    return size


def _bounded(
    pool: ThreadPoolExecutor, function: Callable[[Place], int], places: Sequence[Place], most: int
) -> Iterator[int]:
    """Yield the results as they come, with so many calls under way; after a failure no other call begins."""
    todo = iter(places)
    running: set[Future[int]] = {pool.submit(function, place) for place in islice(todo, most)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            running |= {pool.submit(function, place) for place in islice(todo, len(done))}
    finally:
        for future in running:
            future.cancel()


def _write_collection(work: _Work, moment: Moment, content: Json, places: Sequence[Place]) -> None:
    asset = work.write_table(content["id"], places)
    told = moment.told(content["id"])
    bare = with_asset(content, None)
    table = {
        "assets": {**bare.get("assets", {}), ASSET: asset},
        "stac_extensions": [*bare["stac_extensions"], TABLE_URI],
    }
    tells = {
        "extent": told.extent() or content["extent"],
        "summaries": {**content.get("summaries", {}), **told.summaries()},
    }
    work.write(f"{content['id']}/{COLLECTION}", collection_document(bare, tells, places, table))


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
