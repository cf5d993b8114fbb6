from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from server.settings import ServerSettings


@pytest.mark.parametrize("path", ["info", "preview.png", "tiles/WebMercatorQuad/14/1/1.png", "renders", "point/1,1"])
def test_an_unknown_item_is_not_found(http: httpx.Client, spot: Any, path: str) -> None:
    for url in (f"/raster/collections/{spot.collection}/items/unknown", "/raster/collections/unknown/items/unknown"):
        answer = http.get(f"{url}/{path}")
        assert answer.status_code == 404
        assert "unknown" in answer.json()["description"]


def test_a_missing_object_a_broken_one_and_a_foreign_one_are_told_apart(
    catalog: Any, serve: Any, tmp_path: Path, spot: Any
) -> None:
    whole = ObjectStore.open(catalog.store)
    store = StoreSettings(url=catalog.store.url)
    (key,) = (meta.key for meta in whole.list(f"{spot.collection}/{spot.aoi.slug}") if meta.key.endswith("_ps.tif"))
    original = whole.get(key)
    cases = {
        "broken": (original[: len(original) // 3], 502),
        "garbage": (b"no TIFF at all", 502),
        "missing": (None, 502),
    }
    try:
        for name, (data, status) in cases.items():
            whole.delete(key)
            if data is not None:
                whole.put(key, data, "image/tiff")
            answer = serve(catalog.settings()).get(f"{spot.url}/preview.png")
            assert answer.status_code == status, name
            assert spot.item in answer.json()["description"]
            assert store.url not in answer.text, "a stranger is not told where objects lie"
    finally:
        whole.put(key, original, "image/tiff")
    elsewhere = ServerSettings(database=catalog.database, store=StoreSettings(url=tmp_path.as_uri()))
    assert serve(elsewhere).get(f"{spot.url}/preview.png").status_code == 502


def test_a_store_that_does_not_answer_is_said_to_be_so(catalog: Any, serve: Any, spot: Any) -> None:
    with psycopg.connect(catalog.database.dsn, options="-c search_path=pgstac,public") as connection:
        href = connection.execute("select content->'assets'->'ps'->>'href' from items where id = %s", (spot.item,))
        bucket = "s3://bucket"
        row = href.fetchone()
        assert row
        moved = row[0].replace(catalog.store.url, bucket)
        _set_href(connection, spot.item, moved)
        connection.commit()
        try:
            dead = StoreSettings(
                url=bucket, endpoint_url="http://127.0.0.1:9", access_key_id="a", secret_access_key="b"
            )
            answer = serve(ServerSettings(database=catalog.database, store=dead)).get(f"{spot.url}/preview.png")
        finally:
            _set_href(connection, spot.item, row[0])
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "127.0.0.1:9" not in answer.text


def test_a_database_that_stops_answering_is_said_to_be_so(
    postgres: Any, catalog: Any, database: DatabaseSettings, serve: Any, spot: Any
) -> None:
    http = serve(ServerSettings(database=database, store=catalog.store, pool_timeout=1))
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as connection:
        connection.execute(f"alter database {database.database} allow_connections false")
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (database.database,)
        )
        answer = http.get(f"{spot.url}/preview.png")
        connection.execute(f"alter database {database.database} allow_connections true")
    assert answer.status_code == 503


def _set_href(connection: psycopg.Connection[Any], item: str, href: str) -> None:
    connection.execute(
        "update items set content = jsonb_set(content, '{assets,ps,href}', to_jsonb(%s::text)) where id = %s",
        (href, item),
    )
