"""A catalog rebuilt from its store alone, its database dropped: the same by its hashes."""

import gzip
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.types.json import Jsonb
from rich.console import Console

from catalog.connection import connect
from catalog.constants import COLLECTION_SPOT, COLLECTIONS
from catalog.errors import TranscriptError
from catalog.fingerprint import catalog_hash, collection_hash
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.transcript import FOLDER, KEPT, Transcript, newest_transcripts, write_transcript
from infra.cli import main
from infra.databases import database_env
from infra.errors import RestoreError
from infra.postgres import PostgresCluster
from infra.rebuild import rebuild
from infra.stores import store_env
from ingest.inputs import software_version
from ingest.options import Options
from ingest.run import ingest
from ingest.snapshots import renew_snapshots
from ingest.states import notes_of
from ingest.verify import Checks, verify
from tests.conftest import IngestedSample

QUIET = Console(quiet=True)
Json = dict[str, Any]
COLLECTION: Json = {"id": "mine/odd", "type": "Collection", "stac_version": "1.1.0", "license": "other", "links": []}
ITEM: Json = {"id": "a", "type": "Feature", "stac_version": "1.1.0", "collection": "mine/odd", "bbox": [0, 0, 0, 0]}


def collections(database: DatabaseSettings) -> dict[str, str]:
    with closing(connect(database)) as connection:
        return {
            name: collection_hash(content)
            for name, content in connection.execute("SELECT id, content FROM collections")
        }


def hash_of(database: DatabaseSettings) -> str:
    with closing(connect(database)) as connection:
        return catalog_hash(connection)


def databases(cluster: PostgresCluster) -> set[str]:
    with psycopg.connect(cluster.settings_for("postgres").dsn) as server:
        return {name for (name,) in server.execute("SELECT datname FROM pg_database")}


def drop(cluster: PostgresCluster, database: DatabaseSettings) -> None:
    with psycopg.connect(cluster.settings_for("postgres").dsn, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.database)))


# The bucket takes the same way at five times the time; a backup goes to one in every run.
@pytest.mark.parametrize("kind", ["file_store", pytest.param("s3_store", marks=pytest.mark.slow)])
def test_a_dropped_database_is_rebuilt_from_the_store_and_ingest_finds_nothing_to_do(
    kind: str, request: pytest.FixtureRequest, dataset: Path, database: DatabaseSettings, postgres: PostgresCluster
) -> None:
    store: StoreSettings = request.getfixturevalue(kind)
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    options = Options(dataset, database, store, workers=2, only=(first,), snapshot=True)
    assert ingest(options, QUIET).failures == []
    before = hash_of(database), collections(database)
    drop(postgres, database)

    done = rebuild(database, store, QUIET, force=False)

    assert (hash_of(database), collections(database)) == before
    assert (done.catalog_hash, sum(done.items.values())) == (before[0], 5)
    assert done.verification.is_clean
    assert verify(Checks(database, store), QUIET).is_clean
    again = ingest(options, QUIET)
    assert (again.aois, again.skipped) == (1, 1)
    assert (hash_of(database), collections(database)) == before


@pytest.fixture(scope="module")
def kept(ingested: IngestedSample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the ingested sample with its transcripts, and one of a collection that is not ours."""
    folder = Path(ingested.store.url.removeprefix("file://"))
    copy = Path(shutil.copytree(folder, tmp_path_factory.mktemp("stores") / "kept"))
    here = ObjectStore.open(ingested.store)
    with closing(connect(ingested.database)) as connection:
        for name in COLLECTIONS:
            write_transcript(connection, here, name, software_version(), notes_of)
    shutil.move(folder / FOLDER, copy / FOLDER)
    return copy


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> StoreSettings:
    """A copy of that store: it lies elsewhere than where it was written."""
    return StoreSettings(url=Path(shutil.copytree(kept, tmp_path / "moved")).as_uri())


def test_a_store_that_was_moved_gives_the_same_catalog_with_its_own_addresses(
    store: StoreSettings, ingested: IngestedSample, database: DatabaseSettings
) -> None:
    done = rebuild(database, store, QUIET, force=False)

    assert hash_of(database) == done.catalog_hash == hash_of(ingested.database)
    assert collections(database) == collections(ingested.database)
    assert verify(Checks(database, store), QUIET).is_clean
    with closing(connect(database)) as connection:
        hrefs = connection.execute("SELECT jsonb_path_query(content, '$.assets.*.href') #>> '{}' FROM items").fetchall()
    assert hrefs
    assert all(href.startswith(f"{store.url}/") for (href,) in hrefs)


def test_objects_that_are_gone_are_told_and_those_that_came_later_are_counted(
    store: StoreSettings, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = ObjectStore.open(store)
    objects.delete(next(meta.key for meta in objects.list(COLLECTION_SPOT) if meta.key.endswith("pan.tif")))
    objects.put(f"{COLLECTION_SPOT}/A/0123456789ab/later.tif", b"later", "image/tiff")
    for name, value in (database_env(database) | store_env(store)).items():
        monkeypatch.setenv(name, value)

    done = CliRunner().invoke(main, ["rebuild"])

    assert done.exit_code == 1, done.output
    assert "the same as written down" in done.stdout
    assert "1 objects are newer and no item names them: ingest again" in done.stdout
    assert "Objects that items name are missing or of another size: 1." in done.stdout


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "is not whole"),
        (lambda text: gzip.compress(b"\n".join(gzip.decompress(text).split(b"\n")[:-2]) + b"\n"), "its end says"),
        (lambda text: gzip.compress(gzip.decompress(text).replace(b'"gsd":1.5', b'"gsd":1.6')), "is not whole"),
        (lambda text: gzip.compress(gzip.decompress(text).replace(b'"format":1', b'"format":2')), "use a later one"),
        (lambda text: text[:200] + bytes(200) + text[400:], "is damaged"),
    ],
    ids=["half", "without its end", "changed", "of a later version", "overwritten"],
)
def test_a_transcript_that_is_not_whole_changes_nothing(
    store: StoreSettings, database: DatabaseSettings, postgres: PostgresCluster, damage: Any, reason: str
) -> None:
    objects = ObjectStore.open(store)
    key = newest_transcripts(objects)[COLLECTION_SPOT].key
    objects.put(key, damage(objects.get(key)), "application/gzip")
    known = databases(postgres)
    with pytest.raises(TranscriptError, match=reason):
        rebuild(database, store, QUIET, force=False)
    assert databases(postgres) == known
    assert hash_of(database) == "0" * 64


def test_a_store_without_transcripts_is_told_so(file_store: StoreSettings, database: DatabaseSettings) -> None:
    with pytest.raises(RestoreError, match="holds no transcript of a collection: `worldstrat ingest`"):
        rebuild(database, file_store, QUIET, force=False)


def test_every_collection_is_written_down_by_the_command_and_only_the_last_two_times_stay(
    store: StoreSettings, database: DatabaseSettings
) -> None:
    rebuild(database, store, QUIET, force=False)
    # A stranger's: without assets and links, with members that are null and numbers that no table would keep.
    extent = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}}
    collection = COLLECTION | {"extent": extent}
    properties = {"datetime": "2020-01-01T00:00:00+00:00", "a": None, "b": [1, None, "x", {"c": 1.0}]}
    item = ITEM | {"geometry": {"type": "Point", "coordinates": [0.1, 1e-7]}, "properties": properties}
    with closing(connect(database)) as connection:
        connection.execute("SELECT create_collection(%s)", (Jsonb(collection),))
        connection.execute("SELECT create_item(%s)", (Jsonb(item),))
        renew_snapshots(database, store, (), force=False)
        for _ in range(KEPT):
            write_transcript(connection, ObjectStore.open(store), "mine/odd", software_version(), notes_of)
    before = hash_of(database), collections(database)

    done = rebuild(database, store, QUIET, force=True)

    assert done.kept is not None
    with psycopg.connect(database.model_copy(update={"database": "postgres"}).dsn, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(done.kept)))
    assert (hash_of(database), collections(database)) == before
    assert "mine/odd" in before[1]
    listed = [Transcript.parse(meta.key) for meta in ObjectStore.open(store).list(FOLDER)]
    counts = Counter(one.collection for one in listed if one)
    assert counts == dict.fromkeys([*COLLECTIONS, "mine/odd"], KEPT)
