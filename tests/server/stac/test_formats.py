"""Answers in other formats, against the JSON answer to the same search."""

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pystac
import pytest
import rustac
from shapely import from_wkt
from shapely.geometry import shape

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.stac.formats import FORMATS, MAX_ITEMS
from server.stac.geoparquet import MAX_ROWS

Item = dict[str, Any]
SPREAD = [name for name, each in FORMATS.items() if each.write]


def _json(http: httpx.Client, **params: Any) -> list[Item]:
    features: list[Item] = (
        http.get("/stac/search", params={"limit": 100} | params).raise_for_status().json()["features"]
    )
    return features


def _parse(answer: httpx.Response, tmp_path: Path) -> list[Item]:
    """Items of an answer in any format; of a row of CSV, its id."""
    kind = answer.headers["content-type"]
    if kind.startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    if kind == "application/vnd.apache.parquet":
        (tmp_path / "items.parquet").write_bytes(answer.content)
        items: list[Item] = rustac.read_sync(str(tmp_path / "items.parquet"))["features"]
        return items
    records = answer.content.split(b"\n")
    assert records.pop() == b""
    mark = b"\x1e" if kind == "application/geo+json-seq" else b""
    assert all(record.startswith(mark) for record in records)
    return [json.loads(record.removeprefix(mark)) for record in records]


@pytest.mark.parametrize("name", ["geojsonseq", "ndjson"])
def test_a_sequence_holds_the_items_of_the_json_answer(http: httpx.Client, name: str, tmp_path: Path) -> None:
    answer = http.get("/stac/search", params={"f": name}).raise_for_status()

    assert _parse(answer, tmp_path) == _json(http)


@pytest.mark.skipif(not shutil.which("ogrinfo"), reason="needs gdal-bin")
@pytest.mark.parametrize("name", ["geojsonseq", "ndjson"])
def test_gdal_opens_a_sequence(http: httpx.Client, catalog: Any, name: str, tmp_path: Path) -> None:
    answer = http.get(f"/stac/collections/{COLLECTION_SPOT}/items", params={"f": name}).raise_for_status()
    path = tmp_path / answer.headers["content-disposition"].split('"')[1]
    path.write_bytes(answer.content)

    told = subprocess.run(["ogrinfo", "-so", "-al", str(path)], capture_output=True, text=True, check=True).stdout

    assert "GeoJSONSeq" in told
    assert f"Feature Count: {catalog.aois}" in told


def test_geoparquet_holds_the_items_of_the_json_answer(http: httpx.Client, tmp_path: Path) -> None:
    answer = http.get("/stac/search", params={"f": "geoparquet"}).raise_for_status()

    read = _parse(answer, tmp_path)

    # Tuples for lists, and null for what another item has: else what went in.
    whole = {item["id"]: item for item in json.loads(json.dumps(read))}
    expected = _json(http)
    assert whole.keys() == {item["id"] for item in expected}
    for item in expected:
        again = whole[item["id"]]
        assert pystac.Item.from_dict(again).datetime == pystac.Item.from_dict(item).datetime
        for part in ("id", "collection", "geometry", "bbox", "links"):
            assert again[part] == item[part], part
        assert {key: asset["href"] for key, asset in again["assets"].items() if asset} == {
            key: asset["href"] for key, asset in item["assets"].items()
        }
        for name, value in item["properties"].items():
            if not name.endswith("datetime"):
                assert again["properties"].get(name) == value, name


def test_a_table_says_what_the_json_answer_says(http: httpx.Client, tmp_path: Path) -> None:
    answer = http.get("/stac/search", params={"f": "csv"}).raise_for_status()

    rows, items = _parse(answer, tmp_path), _json(http)

    assert [row["id"] for row in rows] == [item["id"] for item in items]
    for row, item in zip(rows, items, strict=True):
        assert row["collection"] == item["collection"]
        assert [float(row[side]) for side in ("west", "south", "east", "north")] == item["bbox"]
        centre = shape(item["geometry"]).centroid
        assert (float(row["lon"]), float(row["lat"])) == pytest.approx((centre.x, centre.y), abs=1e-6)
        assert from_wkt(row["geometry"]).equals(shape(item["geometry"]))
        for name, value in item["properties"].items():
            cell = row[name]
            if value is None or isinstance(value, str):
                assert cell == (value or "")
            else:
                assert json.loads(cell) == value, name
        hrefs = {name.split(".")[1]: cell for name, cell in row.items() if name.startswith("assets.") and cell}
        assert hrefs == {key: asset["href"] for key, asset in item["assets"].items()}
        assert http.head(next(iter(hrefs.values()))).status_code == 200


def test_a_table_has_the_columns_that_fields_ask_for(http: httpx.Client) -> None:
    def head(fields: str) -> str:
        params = {"f": "csv", "fields": fields, "collections": COLLECTION_L2A}
        return http.get("/stac/search", params=params).raise_for_status().text.split("\r\n", 1)[0]

    assert head("id,properties.worldstrat:ipcc") == "id,worldstrat:ipcc"
    assert "assets." not in head("-assets")
    assert "assets.data.href" in head("-properties")


def test_no_cell_is_a_formula(catalog: Any, http: httpx.Client) -> None:
    item_id = _json(http, collections=COLLECTION_SPOT)[0]["id"]
    evil = {"title": "=HYPERLINK(1)", "-note": "+1", "worldstrat:lccs_label": "\tx", "platform": "@a", "gsd": -1.5}
    change = "UPDATE pgstac.items SET content = %s::jsonb WHERE id = %s"
    with psycopg.connect(catalog.database.dsn, autocommit=True) as connection:
        (kept,) = connection.execute("SELECT content FROM pgstac.items WHERE id = %s", (item_id,)).fetchone() or ({},)
        changed = kept | {"properties": kept["properties"] | evil}
        connection.execute(change, (json.dumps(changed), item_id))
        try:
            text = http.get("/stac/search", params={"f": "csv", "ids": item_id}).raise_for_status().text
        finally:
            connection.execute(change, (json.dumps(kept), item_id))

    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert [row[name] for name in ("title", "'-note", "worldstrat:lccs_label", "platform", "gsd")] == [
        "'=HYPERLINK(1)", "'+1", "'\tx", "'@a", "-1.5",
    ]  # fmt: skip


@pytest.mark.parametrize("name", SPREAD)
def test_links_lead_through_all_items_once(http: httpx.Client, catalog: Any, name: str, tmp_path: Path) -> None:
    url: httpx.URL | str | None = "/stac/search"
    params: dict[str, Any] | None = {"f": name, "limit": 7}
    ids: list[str] = []
    while url:
        answer = http.get(url, params=params).raise_for_status()
        page = _parse(answer, tmp_path)
        assert int(answer.headers["ogc-numbermatched"]) == catalog.items
        assert int(answer.headers["ogc-numberreturned"]) == len(page) <= 7
        ids += [item["id"] for item in page]
        url, params = answer.links.get("next", {}).get("url"), None

    assert ids == [item["id"] for item in _json(http)]


@pytest.mark.parametrize("name", SPREAD)
def test_a_body_is_answered_alike_and_goes_on_with_a_token(http: httpx.Client, name: str, tmp_path: Path) -> None:
    body = {"collections": [COLLECTION_L2A], "limit": 5}
    first = http.post("/stac/search", params={"f": name}, json=body).raise_for_status()
    rest = http.post("/stac/search", params={"f": name}, json={**body, "token": first.headers["worldstrat-next-token"]})

    ids = [item["id"] for answer in (first, rest) for item in _parse(answer, tmp_path)]

    assert ids == [item["id"] for item in _json(http, collections=COLLECTION_L2A)]
    assert "worldstrat-next-token" not in rest.headers
    everything = http.post("/stac/search", params={"f": name}, json={"collections": [COLLECTION_L2A]})
    assert len(_parse(everything, tmp_path)) == len(ids)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        *((each.media_types[0], each.media_types[0]) for each in FORMATS.values()),
        ("*/*", "application/geo+json"),
        ("", "application/geo+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/geo+json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv;q=0, application/geo+json", "application/geo+json"),
        ("application/x-parquet", "application/vnd.apache.parquet"),
    ],
)
def test_the_header_accept_chooses(http: httpx.Client, accept: str, media_type: str) -> None:
    answer = http.get("/stac/search", params={"limit": 1}, headers={"accept": accept}).raise_for_status()

    assert answer.headers["content-type"].split(";")[0] == media_type


def test_f_wins_over_the_header(http: httpx.Client) -> None:
    answer = http.get("/stac/search", params={"f": "json", "limit": 1}, headers={"accept": "text/csv"})

    assert answer.json()["type"] == "FeatureCollection"


def test_formats_that_there_are_not_are_refused_with_those_that_there_are(http: httpx.Client) -> None:
    unknown = http.get("/stac/search", params={"f": "shapefile"})
    unaccepted = http.get("/stac/search", headers={"accept": "image/png"})

    assert (unknown.status_code, unaccepted.status_code) == (400, 406)
    assert all(name in unknown.json()["description"] for name in FORMATS)
    assert "text/csv" in unaccepted.json()["description"]


@pytest.mark.parametrize("name", SPREAD)
def test_a_search_without_meaning_is_refused_in_every_format(http: httpx.Client, name: str) -> None:
    assert http.get("/stac/search", params={"f": name, "filter": "gsd >"}).status_code == 400
    assert http.get("/stac/search", params={"f": name, "token": "next:no:no"}).status_code in {200, 400, 404}
    assert http.get("/stac/collections/none/items", params={"f": name}).status_code == 404


def test_nothing_found_is_an_empty_answer_where_the_format_can_say_so(http: httpx.Client) -> None:
    def empty(name: str) -> httpx.Response:
        return http.get("/stac/search", params={"f": name, "ids": "none"})

    assert (empty("ndjson").status_code, empty("ndjson").content) == (200, b"")
    assert empty("csv").text.startswith("id,collection,")
    assert empty("geoparquet").status_code == 404


def test_geoparquet_of_parts_of_items_is_refused(http: httpx.Client) -> None:
    answer = http.get("/stac/search", params={"f": "geoparquet", "fields": "id"})

    assert answer.status_code == 400
    assert "fields" in answer.json()["description"]


def test_an_answer_that_the_client_has_is_304(http: httpx.Client) -> None:
    first = http.get("/stac/search", params={"f": "csv"})

    again = http.get("/stac/search", params={"f": "csv"}, headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_a_limit_beyond_the_greatest_is_the_greatest(http: httpx.Client, catalog: Any) -> None:
    assert MAX_ROWS < MAX_ITEMS
    answer = http.get("/stac/search", params={"f": "ndjson", "limit": 10_000})

    assert int(answer.headers["ogc-numberreturned"]) == catalog.items
