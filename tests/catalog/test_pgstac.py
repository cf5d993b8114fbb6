"""Into a real pgSTAC and back."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import scalar_row

from catalog.asset import RasterFacts
from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import DatabaseError, ReceiptError
from catalog.item import create_sentinel2_item, create_spot_item
from catalog.metadata import Aoi
from catalog.pgstac import CatalogWriter
from catalog.queryables import COUNTED, COUNTED_KEY
from catalog.settings import DatabaseSettings

Rasters = dict[str, list[RasterFacts]]

Json = dict[str, Any]


@pytest.fixture
def writer(database: DatabaseSettings) -> Iterator[CatalogWriter]:
    with CatalogWriter(database) as opened:
        opened.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
        yield opened


@pytest.fixture
def items(rasters: Rasters, aoi: Aoi) -> list[Json]:
    made = [create_spot_item(aoi, rasters["SPOT"])]
    made += [create_sentinel2_item(aoi, revisit, "L2A", rasters["L2A"]) for revisit in aoi.revisits]
    return [item.to_dict(include_self_link=False) for item in made]


def ask(database: DatabaseSettings, query: str, *values: Any) -> Any:
    """The first value that a query of a connection of its own gives."""
    options = "-c search_path=pgstac,public"
    with psycopg.connect(database.dsn, options=options, row_factory=scalar_row) as connection:
        return connection.execute(query, values).fetchone()


def test_an_item_comes_back_as_it_went_in(database: DatabaseSettings, writer: CatalogWriter, items: list[Json]) -> None:
    writer.load_items(items)
    for item in items:
        stored = ask(database, "SELECT content_hydrate(i) FROM items i WHERE id = %s", item["id"])
        assert stored["properties"] == item["properties"]
        assert stored["assets"] == item["assets"]
        assert stored["bbox"] == item["bbox"]
        assert stored["links"] == item["links"]


def test_a_second_load_changes_nothing(database: DatabaseSettings, writer: CatalogWriter, items: list[Json]) -> None:
    writer.load_items(items)
    rows = "SELECT array_agg(xmin::text ORDER BY id) FROM items"
    before = ask(database, rows)
    writer.load_items(items)
    assert ask(database, rows) == before
    assert ask(database, "SELECT count(*) FROM items WHERE collection = %s", COLLECTION_L2A) == 2


def test_a_changed_item_replaces_the_old_one(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    items[0]["properties"]["worldstrat:split"] = "test"
    writer.load_items(items)
    split = "SELECT content->'properties'->>'worldstrat:split' FROM items WHERE id = %s"
    assert ask(database, split, items[0]["id"]) == "test"


def test_pgstac_searches_by_our_properties(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    for text, matched in (("Amnesty", 3), ("UNHCR", 0)):
        clause = {"op": "=", "args": [{"property": "worldstrat:source"}, text]}
        found = ask(database, "SELECT search(%s::jsonb)", psycopg.types.json.Jsonb({"filter": clause}))
        assert len(found["features"]) == matched


@pytest.mark.parametrize(
    ("words", "matched"),
    [
        ("Amnesty", 3), ("amnesty OR camp", 3), ('"human rights"', 3), ("rights human", 0), ("Settlement", 3),
        ("Urban areas", 3), ("POI-1-1-1", 3), ("POI-1-1-2", 0), ("spot", 1), ("L2A", 2), ("forest", 0),
    ],
)  # fmt: skip
def test_pgstac_finds_items_by_words(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json], words: str, matched: int
) -> None:
    writer.load_items(items)
    found = ask(database, "SELECT search(%s::jsonb)", psycopg.types.json.Jsonb({"q": words}))
    assert len(found["features"]) == matched


def test_pgstac_looks_for_words_in_an_index(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    condition = ask(database, "SELECT stac_search_to_where(%s::jsonb)", psycopg.types.json.Jsonb({"q": "camp"}))
    with psycopg.connect(database.dsn, options="-c search_path=pgstac,public -c enable_seqscan=off") as connection:
        plan = connection.execute(f"EXPLAIN SELECT id FROM items WHERE {condition}").fetchall()  # noqa: S608 - pgSTAC's
    assert any("Index Cond" in line and "to_tsvector" in line for (line,) in plan)


def test_what_is_counted_stands_beside_the_item_and_is_not_published(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    for item in items:
        private = ask(database, "SELECT private FROM items WHERE id = %s", item["id"])
        counted = {name: item["properties"][name] for name in COUNTED if name in item["properties"]}
        assert private == {COUNTED_KEY: counted}
        assert "private" not in ask(database, "SELECT content_hydrate(i) FROM items i WHERE id = %s", item["id"])


def test_extents_and_summaries_follow_the_items(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    writer.update_collections()
    content = ask(database, "SELECT content FROM collections WHERE id = %s", COLLECTION_L2A)
    assert content["extent"]["spatial"]["bbox"][0] == pytest.approx([13.0, 11.0, 13.016, 11.016])
    assert [when[:10] for when in content["extent"]["temporal"]["interval"][0]] == ["2019-12-01", "2019-12-02"]
    assert content["summaries"]["worldstrat:source"] == ["Amnesty"]
    assert content["summaries"]["worldstrat:revisit"] == {"minimum": 1, "maximum": 2}
    assert content["summaries"]["constellation"] == ["sentinel-2"]


def test_loading_the_collections_again_keeps_what_items_told(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    writer.update_collections()
    query = "SELECT content FROM collections WHERE id = %s"
    before = ask(database, query, COLLECTION_SPOT)
    writer.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
    assert ask(database, query, COLLECTION_SPOT) == before


def test_an_empty_collection_keeps_the_extent_of_the_dataset(database: DatabaseSettings, writer: CatalogWriter) -> None:
    writer.update_collections()
    content = ask(database, "SELECT content FROM collections WHERE id = %s", COLLECTION_SPOT)
    assert content["extent"]["spatial"]["bbox"] == [[-180, -90, 180, 90]]


@pytest.mark.parametrize(
    "fault",
    ["RETURN NULL", """NEW.content := jsonb_set(NEW.content, '{properties,worldstrat:split}', '"test"'); RETURN NEW"""],
)
def test_items_that_did_not_arrive_as_they_were_sent_fail_the_load(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json], fault: str
) -> None:
    # A trigger of the database's own that drops or changes rows is a loss that pypgstac would not tell of.
    with psycopg.connect(database.dsn, options="-c search_path=pgstac,public") as connection:
        connection.execute(f"CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {fault}; END$$")
        connection.execute("CREATE TRIGGER lose BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION lose()")
    with pytest.raises(ReceiptError, match="3 of 3 items are not in pgSTAC as they were loaded"):
        writer.load_items(items)


def test_a_stopped_database_is_one_clear_error() -> None:
    with pytest.raises(DatabaseError, match=r"PostgreSQL at 127\.0\.0\.1:9/worldstrat .*[Cc]onnection refused"):
        CatalogWriter(DatabaseSettings(host="127.0.0.1", port=9))


def test_a_database_without_pgstac_says_how_to_get_it(database: DatabaseSettings) -> None:
    bare = database.model_copy(update={"database": "postgres"})
    with CatalogWriter(bare) as writer, pytest.raises(DatabaseError, match=r"'postgres' has no pgSTAC.*worldstrat up"):
        writer.load_collections([])
