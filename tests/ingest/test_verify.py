"""What `verify` finds in a catalog that was damaged on purpose, and what `--repair` makes of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from psycopg.types.json import Jsonb
from rich.console import Console

from catalog.constants import COLLECTION_SPOT, COLLECTION_SR
from catalog.errors import ObjectStoreError
from catalog.fingerprint import catalog_hash
from catalog.objects import ObjectStore, multihash
from catalog.pgstac import CatalogWriter, connect
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.stored import StoredItems
from catalog.superresolved import create_sr_collection
from infra.cli import main
from infra.databases import database_env
from infra.stores import store_env
from ingest.errors import StateError
from ingest.findings import Finding
from ingest.lock import lock_catalog
from ingest.options import Options
from ingest.repair import Repair, repair
from ingest.run import ingest
from ingest.verify import Checks, verify

NAME = "Landcover-8379"
SPOT, FIRST, SECOND = f"{NAME}_SPOT", f"{NAME}_L2A_01", f"{NAME}_L2A_02"
Json = dict[str, Any]


class Catalog:
    """A small catalog that can be damaged."""

    def __init__(self, src: Path, database: DatabaseSettings, store: StoreSettings, quiet: Console) -> None:
        self.src, self.database, self.store, self.quiet = src, database, store, quiet
        self.objects = ObjectStore.open(store)
        self.checks = Checks(database, store)
        assert self.ingest().failures == []

    def ingest(self) -> Any:
        return ingest(Options(self.src, self.database, self.store), self.quiet)

    def verify(self, **options: Any) -> Any:
        return verify(replace(self.checks, **options), self.quiet)

    def hash(self) -> str:
        with connect(self.database) as connection:
            return catalog_hash(connection)

    def items(self) -> dict[str, Json]:
        with connect(self.database) as connection:
            return {item["id"]: item for item in StoredItems(connection).every()}

    def execute(self, query: str, *values: Any) -> None:
        with connect(self.database) as connection:
            connection.execute(query, values)

    def load(self, item: Json) -> None:
        with CatalogWriter(self.database) as writer:
            writer.load_items([item])

    def key(self, item: str, asset: str) -> str:
        key = self.objects.key(self.items()[item]["assets"][asset]["href"])
        assert key is not None
        return key

    def overwrite(self, item: str, asset: str, change: Any) -> None:
        key = self.key(item, asset)
        self.objects.put(key, change(self.objects.get(key)), "image/tiff")


@pytest.fixture
def held(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings, quiet: Console) -> Catalog:
    """One AOI, ingested: three items, fifteen objects."""
    return Catalog(tiny_dataset, database, file_store, quiet)


def told(findings: list[Finding]) -> set[tuple[str, str]]:
    """Kind, and item or name of the object."""
    return {(one.kind, one.href.rsplit("/", 1)[-1] or one.item) for one in findings}


def turned(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def damage(held: Catalog) -> set[tuple[str, str]]:
    """Do to a catalog what disks, people and bugs do; return what there is to be found."""
    items = held.items()
    held.objects.delete(held.key(SPOT, "ps"))
    held.overwrite(SPOT, "pan", lambda data: data[:-7])
    held.overwrite(FIRST, "clm", turned)
    held.execute("DELETE FROM pgstac.items WHERE id = %s", SECOND)
    held.execute(
        "UPDATE pgstac.items SET content = jsonb_set(content, '{properties,worldstrat:revisit}', '99') WHERE id = %s",
        FIRST,
    )
    held.load({**items[SECOND], "id": "by-hand"})
    return {
        ("missing object", f"{SPOT}_ps.tif"),
        ("wrong size", f"{SPOT}_pan.tif"),
        ("wrong content", f"{FIRST}_clm.tif"),
        ("missing item", SECOND),
        ("changed item", FIRST),
        ("invalid item", FIRST),
        ("unknown item", "by-hand"),
    }


def test_an_undisturbed_catalog_is_clean_and_all_of_it_was_looked_at(held: Catalog) -> None:
    found = held.verify()
    items = held.items().values()
    assets = [asset for item in items for asset in item["assets"].values()]
    assert found.is_clean
    assert (found.aois, found.items, found.objects) == (1, 3, len(assets))
    assert found.bytes == sum(asset["file:size"] for asset in assets)


def test_all_that_was_damaged_is_found_and_made_again_and_nothing_else_is_touched(held: Catalog) -> None:
    before = held.hash()
    expected = damage(held)
    kept = {meta.key for meta in held.objects.list()}

    assert told(held.verify().findings) == expected
    left = repair(Repair(held.checks, [str(held.src)]), held.quiet)

    # Who put an item there by hand knows why: it is named, and stays.
    assert told(left.findings) == {("unknown item", "by-hand")}
    assert kept <= {meta.key for meta in held.objects.list()}
    held.execute("DELETE FROM pgstac.items WHERE id = 'by-hand'")
    assert held.verify().is_clean
    assert held.hash() == before


def test_without_the_dataset_the_next_ingest_is_told_what_to_make_again(held: Catalog) -> None:
    before = held.hash()
    held.objects.delete(held.key(SPOT, "ps"))

    found = repair(Repair(held.checks), held.quiet)
    assert (found.marked, found.is_clean) == ([NAME], False)
    report = held.ingest()

    assert (report.skipped, report.failures) == (0, [])
    assert held.verify().is_clean
    assert held.hash() == before
    assert held.ingest().skipped == 1


def test_a_quick_look_sees_sizes_but_not_contents(held: Catalog) -> None:
    held.overwrite(FIRST, "clm", turned)
    held.overwrite(FIRST, "scl", lambda data: data + b"x")

    assert told(held.verify(quick=True).findings) == {("wrong size", f"{FIRST}_scl.tif")}
    assert told(held.verify().findings) == {("wrong size", f"{FIRST}_scl.tif"), ("wrong content", f"{FIRST}_clm.tif")}


def test_more_damage_than_can_be_listed_is_counted_and_made_again(
    held: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.verification.KEPT", 3)
    for meta in held.objects.list():
        held.objects.delete(meta.key)

    found = held.verify()
    assert (found.counts["missing object"], len(found.findings)) == (found.objects, 3)
    assert repair(Repair(held.checks, [str(held.src)]), held.quiet).is_clean


def test_an_object_in_another_store_is_no_object_that_was_checked(held: Catalog, tmp_path: Path) -> None:
    found = held.verify(store=StoreSettings(url=(tmp_path / "elsewhere").as_uri()))
    assert found.counts.keys() == {"foreign object"}
    assert found.counts["foreign object"] == found.objects


def test_images_and_models_that_no_ingest_made_have_their_objects_checked(held: Catalog) -> None:
    item = held.items()[FIRST]
    data = b"a super-resolved image"
    key = f"{COLLECTION_SR}/{FIRST}/{multihash(data)[4:16]}/{FIRST}_SR_x_1.tif"
    asset = {"href": held.objects.href(key), "file:size": len(data), "file:checksum": multihash(data)}
    with CatalogWriter(held.database) as writer:
        writer.load_collections([create_sr_collection().to_dict(include_self_link=False, transform_hrefs=False)])
    held.load({**item, "id": f"{FIRST}_SR_x_1", "collection": COLLECTION_SR, "assets": {"sr": asset}})
    held.objects.put(key, data, "image/tiff")
    assert held.verify().is_clean

    held.objects.delete(key)
    found = repair(Repair(held.checks, [str(held.src)]), held.quiet)

    # No dataset can bring it back, so nothing is made again in vain.
    assert told(found.findings) == {("missing object", f"{FIRST}_SR_x_1.tif")}
    assert (found.marked, found.repaired) == ([], [])

    held.objects.delete(held.key(SPOT, "ps"))
    found = repair(Repair(held.checks, [str(held.src)]), held.quiet)
    assert told(found.findings) == {("missing object", f"{FIRST}_SR_x_1.tif")}
    assert (found.marked, found.repaired) == ([], [NAME])


def test_the_snapshot_that_a_collection_names_is_looked_for(held: Catalog) -> None:
    asset = {"href": held.objects.href(f"{COLLECTION_SPOT}/snapshot/0123456789ab/items.parquet"), "file:size": 4}
    held.execute(
        "UPDATE pgstac.collections SET content = content || %s WHERE id = %s",
        Jsonb({"assets": {"snapshot": asset}}),
        COLLECTION_SPOT,
    )
    (finding,) = held.verify().findings
    assert (finding.kind, finding.item) == ("missing object", COLLECTION_SPOT)


def test_a_catalog_in_a_bucket_is_checked_and_repaired_alike(
    tiny_dataset: Path, database: DatabaseSettings, s3_store: StoreSettings, quiet: Console
) -> None:
    held = Catalog(tiny_dataset, database, s3_store, quiet)
    assert held.verify().is_clean
    held.objects.delete(held.key(SPOT, "ps"))
    held.overwrite(FIRST, "clm", turned)

    assert told(held.verify().findings) == {("missing object", f"{SPOT}_ps.tif"), ("wrong content", f"{FIRST}_clm.tif")}
    assert repair(Repair(held.checks, [str(held.src)]), quiet).repaired == [NAME]
    assert held.verify().is_clean


def test_a_store_that_does_not_answer_is_an_error_and_no_finding(held: Catalog) -> None:
    dead = StoreSettings.model_validate(
        {
            "url": "s3://bucket",
            "endpoint_url": "http://127.0.0.1:9",
            "access_key_id": "a",
            "secret_access_key": "b",
        }
    )
    held.execute(
        "UPDATE pgstac.items SET content = replace(content::text, %s, 's3://bucket')::jsonb", held.store.url.rstrip("/")
    )
    with pytest.raises(ObjectStoreError, match="Is the object store up"):
        held.verify(store=dead)


def test_while_an_ingest_writes_nothing_is_verified(held: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.lock.PATIENCE", 0.2)
    with connect(held.database) as connection:
        lock_catalog(connection)
        with pytest.raises(StateError, match="Another ingest"):
            held.verify()


def test_every_item_passes_every_schema_again(held: Catalog, shared: Path) -> None:
    assert held.verify(schemas=shared / "schemas").is_clean


def test_the_command_tells_and_exits_as_a_script_needs_it(held: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**database_env(held.database), **store_env(held.store)}.items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()
    clean = runner.invoke(main, ["verify"])
    assert (clean.exit_code, "All is as it was ingested" in clean.stdout) == (0, True)
    held.objects.delete(held.key(SPOT, "ps"))

    refused = runner.invoke(main, ["verify", "--json"])
    answer = json.loads(refused.stdout)
    assert (refused.exit_code, answer["clean"], answer["counts"]) == (1, False, {"missing object": 1})
    assert answer["findings"][0]["aoi"] == NAME
    assert "--repair" in runner.invoke(main, ["verify"]).stdout
    assert runner.invoke(main, ["verify", str(held.src)]).exit_code == 2

    mended = runner.invoke(main, ["verify", "--repair", str(held.src), "--workers", "1", "--json"])
    assert (mended.exit_code, json.loads(mended.stdout)["repaired"]) == (0, [NAME])


def test_items_of_other_collections_are_nobody_elses_business(held: Catalog) -> None:
    with CatalogWriter(held.database) as writer:
        document = create_sr_collection().to_dict(include_self_link=False, transform_hrefs=False)
        writer.load_collections([{**document, "id": "somebody-elses"}])
    asset = {"href": "https://example.org/x.tif"}
    held.load({**held.items()[FIRST], "collection": "somebody-elses", "assets": {"x": asset}})
    assert held.verify().is_clean
