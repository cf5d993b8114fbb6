import json
from typing import Any

import httpx
import psycopg
import pytest

from server.app import create_app


def test_a_tile_has_a_strong_tag_and_is_not_sent_twice(http: httpx.Client, published: Any) -> None:
    url = f"{published.url}/tiles/WebMercatorQuad/{published.middle()}.png"
    first = http.get(url)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert "max-age" in first.headers["cache-control"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}'):
        again = http.get(url, headers={"if-none-match": sent})
        assert again.status_code == 304
        assert again.headers["etag"] == tag
        assert not again.content
    assert http.get(url, headers={"if-none-match": '"other"'}).content == first.content


def test_other_parameters_have_other_tags(http: httpx.Client, spot: Any) -> None:
    urls = [f"{spot.url}/preview.png{query}" for query in ("", "?render=ndvi", "?rescale=0,1", "?max_size=99")]
    assert len({http.get(url).headers["etag"] for url in urls}) == len(urls)


def test_what_fails_has_no_tag(http: httpx.Client, spot: Any) -> None:
    assert "etag" not in http.get(f"{spot.url}/preview.png?bands=unknown").headers
    assert "etag" not in http.get(f"{spot.url}/tiles/WebMercatorQuad/14/0/0.png").headers


@pytest.mark.parametrize("table", ["items", "collections"])
def test_a_tag_changes_with_the_object_and_with_the_stored_renders(
    catalog: Any, serve: Any, spot: Any, table: str
) -> None:
    app = create_app(catalog.settings())
    http = serve(app)
    url = f"{spot.url}/preview.png"
    before = http.get(url).headers["etag"]
    path = {"items": "{assets,ps,file:checksum}", "collections": "{renders,true-color,title}"}[table]
    key = spot.item if table == "items" else spot.collection
    read = f"select content #> '{path}' from {table} where id = %s"  # noqa: S608 - both are written above
    write = f"update {table} set content = jsonb_set(content, '{path}', %s) where id = %s"  # noqa: S608
    with psycopg.connect(catalog.database.dsn, options="-c search_path=pgstac,public") as connection:
        row = connection.execute(read, (key,)).fetchone()
        assert row
        connection.execute(write, (json.dumps("new"), key))
        connection.commit()
        app.state.raster.records.clear()
        assert http.get(url).headers["etag"] != before
        connection.execute(write, (json.dumps(row[0]), key))
    app.state.raster.records.clear()
    assert http.get(url).headers["etag"] == before
